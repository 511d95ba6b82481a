/* SPDX-License-Identifier: MIT */
/* What the counters of one cgroup went up by from one sample to the next. */
#ifndef CGROUP_CPU_CPU_RATES_H
#define CGROUP_CPU_CPU_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "values/cpu_stat.h"
#include "values/rate.h"

struct cpu_rates {
  /* Bit (1 << counter) is set when there is an interval for that counter. */
  uint32_t known;
  /* And here when it went up by more than any machine could use: one of the two
   * readings is false. */
  uint32_t impossible;
  struct rate_interval intervals[CPU_COUNTER_COUNT];
};

/* Fills `rates` with what went on since the sample before and makes `now` that
 * sample. `usage` is the earlier reading of CPU_USAGE_USEC; `before` has those
 * of the other counters, or is NULL where only the usage is wanted. A counter
 * that `now` lacks keeps its earlier reading unless `now` is `complete`: it may
 * only not have been read. */
void cpu_rates_update(struct rate *usage, struct cpu_sample *before,
                      const struct cpu_sample *now, bool complete,
                      struct cpu_rates *rates);

/* Sets the earlier readings of a cgroup that did not exist yet at `time_nsec`:
 * its counters begin at zero with it. Those of throttling do not count, as they
 * may be in another hierarchy, where the directory can be older. */
void cpu_rates_begin(struct rate *usage, struct cpu_sample *before,
                     uint64_t time_nsec);

/* Makes the next sample the first one of all counters but the usage. */
void cpu_rates_forget(struct cpu_sample *before);

/* The interval of a counter; NULL: there is none. */
static inline const struct rate_interval *
cpu_rates_of(const struct cpu_rates *rates, enum cpu_counter counter) {
  return (rates->known & (UINT32_C(1) << counter)) != 0
             ? &rates->intervals[counter]
             : NULL;
}

static inline bool cpu_rates_are_impossible(const struct cpu_rates *rates,
                                            enum cpu_counter counter) {
  return (rates->impossible & (UINT32_C(1) << counter)) != 0;
}

#endif
