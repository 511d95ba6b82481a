/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "util/array.h"
#include "util/units.h"

/* The stock type "percent" ends at 100.1, and a higher value is lost. */
#define PERCENT_MAX 100.0

/* All reported counters, and the names of the rates made from them. That of the
 * usage is in report_use(). */
static const struct {
  unsigned group;
  enum cpu_counter counter;
  const char *derive;
  /* The name of the rate as CPU use, or NULL. */
  const char *millicores;
  /* The name of the rate as a share of the elapsed time, or NULL. */
  const char *percent;
} counters[] = {
    {VALUE_GROUP_CORE, CPU_USAGE_USEC, "cpu_usage_usec", NULL, NULL},
    {VALUE_GROUP_USER_SYSTEM, CPU_USER_USEC, "user_usec", "user_millicores",
     NULL},
    {VALUE_GROUP_USER_SYSTEM, CPU_SYSTEM_USEC, "system_usec",
     "system_millicores", NULL},
    {VALUE_GROUP_USER_SYSTEM, CPU_NICE_USEC, "nice_usec", NULL, NULL},
    {VALUE_GROUP_USER_SYSTEM, CPU_FORCE_IDLE_USEC, "force_idle_usec", NULL,
     NULL},
    {VALUE_GROUP_THROTTLING, CPU_NR_PERIODS, "nr_periods", NULL, NULL},
    {VALUE_GROUP_THROTTLING, CPU_NR_THROTTLED, "nr_throttled", NULL, NULL},
    {VALUE_GROUP_THROTTLING, CPU_THROTTLED_USEC, "throttled_usec", NULL, NULL},
    {VALUE_GROUP_THROTTLING, CPU_NR_BURSTS, "nr_bursts", NULL, NULL},
    {VALUE_GROUP_THROTTLING, CPU_BURST_USEC, "burst_usec", NULL, NULL},
    {VALUE_GROUP_THROTTLING, CPU_THROTTLED_LOCAL_USEC, "throttled_local_usec",
     NULL, NULL},
    {VALUE_GROUP_THROTTLING, CPU_FROZEN_USEC, "frozen_usec", NULL, NULL},
    {VALUE_GROUP_PRESSURE, CPU_PRESSURE_SOME_USEC, "pressure_some_usec", NULL,
     "pressure_some"},
    {VALUE_GROUP_PRESSURE, CPU_PRESSURE_FULL_USEC, "pressure_full_usec", NULL,
     "pressure_full"},
    {VALUE_GROUP_PRESSURE, CPU_PRESSURE_IRQ_USEC, "pressure_irq_usec", NULL,
     "pressure_irq"},
};

static void report_derive(const struct report_sink *sink, struct cgroup *cgroup,
                          const char *type_instance, uint64_t counter) {
  if (counter > INT64_MAX)
    return;
  struct report_value value = {.cgroup = cgroup,
                               .type = REPORT_DERIVE,
                               .type_instance = type_instance,
                               .value.derive = (int64_t)counter};
  sink->value(sink->context, &value);
}

static void report_gauge(const struct report_sink *sink, struct cgroup *cgroup,
                         const char *type_instance, double gauge) {
  struct report_value value = {.cgroup = cgroup,
                               .type = REPORT_GAUGE,
                               .type_instance = type_instance,
                               .value.gauge = gauge};
  sink->value(sink->context, &value);
}

static void report_percent(const struct report_sink *sink,
                           struct cgroup *cgroup, const char *type_instance,
                           double percent) {
  struct report_value value = {
      .cgroup = cgroup,
      .type = REPORT_PERCENT,
      .type_instance = type_instance,
      .value.gauge = percent < PERCENT_MAX ? percent : PERCENT_MAX};
  sink->value(sink->context, &value);
}

/* If a counter's increase is impossible, not even the counter is reported: a
 * store would compute a rate from it. */
static void report_counters(const struct report_sink *sink,
                            const struct report_sample *sample) {
  for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
    enum cpu_counter counter = counters[i].counter;
    const struct rate_interval *interval = cpu_rates_of(sample->rates, counter);
    bool has_rate = counter == CPU_USAGE_USEC ||
                    counters[i].millicores != NULL ||
                    counters[i].percent != NULL;

    if ((counters[i].group & sample->groups) == 0 ||
        !cpu_stat_has(&sample->now->stat, counter) ||
        cpu_rates_are_impossible(sample->rates, counter))
      continue;
    if (!has_rate || !sink->without_counters)
      report_derive(sink, sample->cgroup, counters[i].derive,
                    sample->now->stat.counters[counter]);
    if (interval == NULL || sink->without_rates)
      continue;
    if (counters[i].millicores != NULL)
      report_gauge(sink, sample->cgroup, counters[i].millicores,
                   rate_interval_millicores(interval));
    if (counters[i].percent != NULL)
      report_percent(sink, sample->cgroup, counters[i].percent,
                     (double)interval->delta * (double)NSEC_PER_USEC * 100 /
                         (double)interval->elapsed_nsec);
  }
}

static void report_throttled_periods(const struct report_sink *sink,
                                     const struct report_sample *sample) {
  const struct rate_interval *periods =
      cpu_rates_of(sample->rates, CPU_NR_PERIODS);
  const struct rate_interval *throttled =
      cpu_rates_of(sample->rates, CPU_NR_THROTTLED);

  if ((sample->groups & VALUE_GROUP_THROTTLING) != 0 && periods != NULL &&
      throttled != NULL && periods->delta > 0)
    report_percent(sink, sample->cgroup, "throttled_periods",
                   (double)throttled->delta * 100 / (double)periods->delta);
}

static void report_use(const struct report_sink *sink,
                       const struct report_sample *sample) {
  const struct rate_interval *interval =
      cpu_rates_of(sample->rates, CPU_USAGE_USEC);

  if (interval == NULL)
    return;
  double millicores = rate_interval_millicores(interval);
  if (!sink->without_rates)
    report_gauge(sink, sample->cgroup, "millicores", millicores);
  if (sample->limit != NULL && sample->limit->millicores > 0)
    report_percent(sink, sample->cgroup, "of_limit",
                   millicores * 100 / sample->limit->millicores);
}

static void report_limit(const struct report_sink *sink,
                         const struct report_sample *sample) {
  const struct cgroup_limit *limit = sample->limit;

  if (limit == NULL)
    return;
  if (limit->millicores > 0)
    report_gauge(sink, sample->cgroup, "limit_millicores", limit->millicores);
  if (limit->millicores > 0 && limit->level != CGROUP_LEVEL_NONE)
    report_gauge(sink, sample->cgroup, "limit_level", (double)limit->level);
  if (limit->own.weight_known)
    report_gauge(sink, sample->cgroup, "weight", limit->own.weight);
}

static void report_line(const struct report_sink *sink,
                        const struct report_sample *sample) {
  const struct rate_interval *interval =
      cpu_rates_of(sample->rates, CPU_USAGE_USEC);
  uint64_t usage = sample->now->stat.counters[CPU_USAGE_USEC];
  char line[256];

  if (interval != NULL)
    (void)snprintf(line, sizeof(line),
                   "%s: CPU μs: %" PRIu64 " | delta: +%" PRIu64 " | CPU: %.0fm",
                   sample->cgroup->instance, usage, interval->delta,
                   rate_interval_millicores(interval));
  else
    (void)snprintf(line, sizeof(line), "%s: CPU μs: %" PRIu64,
                   sample->cgroup->instance, usage);
  sink->sample(sink->context, line);
}

void report_sample(const struct report_sink *sink,
                   const struct report_sample *sample) {
  report_counters(sink, sample);
  report_use(sink, sample);
  if (sample->peak != NULL && sample->peak->known)
    report_gauge(sink, sample->cgroup, "peak_millicores",
                 sample->peak->millicores);
  report_throttled_periods(sink, sample);
  report_limit(sink, sample);
  if (sink->sample != NULL && cpu_stat_has(&sample->now->stat, CPU_USAGE_USEC))
    report_line(sink, sample);
}

void report_remainder(const struct report_sink *sink, struct cgroup *cgroup,
                      uint64_t counter_usec,
                      const struct rate_interval *interval) {
  if (!sink->without_counters)
    report_derive(sink, cgroup, "remainder_usec", counter_usec);
  if (interval != NULL && !sink->without_rates)
    report_gauge(sink, cgroup, "remainder_millicores",
                 rate_interval_millicores(interval));
}

void report_pass(const struct report_sink *sink,
                 const struct report_pass *pass) {
  report_gauge(sink, NULL, "cgroups_read", (double)pass->read);
  report_gauge(sink, NULL, "cgroups_idle", (double)pass->idle);
  report_gauge(sink, NULL, "cgroups_unreadable", (double)pass->unreadable);
  report_gauge(sink, NULL, "cgroups_left_out", (double)pass->left_out);
  if (pass->elapsed_nsec > 0)
    report_gauge(sink, NULL, "pass_usec",
                 (double)pass->elapsed_nsec / (double)NSEC_PER_USEC);
}
