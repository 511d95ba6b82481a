/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "suites.h"

int main(void) {
  /* A test that hangs is to be seen; one on a busy machine is to pass. */
  (void)setenv("CK_DEFAULT_TIMEOUT", "60", 0);
  SRunner *runner = srunner_create(cgroup_count_suite());

  srunner_add_suite(runner, cgroup_limits_suite());
  srunner_add_suite(runner, collector_suite());
  srunner_add_suite(runner, cpu_limit_suite());
  srunner_add_suite(runner, cpu_rates_suite());
  srunner_add_suite(runner, cpu_set_suite());
  srunner_add_suite(runner, cpu_stat_suite());
  srunner_add_suite(runner, discovery_suite());
  srunner_add_suite(runner, failure_suite());
  srunner_add_suite(runner, fair_share_suite());
  srunner_add_suite(runner, file_reader_suite());
  srunner_add_suite(runner, hierarchy_suite());
  srunner_add_suite(runner, instance_name_suite());
  srunner_add_suite(runner, kernel_file_suite());
  srunner_add_suite(runner, machine_cpus_suite());
  srunner_add_suite(runner, mountinfo_suite());
  srunner_add_suite(runner, number_suite());
  srunner_add_suite(runner, open_beneath_suite());
  srunner_add_suite(runner, options_suite());
  srunner_add_suite(runner, printable_suite());
  srunner_add_suite(runner, rate_suite());
  srunner_add_suite(runner, report_suite());
  srunner_add_suite(runner, sampler_suite());
  srunner_add_suite(runner, selection_suite());
  srunner_add_suite(runner, tree_suite());
  srunner_run_all(runner, CK_ENV);

  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
