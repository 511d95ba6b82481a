/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "util/array.h"
#include "util/cleanup.h"

/* More cgroups than are looked at in each pass. */
#define MANY 70
#define FILES_MAX 64
#define TEXT_SIZE 256

const struct host_life host_lives[] = {
    {"", 0, HOST_PASSES, 9000, NULL},     {"a", 0, HOST_PASSES, 5000, "20000"},
    {"a/b", 0, HOST_PASSES, 3000, NULL},  {"a/b/c", 0, 2, 1000, NULL},
    {"d", 0, HOST_PASSES, 100, "50000"},  {"e", 2, HOST_PASSES, 700, NULL},
    {"e/f", 2, HOST_PASSES, 70, "10000"},
};
const size_t host_life_count = ARRAY_SIZE(host_lives);

/* A file whose text changes in each pass, but not its length. */
struct file {
  int fd;
  const struct host_life *life;
  void (*format)(char text[TEXT_SIZE], unsigned usage, int pass);
};

static struct {
  struct host_kind kind;
  char *directory;
  /* The directory of the machine's lists of CPUs. */
  char *machine;
  struct file files[FILES_MAX];
  size_t file_count;
} host;

const char *host_directory(void) { return host.directory; }

const char *host_machine(void) { return host.machine; }

unsigned host_usage(const struct host_life *life, int pass) {
  return 1000000 + life->usec * (unsigned)pass;
}

static void format_usec(char text[TEXT_SIZE], unsigned usage, int pass) {
  (void)pass;
  (void)snprintf(text, TEXT_SIZE, "usage_usec %08u\n", usage);
}

static void format_stat(char text[TEXT_SIZE], unsigned usage, int pass) {
  (void)snprintf(text, TEXT_SIZE,
                 "usage_usec %08u\nuser_usec %08u\nsystem_usec %08u\n"
                 "nr_periods %08d\nnr_throttled %08d\nthrottled_usec %08d\n",
                 usage, usage / 2, usage / 2, 10 * pass, pass, 10 * pass);
}

static void format_pressure(char text[TEXT_SIZE], unsigned usage, int pass) {
  (void)pass;
  (void)snprintf(text, TEXT_SIZE,
                 "some avg10=0.00 avg60=0.00 avg300=0.00 total=%08u\n",
                 usage / 10);
}

static void format_nsec(char text[TEXT_SIZE], unsigned usage, int pass) {
  (void)pass;
  (void)snprintf(text, TEXT_SIZE, "%08u000\n", usage);
}

static void format_half_nsec(char text[TEXT_SIZE], unsigned usage, int pass) {
  format_nsec(text, usage / 2, pass);
}

static void format_ticks(char text[TEXT_SIZE], unsigned usage, int pass) {
  (void)pass;
  (void)snprintf(text, TEXT_SIZE, "user %08u\nsystem %08u\n", usage / 1000,
                 usage / 1000);
}

static void format_periods(char text[TEXT_SIZE], unsigned usage, int pass) {
  (void)usage;
  (void)snprintf(text, TEXT_SIZE,
                 "nr_periods %08d\nnr_throttled %08d\n"
                 "throttled_time %08d000\n",
                 10 * pass, pass, 10 * pass);
}

static void format_irq_pressure(char text[TEXT_SIZE], unsigned usage,
                                int pass) {
  (void)pass;
  (void)snprintf(text, TEXT_SIZE,
                 "full avg10=0.00 avg60=0.00 avg300=0.00 total=%08u\n",
                 usage / 5);
}

static void format_local(char text[TEXT_SIZE], unsigned usage, int pass) {
  (void)pass;
  (void)snprintf(text, TEXT_SIZE, "throttled_usec %08u\n", usage / 30);
}

static void format_local_v1(char text[TEXT_SIZE], unsigned usage, int pass) {
  (void)pass;
  (void)snprintf(text, TEXT_SIZE, "throttled_time %08u000\n", usage / 30);
}

static void format_frozen(char text[TEXT_SIZE], unsigned usage, int pass) {
  (void)pass;
  (void)snprintf(text, TEXT_SIZE, "frozen_usec %08u\n", usage / 40);
}

static void write_counters(const struct file *file, int pass) {
  char text[TEXT_SIZE];

  file->format(text, host_usage(file->life, pass), pass);
  ssize_t length = (ssize_t)strlen(text);
  if (pwrite(file->fd, text, (size_t)length, 0) != length)
    ck_abort_msg("cannot write a file");
}

static void add_text(const struct host_life *life, const char *mount,
                     const char *name, const char *text) {
  CLEANUP_FREE char *path = NULL;

  ck_assert_int_ge(asprintf(&path, "%s/%s/%s", mount, life->path, name), 0);
  write_file(host.directory, path, text);
}

static void
add_file(const struct host_life *life, const char *mount, const char *name,
         void (*format)(char text[TEXT_SIZE], unsigned usage, int pass)) {
  CLEANUP_FREE char *path = NULL;

  add_text(life, mount, name, "");
  ck_assert_int_ge(
      asprintf(&path, "%s/%s/%s/%s", host.directory, mount, life->path, name),
      0);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  ck_assert_int_ge(fd, 0);
  ck_assert_uint_lt(host.file_count, FILES_MAX);
  host.files[host.file_count++] = (struct file){fd, life, format};
}

/* Every cgroup has a first process. The process of "d" is not in the cgroup
 * with its quota, and that of "a/b" is not in the one with its cpuset. */
static void add_processes(const struct host_life *life) {
  bool d = strcmp(life->path, "d") == 0;
  bool ab = strcmp(life->path, "a/b") == 0;

  add_text(life, "cpuacct", "cgroup.procs", "7\n8\n");
  add_text(life, "cpu", "cgroup.procs", d ? "9\n" : "6\n7\n");
  add_text(life, "cpuset", "cgroup.procs", ab ? "6\n" : "7\n");
}

static void make_v1(const struct host_life *life) {
  add_file(life, "cpuacct", "cpuacct.usage", format_nsec);
  /* One cgroup has only ticks. */
  if (strcmp(life->path, "a") == 0) {
    add_file(life, "cpuacct", "cpuacct.stat", format_ticks);
  } else {
    add_file(life, "cpuacct", "cpuacct.usage_user", format_half_nsec);
    add_file(life, "cpuacct", "cpuacct.usage_sys", format_half_nsec);
  }
  add_file(life, "cpu", "cpu.stat", format_periods);
  if (life->quota_usec != NULL)
    add_file(life, "cpu", "cpu.stat.local", format_local_v1);
  add_text(life, "cpu", "cpu.cfs_quota_us",
           life->quota_usec != NULL ? life->quota_usec : "-1");
  add_text(life, "cpu", "cpu.cfs_period_us", "100000\n");
  add_text(life, "cpu", "cpu.shares", "512\n");
  add_text(life, "cpu", "cpu.idle",
           strcmp(life->path, "e") == 0 ? "1\n" : "0\n");
  if (life->quota_usec == NULL && *life->path != '\0')
    add_text(life, "cpuset", "cpuset.cpus", "0\n");
  add_processes(life);
}

static void make_v2(const struct host_life *life) {
  CLEANUP_FREE char *quota = NULL;

  add_file(life, ".", "cpu.stat", format_stat);
  add_file(life, ".", "cpu.pressure", format_pressure);
  /* Not all cgroups have these, because each file takes many more passes. */
  if (life->quota_usec != NULL) {
    add_file(life, ".", "irq.pressure", format_irq_pressure);
    add_file(life, ".", "cpu.stat.local", format_local);
    add_file(life, ".", "cgroup.stat.local", format_frozen);
  } else if (strcmp(life->path, "a/b") == 0) {
    add_text(life, ".", "cpu.stat.local", "");
  }
  ck_assert_int_ge(
      asprintf(&quota, "%s 100000\n",
               life->quota_usec != NULL ? life->quota_usec : "max"),
      0);
  /* The root has no limit. */
  if (*life->path != '\0') {
    add_text(life, ".", "cpu.max", quota);
    add_text(life, ".", "cpu.weight", "50\n");
  }
  /* "d" is a partition. */
  add_text(life, ".", "cpuset.cpus.effective",
           strcmp(life->path, "d") == 0 ? "1\n" : "0\n");
}

static void make_life(const struct host_life *life) {
  if (host.kind.many)
    add_file(life, ".", "cpu.stat", format_usec);
  else if (host.kind.version == CGROUP_VERSION_1)
    make_v1(life);
  else
    make_v2(life);
}

/* These cgroups use no CPU during the test. */
static void make_many(void) {
  char path[32];

  for (int i = 0; i < MANY; i++) {
    (void)snprintf(path, sizeof(path), "./many/%d/cpu.stat", i);
    write_file(host.directory, path, "usage_usec 5\n");
  }
  write_file(host.directory, "./many/cpu.stat", "usage_usec 5\n");
}

/* A cgroup that does not exist is kept in a directory beside the host's. */
static void move(const char *mount, const char *path, bool there) {
  CLEANUP_FREE char *place = NULL;
  CLEANUP_FREE char *aside = NULL;

  ck_assert_int_ge(asprintf(&place, "%s/%s/%s", host.directory, mount, path),
                   0);
  ck_assert_int_ge(asprintf(&aside, "%s.aside/%s.%s", host.directory, mount,
                            strrchr(place, '/') + 1),
                   0);
  if (access(there ? place : aside, F_OK) == 0)
    return;
  if (rename(there ? aside : place, there ? place : aside) < 0)
    ck_abort_msg("cannot move %s", place);
}

static void move_life(const struct host_life *life, int pass) {
  bool there = pass >= life->from && pass < life->to;

  /* A cgroup that always exists, or that moves with its parent, need not be
   * moved. */
  if (life->from == 0 ? life->to == HOST_PASSES
                      : strchr(life->path, '/') != NULL)
    return;
  if (host.kind.version == CGROUP_VERSION_1) {
    move("cpuacct", life->path, there);
    move("cpu", life->path, there);
    move("cpuset", life->path, there);
  } else {
    move(".", life->path, there);
  }
}

void host_make(const struct host_kind *kind) {
  CLEANUP_FREE char *aside = NULL;

  host.kind = *kind;
  host.file_count = 0;
  host.directory = make_tree();
  for (size_t i = 0; i < host_life_count; i++)
    make_life(&host_lives[i]);
  if (kind->many)
    make_many();
  ck_assert_int_ge(asprintf(&aside, "%s.aside", host.directory), 0);
  write_file(aside, "keep", "");
  write_file(aside, "cpu/online", "0-1\n");
  write_file(aside, "cpu/present", "0-2\n");
  write_file(aside, "cpu/cpu2/online", "0\n");
  host.machine = path_in(aside, "cpu");
}

void host_remove(void) {
  char *aside = NULL;

  for (size_t i = 0; i < host.file_count; i++)
    (void)close(host.files[i].fd);
  ck_assert_int_ge(asprintf(&aside, "%s.aside", host.directory), 0);
  remove_tree(aside);
  remove_tree(host.directory);
  free(host.machine);
}

struct hierarchy host_hierarchy(void) {
  struct hierarchy hierarchy = {.version = host.kind.version};
  bool v1 = host.kind.version == CGROUP_VERSION_1;

  ck_assert_int_ge(
      asprintf(&hierarchy.path, "%s%s", host.directory, v1 ? "/cpuacct" : ""),
      0);
  if (v1) {
    hierarchy.controllers[CGROUP_CPU].path = path_in(host.directory, "cpu");
    ck_assert_int_ge(asprintf(&hierarchy.controllers[CGROUP_CPUSET].path,
                              "%s/cpuset", host.directory),
                     0);
  }
  return hierarchy;
}

void host_prepare(int pass) {
  for (size_t i = 0; i < host_life_count; i++)
    move_life(&host_lives[i], pass);
  for (size_t i = 0; i < host.file_count; i++)
    write_counters(&host.files[i], pass);
}
