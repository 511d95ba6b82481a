/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"

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

void remove_tree(char *directory) {
  ck_assert_int_eq(nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
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
