/* SPDX-License-Identifier: MIT */
/* Which values go out for a cgroup, and under which collectd identifiers. */
#ifndef CGROUP_CPU_REPORT_H
#define CGROUP_CPU_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "tree/tree.h"
#include "values/cpu_rates.h"

/* The types of collectd's own types.db that are used. */
enum report_type {
  REPORT_DERIVE,
  REPORT_GAUGE,
  /* From 0 to 100. */
  REPORT_PERCENT,
};

struct report_value {
  const struct cgroup *cgroup;
  enum report_type type;
  const char *type_instance;
  union {
    int64_t derive;
    /* Also of REPORT_PERCENT. */
    double gauge;
  } value;
};

/* Who takes the values: collectd, or a test that records them. Everything
 * handed over is borrowed for the time of the call. */
struct report_sink {
  void *context;
  /* Called once, before the first value: the readings of this pass begin. NULL:
   * not wanted. */
  void (*begin)(void *context);
  void (*value)(void *context, const struct report_value *value);
  /* A line about a sample, for a person to read. NULL: not wanted. */
  void (*sample)(void *context, const char *line);
};

/* What is known of a cgroup at one time. */
struct report_sample {
  const struct cgroup *cgroup;
  /* A mask of enum value_group: what is wanted. */
  unsigned groups;
  const struct cpu_sample *now;
  /* What went on since the sample before. */
  const struct cpu_rates *rates;
  /* NULL: not known. */
  const struct cpu_limit *limit;
  /* 0: no limit. */
  double limit_millicores;
};

/* Hands the values of `sample` to `sink`: the counters that are present, and
 * the rates that there are. Counters above INT64_MAX, which collectd has no
 * number for, are left out, and those that went up by more than is possible. */
void report_sample(const struct report_sink *sink,
                   const struct report_sample *sample);

/* Hands over the millicores that `cgroup` used in `interval` beyond the
 * `below_usec` microseconds of others. The reads of one pass are not all of
 * the same moment; a remainder below zero is told as zero. */
void report_remainder(const struct report_sink *sink,
                      const struct cgroup *cgroup,
                      const struct rate_interval *interval,
                      uint64_t below_usec);

#endif
