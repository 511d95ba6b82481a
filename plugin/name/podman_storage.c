/* SPDX-License-Identifier: MIT */
#include "name/podman_storage.h"

#include <errno.h>
#include <stdio.h>

#include "util/array.h"
#include "util/errors.h"

static const char *const drivers[] = {"overlay", "vfs", "btrfs", "zfs"};
static const char *const files[] = {"containers.json",
                                    "volatile-containers.json"};

_Static_assert(ARRAY_SIZE(drivers) * ARRAY_SIZE(files) == PODMAN_LISTS,
               "each driver has one list of each kind");

static void refresh_list(struct podman_storage *storage, size_t index,
                         const struct container_list_file *place,
                         char denied[PATH_MAX]) {
  char path[PATH_MAX];
  struct container_list_file file = *place;
  int length = snprintf(path, sizeof(path), "%s/%s-containers/%s", place->path,
                        drivers[index / ARRAY_SIZE(files)],
                        files[index % ARRAY_SIZE(files)]);

  file.path = path;
  int status = length < PATH_MAX
                   ? container_list_update(&storage->lists[index], &file)
                   : -ENAMETOOLONG;
  /* A list that is not in the kernel's cache has not been used for long. */
  if (error_is_absence(status) || status == -EAGAIN)
    return;
  if (storage->absence == -ENODATA || storage->absence == -ENOENT)
    storage->absence = status < 0 ? status : -ENOENT;
  if (error_is_denial(status) && denied[0] == '\0')
    (void)snprintf(denied, PATH_MAX, "%s", path);
}

void podman_storage_refresh(struct podman_storage *storage,
                            const struct container_list_file *place,
                            char denied[PATH_MAX]) {
  storage->absence = -ENODATA;
  denied[0] = '\0';
  for (size_t i = 0; i < PODMAN_LISTS; i++)
    refresh_list(storage, i, place, denied);
}

void podman_storage_clear(struct podman_storage *storage, int error) {
  storage->absence = error;
  for (size_t i = 0; i < PODMAN_LISTS; i++)
    container_list_clear(&storage->lists[i]);
}

int podman_storage_find(const struct podman_storage *storage, const char *id,
                        char name[ENGINE_NAME_SIZE]) {
  for (size_t i = 0; i < PODMAN_LISTS; i++) {
    const char *found = container_list_find(&storage->lists[i], id);
    if (found != NULL) {
      (void)snprintf(name, ENGINE_NAME_SIZE, "%s", found);
      return 0;
    }
  }
  return storage->absence;
}

void podman_storage_release(struct podman_storage *storage) {
  for (size_t i = 0; i < PODMAN_LISTS; i++)
    container_list_release(&storage->lists[i]);
}
