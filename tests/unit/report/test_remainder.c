/* SPDX-License-Identifier: MIT */
#include "report/remainder.h"

#include "recorder.h"
#include "suites.h"

#define SECOND UINT64_C(1000000000)
#define TICK UINT64_C(10000)

static struct selection selection;
static struct tree tree;
static struct recorder recorder;
/* The root has two children, and the first of them has one. */
static struct cgroup *root;
static struct cgroup *a;
static struct cgroup *a_b;
static struct cgroup *c;
/* The pass that is reported; each takes no time. */
static uint64_t pass;

static struct cgroup *add(struct cgroup *parent, const char *name) {
  static uint64_t inode;
  struct cgroup *added = NULL;

  ck_assert_int_eq(tree_add(&tree, parent, name, ++inode, &added), 0);
  return added;
}

static void setup(void) {
  selection = (struct selection){0};
  tree = (struct tree){.selection = &selection};
  root = add(NULL, "");
  a = add(root, "a");
  a_b = add(a, "b");
  c = add(root, "c");
  pass = 10;
}

static void teardown(void) { tree_release(&tree); }

/* The use in an interval that began this many passes ago; with 0, the interval
 * is not known. */
static void use(struct cgroup *cgroup, uint64_t usec, uint64_t passes) {
  cgroup->use.rate = (struct rate){.known = true, .time_nsec = pass * SECOND};
  cgroup->use.interval = (struct rate_interval){
      .delta = passes > 0 ? usec : 0, .elapsed_nsec = passes * SECOND};
}

static void set_uses(uint64_t of_root, uint64_t of_a, uint64_t of_b,
                     uint64_t of_c) {
  use(root, of_root, 1);
  use(a, of_a, 1);
  use(a_b, of_b, 1);
  use(c, of_c, 1);
}

static void report(void) {
  struct report_sink sink = recorder_sink(&recorder);
  struct remainder_times times = {(pass - 1) * SECOND, pass * SECOND,
                                  pass * SECOND};
  struct cgroup *const *order = tree_order(&tree);

  for (size_t i = 0; i < tree.count; i++)
    order[i]->use.below_usec = 0;
  remainder_report(order, tree.count, &times, &sink);
  pass++;
}

/* What is left of a cgroup in this interval and so far, in microseconds; -1: it
 * is not reported. */
static void check(const char *cgroup, int64_t rest, int64_t so_far) {
  const struct recorded_value *gauge =
      recorder_find(&recorder, cgroup, "remainder_millicores");
  const struct recorded_value *counter =
      recorder_find(&recorder, cgroup, "remainder_usec");

  ck_assert_int_eq(gauge != NULL ? (int64_t)(gauge->gauge * 1000 + 0.5) : -1,
                   rest);
  ck_assert_int_eq(counter != NULL ? counter->derive : -1, so_far);
}

START_TEST(each_microsecond_is_in_one_value) {
  set_uses(100000, 70000, 60000, 20000);
  report();
  check("root", 10000, 10000);
  check("a", 10000, 10000);
  check("a_b", -1, -1);
  check("c", -1, -1);
  set_uses(5000, 5000, 1000, 0);
  report();
  check("root", 0, 10000);
  check("a", 4000, 14000);
}
END_TEST

START_TEST(counters_begin_at_zero) {
  use(root, 0, 0);
  use(a, 0, 0);
  report();
  check("root", -1, 0);
  check("a", -1, 0);
  set_uses(3000, 2000, 2000, 0);
  report();
  check("root", 1000, 1000);
  /* One that is not known later is not the same as before. */
  set_uses(3000, 2000, 2000, 0);
  use(root, 0, 0);
  report();
  check("root", -1, -1);
  check("a", 0, 0);
}
END_TEST

START_TEST(not_before_it_is_read) {
  set_uses(3000, 2000, 2000, 0);
  root->use.rate.known = false;
  root->use.interval.elapsed_nsec = 0;
  report();
  check("root", -1, -1);
}
END_TEST

/* Cgroups are read one after the other. What was too much in one interval is
 * missing in the next. */
START_TEST(no_microsecond_counts_twice) {
  set_uses(50000, 0, 0, 53000);
  report();
  check("root", 0, 0);
  set_uses(50000, 0, 0, 49000);
  report();
  check("root", 0, 0);
  set_uses(50000, 0, 0, 46000);
  report();
  check("root", 2000, 2000);
}
END_TEST

/* A cgroup that counts less than its descendants hides nothing for longer than
 * a tick. */
START_TEST(a_root_that_counts_less) {
  set_uses(0, 0, 0, 1000 * TICK);
  report();
  check("root", 0, 0);
  set_uses(TICK + 1000, 0, 0, 0);
  report();
  check("root", 1000, 1000);
}
END_TEST

/* It may be behind by what was used while the pass took place. */
START_TEST(a_pass_that_takes_long) {
  struct report_sink sink = recorder_sink(&recorder);
  struct remainder_times times = {(pass - 1) * SECOND, pass * SECOND,
                                  pass * SECOND + SECOND / 10};

  set_uses(1000000, 0, 0, 1090000);
  remainder_report(tree_order(&tree), tree.count, &times, &sink);
  pass++;
  set_uses(1100000, 0, 0, 1000000);
  report();
  check("root", 10000, 10000);
}
END_TEST

/* A leaf that could not be read in the previous pass was in the remainder then.
 */
START_TEST(a_leaf_beside_a_gap) {
  set_uses(100000, 0, 0, 0);
  use(c, 50000, 2);
  report();
  check("root", 75000, 75000);
}
END_TEST

/* What is left of a cgroup in that case stays in the remainder above: nobody
 * knows its part in this interval. */
START_TEST(a_parent_beside_a_gap) {
  set_uses(0, 0, 0, 0);
  report();
  set_uses(100000, 0, 30000, 0);
  use(a, 500000, 2);
  report();
  check("a", -1, -1);
  check("root", 70000, 70000);
}
END_TEST

START_TEST(what_waits_is_left) {
  set_uses(100000, 70000, 60000, 20000);
  c->waits = a->waits = a_b->waits = true;
  report();
  check("a", -1, -1);
  check("root", 100000, 100000);
}
END_TEST

Suite *remainder_suite(void) {
  return suite_of(
      "remainder", setup, teardown, ONCE(each_microsecond_is_in_one_value),
      ONCE(counters_begin_at_zero), ONCE(not_before_it_is_read),
      ONCE(no_microsecond_counts_twice), ONCE(a_root_that_counts_less),
      ONCE(a_pass_that_takes_long), ONCE(a_leaf_beside_a_gap),
      ONCE(a_parent_beside_a_gap), ONCE(what_waits_is_left));
}
