/* SPDX-License-Identifier: MIT */
#include "name/machined.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void machined_open(struct machined *machined, const char *name_root) {
  *machined = (struct machined){.is_there = false};
  if (snprintf(machined->path, sizeof(machined->path),
               "%s/run/systemd/machines", name_root) >= PATH_MAX)
    machined->path[0] = '\0';
}

bool machined_begin(struct machined *machined) {
  struct stat status;

  machined->is_there = lstat(machined->path, &status) == 0;
  if (!machined->is_there || file_stamp_is(&machined->stamp, &status))
    return false;
  if (file_is_settled(&status))
    machined->stamp = file_stamp(&status);
  return true;
}

int machined_find(const struct machined *machined, const char *unit,
                  char name[ENGINE_NAME_SIZE]) {
  char path[PATH_MAX];
  char target[ENGINE_NAME_SIZE];

  if (!machined->is_there)
    return -ENOENT;
  if (snprintf(path, sizeof(path), "%s/unit:%s", machined->path, unit) >=
      PATH_MAX)
    return -ENAMETOOLONG;
  ssize_t length = readlinkat(AT_FDCWD, path, target, sizeof(target));
  if (length < 0)
    return -errno;
  if ((size_t)length == sizeof(target))
    return -EINVAL;
  target[length] = '\0';
  if (!container_is_name(target))
    return -EINVAL;
  memcpy(name, target, (size_t)length + 1);
  return 0;
}
