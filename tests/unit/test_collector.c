/* SPDX-License-Identifier: MIT */
#include "collector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "files.h"
#include "recorder.h"
#include "suites.h"

static char *tree;
static struct collector *collector;
static struct recorder recorder;
static struct options options;

static void setup(void) {
  tree = make_tree();
  options = (struct options)OPTIONS_DEFAULT;
}

static void teardown(void) {
  collector_free(collector);
  collector = NULL;
  options_release(&options);
  remove_tree(tree);
}

static void start(enum cgroup_version version) {
  struct hierarchy hierarchy = {.version = version, .path = strdup(tree)};

  ck_assert_int_eq(collector_new(&hierarchy, &options, &collector), 0);
  ck_assert_ptr_null(hierarchy.path);
}

static struct collector_pass run(void) {
  struct report_sink sink = recorder_sink(&recorder);
  struct collector_pass pass;

  collector_run(collector, &sink, &pass);
  return pass;
}

static double now(void) {
  struct timespec time;

  ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &time), 0);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static const struct {
  enum cgroup_version version;
  const char *file;
  const char *texts[2];
  int64_t usage_usec[2];
} counters[] = {
    {CGROUP_VERSION_1,
     "cpuacct.usage",
     {"1000000999\n", "1005000000\n"},
     {1000000, 1005000}},
    {CGROUP_VERSION_2,
     "cpu.stat",
     {"user_usec 1\nusage_usec 1000000\n", "usage_usec 1005000\n"},
     {1000000, 1005000}},
};

/* The true time between the reads lies between two that the test can take. */
START_TEST(millicores_of_two_passes) {
  start(counters[_i].version);
  write_file(tree, counters[_i].file, counters[_i].texts[0]);
  double before_first = now();
  struct collector_pass pass = run();
  double after_first = now();
  ck_assert_uint_eq(pass.read, 1);
  ck_assert_uint_eq(pass.failed, 0);
  ck_assert_uint_eq(recorder.count, 1);
  ck_assert_int_eq(recorder_find(&recorder, "root", "cpu_usage_usec")->derive,
                   counters[_i].usage_usec[0]);

  write_file(tree, counters[_i].file, counters[_i].texts[1]);
  while (now() < after_first + 0.02)
    (void)usleep(1000);
  double before_second = now();
  (void)run();
  double after_second = now();
  ck_assert_uint_eq(recorder.count, 2);
  ck_assert_int_eq(recorder_find(&recorder, "root", "cpu_usage_usec")->derive,
                   counters[_i].usage_usec[1]);

  int64_t delta = counters[_i].usage_usec[1] - counters[_i].usage_usec[0];
  double gauge = recorder_find(&recorder, "root", "millicores")->gauge;
  ck_assert_double_ge(gauge,
                      (double)delta / 1e3 / (after_second - before_first));
  ck_assert_double_le(gauge,
                      (double)delta / 1e3 / (before_second - after_first));
}
END_TEST

static void wait_past_shortest_interval(void) {
  for (double end = now() + 0.002; now() < end;)
    (void)usleep(500);
}

START_TEST(counter_that_goes_back_gives_no_gauge) {
  start(CGROUP_VERSION_2);
  write_file(tree, "cpu.stat", "usage_usec 5000\n");
  (void)run();
  wait_past_shortest_interval();
  write_file(tree, "cpu.stat", "usage_usec 4999\n");
  (void)run();
  ck_assert_uint_eq(recorder.count, 1);
  ck_assert_int_eq(recorder_find(&recorder, "root", "cpu_usage_usec")->derive,
                   4999);
  wait_past_shortest_interval();
  (void)run();
  ck_assert_double_eq(recorder_find(&recorder, "root", "millicores")->gauge, 0);
}
END_TEST

START_TEST(unreadable_file_is_named_and_comes_back) {
  CLEANUP_FREE char *path = NULL;

  start(CGROUP_VERSION_1);
  ck_assert_int_ge(asprintf(&path, "%s/cpuacct.usage", tree), 0);
  struct collector_pass pass = run();
  ck_assert_uint_eq(pass.read, 0);
  ck_assert_uint_eq(pass.failed, 1);
  ck_assert_int_eq(pass.error, -ENOENT);
  ck_assert_str_eq(pass.failed_file, path);
  ck_assert_uint_eq(recorder.count, 0);

  write_file(tree, "cpuacct.usage", "5000\n");
  ck_assert_uint_eq(run().read, 1);
  ck_assert_uint_eq(recorder.count, 1);

  /* What cannot be understood is not reported, and ends the interval. */
  write_file(tree, "cpuacct.usage", "garbage\n");
  pass = run();
  ck_assert_int_eq(pass.error, -EINVAL);
  ck_assert_uint_eq(recorder.count, 0);
  write_file(tree, "cpuacct.usage", "6000\n");
  ck_assert_uint_eq(run().read, 1);
  ck_assert_uint_eq(recorder.count, 1);
}
END_TEST

Suite *collector_suite(void) {
  Suite *suite = suite_create("collector");
  TCase *tests = tcase_create("collector");

  tcase_add_checked_fixture(tests, setup, teardown);
  add_test_for_each(tests, millicores_of_two_passes, counters);
  tcase_add_test(tests, counter_that_goes_back_gives_no_gauge);
  tcase_add_test(tests, unreadable_file_is_named_and_comes_back);
  suite_add_tcase(suite, tests);
  return suite;
}
