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

/* No kernel supports more CPUs. */
#define CPU_SET_MAX 65536

/* All zero is the empty set. Its memory grows with its highest CPU. */
struct cpu_set {
  uint64_t *bits;
  size_t words;
};

/* Sets `set` to the CPUs in `text`, which need not end with a zero byte or a
 * newline. An empty line is the empty set. As the kernel lists each CPU once,
 * in ascending order, any other text is refused.
 *
 * Returns 0. Returns -EINVAL or -ENOMEM and leaves `set` empty. The caller
 * releases it with cpu_set_release(). */
int cpu_set_parse(const char *text, size_t length, struct cpu_set *set);

/* Adds the CPUs of `other`. Returns 0, or -ENOMEM and leaves `set` as it was.
 */
int cpu_set_add(struct cpu_set *set, const struct cpu_set *other);

/* Returns whether all CPUs of `other` are in `set`. */
bool cpu_set_contains(const struct cpu_set *set, const struct cpu_set *other);

bool cpu_set_has(const struct cpu_set *set, unsigned cpu);

/* Returns the number of CPUs in the union of `set` and `also`, and with
 * `within` only of those in `within` too. The last two may be NULL. */
unsigned cpu_set_count(const struct cpu_set *set, const struct cpu_set *also,
                       const struct cpu_set *within);

/* Frees the memory of `set`, which is the empty set then. */
void cpu_set_release(struct cpu_set *set);

#endif
