/* SPDX-License-Identifier: MIT */
/* Suites of Check: their tests, and how to run them. */
#ifndef SUITE_H
#define SUITE_H

#include <check.h>

#include "util/array.h"

/* A test, and how often it runs. _i counts from 0. */
struct suite_entry {
#if CHECK_MAJOR_VERSION > 0 || CHECK_MINOR_VERSION >= 13
  const TTest *test;
#else
  TFun test;
#endif
  int times;
};

#define TIMES(test, times)                                                     \
  { test, times }
#define ONCE(test) TIMES(test, 1)
/* Runs the test once for each entry of an array. _i is the index. */
#define FOR_EACH(test, entries) TIMES(test, (int)ARRAY_SIZE(entries))

/* Makes a case of these tests. Each runs between `setup` and `teardown` unless
 * these are NULL. */
#define case_of(name, setup, teardown, ...)                                    \
  suite_case(name, setup, teardown, (const struct suite_entry[]){__VA_ARGS__}, \
             ARRAY_SIZE(((const struct suite_entry[]){__VA_ARGS__})))
TCase *suite_case(const char *name, SFun setup, SFun teardown,
                  const struct suite_entry *entries, size_t count);

/* Makes a suite of one such case. */
#define suite_of(name, ...) suite_of_case(name, case_of(name, __VA_ARGS__))
Suite *suite_of_case(const char *name, TCase *tests);

/* Runs the suites that these functions make. Returns the exit status. */
int suites_run(Suite *(*const *makers)(void), size_t count);

#endif
