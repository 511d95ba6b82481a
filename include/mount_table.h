/* SPDX-License-Identifier: MIT */
/* The cgroup mounts named in a mountinfo file.
 *
 * Format: proc(5) "/proc/[pid]/mountinfo".
 */
#ifndef CGROUP_CPU_MOUNT_TABLE_H
#define CGROUP_CPU_MOUNT_TABLE_H

#include <stddef.h>

#include "hierarchy.h"

/* A cgroup2 mount, or a v1 mount that carries one of the controllers. */
struct cgroup_mount {
  enum cgroup_version version;
  /* For v1: bit (1 << controller) is set for each that it carries. */
  unsigned controllers;
  /* Where it is mounted, with the octal escapes decoded. */
  char *directory;
  /* Depth of the mounted subtree below the hierarchy's root: 0 for "/", 2 for
   * "/docker/<id>", negative for what lies above a cgroup namespace ("/.."). */
  int depth;
  /* Its line in the mountinfo file, counted from 1. */
  size_t line;
};

struct mount_table {
  struct cgroup_mount *mounts;
  size_t count;
};

/* Reads the mountinfo file at `path`, in its order; later mounts may hide
 * earlier ones. Lines that make no sense are passed over.
 *
 * Returns 0 and fills `table`, to be released with mount_table_release(), or
 * a negative errno.
 */
int mount_table_read(const char *path, struct mount_table *table);

void mount_table_release(struct mount_table *table);

#endif
