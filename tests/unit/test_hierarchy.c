/* SPDX-License-Identifier: MIT */
#include "hierarchy.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "files.h"
#include "suites.h"

/* Captured files lie on an ordinary file system. What statfs(2) would have said
 * is the type of the innermost mount in mountinfo that the path lies in. */
static const char *system_root;

static uint64_t magic_of_type(const char *type) {
  static const struct {
    const char *type;
    uint64_t magic;
  } known[] = {{"cgroup", CGROUP_SUPER_MAGIC},
               {"cgroup2", CGROUP2_SUPER_MAGIC},
               {"tmpfs", TMPFS_MAGIC},
               {"9p", V9FS_MAGIC}};

  for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
    if (strcmp(type, known[i].type) == 0)
      return known[i].magic;
  return EXT4_SUPER_MAGIC;
}

static bool lies_in(const char *path, const char *directory) {
  size_t length = strlen(directory);

  return strncmp(path, directory, length) == 0 &&
         (path[length] == '/' || path[length] == '\0');
}

static int captured_magic(const char *path, uint64_t *magic) {
  CLEANUP_FREE char *mountinfo = NULL;
  char line[1024];
  char directory[256];
  char type[32];
  size_t innermost = 0;

  if (access(path, F_OK) < 0)
    return -errno;
  *magic = EXT4_SUPER_MAGIC;
  ck_assert_int_ge(asprintf(&mountinfo, "%s/proc/self/mountinfo", system_root),
                   0);
  CLEANUP_FILE FILE *file = fopen(mountinfo, "re");
  while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
    const char *separator = strstr(line, " - ");
    if (separator != NULL &&
        sscanf(line, "%*s %*s %*s %*s %255s", directory) == 1 &&
        sscanf(separator, " - %31s", type) == 1 &&
        strlen(directory) >= innermost &&
        lies_in(path + strlen(system_root), directory)) {
      innermost = strlen(directory);
      *magic = magic_of_type(type);
    }
  }
  return 0;
}

struct host {
  const char *name;
  /* Where to look; NULL is the mount table. */
  const char *root;
  enum cgroup_version wanted;
  /* What is found; NULL: nothing. */
  const char *path;
  enum cgroup_version version;
  bool hybrid;
  /* By the files alone, on a file system that is not cgroup's. */
  bool foreign;
};

#define CG "/sys/fs/cgroup"
#define V1 CGROUP_VERSION_1
#define V2 CGROUP_VERSION_2

static const struct host hosts[] = {
    {.name = "v1-split", .path = CG "/cpuacct", .version = V1},
    {.name = "v1-split", .root = CG, .path = CG "/cpuacct", .version = V1},
    {.name = "v1-split",
     .root = CG "/cpuacct/cgroup_cpu_test",
     .path = CG "/cpuacct/cgroup_cpu_test",
     .version = V1},
    {.name = "v1-split", .root = CG "/cpu"},
    {.name = "v1-split", .wanted = V2},
    {.name = "v1-cpu,cpuacct", .path = CG "/cpu,cpuacct", .version = V1},
    {.name = "v1-cpuacct,cpu", .path = CG "/cpuacct,cpu", .version = V1},
    {.name = "v1-cpuacct,cpu",
     .root = CG,
     .path = CG "/cpuacct,cpu",
     .version = V1},
    {.name = "v1-cgroup-namespace", .path = CG "/cpuacct", .version = V1},
    {.name = "v1-cgroup-namespace-own-mount",
     .path = CG "/cpuacct",
     .version = V1},
    {.name = "v2", .path = CG, .version = V2},
    {.name = "v2", .wanted = V1},
    {.name = "v2", .root = "/nowhere"},
    {.name = "v2",
     .root = CG "/cgroup_cpu_test",
     .path = CG "/cgroup_cpu_test",
     .version = V2},
    {.name = "v2-cpu-controller", .path = CG, .version = V2},
    {.name = "v2-cgroup-namespace", .path = CG, .version = V2},
    {.name = "v2-cgroup-namespace-own-mount", .path = CG, .version = V2},
    {.name = "hybrid", .path = CG "/cpuacct", .version = V1, .hybrid = true},
    {.name = "hybrid",
     .root = CG,
     .path = CG "/cpuacct",
     .version = V1,
     .hybrid = true},
    {.name = "hybrid", .wanted = V1, .path = CG "/cpuacct", .version = V1},
    {.name = "hybrid", .wanted = V2, .path = CG "/unified", .version = V2},
    {.name = "hybrid-systemd",
     .path = CG "/cpu,cpuacct",
     .version = V1,
     .hybrid = true},
    {.name = "bind-subtree", .path = CG "/cpuacct", .version = V1},
    {.name = "bind-subtree-beside",
     .path = CG "/cpuacct",
     .version = V1,
     .hybrid = true},
    {.name = "none"},
    {.name = "gvisor-2022-none"},
    {.name = "gvisor-2022-oci"},
    {.name = "gvisor-2022-do", .path = CG "/cpuacct", .version = V1},
    {.name = "gvisor-2022-do-comount",
     .path = CG "/cpu,cpuacct",
     .version = V1},
    {.name = "gvisor-2022-host-v1", .path = CG, .version = V1, .foreign = true},
    {.name = "gvisor-2022-host-v2", .path = CG, .version = V2, .foreign = true},
    {.name = "gvisor-2024-none"},
    {.name = "gvisor-2024-do", .path = CG "/cpuacct", .version = V1},
    {.name = "gvisor-2024-oci", .path = CG "/cpuacct", .version = V1},
    {.name = "gvisor-2024-host-v1", .path = CG, .version = V1, .foreign = true},
    {.name = "gvisor-2024-host-v2", .path = CG, .version = V2, .foreign = true},
};

static void check_host(const struct host *host, const char *root_of_system) {
  struct hierarchy_options options = {
      .root = host->root,
      .version = host->wanted,
      .system_root = root_of_system,
      .file_system_magic = captured_magic,
  };
  struct hierarchy hierarchy;
  CLEANUP_FREE char *explanation = NULL;

  system_root = root_of_system;
  int status = hierarchy_detect(&options, &hierarchy, &explanation);
  if (host->path == NULL) {
    ck_assert_int_eq(status, -ENOENT);
    ck_assert_ptr_nonnull(explanation);
    return;
  }
  ck_assert_msg(status == 0, "%s: %s", host->name, explanation);
  ck_assert_ptr_null(explanation);
  ck_assert_str_eq(hierarchy.path, host->path);
  ck_assert_int_eq(hierarchy.version, host->version);
  ck_assert(hierarchy.hybrid == host->hybrid);
  ck_assert(hierarchy.native != host->foreign);
  hierarchy_release(&hierarchy);
}

START_TEST(captured_hosts) {
  CLEANUP_FREE char *name = NULL;

  ck_assert_int_ge(asprintf(&name, "hosts/%s", hosts[_i].name), 0);
  CLEANUP_FREE char *root_of_system = fixture_path(name);
  check_host(&hosts[_i], root_of_system);
}
END_TEST

/* Hosts made of one mount table and empty files, each for one rule. */
static const struct {
  const char *mountinfo;
  const char *files[2];
  struct host host;
} made_hosts[] = {
    /* Linux before 5.4 names the controllers in the order of the mount. */
    {"2 1 0:2 / /sys/fs/cgroup/cpuacct,cpu rw - cgroup c rw,cpuacct,cpu\n",
     {CG "/cpuacct,cpu/cpuacct.usage"},
     {.path = CG "/cpuacct,cpu", .version = V1}},
    /* Anywhere, and named for another controller. */
    {"2 1 0:2 / /dev/memory rw - cgroup c rw,cpuacct\n",
     {"/dev/memory/cpuacct.usage"},
     {.path = "/dev/memory", .version = V1}},
    /* The whole hierarchy before a subtree that was mounted first. */
    {"2 1 0:2 /docker/1 /a rw - cgroup c rw,cpuacct\n"
     "3 1 0:2 / /b rw - cgroup c rw,cpuacct\n",
     {"/a/cpuacct.usage", "/b/cpuacct.usage"},
     {.path = "/b", .version = V1}},
    /* A container's own view before the host's, which it sees elsewhere. */
    {"2 1 0:2 /.. /host/sys/fs/cgroup rw - cgroup2 c rw\n"
     "3 1 0:2 / /sys/fs/cgroup rw - cgroup2 c rw\n",
     {"/host" CG "/cpu.stat", CG "/cpu.stat"},
     {.path = CG, .version = V2}},
    /* A mount that another one hides is not there. */
    {"2 1 0:2 / /sys/fs/cgroup/cpuacct rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 / /sys/fs/cgroup rw - cgroup2 c rw\n",
     {CG "/cpu.stat"},
     {.path = CG, .version = V2}},
    /* Linux before 5.8: the root of v2 without cpu.stat is still v2. */
    {"2 1 0:2 / /sys/fs/cgroup rw - cgroup2 c rw\n",
     {CG "/cgroup.procs"},
     {.path = CG, .version = V2}},
    /* The cpu controller of v1 has a cpu.stat, but not the usage. */
    {"2 1 0:2 / /sys/fs/cgroup/cpu rw - cgroup c rw,cpu\n",
     {CG "/cpu/cpu.stat"},
     {.path = NULL}},
    /* Passed on by another file system, in a directory of its own. */
    {"2 1 0:2 / /host rw - 9p none rw\n",
     {"/host/cpu,cpuacct/cpuacct.usage"},
     {.root = "/host",
      .path = "/host/cpu,cpuacct",
      .version = V1,
      .foreign = true}},
};

START_TEST(made_up_hosts) {
  char *tree = make_tree();

  write_file(tree, "proc/self/mountinfo", made_hosts[_i].mountinfo);
  for (size_t i = 0; i < 2 && made_hosts[_i].files[i] != NULL; i++)
    write_file(tree, made_hosts[_i].files[i] + 1, "0\n");
  check_host(&made_hosts[_i].host, tree);
  remove_tree(tree);
}
END_TEST

static char *explain(const struct hierarchy_options *options) {
  struct hierarchy hierarchy;
  char *explanation = NULL;

  ck_assert_int_eq(hierarchy_detect(options, &hierarchy, &explanation),
                   -ENOENT);
  ck_assert_ptr_null(hierarchy.path);
  ck_assert_ptr_nonnull(explanation);
  return explanation;
}

START_TEST(explanation_names_what_was_seen) {
  char *tree = make_tree();

  write_file(tree, "proc/self/mountinfo", "1 0 0:1 / / rw - ext4 d rw\n");
  write_file(tree, "sys/fs/cgroup/empty", "");
  CLEANUP_FREE char *text =
      explain(&(struct hierarchy_options){.system_root = tree});
  ck_assert_ptr_nonnull(strstr(text, "/proc/self/mountinfo: no cgroup2"));
  ck_assert_ptr_nonnull(strstr(text, "/sys/fs/cgroup: no cgroup file system"));
  ck_assert_ptr_nonnull(strstr(text, "set Root"));
  remove_tree(tree);
}
END_TEST

START_TEST(explanation_of_a_wrong_root) {
  CLEANUP_FREE char *text = explain(&(struct hierarchy_options){
      .root = "/nowhere/at/all", .version = CGROUP_VERSION_2});
  ck_assert_ptr_nonnull(
      strstr(text, "/nowhere/at/all: No such file or directory"));
  ck_assert_ptr_nonnull(strstr(text, "cgroup v2"));
  ck_assert_ptr_nonnull(strstr(text, "CgroupVersion"));
}
END_TEST

/* Links beside a co-mount name its controllers: the directory is what counts.
 */
START_TEST(links_to_co_mounts) {
  char *tree = make_tree();
  CLEANUP_FREE char *link = NULL;
  struct host host = {
      .root = CG, .path = CG "/cpuacct,cpu", .version = V1, .foreign = true};

  write_file(tree, "sys/fs/cgroup/cpuacct,cpu/cpuacct.usage", "0\n");
  ck_assert_int_ge(asprintf(&link, "%s" CG "/cpu", tree), 0);
  ck_assert_int_eq(symlink("cpuacct,cpu", link), 0);
  check_host(&host, tree);

  /* And one can be followed to it. */
  host.root = CG "/cpu";
  host.path = CG "/cpu";
  check_host(&host, tree);
  remove_tree(tree);
}
END_TEST

START_TEST(controllers_of_co_mounts) {
  static const char mountinfo[] =
      "2 1 0:2 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup c rw,cpu,cpuacct\n"
      "3 1 0:3 / /sys/fs/cgroup/cpuset rw - cgroup c rw,cpuset\n"
      "4 1 0:3 / /elsewhere/cpuset rw - cgroup c rw,cpuset\n";
  char *tree = make_tree();
  struct hierarchy_options options = {.root = CG "/cpu,cpuacct/a",
                                      .system_root = tree,
                                      .file_system_magic = captured_magic};
  struct hierarchy hierarchy;

  system_root = tree;
  write_file(tree, "proc/self/mountinfo", mountinfo);
  write_file(tree, "sys/fs/cgroup/cpu,cpuacct/a/cpuacct.usage", "0\n");
  write_file(tree, "sys/fs/cgroup/cpu,cpuacct/a/cpu.shares", "0\n");
  write_file(tree, "sys/fs/cgroup/cpuset/a/cpuset.cpus", "0\n");
  write_file(tree, "elsewhere/cpuset/a/cpuset.cpus", "0\n");
  ck_assert_int_eq(hierarchy_detect(&options, &hierarchy, NULL), 0);
  ck_assert_str_eq(hierarchy.controllers[CGROUP_CPU].path, CG "/cpu,cpuacct/a");
  ck_assert_str_eq(hierarchy.controllers[CGROUP_CPUSET].path, CG "/cpuset/a");
  hierarchy_release(&hierarchy);
  remove_tree(tree);
}
END_TEST

/* Where the other controllers are of what is found. */
static const struct {
  const char *host;
  const char *root;
  const char *cpu;
  const char *cpuset;
} controllers[] = {
    {"v1-split", NULL, CG "/cpu", NULL},
    {"v1-split", CG "/cpuacct/cgroup_cpu_test", CG "/cpu/cgroup_cpu_test",
     NULL},
    {"hybrid", NULL, CG "/cpu", NULL},
    {"gvisor-2022-do", NULL, NULL, NULL},
    {"v2", NULL, NULL, NULL},
};

START_TEST(other_controllers) {
  CLEANUP_FREE char *name = NULL;
  struct hierarchy hierarchy;

  ck_assert_int_ge(asprintf(&name, "hosts/%s", controllers[_i].host), 0);
  CLEANUP_FREE char *root_of_system = fixture_path(name);
  system_root = root_of_system;
  struct hierarchy_options options = {.root = controllers[_i].root,
                                      .system_root = root_of_system,
                                      .file_system_magic = captured_magic};
  ck_assert_int_eq(hierarchy_detect(&options, &hierarchy, NULL), 0);
  ck_assert_pstr_eq(hierarchy.controllers[CGROUP_CPU].path,
                    controllers[_i].cpu);
  ck_assert_pstr_eq(hierarchy.controllers[CGROUP_CPUSET].path,
                    controllers[_i].cpuset);
  hierarchy_release(&hierarchy);
}
END_TEST

Suite *hierarchy_suite(void) {
  Suite *suite = suite_create("hierarchy");
  TCase *tests = tcase_create("hierarchy");

  add_test_for_each(tests, captured_hosts, hosts);
  add_test_for_each(tests, made_up_hosts, made_hosts);
  tcase_add_test(tests, explanation_names_what_was_seen);
  tcase_add_test(tests, explanation_of_a_wrong_root);
  tcase_add_test(tests, links_to_co_mounts);
  tcase_add_test(tests, controllers_of_co_mounts);
  add_test_for_each(tests, other_controllers, controllers);
  suite_add_tcase(suite, tests);
  return suite;
}
