/* SPDX-License-Identifier: MIT */
#include "collector.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cpu_stat.h"
#include "discovery.h"
#include "rate.h"
#include "reader.h"
#include "tree.h"

struct collector {
  const struct options *options;
  struct hierarchy hierarchy;
  struct tree tree;
  struct discovery discovery;
  struct reader reader;
  char *failed_file;
};

static void forget(void *context, struct cgroup *cgroup) {
  struct collector *collector = context;

  discovery_forget(&collector->discovery, cgroup);
  reader_forget(&collector->reader, cgroup);
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
      .on_remove = forget,
      .context = new,
  };
  new->discovery = (struct discovery){
      .root_path = new->hierarchy.path,
      .max_depth = options->max_depth,
      .max_cgroups = options->max_cgroups,
      .native = new->hierarchy.native,
  };
  discovery_open(&new->discovery);
  reader_open(&new->reader, hierarchy_usage_file(&new->hierarchy),
              options->keep_open);
  return 0;
}

void collector_free(struct collector *collector) {
  if (collector == NULL)
    return;
  tree_release(&collector->tree);
  discovery_close(&collector->discovery);
  hierarchy_release(&collector->hierarchy);
  free(collector->failed_file);
  free(collector);
}

static void note_failure(struct collector *collector,
                         const struct cgroup *cgroup, int error,
                         struct collector_pass *pass) {
  char path[TREE_PATH_SIZE] = "";

  if (pass->failed++ > 0)
    return;
  pass->error = error;
  free(collector->failed_file);
  if (cgroup != NULL)
    (void)tree_path(cgroup, path);
  if (asprintf(&collector->failed_file, "%s%s%s%s", collector->hierarchy.path,
               path, strcmp(path, "/") == 0 || cgroup == NULL ? "" : "/",
               cgroup != NULL ? hierarchy_usage_file(&collector->hierarchy)
                              : "") < 0)
    collector->failed_file = NULL;
  pass->failed_file = collector->failed_file != NULL
                          ? collector->failed_file
                          : collector->hierarchy.path;
}

static int read_counters(struct collector *collector, struct cgroup *cgroup,
                         struct cpu_stat *stat, uint64_t *time_nsec) {
  char text[CPU_STAT_FILE_MAX];
  struct reading reading;

  int status = reader_read(&collector->reader, collector->discovery.root_fd,
                           cgroup, text, sizeof(text), &reading);
  if (status < 0)
    return status;
  *time_nsec = reading.time_nsec;
  return collector->hierarchy.version == CGROUP_VERSION_1
             ? cpu_stat_parse_usage_nsec(text, (size_t)reading.length, stat)
             : cpu_stat_parse(text, (size_t)reading.length, stat);
}

static void handle_failure(struct collector *collector, struct cgroup *cgroup,
                           int error, struct collector_pass *pass) {
  bool is_missing = error == -ENOENT || error == -ENODEV;

  cgroup->rate = (struct rate){0};
  /* One that vanished since the tree was updated is no failure. */
  if (cgroup->parent != NULL && is_missing)
    return;
  if (cgroup->parent == NULL && error == -ENOENT &&
      collector->hierarchy.version == CGROUP_VERSION_2)
    pass->root_unaccounted = true;
  else
    note_failure(collector, cgroup, error, pass);
}

static bool is_reported(const struct collector *collector,
                        const struct cgroup *cgroup) {
  return cgroup->selected &&
         !(collector->options->leaves_only && cgroup->selected_below);
}

/* On v2 a read makes the kernel sum up the whole subtree first. Reading what
 * is next to the root before all below it lets it do so once. */
static bool is_read(const struct collector *collector,
                    const struct cgroup *cgroup) {
  return cgroup->selected ||
         (collector->hierarchy.version == CGROUP_VERSION_2 &&
          cgroup->depth == 1 && cgroup->selected_below);
}

static void collect(struct collector *collector, struct cgroup *cgroup,
                    const struct report_sink *sink,
                    struct collector_pass *pass) {
  struct cpu_stat stat;
  uint64_t time_nsec = 0;

  cgroup->interval = (struct rate_interval){0};
  cgroup->below_usec = 0;
  if (!is_read(collector, cgroup))
    return;
  int status = read_counters(collector, cgroup, &stat, &time_nsec);
  if (status < 0) {
    handle_failure(collector, cgroup, status, pass);
    return;
  }

  pass->read++;
  bool has_rate = rate_update(&cgroup->rate, stat.counters[CPU_USAGE_USEC],
                              time_nsec, &cgroup->interval) == 0;
  if (is_reported(collector, cgroup))
    report_sample(sink, &(struct report_sample){
                            .cgroup = cgroup,
                            .stat = &stat,
                            .interval = has_rate ? &cgroup->interval : NULL,
                        });
}

/* With LeavesOnly, what the reported cgroups below did not use: that of
 * processes beside them, of cgroups that are gone or not yet known for a whole
 * interval, or that are not selected. */
static void report_remainders(struct cgroup *const *order, size_t count,
                              const struct report_sink *sink) {
  while (count-- > 0) {
    struct cgroup *cgroup = order[count];
    const struct rate_interval *interval = &cgroup->interval;
    bool known = cgroup->selected && interval->elapsed_nsec > 0;

    if (cgroup->parent != NULL)
      cgroup->parent->below_usec +=
          known ? interval->delta_usec : cgroup->below_usec;
    if (known && cgroup->selected_below)
      report_remainder(sink, cgroup, interval, cgroup->below_usec);
  }
}

void collector_run(struct collector *collector, const struct report_sink *sink,
                   struct collector_pass *pass) {
  *pass = (struct collector_pass){0};
  int status = discovery_update(&collector->discovery, &collector->tree);
  if (status < 0)
    note_failure(collector, NULL, status, pass);
  pass->left_out = collector->discovery.left_out;
  pass->watch_error = collector->discovery.watch_error;

  struct cgroup *const *order = tree_order(&collector->tree);
  if (order == NULL)
    return;
  for (size_t i = 0; i < collector->tree.count; i++)
    collect(collector, order[i], sink, pass);
  if (collector->options->leaves_only)
    report_remainders(order, collector->tree.count, sink);
}
