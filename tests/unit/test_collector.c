/* SPDX-License-Identifier: MIT */
#include "collector.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "recorder.h"
#include "suites.h"
#include "util/cleanup.h"

static char *tree;
static struct collector *collector;
static struct recorder recorder;
static struct options options;
/* Called between the search for cgroups and their reading; may be NULL. */
static void (*begin)(void *context);

static void setup(void) {
  tree = make_tree();
  begin = NULL;
  options = (struct options)OPTIONS_DEFAULT;
}

static void teardown(void) {
  collector_free(collector);
  collector = NULL;
  options_release(&options);
  remove_tree(tree);
}

static void start_as(enum cgroup_version version, bool native) {
  struct hierarchy hierarchy = {
      .version = version, .native = native, .path = strdup(tree)};

  ck_assert_int_eq(collector_new(&hierarchy, &options, &collector), 0);
  ck_assert_ptr_null(hierarchy.path);
}

static void start(enum cgroup_version version) { start_as(version, false); }

static struct collector_pass run(void) {
  struct report_sink sink = recorder_sink(&recorder);
  struct collector_pass pass;

  sink.begin = begin;
  collector_run(collector, &sink, &pass);
  collector_check(collector);
  return pass;
}

static int64_t usage_of(const char *cgroup) {
  const struct recorded_value *value =
      recorder_find(&recorder, cgroup, "cpu_usage_usec");

  ck_assert_ptr_nonnull(value);
  return value->derive;
}

static double now(void) {
  struct timespec time;

  ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &time), 0);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The time on the test's own clock around a pass. */
struct timing {
  double begin;
  double end;
};

/* Those of the two latest passes. */
static struct timing passes[2];

static struct collector_pass timed_run(void) {
  passes[0] = passes[1];
  passes[1].begin = now();
  struct collector_pass pass = run();
  passes[1].end = now();
  return pass;
}

/* The bounds of the time between a read in each of two passes, in seconds. */
static double shortest(const struct timing *from, const struct timing *to) {
  return to->begin - from->end;
}

static double longest(const struct timing *from, const struct timing *to) {
  return to->end - from->begin;
}

/* The gauge is the use of at least `least` and at most `most` microseconds
 * between these two passes. */
static void assert_between(const char *cgroup, const char *type_instance,
                           double least, double most, const struct timing *from,
                           const struct timing *to) {
  const struct recorded_value *value =
      recorder_find(&recorder, cgroup, type_instance);

  ck_assert_ptr_nonnull(value);
  ck_assert_double_ge(value->gauge, least / 1e3 / longest(from, to));
  ck_assert_double_le(value->gauge, most / 1e3 / shortest(from, to));
}

static void assert_gauge(const char *cgroup, const char *type_instance,
                         int64_t delta_usec) {
  assert_between(cgroup, type_instance, (double)delta_usec, (double)delta_usec,
                 &passes[0], &passes[1]);
}

static const struct {
  enum cgroup_version version;
  const char *file;
  const char *texts[2];
  int64_t usage_usec[2];
} counters[] = {
    {CGROUP_VERSION_1,
     "cpuacct.usage",
     {"1000000999\n", "1005000000\n"},
     {1000000, 1005000}},
    {CGROUP_VERSION_2,
     "cpu.stat",
     {"user_usec 1\nusage_usec 1000000\n", "usage_usec 1005000\n"},
     {1000000, 1005000}},
};

static void wait_for(double seconds) {
  for (double end = now() + seconds; now() < end;)
    (void)usleep(500);
}

static void wait_past_shortest_interval(void) { wait_for(0.002); }

START_TEST(millicores_of_two_passes) {
  start(counters[_i].version);
  write_file(tree, counters[_i].file, counters[_i].texts[0]);
  struct collector_pass pass = timed_run();
  ck_assert_uint_eq(pass.read, 1);
  ck_assert_uint_eq(pass.failed, 0);
  ck_assert_uint_eq(recorder.count, 1);
  ck_assert_int_eq(usage_of("root"), counters[_i].usage_usec[0]);

  write_file(tree, counters[_i].file, counters[_i].texts[1]);
  wait_for(0.02);
  (void)timed_run();
  ck_assert_uint_eq(recorder.count, 2);
  ck_assert_int_eq(usage_of("root"), counters[_i].usage_usec[1]);
  assert_gauge("root", "millicores",
               counters[_i].usage_usec[1] - counters[_i].usage_usec[0]);
}
END_TEST

START_TEST(counter_that_goes_back_gives_no_gauge) {
  start(CGROUP_VERSION_2);
  write_file(tree, "cpu.stat", "usage_usec 5000\n");
  (void)run();
  wait_past_shortest_interval();
  write_file(tree, "cpu.stat", "usage_usec 4999\n");
  (void)run();
  ck_assert_uint_eq(recorder.count, 1);
  ck_assert_int_eq(usage_of("root"), 4999);
  wait_past_shortest_interval();
  (void)run();
  ck_assert_double_eq(recorder_find(&recorder, "root", "millicores")->gauge, 0);
}
END_TEST

/* This was seen after a kernel fault. Only two good readings make a gauge. */
START_TEST(impossible_counter_gives_no_value) {
  const char *texts[] = {"usage_usec 1000000\n",
                         "usage_usec 1730000000000000\n",
                         "usage_usec 1100000\n", "usage_usec 1100100\n"};
  const size_t counts[] = {1, 0, 1, 2};

  options.groups =
      _i == 0 ? VALUE_GROUP_CORE : VALUE_GROUP_CORE | VALUE_GROUP_THROTTLING;
  start(CGROUP_VERSION_2);
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
    write_file(tree, "cpu.stat", texts[i]);
    wait_past_shortest_interval();
    (void)timed_run();
    ck_assert_uint_eq(recorder.count, counts[i]);
  }
  assert_gauge("root", "millicores", 100);
}
END_TEST

START_TEST(unreadable_file_is_named_and_comes_back) {
  start(CGROUP_VERSION_1);
  CLEANUP_FREE char *path = path_in(tree, "cpuacct.usage");
  struct collector_pass pass = run();
  ck_assert_uint_eq(pass.read, 0);
  ck_assert_uint_eq(pass.failed, 1);
  ck_assert_int_eq(pass.failure.error, -ENOENT);
  ck_assert_str_eq(pass.failure.path, path);
  ck_assert_uint_eq(recorder.count, 0);

  write_file(tree, "cpuacct.usage", "5000\n");
  ck_assert_uint_eq(run().read, 1);
  ck_assert_uint_eq(recorder.count, 1);

  /* A text that cannot be parsed is not reported. The next rate is the mean
   * since the reading before it. */
  wait_past_shortest_interval();
  ck_assert_uint_eq(timed_run().read, 1);
  write_file(tree, "cpuacct.usage", "garbage\n");
  pass = run();
  ck_assert_int_eq(pass.failure.error, -EINVAL);
  ck_assert_uint_eq(recorder.count, 0);
  write_file(tree, "cpuacct.usage", "12000\n");
  wait_past_shortest_interval();
  ck_assert_uint_eq(timed_run().read, 1);
  assert_gauge("root", "millicores", 7);
}
END_TEST

static const struct recorded_value *gauge_of(const char *cgroup) {
  return recorder_find(&recorder, cgroup, "millicores");
}

START_TEST(every_cgroup_below) {
  write_file(tree, "cpu.stat", "usage_usec 900\n");
  write_file(tree, "a.slice/cpu.stat", "usage_usec 500\n");
  write_file(tree, "a.slice/b.service/cpu.stat", "usage_usec 300\n");
  start(CGROUP_VERSION_2);
  struct collector_pass pass = run();
  ck_assert_uint_eq(pass.read, 3);
  ck_assert_uint_eq(recorder.count, 3);
  ck_assert_int_eq(usage_of("a.slice_b.service"), 300);

  /* A new cgroup has a counter at once, and a rate in the next pass. */
  wait_past_shortest_interval();
  write_file(tree, "new/cpu.stat", "usage_usec 7\n");
  pass = run();
  ck_assert_uint_eq(pass.read, 4);
  ck_assert_ptr_nonnull(gauge_of("a.slice"));
  ck_assert_ptr_null(gauge_of("new"));
  wait_past_shortest_interval();
  (void)run();
  ck_assert_ptr_nonnull(gauge_of("new"));
}
END_TEST

/* It writes both files, so that it need not know the version. */
static void set_usage(const char *cgroup, unsigned usec) {
  CLEANUP_FREE char *v1 = NULL;
  CLEANUP_FREE char *v2 = NULL;
  char text[64];

  ck_assert_int_gt(asprintf(&v1, "%s/cpuacct.usage", cgroup), 0);
  ck_assert_int_gt(asprintf(&v2, "%s/cpu.stat", cgroup), 0);
  (void)snprintf(text, sizeof(text), "%u000\n", usec);
  write_file(tree, v1, text);
  (void)snprintf(text, sizeof(text), "usage_usec %u\n", usec);
  write_file(tree, v2, text);
}

static void remove_cgroup(const char *name) {
  CLEANUP_FREE char *file = NULL;
  CLEANUP_FREE char *path = path_in(tree, name);

  ck_assert_int_ge(asprintf(&file, "%s/cpu.stat", path), 0);
  ck_assert_int_eq(unlink(file), 0);
  ck_assert_int_eq(rmdir(path), 0);
}

static void start_nested(enum cgroup_version version, bool native) {
  const char *const cgroups[] = {".", "a", "a/b", "a/b/c", "d"};

  for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++)
    set_usage(cgroups[i], 1000);
  start_as(version, native);
  ck_assert_uint_eq(timed_run().read, ARRAY_SIZE(cgroups));
  wait_past_shortest_interval();
}

/* A file that says what the kernel's could not, because the parent's did not
 * move, shows whether it was read. */
START_TEST(idle_ones_are_not_read) {
  enum cgroup_version version = counters[_i].version;

  start_nested(version, true);
  set_usage(".", 3000);
  set_usage("d", 3000);
  set_usage("a/b/c", 1500);
  ck_assert_uint_eq(timed_run().read, 3);
  ck_assert_int_eq(usage_of("a_b"), 1000);
  ck_assert_int_eq(usage_of("a_b_c"), 1000);
  ck_assert_double_eq(gauge_of("a_b_c")->gauge, 0);
  ck_assert_int_eq(usage_of("d"), 3000);

  wait_past_shortest_interval();
  set_usage(".", 3500);
  set_usage("a", 1500);
  set_usage("a/b", 1500);
  ck_assert_uint_eq(timed_run().read, 5);
  ck_assert_int_eq(usage_of("a_b_c"), 1500);
  assert_gauge("a_b_c", "millicores", 500);

  /* The root of v2 counts in ticks. */
  wait_past_shortest_interval();
  ck_assert_uint_eq(timed_run().read, version == CGROUP_VERSION_1 ? 1 : 3);
  ck_assert_uint_eq(recorder.count, 10);
}
END_TEST

/* Returns a value of the plugin about itself. */
static double own(const char *type_instance) {
  const struct recorded_value *value =
      recorder_find(&recorder, "_plugin", type_instance);

  ck_assert_ptr_nonnull(value);
  ck_assert_int_eq(value->type, REPORT_GAUGE);
  return value->gauge;
}

/* `passes[1]` has the time around the pass. */
static void assert_own(double read, double idle, double unreadable) {
  ck_assert_double_eq(own("cgroups_read"), read);
  ck_assert_double_eq(own("cgroups_idle"), idle);
  ck_assert_double_eq(own("cgroups_unreadable"), unreadable);
  ck_assert_double_eq(own("cgroups_left_out"), 0);
  ck_assert_double_gt(own("pass_usec"), 0);
  ck_assert_double_le(own("pass_usec"),
                      1e6 * (passes[1].end - passes[1].begin));
}

START_TEST(how_the_plugin_is) {
  options.report_self = true;
  start_nested(CGROUP_VERSION_1, true);
  assert_own(5, 0, 0);
  (void)timed_run();
  assert_own(1, 4, 0);
  set_usage(".", 3000);
  write_file(tree, "d/cpuacct.usage", "garbage\n");
  wait_past_shortest_interval();
  (void)timed_run();
  assert_own(2, 2, 1);
}
END_TEST

/* Five are there, and three of them have room. */
START_TEST(what_the_plugin_leaves_out) {
  options.report_self = true;
  options.max_cgroups = 3;
  for (const char *name = "abcd"; *name != '\0'; name++)
    set_usage((char[]){*name, '\0'}, 1000);
  set_usage(".", 1000);
  start(CGROUP_VERSION_2);
  (void)run();
  ck_assert_double_eq(own("cgroups_read"), 3);
  ck_assert_double_eq(own("cgroups_left_out"), 2);
}
END_TEST

/* By default, it says nothing about itself. A pass that finds no root does. */
START_TEST(what_the_plugin_says_of_itself) {
  options.report_self = _i == 1;
  start_nested(CGROUP_VERSION_2, true);
  ck_assert_int_eq(recorder_find(&recorder, "_plugin", "cgroups_read") != NULL,
                   _i == 1);
  ck_assert_uint_eq(recorder.count, _i == 1 ? 10 : 5);
  remove_tree(tree);
  ck_assert_uint_eq(run().failed, 1);
  ck_assert_uint_eq(recorder.count, _i == 1 ? 5 : 0);
  tree = make_tree();
}
END_TEST

/* On any other file system, or if it is asked for */
START_TEST(idle_ones_are_read) {
  options.reads_idle = _i == 1;
  start_nested(CGROUP_VERSION_1, _i == 1);
  set_usage("a/b/c", 1500);
  ck_assert_uint_eq(timed_run().read, 5);
  assert_gauge("a_b_c", "millicores", 500);
}
END_TEST

START_TEST(one_below_what_is_not_selected_is_read) {
  ck_assert_int_eq(selection_add(&options.selection, "/a/b"), 0);
  set_usage("a/b", 1000);
  start_as(CGROUP_VERSION_1, true);
  (void)timed_run();
  wait_past_shortest_interval();
  set_usage("a/b", 1500);
  ck_assert_uint_eq(timed_run().read, 1);
  assert_gauge("a_b", "millicores", 500);
}
END_TEST

/* What it used before the previous reading of its parent is not in the parent's
 * use since then. */
START_TEST(one_that_was_not_read_before_is_read) {
  start_nested(CGROUP_VERSION_2, true);
  struct timing first = passes[1];
  set_usage("a", 1500);
  write_file(tree, "a/b/cpu.stat", "garbage\n");
  ck_assert_uint_eq(timed_run().failed, 1);
  ck_assert_ptr_null(gauge_of("a_b"));
  wait_past_shortest_interval();
  set_usage("a/b", 1500);
  ck_assert_uint_eq(timed_run().read, 5);
  assert_between("a_b", "millicores", 500, 500, &first, &passes[1]);
}
END_TEST

START_TEST(one_that_is_new_below_an_idle_one_is_read) {
  start_nested(CGROUP_VERSION_1, true);
  set_usage("a/new", 7);
  ck_assert_uint_eq(timed_run().read, 2);
  ck_assert_int_eq(usage_of("a_new"), 7);
  ck_assert_int_eq(usage_of("a_b"), 1000);
  CLEANUP_FREE char *path = path_in(tree, "a/new/cpuacct.usage");
  ck_assert_int_eq(unlink(path), 0);
  remove_cgroup("a/new");
  wait_past_shortest_interval();
  ck_assert_uint_eq(timed_run().failed, 0);
  ck_assert_ptr_null(recorder_find(&recorder, "a_new", "cpu_usage_usec"));
}
END_TEST

static void wait_before_the_readings(void *context) {
  (void)context;
  wait_for(0.1);
  passes[1].begin = now();
}

/* What a new cgroup used is its use in the interval of its parent. */
START_TEST(a_new_one_begins_at_zero) {
  write_file(tree, "cpu.stat", "usage_usec 900\n");
  write_file(tree, "a/cpu.stat", "usage_usec 500\n");
  options.leaves_only = true;
  start_as(CGROUP_VERSION_2, true);
  begin = wait_before_the_readings;
  (void)timed_run();
  ck_assert_ptr_null(gauge_of("a"));
  wait_for(0.02);
  begin = NULL;
  write_file(tree, "cpu.stat", "usage_usec 70900\n");
  write_file(tree, "a/cpu.stat", "usage_usec 50500\n");
  write_file(tree, "a/new/cpu.stat", "usage_usec 30000\n");
  write_file(tree, "other/cpu.stat", "usage_usec 20000\n");
  (void)timed_run();
  assert_gauge("a_new", "millicores", 30000);
  assert_gauge("other", "millicores", 20000);
  assert_gauge("a", "remainder_millicores", 20000);
  assert_gauge("root", "remainder_millicores", 0);
}
END_TEST

static void sample(void) {
  struct report_sink sink = recorder_sink(&recorder);

  collector_sample(collector, &sink);
  collector_check(collector);
  ck_assert_uint_eq(recorder.count, 0);
}

/* Samples are taken every 50 ms. */
static void start_with_peaks(bool native) {
  options.peak_nsec = 50000000;
  start_as(CGROUP_VERSION_2, native);
}

static double gauge_named(const char *cgroup, const char *type_instance) {
  const struct recorded_value *value =
      recorder_find(&recorder, cgroup, type_instance);

  ck_assert_msg(value != NULL, "%s", type_instance);
  return value->gauge;
}

/* The window of 60 ms or more with 6000 µs is the highest. The others are
 * longer by as much as the machine is late. */
START_TEST(peaks_between_passes) {
  const char *texts[] = {"usage_usec 1000\n", "usage_usec 7000\n",
                         "usage_usec 7010\n"};
  struct timing samples[3];

  write_file(tree, "cpu.stat", "usage_usec 1000\n");
  start_with_peaks(false);
  /* Before the first pass there is nothing to do. */
  sample();
  (void)timed_run();
  ck_assert_ptr_null(recorder_find(&recorder, "root", "peak_millicores"));
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
    wait_for(0.06);
    write_file(tree, "cpu.stat", texts[i]);
    samples[i].begin = now();
    sample();
    ck_assert_uint_eq(recorder.lines, 1);
    samples[i].end = now();
  }
  write_file(tree, "cpu.stat", "usage_usec 7020\n");
  (void)timed_run();
  assert_gauge("root", "millicores", 6020);
  assert_between("root", "peak_millicores", 6000, 6000, &samples[0],
                 &samples[1]);
  wait_for(0.06);
  write_file(tree, "cpu.stat", "usage_usec 7020\n");
  sample();
  (void)timed_run();
  ck_assert_double_lt(gauge_named("root", "peak_millicores"), 1);
}
END_TEST

/* Two lives of a between two passes, of which the first was there before, and
 * one of b that nobody follows. The third life of a is there at the second
 * pass. */
START_TEST(lives_between_passes) {
  bool follows = _i == 1;

  write_file(tree, "cpu.stat", "usage_usec 1000\n");
  write_file(tree, "a/cpu.stat", "usage_usec 500\n");
  options.leaves_only = true;
  start_with_peaks(true);
  (void)timed_run();
  wait_for(0.06);
  write_file(tree, "a/cpu.stat", "usage_usec 20500\n");
  sample();
  remove_cgroup("a");
  write_file(tree, "a/cpu.stat", "usage_usec 7000\n");
  write_file(tree, "b/cpu.stat", "usage_usec 3000\n");
  wait_for(0.06);
  sample();
  remove_cgroup("a");
  remove_cgroup("b");
  wait_for(0.06);
  if (follows)
    write_file(tree, "a/cpu.stat", "usage_usec 100\n");
  write_file(tree, "cpu.stat", "usage_usec 101000\n");
  (void)timed_run();
  assert_gauge("a", "millicores", 27000 + (follows ? 100 : 0));
  ck_assert_int_eq(usage_of("a"), follows ? 100 : 7000);
  assert_gauge("b", "millicores", 3000);
  ck_assert_int_eq(usage_of("b"), 3000);
  assert_gauge("root", "remainder_millicores", 70000 - (follows ? 100 : 0));
  wait_for(0.06);
  (void)timed_run();
  ck_assert_ptr_null(gauge_of("b"));
  ck_assert((gauge_of("a") != NULL) == follows);
}
END_TEST

/* A cgroup whose file is gone when it is read has the use up to its latest
 * sample. */
START_TEST(one_that_goes_before_it_is_read) {
  CLEANUP_FREE char *path = path_in(tree, "a/cpu.stat");

  write_file(tree, "cpu.stat", "usage_usec 1000\n");
  write_file(tree, "a/cpu.stat", "usage_usec 500\n");
  options.keep_open = 0;
  start_with_peaks(true);
  (void)timed_run();
  wait_for(0.06);
  write_file(tree, "a/cpu.stat", "usage_usec 20500\n");
  sample();
  ck_assert_int_eq(unlink(path), 0);
  ck_assert_uint_eq(timed_run().failed, 0);
  assert_gauge("a", "millicores", 20000);
  ck_assert_int_eq(usage_of("a"), 20500);
  wait_for(0.06);
  (void)timed_run();
  ck_assert_ptr_null(recorder_find(&recorder, "a", "cpu_usage_usec"));
}
END_TEST

START_TEST(root_goes_and_comes_back) {
  write_file(tree, "root/cpu.stat", "usage_usec 900\n");
  write_file(tree, "root/a/cpu.stat", "usage_usec 500\n");
  CLEANUP_FREE char *path = path_in(tree, "root");
  CLEANUP_FREE char *away = path_in(tree, "away");
  struct hierarchy hierarchy = {.version = CGROUP_VERSION_2,
                                .path = strdup(path)};
  ck_assert_int_eq(collector_new(&hierarchy, &options, &collector), 0);
  ck_assert_uint_eq(run().read, 2);

  ck_assert_int_eq(rename(path, away), 0);
  struct collector_pass pass = run();
  ck_assert_uint_eq(pass.read, 0);
  ck_assert_int_eq(pass.failure.error, -ENOENT);
  ck_assert_str_eq(pass.failure.path, path);
  ck_assert_uint_eq(recorder.count, 0);

  ck_assert_int_eq(rename(away, path), 0);
  ck_assert_uint_eq(run().read, 2);
  ck_assert_uint_eq(recorder.count, 2);
}
END_TEST

/* It is no failure if a file vanishes between the update and the read. */
START_TEST(vanishing_is_silent) {
  write_file(tree, "cpu.stat", "usage_usec 900\n");
  write_file(tree, "a/other", "");
  start(CGROUP_VERSION_2);
  struct collector_pass pass = run();
  ck_assert_uint_eq(pass.read, 1);
  ck_assert_uint_eq(pass.failed, 0);
  ck_assert(!pass.root_unaccounted);
}
END_TEST

START_TEST(v2_root_without_counters) {
  write_file(tree, "a/cpu.stat", "usage_usec 900\n");
  start(CGROUP_VERSION_2);
  struct collector_pass pass = run();
  ck_assert(pass.root_unaccounted);
  ck_assert_uint_eq(pass.read, 1);
  ck_assert_uint_eq(pass.failed, 0);
  ck_assert_ptr_nonnull(recorder_find(&recorder, "a", "cpu_usage_usec"));
}
END_TEST

static size_t begun;

static void note_begin(void *context) {
  ck_assert_ptr_eq(context, &recorder);
  ck_assert_uint_eq(recorder.count, 0);
  begun++;
  /* The cgroups have been found, and are read after this. */
  write_file(tree, "cpu.stat", "usage_usec 2\n");
  write_file(tree, "a/cpu.stat", "usage_usec 2\n");
  write_file(tree, "b/cpu.stat", "usage_usec 2\n");
}

START_TEST(readings_begin_after_the_search) {
  write_file(tree, "cpu.stat", "usage_usec 1\n");
  write_file(tree, "a/cpu.stat", "usage_usec 1\n");
  start(CGROUP_VERSION_2);
  begin = note_begin;
  begun = 0;
  (void)run();
  ck_assert_uint_eq(begun, 1);
  ck_assert_uint_eq(recorder.count, 2);
  ck_assert_int_eq(usage_of("root"), 2);
  ck_assert_int_eq(usage_of("a"), 2);
}
END_TEST

/* Root may read every file, unless it gives up that right. */
static void read_all(bool allowed) {
  const uint32_t rights = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
  struct __user_cap_header_struct header = {.version =
                                                _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

  ck_assert_int_eq(syscall(SYS_capget, &header, sets), 0);
  sets[0].effective &= ~rights;
  if (allowed)
    sets[0].effective |= sets[0].permitted & rights;
  ck_assert_int_eq(syscall(SYS_capset, &header, sets), 0);
}

START_TEST(what_may_not_be_read_hides_no_error) {
  write_file(tree, "cpu.stat", "usage_usec 900\n");
  write_file(tree, "a/cpu.stat", "usage_usec 500\n");
  write_file(tree, "a/b/cpu.stat", "garbage\n");
  write_file(tree, "a/b/c/cpu.stat", "usage_usec 300\n");
  CLEANUP_FREE char *denied = path_in(tree, "a/cpu.stat");
  ck_assert_int_eq(chmod(denied, 0), 0);
  start(CGROUP_VERSION_2);
  read_all(false);
  struct collector_pass pass = run();
  read_all(true);
  ck_assert_uint_eq(pass.read, 2);
  ck_assert_uint_eq(pass.failed, 2);
  ck_assert_int_eq(pass.failure.error, -ENODATA);
  ck_assert_ptr_nonnull(strstr(pass.failure.path, "/a/b/cpu.stat"));

  write_file(tree, "a/b/cpu.stat", "usage_usec 1\n");
  read_all(false);
  pass = run();
  read_all(true);
  ck_assert_uint_eq(pass.failed, 1);
  ck_assert_int_eq(pass.failure.error, -EACCES);
  ck_assert_str_eq(pass.failure.path, denied);
}
END_TEST

/* They are reported once, but not while a matching cgroup may only be left
 * out. */
START_TEST(patterns_without_a_cgroup_are_reported) {
  write_file(tree, "cpu.stat", "usage_usec 900\n");
  write_file(tree, "a/cpu.stat", "usage_usec 500\n");
  ck_assert_int_eq(selection_add(&options.selection, "/a"), 0);
  ck_assert_int_eq(selection_add(&options.selection, "b/*"), 0);
  options.selection.ignore_selected = _i == 1;
  options.max_cgroups = _i == 2 ? 1 : 10;
  start(CGROUP_VERSION_2);
  for (int i = 0; i < COLLECTOR_PATTERN_PASSES + 2; i++) {
    const char *unmatched = run().unmatched;
    if (i + 1 == COLLECTOR_PATTERN_PASSES && _i != 2)
      ck_assert_str_eq(unmatched, "\"/b/*\"");
    else
      ck_assert_ptr_null(unmatched);
  }
}
END_TEST

/* This holds even if no cgroup is selected at all. */
START_TEST(a_selection_of_nothing_is_reported) {
  write_file(tree, "a/cpu.stat", "usage_usec 500\n");
  ck_assert_int_eq(selection_add(&options.selection, "/x"), 0);
  start(CGROUP_VERSION_2);
  for (int i = 1; i < COLLECTOR_PATTERN_PASSES; i++)
    ck_assert_ptr_null(run().unmatched);
  ck_assert_str_eq(run().unmatched, "\"/x\"");
}
END_TEST

START_TEST(only_what_is_selected_is_read) {
  write_file(tree, "cpu.stat", "usage_usec 900\n");
  write_file(tree, "a/cpu.stat", "usage_usec 500\n");
  write_file(tree, "a/b/cpu.stat", "usage_usec 300\n");
  write_file(tree, "c/cpu.stat", "usage_usec 300\n");
  ck_assert_int_eq(selection_add(&options.selection, "/a"), 0);
  start(CGROUP_VERSION_2);
  ck_assert_uint_eq(run().read, 1);
  ck_assert_uint_eq(recorder.count, 1);
  ck_assert_str_eq(recorder.values[0].cgroup, "a");
}
END_TEST

/* On v2, a child of the root is read before its descendants, whether it is
 * reported or not. */
START_TEST(v2_parents_are_read_first) {
  write_file(tree, "a/cpu.stat", "usage_usec 500\n");
  write_file(tree, "a/b/cpu.stat", "usage_usec 300\n");
  ck_assert_int_eq(selection_add(&options.selection, "/a/b"), 0);
  start(CGROUP_VERSION_2);
  ck_assert_uint_eq(run().read, 2);
  ck_assert_uint_eq(recorder.count, 1);
}
END_TEST

static void write_usages(int root, int a, int b, int c) {
  char text[64];
  const struct {
    const char *file;
    int usage;
  } files[] = {{"cpu.stat", root},
               {"a/cpu.stat", a},
               {"a/b/cpu.stat", b},
               {"c/cpu.stat", c}};

  for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
    (void)snprintf(text, sizeof(text), "usage_usec %d\n", files[i].usage);
    write_file(tree, files[i].file, text);
  }
}

/* Reports values of leaves and remainders. All cgroups begin with no use. */
static void start_with_leaves_only(void) {
  options.leaves_only = true;
  write_usages(0, 0, 0, 0);
  start(CGROUP_VERSION_2);
}

/* The use of b is then unknown, and counts as use of a's own processes. */
START_TEST(impossible_counter_is_no_part_of_the_whole) {
  start_with_leaves_only();
  (void)timed_run();
  wait_for(0.02);
  write_usages(10000, 5000, 0, 1000);
  write_file(tree, "a/b/cpu.stat", "usage_usec 1730000000000000\n");
  (void)timed_run();

  ck_assert_ptr_null(recorder_find(&recorder, "a_b", "cpu_usage_usec"));
  ck_assert_ptr_null(gauge_of("a_b"));
  assert_gauge("a", "remainder_millicores", 5000);
  assert_gauge("root", "remainder_millicores", 4000);
}
END_TEST

static void assert_left(const char *cgroup, int64_t usec) {
  const struct recorded_value *value =
      recorder_find(&recorder, cgroup, "remainder_usec");

  ck_assert_ptr_nonnull(value);
  ck_assert_int_eq(value->derive, usec);
}

/* The use is 10,000 µs in all: 3000 by b, 2000 more by a, 1000 by c. So 4000
 * are left for the root. The sum contains each of them once. */
START_TEST(leaves_and_remainders_are_the_whole) {
  start_with_leaves_only();
  (void)timed_run();
  ck_assert_uint_eq(recorder.count, 4);
  assert_left("a", 0);
  assert_left("root", 0);
  wait_for(0.02);
  write_usages(10000, 5000, 3000, 1000);
  (void)timed_run();

  ck_assert_uint_eq(recorder.count, 8);
  ck_assert_ptr_null(gauge_of("root"));
  ck_assert_ptr_null(gauge_of("a"));
  assert_gauge("a_b", "millicores", 3000);
  assert_gauge("c", "millicores", 1000);
  assert_gauge("a", "remainder_millicores", 2000);
  assert_gauge("root", "remainder_millicores", 4000);
  assert_left("a", 2000);
  assert_left("root", 4000);
}
END_TEST

static void wait_after_the_search(void *context) {
  (void)context;
  wait_for(0.1);
}

/* However long it takes until the cgroups are read, the previous pass has read
 * them. */
START_TEST(remainders_after_a_delay) {
  start_with_leaves_only();
  (void)timed_run();
  wait_for(0.02);
  write_usages(10000, 5000, 3000, 1000);
  begin = wait_after_the_search;
  (void)timed_run();

  assert_gauge("a", "remainder_millicores", 2000);
  assert_gauge("root", "remainder_millicores", 4000);
}
END_TEST

/* The use of a cgroup that could not be read in a pass is in its parent's
 * remainder for that pass, and must not count again in the next pass. */
START_TEST(remainders_beside_a_gap) {
  start_with_leaves_only();
  (void)timed_run();
  struct timing first = passes[1];
  wait_for(0.1);
  write_usages(100000, 50000, 30000, 10000);
  write_file(tree, "c/cpu.stat", "garbage\n");
  (void)timed_run();
  ck_assert_ptr_null(gauge_of("c"));
  wait_for(0.1);
  write_usages(200000, 100000, 60000, 20000);
  (void)timed_run();

  assert_gauge("a_b", "millicores", 30000);
  assert_gauge("a", "remainder_millicores", 20000);
  assert_between("c", "millicores", 20000, 20000, &first, &passes[1]);
  /* What c used since the first pass counts in proportion to the time. */
  double least =
      20000 * shortest(&passes[0], &passes[1]) / longest(&first, &passes[1]);
  double most =
      20000 * longest(&passes[0], &passes[1]) / shortest(&first, &passes[1]);
  assert_between("root", "remainder_millicores", 50000 - most, 50000 - least,
                 &passes[0], &passes[1]);
}
END_TEST

/* The hierarchy was unmounted or removed. Nothing is read from what replaced
 * it. */
START_TEST(hierarchy_that_goes) {
  struct statfs status;
  CLEANUP_FREE char *moved = NULL;

  ck_assert_int_eq(statfs(tree, &status), 0);
  write_file(tree, "cpu.stat", "usage_usec 1\n");
  for (int other_magic = 0; other_magic <= 1; other_magic++) {
    struct hierarchy hierarchy = {.version = CGROUP_VERSION_2,
                                  .magic = (uint64_t)status.f_type,
                                  .path = strdup(tree)};
    hierarchy.magic += (uint64_t)other_magic;
    ck_assert_int_eq(collector_new(&hierarchy, &options, &collector), 0);
    struct collector_pass pass = run();
    if (other_magic == 0) {
      ck_assert_ptr_null(pass.gone);
      ck_assert_uint_eq(pass.read, 1);
      ck_assert_int_ge(asprintf(&moved, "%s.moved", tree), 0);
      ck_assert_int_eq(rename(tree, moved), 0);
      pass = run();
      ck_assert_int_eq(rename(moved, tree), 0);
    }
    ck_assert_str_eq(pass.gone, tree);
    ck_assert_uint_eq(pass.read, 0);
    ck_assert_uint_eq(recorder.count, 0);
    collector_free(TAKE_POINTER(collector));
  }
}
END_TEST

static void write_limit(const char *quota, const char *nr_throttled) {
  CLEANUP_FREE char *stat = NULL;

  ck_assert_int_ge(asprintf(&stat,
                            "nr_periods 50\nnr_throttled %s\n"
                            "throttled_time 0\n",
                            nr_throttled),
                   0);
  write_file(tree, "cpu/a/cpu.stat", stat);
  write_file(tree, "cpu/a/cpu.cfs_quota_us", quota);
}

/* On v1, throttling is in a file that is read for nothing else. It is not
 * reported unless the option for it is on, too. */
static void start_limits(bool leaves_only) {
  struct hierarchy hierarchy = {.version = CGROUP_VERSION_1};

  write_file(tree, "cpuacct/cpuacct.usage", "5000\n");
  write_file(tree, "cpuacct/a/cpuacct.usage", "4000\n");
  write_file(tree, "cpuacct/a/b/cpuacct.usage", "3000\n");
  write_file(tree, "cpu/a/cpu.cfs_period_us", "100000\n");
  options.groups |= VALUE_GROUP_LIMIT;
  options.leaves_only = leaves_only;
  hierarchy.path = path_in(tree, "cpuacct");
  hierarchy.controllers[CGROUP_CPU].path = path_in(tree, "cpu");
  ck_assert_int_eq(collector_new(&hierarchy, &options, &collector), 0);
}

static void assert_limit(const char *cgroup, double millicores) {
  const struct recorded_value *value =
      recorder_find(&recorder, cgroup, "limit_millicores");

  ck_assert_ptr_nonnull(value);
  ck_assert_double_eq(value->gauge, millicores);
}

static void assert_level(const char *cgroup, double level) {
  const struct recorded_value *value =
      recorder_find(&recorder, cgroup, "limit_level");

  ck_assert_ptr_nonnull(value);
  ck_assert_double_eq(value->gauge, level);
}

START_TEST(a_lowered_quota_that_throttles_shows_at_once) {
  bool leaves_only = _i != 0;

  write_limit("90000\n", "7");
  start_limits(leaves_only);
  ck_assert_uint_eq(run().failed, 0);
  assert_limit("a_b", 900);
  /* It is the quota of the cgroup above. */
  assert_level("a_b", 1);
  if (!leaves_only)
    assert_level("a", 0);
  for (int i = 1; i <= 8; i++) {
    CLEANUP_FREE char *quota = NULL;
    CLEANUP_FREE char *throttled = NULL;
    ck_assert_int_ge(asprintf(&quota, "%d\n", 90000 - i * 10000), 0);
    ck_assert_int_ge(asprintf(&throttled, "%d", 7 + i), 0);
    write_limit(quota, throttled);
    (void)run();
    assert_limit("a_b", 900 - i * 100);
    if (!leaves_only)
      assert_limit("a", 900 - i * 100);
  }
  ck_assert_ptr_null(recorder_find(&recorder, "a", "nr_throttled"));
  ck_assert_ptr_null(recorder_find(&recorder, "root", "limit_millicores"));
}
END_TEST

START_TEST(a_quota_above_what_is_selected_shows_at_once) {
  write_limit("90000\n", "7");
  ck_assert_int_eq(selection_add(&options.selection, "/a/b"), 0);
  start_limits(false);
  (void)run();
  assert_limit("a_b", 900);
  for (int i = 1; i <= 8; i++) {
    CLEANUP_FREE char *quota = NULL;
    ck_assert_int_ge(asprintf(&quota, "%d\n", 90000 - i * 10000), 0);
    write_limit(quota, "7");
    (void)run();
    assert_limit("a_b", 900 - i * 100);
  }
}
END_TEST

/* The plugin takes the version of each controller from its own hierarchy. */
START_TEST(usage_in_v2_and_quota_in_v1) {
  struct hierarchy hierarchy = {.version = CGROUP_VERSION_2};

  write_file(tree, "v2/cpu.stat", "usage_usec 5000\n");
  write_file(tree, "v2/a/cpu.stat", "usage_usec 4000\n");
  write_file(tree, "cpu/a/cpu.cfs_period_us", "100000\n");
  write_limit("20000\n", "7");
  options.groups |= VALUE_GROUP_LIMIT | VALUE_GROUP_THROTTLING;
  hierarchy.path = path_in(tree, "v2");
  hierarchy.controllers[CGROUP_CPU].version = CGROUP_VERSION_1;
  hierarchy.controllers[CGROUP_CPU].path = path_in(tree, "cpu");
  ck_assert_int_eq(collector_new(&hierarchy, &options, &collector), 0);
  ck_assert_uint_eq(run().failed, 0);
  ck_assert_int_eq(usage_of("a"), 4000);
  ck_assert_int_eq(recorder_find(&recorder, "a", "nr_throttled")->derive, 7);
  assert_limit("a", 200);
}
END_TEST

/* Other processes may be there, which are not idle. */
START_TEST(idle_with_periods_in_another_hierarchy) {
  CLEANUP_FREE char *path = path_in(tree, "cpuacct");
  CLEANUP_FREE char *cpu = path_in(tree, "cpu");
  struct hierarchy hierarchy = {
      .version = CGROUP_VERSION_1,
      .native = true,
      .path = strdup(path),
      .controllers[CGROUP_CPU] = {CGROUP_VERSION_1, strdup(cpu)},
  };

  write_file(tree, "cpuacct/cpuacct.usage", "1000000\n");
  write_file(tree, "cpuacct/a/cpuacct.usage", "500000\n");
  write_file(tree, "cpu/a/cpu.stat", "nr_periods 5\nnr_throttled 4\n");
  options.groups = VALUE_GROUP_CORE | VALUE_GROUP_THROTTLING;
  ck_assert_int_eq(collector_new(&hierarchy, &options, &collector), 0);
  ck_assert_uint_eq(run().read, 2);
  /* Longer than a period takes */
  wait_for(2.1);
  ck_assert_uint_eq(run().read, 1);
  write_file(tree, "cpu/a/cpu.stat", "nr_periods 9\nnr_throttled 4\n");
  wait_past_shortest_interval();
  ck_assert_uint_eq(run().read, 1);
  ck_assert_int_eq(recorder_find(&recorder, "a", "nr_periods")->derive, 9);
}
END_TEST

Suite *collector_suite(void) {
  return suite_of(
      "collector", setup, teardown,
      FOR_EACH(millicores_of_two_passes, counters),
      ONCE(counter_that_goes_back_gives_no_gauge),
      TIMES(impossible_counter_gives_no_value, 2),
      ONCE(unreadable_file_is_named_and_comes_back), ONCE(every_cgroup_below),
      FOR_EACH(idle_ones_are_not_read, counters), TIMES(idle_ones_are_read, 2),
      ONCE(how_the_plugin_is), ONCE(what_the_plugin_leaves_out),
      TIMES(what_the_plugin_says_of_itself, 2),
      ONCE(one_below_what_is_not_selected_is_read),
      ONCE(one_that_was_not_read_before_is_read),
      ONCE(one_that_is_new_below_an_idle_one_is_read),
      ONCE(a_new_one_begins_at_zero), ONCE(peaks_between_passes),
      TIMES(lives_between_passes, 2), ONCE(one_that_goes_before_it_is_read),
      ONCE(root_goes_and_comes_back), ONCE(vanishing_is_silent),
      ONCE(v2_root_without_counters), ONCE(readings_begin_after_the_search),
      ONCE(what_may_not_be_read_hides_no_error),
      TIMES(patterns_without_a_cgroup_are_reported, 3),
      ONCE(a_selection_of_nothing_is_reported),
      ONCE(only_what_is_selected_is_read), ONCE(v2_parents_are_read_first),
      ONCE(impossible_counter_is_no_part_of_the_whole),
      ONCE(leaves_and_remainders_are_the_whole), ONCE(remainders_beside_a_gap),
      ONCE(remainders_after_a_delay), ONCE(hierarchy_that_goes),
      TIMES(a_lowered_quota_that_throttles_shows_at_once, 2),
      ONCE(a_quota_above_what_is_selected_shows_at_once),
      ONCE(usage_in_v2_and_quota_in_v1),
      ONCE(idle_with_periods_in_another_hierarchy));
}
