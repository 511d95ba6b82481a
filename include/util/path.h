/* SPDX-License-Identifier: MIT */
/* Compares absolute paths by their text. */
#ifndef CGROUP_CPU_PATH_H
#define CGROUP_CPU_PATH_H

#include <string.h>

/* If the path `text` begins with the path `beginning`, returns the rest, or
 * else NULL. */
static inline const char *path_behind(const char *text, const char *beginning) {
  size_t length = strcmp(beginning, "/") == 0 ? 0 : strlen(beginning);

  return strncmp(text, beginning, length) == 0 &&
                 (text[length] == '/' || text[length] == '\0')
             ? text + length
             : NULL;
}

#endif
