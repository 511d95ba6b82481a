/* SPDX-License-Identifier: MIT */
/* What each cgroup may use at most: quotas, CPUs, and the CPUs that the machine
 * has online now.
 *
 * Quotas nest: the smallest of a cgroup's own and of all above counts. The CPUs
 * of a cgroup without a cpuset are those of the nearest one above that has one.
 * A partition (v2, cpuset.cpus.partition) takes its CPUs out of those of the
 * cgroups above, while their subtrees go on to use both:
 *
 *   effective CPUs                    may use       limit on a machine of 4
 *   / 0, /rt 1-3 (a partition)        / 0-3         none
 *                                     /rt 1-3       3000
 *   / 0-3, /a 0-1                     / 0-3         none
 *                                     /a 0-1        2000
 *   / 0-3, /a quota of 400 %          /a 0-3        4000
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
  /* The hierarchies of these controllers are not that of usage, so that
   * processes may be in other cgroups there. */
  bool separate[CGROUP_CONTROLLER_COUNT];
  struct machine_cpus machine;
  /* The negative errno that keeps limits from being known in this pass; 0. */
  int machine_error;
  /* Passes until a change of the machine has reached all cpusets. */
  unsigned settling;
  /* Where the machine's CPUs are not known: those of the root and of all
   * partitions below. */
  struct cpu_set root_cpus;
  /* All cgroups were seen at least once. */
  bool complete;
  char text[CGROUP_LIMITS_TEXT_MAX];
  /* What could not be read of the cgroup that is looked at. */
  struct failure failure;
};

/* Whether the throttling of `cgroup` is known in each pass. */
typedef bool (*cgroup_limits_is_sampled)(const void *context,
                                         const struct cgroup *cgroup);

/* Prepares for the files and directories of `sampler`, which is open.
 * `directory` has the
 * machine's lists of CPUs and is borrowed. */
void cgroup_limits_open(struct cgroup_limits *limits, struct sampler *sampler,
                        const bool separate[CGROUP_CONTROLLER_COUNT],
                        const char *directory);

void cgroup_limits_close(struct cgroup_limits *limits);

/* To be called for every cgroup that leaves the tree. */
void cgroup_limits_forget(struct cgroup *cgroup);

/* Begins a pass over all cgroups, parents before children; `complete`: there
 * are none that could not be seen. Reads the limits of those whose turn it is,
 * or about which nothing is known, or after the CPUs of the machine changed.
 * Where nothing else would show that a quota changed, because the cgroup is not
 * sampled, it is read in each pass.
 *
 * Returns how many things could not be read: cgroups, and the machine's CPUs;
 * the first of them is noted in `failure`. */
size_t cgroup_limits_begin(struct cgroup_limits *limits,
                           struct cgroup *const *order, size_t count,
                           bool complete, cgroup_limits_is_sampled is_sampled,
                           const void *context, struct failure *failure);

/* Sets `limit_millicores` of `cgroup`, after those above. `sample` is of this
 * pass, or NULL. A limit that holds something back, so that more periods were
 * throttled than in the sample before, or that was surpassed by `millicores`,
 * is read again first. What could not be read is noted in `failure`. */
void cgroup_limits_update(struct cgroup_limits *limits, struct cgroup *cgroup,
                          const struct cpu_stat *sample, double millicores,
                          struct failure *failure);

#endif
