/* SPDX-License-Identifier: MIT */
#include "name/containerd.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

#define TASKS "run/containerd/io.containerd.runtime.v2.task/"

static char *root;
static struct containerd containerd;

static void setup(void) {
  root = make_tree();
  containerd_open(&containerd, root);
  containerd.owner = geteuid();
}

static void teardown(void) {
  containerd_end(&containerd);
  remove_tree(root);
}

static const struct {
  const char *namespace_name;
  const char *id;
  int status;
} tasks[] = {
    {"default", "web", 0},
    {"default", "my_web-1.2", 0},
    {"default", "db", -ENOENT},
    {"other", "web", -ENOENT},
    {"default", "file", -ENOENT},
    {"default", "link", -ENOENT},
    {"default", "web/rootfs", -ENOENT},
    {"default", "", -ENOENT},
    {"", "default", -ENOENT},
    {"default", "w b", -ENOENT},
};

START_TEST(of_tasks) {
  CLEANUP_FREE char *link = path_in(root, TASKS "default/link");

  write_file(root, TASKS "default/web/rootfs/x", "");
  write_file(root, TASKS "default/my_web-1.2/config.json", "");
  write_file(root, TASKS "default/w b/config.json", "");
  write_file(root, TASKS "default/file", "");
  ck_assert_int_eq(symlink("web", link), 0);
  ck_assert_int_eq(
      containerd_find(&containerd, tasks[_i].namespace_name, tasks[_i].id),
      tasks[_i].status);
}
END_TEST

START_TEST(without_containerd) {
  ck_assert_int_eq(containerd_find(&containerd, "default", "web"), -ENOENT);
  /* Within a pass, it is not looked for again. */
  write_file(root, TASKS "default/web/config.json", "");
  ck_assert_int_eq(containerd_find(&containerd, "default", "web"), -ENOENT);
  containerd_end(&containerd);
  ck_assert_int_eq(containerd_find(&containerd, "default", "web"), 0);
}
END_TEST

START_TEST(of_another_owner) {
  write_file(root, TASKS "default/web/config.json", "");
  containerd.owner = geteuid() + 1;
  ck_assert_int_eq(containerd_find(&containerd, "default", "web"), -ENOENT);
}
END_TEST

#if HAVE_JANSSON

#define NAMED(name, namespace_name)                                            \
  "{\"annotations\":{\"nerdctl/name\":\"" name                                 \
  "\",\"nerdctl/namespace\":\"" namespace_name "\"}"

/* What the file of the task "default/web" can be, and what comes of it. */
static const struct {
  const char *text;
  int status;
} files[] = {
    {NAMED("shop", "default") "}", 0},
    {NAMED("shop", "other") "}", -ENOENT},
    {NAMED("", "default") "}", -ENOENT},
    {NAMED("a b", "default") "}", -EINVAL},
    {NAMED("../a", "default") "}", -EINVAL},
    {"{\"annotations\":{\"nerdctl/namespace\":\"default\"}}", -ENOENT},
    {"{\"annotations\":null}", -ENOENT},
    {"{}", -ENOENT},
    {"", -EINVAL},
    {"[]", -EINVAL},
};

START_TEST(of_nerdctl) {
  char name[ENGINE_NAME_SIZE] = "before";

  write_file(root, TASKS "default/web/config.json", files[_i].text);
  ck_assert_int_eq(containerd_find_name(&containerd, "default", "web", name),
                   files[_i].status);
  ck_assert_str_eq(name, files[_i].status == 0 ? "shop" : "before");
  ck_assert_int_eq(containerd_find_name(&containerd, "default", "no", name),
                   -ENOENT);
  ck_assert_int_eq(
      containerd_find_name(&containerd, "default", "../default/web", name),
      -ENOENT);
}
END_TEST

/* Its own file must say that systemd has it in that slice. */
START_TEST(of_scopes) {
  char name[ENGINE_NAME_SIZE] = "before";

  write_file(root, TASKS "a/web/config.json",
             NAMED("no", "a") ",\"linux\":{\"cgroupsPath\":\"/a/web\"}}");
  write_file(root, TASKS "default/other/config.json", "{}");
  write_file(root, TASKS "default/web/config.json",
             NAMED("shop", "default") ",\"linux\":{\"cgroupsPath\":"
                                      "\"system.slice:nerdctl:web\"}}");
  ck_assert_int_eq(containerd_find_scope(&containerd, "web", "a.slice", name),
                   -ENOENT);
  ck_assert_int_eq(
      containerd_find_scope(&containerd, "other", "system.slice", name),
      -ENOENT);
  ck_assert_str_eq(name, "before");
  ck_assert_int_eq(
      containerd_find_scope(&containerd, "web", "system.slice", name), 0);
  ck_assert_str_eq(name, "shop");
  containerd.owner = geteuid() + 1;
  ck_assert_int_eq(
      containerd_find_scope(&containerd, "web", "system.slice", name), -EINVAL);
}
END_TEST

#define ID "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"

static const struct {
  const char *id;
  bool by_scope;
  /* Loses all its rights. */
  const char *path;
  bool told;
} denials[] = {
    {ID, false, TASKS "default/" ID, true},
    {ID, true, TASKS "default/" ID, true},
    {ID, true, TASKS, true},
    /* One of ctr has no other name. */
    {"web", false, TASKS "default/web", false},
};

static int find_denied(void *context) {
  const size_t *i = context;
  char name[ENGINE_NAME_SIZE];

  containerd_open(&containerd, ".");
  containerd.owner = getuid();
  return denials[*i].by_scope
             ? containerd_find_scope(&containerd, denials[*i].id, "a.slice",
                                     name)
             : containerd_find_name(&containerd, "default", denials[*i].id,
                                    name);
}

START_TEST(denied) {
  CLEANUP_FREE char *path = path_in(root, denials[_i].path);
  size_t i = (size_t)_i;

  write_file(root, TASKS "default/web/config.json", "{}");
  write_file(root, TASKS "default/" ID "/config.json", "{}");
  ck_assert_int_eq(chmod(path, 0), 0);
  ck_assert_int_eq(in_tree_as_nobody(root, find_denied, &i), -EACCES);
  ck_assert_int_eq(chmod(path, 0700), 0);
  ck_assert_str_eq(
      containerd.denied,
      denials[_i].told ? "./run/containerd/io.containerd.runtime.v2.task" : "");
}
END_TEST

#define OF_NERDCTL                                                             \
  FOR_EACH(of_nerdctl, files), ONCE(of_scopes), FOR_EACH(denied, denials)

#else

START_TEST(of_nerdctl) {
  char name[ENGINE_NAME_SIZE];

  ck_assert_int_eq(containerd_find_name(&containerd, "default", "web", name),
                   -EOPNOTSUPP);
  ck_assert_int_eq(
      containerd_find_scope(&containerd, "web", "system.slice", name),
      -EOPNOTSUPP);
}
END_TEST

#define OF_NERDCTL ONCE(of_nerdctl)

#endif

Suite *containerd_suite(void) {
  return suite_of("containerd", setup, teardown, FOR_EACH(of_tasks, tasks),
                  ONCE(without_containerd), ONCE(of_another_owner), OF_NERDCTL);
}
