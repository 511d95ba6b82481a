/* SPDX-License-Identifier: MIT */
/* One pass: every cgroup read, its rate told, its values reported. */
#ifndef CGROUP_CPU_COLLECTOR_H
#define CGROUP_CPU_COLLECTOR_H

#include <stddef.h>

#include "hierarchy.h"
#include "report.h"

struct collector;

/* What came of a pass. */
struct collector_pass {
  /* Cgroups whose counters were read. */
  size_t read;
  /* Cgroups that are there and could not be read, and for the first of them
   * the negative errno and the file; borrowed until the next pass. */
  size_t failed;
  int error;
  const char *failed_file;
};

/* Takes the hierarchy over, on success and on failure. Opens nothing yet.
 * Returns 0 or -ENOMEM. The caller frees with collector_free(). */
int collector_new(struct hierarchy *hierarchy, struct collector **collector);

void collector_free(struct collector *collector);

/* Reads all cgroups once and hands their values to `sink`. */
void collector_run(struct collector *collector, const struct report_sink *sink,
                   struct collector_pass *pass);

#endif
