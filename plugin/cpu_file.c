/* SPDX-License-Identifier: MIT */
#include "cpu_file.h"

static int parse_usage(const char *text, size_t length, struct cpu_stat *stat) {
  return cpu_stat_parse_nsec(text, length, CPU_USAGE_USEC, stat);
}

static int parse_user(const char *text, size_t length, struct cpu_stat *stat) {
  return cpu_stat_parse_nsec(text, length, CPU_USER_USEC, stat);
}

static int parse_system(const char *text, size_t length,
                        struct cpu_stat *stat) {
  return cpu_stat_parse_nsec(text, length, CPU_SYSTEM_USEC, stat);
}

static const struct cpu_file v1_files[] = {
    {"cpuacct.usage", CGROUP_CPUACCT, CPU_GROUP_CORE, parse_usage, NULL},
    {"cpuacct.usage_user", CGROUP_CPUACCT, CPU_GROUP_USER_SYSTEM, parse_user,
     NULL},
    {"cpuacct.usage_sys", CGROUP_CPUACCT, CPU_GROUP_USER_SYSTEM, parse_system,
     NULL},
    {"cpu.stat", CGROUP_CPU, CPU_GROUP_THROTTLING, cpu_stat_parse, NULL},
    {"cpu.cfs_quota_us", CGROUP_CPU, CPU_GROUP_LIMIT, NULL,
     cpu_limit_parse_quota},
    {"cpu.cfs_period_us", CGROUP_CPU, CPU_GROUP_LIMIT, NULL,
     cpu_limit_parse_period},
    {"cpu.shares", CGROUP_CPU, CPU_GROUP_LIMIT, NULL, cpu_limit_parse_shares},
    {"cpuset.effective_cpus", CGROUP_CPUSET, CPU_GROUP_LIMIT, NULL,
     cpu_limit_parse_cpus},
};

static const struct cpu_file v2_files[] = {
    {"cpu.stat", CGROUP_CPU,
     CPU_GROUP_CORE | CPU_GROUP_USER_SYSTEM | CPU_GROUP_THROTTLING,
     cpu_stat_parse, NULL},
    {"cpu.pressure", CGROUP_CPU, CPU_GROUP_PRESSURE, cpu_stat_parse_pressure,
     NULL},
    {"cpu.max", CGROUP_CPU, CPU_GROUP_LIMIT, NULL, cpu_limit_parse_max},
    {"cpu.weight", CGROUP_CPU, CPU_GROUP_LIMIT, NULL, cpu_limit_parse_weight},
    {"cpuset.cpus.effective", CGROUP_CPUSET, CPU_GROUP_LIMIT, NULL,
     cpu_limit_parse_cpus},
};

const struct cpu_file *cpu_files(enum cgroup_version version, size_t *count) {
  if (version == CGROUP_VERSION_1) {
    *count = sizeof(v1_files) / sizeof(*v1_files);
    return v1_files;
  }
  *count = sizeof(v2_files) / sizeof(*v2_files);
  return v2_files;
}
