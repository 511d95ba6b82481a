/* SPDX-License-Identifier: MIT */
#include "tree/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"

static struct selection selection;
static struct tree tree;
static size_t removed;

static void count_removed(void *context, struct cgroup *cgroup) {
  (void)context;
  (void)cgroup;
  removed++;
}

static void setup(void) {
  removed = 0;
  selection = (struct selection){0};
  tree = (struct tree){.selection = &selection, .on_remove = count_removed};
}

static void teardown(void) {
  tree_check(&tree);
  tree_release(&tree);
  selection_release(&selection);
}

static struct cgroup *add(struct cgroup *parent, const char *component,
                          uint64_t inode) {
  struct cgroup *added = NULL;

  ck_assert_int_eq(tree_add(&tree, parent, component, inode, &added), 0);
  tree_check(&tree);
  return added;
}

static void assert_path(const struct cgroup *cgroup, const char *expected) {
  char path[TREE_PATH_SIZE];

  ck_assert_uint_eq(tree_path(cgroup, path), strlen(expected));
  ck_assert_str_eq(path, expected);
}

START_TEST(paths_names_and_depths) {
  struct cgroup *root = add(NULL, "", 1);
  struct cgroup *slice = add(root, "a.slice", 2);
  struct cgroup *service = add(slice, "b.service", 3);

  ck_assert_ptr_eq(tree.root, root);
  ck_assert_uint_eq(tree.count, 3);
  assert_path(root, "/");
  assert_path(slice, "/a.slice");
  assert_path(service, "/a.slice/b.service");
  ck_assert_str_eq(root->instance, "root");
  ck_assert_str_eq(service->instance, "a.slice_b.service");
  ck_assert_uint_eq(root->depth, 0);
  ck_assert_uint_eq(service->depth, 2);
  ck_assert_ptr_eq(tree_find(&tree, 2), slice);
  ck_assert_ptr_null(tree_find(&tree, 4));
}
END_TEST

START_TEST(parents_come_first) {
  struct cgroup *root = add(NULL, "", 1);
  struct cgroup *parents[4] = {root, add(root, "a", 2), add(root, "b", 3)};
  parents[3] = add(parents[1], "c", 4);
  for (uint64_t inode = 5; inode < 40; inode++)
    add(parents[inode % 4], "x", inode)->component[0] = (char)('A' + inode);

  struct cgroup *const *order = tree_order(&tree);
  ck_assert_uint_eq(tree.count, 39);
  for (size_t i = 0; i < tree.count; i++) {
    bool parent_seen = order[i]->parent == NULL;
    for (size_t j = 0; j < i; j++) {
      parent_seen = parent_seen || order[j] == order[i]->parent;
      ck_assert_ptr_ne(order[j], order[i]);
    }
    ck_assert(parent_seen);
  }
}
END_TEST

START_TEST(a_subtree_goes_as_a_whole) {
  struct cgroup *root = add(NULL, "", 1);
  struct cgroup *a = add(root, "a", 2);
  struct cgroup *b = add(root, "b", 3);
  struct cgroup *deep = add(add(a, "c", 4), "d", 5);

  tree_remove(&tree, a);
  ck_assert_uint_eq(removed, 3);
  ck_assert_uint_eq(tree.count, 2);
  ck_assert(deep->removed && a->removed && !b->removed);
  ck_assert_ptr_null(tree_find(&tree, 2));
  ck_assert_ptr_null(tree_find(&tree, 5));
  ck_assert_ptr_eq(root->first_child, b);
  struct cgroup *const *order = tree_order(&tree);
  ck_assert_ptr_eq(order[0], root);
  ck_assert_ptr_eq(order[1], b);
  tree_settle(&tree);

  tree_remove(&tree, root);
  ck_assert_uint_eq(tree.count, 0);
  ck_assert_ptr_null(tree.root);
  ck_assert_ptr_null(tree_order(&tree));
  add(NULL, "", 9);
  ck_assert_uint_eq(tree.count, 1);
}
END_TEST

/* Different paths get the same name because of a container id or an escape. */
START_TEST(no_two_share_an_instance) {
  struct cgroup *root = add(NULL, "", 1);
  struct cgroup *first = add(root, "machine-a.scope", 2);
  struct cgroup *second = add(root, "machine\\x2da.scope", 3);

  ck_assert_str_eq(first->instance, "machine-a.scope");
  ck_assert_ptr_eq(strstr(second->instance, "machine-a.scope~"),
                   second->instance);

  /* The name becomes free when its owner is removed, and not before. */
  tree_remove(&tree, first);
  struct cgroup *third = add(root, "machine-a.scope", 4);
  ck_assert_str_eq(third->instance, "machine-a.scope");
}
END_TEST

START_TEST(of_two_new_ones_the_older_has_the_name) {
  struct cgroup *root = add(NULL, "", 1);
  struct cgroup *young = add(root, "a\\x2db", 30);
  struct cgroup *old = add(root, "a-b", 20);
  struct cgroup *between = add(root, "\\x61-b", 25);

  ck_assert_str_eq(old->instance, "a-b");
  ck_assert_int_eq(strncmp(young->instance, "a-b~", 4), 0);
  ck_assert_int_eq(strncmp(between->instance, "a-b~", 4), 0);
  ck_assert_str_ne(young->instance, between->instance);
  tree_remove(&tree, young);
  ck_assert_str_eq(add(root, "a\\x2db", 31)->instance, young->instance);
}
END_TEST

START_TEST(a_name_is_for_life) {
  struct cgroup *root = add(NULL, "", 1);
  struct cgroup *first = add(root, "a\\x2db", 30);

  tree_settle(&tree);
  struct cgroup *second = add(root, "a-b", 20);
  ck_assert_str_eq(first->instance, "a-b");
  ck_assert_int_eq(strncmp(second->instance, "a-b~", 4), 0);
}
END_TEST

START_TEST(leaf_names_stay_different) {
  tree.instance_format = INSTANCE_FORMAT_LEAF;
  struct cgroup *root = add(NULL, "", 1);
  struct cgroup *a = add(add(root, "a", 2), "container", 3);
  struct cgroup *b = add(add(root, "b", 4), "container", 5);

  ck_assert_str_eq(a->instance, "container");
  ck_assert_ptr_eq(strstr(b->instance, "container~"), b->instance);
}
END_TEST

START_TEST(one_inode_is_one_cgroup) {
  struct cgroup *added = NULL;
  struct cgroup *root = add(NULL, "", 1);

  add(root, "a", 2);
  ck_assert_int_eq(tree_add(&tree, root, "b", 2, &added), -EEXIST);
  ck_assert_uint_eq(tree.count, 2);
}
END_TEST

/* The kernel's numbers have 64 bits. */
START_TEST(inodes_are_compared_whole) {
  struct cgroup *root = add(NULL, "", 1);
  struct cgroup *low = add(root, "low", 2);
  struct cgroup *high = add(root, "high", (UINT64_C(1) << 32) + 2);

  ck_assert_uint_eq(tree.count, 3);
  ck_assert_ptr_ne(low, high);
}
END_TEST

START_TEST(paths_have_an_end) {
  char component[256];
  struct cgroup *cgroup = add(NULL, "", 1);
  struct cgroup *added = NULL;
  int status = 0;

  memset(component, 'x', 255);
  component[255] = '\0';
  for (uint64_t inode = 2; status == 0 && inode < 40; inode++) {
    status = tree_add(&tree, cgroup, component, inode, &added);
    if (status == 0)
      cgroup = added;
  }
  ck_assert_int_eq(status, -ENAMETOOLONG);
  ck_assert_uint_eq(cgroup->depth, (TREE_PATH_SIZE - TREE_FILE_SIZE) / 256);
}
END_TEST

START_TEST(whole_paths_fit) {
  char component[256];
  struct cgroup *added = NULL;

  memset(component, 'x', 255);
  tree.root_length = PATH_MAX - TREE_FILE_SIZE - 256;
  struct cgroup *root = add(NULL, "", 1);
  component[255] = '\0';
  ck_assert_int_eq(tree_add(&tree, root, component, 2, &added), 0);
  tree.root_length++;
  ck_assert_int_eq(tree_add(&tree, root, component, 3, &added), -ENAMETOOLONG);
}
END_TEST

START_TEST(selection_is_known) {
  ck_assert_int_eq(selection_add(&selection, "/a/b"), 0);
  struct cgroup *root = add(NULL, "", 1);
  struct cgroup *a = add(root, "a", 2);
  struct cgroup *b = add(a, "b", 3);
  struct cgroup *c = add(root, "c", 4);

  ck_assert_ptr_nonnull(tree_order(&tree));
  ck_assert(b->selected && !a->selected && !root->selected && !c->selected);
  ck_assert(root->selected_below && a->selected_below);
  ck_assert(!b->selected_below && !c->selected_below);
  tree_remove(&tree, b);
  ck_assert_ptr_nonnull(tree_order(&tree));
  ck_assert(!root->selected_below && !a->selected_below);
}
END_TEST

static struct cgroup_attachment *released;

static void release(struct cgroup_attachment *attachment) {
  ck_assert_ptr_null(released);
  released = attachment;
}

static struct cgroup_attachment made_of_name = {release};

/* Attaches it, after it has been released. */
static void attach_again(struct cgroup *cgroup) {
  ck_assert_ptr_eq(released, &made_of_name);
  ck_assert_ptr_null(cgroup->attachment);
  released = NULL;
  cgroup->attachment = &made_of_name;
}

/* What was made of a name goes with the name. */
START_TEST(attachments_go) {
  struct cgroup *root = add(NULL, "", 1);
  struct cgroup *a = add(root, "a", 2);
  struct cgroup *b = add(root, "b", 3);

  released = &made_of_name;
  attach_again(a);
  ck_assert_int_eq(tree_rename(&tree, a, "first", 10), 0);
  attach_again(a);
  /* The same name can stand for something else. */
  ck_assert_int_eq(tree_rename(&tree, a, "first", 10), 0);
  attach_again(a);
  ck_assert_int_eq(tree_rename(&tree, b, "first", 11), 0);
  ck_assert_str_eq(b->instance, "first");
  attach_again(a);
  ck_assert_int_eq(tree_name_by_path(&tree, a), 0);
  attach_again(a);
  tree_remove(&tree, a);
  tree_bury(&tree);
  ck_assert_ptr_eq(released, &made_of_name);
  released = NULL;
  b->attachment = &made_of_name;
  tree_remove(&tree, root);
  tree_bury(&tree);
  ck_assert_ptr_eq(released, &made_of_name);
}
END_TEST

Suite *tree_suite(void) {
  return suite_of(
      "tree", setup, teardown, ONCE(paths_names_and_depths),
      ONCE(parents_come_first), ONCE(a_subtree_goes_as_a_whole),
      ONCE(no_two_share_an_instance),
      ONCE(of_two_new_ones_the_older_has_the_name), ONCE(a_name_is_for_life),
      ONCE(leaf_names_stay_different), ONCE(one_inode_is_one_cgroup),
      ONCE(inodes_are_compared_whole), ONCE(paths_have_an_end),
      ONCE(whole_paths_fit), ONCE(selection_is_known), ONCE(attachments_go));
}
