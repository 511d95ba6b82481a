/* SPDX-License-Identifier: MIT */
#include "find/cgroup_count.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

static void make_directory(const char *tree, const char *name) {
  CLEANUP_FREE char *path = NULL;

  ck_assert_int_ge(asprintf(&path, "%s/%s", tree, name), 0);
  ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void check_count(const char *directory, bool native, size_t count,
                        bool complete) {
  struct cgroup_count result = cgroup_count(directory, native);

  ck_assert_uint_eq(result.count, count);
  ck_assert_int_eq(result.complete, complete);
}

/* Files, links and the targets of links are not cgroups. */
START_TEST(directories_only) {
  char *tree = make_tree();
  CLEANUP_FREE char *link = NULL;

  write_file(tree, "cpu.stat", "usage_usec 1\n");
  make_directory(tree, "a");
  write_file(tree, "a/b/cpu.stat", "usage_usec 1\n");
  make_directory(tree, "a/c");
  make_directory(tree, "a/b/d");
  make_directory(tree, ".hidden");
  ck_assert_int_ge(asprintf(&link, "%s/a/up", tree), 0);
  ck_assert_int_eq(symlink("..", link), 0);
  for (int native = 0; native <= 1; native++)
    check_count(tree, native != 0, 6, true);
  check_count("/nowhere/at/all", true, 1, false);
  remove_tree(tree);
}
END_TEST

/* Makes a chain of `depth` directories below the root. */
static void make_trunk(const char *tree, int depth) {
  int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  for (int i = 0; i < depth; i++) {
    ck_assert_int_eq(mkdirat(fd, "d", 0755), 0);
    int below = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(below, 0);
    (void)close(fd);
    fd = below;
  }
  (void)close(fd);
}

START_TEST(depth_has_an_end) {
  char *tree = make_tree();
  struct stat status;

  ck_assert_int_eq(stat(tree, &status), 0);
  make_trunk(tree, CGROUP_COUNT_DEPTH);
  /* Only the link count shows that the last one has no children, and not every
   * file system has such link counts. */
  check_count(tree, true, CGROUP_COUNT_DEPTH + 1, status.st_nlink == 2);
  check_count(tree, false, CGROUP_COUNT_DEPTH + 1, false);
  remove_tree(tree);

  tree = make_tree();
  make_trunk(tree, 500);
  check_count(tree, true, CGROUP_COUNT_DEPTH + 1, false);
  remove_tree(tree);
}
END_TEST

START_TEST(number_has_an_end) {
  char *tree = make_tree();
  char name[32];

  for (int i = 1; i < CGROUP_COUNT_MAX; i++) {
    (void)snprintf(name, sizeof(name), "%d", i);
    make_directory(tree, name);
  }
  check_count(tree, true, CGROUP_COUNT_MAX, true);
  make_directory(tree, "1/more");
  check_count(tree, true, CGROUP_COUNT_MAX, false);
  remove_tree(tree);
}
END_TEST

Suite *cgroup_count_suite(void) {
  TCase *tests = case_of("cgroup_count", NULL, NULL, ONCE(directories_only),
                         ONCE(depth_has_an_end), ONCE(number_has_an_end));

  tcase_set_timeout(tests, 120);
  return suite_of_case("cgroup_count", tests);
}
