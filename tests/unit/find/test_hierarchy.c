/* SPDX-License-Identifier: MIT */
#include "find/hierarchy_detection.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

/* The captured files are on an ordinary file system. So statfs(2) is replaced:
 * the type is that of the innermost mount in mountinfo that contains the
 * path. */
static const char *system_root;

static uint64_t magic_of_type(const char *type) {
  static const struct {
    const char *type;
    uint64_t magic;
  } known[] = {{"cgroup", CGROUP_SUPER_MAGIC},
               {"cgroup2", CGROUP2_SUPER_MAGIC},
               {"tmpfs", TMPFS_MAGIC},
               {"9p", V9FS_MAGIC}};

  for (size_t i = 0; i < ARRAY_SIZE(known); i++)
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
  char line[1024];
  char directory[256];
  char type[32];
  size_t innermost = 0;

  CLEANUP_FREE char *real = realpath(path, NULL);
  CLEANUP_FREE char *real_root = realpath(system_root, NULL);
  if (real == NULL || real_root == NULL)
    return -errno;
  *magic = EXT4_SUPER_MAGIC;
  CLEANUP_FREE char *mountinfo = path_in(system_root, "proc/self/mountinfo");
  CLEANUP_FILE FILE *file = fopen(mountinfo, "re");
  while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
    const char *separator = strstr(line, " - ");
    if (separator != NULL &&
        sscanf(line, "%*s %*s %*s %*s %255s", directory) == 1 &&
        sscanf(separator, " - %31s", type) == 1 &&
        strlen(directory) >= innermost &&
        lies_in(real + strlen(real_root), directory)) {
      innermost = strlen(directory);
      *magic = magic_of_type(type);
    }
  }
  return 0;
}

struct host {
  const char *name;
  /* The directory to search; NULL: the mount table. */
  const char *root;
  enum cgroup_version wanted;
  /* The directory that is found; NULL: none. */
  const char *path;
  enum cgroup_version version;
  /* The directory of the other version, which is not read. */
  const char *other;
  /* Found only by its files, on a file system that is not cgroup's. */
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
    {.name = "hybrid",
     .path = CG "/cpuacct",
     .version = V1,
     .other = CG "/unified"},
    {.name = "hybrid",
     .root = CG,
     .path = CG "/cpuacct",
     .version = V1,
     .other = CG "/unified"},
    {.name = "hybrid", .wanted = V1, .path = CG "/cpuacct", .version = V1},
    {.name = "hybrid", .wanted = V2, .path = CG "/unified", .version = V2},
    {.name = "hybrid-systemd",
     .path = CG "/cpu,cpuacct",
     .version = V1,
     .other = CG "/unified"},
    {.name = "bind-subtree", .path = CG "/cpuacct", .version = V1},
    {.name = "bind-subtree-beside",
     .path = CG "/cpuacct",
     .version = V1,
     .other = CG "/unified"},
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
  ck_assert_pstr_eq(hierarchy.other.path, host->other);
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

/* Hosts that consist of a mount table and empty files, each for one rule. */
static const struct {
  const char *mountinfo;
  const char *files[2];
  struct host host;
} made_hosts[] = {
    /* Linux before 5.4 lists the controllers in the order of the mount
     * options. */
    {"2 1 0:2 / /sys/fs/cgroup/cpuacct,cpu rw - cgroup c rw,cpuacct,cpu\n",
     {CG "/cpuacct,cpu/cpuacct.usage"},
     {.path = CG "/cpuacct,cpu", .version = V1}},
    /* At any place, and with the name of another controller. */
    {"2 1 0:2 / /dev/memory rw - cgroup c rw,cpuacct\n",
     {"/dev/memory/cpuacct.usage"},
     {.path = "/dev/memory", .version = V1}},
    /* The whole hierarchy is preferred to a subtree that was mounted first. */
    {"2 1 0:2 /docker/1 /a rw - cgroup c rw,cpuacct\n"
     "3 1 0:2 / /b rw - cgroup c rw,cpuacct\n",
     {"/a/cpuacct.usage", "/b/cpuacct.usage"},
     {.path = "/b", .version = V1}},
    /* A container's own view is preferred to the host's, which it sees at
     * another place. */
    {"2 1 0:2 /.. /host/sys/fs/cgroup rw - cgroup2 c rw\n"
     "3 1 0:2 / /sys/fs/cgroup rw - cgroup2 c rw\n",
     {"/host" CG "/cpu.stat", CG "/cpu.stat"},
     {.path = CG, .version = V2}},
    /* A mount that is hidden by another one does not count. */
    {"2 1 0:2 / /sys/fs/cgroup/cpuacct rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 / /sys/fs/cgroup rw - cgroup2 c rw\n",
     {CG "/cpu.stat"},
     {.path = CG, .version = V2}},
    /* Linux before 5.8: the root of v2 has no cpu.stat, but is still v2. */
    {"2 1 0:2 / /sys/fs/cgroup rw - cgroup2 c rw\n",
     {CG "/cgroup.procs"},
     {.path = CG, .version = V2}},
    /* The cpu controller of v1 has a cpu.stat, but without the usage. */
    {"2 1 0:2 / /sys/fs/cgroup/cpu rw - cgroup c rw,cpu\n",
     {CG "/cpu/cpu.stat"},
     {.path = NULL}},
    /* The usual place comes first, for any version. */
    {"2 1 0:2 / /sys/fs/cgroup rw - cgroup2 c rw\n"
     "3 1 0:3 / /run/x rw - cgroup c rw,cpuacct\n",
     {CG "/cpu.stat", "/run/x/cpuacct.usage"},
     {.path = CG, .version = V2, .other = "/run/x"}},
    {"2 1 0:2 / /run/x rw - cgroup2 c rw\n"
     "3 1 0:3 / /sys/fs/cgroup rw - cgroup c rw,cpuacct\n",
     {"/run/x/cpu.stat", CG "/cpuacct.usage"},
     {.path = CG, .version = V1, .other = "/run/x"}},
    {"2 1 0:2 / /run/x rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 / /sys/fs/cgroup/unified rw - cgroup2 c rw\n",
     {CG "/unified/cpu.stat", "/run/x/cpuacct.usage"},
     {.path = CG "/unified", .version = V2, .other = "/run/x"}},
    /* v1 is mounted on a directory of v2. The outer one is at the usual
     * place. */
    {"2 1 0:2 / /sys/fs/cgroup rw - cgroup2 c rw\n"
     "3 2 0:3 / /sys/fs/cgroup/cpuacct rw - cgroup c rw,cpuacct\n",
     {CG "/cpu.stat", CG "/cpuacct/cpuacct.usage"},
     {.path = CG, .version = V2, .other = CG "/cpuacct"}},
    /* A container that sees the host's usual place, and another mount at an
     * unusual place. */
    {"2 1 0:2 / /run/x rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 / /host/sys/fs/cgroup rw - cgroup2 c rw\n",
     {"/host" CG "/cpu.stat", "/run/x/cpuacct.usage"},
     {.path = "/host" CG, .version = V2, .other = "/run/x"}},
    /* Nothing is at a usual place: v1 is preferred, as on a hybrid host. */
    {"2 1 0:2 / /b rw - cgroup2 c rw\n"
     "3 1 0:3 / /a rw - cgroup c rw,cpuacct\n",
     {"/b/cpu.stat", "/a/cpuacct.usage"},
     {.path = "/a", .version = V1, .other = "/b"}},
    /* A mount of the same kind hides another one. The cgroup with that name in
     * the upper mount is not a root. */
    {"2 1 0:3 / /sys/fs/cgroup/cpuacct rw - cgroup c rw,cpuacct\n"
     "3 1 0:2 / /sys/fs/cgroup rw - cgroup2 c rw\n",
     {CG "/cpuacct/cpu.stat", CG "/cpu.stat"},
     {.path = CG, .version = V2, .wanted = V2}},
    /* The names of the files have no controller prefix. */
    {"2 1 0:3 / /acct rw - cgroup c rw,cpuacct,noprefix\n",
     {"/acct/usage"},
     {.path = "/acct", .version = V1}},
    /* Passed on by another file system, in its own directory. */
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

/* collectd cuts a line after 1023 bytes, including the name of the plugin. */
START_TEST(explanation_is_a_whole_line) {
  char *tree = make_tree();

  for (int i = 0; i < 200; i++) {
    CLEANUP_FREE char *name = NULL;
    ck_assert_int_ge(asprintf(&name, "sys/fs/cgroup/%03d/file", i), 0);
    write_file(tree, name, "");
  }
  CLEANUP_FREE char *text =
      explain(&(struct hierarchy_options){.system_root = tree});
  ck_assert_uint_le(strlen(text), 1023 - strlen("cgroup_cpu plugin: "));
  ck_assert_ptr_nonnull(strstr(text, "set Root"));
  ck_assert_ptr_nonnull(strstr(text, "in each interval"));
  ck_assert_ptr_nonnull(strstr(text, "/sys/fs/cgroup/003: "));
  ck_assert_ptr_null(strstr(text, "/sys/fs/cgroup/063: "));
  ck_assert_str_eq(text + strlen(text) - strlen("); and more"), "); and more");
  remove_tree(tree);
}
END_TEST

static void check_line(const char *line) {
  for (const char *c = line; *c != '\0'; c++)
    ck_assert_msg(*c >= ' ' && *c <= '~', "%s", line);
}

/* This holds for any paths. */
START_TEST(lines_are_whole_and_printable) {
  char path[3000];
  char other_path[3000];
  struct hierarchy hierarchy = {
      .version = V1,
      .path = path,
      .other = {.version = V2, .path = other_path},
  };

  memset(path, 'a', sizeof(path));
  path[0] = '/';
  path[1] = '\n';
  path[sizeof(path) - 1] = '\0';
  memcpy(other_path, path, sizeof(path));
  CLEANUP_FREE char *line = hierarchy_describe(&hierarchy);
  check_line(line);
  ck_assert_uint_lt(strlen(line), 1000);
  ck_assert_ptr_nonnull(strstr(line, "CgroupVersion \"v2\" reads v2"));
  CLEANUP_FREE char *text =
      explain(&(struct hierarchy_options){.root = "/no\nwhere"});
  check_line(text);
  ck_assert_ptr_nonnull(strstr(text, "/no\\x0awhere: No such file"));
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

/* Links beside a co-mount have the names of its controllers. The directory
 * counts.
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

  /* A link that is set as Root is followed. */
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

/* A controller is written as "v1 /its/directory". NULL: on v2 its files are
 * beside the others, on v1 there are none. */
static void check_controller(const struct hierarchy *hierarchy,
                             enum cgroup_controller controller,
                             const char *expected) {
  const struct hierarchy_controller *found =
      &hierarchy->controllers[controller];
  CLEANUP_FREE char *text = NULL;

  if (found->path == NULL) {
    ck_assert_int_eq(found->version, hierarchy->version);
    ck_assert_ptr_null(expected);
    return;
  }
  ck_assert_int_ge(asprintf(&text, "%s %s", cgroup_version_name(found->version),
                            found->path),
                   0);
  ck_assert_pstr_eq(text, expected);
}

static void check_controllers(const struct hierarchy_options *wanted,
                              const char *root_of_system, const char *cpu,
                              const char *cpuset) {
  struct hierarchy_options options = *wanted;
  struct hierarchy hierarchy;

  system_root = root_of_system;
  options.system_root = root_of_system;
  options.file_system_magic = captured_magic;
  ck_assert_int_eq(hierarchy_detect(&options, &hierarchy, NULL), 0);
  check_controller(&hierarchy, CGROUP_CPUACCT, NULL);
  check_controller(&hierarchy, CGROUP_CPU, cpu);
  check_controller(&hierarchy, CGROUP_CPUSET, cpuset);
  hierarchy_release(&hierarchy);
}

/* The directories of the other controllers of the found hierarchy. */
static const struct {
  const char *host;
  struct hierarchy_options options;
  const char *cpu;
  const char *cpuset;
} controllers[] = {
    {"v1-split", {0}, "v1 " CG "/cpu", NULL},
    {"v1-split",
     {.root = CG "/cpuacct/cgroup_cpu_test"},
     "v1 " CG "/cpu/cgroup_cpu_test",
     NULL},
    {"hybrid", {0}, "v1 " CG "/cpu", NULL},
    {"hybrid", {.version = V2}, "v1 " CG "/cpu", NULL},
    {"v1-cgroup-namespace", {0}, "v1 " CG "/cpu", NULL},
    {"v1-cgroup-namespace-own-mount", {0}, "v1 " CG "/cpu", NULL},
    {"bind-subtree", {0}, NULL, NULL},
    {"gvisor-2022-do", {0}, NULL, NULL},
    {"gvisor-2022-do-comount", {0}, "v1 " CG "/cpu,cpuacct", NULL},
    {"v2", {0}, NULL, NULL},
    {"v2-cpu-controller", {0}, NULL, NULL},
};

START_TEST(other_controllers) {
  CLEANUP_FREE char *name = NULL;

  ck_assert_int_ge(asprintf(&name, "hosts/%s", controllers[_i].host), 0);
  CLEANUP_FREE char *root_of_system = fixture_path(name);
  check_controllers(&controllers[_i].options, root_of_system,
                    controllers[_i].cpu, controllers[_i].cpuset);
}
END_TEST

#define FILES_MAX 6

/* The same on hosts that consist of a mount table and files. */
static const struct mixed_host {
  const char *mountinfo;
  struct {
    const char *name;
    const char *text;
  } files[FILES_MAX];
  struct hierarchy_options options;
  const char *cpu;
  const char *cpuset;
} mixed_hosts[] = {
    /* Usage from v2, and controllers of v1 at any place. */
    {"2 1 0:2 / /sys/fs/cgroup rw - cgroup2 c rw\n"
     "3 1 0:3 / /dev/cpuctl rw - cgroup c rw,cpu\n",
     {{CG "/cpu.stat", ""}, {"/dev/cpuctl/cpu.shares", ""}},
     {0},
     "v1 /dev/cpuctl",
     NULL},
    {"2 1 0:2 / /sys/fs/cgroup rw - cgroup2 c rw\n"
     "3 2 0:3 / /sys/fs/cgroup/cpu rw - cgroup c rw,cpu\n"
     "4 2 0:4 / /sys/fs/cgroup/cpuset rw - cgroup c rw,cpuset\n",
     {{CG "/cpu/cpu.shares", ""}, {CG "/cpuset/cpuset.cpus", ""}},
     {0},
     "v1 " CG "/cpu",
     "v1 " CG "/cpuset"},
    /* Android: without prefixes, and with other names. */
    {"2 1 0:2 / /acct rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 / /dev/x rw - cgroup c rw,cpu,noprefix\n"
     "4 1 0:4 / /dev/y rw - cgroup c rw,cpuset,noprefix\n",
     {{"/acct/cpuacct.usage", ""}, {"/dev/x/shares", ""}, {"/dev/y/cpus", ""}},
     {0},
     "v1 /dev/x",
     "v1 /dev/y"},
    /* A kernel with quotas but without shares. */
    {"2 1 0:2 / /a rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 / /b rw - cgroup c rw,cpu\n",
     {{"/a/cpuacct.usage", ""}, {"/b/cpu.cfs_quota_us", ""}},
     {0},
     "v1 /b",
     NULL},
    /* Usage from v1, one controller in v2, and one that v2 does not have. */
    {"2 1 0:2 / /sys/fs/cgroup/cpuacct rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 / /sys/fs/cgroup/unified rw - cgroup2 c rw\n",
     {{CG "/cpuacct/cpuacct.usage", ""},
      {CG "/unified/cgroup.controllers", "memory cpu io\n"}},
     {0},
     "v2 " CG "/unified",
     NULL},
    {"2 1 0:2 / /sys/fs/cgroup/cpuacct rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 / /sys/fs/cgroup/unified rw - cgroup2 c rw\n",
     {{CG "/cpuacct/a/cpuacct.usage", ""},
      {CG "/unified/a/cgroup.controllers", "cpuset\n"}},
     {.root = CG "/cpuacct/a"},
     NULL,
     "v2 " CG "/unified/a"},
    /* A single cgroup, with mounts of a subtree and of the whole. */
    {"2 1 0:2 / /sys/fs/cgroup rw - cgroup2 c rw\n"
     "3 1 0:3 /docker /dev/cpuctl rw - cgroup c rw,cpu\n",
     {{CG "/docker/1/cpu.stat", ""}, {"/dev/cpuctl/1/cpu.shares", ""}},
     {.root = CG "/docker/1"},
     "v1 /dev/cpuctl/1",
     NULL},
    {"2 1 0:2 /docker/1 /sys/fs/cgroup/cpuacct rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 / /host/cpu rw - cgroup c rw,cpu\n",
     {{CG "/cpuacct/cpuacct.usage", ""},
      {"/host/cpu/cpu.shares", ""},
      {"/host/cpu/docker/1/cpu.shares", ""}},
     {0},
     "v1 /host/cpu/docker/1",
     NULL},
    /* Only mounts of another container. */
    {"2 1 0:2 /docker/1 /sys/fs/cgroup/cpuacct rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 /docker/2 /sys/fs/cgroup/cpu rw - cgroup c rw,cpu\n",
     {{CG "/cpuacct/cpuacct.usage", ""}, {CG "/cpu/cpu.shares", ""}},
     {0},
     NULL,
     NULL},
    /* Of several mounts, the one beside is preferred, then the usual place. */
    {"2 1 0:2 / /x/cpuacct rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 / /sys/fs/cgroup/cpu rw - cgroup c rw,cpu\n"
     "4 1 0:3 / /x/cpu rw - cgroup c rw,cpu\n"
     "5 1 0:4 / /b rw - cgroup c rw,cpuset\n"
     "6 1 0:4 / /sys/fs/cgroup/cpuset rw - cgroup c rw,cpuset\n",
     {{"/x/cpuacct/cpuacct.usage", ""},
      {CG "/cpu/cpu.shares", ""},
      {"/x/cpu/cpu.shares", ""},
      {"/b/cpuset.cpus", ""},
      {CG "/cpuset/cpuset.cpus", ""}},
     {0},
     "v1 /x/cpu",
     "v1 " CG "/cpuset"},
    /* The upper one of two mounts at the same place. */
    {"2 1 0:2 / /sys/fs/cgroup/cpuacct rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 /docker /b rw - cgroup c rw,cpu\n"
     "4 3 0:3 / /b rw - cgroup c rw,cpu\n",
     {{CG "/cpuacct/docker/cpuacct.usage", ""},
      {"/b/cpu.shares", ""},
      {"/b/docker/cpu.shares", ""}},
     {.root = CG "/cpuacct/docker"},
     "v1 /b/docker",
     NULL},
    /* The same name in another cgroup namespace is another cgroup. */
    {"2 1 0:2 /.. /sys/fs/cgroup/cpuacct rw - cgroup c rw,cpuacct\n"
     "3 1 0:3 / /sys/fs/cgroup/cpu rw - cgroup c rw,cpu\n",
     {{CG "/cpuacct/cpuacct.usage", ""}, {CG "/cpu/cpu.shares", ""}},
     {0},
     NULL,
     NULL},
    /* Passed on by another file system: the kernel behind it is not known. */
    {"2 1 0:2 / /sys/fs/cgroup rw - 9p none rw\n"
     "3 1 0:3 / /dev/cpuctl rw - cgroup c rw,cpu\n",
     {{CG "/cpu.stat", "usage_usec 5\n"}, {"/dev/cpuctl/cpu.shares", ""}},
     {0},
     NULL,
     NULL},
};

START_TEST(controllers_anywhere) {
  const struct mixed_host *host = &mixed_hosts[_i];
  char *tree = make_tree();

  write_file(tree, "proc/self/mountinfo", host->mountinfo);
  for (size_t i = 0; i < FILES_MAX && host->files[i].name != NULL; i++)
    write_file(tree, host->files[i].name + 1, host->files[i].text);
  check_controllers(&host->options, tree, host->cpu, host->cpuset);
  remove_tree(tree);
}
END_TEST

/* A link with the name of a controller in a co-mount leads to the directory
 * beside it. */
START_TEST(controllers_through_a_link) {
  char *tree = make_tree();
  CLEANUP_FREE char *link = NULL;

  write_file(tree, "proc/self/mountinfo",
             "2 1 0:2 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup c "
             "rw,cpu,cpuacct\n"
             "3 1 0:3 / /elsewhere rw - cgroup c rw,cpuset\n");
  write_file(tree, "sys/fs/cgroup/cpu,cpuacct/a/cpuacct.usage", "0\n");
  write_file(tree, "sys/fs/cgroup/cpu,cpuacct/a/cpu.shares", "0\n");
  write_file(tree, "elsewhere/a/cpuset.cpus", "0\n");
  ck_assert_int_ge(asprintf(&link, "%s" CG "/cpuacct", tree), 0);
  ck_assert_int_eq(symlink("cpu,cpuacct", link), 0);
  check_controllers(&(struct hierarchy_options){.root = CG "/cpuacct/a"}, tree,
                    "v1 " CG "/cpuacct/a", "v1 /elsewhere/a");
  remove_tree(tree);
}
END_TEST

Suite *hierarchy_suite(void) {
  return suite_of(
      "hierarchy", NULL, NULL, FOR_EACH(captured_hosts, hosts),
      FOR_EACH(made_up_hosts, made_hosts),
      ONCE(explanation_names_what_was_seen), ONCE(explanation_is_a_whole_line),
      ONCE(lines_are_whole_and_printable), ONCE(explanation_of_a_wrong_root),
      ONCE(links_to_co_mounts), ONCE(controllers_of_co_mounts),
      FOR_EACH(other_controllers, controllers),
      FOR_EACH(controllers_anywhere, mixed_hosts),
      ONCE(controllers_through_a_link));
}
