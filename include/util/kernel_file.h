/* SPDX-License-Identifier: MIT */
/* Reading a small file of the kernel over and over. */
#ifndef CGROUP_CPU_KERNEL_FILE_H
#define CGROUP_CPU_KERNEL_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Reads the whole file from its beginning into `buffer`: one system call,
 * since these files end with a newline, and more only where that is missing.
 * Where the file is longer than the buffer, the text ends with the last whole
 * line that fits.
 *
 * Returns the length of the text, which has no zero byte at its end, or a
 * negative errno: -ENODEV when the cgroup was removed.
 */
ssize_t kernel_file_read(int fd, char *buffer, size_t size);

#endif
