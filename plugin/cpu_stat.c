/* SPDX-License-Identifier: MIT */
#include "cpu_stat.h"

#include <errno.h>
#include <string.h>

#define NSEC_PER_USEC 1000

static const char *const keys[CPU_COUNTER_COUNT] = {
    [CPU_USAGE_USEC] = "usage_usec",
};

static int parse_number(const char *text, size_t length, uint64_t *number) {
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

static void set_counter(struct cpu_stat *stat, enum cpu_counter counter,
                        uint64_t value) {
  stat->counters[counter] = value;
  stat->present |= UINT32_C(1) << counter;
}

static void parse_line(const char *line, size_t length, struct cpu_stat *stat) {
  const char *blank = memchr(line, ' ', length);
  uint64_t value = 0;

  if (blank == NULL)
    return;
  size_t key_length = (size_t)(blank - line);
  for (enum cpu_counter i = 0; i < CPU_COUNTER_COUNT; i++)
    if (strlen(keys[i]) == key_length &&
        memcmp(keys[i], line, key_length) == 0 &&
        parse_number(blank + 1, length - key_length - 1, &value) == 0)
      set_counter(stat, i, value);
}

int cpu_stat_parse(const char *text, size_t length, struct cpu_stat *stat) {
  *stat = (struct cpu_stat){0};

  while (length > 0) {
    const char *newline = memchr(text, '\n', length);
    size_t line = newline != NULL ? (size_t)(newline - text) : length;

    parse_line(text, line, stat);
    if (newline != NULL)
      line++;
    text += line;
    length -= line;
  }
  return stat->present != 0 ? 0 : -ENODATA;
}

int cpu_stat_parse_usage_nsec(const char *text, size_t length,
                              struct cpu_stat *stat) {
  uint64_t nsec = 0;

  *stat = (struct cpu_stat){0};
  if (length > 0 && text[length - 1] == '\n')
    length--;
  if (length == 0)
    return -ENODATA;

  int status = parse_number(text, length, &nsec);
  if (status == 0)
    set_counter(stat, CPU_USAGE_USEC, nsec / NSEC_PER_USEC);
  return status;
}
