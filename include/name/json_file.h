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

#define JSON_KEYS_MAX 3

/* The longest file about one container that is read, in bytes: it has the
 * environment and the labels. */
#define JSON_FILE_SIZE_MAX (1024L * 1024)

/* Instead of a key: the first element of an array. */
#define JSON_FIRST "[0]"

/* A text in an object: the keys of the values that it is in, and its own, with
 * NULL after fewer than JSON_KEYS_MAX; and `size` bytes of room for it. */
struct json_text {
  const char *keys[JSON_KEYS_MAX];
  char *text;
  size_t size;
};

/* What is read of a document. If `each` is NULL, it is one object. Else it is
 * an array of objects, and `each` is called, with `context`, when the texts of
 * one of them are there; if it returns a negative errno, the rest is left. */
struct json_wanted {
  const struct json_text *texts;
  size_t count;
  /* The longest file that is read, in bytes. */
  off_t size_max;
  int (*each)(void *context);
  void *context;
  /* Somebody else than root may keep a reader of the file waiting: it is only
   * read if it is in the kernel's cache, else -EAGAIN. */
  bool never_waits;
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
 * Returns 0, or what `each` returned, or a negative errno, and then stores no
 * stamp and, if `each` is NULL, no text: -EFBIG for a longer file, -EINVAL for
 * anything that is no regular file of `owner` or not the document that is
 * wanted, -EOPNOTSUPP without the library. */
int json_file_read(int fd, uid_t owner, const struct json_wanted *wanted,
                   struct file_stamp *stamp);

/* Does the same with a document in memory. For tests. */
int json_parse(const char *document, size_t length,
               const struct json_wanted *wanted);

#endif
