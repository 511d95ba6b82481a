/* SPDX-License-Identifier: MIT */
/* The common part of the fuzz targets. Each target is one file with one
 * function, which libFuzzer calls with inputs that it invents. The function
 * ends the process if a condition that must always hold does not hold. */
#ifndef FUZZ_H
#define FUZZ_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                     \
  do {                                                                         \
    if (!(condition)) {                                                        \
      (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,  \
                    #condition);                                               \
      abort();                                                                 \
    }                                                                          \
  } while (0)

/* Returns a copy that is a string. Zero bytes, which the kernel's texts do not
 * contain, become another character without a meaning. The caller frees it. */
static inline char *fuzz_string(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);

  REQUIRE(text != NULL);
  if (size > 0)
    memcpy(text, data, size);
  text[size] = '\0';
  for (char *zero = text; (zero += strlen(zero)) < text + size;)
    *zero = '\1';
  return text;
}

/* Returns whether the C library may need unlimited time and memory for a
 * regular expression. The cost of a pattern is the administrator's choice. */
static inline bool fuzz_is_costly(const char *expression) {
  if (strlen(expression) > 48 || strpbrk(expression, "{\\") != NULL)
    return true;
  for (; *expression != '\0'; expression++)
    if (strchr("*+?)", expression[0]) != NULL && expression[1] != '\0' &&
        strchr("*+?", expression[1]) != NULL)
      return true;
  return false;
}

/* The references below are slow and simple. They share only the format with the
 * parsers. */

/* Returns whether `text` is a decimal number below 2^64 and nothing else. */
static inline bool reference_number(const char *text, uint64_t *number) {
  if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
    return false;
  errno = 0;
  unsigned long long value = strtoull(text, NULL, 10);
  if (errno != 0)
    return false;
  *number = value;
  return true;
}

/* Removes the newline at the end, if there is one. */
static inline void reference_chomp(char *text) {
  size_t length = strlen(text);

  if (length > 0 && text[length - 1] == '\n')
    text[length - 1] = '\0';
}

#endif
