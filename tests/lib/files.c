/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/open_beneath.h"

char *path_in(const char *directory, const char *name) {
  char *path = NULL;

  ck_assert_int_ge(asprintf(&path, "%s/%s", directory, name), 0);
  return path;
}

char *fixture_path(const char *name) {
  const char *fixtures = getenv("FIXTURES");

  ck_assert_msg(fixtures != NULL, "FIXTURES names the captured files");
  return path_in(fixtures, name);
}

char *fixture_text(const char *name) {
  CLEANUP_FREE char *path = fixture_path(name);
  CLEANUP_FILE FILE *file = fopen(path, "re");
  char *text = NULL;
  size_t size = 0;

  ck_assert_msg(file != NULL, "cannot open %s", path);
  ck_assert_int_ge(getdelim(&text, &size, '\0', file), 0);
  return text;
}

char *make_tree(void) {
  const char *parent = getenv("TMPDIR");
  char *directory = NULL;

  ck_assert_int_ge(asprintf(&directory, "%s/cgroup_cpu_test.XXXXXX",
                            parent != NULL ? parent : "/tmp"),
                   0);
  ck_assert_ptr_nonnull(mkdtemp(directory));
  return directory;
}

static int remove_entry(const char *path, const struct stat *status, int type,
                        struct FTW *ftw) {
  (void)status;
  (void)type;
  (void)ftw;
  return remove(path);
}

/* musl goes no deeper than the number of descriptors it may use. */
#define DEEPEST 600

void remove_tree(char *directory) {
  ck_assert_int_eq(nftw(directory, remove_entry, DEEPEST, FTW_DEPTH | FTW_PHYS),
                   0);
  free(directory);
}

void write_file(const char *directory, const char *name, const char *text) {
  CLEANUP_FREE char *path = path_in(directory, name);

  for (char *slash = strchr(path + 1, '/'); slash != NULL;
       slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    (void)mkdir(path, 0755);
    *slash = '/';
  }

  FILE *file = fopen(path, "we");
  ck_assert_msg(file != NULL, "cannot write %s", path);
  ck_assert_int_ge(fputs(text, file), 0);
  ck_assert_int_eq(fclose(file), 0);
}

void write_bytes(const char *directory, const char *name, const char *bytes,
                 size_t length) {
  CLEANUP_FREE char *path = path_in(directory, name);

  write_file(directory, name, "");
  CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
  ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
}

void replace_file(const char *directory, const char *name, const char *text) {
  CLEANUP_FREE char *new = NULL;
  CLEANUP_FREE char *to = path_in(directory, name);

  ck_assert_int_ge(asprintf(&new, "%s.new", name), 0);
  write_file(directory, new, text);
  CLEANUP_FREE char *from = path_in(directory, new);
  ck_assert_int_eq(rename(from, to), 0);
}

uid_t ordinary_user(void) { return getuid() != 0 ? getuid() : 1000; }

void replace_file_of_user(const char *directory, const char *name,
                          const char *text) {
  CLEANUP_FREE char *path = path_in(directory, name);

  replace_file(directory, name, text);
  ck_assert_int_eq(chown(path, ordinary_user(), (gid_t)-1), 0);
}

/* The kernel's own number. */
static int mount_of(const char *directory) {
  CLEANUP_FREE char *path = NULL;
  CLEANUP_FD int fd = open(directory, O_PATH | O_CLOEXEC);
  char line[128] = "";
  int mount = 0;

  ck_assert_int_ge(asprintf(&path, "/proc/self/fdinfo/%d", fd), 0);
  CLEANUP_FILE FILE *file = fopen(path, "re");
  ck_assert_ptr_nonnull(file);
  while (fgets(line, sizeof(line), file) != NULL)
    if (strncmp(line, "mnt_id:", 7) == 0)
      mount = (int)strtol(line + 7, NULL, 10);
  ck_assert_int_gt(mount, 0);
  return mount;
}

void write_home(const char *directory, const char *home, const char *type) {
  CLEANUP_FREE char *users = NULL;
  CLEANUP_FREE char *mounts = NULL;

  ck_assert_int_ge(asprintf(&users,
                            "root:x:0:0:root:/root:/bin/sh\n"
                            "me:x:%u:100:,,,:%s:/bin/sh\n",
                            (unsigned)ordinary_user(), home),
                   0);
  write_file(directory, "etc/passwd", users);
  ck_assert_int_ge(asprintf(&mounts, "%d 1 0:1 / / rw - %s x rw\n",
                            mount_of(directory), type),
                   0);
  write_file(directory, "mountinfo", mounts);
}

int homes_can_be_read(void) {
  CLEANUP_FD int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CLEANUP_FD int fd = open_within_mount(root, ".", O_RDONLY | O_DIRECTORY);

  return fd >= 0;
}

int in_tree_as_nobody(const char *directory, int (*call)(void *context),
                      void *context) {
  CLEANUP_FD int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  bool is_root = getuid() == 0;

  ck_assert_int_eq(chmod(directory, 0755), 0);
  ck_assert_int_eq(chdir(directory), 0);
  if (is_root)
    ck_assert_int_eq(seteuid(65534), 0);
  int result = call(context);
  if (is_root)
    ck_assert_int_eq(seteuid(0), 0);
  ck_assert_int_eq(fchdir(before), 0);
  return result;
}
