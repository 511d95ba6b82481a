/* SPDX-License-Identifier: MIT */
#include "find/update.h"

#include <errno.h>
#include <stdlib.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/errors.h"

void update_note_directory(struct update *update, const struct cgroup *cgroup,
                           int error) {
  tree_note_failure(cgroup, update->discovery->root_path, "", error,
                    update->failure);
}

void update_enqueue(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;

  if (cgroup->discovery.queued || cgroup->discovery.closed)
    return;
  struct cgroup **queue =
      array_grown(discovery->queue, discovery->queue_length,
                  &discovery->queue_room, sizeof(struct cgroup *));
  if (queue == NULL) {
    discovery->forgetful = true;
    cgroup->discovery.complete = false;
    update_note_directory(update, cgroup, -ENOMEM);
    return;
  }
  discovery->queue = queue;
  cgroup->discovery.queued = true;
  queue[discovery->queue_length++] = cgroup;
}

/* The watch is added before the directory is listed, so that no change between
 * the two is missed. */
void update_watch(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;
  bool was_unwatched = discovery_is_unwatched(cgroup);

  if (inotify_watches_add(&discovery->watches, discovery->root_path, cgroup) <
      0)
    return;
  cgroup->discovery.complete = false;
  discovery->unwatched -= was_unwatched;
}

void update_set_error(struct update *update, struct cgroup *cgroup, int error) {
  struct discovery *discovery = update->discovery;

  discovery->unwatched -= discovery_is_unwatched(cgroup);
  cgroup->discovery.error = error;
  discovery->unwatched += discovery_is_unwatched(cgroup);
}

/* Lists the directory again later. The delay grows while this does not help. */
void update_retry_later(struct update *update, struct cgroup *cgroup,
                        int error) {
  struct discovery *discovery = update->discovery;

  cgroup->discovery.delay =
      error_is_scarcity(error) || cgroup->discovery.delay == 0 ? 1
      : cgroup->discovery.delay > DISCOVERY_ROUND / 2
          ? DISCOVERY_ROUND
          : cgroup->discovery.delay * 2;
  cgroup->discovery.retry = discovery->updates + cgroup->discovery.delay;
  cgroup->discovery.complete = false;
  update_set_error(update, cgroup, error);
  if (error < 0)
    update_note_directory(update, cgroup, error);
}

void update_set_doubt(struct update *update, struct cgroup *cgroup,
                      bool doubted) {
  struct discovery *discovery = update->discovery;

  discovery->doubts += doubted;
  discovery->doubts -= cgroup->discovery.doubted;
  cgroup->discovery.doubted = doubted;
}

/* Something else is at the cgroup's path. The listing of its parent shows what
 * happened. */
void update_doubt(struct update *update, struct cgroup *cgroup) {
  update_set_doubt(update, cgroup, true);
  update_enqueue(update, cgroup->parent);
}

/* Listings are counted; the number may begin again. */
static bool is_later(uint32_t listing, uint32_t before) {
  return (int32_t)(listing - before) > 0;
}

bool update_has_listed(const struct update *update,
                       const struct cgroup *cgroup) {
  return is_later(cgroup->discovery.listed, update->discovery->step_listings);
}

uint32_t update_of_birth(const struct update *update,
                         const struct cgroup *parent) {
  const struct discovery *discovery = update->discovery;
  bool is_new = parent->birth >= update->tree->settled;

  if (is_new || !discovery->native)
    return parent->discovery.born;
  /* Between two updates, an event shows that it did not exist in the step
   * before. */
  bool was_listed =
      !discovery->between &&
      is_later(parent->discovery.listed, discovery->interval_listings);
  return parent->discovery.complete && (parent->discovery.heard || was_listed)
             ? discovery->updates + discovery->between
             : 0;
}

void update_admit(struct update *update, struct cgroup *cgroup) {
  struct discovery *discovery = update->discovery;
  char path[TREE_PATH_SIZE];

  (void)tree_path(cgroup, path);
  cgroup->discovery.closed =
      cgroup->depth >= discovery->max_depth ||
      !selection_may_match_below(update->tree->selection, path);
  if (cgroup->discovery.closed)
    return;
  discovery->unwatched++;
  update_watch(update, cgroup);
}

int update_stat(const struct discovery *discovery, const struct cgroup *cgroup,
                struct stat *status) {
  char path[TREE_PATH_SIZE];
  size_t length = tree_path(cgroup, path);

  return stat_beneath(discovery->root_fd, length > 1 ? path + 1 : ".", status);
}

bool update_is_same(const struct discovery *discovery,
                    const struct cgroup *cgroup, const struct stat *status) {
  return status->st_ino == cgroup->inode && status->st_dev == discovery->device;
}

void update_leave_out(struct update *update, struct cgroup *parent,
                      size_t count) {
  struct discovery *discovery = update->discovery;

  parent->discovery.complete = false;
  parent->discovery.left_out += (uint32_t)count;
  discovery->left_out += count;
}
