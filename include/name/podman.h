/* SPDX-License-Identifier: MIT */
/* The names of Podman's containers, from the lists in which it keeps them.
 *
 * containers/storage, containers.go, containerLocations(): one list of those
 * that stay, and one of those that are removed at their end, for each storage
 * driver. A changed list takes the place of the old one.
 */
#ifndef CGROUP_CPU_PODMAN_H
#define CGROUP_CPU_PODMAN_H

#include <limits.h>
#include <stdbool.h>

#include "name/container_list.h"

#define PODMAN_LISTS 8

struct podman {
  /* What stands before "/var/lib/containers"; borrowed. */
  const char *name_root;
  /* Owns Podman's files: 0, except in tests. */
  uid_t owner;
  struct container_list lists[PODMAN_LISTS];
  bool is_fresh;
  /* What is told of a container that is in no list. */
  int absence;
  /* A list that may not be read, or "". */
  char denied[PATH_MAX];
};

/* Prepares `podman`; opens nothing. */
void podman_open(struct podman *podman, const char *name_root);

void podman_close(struct podman *podman);

/* Ends a pass: what is looked up in the next one is not older than that. */
void podman_end(struct podman *podman);

/* Finds the name of the container `id`. Returns 0 or a negative errno, and then
 * stores nothing: -ENOENT if Podman has no such container, -ENODATA if there is
 * no list, -EOPNOTSUPP without the library that reads the lists. */
int podman_find(struct podman *podman, const char *id,
                char name[ENGINE_NAME_SIZE]);

#endif
