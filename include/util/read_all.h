/* SPDX-License-Identifier: MIT */
/* Reads a file that may need more than one system call. */
#ifndef CGROUP_CPU_READ_ALL_H
#define CGROUP_CPU_READ_ALL_H

#include <stddef.h>
#include <sys/types.h>

/* Reads from where `fd` is up to the end of the file, or `size` bytes. Returns
 * how many there are, or a negative errno. */
ssize_t read_all(int fd, char *buffer, size_t size);

/* The same for a file of somebody who may have locked it for ever: what is not
 * in the kernel's cache is not waited for, -EAGAIN. File systems that cannot
 * tell this have no such locks (see preadv2(2), RWF_NOWAIT). */
ssize_t read_all_cached(int fd, char *buffer, size_t size);

#endif
