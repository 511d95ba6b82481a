/* SPDX-License-Identifier: MIT */
#include "suite.h"

#include <stdbool.h>
#include <stdlib.h>

TCase *suite_case(const char *name, SFun setup, SFun teardown,
                  const struct suite_entry *entries, size_t count) {
  TCase *tests = tcase_create(name);

  if (setup != NULL || teardown != NULL)
    tcase_add_checked_fixture(tests, setup, teardown);
  for (size_t i = 0; i < count; i++)
    tcase_add_loop_test(tests, entries[i].test, 0, entries[i].times);
  return tests;
}

Suite *suite_of_case(const char *name, TCase *tests) {
  Suite *suite = suite_create(name);

  suite_add_tcase(suite, tests);
  return suite;
}

int suites_run(Suite *(*const *makers)(void), size_t count) {
  SRunner *runner = srunner_create(NULL);

  /* Long enough for a busy machine, and short enough to notice a test that
   * hangs. */
  (void)setenv("CK_DEFAULT_TIMEOUT", "60", 0);
  for (size_t i = 0; i < count; i++)
    srunner_add_suite(runner, makers[i]());
  srunner_run_all(runner, CK_ENV);

  /* CK_RUN_SUITE may name no suite. */
  bool passed =
      srunner_ntests_run(runner) > 0 && srunner_ntests_failed(runner) == 0;
  srunner_free(runner);
  return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
