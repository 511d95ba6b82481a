/* SPDX-License-Identifier: MIT */
#include "room.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "cleanup.h"

int room_survey(struct tree *tree) {
  struct cgroup *const *order = tree_order(tree);

  if (order == NULL)
    return -ENOMEM;
  for (size_t i = 0; i < tree->count; i++) {
    struct cgroup *parent = order[i]->parent;

    order[i]->heaviest = 0;
    if (parent != NULL && parent->heaviest < order[i]->size)
      parent->heaviest = order[i]->size;
  }
  return 0;
}

/* Equals are left alone: what is there is not to make way for what is new. */
bool room_is_found(const struct cgroup *parent) {
  uint32_t size = 0;

  for (; parent != NULL; parent = parent->parent) {
    if (size + 1 < parent->heaviest)
      return true;
    size = parent->size;
  }
  return false;
}

static int compare_sizes(const void *left, const void *right) {
  const struct cgroup *a = *(struct cgroup *const *)left;
  const struct cgroup *b = *(struct cgroup *const *)right;

  return a->size < b->size ? -1 : a->size > b->size;
}

static int compare_births(const void *left, const void *right) {
  const struct cgroup *a = *(struct cgroup *const *)left;
  const struct cgroup *b = *(struct cgroup *const *)right;

  return a->birth < b->birth ? -1 : a->birth > b->birth;
}

/* Those who need least come first; the others have equal shares, the older of
 * them one more where that does not come out even. */
static void divide(const struct cgroup *parent, struct cgroup **children) {
  size_t left = parent->room > 0 ? parent->room - 1 : 0;
  size_t count = 0;
  size_t i = 0;

  for (struct cgroup *child = parent->first_child; child != NULL;
       child = child->next)
    children[count++] = child;
  qsort(children, count, sizeof(*children), compare_sizes);
  for (; i < count && children[i]->size <= left / (count - i); i++)
    left -= children[i]->room = children[i]->size;
  qsort(children + i, count - i, sizeof(*children), compare_births);
  for (; i < count; i++)
    left -= children[i]->room =
        (uint32_t)((left + count - i - 1) / (count - i));
}

int room_divide(struct tree *tree, size_t limit) {
  struct cgroup *const *order = tree_order(tree);
  CLEANUP_FREE struct cgroup **children =
      order != NULL ? reallocarray(NULL, tree->count, sizeof(*children)) : NULL;

  if (children == NULL)
    return -ENOMEM;
  order[0]->room = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
  for (size_t i = 0; i < tree->count; i++)
    if (order[i]->first_child != NULL)
      divide(order[i], children);
  return 0;
}
