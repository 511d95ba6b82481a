/* SPDX-License-Identifier: MIT */
/* The formats of the files that hold a cgroup's CPU counters.
 *
 * Formats: the kernel's admin-guide/cgroup-v2.rst, "CPU Interface Files"
 * (cpu.stat), and admin-guide/cgroup-v1/cpuacct.rst (cpuacct.usage).
 */
#ifndef CGROUP_CPU_CPU_STAT_H
#define CGROUP_CPU_CPU_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hierarchy.h"

enum cpu_counter {
  CPU_USAGE_USEC,
  CPU_COUNTER_COUNT,
};

/* One sample of a cgroup's counters, all in microseconds. */
struct cpu_stat {
  /* Bit (1 << counter) is set when the file had that counter. */
  uint32_t present;
  uint64_t counters[CPU_COUNTER_COUNT];
};

/* Long enough for the counter files of any kernel; a longer file's last,
 * broken line is not to be handed to a parser. */
#define CPU_STAT_FILE_MAX 4096

/* Reads v2's "key value" lines in `text`, which need not end with a zero byte
 * or a newline. Unknown keys are passed over; keys that are not there, or
 * whose value is no decimal number below 2^64, are not marked present.
 *
 * Returns 0, or -ENODATA when no known counter is there; then `stat` holds
 * nothing.
 */
int cpu_stat_parse(const char *text, size_t length, struct cpu_stat *stat);

/* Reads v1's single number of nanoseconds as CPU_USAGE_USEC, rounded down.
 *
 * Returns 0, -ENODATA for an empty file, -EINVAL when it is not one decimal
 * number, -ERANGE for 2^64 and above; then `stat` holds nothing.
 */
int cpu_stat_parse_usage_nsec(const char *text, size_t length,
                              struct cpu_stat *stat);

static inline bool cpu_stat_has(const struct cpu_stat *stat,
                                enum cpu_counter counter) {
  return (stat->present & (UINT32_C(1) << counter)) != 0;
}

#endif
