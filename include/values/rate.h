/* SPDX-License-Identifier: MIT */
/* From two readings of one counter and the time between them: its rate. */
#ifndef CGROUP_CPU_RATE_H
#define CGROUP_CPU_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Readings closer together than this make no rate: a microsecond counter says
 * nothing exact about less. */
#define RATE_ELAPSED_MIN_NSEC UINT64_C(1000000)

/* No machine that Linux runs on has more CPUs: the largest NR_CPUS of its
 * configurations (arch/x86/Kconfig, "MAXSMP"). How many this machine has is no
 * bound: a sandbox may show fewer, or count faster than its CPUs run. */
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

/* Takes the reading `count`, made at `time_nsec` on a monotonic clock,
 * and fills `interval` with what went on since the reading before.
 *
 * Returns 0, or when there is no rate to tell:
 * -ENODATA  this is the first reading,
 * -ERANGE   the counter went back: it was reset,
 * -EOVERFLOW  the counter went up by more than RATE_CPUS_MAX CPUs can use in
 *           that time: one of the two readings is false,
 * -ETIME    less than RATE_ELAPSED_MIN_NSEC went by; the earlier reading is
 *           kept, so that the next interval begins there.
 */
int rate_update(struct rate *rate, uint64_t count, uint64_t time_nsec,
                struct rate_interval *interval);

/* The millicores of `usec` microseconds of CPU time in `elapsed_nsec`
 * nanoseconds, which are not 0. */
double rate_millicores(uint64_t usec, uint64_t elapsed_nsec);

#endif
