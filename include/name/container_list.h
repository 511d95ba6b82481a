/* SPDX-License-Identifier: MIT */
/* Containers by their ids; also from a file, as containers/storage keeps it: an
 * array of objects with an "id" and "names".
 *
 * containers/storage, containers.go, type Container.
 */
#ifndef CGROUP_CPU_CONTAINER_LIST_H
#define CGROUP_CPU_CONTAINER_LIST_H

#include "name/container.h"
#include "name/json_file.h"
#include "util/texts.h"

struct listed_container {
  char id[CONTAINER_ID_SIZE];
  /* Where the name begins in `names`. */
  size_t name;
};

/* Where a list is, and what may be read. */
struct container_list_file {
  /* A directory of somebody who may mount there what never answers, or -1:
   * `path` begins at the root. */
  int directory;
  const char *path;
  uid_t owner;
  /* The longest file that is read, in bytes. */
  off_t size_max;
};

/* All zero is an empty one. */
struct container_list {
  /* What the file was when it was read, and the error of that, or 0. */
  struct file_stamp stamp;
  int error;
  /* Sorted by id. */
  struct listed_container *containers;
  size_t count;
  size_t room;
  struct texts names;
};

/* Empties the list, but keeps its memory. */
void container_list_clear(struct container_list *list);

/* Adds a container, unless its id or name is not valid. Returns 0 or -ENOMEM.
 * Call container_list_sort() after the last one. */
int container_list_add(struct container_list *list, const char *id,
                       const char *name);

void container_list_sort(struct container_list *list);

/* Reads the file again if it is not the same as before; one that made no sense
 * only if it changed. Returns 0 or a negative errno, and then the list is empty
 * unless nothing can be said without waiting, -EAGAIN. */
int container_list_update(struct container_list *list,
                          const struct container_list_file *file);

/* Returns the name of the container, which is valid until the next update, or
 * NULL. */
const char *container_list_find(const struct container_list *list,
                                const char *id);

void container_list_release(struct container_list *list);

#endif
