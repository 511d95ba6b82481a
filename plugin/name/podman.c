/* SPDX-License-Identifier: MIT */
#include "name/podman.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/cleanup.h"

#define STORAGE "/var/lib/containers/storage"
#define STORAGE_OF_USER ".local/share/containers/storage"
/* The longest lists that are read, in bytes: some thousand containers of root,
 * and some hundred of each user. */
#define SIZE_MAX_OF_ROOT (4L * 1024 * 1024)
#define SIZE_MAX_OF_USER (256L * 1024)

void podman_open(struct podman *podman, const char *name_root) {
  *podman =
      (struct podman){.homes = {name_root, "/proc/self/mountinfo"}, .pass = 1};
}

void podman_close(struct podman *podman) {
  podman_storage_release(&podman->storage);
  for (size_t i = 0; podman->users != NULL && i < PODMAN_USERS; i++)
    podman_storage_release(&podman->users[i].storage);
  free(podman->users);
  podman->users = NULL;
}

void podman_end(struct podman *podman) {
  podman->is_fresh = false;
  podman->pass++;
}

static void refresh_root(struct podman *podman) {
  char path[PATH_MAX];
  const struct container_list_file place = {-1, path, podman->owner,
                                            SIZE_MAX_OF_ROOT};

  if (podman->is_fresh)
    return;
  podman->is_fresh = true;
  if (snprintf(path, sizeof(path), "%s" STORAGE, podman->homes.name_root) <
      PATH_MAX)
    podman_storage_refresh(&podman->storage, &place, podman->denied);
  else
    podman_storage_clear(&podman->storage, -ENAMETOOLONG);
}

/* The user's lists, or else those that were not used for the longest time. */
static struct podman_user *place_for(struct podman *podman, uid_t uid) {
  struct podman_user *oldest = podman->users;

  for (size_t i = 0; i < PODMAN_USERS; i++) {
    struct podman_user *user = &podman->users[i];
    if (user->uid == uid)
      return user;
    if (user->pass < oldest->pass)
      oldest = user;
  }
  return oldest;
}

static void refresh_user(struct podman *podman, struct podman_user *user) {
  char path[PATH_MAX];
  char denied[PATH_MAX];
  CLEANUP_FD int home = home_open(&podman->homes, user->uid, path);
  const struct container_list_file place = {home, STORAGE_OF_USER, user->uid,
                                            SIZE_MAX_OF_USER};

  user->pass = podman->pass;
  if (home < 0) {
    podman_storage_clear(&user->storage, home);
    return;
  }
  if (!home_may_read(user->uid)) {
    podman_storage_clear(&user->storage, -EACCES);
    (void)snprintf(podman->user_denied, sizeof(podman->user_denied), "%s/%s",
                   path, STORAGE_OF_USER);
    return;
  }
  podman_storage_refresh(&user->storage, &place, denied);
}

static int find_of_user(struct podman *podman, uid_t uid, const char *id,
                        char name[ENGINE_NAME_SIZE]) {
  if (podman->users == NULL)
    podman->users = calloc(PODMAN_USERS, sizeof(*podman->users));
  if (podman->users == NULL)
    return -ENOMEM;
  struct podman_user *user = place_for(podman, uid);
  if (user->uid != uid) {
    if (user->pass == podman->pass)
      return -EAGAIN;
    podman_storage_clear(&user->storage, 0);
    user->uid = uid;
    user->pass = 0;
  }
  if (user->pass != podman->pass)
    refresh_user(podman, user);
  return podman_storage_find(&user->storage, id, name);
}

int podman_find(struct podman *podman, uid_t uid, const char *id,
                char name[ENGINE_NAME_SIZE]) {
  if (!json_is_supported())
    return -EOPNOTSUPP;
  if (uid != 0)
    return find_of_user(podman, uid, id, name);
  refresh_root(podman);
  return podman_storage_find(&podman->storage, id, name);
}
