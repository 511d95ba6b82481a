/* SPDX-License-Identifier: MIT */
/* Makes foreign text, such as names of cgroups, safe to log and to forward.
 *
 * Percent-encoding: RFC 3986, section 2.1.
 */
#ifndef CGROUP_CPU_PRINTABLE_H
#define CGROUP_CPU_PRINTABLE_H

#include <stddef.h>

/* Room for a path in a log line: c_complain() of collectd has 511 bytes for the
 * whole line. */
#define PRINTABLE_PATH_SIZE 257

/* Writes `text` as one line for a person to read: bytes that are not printable
 * ASCII become \xNN. If `size` is too small, "..." replaces the middle. A zero
 * byte ends the line. Returns its length. */
size_t printable(const char *text, char *out, size_t size);

/* Writes `text` so that it can be decoded: "%" and bytes that are not printable
 * ASCII become %XX. Returns its length, or 0 if `size` is too small for all of
 * it and a zero byte. */
size_t printable_encode(const char *text, char *out, size_t size);

#endif
