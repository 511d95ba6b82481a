/* SPDX-License-Identifier: MIT */
/* Hexadecimal digits, in lower case as ids and escapes have them. */
#ifndef CGROUP_CPU_HEX_H
#define CGROUP_CPU_HEX_H

#include <stddef.h>

/* Returns the value of a digit, or -1. */
static inline int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return -1;
}

/* Returns the number of digits at the beginning of `text`. */
static inline size_t hex_run(const char *text) {
  size_t length = 0;

  while (hex_value(text[length]) >= 0)
    length++;
  return length;
}

#endif
