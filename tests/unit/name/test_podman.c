/* SPDX-License-Identifier: MIT */
#include "name/podman.h"

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

#define ID "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define OTHER_ID                                                               \
  "0f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define STORAGE "var/lib/containers/storage/"
#define USUAL STORAGE "overlay-containers/containers.json"
#define ENTRY(id, name) "{\"id\":\"" id "\",\"names\":[\"" name "\"]}"
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

static char *root;
static struct podman podman;
static char *mountinfo;

static void setup(void) {
  root = make_tree();
  podman_open(&podman, root);
  podman.owner = geteuid();
}

static void teardown(void) {
  podman_close(&podman);
  remove_tree(root);
}

static int find_of(const char *id, char name[ENGINE_NAME_SIZE]) {
  name[0] = '\0';
  podman_end(&podman);
  return podman_find(&podman, 0, id, name);
}

static const struct {
  const char *document;
  int status;
  const char *name;
} lists[] = {
    {"[" ENTRY(ID, "web") "]", 0, "web"},
    {"[" ENTRY(OTHER_ID, "db") "," ENTRY(ID, "my_web-1.2") "]", 0,
     "my_web-1.2"},
    {"[{\"id\":\"" ID "\",\"names\":[\"web\",\"more\"],\"image\":\"x\","
     "\"metadata\":\"{\\\"name\\\":\\\"old\\\"}\",\"created\":\"2026\","
     "\"flags\":{\"Volatile\":true}}]",
     0, "web"},
    {"[" ENTRY(ID, FIFTY FIFTY FIFTY FIFTY FIFTY "12345") "]", 0,
     FIFTY FIFTY FIFTY FIFTY FIFTY "12345"},
    {"[" ENTRY(ID, FIFTY FIFTY FIFTY FIFTY FIFTY "123456") "]", -ENOENT, ""},
    /* One that makes no sense costs the others nothing. */
    {"[{},{\"id\":\"x\",\"names\":[\"y\"]},{\"id\":\"" OTHER_ID
     "\",\"names\":[]}," ENTRY(OTHER_ID, "d b") "," ENTRY(ID, "web") "]",
     0, "web"},
    {"[{\"id\":\"" ID "\"}]", -ENOENT, ""},
    {"[{\"id\":\"" ID "\",\"names\":\"web\"}]", -ENOENT, ""},
    {"[{\"id\":\"" ID "\",\"names\":[1]}]", -ENOENT, ""},
    {"[" ENTRY(ID "0", "web") "]", -ENOENT, ""},
    {"[" ENTRY(ID, "w/b") "]", -ENOENT, ""},
    {"[]", -ENOENT, ""},
    {"{}", -EINVAL, ""},
    {"[1," ENTRY(ID, "web") "]", -EINVAL, ""},
    {"[" ENTRY(ID, "web"), -EINVAL, ""},
    {"", -EINVAL, ""},
};

START_TEST(of_lists) {
  char name[ENGINE_NAME_SIZE];

  replace_file(root, USUAL, lists[_i].document);
  ck_assert_int_eq(find_of(ID, name), lists[_i].status);
  ck_assert_str_eq(name, lists[_i].name);
  /* What is wrong with it stays so. */
  ck_assert_int_eq(find_of(ID, name), lists[_i].status);
}
END_TEST

static const char *const files[] = {
    "overlay-containers/containers.json",
    "overlay-containers/volatile-containers.json",
    "vfs-containers/containers.json",
    "vfs-containers/volatile-containers.json",
    "btrfs-containers/containers.json",
    "zfs-containers/volatile-containers.json",
};

START_TEST(in_files) {
  CLEANUP_FREE char *file = NULL;
  char name[ENGINE_NAME_SIZE];

  ck_assert_int_eq(find_of(ID, name), -ENODATA);
  ck_assert_int_ge(asprintf(&file, STORAGE "%s", files[_i]), 0);
  replace_file(root, file, "[" ENTRY(ID, "web") "]");
  ck_assert_int_eq(find_of(ID, name), 0);
  ck_assert_str_eq(name, "web");
  ck_assert_int_eq(find_of(OTHER_ID, name), -ENOENT);
}
END_TEST

/* Within one pass, nothing is read twice. */
START_TEST(changed) {
  CLEANUP_FREE char *path = path_in(root, USUAL);
  char name[ENGINE_NAME_SIZE];

  replace_file(root, USUAL, "[" ENTRY(ID, "web") "]");
  ck_assert_int_eq(find_of(ID, name), 0);
  replace_file(root, USUAL, "[" ENTRY(ID, "db") "," ENTRY(OTHER_ID, "web") "]");
  ck_assert_int_eq(podman_find(&podman, 0, OTHER_ID, name), -ENOENT);
  ck_assert_int_eq(find_of(ID, name), 0);
  ck_assert_str_eq(name, "db");
  ck_assert_int_eq(find_of(OTHER_ID, name), 0);
  ck_assert_str_eq(name, "web");

  replace_file(root, USUAL, "[{");
  ck_assert_int_eq(find_of(ID, name), -EINVAL);
  replace_file(root, USUAL, "[" ENTRY(ID, "web") "]");
  ck_assert_int_eq(find_of(ID, name), 0);
  ck_assert_str_eq(name, "web");
  ck_assert_int_eq(unlink(path), 0);
  ck_assert_int_eq(find_of(ID, name), -ENODATA);
}
END_TEST

START_TEST(many) {
  enum { COUNT = 3000 };
  CLEANUP_FREE char *text = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&text, &size);
  char id[CONTAINER_ID_SIZE];
  char name[ENGINE_NAME_SIZE];
  char expected[16];

  for (unsigned i = 0; i < COUNT; i++)
    ck_assert_int_gt(fprintf(file, "%s{\"id\":\"%064x\",\"names\":[\"n%u\"]}",
                             i == 0 ? "[" : ",", (i * 7919) % COUNT,
                             (i * 7919) % COUNT),
                     0);
  ck_assert_int_gt(fprintf(file, "]"), 0);
  ck_assert_int_eq(fclose(file), 0);
  replace_file(root, USUAL, text);
  for (unsigned i = 0; i < COUNT; i += 97) {
    (void)snprintf(id, sizeof(id), "%064x", i);
    (void)snprintf(expected, sizeof(expected), "n%u", i);
    ck_assert_int_eq(find_of(id, name), 0);
    ck_assert_str_eq(name, expected);
  }
  (void)snprintf(id, sizeof(id), "%064x", COUNT);
  ck_assert_int_eq(find_of(id, name), -ENOENT);
}
END_TEST

START_TEST(of_another_owner) {
  char name[ENGINE_NAME_SIZE];

  replace_file(root, USUAL, "[" ENTRY(ID, "web") "]");
  podman.owner = geteuid() + 1;
  ck_assert_int_eq(find_of(ID, name), -EINVAL);
}
END_TEST

static int find_it(void *context) {
  podman_open(&podman, ".");
  podman.owner = getuid();
  return find_of(ID, context);
}

static const char *const closed[] = {USUAL, STORAGE "overlay-containers",
                                     "var/lib/containers"};

START_TEST(denied) {
  CLEANUP_FREE char *path = path_in(root, closed[_i]);
  char name[ENGINE_NAME_SIZE];

  replace_file(root, USUAL, "[" ENTRY(ID, "web") "]");
  ck_assert_int_eq(chmod(path, 0), 0);
  int status = in_tree_as_nobody(root, find_it, name);
  ck_assert_int_eq(chmod(path, 0700), 0);
  ck_assert_int_eq(status, -EACCES);
  ck_assert_str_eq(podman.denied, "./" USUAL);
}
END_TEST

/* No list is there, so none may not be read. */
START_TEST(nothing_denied) {
  char name[ENGINE_NAME_SIZE];

  ck_assert_int_eq(in_tree_as_nobody(root, find_it, name), -ENODATA);
  ck_assert_str_eq(podman.denied, "");
}
END_TEST

#define OF_USER "home/me/.local/share/containers/storage/"

static void setup_home(void) {
  setup();
  mountinfo = path_in(root, "mountinfo");
  podman.homes.mountinfo = mountinfo;
  write_home(root, "/home/me", "ext4");
}

static void teardown_home(void) {
  free(mountinfo);
  teardown();
}

static int find_of_user_of(const char *id, char name[ENGINE_NAME_SIZE]) {
  name[0] = '\0';
  podman_end(&podman);
  return podman_find(&podman, ordinary_user(), id, name);
}

START_TEST(in_a_home) {
  CLEANUP_FREE char *file = NULL;
  char name[ENGINE_NAME_SIZE];

  /* Nothing has looked for the home directory yet, so it is not in the cache.
   */
  ck_assert_int_eq(find_of_user_of(ID, name), -EAGAIN);
  write_file(root, "home/me/x", "");
  ck_assert_int_eq(find_of_user_of(ID, name), -ENODATA);
  ck_assert_int_ge(asprintf(&file, OF_USER "%s", files[_i]), 0);
  replace_file_of_user(root, file, "[" ENTRY(ID, "web") "]");
  ck_assert_int_eq(find_of_user_of(ID, name), 0);
  ck_assert_str_eq(name, "web");
  ck_assert_int_eq(find_of_user_of(OTHER_ID, name), -ENOENT);
  /* Neither is in the lists of the other. */
  ck_assert_int_eq(find_of(ID, name), -ENODATA);
  replace_file(root, USUAL, "[" ENTRY(OTHER_ID, "db") "]");
  ck_assert_int_eq(find_of(OTHER_ID, name), 0);
  ck_assert_int_eq(find_of_user_of(OTHER_ID, name), -ENOENT);
  ck_assert_int_eq(podman_find(&podman, ordinary_user() + 1, ID, name),
                   -ENOENT);
}
END_TEST

/* What a user may put in the place of a list. */
START_TEST(odd_in_a_home) {
  CLEANUP_FREE char *path = path_in(root, OF_USER "vfs-containers");
  CLEANUP_FREE char *list =
      path_in(root, OF_USER "vfs-containers/containers.json");
  CLEANUP_FREE char *target = path_in(root, "elsewhere/containers.json");
  CLEANUP_FREE char *elsewhere = path_in(root, "elsewhere");
  CLEANUP_FREE char *text = NULL;
  char name[ENGINE_NAME_SIZE];

  write_file(root, OF_USER "x", "");
  replace_file_of_user(root, "elsewhere/containers.json",
                       "[" ENTRY(ID, "web") "]");
  ck_assert_int_eq(symlink(elsewhere, path), 0);
  ck_assert_int_eq(find_of_user_of(ID, name), -ENODATA);
  ck_assert_int_eq(unlink(path), 0);
  ck_assert_int_eq(mkdir(path, 0755), 0);
  ck_assert_int_eq(symlink(target, list), 0);
  ck_assert_int_eq(find_of_user_of(ID, name), -ENODATA);
  ck_assert_int_eq(unlink(list), 0);
  ck_assert_int_eq(link(target, list), 0);
  ck_assert_int_eq(find_of_user_of(ID, name), 0);
  ck_assert_int_eq(unlink(list), 0);
  /* Nobody writes into it. */
  ck_assert_int_eq(mkfifo(list, 0644), 0);
  ck_assert_int_eq(find_of_user_of(ID, name), -EINVAL);
  ck_assert_int_eq(unlink(list), 0);
  ck_assert_int_ge(asprintf(&text, "%300000s", "[" ENTRY(ID, "web") "]"), 0);
  replace_file_of_user(root, OF_USER "vfs-containers/containers.json", text);
  ck_assert_int_eq(find_of_user_of(ID, name), -EFBIG);
}
END_TEST

START_TEST(of_others_in_a_home) {
  char name[ENGINE_NAME_SIZE];
  CLEANUP_FREE char *path =
      path_in(root, OF_USER "vfs-containers/containers.json");

  if (geteuid() != 0)
    return;
  replace_file(root, OF_USER "vfs-containers/containers.json",
               "[" ENTRY(ID, "web") "]");
  ck_assert_int_eq(find_of_user_of(ID, name), -EINVAL);
  ck_assert_int_eq(chown(path, ordinary_user(), (gid_t)-1), 0);
  ck_assert_int_eq(find_of_user_of(ID, name), 0);
}
END_TEST

/* More users than are known at a time: each has a turn in a later pass. */
START_TEST(many_users) {
  char name[ENGINE_NAME_SIZE];

  replace_file_of_user(root, OF_USER "vfs-containers/containers.json",
                       "[" ENTRY(ID, "web") "]");
  podman_end(&podman);
  for (uid_t i = 1; i <= PODMAN_USERS; i++)
    ck_assert_int_eq(podman_find(&podman, ordinary_user() + i, ID, name),
                     -ENOENT);
  ck_assert_int_eq(podman_find(&podman, ordinary_user(), ID, name), -EAGAIN);
  ck_assert_int_eq(podman_find(&podman, ordinary_user() + 1, ID, name),
                   -ENOENT);
  ck_assert_int_eq(find_of_user_of(ID, name), 0);
  ck_assert_str_eq(name, "web");
  for (uid_t i = 1; i < PODMAN_USERS; i++)
    ck_assert_int_eq(podman_find(&podman, ordinary_user() + i, ID, name),
                     -ENOENT);
  ck_assert_int_eq(podman_find(&podman, ordinary_user(), ID, name), 0);
}
END_TEST

static int find_in_home(void *context) {
  podman_open(&podman, root);
  podman.homes.mountinfo = mountinfo;
  return find_of_user_of(ID, context);
}

static int reach(void *context) {
  return faccessat(AT_FDCWD, context, X_OK, AT_EACCESS);
}

/* If the directories above the test's own let nobody pass, nothing can be said
 * about those below it. */
START_TEST(home_denied) {
  CLEANUP_FREE char *expected =
      path_in(root, "home/me/.local/share/containers/storage");
  char name[ENGINE_NAME_SIZE];

  if (geteuid() != 0)
    return;
  replace_file_of_user(root, OF_USER "vfs-containers/containers.json", "[]");
  int status = in_tree_as_nobody(root, reach, root) == 0
                   ? in_tree_as_nobody(root, find_in_home, name)
                   : 0;
  if (status == 0)
    return;
  ck_assert_int_eq(status, -EACCES);
  ck_assert_str_eq(podman.user_denied, expected);
}
END_TEST

static Suite *suite_of_podman(void) {
  return suite_of("podman", setup, teardown, FOR_EACH(of_lists, lists),
                  FOR_EACH(in_files, files), ONCE(changed), ONCE(many),
                  ONCE(of_another_owner), FOR_EACH(denied, closed),
                  ONCE(nothing_denied));
}

Suite *podman_suite(void) {
  Suite *suite = suite_of_podman();

  int once = homes_can_be_read();

  suite_add_tcase(suite,
                  case_of("podman in homes", setup_home, teardown_home,
                          TIMES(in_a_home, (int)ARRAY_SIZE(files) * once),
                          TIMES(odd_in_a_home, once),
                          TIMES(of_others_in_a_home, once),
                          TIMES(many_users, once), TIMES(home_denied, once)));
  return suite;
}
