/* SPDX-License-Identifier: MIT */
/* The highest use of a cgroup between two neighbouring samples. */
#ifndef CGROUP_CPU_PEAK_H
#define CGROUP_CPU_PEAK_H

#include <stdbool.h>
#include <stdint.h>

#include "values/rate.h"

/* All zero: there are no samples. */
struct peak {
  /* The latest sample. */
  struct rate latest;
  /* The highest use so far, in millicores, if two samples are known. */
  bool known;
  double millicores;
};

/* Takes the sample `count`, in microseconds, made at `time_nsec` on a monotonic
 * clock. The kernel counts in ticks: one that comes sooner than `least_nsec`
 * after the latest could make a false peak and is left out, so that the window
 * ends with the next one. If the counter went back, or rose by more than is
 * possible, the windows begin anew. */
void peak_take(struct peak *peak, uint64_t count, uint64_t time_nsec,
               uint64_t least_nsec);

/* Takes a sample of a cgroup that did not exist yet at `time_nsec`. */
static inline void peak_begin(struct peak *peak, uint64_t time_nsec) {
  peak->latest = (struct rate){.known = true, .time_nsec = time_nsec};
}

/* Forgets the peak, but not the latest sample. */
static inline void peak_forget(struct peak *peak) { peak->known = false; }

/* Takes over the peak of `other` if it is higher. */
static inline void peak_merge(struct peak *peak, const struct peak *other) {
  if (other->known && !(peak->known && peak->millicores >= other->millicores)) {
    peak->known = true;
    peak->millicores = other->millicores;
  }
}

#endif
