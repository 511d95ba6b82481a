/* SPDX-License-Identifier: MIT */
#include "name/docker.h"

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

/* Like Docker: another file takes the place of the old one. */
static void write_anew(const char *place, const char *id, const char *file,
                       const char *text) {
  CLEANUP_FREE char *name = NULL;
  CLEANUP_FREE char *new = NULL;

  ck_assert_int_ge(asprintf(&name, "%s/%s/%s/%s", root, place, id, file), 0);
  ck_assert_int_ge(asprintf(&new, "%s/%s/.tmp", place, id), 0);
  write_file(root, new, text);
  CLEANUP_FREE char *from = path_in(root, new);
  ck_assert_int_eq(rename(from, name), 0);
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
                   char name[DOCKER_NAME_SIZE]) {
  struct file_stamp stamp;

  name[0] = '\0';
  docker_end(&docker);
  return docker_find(&docker, id, component, parent, name, &stamp);
}

static int find(const char *id, char name[DOCKER_NAME_SIZE]) {
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
  char name[DOCKER_NAME_SIZE];

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
  char name[DOCKER_NAME_SIZE];

  write_container(USUAL, id, text);
  write_anew(USUAL, id, "hostconfig.json", host);
  ck_assert_int_eq(find_in("/jobs", id, id, name), 0);
  ck_assert_str_eq(name, "web-frontend");
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
  char name[DOCKER_NAME_SIZE];
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
  char name[DOCKER_NAME_SIZE];

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
  char name[DOCKER_NAME_SIZE];

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

static const char *const configurations[] = {
    "{}", "{\"data-root\": \"data/docker\"}", "{\"data-root\": 1}"};

START_TEST(of_another_configuration) {
  char name[DOCKER_NAME_SIZE];

  write_file(root, "etc/docker/daemon.json", configurations[_i]);
  write_named(USUAL, ID, "/usual");
  ck_assert_int_eq(find(ID, name), 0);
  ck_assert_str_eq(name, "usual");
}
END_TEST

/* What it said before still holds. */
START_TEST(of_a_broken_configuration) {
  char name[DOCKER_NAME_SIZE];

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
  struct file_stamp stamp;
  struct file_stamp now;
  char name[DOCKER_NAME_SIZE];

  write_named(USUAL, ID, "/web");
  ck_assert_int_eq(docker_find(&docker, ID, ID, "/docker", name, &stamp), 0);
  ck_assert(!docker_has_changed(&docker, ID, &stamp, &now));
  docker_end(&docker);
  ck_assert(!docker_has_changed(&docker, ID, &stamp, &now));
  write_named(USUAL, ID, "/db");
  ck_assert(docker_has_changed(&docker, ID, &stamp, &now));
  ck_assert_int_eq(docker_find(&docker, ID, ID, "/docker", name, &stamp), 0);
  ck_assert_str_eq(name, "db");
  ck_assert_int_eq(memcmp(&stamp, &now, sizeof(stamp)), 0);
  ck_assert(!docker_has_changed(&docker, ID, &stamp, &now));

  /* A name that makes no sense changes nothing. */
  write_named(USUAL, ID, "/d b");
  ck_assert_int_eq(docker_find(&docker, ID, ID, "/docker", name, &stamp),
                   -EINVAL);
  ck_assert_str_eq(name, "db");
  ck_assert(docker_has_changed(&docker, ID, &stamp, &now));

  /* A container that has gone has no other name. */
  ck_assert(!docker_has_changed(&docker, OTHER_ID, &stamp, &now));
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

/* Root may read anything, so it gives up its rights meanwhile. From within the
 * tree, because others may not pass the directories above it everywhere. */
static int find_as_nobody(const char *id, char name[DOCKER_NAME_SIZE]) {
  CLEANUP_FD int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  bool is_root = getuid() == 0;

  ck_assert_int_eq(chmod(root, 0755), 0);
  ck_assert_int_eq(chdir(root), 0);
  docker_open(&docker, ".");
  docker.owner = geteuid();
  if (is_root)
    ck_assert_int_eq(seteuid(65534), 0);
  int status = find(id, name);
  if (is_root)
    ck_assert_int_eq(seteuid(0), 0);
  ck_assert_int_eq(fchdir(before), 0);
  return status;
}

START_TEST(denied) {
  CLEANUP_FREE char *path = path_in(root, denials[_i].path);
  char name[DOCKER_NAME_SIZE];

  write_file(root, "etc/docker/daemon.json", "{}");
  write_named(USUAL, ID, "/web");
  ck_assert_int_eq(chmod(path, 0), 0);
  int status = find_as_nobody(ID, name);
  const char *found = docker.denied;
  ck_assert_int_eq(chmod(path, 0700), 0);
  ck_assert_int_eq(status, denials[_i].status);
  ck_assert_pstr_eq(found, denials[_i].denied);
}
END_TEST

/* It may say that the containers are elsewhere. */
START_TEST(configuration_denied) {
  CLEANUP_FREE char *path = path_in(root, "etc/docker/daemon.json");
  char name[DOCKER_NAME_SIZE];

  write_file(root, "etc/docker/daemon.json",
             "{\"data-root\": \"/data/docker\"}");
  write_named("data/docker/containers", ID, "/other");
  ck_assert_int_eq(chmod(path, 0), 0);
  int status = find_as_nobody(ID, name);
  const char *found = docker.denied;
  ck_assert_int_eq(chmod(path, 0700), 0);
  ck_assert_int_eq(status, -ENOENT);
  ck_assert_str_eq(found, "./etc/docker/daemon.json");
}
END_TEST

/* Whoever follows that would read elsewhere. */
START_TEST(through_a_link) {
  CLEANUP_FREE char *link = path_in(root, USUAL "/" ID);
  char name[DOCKER_NAME_SIZE];

  write_named("elsewhere", ID, "/web");
  write_file(root, USUAL "/readme", "");
  ck_assert_int_eq(symlink("../../../../elsewhere/" ID, link), 0);
  ck_assert_int_lt(find(ID, name), 0);
}
END_TEST

START_TEST(a_linked_configuration) {
  CLEANUP_FREE char *link = path_in(root, "etc/docker/daemon.json");
  char name[DOCKER_NAME_SIZE];

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
                  ONCE(of_a_real_container), FOR_EACH(of_places, places),
                  ONCE(of_another_container), ONCE(elsewhere),
                  FOR_EACH(of_another_configuration, configurations),
                  ONCE(of_a_broken_configuration), ONCE(renamed),
                  FOR_EACH(denied, denials), ONCE(configuration_denied),
                  ONCE(through_a_link), ONCE(a_linked_configuration));
}
