/* SPDX-License-Identifier: MIT */
#include "name/home.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

#define HOME "/home/me"

static char *root;
static char *mountinfo;
static struct homes homes;

static void setup(void) {
  root = make_tree();
  mountinfo = path_in(root, "mountinfo");
  homes = (struct homes){root, mountinfo};
  write_file(root, "home/me/file", "");
  write_home(root, HOME, "ext4");
}

static void teardown(void) {
  free(mountinfo);
  remove_tree(root);
}

/* Returns the error, or 0. */
static int open_it(void) {
  char path[PATH_MAX];
  CLEANUP_FD int fd = home_open(&homes, ordinary_user(), path);

  return fd < 0 ? fd : 0;
}

START_TEST(opened) {
  CLEANUP_FREE char *expected = path_in(root, "home/me");
  char path[PATH_MAX];
  struct stat of_path;
  struct stat of_fd;
  CLEANUP_FD int fd = home_open(&homes, ordinary_user(), path);

  ck_assert_int_ge(fd, 0);
  ck_assert_str_eq(path, expected);
  ck_assert_int_eq(stat(expected, &of_path), 0);
  ck_assert_int_eq(fstat(fd, &of_fd), 0);
  ck_assert_uint_eq(of_path.st_ino, of_fd.st_ino);
  ck_assert_int_eq(home_open(&homes, ordinary_user() + 1, path), -ENOENT);
  ck_assert_str_eq(path, "");
}
END_TEST

/* A way back or twice the same slash would hide a mount point. */
static const struct {
  const char *home;
  int status;
} others[] = {
    {"/home/me/", 0},
    {"", -ENOENT},
    {"home/me", -ENOENT},
    {"/nonexistent", -EAGAIN},
    {"/home/../home/me", -ENOENT},
    {"//home/me", -ENOENT},
    {"/home/./me", -ENOENT},
    {"/home/me/file", -ENOTDIR},
    {"/home/link", -ELOOP},
    {"/link/me", -ELOOP},
};

START_TEST(elsewhere) {
  CLEANUP_FREE char *within = path_in(root, "home/link");
  CLEANUP_FREE char *above = path_in(root, "link");

  ck_assert_int_eq(symlink("me", within), 0);
  ck_assert_int_eq(symlink("home", above), 0);
  write_home(root, others[_i].home, "ext4");
  int status = open_it();
  if (others[_i].status == -ELOOP)
    ck_assert(status == -ELOOP || status == -ENOTDIR);
  else
    ck_assert_int_eq(status, others[_i].status);
}
END_TEST

START_TEST(without_users) {
  CLEANUP_FREE char *path = path_in(root, "etc/passwd");

  ck_assert_int_eq(unlink(path), 0);
  ck_assert_int_eq(open_it(), -ENOENT);
  write_file(root, "etc/passwd", "me\n:::\n\n#\n");
  ck_assert_int_eq(open_it(), -ENOENT);
}
END_TEST

static const struct {
  const char *type;
  int status;
} types[] = {
    {"ext4", 0},         {"xfs", 0},
    {"btrfs", 0},        {"tmpfs", 0},
    {"overlay", 0},      {"zfs", 0},
    {"nfs4", -EXDEV},    {"nfs", -EXDEV},
    {"cifs", -EXDEV},    {"fuse", -EXDEV},
    {"9p", -EXDEV},      {"autofs", -EXDEV},
    {"fuseblk", -EXDEV}, {"fuse.sshfs", -EXDEV},
    {"ext", -EXDEV},     {"virtiofs", -EXDEV},
};

START_TEST(of_types) {
  write_home(root, HOME, types[_i].type);
  ck_assert_int_eq(open_it(), types[_i].status);
}
END_TEST

/* A mount that may have no end of waiting, at this directory. */
static const struct {
  const char *directory;
  int status;
} mounts[] = {
    {"/home/me", -EXDEV},   {"/home", -EXDEV}, {"", -EXDEV},
    {"/home/me/.local", 0}, {"/home/m", 0},    {"/home/you", 0},
};

START_TEST(on_the_way) {
  FILE *file = fopen(mountinfo, "ae");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_gt(fprintf(file, "7 1 0:7 / %s%s rw - fuse.x x rw\n", root,
                           mounts[_i].directory),
                   0);
  ck_assert_int_eq(fclose(file), 0);
  ck_assert_int_eq(open_it(), mounts[_i].status);
}
END_TEST

/* It is in a mount that was not there when the mounts were read. */
START_TEST(a_new_mount) {
  write_file(root, "mountinfo", "7 1 0:7 / / rw - ext4 x rw\n");
  ck_assert_int_eq(open_it(), -EXDEV);
  write_file(root, "mountinfo", "");
  ck_assert_int_eq(open_it(), -EXDEV);
  ck_assert_int_eq(unlink(mountinfo), 0);
  ck_assert_int_eq(open_it(), -ENOENT);
}
END_TEST

Suite *home_suite(void) {
  int once = homes_can_be_read();

  return suite_of("home", setup, teardown, TIMES(opened, once),
                  TIMES(elsewhere, (int)ARRAY_SIZE(others) * once),
                  ONCE(without_users),
                  TIMES(of_types, (int)ARRAY_SIZE(types) * once),
                  TIMES(on_the_way, (int)ARRAY_SIZE(mounts) * once),
                  TIMES(a_new_mount, once));
}
