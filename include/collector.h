/* SPDX-License-Identifier: MIT */
/* Runs one pass: finds all cgroups, reads them and reports their values. */
#ifndef CGROUP_CPU_COLLECTOR_H
#define CGROUP_CPU_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "find/hierarchy.h"
#include "options.h"
#include "report/report.h"
#include "tree/naming.h"
#include "util/failure.h"

/* After this many passes, a pattern without a match is probably a mistake, and
 * a file that could not be read will probably stay unreadable. */
#define COLLECTOR_PATTERN_PASSES 6

struct collector;

/* The result of a pass. */
struct collector_pass {
  /* The directory of the root; borrowed until the collector is freed. */
  const char *root_path;
  /* The hierarchy's directory if the hierarchy is gone: nothing was read, and
   * the caller frees the collector. Otherwise NULL. Borrowed until the
   * collector is freed. */
  const char *gone;
  /* Cgroups whose counters were read, without idle ones, see read/idle.h. */
  size_t read;
  /* Cgroups that are idle, and whose counters are therefore known. */
  size_t idle;
  /* Cgroups that exist and could not be read, whole or in part, and the first
   * failure. */
  size_t failed;
  struct failure failure;
  /* The root has no counters: v2 before Linux 5.8. */
  bool root_unaccounted;
  /* Cgroups without room because of MaxCgroups; there may be more. */
  size_t left_out;
  /* Set once: a text with the wanted values that no cgroup has, and why.
   * Otherwise NULL. Borrowed until the collector is freed. */
  const char *missing;
  /* Set once, after COLLECTOR_PATTERN_PASSES: the patterns without a match.
   * Otherwise NULL. Borrowed until the collector is freed. */
  const char *unmatched;
  /* The negative errno that keeps some cgroups from being watched, or 0. New
   * cgroups below them are found later, when it is their turn to be checked. */
  int watch_error;
  /* What may not be read and could have names of containers. */
  struct naming_denial names_denied;
  /* A directory left out for the first time because something else is mounted
   * on it, or NULL. Borrowed until the next pass. */
  const char *mount_point;
};

/* Takes over `hierarchy`, even on failure. `options` is borrowed until the
 * collector is freed.
 * Returns 0 or -ENOMEM. The caller frees with collector_free(). */
int collector_new(struct hierarchy *hierarchy, const struct options *options,
                  struct collector **collector);

void collector_free(struct collector *collector);

/* Updates the tree, reads each wanted cgroup once and hands the values to
 * `sink`. */
void collector_run(struct collector *collector, const struct report_sink *sink,
                   struct collector_pass *pass);

/* Between two passes, if PeakInterval is set: takes in what was created and
 * removed, and reads the use of all cgroups that are reported. The next pass
 * reports the highest use between two samples, and what removed cgroups used up
 * to their last sample. Allocates only for cgroups that are new. One that comes
 * much too soon does nothing. The sink gets only lines. */
void collector_sample(struct collector *collector,
                      const struct report_sink *sink);

/* Tells what is known of the container that the cgroup is in, see
 * naming_describe(). */
void collector_describe(const struct collector *collector,
                        const struct cgroup *cgroup, naming_attribute each,
                        void *context);

/* Asserts that all parts agree with the tree, if assertions are compiled in.
 * For tests: it walks the whole tree. */
void collector_check(struct collector *collector);

#endif
