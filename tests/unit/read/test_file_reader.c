/* SPDX-License-Identifier: MIT */
#include "read/file_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"

#define COUNT 40

static char *directory;
static int root_fd = -1;
static struct selection selection;
static struct tree tree;
static struct cgroup *cgroups[COUNT];
static struct file_reader reader;
static const char *file;

static void forget(void *context, struct cgroup *cgroup) {
  (void)context;
  file_reader_forget(&reader, cgroup);
}

/* Makes the root, and cgroups below it. The file of each contains its
 * number. */
static void setup(void) {
  char name[32];
  char text[32];

  file = "usage";
  directory = make_tree();
  root_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  tree = (struct tree){.selection = &selection, .on_remove = forget};
  ck_assert_int_eq(tree_add(&tree, NULL, "", 1, &cgroups[0]), 0);
  write_file(directory, "usage", "0\n");
  for (int i = 1; i < COUNT; i++) {
    (void)snprintf(name, sizeof(name), "%d/usage", i);
    (void)snprintf(text, sizeof(text), "%d\n", i);
    write_file(directory, name, text);
    *strchr(name, '/') = '\0';
    ck_assert_int_eq(
        tree_add(&tree, cgroups[0], name, (uint64_t)i + 1, &cgroups[i]), 0);
  }
}

static void teardown(void) {
  tree_release(&tree);
  ck_assert_uint_eq(reader.kept, 0);
  (void)close(root_fd);
  remove_tree(directory);
}

static int read_one(struct cgroup *cgroup, char *text, size_t size) {
  struct reading reading;
  int status = file_reader_read(&reader, root_fd, cgroup, file, 0, text,
                                size - 1, &reading);

  text[status == 0 ? reading.length : 0] = '\0';
  return status;
}

static void read_all(void) {
  char text[32];

  for (int i = 0; i < COUNT; i++) {
    ck_assert_int_eq(read_one(cgroups[i], text, sizeof(text)), 0);
    ck_assert_int_eq((int)strtol(text, NULL, 10), i);
  }
}

static size_t open_descriptors(int from, int to) {
  size_t count = 0;

  for (int fd = from; fd < to; fd++)
    if (fcntl(fd, F_GETFD) >= 0)
      count++;
  return count;
}

static void limit_descriptors(rlim_t soft, rlim_t hard) {
  struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};

  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

START_TEST(kept_and_not_kept_read_alike) {
  static const size_t keeps[] = {0, 1, 7, COUNT, 1000};

  file_reader_open(&reader, keeps[_i]);
  read_all();
  read_all();
  ck_assert_uint_eq(reader.kept, keeps[_i] < COUNT ? keeps[_i] : COUNT);
}
END_TEST

START_TEST(kept_ones_are_above_select) {
  limit_descriptors(1024, 4096);
  size_t low = open_descriptors(0, FILE_READER_LOWEST_FD);
  file_reader_open(&reader, 1000);
  read_all();
  ck_assert_uint_eq(reader.kept, COUNT);
  ck_assert_uint_eq(open_descriptors(0, FILE_READER_LOWEST_FD), low);
  ck_assert_uint_eq(open_descriptors(FILE_READER_LOWEST_FD, 4096), COUNT);
  ck_assert_int_eq(fcntl(cgroups[0]->fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

static const struct {
  rlim_t hard;
  size_t share;
} limits[] = {{64, 16}, {100, 25}, {2047, 511}, {2048, 768}, {2058, 774}};

START_TEST(a_share_is_taken) {
  limit_descriptors(limits[_i].hard, limits[_i].hard);
  file_reader_open(&reader, 1000);
  ck_assert_uint_eq(reader.keep, limits[_i].share);
  read_all();
  read_all();
}
END_TEST

static rlim_t soft_limit(void) {
  struct rlimit limit;

  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
  return limit.rlim_cur;
}

/* Some programs close every possible descriptor. They would take a long time if
 * the soft limit were as high as the hard limit. */
START_TEST(the_limit_is_raised_as_needed) {
  limit_descriptors(256, 16000);
  file_reader_open(&reader, 0);
  ck_assert_uint_eq(soft_limit(), 256);
  file_reader_open(&reader, 30);
  ck_assert_uint_eq(reader.keep, 30);
  ck_assert_uint_eq(soft_limit(), 2048);
  file_reader_open(&reader, 3000);
  ck_assert_uint_eq(reader.keep, 3000);
  ck_assert_uint_eq(soft_limit(), 5028);
  file_reader_open(&reader, 10);
  ck_assert_uint_eq(soft_limit(), 5028);
}
END_TEST

START_TEST(share_does_not_exhaust_a_small_limit) {
  limit_descriptors(64, 64);
  file_reader_open(&reader, 1000);
  read_all();
  ck_assert_uint_eq(reader.kept, 16);
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ck_assert_int_ge(fd, 0);
  (void)close(fd);
}
END_TEST

START_TEST(removed_ones_are_let_go) {
  char text[32];

  file_reader_open(&reader, 5);
  read_all();
  tree_remove(&tree, cgroups[2]);
  tree_remove(&tree, cgroups[30]);
  ck_assert_uint_eq(reader.kept, 4);
  ck_assert_int_eq(read_one(cgroups[10], text, sizeof(text)), 0);
  ck_assert_uint_eq(reader.kept, 5);
}
END_TEST

START_TEST(missing_file_is_reported) {
  char text[32];

  file_reader_open(&reader, 5);
  file = "nothing";
  ck_assert_int_eq(read_one(cgroups[0], text, sizeof(text)), -ENOENT);
  ck_assert_int_eq(read_one(cgroups[3], text, sizeof(text)), -ENOENT);
  ck_assert_uint_eq(reader.kept, 0);
}
END_TEST

/* A link in place of a directory is not followed, and a fifo does not block. */
START_TEST(only_files_of_the_tree) {
  char text[32];

  file_reader_open(&reader, 0);
  ck_assert_int_eq(unlinkat(root_fd, "1/usage", 0), 0);
  ck_assert_int_eq(symlinkat("../2/usage", root_fd, "1/usage"), 0);
  ck_assert_int_eq(read_one(cgroups[1], text, sizeof(text)), -ELOOP);
  ck_assert_int_eq(unlinkat(root_fd, "3/usage", 0), 0);
  ck_assert_int_eq(mkfifoat(root_fd, "3/usage", 0600), 0);
  ck_assert_int_lt(read_one(cgroups[3], text, sizeof(text)), 0);
}
END_TEST

Suite *file_reader_suite(void) {
  Suite *suite = suite_of(
      "file_reader", setup, teardown, TIMES(kept_and_not_kept_read_alike, 5),
      ONCE(removed_ones_are_let_go), ONCE(missing_file_is_reported),
      ONCE(only_files_of_the_tree));
  /* These tests change the process's own limit, which valgrind does not
   * allow. */
  TCase *limit_tests = case_of(
      "limits", setup, teardown, ONCE(kept_ones_are_above_select),
      FOR_EACH(a_share_is_taken, limits), ONCE(the_limit_is_raised_as_needed),
      ONCE(share_does_not_exhaust_a_small_limit));

  tcase_set_tags(limit_tests, "limits");
  suite_add_tcase(suite, limit_tests);
  return suite;
}
