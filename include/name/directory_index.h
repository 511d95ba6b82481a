/* SPDX-License-Identifier: MIT */
/* The entries of a directory by a key in their names, read again only if the
 * directory has changed. */
#ifndef CGROUP_CPU_DIRECTORY_INDEX_H
#define CGROUP_CPU_DIRECTORY_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "util/file_stamp.h"
#include "util/texts.h"

/* Room for a key and a zero byte. */
#define DIRECTORY_KEY_SIZE 65
/* More entries than this are left out. A node has a few hundred, but anybody
 * who may write to the directory can make more. */
#define DIRECTORY_INDEX_MAX 8192

struct directory_entry {
  char key[DIRECTORY_KEY_SIZE];
  /* Where its name begins in `names`. */
  size_t name;
};

/* All zero except `path`, `key_of` and `fd`, which is -1. */
struct directory_index {
  /* Owned. */
  char *path;
  /* Writes the key of an entry with this name. Returns false to leave it
   * out. */
  bool (*key_of)(const char *name, char key[DIRECTORY_KEY_SIZE]);
  /* The directory that was read, or -1, and what it was then. */
  int fd;
  struct file_stamp stamp;
  /* It did not change shortly before it was read. */
  bool settled;
  /* Sorted by key. */
  struct directory_entry *entries;
  size_t count;
  size_t room;
  struct texts names;
};

/* Reads the directory, unless it is the same as when it was read last: one
 * system call then. A symbolic link is not followed: whoever may write beside
 * it could make it lead to a file system that does not answer. Returns 0 or a
 * negative errno; the index is empty if the directory cannot be opened, and may
 * be incomplete after another error. */
int directory_index_update(struct directory_index *index);

/* Returns the first entry with this key, and stores how many have it. Valid
 * until the index changes. */
const struct directory_entry *
directory_index_find(const struct directory_index *index, const char *key,
                     size_t *count);

/* Returns the name of an entry of the index. */
const char *directory_index_name(const struct directory_index *index,
                                 const struct directory_entry *entry);

/* Frees it. One without a path holds nothing. */
void directory_index_release(struct directory_index *index);

#endif
