/* SPDX-License-Identifier: MIT */
/* Reading small files of each cgroup, over and over, cheaply.
 *
 * A kept descriptor is the cheapest way to read a file again. It costs memory
 * of the kernel and a part of the process's descriptor limit, so only so many
 * are kept; the files of other cgroups are opened and closed each time.
 */
#ifndef CGROUP_CPU_FILE_READER_H
#define CGROUP_CPU_FILE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tree/tree.h"

/* Descriptors below this one are left to the rest of the process: some of it
 * may use select(2), which takes no others. */
#define FILE_READER_LOWEST_FD 1024

/* One file at one time. */
struct reading {
  ssize_t length;
  /* The time on CLOCK_MONOTONIC that the text is of. */
  uint64_t time_nsec;
};

struct file_reader {
  /* The most descriptors to keep, in this pass, and how many are. */
  size_t keep;
  size_t keep_now;
  size_t kept;
  /* The lowest descriptor to keep. */
  int lowest;
};

/* Prepares to keep up to `wanted` descriptors open, and no more than three
 * quarters of those that the process may have from FILE_READER_LOWEST_FD on,
 * for which its soft limit is raised as far as needed; where the hard limit is
 * lower than twice FILE_READER_LOWEST_FD, a quarter of all. */
void file_reader_open(struct file_reader *reader, size_t wanted);

/* To be called before the first file of a pass: where there was no descriptor
 * left in the pass before, there may be some now. */
void file_reader_begin_pass(struct file_reader *reader);

/* Reads the file `name` of `cgroup`, whose root is the directory `root_fd`, as
 * kernel_file_read() does. Its descriptor may be kept as the cgroup's
 * `fds[index]`.
 *
 * Returns 0 and fills `reading`; -ENOENT or -ENODEV when the cgroup or the file
 * is gone, or another negative errno.
 */
int file_reader_read(struct file_reader *reader, int root_fd,
                     struct cgroup *cgroup, const char *name, size_t index,
                     char *buffer, size_t size, struct reading *reading);

/* The same for a file that is not kept open. Returns the length of the text, or
 * a negative errno. */
ssize_t file_reader_read_once(int root_fd, const struct cgroup *cgroup,
                              const char *name, char *buffer, size_t size);

/* To be called for every cgroup that leaves the tree. */
void file_reader_forget(struct file_reader *reader, struct cgroup *cgroup);

#endif
