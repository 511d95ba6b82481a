/* SPDX-License-Identifier: MIT */
#include "values/cpu_rates.h"

#include "suites.h"

#define SECOND UINT64_C(1000000000)

static struct rate usage;
static struct cpu_sample before;
static struct cpu_rates rates;

static void setup(void) {
  usage = (struct rate){0};
  before = (struct cpu_sample){0};
}

static void set(struct cpu_sample *sample, enum cpu_counter counter,
                uint64_t count, uint64_t time_nsec) {
  sample->stat.present |= 1U << counter;
  sample->stat.counters[counter] = count;
  sample->time_nsec[counter] = time_nsec;
}

static void take(const struct cpu_sample *now, bool complete) {
  cpu_rates_update(&usage, &before, now, complete, &rates);
}

static void check(enum cpu_counter counter, uint64_t delta, uint64_t nsec) {
  const struct rate_interval *interval = cpu_rates_of(&rates, counter);

  ck_assert_ptr_nonnull(interval);
  ck_assert_uint_eq(interval->delta, delta);
  ck_assert_uint_eq(interval->elapsed_nsec, nsec);
}

START_TEST(each_counter_has_its_own_time) {
  struct cpu_sample first = {0};
  struct cpu_sample second = {0};

  set(&first, CPU_USAGE_USEC, 100, SECOND);
  set(&first, CPU_NR_PERIODS, 5, 2 * SECOND);
  set(&second, CPU_USAGE_USEC, 150, 11 * SECOND);
  set(&second, CPU_NR_PERIODS, 105, 13 * SECOND);
  take(&first, true);
  ck_assert_uint_eq(rates.known, 0);
  take(&second, true);
  check(CPU_USAGE_USEC, 50, 10 * SECOND);
  check(CPU_NR_PERIODS, 100, 11 * SECOND);
  ck_assert_ptr_null(cpu_rates_of(&rates, CPU_USER_USEC));
}
END_TEST

START_TEST(usage_needs_no_sample_before) {
  struct cpu_sample now = {0};

  set(&now, CPU_USAGE_USEC, 100, SECOND);
  cpu_rates_update(&usage, NULL, &now, true, &rates);
  set(&now, CPU_USAGE_USEC, 170, 3 * SECOND);
  cpu_rates_update(&usage, NULL, &now, true, &rates);
  check(CPU_USAGE_USEC, 70, 2 * SECOND);
}
END_TEST

/* A counter that was not read in one sample continues from the sample before.
 * One that no longer exists starts again. */
START_TEST(counters_that_were_not_read) {
  struct cpu_sample now = {0};
  struct cpu_sample gap = {0};

  set(&now, CPU_USAGE_USEC, 1, SECOND);
  set(&now, CPU_USER_USEC, 10, SECOND);
  set(&gap, CPU_USAGE_USEC, 2, 2 * SECOND);
  take(&now, true);
  take(&gap, _i == 1);
  ck_assert_ptr_null(cpu_rates_of(&rates, CPU_USER_USEC));
  set(&now, CPU_USAGE_USEC, 3, 3 * SECOND);
  set(&now, CPU_USER_USEC, 25, 3 * SECOND);
  take(&now, true);
  check(CPU_USAGE_USEC, 1, SECOND);
  if (_i == 0)
    check(CPU_USER_USEC, 15, 2 * SECOND);
  else
    ck_assert_ptr_null(cpu_rates_of(&rates, CPU_USER_USEC));
}
END_TEST

START_TEST(impossible_is_not_known) {
  struct cpu_sample now = {0};

  set(&now, CPU_USAGE_USEC, 0, SECOND);
  set(&now, CPU_USER_USEC, 0, SECOND);
  set(&now, CPU_SYSTEM_USEC, 0, SECOND);
  take(&now, true);
  set(&now, CPU_USAGE_USEC, UINT64_C(1) << 60, 2 * SECOND);
  set(&now, CPU_USER_USEC, UINT64_C(8192) * 1000000 + 1, 2 * SECOND);
  set(&now, CPU_SYSTEM_USEC, UINT64_C(8192) * 1000000, 2 * SECOND);
  take(&now, true);
  ck_assert_uint_eq(rates.known, 1U << CPU_SYSTEM_USEC);
  ck_assert_uint_eq(rates.impossible,
                    1U << CPU_USAGE_USEC | 1U << CPU_USER_USEC);
}
END_TEST

START_TEST(counters_begin_with_their_cgroup) {
  struct cpu_sample now = {0};

  for (enum cpu_counter i = 0; i < CPU_COUNTER_COUNT; i++)
    set(&now, i, 7, 5 * SECOND);
  cpu_rates_begin(&usage, &before, 4 * SECOND);
  take(&now, true);
  check(CPU_USAGE_USEC, 7, SECOND);
  check(CPU_USER_USEC, 7, SECOND);
  check(CPU_PRESSURE_FULL_USEC, 7, SECOND);
  check(CPU_FORCE_IDLE_USEC, 7, SECOND);
  check(CPU_FROZEN_USEC, 7, SECOND);
  check(CPU_PRESSURE_IRQ_USEC, 7, SECOND);
  ck_assert_ptr_null(cpu_rates_of(&rates, CPU_THROTTLED_LOCAL_USEC));
  ck_assert_ptr_null(cpu_rates_of(&rates, CPU_NR_PERIODS));
  ck_assert_ptr_null(cpu_rates_of(&rates, CPU_NR_THROTTLED));
  ck_assert_ptr_null(cpu_rates_of(&rates, CPU_THROTTLED_USEC));
}
END_TEST

START_TEST(forgotten_but_for_the_usage) {
  struct cpu_sample now = {0};

  set(&now, CPU_USAGE_USEC, 1, SECOND);
  set(&now, CPU_USER_USEC, 1, SECOND);
  take(&now, true);
  cpu_rates_forget(&before);
  set(&now, CPU_USAGE_USEC, 3, 2 * SECOND);
  set(&now, CPU_USER_USEC, 3, 2 * SECOND);
  take(&now, true);
  ck_assert_uint_eq(rates.known, 1U << CPU_USAGE_USEC);
}
END_TEST

Suite *cpu_rates_suite(void) {
  return suite_of(
      "cpu_rates", setup, NULL, ONCE(each_counter_has_its_own_time),
      ONCE(usage_needs_no_sample_before), TIMES(counters_that_were_not_read, 2),
      ONCE(impossible_is_not_known), ONCE(counters_begin_with_their_cgroup),
      ONCE(forgotten_but_for_the_usage));
}
