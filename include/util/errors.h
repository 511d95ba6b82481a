/* SPDX-License-Identifier: MIT */
/* What an error means for what is known of a cgroup. All take a negative errno.
 */
#ifndef CGROUP_CPU_ERRORS_H
#define CGROUP_CPU_ERRORS_H

#include <errno.h>
#include <stdbool.h>

/* There is no such cgroup or file at that place: removed, or replaced by
 * something else. */
static inline bool error_is_absence(int error) {
  return error == -ENOENT || error == -ENOTDIR || error == -ELOOP ||
         error == -ENODEV || error == -EXDEV;
}

/* The user that runs this may not. */
static inline bool error_is_denial(int error) {
  return error == -EACCES || error == -EPERM;
}

/* What is scarce now may be available soon. */
static inline bool error_is_scarcity(int error) {
  return error == -ENOMEM || error == -EMFILE || error == -ENFILE ||
         error == -EINTR || error == -EAGAIN;
}

#endif
