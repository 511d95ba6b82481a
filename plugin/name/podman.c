/* SPDX-License-Identifier: MIT */
#include "name/podman.h"

#include <errno.h>
#include <stdio.h>

#include "util/array.h"
#include "util/errors.h"

#define STORAGE "/var/lib/containers/storage"

static const char *const drivers[] = {"overlay", "vfs", "btrfs", "zfs"};
static const char *const files[] = {"containers.json",
                                    "volatile-containers.json"};

_Static_assert(ARRAY_SIZE(drivers) * ARRAY_SIZE(files) == PODMAN_LISTS,
               "each driver has one list of each kind");

void podman_open(struct podman *podman, const char *name_root) {
  *podman = (struct podman){.name_root = name_root};
}

void podman_close(struct podman *podman) {
  for (size_t i = 0; i < PODMAN_LISTS; i++)
    container_list_release(&podman->lists[i]);
}

void podman_end(struct podman *podman) { podman->is_fresh = false; }

static void refresh_list(struct podman *podman, size_t index) {
  char path[PATH_MAX];
  int length = snprintf(path, sizeof(path), "%s" STORAGE "/%s-containers/%s",
                        podman->name_root, drivers[index / ARRAY_SIZE(files)],
                        files[index % ARRAY_SIZE(files)]);
  int status = length < PATH_MAX ? container_list_update(&podman->lists[index],
                                                         path, podman->owner)
                                 : -ENAMETOOLONG;

  if (error_is_absence(status))
    return;
  if (podman->absence == -ENODATA || podman->absence == -ENOENT)
    podman->absence = status < 0 ? status : -ENOENT;
  if (error_is_denial(status) && podman->denied[0] == '\0')
    (void)snprintf(podman->denied, sizeof(podman->denied), "%s", path);
}

static void refresh_lists(struct podman *podman) {
  if (podman->is_fresh)
    return;
  podman->is_fresh = true;
  podman->absence = -ENODATA;
  podman->denied[0] = '\0';
  for (size_t i = 0; i < PODMAN_LISTS; i++)
    refresh_list(podman, i);
}

int podman_find(struct podman *podman, const char *id,
                char name[ENGINE_NAME_SIZE]) {
  if (!json_is_supported())
    return -EOPNOTSUPP;
  refresh_lists(podman);
  for (size_t i = 0; i < PODMAN_LISTS; i++) {
    const char *found = container_list_find(&podman->lists[i], id);
    if (found != NULL) {
      (void)snprintf(name, ENGINE_NAME_SIZE, "%s", found);
      return 0;
    }
  }
  return podman->absence;
}
