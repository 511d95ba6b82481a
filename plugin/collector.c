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
#include "read/idle.h"
#include "read/sampler.h"
#include "report/remainder.h"
#include "tree/naming.h"
#include "tree/past_lives.h"
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
  /* With PeakInterval: what was removed since the latest pass; when the latest
   * sample was taken, and when the latest search for cgroups began. */
  struct past_lives past;
  uint64_t sampled_nsec;
  uint64_t searched_nsec;
  /* The failure of the cgroup that is being read. */
  struct failure failure;
};

static void forget(void *context, struct cgroup *cgroup) {
  struct collector *collector = context;

  past_lives_consider(&collector->past, cgroup, collector->begin_nsec);
  discovery_forget(&collector->discovery, cgroup);
  naming_forget(&collector->naming, cgroup);
  cgroup_limits_forget(cgroup);
  sampler_forget(&collector->sampler, cgroup);
  free(TAKE_POINTER(cgroup->details));
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
  collector->sampler.keeps_idle = collector->options->peak_nsec > 0;
  collector->sampler.periods_apart = separate[CGROUP_CPU];
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
  new->past.most = options->peak_nsec > 0 ? options->max_cgroups : 0;
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
  if (collector->tree.root != NULL)
    tree_remove(&collector->tree, collector->tree.root);
  past_lives_end(&collector->past, &collector->tree);
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

/* Returns whether the cgroup was created since the previous pass. */
static bool is_born(const struct collector *collector,
                    const struct cgroup *cgroup) {
  return cgroup->discovery.born == collector->discovery.updates &&
         collector->before_nsec != 0;
}

/* Any error but absence keeps the previous readings: the next rate is the mean
 * since then. Of a new cgroup there is none. */
static void handle_failure(struct collector *collector, struct cgroup *cgroup,
                           int error, struct collector_pass *pass) {
  bool is_absent = error_is_absence(error);

  if (is_absent || is_born(collector, cgroup))
    cgroup->use.rate.known = false;
  if (is_absent) {
    cpu_rates_forget(sample_before(cgroup));
    if (cgroup->samples != NULL)
      cgroup->samples->peak.latest.known = false;
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
static bool is_read_for_others(const struct collector *collector,
                               const struct cgroup *cgroup) {
  return collector->hierarchy.version == CGROUP_VERSION_2 &&
         cgroup->depth == 1 && cgroup->selected_below;
}

static bool is_read(const struct collector *collector,
                    const struct cgroup *cgroup) {
  return cgroup->selected || is_read_for_others(collector, cgroup);
}

/* Returns whether the cgroup need not be read. The root of v2 tells nothing of
 * what is below it: it counts in ticks. Where the kernel's file system is only
 * forwarded, nothing is known of the counters and of changes. */
static bool is_idle(const struct collector *collector,
                    const struct cgroup *cgroup) {
  const struct cgroup *parent = cgroup->parent;

  return parent != NULL && collector->hierarchy.native &&
         !collector->options->reads_idle &&
         (parent->parent != NULL ||
          collector->hierarchy.version == CGROUP_VERSION_1) &&
         discovery_is_followed(parent) && !is_born(collector, cgroup) &&
         idle_is_certain(cgroup);
}

/* Skips a cgroup if its files may belong to another cgroup now. Throttling
 * shows that a limit may have changed. So it is read even if the cgroup is not
 * reported. */
static int read_sample(struct collector *collector, struct cgroup *cgroup,
                       struct cpu_sample *sample, struct collector_pass *pass) {
  unsigned groups =
      collector->options->groups &
      (is_reported(collector, cgroup) ? ~0U : (unsigned)VALUE_GROUP_LIMIT);

  if (!is_read(collector, cgroup))
    return -ECANCELED;
  if (discovery_doubts(&collector->discovery, cgroup))
    return -ENODEV;
  bool idle = is_idle(collector, cgroup);
  if (!idle)
    cgroup->idle_passes = 0;
  else if (cgroup->idle_passes < SAMPLER_ROUND)
    cgroup->idle_passes++;
  if (idle && sampler_repeat(&collector->sampler, cgroup, groups,
                             cgroup->parent->use.rate.time_nsec, sample,
                             &collector->failure)) {
    pass->idle++;
    return 0;
  }
  int status = sampler_read(&collector->sampler, cgroup, groups, sample,
                            &collector->failure);
  pass->read += status == 0;
  return status;
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

/* Collectd calls sooner after a call that was late. */
static uint64_t least_between_samples(const struct collector *collector) {
  return collector->options->peak_nsec / 4 * 3;
}

static bool wants_limits(const struct collector *collector) {
  return (collector->options->groups & VALUE_GROUP_LIMIT) != 0;
}

static bool is_reported_now(const void *context, const struct cgroup *cgroup) {
  return is_reported(context, cgroup);
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
                          struct cgroup *cgroup,
                          const struct cpu_sample *sample,
                          const struct cpu_rates *rates,
                          const struct report_sink *sink) {
  const struct cgroup_details *details = cgroup->details;

  report_sample(
      sink, &(struct report_sample){
                .cgroup = cgroup,
                .groups = collector->options->groups,
                .now = sample,
                .rates = rates,
                .peak = cgroup->samples != NULL ? &cgroup->samples->peak : NULL,
                .limit = details != NULL ? &details->limit : NULL,
            });
}

/* What past lives used under the same name. */
static void add_past(struct cgroup *cgroup, struct cpu_rates *rates) {
  if (cgroup->samples == NULL || cpu_rates_of(rates, CPU_USAGE_USEC) == NULL)
    return;
  rates->intervals[CPU_USAGE_USEC].delta += cgroup->samples->past_usec;
  cgroup->samples->is_given = true;
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
  else if (!cgroup->waits) {
    add_past(cgroup, &rates);
    report_cgroup(collector, cgroup, sample, &rates, sink);
  }
}

/* Takes the latest sample of a cgroup that was removed after it, as if it were
 * read now. Returns whether there is one. */
static bool take_latest(const struct collector *collector,
                        const struct cgroup *cgroup, int error,
                        struct cpu_sample *sample) {
  uint64_t usec = 0;

  if (cgroup->parent == NULL || cgroup->samples == NULL ||
      !error_is_absence(error) || !is_reported(collector, cgroup) ||
      !past_lives_use(cgroup, collector->before_nsec, &usec) ||
      monotonic_nsec(&sample->time_nsec[CPU_USAGE_USEC]) < 0)
    return false;
  sample->stat = (struct cpu_stat){.present = UINT32_C(1) << CPU_USAGE_USEC};
  sample->stat.counters[CPU_USAGE_USEC] = cgroup->samples->peak.latest.count;
  return true;
}

static void read_and_report(struct collector *collector, struct cgroup *cgroup,
                            const struct report_sink *sink,
                            struct collector_pass *pass) {
  struct cpu_sample sample;

  cgroup->use.interval = (struct rate_interval){0};
  cgroup->use.below_usec = 0;
  int status = read_sample(collector, cgroup, &sample, pass);
  if (status == 0) {
    take_sample(collector, cgroup, &sample, sink);
    return;
  }
  if (take_latest(collector, cgroup, status, &sample))
    take_sample(collector, cgroup, &sample, sink);
  else
    update_limit(collector, cgroup, NULL);
  if (status != -ECANCELED)
    handle_failure(collector, cgroup, status, pass);
}

static void collect(struct collector *collector, struct cgroup *cgroup,
                    const struct report_sink *sink,
                    struct collector_pass *pass) {
  collector->failure.error = 0;
  if (cgroup->samples != NULL)
    cgroup->samples->is_given = false;
  read_and_report(collector, cgroup, sink, pass);
  if (cgroup->samples != NULL) {
    peak_forget(&cgroup->samples->peak);
    cgroup->samples->is_over = false;
    cgroup->samples->past_usec = 0;
  }
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

/* Returns the length of the interval in which a past life ended: that of what
 * was above it, or else the time between the readings of both passes. */
static uint64_t elapsed_of_past(const struct collector *collector,
                                const struct cgroup *cgroup) {
  const struct cgroup *above = past_lives_ancestor(cgroup);
  const struct cgroup_use *use = above != NULL ? &above->use : NULL;
  bool known = use != NULL && use->interval.elapsed_nsec > 0 &&
               use->rate.time_nsec - use->interval.elapsed_nsec >=
                   collector->before_nsec;

  return known ? use->interval.elapsed_nsec
               : collector->begin_nsec - collector->before_nsec;
}

/* Reports past lives whose names nobody has. */
static void report_past_lives(struct collector *collector,
                              const struct report_sink *sink) {
  struct cpu_rates rates = {.known = UINT32_C(1) << CPU_USAGE_USEC};
  struct cpu_sample sample = {.stat.present = UINT32_C(1) << CPU_USAGE_USEC};
  struct cgroup *cgroup = NULL;

  if (collector->before_nsec == 0)
    return;
  while ((cgroup = past_lives_next(&collector->past, cgroup)) != NULL) {
    struct rate_interval *interval = &rates.intervals[CPU_USAGE_USEC];

    interval->elapsed_nsec = elapsed_of_past(collector, cgroup);
    if (interval->elapsed_nsec < RATE_ELAPSED_MIN_NSEC)
      continue;
    interval->delta = cgroup->samples->use_usec + cgroup->samples->past_usec;
    sample.stat.counters[CPU_USAGE_USEC] = cgroup->samples->peak.latest.count;
    cgroup->samples->is_given = true;
    report_cgroup(collector, cgroup, &sample, &rates, sink);
  }
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
  past_lives_pass_up(&collector->past);
  if (times.begin_nsec != 0)
    (void)monotonic_nsec(&times.end_nsec);
  remainder_report(order, collector->tree.count, &times, sink);
}

/* Updates the tree. */
static void search(struct collector *collector, struct collector_pass *pass) {
  (void)monotonic_nsec(&collector->searched_nsec);
  discovery_update(&collector->discovery, &collector->tree, &pass->failure);
  pass->failed += pass->failure.error < 0;
  pass->left_out = collector->discovery.left_out;
  pass->watch_error = discovery_watch_error(&collector->discovery);
  naming_update(&collector->naming, &collector->tree, &pass->names_denied);
  if (collector->discovery.has_new_mount_point)
    pass->mount_point = collector->discovery.mount_point;
  collector->discovery.has_new_mount_point = false;
}

/* Reads the cgroups of the tree and reports them. */
static void read_tree(struct collector *collector,
                      const struct report_sink *sink,
                      struct collector_pass *pass) {
  struct cgroup *const *order = tree_order(&collector->tree);

  if (order == NULL) {
    if (pass->failed == 0)
      failure_note(&pass->failure, -ENOMEM, "%s", collector->hierarchy.path);
    pass->failed = 1;
    /* There will be no interval that they ended in. */
    past_lives_end(&collector->past, &collector->tree);
    collector->begin_nsec = 0;
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
  past_lives_begin(&collector->past, &collector->tree,
                   collector->options->leaves_only, is_reported_now, collector);
  begin_limits(collector, order, pass);
  begin_readings(collector, sink);
  for (size_t i = 0; i < collector->tree.count; i++)
    collect(collector, order[i], sink, pass);
  report_past_lives(collector, sink);
  report_remainders(collector, order, sink);
  past_lives_end(&collector->past, &collector->tree);
  note_missing(collector, pass);
  note_unmatched(collector, pass);
}

/* Reports on the plugin itself, if this is wanted. */
static void report_itself(const struct collector *collector,
                          const struct report_sink *sink,
                          const struct collector_pass *pass,
                          uint64_t start_nsec) {
  uint64_t now = start_nsec;

  if (!collector->options->report_self)
    return;
  if (start_nsec != 0)
    (void)monotonic_nsec(&now);
  report_pass(sink, &(struct report_pass){.read = pass->read,
                                          .idle = pass->idle,
                                          .unreadable = pass->failed,
                                          .left_out = pass->left_out,
                                          .elapsed_nsec = now - start_nsec});
}

void collector_run(struct collector *collector, const struct report_sink *sink,
                   struct collector_pass *pass) {
  uint64_t start_nsec = 0;

  *pass = (struct collector_pass){.root_path = collector->hierarchy.path};
  if (hierarchy_is_gone(&collector->hierarchy)) {
    pass->gone = collector->hierarchy.path;
    return;
  }
  (void)monotonic_nsec(&start_nsec);
  search(collector, pass);
  read_tree(collector, sink, pass);
  report_itself(collector, sink, pass, start_nsec);
}

void collector_describe(const struct collector *collector,
                        const struct cgroup *cgroup, naming_attribute each,
                        void *context) {
  naming_describe(&collector->naming, cgroup, each, context);
}

/* Its use since it was created is use in the interval of its parent. */
static void begin_life(const struct collector *collector,
                       struct cgroup *cgroup) {
  const struct rate *parent = &cgroup->parent->use.rate;
  bool read = parent->known && parent->time_nsec >= collector->begin_nsec;

  cpu_rates_begin(&cgroup->use.rate, NULL,
                  read ? parent->time_nsec : collector->begin_nsec);
}

/* Reads the cgroup itself: if no event tells of it, another one may have its
 * path by now. A file that was open before is its own. Returns 0 or a negative
 * errno. */
static int read_between(struct collector *collector, struct cgroup *cgroup,
                        struct cpu_sample *sample) {
  bool is_its_own = sampler_has_open(cgroup);
  int status = sampler_read(&collector->sampler, cgroup, VALUE_GROUP_CORE,
                            sample, &collector->failure);

  return status < 0 || is_its_own ||
                 discovery_is_there(&collector->discovery, cgroup)
             ? status
             : -ENODEV;
}

/* `births`: cgroups younger than this did not exist at `searched_nsec`. */
static void sample_cgroup(struct collector *collector, struct cgroup *cgroup,
                          uint64_t births, uint64_t searched_nsec) {
  struct cpu_sample sample;
  struct cgroup_samples *samples = NULL;

  if (!(is_reported(collector, cgroup) ||
        is_read_for_others(collector, cgroup)) ||
      discovery_doubts(&collector->discovery, cgroup) ||
      (samples = past_lives_samples(cgroup)) == NULL || samples->is_over)
    return;
  int status = read_between(collector, cgroup, &sample);
  samples->is_over = error_is_absence(status);
  if (status < 0 || !is_reported(collector, cgroup))
    return;
  if (cgroup->discovery.born == collector->discovery.updates + 1 &&
      !cgroup->use.rate.known) {
    begin_life(collector, cgroup);
    if (cgroup->birth >= births)
      peak_begin(&samples->peak, searched_nsec);
  }
  peak_take(&samples->peak, sample.stat.counters[CPU_USAGE_USEC],
            sample.time_nsec[CPU_USAGE_USEC], least_between_samples(collector));
}

/* Returns whether the latest pass read the cgroups of this root. */
static bool has_readings(const struct collector *collector) {
  const struct cgroup *root = collector->tree.root;

  return collector->begin_nsec != 0 && root != NULL &&
         collector->root_birth == root->birth + 1;
}

static void log_sampling(const struct report_sink *sink, uint64_t nsec) {
  char line[64];

  if (sink->sample == NULL)
    return;
  (void)snprintf(line, sizeof(line), "Sampled at %.6f s of the monotonic clock",
                 (double)nsec / (double)NSEC_PER_SEC);
  sink->sample(sink->context, line);
}

void collector_sample(struct collector *collector,
                      const struct report_sink *sink) {
  uint64_t now = 0;
  uint64_t searched = collector->searched_nsec;
  uint64_t births = collector->tree.births;

  if (!has_readings(collector) || searched == 0 || monotonic_nsec(&now) < 0 ||
      now - collector->sampled_nsec < least_between_samples(collector))
    return;
  collector->sampled_nsec = collector->searched_nsec = now;
  discovery_follow(&collector->discovery, &collector->tree);
  naming_meet(&collector->naming, &collector->tree);
  struct cgroup *const *order = tree_order(&collector->tree);
  if (order == NULL || monotonic_nsec(&now) < 0)
    return;
  for (size_t i = 0; i < collector->tree.count; i++)
    sample_cgroup(collector, order[i], births, searched);
  log_sampling(sink, now);
}

#ifndef NDEBUG
static bool kept_file(struct cgroup *cgroup, size_t index) {
  const int *fd = file_reader_kept(cgroup, index);

  return fd != NULL && *fd >= 0;
}

void collector_check(struct collector *collector) {
  struct cgroup *const *order = tree_order(&collector->tree);
  size_t kept = 0;

  tree_check(&collector->tree);
  discovery_check(&collector->discovery, &collector->tree);
  if (order == NULL && collector->tree.root != NULL)
    return;
  for (size_t i = 0; order != NULL && i < collector->tree.count; i++)
    for (size_t j = 0; j < COUNTER_FILES_MAX; j++)
      kept += kept_file(order[i], j);
  assert(collector->sampler.reader.kept == kept);
}
#else
void collector_check(struct collector *collector) { (void)collector; }
#endif
