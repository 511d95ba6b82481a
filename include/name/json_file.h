/* SPDX-License-Identifier: MIT */
/* Takes single texts out of the JSON files of container engines: RFC 8259, by
 * the jansson library. Without that library, no file is read. */
#ifndef CGROUP_CPU_JSON_FILE_H
#define CGROUP_CPU_JSON_FILE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/file_stamp.h"

/* The longest file that is read, in bytes. Docker's file of a container has its
 * environment and labels. */
#define JSON_FILE_SIZE_MAX (1024L * 1024)
#define JSON_KEYS_MAX 2

/* A text in a document: the keys of the objects that it is in, and its own,
 * with NULL after fewer than JSON_KEYS_MAX; and `size` bytes of room for it. */
struct json_text {
  const char *keys[JSON_KEYS_MAX];
  char *text;
  size_t size;
};

/* Returns whether the library is there. */
bool json_is_supported(void);

/* Open the file with these flags: whatever is there instead must not keep the
 * caller waiting. */
#define JSON_FILE_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

/* Reads texts from the file `fd`. A text that is missing, is no string, or has
 * no room is "". Only a regular file that `owner` owns is read. Stores what the
 * file was in `stamp`.
 *
 * Returns 0 or a negative errno, and then stores nothing: -EFBIG for a longer
 * file, -EINVAL for anything that is no regular file of `owner` or no JSON
 * object, -EOPNOTSUPP without the library. */
int json_file_read(int fd, uid_t owner, const struct json_text *texts,
                   size_t count, struct file_stamp *stamp);

/* Does the same with a document in memory. For tests. */
int json_parse(const char *document, size_t length,
               const struct json_text *texts, size_t count);

#endif
