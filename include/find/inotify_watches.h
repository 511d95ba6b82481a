/* SPDX-License-Identifier: MIT */
/* Which cgroups are watched, and what the kernel reports of them: inotify(7).
 *
 * Watches are a resource of the user, shared with all its other processes.
 */
#ifndef CGROUP_CPU_INOTIFY_WATCHES_H
#define CGROUP_CPU_INOTIFY_WATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tree/tree.h"

struct inotify_watches {
  /* -1: there are no events. */
  int fd;
  /* The watches held, and the most to hold. */
  size_t count;
  size_t share;
  /* What the user may have as the system had it last; 0: not known. */
  uint64_t maximum;
  /* Search tree of tsearch(3) over the watched cgroups. */
  void *by_watch;
  /* Why the latest cgroup that could not be watched is not: negative errno. */
  int error;
};

/* A cgroup was created, removed or renamed below `cgroup`. */
typedef void (*inotify_watches_event)(void *context, struct cgroup *cgroup);

/* No events yet, and nothing to release. */
#define INOTIFY_WATCHES_CLOSED                                                 \
  { .fd = -1 }

/* To be called before each update. Asks for events where there are none yet,
 * and takes half of the watches that the user may have as its share, from
 * /proc/sys/fs/inotify/max_user_watches and, for this user namespace,
 * /proc/sys/user/max_inotify_watches. With `refresh` it looks at these again,
 * and adds a little to a share that inotify_watches_add() had to lower.
 */
void inotify_watches_begin(struct inotify_watches *watches, bool refresh);

/* Ends all watches. */
void inotify_watches_close(struct inotify_watches *watches);

/* Watches `cgroup`, whose directory is its path below `root_path`. Where the
 * user has no watches left, the share becomes half of those held, which is half
 * of what others leave; inotify_watches_surplus() then says how many are to be
 * given back. Returns 0 or a negative errno, -ENOSPC when the share is used up.
 */
int inotify_watches_add(struct inotify_watches *watches, const char *root_path,
                        struct cgroup *cgroup);

/* Ends the watch of a cgroup, if it has one. */
void inotify_watches_remove(struct inotify_watches *watches,
                            struct cgroup *cgroup);

static inline size_t
inotify_watches_surplus(const struct inotify_watches *watches) {
  return watches->count > watches->share ? watches->count - watches->share : 0;
}

/* Hands over all events that wait; never blocks. Returns false if some were
 * lost. */
bool inotify_watches_drain(struct inotify_watches *watches,
                           inotify_watches_event event, void *context);

#endif
