/* SPDX-License-Identifier: MIT */
/* A file without a disk, for what reads by a path. */
#ifndef MEMORY_FILE_H
#define MEMORY_FILE_H

#include <stddef.h>

/* Makes `text` all there is at the path that is returned, which is the same one
 * each time. */
const char *memory_file(const void *text, size_t size);

#endif
