/* SPDX-License-Identifier: MIT */
/* Runs the same passes over the same cgroups again and again. Each time another
 * call fails. Every reported value is the same as without the fault. If a value
 * is missing, there is a message. The next pass is not affected.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "collector.h"
#include "host.h"
#include "read/file_reader.h"
#include "read/machine_cpus.h"
#include "recorder.h"
#include "suites.h"
#include "util/array.h"
#include "util/units.h"

#define PASSES HOST_PASSES
/* So many passes after a fault show that everything works again. A fault may
 * only happen in a pass that has them. */
#define LATER_PASSES 2
#define FAULTY_PASSES (PASSES - LATER_PASSES)

#define ALL                                                                    \
  (VALUE_GROUP_CORE | VALUE_GROUP_USER_SYSTEM | VALUE_GROUP_THROTTLING |       \
   VALUE_GROUP_LIMIT | VALUE_GROUP_PRESSURE)

static const struct variant {
  const char *name;
  struct host_kind kind;
  bool native;
  bool no_openat2;
  bool no_types;
  /* Samples are taken between the passes. */
  bool samples;
} variants[] = {
    {.name = "v1", .kind = {CGROUP_VERSION_1, false}, .native = true},
    {.name = "v2", .kind = {CGROUP_VERSION_2, false}, .native = true},
    {.name = "foreign v2 without openat2",
     .kind = {CGROUP_VERSION_2, false},
     .no_openat2 = true,
     .no_types = true},
    {.name = "v2 with samples",
     .kind = {CGROUP_VERSION_2, false},
     .native = true,
     .samples = true},
    {.name = "large v2", .kind = {CGROUP_VERSION_2, true}, .native = true},
};

static const struct fault_row rows[] = {
    {FAULT_access, {ENOMEM, EIO, EACCES}},
    {FAULT_asprintf, FAULTS_OF_MEMORY},
    {FAULT_calloc, FAULTS_OF_MEMORY},
    {FAULT_clock_gettime, {EPERM}},
    {FAULT_close, {EIO, EINTR}},
    {FAULT_closedir, {EIO}},
    {FAULT_fclose, {ENOMEM, EIO}},
    {FAULT_fcntl, {EMFILE, ENOMEM}},
    {FAULT_fdopendir, {ENOMEM, EMFILE}},
    {FAULT_fstat, {ENOMEM, EIO, EACCES}},
    {FAULT_fstatat, {ENOMEM, EIO, EACCES, ENOENT}},
    {FAULT_getrlimit, {EPERM}},
    {FAULT_inotify_add_watch, {ENOSPC, ENOMEM, EACCES, ENOENT}},
    {FAULT_inotify_init1, {EMFILE, ENFILE, ENOMEM, ENOSYS}},
    {FAULT_inotify_rm_watch, {EINVAL}},
    {FAULT_open, FAULTS_OF_OPENING},
    {FAULT_open_memstream, FAULTS_OF_MEMORY},
    {FAULT_openat,
     {EMFILE, ENFILE, ENOMEM, EIO, EACCES, EINTR, EAGAIN, ENODEV}},
    {FAULT_openat2,
     {EMFILE, ENFILE, ENOMEM, EIO, EACCES, EINTR, EAGAIN, ENODEV, EPERM}},
    {FAULT_pread, {EIO, EAGAIN, EACCES, ENOMEM, ENODEV, EINTR}},
    {FAULT_read, {EIO, EINTR, EINVAL}},
    {FAULT_readdir, {EIO, ENOMEM, ENOENT}},
    {FAULT_reallocarray, FAULTS_OF_MEMORY},
    {FAULT_regexec, FAULTS_OF_MEMORY},
    {FAULT_setrlimit, {EPERM}},
    {FAULT_stat, {ENOMEM, EIO, EACCES}},
    {FAULT_statfs, {ENOMEM, EIO, EINTR, EACCES}},
    {FAULT_strdup, FAULTS_OF_MEMORY},
    {FAULT_strndup, FAULTS_OF_MEMORY},
    {FAULT_tsearch, FAULTS_OF_MEMORY},
};

/* The calls that find cgroups. The other calls do the same on a large host as
 * on a small one, only more often. */
static const enum fault_call finding[] = {
    FAULT_asprintf,     FAULT_calloc,  FAULT_fdopendir,
    FAULT_fstat,        FAULT_fstatat, FAULT_inotify_add_watch,
    FAULT_openat2,      FAULT_read,    FAULT_readdir,
    FAULT_reallocarray, FAULT_regexec, FAULT_stat,
    FAULT_strdup,       FAULT_tsearch,
};

static struct {
  const struct variant *variant;
  const struct fault_row *row;
} cases[ARRAY_SIZE(variants) * ARRAY_SIZE(rows)];
static int case_count;

static const struct variant *variant;
static struct options options;
/* The values reported without a fault, and those reported this time. */
static struct recorder expected[PASSES];
static struct recorder reported;
/* Which of the expected values were reported in this pass. */
static bool arrived[ARRAY_SIZE(reported.values)];
static char expected_missing[1024];

static void prepare(int pass) {
  faults.now_nsec = NSEC_PER_SEC * (uint64_t)(pass + 1);
  host_prepare(pass);
}

/* The plugin raises the soft limit only once in a process unless it is
 * reset. */
static void set_limit_back(void) {
  struct rlimit limit;

  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static struct collector *make_collector(void) {
  struct collector *collector = NULL;
  int status = -ENOMEM;

  /* Tries again after a failure, like the daemon. */
  for (int tries = 0; status < 0 && tries < 2; tries++) {
    struct hierarchy made = host_hierarchy();
    made.native = variant->native;
    made.magic = TMPFS_MAGIC;
    faults.active = true;
    status = collector_new(&made, &options, &collector);
    faults.active = false;
    if (made.path != NULL)
      ck_abort_msg("the hierarchy was not taken over");
  }
  if (status < 0)
    ck_abort_msg("collector_new: %s", strerror(-status));
  return collector;
}

static double own(const char *type_instance) {
  const struct recorded_value *value =
      recorder_find(&reported, INSTANCE_NAME_OF_PLUGIN, type_instance);

  if (value == NULL)
    ck_abort_msg("%s does not say its %s", variant->name, type_instance);
  return value->gauge;
}

static bool is_own(size_t place) {
  return strcmp(reported.values[place].cgroup, INSTANCE_NAME_OF_PLUGIN) == 0;
}

/* What the plugin reports on itself comes last. It is taken out, because it is
 * not the same with a fault. Nobody's clock moves during a pass, and so it took
 * no time. */
static void take_out_own_values(bool faultless) {
  double read = own("cgroups_read") + own("cgroups_idle");
  double unreadable = own("cgroups_unreadable");
  double counted = 0;

  if (own("cgroups_left_out") > 0 || (faultless && unreadable > 0))
    ck_abort_msg("%s: %g cannot be read", variant->name, unreadable);
  if (recorder_find(&reported, INSTANCE_NAME_OF_PLUGIN, "pass_usec") != NULL)
    ck_abort_msg("%s: a pass took %g us", variant->name, own("pass_usec"));
  while (reported.count > 0 && is_own(reported.count - 1))
    reported.count--;
  for (size_t i = 0; i < reported.count; i++) {
    if (is_own(i))
      ck_abort_msg("%s: a value of the plugin itself is not last",
                   variant->name);
    counted += strcmp(reported.values[i].type_instance, "cpu_usage_usec") == 0;
  }
  if (counted < read || (counted > read && !variant->samples))
    ck_abort_msg("%s: %g cgroups have values, and %g were read", variant->name,
                 counted, read);
}

static struct collector_pass run(struct collector *collector) {
  struct report_sink sink = recorder_sink(&reported);
  struct collector_pass pass;
  bool before = faults.happened;

  faults.active = true;
  collector_run(collector, &sink, &pass);
  faults.active = false;
  collector_check(collector);
  take_out_own_values(faults.happened == before);
  return pass;
}

/* Samples before and after what is changed for the pass. */
static void sample(struct collector *collector, int pass) {
  const uint64_t times[] = {500, 700, 900};
  struct report_sink sink = recorder_sink(&reported);

  for (size_t i = 0; variant->samples && i < ARRAY_SIZE(times); i++) {
    faults.now_nsec =
        NSEC_PER_SEC * (uint64_t)pass + times[i] * (NSEC_PER_SEC / 1000);
    if (i > 0)
      host_prepare(pass);
    faults.active = true;
    collector_sample(collector, &sink);
    faults.active = false;
    collector_check(collector);
  }
}

static size_t open_descriptors(void) {
  size_t count = 0;
  DIR *stream = opendir("/proc/self/fd");

  ck_assert_ptr_nonnull(stream);
  while (readdir(stream) != NULL)
    count++;
  (void)closedir(stream);
  return count;
}

/* Describes the fault: "v2, the 3rd pread fails with EIO, pass 4". */
static const char *situation(int pass) {
  static char text[256];

  (void)snprintf(text, sizeof(text), "%s, %s number %u: %s, pass %d",
                 variant->name, faults_name(), faults.turn,
                 strerror(faults.error), pass);
  return text;
}

/* A cgroup that no longer exists is not a failure. */
static bool is_vanishing(int error) {
  return error == ENOENT || error == ENODEV;
}

static double number_of(const struct recorded_value *value) {
  return value->type == REPORT_DERIVE ? (double)value->derive : value->gauge;
}

/* Returns whether a single sample is enough for the value: a counter or a
 * limit. */
static bool needs_one_sample(const struct recorded_value *value) {
  static const char *const others[] = {"limit_millicores", "limit_level",
                                       "weight",           "nr_periods",
                                       "nr_throttled",     "nr_bursts"};
  size_t length = strlen(value->type_instance);

  for (size_t i = 0; i < ARRAY_SIZE(others); i++)
    if (strcmp(value->type_instance, others[i]) == 0)
      return true;
  return length > 5 && strcmp(value->type_instance + length - 5, "_usec") == 0;
}

/* On this host, the files of a removed cgroup can still be read. If the fault
 * hides the removal, the cgroup may be reported once more. */
static bool has_just_gone(const struct recorded_value *value, int pass,
                          int fault_pass) {
  return pass > 0 && pass == fault_pass &&
         recorder_find(&expected[pass - 1], value->cgroup, "cpu_usage_usec") !=
             NULL;
}

/* If a partition seems to be removed, its CPUs are missing from its ancestors.
 * Their limits are the limits of cgroups below, then. */
static bool may_lack_cpus(const struct recorded_value *value, int pass,
                          int fault_pass) {
  return is_vanishing(faults.error) && pass == fault_pass &&
         (strcmp(value->type_instance, "limit_millicores") == 0 ||
          strcmp(value->type_instance, "limit_level") == 0 ||
          strcmp(value->type_instance, "of_limit") == 0);
}

/* Returns the expected value for the reported one at `place`, or NULL. While
 * nothing is missing it is at the same place. */
static const struct recorded_value *find_expected(size_t place, int pass) {
  const struct recorded_value *value = &reported.values[place];
  const struct recorded_value *guess = &expected[pass].values[place];

  if (place < expected[pass].count &&
      strcmp(guess->type_instance, value->type_instance) == 0 &&
      strcmp(guess->cgroup, value->cgroup) == 0)
    return guess;
  return recorder_find(&expected[pass], value->cgroup, value->type_instance);
}

/* If a sample is missing, the window is longer, and can end in the interval
 * after the one in which the highest use was. */
static bool has_longer_window(const struct recorded_value *value, double right,
                              int pass) {
  const struct recorded_value *before =
      pass > 0 ? recorder_find(&expected[pass - 1], value->cgroup,
                               value->type_instance)
               : NULL;

  return strcmp(value->type_instance, "peak_millicores") == 0 &&
         (number_of(value) <= right ||
          (before != NULL && number_of(value) <= number_of(before)));
}

static void check_value(size_t place, int pass, int fault_pass) {
  const struct recorded_value *value = &reported.values[place];
  const struct recorded_value *right = find_expected(place, pass);

  if (right == NULL && (has_just_gone(value, pass, fault_pass) ||
                        may_lack_cpus(value, pass, fault_pass)))
    return;
  if (right == NULL)
    ck_abort_msg("%s: %s of %s should not be there", situation(pass),
                 value->type_instance, value->cgroup);
  bool other_level = strcmp(value->type_instance, "limit_level") == 0 &&
                     may_lack_cpus(value, pass, fault_pass);
  bool is_other = number_of(right) < number_of(value) ||
                  number_of(right) > number_of(value);
  if (is_other && !other_level &&
      !has_longer_window(value, number_of(right), pass))
    ck_abort_msg("%s: %s of %s is %g instead of %g", situation(pass),
                 value->type_instance, value->cgroup, number_of(value),
                 number_of(right));
  bool *seen = &arrived[right - expected[pass].values];
  if (*seen)
    ck_abort_msg("%s: %s of %s twice", situation(pass), value->type_instance,
                 value->cgroup);
  *seen = true;
}

static void check_values(int pass, int fault_pass) {
  memset(arrived, 0, sizeof(arrived));
  for (size_t i = 0; i < reported.count; i++)
    check_value(i, pass, fault_pass);
}

/* Returns whether the cgroup is new in this pass. Its use is known only if
 * there was no fault before. */
static bool is_first(const struct recorded_value *value, int pass) {
  return pass > 0 && recorder_find(&expected[pass - 1], value->cgroup,
                                   "cpu_usage_usec") == NULL;
}

static void name_of(const struct host_life *life,
                    char name[INSTANCE_NAME_SIZE]) {
  (void)snprintf(name, INSTANCE_NAME_SIZE, "%s",
                 *life->path != '\0' ? life->path : "root");
  for (char *slash = strchr(name, '/'); slash != NULL;
       slash = strchr(name, '/'))
    *slash = '_';
}

/* Returns whether the value needs a sample between two passes: a failure there
 * is not reported, and the value is missing. */
static bool needs_samples(const struct recorded_value *value, int pass) {
  if (strcmp(value->type_instance, "peak_millicores") == 0)
    return true;
  for (size_t i = 0; variant->samples && i < host_life_count; i++) {
    char name[INSTANCE_NAME_SIZE];
    name_of(&host_lives[i], name);
    if (strcmp(name, value->cgroup) == 0 && pass >= host_lives[i].to)
      return true;
  }
  return false;
}

/* Returns an expected value that was not reported, or NULL. */
static const struct recorded_value *missing_value(int pass,
                                                  bool of_one_sample) {
  for (size_t i = 0; i < expected[pass].count; i++) {
    const struct recorded_value *value = &expected[pass].values[i];

    if (!arrived[i] && !needs_samples(value, pass) &&
        (needs_one_sample(value) || (!of_one_sample && !is_first(value, pass))))
      return value;
  }
  return NULL;
}

static void check_message(const struct collector_pass *outcome, int pass) {
  if (outcome->failed == 0)
    ck_abort_msg("%s: no failure is reported", situation(pass));
  if (outcome->failure.error != -faults.error)
    ck_abort_msg("%s: %s is reported", situation(pass),
                 strerror(-outcome->failure.error));
  if ((strncmp(outcome->failure.path, host_directory(),
               strlen(host_directory())) != 0 &&
       strcmp(outcome->failure.path, MACHINE_CPUS_DIRECTORY) != 0))
    ck_abort_msg("%s: no file is named", situation(pass));
}

static void check_missing(int pass, int fault_pass,
                          const struct collector_pass *outcome) {
  bool after = fault_pass >= 0 && pass == fault_pass + 1;
  const struct recorded_value *value = missing_value(pass, after);

  if (value == NULL)
    return;
  /* If the root cannot be checked with stat(2), the pass continues without
   * that. */
  if (pass != fault_pass || (faults.call == FAULT_stat && pass > 0))
    ck_abort_msg("%s: %s of %s is missing", situation(pass),
                 value->type_instance, value->cgroup);
  if (!is_vanishing(faults.error))
    check_message(outcome, pass);
}

static void check_outcome(int pass, int fault_pass,
                          const struct collector_pass *outcome) {
  /* If there are no more watches, the plugin gives up half of its own. */
  bool for_good =
      faults.call == FAULT_inotify_add_watch && faults.error == ENOSPC;

  if (outcome->missing != NULL &&
      strcmp(outcome->missing, expected_missing) != 0)
    ck_abort_msg("%s: %s", situation(pass), outcome->missing);
  if (pass == fault_pass)
    return;
  if (outcome->failed > 0)
    ck_abort_msg("%s: %s: %s", situation(pass), outcome->failure.path,
                 strerror(-outcome->failure.error));
  if (outcome->watch_error != 0 && !for_good)
    ck_abort_msg("%s: watches: %s", situation(pass),
                 strerror(-outcome->watch_error));
  if (outcome->left_out > 0 || outcome->root_unaccounted)
    ck_abort_msg("%s: some are left out", situation(pass));
}

/* Returns the pass that had the fault; -1: no pass, or the fault was before the
 * first. */
static int live(struct collector *collector) {
  bool started_with_it = faults.happened;
  int fault_pass = -1;
  int last = PASSES - 1;

  for (int pass = 0; pass <= last; pass++) {
    bool before = faults.happened;
    sample(collector, pass);
    prepare(pass);
    struct collector_pass outcome = run(collector);
    if (!before && faults.happened) {
      fault_pass = pass;
      last = pass < FAULTY_PASSES ? pass + LATER_PASSES : last;
    }
    check_values(pass, fault_pass);
    check_missing(pass, fault_pass, &outcome);
    check_outcome(pass, fault_pass, &outcome);
  }
  return started_with_it ? 0 : fault_pass;
}

/* Runs a collector from beginning to end. It must leave no descriptor open. */
static int whole_life(void) {
  size_t before = open_descriptors();

  host_prepare(0);
  set_limit_back();
  struct collector *collector = make_collector();
  int fault_pass = live(collector);
  faults.active = true;
  collector_free(collector);
  faults.active = false;
  if (open_descriptors() != before)
    ck_abort_msg("%s: descriptors are left open", situation(PASSES));
  return fault_pass;
}

static void record_expected(void) {
  faults_plan_none();
  host_prepare(0);
  set_limit_back();
  struct collector *collector = make_collector();
  for (int pass = 0; pass < PASSES; pass++) {
    sample(collector, pass);
    prepare(pass);
    struct collector_pass outcome = run(collector);
    ck_assert_uint_eq(outcome.failed, 0);
    if (outcome.missing != NULL)
      (void)snprintf(expected_missing, sizeof(expected_missing), "%s",
                     outcome.missing);
    expected[pass] = reported;
  }
  collector_free(collector);
}

static uint64_t magic(const char *path) {
  (void)path;
  return TMPFS_MAGIC;
}

static void start(const struct variant *wanted) {
  variant = wanted;
  options = (struct options)OPTIONS_DEFAULT;
  options.groups = variant->kind.many ? VALUE_GROUP_CORE : ALL;
  options.keep_open = variant->kind.many ? 200 : 5;
  options.report_self = true;
  options.peak_nsec = variant->samples ? NSEC_PER_SEC / 10 : 0;
  ck_assert_int_eq(selection_add(&options.selection, "/^.*$/"), 0);
  faults.no_openat2 = variant->no_openat2;
  faults.no_types = variant->no_types;
  faults.magic = magic;
  host_make(&variant->kind);
  faults.machine = host_machine();
  record_expected();
}

static void finish(void) {
  faults.machine = NULL;
  host_remove();
  options_release(&options);
}

/* Checks the expected values themselves. */
START_TEST(without_faults) {
  start(&variants[_i]);
  for (int pass = 0; pass < PASSES; pass++)
    for (size_t i = 0; i < host_life_count; i++) {
      char name[INSTANCE_NAME_SIZE];
      name_of(&host_lives[i], name);
      const struct recorded_value *usage =
          recorder_find(&expected[pass], name, "cpu_usage_usec");
      const struct recorded_value *millicores =
          recorder_find(&expected[pass], name, "millicores");
      bool there = pass >= host_lives[i].from && pass < host_lives[i].to;
      bool ended = variants[_i].samples && pass == host_lives[i].to;
      ck_assert_int_eq(usage != NULL, there || ended);
      if (ended) {
        /* It was not used since the pass before. */
        ck_assert_int_eq(usage->derive, host_usage(&host_lives[i], pass - 1));
        ck_assert_double_eq(millicores->gauge, 0);
        continue;
      }
      /* A cgroup that did not exist in the previous pass has started at zero
       * since. */
      bool begins = pass == host_lives[i].from && pass > 0;
      ck_assert_int_eq(millicores != NULL,
                       there && (pass > host_lives[i].from ||
                                 (begins && variants[_i].native)));
      if (usage != NULL)
        ck_assert_int_eq(usage->derive, host_usage(&host_lives[i], pass));
      if (millicores != NULL)
        ck_assert_double_eq_tol(
            millicores->gauge,
            (begins ? host_usage(&host_lives[i], pass) : host_lives[i].usec) /
                1e3,
            1e-9);
    }
  finish();
}
END_TEST

/* All reads of the passes are short, and some are interrupted. */
START_TEST(short_reads) {
  start(&variants[_i]);
  options.reads_idle = true;
  faults.short_reads = true;
  faults_plan_none();
  (void)whole_life();
  ck_assert_uint_gt(faults.reads, 1000);
  faults.short_reads = false;
  finish();
}
END_TEST

/* Returns the number of a call that was not made, or too late. */
static unsigned faults_of(const struct fault_row *row, size_t place) {
  for (unsigned turn = 0;; turn++) {
    if (!faults_are_chosen(place, turn, (size_t)(variant - variants)))
      continue;
    faults_plan(row->call, turn, row->errors[place]);
    if (whole_life() >= FAULTY_PASSES || !faults.happened)
      return turn;
  }
}

START_TEST(one_fault_at_a_time) {
  const struct fault_row *row = cases[_i].row;

  start(cases[_i].variant);
  for (size_t place = 0; row->errors[place] != 0; place++) {
    ck_assert_uint_gt(faults_of(row, place), 0);
    if (variant->kind.many)
      break;
  }
  finish();
}
END_TEST

static size_t high_descriptors(void) {
  size_t count = 0;

  for (int fd = FILE_READER_LOWEST_FD; fd < 4 * FILE_READER_LOWEST_FD; fd++)
    count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

/* If there are no more descriptors in one pass, the next pass opens as many as
 * are allowed. Only one attempt fails, and no other is made in that pass. */
START_TEST(files_are_kept_again) {
  start(&variants[_i]);
  set_limit_back();
  faults_plan_none();
  struct collector *collector = make_collector();
  faults_plan(FAULT_fcntl, 2, _i == 0 ? EMFILE : ENFILE);
  prepare(0);
  (void)run(collector);
  ck_assert_uint_eq(faults.made, 3);
  ck_assert(faults.happened);
  ck_assert_uint_eq(high_descriptors(), 2);
  prepare(1);
  (void)run(collector);
  ck_assert_uint_eq(high_descriptors(), options.keep_open);
  collector_free(collector);
  ck_assert_uint_eq(high_descriptors(), 0);
  finish();
}
END_TEST

static bool finds(enum fault_call call) {
  for (size_t i = 0; i < ARRAY_SIZE(finding); i++)
    if (finding[i] == call)
      return true;
  return false;
}

static bool applies(const struct variant *to, enum fault_call call) {
  if (to->kind.many)
    return finds(call);
  if (call == FAULT_access)
    return to->kind.version == CGROUP_VERSION_1;
  return call != FAULT_openat || to->no_openat2;
}

static void choose_cases(void) {
  case_count = 0;
  for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
    for (size_t j = 0; j < ARRAY_SIZE(rows); j++) {
      if (!applies(&variants[i], rows[j].call))
        continue;
      cases[case_count].variant = &variants[i];
      cases[case_count++].row = &rows[j];
    }
}

Suite *passes_suite(void) {
  choose_cases();

  TCase *tests = case_of(
      "faults in passes", NULL, NULL, FOR_EACH(without_faults, variants),
      FOR_EACH(short_reads, variants), TIMES(files_are_kept_again, 2),
      TIMES(one_fault_at_a_time, case_count));
  tcase_set_timeout(tests, 120);
  return suite_of_case("faults in passes", tests);
}
