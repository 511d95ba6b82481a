/* SPDX-License-Identifier: MIT */
/* Sets of CPUs, such as cpusets and the CPUs of the machine.
 *
 * Format: the kernel's admin-guide/cgroup-v2.rst, "cpuset.cpus", and
 * admin-guide/cputopology.rst: "0-3,8".
 */
#ifndef CGROUP_CPU_CPU_SET_H
#define CGROUP_CPU_CPU_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More CPUs than any kernel supports. */
#define CPU_SET_MAX 65536

/* All zero is the empty set. Takes as much memory as its highest CPU needs. */
struct cpu_set {
  uint64_t *bits;
  size_t words;
};

/* Sets `set` to the CPUs in `text`, which need not end with a zero byte or a
 * newline. A line without a CPU is the empty set. The kernel lists each CPU
 * once, in ascending order; a text that does not is refused.
 *
 * Returns 0, or -EINVAL or -ENOMEM, and then `set` is empty. It is the
 * caller's to release with cpu_set_release(). */
int cpu_set_parse(const char *text, size_t length, struct cpu_set *set);

/* Adds the CPUs of `other`. Returns 0, or -ENOMEM and `set` is unchanged. */
int cpu_set_add(struct cpu_set *set, const struct cpu_set *other);

/* Whether all CPUs of `other` are in `set`. */
bool cpu_set_contains(const struct cpu_set *set, const struct cpu_set *other);

bool cpu_set_has(const struct cpu_set *set, unsigned cpu);

/* The number of CPUs in `set` or in `also`; with `within`, only of those that
 * are in that one too. The last two may be NULL. */
unsigned cpu_set_count(const struct cpu_set *set, const struct cpu_set *also,
                       const struct cpu_set *within);

/* Leaves the empty set. */
void cpu_set_release(struct cpu_set *set);

#endif
