/* SPDX-License-Identifier: MIT */
#include "cpu_stat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "files.h"
#include "suites.h"

static const struct {
  const char *text;
  int status;
  uint64_t usage_usec;
} cpu_stats[] = {
    {"usage_usec 17911428\nuser_usec 9423449\nsystem_usec 8487978\n", 0,
     17911428},
    /* Any order, keys of another time, keys that only begin alike. */
    {"nr_periods 0\nusage_usec_total 5\nusage 6\nusage_usec 7\nx.y 8\n", 0, 7},
    /* No newline at the end, an empty line, a key without a value. */
    {"usage_usec 12", 0, 12},
    {"\n\nuser_usec\nusage_usec 0\n", 0, 0},
    /* The largest numbers. */
    {"usage_usec 9223372036854775808\n", 0, UINT64_C(1) << 63},
    {"usage_usec 18446744073709551615\n", 0, UINT64_MAX},
    /* No counter: better none than a wrong one. */
    {"", -ENODATA, 0},
    {"\n", -ENODATA, 0},
    {"usage_usec", -ENODATA, 0},
    {"usage_usec \n", -ENODATA, 0},
    {"user_usec 1\nsystem_usec 2\n", -ENODATA, 0},
    {"usage_usec -1\n", -ENODATA, 0},
    {"usage_usec +1\n", -ENODATA, 0},
    {"usage_usec 0x10\n", -ENODATA, 0},
    {"usage_usec 1.5\n", -ENODATA, 0},
    {"usage_usec  1\n", -ENODATA, 0},
    {"usage_usec 1 \n", -ENODATA, 0},
    {"usage_usec\t1\n", -ENODATA, 0},
    {"usage_usec abc\n", -ENODATA, 0},
    {"usage_usec 18446744073709551616\n", -ENODATA, 0},
    {"usage_usec 99999999999999999999999999\n", -ENODATA, 0},
};

START_TEST(v2_texts) {
  struct cpu_stat stat;
  const char *text = cpu_stats[_i].text;

  ck_assert_int_eq(cpu_stat_parse(text, strlen(text), &stat),
                   cpu_stats[_i].status);
  ck_assert(cpu_stat_has(&stat, CPU_USAGE_USEC) == (cpu_stats[_i].status == 0));
  if (cpu_stats[_i].status == 0)
    ck_assert_uint_eq(stat.counters[CPU_USAGE_USEC], cpu_stats[_i].usage_usec);
}
END_TEST

static const struct {
  const char *text;
  int status;
  uint64_t usage_usec;
} usages[] = {
    {"19217229739\n", 0, 19217229},
    {"1999", 0, 1},
    {"0\n", 0, 0},
    {"0000000000000000000000000000012000\n", 0, 12},
    {"9223372036854775808\n", 0, UINT64_C(9223372036854775)},
    {"18446744073709551615\n", 0, UINT64_C(18446744073709551)},
    {"", -ENODATA, 0},
    {"\n", -ENODATA, 0},
    {"-5\n", -EINVAL, 0},
    {"12 34\n", -EINVAL, 0},
    {"12\n34\n", -EINVAL, 0},
    {"12ns\n", -EINVAL, 0},
    {" 12\n", -EINVAL, 0},
    {"18446744073709551616\n", -ERANGE, 0},
};

START_TEST(v1_texts) {
  struct cpu_stat stat;
  const char *text = usages[_i].text;

  ck_assert_int_eq(cpu_stat_parse_usage_nsec(text, strlen(text), &stat),
                   usages[_i].status);
  ck_assert(cpu_stat_has(&stat, CPU_USAGE_USEC) == (usages[_i].status == 0));
  if (usages[_i].status == 0)
    ck_assert_uint_eq(stat.counters[CPU_USAGE_USEC], usages[_i].usage_usec);
}
END_TEST

/* The given length ends the text, nothing else does. */
START_TEST(length_is_the_end) {
  struct cpu_stat stat;

  ck_assert_int_eq(cpu_stat_parse("usage_usec 1234", 13, &stat), 0);
  ck_assert_uint_eq(stat.counters[CPU_USAGE_USEC], 12);
  ck_assert_int_eq(cpu_stat_parse_usage_nsec("1234567", 4, &stat), 0);
  ck_assert_uint_eq(stat.counters[CPU_USAGE_USEC], 1);
  ck_assert_int_eq(cpu_stat_parse("usage_usec 1\0002", 14, &stat), -ENODATA);
}
END_TEST

static const char *const v2_files[] = {
    "hosts/v2/sys/fs/cgroup/cpu.stat",
    "hosts/v2-cpu-controller/sys/fs/cgroup/cgroup_cpu_test/cpu.stat",
    "hosts/gvisor-2024-host-v2/sys/fs/cgroup/cpu.stat",
    "hosts/hybrid/sys/fs/cgroup/unified/cpu.stat",
};

START_TEST(captured_v2_files) {
  CLEANUP_FREE char *text = fixture_text(v2_files[_i]);
  struct cpu_stat stat;
  const char *number = strstr(text, "usage_usec ") + strlen("usage_usec ");
  unsigned long long expected = strtoull(number, NULL, 10);

  ck_assert_uint_gt(expected, 0);
  ck_assert_int_eq(cpu_stat_parse(text, strlen(text), &stat), 0);
  ck_assert_uint_eq(stat.counters[CPU_USAGE_USEC], expected);
}
END_TEST

static const char *const v1_files[] = {
    "hosts/v1-split/sys/fs/cgroup/cpuacct/cpuacct.usage",
    "hosts/v1-cpu,cpuacct/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage",
    "hosts/gvisor-2022-do/sys/fs/cgroup/cpuacct/cpuacct.usage",
};

START_TEST(captured_v1_files) {
  CLEANUP_FREE char *text = fixture_text(v1_files[_i]);
  struct cpu_stat stat;
  unsigned long long expected = strtoull(text, NULL, 10);

  ck_assert_uint_gt(expected, 0);
  ck_assert_int_eq(cpu_stat_parse_usage_nsec(text, strlen(text), &stat), 0);
  ck_assert_uint_eq(stat.counters[CPU_USAGE_USEC], expected / 1000);
}
END_TEST

Suite *cpu_stat_suite(void) {
  Suite *suite = suite_create("cpu_stat");
  TCase *tests = tcase_create("cpu_stat");

  add_test_for_each(tests, v2_texts, cpu_stats);
  add_test_for_each(tests, v1_texts, usages);
  tcase_add_test(tests, length_is_the_end);
  add_test_for_each(tests, captured_v2_files, v2_files);
  add_test_for_each(tests, captured_v1_files, v1_files);
  suite_add_tcase(suite, tests);
  return suite;
}
