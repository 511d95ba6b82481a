/* SPDX-License-Identifier: MIT */
/* Units of time and CPU use. */
#ifndef CGROUP_CPU_UNITS_H
#define CGROUP_CPU_UNITS_H

#include <stdint.h>

#define NSEC_PER_USEC UINT64_C(1000)
#define NSEC_PER_SEC UINT64_C(1000000000)
#define USEC_PER_SEC UINT64_C(1000000)
/* One CPU, used all the time. */
#define MILLICORES_PER_CPU 1000

#endif
