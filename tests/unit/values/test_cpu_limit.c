/* SPDX-License-Identifier: MIT */
#include "values/cpu_limit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "suites.h"

static const struct {
  int (*parse)(const char *text, size_t length, struct cpu_limit *limit);
  const char *text;
  int status;
  struct cpu_limit limit;
} texts[] = {
    {cpu_limit_parse_max,
     "20000 100000\n",
     0,
     {.quota_usec = 20000, .period_usec = 100000}},
    {cpu_limit_parse_max, "max 100000\n", 0, {.period_usec = 100000}},
    {cpu_limit_parse_max, "max 100000", 0, {.period_usec = 100000}},
    {cpu_limit_parse_max, "max\n", -EINVAL, {0}},
    {cpu_limit_parse_max, "20000\n", -EINVAL, {0}},
    {cpu_limit_parse_max, "20000 0\n", -EINVAL, {0}},
    {cpu_limit_parse_max, "maximum 100000\n", -EINVAL, {0}},
    {cpu_limit_parse_max, "-1 100000\n", -EINVAL, {0}},
    {cpu_limit_parse_max, "20000 100000 7\n", -EINVAL, {0}},
    {cpu_limit_parse_max, "20000\n 100000\n", -EINVAL, {0}},
    {cpu_limit_parse_max, "20000 100000\n\n", -EINVAL, {0}},
    {cpu_limit_parse_max, "", -EINVAL, {0}},
    {cpu_limit_parse_quota, "50000\n", 0, {.quota_usec = 50000}},
    {cpu_limit_parse_quota, "-1\n", 0, {0}},
    {cpu_limit_parse_quota, "-2\n", -EINVAL, {0}},
    {cpu_limit_parse_quota, "", -EINVAL, {0}},
    {cpu_limit_parse_period, "100000\n", 0, {.period_usec = 100000}},
    {cpu_limit_parse_period, "x\n", -EINVAL, {0}},
    {cpu_limit_parse_weight, "100\n", 0, {.weight_known = true, .weight = 100}},
    {cpu_limit_parse_weight, "idle\n", -EINVAL, {0}},
    /* SCHED_IDLE. */
    {cpu_limit_parse_weight, "0\n", 0, {.weight_known = true}},
    {cpu_limit_parse_shares,
     "1024\n",
     0,
     {.weight_known = true, .weight = 100}},
    {cpu_limit_parse_shares,
     "2048\n",
     0,
     {.weight_known = true, .weight = 200}},
    {cpu_limit_parse_shares, "512\n", 0, {.weight_known = true, .weight = 50}},
    {cpu_limit_parse_shares, "2\n", 0, {.weight_known = true, .weight = 1}},
    {cpu_limit_parse_shares,
     "262144\n",
     0,
     {.weight_known = true, .weight = 10000}},
    {cpu_limit_parse_shares, "\n", -EINVAL, {0}},
};

/* A value that cannot be parsed is unknown, whatever was known before. */
START_TEST(parsed) {
  struct cpu_limit limit = {
      .quota_usec = 7, .period_usec = 7, .weight_known = true, .weight = 7};
  struct cpu_limit expected = texts[_i].limit;
  bool is_quota = texts[_i].parse == cpu_limit_parse_quota;
  bool is_period = texts[_i].parse == cpu_limit_parse_period;
  bool is_max = texts[_i].parse == cpu_limit_parse_max;
  bool is_weight = !is_quota && !is_period && !is_max;

  ck_assert_int_eq(
      texts[_i].parse(texts[_i].text, strlen(texts[_i].text), &limit),
      texts[_i].status);
  ck_assert_uint_eq(limit.quota_usec,
                    is_max || is_quota ? expected.quota_usec : 7);
  ck_assert_uint_eq(limit.period_usec,
                    is_max || is_period ? expected.period_usec : 7);
  ck_assert_double_eq(limit.weight, is_weight ? expected.weight : 7);
  ck_assert_int_eq(limit.weight_known, !is_weight || expected.weight_known);
}
END_TEST

static const struct {
  const char *text;
  int status;
  double weight;
} idles[] = {
    {"1\n", 0, 0},      {"0\n", 0, 7},        {"", -EINVAL, 7},
    {"\n", -EINVAL, 7}, {"-1\n", -EINVAL, 7},
};

START_TEST(idle_groups) {
  struct cpu_limit limit = {.weight_known = true, .weight = 7};

  ck_assert_int_eq(
      cpu_limit_parse_idle(idles[_i].text, strlen(idles[_i].text), &limit),
      idles[_i].status);
  ck_assert_double_eq(limit.weight, idles[_i].weight);
  ck_assert(limit.weight_known);
}
END_TEST

static const struct {
  struct cpu_limit limit;
  double millicores;
} quotas[] = {
    {{0}, 0},
    {{.quota_usec = 20000, .period_usec = 100000}, 200},
    {{.quota_usec = 400000, .period_usec = 100000}, 4000},
    {{.quota_usec = 50000, .period_usec = 10000}, 5000},
    {{.period_usec = 100000}, 0},
    {{.quota_usec = 20000}, 0},
};

START_TEST(millicores_of_quotas) {
  ck_assert_double_eq(cpu_limit_quota_millicores(&quotas[_i].limit),
                      quotas[_i].millicores);
}
END_TEST

Suite *cpu_limit_suite(void) {
  return suite_of("cpu_limit", NULL, NULL, FOR_EACH(parsed, texts),
                  FOR_EACH(idle_groups, idles),
                  FOR_EACH(millicores_of_quotas, quotas));
}
