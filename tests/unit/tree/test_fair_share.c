/* SPDX-License-Identifier: MIT */
#include "tree/fair_share.h"

#include <stdio.h>

#include "suites.h"

static struct selection selection;
static struct tree tree;
static uint64_t inode;

static void setup(void) {
  selection = (struct selection){0};
  tree = (struct tree){.selection = &selection};
  inode = 0;
}

static void teardown(void) { tree_release(&tree); }

static struct cgroup *add(struct cgroup *parent) {
  struct cgroup *added = NULL;
  char name[32];

  (void)snprintf(name, sizeof(name), "%d", (int)++inode);
  ck_assert_int_eq(
      tree_add(&tree, parent, parent != NULL ? name : "", inode, &added), 0);
  return added;
}

static void add_many(struct cgroup *parent, int count) {
  while (count-- > 0)
    (void)add(parent);
}

static void divide(size_t limit) {
  ck_assert_int_eq(fair_share_divide(&tree, limit), 0);
}

START_TEST(all_stay_where_there_is_room) {
  struct cgroup *root = add(NULL);
  struct cgroup *a = add(root);

  add_many(a, 7);
  divide(9);
  for (size_t i = 0; i < tree.count; i++)
    ck_assert_uint_ge(tree_order(&tree)[i]->share, 1);
}
END_TEST

START_TEST(small_subtrees_lose_nothing_to_large_ones) {
  struct cgroup *root = add(NULL);
  struct cgroup *tenant = add(root);
  add_many(tenant, 10000);
  struct cgroup *small = add(root);
  add_many(small, 10);
  struct cgroup *large = add(root);
  add_many(large, 2000);

  divide(1012);
  ck_assert_uint_eq(small->share, 11);
  ck_assert_uint_eq(tenant->share, 500);
  ck_assert_uint_eq(large->share, 500);
}
END_TEST

START_TEST(the_older_of_equals_stay) {
  struct cgroup *root = add(NULL);
  struct cgroup *first = add(root);
  struct cgroup *second = add(root);
  struct cgroup *third = add(root);

  divide(3);
  ck_assert_uint_eq(first->share, 1);
  ck_assert_uint_eq(second->share, 1);
  ck_assert_uint_eq(third->share, 0);
}
END_TEST

static struct cgroup *largest_child(const struct cgroup *parent) {
  struct cgroup *largest = parent->first_child;

  for (struct cgroup *child = largest; child != NULL; child = child->next)
    if (child->size > largest->size ||
        (child->size == largest->size && child->birth > largest->birth))
      largest = child;
  return largest;
}

/* Finds the same cgroups in another way: removes one leaf at a time, each from
 * the largest subtree on every level. */
static void remove_one_by_one(size_t limit) {
  while (tree.count > limit) {
    struct cgroup *leaving = tree.root;
    while (leaving->first_child != NULL)
      leaving = largest_child(leaving);
    tree_remove(&tree, leaving);
  }
}

#define LARGEST 300

static unsigned next_random(unsigned *state) {
  *state = *state * 1103515245U + 12345U;
  return *state >> 16;
}

START_TEST(places_are_those_of_the_smaller) {
  struct cgroup *root = add(NULL);
  struct cgroup *large = add(root);
  add_many(large, 5);
  struct cgroup *small = add(root);
  struct cgroup *deep = add(small);

  /* There is room for all. */
  ck_assert_uint_eq(fair_share_for(&tree, 20, large, 11), 11);
  /* Nine places are divided between two. One place is for the cgroup itself. */
  ck_assert_uint_eq(fair_share_for(&tree, 10, small, 100), 2);
  ck_assert_uint_eq(fair_share_for(&tree, 10, deep, 100), 2);
  ck_assert_uint_eq(fair_share_for(&tree, 10, deep, 1), 1);
  ck_assert_uint_eq(fair_share_for(&tree, 10, large, 100), 1);
  /* A third child would get one place, but the existing children are older. */
  ck_assert_uint_eq(fair_share_for(&tree, 10, root, 100), 7);
  ck_assert_uint_eq(fair_share_for(&tree, 3, root, 100), 0);
  ck_assert_uint_eq(fair_share_for(&tree, 1, deep, 1), 0);
}
END_TEST

/* Finds the same number in another way: adds all, then removes those that have
 * to leave.
 */
START_TEST(places_are_those_that_stay) {
  unsigned random = (unsigned)_i;
  struct cgroup *all[LARGEST] = {add(NULL)};
  size_t count = 1 + next_random(&random) % (LARGEST / 2);
  size_t wanted = 1 + next_random(&random) % (LARGEST / 2);

  for (size_t i = 1; i < count; i++)
    all[i] = add(all[next_random(&random) % (_i % 2 == 0 ? i : (i + 3) / 4)]);
  size_t limit = 1 + next_random(&random) % (count + wanted);
  struct cgroup *parent = all[next_random(&random) % count];
  size_t places = fair_share_for(&tree, limit, parent, wanted);

  add_many(parent, (int)wanted);
  remove_one_by_one(limit);
  size_t stay = 0;
  if (!parent->removed)
    for (struct cgroup *child = parent->first_child; child != NULL;
         child = child->next)
      stay += child->birth >= count;
  /* If an equal share does not come out even, one place can be lost. */
  ck_assert_uint_le(places, stay);
  ck_assert_uint_ge(places + 1, stay);
}
END_TEST

START_TEST(those_stay_who_are_not_in_the_largest_subtrees) {
  unsigned random = (unsigned)_i;
  struct cgroup *all[LARGEST] = {add(NULL)};
  uint32_t room[LARGEST];
  size_t count = 1 + next_random(&random) % (LARGEST - 1);
  size_t limit = 1 + next_random(&random) % count;

  for (size_t i = 1; i < count; i++)
    all[i] = add(all[next_random(&random) % (_i % 2 == 0 ? i : (i + 3) / 4)]);
  divide(limit);
  for (size_t i = 0; i < count; i++)
    room[i] = all[i]->share;

  remove_one_by_one(limit);
  for (size_t i = 0; i < count; i++) {
    bool stays = room[i] > 0;
    for (struct cgroup *above = all[i]; above != NULL; above = above->parent)
      stays = stays && room[above->inode - 1] > 0;
    ck_assert_int_eq(stays, !all[i]->removed);
    if (stays)
      ck_assert_uint_eq(room[i], all[i]->size);
  }
}
END_TEST

Suite *fair_share_suite(void) {
  return suite_of(
      "fair_share", setup, teardown, ONCE(all_stay_where_there_is_room),
      ONCE(small_subtrees_lose_nothing_to_large_ones),
      ONCE(the_older_of_equals_stay), ONCE(places_are_those_of_the_smaller),
      TIMES(places_are_those_that_stay, 200),
      TIMES(those_stay_who_are_not_in_the_largest_subtrees, 200));
}
