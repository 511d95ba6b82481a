/* SPDX-License-Identifier: MIT */
#include "collector.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "cleanup.h"
#include "counter_file.h"
#include "cpu_stat.h"
#include "rate.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

struct collector {
  struct hierarchy hierarchy;
  char *usage_path;
  /* The root's usage file, kept open; -1 before the first read and after one
   * that failed. */
  int usage_fd;
  struct rate rate;
};

int collector_new(struct hierarchy *hierarchy, struct collector **collector) {
  struct collector *new = calloc(1, sizeof(*new));

  *collector = NULL;
  if (new == NULL) {
    hierarchy_release(hierarchy);
    return -ENOMEM;
  }
  *new = (struct collector){.hierarchy = *hierarchy, .usage_fd = -1};
  *hierarchy = (struct hierarchy){0};
  if (asprintf(&new->usage_path, "%s/%s", new->hierarchy.path,
               hierarchy_usage_file(&new->hierarchy)) < 0) {
    new->usage_path = NULL;
    collector_free(new);
    return -ENOMEM;
  }
  *collector = new;
  return 0;
}

void collector_free(struct collector *collector) {
  if (collector == NULL)
    return;
  if (collector->usage_fd >= 0)
    (void)close(collector->usage_fd);
  free(collector->usage_path);
  hierarchy_release(&collector->hierarchy);
  free(collector);
}

static uint64_t monotonic_nsec(void) {
  struct timespec now;

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static int parse(const struct collector *collector, const char *text,
                 size_t length, struct cpu_stat *stat) {
  return collector->hierarchy.version == CGROUP_VERSION_1
             ? cpu_stat_parse_usage_nsec(text, length, stat)
             : cpu_stat_parse(text, length, stat);
}

/* The kernel takes the counter's value at some time during the call, so the
 * middle of it is nearest to the truth. */
static int read_root(struct collector *collector, struct cpu_stat *stat,
                     uint64_t *time_nsec) {
  char text[CPU_STAT_FILE_MAX];

  if (collector->usage_fd < 0)
    collector->usage_fd = counter_file_open(AT_FDCWD, collector->usage_path);
  if (collector->usage_fd < 0)
    return collector->usage_fd;

  uint64_t before = monotonic_nsec();
  ssize_t length = counter_file_read(collector->usage_fd, text, sizeof(text));
  *time_nsec = before + (monotonic_nsec() - before) / 2;

  int status =
      length < 0 ? (int)length : parse(collector, text, (size_t)length, stat);
  if (status < 0) {
    (void)close(TAKE_FD(collector->usage_fd));
    collector->rate = (struct rate){0};
  }
  return status;
}

void collector_run(struct collector *collector, const struct report_sink *sink,
                   struct collector_pass *pass) {
  struct cpu_stat stat;
  struct rate_interval interval;
  uint64_t time_nsec = 0;

  *pass = (struct collector_pass){0};
  int status = read_root(collector, &stat, &time_nsec);
  if (status < 0) {
    pass->failed = 1;
    pass->error = status;
    pass->failed_file = collector->usage_path;
    return;
  }

  pass->read = 1;
  bool has_rate = rate_update(&collector->rate, stat.counters[CPU_USAGE_USEC],
                              time_nsec, &interval) == 0;
  report_sample(sink, &(struct report_sample){
                          .cgroup = "root",
                          .path = "/",
                          .stat = &stat,
                          .interval = has_rate ? &interval : NULL,
                      });
}
