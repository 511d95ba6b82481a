/* SPDX-License-Identifier: MIT */
/* Finds the cgroup hierarchy that accounts CPU time. A new layout of mounts
 * begins here.
 *
 * Formats: proc(5) "/proc/[pid]/mountinfo"; the kernel's
 * admin-guide/cgroup-v2.rst and admin-guide/cgroup-v1/cpuacct.rst.
 */
#ifndef CGROUP_CPU_HIERARCHY_DETECTION_H
#define CGROUP_CPU_HIERARCHY_DETECTION_H

#include "find/hierarchy.h"
#include "find/hierarchy_search.h"

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

#endif
