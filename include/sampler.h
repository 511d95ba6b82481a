/* SPDX-License-Identifier: MIT */
/* All the files of one cgroup that are wanted, read once: a sample of it. */
#ifndef CGROUP_CPU_SAMPLER_H
#define CGROUP_CPU_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "cpu_file.h"
#include "reader.h"
#include "tree.h"

/* Files that people set, and files that were missing, are read again every so
 * many passes; limits also at once where more is used than they allow. */
#define SAMPLER_ROUND 6

struct sampler {
  const struct cpu_file *files;
  size_t file_count;
  /* What is wanted: a mask of enum cpu_group. */
  unsigned groups;
  /* Directories of the root cgroup by controller, or the negative errno of
   * opening them; -ENOENT: there is none. On v2 all are the same. Borrowed. */
  int root_fds[CGROUP_CONTROLLER_COUNT];
  /* CPUs of the machine. */
  unsigned cpus;
  /* Counts the passes. */
  uint64_t pass;
  /* What was found anywhere: bits (1 << counter), and which files. */
  uint32_t seen_counters;
  unsigned seen_files;
  /* The first file, other than the core's, that is there and could not be read,
   * and why: a negative errno, until the user sets it back to 0. */
  const char *failed_file;
  int error;
  struct reader reader;
};

/* Prepares for the files of that version. */
void sampler_open(struct sampler *sampler, enum cgroup_version version,
                  unsigned groups, size_t keep_open);

/* To be called for every cgroup that leaves the tree. */
void sampler_forget(struct sampler *sampler, struct cgroup *cgroup);

/* Reads the counters of `cgroup`: those of the core, and those of `groups` in
 * so far as they are there. What is missing is absent from `sample`.
 *
 * Returns 0, or the negative errno of the core's file, as reader_read() does,
 * or -ENODATA, -EINVAL or -ERANGE where it cannot be understood.
 */
int sampler_read(struct sampler *sampler, struct cgroup *cgroup,
                 unsigned groups, struct cpu_sample *sample);

/* Brings the limit of `cgroup` up to date if its turn has come, or in any case
 * with `now`. That of its parent has to be up to date. Where a file cannot be
 * read, the limit is not known, nor any below. */
void sampler_read_limit(struct sampler *sampler, struct cgroup *cgroup,
                        bool now);

/* The name of the core's file. */
const char *sampler_core_file(const struct sampler *sampler);

/* Says which of the wanted values no cgroup has, and why. Returns NULL when
 * there is nothing to say. The caller frees it. */
char *sampler_explain_missing(const struct sampler *sampler);

#endif
