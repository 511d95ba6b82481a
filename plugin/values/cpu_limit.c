/* SPDX-License-Identifier: MIT */
#include "values/cpu_limit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/units.h"
#include "values/number.h"

#define WEIGHT_MIN 1
#define WEIGHT_DEFAULT 100
#define WEIGHT_MAX 10000
#define SHARES_DEFAULT 1024

static size_t trimmed(const char *text, size_t length) {
  return length > 0 && text[length - 1] == '\n' ? length - 1 : length;
}

int cpu_limit_parse_max(const char *text, size_t length,
                        struct cpu_limit *limit) {
  size_t end = trimmed(text, length);
  uint64_t quota = 0;
  uint64_t period = 0;

  limit->quota_usec = limit->period_usec = 0;
  const char *blank = end > 0 ? memchr(text, ' ', end) : NULL;
  if (blank == NULL)
    return -EINVAL;
  size_t first = (size_t)(blank - text);
  bool none = first == strlen("max") && memcmp(text, "max", first) == 0;
  if (number_parse_digits(blank + 1, end - first - 1, &period) < 0 ||
      (!none && number_parse_digits(text, first, &quota) < 0) || period == 0)
    return -EINVAL;
  limit->quota_usec = quota;
  limit->period_usec = period;
  return 0;
}

int cpu_limit_parse_quota(const char *text, size_t length,
                          struct cpu_limit *limit) {
  size_t end = trimmed(text, length);

  limit->quota_usec = 0;
  if (end == strlen("-1") && memcmp(text, "-1", end) == 0)
    return 0;
  return number_parse(text, length, &limit->quota_usec) < 0 ? -EINVAL : 0;
}

int cpu_limit_parse_period(const char *text, size_t length,
                           struct cpu_limit *limit) {
  limit->period_usec = 0;
  return number_parse(text, length, &limit->period_usec) < 0 ? -EINVAL : 0;
}

int cpu_limit_parse_weight(const char *text, size_t length,
                           struct cpu_limit *limit) {
  uint64_t weight = 0;

  limit->weight = 0;
  limit->weight_known = number_parse(text, length, &weight) == 0;
  if (!limit->weight_known)
    return -EINVAL;
  limit->weight = (double)weight;
  return 0;
}

int cpu_limit_parse_shares(const char *text, size_t length,
                           struct cpu_limit *limit) {
  int status = cpu_limit_parse_weight(text, length, limit);

  if (status < 0)
    return status;
  limit->weight = limit->weight * WEIGHT_DEFAULT / SHARES_DEFAULT;
  if (limit->weight < WEIGHT_MIN)
    limit->weight = WEIGHT_MIN;
  if (limit->weight > WEIGHT_MAX)
    limit->weight = WEIGHT_MAX;
  return 0;
}

int cpu_limit_parse_idle(const char *text, size_t length,
                         struct cpu_limit *limit) {
  uint64_t idle = 0;

  if (number_parse(text, length, &idle) < 0)
    return -EINVAL;
  if (idle != 0)
    limit->weight = 0;
  return 0;
}

double cpu_limit_quota_millicores(const struct cpu_limit *limit) {
  return limit->quota_usec > 0 && limit->period_usec > 0
             ? (double)limit->quota_usec * MILLICORES_PER_CPU /
                   (double)limit->period_usec
             : 0;
}
