/* SPDX-License-Identifier: MIT */
/* Scope-bound release of what a function holds: one error idiom throughout. */
#ifndef CGROUP_CPU_CLEANUP_H
#define CGROUP_CPU_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Put before a variable: it is released when its scope ends, however it ends,
 * and errno stays what it was. Hand the value on with TAKE_POINTER or TAKE_FD
 * to keep it. */
#define CLEANUP_FREE __attribute__((cleanup(cleanup_free)))
#define CLEANUP_FD __attribute__((cleanup(cleanup_fd)))
#define CLEANUP_FILE __attribute__((cleanup(cleanup_file)))

#define TAKE_POINTER(pointer)                                                  \
  __extension__({                                                              \
    __typeof__(pointer) taken_ = (pointer);                                    \
    (pointer) = NULL;                                                          \
    taken_;                                                                    \
  })

#define TAKE_FD(fd)                                                            \
  __extension__({                                                              \
    int taken_ = (fd);                                                         \
    (fd) = -1;                                                                 \
    taken_;                                                                    \
  })

static inline void cleanup_free(void *pointer) {
  int error = errno;

  free(*(void **)pointer);
  errno = error;
}

static inline void cleanup_fd(const int *fd) {
  int error = errno;

  if (*fd >= 0)
    (void)close(*fd);
  errno = error;
}

static inline void cleanup_file(FILE **file) {
  int error = errno;

  if (*file != NULL)
    (void)fclose(*file);
  errno = error;
}

#endif
