/* SPDX-License-Identifier: MIT */
/* cpu.pressure and irq.pressure: the totals are those of the last valid line of
 * each kind. */
#include "values/cpu_stat.h"

#include "counters.h"
#include "fuzz.h"

/* The total must be the last field and no other. */
static void reference_total(char *line, const char *wanted,
                            enum cpu_counter counter, struct cpu_stat *stat) {
  const char *kind = strsep(&line, " ");
  const char *total = NULL;
  size_t prefix = strlen("total=");
  uint64_t number = 0;

  if (strcmp(kind, wanted) != 0)
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

static void reference_line(char *line, struct cpu_stat *stat) {
  bool some = strncmp(line, "some ", 5) == 0;

  reference_total(line, some ? "some" : "full",
                  some ? CPU_PRESSURE_SOME_USEC : CPU_PRESSURE_FULL_USEC, stat);
}

static void reference_irq_line(char *line, struct cpu_stat *stat) {
  reference_total(line, "full", CPU_PRESSURE_IRQ_USEC, stat);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  compare_counters(data, size, cpu_stat_parse_pressure, reference_line);
  compare_counters(data, size, cpu_stat_parse_irq_pressure, reference_irq_line);
  return 0;
}
