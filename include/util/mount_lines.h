/* SPDX-License-Identifier: MIT */
/* The mounts named in a mountinfo file, of any kind.
 *
 * Format: proc(5) "/proc/[pid]/mountinfo".
 */
#ifndef CGROUP_CPU_MOUNT_LINES_H
#define CGROUP_CPU_MOUNT_LINES_H

#include <stddef.h>

/* A mount. The texts are valid during the call only, and may be changed. */
struct mount_line {
  unsigned long id;
  unsigned long parent;
  /* What is mounted there, and the mount point. Octal escapes are decoded. */
  char *root;
  char *directory;
  char *type;
  char *super_options;
  /* Its line in the file, counted from 1. */
  size_t number;
};

/* Calls `each` for the mounts of the mountinfo file at `path`, in its order,
 * until it returns a negative errno. Malformed lines are skipped.
 *
 * Returns 0, or that negative errno, or another one if the file cannot be
 * read. */
int mount_lines_read(const char *path,
                     int (*each)(void *context, const struct mount_line *line),
                     void *context);

#endif
