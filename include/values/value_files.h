/* SPDX-License-Identifier: MIT */
/* Which files of a cgroup hold what, on v1 and on v2.
 *
 * A new counter begins here: with its file, its key in cpu_stat.c and its name
 * in report.c. */
#ifndef CGROUP_CPU_VALUE_FILES_H
#define CGROUP_CPU_VALUE_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "values/cgroup_types.h"
#include "values/cpu_limit.h"
#include "values/cpu_stat.h"

/* What can be asked for, as bits of a mask. */
enum value_group {
  VALUE_GROUP_CORE = 1 << 0,
  VALUE_GROUP_USER_SYSTEM = 1 << 1,
  VALUE_GROUP_THROTTLING = 1 << 2,
  VALUE_GROUP_LIMIT = 1 << 3,
  VALUE_GROUP_PRESSURE = 1 << 4,
};

/* The parts of a limit, as bits of a mask. */
enum cpu_limit_part {
  CPU_LIMIT_QUOTA = 1 << 0,
  CPU_LIMIT_CPUS = 1 << 1,
  CPU_LIMIT_WEIGHT = 1 << 2,
};
#define CPU_LIMIT_ALL (CPU_LIMIT_QUOTA | CPU_LIMIT_CPUS | CPU_LIMIT_WEIGHT)

/* The most files of each kind that one cgroup has on any host. */
#define COUNTER_FILES_MAX 5
#define LIMIT_FILES_MAX 11

/* A file in which the kernel counts: it is read in each pass. */
struct counter_file {
  const char *name;
  /* Stands in for the file before it where that does not exist. */
  bool fallback;
  /* Only where usage is in v1. */
  bool usage_of_v1;
  /* In whose hierarchy it is. */
  enum cgroup_controller controller;
  /* The groups that need it, as a mask. */
  unsigned groups;
  int (*parse)(const char *text, size_t length, struct cpu_stat *stat);
};

/* A file in which people set a limit: it changes rarely. */
struct limit_file {
  const char *name;
  /* Stands in for the file before it where that does not exist. */
  bool fallback;
  enum cgroup_controller controller;
  enum cpu_limit_part part;
  /* Not of CPU_LIMIT_CPUS, which are for cpu_set_parse(). */
  int (*parse)(const char *text, size_t length, struct cpu_limit *limit);
};

/* Both store the files of a host where the hierarchies of the controllers have
 * these versions, usage being in that of CGROUP_CPUACCT, and return how many
 * there are. The first of the counter files is the one with CPU_USAGE_USEC. */
size_t
counter_files(const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
              const struct counter_file *files[COUNTER_FILES_MAX]);

size_t limit_files(const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
                   const struct limit_file *files[LIMIT_FILES_MAX]);

/* The most files that show one controller. */
#define CONTROLLER_SIGNS_MAX 3

/* The names of the files by which a cgroup of v1 shows that it has the
 * controller; NULL ends them if there are fewer than CONTROLLER_SIGNS_MAX. */
const char *const *controller_signs(enum cgroup_controller controller);

/* The name of the file with CPU_USAGE_USEC. */
const char *usage_file(enum cgroup_version version);

#endif
