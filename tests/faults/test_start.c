/* SPDX-License-Identifier: MIT */
/* Finds the hierarchy and sets the options. One call after another fails. The
 * result is the same as without the fault, or an error that names its cause.
 * The next attempt succeeds. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "find/hierarchy_detection.h"
#include "options.h"
#include "suites.h"
#include "util/array.h"
#include "util/cleanup.h"

#define MOUNTS "/proc/self/mountinfo"
#define CG "/sys/fs/cgroup"

static const char mounts[] =
    "21 20 0:6 / " CG " rw - tmpfs tmpfs rw\n"
    "22 21 0:7 / " CG "/cpuacct rw - cgroup cgroup rw,cpuacct\n"
    "23 21 0:8 / " CG "/cpu rw - cgroup cgroup rw,cpu\n"
    "24 21 0:9 / " CG "/cpuset rw - cgroup cgroup rw,cpuset\n"
    "25 21 0:10 / " CG "/unified rw - cgroup2 cgroup2 rw\n";

/* The cpu controller is in another hierarchy, and that of cpusets is in v2. */
static const char mixed_mounts[] =
    "21 20 0:6 / " CG " rw - tmpfs tmpfs rw\n"
    "22 21 0:7 / " CG "/cpuacct rw - cgroup cgroup rw,cpuacct\n"
    "23 20 0:8 / /dev/cpuctl rw - cgroup cgroup rw,cpu\n"
    "25 21 0:10 / " CG "/unified rw - cgroup2 cgroup2 rw\n";

static const struct host {
  const char *name;
  struct hierarchy_options options;
  /* How to search, whether the directories have cgroup's file system type, and
   * whether the mount table is missing. */
  bool native;
  bool hidden;
  /* The directory that is found; NULL: none. */
  const char *path;
  /* The mounts, if not the usual ones. */
  const char *mounts;
} hosts[] = {
    {"hybrid", {0}, true, false, CG "/cpuacct", NULL},
    {"mixed", {0}, true, false, CG "/cpuacct", mixed_mounts},
    {"mixed v2",
     {.version = CGROUP_VERSION_2},
     true,
     false,
     CG "/unified",
     mixed_mounts},
    {"v2", {.version = CGROUP_VERSION_2}, true, false, CG "/unified", NULL},
    {"without a table", {0}, true, true, CG "/cpuacct", NULL},
    {"Root", {.root = CG "/cpuacct"}, true, false, CG "/cpuacct", NULL},
    {"foreign", {0}, false, true, CG "/cpuacct", NULL},
    {"foreign v2",
     {.version = CGROUP_VERSION_2},
     false,
     true,
     CG "/unified",
     NULL},
    {"nothing", {.root = "/proc"}, true, false, NULL, NULL},
};

static const struct fault_row rows[] = {
    {FAULT_access, {ENOMEM, EINTR}},
    {FAULT_asprintf, FAULTS_OF_MEMORY},
    {FAULT_fclose, {ENOMEM, EIO}},
    {FAULT_fgets, {ENOMEM, EINTR}},
    {FAULT_fopen, {ENOMEM, EMFILE, ENFILE, EINTR, EAGAIN}},
    {FAULT_getline, {ENOMEM, EINTR}},
    {FAULT_open_memstream, FAULTS_OF_MEMORY},
    {FAULT_reallocarray, FAULTS_OF_MEMORY},
    {FAULT_realpath, {ENOMEM, EINTR}},
    {FAULT_scandir, {ENOMEM, EMFILE, ENFILE}},
    {FAULT_statfs, {ENOMEM, EINTR}},
    {FAULT_strdup, FAULTS_OF_MEMORY},
};

static char *system_root;
static const struct host *host;
static struct hierarchy expected;
static char *expected_text;

static uint64_t magic(const char *path) {
  if (!host->native)
    return V9FS_MAGIC;
  if (strstr(path, CG "/unified") != NULL)
    return CGROUP2_SUPER_MAGIC;
  return strstr(path, CG "/") != NULL || strstr(path, "cpuctl") != NULL
             ? CGROUP_SUPER_MAGIC
             : TMPFS_MAGIC;
}

static void setup(void) {
  system_root = make_tree();
  write_file(system_root, MOUNTS, mounts);
  write_file(system_root, CG "/cpuacct/cpuacct.usage", "5\n");
  write_file(system_root, CG "/cpu/cpu.shares", "1024\n");
  write_file(system_root, CG "/cpu/cpu.stat", "nr_periods 0\n");
  write_file(system_root, CG "/cpuset/cpuset.cpus", "0\n");
  write_file(system_root, CG "/unified/cpu.stat", "usage_usec 5\n");
  write_file(system_root, CG "/unified/cgroup.controllers", "cpuset\n");
  write_file(system_root, "dev/cpuctl/cpu.shares", "1024\n");
  faults.magic = magic;
}

static void teardown(void) {
  hierarchy_release(&expected);
  free(expected_text);
  expected_text = NULL;
  remove_tree(system_root);
}

static int detect(struct hierarchy *found, char **text) {
  struct hierarchy_options options = host->options;

  options.system_root = system_root;
  faults.active = true;
  int status = hierarchy_detect(&options, found, text);
  faults.active = false;
  return status;
}

static void start(const struct host *on) {
  host = on;
  if (host->hidden)
    write_file(system_root, MOUNTS, "20 1 0:5 / / rw - ext4 disk rw\n");
  if (host->mounts != NULL)
    write_file(system_root, MOUNTS, host->mounts);
  faults_plan_none();
  int status = detect(&expected, &expected_text);
  ck_assert_int_eq(status, host->path != NULL ? 0 : -ENOENT);
  if (host->path != NULL)
    ck_assert_str_eq(expected.path, host->path);
}

static bool same_text(const char *left, const char *right) {
  return left == right ||
         (left != NULL && right != NULL && strcmp(left, right) == 0);
}

static bool is_expected(const struct hierarchy *found) {
  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    if (found->controllers[i].version != expected.controllers[i].version ||
        !same_text(found->controllers[i].path, expected.controllers[i].path))
      return false;
  return found->version == expected.version &&
         same_text(found->other.path, expected.other.path) &&
         found->native == expected.native &&
         same_text(found->path, expected.path);
}

static void check(int status, const struct hierarchy *found, const char *text) {
  if (status == 0) {
    ck_assert_msg(is_expected(found), "%s, %s number %u: %s", host->name,
                  faults_name(), faults.turn, strerror(faults.error));
    return;
  }
  ck_assert_ptr_null(found->path);
  if (status == -ENOENT && host->path == NULL) {
    ck_assert(text == NULL || same_text(text, expected_text));
    return;
  }
  ck_assert_msg(status == -faults.error, "%s, %s number %u: %s instead of %s",
                host->name, faults_name(), faults.turn, strerror(-status),
                strerror(faults.error));
  ck_assert_msg(text == NULL || strstr(text, strerror(faults.error)) != NULL,
                "%s", text);
}

/* Returns false if there was no such call. */
static bool fail_once(enum fault_call call, unsigned turn, int error) {
  struct hierarchy found;
  CLEANUP_FREE char *text = NULL;
  CLEANUP_FREE char *later = NULL;

  faults_plan(call, turn, error);
  check(detect(&found, &text), &found, text);
  hierarchy_release(&found);
  bool happened = faults.happened;
  faults_plan_none();
  ck_assert_int_eq(detect(&found, &later), host->path != NULL ? 0 : -ENOENT);
  ck_assert(is_expected(&found));
  ck_assert(same_text(later, expected_text));
  hierarchy_release(&found);
  return happened;
}

START_TEST(one_fault_at_a_time) {
  unsigned made = 0;

  for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
    teardown();
    setup();
    start(&hosts[i]);
    for (const int *error = rows[_i].errors; *error != 0; error++)
      for (unsigned turn = 0; fail_once(rows[_i].call, turn, *error); turn++)
        made++;
  }
  ck_assert_uint_gt(made, 0);
}
END_TEST

/* If an error can be temporary and there is a message, the message names its
 * cause and the path.
 */
START_TEST(the_cause_is_named) {
  struct hierarchy found;
  CLEANUP_FREE char *text = NULL;
  CLEANUP_FREE char *cause = NULL;

  start(&hosts[0]);
  faults_plan(FAULT_statfs, 0, EMFILE);
  ck_assert_int_eq(detect(&found, &text), -EMFILE);
  ck_assert_ptr_nonnull(text);
  ck_assert_int_ge(asprintf(&cause, CG "/cpuacct: %s", strerror(EMFILE)), 0);
  ck_assert_ptr_nonnull(strstr(text, cause));
}
END_TEST

static uint64_t magic_of_btrfs(const char *path) {
  (void)path;
  return BTRFS_SUPER_MAGIC;
}

/* Its highest bit is set: a 32-bit system would take it for a sign. */
START_TEST(a_large_magic_number) {
  struct hierarchy found;
  CLEANUP_FREE char *text = NULL;

  host = &hosts[ARRAY_SIZE(hosts) - 1];
  faults_plan_none();
  faults.magic = magic_of_btrfs;
  ck_assert_int_eq(detect(&found, &text), -ENOENT);
  ck_assert_ptr_nonnull(text);
  ck_assert_ptr_nonnull(strstr(text, "(type 0x9123683e)"));
}
END_TEST

START_TEST(mixed_controllers) {
  start(&hosts[_i]);
  ck_assert_str_eq(hosts[_i].mounts, mixed_mounts);
  ck_assert_str_eq(expected.controllers[CGROUP_CPU].path, "/dev/cpuctl");
  ck_assert_int_eq(expected.controllers[CGROUP_CPU].version, CGROUP_VERSION_1);
  ck_assert_pstr_eq(expected.controllers[CGROUP_CPUSET].path,
                    expected.version == CGROUP_VERSION_1 ? CG "/unified"
                                                         : NULL);
  ck_assert_int_eq(expected.controllers[CGROUP_CPUSET].version,
                   CGROUP_VERSION_2);
}
END_TEST

/* The directories really exist, not only below the root of an artificial
 * system.
 */
static struct hierarchy there(void) {
  struct hierarchy hierarchy = {
      .version = CGROUP_VERSION_1, .magic = CGROUP_SUPER_MAGIC, .native = true};

  ck_assert_int_ge(asprintf(&hierarchy.path, "%s" CG "/cpuacct", system_root),
                   0);
  ck_assert_int_ge(
      asprintf(&hierarchy.other.path, "%s" CG "/unified", system_root), 0);
  hierarchy.other.version = CGROUP_VERSION_2;
  return hierarchy;
}

static const struct fault_row description_rows[] = {
    {FAULT_closedir, {EIO}},
    {FAULT_fclose, {ENOMEM, EIO}},
    {FAULT_fdopendir, {ENOMEM, EMFILE}},
    {FAULT_fstat, {ENOMEM, EIO, EACCES}},
    {FAULT_fstatat, {ENOMEM, EIO, EACCES}},
    {FAULT_open, FAULTS_OF_OPENING},
    {FAULT_open_memstream, FAULTS_OF_MEMORY},
    {FAULT_openat, FAULTS_OF_OPENING},
    {FAULT_readdir, {EIO, ENOMEM}},
};

static char *describe(const struct hierarchy *hierarchy) {
  faults.active = true;
  char *text = hierarchy_describe(hierarchy);
  faults.active = false;
  return text;
}

/* If something could not be counted, the message says so. */
START_TEST(counts_with_faults) {
  const struct fault_row *row = &description_rows[_i];
  unsigned made = 0;

  host = &hosts[0];
  write_file(system_root, CG "/cpuacct/a/b/cpuacct.usage", "5\n");
  write_file(system_root, CG "/unified/a/cpu.stat", "5\n");
  write_file(system_root, CG "/unified/b/cpu.stat", "5\n");
  write_file(system_root, CG "/unified/b/c/cpu.stat", "5\n");
  struct hierarchy hierarchy = there();
  faults_plan_none();
  CLEANUP_FREE char *right = describe(&hierarchy);
  ck_assert_ptr_nonnull(
      strstr(right, "v1 has 3 cgroups and is read, v2 has 4"));
  for (const int *error = row->errors; *error != 0; error++)
    for (unsigned turn = 0;; turn++, made++) {
      faults_plan(row->call, turn, *error);
      CLEANUP_FREE char *text = describe(&hierarchy);
      if (text != NULL && strcmp(text, right) != 0)
        ck_assert_ptr_nonnull(strstr(text, "at least"));
      if (!faults.happened)
        break;
    }
  ck_assert_uint_gt(made, 0);
  hierarchy_release(&hierarchy);
}
END_TEST

static const struct fault_row presence_rows[] = {
    {FAULT_access, {ENOMEM, EIO, EACCES}},
    {FAULT_asprintf, FAULTS_OF_MEMORY},
    {FAULT_statfs, {ENOMEM, EIO, EINTR, EACCES}},
};

static bool is_gone(const struct hierarchy *hierarchy) {
  faults.active = true;
  bool gone = hierarchy_is_gone(hierarchy);
  faults.active = false;
  return gone;
}

/* A hierarchy that cannot be checked does not count as gone. */
START_TEST(presence_with_faults) {
  const struct fault_row *row = &presence_rows[_i];
  struct hierarchy hierarchy = there();

  host = &hosts[0];
  for (const int *error = row->errors; *error != 0; error++) {
    faults_plan(row->call, 0, *error);
    ck_assert(!is_gone(&hierarchy));
    ck_assert(faults.happened);
  }
  hierarchy_release(&hierarchy);
}
END_TEST

START_TEST(presence) {
  struct hierarchy hierarchy = there();
  CLEANUP_FREE char *moved = NULL;

  host = &hosts[0];
  faults_plan_none();
  ck_assert(!is_gone(&hierarchy));

  /* Another controller of v1 at the same place. */
  CLEANUP_FREE char *usage = path_in(hierarchy.path, "cpuacct.usage");
  ck_assert_int_eq(remove(usage), 0);
  ck_assert(is_gone(&hierarchy));
  write_file(hierarchy.path, "usage", "5\n");
  ck_assert(!is_gone(&hierarchy));

  /* Another file system. */
  hierarchy.magic = V9FS_MAGIC;
  ck_assert(is_gone(&hierarchy));
  hierarchy.magic = CGROUP_SUPER_MAGIC;

  /* The directory is missing, or is something else. */
  ck_assert_int_ge(asprintf(&moved, "%s.moved", hierarchy.path), 0);
  ck_assert_int_eq(rename(hierarchy.path, moved), 0);
  ck_assert(is_gone(&hierarchy));
  write_file(system_root, CG "/cpuacct", "");
  hierarchy.version = CGROUP_VERSION_2;
  free(hierarchy.path);
  ck_assert_int_ge(
      asprintf(&hierarchy.path, "%s" CG "/cpuacct/below", system_root), 0);
  ck_assert(is_gone(&hierarchy));
  hierarchy_release(&hierarchy);
}
END_TEST

static const struct setting {
  const char *key;
  const char *value;
  int status;
} settings[] = {
    {"Root", "/sys/fs/cgroup/", 0}, {"CGroup", "/system.slice/*", 0},
    {"CGroup", "/^.docker/", 0},    {"CGroup", "init.scope", 0},
    {"CGroup", "/(/", -EINVAL},     {"CgroupVersion", "v3", -EINVAL},
    {"Nonsense", "", -EINVAL},
};

static const struct fault_row setting_rows[] = {
    {FAULT_asprintf, FAULTS_OF_MEMORY},
    {FAULT_fclose, {ENOMEM, EIO}},
    {FAULT_open_memstream, FAULTS_OF_MEMORY},
    {FAULT_reallocarray, FAULTS_OF_MEMORY},
    {FAULT_regcomp, FAULTS_OF_MEMORY},
    {FAULT_strdup, FAULTS_OF_MEMORY},
    {FAULT_strndup, FAULTS_OF_MEMORY},
};

static int set(struct options *options, const struct setting *setting,
               char **message) {
  struct option_value value = {.kind = OPTION_STRING,
                               .as.string = setting->value};

  faults.active = true;
  int status = options_set(options, setting->key, &value, message);
  faults.active = false;
  return status;
}

/* A setting that failed is set again, as in a new configuration. */
static void set_all(struct options *options) {
  for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
    CLEANUP_FREE char *message = NULL;
    CLEANUP_FREE char *later = NULL;
    bool before = faults.happened;
    int status = set(options, &settings[i], &message);
    bool failed = !before && faults.happened;

    ck_assert(status == settings[i].status || (failed && status == -ENOMEM));
    if (status == -EINVAL && message != NULL)
      ck_assert_ptr_nonnull(strstr(message, settings[i].key));
    if (!failed)
      ck_assert_int_eq(message != NULL, status == -EINVAL);
    else if (status != settings[i].status)
      ck_assert_int_eq(set(options, &settings[i], &later), settings[i].status);
  }
}

START_TEST(options_without_memory) {
  const struct fault_row *row = &setting_rows[_i];
  unsigned made = 0;

  for (const int *error = row->errors; *error != 0; error++)
    for (unsigned turn = 0;; turn++, made++) {
      struct options options = OPTIONS_DEFAULT;

      faults_plan(row->call, turn, *error);
      set_all(&options);
      ck_assert_str_eq(options.root, "/sys/fs/cgroup");
      ck_assert_uint_eq(options.selection.count, 3);
      ck_assert_int_eq(selection_matches(&options.selection, "/init.scope"), 1);
      ck_assert_int_eq(selection_matches(&options.selection, "/x"), 0);
      options_release(&options);
      if (!faults.happened)
        break;
    }
  ck_assert_uint_gt(made, 0);
}
END_TEST

/* If there is no memory to match a path, the answer is neither yes nor no. */
START_TEST(selection_without_memory) {
  struct selection selection = {.ignore_selected = _i != 0};

  ck_assert_int_eq(selection_add(&selection, "*.scope"), 0);
  ck_assert_int_eq(selection_add(&selection, "/docker[0-9]/"), 0);
  for (int i = 0; i < 2; i++) {
    faults_plan(i == 0 ? FAULT_fnmatch : FAULT_regexec, 0, ENOMEM);
    faults.active = true;
    int status = selection_matches(&selection, "/docker5");
    faults.active = false;
    ck_assert_int_eq(status, -ENOMEM);
  }
  ck_assert_int_eq(selection_matches(&selection, "/docker5"), _i == 0);
  selection_release(&selection);
}
END_TEST

Suite *start_suite(void) {
  TCase *tests = case_of(
      "faults at start", setup, teardown, FOR_EACH(one_fault_at_a_time, rows),
      ONCE(the_cause_is_named), ONCE(a_large_magic_number),
      FOR_EACH(counts_with_faults, description_rows),
      FOR_EACH(presence_with_faults, presence_rows), ONCE(presence),
      FOR_EACH(options_without_memory, setting_rows),
      TIMES(selection_without_memory, 2));

  tcase_add_loop_test(tests, mixed_controllers, 1, 3);
  return suite_of_case("faults at start", tests);
}
