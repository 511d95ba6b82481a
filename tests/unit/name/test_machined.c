/* SPDX-License-Identifier: MIT */
#include "name/machined.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

#define DIRECTORY "run/systemd/machines/"

static char *root;
static struct machined machined;

static void setup(void) {
  root = make_tree();
  machined_open(&machined, root);
}

static void teardown(void) { remove_tree(root); }

static void make_machine(const char *unit, const char *name) {
  CLEANUP_FREE char *path = NULL;

  write_file(root, DIRECTORY "readme", "");
  ck_assert_int_ge(asprintf(&path, "%s/" DIRECTORY "unit:%s", root, unit), 0);
  (void)unlink(path);
  ck_assert_int_eq(symlink(name, path), 0);
}

static int find_of(const char *unit, char name[ENGINE_NAME_SIZE]) {
  memcpy(name, "", 1);
  return machined_find(&machined, unit, name);
}

START_TEST(found) {
  char name[ENGINE_NAME_SIZE];

  ck_assert(!machined_begin(&machined));
  ck_assert_int_eq(find_of("web.service", name), -ENOENT);
  make_machine("web.service", "web-1.x");
  make_machine("a\\x2db.scope", "b");
  ck_assert(machined_begin(&machined));
  ck_assert_int_eq(find_of("web.service", name), 0);
  ck_assert_str_eq(name, "web-1.x");
  ck_assert_int_eq(find_of("a\\x2db.scope", name), 0);
  ck_assert_str_eq(name, "b");
  ck_assert_int_eq(find_of("other.service", name), -ENOENT);
  ck_assert_int_eq(find_of("readme", name), -ENOENT);
}
END_TEST

static const struct {
  const char *target;
} odd[] = {{"a b"}, {"../web"}, {"/x"}, {"caf\xc3\xa9"}};

START_TEST(odd_names) {
  char name[ENGINE_NAME_SIZE];
  char longest[ENGINE_NAME_SIZE + 1];

  make_machine("web.service", odd[_i].target);
  ck_assert(machined_begin(&machined));
  ck_assert_int_eq(find_of("web.service", name), -EINVAL);
  ck_assert_str_eq(name, "");
  memset(longest, 'x', sizeof(longest) - 1);
  longest[sizeof(longest) - 1] = '\0';
  make_machine("web.service", longest);
  ck_assert_int_eq(find_of("web.service", name), -EINVAL);
  longest[sizeof(longest) - 2] = '\0';
  make_machine("web.service", longest);
  ck_assert_int_eq(find_of("web.service", name), 0);
  ck_assert_str_eq(name, longest);
}
END_TEST

/* It stays changed until no later change could have the same time. */
START_TEST(changed) {
  CLEANUP_FREE char *directory = path_in(root, DIRECTORY);
  struct stat status;
  struct timespec now;
  const struct timespec pause = {.tv_nsec = 20L * 1000 * 1000};
  bool has_changed = true;

  make_machine("web.service", "web");
  ck_assert(machined_begin(&machined));
  ck_assert(machined_begin(&machined));
  ck_assert_int_eq(stat(directory, &status), 0);
  while (has_changed) {
    ck_assert_int_eq(nanosleep(&pause, NULL), 0);
    has_changed = machined_begin(&machined);
    ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &now), 0);
    ck_assert_int_lt(now.tv_sec - status.st_ctim.tv_sec, 30);
  }
  ck_assert_int_ge(now.tv_sec - status.st_ctim.tv_sec, FILE_SETTLED_SEC);
  ck_assert(!machined_begin(&machined));
  make_machine("db.service", "db");
  ck_assert(machined_begin(&machined));
}
END_TEST

Suite *machined_suite(void) {
  return suite_of("machined", setup, teardown, ONCE(found),
                  FOR_EACH(odd_names, odd), ONCE(changed));
}
