/* SPDX-License-Identifier: MIT */
#include "name/conmon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

#define ID "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define OTHER_ID                                                               \
  "0f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define SCOPE "machine.slice/libpod-conmon-" ID ".scope"
/* As Podman 4.3 starts it. */
#define BEFORE "/usr/bin/conmon\0--api-version\0001\0-s\0-c\0" ID "\0"
#define BETWEEN "-u\0" ID "\0-r\0/usr/bin/crun\0-b\0/var/lib/x/userdata\0"
#define AFTER                                                                  \
  "--exit-dir\0/run/libpod/exits\0--exit-command-arg\0-n\0"                    \
  "--exit-command-arg\0no\0"
#define ARGUMENTS(text) text, sizeof(text) - 1

static char *root;
static char *proc;
static struct conmon conmon;
/* The opening with this number finds nobody; 0: none does. */
static unsigned empty_at;
static unsigned opened;

static int open_processes(void *context, const char *path) {
  CLEANUP_FREE char *name = NULL;
  CLEANUP_FREE char *file = NULL;

  ck_assert_ptr_eq(context, &conmon);
  ck_assert_int_ne(path[0], '/');
  ck_assert_int_ge(asprintf(&name, "cgroup/%s/cgroup.procs", path), 0);
  file = path_in(root, name);
  int fd =
      open(++opened == empty_at ? "/dev/null" : file, O_RDONLY | O_CLOEXEC);
  return fd >= 0 ? fd : -errno;
}

static void setup(void) {
  root = make_tree();
  proc = path_in(root, "proc");
  conmon_open(&conmon);
  conmon.proc = proc;
  conmon.owner = geteuid();
  conmon.open_processes = open_processes;
  conmon.context = &conmon;
  empty_at = opened = 0;
}

static void teardown(void) {
  conmon_close(&conmon);
  free(proc);
  remove_tree(root);
}

static void make_process(const char *pid, const char *comm,
                         const char *arguments, size_t length) {
  CLEANUP_FREE char *name = NULL;
  CLEANUP_FREE char *command_line = NULL;

  ck_assert_int_ge(asprintf(&name, "proc/%s/comm", pid), 0);
  ck_assert_int_ge(asprintf(&command_line, "proc/%s/cmdline", pid), 0);
  write_file(root, name, comm);
  write_bytes(root, command_line, arguments, length);
}

static void make_conmon(const char *pid) {
  make_process(pid, "conmon\n", ARGUMENTS(BEFORE BETWEEN "-n\0web\0" AFTER));
}

static void fill(const char *path, const char *processes) {
  CLEANUP_FREE char *name = NULL;

  ck_assert_int_ge(asprintf(&name, "cgroup/%s/cgroup.procs", path), 0);
  write_file(root, name, processes);
}

static int find_in(const char *parent, char name[ENGINE_NAME_SIZE]) {
  name[0] = '\0';
  conmon_end(&conmon);
  return conmon_find(&conmon, ID, parent, name);
}

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

static const struct {
  const char *arguments;
  size_t length;
  /* NULL: it says nothing. */
  const char *name;
  /* NULL: ID. */
  const char *id;
} lines[] = {
    {ARGUMENTS(BEFORE BETWEEN "-n\0web\0" AFTER), "web", NULL},
    {ARGUMENTS("conmon\0-c\0" ID "\0-n\0my_web-1.2\0"), "my_web-1.2", NULL},
    {ARGUMENTS("conmon\0-c\0" ID "\0-n\0" FIFTY FIFTY FIFTY FIFTY FIFTY
               "12345\0"),
     FIFTY FIFTY FIFTY FIFTY FIFTY "12345", NULL},
    {ARGUMENTS("conmon\0-c\0" ID "\0-n\0" FIFTY FIFTY FIFTY FIFTY FIFTY
               "123456\0"),
     NULL, NULL},
    /* The first of them is Podman's. */
    {ARGUMENTS("conmon\0-c\0" ID "\0-n\0web\0-n\0db\0-c\0" OTHER_ID "\0"),
     "web", NULL},
    {ARGUMENTS("conmon\0-c\0" OTHER_ID "\0-c\0" ID "\0-n\0web\0"), "web",
     OTHER_ID},
    {ARGUMENTS("conmon\0-n\0web\0-c\0" ID "\0"), NULL, NULL},
    {ARGUMENTS("conmon\0-c\0web\0-n\0web\0"), NULL, NULL},
    {ARGUMENTS("conmon\0-c\0" ID "0\0-n\0web\0"), NULL, NULL},
    {ARGUMENTS("conmon\0-c\0" ID "\0-n\0w/b\0"), NULL, NULL},
    {ARGUMENTS("conmon\0-c\0" ID "\0-n\0\0"), NULL, NULL},
    {ARGUMENTS("conmon\0-c\0" ID "\0-n\0"), NULL, NULL},
    {ARGUMENTS("conmon\0-c\0" ID "\0"), NULL, NULL},
    {ARGUMENTS("conmon\0-c\0"), NULL, NULL},
    {ARGUMENTS("conmon\0"), NULL, NULL},
    /* What was cut off says nothing. */
    {ARGUMENTS("conmon\0-c\0" ID "\0-n\0web"), NULL, NULL},
    {ARGUMENTS("/tmp/not-conmon\0-c\0" ID "\0-n\0web\0"), NULL, NULL},
    {ARGUMENTS("/conmon/sh\0-c\0" ID "\0-n\0web\0"), NULL, NULL},
    {ARGUMENTS("\0-c\0" ID "\0-n\0web\0"), NULL, NULL},
    {ARGUMENTS(""), NULL, NULL},
};

START_TEST(of_command_lines) {
  const char *id = NULL;
  const char *name = NULL;
  int status = conmon_parse(lines[_i].arguments, lines[_i].length, &id, &name);

  ck_assert_int_eq(status, lines[_i].name != NULL ? 0 : -ENOENT);
  if (status < 0)
    return;
  ck_assert_str_eq(id, lines[_i].id != NULL ? lines[_i].id : ID);
  ck_assert_str_eq(name, lines[_i].name);
}
END_TEST

static const struct {
  const char *path;
  const char *parent;
  bool found;
} places[] = {
    {SCOPE, "/machine.slice", true},
    {"a.slice/libpod-conmon-" ID ".scope", "/a.slice", true},
    {"libpod_parent/conmon", "/libpod_parent", true},
    {"libpod-conmon-" ID ".scope", "/", true},
    {"conmon", "/", true},
    {"system.slice/web.service/runtime", "/system.slice/web.service", true},
    {"system.slice/web.service", "/system.slice/web.service", true},
    {SCOPE, "/system.slice", false},
    {"a.slice", "/a.slice", false},
    {"a.slice/runtime", "/a.slice", false},
    {"machine.slice/libpod-conmon-" OTHER_ID ".scope", "/machine.slice", false},
    {"machine.slice/libpod-" ID ".scope", "/machine.slice", false},
    {"libpod_parent/conmon/x", "/libpod_parent", false},
};

START_TEST(of_places) {
  char name[ENGINE_NAME_SIZE];

  make_conmon("17");
  fill(places[_i].path, "17\n");
  ck_assert_int_eq(find_in(places[_i].parent, name),
                   places[_i].found ? 0 : -ENOENT);
  ck_assert_str_eq(name, places[_i].found ? "web" : "");
}
END_TEST

START_TEST(among_others) {
  char name[ENGINE_NAME_SIZE];

  make_process("1", "conmon\n",
               ARGUMENTS("conmon\0-c\0" OTHER_ID "\0-n\0db\0"));
  make_conmon("17");
  make_process("170", "sleep\n", ARGUMENTS("sleep\0001\0"));
  /* Another pid namespace's are 0, and 999 has ended. */
  fill("libpod_parent/conmon", "1\n17\n0\n999\n170\n");
  ck_assert_int_eq(find_in("/libpod_parent", name), 0);
  ck_assert_str_eq(name, "web");
}
END_TEST

/* Nobody else's memory is read: it may be one that never answers. */
START_TEST(of_another_program) {
  char name[ENGINE_NAME_SIZE];

  make_process("17", "conmon2\n", ARGUMENTS("conmon\0-c\0" ID "\0-n\0web\0"));
  fill(SCOPE, "17\n");
  ck_assert_int_eq(find_in("/machine.slice", name), -ENOENT);
}
END_TEST

START_TEST(of_another_user) {
  char name[ENGINE_NAME_SIZE];

  make_conmon("17");
  fill(SCOPE, "17\n");
  conmon.owner = geteuid() + 1;
  ck_assert_int_eq(find_in("/machine.slice", name), -ENOENT);
}
END_TEST

/* Since the list was read, the number became that of another process. */
START_TEST(of_a_number_that_was_used_again) {
  char name[ENGINE_NAME_SIZE];

  make_conmon("17");
  fill(SCOPE, "17\n");
  empty_at = 2;
  ck_assert_int_eq(find_in("/machine.slice", name), -ENOENT);
  opened = empty_at = 0;
  ck_assert_int_eq(find_in("/machine.slice", name), 0);
}
END_TEST

/* All processes of a cgroup are looked at once in a pass, however many share
 * it. */
START_TEST(of_many) {
  enum { COUNT = 100 };
  char id[CONTAINER_ID_SIZE];
  char pid[16];
  char expected[16];
  char name[ENGINE_NAME_SIZE];
  CLEANUP_FREE char *list = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&list, &size);

  for (unsigned i = 1; i <= COUNT; i++) {
    CLEANUP_FREE char *arguments = NULL;
    (void)snprintf(pid, sizeof(pid), "%u", i);
    int length = asprintf(&arguments, "conmon%c-c%c%064x%c-n%cn%u%c", 0, 0, i,
                          0, 0, i, 0);
    ck_assert_int_gt(length, 0);
    make_process(pid, "conmon\n", arguments, (size_t)length);
    ck_assert_int_gt(fprintf(file, "%u\n", i), 0);
  }
  ck_assert_int_eq(fclose(file), 0);
  fill("libpod_parent/conmon", list);
  for (unsigned i = 1; i <= COUNT; i++) {
    (void)snprintf(id, sizeof(id), "%064x", i);
    (void)snprintf(expected, sizeof(expected), "n%u", i);
    ck_assert_int_eq(conmon_find(&conmon, id, "/libpod_parent", name), 0);
    ck_assert_str_eq(name, expected);
  }
  ck_assert_uint_eq(conmon.left, CONMON_PROCESSES - COUNT);
}
END_TEST

START_TEST(of_a_long_list) {
  enum { LINES = 4000 };
  CLEANUP_FREE char *list = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&list, &size);
  char name[ENGINE_NAME_SIZE];

  ck_assert_int_gt(fprintf(file, "12345678\n"), 0);
  for (size_t i = 0; i < LINES; i++)
    ck_assert_int_gt(fprintf(file, "1234567\n"), 0);
  ck_assert_int_eq(fclose(file), 0);
  /* What the first 16 KiB end with, if they do not end with a line. */
  make_conmon("123456");
  fill(SCOPE, list);
  ck_assert_int_eq(find_in("/machine.slice", name), -ENOENT);
}
END_TEST

/* One pass looks at a bounded number of processes. */
START_TEST(of_one_pass) {
  char name[ENGINE_NAME_SIZE];

  make_conmon("17");
  fill(SCOPE, "17\n");
  conmon.left = 0;
  ck_assert_int_eq(conmon_find(&conmon, ID, "/machine.slice", name), -EAGAIN);
  ck_assert_int_eq(conmon_find(&conmon, ID, "/machine.slice", name), -EAGAIN);
  conmon_end(&conmon);
  ck_assert_int_eq(conmon_find(&conmon, ID, "/machine.slice", name), 0);
}
END_TEST

Suite *conmon_suite(void) {
  return suite_of("conmon", setup, teardown, FOR_EACH(of_command_lines, lines),
                  FOR_EACH(of_places, places), ONCE(among_others),
                  ONCE(of_another_program), ONCE(of_another_user),
                  ONCE(of_a_number_that_was_used_again), ONCE(of_many),
                  ONCE(of_a_long_list), ONCE(of_one_pass));
}
