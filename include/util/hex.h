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

/* Returns the byte that an escape of systemd at the beginning of `text` stands
 * for, "\x2d" for "-", or -1 if there is none. */
#define HEX_ESCAPE_LENGTH 4
static inline int hex_escape(const char *text) {
  if (text[0] != '\\' || text[1] != 'x' || hex_value(text[2]) < 0 ||
      hex_value(text[3]) < 0)
    return -1;
  return hex_value(text[2]) * 16 + hex_value(text[3]);
}

#endif
