/* SPDX-License-Identifier: MIT */
/* Lists the directory of one cgroup during an update of the tree. */
#ifndef CGROUP_CPU_DIRECTORY_H
#define CGROUP_CPU_DIRECTORY_H

#include "find/update.h"

/* Lists the directory of `cgroup`. Removes the children that are gone, and adds
 * and enqueues new ones, as far as there is room. If that fails, the directory
 * is listed again later, and the error is noted. `cgroup` itself may be
 * removed. */
void directory_list(struct update *update, struct cgroup *cgroup);

#endif
