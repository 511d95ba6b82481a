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
  /* Report the cgroups that match no pattern, not those that match one. */
  bool ignore_selected;
};

/* Adds the pattern `text`:
 *
 * "/regex/"       a POSIX extended regular expression, unanchored, if one of
 *                 ^$*+?()[]{}|\ is between the slashes
 * "/path/x*.y"    a shell pattern if it contains one of *?[ ; * also matches
 * "/"
 * "/path/x.y"     that one cgroup; a slash at the end is ignored
 *
 * The slash at the beginning of the last two may be missing: "a/b*" is "/a/b*".
 * A star at the beginning also matches this slash:
 *
 *   pattern         matches
 *   "*-c", "/"+"*-c"  /b-c, /a/b-c
 *   "/"+"*"+"/web"    /web, /a/web, /a/b/web
 *
 * Returns 0; -EINVAL if the pattern is empty or the regular expression does not
 * compile; or -ENOMEM.
 */
int selection_add(struct selection *selection, const char *text);

/* Returns 1 if the cgroup at `path` ("/" is the root) is to be reported, 0 if
 * not, or -ENOMEM. */
int selection_matches(const struct selection *selection, const char *path);

/* Returns false if no descendant of the cgroup at `path` can be selected. */
bool selection_may_match_below(const struct selection *selection,
                               const char *path);

/* Room for what selection_unmatched() writes. */
#define SELECTION_UNMATCHED_SIZE 512

/* Writes the patterns that have matched no path so far, for a log line:
 * "/a", "/b*" and 3 more. With `ignore_selected`, a pattern counts as matched
 * if it could match below a path for which selection_may_match_below() returned
 * false: nothing below is asked about. Returns the length, 0 if there is no
 * such pattern. */
size_t selection_unmatched(const struct selection *selection,
                           char text[SELECTION_UNMATCHED_SIZE]);

void selection_release(struct selection *selection);

#endif
