/* SPDX-License-Identifier: MIT */
/* Decimal numbers as the kernel prints them. */
#ifndef CGROUP_CPU_NUMBER_H
#define CGROUP_CPU_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Stores the number that the digits in `text` are, all of it and nothing else.
 * Returns 0; -EINVAL when it is no decimal number, or -ERANGE for 2^64 and
 * above: then nothing is stored. */
int number_parse_digits(const char *text, size_t length, uint64_t *number);

/* The same for a file with a single number, which may end with a newline. Also
 * returns -ENODATA when the text is empty. */
int number_parse(const char *text, size_t length, uint64_t *number);

#endif
