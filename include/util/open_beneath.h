/* SPDX-License-Identifier: MIT */
/* Opening what lies below a directory, and nothing else. */
#ifndef CGROUP_CPU_OPEN_BENEATH_H
#define CGROUP_CPU_OPEN_BENEATH_H

#include <stdbool.h>

/* Opens `path`, relative to the directory `root` ("" is `root` itself), with
 * the open(2) flags `flags` and O_CLOEXEC. No symbolic link is followed in any
 * component, and nothing outside of `root` is reached, nor what is mounted
 * below it from another file system, see openat2(2); where the kernel or a
 * sandbox has no openat2, one component is opened at a time.
 *
 * Returns the descriptor, or a negative errno: -ELOOP or -ENOTDIR for a
 * symbolic link, -EXDEV for another file system.
 */
int open_beneath(int root, const char *path, int flags);

/* Whether something is mounted on the directory `name` in `directory`; false
 * where the kernel or a sandbox cannot say. */
bool is_mount_beneath(int directory, const char *name);

#endif
