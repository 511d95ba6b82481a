/* SPDX-License-Identifier: MIT */
#include "recorder.h"
#include "util/array.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "util/array.h"

static void record_value(void *context, const struct report_value *value) {
  struct recorder *recorder = context;

  if (recorder->count == ARRAY_SIZE(recorder->values))
    ck_abort_msg("there is no room for more values");
  struct recorded_value *kept = &recorder->values[recorder->count++];
  *kept = (struct recorded_value){.type = value->type,
                                  .type_instance = value->type_instance};
  (void)snprintf(kept->cgroup, sizeof(kept->cgroup), "%s",
                 value->cgroup != NULL ? value->cgroup->instance
                                       : INSTANCE_NAME_OF_PLUGIN);
  if (value->type == REPORT_DERIVE)
    kept->derive = value->value.derive;
  else
    kept->gauge = value->value.gauge;
}

static void record_line(void *context, const char *line) {
  struct recorder *recorder = context;

  recorder->lines++;
  (void)snprintf(recorder->line, sizeof(recorder->line), "%s", line);
}

struct report_sink recorder_sink(struct recorder *recorder) {
  recorder->count = recorder->lines = 0;
  *recorder->line = '\0';
  return (struct report_sink){
      .context = recorder, .value = record_value, .sample = record_line};
}

const struct recorded_value *recorder_find(const struct recorder *recorder,
                                           const char *cgroup,
                                           const char *type_instance) {
  const struct recorded_value *found = NULL;

  for (size_t i = 0; i < recorder->count; i++) {
    const struct recorded_value *value = &recorder->values[i];

    if (strcmp(value->cgroup, cgroup) == 0 &&
        strcmp(value->type_instance, type_instance) == 0) {
      if (found != NULL)
        ck_abort_msg("%s %s twice", cgroup, type_instance);
      found = value;
    }
  }
  return found;
}
