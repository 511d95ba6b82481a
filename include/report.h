/* SPDX-License-Identifier: MIT */
/* Which values go out for a cgroup, and under which collectd identifiers. */
#ifndef CGROUP_CPU_REPORT_H
#define CGROUP_CPU_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu_stat.h"
#include "rate.h"

/* The types of collectd's own types.db that are used. */
enum report_type {
  REPORT_DERIVE,
  REPORT_GAUGE,
};

struct report_value {
  /* The plugin instance, and the path below the root ("/" is the root). */
  const char *cgroup;
  const char *path;
  enum report_type type;
  const char *type_instance;
  union {
    int64_t derive;
    double gauge;
  } value;
};

/* Who takes the values: collectd, or a test that records them. Everything
 * handed over is borrowed for the time of the call. */
struct report_sink {
  void *context;
  void (*value)(void *context, const struct report_value *value);
  /* A line about a sample, for a person to read. NULL: not wanted. */
  void (*sample)(void *context, const char *line);
};

/* What is known of a cgroup at one time. */
struct report_sample {
  const char *cgroup;
  const char *path;
  const struct cpu_stat *stat;
  /* NULL when there is no rate to tell. */
  const struct rate_interval *interval;
};

/* Hands the values of `sample` to `sink`: the counters that are present, and
 * the rates if there is an interval. Counters above INT64_MAX, which collectd
 * has no number for, are left out. */
void report_sample(const struct report_sink *sink,
                   const struct report_sample *sample);

#endif
