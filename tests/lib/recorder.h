/* SPDX-License-Identifier: MIT */
/* A sink that keeps the reported values. */
#ifndef RECORDER_H
#define RECORDER_H

#include <stddef.h>

#include "report/report.h"

struct recorded_value {
  char cgroup[INSTANCE_NAME_SIZE];
  enum report_type type;
  /* Points to a constant of the core. */
  const char *type_instance;
  int64_t derive;
  double gauge;
};

/* The values of one pass, the number of its lines, and the last line. */
struct recorder {
  size_t count;
  struct recorded_value values[256];
  size_t lines;
  char line[256];
};

struct report_sink recorder_sink(struct recorder *recorder);

/* Returns the only value with that cgroup and type instance, or NULL. */
const struct recorded_value *recorder_find(const struct recorder *recorder,
                                           const char *cgroup,
                                           const char *type_instance);

#endif
