/* SPDX-License-Identifier: MIT */
#include "rate.h"

#include <errno.h>

/* millicores = Δµs / Δns × (1000 ns per µs) × (1000 millicores per core) */
#define MILLICORES_NSEC_PER_USEC 1e6

double rate_millicores(uint64_t usec, uint64_t elapsed_nsec) {
  return (double)usec * MILLICORES_NSEC_PER_USEC / (double)elapsed_nsec;
}

int rate_update(struct rate *rate, uint64_t usage_usec, uint64_t time_nsec,
                struct rate_interval *interval) {
  struct rate earlier = *rate;
  struct rate now = {
      .known = true, .usage_usec = usage_usec, .time_nsec = time_nsec};

  if (!earlier.known) {
    *rate = now;
    return -ENODATA;
  }
  if (usage_usec < earlier.usage_usec) {
    *rate = now;
    return -ERANGE;
  }
  if (time_nsec < earlier.time_nsec ||
      time_nsec - earlier.time_nsec < RATE_ELAPSED_MIN_NSEC)
    return -ETIME;

  *rate = now;
  interval->delta_usec = usage_usec - earlier.usage_usec;
  interval->elapsed_nsec = time_nsec - earlier.time_nsec;
  interval->millicores =
      rate_millicores(interval->delta_usec, interval->elapsed_nsec);
  return 0;
}
