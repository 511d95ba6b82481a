/* SPDX-License-Identifier: MIT */
/* Suites of Check: what is in them, and how they are run. */
#ifndef SUITE_H
#define SUITE_H

#include <check.h>

#include "util/array.h"

/* A test, and how often it runs, with _i counted from 0. */
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
/* Once for each entry of an array, with its index. */
#define FOR_EACH(test, entries) TIMES(test, (int)ARRAY_SIZE(entries))

/* A case of the tests that are named, all behind `setup` and before `teardown`
 * unless these are NULL. */
#define case_of(name, setup, teardown, ...)                                    \
  suite_case(name, setup, teardown, (const struct suite_entry[]){__VA_ARGS__}, \
             ARRAY_SIZE(((const struct suite_entry[]){__VA_ARGS__})))
TCase *suite_case(const char *name, SFun setup, SFun teardown,
                  const struct suite_entry *entries, size_t count);

/* A suite of one such case. */
#define suite_of(name, ...) suite_of_case(name, case_of(name, __VA_ARGS__))
Suite *suite_of_case(const char *name, TCase *tests);

/* Runs the suites that these make. Returns the exit status. */
int suites_run(Suite *(*const *makers)(void), size_t count);

#endif
