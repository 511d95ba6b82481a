/* SPDX-License-Identifier: MIT */
#include "name/json_file.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/read_all.h"

#if HAVE_JANSSON
#include <jansson.h>

bool json_is_supported(void) { return true; }

static const json_t *find_value(const json_t *value, const char *key) {
  return strcmp(key, JSON_FIRST) == 0 ? json_array_get(value, 0)
                                      : json_object_get(value, key);
}

static void copy_value(const json_t *value, const struct json_text *wanted) {
  for (size_t i = 0; i < JSON_KEYS_MAX && wanted->keys[i] != NULL; i++)
    value = find_value(value, wanted->keys[i]);
  size_t length = json_string_length(value);

  wanted->text[0] = '\0';
  if (length > 0 && length < wanted->size)
    memcpy(wanted->text, json_string_value(value), length + 1);
}

static int take_object(const json_t *object, const struct json_wanted *wanted) {
  if (!json_is_object(object))
    return -EINVAL;
  for (size_t i = 0; i < wanted->count; i++)
    copy_value(object, &wanted->texts[i]);
  return wanted->each != NULL ? wanted->each(wanted->context) : 0;
}

static int take_all(const json_t *root, const struct json_wanted *wanted) {
  int status = 0;

  if (wanted->each == NULL)
    return take_object(root, wanted);
  if (!json_is_array(root))
    return -EINVAL;
  for (size_t i = 0; i < json_array_size(root) && status == 0; i++)
    status = take_object(json_array_get(root, i), wanted);
  return status;
}

int json_parse(const char *document, size_t length,
               const struct json_wanted *wanted) {
  json_error_t error = {0};
  json_t *root = json_loadb(document, length, JSON_REJECT_DUPLICATES, &error);

  /* Without memory the library does not always tell what failed. */
  if (root == NULL)
    return json_error_code(&error) == json_error_out_of_memory ||
                   json_error_code(&error) == json_error_unknown
               ? -ENOMEM
               : -EINVAL;
  int status = take_all(root, wanted);
  json_decref(root);
  return status;
}

static int check_file(const struct stat *status, uid_t owner, off_t size_max) {
  if (!S_ISREG(status->st_mode) || status->st_uid != owner)
    return -EINVAL;
  return status->st_size > size_max ? -EFBIG : 0;
}

int json_file_read(int fd, uid_t owner, const struct json_wanted *wanted,
                   struct file_stamp *stamp) {
  struct stat status;

  if (fstat(fd, &status) < 0)
    return -errno;
  int error = check_file(&status, owner, wanted->size_max);
  if (error < 0)
    return error;
  size_t size = (size_t)status.st_size;
  CLEANUP_FREE char *buffer = calloc(size + 1, 1);
  if (buffer == NULL)
    return -ENOMEM;
  ssize_t length = wanted->never_waits ? read_all_cached(fd, buffer, size)
                                       : read_all(fd, buffer, size);
  error = length < 0 ? (int)length : json_parse(buffer, (size_t)length, wanted);
  explicit_bzero(buffer, size);
  if (error == 0)
    *stamp = file_stamp(&status);
  return error;
}

#else

bool json_is_supported(void) { return false; }

int json_parse(const char *document, size_t length,
               const struct json_wanted *wanted) {
  (void)document;
  (void)length;
  (void)wanted;
  return -EOPNOTSUPP;
}

int json_file_read(int fd, uid_t owner, const struct json_wanted *wanted,
                   struct file_stamp *stamp) {
  (void)fd;
  (void)owner;
  (void)stamp;
  return json_parse(NULL, 0, wanted);
}

#endif
