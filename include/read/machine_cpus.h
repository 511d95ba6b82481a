/* SPDX-License-Identifier: MIT */
/* The CPUs of this machine that are online.
 *
 * They come from the kernel's lists, see admin-guide/cputopology.rst. The C
 * library's _SC_NPROCESSORS_ONLN may be the affinity of the process (musl).
 */
#ifndef CGROUP_CPU_MACHINE_CPUS_H
#define CGROUP_CPU_MACHINE_CPUS_H

#include <stdbool.h>
#include <stddef.h>

#include "values/cpu_set.h"

#define MACHINE_CPUS_DIRECTORY "/sys/devices/system/cpu"
/* The kernel prints a list into one page; a longer list is cut. */
#define MACHINE_CPUS_LIST_MAX 4096

struct machine_cpus {
  /* Where the lists are; borrowed. */
  const char *directory;
  /* The open list of online CPUs, or -1. */
  int fd;
  /* The list when it was last read. */
  char text[MACHINE_CPUS_LIST_MAX];
  size_t length;
  /* The set is known. */
  bool known;
  struct cpu_set set;
};

/* Opens nothing yet. */
void machine_cpus_open(struct machine_cpus *machine, const char *directory);

void machine_cpus_close(struct machine_cpus *machine);

/* Updates `set`. A container manager may show fewer CPUs as online than there
 * are (lxcfs). So a CPU in the list `present` but not in `online` counts as
 * offline only if its own file says so. These files are read if the list
 * changed, or with `look_closer`, which also opens the list again.
 *
 * The list is kept open: an update takes one system call if nothing changed.
 *
 * Returns 1 if `set` or `known` changed, or 0. `known` becomes false if the
 * list does not exist, is malformed or must not be read. Returns another
 * negative errno if the lists could not be read for a passing reason; `set` is
 * not known until they can be read again. */
int machine_cpus_update(struct machine_cpus *machine, bool look_closer);

#endif
