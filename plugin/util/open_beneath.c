/* SPDX-License-Identifier: MIT */
#include "util/open_beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/openat2.h"

/* Any mount on the machine, and any change of a directory on the way, can
 * disturb a lookup in the cache, which then fails like one of what is not
 * there. Of those while mounts changed all the time, one in thirty did. */
#define CACHED_ATTEMPTS 4

static int open_at_once(int root, const char *path, int flags,
                        uint64_t resolve) {
  struct open_how how = {
      .flags = (unsigned int)(flags | O_CLOEXEC),
      .resolve = resolve | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                 RESOLVE_NO_MAGICLINKS,
  };
  long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

  return fd >= 0 ? (int)fd : -errno;
}

static int open_cached(int root, const char *path, int flags,
                       uint64_t resolve) {
  int fd = -EAGAIN;

  for (int i = 0; i < CACHED_ATTEMPTS && fd == -EAGAIN; i++)
    fd = open_at_once(root, path, flags, resolve | RESOLVE_CACHED);
  return fd;
}

static int open_component(int directory, const char *name, int flags) {
  int fd = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC);

  return fd >= 0 ? fd : -errno;
}

static int open_stepwise(int root, const char *path, int flags) {
  CLEANUP_FD int parent = -1;

  for (;;) {
    size_t length = strcspn(path, "/");
    char name[NAME_MAX + 1];

    if (length > NAME_MAX)
      return -ENAMETOOLONG;
    memcpy(name, path, length);
    name[length] = '\0';
    if (strcmp(name, "..") == 0)
      return -EXDEV;

    int directory = parent >= 0 ? parent : root;
    if (path[length] == '\0')
      return open_component(directory, name, flags);
    int fd = open_component(directory, name, O_PATH | O_DIRECTORY);
    if (fd < 0)
      return fd;
    if (parent >= 0)
      (void)close(parent);
    parent = fd;
    path += length + 1;
  }
}

/* Takes over `fd`. Returns it if it is on the file system of `root`, or
 * -EXDEV. */
static int require_same_device(int root, int fd) {
  CLEANUP_FD int opened = fd;
  struct stat of_root;
  struct stat of_file;

  if (fd < 0)
    return fd;
  if (fstat(root, &of_root) < 0 || fstat(fd, &of_file) < 0)
    return -errno;
  return of_root.st_dev == of_file.st_dev ? TAKE_FD(opened) : -EXDEV;
}

bool is_mount_beneath(int directory, const char *name) {
  CLEANUP_FD int fd =
      open_at_once(directory, name, O_PATH | O_DIRECTORY, RESOLVE_NO_XDEV);

  return fd == -EXDEV;
}

int open_within_mount(int root, const char *path, int flags) {
  return open_cached(root, path, flags, RESOLVE_NO_XDEV);
}

int open_without_links(int root, const char *path, int flags) {
  return open_cached(root, path, flags, 0);
}

int open_beneath(int root, const char *path, int flags) {
  if (*path == '\0')
    path = ".";
  int fd = open_at_once(root, path, flags, RESOLVE_NO_XDEV);

  /* In a container, its own cgroup may be mounted over itself a second time. */
  if (fd == -EXDEV)
    return require_same_device(root, open_at_once(root, path, flags, 0));
  /* Seccomp filters refuse an unknown system call with EPERM. */
  if (fd == -ENOSYS || fd == -EPERM)
    return require_same_device(root, open_stepwise(root, path, flags));
  return fd;
}
