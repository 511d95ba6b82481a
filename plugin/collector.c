/* SPDX-License-Identifier: MIT */
#include "collector.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "find/discovery_update.h"
#include "read/cgroup_limits.h"
#include "read/sampler.h"
#include "report/remainder.h"
#include "tree/naming.h"
#include "tree/tree.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/monotonic.h"
#include "util/open_beneath.h"
#include "values/cpu_rates.h"

struct collector {
  const struct options *options;
  struct hierarchy hierarchy;
  struct tree tree;
  struct discovery discovery;
  struct naming naming;
  char *name_root;
  struct sampler sampler;
  struct cgroup_limits limits;
  /* The `birth` of the root whose directories the sampler has open, plus 1; 0:
   * none are open. */
  uint64_t root_birth;
  /* Passes that read something, counted until missing values were reported. */
  unsigned read_passes;
  bool missing_noted;
  char *missing;
  /* Passes with a tree, counted until unmatched patterns were reported. */
  unsigned pattern_passes;
  char unmatched[SELECTION_UNMATCHED_SIZE];
  /* When the readings of this pass and of the previous one began, in
   * nanoseconds of CLOCK_MONOTONIC; 0: not known. */
  uint64_t begin_nsec;
  uint64_t before_nsec;
  /* The failure of the cgroup that is being read. */
  struct failure failure;
};

static void forget(void *context, struct cgroup *cgroup) {
  struct collector *collector = context;

  discovery_forget(&collector->discovery, cgroup);
  naming_forget(&collector->naming, cgroup);
  cgroup_limits_forget(cgroup);
  sampler_forget(&collector->sampler, cgroup);
}

static void open_parts(struct collector *collector) {
  const struct hierarchy *hierarchy = &collector->hierarchy;
  enum cgroup_version versions[CGROUP_CONTROLLER_COUNT];
  const char *root_paths[CGROUP_CONTROLLER_COUNT];
  bool separate[CGROUP_CONTROLLER_COUNT];

  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
    const struct hierarchy_controller *controller = &hierarchy->controllers[i];
    bool own = controller->path != NULL;

    versions[i] = own && controller->version != CGROUP_VERSION_AUTO
                      ? controller->version
                      : hierarchy->version;
    root_paths[i] = own ? controller->path : hierarchy->path;
    separate[i] = own && strcmp(controller->path, hierarchy->path) != 0;
  }
  discovery_open(&collector->discovery);
  sampler_open(&collector->sampler, versions, root_paths,
               collector->options->groups, collector->options->keep_open);
  cgroup_limits_open(&collector->limits, &collector->sampler, separate,
                     MACHINE_CPUS_DIRECTORY);
}

static int may_only_create(void *context, const char *path, uid_t user) {
  const struct collector *collector = context;
  struct stat status;

  if (fstatat(collector->discovery.root_fd, path, &status,
              AT_SYMLINK_NOFOLLOW) < 0)
    return error_is_absence(-errno) ? 0 : -errno;
  return status.st_uid == user && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int open_processes(void *context, const char *path) {
  const struct collector *collector = context;
  char file[PATH_MAX];

  if (snprintf(file, sizeof(file), "%s/cgroup.procs", path) >= PATH_MAX)
    return -ENAMETOOLONG;
  return open_beneath(collector->discovery.root_fd, file, O_RDONLY);
}

/* By default, what is before the usual place of cgroups. */
static int open_naming(struct collector *collector) {
  const char *path = collector->hierarchy.path;
  const char *usual = strstr(path, "/sys/fs/cgroup");
  const char *chosen = collector->options->name_root;

  collector->name_root =
      chosen != NULL
          ? strdup(chosen)
          : strndup(path, usual != NULL ? (size_t)(usual - path) : 0);
  if (collector->name_root == NULL)
    return -ENOMEM;
  int status =
      naming_open(&collector->naming, collector->options->instance_format,
                  collector->name_root);
  collector->naming.is_owned_by = may_only_create;
  collector->naming.context = collector;
  collector->naming.conmon.open_processes = open_processes;
  collector->naming.conmon.context = collector;
  collector->naming.docker.labels = collector->options->labels;
  collector->naming.docker.label_count = collector->options->label_count;
  return status;
}

int collector_new(struct hierarchy *hierarchy, const struct options *options,
                  struct collector **collector) {
  struct collector *new = calloc(1, sizeof(*new));

  *collector = new;
  if (new == NULL) {
    hierarchy_release(hierarchy);
    return -ENOMEM;
  }
  new->options = options;
  new->hierarchy = *hierarchy;
  *hierarchy = (struct hierarchy){0};
  new->tree = (struct tree){
      .selection = &options->selection,
      .instance_format = options->instance_format,
      .root_length = strlen(new->hierarchy.path),
      .on_remove = forget,
      .context = new,
  };
  new->discovery = (struct discovery){
      .root_path = new->hierarchy.path,
      .max_depth = options->max_depth,
      .max_cgroups = options->max_cgroups,
      .native = new->hierarchy.native,
  };
  open_parts(new);
  int status = open_naming(new);
  if (status < 0) {
    collector_free(new);
    *collector = NULL;
  }
  return status;
}

/* Controllers in the hierarchy of usage share discovery's directory, which
 * stays open. */
static void close_controllers(struct collector *collector) {
  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    if (collector->hierarchy.controllers[i].path != NULL &&
        collector->sampler.root_fds[i] >= 0)
      (void)close(TAKE_FD(collector->sampler.root_fds[i]));
}

/* Opens the directories that are not open. */
static void open_controllers(struct collector *collector) {
  const struct hierarchy *hierarchy = &collector->hierarchy;

  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
    const char *path = hierarchy->controllers[i].path;
    bool same = hierarchy->version == CGROUP_VERSION_2 || i == CGROUP_CPUACCT;
    int *fd = &collector->sampler.root_fds[i];

    if (path == NULL)
      *fd = same ? collector->discovery.root_fd : -ENOENT;
    else if (*fd < 0 &&
             (*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
      *fd = -errno;
  }
}

void collector_free(struct collector *collector) {
  if (collector == NULL)
    return;
  tree_release(&collector->tree);
  cgroup_limits_close(&collector->limits);
  close_controllers(collector);
  discovery_close(&collector->discovery);
  naming_close(&collector->naming);
  free(collector->name_root);
  hierarchy_release(&collector->hierarchy);
  free(collector->missing);
  free(collector);
}

static struct cpu_sample *sample_before(const struct cgroup *cgroup) {
  return cgroup->details != NULL ? &cgroup->details->before : NULL;
}

/* Any error but absence keeps the previous readings: the next rate is the mean
 * since then. */
static void handle_failure(struct collector *collector, struct cgroup *cgroup,
                           int error, struct collector_pass *pass) {
  bool is_absent = error_is_absence(error);

  if (is_absent) {
    cgroup->use.rate = (struct rate){0};
    cpu_rates_forget(sample_before(cgroup));
  }
  /* A cgroup that was removed after the update of the tree is not a failure. */
  if (cgroup->parent != NULL && is_absent)
    return;
  if (cgroup->parent == NULL && error == -ENOENT &&
      collector->hierarchy.version == CGROUP_VERSION_2)
    pass->root_unaccounted = true;
  else
    tree_note_failure(cgroup, collector->hierarchy.path,
                      sampler_core_file(&collector->sampler), error,
                      &collector->failure);
}

static bool is_reported(const struct collector *collector,
                        const struct cgroup *cgroup) {
  return cgroup->selected &&
         !(collector->options->leaves_only && cgroup->selected_below);
}

/* On v2, a read makes the kernel first sum up the whole subtree. It does so
 * only once if the children of the root are read before all their
 * descendants. */
static bool is_read(const struct collector *collector,
                    const struct cgroup *cgroup) {
  return cgroup->selected ||
         (collector->hierarchy.version == CGROUP_VERSION_2 &&
          cgroup->depth == 1 && cgroup->selected_below);
}

/* Skips a cgroup if its files may belong to another cgroup now. */
static int read_sample(struct collector *collector, struct cgroup *cgroup,
                       struct cpu_sample *sample) {
  unsigned groups = collector->options->groups;
  bool reported = is_reported(collector, cgroup);

  if (!is_read(collector, cgroup))
    return -ECANCELED;
  if (discovery_doubts(&collector->discovery, cgroup))
    return -ENODEV;
  /* Throttling shows that a limit may have changed. So it is read even if the
   * cgroup is not reported. */
  return sampler_read(&collector->sampler, cgroup,
                      reported ? groups : groups & (unsigned)VALUE_GROUP_LIMIT,
                      sample, &collector->failure);
}

/* Returns whether the cgroup was created since the previous pass. */
static bool is_born(const struct collector *collector,
                    const struct cgroup *cgroup) {
  return cgroup->discovery.born == collector->discovery.updates &&
         collector->before_nsec != 0;
}

/* Returns when the previous pass read the parent, or else when it began to
 * read: a cgroup that was created since then used nothing before. With the same
 * interval for both, its part in the use of the parent is what it used. */
static uint64_t before_birth(const struct collector *collector,
                             const struct cgroup *cgroup) {
  const struct cgroup_use *parent = &cgroup->parent->use;
  uint64_t begin = parent->interval.elapsed_nsec > 0
                       ? parent->rate.time_nsec - parent->interval.elapsed_nsec
                       : 0;

  return begin > collector->before_nsec ? begin : collector->before_nsec;
}

static bool wants_limits(const struct collector *collector) {
  return (collector->options->groups & VALUE_GROUP_LIMIT) != 0;
}

static bool is_sampled(const void *context, const struct cgroup *cgroup) {
  return is_read(context, cgroup);
}

static void begin_limits(struct collector *collector,
                         struct cgroup *const *order,
                         struct collector_pass *pass) {
  if (!wants_limits(collector))
    return;
  pass->failed +=
      cgroup_limits_begin(&collector->limits, order, collector->tree.count,
                          discovery_is_settled(&collector->discovery),
                          is_sampled, collector, &pass->failure);
}

/* `sample` may be NULL. */
static void update_limit(struct collector *collector, struct cgroup *cgroup,
                         const struct cpu_sample *sample) {
  const struct rate_interval *interval = &cgroup->use.interval;

  if (!wants_limits(collector))
    return;
  cgroup_limits_update(
      &collector->limits, cgroup, sample != NULL ? &sample->stat : NULL,
      interval->elapsed_nsec > 0 ? rate_interval_millicores(interval) : 0,
      &collector->failure);
}

static void report_cgroup(const struct collector *collector,
                          const struct cgroup *cgroup,
                          const struct cpu_sample *sample,
                          const struct cpu_rates *rates,
                          const struct report_sink *sink) {
  const struct cgroup_details *details = cgroup->details;

  report_sample(sink, &(struct report_sample){
                          .cgroup = cgroup,
                          .groups = collector->options->groups,
                          .now = sample,
                          .rates = rates,
                          .limit = details != NULL ? &details->limit.own : NULL,
                          .limit_millicores =
                              details != NULL ? details->limit.millicores : 0,
                          .limit_level = details != NULL ? details->limit.level
                                                         : CGROUP_LEVEL_NONE,
                      });
}

static void take_sample(struct collector *collector, struct cgroup *cgroup,
                        const struct cpu_sample *sample,
                        const struct report_sink *sink) {
  struct cpu_sample *before = sample_before(cgroup);
  bool born = is_born(collector, cgroup);
  bool complete = collector->failure.error == 0 || born;
  struct cpu_rates rates;

  if (born)
    cpu_rates_begin(&cgroup->use.rate, before, before_birth(collector, cgroup));
  cpu_rates_update(&cgroup->use.rate, before, sample, complete, &rates);
  if (cpu_rates_of(&rates, CPU_USAGE_USEC) != NULL)
    cgroup->use.interval = *cpu_rates_of(&rates, CPU_USAGE_USEC);
  update_limit(collector, cgroup, sample);
  if (!is_reported(collector, cgroup))
    cpu_rates_forget(before);
  else if (!cgroup->waits)
    report_cgroup(collector, cgroup, sample, &rates, sink);
}

static void read_and_report(struct collector *collector, struct cgroup *cgroup,
                            const struct report_sink *sink,
                            struct collector_pass *pass) {
  struct cpu_sample sample;

  cgroup->use.interval = (struct rate_interval){0};
  cgroup->use.below_usec = 0;
  int status = read_sample(collector, cgroup, &sample);
  if (status == 0) {
    pass->read++;
    take_sample(collector, cgroup, &sample, sink);
    return;
  }
  update_limit(collector, cgroup, NULL);
  if (status != -ECANCELED)
    handle_failure(collector, cgroup, status, pass);
}

static void collect(struct collector *collector, struct cgroup *cgroup,
                    const struct report_sink *sink,
                    struct collector_pass *pass) {
  collector->failure.error = 0;
  read_and_report(collector, cgroup, sink, pass);
  pass->failed += collector->failure.error < 0;
  failure_merge(&pass->failure, &collector->failure);
}

/* Reports missing values once, after a second pass that read something, if
 * nothing failed. Because some files can never be read, it does not wait longer
 * than COLLECTOR_PATTERN_PASSES. */
static void note_missing(struct collector *collector,
                         struct collector_pass *pass) {
  if (collector->missing_noted || pass->read == 0)
    return;
  collector->read_passes++;
  if (collector->read_passes < 2 ||
      (pass->failed > 0 && collector->read_passes < COLLECTOR_PATTERN_PASSES))
    return;
  collector->missing_noted = true;
  collector->missing = sampler_explain_missing(&collector->sampler);
  pass->missing = collector->missing;
}

/* Reports unmatched patterns once. While some cgroups are left out, a pattern
 * may match one of them. */
static void note_unmatched(struct collector *collector,
                           struct collector_pass *pass) {
  if (collector->pattern_passes >= COLLECTOR_PATTERN_PASSES ||
      pass->left_out > 0)
    return;
  if (++collector->pattern_passes < COLLECTOR_PATTERN_PASSES)
    return;
  if (selection_unmatched(&collector->options->selection,
                          collector->unmatched) > 0)
    pass->unmatched = collector->unmatched;
}

static void begin_readings(struct collector *collector,
                           const struct report_sink *sink) {
  collector->before_nsec = collector->begin_nsec;
  collector->begin_nsec = 0;
  (void)monotonic_nsec(&collector->begin_nsec);
  if (sink->begin != NULL)
    sink->begin(sink->context);
}

static void report_remainders(const struct collector *collector,
                              struct cgroup *const *order,
                              const struct report_sink *sink) {
  struct remainder_times times = {.before_nsec = collector->before_nsec,
                                  .begin_nsec = collector->begin_nsec,
                                  .end_nsec = collector->begin_nsec};

  if (!collector->options->leaves_only)
    return;
  if (times.begin_nsec != 0)
    (void)monotonic_nsec(&times.end_nsec);
  remainder_report(order, collector->tree.count, &times, sink);
}

void collector_run(struct collector *collector, const struct report_sink *sink,
                   struct collector_pass *pass) {
  *pass = (struct collector_pass){.root_path = collector->hierarchy.path};
  if (hierarchy_is_gone(&collector->hierarchy)) {
    pass->gone = collector->hierarchy.path;
    return;
  }
  discovery_update(&collector->discovery, &collector->tree, &pass->failure);
  pass->failed += pass->failure.error < 0;
  pass->left_out = collector->discovery.left_out;
  pass->watch_error = discovery_watch_error(&collector->discovery);
  naming_update(&collector->naming, &collector->tree, &pass->names_denied);
  if (collector->discovery.has_new_mount_point)
    pass->mount_point = collector->discovery.mount_point;

  struct cgroup *const *order = tree_order(&collector->tree);
  if (order == NULL) {
    if (pass->failed == 0)
      failure_note(&pass->failure, -ENOMEM, "%s", collector->hierarchy.path);
    pass->failed = 1;
    return;
  }
  if (collector->root_birth != order[0]->birth + 1) {
    close_controllers(collector);
    collector->limits.complete = false;
  }
  open_controllers(collector);
  collector->root_birth = order[0]->birth + 1;
  collector->sampler.pass++;
  file_reader_begin_pass(&collector->sampler.reader);
  begin_limits(collector, order, pass);
  begin_readings(collector, sink);
  for (size_t i = 0; i < collector->tree.count; i++)
    collect(collector, order[i], sink, pass);
  report_remainders(collector, order, sink);
  note_missing(collector, pass);
  note_unmatched(collector, pass);
}

void collector_describe(const struct collector *collector,
                        const struct cgroup *cgroup, naming_attribute each,
                        void *context) {
  naming_describe(&collector->naming, cgroup, each, context);
}

#ifndef NDEBUG
void collector_check(struct collector *collector) {
  struct cgroup *const *order = tree_order(&collector->tree);
  size_t kept = 0;

  tree_check(&collector->tree);
  discovery_check(&collector->discovery, &collector->tree);
  if (order == NULL && collector->tree.root != NULL)
    return;
  for (size_t i = 0; order != NULL && i < collector->tree.count; i++)
    for (size_t j = 0; j < COUNTER_FILES_MAX; j++)
      kept += order[i]->fds[j] >= 0;
  assert(collector->sampler.reader.kept == kept);
}
#else
void collector_check(struct collector *collector) { (void)collector; }
#endif
