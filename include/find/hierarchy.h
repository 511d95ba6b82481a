/* SPDX-License-Identifier: MIT */
/* Which cgroup hierarchy of this system accounts CPU time, and in which file.
 *
 * Formats: proc(5) "/proc/[pid]/mountinfo"; the kernel's
 * admin-guide/cgroup-v2.rst and admin-guide/cgroup-v1/cpuacct.rst.
 */
#ifndef CGROUP_CPU_HIERARCHY_H
#define CGROUP_CPU_HIERARCHY_H

#include <stdbool.h>
#include <stdint.h>

#include "values/cgroup_types.h"

/* What to look for, and where. All zero is the default: this process's own
 * view, either version. */
struct hierarchy_options {
  /* Look below this directory only, not in the mount table. Borrowed. */
  const char *root;
  enum cgroup_version version;
  /* Put before every absolute path that is opened, so that a captured system
   * can be looked at from its files. Borrowed; NULL is the running system. */
  const char *system_root;
  /* Stands in for statfs(2): stores the file system's magic number of the
   * directory `path`, returns 0 or a negative errno. NULL is the kernel's. */
  int (*file_system_magic)(const char *path, uint64_t *magic);
};

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

/* Finds the hierarchy that accounts CPU time.
 *
 * A mount counts when its file system's magic number says so, not because of
 * the name of its directory; where a sandbox hides the magic number, the files
 * that exist decide. With several there, the usual place decides, then how much
 * of its hierarchy a mount shows, then whether it looks like another system's
 * usual place:
 *
 *   v2 at /sys/fs/cgroup, v1 at /sys/fs/cgroup/cpuacct or /run/x     v2
 *   v1 at /sys/fs/cgroup/cpuacct, v2 at /sys/fs/cgroup/unified       v1
 *   v2 at /sys/fs/cgroup/unified, v1 at /run/x                       v2
 *   v2 at /host/sys/fs/cgroup, v1 at /run/x                          v2
 *   v1 at /a, v2 at /b                                               v1
 *
 * Where nothing else decides it is v1: container engines of a hybrid host need
 * not create their cgroups in v2.
 *
 * Returns 0 and fills `hierarchy`, to be released with hierarchy_release().
 * Returns -ENOENT if there is none, or another negative errno when it could not
 * look everywhere because memory or descriptors are short, and may be tried
 * again; then `*explanation`, unless it is NULL, is a text for the user that
 * says where it looked, what was there and what to do. The caller frees it;
 * NULL stands for a text there was no memory for.
 */
int hierarchy_detect(const struct hierarchy_options *options,
                     struct hierarchy *hierarchy, char **explanation);

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
