/* SPDX-License-Identifier: MIT */
#include "values/peak.h"

static bool is_too_soon(const struct peak *peak, uint64_t time_nsec,
                        uint64_t least_nsec) {
  return peak->latest.known &&
         (time_nsec < peak->latest.time_nsec ||
          time_nsec - peak->latest.time_nsec < least_nsec);
}

void peak_take(struct peak *peak, uint64_t count, uint64_t time_nsec,
               uint64_t least_nsec) {
  struct peak window = {.known = true};
  struct rate_interval interval;

  if (is_too_soon(peak, time_nsec, least_nsec) ||
      rate_update(&peak->latest, count, time_nsec, &interval) < 0)
    return;
  window.millicores = rate_interval_millicores(&interval);
  peak_merge(peak, &window);
}
