/* SPDX-License-Identifier: MIT */
#include "util/open_beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

static char *tree;
static int root = -1;

static void setup(void) {
  tree = make_tree();
  write_file(tree, "file", "outer\n");
  write_file(tree, "root/file", "root\n");
  write_file(tree, "root/a/b/file", "inner\n");
  root = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_eq(symlinkat("a", root, "root/link"), 0);
  ck_assert_int_eq(symlinkat("file", root, "root/file-link"), 0);
  int below = openat(root, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_ge(below, 0);
  (void)close(root);
  root = below;
}

static void teardown(void) {
  (void)close(root);
  remove_tree(tree);
}

/* Refuses the call in this process from now on, like the seccomp profile of a
 * container that is older than the call. Where it does not exist, as in QEMU's
 * user mode, nothing needs to refuse it. */
static void refuse_openat2(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

  if (syscall(SYS_openat2, -1, NULL, NULL, 0) < 0 && errno == ENOSYS)
    return;
  ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void assert_reads(const char *path, const char *text) {
  char buffer[16] = "";
  CLEANUP_FD int fd = open_beneath(root, path, O_RDONLY);

  ck_assert_msg(fd >= 0, "%s: %s", path, strerror(-fd));
  ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  ck_assert_int_eq(read(fd, buffer, sizeof(buffer) - 1), (ssize_t)strlen(text));
  ck_assert_str_eq(buffer, text);
}

static void assert_refused(const char *path) {
  int fd = open_beneath(root, path, O_RDONLY);

  ck_assert_msg(fd == -ELOOP || fd == -ENOTDIR || fd == -EXDEV, "%s: %d", path,
                fd);
}

/* Runs once with openat2 and once without. */
START_TEST(what_lies_below) {
  if (_i == 1)
    refuse_openat2();
  assert_reads("file", "root\n");
  assert_reads("a/b/file", "inner\n");
  CLEANUP_FD int itself = open_beneath(root, "", O_RDONLY | O_DIRECTORY);
  ck_assert_int_ge(itself, 0);
  ck_assert_int_eq(open_beneath(root, "a/missing", O_RDONLY), -ENOENT);
  ck_assert_int_eq(open_beneath(root, "file/below", O_RDONLY), -ENOTDIR);
}
END_TEST

START_TEST(nothing_else) {
  if (_i == 1)
    refuse_openat2();
  assert_refused("../file");
  assert_refused("a/../../file");
  assert_refused("link/b/file");
  assert_refused("file-link");
}
END_TEST

START_TEST(longest_names) {
  char name[300];

  if (_i == 1)
    refuse_openat2();
  memset(name, 'x', sizeof(name) - 1);
  name[sizeof(name) - 1] = '\0';
  ck_assert_int_eq(open_beneath(root, name, O_RDONLY), -ENAMETOOLONG);
  name[255] = '\0';
  ck_assert_int_eq(open_beneath(root, name, O_RDONLY), -ENOENT);
}
END_TEST

Suite *open_beneath_suite(void) {
  return suite_of("open_beneath", setup, teardown, TIMES(what_lies_below, 2),
                  TIMES(nothing_else, 2), TIMES(longest_names, 2));
}
