/* SPDX-License-Identifier: MIT */
/* What an error means for a cgroup. All take a negative errno. */
#ifndef CGROUP_CPU_ERRORS_H
#define CGROUP_CPU_ERRORS_H

#include <errno.h>
#include <stdbool.h>

/* No such cgroup or file is there: it was removed, or replaced by something
 * else. */
static inline bool error_is_absence(int error) {
  return error == -ENOENT || error == -ENOTDIR || error == -ELOOP ||
         error == -ENODEV || error == -EXDEV;
}

/* The user of the process has no permission. */
static inline bool error_is_denial(int error) {
  return error == -EACCES || error == -EPERM;
}

/* Memory or descriptors are short now, and may be available soon. */
static inline bool error_is_scarcity(int error) {
  return error == -ENOMEM || error == -EMFILE || error == -ENFILE ||
         error == -EINTR || error == -EAGAIN;
}

#endif
