/* SPDX-License-Identifier: MIT */
#include "values/cgroup_types.h"

const char *cgroup_version_name(enum cgroup_version version) {
  static const char *const names[] = {
      [CGROUP_VERSION_AUTO] = "auto",
      [CGROUP_VERSION_1] = "v1",
      [CGROUP_VERSION_2] = "v2",
  };
  return names[version];
}

const char *cgroup_controller_name(enum cgroup_controller controller) {
  static const char *const names[] = {
      [CGROUP_CPUACCT] = "cpuacct",
      [CGROUP_CPU] = "cpu",
      [CGROUP_CPUSET] = "cpuset",
  };
  return names[controller];
}
