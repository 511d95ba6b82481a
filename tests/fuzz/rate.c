/* SPDX-License-Identifier: MIT */
/* Millicores follow from the two readings. They are never negative, infinite or
 * NaN, and never more than the CPUs can do. No rate spans a reset or a clock
 * that stood still. */
#include "values/rate.h"

#include <math.h>

#include "fuzz.h"

/* The earlier reading, chosen by the rules of rate_update(). */
struct reading {
  bool known;
  uint64_t usage_usec;
  uint64_t time_nsec;
};

static void require_interval(const struct reading *earlier,
                             const struct reading *now,
                             const struct rate_interval *interval) {
  long double expected =
      (long double)(now->usage_usec - earlier->usage_usec) * 1000 /
      ((long double)(now->time_nsec - earlier->time_nsec) / 1000);

  REQUIRE(interval->delta == now->usage_usec - earlier->usage_usec);
  REQUIRE(interval->elapsed_nsec == now->time_nsec - earlier->time_nsec);
  REQUIRE(interval->elapsed_nsec >= RATE_ELAPSED_MIN_NSEC);
  double millicores = rate_millicores(interval->delta, interval->elapsed_nsec);
  REQUIRE(isfinite(millicores) && millicores >= 0);
  REQUIRE(fabsl(millicores - expected) <= expected * 1e-12L);
  REQUIRE(millicores <= 8192 * 1000);
}

/* Returns whether the counter increased by more than 8192 CPUs can use in this
 * time. The limit is computed by doubling. */
static bool is_too_much(uint64_t usec, uint64_t elapsed_usec) {
  uint64_t most = elapsed_usec;

  for (int doubled = 0; doubled < 13; doubled++) {
    if (most > UINT64_MAX / 2)
      return false;
    most += most;
  }
  return most < usec;
}

static int reference_status(const struct reading *earlier,
                            const struct reading *now) {
  if (!earlier->known)
    return -ENODATA;
  if (now->usage_usec < earlier->usage_usec)
    return -ERANGE;
  uint64_t elapsed_usec = 1000;
  if (now->time_nsec > earlier->time_nsec &&
      now->time_nsec - earlier->time_nsec > 1000000)
    elapsed_usec = (now->time_nsec - earlier->time_nsec) / 1000;
  if (is_too_much(now->usage_usec - earlier->usage_usec, elapsed_usec))
    return -EOVERFLOW;
  if (now->time_nsec < earlier->time_nsec + RATE_ELAPSED_MIN_NSEC ||
      earlier->time_nsec > UINT64_MAX - RATE_ELAPSED_MIN_NSEC)
    return -ETIME;
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct rate rate = {0};
  struct reading earlier = {0};
  uint64_t numbers[2];

  for (; size >= sizeof(numbers);
       data += sizeof(numbers), size -= sizeof(numbers)) {
    struct rate_interval interval = {0};

    memcpy(numbers, data, sizeof(numbers));
    struct reading now = {true, numbers[0], numbers[1]};
    int status = reference_status(&earlier, &now);
    REQUIRE(rate_update(&rate, now.usage_usec, now.time_nsec, &interval) ==
            status);
    if (status == 0)
      require_interval(&earlier, &now, &interval);
    if (status != -ETIME)
      earlier = now;
  }
  return 0;
}
