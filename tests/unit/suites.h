/* SPDX-License-Identifier: MIT */
/* One suite for each part of the core. */
#ifndef SUITES_H
#define SUITES_H

#include <check.h>

#include "util/array.h"

Suite *cgroup_count_suite(void);
Suite *cgroup_limits_suite(void);
Suite *collector_suite(void);
Suite *cpu_limit_suite(void);
Suite *cpu_rates_suite(void);
Suite *cpu_set_suite(void);
Suite *cpu_stat_suite(void);
Suite *discovery_suite(void);
Suite *failure_suite(void);
Suite *fair_share_suite(void);
Suite *file_reader_suite(void);
Suite *hierarchy_suite(void);
Suite *instance_name_suite(void);
Suite *kernel_file_suite(void);
Suite *machine_cpus_suite(void);
Suite *mountinfo_suite(void);
Suite *number_suite(void);
Suite *open_beneath_suite(void);
Suite *options_suite(void);
Suite *printable_suite(void);
Suite *rate_suite(void);
Suite *report_suite(void);
Suite *sampler_suite(void);
Suite *selection_suite(void);
Suite *tree_suite(void);

/* Runs `test` once for each entry of the array `entries`, with its index _i. */
#define add_test_for_each(tests, test, entries)                                \
  tcase_add_loop_test(tests, test, 0, (int)ARRAY_SIZE(entries))

#endif
