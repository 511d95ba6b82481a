/* SPDX-License-Identifier: MIT */
#include "values/cpu_stat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "suites.h"
#include "util/array.h"
#include "util/cleanup.h"

static const struct {
  const char *text;
  int status;
  uint64_t usage_usec;
} cpu_stats[] = {
    {"usage_usec 17911428\nuser_usec 9423449\nsystem_usec 8487978\n", 0,
     17911428},
    /* Any order, unknown keys, and keys with the same beginning. */
    {"nr_periods 0\nusage_usec_total 5\nusage 6\nusage_usec 7\nx.y 8\n", 0, 7},
    /* No newline at the end, an empty line, a key without a value. */
    {"usage_usec 12", 0, 12},
    {"\n\nuser_usec\nusage_usec 0\n", 0, 0},
    /* The largest numbers. */
    {"usage_usec 9223372036854775808\n", 0, UINT64_C(1) << 63},
    {"usage_usec 18446744073709551615\n", 0, UINT64_MAX},
    /* No counter. A missing value is better than a wrong one. */
    {"", -ENODATA, 0},
    {"\n", -ENODATA, 0},
    {"usage_usec", -ENODATA, 0},
    {"usage_usec \n", -ENODATA, 0},
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
  struct cpu_stat stat = {0};
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
  struct cpu_stat stat = {0};
  const char *text = usages[_i].text;

  ck_assert_int_eq(
      cpu_stat_parse_nsec(text, strlen(text), CPU_USAGE_USEC, &stat),
      usages[_i].status);
  ck_assert(cpu_stat_has(&stat, CPU_USAGE_USEC) == (usages[_i].status == 0));
  if (usages[_i].status == 0)
    ck_assert_uint_eq(stat.counters[CPU_USAGE_USEC], usages[_i].usage_usec);
}
END_TEST

/* Only the given length ends the text. */
START_TEST(length_is_the_end) {
  struct cpu_stat stat = {0};

  ck_assert_int_eq(cpu_stat_parse("usage_usec 1234", 13, &stat), 0);
  ck_assert_uint_eq(stat.counters[CPU_USAGE_USEC], 12);
  ck_assert_int_eq(cpu_stat_parse_nsec("1234567", 4, CPU_USAGE_USEC, &stat), 0);
  ck_assert_uint_eq(stat.counters[CPU_USAGE_USEC], 1);
  ck_assert_int_eq(cpu_stat_parse("usage_usec 1\0002", 14, &stat), -ENODATA);
}
END_TEST

/* All keys of v2, and the keys that v1 has under other names in nanoseconds. */
START_TEST(all_counters) {
  static const char v2[] =
      "usage_usec 11\nuser_usec 12\nsystem_usec 13\nnice_usec 14\n"
      "core_sched.force_idle_usec 15\nnr_periods 16\nnr_throttled 17\n"
      "throttled_usec 18\nnr_bursts 19\nburst_usec 20\n";
  static const char v1[] = "nr_periods 16\nnr_throttled 17\n"
                           "throttled_time 18999\nnr_bursts 19\n"
                           "burst_time 20000\n";
  const struct {
    const char *text;
    enum cpu_counter first;
  } texts[] = {{v2, CPU_USAGE_USEC}, {v1, CPU_NR_PERIODS}};

  for (size_t i = 0; i < 2; i++) {
    struct cpu_stat stat = {0};
    ck_assert_int_eq(
        cpu_stat_parse(texts[i].text, strlen(texts[i].text), &stat), 0);
    for (enum cpu_counter j = 0; j < CPU_COUNTER_COUNT; j++) {
      bool there = j >= texts[i].first && j <= CPU_BURST_USEC;
      ck_assert(cpu_stat_has(&stat, j) == there);
      if (there)
        ck_assert_uint_eq(stat.counters[j], 11 + j);
    }
  }
}
END_TEST

static const struct {
  const char *text;
  int status;
  uint64_t totals[2];
  bool present[2];
} pressures[] = {
    {"some avg10=7.78 avg60=1.40 avg300=0.29 total=1205295\n"
     "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
     0,
     {1205295, 0},
     {true, true}},
    /* From Linux before 5.13. */
    {"some avg10=0.00 avg60=0.00 avg300=0.00 total=12\n",
     0,
     {12, 0},
     {true, false}},
    {"full avg10=0.00 total=7", 0, {0, 7}, {false, true}},
    {"", -ENODATA, {0, 0}, {false, false}},
    {"some avg10=0.00\n", -ENODATA, {0, 0}, {false, false}},
    {"some total=-1\n", -ENODATA, {0, 0}, {false, false}},
    {"some total=1x\n", -ENODATA, {0, 0}, {false, false}},
    {"most avg10=0.00 total=1\n", -ENODATA, {0, 0}, {false, false}},
    {"some avg10=0.00 total=18446744073709551616\n",
     -ENODATA,
     {0, 0},
     {false, false}},
};

START_TEST(pressure_texts) {
  struct cpu_stat stat = {0};
  const char *text = pressures[_i].text;

  ck_assert_int_eq(cpu_stat_parse_pressure(text, strlen(text), &stat),
                   pressures[_i].status);
  for (unsigned i = 0; i < 2; i++) {
    enum cpu_counter counter = CPU_PRESSURE_SOME_USEC + i;
    ck_assert(cpu_stat_has(&stat, counter) == pressures[_i].present[i]);
    ck_assert_uint_eq(stat.counters[counter], pressures[_i].totals[i]);
  }
}
END_TEST

/* The lines of cpu.pressure are not taken for those of irq.pressure. */
START_TEST(irq_pressure_texts) {
  static const char *const none[] = {"", "some avg10=0.00 total=7\n",
                                     "full avg10=0.00\n", "full total=x\n"};
  static const char text[] =
      "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"
      "full avg10=0.00 avg60=0.00 avg300=0.00 total=822905\n";
  struct cpu_stat stat = {0};

  for (size_t i = 0; i < ARRAY_SIZE(none); i++)
    ck_assert_int_eq(
        cpu_stat_parse_irq_pressure(none[i], strlen(none[i]), &stat), -ENODATA);
  ck_assert_uint_eq(stat.present, 0);
  ck_assert_int_eq(cpu_stat_parse_irq_pressure(text, strlen(text), &stat), 0);
  ck_assert_uint_eq(stat.present, 1U << CPU_PRESSURE_IRQ_USEC);
  ck_assert_uint_eq(stat.counters[CPU_PRESSURE_IRQ_USEC], 822905);
}
END_TEST

static const struct {
  const char *text;
  int status;
  uint32_t present;
  uint64_t throttled_usec;
  uint64_t frozen_usec;
} locals[] = {
    {"throttled_usec 2421940\n", 0, 1U << CPU_THROTTLED_LOCAL_USEC, 2421940, 0},
    {"throttled_time 2421940198\n", 0, 1U << CPU_THROTTLED_LOCAL_USEC, 2421940,
     0},
    {"frozen_usec 409091\n", 0, 1U << CPU_FROZEN_USEC, 0, 409091},
    {"nr_throttled 3\nusage_usec 4\nfrozen_usec 0", 0, 1U << CPU_FROZEN_USEC, 0,
     0},
    /* In v2 without the cpu controller. */
    {"", -ENODATA, 0, 0, 0},
    {"throttled_usec -1\nfrozen_usec 1.5\n", -ENODATA, 0, 0, 0},
    {"usage_usec 7\nnr_throttled 8\n", -ENODATA, 0, 0, 0},
};

START_TEST(local_texts) {
  struct cpu_stat stat = {0};
  const char *text = locals[_i].text;

  ck_assert_int_eq(cpu_stat_parse_local(text, strlen(text), &stat),
                   locals[_i].status);
  ck_assert_uint_eq(stat.present, locals[_i].present);
  ck_assert_uint_eq(stat.counters[CPU_THROTTLED_LOCAL_USEC],
                    locals[_i].throttled_usec);
  ck_assert_uint_eq(stat.counters[CPU_FROZEN_USEC], locals[_i].frozen_usec);
}
END_TEST

static const struct {
  const char *path;
  const char *key;
  enum cpu_counter counter;
  unsigned divisor;
} local_files[] = {
    {"hosts/v1-split/sys/fs/cgroup/cpu/cgroup_cpu_test/cpu.stat.local",
     "throttled_time ", CPU_THROTTLED_LOCAL_USEC, 1000},
    {"throttled/v1/child/"
     "cpu.stat.local",
     "throttled_time ", CPU_THROTTLED_LOCAL_USEC, 1000},
    {"throttled/v2/child/"
     "cpu.stat.local",
     "throttled_usec ", CPU_THROTTLED_LOCAL_USEC, 1},
    {"frozen/"
     "cgroup.stat.local",
     "frozen_usec ", CPU_FROZEN_USEC, 1},
};

START_TEST(captured_local_files) {
  CLEANUP_FREE char *text = fixture_text(local_files[_i].path);
  struct cpu_stat stat = {0};
  const char *number = strstr(text, local_files[_i].key);

  ck_assert_ptr_nonnull(number);
  unsigned long long expected =
      strtoull(number + strlen(local_files[_i].key), NULL, 10);
  ck_assert_int_eq(cpu_stat_parse_local(text, strlen(text), &stat), 0);
  ck_assert_uint_eq(stat.present, 1U << local_files[_i].counter);
  ck_assert_uint_eq(stat.counters[local_files[_i].counter],
                    expected / local_files[_i].divisor);
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
  struct cpu_stat stat = {0};
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
  struct cpu_stat stat = {0};
  unsigned long long expected = strtoull(text, NULL, 10);

  ck_assert_uint_gt(expected, 0);
  ck_assert_int_eq(
      cpu_stat_parse_nsec(text, strlen(text), CPU_USAGE_USEC, &stat), 0);
  ck_assert_uint_eq(stat.counters[CPU_USAGE_USEC], expected / 1000);
}
END_TEST

/* The usage is not taken from this file: another hierarchy counts it. */
START_TEST(throttling_alone) {
  static const char text[] =
      "usage_usec 1\nuser_usec 2\nnr_periods 3\nnr_throttled 4\n"
      "throttled_time 5000\nnr_bursts 6\nburst_time 7000\n";
  struct cpu_stat stat = {.present = 1U << CPU_USAGE_USEC,
                          .counters = {[CPU_USAGE_USEC] = 99}};

  ck_assert_int_eq(cpu_stat_parse_throttling(text, strlen(text), &stat), 0);
  ck_assert_uint_eq(stat.present,
                    1U << CPU_USAGE_USEC | 1U << CPU_NR_PERIODS |
                        1U << CPU_NR_THROTTLED | 1U << CPU_THROTTLED_USEC |
                        1U << CPU_NR_BURSTS | 1U << CPU_BURST_USEC);
  ck_assert_uint_eq(stat.counters[CPU_USAGE_USEC], 99);
  ck_assert_uint_eq(stat.counters[CPU_NR_THROTTLED], 4);
  ck_assert_uint_eq(stat.counters[CPU_THROTTLED_USEC], 5);
  ck_assert_uint_eq(stat.counters[CPU_BURST_USEC], 7);
  ck_assert_int_eq(cpu_stat_parse_throttling("user_usec 2\n",
                                             strlen("user_usec 2\n"), &stat),
                   -ENODATA);
}
END_TEST

#define NONE UINT64_MAX
static const struct {
  const char *text;
  uint64_t per_second;
  uint64_t user_usec;
  uint64_t system_usec;
} ticks[] = {
    {"user 70\nsystem 30\n", 100, 700000, 300000},
    {"system 30\nuser 70", 100, 700000, 300000},
    {"user 3\nsystem 4\n", 1024, 2929, 3906},
    {"user 0\n", 100, 0, NONE},
    {"system 1\nusers 2\nuser x\n", 100, NONE, 10000},
    {"user -1\nsystem 1.5\n", 100, NONE, NONE},
    {"", 100, NONE, NONE},
    /* The number of microseconds would be too large. */
    {"user 18446744073709551615\nsystem 1\n", 100, NONE, 10000},
};

START_TEST(ticks_texts) {
  struct cpu_stat stat = {0};
  const char *text = ticks[_i].text;
  bool user = ticks[_i].user_usec != NONE;
  bool system = ticks[_i].system_usec != NONE;

  ck_assert_int_eq(
      cpu_stat_parse_ticks(text, strlen(text), ticks[_i].per_second, &stat),
      user || system ? 0 : -ENODATA);
  ck_assert_int_eq(cpu_stat_has(&stat, CPU_USER_USEC), user);
  ck_assert_int_eq(cpu_stat_has(&stat, CPU_SYSTEM_USEC), system);
  if (user)
    ck_assert_uint_eq(stat.counters[CPU_USER_USEC], ticks[_i].user_usec);
  if (system)
    ck_assert_uint_eq(stat.counters[CPU_SYSTEM_USEC], ticks[_i].system_usec);
}
END_TEST

Suite *cpu_stat_suite(void) {
  return suite_of("cpu_stat", NULL, NULL, FOR_EACH(v2_texts, cpu_stats),
                  ONCE(irq_pressure_texts), FOR_EACH(local_texts, locals),
                  FOR_EACH(captured_local_files, local_files),
                  FOR_EACH(v1_texts, usages), ONCE(length_is_the_end),
                  ONCE(all_counters), FOR_EACH(pressure_texts, pressures),
                  ONCE(throttling_alone), FOR_EACH(ticks_texts, ticks),
                  FOR_EACH(captured_v2_files, v2_files),
                  FOR_EACH(captured_v1_files, v1_files));
}
