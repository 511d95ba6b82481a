/* SPDX-License-Identifier: MIT */
#include "name/containerd.h"

#include <errno.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

#define TASKS "run/containerd/io.containerd.runtime.v2.task/"

static char *root;
static struct containerd containerd;

static void setup(void) {
  root = make_tree();
  containerd_open(&containerd, root);
  containerd.owner = geteuid();
}

static void teardown(void) {
  containerd_end(&containerd);
  remove_tree(root);
}

static const struct {
  const char *namespace_name;
  const char *id;
  int status;
} tasks[] = {
    {"default", "web", 0},
    {"default", "my_web-1.2", 0},
    {"default", "db", -ENOENT},
    {"other", "web", -ENOENT},
    {"default", "file", -ENOENT},
    {"default", "link", -ENOENT},
    {"default", "web/rootfs", -ENOENT},
    {"default", "", -ENOENT},
    {"", "default", -ENOENT},
    {"default", "w b", -ENOENT},
};

START_TEST(of_tasks) {
  CLEANUP_FREE char *link = path_in(root, TASKS "default/link");

  write_file(root, TASKS "default/web/rootfs/x", "");
  write_file(root, TASKS "default/my_web-1.2/config.json", "");
  write_file(root, TASKS "default/w b/config.json", "");
  write_file(root, TASKS "default/file", "");
  ck_assert_int_eq(symlink("web", link), 0);
  ck_assert_int_eq(
      containerd_find(&containerd, tasks[_i].namespace_name, tasks[_i].id),
      tasks[_i].status);
}
END_TEST

START_TEST(without_containerd) {
  ck_assert_int_eq(containerd_find(&containerd, "default", "web"), -ENOENT);
  /* Within a pass, it is not looked for again. */
  write_file(root, TASKS "default/web/config.json", "");
  ck_assert_int_eq(containerd_find(&containerd, "default", "web"), -ENOENT);
  containerd_end(&containerd);
  ck_assert_int_eq(containerd_find(&containerd, "default", "web"), 0);
}
END_TEST

START_TEST(of_another_owner) {
  write_file(root, TASKS "default/web/config.json", "");
  containerd.owner = geteuid() + 1;
  ck_assert_int_eq(containerd_find(&containerd, "default", "web"), -ENOENT);
}
END_TEST

Suite *containerd_suite(void) {
  return suite_of("containerd", setup, teardown, FOR_EACH(of_tasks, tasks),
                  ONCE(without_containerd), ONCE(of_another_owner));
}
