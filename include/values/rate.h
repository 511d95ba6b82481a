/* SPDX-License-Identifier: MIT */
/* Computes the rate of one counter from two readings and the time between them.
 */
#ifndef CGROUP_CPU_RATE_H
#define CGROUP_CPU_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Readings closer together give no rate: a counter of microseconds is not exact
 * enough. */
#define RATE_ELAPSED_MIN_NSEC UINT64_C(1000000)

/* No machine that runs Linux has more CPUs: the largest NR_CPUS of any
 * configuration (arch/x86/Kconfig, "MAXSMP"). The number of CPUs of this
 * machine is not a bound: a sandbox may show fewer, or count faster than its
 * CPUs run. */
#define RATE_CPUS_MAX UINT64_C(8192)

/* The earlier reading of a counter; all zero is none. */
struct rate {
  bool known;
  uint64_t count;
  uint64_t time_nsec;
};

struct rate_interval {
  /* In the unit of the counter: microseconds, or periods. */
  uint64_t delta;
  uint64_t elapsed_nsec;
};

/* Takes the reading `count`, made at `time_nsec` on a monotonic clock. Fills
 * `interval` with the difference from the earlier reading, which it replaces.
 *
 * Returns 0, or one of these without an interval:
 *
 *   -ENODATA    this is the first reading
 *   -ERANGE     the counter went back: it was reset
 *   -EOVERFLOW  the counter rose by more than RATE_CPUS_MAX CPUs can use in
 * that time: one of the two readings is wrong -ETIME      less than
 * RATE_ELAPSED_MIN_NSEC passed; the earlier reading is kept, so that the next
 * interval begins there
 */
int rate_update(struct rate *rate, uint64_t count, uint64_t time_nsec,
                struct rate_interval *interval);

/* Returns the millicores of `usec` microseconds of CPU time in `elapsed_nsec`
 * nanoseconds, which must not be 0. */
double rate_millicores(uint64_t usec, uint64_t elapsed_nsec);

/* The same for what a counter of microseconds rose by in an interval. */
static inline double
rate_interval_millicores(const struct rate_interval *interval) {
  return rate_millicores(interval->delta, interval->elapsed_nsec);
}

#endif
