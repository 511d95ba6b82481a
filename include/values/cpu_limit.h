/* SPDX-License-Identifier: MIT */
/* What a cgroup may use: quota and weight, and the files they are in.
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

/* What the files of one cgroup say. All zero: nothing is known. */
struct cpu_limit {
  /* Microseconds of CPU time in each period; 0 is no quota. */
  uint64_t quota_usec;
  uint64_t period_usec;
  /* In v2's scale of 1 to 10000, 100 being the default; 0 is a cgroup whose
   * tasks run only when no other wants to (SCHED_IDLE). */
  double weight;
  bool weight_known;
};

/* The parsers read a text that need not end with a zero byte or a newline.
 * They return 0 and set their part of `limit`, or -EINVAL and reset that part
 * to "not known". */

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

/* cpu.shares: 1024, the default, becomes 100 and the rest in proportion, from 1
 * to 10000. This is what systemd does (cgroup_cpu_shares_to_weight() in its
 * src/core/cgroup.c); runc from 1.3.2 and crun from 1.23 on agree with it at
 * the default and at both ends, and are off the straight line between. */
int cpu_limit_parse_shares(const char *text, size_t length,
                           struct cpu_limit *limit);

/* cpu.idle: 1 is SCHED_IDLE, and sets the weight to 0. To be read after the
 * weight: v1 shows the shares of such a cgroup as 3, which others may have. An
 * unreadable text changes nothing. */
int cpu_limit_parse_idle(const char *text, size_t length,
                         struct cpu_limit *limit);

/* The millicores of the quota; 0 when there is none. */
double cpu_limit_quota_millicores(const struct cpu_limit *limit);

/* The smaller of two limits, each of which is none when it is 0. */
double cpu_limit_smaller(double a, double b);

#endif
