/* SPDX-License-Identifier: MIT */
#include "find/mountinfo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/mount_lines.h"
#include "util/path.h"

/* A mount of any kind, because it can hide others. */
struct place {
  unsigned long id;
  unsigned long parent;
  char *directory;
  size_t line;
};

struct places {
  struct place *places;
  size_t count;
};

/* What is filled in while the file is read. */
struct mountinfo_reading {
  struct mountinfo *table;
  struct places places;
};

static unsigned controllers_in(char *options) {
  unsigned controllers = 0;
  char *rest = NULL;

  for (const char *option = strtok_r(options, ",", &rest); option != NULL;
       option = strtok_r(NULL, ",", &rest))
    for (enum cgroup_controller i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
      if (strcmp(option, cgroup_controller_name(i)) == 0)
        controllers |= 1U << i;
  return controllers;
}

static bool begins_above(const char *path) {
  return strcmp(path, "/..") == 0 || strncmp(path, "/../", 4) == 0;
}

static int subtree_depth(const char *root) {
  int depth = 0;

  for (size_t length; *(root += strspn(root, "/")) != '\0'; root += length) {
    length = strcspn(root, "/");
    depth += length == 2 && strncmp(root, "..", 2) == 0 ? -1 : 1;
  }
  return depth;
}

static int add_mount(struct mountinfo *table, enum cgroup_version version,
                     unsigned controllers, const struct mount_line *line) {
  struct cgroup_mount *mounts =
      reallocarray(table->mounts, table->count + 1, sizeof(*table->mounts));
  if (mounts == NULL)
    return -ENOMEM;
  table->mounts = mounts;

  struct cgroup_mount *mount = &mounts[table->count];
  *mount = (struct cgroup_mount){
      .version = version,
      .controllers = controllers,
      .depth = subtree_depth(line->root),
      .line = line->number,
      .directory = strdup(line->directory),
      .root = strdup(line->root),
  };
  table->count++;
  return mount->directory != NULL && mount->root != NULL ? 0 : -ENOMEM;
}

static int add_place(struct places *places, const struct mount_line *line) {
  struct place *grown =
      reallocarray(places->places, places->count + 1, sizeof(*places->places));
  if (grown == NULL)
    return -ENOMEM;
  places->places = grown;
  struct place *place = &grown[places->count];
  *place = (struct place){.id = line->id,
                          .parent = line->parent,
                          .directory = strdup(line->directory),
                          .line = line->number};
  places->count++;
  return place->directory != NULL ? 0 : -ENOMEM;
}

static void release_places(struct places *places) {
  for (size_t i = 0; i < places->count; i++)
    free(places->places[i].directory);
  free(places->places);
}

static int add_line(void *context, const struct mount_line *line) {
  struct mountinfo_reading *reading = context;
  int status = add_place(&reading->places, line);

  if (status < 0)
    return status;
  if (strcmp(line->type, "cgroup2") == 0)
    return add_mount(reading->table, CGROUP_VERSION_2, 0, line);
  unsigned controllers = strcmp(line->type, "cgroup") == 0
                             ? controllers_in(line->super_options)
                             : 0;
  return controllers != 0
             ? add_mount(reading->table, CGROUP_VERSION_1, controllers, line)
             : 0;
}

/* `other` hides `place` if it is mounted on the root of `place`, or on the
 * mount point of `place` or a directory above that. */
static bool is_hidden_by(const struct place *place, const struct place *other,
                         bool outermost) {
  if (other == place)
    return false;
  if (other->parent == place->id)
    return outermost && strcmp(other->directory, place->directory) == 0;
  return other->parent == place->parent &&
         path_behind(place->directory, other->directory) != NULL &&
         strcmp(place->directory, other->directory) != 0;
}

static const struct place *parent_of(const struct places *places,
                                     const struct place *place) {
  for (size_t i = 0; i < places->count; i++)
    if (places->places[i].id == place->parent)
      return &places->places[i];
  return NULL;
}

/* A mount is also hidden if its parent mount is hidden. If a mount is on the
 * root of another, the mounts on the latter are hidden like siblings. */
static bool is_hidden(const struct places *places, const struct place *place) {
  const struct place *at = place;

  for (size_t step = 0; at != NULL && step < places->count; step++) {
    for (size_t i = 0; i < places->count; i++)
      if (is_hidden_by(at, &places->places[i], at == place))
        return true;
    at = parent_of(places, at);
  }
  return false;
}

static void note_hidden(struct mountinfo *table, const struct places *places) {
  size_t next = 0;

  /* Both lists are in the order of the lines. */
  for (size_t i = 0; i < places->count && next < table->count; i++)
    if (places->places[i].line == table->mounts[next].line)
      table->mounts[next++].hidden = is_hidden(places, &places->places[i]);
}

int mountinfo_read(const char *path, struct mountinfo *table) {
  struct mountinfo_reading reading = {.table = table};

  *table = (struct mountinfo){0};
  int status = mount_lines_read(path, add_line, &reading);
  if (status != 0)
    mountinfo_release(table);
  else
    note_hidden(table, &reading.places);
  release_places(&reading.places);
  return status;
}

const struct cgroup_mount *mountinfo_find(const struct mountinfo *table,
                                          const char *path) {
  const struct cgroup_mount *innermost = NULL;

  for (size_t i = 0; i < table->count; i++) {
    const struct cgroup_mount *mount = &table->mounts[i];
    if (!mount->hidden && path_behind(path, mount->directory) != NULL &&
        (innermost == NULL ||
         strlen(mount->directory) >= strlen(innermost->directory)))
      innermost = mount;
  }
  return innermost;
}

int mountinfo_translate(const struct cgroup_mount *from, const char *path,
                        const struct cgroup_mount *to, char **translated) {
  CLEANUP_FREE char *name = NULL;
  const char *below = path_behind(path, from->directory);

  *translated = NULL;
  if (below == NULL)
    return 0;
  if (asprintf(&name, "%s%s", strcmp(from->root, "/") != 0 ? from->root : "",
               below) < 0) {
    name = NULL;
    return -ENOMEM;
  }
  const char *rest = path_behind(name, to->root);
  /* Cgroups above the namespace cannot be reached from within. */
  if (rest == NULL || begins_above(rest))
    return 0;
  if (asprintf(translated, "%s%s",
               strcmp(to->directory, "/") != 0 || *rest == '\0' ? to->directory
                                                                : "",
               rest) < 0) {
    *translated = NULL;
    return -ENOMEM;
  }
  return 0;
}

void mountinfo_release(struct mountinfo *table) {
  for (size_t i = 0; i < table->count; i++) {
    free(table->mounts[i].directory);
    free(table->mounts[i].root);
  }
  free(table->mounts);
  *table = (struct mountinfo){0};
}
