/* SPDX-License-Identifier: MIT */
/* The clock used for rates: clock_gettime(2), CLOCK_MONOTONIC. */
#ifndef CGROUP_CPU_MONOTONIC_H
#define CGROUP_CPU_MONOTONIC_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

#include "util/units.h"

/* Stores the time in nanoseconds. Returns 0, or a negative errno and stores
 * nothing. */
static inline int monotonic_nsec(uint64_t *nsec) {
  struct timespec now;

  if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
    return -errno;
  *nsec = (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
  return 0;
}

#endif
