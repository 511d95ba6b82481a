/* SPDX-License-Identifier: MIT */
#include "values/rate.h"

#include <errno.h>

#include "util/units.h"

double rate_millicores(uint64_t usec, uint64_t elapsed_nsec) {
  return (double)usec * (double)NSEC_PER_USEC * MILLICORES_PER_CPU /
         (double)elapsed_nsec;
}

/* It divides, because a multiplication could overflow. */
static bool is_possible(uint64_t usec, uint64_t elapsed_nsec) {
  uint64_t elapsed_usec = elapsed_nsec / NSEC_PER_USEC;

  return usec / RATE_CPUS_MAX + (usec % RATE_CPUS_MAX != 0) <= elapsed_usec;
}

int rate_update(struct rate *rate, uint64_t count, uint64_t time_nsec,
                struct rate_interval *interval) {
  struct rate earlier = *rate;
  struct rate now = {.known = true, .count = count, .time_nsec = time_nsec};
  uint64_t elapsed_nsec =
      time_nsec > earlier.time_nsec ? time_nsec - earlier.time_nsec : 0;
  bool too_early = elapsed_nsec < RATE_ELAPSED_MIN_NSEC;

  if (!earlier.known) {
    *rate = now;
    return -ENODATA;
  }
  if (count < earlier.count) {
    *rate = now;
    return -ERANGE;
  }
  if (!is_possible(count - earlier.count,
                   too_early ? RATE_ELAPSED_MIN_NSEC : elapsed_nsec)) {
    *rate = now;
    return -EOVERFLOW;
  }
  if (too_early)
    return -ETIME;

  *rate = now;
  interval->delta = count - earlier.count;
  interval->elapsed_nsec = elapsed_nsec;
  return 0;
}
