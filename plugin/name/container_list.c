/* SPDX-License-Identifier: MIT */
#include "name/container_list.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/open_beneath.h"

/* A list while it is read, and the texts of the container that is read. */
struct reading {
  struct container_list *list;
  char id[CONTAINER_ID_SIZE];
  char name[ENGINE_NAME_SIZE];
};

void container_list_clear(struct container_list *list) {
  list->stamp = (struct file_stamp){0};
  list->error = 0;
  list->count = 0;
  texts_clear(&list->names);
}

int container_list_add(struct container_list *list, const char *id,
                       const char *name) {
  struct listed_container container;

  if (!container_is_id(id) || !container_is_name(name))
    return 0;
  struct listed_container *containers = array_grown(
      list->containers, list->count, &list->room, sizeof(container));
  if (containers == NULL)
    return -ENOMEM;
  list->containers = containers;
  memcpy(container.id, id, sizeof(container.id));
  int status = texts_add(&list->names, name, &container.name);
  if (status == 0)
    containers[list->count++] = container;
  return status;
}

static int add_read(void *context) {
  const struct reading *reading = context;

  return container_list_add(reading->list, reading->id, reading->name);
}

static int compare_ids(const void *left, const void *right) {
  const struct listed_container *a = left;
  const struct listed_container *b = right;

  return strcmp(a->id, b->id);
}

void container_list_sort(struct container_list *list) {
  if (list->count > 0)
    qsort(list->containers, list->count, sizeof(*list->containers),
          compare_ids);
}

static int open_container_list(const struct container_list_file *file,
                               int flags) {
  if (file->directory >= 0)
    return open_within_mount(file->directory, file->path, flags);
  int fd = open(file->path, flags | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

static int stat_list(const struct container_list_file *file,
                     struct stat *status) {
  CLEANUP_FD int fd = open_container_list(file, O_PATH);

  if (fd < 0)
    return fd;
  return fstat(fd, status) < 0 ? -errno : 0;
}

static int read_changed_list(struct container_list *list,
                             const struct container_list_file *file) {
  struct reading reading = {.list = list};
  const struct json_text texts[] = {
      {{"id"}, reading.id, sizeof(reading.id)},
      {{"names", JSON_FIRST}, reading.name, sizeof(reading.name)},
  };
  const struct json_wanted wanted = {.texts = texts,
                                     .count = ARRAY_SIZE(texts),
                                     .size_max = file->size_max,
                                     .each = add_read,
                                     .context = &reading,
                                     .never_waits = file->directory >= 0};
  struct file_stamp stamp;
  CLEANUP_FD int fd = open_container_list(file, JSON_FILE_FLAGS);
  int status = fd < 0 ? fd : json_file_read(fd, file->owner, &wanted, &stamp);

  if (status < 0)
    return status;
  container_list_sort(list);
  list->stamp = stamp;
  return 0;
}

int container_list_update(struct container_list *list,
                          const struct container_list_file *file) {
  struct stat status;
  int error = stat_list(file, &status);

  if (error == -EAGAIN)
    return error;
  if (error < 0) {
    container_list_clear(list);
    return error;
  }
  if (file_stamp_is(&list->stamp, &status))
    return list->error;
  container_list_clear(list);
  error = read_changed_list(list, file);
  if (error < 0)
    container_list_clear(list);
  if (error == -EINVAL || error == -EFBIG) {
    list->stamp = file_stamp(&status);
    list->error = error;
  }
  return error;
}

const char *container_list_find(const struct container_list *list,
                                const char *id) {
  struct listed_container key = {.name = 0};

  if (list->count == 0 || strlen(id) >= sizeof(key.id))
    return NULL;
  memcpy(key.id, id, strlen(id) + 1);
  const struct listed_container *found =
      bsearch(&key, list->containers, list->count, sizeof(key), compare_ids);
  return found != NULL ? list->names.memory + found->name : NULL;
}

void container_list_release(struct container_list *list) {
  free(list->containers);
  texts_release(&list->names);
  *list = (struct container_list){0};
}
