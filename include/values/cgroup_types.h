/* SPDX-License-Identifier: MIT */
/* The versions of cgroups, and the controllers whose files are read. */
#ifndef CGROUP_CPU_CGROUP_TYPES_H
#define CGROUP_CPU_CGROUP_TYPES_H

enum cgroup_version {
  CGROUP_VERSION_AUTO,
  CGROUP_VERSION_1,
  CGROUP_VERSION_2,
};

/* Controllers by their names on v1. */
enum cgroup_controller {
  CGROUP_CPUACCT,
  CGROUP_CPU,
  CGROUP_CPUSET,
  CGROUP_CONTROLLER_COUNT,
};

/* "auto", "v1" or "v2". */
const char *cgroup_version_name(enum cgroup_version version);

/* As in mount options: "cpuacct". */
const char *cgroup_controller_name(enum cgroup_controller controller);

#endif
