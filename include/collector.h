/* SPDX-License-Identifier: MIT */
/* One pass: every cgroup read, its rate told, its values reported. */
#ifndef CGROUP_CPU_COLLECTOR_H
#define CGROUP_CPU_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "find/hierarchy.h"
#include "options.h"
#include "report/report.h"
#include "util/failure.h"

/* Passes after which a pattern without a cgroup is probably a mistake, and what
 * could not be read will not be read soon. */
#define COLLECTOR_PATTERN_PASSES 6

struct collector;

/* What came of a pass. */
struct collector_pass {
  /* The directory of the root; borrowed until the collector is freed. */
  const char *root_path;
  /* The hierarchy's directory if it is gone, or what was mounted there: then
   * nothing was done, and the collector is of no more use. Otherwise NULL.
   * Borrowed until the collector is freed. */
  const char *gone;
  /* Cgroups whose counters were read. */
  size_t read;
  /* Cgroups that are there and could not be read, whole or in part, and why
   * the first of them. */
  size_t failed;
  struct failure failure;
  /* The root has no counters: that of v2 before Linux 5.8. */
  bool root_unaccounted;
  /* Cgroups that MaxCgroups left no room for; at least so many. */
  size_t left_out;
  /* After the second pass, a text that says which of the wanted values no
   * cgroup has, and why; NULL: nothing to say. Borrowed until the collector is
   * freed. */
  const char *missing;
  /* After COLLECTOR_PATTERN_PASSES, the patterns that no cgroup matched so far;
   * NULL: nothing to say. Borrowed until the collector is freed. */
  const char *unmatched;
  /* Negative errno when not all cgroups that should be are watched, so that new
   * ones are seen only when it is their parent's turn to be looked at. */
  int watch_error;
  /* A directory that was left out for the first time because something else is
   * mounted on it; NULL: none. Borrowed until the next pass. */
  const char *mount_point;
};

/* Takes the hierarchy over, on success and on failure. `options` is borrowed
 * for as long as the collector lives.
 * Returns 0 or -ENOMEM. The caller frees with collector_free(). */
int collector_new(struct hierarchy *hierarchy, const struct options *options,
                  struct collector **collector);

void collector_free(struct collector *collector);

/* Finds the cgroups that are there now, reads all that are wanted once and
 * hands their values to `sink`. */
void collector_run(struct collector *collector, const struct report_sink *sink,
                   struct collector_pass *pass);

/* Asserts, where assertions are compiled in, that all parts agree on the tree.
 * For tests: it walks the whole tree. */
void collector_check(struct collector *collector);

#endif
