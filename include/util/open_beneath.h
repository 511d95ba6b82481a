/* SPDX-License-Identifier: MIT */
/* Opens files below a directory, and nothing outside of it. */
#ifndef CGROUP_CPU_OPEN_BENEATH_H
#define CGROUP_CPU_OPEN_BENEATH_H

#include <stdbool.h>

/* Opens `path`, relative to the directory `root` ("" is `root` itself), with
 * the open(2) flags `flags` and O_CLOEXEC. No symbolic link is followed in any
 * component, and neither files outside of `root` nor other file systems mounted
 * below it are reached, see openat2(2). Without openat2, in old kernels and
 * sandboxes, one component is opened at a time.
 *
 * Returns the descriptor, or a negative errno: -ELOOP or -ENOTDIR for a
 * symbolic link, -EXDEV for another file system.
 */
int open_beneath(int root, const char *path, int flags);

/* The same for a `root` and a `path` of somebody who may keep the caller
 * waiting: a file system mounted there need never answer, so it is not even
 * looked at, and a directory can be locked for ever, so only what the kernel
 * has in its cache is found: else -EAGAIN. There is no other way without that
 * of openat2: -ENOSYS, -EPERM or -EINVAL before Linux 5.12. */
int open_within_mount(int root, const char *path, int flags);

/* The same, but across the mounts below `root`, which have to be known. */
int open_without_links(int root, const char *path, int flags);

/* Returns whether something is mounted on the directory `name` in `directory`;
 * false if the kernel or sandbox cannot report it. */
bool is_mount_beneath(int directory, const char *name);

#endif
