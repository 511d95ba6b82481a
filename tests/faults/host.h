/* SPDX-License-Identifier: MIT */
/* A made-up host: cgroups that use CPU time, come and go in the same way each
 * time it is run through, one pass after the other. */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "find/hierarchy.h"

#define HOST_PASSES 7

/* A cgroup, the first pass that sees it and the first that does not, and what
 * it uses from one to the next. */
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
  /* Some more cgroups than are all looked at in each pass. */
  bool many;
};

/* Makes it in a new directory. */
void host_make(const struct host_kind *kind);
void host_remove(void);

/* The directory; all of its files are below. */
const char *host_directory(void);

/* Where the machine's lists of CPUs are. */
const char *host_machine(void);

/* To be released by the caller. */
struct hierarchy host_hierarchy(void);

/* Makes everything what it is in that pass; pass 0 may come after any. */
void host_prepare(int pass);

/* The microseconds that the cgroup has used by that pass. */
unsigned host_usage(const struct host_life *life, int pass);

#endif
