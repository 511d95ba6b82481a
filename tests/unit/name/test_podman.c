/* SPDX-License-Identifier: MIT */
#include "name/podman.h"

#include <errno.h>
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
  return podman_find(&podman, id, name);
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
  ck_assert_int_eq(podman_find(&podman, OTHER_ID, name), -ENOENT);
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

Suite *podman_suite(void) {
  return suite_of("podman", setup, teardown, FOR_EACH(of_lists, lists),
                  FOR_EACH(in_files, files), ONCE(changed), ONCE(many),
                  ONCE(of_another_owner), FOR_EACH(denied, closed),
                  ONCE(nothing_denied));
}
