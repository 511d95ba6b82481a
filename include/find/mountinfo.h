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
  /* For v1: bit (1 << controller) is set for each of its controllers. */
  unsigned controllers;
  /* The mount point, and the cgroup that is mounted there: "/", "/docker/<id>",
   * or
   * "/.." for one above the cgroup namespace. Octal escapes are decoded. */
  char *directory;
  char *root;
  /* Another mount covers it, so the directory shows that one. */
  bool hidden;
  /* The depth of `root`: 0 for "/", 2 for "/docker/<id>", negative above the
   * cgroup namespace ("/.."). */
  int depth;
  /* Its line in the mountinfo file, counted from 1. */
  size_t line;
};

struct mountinfo {
  struct cgroup_mount *mounts;
  size_t count;
};

/* Reads the mountinfo file at `path`, in its order. Malformed lines are
 * skipped.
 *
 * Returns 0 and fills `table`, to be released with mountinfo_release(), or
 * a negative errno.
 */
int mountinfo_read(const char *path, struct mountinfo *table);

/* Returns the mount, of those not hidden, that contains the absolute path,
 * which has no symbolic links; or NULL. Borrowed from the table. */
const struct cgroup_mount *mountinfo_find(const struct mountinfo *table,
                                          const char *path);

/* Translates `path`, the directory of a cgroup in the mount `from`, to the
 * directory of the cgroup with the same name in the mount `to`, which may be of
 * another hierarchy; NULL if `to` does not show it. Names are compared as the
 * cgroup namespace shows them. The caller frees the result.
 *
 * Returns 0 or -ENOMEM.
 */
int mountinfo_translate(const struct cgroup_mount *from, const char *path,
                        const struct cgroup_mount *to, char **translated);

void mountinfo_release(struct mountinfo *table);

#endif
