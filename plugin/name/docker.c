/* SPDX-License-Identifier: MIT */
#include "name/docker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/open_beneath.h"

#define CONFIGURATION "/etc/docker/daemon.json"
#define DATA_ROOT "/var/lib/docker"
/* Where the containers are by default. */
#define PARENT "/docker"
#define PARENT_SLICE "system.slice"
#define SLICE ".slice"

/* Writes a path below the root of names, or "" if it is too long. */
static void write_path(const struct docker *docker, const char *directory,
                       const char *name, char path[PATH_MAX]) {
  int length =
      snprintf(path, PATH_MAX, "%s%s%s", docker->name_root, directory, name);

  if (length >= PATH_MAX)
    path[0] = '\0';
}

void docker_open(struct docker *docker, const char *name_root) {
  *docker = (struct docker){.name_root = name_root, .directory = -ENOENT};
  write_path(docker, CONFIGURATION, "", docker->configuration);
  write_path(docker, DATA_ROOT, "/containers", docker->path);
}

void docker_end(struct docker *docker) {
  if (docker->is_fresh && docker->directory >= 0)
    (void)close(docker->directory);
  docker->directory = -ENOENT;
  docker->is_fresh = false;
}

static void take_configuration(struct docker *docker, const char *data_root,
                               const char *cgroup_parent) {
  write_path(docker, data_root[0] == '/' ? data_root : DATA_ROOT, "/containers",
             docker->path);
  (void)snprintf(docker->cgroup_parent, sizeof(docker->cgroup_parent), "%s",
                 cgroup_parent);
}

static int read_changed_configuration(struct docker *docker) {
  char data_root[PATH_MAX];
  char cgroup_parent[PATH_MAX];
  const struct json_text texts[] = {
      {{"data-root"}, data_root, sizeof(data_root)},
      {{"cgroup-parent"}, cgroup_parent, sizeof(cgroup_parent)},
  };
  const struct json_wanted wanted = {.texts = texts,
                                     .count = ARRAY_SIZE(texts),
                                     .size_max = JSON_FILE_SIZE_MAX};
  struct stat status;
  struct file_stamp stamp;

  if (stat(docker->configuration, &status) < 0)
    return -errno;
  if (file_stamp_is(&docker->configuration_stamp, &status))
    return 0;
  CLEANUP_FD int fd =
      open(docker->configuration, (JSON_FILE_FLAGS & ~O_NOFOLLOW) | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  int error = json_file_read(fd, docker->owner, &wanted, &stamp);
  if (error < 0)
    return error;
  docker->configuration_stamp = stamp;
  take_configuration(docker, data_root, cgroup_parent);
  return 0;
}

/* If the configuration is there but cannot be read now, what it said before
 * still holds. */
static void refresh_docker(struct docker *docker) {
  if (docker->is_fresh)
    return;
  docker->is_fresh = true;
  docker->denied = NULL;
  int error = read_changed_configuration(docker);
  if (error == -ENOENT || error == -ENOTDIR) {
    docker->configuration_stamp = (struct file_stamp){0};
    take_configuration(docker, "", "");
  }
  docker->configuration_denied = error_is_denial(error);
  docker->directory = open(docker->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (docker->directory < 0)
    docker->directory = -errno;
}

static int read_container(const struct docker *docker, const char *id,
                          const char *file, const struct json_wanted *wanted,
                          struct file_stamp *stamp) {
  char path[CONTAINER_ID_SIZE + 32];

  if (docker->directory < 0)
    return docker->directory;
  (void)snprintf(path, sizeof(path), "%s/%s", id, file);
  CLEANUP_FD int fd = open_beneath(docker->directory, path, JSON_FILE_FLAGS);
  return fd < 0 ? fd : json_file_read(fd, docker->owner, wanted, stamp);
}

/* Compares with the path that systemd gives to a slice: "/a.slice/a-b.slice"
 * for "a-b.slice", see systemd.slice(5). */
static bool is_slice(const char *path, const char *slice) {
  size_t length = strlen(slice);

  if (length <= strlen(SLICE) ||
      strcmp(slice + length - strlen(SLICE), SLICE) != 0)
    return false;
  for (const char *dash = slice; (dash = strchr(dash, '-')) != NULL; dash++) {
    size_t used = (size_t)(dash - slice);
    if (path[0] != '/' || strncmp(path + 1, slice, used) != 0 ||
        strncmp(path + 1 + used, SLICE "/", strlen(SLICE "/")) != 0)
      return false;
    path += 1 + used + strlen(SLICE);
  }
  return path[0] == '/' && strcmp(path + 1, slice) == 0;
}

/* Compares with a path that may have more slashes. One that does not begin with
 * a slash is not below the root. */
static bool is_path(const char *path, const char *given) {
  if (given[0] != '/')
    return false;
  for (;;) {
    given += strspn(given, "/");
    size_t length = strcspn(given, "/");
    if (length == 0)
      return *path == '\0' || strcmp(path, "/") == 0;
    if (path[0] != '/' || strncmp(path + 1, given, length) != 0 ||
        (path[1 + length] != '/' && path[1 + length] != '\0'))
      return false;
    path += 1 + length;
    given += length;
  }
}

/* Whoever is root in a container of somebody else may make a cgroup with the
 * name of this one. So it counts only where Docker has put it. */
static int check_place(const struct docker *docker, const char *id,
                       const char *component, const char *parent) {
  char own[PATH_MAX];
  struct file_stamp stamp;
  const struct json_text text = {{"CgroupParent"}, own, sizeof(own)};
  const struct json_wanted wanted = {
      .texts = &text, .count = 1, .size_max = JSON_FILE_SIZE_MAX};
  bool by_systemd = strcmp(component, id) != 0;
  int status = read_container(docker, id, "hostconfig.json", &wanted, &stamp);

  if (status < 0)
    return status;
  const char *place = by_systemd ? PARENT_SLICE : PARENT;
  if (docker->cgroup_parent[0] != '\0')
    place = docker->cgroup_parent;
  if (own[0] != '\0')
    place = own;
  return (by_systemd ? is_slice(parent, place) : is_path(parent, place))
             ? 0
             : -ENOENT;
}

/* In the file, a "/" stands before the name. */
static int read_names(const struct docker *docker, const char *id,
                      struct docker_container *found) {
  char found_id[CONTAINER_ID_SIZE] = "";
  char name[ENGINE_NAME_SIZE + 1] = "";
  struct docker_container result = {.name = ""};
  struct json_text texts[3 + DOCKER_LABELS_MAX] = {
      {{"ID"}, found_id, sizeof(found_id)},
      {{"Name"}, name, sizeof(name)},
      {{"Config", "Image"}, result.image, sizeof(result.image)},
  };
  for (size_t i = 0; i < docker->label_count; i++)
    texts[3 + i] = (struct json_text){{"Config", "Labels", docker->labels[i]},
                                      result.labels[i],
                                      sizeof(result.labels[i])};
  const struct json_wanted wanted = {.texts = texts,
                                     .count = 3 + docker->label_count,
                                     .size_max = JSON_FILE_SIZE_MAX};
  int status =
      read_container(docker, id, "config.v2.json", &wanted, &result.file);

  if (status < 0)
    return status;
  if (strcmp(found_id, id) != 0 || name[0] != '/' ||
      !container_is_name(name + 1))
    return -EINVAL;
  (void)snprintf(result.name, sizeof(result.name), "%s", name + 1);
  if (!container_is_image(result.image))
    result.image[0] = '\0';
  *found = result;
  return 0;
}

int docker_find(struct docker *docker, const char *id, const char *component,
                const char *parent, struct docker_container *found) {
  if (!json_is_supported())
    return -EOPNOTSUPP;
  refresh_docker(docker);
  int status = check_place(docker, id, component, parent);
  if (status == 0)
    status = read_names(docker, id, found);
  if (error_is_denial(status))
    docker->denied = docker->path;
  else if (status < 0 && docker->configuration_denied)
    docker->denied = docker->configuration;
  return status;
}

bool docker_has_changed(struct docker *docker, const char *id,
                        const struct file_stamp *before,
                        struct file_stamp *now) {
  char path[CONTAINER_ID_SIZE + 32];
  struct stat status;

  refresh_docker(docker);
  (void)snprintf(path, sizeof(path), "%s/config.v2.json", id);
  if (docker->directory < 0 ||
      fstatat(docker->directory, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return false;
  *now = file_stamp(&status);
  return !file_stamp_is(before, &status);
}
