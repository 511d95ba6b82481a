/* SPDX-License-Identifier: MIT */
/* The names of Podman's containers: those of root, and those that users run
 * without root's rights.
 *
 * containers/storage, types/options.go, defaultStoreOptions and
 * getRootlessStorageOpts().
 */
#ifndef CGROUP_CPU_PODMAN_H
#define CGROUP_CPU_PODMAN_H

#include <stdbool.h>
#include <stdint.h>

#include "name/home.h"
#include "name/podman_storage.h"

/* The lists of so many users are known at a time. */
#define PODMAN_USERS 64

struct podman_user {
  /* 0: none */
  uid_t uid;
  struct podman_storage storage;
  /* The pass that read its lists. */
  uint64_t pass;
};

struct podman {
  /* `name_root` is what stands before "/var/lib/containers" as well. */
  struct homes homes;
  /* Owns Podman's files: 0, except in tests. */
  uid_t owner;
  struct podman_storage storage;
  /* NULL until a user has a container. */
  struct podman_user *users;
  uint64_t pass;
  /* The lists of root have been read in this pass. */
  bool is_fresh;
  /* Lists of root and of a user that may not be read and may have a name that
   * was not found, or "". */
  char denied[PATH_MAX];
  char user_denied[PATH_MAX + 64];
};

/* Prepares `podman`; opens nothing. `name_root` is borrowed. */
void podman_open(struct podman *podman, const char *name_root);

void podman_close(struct podman *podman);

/* Ends a pass: what is looked up in the next one is not older than that. */
void podman_end(struct podman *podman);

/* Finds the name of the container `id` of the user `uid`. Returns 0 or a
 * negative errno, and then stores nothing: -ENOENT if that one has no such
 * container, -ENODATA if there is no list, -EOPNOTSUPP without the library that
 * reads the lists, -EAGAIN if too many users have containers; and for users
 * other than root those of home_open(). */
int podman_find(struct podman *podman, uid_t uid, const char *id,
                char name[ENGINE_NAME_SIZE]);

#endif
