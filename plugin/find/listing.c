/* SPDX-License-Identifier: MIT */
#include "find/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/array.h"
#include "util/errors.h"

/* Returns 1, 0 or a negative errno. */
static int is_subdirectory(int directory, const struct dirent *entry,
                           bool by_stat, uint64_t *inode) {
  struct stat status;

  if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
    return 0;
  *inode = entry->d_ino;
  if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_DIR)
    return 0;
  if (entry->d_type == DT_DIR && !by_stat)
    return 1;
  if (fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return error_is_absence(-errno) ? 0 : -errno;
  if (by_stat)
    *inode = status.st_ino;
  return S_ISDIR(status.st_mode);
}

const char *listing_next(DIR *stream, bool by_stat, uint64_t *inode,
                         int *status) {
  const struct dirent *entry;

  do {
    errno = 0;
    entry = readdir(stream);
    *status = entry != NULL
                  ? is_subdirectory(dirfd(stream), entry, by_stat, inode)
                  : -errno;
  } while (entry != NULL && *status == 0);
  return *status > 0 ? entry->d_name : NULL;
}

int listing_add(struct listing *listing, const char *name, uint64_t inode,
                bool marked) {
  struct listing_entry entry = {.inode = inode, .marked = marked};
  struct listing_entry *entries = array_grown(listing->entries, listing->count,
                                              &listing->room, sizeof(entry));

  if (entries == NULL)
    return -ENOMEM;
  listing->entries = entries;
  int status = texts_add(&listing->names, name, &entry.name);
  if (status == 0)
    entries[listing->count++] = entry;
  return status;
}

const char *listing_name(const struct listing *listing, size_t index) {
  return listing->names.memory + listing->entries[index].name;
}

static int compare_inodes(const void *left, const void *right) {
  const struct listing_entry *a = left;
  const struct listing_entry *b = right;

  return a->inode < b->inode ? -1 : a->inode > b->inode;
}

void listing_sort(struct listing *listing) {
  if (listing->count > 0)
    qsort(listing->entries, listing->count, sizeof(*listing->entries),
          compare_inodes);
}

void listing_clear(struct listing *listing) {
  listing->count = 0;
  texts_clear(&listing->names);
}

void listing_release(struct listing *listing) {
  free(listing->entries);
  texts_release(&listing->names);
  *listing = (struct listing){0};
}
