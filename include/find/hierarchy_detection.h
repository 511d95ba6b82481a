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
 * The magic number of a file system shows whether it is a cgroup mount, not the
 * name of its directory; if a sandbox hides the magic number, the files in it
 * do. If there are several mounts, the usual place decides, then how much of
 * its hierarchy a mount shows, then whether it is the usual place of another
 * system:
 *
 *   v2 at /sys/fs/cgroup, v1 at /sys/fs/cgroup/cpuacct or /run/x     v2
 *   v1 at /sys/fs/cgroup/cpuacct, v2 at /sys/fs/cgroup/unified       v1
 *   v2 at /sys/fs/cgroup/unified, v1 at /run/x                       v2
 *   v2 at /host/sys/fs/cgroup, v1 at /run/x                          v2
 *   v1 at /a, v2 at /b                                               v1
 *
 * If nothing else decides, it is v1: container engines on a hybrid host may
 * create no cgroups in v2.
 *
 * Returns 0 and fills `hierarchy`; the caller releases it with
 * hierarchy_release(). Returns -ENOENT if there is none. Returns another
 * negative errno if it could not search everywhere without memory or
 * descriptors; the caller may try again. On failure `explanation`, unless it is
 * NULL, is set to a text for the user: where it searched, what was there and
 * what to do. The caller frees the text, which is NULL without memory.
 */
int hierarchy_detect(const struct hierarchy_options *options,
                     struct hierarchy *hierarchy, char **explanation);

#endif
