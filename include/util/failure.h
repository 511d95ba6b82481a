/* SPDX-License-Identifier: MIT */
/* What failed and where. A failure is handed down by pointer and filled in
 * where it happens. */
#ifndef CGROUP_CPU_FAILURE_H
#define CGROUP_CPU_FAILURE_H

#include <limits.h>

/* Room for the path of any file of a cgroup. */
#define FAILURE_PATH_SIZE (PATH_MAX + 64)

struct failure {
  /* A negative errno; 0: nothing failed, and there is no path. */
  int error;
  char path[FAILURE_PATH_SIZE];
};

/* Notes an error, a negative errno, at the path that `format` makes. The first
 * error stays. But any other error replaces a missing permission, which lasts
 * until somebody grants it. */
void failure_note(struct failure *failure, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Notes what `other` has, if it has an error. */
void failure_merge(struct failure *failure, const struct failure *other);

#endif
