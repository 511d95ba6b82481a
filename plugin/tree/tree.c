/* SPDX-License-Identifier: MIT */
#include "tree/tree.h"

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

/* Attempts to find a free name with a hash before it gives up. A third one is
 * needed only if somebody caused more than one hash collision on purpose. */
#define NAME_ATTEMPTS 64

int tree_compare_instances(const void *left, const void *right) {
  const struct cgroup *a = left;
  const struct cgroup *b = right;

  return strcmp(a->instance, b->instance);
}

size_t tree_path(const struct cgroup *cgroup, char path[TREE_PATH_SIZE]) {
  char *end = path + TREE_PATH_SIZE - 1;
  char *begin = end;

  *end = '\0';
  for (; cgroup->parent != NULL; cgroup = cgroup->parent) {
    size_t length = strlen(cgroup->component);
    begin -= length;
    memcpy(begin, cgroup->component, length);
    *--begin = '/';
  }
  if (begin == end)
    *--begin = '/';
  size_t length = (size_t)(end - begin);
  memmove(path, begin, length + 1);
  return length;
}

void tree_note_failure(const struct cgroup *cgroup, const char *root_path,
                       const char *file, int error, struct failure *failure) {
  char path[TREE_PATH_SIZE];

  (void)tree_path(cgroup, path);
  failure_note(failure, error, "%s%s%s%s", root_path,
               cgroup->parent != NULL ? path : "", *file != '\0' ? "/" : "",
               file);
}

/* Returns 1 if the cgroup has the name now, 0 if another cgroup has it, or
 * -ENOMEM. */
static int take_name(struct tree *tree, struct cgroup *cgroup,
                     const char *name) {
  cgroup->instance = strdup(name);
  if (cgroup->instance == NULL)
    return -ENOMEM;
  struct cgroup **owner =
      tsearch(cgroup, &tree->by_instance, tree_compare_instances);
  if (owner != NULL && *owner == cgroup)
    return 1;
  free(cgroup->instance);
  cgroup->instance = NULL;
  return owner == NULL ? -ENOMEM : 0;
}

static int take_name_apart(struct tree *tree, struct cgroup *cgroup) {
  char path[TREE_PATH_SIZE];
  char name[INSTANCE_NAME_SIZE];
  int status = 0;

  (void)tree_path(cgroup, path);
  for (unsigned attempt = 0; status == 0 && attempt < NAME_ATTEMPTS;
       attempt++) {
    instance_name_apart(path, tree->instance_format, attempt, name);
    status = take_name(tree, cgroup, name);
  }
  return status == 0 ? -EEXIST : status;
}

static void release_attachment(struct cgroup *cgroup) {
  if (cgroup->attachment != NULL)
    cgroup->attachment->release(cgroup->attachment);
  cgroup->attachment = NULL;
}

/* Gives the cgroup the name of the owner at `place`, and the owner another
 * name. On failure nothing changes. */
static int exchange_names(struct tree *tree, struct cgroup *cgroup,
                          struct cgroup **place) {
  struct cgroup *owner = *place;

  cgroup->instance = TAKE_POINTER(owner->instance);
  *place = cgroup;
  int status = take_name_apart(tree, owner);
  if (status < 0) {
    owner->instance = TAKE_POINTER(cgroup->instance);
    *place = owner;
    return status;
  }
  owner->apart = true;
  release_attachment(owner);
  return 0;
}

static int give_name(struct tree *tree, struct cgroup *cgroup) {
  char path[TREE_PATH_SIZE];
  char name[INSTANCE_NAME_SIZE];
  const struct cgroup key = {.instance = name};

  (void)tree_path(cgroup, path);
  int selected = selection_matches(tree->selection, path);
  if (selected < 0)
    return selected;
  cgroup->selected = selected > 0;
  instance_name_of_path(path, tree->instance_format, name);
  struct cgroup **owner =
      tfind(&key, &tree->by_instance, tree_compare_instances);
  if (owner != NULL && (*owner)->birth >= tree->settled &&
      cgroup->inode < (*owner)->inode)
    return exchange_names(tree, cgroup, owner);

  int status = owner == NULL ? take_name(tree, cgroup, name)
                             : take_name_apart(tree, cgroup);
  cgroup->apart = owner != NULL;
  return status < 0 ? status : 0;
}

/* Returns 1 if the cgroup has the name of the owner at `place` now. */
static int take_over(struct tree *tree, struct cgroup *cgroup,
                     struct cgroup **place) {
  const struct cgroup *owner = *place;

  if (owner->name_rank == 0 || cgroup->name_rank <= owner->name_rank)
    return 0;
  int status = exchange_names(tree, cgroup, place);
  return status < 0 ? status : 1;
}

/* Returns 1 if it has the name, 0 if not, or a negative errno. */
static int want_name(struct tree *tree, struct cgroup *cgroup,
                     const char *name) {
  const struct cgroup key = {.instance = (char *)name};
  struct cgroup **owner =
      tfind(&key, &tree->by_instance, tree_compare_instances);

  return owner == NULL ? take_name(tree, cgroup, name)
                       : take_over(tree, cgroup, owner);
}

/* While `cgroup` takes the new name, something else holds the old one, so that
 * nothing has to be allocated to give it back. */
static int replace_name(struct tree *tree, struct cgroup *cgroup,
                        const char *name) {
  struct cgroup before = {.instance = cgroup->instance};

  *(struct cgroup **)tfind(cgroup, &tree->by_instance, tree_compare_instances) =
      &before;
  cgroup->instance = NULL;
  int status = want_name(tree, cgroup, name);
  bool apart = status == 0;
  /* One that has a name with a hash keeps it. */
  if (apart && !cgroup->apart) {
    int other = take_name_apart(tree, cgroup);
    status = other < 0 ? other : 1;
  }
  if (status <= 0) {
    *(struct cgroup **)tfind(&before, &tree->by_instance,
                             tree_compare_instances) = cgroup;
    cgroup->instance = before.instance;
    return status;
  }
  cgroup->apart = apart;
  (void)tdelete(&before, &tree->by_instance, tree_compare_instances);
  free(before.instance);
  return 0;
}

int tree_rename(struct tree *tree, struct cgroup *cgroup, const char *name,
                uint64_t rank) {
  uint64_t before = cgroup->name_rank;

  cgroup->name_rank = rank;
  release_attachment(cgroup);
  if (strcmp(cgroup->instance, name) == 0)
    return 0;
  int status = replace_name(tree, cgroup, name);
  if (status < 0)
    cgroup->name_rank = before;
  return status;
}

int tree_name_by_path(struct tree *tree, struct cgroup *cgroup) {
  char path[TREE_PATH_SIZE];
  char name[INSTANCE_NAME_SIZE];

  (void)tree_path(cgroup, path);
  instance_name_of_path(path, tree->instance_format, name);
  return tree_rename(tree, cgroup, name, 0);
}

static size_t path_length(const struct cgroup *cgroup) {
  size_t length = 0;

  for (; cgroup->parent != NULL; cgroup = cgroup->parent)
    length += strlen(cgroup->component) + 1;
  return length;
}

static void bury(struct cgroup *cgroup) {
  release_attachment(cgroup);
  free(cgroup->details);
  free(cgroup->samples);
  free(cgroup->instance);
  free(cgroup);
}

/* Returns the list for an inode. Fibonacci hashing is used because the kernel
 * counts inodes up, and may have a generation in their upper half. */
static struct cgroup **inode_list(const struct tree *tree, uint64_t inode) {
  uint64_t mixed = (inode ^ (inode >> 32)) * UINT64_C(0x9e3779b97f4a7c15);

  return &tree->by_inode[(mixed >> 32) & (tree->by_inode_size - 1)];
}

static void list_by_inode(struct tree *tree, struct cgroup *cgroup) {
  struct cgroup **list = inode_list(tree, cgroup->inode);

  cgroup->next_by_inode = *list;
  *list = cgroup;
}

static void unlist_by_inode(struct tree *tree, const struct cgroup *cgroup) {
  struct cgroup **place = inode_list(tree, cgroup->inode);

  while (*place != cgroup)
    place = &(*place)->next_by_inode;
  *place = cgroup->next_by_inode;
}

static int make_inode_room(struct tree *tree) {
  struct cgroup **old = tree->by_inode;
  size_t old_size = tree->by_inode_size;

  if (tree->count < old_size)
    return 0;
  size_t size = old_size > 0 ? old_size * 2 : 64;
  struct cgroup **lists = calloc(size, sizeof(struct cgroup *));
  if (lists == NULL)
    return -ENOMEM;
  tree->by_inode = lists;
  tree->by_inode_size = size;
  for (size_t i = 0; i < old_size; i++)
    for (struct cgroup *cgroup = old[i]; cgroup != NULL;) {
      struct cgroup *next = cgroup->next_by_inode;
      list_by_inode(tree, cgroup);
      cgroup = next;
    }
  free(old);
  return 0;
}

static int index_cgroup(struct tree *tree, struct cgroup *cgroup) {
  int status = make_inode_room(tree);

  if (status < 0)
    return status;
  if (tree_find(tree, cgroup->inode) != NULL)
    return -EEXIST;
  status = give_name(tree, cgroup);
  if (status == 0)
    list_by_inode(tree, cgroup);
  return status;
}

static void link_cgroup(struct tree *tree, struct cgroup *cgroup) {
  struct cgroup *parent = cgroup->parent;

  for (struct cgroup *above = cgroup; above != NULL; above = above->parent)
    above->size++;
  if (parent == NULL) {
    tree->root = cgroup;
    return;
  }
  cgroup->next = parent->first_child;
  if (cgroup->next != NULL)
    cgroup->next->previous = cgroup;
  parent->first_child = cgroup;
}

int tree_add(struct tree *tree, struct cgroup *parent, const char *component,
             uint64_t inode, struct cgroup **added) {
  size_t length = strlen(component);

  if (parent != NULL && tree->root_length + path_length(parent) + 1 + length >
                            TREE_PATH_SIZE - TREE_FILE_SIZE)
    return -ENAMETOOLONG;
  struct cgroup *cgroup = calloc(1, sizeof(*cgroup) + length + 1);
  if (cgroup == NULL)
    return -ENOMEM;
  cgroup->parent = parent;
  cgroup->inode = inode;
  cgroup->birth = tree->births++;
  cgroup->depth = parent != NULL ? parent->depth + 1 : 0;
  cgroup->watch = -1;
  cgroup->fd = -1;
  memcpy(cgroup->component, component, length + 1);

  int status = index_cgroup(tree, cgroup);
  if (status < 0) {
    bury(cgroup);
    return status;
  }
  link_cgroup(tree, cgroup);
  tree->count++;
  tree->changed = true;
  *added = cgroup;
  return 0;
}

static void unlink_cgroup(struct cgroup *cgroup) {
  for (struct cgroup *above = cgroup; above != NULL; above = above->parent) {
    assert(above->size > 0);
    above->size--;
  }
  if (cgroup->previous != NULL)
    cgroup->previous->next = cgroup->next;
  else if (cgroup->parent != NULL)
    cgroup->parent->first_child = cgroup->next;
  if (cgroup->next != NULL)
    cgroup->next->previous = cgroup->previous;
}

void tree_let_go(struct tree *tree, struct cgroup *cgroup) {
  cgroup->next = tree->graveyard;
  tree->graveyard = cgroup;
}

static void remove_leaf(struct tree *tree, struct cgroup *cgroup) {
  unlist_by_inode(tree, cgroup);
  (void)tdelete(cgroup, &tree->by_instance, tree_compare_instances);
  unlink_cgroup(cgroup);
  if (tree->on_remove != NULL)
    tree->on_remove(tree->context, cgroup);
  assert(!cgroup->removed && tree->count > 0);
  cgroup->removed = true;
  if (!cgroup->kept)
    tree_let_go(tree, cgroup);
  tree->count--;
  tree->changed = true;
}

void tree_remove(struct tree *tree, struct cgroup *cgroup) {
  for (struct cgroup *leaf = cgroup;;) {
    while (leaf->first_child != NULL)
      leaf = leaf->first_child;
    struct cgroup *parent = leaf->parent;
    remove_leaf(tree, leaf);
    if (leaf == cgroup)
      break;
    leaf = parent;
  }
  if (cgroup == tree->root)
    tree->root = NULL;
}

void tree_bury(struct tree *tree) {
  while (tree->graveyard != NULL) {
    struct cgroup *cgroup = tree->graveyard;
    tree->graveyard = cgroup->next;
    bury(cgroup);
  }
}

void tree_settle(struct tree *tree) {
  tree->settled = tree->births;
  tree_bury(tree);
}

struct cgroup *tree_find(const struct tree *tree, uint64_t inode) {
  struct cgroup *found =
      tree->by_inode_size > 0 ? *inode_list(tree, inode) : NULL;

  while (found != NULL && found->inode != inode)
    found = found->next_by_inode;
  return found;
}

struct cgroup *tree_find_named(const struct tree *tree, const char *name) {
  const struct cgroup key = {.instance = (char *)name};
  struct cgroup *const *place =
      tfind(&key, &tree->by_instance, tree_compare_instances);

  return place != NULL ? *place : NULL;
}

struct cgroup *tree_next(struct cgroup *cgroup, const struct cgroup *top,
                         bool over) {
  if (!over && cgroup->first_child != NULL)
    return cgroup->first_child;
  while (cgroup != top && cgroup->next == NULL)
    cgroup = cgroup->parent;
  return cgroup != top ? cgroup->next : NULL;
}

struct cgroup *const *tree_order(struct tree *tree) {
  size_t count = 0;

  if (tree->root == NULL)
    return NULL;
  if (!tree->changed)
    return tree->order;
  if (tree->order_room < tree->count) {
    struct cgroup **order =
        reallocarray(tree->order, tree->count, sizeof(*order));
    if (order == NULL)
      return NULL;
    tree->order = order;
    tree->order_room = tree->count;
  }
  for (struct cgroup *cgroup = tree->root; cgroup != NULL;
       cgroup = tree_next(cgroup, tree->root, false)) {
    cgroup->selected_below = false;
    tree->order[count++] = cgroup;
  }
  while (count-- > 1) {
    struct cgroup *cgroup = tree->order[count];
    if (cgroup->selected || cgroup->selected_below)
      cgroup->parent->selected_below = true;
  }
  tree->changed = false;
  return tree->order;
}

#ifndef NDEBUG
static void check_cgroup(const struct tree *tree, const struct cgroup *cgroup) {
  struct cgroup *const *named =
      tfind(cgroup, &tree->by_instance, tree_compare_instances);
  size_t size = 1;

  for (const struct cgroup *child = cgroup->first_child; child != NULL;
       child = child->next) {
    assert(child->parent == cgroup);
    assert(child->depth == cgroup->depth + 1);
    assert(child->previous != NULL ? child->previous->next == child
                                   : cgroup->first_child == child);
    size += child->size;
  }
  assert(cgroup->size == size);
  assert(!cgroup->removed);
  assert(tree_find(tree, cgroup->inode) == cgroup);
  assert(named != NULL && *named == cgroup);
}

void tree_check(const struct tree *tree) {
  size_t count = 0;

  for (struct cgroup *cgroup = tree->root; cgroup != NULL;
       cgroup = tree_next(cgroup, tree->root, false)) {
    check_cgroup(tree, cgroup);
    count++;
  }
  assert(tree->count == count);
}
#else
void tree_check(const struct tree *tree) { (void)tree; }
#endif

void tree_release(struct tree *tree) {
  if (tree->root != NULL)
    tree_remove(tree, tree->root);
  tree_bury(tree);
  free(tree->order);
  free(tree->by_inode);
  *tree = (struct tree){0};
}
