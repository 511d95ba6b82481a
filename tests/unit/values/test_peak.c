/* SPDX-License-Identifier: MIT */
#include "values/peak.h"

#include "suites.h"

#define MSEC UINT64_C(1000000)
#define LEAST (75 * MSEC)

static struct peak peak;

static void setup(void) { peak = (struct peak){0}; }

/* Times are in milliseconds, the use in microseconds. */
static void take(uint64_t usec, uint64_t msec) {
  peak_take(&peak, usec, msec * MSEC, LEAST);
}

static void check(double millicores) {
  ck_assert(peak.known);
  ck_assert_double_eq_tol(peak.millicores, millicores, 1e-9);
}

START_TEST(the_highest_of_all_windows) {
  take(5000, 1000);
  ck_assert(!peak.known);
  take(5000, 1100);
  check(0);
  take(55000, 1200);
  check(500);
  take(65000, 1300);
  check(500);
  peak_forget(&peak);
  take(75000, 1400);
  check(100);
}
END_TEST

START_TEST(a_late_sample_makes_a_longer_window) {
  take(0, 1000);
  take(100000, 1400);
  check(250);
}
END_TEST

/* The kernel counts in ticks: what was used in four milliseconds can show in
 * one. */
START_TEST(a_sample_that_is_too_soon_is_left_out) {
  take(0, 1000);
  take(10000, 1100);
  take(14000, 1101);
  take(14000, 1174);
  check(100);
  take(20000, 1200);
  check(100);
  take(30000, 1275);
  check(10000 / 75.0);
  /* Nor does one count that seems to be earlier. */
  take(90000, 1200);
  take(30000, 1375);
  check(10000 / 75.0);
}
END_TEST

START_TEST(a_new_one_begins_at_zero) {
  peak_begin(&peak, 1000 * MSEC);
  take(20000, 1100);
  check(200);
}
END_TEST

START_TEST(a_counter_that_makes_no_sense) {
  take(50000, 1000);
  take(40000, 1100);
  ck_assert(!peak.known);
  take(50000, 1200);
  check(100);
  take(UINT64_MAX, 1300);
  take(60000, 1400);
  check(100);
}
END_TEST

START_TEST(the_higher_of_two) {
  struct peak other = {0};

  peak_merge(&peak, &other);
  ck_assert(!peak.known);
  other.known = true;
  peak_merge(&peak, &other);
  check(0);
  other.millicores = 7;
  peak_merge(&peak, &other);
  other.millicores = 3;
  peak_merge(&peak, &other);
  check(7);
}
END_TEST

Suite *peak_suite(void) {
  return suite_of("peak", setup, NULL, ONCE(the_highest_of_all_windows),
                  ONCE(a_late_sample_makes_a_longer_window),
                  ONCE(a_sample_that_is_too_soon_is_left_out),
                  ONCE(a_new_one_begins_at_zero),
                  ONCE(a_counter_that_makes_no_sense), ONCE(the_higher_of_two));
}
