/* SPDX-License-Identifier: MIT */
#include "name/docker.h"

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
#define CAPTURED_ID                                                            \
  "0a970ae81577b951109b56ae07946b054c9ea8a357cd7478de03ba54ee64b9ca"
#define USUAL "var/lib/docker/containers"
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

static char *root;
static struct docker docker;

static void setup(void) {
  root = make_tree();
  docker_open(&docker, root);
  docker.owner = geteuid();
}

static void teardown(void) {
  docker_end(&docker);
  remove_tree(root);
}

/* As Docker does it. */
static void write_anew(const char *place, const char *id, const char *file,
                       const char *text) {
  CLEANUP_FREE char *name = NULL;

  ck_assert_int_ge(asprintf(&name, "%s/%s/%s", place, id, file), 0);
  replace_file(root, name, text);
}

static void write_parent(const char *place, const char *id,
                         const char *parent) {
  CLEANUP_FREE char *text = NULL;

  ck_assert_int_ge(asprintf(&text, "{\"CgroupParent\":\"%s\"}", parent), 0);
  write_anew(place, id, "hostconfig.json", text);
}

static void write_container(const char *place, const char *id,
                            const char *text) {
  write_parent(place, id, "");
  write_anew(place, id, "config.v2.json", text);
}

static void write_named(const char *place, const char *id, const char *name) {
  CLEANUP_FREE char *text = NULL;

  ck_assert_int_ge(asprintf(&text, "{\"ID\":\"%s\",\"Name\":\"%s\"}", id, name),
                   0);
  write_container(place, id, text);
}

static int find_in(const char *parent, const char *id, const char *component,
                   char name[ENGINE_NAME_SIZE]) {
  struct docker_container found = {.name = ""};

  docker_end(&docker);
  int status = docker_find(&docker, id, component, parent, &found);
  memcpy(name, found.name, sizeof(found.name));
  return status;
}

static int find(const char *id, char name[ENGINE_NAME_SIZE]) {
  return find_in("/docker", id, id, name);
}

static const struct {
  const char *in_file;
  /* NULL: it is refused. */
  const char *name;
} names[] = {
    {"/web", "web"},
    {"/my_project-web.1", "my_project-web.1"},
    {"/0A", "0A"},
    {"/" FIFTY FIFTY FIFTY FIFTY FIFTY "12345",
     FIFTY FIFTY FIFTY FIFTY FIFTY "12345"},
    {"/" FIFTY FIFTY FIFTY FIFTY FIFTY "123456", NULL},
    {"web", NULL},
    {"//web", NULL},
    {"/web/alias", NULL},
    {"/w b", NULL},
    {"/w+b", NULL},
    {"/w\\n", NULL},
    {"/", NULL},
    {"", NULL},
};

START_TEST(of_names) {
  char name[ENGINE_NAME_SIZE];

  write_named(USUAL, ID, names[_i].in_file);
  ck_assert_int_eq(find(ID, name), names[_i].name != NULL ? 0 : -EINVAL);
  ck_assert_str_eq(name, names[_i].name != NULL ? names[_i].name : "");
  ck_assert_ptr_null(docker.denied);
}
END_TEST

/* Captured from Docker 20.10.24 */
START_TEST(of_a_real_container) {
  static const char id[] = CAPTURED_ID;
  CLEANUP_FREE char *text = fixture_text("docker/config.v2.json");
  CLEANUP_FREE char *host = fixture_text("docker/hostconfig.json");
  struct docker_container found;

  write_container(USUAL, id, text);
  write_anew(USUAL, id, "hostconfig.json", host);
  ck_assert_int_eq(docker_find(&docker, id, id, "/jobs", &found), 0);
  ck_assert_str_eq(found.name, "web-frontend");
  ck_assert_str_eq(found.image, "busybox");
}
END_TEST

static const struct {
  const char *config;
  const char *image;
} images[] = {
    {"{\"Image\":\"docker.io/library/a:1\"}", "docker.io/library/a:1"},
    {"{\"Image\":\"a b\"}", ""},
    {"{\"Image\":1}", ""},
    {"{}", ""},
};

START_TEST(of_images) {
  CLEANUP_FREE char *text = NULL;
  struct docker_container found;

  ck_assert_int_ge(
      asprintf(&text, "{\"ID\":\"" ID "\",\"Name\":\"/web\",\"Config\":%s}",
               images[_i].config),
      0);
  write_container(USUAL, ID, text);
  ck_assert_int_eq(docker_find(&docker, ID, ID, "/docker", &found), 0);
  ck_assert_str_eq(found.name, "web");
  ck_assert_str_eq(found.image, images[_i].image);
}
END_TEST

static const struct {
  /* What the configuration and the container say, or "". */
  const char *configured;
  const char *own;
  const char *parent;
  bool by_systemd;
  bool found;
} places[] = {
    {"", "", "/docker", false, true},
    {"", "", "/system.slice", true, true},
    {"", "", "/", false, false},
    {"", "", "/default/x/docker", false, false},
    {"", "", "/docker/docker", false, false},
    {"", "", "/docker", true, false},
    {"", "", "/other.slice", true, false},
    {"", "", "/system.slice/other.slice", true, false},
    {"", "/jobs", "/jobs", false, true},
    {"", "/jobs", "/docker", false, false},
    {"", "//jobs//batch/", "/jobs/batch", false, true},
    /* Below the cgroup of the daemon, not below the root */
    {"", "jobs/batch", "/jobs/batch", false, false},
    {"", "/jobs/batch", "/jobs/bat", false, false},
    {"", "/jobs/batch", "/jobs", false, false},
    {"", "/jobs", "/jobs/batch", false, false},
    {"", "/", "/", false, true},
    {"/all", "", "/all", false, true},
    {"/all", "", "/docker", false, false},
    {"/all", "/jobs", "/jobs", false, true},
    {"/all", "/jobs", "/all", false, false},
    {"", "jobs.slice", "/jobs.slice", true, true},
    {"", "a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice", true, true},
    {"", "a-b-c.slice", "/a-b-c.slice", true, false},
    {"", "a-b-c.slice", "/a.slice/a-b-c.slice", true, false},
    {"", "a-b.slice", "/b.slice/a-b.slice", true, false},
    {"all.slice", "", "/all.slice", true, true},
    {"", ".slice", "/.slice", true, false},
    {"", "jobs", "/jobs", true, false},
};

START_TEST(of_places) {
  CLEANUP_FREE char *text = NULL;
  char name[ENGINE_NAME_SIZE];
  bool found = places[_i].found;

  ck_assert_int_ge(
      asprintf(&text, "{\"cgroup-parent\":\"%s\"}", places[_i].configured), 0);
  write_file(root, "etc/docker/daemon.json", text);
  write_named(USUAL, ID, "/web");
  write_parent(USUAL, ID, places[_i].own);
  ck_assert_int_eq(find_in(places[_i].parent, ID,
                           places[_i].by_systemd ? "docker-" ID ".scope" : ID,
                           name),
                   found ? 0 : -ENOENT);
  ck_assert_str_eq(name, found ? "web" : "");
}
END_TEST

START_TEST(of_another_container) {
  CLEANUP_FREE char *file = path_in(root, USUAL "/" ID "/hostconfig.json");
  char name[ENGINE_NAME_SIZE];

  write_container(USUAL, ID, "{\"ID\":\"" OTHER_ID "\",\"Name\":\"/web\"}");
  ck_assert_int_eq(find(ID, name), -EINVAL);
  write_container(USUAL, ID, "{\"Name\":\"/web\"}");
  ck_assert_int_eq(find(ID, name), -EINVAL);
  ck_assert_int_eq(find(OTHER_ID, name), -ENOENT);
  /* Its place cannot be proved. */
  write_named(USUAL, ID, "/web");
  ck_assert_int_eq(unlink(file), 0);
  ck_assert_int_eq(find(ID, name), -ENOENT);
}
END_TEST

/* The configuration can name another directory, also while collectd runs. */
START_TEST(elsewhere) {
  char name[ENGINE_NAME_SIZE];

  write_named(USUAL, ID, "/usual");
  write_named("data/docker/containers", ID, "/other");
  ck_assert_int_eq(find(ID, name), 0);
  ck_assert_str_eq(name, "usual");
  write_file(root, "etc/docker/daemon.json",
             "{\"data-root\": \"/data/docker\", \"debug\": true}");
  ck_assert_int_eq(find(ID, name), 0);
  ck_assert_str_eq(name, "other");

  CLEANUP_FREE char *path = path_in(root, "etc/docker/daemon.json");
  ck_assert_int_eq(unlink(path), 0);
  ck_assert_int_eq(find(ID, name), 0);
  ck_assert_str_eq(name, "usual");
}
END_TEST

START_TEST(of_labels) {
  char service[] = "com.docker.compose.service";
  char other[] = "other";
  char *const wanted[] = {service, other};
  struct docker_container found;

  docker.labels = wanted;
  docker.label_count = ARRAY_SIZE(wanted);
  write_container(
      USUAL, ID,
      "{\"ID\":\"" ID "\",\"Name\":\"/web\",\"Config\":{\"Labels\":"
      "{\"com.docker.compose.service\":\"front end\",\"more\":\"x\"},"
      "\"other\":\"no\"}}");
  ck_assert_int_eq(docker_find(&docker, ID, ID, "/docker", &found), 0);
  ck_assert_str_eq(found.labels[0], "front end");
  ck_assert_str_eq(found.labels[1], "");
}
END_TEST

static const char *const configurations[] = {
    "{}", "{\"data-root\": \"data/docker\"}", "{\"data-root\": 1}"};

START_TEST(of_another_configuration) {
  char name[ENGINE_NAME_SIZE];

  write_file(root, "etc/docker/daemon.json", configurations[_i]);
  write_named(USUAL, ID, "/usual");
  ck_assert_int_eq(find(ID, name), 0);
  ck_assert_str_eq(name, "usual");
}
END_TEST

/* What it said before still holds. */
START_TEST(of_a_broken_configuration) {
  char name[ENGINE_NAME_SIZE];

  write_named(USUAL, ID, "/usual");
  write_named("data/docker/containers", ID, "/other");
  write_file(root, "etc/docker/daemon.json",
             "{\"data-root\": \"/data/docker\"}");
  ck_assert_int_eq(find(ID, name), 0);
  write_file(root, "etc/docker/daemon.json", "{\"data-root\": \"/dat");
  ck_assert_int_eq(find(ID, name), 0);
  ck_assert_str_eq(name, "other");
}
END_TEST

START_TEST(renamed) {
  struct docker_container found;
  struct file_stamp now;

  write_named(USUAL, ID, "/web");
  ck_assert_int_eq(docker_find(&docker, ID, ID, "/docker", &found), 0);
  ck_assert(!docker_has_changed(&docker, ID, &found.file, &now));
  docker_end(&docker);
  ck_assert(!docker_has_changed(&docker, ID, &found.file, &now));
  write_named(USUAL, ID, "/db");
  ck_assert(docker_has_changed(&docker, ID, &found.file, &now));
  ck_assert_int_eq(docker_find(&docker, ID, ID, "/docker", &found), 0);
  ck_assert_str_eq(found.name, "db");
  ck_assert_int_eq(memcmp(&found.file, &now, sizeof(now)), 0);
  ck_assert(!docker_has_changed(&docker, ID, &found.file, &now));

  /* A name that makes no sense changes nothing. */
  write_named(USUAL, ID, "/d b");
  ck_assert_int_eq(docker_find(&docker, ID, ID, "/docker", &found), -EINVAL);
  ck_assert_str_eq(found.name, "db");
  ck_assert(docker_has_changed(&docker, ID, &found.file, &now));

  /* A container that has gone has no other name. */
  ck_assert(!docker_has_changed(&docker, OTHER_ID, &found.file, &now));
}
END_TEST

static const struct {
  /* Loses all its rights. */
  const char *path;
  int status;
  /* NULL: the name was found nevertheless. */
  const char *denied;
} denials[] = {
    {USUAL "/" ID "/config.v2.json", -EACCES, "./" USUAL},
    {USUAL "/" ID "/hostconfig.json", -EACCES, "./" USUAL},
    {USUAL "/" ID, -EACCES, "./" USUAL},
    {"var/lib/docker", -EACCES, "./" USUAL},
    {"etc/docker", 0, NULL},
    {"etc/docker/daemon.json", 0, NULL},
};

static int find_in_tree(void *context) {
  docker_open(&docker, ".");
  docker.owner = getuid();
  return find(ID, context);
}

START_TEST(denied) {
  CLEANUP_FREE char *path = path_in(root, denials[_i].path);
  char name[ENGINE_NAME_SIZE];

  write_file(root, "etc/docker/daemon.json", "{}");
  write_named(USUAL, ID, "/web");
  ck_assert_int_eq(chmod(path, 0), 0);
  int status = in_tree_as_nobody(root, find_in_tree, name);
  const char *found = docker.denied;
  ck_assert_int_eq(chmod(path, 0700), 0);
  ck_assert_int_eq(status, denials[_i].status);
  ck_assert_pstr_eq(found, denials[_i].denied);
}
END_TEST

/* It may say that the containers are elsewhere. */
START_TEST(configuration_denied) {
  CLEANUP_FREE char *path = path_in(root, "etc/docker/daemon.json");
  char name[ENGINE_NAME_SIZE];

  write_file(root, "etc/docker/daemon.json",
             "{\"data-root\": \"/data/docker\"}");
  write_named("data/docker/containers", ID, "/other");
  ck_assert_int_eq(chmod(path, 0), 0);
  int status = in_tree_as_nobody(root, find_in_tree, name);
  const char *found = docker.denied;
  ck_assert_int_eq(chmod(path, 0700), 0);
  ck_assert_int_eq(status, -ENOENT);
  ck_assert_str_eq(found, "./etc/docker/daemon.json");
}
END_TEST

/* Whoever follows that would read elsewhere. */
START_TEST(through_a_link) {
  CLEANUP_FREE char *link = path_in(root, USUAL "/" ID);
  char name[ENGINE_NAME_SIZE];

  write_named("elsewhere", ID, "/web");
  write_file(root, USUAL "/readme", "");
  ck_assert_int_eq(symlink("../../../../elsewhere/" ID, link), 0);
  ck_assert_int_lt(find(ID, name), 0);
}
END_TEST

START_TEST(a_linked_configuration) {
  CLEANUP_FREE char *link = path_in(root, "etc/docker/daemon.json");
  char name[ENGINE_NAME_SIZE];

  write_file(root, "etc/managed.json", "{\"data-root\": \"/data/docker\"}");
  write_file(root, "etc/docker/readme", "");
  ck_assert_int_eq(symlink("../managed.json", link), 0);
  write_named("data/docker/containers", ID, "/other");
  ck_assert_int_eq(find(ID, name), 0);
  ck_assert_str_eq(name, "other");
}
END_TEST

Suite *docker_suite(void) {
  return suite_of("docker", setup, teardown, FOR_EACH(of_names, names),
                  ONCE(of_a_real_container), FOR_EACH(of_images, images),
                  ONCE(of_labels), FOR_EACH(of_places, places),
                  ONCE(of_another_container), ONCE(elsewhere),
                  FOR_EACH(of_another_configuration, configurations),
                  ONCE(of_a_broken_configuration), ONCE(renamed),
                  FOR_EACH(denied, denials), ONCE(configuration_denied),
                  ONCE(through_a_link), ONCE(a_linked_configuration));
}
