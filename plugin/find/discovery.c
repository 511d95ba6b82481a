/* SPDX-License-Identifier: MIT */
#include "find/discovery.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/fair_share.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/monotonic.h"
#include "util/open_beneath.h"

/* An update in progress. */
struct update {
  struct discovery *discovery;
  struct tree *tree;
  struct failure *failure;
};

void discovery_open(struct discovery *discovery) {
  discovery->root_fd = -1;
  discovery->watches = (struct inotify_watches)INOTIFY_WATCHES_CLOSED;
}

void discovery_close(struct discovery *discovery) {
  if (discovery->root_fd >= 0)
    (void)close(TAKE_FD(discovery->root_fd));
  inotify_watches_close(&discovery->watches);
  free(discovery->queue);
  discovery->queue = NULL;
  listing_release(&discovery->found);
}

/* Returns whether the directory should be watched. One that cannot be listed is
 * not: it is tried again at its own time. */
static bool wants_watch(const struct cgroup *cgroup) {
  return !cgroup->discovery.closed && cgroup->discovery.error == 0;
}

static bool is_unwatched(const struct cgroup *cgroup) {
  return wants_watch(cgroup) && cgroup->watch < 0;
}

void discovery_forget(struct discovery *discovery, struct cgroup *cgroup) {
  assert(discovery->unwatched >= is_unwatched(cgroup));
  assert(discovery->left_out >= cgroup->discovery.left_out);
  assert(discovery->doubts >= cgroup->discovery.doubted);
  discovery->unwatched -= is_unwatched(cgroup);
  discovery->left_out -= cgroup->discovery.left_out;
  discovery->doubts -= cgroup->discovery.doubted;
  inotify_watches_remove(&discovery->watches, cgroup);
}

int discovery_watch_error(const struct discovery *discovery) {
  return discovery->unwatched > 0 ? discovery->watches.error : 0;
}

static void note_directory(struct update *update, const struct cgroup *cgroup,
                           int error) {
  tree_note_failure(cgroup, update->discovery->root_path, "", error,
                    update->failure);
}

static void enqueue(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;

  if (cgroup->discovery.queued || cgroup->discovery.closed)
    return;
  if (discovery->queue_length == discovery->queue_room) {
    size_t room = discovery->queue_room * 2 + 64;
    struct cgroup **queue =
        reallocarray(discovery->queue, room, sizeof(*queue));
    if (queue == NULL) {
      discovery->forgetful = true;
      cgroup->discovery.complete = false;
      note_directory(update, cgroup, -ENOMEM);
      return;
    }
    discovery->queue = queue;
    discovery->queue_room = room;
  }
  cgroup->discovery.queued = true;
  discovery->queue[discovery->queue_length++] = cgroup;
}

/* The watch is added before the directory is listed, so that no change between
 * the two is missed. */
static void watch(struct discovery *discovery, struct cgroup *cgroup) {
  bool was_unwatched = is_unwatched(cgroup);

  if (inotify_watches_add(&discovery->watches, discovery->root_path, cgroup) <
      0)
    return;
  cgroup->discovery.complete = false;
  discovery->unwatched -= was_unwatched;
}

static void set_error(struct discovery *discovery, struct cgroup *cgroup,
                      int error) {
  discovery->unwatched -= is_unwatched(cgroup);
  cgroup->discovery.error = error;
  discovery->unwatched += is_unwatched(cgroup);
}

/* Lists the directory again later. The delay grows while this does not help. */
static void retry_later(struct update *update, struct cgroup *cgroup,
                        int error) {
  struct discovery *discovery = update->discovery;

  cgroup->discovery.delay =
      error_is_scarcity(error) || cgroup->discovery.delay == 0 ? 1
      : cgroup->discovery.delay > DISCOVERY_ROUND / 2
          ? DISCOVERY_ROUND
          : cgroup->discovery.delay * 2;
  cgroup->discovery.retry = discovery->updates + cgroup->discovery.delay;
  cgroup->discovery.complete = false;
  set_error(discovery, cgroup, error);
  if (error < 0)
    note_directory(update, cgroup, error);
}

static void set_doubt(struct discovery *discovery, struct cgroup *cgroup,
                      bool doubted) {
  discovery->doubts += doubted;
  discovery->doubts -= cgroup->discovery.doubted;
  cgroup->discovery.doubted = doubted;
}

bool discovery_doubts(const struct discovery *discovery,
                      const struct cgroup *cgroup) {
  if (discovery->doubts > 0)
    for (; cgroup != NULL; cgroup = cgroup->parent)
      if (cgroup->discovery.doubted)
        return true;
  return false;
}

bool discovery_is_settled(const struct discovery *discovery) {
  return discovery->queue_length == 0 && !discovery->forgetful;
}

/* Something else is at the cgroup's path. The listing of its parent shows what
 * happened. */
static void doubt(struct update *update, struct cgroup *cgroup) {
  set_doubt(update->discovery, cgroup, true);
  enqueue(update, cgroup->parent);
}

/* Returns a time when a new child of `parent` did not exist yet, or 0 if it may
 * have existed unseen. */
static uint64_t absent_until(const struct update *update,
                             const struct cgroup *parent) {
  const struct discovery *discovery = update->discovery;
  bool is_new = parent->birth >= update->tree->settled;

  if (is_new || !discovery->native)
    return parent->discovery.absent_nsec;
  return parent->discovery.complete &&
                 (parent->watch >= 0 ||
                  parent->discovery.listed == discovery->updates - 1)
             ? discovery->before_nsec
             : 0;
}

/* Prepares a new cgroup. Its descendants are searched if any of them can be
 * reported. */
static void admit(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;
  char path[TREE_PATH_SIZE];

  (void)tree_path(cgroup, path);
  cgroup->discovery.closed =
      cgroup->depth >= discovery->max_depth ||
      !selection_may_match_below(update->tree->selection, path);
  if (cgroup->discovery.closed)
    return;
  discovery->unwatched++;
  watch(discovery, cgroup);
}

static int stat_beneath(int directory, const char *path, struct stat *status) {
  return fstatat(directory, path, status, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int stat_cgroup(const struct discovery *discovery,
                       const struct cgroup *cgroup, struct stat *status) {
  char path[TREE_PATH_SIZE];
  size_t length = tree_path(cgroup, path);

  return stat_beneath(discovery->root_fd, length > 1 ? path + 1 : ".", status);
}

static bool is_same(const struct discovery *discovery,
                    const struct cgroup *cgroup, const struct stat *status) {
  return status->st_ino == cgroup->inode && status->st_dev == discovery->device;
}

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
  if (stat_cgroup(discovery, other, &status) == 0 &&
      is_same(discovery, other, &status))
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
  child->discovery.absent_nsec =
      entry->marked ? 0 : absent_until(update, parent);
  admit(update, child);
  if (!child->discovery.closed && is_leaf(discovery, directory, name))
    child->discovery.complete = child->watch >= 0;
  else
    enqueue(update, child);
  return 1;
}

static void leave_out(struct discovery *discovery, struct cgroup *parent,
                      size_t count) {
  parent->discovery.complete = false;
  parent->discovery.left_out += (uint32_t)count;
  discovery->left_out += count;
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
      (error == 0 && !is_same(update->discovery, known, &status)))
    return false;
  if (error == 0) {
    set_doubt(update->discovery, known, false);
    enqueue(update, known);
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
      leave_out(discovery, cgroup, 1);
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
    leave_out(discovery, cgroup, found->count - i);
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
static DIR *open_directory(const struct discovery *discovery,
                           const struct cgroup *cgroup, struct stat *status,
                           int *error) {
  char path[TREE_PATH_SIZE];

  (void)tree_path(cgroup, path);
  CLEANUP_FD int fd =
      open_beneath(discovery->root_fd, path + 1, O_RDONLY | O_DIRECTORY);
  *error = fd < 0 ? fd : 0;
  if (fd >= 0 && fstat(fd, status) < 0)
    *error = -errno;
  else if (fd >= 0 && !is_same(discovery, cgroup, status))
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
    retry_later(update, cgroup, status != -EAGAIN ? status : 0);
    return;
  }
  set_error(discovery, cgroup, 0);
  cgroup->discovery.retry = cgroup->discovery.delay = 0;
  cgroup->discovery.complete =
      cgroup->discovery.left_out == 0 && cgroup->discovery.mount_points == 0;
}

static void list(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;
  uint32_t mount_points_before = cgroup->discovery.mount_points;
  struct stat before;
  struct stat after;
  int status = 0;

  cgroup->discovery.listed = discovery->updates;
  discovery->listed++;
  DIR *stream = open_directory(discovery, cgroup, &before, &status);
  if (stream == NULL) {
    if (error_is_absence(status) && cgroup->parent != NULL)
      doubt(update, cgroup);
    else
      retry_later(update, cgroup, status);
    return;
  }
  discovery->listings++;
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

static int compare_depth_and_birth(const void *left, const void *right) {
  const struct cgroup *a = *(struct cgroup *const *)left;
  const struct cgroup *b = *(struct cgroup *const *)right;

  if (a->depth != b->depth)
    return a->depth < b->depth ? -1 : 1;
  return a->birth < b->birth ? -1 : a->birth > b->birth;
}

/* Drops removed cgroups from the queue before they are freed. */
static void drop_removed(struct discovery *discovery) {
  for (size_t i = 0; i < discovery->queue_length; i++)
    if (discovery->queue[i] != NULL && discovery->queue[i]->removed)
      discovery->queue[i] = NULL;
}

/* If there are more than `most` cgroups, removes those without room. It frees
 * them, so nothing may refer to them any more, in the queue or elsewhere.
 */
static void trim(struct update *update, size_t most) {
  struct discovery *discovery = update->discovery;
  struct tree *tree = update->tree;
  size_t count = tree->count;

  if (count <= most)
    return;
  int status = fair_share_divide(tree, discovery->max_cgroups);
  struct cgroup *const *order = tree_order(tree);
  if (status < 0 || order == NULL) {
    note_directory(update, tree->root, -ENOMEM);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    struct cgroup *parent = order[i]->parent;
    if (order[i]->removed || order[i]->share > 0)
      continue;
    tree_remove(tree, order[i]);
    leave_out(discovery, parent, 1);
  }
  drop_removed(discovery);
  tree_bury(tree);
}

/* Goes level by level, and lists new cgroups as well. A directory that was
 * already listed in this update, or is too much for one update, stays in the
 * queue for the next. */
static void list_queued(struct update *update) {
  struct discovery *discovery = update->discovery;
  size_t most = discovery->max_cgroups + DISCOVERY_SMALL;
  size_t left = 0;

  if (discovery->queue_length > 0)
    qsort(discovery->queue, discovery->queue_length, sizeof(*discovery->queue),
          compare_depth_and_birth);
  for (size_t i = 0; i < discovery->queue_length; i++) {
    struct cgroup *cgroup = TAKE_POINTER(discovery->queue[i]);
    if (cgroup == NULL || cgroup->removed)
      continue;
    if (cgroup->discovery.listed == discovery->updates ||
        discovery->listed >= most) {
      cgroup->discovery.complete = false;
      discovery->queue[left++] = cgroup;
      continue;
    }
    cgroup->discovery.queued = false;
    list(update, cgroup);
    trim(update, 2 * discovery->max_cgroups);
  }
  discovery->queue_length = left;
}

/* Checks a directory with stat(2), and lists it only if that is not enough. */
static void look_at_cgroup(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;
  struct stat status;
  int error = stat_cgroup(discovery, cgroup, &status);

  if (cgroup->parent != NULL &&
      (error_is_absence(error) ||
       (error == 0 && !is_same(discovery, cgroup, &status)))) {
    doubt(update, cgroup);
    return;
  }
  if (error == 0)
    set_doubt(discovery, cgroup, false);
  if (error < 0 || !discovery->links_count ||
      status.st_nlink != cgroup->discovery.subdirectories + 2)
    enqueue(update, cgroup);
}

/* Returns the number of updates that check all cgroups without a watch. Each
 * number divides the next one, so that no cgroup's turn comes later when the
 * number changes. */
static uint64_t unwatched_round(size_t unwatched) {
  static const unsigned char rounds[] = {1, 2, 4, 12, DISCOVERY_ROUND};
  size_t i = 0;

  while (rounds[i] < DISCOVERY_ROUND && unwatched / rounds[i] > DISCOVERY_LOOKS)
    i++;
  return rounds[i];
}

static bool has_turn(const struct discovery *discovery,
                     const struct cgroup *cgroup, uint64_t round) {
  return (discovery->updates + cgroup->birth) % round == 0;
}

/* How one update checks all cgroups. */
struct look {
  /* It checks every cgroup. */
  bool all;
  /* No event was lost. */
  bool complete;
  uint64_t unwatched_round;
};

static void look_in_turn(struct update *update, struct cgroup *cgroup,
                         const struct look *look) {
  struct discovery *discovery = update->discovery;

  cgroup->discovery.complete &= look->complete;
  if (cgroup->discovery.retry != 0 &&
      discovery->updates >= cgroup->discovery.retry) {
    if (cgroup->watch < 0)
      watch(discovery, cgroup);
    enqueue(update, cgroup);
  } else if (cgroup->discovery.error < 0) {
    note_directory(update, cgroup, cgroup->discovery.error);
  } else if (is_unwatched(cgroup) &&
             has_turn(discovery, cgroup, look->unwatched_round)) {
    watch(discovery, cgroup);
    look_at_cgroup(update, cgroup);
  } else if (look->all || has_turn(discovery, cgroup, DISCOVERY_ROUND)) {
    look_at_cgroup(update, cgroup);
    /* No event and no link count shows that something was unmounted. */
    if (cgroup->discovery.mount_points > 0)
      enqueue(update, cgroup);
  }
}

/* Directories that gain most from a watch keep it: leaves lose theirs first. */
static void give_watches_back(struct update *update) {
  struct discovery *discovery = update->discovery;
  struct cgroup *const *order = inotify_watches_surplus(&discovery->watches) > 0
                                    ? tree_order(update->tree)
                                    : NULL;
  size_t count = order != NULL ? update->tree->count : 0;

  for (int leaves = 1; leaves >= 0; leaves--)
    for (size_t i = count;
         i > 0 && inotify_watches_surplus(&discovery->watches) > 0; i--) {
      struct cgroup *cgroup = order[i - 1];
      if (cgroup->watch < 0 || (leaves == 1 && cgroup->first_child != NULL))
        continue;
      inotify_watches_remove(&discovery->watches, cgroup);
      cgroup->discovery.complete = false;
      discovery->unwatched += is_unwatched(cgroup);
    }
}

/* Checks every directory in which nothing else would show a change, and a part
 * of the others in turn: events can be missing without a sign. */
static void look_around(struct update *update, bool complete) {
  struct discovery *discovery = update->discovery;
  struct cgroup *const *order = tree_order(update->tree);
  size_t count = update->tree->count;
  size_t places =
      count < discovery->max_cgroups ? discovery->max_cgroups - count : 0;
  struct look look = {
      .all = !complete || !discovery->native || discovery->forgetful ||
             count <= DISCOVERY_SMALL,
      .complete = complete,
      .unwatched_round = unwatched_round(discovery->unwatched),
  };

  if (order == NULL) {
    discovery->forgetful = true;
    note_directory(update, update->tree->root, -ENOMEM);
    return;
  }
  discovery->forgetful = false;
  for (size_t i = 0; i < count; i++) {
    look_in_turn(update, order[i], &look);
    if (places > 0 && order[i]->discovery.left_out > 0) {
      places--;
      enqueue(update, order[i]);
    }
  }
}

static void on_event(void *context, struct cgroup *cgroup) {
  enqueue(context, cgroup);
}

static int open_root(struct update *update) {
  struct discovery *discovery = update->discovery;
  struct cgroup *root = NULL;
  struct stat status;

  discovery->root_fd =
      open(discovery->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (discovery->root_fd < 0)
    return -errno;
  if (fstat(discovery->root_fd, &status) < 0)
    return -errno;
  discovery->device = status.st_dev;
  discovery->inodes_wrong = discovery->links_count = false;
  int error = tree_add(update->tree, NULL, "", status.st_ino, &root);
  if (error < 0)
    return error;
  admit(update, root);
  enqueue(update, root);
  return 0;
}

/* Makes sure that the root of the tree is the current directory. If this cannot
 * be checked, the root stays. */
static int find_root(struct update *update, bool *fresh) {
  struct discovery *discovery = update->discovery;
  struct tree *tree = update->tree;
  struct stat status;

  *fresh = false;
  int error = stat(discovery->root_path, &status) < 0 ? -errno : 0;
  if (tree->root != NULL && error < 0 && !error_is_absence(error)) {
    note_directory(update, tree->root, error);
    return 0;
  }
  if (tree->root != NULL && error == 0 &&
      is_same(discovery, tree->root, &status))
    return 0;

  if (tree->root != NULL)
    tree_remove(tree, tree->root);
  if (discovery->root_fd >= 0)
    (void)close(TAKE_FD(discovery->root_fd));
  if (error < 0)
    return error;
  *fresh = true;
  return open_root(update);
}

/* Keeps the rest of the queue for the next update, without removed cgroups,
 * which will be freed. */
static void keep_to_try_again(struct discovery *discovery) {
  size_t left = 0;

  drop_removed(discovery);
  for (size_t i = 0; i < discovery->queue_length; i++)
    if (discovery->queue[i] != NULL)
      discovery->queue[left++] = discovery->queue[i];
  discovery->queue_length = left;
}

void discovery_update(struct discovery *discovery, struct tree *tree,
                      struct failure *failure) {
  struct update update = {
      .discovery = discovery, .tree = tree, .failure = failure};
  bool fresh = false;

  discovery->has_new_mount_point = false;
  discovery->listed = 0;
  discovery->updates++;
  discovery->before_nsec = discovery->begin_nsec;
  discovery->begin_nsec = 0;
  (void)monotonic_nsec(&discovery->begin_nsec);
  inotify_watches_begin(&discovery->watches,
                        discovery->updates % DISCOVERY_ROUND == 0);
  int status = find_root(&update, &fresh);
  if (status < 0) {
    failure_note(failure, status, "%s", discovery->root_path);
  } else {
    bool complete =
        inotify_watches_drain(&discovery->watches, on_event, &update);
    if (!fresh)
      look_around(&update, complete);
    list_queued(&update);
    trim(&update, discovery->max_cgroups);
    give_watches_back(&update);
    if (discovery->unwatched == 0)
      discovery->watches.error = 0;
  }
  keep_to_try_again(discovery);
  tree_settle(tree);
}

#ifndef NDEBUG
void discovery_check(const struct discovery *discovery, struct tree *tree) {
  struct cgroup *const *order = tree_order(tree);
  size_t count = order != NULL ? tree->count : 0;
  size_t unwatched = 0;
  size_t watched = 0;
  size_t left_out = 0;
  size_t doubts = 0;

  if (order == NULL && tree->root != NULL)
    return;
  for (size_t i = 0; i < count; i++) {
    unwatched += is_unwatched(order[i]);
    watched += order[i]->watch >= 0;
    left_out += order[i]->discovery.left_out;
    doubts += order[i]->discovery.doubted;
  }
  assert(discovery->unwatched == unwatched);
  assert(discovery->watches.count == watched);
  assert(discovery->left_out == left_out);
  assert(discovery->doubts == doubts);
  for (size_t i = 0; i < discovery->queue_length; i++)
    assert(discovery->queue[i]->discovery.queued &&
           !discovery->queue[i]->removed);
}
#else
void discovery_check(const struct discovery *discovery, struct tree *tree) {
  (void)discovery;
  (void)tree;
}
#endif
