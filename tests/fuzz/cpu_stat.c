/* SPDX-License-Identifier: MIT */
/* cpu.stat: every counter is what its last good line says. */
#include "cpu_stat.h"

#include "counters.h"
#include "fuzz.h"

static const struct {
  const char *key;
  enum cpu_counter counter;
  bool nanoseconds;
} lines[] = {
    {"usage_usec", CPU_USAGE_USEC, false},
    {"user_usec", CPU_USER_USEC, false},
    {"system_usec", CPU_SYSTEM_USEC, false},
    {"nice_usec", CPU_NICE_USEC, false},
    {"nr_periods", CPU_NR_PERIODS, false},
    {"nr_throttled", CPU_NR_THROTTLED, false},
    {"throttled_usec", CPU_THROTTLED_USEC, false},
    {"throttled_time", CPU_THROTTLED_USEC, true},
    {"nr_bursts", CPU_NR_BURSTS, false},
    {"burst_usec", CPU_BURST_USEC, false},
    {"burst_time", CPU_BURST_USEC, true},
};

static void reference_line(char *line, struct cpu_stat *stat) {
  char *value = strchr(line, ' ');
  uint64_t number = 0;

  if (value == NULL)
    return;
  *value++ = '\0';
  for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
    if (strcmp(line, lines[i].key) == 0 && reference_number(value, &number)) {
      stat->present |= UINT32_C(1) << lines[i].counter;
      stat->counters[lines[i].counter] =
          lines[i].nanoseconds ? number / 1000 : number;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  compare_counters(data, size, cpu_stat_parse, reference_line);
  return 0;
}
