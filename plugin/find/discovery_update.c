/* SPDX-License-Identifier: MIT */
#include "find/discovery_update.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "find/directory.h"
#include "find/update.h"
#include "tree/fair_share.h"
#include "util/cleanup.h"
#include "util/errors.h"

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
    update_note_directory(update, tree->root, -ENOMEM);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    struct cgroup *parent = order[i]->parent;
    if (order[i]->removed || order[i]->share > 0)
      continue;
    tree_remove(tree, order[i]);
    update_leave_out(update, parent, 1);
  }
  drop_removed(discovery);
  tree_bury(tree);
}

/* Returns whether a directory has to wait for the next update, because there is
 * too much to do between two updates. If its time has not come once, it does
 * not come before that, so that nothing that is found between two updates
 * existed in the step before. */
static bool is_too_much(const struct discovery *discovery,
                        struct cgroup *cgroup) {
  cgroup->discovery.overdue |=
      discovery->between &&
      (discovery->listed >= DISCOVERY_BETWEEN ||
       discovery->entries + cgroup->discovery.subdirectories >
           DISCOVERY_BETWEEN_ENTRIES);
  return discovery->between && cgroup->discovery.overdue;
}

/* Goes level by level, and lists new cgroups as well. A directory that was
 * already listed in this step, or is too much for one step, stays in the queue
 * for the next. */
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
    if (is_too_much(discovery, cgroup)) {
      discovery->queue[left++] = cgroup;
      continue;
    }
    if (update_has_listed(update, cgroup) || discovery->listed >= most) {
      cgroup->discovery.complete = false;
      discovery->queue[left++] = cgroup;
      continue;
    }
    cgroup->discovery.queued = false;
    directory_list(update, cgroup);
    trim(update, 2 * discovery->max_cgroups);
  }
  discovery->queue_length = left;
}

/* Looks where the path of a cgroup leads, and doubts it if that is not this
 * cgroup any more. Returns whether it is not, and stores the error of stat(2),
 * or 0, and what it says. */
static bool leads_elsewhere(struct update *update, struct cgroup *cgroup,
                            int *error, struct stat *status) {
  *error = update_stat(update->discovery, cgroup, status);
  bool elsewhere =
      cgroup->parent != NULL &&
      (error_is_absence(*error) ||
       (*error == 0 && !update_is_same(update->discovery, cgroup, status)));

  if (elsewhere)
    update_doubt(update, cgroup);
  return elsewhere;
}

/* Checks a directory with stat(2), and lists it only if that is not enough.
 * With `patient`, a change without an event waits until the next update: the
 * link count changes shortly before the event comes, and without an event
 * nobody knows when the change was made. */
static void look_at_cgroup(struct update *update, struct cgroup *cgroup,
                           bool patient) {
  struct discovery *discovery = update->discovery;
  struct stat status;
  int error = 0;

  if (leads_elsewhere(update, cgroup, &error, &status))
    return;
  if (error == 0)
    update_set_doubt(update, cgroup, false);
  bool same =
      error == 0 && status.st_nlink == cgroup->discovery.subdirectories + 2;
  bool waits = patient && cgroup->watch >= 0 && cgroup->discovery.complete &&
               !cgroup->discovery.heard && !cgroup->discovery.suspect;
  if (error < 0 || !discovery->links_count || (!same && !waits))
    update_enqueue(update, cgroup);
  else
    cgroup->discovery.suspect = !same;
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
  /* So does the next update. */
  bool patient;
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
      update_watch(update, cgroup);
    update_enqueue(update, cgroup);
    return;
  }
  if (cgroup->discovery.error < 0) {
    struct stat status;
    int error = 0;

    /* It could have been replaced. */
    if (!look->all || !leads_elsewhere(update, cgroup, &error, &status))
      update_note_directory(update, cgroup, cgroup->discovery.error);
    return;
  }
  bool try_watch = discovery_is_unwatched(cgroup) &&
                   has_turn(discovery, cgroup, look->unwatched_round);
  if (!try_watch && !look->all && !has_turn(discovery, cgroup, DISCOVERY_ROUND))
    return;
  if (try_watch)
    update_watch(update, cgroup);
  look_at_cgroup(update, cgroup, look->patient);
  /* No event and no link count shows that something was unmounted, or that a
   * mount point was replaced. */
  if (cgroup->discovery.mount_points > 0)
    update_enqueue(update, cgroup);
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
      discovery->unwatched += discovery_is_unwatched(cgroup);
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
      .patient = complete && count <= DISCOVERY_SMALL,
      .complete = complete,
      .unwatched_round = unwatched_round(discovery->unwatched),
  };

  if (order == NULL) {
    discovery->forgetful = true;
    update_note_directory(update, update->tree->root, -ENOMEM);
    return;
  }
  discovery->forgetful = false;
  for (size_t i = 0; i < count; i++) {
    look_in_turn(update, order[i], &look);
    if (places > 0 && order[i]->discovery.left_out > 0) {
      places--;
      update_enqueue(update, order[i]);
    }
  }
}

static void on_event(void *context, struct cgroup *cgroup) {
  cgroup->discovery.heard = true;
  update_enqueue(context, cgroup);
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
  update_admit(update, root);
  update_enqueue(update, root);
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
    update_note_directory(update, tree->root, error);
    return 0;
  }
  if (tree->root != NULL && error == 0 &&
      update_is_same(update->discovery, tree->root, &status))
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

static void begin_step(struct discovery *discovery, bool between) {
  discovery->between = between;
  discovery->listed = discovery->entries = 0;
  discovery->step_listings = discovery->listings;
  discovery->interval_listings = discovery->update_listings;
}

void discovery_update(struct discovery *discovery, struct tree *tree,
                      struct failure *failure) {
  struct update update = {
      .discovery = discovery, .tree = tree, .failure = failure};
  bool fresh = false;

  begin_step(discovery, false);
  discovery->update_listings = discovery->listings;
  discovery->updates++;
  inotify_watches_begin(&discovery->watches,
                        discovery->updates % DISCOVERY_ROUND == 0);
  int status = find_root(&update, &fresh);
  if (status < 0) {
    failure_note(failure, status, "%s", discovery->root_path);
  } else {
    bool complete =
        inotify_watches_drain(&discovery->watches, on_event, &update) &&
        !discovery->missed;
    discovery->missed = false;
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

/* Without a root there is nothing to watch. If events were lost, the next
 * update looks at everything. */
void discovery_follow(struct discovery *discovery, struct tree *tree) {
  struct failure failure = {0};
  struct update update = {
      .discovery = discovery, .tree = tree, .failure = &failure};

  if (tree->root == NULL || discovery->missed)
    return;
  begin_step(discovery, true);
  discovery->missed =
      !inotify_watches_drain(&discovery->watches, on_event, &update);
  if (!discovery->missed) {
    list_queued(&update);
    trim(&update, discovery->max_cgroups);
  }
  keep_to_try_again(discovery);
  tree_settle(tree);
}

bool discovery_is_there(const struct discovery *discovery,
                        const struct cgroup *cgroup) {
  struct stat status;

  return update_stat(discovery, cgroup, &status) == 0 &&
         update_is_same(discovery, cgroup, &status);
}
