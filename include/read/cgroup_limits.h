/* SPDX-License-Identifier: MIT */
/* The most CPU that each cgroup may use: from quotas, cpusets and the CPUs that
 * are online.
 *
 * The smallest quota of a cgroup and its ancestors applies. A cgroup without a
 * cpuset has the CPUs of the nearest ancestor with one. A partition (v2,
 * cpuset.cpus.partition) takes its CPUs from its ancestors, whose subtrees can
 * still use both:
 *
 *   effective CPUs                    may use       limit on a machine of 4
 *   / 0, /rt 1-3 (a partition)        / 0-3         none
 *                                     /rt 1-3       3000
 *   / 0-3, /a 0-1                     / 0-3         none
 *                                     /a 0-1        2000
 *   / 0-3, /a quota of 400 %          /a 0-3        4000
 *
 * The level of a limit is how many levels above the cgroup it is set: 0 is its
 * own. Of equal limits, the nearest one counts. A quota is set where its file
 * has one. CPUs are set in the highest cgroup of those above that have no more
 * of them, because a cpuset without CPUs of its own shows those of its parent.
 * If only the machine is smaller than a quota, no cgroup has set the limit:
 *
 *   on a machine of 4                             limit    level
 *   /a quota of 200 %, /a/b of 50 %, /a/b/c       c 500    1
 *   /a CPUs 0-1, /a/b 0-1, /a/b/c 0               b 2000   1
 *                                                 c 1000   0
 *   /a quota of 800 %                             a 4000   none
 */
#ifndef CGROUP_CPU_CGROUP_LIMITS_H
#define CGROUP_CPU_CGROUP_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "read/machine_cpus.h"
#include "read/sampler.h"

/* A list of 8192 CPUs, every second of which is missing. */
#define CGROUP_LIMITS_TEXT_MAX 24576

struct cgroup_limits {
  /* Borrowed. */
  struct sampler *sampler;
  const struct limit_file *files[LIMIT_FILES_MAX];
  size_t file_count;
  /* These controllers have another hierarchy than the usage: processes may be
   * in other cgroups there. */
  bool separate[CGROUP_CONTROLLER_COUNT];
  struct machine_cpus machine;
  /* The negative errno of reading the machine's CPUs in this pass, or 0. */
  int machine_error;
  /* Passes until a change of the machine has reached all cpusets. */
  unsigned settling;
  /* The CPUs of the root and of all partitions, if the machine's CPUs are not
   * known. */
  struct cpu_set root_cpus;
  /* All cgroups were seen at least once. */
  bool complete;
  char text[CGROUP_LIMITS_TEXT_MAX];
  /* A failure of the cgroup at hand. */
  struct failure failure;
};

/* Returns whether the throttling of `cgroup` is read in each pass. */
typedef bool (*cgroup_limits_is_sampled)(const void *context,
                                         const struct cgroup *cgroup);

/* Prepares for the files and directories of `sampler`, which is open.
 * `separate` marks the controllers with another hierarchy than the usage.
 * `directory` has the machine's lists of CPUs; it is borrowed. */
void cgroup_limits_open(struct cgroup_limits *limits, struct sampler *sampler,
                        const bool separate[CGROUP_CONTROLLER_COUNT],
                        const char *directory);

void cgroup_limits_close(struct cgroup_limits *limits);

/* Call it for every cgroup that leaves the tree. */
void cgroup_limits_forget(struct cgroup *cgroup);

/* Begins a pass. `order` has all cgroups, parents before children; `complete`:
 * the tree lacks none. Reads the limits of cgroups whose turn it is, or whose
 * limits are not known, and of all after the machine's CPUs changed. The quota
 * of a cgroup that is not sampled is read in each pass: nothing else shows a
 * change.
 *
 * Returns the number of failures: cgroups that could not be read, and the
 * machine's CPUs. The first is noted in `failure`. */
size_t cgroup_limits_begin(struct cgroup_limits *limits,
                           struct cgroup *const *order, size_t count,
                           bool complete, cgroup_limits_is_sampled is_sampled,
                           const void *context, struct failure *failure);

/* Sets `limit.millicores` and `limit.level` of `cgroup`; call it for its
 * ancestors first. `sample` is of this pass, or NULL. The limit is read again
 * first if more periods were throttled than in the previous sample, or if the
 * use, `millicores`, is above it. An error is noted in `failure`. */
void cgroup_limits_update(struct cgroup_limits *limits, struct cgroup *cgroup,
                          const struct cpu_stat *sample, double millicores,
                          struct failure *failure);

#endif
