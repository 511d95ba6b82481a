/* SPDX-License-Identifier: MIT */
#include "values/cpu_rates.h"

#include <errno.h>
#include <stddef.h>

/* These counters are 0 when the directory of the cgroup is created. */
#define BEGIN_WITH_CGROUP                                                      \
  (UINT32_C(1) << CPU_USER_USEC | UINT32_C(1) << CPU_SYSTEM_USEC |             \
   UINT32_C(1) << CPU_NICE_USEC | UINT32_C(1) << CPU_FORCE_IDLE_USEC |         \
   UINT32_C(1) << CPU_FROZEN_USEC | UINT32_C(1) << CPU_PRESSURE_SOME_USEC |    \
   UINT32_C(1) << CPU_PRESSURE_FULL_USEC |                                     \
   UINT32_C(1) << CPU_PRESSURE_IRQ_USEC)

static void update_counter(struct rate *rate, const struct cpu_sample *now,
                           enum cpu_counter counter, struct cpu_rates *rates) {
  int status = rate_update(rate, now->stat.counters[counter],
                           now->time_nsec[counter], &rates->intervals[counter]);

  rates->known |= (uint32_t)(status == 0) << counter;
  rates->impossible |= (uint32_t)(status == -EOVERFLOW) << counter;
}

static void keep_sample(struct cpu_sample *before, const struct cpu_sample *now,
                        bool complete) {
  uint32_t kept = complete ? 0 : before->stat.present & ~now->stat.present;
  struct cpu_sample earlier = *before;

  *before = *now;
  before->stat.present |= kept;
  for (size_t i = 0; i < CPU_COUNTER_COUNT; i++)
    if ((kept & (UINT32_C(1) << i)) != 0) {
      before->stat.counters[i] = earlier.stat.counters[i];
      before->time_nsec[i] = earlier.time_nsec[i];
    }
}

void cpu_rates_update(struct rate *usage, struct cpu_sample *before,
                      const struct cpu_sample *now, bool complete,
                      struct cpu_rates *rates) {
  rates->known = rates->impossible = 0;
  if (cpu_stat_has(&now->stat, CPU_USAGE_USEC))
    update_counter(usage, now, CPU_USAGE_USEC, rates);
  if (before == NULL)
    return;
  for (enum cpu_counter i = CPU_USAGE_USEC + 1; i < CPU_COUNTER_COUNT; i++)
    if (cpu_stat_has(&now->stat, i) && cpu_stat_has(&before->stat, i))
      update_counter(&(struct rate){.known = true,
                                    .count = before->stat.counters[i],
                                    .time_nsec = before->time_nsec[i]},
                     now, i, rates);
  keep_sample(before, now, complete);
}

void cpu_rates_begin(struct rate *usage, struct cpu_sample *before,
                     uint64_t time_nsec) {
  *usage = (struct rate){.known = true, .time_nsec = time_nsec};
  if (before == NULL)
    return;
  *before = (struct cpu_sample){.stat.present = BEGIN_WITH_CGROUP};
  for (size_t i = 0; i < CPU_COUNTER_COUNT; i++)
    before->time_nsec[i] = time_nsec;
}

void cpu_rates_forget(struct cpu_sample *before) {
  if (before != NULL)
    before->stat.present = 0;
}
