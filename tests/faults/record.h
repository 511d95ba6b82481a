/* SPDX-License-Identifier: MIT */
/* What came of the passes of one life of a collector. */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "report/report.h"

struct record_value {
  char cgroup[INSTANCE_NAME_SIZE];
  const char *type_instance;
  double value;
};

/* The values of one pass. */
struct record {
  size_t count;
  struct record_value values[256];
};

struct report_sink record_sink(struct record *record);

/* NULL: there is none. */
const struct record_value *record_find(const struct record *record,
                                       const char *cgroup,
                                       const char *type_instance);

/* Whether a value is told from a single sample: a counter or a limit. */
bool record_needs_one_sample(const struct record_value *value);

#endif
