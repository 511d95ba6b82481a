/* SPDX-License-Identifier: MIT */
/* Which files of a cgroup hold what, on v1 and on v2. */
#ifndef CGROUP_CPU_VALUE_FILES_H
#define CGROUP_CPU_VALUE_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "values/cgroup_types.h"
#include "values/cpu_limit.h"
#include "values/cpu_stat.h"

/* What can be asked for, as bits of a mask. */
enum cpu_group {
  CPU_GROUP_CORE = 1 << 0,
  CPU_GROUP_USER_SYSTEM = 1 << 1,
  CPU_GROUP_THROTTLING = 1 << 2,
  CPU_GROUP_LIMIT = 1 << 3,
  CPU_GROUP_PRESSURE = 1 << 4,
};

/* The parts of a limit, as bits of a mask. */
enum cpu_limit_part {
  CPU_LIMIT_QUOTA = 1 << 0,
  CPU_LIMIT_CPUS = 1 << 1,
  CPU_LIMIT_WEIGHT = 1 << 2,
};
#define CPU_LIMIT_ALL (CPU_LIMIT_QUOTA | CPU_LIMIT_CPUS | CPU_LIMIT_WEIGHT)

/* The most files of one cgroup that are read in each interval. */
#define CPU_FILES_COUNTING 5
/* And the most in all. */
#define CPU_FILES_MAX 16

struct cpu_file {
  const char *name;
  /* Stands in for the file before it where that does not exist. */
  bool fallback;
  /* Only where usage is in v1. */
  bool usage_of_v1;
  /* In whose hierarchy it is. */
  enum cgroup_controller controller;
  /* For a file that counts, which holds for CPU_FILES_COUNTING at most: the
   * groups that need it, and its parser. */
  unsigned groups;
  int (*parse_stat)(const char *text, size_t length, struct cpu_stat *stat);
  /* For one that is set by people, and changes rarely: what it is a part of,
   * and its parser; NULL is a list of CPUs, see cpu_set.h. */
  enum cpu_limit_part part;
  int (*parse_limit)(const char *text, size_t length, struct cpu_limit *limit);
};

/* All files of that version; the first is the one with CPU_USAGE_USEC. */
const struct cpu_file *cpu_files(enum cgroup_version version, size_t *count);

/* The files of a host where the hierarchies of the controllers have these
 * versions, usage being in that of CGROUP_CPUACCT. Those that count come first,
 * and of these the one with CPU_USAGE_USEC. Returns how many there are. */
size_t
cpu_files_select(const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
                 const struct cpu_file *files[CPU_FILES_MAX]);

#endif
