/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

static void report_derive(const struct report_sink *sink,
                          const struct cgroup *cgroup,
                          const char *type_instance, uint64_t counter) {
  if (counter > INT64_MAX)
    return;
  struct report_value value = {.cgroup = cgroup,
                               .type = REPORT_DERIVE,
                               .type_instance = type_instance,
                               .value.derive = (int64_t)counter};
  sink->value(sink->context, &value);
}

static void report_gauge(const struct report_sink *sink,
                         const struct cgroup *cgroup, const char *type_instance,
                         double gauge) {
  struct report_value value = {.cgroup = cgroup,
                               .type = REPORT_GAUGE,
                               .type_instance = type_instance,
                               .value.gauge = gauge};
  sink->value(sink->context, &value);
}

static void report_line(const struct report_sink *sink,
                        const struct report_sample *sample) {
  const struct rate_interval *interval = sample->interval;
  uint64_t usage = sample->stat->counters[CPU_USAGE_USEC];
  char line[256];

  if (interval != NULL)
    (void)snprintf(line, sizeof(line),
                   "%s: CPU μs: %" PRIu64 " | delta: +%" PRIu64 " | CPU: %.0fm",
                   sample->cgroup->instance, usage, interval->delta_usec,
                   interval->millicores);
  else
    (void)snprintf(line, sizeof(line), "%s: CPU μs: %" PRIu64,
                   sample->cgroup->instance, usage);
  sink->sample(sink->context, line);
}

void report_sample(const struct report_sink *sink,
                   const struct report_sample *sample) {
  if (cpu_stat_has(sample->stat, CPU_USAGE_USEC)) {
    report_derive(sink, sample->cgroup, "cpu_usage_usec",
                  sample->stat->counters[CPU_USAGE_USEC]);
    if (sink->sample != NULL)
      report_line(sink, sample);
  }
  if (sample->interval != NULL)
    report_gauge(sink, sample->cgroup, "millicores",
                 sample->interval->millicores);
}

void report_remainder(const struct report_sink *sink,
                      const struct cgroup *cgroup,
                      const struct rate_interval *interval,
                      uint64_t below_usec) {
  uint64_t rest =
      interval->delta_usec > below_usec ? interval->delta_usec - below_usec : 0;

  report_gauge(sink, cgroup, "remainder_millicores",
               rate_millicores(rest, interval->elapsed_nsec));
}
