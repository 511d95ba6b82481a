/* SPDX-License-Identifier: MIT */
/* An artificial host. Its cgroups use CPU time, and are created and removed, in
 * the same way in every run, one pass after the other. */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "find/hierarchy.h"

#define HOST_PASSES 7

/* A cgroup, the first pass in which it exists, the first in which it no longer
 * exists, and its use from one pass to the next. */
struct host_life {
  const char *path;
  int from;
  int to;
  unsigned usec;
  /* In each 100 ms; NULL: no quota. */
  const char *quota_usec;
};

extern const struct host_life host_lives[];
extern const size_t host_life_count;

struct host_kind {
  enum cgroup_version version;
  /* Adds more cgroups than are looked at in each pass. */
  bool many;
};

/* Makes the host in a new directory. */
void host_make(const struct host_kind *kind);
void host_remove(void);

/* Returns the directory that contains all of its files. */
const char *host_directory(void);

/* Returns the directory of the machine's lists of CPUs. */
const char *host_machine(void);

/* The caller releases the result. */
struct hierarchy host_hierarchy(void);

/* Brings the host into its state in that pass. Pass 0 may follow any other. */
void host_prepare(int pass);

/* Returns the microseconds that the cgroup has used until that pass. */
unsigned host_usage(const struct host_life *life, int pass);

#endif
