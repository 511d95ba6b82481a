/* SPDX-License-Identifier: MIT */
/* A file in memory, for functions that read by path. */
#ifndef MEMORY_FILE_H
#define MEMORY_FILE_H

#include <stddef.h>

/* Replaces the contents of the file by `text`. Returns its path, which is
 * always the same. */
const char *memory_file(const void *text, size_t size);

#endif
