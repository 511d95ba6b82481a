/* SPDX-License-Identifier: MIT */
/* Which cgroups are reported, by their paths.
 *
 * Patterns: collectd.conf(5), "IGNORELISTS"; fnmatch(3); regex(7).
 */
#ifndef CGROUP_CPU_SELECTION_H
#define CGROUP_CPU_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

struct selection_pattern;

/* All zero selects everything. */
struct selection {
  struct selection_pattern *patterns;
  size_t count;
  /* Report what matches no pattern, instead of what matches one. */
  bool ignore_selected;
};

/* Adds the pattern `text`:
 *
 * "/regex/"       a POSIX extended regular expression, unanchored, where there
 *                 is one of ^$*+?()[]{}|\ between the slashes,
 * "/path/x*.y"    a shell pattern if it holds one of *?[ ; * also matches "/",
 * "/path/x.y"     that one cgroup; a slash at the end does not matter.
 *
 * Returns 0, -EINVAL for an empty pattern or a regular expression that does
 * not compile, or -ENOMEM.
 */
int selection_add(struct selection *selection, const char *text);

/* Whether the cgroup at `path`, "/" for the root, is to be reported: 1 or 0, or
 * -ENOMEM. */
int selection_matches(const struct selection *selection, const char *path);

/* False when no cgroup below the one at `path` can be selected. */
bool selection_may_match_below(const struct selection *selection,
                               const char *path);

void selection_release(struct selection *selection);

#endif
