/* SPDX-License-Identifier: MIT */
#include "find/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "tree/fair_share.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/open_beneath.h"

static void note_mount_point(struct discovery *discovery, struct cgroup *parent,
                             const char *name) {
  parent->discovery.mount_points++;
  if (discovery->has_new_mount_point)
    return;
  size_t length = tree_path(parent, discovery->mount_point);
  size_t room = sizeof(discovery->mount_point) - length;
  (void)snprintf(discovery->mount_point + length, room, "%s%s",
                 length > 1 ? "/" : "", name);
}

/* Returns 1 if the entry `name` of `parent` is a cgroup of this hierarchy that
 * is not in the tree. Returns 0 if it is not. If this may change, returns a
 * negative errno: -EAGAIN if the entry is not what the listing said, or another
 * error. */
static int identify(struct update *update, struct cgroup *parent, int directory,
                    const char *name, uint64_t *inode) {
  struct discovery *discovery = update->discovery;
  struct stat status;
  int error = stat_beneath(directory, name, &status);

  if (error < 0)
    return error_is_absence(error) ? -EAGAIN : error;
  if (!S_ISDIR(status.st_mode))
    return 0;
  if (status.st_dev != discovery->device) {
    note_mount_point(discovery, parent, name);
    return 0;
  }
  if (status.st_ino != *inode && discovery->native) {
    if (!is_mount_beneath(directory, name))
      return -EAGAIN;
    note_mount_point(discovery, parent, name);
    return 0;
  }
  discovery->inodes_wrong |= status.st_ino != *inode;
  *inode = status.st_ino;

  struct cgroup *other = tree_find(update->tree, *inode);
  if (other == NULL)
    return 1;
  if (update_stat(discovery, other, &status) == 0 &&
      update_is_same(discovery, other, &status))
    return -EAGAIN;
  /* The other cgroup was moved, or its inode number is used again. */
  tree_remove(update->tree, other);
  return parent->removed ? 0 : 1;
}

/* A directory without subdirectories need not be listed. */
static bool is_leaf(const struct discovery *discovery, int directory,
                    const char *name) {
  struct stat status;

  return discovery->links_count &&
         stat_beneath(directory, name, &status) == 0 && status.st_nlink == 2;
}

/* Returns 1 if the child was added, or else the result of identify(). */
static int add_child(struct update *update, struct cgroup *parent,
                     int directory, const struct listing_entry *entry,
                     const char *name) {
  struct discovery *discovery = update->discovery;
  struct cgroup *child = NULL;
  uint64_t inode = entry->inode;

  int status = identify(update, parent, directory, name, &inode);
  if (status <= 0)
    return status;
  status = tree_add(update->tree, parent, name, inode, &child);
  if (status < 0)
    return status != -ENAMETOOLONG ? status : 0;
  child->discovery.seen = discovery->listings;
  child->discovery.born = entry->marked ? 0 : update_of_birth(update, parent);
  update_admit(update, child);
  if (!child->discovery.closed && is_leaf(discovery, directory, name))
    child->discovery.complete = child->watch >= 0;
  else
    update_enqueue(update, child);
  return 1;
}

static void remove_unseen(struct update *update, struct cgroup *cgroup) {
  struct cgroup *next;

  for (struct cgroup *child = cgroup->first_child; child != NULL;
       child = next) {
    next = child->next;
    if (child->discovery.seen != update->discovery->listings)
      tree_remove(update->tree, child);
  }
}

/* Returns whether an entry of `parent` is the child `known`. */
static bool is_known(struct update *update, const struct cgroup *parent,
                     DIR *stream, const char *name, struct cgroup *known) {
  struct stat status;

  if (known == NULL || known->parent != parent ||
      strcmp(known->component, name) != 0)
    return false;
  if (!known->discovery.doubted)
    return true;
  int error = stat_beneath(dirfd(stream), name, &status);
  if (error_is_absence(error) ||
      (error == 0 && !update_is_same(update->discovery, known, &status)))
    return false;
  if (error == 0) {
    update_set_doubt(update, known, false);
    update_enqueue(update, known);
  }
  return true;
}

/* Marks the known children. Keeps in `found` as many of the others as could get
 * a place. Returns 0 or a negative errno. */
static int read_directory(struct update *update, struct cgroup *cgroup,
                          DIR *stream) {
  struct discovery *discovery = update->discovery;
  const char *name;
  uint64_t inode = 0;
  int status = 0;

  listing_clear(&discovery->found);
  while ((name = listing_next(stream, discovery->inodes_wrong, &inode,
                              &status)) != NULL) {
    struct cgroup *known = tree_find(update->tree, inode);
    cgroup->discovery.subdirectories++;
    if (is_known(update, cgroup, stream, name, known))
      known->discovery.seen = discovery->listings;
    else if (discovery->found.count == discovery->max_cgroups)
      update_leave_out(update, cgroup, 1);
    else
      status = listing_add(&discovery->found, name, inode, known != NULL);
    if (status < 0)
      break;
  }
  return status;
}

/* Adds the new children, as far as there is room. The room is computed once for
 * all. Returns 0 or a negative errno. */
static int take_in(struct update *update, struct cgroup *cgroup,
                   int directory) {
  struct discovery *discovery = update->discovery;
  struct listing *found = &discovery->found;
  size_t places = fair_share_for(update->tree, discovery->max_cgroups, cgroup,
                                 found->count);
  int failure = 0;

  if (places < found->count)
    listing_sort(found);
  size_t i = 0;
  for (; i < found->count && places > 0 && !cgroup->removed; i++) {
    int status = add_child(update, cgroup, directory, &found->entries[i],
                           listing_name(found, i));
    places -= status > 0;
    if (status < 0 && (failure == 0 || failure == -EAGAIN))
      failure = status;
  }
  if (i < found->count && !cgroup->removed)
    update_leave_out(update, cgroup, found->count - i);
  return failure;
}

/* Removed children are dropped first, so that one recreated under the same path
 * can have its name. Returns 0, or a negative errno if children may be
 * missing. */
static int list_children(struct update *update, struct cgroup *cgroup,
                         DIR *stream) {
  int status = read_directory(update, cgroup, stream);

  if (status < 0)
    return status;
  remove_unseen(update, cgroup);
  return take_in(update, cgroup, dirfd(stream));
}

/* A directory with subdirectories shows whether the file system counts them as
 * links. A single mismatch proves nothing: subdirectories may have been created
 * and removed during the listing. */
static void learn_links(struct discovery *discovery,
                        const struct cgroup *cgroup, nlink_t before,
                        nlink_t after) {
  if (!discovery->native || cgroup->discovery.subdirectories == 0 ||
      before != after)
    return;
  discovery->links_count |= after == cgroup->discovery.subdirectories + 2;
}

/* Opens the directory, unless the cgroup was recreated. Returns NULL on failure
 * and sets `error` to a negative errno. */
static DIR *open_directory(const struct update *update,
                           const struct cgroup *cgroup, struct stat *status,
                           int *error) {
  char path[TREE_PATH_SIZE];

  (void)tree_path(cgroup, path);
  CLEANUP_FD int fd = open_beneath(update->discovery->root_fd, path + 1,
                                   O_RDONLY | O_DIRECTORY);
  *error = fd < 0 ? fd : 0;
  if (fd >= 0 && fstat(fd, status) < 0)
    *error = -errno;
  else if (fd >= 0 && !update_is_same(update->discovery, cgroup, status))
    *error = -ENOENT;
  if (*error < 0)
    return NULL;
  DIR *stream = fdopendir(fd);
  if (stream == NULL)
    *error = -errno;
  else
    (void)TAKE_FD(fd);
  return stream;
}

/* Ends a listing with the result `status`. */
static void settle(struct update *update, struct cgroup *cgroup, int status,
                   uint32_t mount_points_before) {
  struct discovery *discovery = update->discovery;

  discovery->has_new_mount_point |=
      cgroup->discovery.mount_points > mount_points_before;
  if (status < 0) {
    if (cgroup->discovery.mount_points < mount_points_before)
      cgroup->discovery.mount_points = mount_points_before;
    update_retry_later(update, cgroup, status != -EAGAIN ? status : 0);
    return;
  }
  update_set_error(update, cgroup, 0);
  cgroup->discovery.retry = cgroup->discovery.delay = 0;
  cgroup->discovery.complete =
      cgroup->discovery.left_out == 0 && cgroup->discovery.mount_points == 0;
}

static void open_and_list(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;
  uint32_t mount_points_before = cgroup->discovery.mount_points;
  struct stat before;
  struct stat after;
  int status = 0;

  discovery->listed++;
  DIR *stream = open_directory(update, cgroup, &before, &status);
  if (stream == NULL) {
    if (error_is_absence(status) && cgroup->parent != NULL)
      update_doubt(update, cgroup);
    else
      update_retry_later(update, cgroup, status);
    return;
  }
  discovery->left_out -= cgroup->discovery.left_out;
  cgroup->discovery.left_out = cgroup->discovery.subdirectories =
      cgroup->discovery.mount_points = 0;
  status = list_children(update, cgroup, stream);
  if (!cgroup->removed) {
    settle(update, cgroup, status, mount_points_before);
    if (status == 0 && fstat(dirfd(stream), &after) == 0)
      learn_links(discovery, cgroup, before.st_nlink, after.st_nlink);
  }
  (void)closedir(stream);
}

void directory_list(struct update *update, struct cgroup *cgroup) {
  update->discovery->listings++;
  open_and_list(update, cgroup);
  update->discovery->entries += cgroup->discovery.subdirectories;
  cgroup->discovery.listed = update->discovery->listings;
  cgroup->discovery.heard = cgroup->discovery.suspect =
      cgroup->discovery.overdue = false;
}
