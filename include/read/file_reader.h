/* SPDX-License-Identifier: MIT */
/* Reads small files of many cgroups in every pass, cheaply.
 *
 * The cheapest way to read a file again is a descriptor that was kept open. It
 * costs kernel memory and part of the process's descriptor limit, so the number
 * of kept descriptors is limited. All other files are opened and closed each
 * time.
 */
#ifndef CGROUP_CPU_FILE_READER_H
#define CGROUP_CPU_FILE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tree/tree.h"

/* Lower descriptors are left to the rest of the process, which may use
 * select(2): it takes no higher ones. */
#define FILE_READER_LOWEST_FD 1024

/* The result of reading one file. */
struct reading {
  ssize_t length;
  /* When the kernel wrote the text, in nanoseconds of CLOCK_MONOTONIC. */
  uint64_t time_nsec;
};

struct file_reader {
  /* The most descriptors to keep; the most in this pass; and those kept. */
  size_t keep;
  size_t keep_now;
  size_t kept;
  /* The lowest descriptor to keep. */
  int lowest;
};

/* Prepares to keep up to `wanted` descriptors. The limit of the process sets a
 * bound as well; the soft limit is raised as far as needed:
 *
 *   hard limit of descriptors             kept at most
 *   2 * FILE_READER_LOWEST_FD or more     3/4 of those from
 * FILE_READER_LOWEST_FD lower                                 1/4 of all
 */
void file_reader_open(struct file_reader *reader, size_t wanted);

/* Returns where the descriptor of the counter file `index` is kept: -1 there if
 * it is not open. NULL: without details of the cgroup there is no place. */
static inline int *file_reader_kept(struct cgroup *cgroup, size_t index) {
  if (index == 0)
    return &cgroup->fd;
  return cgroup->details != NULL ? &cgroup->details->fds[index - 1] : NULL;
}

/* Begins a pass. If the process was out of descriptors in the previous one,
 * some may be free now. */
void file_reader_begin_pass(struct file_reader *reader);

/* Reads the file `name` of `cgroup` like kernel_file_read(). `root_fd` is the
 * directory of the root cgroup. The descriptor may be kept in
 * file_reader_kept(cgroup, index).
 *
 * Returns 0 and fills `reading`; -ENOENT or -ENODEV if the cgroup or the file
 * is gone; or another negative errno.
 */
int file_reader_read(struct file_reader *reader, int root_fd,
                     struct cgroup *cgroup, const char *name, size_t index,
                     char *buffer, size_t size, struct reading *reading);

/* The same without keeping the descriptor. Returns the length of the text, or a
 * negative errno. */
ssize_t file_reader_read_once(int root_fd, const struct cgroup *cgroup,
                              const char *name, char *buffer, size_t size);

/* Closes the descriptor `index` if it is kept. */
void file_reader_let_go(struct file_reader *reader, struct cgroup *cgroup,
                        size_t index);

/* Call it for every cgroup that leaves the tree. */
void file_reader_forget(struct file_reader *reader, struct cgroup *cgroup);

#endif
