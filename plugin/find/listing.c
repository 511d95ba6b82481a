/* SPDX-License-Identifier: MIT */
#include "find/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

static int make_room(struct listing *listing, size_t length) {
  if (listing->count == listing->room) {
    size_t room = listing->room * 2 + 64;
    struct listing_entry *entries =
        reallocarray(listing->entries, room, sizeof(*entries));
    if (entries == NULL)
      return -ENOMEM;
    listing->entries = entries;
    listing->room = room;
  }
  if (listing->names_room - listing->names_length < length) {
    size_t room = listing->names_room * 2 + 4096;
    char *names = reallocarray(listing->names, room, 1);
    if (names == NULL)
      return -ENOMEM;
    listing->names = names;
    listing->names_room = room;
  }
  return 0;
}

int listing_add(struct listing *listing, const char *name, uint64_t inode,
                bool marked) {
  size_t length = strlen(name) + 1;
  int status = make_room(listing, length);

  if (status < 0)
    return status;
  memcpy(listing->names + listing->names_length, name, length);
  listing->entries[listing->count++] = (struct listing_entry){
      .inode = inode, .name = listing->names_length, .marked = marked};
  listing->names_length += length;
  return 0;
}

const char *listing_name(const struct listing *listing, size_t index) {
  return listing->names + listing->entries[index].name;
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
  listing->count = listing->names_length = 0;
}

void listing_release(struct listing *listing) {
  free(listing->entries);
  free(listing->names);
  *listing = (struct listing){0};
}
