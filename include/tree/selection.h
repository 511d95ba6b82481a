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
 * The last two mean the same without the slash at the beginning: "a/b*" is
 * "/a/b*". A star at the beginning takes this slash in: "*-c" and "/"+"*-c"
 * match /b-c and /a/b-c, and a star that is a whole component there matches
 * with nothing in its place as well.
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

/* Room for what selection_unmatched() writes. */
#define SELECTION_UNMATCHED_SIZE 512

/* Writes which patterns no path that was asked about has matched so far, for a
 * log line: "/a", "/b*" and 3 more. A pattern that can match below a path that
 * selection_may_match_below() was false for counts as matched when
 * `ignore_selected` is set: nobody asks about what is there. Returns the
 * length, 0 when there is no such pattern. */
size_t selection_unmatched(const struct selection *selection,
                           char text[SELECTION_UNMATCHED_SIZE]);

void selection_release(struct selection *selection);

#endif
