/* SPDX-License-Identifier: MIT */
#include "read/sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "read/idle.h"
#include "suites.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/monotonic.h"

#define ALL                                                                    \
  (VALUE_GROUP_CORE | VALUE_GROUP_USER_SYSTEM | VALUE_GROUP_THROTTLING |       \
   VALUE_GROUP_LIMIT | VALUE_GROUP_PRESSURE)

static char *directory;
static struct selection selection;
static struct tree tree;
static struct cgroup *root;
static struct cgroup *child;
static struct sampler sampler;
static struct failure failure;
static int fds[CGROUP_CONTROLLER_COUNT];

static void forget(void *context, struct cgroup *cgroup) {
  (void)context;
  sampler_forget(&sampler, cgroup);
}

static void setup(void) {
  directory = make_tree();
  tree = (struct tree){.selection = &selection, .on_remove = forget};
  ck_assert_int_eq(tree_add(&tree, NULL, "", 1, &root), 0);
  ck_assert_int_eq(tree_add(&tree, root, "a", 2, &child), 0);
}

static void teardown(void) {
  tree_release(&tree);
  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    (void)close(fds[i]);
  remove_tree(directory);
}

/* `names` are the directories of the controllers below the test's own. */
static void start_mixed(const enum cgroup_version versions[],
                        const char *const names[]) {
  const char *const paths[] = {"cpuacct", "cpu", "cpuset"};

  failure.error = 0;
  sampler_open(&sampler, versions, paths, ALL, 100);
  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
    CLEANUP_FREE char *path = path_in(directory, names[i]);
    fds[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    sampler.root_fds[i] = fds[i] >= 0 ? fds[i] : -errno;
  }
}

static void start(enum cgroup_version version, const char *const names[]) {
  start_mixed((const enum cgroup_version[]){version, version, version}, names);
}

/* Each controller has a hierarchy of its own. */
static void start_v1(void) {
  start(CGROUP_VERSION_1, (const char *const[]){"cpuacct", "cpu", "cpuset"});
}

static void start_v2(void) {
  write_file(directory, "cpu.stat", "usage_usec 900\n");
  write_file(directory, "a/cpu.stat",
             "usage_usec 500\nuser_usec 300\nsystem_usec 200\n");
  start(CGROUP_VERSION_2, (const char *const[]){"", "", ""});
}

static uint64_t counter(const struct cpu_sample *sample,
                        enum cpu_counter which) {
  ck_assert(cpu_stat_has(&sample->stat, which));
  ck_assert_uint_gt(sample->time_nsec[which], 0);
  return sample->stat.counters[which];
}

START_TEST(v1_hierarchies_side_by_side) {
  struct cpu_sample sample;

  write_file(directory, "cpuacct/a/cpuacct.usage", "5000999\n");
  write_file(directory, "cpuacct/a/cpuacct.usage_user", "3000000\n");
  write_file(directory, "cpuacct/a/cpuacct.usage_sys", "2000000\n");
  write_file(directory, "cpu/a/cpu.stat",
             "nr_periods 5\nnr_throttled 4\nthrottled_time 77000\n");
  start_v1();
  ck_assert_str_eq(sampler_core_file(&sampler), "cpuacct.usage");
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_uint_eq(counter(&sample, CPU_USAGE_USEC), 5000);
  ck_assert_uint_eq(counter(&sample, CPU_USER_USEC), 3000);
  ck_assert_uint_eq(counter(&sample, CPU_SYSTEM_USEC), 2000);
  ck_assert_uint_eq(counter(&sample, CPU_NR_PERIODS), 5);
  ck_assert_uint_eq(counter(&sample, CPU_THROTTLED_USEC), 77);
  ck_assert(!cpu_stat_has(&sample.stat, CPU_NR_BURSTS));
  ck_assert(!cpu_stat_has(&sample.stat, CPU_THROTTLED_LOCAL_USEC));
}
END_TEST

START_TEST(v1_throttling_by_quotas_above) {
  struct cpu_sample sample;

  write_file(directory, "cpuacct/a/cpuacct.usage", "5000999\n");
  write_file(directory, "cpuacct/a/cpu.stat.local", "throttled_time 1000\n");
  write_file(directory, "cpu/a/cpu.stat", "nr_periods 0\nthrottled_time 0\n");
  write_file(directory, "cpu/a/cpu.stat.local", "throttled_time 2421940198\n");
  start_v1();
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_uint_eq(counter(&sample, CPU_THROTTLED_LOCAL_USEC), 2421940);
  ck_assert_uint_eq(counter(&sample, CPU_THROTTLED_USEC), 0);
}
END_TEST

/* All files that any kernel has. Each is read only if its group is wanted. */
START_TEST(v2_files_of_new_kernels) {
  struct cpu_sample sample;

  start_v2();
  write_file(directory, "a/cpu.stat",
             "usage_usec 500\ncore_sched.force_idle_usec 60\n");
  write_file(directory, "a/cpu.pressure", "some avg10=0.00 total=12\n");
  write_file(directory, "a/irq.pressure", "full avg10=0.00 total=13\n");
  write_file(directory, "a/cpu.stat.local", "throttled_usec 14\n");
  write_file(directory, "a/cgroup.stat.local", "frozen_usec 15\n");
  ck_assert_int_eq(
      sampler_read(&sampler, child, VALUE_GROUP_LIMIT, &sample, &failure), 0);
  ck_assert_uint_eq(sampler.reader.kept, 1);
  ck_assert_int_eq(
      sampler_read(&sampler, child, VALUE_GROUP_PRESSURE, &sample, &failure),
      0);
  ck_assert_uint_eq(sampler.reader.kept, 3);
  ck_assert(!cpu_stat_has(&sample.stat, CPU_THROTTLED_LOCAL_USEC));
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_uint_eq(sampler.reader.kept, 5);
  ck_assert_uint_eq(counter(&sample, CPU_FORCE_IDLE_USEC), 60);
  ck_assert_uint_eq(counter(&sample, CPU_PRESSURE_SOME_USEC), 12);
  ck_assert_uint_eq(counter(&sample, CPU_PRESSURE_IRQ_USEC), 13);
  ck_assert_uint_eq(counter(&sample, CPU_THROTTLED_LOCAL_USEC), 14);
  ck_assert_uint_eq(counter(&sample, CPU_FROZEN_USEC), 15);
}
END_TEST

/* Without the cpu controller, cpu.stat.local exists and is empty. It is not
 * kept open, and is read again within one round. */
START_TEST(an_empty_file_is_missing) {
  struct cpu_sample sample;
  int passes = 0;

  start_v2();
  write_file(directory, "a/cpu.stat.local", "");
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_uint_eq(sampler.reader.kept, 1);
  ck_assert_int_eq(failure.error, 0);
  write_file(directory, "a/cpu.stat.local", "throttled_usec 14\n");
  do {
    sampler.pass++;
    ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  } while (!cpu_stat_has(&sample.stat, CPU_THROTTLED_LOCAL_USEC) &&
           ++passes < SAMPLER_ROUND);
  ck_assert_uint_eq(counter(&sample, CPU_THROTTLED_LOCAL_USEC), 14);
  ck_assert_uint_eq(sampler.reader.kept, 2);
}
END_TEST

/* The message has the path in the file's own hierarchy, not in that of the
 * usage. */
START_TEST(failed_file_is_named) {
  struct cpu_sample sample;

  write_file(directory, "cpuacct/a/cpuacct.usage", "5000999\n");
  write_file(directory, "cpu/a/cpu.stat/is a directory", "");
  start_v1();
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_int_eq(failure.error, -EISDIR);
  ck_assert_str_eq(failure.path, "cpu/a/cpu.stat");
}
END_TEST

/* Linux before 4.6 has only ticks, 100 per second. */
START_TEST(v1_user_and_system_in_ticks) {
  struct cpu_sample sample;

  write_file(directory, "cpuacct/a/cpuacct.usage", "1005000000\n");
  write_file(directory, "cpuacct/a/cpuacct.stat", "user 70\nsystem 30\n");
  start_v1();
  ck_assert_int_eq(sysconf(_SC_CLK_TCK), 100);
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_uint_eq(counter(&sample, CPU_USER_USEC), 700000);
  ck_assert_uint_eq(counter(&sample, CPU_SYSTEM_USEC), 300000);

  /* If the kernel has the better files, that with ticks is not even opened. */
  write_file(directory, "cpuacct/cpuacct.usage", "1000000\n");
  write_file(directory, "cpuacct/cpuacct.usage_user", "800000\n");
  write_file(directory, "cpuacct/cpuacct.usage_sys", "200000\n");
  write_file(directory, "cpuacct/cpuacct.stat", "user 70\nsystem 30\n");
  size_t kept = sampler.reader.kept;
  ck_assert_int_eq(sampler_read(&sampler, root, ALL, &sample, &failure), 0);
  ck_assert_uint_eq(counter(&sample, CPU_USER_USEC), 800);
  ck_assert_uint_eq(counter(&sample, CPU_SYSTEM_USEC), 200);
  ck_assert_uint_eq(sampler.reader.kept, kept + 3);
}
END_TEST

/* Each counter comes from the hierarchy with its controller, whatever is in the
 * other one. */
START_TEST(usage_in_v2_and_throttling_in_v1) {
  struct cpu_sample sample;

  write_file(directory, "v2/a/cpu.stat",
             "usage_usec 500\nuser_usec 300\nsystem_usec 200\n");
  write_file(directory, "v2/a/cpu.pressure", "some total=12\n");
  write_file(directory, "cpu/a/cpu.stat",
             "nr_periods 5\nnr_throttled 4\nthrottled_time 77000\n"
             "usage_usec 9\nuser_usec 9\n");
  write_file(directory, "cpu/a/cpu.stat.local", "throttled_time 78000\n");
  write_file(directory, "v2/a/cpu.stat.local", "throttled_usec 9\n");
  write_file(directory, "v2/a/irq.pressure", "full total=13\n");
  write_file(directory, "v2/a/cgroup.stat.local", "frozen_usec 14\n");
  start_mixed((const enum cgroup_version[]){CGROUP_VERSION_2, CGROUP_VERSION_1,
                                            CGROUP_VERSION_1},
              (const char *const[]){"v2", "cpu", "cpuset"});
  ck_assert_str_eq(sampler_core_file(&sampler), "cpu.stat");
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_uint_eq(counter(&sample, CPU_USAGE_USEC), 500);
  ck_assert_uint_eq(counter(&sample, CPU_USER_USEC), 300);
  ck_assert_uint_eq(counter(&sample, CPU_PRESSURE_SOME_USEC), 12);
  ck_assert_uint_eq(counter(&sample, CPU_PRESSURE_IRQ_USEC), 13);
  ck_assert_uint_eq(counter(&sample, CPU_FROZEN_USEC), 14);
  ck_assert_uint_eq(counter(&sample, CPU_THROTTLED_LOCAL_USEC), 78);
  ck_assert_uint_eq(counter(&sample, CPU_NR_PERIODS), 5);
  ck_assert_uint_eq(counter(&sample, CPU_NR_THROTTLED), 4);
  ck_assert_uint_eq(counter(&sample, CPU_THROTTLED_USEC), 77);
}
END_TEST

START_TEST(usage_in_v1_and_throttling_in_v2) {
  struct cpu_sample sample;

  write_file(directory, "cpuacct/a/cpuacct.usage", "5000000\n");
  write_file(directory, "v2/a/cpu.stat",
             "usage_usec 9\nuser_usec 9\nsystem_usec 9\nnr_periods 5\n"
             "nr_throttled 4\nthrottled_usec 77\n");
  write_file(directory, "v2/a/cpu.stat.local", "throttled_usec 78\n");
  start_mixed((const enum cgroup_version[]){CGROUP_VERSION_1, CGROUP_VERSION_2,
                                            CGROUP_VERSION_2},
              (const char *const[]){"cpuacct", "v2", "v2"});
  ck_assert_str_eq(sampler_core_file(&sampler), "cpuacct.usage");
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_uint_eq(counter(&sample, CPU_USAGE_USEC), 5000);
  ck_assert(!cpu_stat_has(&sample.stat, CPU_USER_USEC));
  ck_assert_uint_eq(counter(&sample, CPU_THROTTLED_LOCAL_USEC), 78);
  ck_assert_uint_eq(counter(&sample, CPU_NR_THROTTLED), 4);
  ck_assert_uint_eq(counter(&sample, CPU_THROTTLED_USEC), 77);
}
END_TEST

START_TEST(a_cgroup_of_one_hierarchy_only) {
  struct cpu_sample sample;

  write_file(directory, "cpuacct/a/cpuacct.usage", "5000000\n");
  start(CGROUP_VERSION_1, (const char *const[]){"cpuacct", "none", "none"});
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_uint_eq(sample.stat.present, 1U << CPU_USAGE_USEC);
}
END_TEST

START_TEST(v2_files) {
  struct cpu_sample sample;

  start_v2();
  write_file(directory, "a/cpu.pressure", "some avg10=0.00 total=12\n");
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_uint_eq(counter(&sample, CPU_USER_USEC), 300);
  ck_assert_uint_eq(counter(&sample, CPU_PRESSURE_SOME_USEC), 12);
  ck_assert(!cpu_stat_has(&sample.stat, CPU_PRESSURE_FULL_USEC));
  ck_assert_uint_eq(sampler.reader.kept, 2);
}
END_TEST

START_TEST(only_the_core) {
  struct cpu_sample sample;

  start_v2();
  write_file(directory, "a/cpu.pressure", "some avg10=0.00 total=12\n");
  ck_assert_int_eq(sampler_read(&sampler, child, 0, &sample, &failure), 0);
  ck_assert_uint_eq(sampler.reader.kept, 1);
  ck_assert_ptr_null(child->details);
}
END_TEST

START_TEST(the_core_must_be_there) {
  struct cpu_sample sample;

  start_v2();
  write_file(directory, "a/cpu.stat", "user_usec 300\n");
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure),
                   -ENODATA);
  ck_assert_int_eq(sampler_read(&sampler, root, ALL, &sample, &failure), 0);
}
END_TEST

/* A file that is created later is found within one round. */
START_TEST(missing_files_are_tried_again) {
  struct cpu_sample sample;
  int passes = 0;

  start_v2();
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  write_file(directory, "a/cpu.pressure", "some avg10=0.00 total=12\n");
  do {
    sampler.pass++;
    ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  } while (!cpu_stat_has(&sample.stat, CPU_PRESSURE_SOME_USEC) &&
           ++passes < SAMPLER_ROUND);
  ck_assert_uint_eq(counter(&sample, CPU_PRESSURE_SOME_USEC), 12);
}
END_TEST

/* Reads and keeps a sample. */
static void read_child(struct cpu_sample *sample) {
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, sample, &failure), 0);
  child->use.rate = (struct rate){
      .known = true,
      .count = counter(sample, CPU_USAGE_USEC),
      .time_nsec = sample->time_nsec[CPU_USAGE_USEC],
  };
  child->details->before = *sample;
}

/* As if the previous sample had been taken that much earlier. */
static void let_time_pass(uint64_t nsec) {
  child->use.rate.time_nsec -= nsec;
  child->details->still_nsec -= nsec;
  for (size_t i = 0; i < CPU_COUNTER_COUNT; i++)
    child->details->before.time_nsec[i] -= nsec;
}

/* Returns whether a counter of the idle cgroup is still what it was before. If
 * not, its file was read again. */
static bool repeats(enum cpu_counter which, uint64_t before) {
  const uint64_t nsec = child->use.rate.time_nsec + 1000;
  struct cpu_sample sample;

  ck_assert(sampler_repeat(&sampler, child, ALL, nsec, &sample, &failure));
  ck_assert_uint_eq(counter(&sample, CPU_USAGE_USEC), 500);
  ck_assert_uint_eq(sample.time_nsec[CPU_USAGE_USEC], nsec);
  bool same = counter(&sample, which) == before;
  ck_assert(!same || sample.time_nsec[which] == nsec);
  return same;
}

/* Only what moves while nothing runs is read. */
START_TEST(idle_in_v2) {
  struct cpu_sample sample;

  start_v2();
  write_file(directory, "a/cpu.pressure", "some total=12\n");
  write_file(directory, "a/cpu.stat.local", "throttled_usec 14\n");
  write_file(directory, "a/cgroup.stat.local", "frozen_usec 15\n");
  read_child(&sample);
  write_file(directory, "a/cpu.stat", "usage_usec 9\nuser_usec 9\n");
  write_file(directory, "a/cpu.pressure", "some total=13\n");
  write_file(directory, "a/cpu.stat.local", "throttled_usec 15\n");
  write_file(directory, "a/cgroup.stat.local", "frozen_usec 16\n");
  sampler.pass += sampler_has_turn(&sampler, child);
  ck_assert(repeats(CPU_USER_USEC, 300));
  ck_assert(repeats(CPU_SYSTEM_USEC, 200));
  ck_assert(!repeats(CPU_PRESSURE_SOME_USEC, 12));
  ck_assert(!repeats(CPU_THROTTLED_LOCAL_USEC, 14));
  ck_assert(!repeats(CPU_FROZEN_USEC, 15));
}
END_TEST

/* The controller of throttling may come or go: it is looked for once in a
 * round. */
START_TEST(idle_is_read_in_turn) {
  struct cpu_sample sample;
  unsigned turns = 0;

  start_v2();
  if (_i == 1)
    write_file(directory, "a/cpu.stat", "usage_usec 500\nnr_periods 5\n");
  read_child(&sample);
  let_time_pass(3000000000);
  read_child(&sample);
  for (int i = 0; i < SAMPLER_ROUND; i++, sampler.pass++)
    turns += !sampler_repeat(&sampler, child, ALL, 1, &sample, &failure);
  ck_assert_uint_eq(turns, 1);
  ck_assert(sampler_repeat(&sampler, child, VALUE_GROUP_PRESSURE, 1, &sample,
                           &failure));
}
END_TEST

/* A period that has begun ends within a second, whether anything runs or not.
 */
START_TEST(idle_until_periods_have_ended) {
  const char *texts[] = {
      "usage_usec 500\nnr_periods 5\nnr_throttled 4\nthrottled_usec 77\n",
      "usage_usec 500\nnr_periods 6\nnr_throttled 4\nthrottled_usec 77\n",
  };
  struct cpu_sample sample;

  start_v2();
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
    write_file(directory, "a/cpu.stat", texts[i]);
    read_child(&sample);
    let_time_pass(1900000000);
    read_child(&sample);
    ck_assert(!sampler_repeat(&sampler, child, ALL, 1, &sample, &failure));
    let_time_pass(100000000);
  }
  read_child(&sample);
  write_file(directory, "a/cpu.stat", "usage_usec 9\nnr_periods 9\n");
  ck_assert(repeats(CPU_NR_PERIODS, 6));
  ck_assert(repeats(CPU_NR_THROTTLED, 4));
  ck_assert(repeats(CPU_THROTTLED_USEC, 77));
}
END_TEST

/* In a hierarchy of its own, other processes may be in the cgroup. */
START_TEST(idle_in_v1) {
  bool apart = _i == 1;
  struct cpu_sample sample;

  write_file(directory, "cpuacct/a/cpuacct.usage", "500000\n");
  write_file(directory, "cpuacct/a/cpuacct.usage_user", "300000\n");
  write_file(directory, "cpuacct/a/cpuacct.usage_sys", "200000\n");
  write_file(directory, "cpu/a/cpu.stat", "nr_periods 5\n");
  start_v1();
  sampler.periods_apart = apart;
  read_child(&sample);
  let_time_pass(3000000000);
  read_child(&sample);
  write_file(directory, "cpuacct/a/cpuacct.usage", "9\n");
  write_file(directory, "cpuacct/a/cpuacct.usage_user", "9\n");
  write_file(directory, "cpu/a/cpu.stat", "nr_periods 9\n");
  ck_assert(repeats(CPU_USER_USEC, 300));
  ck_assert(repeats(CPU_SYSTEM_USEC, 200));
  ck_assert_int_eq(repeats(CPU_NR_PERIODS, 5), !apart);
}
END_TEST

/* Takes and keeps a sample of the idle cgroup. Returns its periods. */
static uint64_t periods_of_idle(void) {
  struct cpu_sample sample;
  uint64_t nsec = 0;

  ck_assert_int_eq(monotonic_nsec(&nsec), 0);
  ck_assert(sampler_repeat(&sampler, child, ALL, nsec, &sample, &failure));
  child->use.rate.time_nsec = nsec;
  child->details->before = sample;
  return counter(&sample, CPU_NR_PERIODS);
}

/* Throttled for long after it has run, it has periods in which it does not. */
START_TEST(idle_in_v1_while_periods_end) {
  const char *texts[] = {"nr_periods 6\n", "nr_periods 7\n", "nr_periods 8\n"};
  struct cpu_sample sample;

  write_file(directory, "cpuacct/a/cpuacct.usage", "500000\n");
  write_file(directory, "cpu/a/cpu.stat", "nr_periods 5\n");
  start_v1();
  read_child(&sample);
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
    let_time_pass(1000000000);
    write_file(directory, "cpu/a/cpu.stat", texts[i]);
    ck_assert_uint_eq(periods_of_idle(), 6 + i);
  }
  let_time_pass(2000000000);
  ck_assert_uint_eq(periods_of_idle(), 8);
  write_file(directory, "cpu/a/cpu.stat", "nr_periods 9\n");
  ck_assert_uint_eq(periods_of_idle(), 8);
}
END_TEST

/* Periods of v1 are not those of the file of v2. */
START_TEST(idle_in_v2_with_periods_in_v1) {
  struct cpu_sample sample;

  write_file(directory, "v2/a/cpu.stat", "usage_usec 500\n");
  write_file(directory, "cpu/a/cpu.stat", "nr_periods 5\n");
  start_mixed((const enum cgroup_version[]){CGROUP_VERSION_2, CGROUP_VERSION_1,
                                            CGROUP_VERSION_1},
              (const char *const[]){"v2", "cpu", "cpuset"});
  sampler.periods_apart = true;
  read_child(&sample);
  let_time_pass(3000000000);
  write_file(directory, "cpu/a/cpu.stat", "nr_periods 6\n");
  ck_assert_uint_eq(periods_of_idle(), 6);
  CLEANUP_FREE char *path = path_in(directory, "cpu/a/cpu.stat");
  ck_assert_int_eq(unlink(path), 0);
  file_reader_forget(&sampler.reader, child);
  ck_assert(sampler_repeat(&sampler, child, ALL, 1, &sample, &failure));
  ck_assert_uint_eq(sample.stat.present, 1U << CPU_USAGE_USEC);
}
END_TEST

/* Until all that is there was read */
START_TEST(idle_after_a_failure_is_read) {
  struct cpu_sample sample;

  write_file(directory, "cpuacct/a/cpuacct.usage", "500000\n");
  write_file(directory, "cpuacct/a/cpuacct.usage_user/is a directory", "");
  write_file(directory, "cpuacct/a/cpuacct.usage_sys", "200000\n");
  start_v1();
  read_child(&sample);
  ck_assert_int_eq(failure.error, -EISDIR);
  ck_assert(!sampler_repeat(&sampler, child, ALL, 1, &sample, &failure));
  CLEANUP_FREE char *away = path_in(directory, "away");
  CLEANUP_FREE char *path = path_in(directory, "cpuacct/a/cpuacct.usage_user");
  ck_assert_int_eq(rename(path, away), 0);
  write_file(directory, "cpuacct/a/cpuacct.usage_user", "300000\n");
  read_child(&sample);
  ck_assert(repeats(CPU_USER_USEC, 300));
}
END_TEST

/* After a round, but not if it may be sampled between two passes */
START_TEST(idle_ones_give_their_files_up) {
  struct cpu_sample sample;

  start_v2();
  write_file(directory, "a/cpu.pressure", "some total=12\n");
  sampler.keeps_idle = _i == 1;
  sampler.pass += sampler_has_turn(&sampler, child);
  read_child(&sample);
  child->idle_passes = SAMPLER_ROUND - 1;
  ck_assert(repeats(CPU_USER_USEC, 300));
  ck_assert_uint_eq(sampler.reader.kept, 2);
  child->idle_passes = SAMPLER_ROUND;
  ck_assert(repeats(CPU_USER_USEC, 300));
  ck_assert_uint_eq(sampler.reader.kept, _i == 1 ? 2 : 1);
  read_child(&sample);
  ck_assert_uint_eq(sampler.reader.kept, 2);
}
END_TEST

/* What is known of a parent that is gone ends with its latest sample. */
START_TEST(idle_below_what_is_gone) {
  root->use = (struct cgroup_use){
      .rate = {.known = true, .time_nsec = 5000},
      .interval = {.elapsed_nsec = 1000},
  };
  child->use.rate.time_nsec = 4000;
  ck_assert(idle_is_certain(child));
  root->use.rate.known = false;
  ck_assert(!idle_is_certain(child));
  start_v2();
}
END_TEST

/* It was not reported before. */
START_TEST(idle_without_an_earlier_sample_is_read) {
  struct cpu_sample sample;

  start_v2();
  ck_assert(!sampler_repeat(&sampler, child, ALL, 1, &sample, &failure));
  read_child(&sample);
  child->details->before.stat.present = 0;
  ck_assert(!sampler_repeat(&sampler, child, ALL, 1, &sample, &failure));
  ck_assert(
      sampler_repeat(&sampler, child, VALUE_GROUP_CORE, 1, &sample, &failure));
}
END_TEST

static void assert_missing(const char *what, bool missing) {
  CLEANUP_FREE char *text = sampler_explain_missing(&sampler);

  ck_assert_int_eq(text != NULL && strstr(text, what) != NULL, missing);
}

START_TEST(what_is_missing_is_explained_once) {
  struct cpu_sample sample;

  start_v2();
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  assert_missing(
      "Values not available here: forced idle time (Linux reports it "
      "since 6.0, if built with core scheduling), throttling (no cgroup has "
      "the cpu controller, or Linux is without CFS bandwidth), bursts (",
      true);
  assert_missing("throttling by quotas above (Linux reports it since "
                 "6.6, with the cpu controller), frozen time (Linux reports it "
                 "since 6.18), pressure (",
                 true);
  assert_missing("pressure of interrupts (Linux reports it since 6.1, with IRQ "
                 "time accounting)",
                 true);
  assert_missing("pressure (", true);
  assert_missing("quotas (no cgroup has the cpu controller, or Linux is "
                 "without CFS bandwidth)",
                 true);
  assert_missing("cpusets (no cgroup has the cpuset controller)", true);
  assert_missing("user and system", false);

  write_file(directory, "a/cpu.stat",
             "usage_usec 5\nuser_usec 3\nnr_periods 1\nnr_bursts 0\n"
             "core_sched.force_idle_usec 0\n");
  write_file(directory, "irq.pressure", "full total=1\n");
  write_file(directory, "cpu.stat.local", "throttled_usec 1\n");
  write_file(directory, "a/cgroup.stat.local", "frozen_usec 1\n");
  sampler.pass += SAMPLER_ROUND - (sampler.pass + child->birth) % SAMPLER_ROUND;
  write_file(directory, "cpu.pressure", "some total=1\nfull total=1\n");
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_int_eq(sampler_read(&sampler, root, ALL, &sample, &failure), 0);
  sampler.seen_parts = CPU_LIMIT_ALL;
  ck_assert_ptr_null(sampler_explain_missing(&sampler));
}
END_TEST

/* As OpenWrt builds it for small machines: the cpu controller is there, but it
 * has no quotas, and there is no pressure. */
START_TEST(a_kernel_without_cfs_bandwidth_and_pressure) {
  struct cpu_sample sample;
  const enum cpu_counter absent[] = {
      CPU_NR_PERIODS,         CPU_NR_THROTTLED,       CPU_THROTTLED_USEC,
      CPU_NR_BURSTS,          CPU_BURST_USEC,         CPU_THROTTLED_LOCAL_USEC,
      CPU_PRESSURE_SOME_USEC, CPU_PRESSURE_FULL_USEC, CPU_PRESSURE_IRQ_USEC};

  write_file(directory, "a/cpu.weight", "100\n");
  write_file(directory, "a/cpu.idle", "0\n");
  start_v2();
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  ck_assert_uint_eq(counter(&sample, CPU_USAGE_USEC), 500);
  ck_assert_uint_eq(counter(&sample, CPU_USER_USEC), 300);
  ck_assert_uint_eq(counter(&sample, CPU_SYSTEM_USEC), 200);
  for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
    ck_assert(!cpu_stat_has(&sample.stat, absent[i]));
  CLEANUP_FREE char *text = sampler_explain_missing(&sampler);
  /* collectd cuts off what is longer than 1023 bytes with its prefix. */
  ck_assert_uint_le(strlen(text), 990);
}
END_TEST

/* The message distinguishes a missing hierarchy from a missing file. */
START_TEST(what_is_missing_on_v1) {
  struct cpu_sample sample;

  write_file(directory, "cpuacct/a/cpuacct.usage", "5000000\n");
  write_file(directory, "cpuset/x", "");
  start(CGROUP_VERSION_1, (const char *const[]){"cpuacct", "none", "cpuset"});
  ck_assert_int_eq(sampler_read(&sampler, child, ALL, &sample, &failure), 0);
  assert_missing("user and system time (the kernel", true);
  assert_missing("quotas (no hierarchy with the cpu controller was found)",
                 true);
  assert_missing("no hierarchy with the cpuset", false);
  assert_missing("CPUs of cpusets (the cpuset hierarchy has no file", true);
  assert_missing("pressure (only cgroup v2 has it)", true);
}
END_TEST

Suite *sampler_suite(void) {
  return suite_of(
      "sampler", setup, teardown, ONCE(v1_hierarchies_side_by_side),
      ONCE(v1_throttling_by_quotas_above), ONCE(v2_files_of_new_kernels),
      ONCE(an_empty_file_is_missing), ONCE(failed_file_is_named),
      ONCE(v1_user_and_system_in_ticks), ONCE(usage_in_v2_and_throttling_in_v1),
      ONCE(usage_in_v1_and_throttling_in_v2),
      ONCE(a_cgroup_of_one_hierarchy_only), ONCE(v2_files), ONCE(only_the_core),
      ONCE(the_core_must_be_there), ONCE(missing_files_are_tried_again),
      ONCE(idle_in_v2), TIMES(idle_is_read_in_turn, 2),
      ONCE(idle_until_periods_have_ended), TIMES(idle_in_v1, 2),
      ONCE(idle_in_v1_while_periods_end), ONCE(idle_in_v2_with_periods_in_v1),
      ONCE(idle_after_a_failure_is_read), ONCE(idle_below_what_is_gone),
      TIMES(idle_ones_give_their_files_up, 2),
      ONCE(idle_without_an_earlier_sample_is_read),
      ONCE(what_is_missing_is_explained_once),
      ONCE(a_kernel_without_cfs_bandwidth_and_pressure),
      ONCE(what_is_missing_on_v1));
}
