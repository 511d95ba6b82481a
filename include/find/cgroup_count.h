/* SPDX-License-Identifier: MIT */
/* How many cgroups a hierarchy has, for a person to compare. */
#ifndef CGROUP_CPU_CGROUP_COUNT_H
#define CGROUP_CPU_CGROUP_COUNT_H

#include <stdbool.h>
#include <stddef.h>

/* Counting ends at this many cgroups, and this many levels down. */
#define CGROUP_COUNT_MAX 10000
#define CGROUP_COUNT_DEPTH 32

struct cgroup_count {
  /* With the root. */
  size_t count;
  /* All were counted: nothing was left out because of these limits or because
   * it could not be read. */
  bool complete;
};

/* Counts the cgroups in `directory`, itself included. It follows no symbolic
 * link and enters no other mount. `native` says that it is the kernel's own
 * cgroup file system, where link counts and inode numbers can be relied on.
 *
 * The work is bounded: as many directories are looked at as are counted, and
 * one descriptor is open for each level. */
struct cgroup_count cgroup_count(const char *directory, bool native);

#endif
