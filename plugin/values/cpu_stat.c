/* SPDX-License-Identifier: MIT */
#include "values/cpu_stat.h"

#include <errno.h>
#include <string.h>

#include "util/array.h"
#include "util/units.h"
#include "values/line.h"
#include "values/number.h"

/* From CPU_NR_PERIODS to CPU_BURST_USEC. */
#define THROTTLING_COUNTERS                                                    \
  ((UINT32_C(2) << CPU_BURST_USEC) - (UINT32_C(1) << CPU_NR_PERIODS))

struct key {
  const char *name;
  enum cpu_counter counter;
  unsigned divisor;
};

/* The keys of cpu.stat. In v1, two of them have other names and count
 * nanoseconds. */
static const struct key stat_keys[] = {
    {"usage_usec", CPU_USAGE_USEC, 1},
    {"user_usec", CPU_USER_USEC, 1},
    {"system_usec", CPU_SYSTEM_USEC, 1},
    {"nice_usec", CPU_NICE_USEC, 1},
    {"core_sched.force_idle_usec", CPU_FORCE_IDLE_USEC, 1},
    {"nr_periods", CPU_NR_PERIODS, 1},
    {"nr_throttled", CPU_NR_THROTTLED, 1},
    {"throttled_usec", CPU_THROTTLED_USEC, 1},
    {"throttled_time", CPU_THROTTLED_USEC, NSEC_PER_USEC},
    {"nr_bursts", CPU_NR_BURSTS, 1},
    {"burst_usec", CPU_BURST_USEC, 1},
    {"burst_time", CPU_BURST_USEC, NSEC_PER_USEC},
};

/* The keys of cpu.stat.local, in v2 and in v1, and of cgroup.stat.local. */
static const struct key local_keys[] = {
    {"throttled_usec", CPU_THROTTLED_LOCAL_USEC, 1},
    {"throttled_time", CPU_THROTTLED_LOCAL_USEC, NSEC_PER_USEC},
    {"frozen_usec", CPU_FROZEN_USEC, 1},
};

static void set_counter(struct cpu_stat *stat, enum cpu_counter counter,
                        uint64_t value) {
  stat->counters[counter] = value;
  stat->present |= UINT32_C(1) << counter;
}

static bool parse_key_line(const char *line, size_t length,
                           const struct key *keys, size_t count,
                           struct cpu_stat *stat) {
  const char *blank = memchr(line, ' ', length);
  uint64_t value = 0;

  if (blank == NULL)
    return false;
  size_t key_length = (size_t)(blank - line);
  for (size_t i = 0; i < count; i++)
    if (strlen(keys[i].name) == key_length &&
        memcmp(keys[i].name, line, key_length) == 0 &&
        number_parse_digits(blank + 1, length - key_length - 1, &value) == 0) {
      set_counter(stat, keys[i].counter, value / keys[i].divisor);
      return true;
    }
  return false;
}

static bool parse_stat_line(const char *line, size_t length,
                            struct cpu_stat *stat) {
  return parse_key_line(line, length, stat_keys, ARRAY_SIZE(stat_keys), stat);
}

static bool parse_local_line(const char *line, size_t length,
                             struct cpu_stat *stat) {
  return parse_key_line(line, length, local_keys, ARRAY_SIZE(local_keys), stat);
}

/* A line that begins with `kind`, as in
 * "some avg10=0.00 avg60=0.00 avg300=0.00 total=822905". */
static bool parse_total(const char *line, size_t length, const char *kind,
                        enum cpu_counter counter, struct cpu_stat *stat) {
  static const char total[] = " total=";
  const char *found = memmem(line, length, total, strlen(total));
  size_t kind_length = strlen(kind);
  uint64_t value = 0;

  if (found == NULL || length <= kind_length ||
      memcmp(line, kind, kind_length) != 0)
    return false;
  const char *digits = found + strlen(total);
  if (number_parse_digits(digits, (size_t)(line + length - digits), &value) < 0)
    return false;
  set_counter(stat, counter, value);
  return true;
}

static bool parse_pressure_line(const char *line, size_t length,
                                struct cpu_stat *stat) {
  return parse_total(line, length, "some ", CPU_PRESSURE_SOME_USEC, stat) ||
         parse_total(line, length, "full ", CPU_PRESSURE_FULL_USEC, stat);
}

static bool parse_irq_pressure_line(const char *line, size_t length,
                                    struct cpu_stat *stat) {
  return parse_total(line, length, "full ", CPU_PRESSURE_IRQ_USEC, stat);
}

static int parse_lines(const char *text, size_t length, struct cpu_stat *stat,
                       bool (*parse_line)(const char *line, size_t length,
                                          struct cpu_stat *stat)) {
  int status = -ENODATA;
  const char *line;

  while (length > 0) {
    size_t line_length = line_take(&text, &length, &line);
    if (parse_line(line, line_length, stat))
      status = 0;
  }
  return status;
}

int cpu_stat_parse(const char *text, size_t length, struct cpu_stat *stat) {
  return parse_lines(text, length, stat, parse_stat_line);
}

int cpu_stat_parse_throttling(const char *text, size_t length,
                              struct cpu_stat *stat) {
  struct cpu_stat all = {0};

  (void)parse_lines(text, length, &all, parse_stat_line);
  for (enum cpu_counter i = CPU_NR_PERIODS; i <= CPU_BURST_USEC; i++)
    if (cpu_stat_has(&all, i))
      set_counter(stat, i, all.counters[i]);
  return (all.present & THROTTLING_COUNTERS) != 0 ? 0 : -ENODATA;
}

/* "user 70" or "system 30". */
static bool parse_ticks_line(const char *line, size_t length,
                             struct cpu_stat *stat) {
  const char *blank = memchr(line, ' ', length);
  uint64_t ticks = 0;

  if (blank == NULL)
    return false;
  size_t key = (size_t)(blank - line);
  bool user = key == strlen("user") && memcmp(line, "user", key) == 0;
  bool system = key == strlen("system") && memcmp(line, "system", key) == 0;
  if ((!user && !system) ||
      number_parse_digits(blank + 1, length - key - 1, &ticks) < 0)
    return false;
  set_counter(stat, user ? CPU_USER_USEC : CPU_SYSTEM_USEC, ticks);
  return true;
}

int cpu_stat_parse_ticks(const char *text, size_t length, uint64_t per_second,
                         struct cpu_stat *stat) {
  static const enum cpu_counter both[] = {CPU_USER_USEC, CPU_SYSTEM_USEC};
  struct cpu_stat ticks = {0};
  int status = -ENODATA;

  (void)parse_lines(text, length, &ticks, parse_ticks_line);
  for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
    uint64_t count = ticks.counters[both[i]];
    uint64_t usec = 0;

    /* Whole seconds are converted separately, because a tick need not be a
     * whole number of microseconds. */
    if (!cpu_stat_has(&ticks, both[i]) ||
        __builtin_mul_overflow(count / per_second, USEC_PER_SEC, &usec) ||
        __builtin_add_overflow(
            usec, count % per_second * USEC_PER_SEC / per_second, &usec))
      continue;
    set_counter(stat, both[i], usec);
    status = 0;
  }
  return status;
}

int cpu_stat_parse_pressure(const char *text, size_t length,
                            struct cpu_stat *stat) {
  return parse_lines(text, length, stat, parse_pressure_line);
}

int cpu_stat_parse_irq_pressure(const char *text, size_t length,
                                struct cpu_stat *stat) {
  return parse_lines(text, length, stat, parse_irq_pressure_line);
}

int cpu_stat_parse_local(const char *text, size_t length,
                         struct cpu_stat *stat) {
  return parse_lines(text, length, stat, parse_local_line);
}

int cpu_stat_parse_nsec(const char *text, size_t length,
                        enum cpu_counter counter, struct cpu_stat *stat) {
  uint64_t nsec = 0;
  int status = number_parse(text, length, &nsec);

  if (status == 0)
    set_counter(stat, counter, nsec / NSEC_PER_USEC);
  return status;
}
