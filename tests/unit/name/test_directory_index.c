/* SPDX-License-Identifier: MIT */
#include "name/directory_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

static char *directory;
static struct directory_index directory_index;

/* The key is what follows the first "-". */
static bool key_after_dash(const char *name, char key[DIRECTORY_KEY_SIZE]) {
  const char *dash = strchr(name, '-');

  if (dash == NULL || strlen(dash + 1) >= DIRECTORY_KEY_SIZE)
    return false;
  memcpy(key, dash + 1, strlen(dash + 1) + 1);
  return true;
}

static void setup(void) {
  directory = make_tree();
  directory_index = (struct directory_index){
      .path = strdup(directory), .key_of = key_after_dash, .fd = -1};
}

static void teardown(void) {
  directory_index_release(&directory_index);
  remove_tree(directory);
}

/* Waits until the directory is no longer read again and again. */
static void settle(void) {
  const struct timespec pause = {.tv_nsec = 20000000};

  for (int i = 0; i < 500 && !directory_index.settled; i++) {
    (void)nanosleep(&pause, NULL);
    ck_assert_int_eq(directory_index_update(&directory_index), 0);
  }
  ck_assert(directory_index.settled);
}

static size_t count_of(const char *key) {
  size_t count = 99;
  const struct directory_entry *entry =
      directory_index_find(&directory_index, key, &count);

  ck_assert_int_eq(entry != NULL, count > 0);
  for (size_t i = 0; i < count; i++) {
    const char *name = directory_index_name(&directory_index, &entry[i]);
    ck_assert_str_eq(strchr(name, '-') + 1, key);
  }
  return count;
}

START_TEST(finds_by_key) {
  write_file(directory, "a-x", "");
  write_file(directory, "b-x", "");
  write_file(directory, "c-y", "");
  write_file(directory, "none", "");

  ck_assert_int_eq(directory_index_update(&directory_index), 0);
  ck_assert_uint_eq(directory_index.count, 3);
  ck_assert_uint_eq(count_of("x"), 2);
  ck_assert_uint_eq(count_of("y"), 1);
  ck_assert_uint_eq(count_of("z"), 0);
  ck_assert_uint_eq(count_of(""), 0);
}
END_TEST

START_TEST(many) {
  for (int i = 0; i < 300; i++) {
    char name[32];
    (void)snprintf(name, sizeof(name), "name-%d", i % 100);
    name[0] = (char)('a' + i / 100);
    write_file(directory, name, "");
  }

  ck_assert_int_eq(directory_index_update(&directory_index), 0);
  for (int i = 0; i < 100; i++) {
    char key[32];
    (void)snprintf(key, sizeof(key), "%d", i);
    ck_assert_uint_eq(count_of(key), 3);
  }
}
END_TEST

/* It is not read again until it changes. Nobody can hide a change by setting
 * back the directory's times. */
START_TEST(read_again_if_changed) {
  const struct timespec times[2] = {{0}};

  write_file(directory, "a-x", "");
  settle();
  /* If it were read again, this would be found. */
  directory_index.entries[0].key[0] = 'z';
  ck_assert_int_eq(directory_index_update(&directory_index), 0);
  ck_assert_uint_eq(directory_index.count, 1);
  ck_assert_str_eq(directory_index.entries[0].key, "z");

  ck_assert_int_eq(utimensat(AT_FDCWD, directory, times, 0), 0);
  write_file(directory, "b-y", "");
  ck_assert_int_eq(utimensat(AT_FDCWD, directory, times, 0), 0);
  ck_assert_int_eq(directory_index_update(&directory_index), 0);
  ck_assert_uint_eq(count_of("y"), 1);
}
END_TEST

/* Within the resolution of its time, a change may not show. */
START_TEST(just_changed) {
  write_file(directory, "a-x", "");
  ck_assert_int_eq(directory_index_update(&directory_index), 0);
  directory_index.entries[0].key[0] = 'z';
  ck_assert_int_eq(directory_index_update(&directory_index), 0);
  ck_assert_uint_eq(count_of("x"), 1);
}
END_TEST

START_TEST(gone_and_back) {
  write_file(directory, "a-x", "");
  ck_assert_int_eq(directory_index_update(&directory_index), 0);
  ck_assert_uint_eq(count_of("x"), 1);

  CLEANUP_FREE char *aside = NULL;
  ck_assert_int_ge(asprintf(&aside, "%s.aside", directory), 0);
  ck_assert_int_eq(rename(directory, aside), 0);
  ck_assert_int_eq(directory_index_update(&directory_index), -ENOENT);
  ck_assert_uint_eq(count_of("x"), 0);
  ck_assert_int_eq(directory_index.fd, -1);

  ck_assert_int_eq(rename(aside, directory), 0);
  ck_assert_int_eq(directory_index_update(&directory_index), 0);
  ck_assert_uint_eq(count_of("x"), 1);
}
END_TEST

START_TEST(not_a_directory) {
  CLEANUP_FREE char *target = path_in(directory, "d");

  write_file(directory, "file", "");
  write_file(directory, "d/a-x", "");
  free(directory_index.path);
  directory_index.path = path_in(directory, _i == 0 ? "file" : "link");
  if (_i == 1)
    ck_assert_int_eq(symlink(target, directory_index.path), 0);
  ck_assert_int_eq(directory_index_update(&directory_index), -ENOTDIR);
  ck_assert_uint_eq(directory_index.count, 0);
}
END_TEST

START_TEST(no_more_than_the_most) {
  int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  for (int i = 0; i < DIRECTORY_INDEX_MAX + 10; i++) {
    char name[32];
    (void)snprintf(name, sizeof(name), "l-%d", i);
    ck_assert_int_eq(symlinkat("target", fd, name), 0);
  }
  (void)close(fd);
  ck_assert_int_eq(directory_index_update(&directory_index), 0);
  ck_assert_uint_eq(directory_index.count, DIRECTORY_INDEX_MAX);
}
END_TEST

Suite *directory_index_suite(void) {
  return suite_of("directory_index", setup, teardown, ONCE(finds_by_key),
                  ONCE(many), ONCE(read_again_if_changed), ONCE(just_changed),
                  ONCE(gone_and_back), TIMES(not_a_directory, 2),
                  ONCE(no_more_than_the_most));
}
