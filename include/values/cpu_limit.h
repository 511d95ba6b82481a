/* SPDX-License-Identifier: MIT */
/* Parses the files that limit a cgroup's CPU time: quota and weight.
 *
 * Formats: the kernel's admin-guide/cgroup-v2.rst, "CPU Interface Files"
 * (cpu.max, cpu.weight, cpu.idle); scheduler/sched-bwc.rst (cpu.cfs_quota_us,
 * cpu.cfs_period_us).
 */
#ifndef CGROUP_CPU_CPU_LIMIT_H
#define CGROUP_CPU_CPU_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The limits in the files of one cgroup. All zero: nothing is known. */
struct cpu_limit {
  /* Microseconds of CPU time in each period; 0 is no quota. */
  uint64_t quota_usec;
  uint64_t period_usec;
  /* In v2's scale of 1 to 10000; 100 is the default. 0 is SCHED_IDLE: the tasks
   * run only if no other task wants to. */
  double weight;
  bool weight_known;
};

/* The parsers return 0 and set their part of `limit`, or return -EINVAL and
 * reset that part to "not known". The text need not end with a zero byte or a
 * newline. */

/* cpu.max: "max 100000" or "20000 100000". */
int cpu_limit_parse_max(const char *text, size_t length,
                        struct cpu_limit *limit);

/* cpu.cfs_quota_us: -1 is no quota. */
int cpu_limit_parse_quota(const char *text, size_t length,
                          struct cpu_limit *limit);

/* cpu.cfs_period_us */
int cpu_limit_parse_period(const char *text, size_t length,
                           struct cpu_limit *limit);

/* cpu.weight, which the kernel shows as 0 for SCHED_IDLE. */
int cpu_limit_parse_weight(const char *text, size_t length,
                           struct cpu_limit *limit);

/* cpu.shares, converted in proportion: 1024, the default, becomes 100; the
 * result is at least 1 and at most 10000. systemd does the same
 * (cgroup_cpu_shares_to_weight() in its src/core/cgroup.c). runc since 1.3.2
 * and crun since 1.23 agree at the default and at both ends, and differ
 * between. */
int cpu_limit_parse_shares(const char *text, size_t length,
                           struct cpu_limit *limit);

/* cpu.idle: 1 is SCHED_IDLE and sets the weight to 0. Parse it after the
 * weight: v1 shows 3 shares for such a cgroup, which another one may have as
 * well. A malformed text changes nothing. */
int cpu_limit_parse_idle(const char *text, size_t length,
                         struct cpu_limit *limit);

/* Returns the quota in millicores; 0 if there is none. */
double cpu_limit_quota_millicores(const struct cpu_limit *limit);

#endif
