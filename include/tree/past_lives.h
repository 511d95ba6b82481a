/* SPDX-License-Identifier: MIT */
/* What removed cgroups used since they were reported for the last time, if they
 * were sampled since then.
 *
 * It goes out with the next report, under the name that they had. What several
 * lives under one name used is one value: that of the cgroup that has the name
 * now, or of the youngest of them.
 */
#ifndef CGROUP_CPU_PAST_LIVES_H
#define CGROUP_CPU_PAST_LIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tree/tree.h"
#include "values/peak.h"

/* Of each cgroup whose use is sampled between two reports. */
struct cgroup_samples {
  struct peak peak;
  /* It seems to have ended since the latest pass. */
  bool is_over;
  /* Of a past life: what it used since the latest report, in microseconds, if
   * that is known and may be reported. */
  bool has_use;
  uint64_t use_usec;
  /* What past lives under its name used since the latest report, in
   * microseconds, and whether its value has gone out with that. */
  uint64_t past_usec;
  bool is_given;
  /* Of a past life: whose value its use is a part of, or NULL. */
  struct cgroup *heir;
};

struct past_lives {
  /* The most to keep, except for ancestors of those that are kept. */
  size_t most;
  size_t count;
  /* In the order in which they were removed. */
  struct cgroup *first;
  struct cgroup *last;
  /* The heirs that are past lives themselves: a search tree of tsearch(3). */
  void *by_name;
};

/* Returns the samples of `cgroup`, created if needed; NULL without memory. */
struct cgroup_samples *past_lives_samples(struct cgroup *cgroup);

/* Returns what `cgroup` used from its latest report to its latest sample, in
 * microseconds, if that is known and begins at `since_nsec` or later: returns
 * whether it is. */
bool past_lives_use(const struct cgroup *cgroup, uint64_t since_nsec,
                    uint64_t *usec);

/* Call it for every cgroup that leaves the tree. Keeps it if its use is known
 * and has not been reported; its ancestors are then kept with it. `since_nsec`:
 * when the readings of the latest report began. */
void past_lives_consider(struct past_lives *lives, struct cgroup *cgroup,
                         uint64_t since_nsec);

/* Begins a report: decides whose value the use of each past life is a part of.
 * With `leaves_only`, the ancestors of past lives are no leaves in this
 * interval. `is_reported` says whether a live cgroup is reported. */
void past_lives_begin(struct past_lives *lives, struct tree *tree,
                      bool leaves_only,
                      bool (*is_reported)(const void *context,
                                          const struct cgroup *cgroup),
                      const void *context);

/* Adds the use of the past lives whose values have gone out to the `below_usec`
 * of their nearest living ancestors. */
void past_lives_pass_up(const struct past_lives *lives);

/* Returns the next past life after `cgroup`, or the first after NULL, whose
 * value is its own. */
struct cgroup *past_lives_next(const struct past_lives *lives,
                               const struct cgroup *cgroup);

/* Returns its nearest ancestor that is in the tree, or NULL. */
struct cgroup *past_lives_ancestor(const struct cgroup *cgroup);

/* Ends a report: all are freed in the next tree_settle(). */
void past_lives_end(struct past_lives *lives, struct tree *tree);

#endif
