/* SPDX-License-Identifier: MIT */
/* Events about directories that come and go, from inotify(7). */
#ifndef CGROUP_CPU_WATCHER_H
#define CGROUP_CPU_WATCHER_H

#include <stdbool.h>

struct watcher {
  /* -1: there are no events on this system. */
  int fd;
};

/* Takes what happened: something was made, removed or renamed in the watched
 * directory. */
typedef void (*watcher_event)(void *context, int watch);

/* Returns 0 or a negative errno; then the other calls do nothing. */
int watcher_open(struct watcher *watcher);

void watcher_close(struct watcher *watcher);

/* Watches the directory at `path`. Returns the watch descriptor or a negative
 * errno: -ENOSPC at the user's limit of watches. */
int watcher_add(const struct watcher *watcher, const char *path);

/* Ends the watch of a directory that may exist on. */
void watcher_remove(const struct watcher *watcher, int watch);

/* Hands over all events that wait; never blocks. Returns false if some were
 * lost. */
bool watcher_drain(const struct watcher *watcher, watcher_event event,
                   void *context);

#endif
