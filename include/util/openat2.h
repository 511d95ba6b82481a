/* SPDX-License-Identifier: MIT */
/* <linux/openat2.h>, with what older ones do not have. */
#ifndef CGROUP_CPU_OPENAT2_H
#define CGROUP_CPU_OPENAT2_H

#include <linux/openat2.h>

/* Since Linux 5.12. */
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

#endif
