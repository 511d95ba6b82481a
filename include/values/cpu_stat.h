/* SPDX-License-Identifier: MIT */
/* Parses the files that hold a cgroup's CPU counters.
 *
 * Formats: the kernel's admin-guide/cgroup-v2.rst, "CPU Interface Files"
 * (cpu.stat), admin-guide/cgroup-v1/cpuacct.rst (cpuacct.usage),
 * scheduler/sched-bwc.rst (cpu.stat of v1) and accounting/psi.rst
 * (cpu.pressure). The kernel's sources have cpu.stat.local
 * (kernel/sched/core.c, cpu_local_stat_show() and cpu_cfs_local_stat_show()),
 * cgroup.stat.local (kernel/cgroup/cgroup.c, cgroup_core_local_stat_show()),
 * irq.pressure (kernel/sched/psi.c, psi_show()) and core_sched.force_idle_usec
 * (kernel/cgroup/rstat.c).
 */
#ifndef CGROUP_CPU_CPU_STAT_H
#define CGROUP_CPU_CPU_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cpu_counter {
  CPU_USAGE_USEC,
  CPU_USER_USEC,
  CPU_SYSTEM_USEC,
  CPU_NICE_USEC,
  /* A sibling of its CPU was kept idle because of it (core scheduling). */
  CPU_FORCE_IDLE_USEC,
  CPU_NR_PERIODS,
  CPU_NR_THROTTLED,
  CPU_THROTTLED_USEC,
  CPU_NR_BURSTS,
  CPU_BURST_USEC,
  /* It was throttled by its own quota or one above, and had something to run.
   */
  CPU_THROTTLED_LOCAL_USEC,
  CPU_FROZEN_USEC,
  CPU_PRESSURE_SOME_USEC,
  CPU_PRESSURE_FULL_USEC,
  CPU_PRESSURE_IRQ_USEC,
  CPU_COUNTER_COUNT,
};

/* One sample of a cgroup's counters; times are in microseconds. */
struct cpu_stat {
  /* Bit (1 << counter) is set if a file had that counter. */
  uint32_t present;
  uint64_t counters[CPU_COUNTER_COUNT];
};

/* The same with the time of each counter on CLOCK_MONOTONIC. */
struct cpu_sample {
  struct cpu_stat stat;
  uint64_t time_nsec[CPU_COUNTER_COUNT];
};

/* Long enough for the counter files of any kernel. If a file is longer, its
 * last line is incomplete and must not reach a parser. */
#define CPU_STAT_FILE_MAX 4096

/* The parsers add the counters in a text to `stat`. The text need not end with
 * a zero byte or a newline. A counter that is missing, or not a decimal number
 * below 2^64, is not added. */

/* "key value" lines of cpu.stat, of v2 or v1. Unknown keys are skipped. Returns
 * 0, or -ENODATA if there is no known counter. */
int cpu_stat_parse(const char *text, size_t length, struct cpu_stat *stat);

/* The same, but only the counters of the `cpu` controller: periods, throttling
 * and bursts. */
int cpu_stat_parse_throttling(const char *text, size_t length,
                              struct cpu_stat *stat);

/* cpuacct.stat of v1: "user" and "system" in ticks. `per_second`: ticks per
 * second. Returns 0, or -ENODATA if there is neither. */
int cpu_stat_parse_ticks(const char *text, size_t length, uint64_t per_second,
                         struct cpu_stat *stat);

/* A single number of nanoseconds, as in v1's cpuacct.usage. It is added as
 * `counter` in microseconds, rounded down. Returns 0, or the error of
 * number_parse(). */
int cpu_stat_parse_nsec(const char *text, size_t length,
                        enum cpu_counter counter, struct cpu_stat *stat);

/* The totals in cpu.pressure. Returns 0, or -ENODATA if there are none. */
int cpu_stat_parse_pressure(const char *text, size_t length,
                            struct cpu_stat *stat);

/* The total in irq.pressure, which has only "full". Returns 0, or -ENODATA if
 * there is none. */
int cpu_stat_parse_irq_pressure(const char *text, size_t length,
                                struct cpu_stat *stat);

/* cpu.stat.local of v2 or v1, or cgroup.stat.local: "key value" lines.  Returns
 * 0, or -ENODATA if there is no known counter, as in a cgroup of v2 without the
 * cpu controller. */
int cpu_stat_parse_local(const char *text, size_t length,
                         struct cpu_stat *stat);

static inline bool cpu_stat_has(const struct cpu_stat *stat,
                                enum cpu_counter counter) {
  return (stat->present & (UINT32_C(1) << counter)) != 0;
}

#endif
