/* SPDX-License-Identifier: MIT */
/* Where the files of each controller are, once the hierarchy that accounts CPU
 * time is known: on v1 controllers can have hierarchies of their own, and a
 * controller can be in v1 while the usage is in v2, or the other way round.
 *
 * The kernel's admin-guide/cgroup-v2.rst, "Mounting", and
 * admin-guide/cgroup-v1/cgroups.rst.
 */
#ifndef CGROUP_CPU_CONTROLLERS_H
#define CGROUP_CPU_CONTROLLERS_H

#include "find/hierarchy.h"
#include "find/hierarchy_search.h"

/* Fills in `controllers` of `hierarchy`. If something could not be looked at,
 * because memory or descriptors are short, the search has an error. */
void controllers_find(struct search *search, struct hierarchy *hierarchy);

#endif
