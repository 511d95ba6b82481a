/* SPDX-License-Identifier: MIT */
/* cpu.pressure: the totals are those of the last valid line of each kind. */
#include "values/cpu_stat.h"

#include "counters.h"
#include "fuzz.h"

/* The total must be the last field and no other. */
static void reference_line(char *line, struct cpu_stat *stat) {
  const char *kind = strsep(&line, " ");
  enum cpu_counter counter = strcmp(kind, "some") == 0 ? CPU_PRESSURE_SOME_USEC
                                                       : CPU_PRESSURE_FULL_USEC;
  const char *total = NULL;
  size_t prefix = strlen("total=");
  uint64_t number = 0;

  if (strcmp(kind, "some") != 0 && strcmp(kind, "full") != 0)
    return;
  while (line != NULL) {
    const char *field = strsep(&line, " ");
    if (total != NULL)
      return;
    if (strncmp(field, "total=", prefix) == 0)
      total = field + prefix;
  }
  if (total != NULL && reference_number(total, &number)) {
    stat->present |= UINT32_C(1) << counter;
    stat->counters[counter] = number;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  compare_counters(data, size, cpu_stat_parse_pressure, reference_line);
  return 0;
}
