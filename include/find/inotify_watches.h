/* SPDX-License-Identifier: MIT */
/* Watches directories of cgroups and receives the kernel's events: inotify(7).
 *
 * Watches are limited per user, and shared with the user's other processes.
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
  /* The most watches that the user may have, when last read; 0: not known. */
  uint64_t maximum;
  /* Search tree of tsearch(3) over the watched cgroups. */
  void *by_watch;
  /* The negative errno of the latest cgroup that could not be watched. */
  int error;
};

/* A cgroup was created, removed or renamed below `cgroup`. */
typedef void (*inotify_watches_event)(void *context, struct cgroup *cgroup);

/* The initial value: no events, and nothing to release. */
#define INOTIFY_WATCHES_CLOSED                                                 \
  { .fd = -1 }

/* Begins an update. Opens inotify if it is not open, and sets the share to half
 * of what the user may have, see /proc/sys/fs/inotify/max_user_watches and, for
 * this user namespace, /proc/sys/user/max_inotify_watches. With `refresh`,
 * reads them again and raises a share that inotify_watches_add() lowered a
 * little.
 */
void inotify_watches_begin(struct inotify_watches *watches, bool refresh);

/* Ends all watches. */
void inotify_watches_close(struct inotify_watches *watches);

/* Watches the directory of `cgroup` below `root_path`. If the user has no
 * watches left, the share becomes half of the watches held;
 * inotify_watches_surplus() then returns how many to give back. Returns 0 or a
 * negative errno, -ENOSPC if the share is used up.
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

/* Calls `event` for all waiting events; never blocks. Returns false if events
 * were lost. */
bool inotify_watches_drain(struct inotify_watches *watches,
                           inotify_watches_event event, void *context);

#endif
