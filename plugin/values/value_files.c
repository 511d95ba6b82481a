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

static const struct counter_file v1_counter_files[] = {
    {.name = "cpuacct.usage",
     .controller = CGROUP_CPUACCT,
     .groups = VALUE_GROUP_CORE,
     .rests = true,
     .parse = parse_usage},
    {.name = "cpuacct.usage_user",
     .controller = CGROUP_CPUACCT,
     .groups = VALUE_GROUP_USER_SYSTEM,
     .rests = true,
     .parse = parse_user},
    {.name = "cpuacct.usage_sys",
     .controller = CGROUP_CPUACCT,
     .groups = VALUE_GROUP_USER_SYSTEM,
     .rests = true,
     .parse = parse_system},
    /* For Linux before 4.6. */
    {.name = "cpuacct.stat",
     .fallback = true,
     .controller = CGROUP_CPUACCT,
     .groups = VALUE_GROUP_USER_SYSTEM,
     .rests = true,
     .parse = parse_ticks},
    {.name = "cpu.stat",
     .controller = CGROUP_CPU,
     .groups = VALUE_GROUP_PERIODS,
     .rests = true,
     .parse = cpu_stat_parse_throttling},
    /* Since Linux 6.6, as in v2. */
    {.name = "cpu.stat.local",
     .controller = CGROUP_CPU,
     .groups = VALUE_GROUP_THROTTLING,
     .parse = cpu_stat_parse_local},
};

static const struct counter_file v2_counter_files[] = {
    {.name = "cpu.stat",
     .controller = CGROUP_CPUACCT,
     .groups = VALUE_GROUP_CORE | VALUE_GROUP_USER_SYSTEM | VALUE_GROUP_PERIODS,
     .rests = true,
     .parse = cpu_stat_parse},
    {.name = "cpu.pressure",
     .controller = CGROUP_CPUACCT,
     .groups = VALUE_GROUP_PRESSURE,
     .parse = cpu_stat_parse_pressure},
    /* Since Linux 6.1. */
    {.name = "irq.pressure",
     .controller = CGROUP_CPUACCT,
     .groups = VALUE_GROUP_PRESSURE,
     .parse = cpu_stat_parse_irq_pressure},
    /* Since Linux 6.18. */
    {.name = "cgroup.stat.local",
     .controller = CGROUP_CPUACCT,
     .groups = VALUE_GROUP_THROTTLING,
     .parse = cpu_stat_parse_local},
    {.name = "cpu.stat",
     .usage_of_v1 = true,
     .controller = CGROUP_CPU,
     .groups = VALUE_GROUP_PERIODS,
     .rests = true,
     .parse = cpu_stat_parse_throttling},
    {.name = "cpu.stat.local",
     .controller = CGROUP_CPU,
     .groups = VALUE_GROUP_THROTTLING,
     .parse = cpu_stat_parse_local},
};

static const struct limit_file v1_limit_files[] = {
    {.name = "cpu.cfs_quota_us",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_QUOTA,
     .parse = cpu_limit_parse_quota},
    {.name = "cpu.cfs_period_us",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_QUOTA,
     .parse = cpu_limit_parse_period},
    {.name = "cpu.shares",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_WEIGHT,
     .parse = cpu_limit_parse_shares},
    {.name = "cpu.idle",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_WEIGHT,
     .parse = cpu_limit_parse_idle},
    {.name = "cpuset.effective_cpus",
     .controller = CGROUP_CPUSET,
     .part = CPU_LIMIT_CPUS},
    /* For Linux before 3.17. */
    {.name = "cpuset.cpus",
     .fallback = true,
     .controller = CGROUP_CPUSET,
     .part = CPU_LIMIT_CPUS},
    /* The same files if cpuset is mounted with the option noprefix, as on
     * Android. */
    {.name = "effective_cpus",
     .fallback = true,
     .controller = CGROUP_CPUSET,
     .part = CPU_LIMIT_CPUS},
    {.name = "cpus",
     .fallback = true,
     .controller = CGROUP_CPUSET,
     .part = CPU_LIMIT_CPUS},
};

static const struct limit_file v2_limit_files[] = {
    {.name = "cpu.max",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_QUOTA,
     .parse = cpu_limit_parse_max},
    {.name = "cpu.weight",
     .controller = CGROUP_CPU,
     .part = CPU_LIMIT_WEIGHT,
     .parse = cpu_limit_parse_weight},
    {.name = "cpuset.cpus.effective",
     .controller = CGROUP_CPUSET,
     .part = CPU_LIMIT_CPUS},
};

static enum cgroup_version other_version(enum cgroup_version version) {
  return version == CGROUP_VERSION_1 ? CGROUP_VERSION_2 : CGROUP_VERSION_1;
}

static size_t
add_counter_files(const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
                  enum cgroup_version version,
                  const struct counter_file *files[COUNTER_FILES_MAX],
                  size_t count) {
  bool v1 = version == CGROUP_VERSION_1;
  const struct counter_file *table = v1 ? v1_counter_files : v2_counter_files;
  size_t all = v1 ? ARRAY_SIZE(v1_counter_files) : ARRAY_SIZE(v2_counter_files);

  for (size_t i = 0; i < all; i++)
    if (versions[table[i].controller] == version &&
        !(table[i].usage_of_v1 && versions[CGROUP_CPUACCT] == version))
      files[count++] = &table[i];
  return count;
}

size_t
counter_files(const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
              const struct counter_file *files[COUNTER_FILES_MAX]) {
  enum cgroup_version usage = versions[CGROUP_CPUACCT];
  size_t count = add_counter_files(versions, usage, files, 0);

  return add_counter_files(versions, other_version(usage), files, count);
}

static size_t
add_limit_files(const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
                enum cgroup_version version,
                const struct limit_file *files[LIMIT_FILES_MAX], size_t count) {
  bool v1 = version == CGROUP_VERSION_1;
  const struct limit_file *table = v1 ? v1_limit_files : v2_limit_files;
  size_t all = v1 ? ARRAY_SIZE(v1_limit_files) : ARRAY_SIZE(v2_limit_files);

  for (size_t i = 0; i < all; i++)
    if (versions[table[i].controller] == version)
      files[count++] = &table[i];
  return count;
}

size_t limit_files(const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
                   const struct limit_file *files[LIMIT_FILES_MAX]) {
  enum cgroup_version usage = versions[CGROUP_CPUACCT];
  size_t count = add_limit_files(versions, usage, files, 0);

  return add_limit_files(versions, other_version(usage), files, count);
}

const char *usage_file(enum cgroup_version version) {
  return version == CGROUP_VERSION_1 ? v1_counter_files[0].name
                                     : v2_counter_files[0].name;
}

/* With the mount option noprefix, a name is without that of the controller. */
static const char *const signs[][CONTROLLER_SIGNS_MAX] = {
    [CGROUP_CPUACCT] = {"cpuacct.usage", "usage"},
    [CGROUP_CPU] = {"cpu.shares", "shares", "cpu.cfs_quota_us"},
    [CGROUP_CPUSET] = {"cpuset.cpus", "cpus"},
};

const char *const *controller_signs(enum cgroup_controller controller) {
  return signs[controller];
}
