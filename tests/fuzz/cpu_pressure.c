/* SPDX-License-Identifier: MIT */
/* cpu.pressure: the totals are what the last good line of each kind says. */
#include "cpu_stat.h"

#include "cleanup.h"
#include "fuzz.h"

/* Its last field, and no other, has to be the total. */
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
  CLEANUP_FREE char *text = fuzz_string(data, size);
  struct cpu_stat expected = {0};
  struct cpu_stat stat = {0};
  char *rest = text;

  while (rest != NULL)
    reference_line(strsep(&rest, "\n"), &expected);

  int status = cpu_stat_parse_pressure((const char *)data, size, &stat);
  REQUIRE(status == (expected.present != 0 ? 0 : -ENODATA));
  REQUIRE(stat.present == expected.present);
  REQUIRE(memcmp(stat.counters, expected.counters, sizeof(stat.counters)) == 0);
  return 0;
}
