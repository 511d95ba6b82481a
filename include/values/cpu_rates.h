/* SPDX-License-Identifier: MIT */
/* Computes the rates of all counters of one cgroup from two samples. */
#ifndef CGROUP_CPU_CPU_RATES_H
#define CGROUP_CPU_CPU_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "values/cpu_stat.h"
#include "values/rate.h"

struct cpu_rates {
  /* Bit (1 << counter) is set if the interval of that counter is known. */
  uint32_t known;
  /* Bit (1 << counter) is set if the counter rose by more than is possible: one
   * of the two readings is wrong. */
  uint32_t impossible;
  struct rate_interval intervals[CPU_COUNTER_COUNT];
};

/* Fills `rates` from the previous sample to `now`, which then becomes the
 * previous sample. `usage` is the earlier reading of CPU_USAGE_USEC; `before`
 * has those of the other counters, or is NULL if only the usage is wanted. If
 * `now` is not `complete`, a file may not have been read: a counter missing in
 * it keeps its earlier reading. */
void cpu_rates_update(struct rate *usage, struct cpu_sample *before,
                      const struct cpu_sample *now, bool complete,
                      struct cpu_rates *rates);

/* Sets the earlier readings of a cgroup that did not exist yet at `time_nsec`
 * to zero: its counters begin with it. Counters of throttling are excluded:
 * they may be in another hierarchy, where the directory can be older. */
void cpu_rates_begin(struct rate *usage, struct cpu_sample *before,
                     uint64_t time_nsec);

/* Forgets the earlier readings of all counters but the usage. */
void cpu_rates_forget(struct cpu_sample *before);

/* Returns the interval of a counter, or NULL if it is not known. */
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
