/* SPDX-License-Identifier: MIT */
/* The cgroup mounts named in a mountinfo file.
 *
 * Format: proc(5) "/proc/[pid]/mountinfo".
 */
#ifndef CGROUP_CPU_MOUNTINFO_H
#define CGROUP_CPU_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>

#include "values/cgroup_types.h"

/* A cgroup2 mount, or a v1 mount that carries one of the controllers. */
struct cgroup_mount {
  enum cgroup_version version;
  /* For v1: bit (1 << controller) is set for each that it carries. */
  unsigned controllers;
  /* Where it is mounted, and the cgroup of its hierarchy that is mounted there:
   * "/", "/docker/<id>", "/.." for what lies above a cgroup namespace. Both
   * with the octal escapes decoded. */
  char *directory;
  char *root;
  /* Another mount, of any file system, covers it: the directory is not this. */
  bool hidden;
  /* Depth of the mounted subtree below the hierarchy's root: 0 for "/", 2 for
   * "/docker/<id>", negative for what lies above a cgroup namespace ("/.."). */
  int depth;
  /* Its line in the mountinfo file, counted from 1. */
  size_t line;
};

struct mountinfo {
  struct cgroup_mount *mounts;
  size_t count;
};

/* Reads the mountinfo file at `path`, in its order. Lines that make no sense
 * are passed over.
 *
 * Returns 0 and fills `table`, to be released with mountinfo_release(), or
 * a negative errno.
 */
int mountinfo_read(const char *path, struct mountinfo *table);

/* The mount that the absolute path without symbolic links lies in, among those
 * that are not hidden. NULL: none. Borrowed from the table. */
const struct cgroup_mount *mountinfo_find(const struct mountinfo *table,
                                          const char *path);

/* Stores where the cgroup whose directory is `path`, in the mount `from`, has
 * the directory of the cgroup of the same name in the mount `to`, of whatever
 * hierarchy; NULL where `to` does not show it. Names are compared as the cgroup
 * namespace shows them. The caller frees it.
 *
 * Returns 0 or -ENOMEM.
 */
int mountinfo_translate(const struct cgroup_mount *from, const char *path,
                        const struct cgroup_mount *to, char **translated);

void mountinfo_release(struct mountinfo *table);

#endif
