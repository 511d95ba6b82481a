/* SPDX-License-Identifier: MIT */
#include "suites.h"

#define MAKER(name) name##_suite,

int main(void) {
  static Suite *(*const makers[])(void) = {SUITES(MAKER)};

  return suites_run(makers, ARRAY_SIZE(makers));
}
