/* SPDX-License-Identifier: MIT */
#include "name/directory_index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "util/array.h"
#include "util/cleanup.h"

/* Entries without a key are not kept, but cost time. */
#define SCANNED_MAX (8L * DIRECTORY_INDEX_MAX)

static void empty(struct directory_index *index) {
  if (index->fd >= 0)
    (void)close(TAKE_FD(index->fd));
  index->count = 0;
  texts_clear(&index->names);
  index->settled = false;
}

static int add_entry(struct directory_index *index, const char *name) {
  struct directory_entry entry;

  if (!index->key_of(name, entry.key))
    return 0;
  struct directory_entry *entries =
      array_grown(index->entries, index->count, &index->room, sizeof(entry));
  if (entries == NULL)
    return -ENOMEM;
  index->entries = entries;
  int status = texts_add(&index->names, name, &entry.name);
  if (status == 0)
    entries[index->count++] = entry;
  return status;
}

static int read_entries(struct directory_index *index, DIR *stream) {
  int status = 0;

  for (long scanned = 0; status == 0 && scanned < SCANNED_MAX &&
                         index->count < DIRECTORY_INDEX_MAX;
       scanned++) {
    errno = 0;
    const struct dirent *entry = readdir(stream);
    if (entry == NULL)
      return -errno;
    status = add_entry(index, entry->d_name);
  }
  return status;
}

static int compare_keys(const void *left, const void *right) {
  const struct directory_entry *a = left;
  const struct directory_entry *b = right;

  return strcmp(a->key, b->key);
}

/* The stream gets a descriptor of its own, because closing it closes that. */
static int read_again(struct directory_index *index) {
  struct stat status;

  empty(index);
  index->fd =
      open(index->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (index->fd < 0 || fstat(index->fd, &status) < 0)
    return -errno;
  CLEANUP_FD int fd = fcntl(index->fd, F_DUPFD_CLOEXEC, 0);
  DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
  if (stream == NULL)
    return -errno;
  (void)TAKE_FD(fd);
  int error = read_entries(index, stream);
  (void)closedir(stream);
  if (index->count > 0)
    qsort(index->entries, index->count, sizeof(*index->entries), compare_keys);
  index->stamp = file_stamp(&status);
  index->settled = error == 0 && file_is_settled(&status);
  return error;
}

int directory_index_update(struct directory_index *index) {
  struct stat status;

  if (lstat(index->path, &status) < 0) {
    int error = -errno;
    empty(index);
    return error;
  }
  return index->settled && file_stamp_is(&index->stamp, &status)
             ? 0
             : read_again(index);
}

const struct directory_entry *
directory_index_find(const struct directory_index *index, const char *key,
                     size_t *count) {
  size_t low = 0;
  size_t high = index->count;

  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(index->entries[middle].key, key) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  *count = 0;
  while (low + *count < index->count &&
         strcmp(index->entries[low + *count].key, key) == 0)
    ++*count;
  return *count > 0 ? &index->entries[low] : NULL;
}

const char *directory_index_name(const struct directory_index *index,
                                 const struct directory_entry *entry) {
  return index->names.memory + entry->name;
}

void directory_index_release(struct directory_index *index) {
  if (index->path == NULL)
    return;
  empty(index);
  free(index->entries);
  texts_release(&index->names);
  free(index->path);
  *index = (struct directory_index){.fd = -1};
}
