/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "beneath.h"
#include "cleanup.h"
#include "room.h"

/* One update at work. */
struct update {
  struct discovery *discovery;
  struct tree *tree;
  /* What room_is_found() goes by is known. */
  bool surveyed;
  int status;
};

static int compare_watches(const void *left, const void *right) {
  const struct cgroup *a = left;
  const struct cgroup *b = right;

  return a->watch < b->watch ? -1 : a->watch > b->watch;
}

void discovery_open(struct discovery *discovery) {
  discovery->root_fd = -1;
  discovery->watch_error = watcher_open(&discovery->watcher);
}

void discovery_close(struct discovery *discovery) {
  if (discovery->root_fd >= 0)
    (void)close(TAKE_FD(discovery->root_fd));
  watcher_close(&discovery->watcher);
  free(discovery->queue);
  discovery->queue = NULL;
}

void discovery_forget(struct discovery *discovery, struct cgroup *cgroup) {
  if (cgroup->watch >= 0) {
    (void)tdelete(cgroup, &discovery->by_watch, compare_watches);
    watcher_remove(&discovery->watcher, cgroup->watch);
    cgroup->watch = -1;
  } else if (!cgroup->closed) {
    discovery->unwatched--;
  }
  discovery->left_out -= cgroup->left_out;
}

static void enqueue(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;

  if (cgroup->queued || cgroup->closed)
    return;
  if (discovery->queue_length == discovery->queue_room) {
    size_t room = discovery->queue_room * 2 + 64;
    struct cgroup **queue =
        reallocarray(discovery->queue, room, sizeof(*queue));
    if (queue == NULL) {
      update->status = -ENOMEM;
      return;
    }
    discovery->queue = queue;
    discovery->queue_room = room;
  }
  cgroup->queued = true;
  discovery->queue[discovery->queue_length++] = cgroup;
}

/* Watching comes before listing, so that nothing happens unseen between. */
static void watch(struct discovery *discovery, struct cgroup *cgroup) {
  char path[TREE_PATH_SIZE];
  CLEANUP_FREE char *full_path = NULL;

  (void)tree_path(cgroup, path);
  if (asprintf(&full_path, "%s%s", discovery->root_path, path) < 0) {
    full_path = NULL;
    discovery->watch_error = -ENOMEM;
    return;
  }
  int watch = watcher_add(&discovery->watcher, full_path);
  if (watch < 0) {
    /* One that is gone already is no sign of trouble. */
    if (discovery->watcher.fd >= 0 && watch != -ENOENT && watch != -ENOTDIR)
      discovery->watch_error = watch;
    return;
  }
  cgroup->watch = watch;
  struct cgroup **owner =
      tsearch(cgroup, &discovery->by_watch, compare_watches);
  if (owner == NULL || *owner != cgroup)
    cgroup->watch = -1;
  else
    discovery->unwatched--;
}

/* Takes a new cgroup in; what lies below it is looked for if it has to be. */
static void admit(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;
  char path[TREE_PATH_SIZE];

  (void)tree_path(cgroup, path);
  cgroup->closed = cgroup->depth >= discovery->max_depth ||
                   !selection_may_match_below(update->tree->selection, path);
  if (cgroup->closed)
    return;
  discovery->unwatched++;
  watch(discovery, cgroup);
}

static bool is_leaf(const struct discovery *discovery, int directory,
                    const char *name) {
  struct stat status;

  return discovery->links == LINKS_COUNT &&
         fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         status.st_nlink == 2;
}

/* A full tree takes in only what others will have to make way for. Returns 1, 0
 * or -ENOMEM. */
static int has_room(struct update *update, const struct cgroup *parent) {
  if (update->tree->count < update->discovery->max_cgroups)
    return 1;
  if (!update->surveyed) {
    int status = room_survey(update->tree);
    if (status < 0)
      return status;
    update->surveyed = true;
  }
  return room_is_found(parent);
}

static struct cgroup *known_child(const struct update *update,
                                  const struct cgroup *parent, const char *name,
                                  uint64_t inode) {
  struct cgroup *child = tree_find(update->tree, inode);

  return child != NULL && child->parent == parent &&
                 strcmp(child->component, name) == 0
             ? child
             : NULL;
}

static int add_child(struct update *update, struct cgroup *parent,
                     int directory, const char *name, uint64_t inode) {
  struct discovery *discovery = update->discovery;
  struct tree *tree = update->tree;
  struct cgroup *child = tree_find(tree, inode);

  /* It hung elsewhere, or its number is in use again. */
  if (child != NULL)
    tree_remove(tree, child);
  if (parent->removed)
    return 0;
  int status = has_room(update, parent);
  if (status < 0)
    return status;
  if (status == 0) {
    parent->left_out++;
    return 0;
  }
  status = tree_add(tree, parent, name, inode, &child);
  if (status < 0)
    return status != -ENAMETOOLONG ? status : 0;
  child->seen = discovery->listings;
  admit(update, child);
  if (!child->closed && !is_leaf(discovery, directory, name))
    enqueue(update, child);
  return 0;
}

static bool is_gone(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP ||
         error == ENODEV;
}

/* 1, 0 or a negative errno. */
static int is_subdirectory(int directory, const struct dirent *entry,
                           uint64_t *inode) {
  struct stat status;

  if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
    return 0;
  *inode = entry->d_ino;
  if (entry->d_type != DT_UNKNOWN)
    return entry->d_type == DT_DIR;
  if (fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return is_gone(errno) ? 0 : -errno;
  *inode = status.st_ino;
  return S_ISDIR(status.st_mode);
}

/* The next subdirectory. NULL with a `status` of 0 is the end, with a negative
 * errno there may be more. */
static const char *next_subdirectory(DIR *stream, uint64_t *inode,
                                     int *status) {
  const struct dirent *entry;

  do {
    errno = 0;
    entry = readdir(stream);
    *status =
        entry != NULL ? is_subdirectory(dirfd(stream), entry, inode) : -errno;
  } while (entry != NULL && *status == 0);
  return *status > 0 ? entry->d_name : NULL;
}

static void remove_unseen(struct update *update, struct cgroup *cgroup) {
  struct cgroup *next;

  for (struct cgroup *child = cgroup->first_child; child != NULL;
       child = next) {
    next = child->next;
    if (child->seen != update->discovery->listings)
      tree_remove(update->tree, child);
  }
}

/* What is gone goes first, so that one made anew under its path can have its
 * name. Returns 0, or a negative errno when some may be missing. */
static int list_children(struct update *update, struct cgroup *cgroup,
                         DIR *stream) {
  bool has_new = false;
  const char *name;
  uint64_t inode = 0;
  int status = 0;
  int failure = 0;

  while ((name = next_subdirectory(stream, &inode, &status)) != NULL) {
    struct cgroup *child = known_child(update, cgroup, name, inode);
    cgroup->subdirectories++;
    if (child != NULL)
      child->seen = update->discovery->listings;
    else
      has_new = true;
  }
  if (status < 0)
    return status;
  remove_unseen(update, cgroup);
  if (!has_new)
    return 0;
  rewinddir(stream);
  /* The cgroup itself can have to go: when a child has its number now. */
  while (!cgroup->removed &&
         (name = next_subdirectory(stream, &inode, &status)) != NULL)
    if (known_child(update, cgroup, name, inode) == NULL) {
      int added = add_child(update, cgroup, dirfd(stream), name, inode);
      failure = added < 0 ? added : failure;
    }
  return status < 0 ? status : failure;
}

/* Whether link counts count subdirectories is learned from directories that
 * have some and were not changed during the listing. */
static void learn_links(struct discovery *discovery,
                        const struct cgroup *cgroup, nlink_t before,
                        nlink_t after) {
  if (!discovery->native || cgroup->subdirectories == 0 || before != after)
    return;
  if (after != cgroup->subdirectories + 2)
    discovery->links = LINKS_WRONG;
  else if (discovery->links == LINKS_UNKNOWN)
    discovery->links = LINKS_COUNT;
}

/* Returns a stream for the directory of this very life of the cgroup. */
static DIR *open_directory(const struct discovery *discovery,
                           const struct cgroup *cgroup, struct stat *status) {
  char path[TREE_PATH_SIZE];

  (void)tree_path(cgroup, path);
  CLEANUP_FD int fd =
      beneath_open(discovery->root_fd, path + 1, O_RDONLY | O_DIRECTORY);
  if (fd < 0) {
    errno = -fd;
    return NULL;
  }
  if (fstat(fd, status) < 0)
    return NULL;
  if (status->st_ino != cgroup->inode) {
    errno = ENOENT;
    return NULL;
  }
  DIR *stream = fdopendir(fd);
  if (stream != NULL)
    (void)TAKE_FD(fd);
  return stream;
}

static void note_failure(struct update *update, const struct cgroup *cgroup,
                         int status) {
  update->status = status;
  (void)tree_path(cgroup, update->discovery->failed_path);
}

/* Returns false when it has to be tried again. */
static bool list(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;
  struct stat before;
  struct stat after;
  DIR *stream = open_directory(discovery, cgroup, &before);

  if (stream == NULL) {
    if (!is_gone(errno) || cgroup->parent == NULL) {
      note_failure(update, cgroup, -errno);
      return false;
    }
    enqueue(update, cgroup->parent);
    tree_remove(update->tree, cgroup);
    return true;
  }
  discovery->listings++;
  discovery->left_out -= cgroup->left_out;
  cgroup->left_out = cgroup->subdirectories = 0;
  int status = list_children(update, cgroup, stream);
  if (!cgroup->removed) {
    discovery->left_out += cgroup->left_out;
    if (status < 0)
      note_failure(update, cgroup, status);
    else if (fstat(dirfd(stream), &after) == 0)
      learn_links(discovery, cgroup, before.st_nlink, after.st_nlink);
  }
  (void)closedir(stream);
  return status == 0 || cgroup->removed;
}

static int compare_depth_and_birth(const void *left, const void *right) {
  const struct cgroup *a = *(struct cgroup *const *)left;
  const struct cgroup *b = *(struct cgroup *const *)right;

  if (a->depth != b->depth)
    return a->depth < b->depth ? -1 : 1;
  return a->birth < b->birth ? -1 : a->birth > b->birth;
}

static void drop_removed(struct discovery *discovery) {
  for (size_t i = 0; i < discovery->queue_length; i++)
    if (discovery->queue[i] != NULL && discovery->queue[i]->removed)
      discovery->queue[i] = NULL;
}

/* Takes out those for which there is no room, once there are more than `most`.
 * What it takes out is not to be looked at any more, in the queue or elsewhere.
 */
static void trim(struct update *update, size_t most) {
  struct discovery *discovery = update->discovery;
  struct tree *tree = update->tree;
  size_t count = tree->count;

  if (count <= most)
    return;
  int status = room_divide(tree, discovery->max_cgroups);
  struct cgroup *const *order = tree_order(tree);
  if (status < 0 || order == NULL) {
    update->status = -ENOMEM;
    return;
  }
  for (size_t i = 0; i < count; i++) {
    struct cgroup *parent = order[i]->parent;
    if (order[i]->removed || order[i]->room > 0)
      continue;
    tree_remove(tree, order[i]);
    parent->left_out++;
    discovery->left_out++;
  }
  update->surveyed = false;
  drop_removed(discovery);
  tree_bury(tree);
}

/* What is found is listed in turn, level by level. A tree that changes as fast
 * as it is listed must not keep this from coming to an end, and what is found
 * of a large one before it is known who may stay must not take room without
 * end. */
static void list_queued(struct update *update) {
  struct discovery *discovery = update->discovery;
  size_t most = 4 * discovery->max_cgroups + DISCOVERY_SMALL;
  size_t failed = 0;

  if (discovery->queue_length == 0)
    return;
  qsort(discovery->queue, discovery->queue_length, sizeof(*discovery->queue),
        compare_depth_and_birth);
  for (size_t i = 0; i < discovery->queue_length; i++) {
    struct cgroup *cgroup = TAKE_POINTER(discovery->queue[i]);
    if (cgroup == NULL)
      continue;
    cgroup->queued = false;
    if (!cgroup->removed && i < most && !list(update, cgroup)) {
      cgroup->queued = true;
      discovery->queue[failed++] = cgroup;
    }
    trim(update, 2 * discovery->max_cgroups);
  }
  discovery->queue_length = failed;
}

/* Looks at a directory without listing it, where that tells enough. */
static void look_at(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;
  char path[TREE_PATH_SIZE];
  struct stat status;

  size_t length = tree_path(cgroup, path);
  if (fstatat(discovery->root_fd, length > 1 ? path + 1 : ".", &status,
              AT_SYMLINK_NOFOLLOW) < 0 ||
      status.st_ino != cgroup->inode)
    enqueue(update, cgroup->parent != NULL ? cgroup->parent : cgroup);
  else if (discovery->links != LINKS_COUNT ||
           status.st_nlink != cgroup->subdirectories + 2)
    enqueue(update, cgroup);
}

static void watch_the_unwatched(struct update *update,
                                struct cgroup *const *order) {
  struct discovery *discovery = update->discovery;
  size_t before = SIZE_MAX;

  for (size_t i = 0; i < update->tree->count && discovery->unwatched > 0 &&
                     discovery->unwatched < before;
       i++) {
    if (order[i]->closed || order[i]->watch >= 0)
      continue;
    before = discovery->unwatched;
    watch(discovery, order[i]);
    if (order[i]->watch >= 0)
      enqueue(update, order[i]);
  }
  if (discovery->unwatched == 0)
    discovery->watch_error = 0;
}

/* Looks at all directories where nothing else would show a change, and at one
 * part of them in turn elsewhere: events can fail to come without a sign. */
static void look_around(struct update *update, bool complete) {
  struct discovery *discovery = update->discovery;
  struct cgroup *const *order = tree_order(update->tree);
  size_t count = update->tree->count;

  if (order == NULL) {
    update->status = -ENOMEM;
    return;
  }
  if (discovery->unwatched > 0)
    watch_the_unwatched(update, order);
  bool all = !complete || !discovery->native || discovery->unwatched > 0 ||
             discovery->failed || count <= DISCOVERY_SMALL;
  size_t looks = all ? count : (count - 1) / DISCOVERY_ROUND + 1;
  for (; looks > 0; looks--)
    look_at(update, order[discovery->next_look++ % count]);

  if (discovery->left_out > 0 && count < discovery->max_cgroups)
    for (size_t i = 0; i < count; i++)
      if (order[i]->left_out > 0)
        enqueue(update, order[i]);
}

static void on_event(void *context, int watch_descriptor) {
  struct update *update = context;
  struct cgroup key = {.watch = watch_descriptor};
  struct cgroup **found =
      tfind(&key, &update->discovery->by_watch, compare_watches);

  if (found != NULL)
    enqueue(update, *found);
}

/* Makes sure that the tree's root is the directory that is there now. */
static int find_root(struct update *update, bool *fresh) {
  struct discovery *discovery = update->discovery;
  struct tree *tree = update->tree;
  struct stat status;

  *fresh = false;
  int error = stat(discovery->root_path, &status) < 0 ? -errno : 0;
  if (error == 0 && tree->root != NULL && tree->root->inode == status.st_ino)
    return 0;

  if (tree->root != NULL)
    tree_remove(tree, tree->root);
  if (discovery->root_fd >= 0)
    (void)close(TAKE_FD(discovery->root_fd));
  if (error < 0)
    return error;
  discovery->root_fd =
      open(discovery->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (discovery->root_fd < 0)
    return -errno;
  if (fstat(discovery->root_fd, &status) < 0)
    return -errno;
  struct cgroup *root = NULL;
  error = tree_add(tree, NULL, "", status.st_ino, &root);
  if (error < 0)
    return error;
  admit(update, root);
  enqueue(update, root);
  *fresh = true;
  return 0;
}

/* What is to be tried again must not be what is about to be freed. */
static void keep_to_try_again(struct discovery *discovery) {
  size_t left = 0;

  drop_removed(discovery);
  for (size_t i = 0; i < discovery->queue_length; i++)
    if (discovery->queue[i] != NULL)
      discovery->queue[left++] = discovery->queue[i];
  discovery->queue_length = left;
}

int discovery_update(struct discovery *discovery, struct tree *tree) {
  struct update update = {.discovery = discovery, .tree = tree};
  bool fresh = false;

  (void)strcpy(discovery->failed_path, "/");
  int status = find_root(&update, &fresh);
  if (status == 0) {
    bool complete = watcher_drain(&discovery->watcher, on_event, &update);
    if (!fresh)
      look_around(&update, complete);
    list_queued(&update);
    trim(&update, discovery->max_cgroups);
    status = update.status;
  }
  discovery->failed = status < 0;
  keep_to_try_again(discovery);
  tree_settle(tree);
  return status;
}
