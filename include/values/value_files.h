/* SPDX-License-Identifier: MIT */
/* The files of a cgroup on v1 and v2, and what each contains.
 *
 * A new counter needs an entry here if its file is new, its key in cpu_stat.c,
 * and its name in report.c. */
#ifndef CGROUP_CPU_VALUE_FILES_H
#define CGROUP_CPU_VALUE_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "values/cgroup_types.h"
#include "values/cpu_limit.h"
#include "values/cpu_stat.h"

/* Groups of values that an option turns on, as bits of a mask. */
enum value_group {
  VALUE_GROUP_CORE = 1 << 0,
  VALUE_GROUP_USER_SYSTEM = 1 << 1,
  VALUE_GROUP_THROTTLING = 1 << 2,
  VALUE_GROUP_LIMIT = 1 << 3,
  VALUE_GROUP_PRESSURE = 1 << 4,
  /* Those that need periods: throttling shows that a quota may have changed. */
  VALUE_GROUP_PERIODS = VALUE_GROUP_THROTTLING | VALUE_GROUP_LIMIT,
};

/* The parts of a limit, as bits of a mask. */
enum cpu_limit_part {
  CPU_LIMIT_QUOTA = 1 << 0,
  CPU_LIMIT_CPUS = 1 << 1,
  CPU_LIMIT_WEIGHT = 1 << 2,
};
#define CPU_LIMIT_ALL (CPU_LIMIT_QUOTA | CPU_LIMIT_CPUS | CPU_LIMIT_WEIGHT)

/* The most files of each kind on any host. */
#define COUNTER_FILES_MAX 6
#define LIMIT_FILES_MAX 11

/* A file of counters: it is read in each pass. */
struct counter_file {
  const char *name;
  /* Read only if the file before it does not exist. */
  bool fallback;
  /* Read only if the usage is in v1. */
  bool usage_of_v1;
  /* The controller whose hierarchy it is in. */
  enum cgroup_controller controller;
  /* A mask of enum value_group: these need it. */
  unsigned groups;
  /* Its counters move only while tasks run, or as long as a period of the quota
   * has not ended: not while they wait. */
  bool rests;
  int (*parse)(const char *text, size_t length, struct cpu_stat *stat);
};

/* A file of a limit that somebody set: it changes rarely. */
struct limit_file {
  const char *name;
  /* Read only if the file before it does not exist. */
  bool fallback;
  enum cgroup_controller controller;
  enum cpu_limit_part part;
  /* NULL for CPU_LIMIT_CPUS: use cpu_set_parse(). */
  int (*parse)(const char *text, size_t length, struct cpu_limit *limit);
};

/* Both store the files of a host and return their number. `versions` are those
 * of the controllers' hierarchies; the usage is in that of CGROUP_CPUACCT. The
 * first counter file is the one with CPU_USAGE_USEC. */
size_t
counter_files(const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
              const struct counter_file *files[COUNTER_FILES_MAX]);

size_t limit_files(const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
                   const struct limit_file *files[LIMIT_FILES_MAX]);

/* The most files that show one controller. */
#define CONTROLLER_SIGNS_MAX 3

/* Returns the names of files of which a v1 cgroup has one if it has the
 * controller. NULL ends the list if it is shorter than CONTROLLER_SIGNS_MAX. */
const char *const *controller_signs(enum cgroup_controller controller);

/* Returns the name of the file with CPU_USAGE_USEC. */
const char *usage_file(enum cgroup_version version);

#endif
