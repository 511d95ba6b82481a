/* SPDX-License-Identifier: MIT */
/* One suite for each part of the core. */
#ifndef SUITES_H
#define SUITES_H

#include "suite.h"

/* What reads JSON */
#if HAVE_JANSSON
#define JSON_SUITES(SUITE)                                                     \
  SUITE(docker)                                                                \
  SUITE(json_file)                                                             \
  SUITE(podman)
#else
#define JSON_SUITES(SUITE)
#endif

#define SUITES(SUITE)                                                          \
  SUITE(cgroup_count)                                                          \
  SUITE(cgroup_limits)                                                         \
  SUITE(collector)                                                             \
  SUITE(conmon)                                                                \
  SUITE(container)                                                             \
  SUITE(containerd)                                                            \
  SUITE(cpu_limit)                                                             \
  SUITE(cpu_rates)                                                             \
  SUITE(cpu_set)                                                               \
  SUITE(cpu_stat)                                                              \
  SUITE(directory_index)                                                       \
  SUITE(discovery)                                                             \
  SUITE(failure)                                                               \
  SUITE(fair_share)                                                            \
  SUITE(file_reader)                                                           \
  SUITE(hierarchy)                                                             \
  SUITE(home)                                                                  \
  SUITE(instance_name)                                                         \
  SUITE(kernel_file)                                                           \
  SUITE(kubernetes)                                                            \
  SUITE(machine_cpus)                                                          \
  SUITE(machined)                                                              \
  SUITE(mountinfo)                                                             \
  SUITE(naming)                                                                \
  SUITE(number)                                                                \
  SUITE(options)                                                               \
  SUITE(past_lives)                                                            \
  SUITE(peak)                                                                  \
  SUITE(printable)                                                             \
  SUITE(rate)                                                                  \
  SUITE(remainder)                                                             \
  SUITE(report)                                                                \
  SUITE(sampler)                                                               \
  SUITE(selection)                                                             \
  SUITE(tree)                                                                  \
  JSON_SUITES(SUITE)                                                           \
  /* Without a process of its own, openat2 is refused from then on. */         \
  SUITE(open_beneath)

#define DECLARE_SUITE(name) Suite *name##_suite(void);
SUITES(DECLARE_SUITE)

#endif
