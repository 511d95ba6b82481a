/* SPDX-License-Identifier: MIT */
/* Names containers again and again, each time with another fault. No value goes
 * out under a name that its cgroup cannot have, and in the end all have the
 * right ones. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector.h"
#include "files.h"
#include "recorder.h"
#include "suites.h"
#include "tree/naming.h"
#include "util/cleanup.h"
#include "util/units.h"

/* So many that a name is looked up again after any fault. A fault in a later
 * pass than this has nothing to do with names. */
#define NAMED_PASSES (2 * NAMING_WAIT + 2)
#define FAULTY_PASSES 2
/* So long that each pass looks for containers with another name. */
#define INTERVAL_NSEC (NSEC_PER_SEC * NAMING_RENAMED_SEC * 2)

#define ID "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define PAUSE_ID                                                               \
  "0f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define UID "8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10"
#define DOCKER_ID                                                              \
  "1f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define PODMAN_ID                                                              \
  "2f1c2d9e8b7a60512f1c2d9e8b7a60512f1c2d9e8b7a60512f1c2d9e8b7a6051"
#define LISTED_ID                                                              \
  "3f1c2d9e8b7a60513f1c2d9e8b7a60513f1c2d9e8b7a60513f1c2d9e8b7a6051"
#define NERDCTL_ID                                                             \
  "5f1c2d9e8b7a60515f1c2d9e8b7a60515f1c2d9e8b7a60515f1c2d9e8b7a6051"
#define CONMON "libpod_parent/conmon"
/* Both are looked up once only, if that is not denied. */
#define TASK "jobs/batch"
#define SCOPE "machine.slice/nerdctl-" NERDCTL_ID ".scope"
#define TASKS "run/containerd/io.containerd.runtime.v2.task/"
#define LIST "var/lib/containers/storage/overlay-containers/containers.json"
#define USER_ID                                                                \
  "6f1c2d9e8b7a60516f1c2d9e8b7a60516f1c2d9e8b7a60516f1c2d9e8b7a6051"
#define USER_SLICE "user.slice/user-1000.slice"
#define USER USER_SLICE "/user@1000.service"
#define USER_LIST                                                              \
  "home/me/.local/share/containers/storage/vfs-containers/containers.json"
#define USER_INSTANCE "user.slice_user-1000.slice_user@1000.service"
#define USER_SCOPE USER "/libpod-" USER_ID ".scope"
#define USER_SCOPE_INSTANCE USER_INSTANCE "_libpod-6f1c2d9e8b7a.scope"
#define POD "kubepods/pod" UID
#define BY_PATH "kubepods_pod" UID
#define KNOWN "k8s_default_web-0"

static const struct named {
  const char *path;
  int64_t usage;
  const char *name;
  /* Those that it can have before, or NULL. */
  const char *before[3];
} cgroups[] = {
    {".", 1000, "root", {NULL, NULL, NULL}},
    {"kubepods", 900, "kubepods", {NULL, NULL, NULL}},
    {POD, 800, KNOWN, {BY_PATH, NULL, NULL}},
    {POD "/" ID,
     500,
     KNOWN "_app",
     {BY_PATH "_4f1c2d9e8b7a", KNOWN "_+4f1c2d9e8b7a", KNOWN "+4f1c2d9e8b7a"}},
    {POD "/" ID "/init",
     400,
     KNOWN "_app+init",
     {BY_PATH "_4f1c2d9e8b7a_init", KNOWN "_+4f1c2d9e8b7a+init",
      KNOWN "+4f1c2d9e8b7a_init"}},
    {POD "/" PAUSE_ID,
     300,
     KNOWN "_POD",
     {BY_PATH "_0f1c2d9e8b7a", KNOWN "_+0f1c2d9e8b7a", KNOWN "+0f1c2d9e8b7a"}},
    {"machine.slice", 200, "machine.slice", {NULL, NULL, NULL}},
    {"machine.slice/machine-web.scope",
     100,
     "machine_web",
     {"machine.slice_machine-web.scope", NULL, NULL}},
    {"machine.slice/mail.service",
     95,
     "machine_post",
     {"machine.slice_mail.service", NULL, NULL}},
    {"user.slice", 45, "user.slice", {NULL, NULL, NULL}},
    {USER_SLICE, 44, "user.slice_user-1000.slice", {NULL, NULL, NULL}},
    {USER, 43, USER_INSTANCE, {NULL, NULL, NULL}},
    {"jobs", 40, "jobs", {NULL, NULL, NULL}},
    {TASK, 30, "ctr_jobs_batch", {"jobs_batch", NULL, NULL}},
    {"libpod_parent", 90, "libpod__parent", {NULL, NULL, NULL}},
    {CONMON, 5, "libpod__parent_conmon", {NULL, NULL, NULL}},
    {"libpod_parent/libpod-" PODMAN_ID,
     80,
     "podman_job",
     {"libpod__parent_libpod-2f1c2d9e8b7a", NULL, NULL}},
#if HAVE_JANSSON
    {"libpod_parent/libpod-" LISTED_ID,
     70,
     "podman_listed",
     {"libpod__parent_libpod-3f1c2d9e8b7a", NULL, NULL}},
    {USER_SCOPE, 42, "podman@1000_mine", {USER_SCOPE_INSTANCE, NULL, NULL}},
    {SCOPE,
     20,
     "nerdctl_api",
     {"machine.slice_nerdctl-5f1c2d9e8b7a.scope", NULL, NULL}},
    {"docker", 60, "docker", {NULL, NULL, NULL}},
    {"docker/" DOCKER_ID,
     50,
     "docker_db",
     {"docker_1f1c2d9e8b7a", "docker_web", NULL}},
#endif
};

static const struct fault_row rows[] = {
    {FAULT_asprintf, FAULTS_OF_MEMORY},
    {FAULT_calloc, FAULTS_OF_MEMORY},
    {FAULT_closedir, {EIO}},
    {FAULT_fcntl, {EMFILE}},
    {FAULT_fdopendir, FAULTS_OF_MEMORY},
    {FAULT_fstat, {ENOMEM, EIO, EACCES}},
    {FAULT_fstatat, {ENOMEM, EIO, EACCES}},
#if HAVE_JANSSON
    {FAULT_json_loadb, FAULTS_OF_MEMORY},
    {FAULT_fgetpwent, {ENOMEM, EIO}},
    {FAULT_fopen, FAULTS_OF_OPENING},
    {FAULT_capget, {EPERM}},
    {FAULT_getline, {ENOMEM, EIO}},
    {FAULT_preadv2, {EAGAIN, EINTR, EIO, EOPNOTSUPP}},
    {FAULT_stat, {ENOMEM, EIO, EACCES}},
#endif
    {FAULT_openat2, FAULTS_OF_OPENING},
    {FAULT_read, {EIO, EINTR, EISDIR}},
    {FAULT_lstat, {ENOMEM, EIO, EACCES, ENOENT}},
    {FAULT_open, FAULTS_OF_OPENING},
    {FAULT_readdir, {EIO, ENOMEM}},
    {FAULT_readlinkat, {ENOMEM, EIO, EACCES, ENOENT, EINVAL}},
    {FAULT_reallocarray, FAULTS_OF_MEMORY},
    {FAULT_strdup, FAULTS_OF_MEMORY},
    {FAULT_tsearch, FAULTS_OF_MEMORY},
};

static char *host_root;
static char *process;
static char *mountinfo;
static char *cgroup_root;
static struct options options;
static struct recorder reported;
/* Podman has a list, so its processes are not asked. */
static bool listed;

static void name_docker(const char *name) {
  CLEANUP_FREE char *text = NULL;

  ck_assert_int_ge(
      asprintf(&text, "{\"ID\":\"" DOCKER_ID "\",\"Name\":\"/%s\"}", name), 0);
  replace_file(host_root,
               "var/lib/docker/containers/" DOCKER_ID "/config.v2.json", text);
}

/* Podman's process tells the name of one container, and its list that of
 * another. */
static void make_podman(void) {
  static const char arguments[] = "conmon\0-c\0" PODMAN_ID "\0-n\0job";

  write_file(cgroup_root, CONMON "/cgroup.procs", "17\n");
  write_file(host_root, "process/comm", "conmon\n");
  write_bytes(host_root, "process/cmdline", arguments, sizeof(arguments));
  write_file(host_root, LIST,
             "[{\"id\":\"" LISTED_ID "\",\"names\":[\"listed\"]}]");
}

/* A user's own, in a mount that keeps nobody waiting. */
static void make_podman_of_user(void) {
  CLEANUP_FREE char *list = path_in(host_root, USER_LIST);
  CLEANUP_FREE char *cgroup = path_in(cgroup_root, USER);

  write_file(host_root, USER_LIST,
             "[{\"id\":\"" USER_ID "\",\"names\":[\"mine\"]}]");
  ck_assert_int_eq(chmod(list, 0600), 0);
  ck_assert_int_eq(chmod(cgroup, 0700), 0);
  write_home(host_root, "/home/me", "ext4");
  write_file(host_root, "etc/passwd", "me:x:1000:1000::/home/me:/bin/sh\n");
}

static void make_machine(void) {
  CLEANUP_FREE char *link =
      path_in(host_root, "run/systemd/machines/unit:mail.service");

  write_file(host_root, "run/systemd/machines/post", "");
  ck_assert_int_eq(symlink("post", link), 0);
}

static uint64_t magic_of(const char *path) {
  (void)path;
  return TMPFS_MAGIC;
}

static void setup(void) {
  CLEANUP_FREE char *link = NULL;

  host_root = make_tree();
  cgroup_root = path_in(host_root, "cgroups");
  for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++) {
    CLEANUP_FREE char *file = NULL;
    CLEANUP_FREE char *text = NULL;
    ck_assert_int_ge(asprintf(&file, "%s/cpu.stat", cgroups[i].path), 0);
    ck_assert_int_ge(asprintf(&text, "usage_usec %d\n", (int)cgroups[i].usage),
                     0);
    write_file(cgroup_root, file, text);
  }
  write_file(host_root, "var/log/pods/default_web-0_" UID "/app/0.log", "");
  write_file(host_root, "var/log/containers/readme", "");
  write_file(host_root,
             "run/containerd/io.containerd.grpc.v1.cri/sandboxes/" PAUSE_ID
             "/resolv.conf",
             "");
  make_podman();
  make_podman_of_user();
  make_machine();
  write_file(host_root, TASKS TASK "/x", "");
  write_file(host_root, TASKS "jobs/" NERDCTL_ID "/config.json",
             "{\"annotations\":{\"nerdctl/name\":\"api\","
             "\"nerdctl/namespace\":\"jobs\"},\"linux\":{\"cgroupsPath\":"
             "\"machine.slice:nerdctl:" NERDCTL_ID "\"}}");
  write_file(host_root, "etc/docker/daemon.json", "{}");
  write_file(host_root,
             "var/lib/docker/containers/" DOCKER_ID "/hostconfig.json", "{}");
  ck_assert_int_ge(
      asprintf(&link, "%s/var/log/containers/web-0_default_app-" ID ".log",
               host_root),
      0);
  ck_assert_int_eq(
      symlink("/var/log/pods/default_web-0_" UID "/app/0.log", link), 0);
  options = (struct options)OPTIONS_DEFAULT;
  options.name_root = host_root;
  process = path_in(host_root, "process");
  faults.magic = magic_of;
  faults.is_roots = true;
  faults.process = process;
  mountinfo = path_in(host_root, "mountinfo");
  faults.mountinfo = mountinfo;
  faults.user = 1000;
  listed = true;
}

static void teardown(void) {
  faults.is_roots = false;
  faults.process = faults.mountinfo = NULL;
  free(process);
  free(mountinfo);
  free(cgroup_root);
  remove_tree(host_root);
}

static struct collector *new_collector(void) {
  struct collector *collector = NULL;
  int status = -ENOMEM;

  for (int tries = 0; status < 0 && tries < 2; tries++) {
    struct hierarchy hierarchy = {.version = CGROUP_VERSION_2,
                                  .path = strdup(cgroup_root),
                                  .magic = TMPFS_MAGIC};
    faults.active = true;
    status = collector_new(&hierarchy, &options, &collector);
    faults.active = false;
  }
  ck_assert_int_eq(status, 0);
  return collector;
}

static const struct named *find_named(const char *name) {
  for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++) {
    const struct named *cgroup = &cgroups[i];
    if (strcmp(name, cgroup->name) == 0)
      return cgroup;
    for (size_t j = 0; j < ARRAY_SIZE(cgroup->before); j++)
      if (cgroup->before[j] != NULL && strcmp(name, cgroup->before[j]) == 0)
        return cgroup;
  }
  ck_abort_msg("%s number %u: %s should not be there", faults_name(),
               faults.turn, name);
  return NULL;
}

/* Each cgroup is there once, with its own value. */
static void check_reported(void) {
  bool seen[ARRAY_SIZE(cgroups)] = {false};

  for (size_t i = 0; i < reported.count; i++) {
    const struct recorded_value *value = &reported.values[i];
    if (strcmp(value->type_instance, "cpu_usage_usec") != 0)
      continue;
    const struct named *cgroup = find_named(value->cgroup);
    ck_assert_msg(value->derive == cgroup->usage, "%s number %u: %s",
                  faults_name(), faults.turn, value->cgroup);
    ck_assert_msg(!seen[cgroup - cgroups], "%s number %u: %s twice",
                  faults_name(), faults.turn, value->cgroup);
    seen[cgroup - cgroups] = true;
  }
}

static bool is_there(const char *name) {
  return recorder_find(&reported, name, "cpu_usage_usec") != NULL;
}

/* Returns whether the cgroup may have the name of its path in the end. */
static bool may_keep_path(const struct named *cgroup) {
  if (strcmp(cgroup->path, TASK) == 0 || strcmp(cgroup->path, SCOPE) == 0)
    return true;
  if (strcmp(cgroup->path, USER_SCOPE) == 0)
    return !homes_can_be_read();
  if (strcmp(cgroup->path, "libpod_parent/libpod-" LISTED_ID) == 0)
    return !listed;
  return strcmp(cgroup->path, "libpod_parent/libpod-" PODMAN_ID) == 0 && listed;
}

static void check_end(void) {
  for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++)
    ck_assert_msg(is_there(cgroups[i].name) || (may_keep_path(&cgroups[i]) &&
                                                is_there(cgroups[i].before[0])),
                  "%s number %u, %s: %s is not there", faults_name(),
                  faults.turn, strerror(faults.error), cgroups[i].name);
}

/* Returns whether the fault came while names were looked up. */
static bool name_all_again(void) {
  struct collector_pass outcome;
  bool in_time = true;

  name_docker("web");
  struct collector *collector = new_collector();
  for (unsigned pass = 0; pass < NAMED_PASSES; pass++) {
    if (pass == 1)
      name_docker("db");
    struct report_sink sink = recorder_sink(&reported);
    bool before = faults.happened;
    faults.now_nsec = INTERVAL_NSEC * (uint64_t)(pass + 1);
    faults.active = true;
    collector_run(collector, &sink, &outcome);
    faults.active = false;
    collector_check(collector);
    in_time &= before || !faults.happened || pass < FAULTY_PASSES;
    check_reported();
  }
  check_end();
  collector_free(collector);
  return in_time && faults.happened;
}

START_TEST(without_a_fault) {
  faults_plan_none();
  (void)name_all_again();
}
END_TEST

/* Returns the number of a call that was not made, or too late. */
static unsigned faults_of(const struct fault_row *row, size_t place) {
  for (unsigned turn = 0;; turn++) {
    if (!faults_are_chosen(place, turn, listed))
      continue;
    faults_plan(row->call, turn, row->errors[place]);
    if (!name_all_again())
      return turn;
  }
}

static void with_each_fault(const struct fault_row *row) {
  /* Some calls are only made in homes. */
  for (size_t place = 0; row->errors[place] != 0; place++)
    ck_assert(faults_of(row, place) > 0 || !homes_can_be_read());
}

/* It has its name in the first pass already. */
START_TEST(while_mounts_change) {
  struct collector_pass outcome;
  struct report_sink sink = recorder_sink(&reported);

  faults_plan_none();
  struct collector *collector = new_collector();
  faults.disturbances = 3;
  faults.active = true;
  collector_run(collector, &sink, &outcome);
  faults.active = false;
  faults.disturbances = 0;
  ck_assert(is_there("podman@1000_mine") || !homes_can_be_read() ||
            !json_is_supported());
  collector_free(collector);
}
END_TEST

START_TEST(one_fault) { with_each_fault(&rows[_i]); }
END_TEST

static const struct fault_row rows_of_processes[] = {
    {FAULT_fstat, {ENOMEM, EIO, EACCES}},
    {FAULT_open, FAULTS_OF_OPENING},
    {FAULT_openat, FAULTS_OF_OPENING},
    {FAULT_openat2, FAULTS_OF_OPENING},
    {FAULT_read, {EIO, EINTR, EISDIR}},
    {FAULT_reallocarray, FAULTS_OF_MEMORY},
};

START_TEST(one_fault_without_a_list) {
  CLEANUP_FREE char *list = path_in(host_root, LIST);

  ck_assert_int_eq(unlink(list), 0);
  listed = false;
  with_each_fault(&rows_of_processes[_i]);
}
END_TEST

Suite *names_suite(void) {
  TCase *tests =
      case_of("faults in names", setup, teardown, ONCE(without_a_fault),
              ONCE(while_mounts_change), FOR_EACH(one_fault, rows),
              FOR_EACH(one_fault_without_a_list, rows_of_processes));
  tcase_set_timeout(tests, 60);
  return suite_of_case("faults in names", tests);
}
