/* SPDX-License-Identifier: MIT */
#include "tree/fair_share.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "util/array.h"
#include "util/cleanup.h"

/* Returns how many of `places` a child gets among its siblings if it needs
 * `need`. Children that need no more than an equal share of what is left get
 * what they need. This is repeated until all others need more. */
static size_t share_of(const struct cgroup *child, size_t need, size_t places) {
  size_t share = 0;

  for (;;) {
    size_t left = places;
    size_t others = 0;

    for (const struct cgroup *sibling = child->parent->first_child;
         sibling != NULL; sibling = sibling->next) {
      size_t size = sibling == child ? need : sibling->size;
      if (size <= share)
        left -= size;
      else
        others++;
    }
    if (need <= share || others == 0 || left / others == share)
      return need < share ? need : share;
    share = left / others;
  }
}

static size_t places_below(const struct cgroup *parent, size_t limit,
                           size_t wanted) {
  const struct cgroup *path[PATH_MAX / 2];
  size_t depth = 0;
  size_t places = limit;

  for (; parent->parent != NULL && depth < ARRAY_SIZE(path);
       parent = parent->parent)
    path[depth++] = parent;
  while (depth-- > 0 && places > 0)
    places = share_of(path[depth], path[depth]->size + wanted, places - 1);
  return places > 0 ? places - 1 : 0;
}

size_t fair_share_for(const struct tree *tree, size_t limit,
                      const struct cgroup *parent, size_t wanted) {
  size_t children = 0;

  if (wanted == 0 || (limit >= tree->count && wanted <= limit - tree->count))
    return wanted;
  for (const struct cgroup *child = parent->first_child; child != NULL;
       child = child->next)
    children++;
  size_t places = places_below(parent, limit, wanted);
  size_t left = places > children ? places - children : 0;
  return wanted < left ? wanted : left;
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

/* The children that need least come first. The others get equal shares. If
 * these do not come out even, the older children get one more. */
static void divide(const struct cgroup *parent, struct cgroup **children) {
  size_t left = parent->share > 0 ? parent->share - 1 : 0;
  size_t count = 0;
  size_t i = 0;

  for (struct cgroup *child = parent->first_child; child != NULL;
       child = child->next)
    children[count++] = child;
  qsort(children, count, sizeof(*children), compare_sizes);
  for (; i < count && children[i]->size <= left / (count - i); i++)
    left -= children[i]->share = children[i]->size;
  qsort(children + i, count - i, sizeof(*children), compare_births);
  for (; i < count; i++)
    left -= children[i]->share =
        (uint32_t)((left + count - i - 1) / (count - i));
}

int fair_share_divide(struct tree *tree, size_t limit) {
  struct cgroup *const *order = tree_order(tree);
  CLEANUP_FREE struct cgroup **children =
      order != NULL ? reallocarray(NULL, tree->count, sizeof(*children)) : NULL;

  if (children == NULL)
    return -ENOMEM;
  order[0]->share = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
  for (size_t i = 0; i < tree->count; i++)
    if (order[i]->first_child != NULL)
      divide(order[i], children);
  return 0;
}
