/* SPDX-License-Identifier: MIT */
#include "find/cgroup_count.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/errors.h"

/* This also limits counting in a directory that is not a cgroup. A cgroup has
 * less than 200 files. */
#define ENTRIES_MAX ((size_t)200 * CGROUP_COUNT_MAX)

/* A walk in progress: the open directories from the root down to the current
 * one. */
struct walk {
  DIR *levels[CGROUP_COUNT_DEPTH];
  size_t depth;
  dev_t device;
  bool native;
  size_t entries;
  struct cgroup_count result;
};

/* Takes over `fd`. */
static void enter(struct walk *walk, int fd) {
  DIR *stream = fdopendir(fd);

  if (stream != NULL) {
    walk->levels[walk->depth++] = stream;
    return;
  }
  walk->result.complete = false;
  (void)close(fd);
}

static void enter_below(struct walk *walk, const char *name) {
  if (walk->depth == CGROUP_COUNT_DEPTH) {
    walk->result.complete = false;
    return;
  }
  int fd = openat(dirfd(walk->levels[walk->depth - 1]), name,
                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0)
    enter(walk, fd);
  else if (!error_is_absence(-errno))
    walk->result.complete = false;
}

/* On cgroup file systems, the link count of a directory is two plus the number
 * of its subdirectories. If something is mounted on a directory, its inode
 * differs from that in the listing. */
static void count_entry(struct walk *walk, const struct dirent *entry) {
  struct stat status;

  if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
      (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
    return;
  if (fstatat(dirfd(walk->levels[walk->depth - 1]), entry->d_name, &status,
              AT_SYMLINK_NOFOLLOW) < 0) {
    if (!error_is_absence(-errno))
      walk->result.complete = false;
    return;
  }
  if (!S_ISDIR(status.st_mode) || status.st_dev != walk->device ||
      (walk->native && status.st_ino != entry->d_ino))
    return;
  if (walk->result.count == CGROUP_COUNT_MAX) {
    walk->result.complete = false;
    return;
  }
  walk->result.count++;
  if (!walk->native || status.st_nlink != 2)
    enter_below(walk, entry->d_name);
}

static bool is_over(const struct walk *walk) {
  return walk->entries > ENTRIES_MAX ||
         (walk->result.count == CGROUP_COUNT_MAX && !walk->result.complete);
}

static void take_step(struct walk *walk) {
  DIR *stream = walk->levels[walk->depth - 1];

  errno = 0;
  const struct dirent *entry = readdir(stream);
  if (entry != NULL) {
    walk->entries++;
    count_entry(walk, entry);
    return;
  }
  if (errno != 0 && !error_is_absence(-errno))
    walk->result.complete = false;
  (void)closedir(stream);
  walk->depth--;
}

struct cgroup_count cgroup_count(const char *directory, bool native) {
  struct walk walk = {.native = native, .result = {1, true}};
  struct stat status;
  CLEANUP_FD int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0 || fstat(fd, &status) < 0)
    return (struct cgroup_count){1, false};
  walk.device = status.st_dev;
  enter(&walk, TAKE_FD(fd));
  while (walk.depth > 0 && !is_over(&walk))
    take_step(&walk);
  if (walk.depth > 0)
    walk.result.complete = false;
  while (walk.depth > 0)
    (void)closedir(walk.levels[--walk.depth]);
  return walk.result;
}
