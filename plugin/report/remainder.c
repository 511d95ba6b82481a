/* SPDX-License-Identifier: MIT */
#include "report/remainder.h"

#include <stdbool.h>

#include "util/units.h"

/* The largest tick of a kernel or sandbox. The root of v2 counts in ticks, and
 * gVisor does. */
#define TICK_USEC 10000

/* Returns whether the interval begins before the previous pass, at
 * `before_nsec`, because that pass could not read the cgroup. */
static bool spans_passes(const struct cgroup_use *use, uint64_t before_nsec) {
  return use->rate.time_nsec - use->interval.elapsed_nsec < before_nsec;
}

/* If the interval spans several passes, returns the share of this pass in its
 * use. */
static uint64_t used_in_pass(const struct cgroup_use *use,
                             uint64_t before_nsec) {
  double part = (double)(use->rate.time_nsec - before_nsec) /
                (double)use->interval.elapsed_nsec;

  return spans_passes(use, before_nsec)
             ? (uint64_t)((double)use->interval.delta * part)
             : use->interval.delta;
}

/* Returns by how much the descendants can be ahead, because they are read after
 * the cgroup. A cgroup that counts less than its descendants is no reason to
 * hide what is left later. */
static uint64_t most_ahead(const struct cgroup_use *use,
                           const struct remainder_times *times) {
  double part = (double)(times->end_nsec - times->begin_nsec) /
                (double)use->interval.elapsed_nsec;
  double most = (double)use->below_usec * part + TICK_USEC;

  return most < UINT32_MAX ? (uint64_t)most : UINT32_MAX;
}

/* Returns what is left in this interval. What was reported too early as use of
 * the descendants is missing in the next one: the sum is right over time. */
static uint64_t take_rest(struct cgroup_use *use,
                          const struct remainder_times *times) {
  uint64_t given = use->below_usec + use->ahead_usec;
  uint64_t own = use->interval.delta;
  uint64_t most = most_ahead(use, times);
  uint64_t rest = own > given ? own - given : 0;

  uint64_t ahead = given > own ? given - own : 0;
  use->ahead_usec = (uint32_t)(ahead < most ? ahead : most);
  use->remainder_usec += rest;
  return rest;
}

/* The counter begins at zero when the cgroup is read for the first time. */
static void report_own(struct cgroup *cgroup, bool known,
                       const struct remainder_times *times,
                       const struct report_sink *sink) {
  struct cgroup_use *use = &cgroup->use;
  struct rate_interval rest = use->interval;
  bool is_read = use->rate.known && use->rate.time_nsec >= times->begin_nsec;

  if (known)
    rest.delta = take_rest(use, times);
  else if (!is_read || use->has_remainder)
    return;
  use->has_remainder = true;
  report_remainder(sink, cgroup, use->remainder_usec, known ? &rest : NULL);
}

/* What is left of a cgroup that cannot be reported is in the remainder of its
 * parent. */
void remainder_report(struct cgroup *const *order, size_t count,
                      const struct remainder_times *times,
                      const struct report_sink *sink) {
  while (count-- > 0) {
    struct cgroup *cgroup = order[count];
    struct cgroup_use *use = &cgroup->use;
    bool reported = cgroup->selected && !cgroup->waits;
    bool known =
        reported && use->interval.elapsed_nsec > 0 &&
        !(cgroup->selected_below && spans_passes(use, times->before_nsec));

    if (cgroup->parent != NULL)
      cgroup->parent->use.below_usec +=
          known ? used_in_pass(use, times->before_nsec) : use->below_usec;
    if (reported && cgroup->selected_below)
      report_own(cgroup, known, times, sink);
  }
}
