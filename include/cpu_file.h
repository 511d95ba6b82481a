/* SPDX-License-Identifier: MIT */
/* Which files of a cgroup hold what, on v1 and on v2. */
#ifndef CGROUP_CPU_CPU_FILE_H
#define CGROUP_CPU_CPU_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "cpu_limit.h"
#include "cpu_stat.h"
#include "hierarchy.h"

/* What can be asked for, as bits of a mask. */
enum cpu_group {
  CPU_GROUP_CORE = 1 << 0,
  CPU_GROUP_USER_SYSTEM = 1 << 1,
  CPU_GROUP_THROTTLING = 1 << 2,
  CPU_GROUP_LIMIT = 1 << 3,
  CPU_GROUP_PRESSURE = 1 << 4,
};

/* The most files of one cgroup that are read in each interval. */
#define CPU_FILES_COUNTING 4
/* And the most in all. */
#define CPU_FILES_MAX 8

struct cpu_file {
  const char *name;
  /* On v1, the hierarchy it is in. */
  enum cgroup_controller controller;
  /* The groups that need it. */
  unsigned groups;
  /* For a file that counts, which holds for CPU_FILES_COUNTING at most: */
  int (*parse_stat)(const char *text, size_t length, struct cpu_stat *stat);
  /* For one that is set by people, and changes rarely: */
  int (*parse_limit)(const char *text, size_t length, struct cpu_limit *limit);
};

/* The files of that version; those that count come first, and of these the one
 * with CPU_USAGE_USEC. */
const struct cpu_file *cpu_files(enum cgroup_version version, size_t *count);

#endif
