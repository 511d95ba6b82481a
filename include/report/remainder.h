/* SPDX-License-Identifier: MIT */
/* With LeavesOnly, reports what no reported cgroup used: each microsecond that
 * the root used is in the use of one leaf, or in the remainder of one other
 * cgroup. */
#ifndef CGROUP_CPU_REMAINDER_H
#define CGROUP_CPU_REMAINDER_H

#include <stddef.h>
#include <stdint.h>

#include "report/report.h"
#include "tree/tree.h"

/* When the readings of a pass began and ended, and when those of the previous
 * pass began, in nanoseconds of CLOCK_MONOTONIC; 0: not known. */
struct remainder_times {
  uint64_t before_nsec;
  uint64_t begin_nsec;
  uint64_t end_nsec;
};

/* Reports the remainders of all cgroups in `order`, parents before children,
 * after all of them were read in this pass. `below_usec` of each is 0. */
void remainder_report(struct cgroup *const *order, size_t count,
                      const struct remainder_times *times,
                      const struct report_sink *sink);

#endif
