/* SPDX-License-Identifier: MIT */
/* The length of arrays that the compiler knows. */
#ifndef CGROUP_CPU_ARRAY_H
#define CGROUP_CPU_ARRAY_H

/* The number of entries. Do not use it for a pointer. */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
