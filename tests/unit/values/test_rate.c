/* SPDX-License-Identifier: MIT */
#include "values/rate.h"

#include <errno.h>

#include "suites.h"

#define SECOND UINT64_C(1000000000)
#define MSEC UINT64_C(1000000)

static const struct {
  uint64_t usage_usec[2];
  uint64_t time_nsec[2];
  int status;
  double millicores;
} pairs[] = {
    /* Idle, 100 millicores, one core, two and a half cores. */
    {{5, 5}, {0, SECOND}, 0, 0},
    {{1000000, 1100000}, {SECOND, 2 * SECOND}, 0, 100},
    {{0, 1000000}, {7, SECOND + 7}, 0, 1000},
    {{0, 25000000}, {0, 10 * SECOND}, 0, 2500},
    /* A late interval gives the mean, not a spike. */
    {{0, 1000000}, {0, 10 * SECOND}, 0, 100},
    /* One microsecond in a day. */
    {{0, 1}, {0, 86400 * SECOND}, 0, 1e6 / 86400e9},
    /* The ends of the counter's range. */
    {{0, UINT64_MAX}, {0, SECOND}, -EOVERFLOW, 0},
    {{0, UINT64_MAX}, {0, UINT64_MAX}, 0, 1e6},
    {{UINT64_MAX - 50000, UINT64_MAX}, {0, SECOND}, 0, 50},
    {{UINT64_C(1) << 63, (UINT64_C(1) << 63) + 250000}, {0, SECOND}, 0, 250},
    /* The counter went back. */
    {{100, 99}, {0, SECOND}, -ERANGE, 0},
    {{UINT64_MAX, 0}, {0, SECOND}, -ERANGE, 0},
    /* No time elapsed, the time went back, or the interval is too short. */
    {{0, 100}, {SECOND, SECOND}, -ETIME, 0},
    {{0, 100}, {SECOND, 0}, -ETIME, 0},
    {{0, 100}, {SECOND, SECOND + MSEC - 1}, -ETIME, 0},
    /* The shortest interval that counts. */
    {{0, 1000}, {SECOND, SECOND + MSEC}, 0, 1000},
    /* 8192 busy CPUs, and more than any machine can do. */
    {{0, UINT64_C(8192000000)}, {0, SECOND}, 0, 8192000},
    {{0, UINT64_C(8192000001)}, {0, SECOND}, -EOVERFLOW, 0},
    {{0, 8192000}, {SECOND, SECOND + MSEC}, 0, 8192000},
    {{0, 8192001}, {SECOND, SECOND + MSEC}, -EOVERFLOW, 0},
    /* Nobody read the counter for 300 years. */
    {{0, UINT64_C(9000000000000000000)},
     {0, UINT64_C(9000000000000000000)},
     0,
     1e6},
    /* An interval that is too short for a rate still shows that this is
     * impossible. */
    {{0, 8192001}, {SECOND, SECOND}, -EOVERFLOW, 0},
    {{0, 8192000}, {SECOND, SECOND}, -ETIME, 0},
};

START_TEST(two_readings) {
  struct rate rate = {0};
  struct rate_interval interval = {.elapsed_nsec = 12345};

  ck_assert_int_eq(rate_update(&rate, pairs[_i].usage_usec[0],
                               pairs[_i].time_nsec[0], &interval),
                   -ENODATA);
  ck_assert_int_eq(rate_update(&rate, pairs[_i].usage_usec[1],
                               pairs[_i].time_nsec[1], &interval),
                   pairs[_i].status);
  if (pairs[_i].status == 0) {
    ck_assert_double_eq_tol(
        rate_millicores(interval.delta, interval.elapsed_nsec),
        pairs[_i].millicores, 1e-9 + pairs[_i].millicores * 1e-12);
    ck_assert_uint_eq(interval.delta,
                      pairs[_i].usage_usec[1] - pairs[_i].usage_usec[0]);
  } else {
    ck_assert_uint_eq(interval.elapsed_nsec, 12345);
  }
}
END_TEST

START_TEST(reset_begins_anew) {
  struct rate rate = {0};
  struct rate_interval interval;

  ck_assert_int_eq(rate_update(&rate, 900, 1 * SECOND, &interval), -ENODATA);
  ck_assert_int_eq(rate_update(&rate, 100, 2 * SECOND, &interval), -ERANGE);
  ck_assert_int_eq(rate_update(&rate, 30100, 3 * SECOND, &interval), 0);
  ck_assert_double_eq_tol(
      rate_millicores(interval.delta, interval.elapsed_nsec), 30, 1e-9);
}
END_TEST

/* This was seen after a kernel fault. */
START_TEST(impossible_reading_makes_no_rate) {
  struct rate rate = {0};
  struct rate_interval interval = {.elapsed_nsec = 12345};

  ck_assert_int_eq(rate_update(&rate, 1000000, 1 * SECOND, &interval),
                   -ENODATA);
  ck_assert_int_eq(
      rate_update(&rate, UINT64_C(1730000000000000), 2 * SECOND, &interval),
      -EOVERFLOW);
  ck_assert_int_eq(rate_update(&rate, 1100000, 3 * SECOND, &interval), -ERANGE);
  ck_assert_uint_eq(interval.elapsed_nsec, 12345);
  ck_assert_int_eq(rate_update(&rate, 1150000, 4 * SECOND, &interval), 0);
  ck_assert_double_eq_tol(
      rate_millicores(interval.delta, interval.elapsed_nsec), 50, 1e-9);
}
END_TEST

/* The counter may continue from the impossible value. */
START_TEST(impossible_reading_begins_anew) {
  struct rate rate = {0};
  struct rate_interval interval;

  ck_assert_int_eq(rate_update(&rate, 5, 1 * SECOND, &interval), -ENODATA);
  ck_assert_int_eq(rate_update(&rate, UINT64_C(1) << 60, 2 * SECOND, &interval),
                   -EOVERFLOW);
  ck_assert_int_eq(
      rate_update(&rate, (UINT64_C(1) << 60) + 30000, 3 * SECOND, &interval),
      0);
  ck_assert_double_eq_tol(
      rate_millicores(interval.delta, interval.elapsed_nsec), 30, 1e-9);
}
END_TEST

START_TEST(too_early_reading_lengthens_the_interval) {
  struct rate rate = {0};
  struct rate_interval interval;

  ck_assert_int_eq(rate_update(&rate, 0, 0, &interval), -ENODATA);
  ck_assert_int_eq(rate_update(&rate, 40000, MSEC / 2, &interval), -ETIME);
  ck_assert_int_eq(rate_update(&rate, 50000, SECOND, &interval), 0);
  ck_assert_uint_eq(interval.delta, 50000);
  ck_assert_uint_eq(interval.elapsed_nsec, SECOND);
  ck_assert_double_eq_tol(
      rate_millicores(interval.delta, interval.elapsed_nsec), 50, 1e-9);
}
END_TEST

Suite *rate_suite(void) {
  return suite_of("rate", NULL, NULL, FOR_EACH(two_readings, pairs),
                  ONCE(reset_begins_anew),
                  ONCE(impossible_reading_makes_no_rate),
                  ONCE(impossible_reading_begins_anew),
                  ONCE(too_early_reading_lengthens_the_interval));
}
