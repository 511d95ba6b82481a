/* SPDX-License-Identifier: MIT */
/* Concludes that a cgroup used no CPU from the counter of its parent.
 *
 * The kernel adds what tasks use to their cgroup and to all that are above it
 * (admin-guide/cgroup-v2.rst, "CPU Interface Files"; cpuacct_charge() in
 * kernel/sched/cpuacct.c for v1). So if the counter of a parent did not move
 * from one pass to the next, none below it did. Because counters are in
 * microseconds, what is concluded can be one microsecond too low until the next
 * reading.
 */
#ifndef CGROUP_CPU_IDLE_H
#define CGROUP_CPU_IDLE_H

#include <stdbool.h>

#include "tree/tree.h"

/* Returns whether `cgroup`, which is not the root, is known to have used
 * nothing between its previous reading and that of its parent in this pass. The
 * parent's part in the pass comes first. */
bool idle_is_certain(const struct cgroup *cgroup);

#endif
