/* SPDX-License-Identifier: MIT */
/* Reads a small file that the kernel fills in for each read. */
#ifndef CGROUP_CPU_KERNEL_FILE_H
#define CGROUP_CPU_KERNEL_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Reads the whole file from its beginning into `buffer`. One system call is
 * enough if the text ends with a newline, as these files do. If the file is
 * longer than the buffer, the text ends with the last whole line that fits.
 *
 * Returns the length of the text, which has no zero byte at its end, or a
 * negative errno: -ENODEV if the cgroup was removed.
 */
ssize_t kernel_file_read(int fd, char *buffer, size_t size);

#endif
