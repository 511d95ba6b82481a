/* SPDX-License-Identifier: MIT */
/* Takes the text of a kernel file apart into lines. */
#ifndef CGROUP_CPU_LINE_H
#define CGROUP_CPU_LINE_H

#include <stddef.h>
#include <string.h>

/* Removes the first line from `text`, which must not be empty and need not end
 * with a newline. Stores the line without its newline, and returns its length.
 */
static inline size_t line_take(const char **text, size_t *length,
                               const char **line) {
  const char *newline = memchr(*text, '\n', *length);
  size_t line_length = newline != NULL ? (size_t)(newline - *text) : *length;
  size_t taken = line_length + (newline != NULL);

  *line = *text;
  *text += taken;
  *length -= taken;
  return line_length;
}

#endif
