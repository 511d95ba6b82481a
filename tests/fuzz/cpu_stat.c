/* SPDX-License-Identifier: MIT */
/* cpu.stat, cpu.stat.local, cgroup.stat.local and cpuacct.stat: every counter
 * is that of its last valid line. */
#include "values/cpu_stat.h"

#include "counters.h"
#include "fuzz.h"
#include "util/array.h"

static const struct {
  const char *key;
  enum cpu_counter counter;
  bool nanoseconds;
} lines[] = {
    {"usage_usec", CPU_USAGE_USEC, false},
    {"user_usec", CPU_USER_USEC, false},
    {"system_usec", CPU_SYSTEM_USEC, false},
    {"nice_usec", CPU_NICE_USEC, false},
    {"core_sched.force_idle_usec", CPU_FORCE_IDLE_USEC, false},
    {"nr_periods", CPU_NR_PERIODS, false},
    {"nr_throttled", CPU_NR_THROTTLED, false},
    {"throttled_usec", CPU_THROTTLED_USEC, false},
    {"throttled_time", CPU_THROTTLED_USEC, true},
    {"nr_bursts", CPU_NR_BURSTS, false},
    {"burst_usec", CPU_BURST_USEC, false},
    {"burst_time", CPU_BURST_USEC, true},
};

#define TICKS_PER_SECOND 250

static void reference_line(char *line, struct cpu_stat *stat) {
  char *value = strchr(line, ' ');
  uint64_t number = 0;

  if (value == NULL)
    return;
  *value++ = '\0';
  for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
    if (strcmp(line, lines[i].key) == 0 && reference_number(value, &number)) {
      stat->present |= UINT32_C(1) << lines[i].counter;
      stat->counters[lines[i].counter] =
          lines[i].nanoseconds ? number / 1000 : number;
    }
}

/* Of these counters, finds those of the cpu controller. */
static void reference_throttling(char *line, struct cpu_stat *stat) {
  if (strncmp(line, "nr_", 3) == 0 || strncmp(line, "throttled_", 10) == 0 ||
      strncmp(line, "burst_", 6) == 0)
    reference_line(line, stat);
}

/* The same two keys count something else in the file of a cgroup alone. */
static void reference_local(char *line, struct cpu_stat *stat) {
  struct cpu_stat one = {0};
  uint64_t number = 0;

  if (strncmp(line, "throttled_", 10) == 0) {
    reference_line(line, &one);
    if (cpu_stat_has(&one, CPU_THROTTLED_USEC)) {
      stat->present |= UINT32_C(1) << CPU_THROTTLED_LOCAL_USEC;
      stat->counters[CPU_THROTTLED_LOCAL_USEC] =
          one.counters[CPU_THROTTLED_USEC];
    }
  }
  if (strncmp(line, "frozen_usec ", 12) == 0 &&
      reference_number(line + 12, &number)) {
    stat->present |= UINT32_C(1) << CPU_FROZEN_USEC;
    stat->counters[CPU_FROZEN_USEC] = number;
  }
}

/* The result of a conversion from ticks can be too large for a line's
 * counter. */
static void reference_ticks(char *line, struct cpu_stat *stat) {
  char *value = strchr(line, ' ');
  uint64_t number = 0;

  if (value == NULL)
    return;
  *value++ = '\0';
  bool user = strcmp(line, "user") == 0;
  if ((!user && strcmp(line, "system") != 0) ||
      !reference_number(value, &number))
    return;
  enum cpu_counter counter = user ? CPU_USER_USEC : CPU_SYSTEM_USEC;
  stat->present |= UINT32_C(1) << counter;
  stat->counters[counter] = number;
}

static void require_ticks(const uint8_t *data, size_t size) {
  static const enum cpu_counter both[] = {CPU_USER_USEC, CPU_SYSTEM_USEC};
  struct cpu_stat ticks = reference_counters(data, size, reference_ticks);
  struct cpu_stat stat = {0};

  int status =
      cpu_stat_parse_ticks((const char *)data, size, TICKS_PER_SECOND, &stat);
  REQUIRE(status == (stat.present != 0 ? 0 : -ENODATA));
  for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
    uint64_t number = ticks.counters[both[i]];
    bool fits = number <= UINT64_MAX / (1000000 / TICKS_PER_SECOND);
    REQUIRE(cpu_stat_has(&stat, both[i]) ==
            (fits && cpu_stat_has(&ticks, both[i])));
    REQUIRE(!cpu_stat_has(&stat, both[i]) ||
            stat.counters[both[i]] == number * (1000000 / TICKS_PER_SECOND));
  }
  REQUIRE((stat.present & ~ticks.present) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  compare_counters(data, size, cpu_stat_parse, reference_line);
  compare_counters(data, size, cpu_stat_parse_throttling, reference_throttling);
  compare_counters(data, size, cpu_stat_parse_local, reference_local);
  require_ticks(data, size);
  return 0;
}
