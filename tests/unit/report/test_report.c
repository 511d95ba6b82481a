/* SPDX-License-Identifier: MIT */
#include "report/report.h"

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

static struct cpu_sample usage(uint64_t usec) {
  return (struct cpu_sample){.stat = {.present = 1U << CPU_USAGE_USEC,
                                      .counters[CPU_USAGE_USEC] = usec}};
}

/* Returns the rates of a sample in which at most the rate of the usage is
 * known. */
static struct cpu_rates use(const struct rate_interval *interval) {
  struct cpu_rates rates = {0};

  if (interval != NULL) {
    rates.known = 1U << CPU_USAGE_USEC;
    rates.intervals[CPU_USAGE_USEC] = *interval;
  }
  return rates;
}

static void report(const struct cpu_sample *now,
                   const struct rate_interval *interval) {
  struct cpu_rates rates = use(interval);

  report_sample(&sink, &(struct report_sample){.cgroup = root,
                                               .groups = VALUE_GROUP_CORE,
                                               .now = now,
                                               .rates = &rates});
}

static const struct rate_interval quarter = {.delta = 250123,
                                             .elapsed_nsec = 1000000000};

/* All groups, with a rate of every counter, and a limit */
static void report_all(const struct cpu_sample *now) {
  const struct cgroup_limit limit = {.millicores = 1000,
                                     .level = CGROUP_LEVEL_NONE};
  struct cpu_rates rates = use(&quarter);

  for (size_t i = 0; i < CPU_COUNTER_COUNT; i++) {
    rates.known |= 1U << i;
    rates.intervals[i] = quarter;
  }
  report_sample(&sink, &(struct report_sample){
                           .cgroup = root,
                           .groups = ~(unsigned)VALUE_GROUP_LIMIT,
                           .now = now,
                           .rates = &rates,
                           .limit = sink.without_rates ? &limit : NULL});
}

START_TEST(first_sample_has_no_gauge) {
  struct cpu_sample stat = usage(1234567);

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
  struct cpu_sample stat = usage(1234567);

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

/* Only what is there in both forms loses one of them. */
START_TEST(without_counters) {
  struct cpu_sample now = usage(1234567);

  now.stat.present |= 1U << CPU_USER_USEC | 1U << CPU_NICE_USEC;
  sink.without_counters = true;
  report_all(&now);
  ck_assert_uint_eq(recorder.count, 4);
  ck_assert_ptr_nonnull(recorder_find(&recorder, "root", "throttled_periods"));
  ck_assert_ptr_nonnull(recorder_find(&recorder, "root", "millicores"));
  ck_assert_ptr_nonnull(recorder_find(&recorder, "root", "user_millicores"));
  ck_assert_ptr_nonnull(recorder_find(&recorder, "root", "nice_usec"));
}
END_TEST

START_TEST(without_rates) {
  struct cpu_sample now = usage(1234567);

  now.stat.present |= 1U << CPU_USER_USEC | 1U << CPU_PRESSURE_SOME_USEC;
  sink.without_rates = true;
  report_all(&now);
  ck_assert_uint_eq(recorder.count, 6);
  ck_assert_ptr_nonnull(recorder_find(&recorder, "root", "throttled_periods"));
  ck_assert_ptr_nonnull(recorder_find(&recorder, "root", "limit_millicores"));
  ck_assert_ptr_nonnull(recorder_find(&recorder, "root", "cpu_usage_usec"));
  ck_assert_ptr_nonnull(recorder_find(&recorder, "root", "user_usec"));
  ck_assert_ptr_nonnull(recorder_find(&recorder, "root", "pressure_some_usec"));
  ck_assert_ptr_nonnull(recorder_find(&recorder, "root", "of_limit"));
}
END_TEST

START_TEST(lines_only_when_wanted) {
  struct cpu_sample stat = usage(1);

  sink.sample = NULL;
  report(&stat, &quarter);
  ck_assert_uint_eq(recorder.count, 2);
  ck_assert_uint_eq(recorder.lines, 0);
}
END_TEST

/* collectd's derive_t is signed: a counter that does not fit must not turn
 * negative. */
START_TEST(largest_counters) {
  struct cpu_sample stat = usage(INT64_MAX);

  report(&stat, NULL);
  ck_assert_int_eq(recorder.values[0].derive, INT64_MAX);

  sink = recorder_sink(&recorder);
  stat = usage((uint64_t)INT64_MAX + 1);
  report(&stat, NULL);
  ck_assert_uint_eq(recorder.count, 0);
}
END_TEST

START_TEST(absent_counter_is_no_value) {
  struct cpu_sample stat = {0};

  report(&stat, NULL);
  ck_assert_uint_eq(recorder.count, 0);
  ck_assert_uint_eq(recorder.lines, 0);
}
END_TEST

#define SECOND UINT64_C(1000000000)
#define ALL_GROUPS                                                             \
  (VALUE_GROUP_CORE | VALUE_GROUP_USER_SYSTEM | VALUE_GROUP_THROTTLING |       \
   VALUE_GROUP_LIMIT | VALUE_GROUP_PRESSURE)

static void set(struct cpu_sample *sample, enum cpu_counter counter,
                uint64_t value, uint64_t time_nsec) {
  sample->stat.present |= 1U << counter;
  sample->stat.counters[counter] = value;
  sample->time_nsec[counter] = time_nsec;
}

/* Reports all groups, with the rates between the two samples. */
static void report_both(struct cpu_sample *before, const struct cpu_sample *now,
                        const struct cgroup_limit *limit) {
  bool known = cpu_stat_has(&before->stat, CPU_USAGE_USEC);
  struct rate use_rate = {.known = known,
                          .count = before->stat.counters[CPU_USAGE_USEC],
                          .time_nsec = before->time_nsec[CPU_USAGE_USEC]};
  struct cpu_rates rates;

  cpu_rates_update(&use_rate, before, now, true, &rates);
  report_sample(&sink, &(struct report_sample){.cgroup = root,
                                               .groups = ALL_GROUPS,
                                               .now = now,
                                               .rates = &rates,
                                               .limit = limit});
}

static double gauge_of(const char *type_instance) {
  const struct recorded_value *value =
      recorder_find(&recorder, "root", type_instance);

  ck_assert_msg(value != NULL, "%s", type_instance);
  return value->gauge;
}

/* The interval is two seconds. The pressure file is read a little later than
 * the others. */
START_TEST(every_group) {
  struct cpu_sample before = {0};
  struct cpu_sample now = {0};
  struct cgroup_limit limit = {.own = {.weight_known = true, .weight = 59},
                               .millicores = 500,
                               .level = 2};

  for (enum cpu_counter i = 0; i < CPU_COUNTER_COUNT; i++)
    set(&before, i, 1000, SECOND);
  set(&now, CPU_USAGE_USEC, 1000 + 500246, 3 * SECOND);
  set(&now, CPU_USER_USEC, 1000 + 300000, 3 * SECOND);
  set(&now, CPU_SYSTEM_USEC, 1000 + 200000, 3 * SECOND);
  set(&now, CPU_NICE_USEC, 1000, 3 * SECOND);
  set(&now, CPU_NR_PERIODS, 1000 + 20, 3 * SECOND);
  set(&now, CPU_NR_THROTTLED, 1000 + 15, 3 * SECOND);
  set(&now, CPU_THROTTLED_USEC, 1000 + 9, 3 * SECOND);
  set(&now, CPU_NR_BURSTS, 1000, 3 * SECOND);
  set(&now, CPU_BURST_USEC, 1000, 3 * SECOND);
  set(&now, CPU_FORCE_IDLE_USEC, 1000 + 8, 3 * SECOND);
  set(&now, CPU_THROTTLED_LOCAL_USEC, 1000 + 7, 3 * SECOND);
  set(&now, CPU_FROZEN_USEC, 1000 + 6, 3 * SECOND);
  set(&now, CPU_PRESSURE_IRQ_USEC, 1000 + 250000, 3 * SECOND + SECOND / 2);
  set(&now, CPU_PRESSURE_SOME_USEC, 1000 + 750000, 3 * SECOND + SECOND / 2);
  set(&now, CPU_PRESSURE_FULL_USEC, 1000 + 9000000, 3 * SECOND + SECOND / 2);
  report_both(&before, &now, &limit);
  ck_assert_uint_eq(recorder.count, 15 + 2 + 1 + 1 + 3 + 4);
  ck_assert_int_eq(recorder_find(&recorder, "root", "user_usec")->derive,
                   301000);
  ck_assert_int_eq(recorder_find(&recorder, "root", "throttled_usec")->derive,
                   1009);
  ck_assert_int_eq(
      recorder_find(&recorder, "root", "throttled_local_usec")->derive, 1007);
  ck_assert_int_eq(recorder_find(&recorder, "root", "frozen_usec")->derive,
                   1006);
  ck_assert_int_eq(recorder_find(&recorder, "root", "force_idle_usec")->derive,
                   1008);
  ck_assert_int_eq(
      recorder_find(&recorder, "root", "pressure_irq_usec")->derive, 251000);
  ck_assert_double_eq_tol(gauge_of("user_millicores"), 150, 1e-9);
  ck_assert_double_eq_tol(gauge_of("system_millicores"), 100, 1e-9);
  ck_assert_double_eq_tol(gauge_of("throttled_periods"), 75, 1e-9);
  ck_assert_double_eq_tol(gauge_of("pressure_some"), 30, 1e-9);
  ck_assert_double_eq_tol(gauge_of("pressure_irq"), 10, 1e-9);
  /* More than the elapsed time is reported as 100 %, because "percent" ends
   * there. */
  ck_assert_double_eq(gauge_of("pressure_full"), 100);
  ck_assert_int_eq(recorder_find(&recorder, "root", "pressure_full")->type,
                   REPORT_PERCENT);
  ck_assert_double_eq(gauge_of("limit_millicores"), 500);
  ck_assert_double_eq(gauge_of("limit_level"), 2);
  ck_assert_double_eq_tol(gauge_of("of_limit"), 50.0246, 1e-9);
  ck_assert_double_eq(gauge_of("weight"), 59);
}
END_TEST

/* The weight of SCHED_IDLE is 0, which is not the same as no weight. */
START_TEST(weight_of_zero) {
  struct cpu_sample now = usage(1);
  struct cpu_rates rates = use(NULL);
  struct report_sample sample = {.cgroup = root,
                                 .groups = ALL_GROUPS,
                                 .now = &now,
                                 .rates = &rates,
                                 .limit =
                                     &(struct cgroup_limit){.millicores = 0}};

  report_sample(&sink, &sample);
  ck_assert_ptr_null(recorder_find(&recorder, "root", "weight"));
  sample.limit = &(struct cgroup_limit){.own.weight_known = true};
  report_sample(&sink, &sample);
  ck_assert_double_eq(gauge_of("weight"), 0);
}
END_TEST

/* The machine's CPUs can be what limits a cgroup. Without a limit there is no
 * level either. */
START_TEST(limit_that_no_cgroup_has_set) {
  struct cpu_sample now = usage(1);
  struct cpu_rates rates = use(NULL);
  struct cgroup_limit limit = {.millicores = 2000, .level = CGROUP_LEVEL_NONE};
  struct report_sample sample = {.cgroup = root,
                                 .groups = ALL_GROUPS,
                                 .now = &now,
                                 .rates = &rates,
                                 .limit = &limit};

  report_sample(&sink, &sample);
  ck_assert_double_eq(gauge_of("limit_millicores"), 2000);
  ck_assert_ptr_null(recorder_find(&recorder, "root", "limit_level"));
  limit.level = 0;
  report_sample(&sink, &sample);
  ck_assert_double_eq(gauge_of("limit_level"), 0);
  sink = recorder_sink(&recorder);
  limit.millicores = 0;
  report_sample(&sink, &sample);
  ck_assert_ptr_null(recorder_find(&recorder, "root", "limit_level"));
}
END_TEST

/* A counter that is absent, went back or did not move gives no gauge, not even
 * zero. */
START_TEST(nothing_from_nothing) {
  struct cpu_sample before = usage(1);
  struct cpu_sample now = usage(2);

  set(&before, CPU_NR_PERIODS, 7, SECOND);
  set(&now, CPU_NR_PERIODS, 7, 2 * SECOND);
  set(&before, CPU_NR_THROTTLED, 3, SECOND);
  set(&now, CPU_NR_THROTTLED, 3, 2 * SECOND);
  set(&before, CPU_USER_USEC, 500, SECOND);
  set(&now, CPU_USER_USEC, 400, 2 * SECOND);
  set(&now, CPU_SYSTEM_USEC, 400, 2 * SECOND);
  report_both(&before, &now, NULL);
  ck_assert_uint_eq(recorder.count, 5);
  for (size_t i = 0; i < recorder.count; i++)
    ck_assert_int_eq(recorder.values[i].type, REPORT_DERIVE);
}
END_TEST

START_TEST(only_groups_that_are_wanted) {
  struct cpu_sample now = {0};

  for (enum cpu_counter i = 0; i < CPU_COUNTER_COUNT; i++)
    set(&now, i, 1000, SECOND);
  report(&now, NULL);
  ck_assert_uint_eq(recorder.count, 1);
}
END_TEST

/* A reading that is impossible on any machine is not reported: a store would
 * compute a rate from it. Each counter is checked by itself. */
START_TEST(impossible_counters_are_no_values) {
  const uint64_t most = UINT64_C(8192) * 2 * 1000000;
  struct cpu_sample before = {0};
  struct cpu_sample now = {0};

  for (enum cpu_counter i = 0; i < CPU_COUNTER_COUNT; i++) {
    set(&before, i, 1000, SECOND);
    set(&now, i, 1000 + most + 1, 3 * SECOND);
  }
  set(&now, CPU_SYSTEM_USEC, 1000 + most, 3 * SECOND);
  set(&now, CPU_NR_PERIODS, 1000 + 20, 3 * SECOND);
  report_both(&before, &now, NULL);
  ck_assert_uint_eq(recorder.count, 3);
  ck_assert_int_eq(recorder_find(&recorder, "root", "system_usec")->derive,
                   (int64_t)(1000 + most));
  ck_assert_double_eq_tol(gauge_of("system_millicores"), 8192000, 1e-6);
  ck_assert_int_eq(recorder_find(&recorder, "root", "nr_periods")->derive,
                   1020);
}
END_TEST

/* Without a previous sample: only its usage is kept. */
START_TEST(impossible_use_is_no_value) {
  struct cpu_sample now = usage(UINT64_C(1730000000000000));
  struct cpu_rates rates = {.impossible = 1U << CPU_USAGE_USEC};

  report_sample(&sink, &(struct report_sample){.cgroup = root,
                                               .groups = VALUE_GROUP_CORE,
                                               .now = &now,
                                               .rates = &rates});
  ck_assert_uint_eq(recorder.count, 0);
}
END_TEST

START_TEST(remainders) {
  report_remainder(&sink, root, 350123, &quarter);
  ck_assert_uint_eq(recorder.count, 2);
  ck_assert_double_eq_tol(
      recorder_find(&recorder, "root", "remainder_millicores")->gauge, 250.123,
      1e-9);
  ck_assert_int_eq(recorder_find(&recorder, "root", "remainder_usec")->derive,
                   350123);

  sink = recorder_sink(&recorder);
  report_remainder(&sink, root, 0, NULL);
  ck_assert_uint_eq(recorder.count, 1);
  ck_assert_int_eq(recorder_find(&recorder, "root", "remainder_usec")->derive,
                   0);
}
END_TEST

/* Without a clock it is not known how long the pass took. */
START_TEST(of_the_plugin_itself) {
  struct report_pass pass = {.read = 7,
                             .idle = 20,
                             .unreadable = 3,
                             .left_out = 4,
                             .elapsed_nsec = 1234500};
  const struct {
    const char *type_instance;
    double gauge;
  } values[] = {{"cgroups_read", 7},
                {"cgroups_idle", 20},
                {"cgroups_unreadable", 3},
                {"cgroups_left_out", 4},
                {"pass_usec", 1234.5}};

  sink.without_counters = _i == 1;
  sink.without_rates = _i == 1;
  report_pass(&sink, &pass);
  ck_assert_uint_eq(recorder.count, ARRAY_SIZE(values));
  for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
    const struct recorded_value *value =
        recorder_find(&recorder, "_plugin", values[i].type_instance);
    ck_assert_ptr_nonnull(value);
    ck_assert_int_eq(value->type, REPORT_GAUGE);
    ck_assert_double_eq(value->gauge, values[i].gauge);
  }
  sink = recorder_sink(&recorder);
  pass.elapsed_nsec = 0;
  report_pass(&sink, &pass);
  ck_assert_uint_eq(recorder.count, ARRAY_SIZE(values) - 1);
  ck_assert_ptr_null(recorder_find(&recorder, "_plugin", "pass_usec"));
}
END_TEST

Suite *report_suite(void) {
  return suite_of(
      "report", setup, teardown, ONCE(first_sample_has_no_gauge),
      ONCE(both_values), ONCE(without_counters), ONCE(without_rates),
      ONCE(lines_only_when_wanted), ONCE(largest_counters),
      ONCE(absent_counter_is_no_value), ONCE(every_group), ONCE(weight_of_zero),
      ONCE(limit_that_no_cgroup_has_set), ONCE(nothing_from_nothing),
      ONCE(only_groups_that_are_wanted),
      ONCE(impossible_counters_are_no_values), ONCE(impossible_use_is_no_value),
      ONCE(remainders), TIMES(of_the_plugin_itself, 2));
}
