/* SPDX-License-Identifier: MIT */
#include "values/number.h"

#include <errno.h>

int number_parse_digits(const char *text, size_t length, uint64_t *number) {
  uint64_t value = 0;

  if (length == 0)
    return -EINVAL;
  for (size_t i = 0; i < length; i++) {
    if (text[i] < '0' || text[i] > '9')
      return -EINVAL;
    uint64_t digit = (uint64_t)(text[i] - '0');
    if (value > (UINT64_MAX - digit) / 10)
      return -ERANGE;
    value = value * 10 + digit;
  }
  *number = value;
  return 0;
}

int number_parse(const char *text, size_t length, uint64_t *number) {
  if (length > 0 && text[length - 1] == '\n')
    length--;
  return length > 0 ? number_parse_digits(text, length, number) : -ENODATA;
}
