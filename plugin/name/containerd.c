/* SPDX-License-Identifier: MIT */
#include "name/containerd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "name/json_file.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/open_beneath.h"

#define TASKS "/run/containerd/io.containerd.runtime.v2.task"

/* What the file of a task says. */
struct task {
  char name[ENGINE_NAME_SIZE];
  char namespace_name[ENGINE_NAME_SIZE];
  char cgroup[PATH_MAX];
};

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

static int read_task(const struct containerd *containerd,
                     const char *namespace_name, const char *id,
                     struct task *task) {
  char path[PATH_MAX];
  struct file_stamp stamp;
  const struct json_text texts[] = {
      {{"annotations", "nerdctl/name"}, task->name, sizeof(task->name)},
      {{"annotations", "nerdctl/namespace"},
       task->namespace_name,
       sizeof(task->namespace_name)},
      {{"linux", "cgroupsPath"}, task->cgroup, sizeof(task->cgroup)},
  };
  const struct json_wanted wanted = {.texts = texts,
                                     .count = ARRAY_SIZE(texts),
                                     .size_max = JSON_FILE_SIZE_MAX};

  if (snprintf(path, sizeof(path), "%s/%s/config.json", namespace_name, id) >=
      PATH_MAX)
    return -ENAMETOOLONG;
  CLEANUP_FD int fd =
      open_beneath(containerd->directory, path, JSON_FILE_FLAGS);
  int status =
      fd < 0 ? fd : json_file_read(fd, containerd->owner, &wanted, &stamp);
  return error_is_absence(status) ? -ENOENT : status;
}

/* Stores where the names are that may not be read. */
static void note_denied(struct containerd *containerd, int status) {
  if (error_is_denial(status))
    (void)snprintf(containerd->denied, sizeof(containerd->denied), "%s" TASKS,
                   containerd->name_root);
}

/* `slice` is NULL for a task whose cgroup is at "/<namespace>/<id>". */
static int find_in_namespace(struct containerd *containerd,
                             const char *namespace_name, const char *id,
                             const char *slice, char name[ENGINE_NAME_SIZE]) {
  struct task task = {.name = ""};
  char scope[PATH_MAX];
  int status = read_task(containerd, namespace_name, id, &task);

  if (status < 0)
    return status;
  if (task.name[0] == '\0' || strcmp(task.namespace_name, namespace_name) != 0)
    return -ENOENT;
  if (!container_is_name(task.name))
    return -EINVAL;
  if (slice != NULL &&
      (snprintf(scope, sizeof(scope), "%s:nerdctl:%s", slice, id) >= PATH_MAX ||
       strcmp(task.cgroup, scope) != 0))
    return -ENOENT;
  (void)snprintf(name, ENGINE_NAME_SIZE, "%s", task.name);
  return 0;
}

int containerd_find_name(struct containerd *containerd,
                         const char *namespace_name, const char *id,
                         char name[ENGINE_NAME_SIZE]) {
  if (!json_is_supported())
    return -EOPNOTSUPP;
  if (!container_is_name(namespace_name) || !container_is_name(id))
    return -ENOENT;
  open_tasks(containerd);
  if (containerd->directory < 0)
    return containerd->directory;
  int status = find_in_namespace(containerd, namespace_name, id, NULL, name);
  /* Others than nerdctl give shorter ids. */
  if (container_is_id(id))
    note_denied(containerd, status);
  return status;
}

static int list_namespaces(const struct containerd *containerd, DIR **stream) {
  CLEANUP_FD int fd =
      open_beneath(containerd->directory, "", O_RDONLY | O_DIRECTORY);

  if (fd < 0)
    return fd;
  *stream = fdopendir(fd);
  if (*stream == NULL)
    return -errno;
  (void)TAKE_FD(fd);
  return 0;
}

int containerd_find_scope(struct containerd *containerd, const char *id,
                          const char *slice, char name[ENGINE_NAME_SIZE]) {
  const struct dirent *entry;
  DIR *stream = NULL;

  if (!json_is_supported())
    return -EOPNOTSUPP;
  open_tasks(containerd);
  if (containerd->directory < 0)
    return containerd->directory;
  int status = list_namespaces(containerd, &stream);
  note_denied(containerd, status);
  if (status < 0)
    return status;
  status = -ENOENT;
  for (size_t i = 0; i < CONTAINERD_NAMESPACES && status == -ENOENT &&
                     (entry = readdir(stream)) != NULL;
       i++)
    if (container_is_name(entry->d_name) && entry->d_name[0] != '.')
      status = find_in_namespace(containerd, entry->d_name, id, slice, name);
  (void)closedir(stream);
  note_denied(containerd, status);
  return status;
}
