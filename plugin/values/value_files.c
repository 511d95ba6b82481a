/* SPDX-License-Identifier: MIT */
#include "values/value_files.h"

#include <unistd.h>

#include "util/array.h"

#define TICKS_PER_SECOND_DEFAULT 100

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

static int parse_ticks(const char *text, size_t length, struct cpu_stat *stat) {
  long per_second = sysconf(_SC_CLK_TCK);

  return cpu_stat_parse_ticks(
      text, length,
      per_second > 0 ? (uint64_t)per_second : TICKS_PER_SECOND_DEFAULT, stat);
}

/* Throttling shows that a quota may have changed: limits need it too. */
#define THROTTLING (CPU_GROUP_THROTTLING | CPU_GROUP_LIMIT)

static const struct cpu_file v1_files[] = {
    {.name = "cpuacct.usage",
     .controller = CGROUP_CPUACCT,
     .groups = CPU_GROUP_CORE,
     .parse_stat = parse_usage},
    {.name = "cpuacct.usage_user",
     .controller = CGROUP_CPUACCT,
     .groups = CPU_GROUP_USER_SYSTEM,
     .parse_stat = parse_user},
    {.name = "cpuacct.usage_sys",
     .controller = CGROUP_CPUACCT,
     .groups = CPU_GROUP_USER_SYSTEM,
     .parse_stat = parse_system},
    /* Before Linux 4.6. */
    {.name = "cpuacct.stat",
     .fallback = true,
     .controller = CGROUP_CPUACCT,
     .groups = CPU_GROUP_USER_SYSTEM,
     .parse_stat = parse_ticks},
    {.name = "cpu.stat",
     .controller = CGROUP_CPU,
     .groups = THROTTLING,
     .parse_stat = cpu_stat_parse_throttling},
    {.name = "cpu.cfs_quota_us",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_QUOTA,
     .parse_limit = cpu_limit_parse_quota},
    {.name = "cpu.cfs_period_us",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_QUOTA,
     .parse_limit = cpu_limit_parse_period},
    {.name = "cpu.shares",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_WEIGHT,
     .parse_limit = cpu_limit_parse_shares},
    {.name = "cpu.idle",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_WEIGHT,
     .parse_limit = cpu_limit_parse_idle},
    {.name = "cpuset.effective_cpus",
     .controller = CGROUP_CPUSET,
     .part = CPU_LIMIT_CPUS},
    /* Before Linux 3.17. */
    {.name = "cpuset.cpus",
     .fallback = true,
     .controller = CGROUP_CPUSET,
     .part = CPU_LIMIT_CPUS},
    /* The same, mounted with the option noprefix as on Android. */
    {.name = "effective_cpus",
     .fallback = true,
     .controller = CGROUP_CPUSET,
     .part = CPU_LIMIT_CPUS},
    {.name = "cpus",
     .fallback = true,
     .controller = CGROUP_CPUSET,
     .part = CPU_LIMIT_CPUS},
};

static const struct cpu_file v2_files[] = {
    {.name = "cpu.stat",
     .controller = CGROUP_CPUACCT,
     .groups = CPU_GROUP_CORE | CPU_GROUP_USER_SYSTEM | THROTTLING,
     .parse_stat = cpu_stat_parse},
    {.name = "cpu.pressure",
     .controller = CGROUP_CPUACCT,
     .groups = CPU_GROUP_PRESSURE,
     .parse_stat = cpu_stat_parse_pressure},
    {.name = "cpu.stat",
     .usage_of_v1 = true,
     .controller = CGROUP_CPU,
     .groups = THROTTLING,
     .parse_stat = cpu_stat_parse_throttling},
    {.name = "cpu.max",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_QUOTA,
     .parse_limit = cpu_limit_parse_max},
    {.name = "cpu.weight",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_WEIGHT,
     .parse_limit = cpu_limit_parse_weight},
    {.name = "cpuset.cpus.effective",
     .controller = CGROUP_CPUSET,
     .part = CPU_LIMIT_CPUS},
};

const struct cpu_file *cpu_files(enum cgroup_version version, size_t *count) {
  if (version == CGROUP_VERSION_1) {
    *count = ARRAY_SIZE(v1_files);
    return v1_files;
  }
  *count = ARRAY_SIZE(v2_files);
  return v2_files;
}

static size_t
add_files(const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
          enum cgroup_version version, bool counting,
          const struct cpu_file *files[CPU_FILES_MAX], size_t count) {
  size_t all = 0;
  const struct cpu_file *table = cpu_files(version, &all);

  for (size_t i = 0; i < all; i++) {
    const struct cpu_file *file = &table[i];

    if ((file->parse_stat != NULL) != counting ||
        versions[file->controller] != version ||
        (file->usage_of_v1 && versions[CGROUP_CPUACCT] == version))
      continue;
    files[count++] = file;
  }
  return count;
}

size_t
cpu_files_select(const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
                 const struct cpu_file *files[CPU_FILES_MAX]) {
  enum cgroup_version usage = versions[CGROUP_CPUACCT];
  enum cgroup_version other =
      usage == CGROUP_VERSION_1 ? CGROUP_VERSION_2 : CGROUP_VERSION_1;
  size_t count = add_files(versions, usage, true, files, 0);

  count = add_files(versions, other, true, files, count);
  count = add_files(versions, usage, false, files, count);
  return add_files(versions, other, false, files, count);
}
