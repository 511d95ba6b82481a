/* SPDX-License-Identifier: MIT */
/* Arrays whose length the compiler knows. */
#ifndef CGROUP_CPU_ARRAY_H
#define CGROUP_CPU_ARRAY_H

/* The number of entries; of a pointer it is nonsense. */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
