/* SPDX-License-Identifier: MIT */
/* Parses decimal numbers as the kernel prints them. */
#ifndef CGROUP_CPU_NUMBER_H
#define CGROUP_CPU_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Stores the number in `text`, which must consist of digits only. Returns 0;
 * -EINVAL if it is not a decimal number; or -ERANGE for 2^64 and above. On
 * failure nothing is stored. */
int number_parse_digits(const char *text, size_t length, uint64_t *number);

/* The same for the text of a file, which may end with a newline. Also returns
 * -ENODATA if the text is empty. */
int number_parse(const char *text, size_t length, uint64_t *number);

#endif
