/* SPDX-License-Identifier: MIT */
/* cpu.max and similar files: a limit is the one in the file or unknown, and the
 * resulting millicores are a number. */
#include "values/cpu_limit.h"

#include <math.h>

#include "fuzz.h"
#include "util/array.h"
#include "util/cleanup.h"

/* No part of the previous contents may remain. */
static const struct cpu_limit earlier = {11, 22, 33, true};

static bool reference_max(char *text, struct cpu_limit *limit) {
  char *period = text;
  const char *quota = strsep(&period, " ");

  limit->quota_usec = limit->period_usec = 0;
  if (period == NULL)
    return false;
  bool accepted = (strcmp(quota, "max") == 0 ||
                   reference_number(quota, &limit->quota_usec)) &&
                  reference_number(period, &limit->period_usec) &&
                  limit->period_usec > 0;
  if (!accepted)
    limit->quota_usec = limit->period_usec = 0;
  return accepted;
}

static bool reference_quota(char *text, struct cpu_limit *limit) {
  limit->quota_usec = 0;
  return strcmp(text, "-1") == 0 || reference_number(text, &limit->quota_usec);
}

static bool reference_period(char *text, struct cpu_limit *limit) {
  limit->period_usec = 0;
  return reference_number(text, &limit->period_usec);
}

static bool reference_weight(char *text, struct cpu_limit *limit) {
  uint64_t weight = 0;
  bool accepted = reference_number(text, &weight);

  limit->weight = accepted ? (double)weight : 0;
  limit->weight_known = accepted;
  return accepted;
}

static bool reference_shares(char *text, struct cpu_limit *limit) {
  uint64_t shares = 0;
  bool accepted = reference_number(text, &shares);

  limit->weight =
      accepted ? fmin(fmax((double)shares * 100 / 1024, 1), 10000) : 0;
  limit->weight_known = accepted;
  return accepted;
}

static bool reference_idle(char *text, struct cpu_limit *limit) {
  uint64_t idle = 0;
  bool accepted = reference_number(text, &idle);

  if (accepted && idle > 0)
    limit->weight = 0;
  return accepted;
}

static const struct {
  int (*parse)(const char *text, size_t length, struct cpu_limit *limit);
  bool (*reference)(char *text, struct cpu_limit *limit);
} files[] = {
    {cpu_limit_parse_max, reference_max},
    {cpu_limit_parse_quota, reference_quota},
    {cpu_limit_parse_period, reference_period},
    {cpu_limit_parse_weight, reference_weight},
    {cpu_limit_parse_shares, reference_shares},
    {cpu_limit_parse_idle, reference_idle},
};

static void require_number(const struct cpu_limit *limit) {
  double millicores = cpu_limit_quota_millicores(limit);

  REQUIRE(isfinite(millicores) && millicores >= 0);
  REQUIRE((millicores > 0) ==
          (limit->quota_usec > 0 && limit->period_usec > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
    CLEANUP_FREE char *text = fuzz_string(data, size);
    struct cpu_limit expected = earlier;
    struct cpu_limit limit = earlier;

    reference_chomp(text);
    bool accepted = files[i].reference(text, &expected);
    REQUIRE(files[i].parse((const char *)data, size, &limit) ==
            (accepted ? 0 : -EINVAL));
    REQUIRE(limit.quota_usec == expected.quota_usec);
    REQUIRE(limit.period_usec == expected.period_usec);
    REQUIRE(limit.weight_known == expected.weight_known);
    REQUIRE(fabs(limit.weight - expected.weight) <= 1e-9 * expected.weight);
    require_number(&limit);
  }
  return 0;
}
