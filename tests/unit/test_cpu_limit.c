/* SPDX-License-Identifier: MIT */
#include "cpu_limit.h"

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
    {cpu_limit_parse_cpus, "0-1\n", 0, {.cpus = 2}},
    {cpu_limit_parse_cpus, "3\n", 0, {.cpus = 1}},
    {cpu_limit_parse_cpus, "0-3,8,10-11\n", 0, {.cpus = 7}},
    {cpu_limit_parse_cpus, "0-3,8", 0, {.cpus = 5}},
    {cpu_limit_parse_cpus, "\n", -EINVAL, {0}},
    {cpu_limit_parse_cpus, "3-1\n", -EINVAL, {0}},
    {cpu_limit_parse_cpus, "0,,1\n", -EINVAL, {0}},
    {cpu_limit_parse_cpus, "0-\n", -EINVAL, {0}},
    {cpu_limit_parse_cpus, "0-99999999999\n", -EINVAL, {0}},
    {cpu_limit_parse_cpus, "0\n-3\n", -EINVAL, {0}},
    {cpu_limit_parse_cpus, "0-3\n\n", -EINVAL, {0}},
    {cpu_limit_parse_cpus, "0-3,\n", -EINVAL, {0}},
    /* A CPU counts once; the kernel lists them in their order. */
    {cpu_limit_parse_cpus, "0-3,2\n", -EINVAL, {0}},
    {cpu_limit_parse_cpus, "4,0-3\n", -EINVAL, {0}},
    {cpu_limit_parse_weight, "100\n", 0, {.weight = 100}},
    {cpu_limit_parse_weight, "idle\n", -EINVAL, {0}},
    {cpu_limit_parse_shares, "1024\n", 0, {.weight = 100}},
    {cpu_limit_parse_shares, "2048\n", 0, {.weight = 200}},
    {cpu_limit_parse_shares, "512\n", 0, {.weight = 50}},
    {cpu_limit_parse_shares, "2\n", 0, {.weight = 1}},
    {cpu_limit_parse_shares, "262144\n", 0, {.weight = 10000}},
    {cpu_limit_parse_shares, "\n", -EINVAL, {0}},
};

/* What cannot be read is not known any more, whatever was known before. */
START_TEST(parsed) {
  struct cpu_limit limit = {
      .quota_usec = 7, .period_usec = 7, .cpus = 7, .weight = 7};
  struct cpu_limit expected = texts[_i].limit;
  bool is_quota = texts[_i].parse == cpu_limit_parse_quota;
  bool is_period = texts[_i].parse == cpu_limit_parse_period;
  bool is_max = texts[_i].parse == cpu_limit_parse_max;
  bool is_cpus = texts[_i].parse == cpu_limit_parse_cpus;

  ck_assert_int_eq(
      texts[_i].parse(texts[_i].text, strlen(texts[_i].text), &limit),
      texts[_i].status);
  ck_assert_uint_eq(limit.quota_usec,
                    is_max || is_quota ? expected.quota_usec : 7);
  ck_assert_uint_eq(limit.period_usec,
                    is_max || is_period ? expected.period_usec : 7);
  ck_assert_uint_eq(limit.cpus, is_cpus ? expected.cpus : 7);
  ck_assert_double_eq(limit.weight, is_max || is_quota || is_period || is_cpus
                                        ? 7
                                        : expected.weight);
}
END_TEST

static const struct {
  struct cpu_limit limit;
  double above;
  double millicores;
} effective[] = {
    {{0}, 0, 0},
    {{0}, 300, 300},
    {{.quota_usec = 20000, .period_usec = 100000}, 0, 200},
    {{.quota_usec = 20000, .period_usec = 100000}, 150, 150},
    {{.quota_usec = 20000, .period_usec = 100000}, 500, 200},
    {{.quota_usec = 400000, .period_usec = 100000}, 0, 4000},
    {{.period_usec = 100000}, 0, 0},
    {{.quota_usec = 20000}, 0, 0},
    {{.cpus = 2}, 0, 2000},
    {{.cpus = 2}, 1500, 1500},
    {{.cpus = 2, .quota_usec = 50000, .period_usec = 10000}, 0, 2000},
    /* All of the machine's four CPUs are no limit. */
    {{.cpus = 4}, 0, 0},
    {{.cpus = 4}, 700, 700},
};

START_TEST(effective_limits) {
  ck_assert_double_eq(
      cpu_limit_millicores(&effective[_i].limit, effective[_i].above, 4),
      effective[_i].millicores);
}
END_TEST

Suite *cpu_limit_suite(void) {
  Suite *suite = suite_create("cpu_limit");
  TCase *tests = tcase_create("cpu_limit");

  add_test_for_each(tests, parsed, texts);
  add_test_for_each(tests, effective_limits, effective);
  suite_add_tcase(suite, tests);
  return suite;
}
