/* SPDX-License-Identifier: MIT */
/* References for files that consist of lines with counters. */
#ifndef COUNTERS_H
#define COUNTERS_H

#include "fuzz.h"
#include "util/cleanup.h"
#include "values/cpu_stat.h"

/* Returns the counters that `reference` finds. It gets one line at a time and
 * may write into it. */
static inline struct cpu_stat
reference_counters(const uint8_t *data, size_t size,
                   void (*reference)(char *line, struct cpu_stat *stat)) {
  CLEANUP_FREE char *text = fuzz_string(data, size);
  struct cpu_stat stat = {0};

  for (char *rest = text; rest != NULL;)
    reference(strsep(&rest, "\n"), &stat);
  return stat;
}

/* Ends the process unless `parse` finds the same counters. */
static inline void compare_counters(
    const uint8_t *data, size_t size,
    int (*parse)(const char *text, size_t length, struct cpu_stat *stat),
    void (*reference)(char *line, struct cpu_stat *stat)) {
  struct cpu_stat expected = reference_counters(data, size, reference);
  struct cpu_stat stat = {0};

  int status = parse((const char *)data, size, &stat);
  REQUIRE(status == (expected.present != 0 ? 0 : -ENODATA));
  REQUIRE(stat.present == expected.present);
  REQUIRE(memcmp(stat.counters, expected.counters, sizeof(stat.counters)) == 0);
}

#endif
