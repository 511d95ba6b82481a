/* SPDX-License-Identifier: MIT */
/* Which cgroups stay where there is not room for all of them.
 *
 * Whoever may make cgroups can make any number of them, so room is shared by
 * subtrees: of the room of a cgroup, each of its children has as much, together
 * with all below it, as it needs or as an equal share allows, and what some do
 * not need is shared by the others (max-min fairness). Of single cgroups that
 * compete for the last places the older ones have them.
 */
#ifndef CGROUP_CPU_FAIR_SHARE_H
#define CGROUP_CPU_FAIR_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include "tree/tree.h"

/* How many of `wanted` new cgroups directly below `parent` have a place in a
 * tree of `limit`, where others may have to make way for them. */
size_t fair_share_for(const struct tree *tree, size_t limit,
                      const struct cgroup *parent, size_t wanted);

/* Sets `share`, the places that each subtree has in a tree of `limit` cgroups,
 * at least one: where it is 0 the whole subtree has to leave. Returns 0, or
 * -ENOMEM. */
int fair_share_divide(struct tree *tree, size_t limit);

#endif
