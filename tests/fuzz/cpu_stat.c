/* SPDX-License-Identifier: MIT */
/* cpu.stat: every counter is what its last good line says. */
#include "cpu_stat.h"

#include "cleanup.h"
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
  CLEANUP_FREE char *text = fuzz_string(data, size);
  struct cpu_stat expected = {0};
  struct cpu_stat stat = {0};
  char *rest = text;

  while (rest != NULL)
    reference_line(strsep(&rest, "\n"), &expected);

  int status = cpu_stat_parse((const char *)data, size, &stat);
  REQUIRE(status == (expected.present != 0 ? 0 : -ENODATA));
  REQUIRE(stat.present == expected.present);
  REQUIRE(memcmp(stat.counters, expected.counters, sizeof(stat.counters)) == 0);
  return 0;
}
