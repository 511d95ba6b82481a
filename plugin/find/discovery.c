/* SPDX-License-Identifier: MIT */
#include "find/discovery.h"

#include <assert.h>
#include <stdlib.h>

#include "util/cleanup.h"

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

void discovery_forget(struct discovery *discovery, struct cgroup *cgroup) {
  assert(discovery->unwatched >= discovery_is_unwatched(cgroup));
  assert(discovery->left_out >= cgroup->discovery.left_out);
  assert(discovery->doubts >= cgroup->discovery.doubted);
  discovery->unwatched -= discovery_is_unwatched(cgroup);
  discovery->left_out -= cgroup->discovery.left_out;
  discovery->doubts -= cgroup->discovery.doubted;
  inotify_watches_remove(&discovery->watches, cgroup);
}

int discovery_watch_error(const struct discovery *discovery) {
  return discovery->unwatched > 0 ? discovery->watches.error : 0;
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
    unwatched += discovery_is_unwatched(order[i]);
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
