/* SPDX-License-Identifier: MIT */
/* Opens the home directories of users, who can mount file systems there that
 * never answer.
 *
 * Formats: passwd(5); proc(5) "/proc/[pid]/mountinfo" and
 * "/proc/[pid]/fdinfo/", "mnt_id".
 */
#ifndef CGROUP_CPU_HOME_H
#define CGROUP_CPU_HOME_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct homes {
  /* What stands before "/etc/passwd" and the home directories; borrowed. */
  const char *name_root;
  /* "/proc/self/mountinfo", except in tests. */
  const char *mountinfo;
};

/* Opens the home directory of the user `uid` with O_PATH, if it is on a file
 * system of this machine's own memory or disks and in the kernel's cache:
 * nothing on the way to it can keep the caller waiting. Stores its path, or ""
 * if that is not known.
 *
 * Returns the descriptor or a negative errno: -ENOENT if the user is not in
 * /etc/passwd or has no such directory, -EXDEV if it is on any other file
 * system, -EAGAIN if it is not in the cache, -ELOOP or -ENOTDIR if a symbolic
 * link is on the way, -ENOSYS or -EPERM without openat2(2). */
int home_open(const struct homes *homes, uid_t uid, char path[PATH_MAX]);

/* Returns whether this process may read files that only the user `uid` and root
 * may, see capabilities(7). A lookup in the cache does not tell. */
bool home_may_read(uid_t uid);

#endif
