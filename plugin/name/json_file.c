/* SPDX-License-Identifier: MIT */
#include "name/json_file.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/cleanup.h"

#if HAVE_JANSSON
#include <jansson.h>

bool json_is_supported(void) { return true; }

static void copy_wanted(const json_t *value, const struct json_text *wanted) {
  for (size_t i = 0; i < JSON_KEYS_MAX && wanted->keys[i] != NULL; i++)
    value = json_object_get(value, wanted->keys[i]);
  size_t length = json_string_length(value);

  wanted->text[0] = '\0';
  if (length > 0 && length < wanted->size)
    memcpy(wanted->text, json_string_value(value), length + 1);
}

int json_parse(const char *document, size_t length,
               const struct json_text *texts, size_t count) {
  json_error_t error = {0};
  json_t *root = json_loadb(document, length, JSON_REJECT_DUPLICATES, &error);

  if (root == NULL)
    return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM
                                                               : -EINVAL;
  bool is_object = json_is_object(root);
  for (size_t i = 0; i < count && is_object; i++)
    copy_wanted(root, &texts[i]);
  json_decref(root);
  return is_object ? 0 : -EINVAL;
}

/* Reads up to `size` bytes. Returns how many there are, or a negative errno. */
static ssize_t read_all(int fd, char *buffer, size_t size) {
  size_t length = 0;

  while (length < size) {
    ssize_t count = read(fd, buffer + length, size - length);

    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return -errno;
    if (count == 0)
      break;
    length += (size_t)count;
  }
  return (ssize_t)length;
}

static int check_file(const struct stat *status, uid_t owner) {
  if (!S_ISREG(status->st_mode) || status->st_uid != owner)
    return -EINVAL;
  return status->st_size > JSON_FILE_SIZE_MAX ? -EFBIG : 0;
}

int json_file_read(int fd, uid_t owner, const struct json_text *texts,
                   size_t count, struct file_stamp *stamp) {
  struct stat status;

  if (fstat(fd, &status) < 0)
    return -errno;
  int error = check_file(&status, owner);
  if (error < 0)
    return error;
  size_t size = (size_t)status.st_size;
  CLEANUP_FREE char *buffer = calloc(size + 1, 1);
  if (buffer == NULL)
    return -ENOMEM;
  ssize_t length = read_all(fd, buffer, size);
  error = length < 0 ? (int)length
                     : json_parse(buffer, (size_t)length, texts, count);
  explicit_bzero(buffer, size);
  if (error == 0)
    *stamp = file_stamp(&status);
  return error;
}

#else

bool json_is_supported(void) { return false; }

int json_parse(const char *document, size_t length,
               const struct json_text *texts, size_t count) {
  (void)document;
  (void)length;
  (void)texts;
  (void)count;
  return -EOPNOTSUPP;
}

int json_file_read(int fd, uid_t owner, const struct json_text *texts,
                   size_t count, struct file_stamp *stamp) {
  (void)fd;
  (void)owner;
  (void)stamp;
  return json_parse(NULL, 0, texts, count);
}

#endif
