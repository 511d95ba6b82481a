/* SPDX-License-Identifier: MIT */
/* All the files of one cgroup that are wanted, read once: a sample of it. */
#ifndef CGROUP_CPU_SAMPLER_H
#define CGROUP_CPU_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "read/file_reader.h"
#include "tree/tree.h"
#include "values/value_files.h"

/* Files that people set, and files that were missing, are read again every so
 * many passes; see also cgroup_limits.h. */
#define SAMPLER_ROUND 6

struct sampler {
  const struct counter_file *files[COUNTER_FILES_MAX];
  size_t file_count;
  /* What is wanted: a mask of enum value_group. */
  unsigned groups;
  /* Versions of the controllers' hierarchies, paths of the root cgroup there,
   * and its directories, or the negative errno of opening them; -ENOENT: there
   * is none. Borrowed. */
  enum cgroup_version versions[CGROUP_CONTROLLER_COUNT];
  const char *root_paths[CGROUP_CONTROLLER_COUNT];
  int root_fds[CGROUP_CONTROLLER_COUNT];
  /* Counts the passes. */
  uint64_t pass;
  /* What was found anywhere: bits (1 << counter), and of enum cpu_limit_part.
   */
  uint32_t seen_counters;
  unsigned seen_parts;
  struct file_reader reader;
};

/* Prepares for a host where the controllers' hierarchies have these versions
 * and these paths of the root cgroup; usage is in that of CGROUP_CPUACCT. */
void sampler_open(struct sampler *sampler,
                  const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
                  const char *const root_paths[CGROUP_CONTROLLER_COUNT],
                  unsigned groups, size_t keep_open);

/* To be called for every cgroup that leaves the tree. */
void sampler_forget(struct sampler *sampler, struct cgroup *cgroup);

/* Reads the counters of `cgroup`: those of the core, and those of `groups` in
 * so far as they are there. What is missing is absent from `sample`.
 *
 * Returns 0, or the negative errno of the core's file, as file_reader_read()
 * does, or -ENODATA, -EINVAL or -ERANGE where it cannot be understood. What is
 * there of the other files and could not be read is noted in `failure`.
 */
int sampler_read(struct sampler *sampler, struct cgroup *cgroup,
                 unsigned groups, struct cpu_sample *sample,
                 struct failure *failure);

/* The name of the core's file. */
const char *sampler_core_file(const struct sampler *sampler);

/* Says which of the wanted values no cgroup has, and why. Returns NULL when
 * there is nothing to say. The caller frees it. */
char *sampler_explain_missing(const struct sampler *sampler);

/* For cgroup_limits.h: */

/* Whether what changes rarely is read again in this pass. */
bool sampler_has_turn(const struct sampler *sampler,
                      const struct cgroup *cgroup);

/* Reads a file that is not kept open, in the hierarchy of that controller.
 * Returns the length of the text or a negative errno. */
ssize_t sampler_read_text(const struct sampler *sampler,
                          const struct cgroup *cgroup,
                          enum cgroup_controller controller, const char *file,
                          char *text, size_t size);

/* Whether such an error means that the file does not exist here. */
bool sampler_is_missing(int status);

/* Notes why a file could not be read, unless the cgroup is gone. */
void sampler_note_failure(const struct sampler *sampler,
                          const struct cgroup *cgroup,
                          enum cgroup_controller controller, const char *file,
                          int status, struct failure *failure);

/* The details of `cgroup`, made if there are none; NULL without memory. */
struct cgroup_details *sampler_details(struct cgroup *cgroup);

#endif
