/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "recorder.h"
#include "suites.h"

static struct recorder recorder;
static struct report_sink sink;
static struct cgroup *root;

static void setup(void) {
  sink = recorder_sink(&recorder);
  root = calloc(1, sizeof(*root) + 1);
  ck_assert_ptr_nonnull(root);
  root->instance = strdup("root");
}

static void teardown(void) {
  free(root->instance);
  free(root);
}

static struct cpu_stat usage(uint64_t usec) {
  return (struct cpu_stat){.present = 1U << CPU_USAGE_USEC,
                           .counters[CPU_USAGE_USEC] = usec};
}

static void report(const struct cpu_stat *stat,
                   const struct rate_interval *interval) {
  report_sample(&sink, &(struct report_sample){
                           .cgroup = root, .stat = stat, .interval = interval});
}

static const struct rate_interval quarter = {
    .delta_usec = 250123, .elapsed_nsec = 1000000000, .millicores = 250.123};

START_TEST(first_sample_has_no_gauge) {
  struct cpu_stat stat = usage(1234567);

  report(&stat, NULL);
  ck_assert_uint_eq(recorder.count, 1);
  ck_assert_str_eq(recorder.values[0].cgroup, "root");
  ck_assert_str_eq(recorder.values[0].type_instance, "cpu_usage_usec");
  ck_assert_int_eq(recorder.values[0].type, REPORT_DERIVE);
  ck_assert_int_eq(recorder.values[0].derive, 1234567);
  ck_assert_str_eq(recorder.line, "root: CPU μs: 1234567");
}
END_TEST

START_TEST(both_values) {
  struct cpu_stat stat = usage(1234567);

  report(&stat, &quarter);
  ck_assert_uint_eq(recorder.count, 2);
  const struct recorded_value *gauge =
      recorder_find(&recorder, "root", "millicores");
  ck_assert_int_eq(gauge->type, REPORT_GAUGE);
  ck_assert_double_eq(gauge->gauge, 250.123);
  ck_assert_uint_eq(recorder.lines, 1);
  ck_assert_str_eq(recorder.line,
                   "root: CPU μs: 1234567 | delta: +250123 | CPU: 250m");
}
END_TEST

START_TEST(lines_only_when_wanted) {
  struct cpu_stat stat = usage(1);

  sink.sample = NULL;
  report(&stat, &quarter);
  ck_assert_uint_eq(recorder.count, 2);
  ck_assert_uint_eq(recorder.lines, 0);
}
END_TEST

/* collectd's derive_t is signed: what does not fit must not turn negative. */
START_TEST(largest_counters) {
  struct cpu_stat stat = usage(INT64_MAX);

  report(&stat, NULL);
  ck_assert_int_eq(recorder.values[0].derive, INT64_MAX);

  sink = recorder_sink(&recorder);
  stat = usage((uint64_t)INT64_MAX + 1);
  report(&stat, NULL);
  ck_assert_uint_eq(recorder.count, 0);
}
END_TEST

START_TEST(absent_counter_is_no_value) {
  struct cpu_stat stat = {0};

  report(&stat, NULL);
  ck_assert_uint_eq(recorder.count, 0);
  ck_assert_uint_eq(recorder.lines, 0);
}
END_TEST

START_TEST(remainders) {
  report_remainder(&sink, root, &quarter, 50123);
  ck_assert_uint_eq(recorder.count, 1);
  ck_assert_double_eq_tol(
      recorder_find(&recorder, "root", "remainder_millicores")->gauge, 200,
      1e-9);

  sink = recorder_sink(&recorder);
  report_remainder(&sink, root, &quarter, 250124);
  ck_assert_double_eq(
      recorder_find(&recorder, "root", "remainder_millicores")->gauge, 0);
}
END_TEST

Suite *report_suite(void) {
  Suite *suite = suite_create("report");
  TCase *tests = tcase_create("report");

  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, first_sample_has_no_gauge);
  tcase_add_test(tests, both_values);
  tcase_add_test(tests, lines_only_when_wanted);
  tcase_add_test(tests, largest_counters);
  tcase_add_test(tests, absent_counter_is_no_value);
  tcase_add_test(tests, remainders);
  suite_add_tcase(suite, tests);
  return suite;
}
