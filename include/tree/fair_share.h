/* SPDX-License-Identifier: MIT */
/* Which cgroups stay in the tree if there is not room for all of them.
 *
 * Anyone who may create cgroups can create any number of them. So room is
 * divided max-min fairly among subtrees: each child gets what it needs up to an
 * equal share, and what is left over goes to the others. Among single cgroups
 * that compete for the last places, the older ones get them.
 */
#ifndef CGROUP_CPU_FAIR_SHARE_H
#define CGROUP_CPU_FAIR_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include "tree/tree.h"

/* Returns how many of `wanted` new children of `parent` get a place in a tree
 * of at most `limit` cgroups. Others may have to leave for them. */
size_t fair_share_for(const struct tree *tree, size_t limit,
                      const struct cgroup *parent, size_t wanted);

/* Sets `share` of every cgroup: the places of its subtree in a tree of at most
 * `limit` cgroups. If it is 0, the whole subtree has to leave. Returns 0 or
 * -ENOMEM. */
int fair_share_divide(struct tree *tree, size_t limit);

#endif
