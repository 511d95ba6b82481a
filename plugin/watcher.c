/* SPDX-License-Identifier: MIT */
#include "watcher.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

#define CHANGES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

/* Room for many events of ordinary names in one read, and as many reads as a
 * full queue of the kernel's default length takes: who makes events faster than
 * they are read must not keep the reader from its work. */
#define BUFFER_SIZE 16384
#define READS_MAX 512

int watcher_open(struct watcher *watcher) {
  watcher->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  return watcher->fd >= 0 ? 0 : -errno;
}

void watcher_close(struct watcher *watcher) {
  if (watcher->fd >= 0)
    (void)close(watcher->fd);
  watcher->fd = -1;
}

int watcher_add(const struct watcher *watcher, const char *path) {
  if (watcher->fd < 0)
    return -ENOSYS;
  int watch = inotify_add_watch(watcher->fd, path,
                                CHANGES | IN_ONLYDIR | IN_DONT_FOLLOW);
  return watch >= 0 ? watch : -errno;
}

void watcher_remove(const struct watcher *watcher, int watch) {
  if (watcher->fd >= 0 && watch >= 0)
    (void)inotify_rm_watch(watcher->fd, watch);
}

static bool handle(const char *events, size_t length, watcher_event event,
                   void *context) {
  bool complete = true;

  for (const char *at = events; at < events + length;) {
    const struct inotify_event *what = (const void *)at;

    if ((what->mask & IN_Q_OVERFLOW) != 0)
      complete = false;
    else if ((what->mask & CHANGES) != 0 && (what->mask & IN_ISDIR) != 0)
      event(context, what->wd);
    at += sizeof(*what) + what->len;
  }
  return complete;
}

bool watcher_drain(const struct watcher *watcher, watcher_event event,
                   void *context) {
  _Alignas(struct inotify_event) char buffer[BUFFER_SIZE];
  bool complete = true;

  if (watcher->fd < 0)
    return true;
  for (int reads = 0; reads < READS_MAX; reads++) {
    ssize_t length = read(watcher->fd, buffer, sizeof(buffer));

    if (length < 0 && errno == EINTR)
      continue;
    if (length <= 0)
      return complete && errno == EAGAIN;
    if (!handle(buffer, (size_t)length, event, context))
      complete = false;
  }
  return false;
}
