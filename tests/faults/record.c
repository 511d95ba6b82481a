/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static void record_value(void *context, const struct report_value *value) {
  struct record *record = context;

  if (record->count == sizeof(record->values) / sizeof(*record->values))
    ck_abort_msg("there is no room for more values");
  struct record_value *kept = &record->values[record->count++];
  (void)snprintf(kept->cgroup, sizeof(kept->cgroup), "%s",
                 value->cgroup->instance);
  kept->type_instance = value->type_instance;
  kept->value = value->type == REPORT_DERIVE ? (double)value->value.derive
                                             : value->value.gauge;
}

struct report_sink record_sink(struct record *record) {
  record->count = 0;
  return (struct report_sink){.context = record, .value = record_value};
}

const struct record_value *record_find(const struct record *record,
                                       const char *cgroup,
                                       const char *type_instance) {
  for (size_t i = 0; i < record->count; i++)
    if (strcmp(record->values[i].cgroup, cgroup) == 0 &&
        strcmp(record->values[i].type_instance, type_instance) == 0)
      return &record->values[i];
  return NULL;
}

bool record_needs_one_sample(const struct record_value *value) {
  static const char *const others[] = {
      "limit_millicores", "weight", "nr_periods", "nr_throttled", "nr_bursts"};
  size_t length = strlen(value->type_instance);

  for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
    if (strcmp(value->type_instance, others[i]) == 0)
      return true;
  return length > 5 && strcmp(value->type_instance + length - 5, "_usec") == 0;
}
