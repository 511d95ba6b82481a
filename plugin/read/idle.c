/* SPDX-License-Identifier: MIT */
#include "read/idle.h"

/* What it used after the parent's reading in the previous pass and before its
 * own would be in the parent's use as well. Without such a reading of its own,
 * nothing is known. That of a parent that is gone is of an earlier time. */
bool idle_is_certain(const struct cgroup *cgroup) {
  const struct cgroup_use *above = &cgroup->parent->use;
  uint64_t before = above->rate.time_nsec - above->interval.elapsed_nsec;

  return above->rate.known && above->interval.elapsed_nsec > 0 &&
         above->interval.delta == 0 && cgroup->use.rate.time_nsec >= before;
}
