/* SPDX-License-Identifier: MIT */
#include "find/inotify_watches.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/errors.h"
#include "util/kernel_file.h"
#include "values/number.h"

#define CHANGES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

/* One read has room for many events with ordinary names. The number of reads is
 * enough for a full queue of the kernel's default length. It is limited: if
 * events are created faster than they are read, the reader must still
 * return. */
#define BUFFER_SIZE 16384
#define READS_MAX 512

static int compare_watches(const void *left, const void *right) {
  const struct cgroup *a = left;
  const struct cgroup *b = right;

  return a->watch < b->watch ? -1 : a->watch > b->watch;
}

/* Returns the number in a file, or 0 if there is none. */
static uint64_t read_number(const char *path) {
  CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
  char text[32];
  uint64_t number = 0;

  ssize_t length = fd >= 0 ? kernel_file_read(fd, text, sizeof(text)) : 0;
  if (length <= 0 || number_parse(text, (size_t)length, &number) < 0)
    return 0;
  return number;
}

/* After the user's limit was reached, others may have given up watches. So the
 * share grows a little each time. */
static void take_share(struct inotify_watches *watches, bool first) {
  uint64_t of_user = read_number("/proc/sys/fs/inotify/max_user_watches");
  uint64_t of_namespace = read_number("/proc/sys/user/max_inotify_watches");
  uint64_t maximum =
      of_user == 0 || (of_namespace > 0 && of_namespace < of_user)
          ? of_namespace
          : of_user;
  size_t share = maximum > 0 ? (size_t)(maximum / 2) : SIZE_MAX;

  if (first || maximum != watches->maximum)
    watches->share = share;
  else if (watches->share < share)
    watches->share += watches->share / 8 + 1;
  watches->maximum = maximum;
}

void inotify_watches_begin(struct inotify_watches *watches, bool refresh) {
  bool closed = watches->fd < 0;

  if (closed) {
    watches->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watches->fd < 0) {
      watches->error = -errno;
      return;
    }
  }
  if (closed || refresh)
    take_share(watches, closed);
}

static void forget_watch(void *watched) {
  struct cgroup *cgroup = watched;

  cgroup->watch = -1;
}

void inotify_watches_close(struct inotify_watches *watches) {
  if (watches->fd >= 0)
    (void)close(watches->fd);
  tdestroy(watches->by_watch, forget_watch);
  *watches = (struct inotify_watches)INOTIFY_WATCHES_CLOSED;
}

static int add_watch(struct inotify_watches *watches, const char *root_path,
                     const struct cgroup *cgroup) {
  char path[TREE_PATH_SIZE];
  CLEANUP_FREE char *full_path = NULL;

  if (watches->fd < 0)
    return watches->error < 0 ? watches->error : -ENOSYS;
  if (watches->count >= watches->share)
    return -ENOSPC;
  (void)tree_path(cgroup, path);
  if (asprintf(&full_path, "%s%s", root_path, path) < 0) {
    full_path = NULL;
    return -ENOMEM;
  }
  int watch = inotify_add_watch(watches->fd, full_path,
                                CHANGES | IN_ONLYDIR | IN_DONT_FOLLOW);
  if (watch < 0 && errno == ENOSPC) {
    watches->share = watches->count / 2;
    return -ENOSPC;
  }
  return watch >= 0 ? watch : -errno;
}

int inotify_watches_add(struct inotify_watches *watches, const char *root_path,
                        struct cgroup *cgroup) {
  int watch = add_watch(watches, root_path, cgroup);

  if (watch < 0) {
    if (!error_is_absence(watch))
      watches->error = watch;
    return watch;
  }
  cgroup->watch = watch;
  struct cgroup **owner = tsearch(cgroup, &watches->by_watch, compare_watches);
  if (owner != NULL && *owner == cgroup) {
    watches->count++;
    return 0;
  }
  /* The kernel has only one watch for a directory, even if it has several
   * paths. */
  cgroup->watch = -1;
  watches->error = owner == NULL ? -ENOMEM : -EEXIST;
  if (owner == NULL)
    (void)inotify_rm_watch(watches->fd, watch);
  return watches->error;
}

void inotify_watches_remove(struct inotify_watches *watches,
                            struct cgroup *cgroup) {
  if (cgroup->watch < 0)
    return;
  (void)tdelete(cgroup, &watches->by_watch, compare_watches);
  if (watches->fd >= 0)
    (void)inotify_rm_watch(watches->fd, cgroup->watch);
  cgroup->watch = -1;
  watches->count--;
}

static void hand_over(struct inotify_watches *watches, int watch,
                      inotify_watches_event event, void *context) {
  struct cgroup key = {.watch = watch};
  struct cgroup **found = tfind(&key, &watches->by_watch, compare_watches);

  if (found != NULL)
    event(context, *found);
}

static bool handle(struct inotify_watches *watches, const char *events,
                   size_t length, inotify_watches_event event, void *context) {
  bool complete = true;

  for (const char *at = events; at < events + length;) {
    const struct inotify_event *what = (const void *)at;

    if ((what->mask & IN_Q_OVERFLOW) != 0)
      complete = false;
    else if ((what->mask & CHANGES) != 0 && (what->mask & IN_ISDIR) != 0)
      hand_over(watches, what->wd, event, context);
    at += sizeof(*what) + what->len;
  }
  return complete;
}

bool inotify_watches_drain(struct inotify_watches *watches,
                           inotify_watches_event event, void *context) {
  _Alignas(struct inotify_event) char buffer[BUFFER_SIZE];
  bool complete = true;

  if (watches->fd < 0)
    return true;
  for (int reads = 0; reads < READS_MAX; reads++) {
    ssize_t length = read(watches->fd, buffer, sizeof(buffer));

    if (length < 0 && errno == EINTR)
      continue;
    if (length <= 0)
      return complete && errno == EAGAIN;
    if (!handle(watches, buffer, (size_t)length, event, context))
      complete = false;
  }
  return false;
}
