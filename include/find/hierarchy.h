/* SPDX-License-Identifier: MIT */
/* The cgroup hierarchy that accounts CPU time, and those that hold limits.
 *
 * The kernel's admin-guide/cgroup-v2.rst and admin-guide/cgroup-v1/cpuacct.rst.
 */
#ifndef CGROUP_CPU_HIERARCHY_H
#define CGROUP_CPU_HIERARCHY_H

#include <stdbool.h>
#include <stdint.h>

#include "values/cgroup_types.h"

struct hierarchy {
  enum cgroup_version version;
  /* The kernel's own cgroup file system, not one that forwards it (9p in
   * gVisor, FUSE). Only here can events and link counts be relied on. */
  bool native;
  /* The magic number of the file system; 0: not known. */
  uint64_t magic;
  /* The directory of the root cgroup. */
  char *path;
  /* The hierarchy of the other version, if both exist and the user chose none.
   * It is not read. The path is NULL if there is none. */
  struct hierarchy_other {
    enum cgroup_version version;
    bool native;
    char *path;
  } other;
  /* The version and directory of each controller's files. A controller belongs
   * to one hierarchy at a time, of either version.
   *
   *   `path`   `version`              the files are
   *   set      of that hierarchy      in `path`, the same cgroup there
   *   NULL     2, or 1 for cpuacct    in the directory above
   *   NULL     1 for another          nowhere: no hierarchy shows them */
  struct hierarchy_controller {
    enum cgroup_version version;
    char *path;
  } controllers[CGROUP_CONTROLLER_COUNT];
};

/* Stores the magic number of the file system that the directory `path` is on,
 * as statfs(2) reports it. Returns 0 or a negative errno. */
int hierarchy_magic(const char *path, uint64_t *magic);

/* Returns whether the hierarchy is known to be gone: its directory was removed
 * or its mount unmounted. Returns false if that cannot be seen. */
bool hierarchy_is_gone(const struct hierarchy *hierarchy);

/* Returns a log line with what was found. If there is another hierarchy, it
 * also gives the number of cgroups in each and how to read the other. Returns
 * NULL without memory. The caller frees it. */
char *hierarchy_describe(const struct hierarchy *hierarchy);

void hierarchy_release(struct hierarchy *hierarchy);

#endif
