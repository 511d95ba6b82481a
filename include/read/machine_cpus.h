/* SPDX-License-Identifier: MIT */
/* The CPUs that this machine has online now.
 *
 * From the kernel's own lists, see admin-guide/cputopology.rst: the C library's
 * _SC_NPROCESSORS_ONLN may be the affinity of the process (musl).
 */
#ifndef CGROUP_CPU_MACHINE_CPUS_H
#define CGROUP_CPU_MACHINE_CPUS_H

#include <stdbool.h>
#include <stddef.h>

#include "values/cpu_set.h"

#define MACHINE_CPUS_DIRECTORY "/sys/devices/system/cpu"
/* The kernel prints these lists into one page; one that fills it is cut. */
#define MACHINE_CPUS_LIST_MAX 4096

struct machine_cpus {
  /* Where the lists are; borrowed. */
  const char *directory;
  /* Of the list of CPUs that are online; or -1. */
  int fd;
  /* What the list was when it was read last. */
  char text[MACHINE_CPUS_LIST_MAX];
  size_t length;
  /* The set is known. */
  bool known;
  struct cpu_set set;
};

/* Opens nothing yet. */
void machine_cpus_open(struct machine_cpus *machine, const char *directory);

void machine_cpus_close(struct machine_cpus *machine);

/* Brings `set` up to date. A container manager may show fewer CPUs as online
 * than there are (lxcfs). So a CPU that is `present` and not `online` is
 * offline only where its own file says so. This is looked at when the list
 * changes, or with `look_closer`, which also opens the list again.
 *
 * The list is kept open: one system call, unless it has to be opened again.
 *
 * Returns 1 when the set, or whether it is known, has changed, or 0. Without
 * the list, or where it may not be read or is none, the set is not known.
 * Otherwise returns the negative errno that kept it from reading the lists;
 * then the set is not known either, until it can be read again. */
int machine_cpus_update(struct machine_cpus *machine, bool look_closer);

#endif
