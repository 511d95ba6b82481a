/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "suites.h"

int main(void) {
  /* A test that hangs is to be seen; one on a busy machine is to pass. */
  (void)setenv("CK_DEFAULT_TIMEOUT", "60", 0);
  SRunner *runner = srunner_create(passes_suite());

  srunner_add_suite(runner, start_suite());
  srunner_run_all(runner, CK_ENV);

  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
