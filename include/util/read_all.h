/* SPDX-License-Identifier: MIT */
/* Reads a file that may need more than one system call. */
#ifndef CGROUP_CPU_READ_ALL_H
#define CGROUP_CPU_READ_ALL_H

#include <stddef.h>
#include <sys/types.h>

/* Reads from where `fd` is up to the end of the file, or `size` bytes. Returns
 * how many there are, or a negative errno. */
ssize_t read_all(int fd, char *buffer, size_t size);

#endif
