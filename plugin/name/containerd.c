/* SPDX-License-Identifier: MIT */
#include "name/containerd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "name/container.h"
#include "util/errors.h"

#define TASKS "/run/containerd/io.containerd.runtime.v2.task"

void containerd_open(struct containerd *containerd, const char *name_root) {
  *containerd =
      (struct containerd){.name_root = name_root, .directory = -ENOENT};
}

void containerd_end(struct containerd *containerd) {
  if (containerd->is_fresh && containerd->directory >= 0)
    (void)close(containerd->directory);
  containerd->directory = -ENOENT;
  containerd->is_fresh = false;
}

static void open_tasks(struct containerd *containerd) {
  char path[PATH_MAX];

  if (containerd->is_fresh)
    return;
  containerd->is_fresh = true;
  if (snprintf(path, sizeof(path), "%s" TASKS, containerd->name_root) >=
      PATH_MAX)
    return;
  containerd->directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (containerd->directory < 0)
    containerd->directory = -errno;
}

int containerd_find(struct containerd *containerd, const char *namespace_name,
                    const char *id) {
  char path[PATH_MAX];
  struct stat status;

  if (!container_is_name(namespace_name) || !container_is_name(id))
    return -ENOENT;
  open_tasks(containerd);
  if (containerd->directory < 0)
    return containerd->directory;
  if (snprintf(path, sizeof(path), "%s/%s", namespace_name, id) >= PATH_MAX)
    return -ENAMETOOLONG;
  if (fstatat(containerd->directory, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return error_is_absence(-errno) ? -ENOENT : -errno;
  return S_ISDIR(status.st_mode) && status.st_uid == containerd->owner
             ? 0
             : -ENOENT;
}
