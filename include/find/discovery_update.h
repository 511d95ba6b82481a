/* SPDX-License-Identifier: MIT */
/* Keeps the tree as the kernel has it. */
#ifndef CGROUP_CPU_DISCOVERY_UPDATE_H
#define CGROUP_CPU_DISCOVERY_UPDATE_H

#include "find/discovery.h"
#include "tree/tree.h"
#include "util/failure.h"

/* Updates `tree`. Lists each directory at most once, and at most `max_cgroups`
 * + DISCOVERY_SMALL directories in all.
 *
 * If there is no root cgroup, the tree is empty. What cannot be read stays in
 * the tree as it was. Both are noted in `failure`. A directory that cannot be
 * listed is tried again in the next update, then less and less often; until it
 * can be listed, each update notes its error.
 */
void discovery_update(struct discovery *discovery, struct tree *tree,
                      struct failure *failure);

/* Between two updates: takes in what events report. Lists at most
 * DISCOVERY_BETWEEN directories with DISCOVERY_BETWEEN_ENTRIES subdirectories,
 * and leaves the rest, and all errors, to the next update. */
void discovery_follow(struct discovery *discovery, struct tree *tree);

/* Returns whether `cgroup` still is at its path. One system call. */
bool discovery_is_there(const struct discovery *discovery,
                        const struct cgroup *cgroup);

#endif
