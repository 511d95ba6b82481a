/* SPDX-License-Identifier: MIT */
/* Text of others, as the names of cgroups are, in a form that is safe to log
 * and to hand on.
 *
 * Percent-encoding: RFC 3986, section 2.1.
 */
#ifndef CGROUP_CPU_PRINTABLE_H
#define CGROUP_CPU_PRINTABLE_H

#include <stddef.h>

/* Room for a path in a log line: c_complain() of collectd has 511 bytes for the
 * whole line. */
#define PRINTABLE_PATH_SIZE 257

/* Writes `text` for a person to read in one line: bytes that are not printable
 * ASCII become \xNN, and where `size` is too small for the whole, "..." stands
 * for its middle. A zero byte ends it. Returns its length. */
size_t printable(const char *text, char *out, size_t size);

/* Writes `text` so that it can be read back: bytes that are not printable
 * ASCII, and "%", become %XX. Returns its length, or 0 when `size` is too small
 * for the whole and a zero byte. */
size_t printable_encode(const char *text, char *out, size_t size);

#endif
