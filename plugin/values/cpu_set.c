/* SPDX-License-Identifier: MIT */
#include "values/cpu_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "values/number.h"

#define WORD_BITS 64

static int parse_cpu(const char *text, size_t length, unsigned *cpu) {
  uint64_t number = 0;

  if (number_parse_digits(text, length, &number) < 0 || number >= CPU_SET_MAX)
    return -EINVAL;
  *cpu = (unsigned)number;
  return 0;
}

/* Parses "8" or "0-3". CPUs below `*next` are not allowed. */
static int parse_range(const char *text, size_t length, unsigned *next,
                       unsigned *first) {
  const char *dash = memchr(text, '-', length);
  size_t first_length = dash != NULL ? (size_t)(dash - text) : length;
  unsigned last = 0;

  if (parse_cpu(text, first_length, first) < 0)
    return -EINVAL;
  last = *first;
  if (dash != NULL && parse_cpu(dash + 1, length - first_length - 1, &last) < 0)
    return -EINVAL;
  if (*first < *next || last < *first)
    return -EINVAL;
  *next = last + 1;
  return 0;
}

/* If `set` is NULL, it only computes `*end`: one more than the last CPU. */
static int parse_ranges(const char *text, size_t length, struct cpu_set *set,
                        unsigned *end) {
  unsigned first = 0;

  *end = 0;
  for (;;) {
    const char *comma = memchr(text, ',', length);
    size_t part = comma != NULL ? (size_t)(comma - text) : length;

    if (parse_range(text, part, end, &first) < 0)
      return -EINVAL;
    for (; set != NULL && first < *end; first++)
      set->bits[first / WORD_BITS] |= UINT64_C(1) << first % WORD_BITS;
    if (comma == NULL)
      return 0;
    text += part + 1;
    length -= part + 1;
  }
}

static int grow(struct cpu_set *set, size_t words) {
  if (words <= set->words)
    return 0;
  uint64_t *bits = calloc(words, sizeof(*bits));
  if (bits == NULL)
    return -ENOMEM;
  if (set->words > 0)
    memcpy(bits, set->bits, set->words * sizeof(*bits));
  free(set->bits);
  set->bits = bits;
  set->words = words;
  return 0;
}

int cpu_set_parse(const char *text, size_t length, struct cpu_set *set) {
  unsigned end = 0;

  cpu_set_release(set);
  if (length == 0)
    return -EINVAL;
  if (text[length - 1] == '\n')
    length--;
  if (length == 0)
    return 0;
  if (parse_ranges(text, length, NULL, &end) < 0)
    return -EINVAL;
  if (grow(set, (end + WORD_BITS - 1) / WORD_BITS) < 0)
    return -ENOMEM;
  return parse_ranges(text, length, set, &end);
}

static uint64_t word(const struct cpu_set *set, size_t index) {
  return index < set->words ? set->bits[index] : 0;
}

int cpu_set_add(struct cpu_set *set, const struct cpu_set *other) {
  if (grow(set, other->words) < 0)
    return -ENOMEM;
  for (size_t i = 0; i < other->words; i++)
    set->bits[i] |= other->bits[i];
  return 0;
}

bool cpu_set_contains(const struct cpu_set *set, const struct cpu_set *other) {
  for (size_t i = 0; i < other->words; i++)
    if ((other->bits[i] & ~word(set, i)) != 0)
      return false;
  return true;
}

bool cpu_set_has(const struct cpu_set *set, unsigned cpu) {
  return (word(set, cpu / WORD_BITS) >> cpu % WORD_BITS & 1) != 0;
}

unsigned cpu_set_count(const struct cpu_set *set, const struct cpu_set *also,
                       const struct cpu_set *within) {
  size_t words =
      also != NULL && also->words > set->words ? also->words : set->words;
  unsigned count = 0;

  for (size_t i = 0; i < words; i++)
    count += (unsigned)__builtin_popcountll(
        (word(set, i) | (also != NULL ? word(also, i) : 0)) &
        (within != NULL ? word(within, i) : UINT64_MAX));
  return count;
}

void cpu_set_release(struct cpu_set *set) {
  free(set->bits);
  *set = (struct cpu_set){0};
}
