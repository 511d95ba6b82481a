/* SPDX-License-Identifier: MIT */
#include "tree/past_lives.h"

#include <stdio.h>

#include "suites.h"

#define SECOND UINT64_C(1000000000)
/* The latest report. */
#define SINCE (10 * SECOND)

static struct selection selection;
static struct tree tree;
static struct past_lives lives;
static struct cgroup *root;
static uint64_t inode;

static void consider(void *context, struct cgroup *cgroup) {
  (void)context;
  past_lives_consider(&lives, cgroup, SINCE);
}

static struct cgroup *add(struct cgroup *parent, const char *name) {
  struct cgroup *added = NULL;

  ck_assert_int_eq(tree_add(&tree, parent, name, ++inode, &added), 0);
  return added;
}

static void setup(void) {
  selection = (struct selection){0};
  tree = (struct tree){.selection = &selection, .on_remove = consider};
  lives = (struct past_lives){.most = 100};
  root = add(NULL, "");
}

static void teardown(void) {
  tree_remove(&tree, tree.root);
  past_lives_end(&lives, &tree);
  ck_assert_uint_eq(lives.count, 0);
  tree_release(&tree);
}

/* It had used 1000 µs at the latest report, and so much more since then. */
static struct cgroup *use(struct cgroup *cgroup, uint64_t usec) {
  ck_assert_ptr_nonnull(past_lives_samples(cgroup));
  cgroup->use.rate =
      (struct rate){.known = true, .count = 1000, .time_nsec = SINCE};
  cgroup->samples->peak.latest = (struct rate){
      .known = true, .count = 1000 + usec, .time_nsec = SINCE + SECOND};
  cgroup->samples->peak.known = true;
  cgroup->samples->peak.millicores = (double)usec;
  return cgroup;
}

static bool leaves_only;

static bool is_reported(const void *context, const struct cgroup *cgroup) {
  (void)context;
  return cgroup->selected && !(leaves_only && cgroup->selected_below);
}

static void begin(bool leaves) {
  leaves_only = leaves;
  ck_assert_ptr_nonnull(tree_order(&tree));
  past_lives_begin(&lives, &tree, leaves, is_reported, NULL);
}

static size_t own_values(void) {
  struct cgroup *cgroup = NULL;
  size_t count = 0;

  while ((cgroup = past_lives_next(&lives, cgroup)) != NULL)
    count++;
  return count;
}

START_TEST(what_was_used_since_the_latest_report) {
  struct cgroup *a = use(add(root, "a"), 500);
  uint64_t usec = 0;

  ck_assert(past_lives_use(a, SINCE, &usec));
  ck_assert_uint_eq(usec, 500);
  tree_remove(&tree, a);
  tree_settle(&tree);
  ck_assert_uint_eq(lives.count, 1);
  /* So it was when it was alive. */
  a->samples->is_given = true;
  begin(false);
  ck_assert(!a->samples->is_given);
  ck_assert_ptr_eq(past_lives_next(&lives, NULL), a);
  ck_assert_uint_eq(own_values(), 1);
  ck_assert_str_eq(a->instance, "a");
  ck_assert_ptr_eq(past_lives_ancestor(a), root);
}
END_TEST

START_TEST(what_is_not_known_is_not_kept) {
  struct cgroup *a = add(root, "a");
  struct cgroup *b = use(add(root, "b"), 500);
  struct cgroup *c = use(add(root, "c"), 500);
  struct cgroup *d = use(add(root, "d"), 500);
  struct cgroup *e = use(add(root, "e"), 500);
  struct cgroup *f = use(add(root, "f"), 500);
  struct cgroup *g = use(add(root, "g"), 500);

  (void)a;
  b->waits = true;
  c->selected = false;
  d->use.rate.known = false;
  /* That report could not read it. */
  e->use.rate.time_nsec = SINCE - 1;
  f->samples->peak.latest.count = 999;
  g->samples->peak.latest.time_nsec = SINCE;
  while (root->first_child != NULL)
    tree_remove(&tree, root->first_child);
  tree_settle(&tree);
  ck_assert_uint_eq(lives.count, 0);
}
END_TEST

START_TEST(not_more_than_allowed) {
  struct cgroup *a = add(root, "a");
  char name[16];

  lives.most = 3;
  for (int i = 0; i < 10; i++) {
    (void)snprintf(name, sizeof(name), "%d", i);
    tree_remove(&tree, use(add(a, name), 1));
  }
  ck_assert_uint_eq(lives.count, 3);
  /* What is above them is kept, so that their paths are known. */
  tree_remove(&tree, a);
  tree_settle(&tree);
  ck_assert_uint_eq(lives.count, 4);
  begin(false);
  ck_assert_uint_eq(own_values(), 3);
  ck_assert_str_eq(past_lives_next(&lives, NULL)->parent->component, "a");
}
END_TEST

START_TEST(several_lives_are_one_value) {
  struct cgroup *youngest = NULL;

  for (int i = 1; i <= 3; i++) {
    youngest = use(add(root, "a"), (uint64_t)i * 100);
    tree_remove(&tree, youngest);
    tree_settle(&tree);
  }
  begin(false);
  ck_assert_uint_eq(own_values(), 1);
  ck_assert_ptr_eq(past_lives_next(&lives, NULL), youngest);
  ck_assert_uint_eq(youngest->samples->past_usec, 300);
  ck_assert_double_eq(youngest->samples->peak.millicores, 300);
}
END_TEST

START_TEST(the_living_one_has_the_value) {
  tree_remove(&tree, use(add(root, "a"), 100));
  tree_remove(&tree, use(add(root, "a"), 50));
  tree_settle(&tree);
  struct cgroup *living = add(root, "a");
  living->waits = _i == 1;
  begin(false);
  if (living->waits) {
    ck_assert_uint_eq(own_values(), 1);
    ck_assert_ptr_null(living->samples);
    return;
  }
  ck_assert_uint_eq(own_values(), 0);
  ck_assert_uint_eq(living->samples->past_usec, 150);
  ck_assert_double_eq(living->samples->peak.millicores, 100);
  past_lives_pass_up(&lives);
  ck_assert_uint_eq(root->use.below_usec, 0);
  /* Only if it had one. */
  living->samples->is_given = true;
  past_lives_pass_up(&lives);
  ck_assert_uint_eq(root->use.below_usec, 150);
}
END_TEST

/* With LeavesOnly, what had leaves in this interval is not one itself. */
START_TEST(a_parent_of_past_lives_is_no_leaf) {
  struct cgroup *a = use(add(root, "a"), 1000);
  struct cgroup *b = add(root, "b");

  tree_remove(&tree, use(add(a, "1"), 100));
  tree_remove(&tree, use(add(b, "2"), 200));
  tree_settle(&tree);
  ck_assert_ptr_nonnull(tree_order(&tree));
  tree_remove(&tree, a);
  tree_settle(&tree);
  begin(true);
  ck_assert(b->selected_below);
  ck_assert_uint_eq(own_values(), 2);
  for (struct cgroup *cgroup = NULL;
       (cgroup = past_lives_next(&lives, cgroup)) != NULL;) {
    ck_assert_ptr_ne(cgroup, a);
    cgroup->samples->is_given = true;
  }
  past_lives_pass_up(&lives);
  ck_assert_uint_eq(b->use.below_usec, 200);
  ck_assert_uint_eq(root->use.below_usec, 100);
  /* For the next report it is one again. */
  past_lives_end(&lives, &tree);
  ck_assert_ptr_nonnull(tree_order(&tree));
  ck_assert(!b->selected_below);
}
END_TEST

Suite *past_lives_suite(void) {
  return suite_of(
      "past_lives", setup, teardown,
      ONCE(what_was_used_since_the_latest_report),
      ONCE(what_is_not_known_is_not_kept), ONCE(not_more_than_allowed),
      ONCE(several_lives_are_one_value), TIMES(the_living_one_has_the_value, 2),
      ONCE(a_parent_of_past_lives_is_no_leaf));
}
