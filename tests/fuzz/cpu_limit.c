/* SPDX-License-Identifier: MIT */
/* cpu.max and its like: a limit is what the file says or is not known, and the
 * millicores that come of it are a number. */
#include "cpu_limit.h"

#include <math.h>

#include "cleanup.h"
#include "fuzz.h"

#define CPUS_MAX 65536

/* What was there before must not show through. */
static const struct cpu_limit earlier = {11, 22, 33, 44};

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

/* CPUs are crossed off one by one. */
static bool reference_cpus(char *text, struct cpu_limit *limit) {
  static bool has[CPUS_MAX];
  uint64_t next = 0;

  memset(has, 0, sizeof(has));
  limit->cpus = 0;
  while (text != NULL) {
    char *last_text = strsep(&text, ",");
    const char *first_text = strsep(&last_text, "-");
    uint64_t first = 0;
    uint64_t last = 0;
    if (!reference_number(first_text, &first) ||
        !reference_number(last_text != NULL ? last_text : first_text, &last) ||
        first < next || last < first || last >= CPUS_MAX)
      return false;
    next = last + 1;
    for (uint64_t cpu = first; cpu <= last; cpu++)
      has[cpu] = true;
  }
  for (size_t cpu = 0; cpu < CPUS_MAX; cpu++)
    limit->cpus += has[cpu];
  return true;
}

static bool reference_weight(char *text, struct cpu_limit *limit) {
  uint64_t weight = 0;
  bool accepted = reference_number(text, &weight);

  limit->weight = accepted ? (double)weight : 0;
  return accepted;
}

static bool reference_shares(char *text, struct cpu_limit *limit) {
  uint64_t shares = 0;
  bool accepted = reference_number(text, &shares);

  limit->weight =
      accepted ? fmin(fmax((double)shares * 100 / 1024, 1), 10000) : 0;
  return accepted;
}

static const struct {
  int (*parse)(const char *text, size_t length, struct cpu_limit *limit);
  bool (*reference)(char *text, struct cpu_limit *limit);
} files[] = {
    {cpu_limit_parse_max, reference_max},
    {cpu_limit_parse_quota, reference_quota},
    {cpu_limit_parse_period, reference_period},
    {cpu_limit_parse_cpus, reference_cpus},
    {cpu_limit_parse_weight, reference_weight},
    {cpu_limit_parse_shares, reference_shares},
};

static void require_number(const struct cpu_limit *limit) {
  static const double above[] = {0, 250, 1e300};

  for (size_t i = 0; i < sizeof(above) / sizeof(*above); i++) {
    double millicores = cpu_limit_millicores(limit, above[i], 64);
    REQUIRE(isfinite(millicores) && millicores >= 0);
    REQUIRE(above[i] == 0 || millicores <= above[i]);
    REQUIRE(limit->cpus == 0 || limit->cpus >= 64 ||
            millicores <= limit->cpus * 1000);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
    CLEANUP_FREE char *text = fuzz_string(data, size);
    struct cpu_limit expected = earlier;
    struct cpu_limit limit = earlier;

    reference_chomp(text);
    bool accepted = files[i].reference(text, &expected);
    if (!accepted && expected.cpus != earlier.cpus)
      expected.cpus = 0;
    REQUIRE(files[i].parse((const char *)data, size, &limit) ==
            (accepted ? 0 : -EINVAL));
    REQUIRE(limit.quota_usec == expected.quota_usec);
    REQUIRE(limit.period_usec == expected.period_usec);
    REQUIRE(limit.cpus == expected.cpus);
    REQUIRE(fabs(limit.weight - expected.weight) <= 1e-9 * expected.weight);
    require_number(&limit);
  }
  return 0;
}
