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
  /* The kernel's own cgroup file system, not one that passes it on (9p in
   * gVisor, FUSE): only there do events and link counts mean something. */
  bool native;
  /* The magic number of the file system; 0: not known. */
  uint64_t magic;
  /* The directory of the root cgroup. */
  char *path;
  /* The hierarchy of the other version, where it is there as well and nobody
   * said which one to take: it is not read. A path of NULL: there is none. */
  struct hierarchy_other {
    enum cgroup_version version;
    bool native;
    char *path;
  } other;
  /* Where the files of each controller are, and which version they are of. A
   * controller belongs to one hierarchy at a time, of either version, whichever
   * the CPU time is read from.
   *
   * With a path, that is the directory there of the same cgroup, another one
   * than the directory above. Without, the version is the one above; on v2 and
   * for cpuacct the files are then in the directory above, and otherwise no
   * hierarchy has the controller, or none that shows this cgroup. */
  struct hierarchy_controller {
    enum cgroup_version version;
    char *path;
  } controllers[CGROUP_CONTROLLER_COUNT];
};

/* Stores the magic number of the file system that the directory `path` is on,
 * as statfs(2) reports it. Returns 0 or a negative errno. */
int hierarchy_magic(const char *path, uint64_t *magic);

/* Whether the hierarchy is known to be no longer at its path: the directory is
 * gone, or what was mounted there is. What cannot be seen for another reason is
 * not known to be gone. */
bool hierarchy_is_gone(const struct hierarchy *hierarchy);

/* A line for the log that says what was found and, where there is another
 * hierarchy, how many cgroups each of them has and how to read the other.
 * Returns NULL without memory. The caller frees it. */
char *hierarchy_describe(const struct hierarchy *hierarchy);

void hierarchy_release(struct hierarchy *hierarchy);

#endif
