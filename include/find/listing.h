/* SPDX-License-Identifier: MIT */
/* The subdirectories of one directory, read once. */
#ifndef CGROUP_CPU_LISTING_H
#define CGROUP_CPU_LISTING_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/texts.h"

/* One subdirectory. */
struct listing_entry {
  uint64_t inode;
  /* Where its name begins in `names`. */
  size_t name;
  /* For the user of the listing. */
  bool marked;
};

/* Remembered subdirectories. All zero is an empty listing. */
struct listing {
  struct listing_entry *entries;
  size_t count;
  size_t room;
  struct texts names;
};

/* Reads on to the next subdirectory of `stream` and stores its inode. This is
 * the one in the directory entry, or that of fstatat(2) with `by_stat` or if
 * the entry has no type. Symbolic links are skipped.
 *
 * Returns its name, borrowed until the next call. NULL with a `status` of 0 is
 * the end; with a negative errno there may be more.
 */
const char *listing_next(DIR *stream, bool by_stat, uint64_t *inode,
                         int *status);

/* Remembers a subdirectory. Returns 0 or -ENOMEM. */
int listing_add(struct listing *listing, const char *name, uint64_t inode,
                bool marked);

/* Returns the name of an entry, borrowed until the listing changes. */
const char *listing_name(const struct listing *listing, size_t index);

/* Sorts by inode: the kernel numbers cgroups upwards, so older ones come first.
 */
void listing_sort(struct listing *listing);

/* Empties the listing, but keeps its memory for the next directory. */
void listing_clear(struct listing *listing);

void listing_release(struct listing *listing);

#endif
