/* SPDX-License-Identifier: MIT */
/* The lists of containers below a directory of containers/storage.
 *
 * containers/storage, containers.go, containerLocations(): one list of those
 * that stay, and one of those that are removed at their end, for each storage
 * driver. A changed list takes the place of the old one.
 */
#ifndef CGROUP_CPU_PODMAN_STORAGE_H
#define CGROUP_CPU_PODMAN_STORAGE_H

#include <limits.h>

#include "name/container_list.h"

#define PODMAN_LISTS 8

/* All zero holds none. */
struct podman_storage {
  struct container_list lists[PODMAN_LISTS];
  /* What is told of a container that is in no list. */
  int absence;
};

/* Reads the lists that have changed; the path in `place` is that of the
 * directory. Writes the path of a list that may not be read, or "", to
 * `denied`. */
void podman_storage_refresh(struct podman_storage *storage,
                            const struct container_list_file *place,
                            char denied[PATH_MAX]);

/* Forgets all that it read, because of a negative errno, which is told of all
 * containers. */
void podman_storage_clear(struct podman_storage *storage, int error);

/* Finds the name of the container `id`. Returns 0 or a negative errno, and then
 * stores nothing: -ENOENT if no list has it, -ENODATA if there is no list. */
int podman_storage_find(const struct podman_storage *storage, const char *id,
                        char name[ENGINE_NAME_SIZE]);

void podman_storage_release(struct podman_storage *storage);

#endif
