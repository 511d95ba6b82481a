/* SPDX-License-Identifier: MIT */
/* Decides which values of a cgroup are reported, and under which identifiers of
 * collectd. */
#ifndef CGROUP_CPU_REPORT_H
#define CGROUP_CPU_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tree/tree.h"
#include "values/cpu_rates.h"
#include "values/peak.h"

/* Types of collectd's own types.db. */
enum report_type {
  REPORT_DERIVE,
  REPORT_GAUGE,
  /* From 0 to 100. */
  REPORT_PERCENT,
};

struct report_value {
  /* NULL: the value is about the plugin itself. */
  struct cgroup *cgroup;
  enum report_type type;
  const char *type_instance;
  union {
    int64_t derive;
    /* Also of REPORT_PERCENT. */
    double gauge;
  } value;
};

/* Receives the values: collectd, or a test that records them. Arguments are
 * borrowed for the call. */
struct report_sink {
  void *context;
  /* Called once per pass, before the first cgroup is read. May be NULL. */
  void (*begin)(void *context);
  void (*value)(void *context, const struct report_value *value);
  /* A line about a sample for a person to read. May be NULL. */
  void (*sample)(void *context, const char *line);
  /* Of what is there as a counter and as its rate, such as the CPU use, leave
   * out one of the two. */
  bool without_counters;
  bool without_rates;
};

/* What is known of a cgroup in one pass. */
struct report_sample {
  struct cgroup *cgroup;
  /* A mask of enum value_group: wanted. */
  unsigned groups;
  const struct cpu_sample *now;
  /* The rates since the previous sample. */
  const struct cpu_rates *rates;
  /* NULL: not known. */
  const struct peak *peak;
  /* NULL: not known. */
  const struct cgroup_limit *limit;
};

/* Hands the counters and rates of `sample` to `sink`. Omits counters above
 * INT64_MAX, which collectd cannot represent, and those that rose by more than
 * is possible. */
void report_sample(const struct report_sink *sink,
                   const struct report_sample *sample);

/* What the plugin did in one pass. */
struct report_pass {
  /* Cgroups whose counters were read, and those whose counters are known not to
   * have moved, see read/idle.h. */
  size_t read;
  size_t idle;
  /* Cgroups that could not be read, whole or in part. */
  size_t unreadable;
  /* Cgroups without room because of MaxCgroups; there may be more. */
  size_t left_out;
  /* How long it took, in nanoseconds of CLOCK_MONOTONIC; 0: not known. */
  uint64_t elapsed_nsec;
};

/* Reports how the plugin itself is, as values of no cgroup. */
void report_pass(const struct report_sink *sink,
                 const struct report_pass *pass);

/* Reports what `cgroup` used beyond what is reported for its descendants: so
 * far, in microseconds, and in an interval. NULL: not known. */
void report_remainder(const struct report_sink *sink, struct cgroup *cgroup,
                      uint64_t counter_usec,
                      const struct rate_interval *interval);

#endif
