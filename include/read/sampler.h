/* SPDX-License-Identifier: MIT */
/* Takes a sample of one cgroup: reads all its wanted files once. */
#ifndef CGROUP_CPU_SAMPLER_H
#define CGROUP_CPU_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "read/file_reader.h"
#include "tree/tree.h"
#include "values/value_files.h"

/* Limits, and files that were missing, are read again every SAMPLER_ROUND
 * passes; see also cgroup_limits.h. */
#define SAMPLER_ROUND 6

struct sampler {
  const struct counter_file *files[COUNTER_FILES_MAX];
  size_t file_count;
  /* A mask of enum value_group: wanted. */
  unsigned groups;
  /* Of each controller's hierarchy: the version, and the path and the open
   * directory of the root cgroup, or the negative errno of opening it; -ENOENT
   * if there is no hierarchy. Borrowed. */
  enum cgroup_version versions[CGROUP_CONTROLLER_COUNT];
  const char *root_paths[CGROUP_CONTROLLER_COUNT];
  int root_fds[CGROUP_CONTROLLER_COUNT];
  /* The number of this pass. */
  uint64_t pass;
  /* What any cgroup had so far: bits (1 << counter), and a mask of enum
   * cpu_limit_part. */
  uint32_t seen_counters;
  unsigned seen_parts;
  /* Files of idle cgroups stay open. */
  bool keeps_idle;
  /* Periods are in a hierarchy of their own, where other processes can be in a
   * cgroup with the same path. */
  bool periods_apart;
  struct file_reader reader;
};

/* Prepares the sampler. `versions` and `root_paths` are those of the
 * controllers' hierarchies; the usage is in that of CGROUP_CPUACCT. */
void sampler_open(struct sampler *sampler,
                  const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
                  const char *const root_paths[CGROUP_CONTROLLER_COUNT],
                  unsigned groups, size_t keep_open);

/* Call it for every cgroup that leaves the tree. */
void sampler_forget(struct sampler *sampler, struct cgroup *cgroup);

/* Reads the counters of `cgroup`: those of the core, and those of `groups` that
 * exist. Missing counters are absent from `sample`.
 *
 * Returns 0; the negative errno of reading the core's file, see
 * file_reader_read(); or -ENODATA, -EINVAL or -ERANGE if it is malformed. If
 * another file exists and cannot be read, that is noted in `failure`.
 */
int sampler_read(struct sampler *sampler, struct cgroup *cgroup,
                 unsigned groups, struct cpu_sample *sample,
                 struct failure *failure);

/* The same for a cgroup that used no CPU between its previous sample and the
 * time `nsec`. What moves only with its use is not read again: it has the value
 * of that sample at that time. Waiting is no use: pressure, and throttling by
 * quotas above, are read, and so is throttling before its periods have rested.
 *
 * Returns whether this is possible; if not, nothing was read. It is not where
 * the previous sample is incomplete, nor once every SAMPLER_ROUND passes if
 * throttling is wanted and would be in the same file. */
bool sampler_repeat(struct sampler *sampler, struct cgroup *cgroup,
                    unsigned groups, uint64_t nsec, struct cpu_sample *sample,
                    struct failure *failure);

/* Returns whether the file of the core values is open from an earlier reading
 * of this very cgroup. */
static inline bool sampler_has_open(const struct cgroup *cgroup) {
  return cgroup->fd >= 0;
}

/* Returns the name of the core's file. */
const char *sampler_core_file(const struct sampler *sampler);

/* Returns a text with the wanted values that no cgroup has, and why; NULL if
 * there are none. The caller frees it. */
char *sampler_explain_missing(const struct sampler *sampler);

/* For cgroup_limits.h: */

/* Returns whether the limits of `cgroup` are read again in this pass. */
bool sampler_has_turn(const struct sampler *sampler,
                      const struct cgroup *cgroup);

/* Reads a file that is not kept open, in the hierarchy of that controller.
 * Returns the length of the text or a negative errno. */
ssize_t sampler_read_text(const struct sampler *sampler,
                          const struct cgroup *cgroup,
                          enum cgroup_controller controller, const char *file,
                          char *text, size_t size);

/* Returns whether this error means that the kernel has no such file. */
bool sampler_is_missing(int status);

/* Notes that a file could not be read, unless the cgroup is gone. */
void sampler_note_failure(const struct sampler *sampler,
                          const struct cgroup *cgroup,
                          enum cgroup_controller controller, const char *file,
                          int status, struct failure *failure);

/* Returns the details of `cgroup`, created if needed; NULL without memory. */
struct cgroup_details *sampler_details(struct cgroup *cgroup);

#endif
