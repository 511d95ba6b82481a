/* SPDX-License-Identifier: MIT */
#include "suites.h"

int main(void) {
  static Suite *(*const makers[])(void) = {names_suite, passes_suite,
                                           start_suite};

  return suites_run(makers, ARRAY_SIZE(makers));
}
