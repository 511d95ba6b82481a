/* SPDX-License-Identifier: MIT */
/* The length of arrays that the compiler knows, and arrays that grow. */
#ifndef CGROUP_CPU_ARRAY_H
#define CGROUP_CPU_ARRAY_H

#include <stdlib.h>

/* The number of entries. Do not use it for a pointer. */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Makes room for one more than `count` entries of `size` bytes. Returns the
 * array, which may have moved, and stores its new `room`; or returns NULL, and
 * the old array is as it was. */
static inline void *array_grown(void *array, size_t count, size_t *room,
                                size_t size) {
  if (count < *room)
    return array;
  size_t wanted = *room * 2 + 64;
  void *grown = reallocarray(array, wanted, size);
  if (grown != NULL)
    *room = wanted;
  return grown;
}

#endif
