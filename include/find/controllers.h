/* SPDX-License-Identifier: MIT */
/* Finds the files of each controller, once the hierarchy that accounts CPU time
 * is known. On v1 each controller can have its own hierarchy. A controller can
 * be in v1 while the usage is in v2, or the other way round.
 *
 * The kernel's admin-guide/cgroup-v2.rst, "Mounting", and
 * admin-guide/cgroup-v1/cgroups.rst.
 */
#ifndef CGROUP_CPU_CONTROLLERS_H
#define CGROUP_CPU_CONTROLLERS_H

#include "find/hierarchy.h"
#include "find/hierarchy_search.h"

/* Fills in `controllers` of `hierarchy`. Sets the error of the search if it
 * could not search everywhere without memory or descriptors. */
void controllers_find(struct search *search, struct hierarchy *hierarchy);

#endif
