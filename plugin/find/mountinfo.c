/* SPDX-License-Identifier: MIT */
#include "find/mountinfo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

/* The needed fields of a line, which is split in place. */
struct mountinfo_line {
  unsigned long id;
  unsigned long parent;
  char *root;
  char *directory;
  char *type;
  char *super_options;
};

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

static bool is_octal(char c) { return c >= '0' && c <= '7'; }

/* The kernel writes blanks, tabs, newlines and backslashes as \ooo. */
static void decode_octal(char *text) {
  char *out = text;

  for (const char *in = text; *in != '\0';) {
    if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && is_octal(in[2]) &&
        is_octal(in[3])) {
      *out++ = (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
      in += 4;
    } else {
      *out++ = *in++;
    }
  }
  *out = '\0';
}

static unsigned long number_in(const char *field) {
  return field != NULL ? strtoul(field, NULL, 10) : 0;
}

/* One blank separates two fields. Fields can be empty: the source, because
 * mount(2) accepts an empty one, and in gVisor the optional fields. */
static bool split_line(char *line, struct mountinfo_line *fields) {
  char *rest = line;
  const char *field;

  line[strcspn(line, "\n")] = '\0';
  fields->id = number_in(strsep(&rest, " "));
  fields->parent = number_in(strsep(&rest, " "));
  (void)strsep(&rest, " "); /* major:minor */
  fields->root = strsep(&rest, " ");
  fields->directory = strsep(&rest, " ");
  (void)strsep(&rest, " "); /* mount options */
  do /* any number of optional fields, and the separator */
    field = strsep(&rest, " ");
  while (field != NULL && strcmp(field, "-") != 0);
  fields->type = strsep(&rest, " ");
  (void)strsep(&rest, " "); /* source */
  fields->super_options = strsep(&rest, " ");
  return fields->super_options != NULL && fields->directory[0] == '/';
}

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

/* If the path `text` begins with the path `beginning`, returns the rest, or
 * else NULL. */
static const char *behind(const char *text, const char *beginning) {
  size_t length = strcmp(beginning, "/") == 0 ? 0 : strlen(beginning);

  return strncmp(text, beginning, length) == 0 &&
                 (text[length] == '/' || text[length] == '\0')
             ? text + length
             : NULL;
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
                     unsigned controllers, const struct mountinfo_line *fields,
                     size_t number) {
  struct cgroup_mount *mounts =
      reallocarray(table->mounts, table->count + 1, sizeof(*table->mounts));
  if (mounts == NULL)
    return -ENOMEM;
  table->mounts = mounts;

  struct cgroup_mount *mount = &mounts[table->count];
  *mount = (struct cgroup_mount){
      .version = version,
      .controllers = controllers,
      .depth = subtree_depth(fields->root),
      .line = number,
      .directory = strdup(fields->directory),
      .root = strdup(fields->root),
  };
  table->count++;
  return mount->directory != NULL && mount->root != NULL ? 0 : -ENOMEM;
}

static int add_place(struct places *places, const struct mountinfo_line *fields,
                     size_t number) {
  struct place *grown =
      reallocarray(places->places, places->count + 1, sizeof(*places->places));
  if (grown == NULL)
    return -ENOMEM;
  places->places = grown;
  struct place *place = &grown[places->count];
  *place = (struct place){.id = fields->id,
                          .parent = fields->parent,
                          .directory = strdup(fields->directory),
                          .line = number};
  places->count++;
  return place->directory != NULL ? 0 : -ENOMEM;
}

static void release_places(struct places *places) {
  for (size_t i = 0; i < places->count; i++)
    free(places->places[i].directory);
  free(places->places);
}

static int add_line(struct mountinfo *table, struct places *places, char *line,
                    size_t number) {
  struct mountinfo_line fields;

  if (!split_line(line, &fields))
    return 0;
  decode_octal(fields.directory);
  decode_octal(fields.root);
  int status = add_place(places, &fields, number);
  if (status < 0)
    return status;
  if (strcmp(fields.type, "cgroup2") == 0)
    return add_mount(table, CGROUP_VERSION_2, 0, &fields, number);
  unsigned controllers = strcmp(fields.type, "cgroup") == 0
                             ? controllers_in(fields.super_options)
                             : 0;
  return controllers != 0
             ? add_mount(table, CGROUP_VERSION_1, controllers, &fields, number)
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
         behind(place->directory, other->directory) != NULL &&
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
  CLEANUP_FREE char *line = NULL;
  CLEANUP_FILE FILE *file = fopen(path, "re");
  struct places places = {0};
  size_t size = 0;
  int status = 0;

  *table = (struct mountinfo){0};
  if (file == NULL)
    return -errno;

  errno = 0;
  for (size_t number = 1; status == 0 && getline(&line, &size, file) >= 0;
       number++)
    status = add_line(table, &places, line, number);
  if (status == 0 && !feof(file))
    status = errno != 0 ? -errno : -EIO;
  if (status != 0)
    mountinfo_release(table);
  else
    note_hidden(table, &places);
  release_places(&places);
  return status;
}

const struct cgroup_mount *mountinfo_find(const struct mountinfo *table,
                                          const char *path) {
  const struct cgroup_mount *innermost = NULL;

  for (size_t i = 0; i < table->count; i++) {
    const struct cgroup_mount *mount = &table->mounts[i];
    if (!mount->hidden && behind(path, mount->directory) != NULL &&
        (innermost == NULL ||
         strlen(mount->directory) >= strlen(innermost->directory)))
      innermost = mount;
  }
  return innermost;
}

int mountinfo_translate(const struct cgroup_mount *from, const char *path,
                        const struct cgroup_mount *to, char **translated) {
  CLEANUP_FREE char *name = NULL;
  const char *below = behind(path, from->directory);

  *translated = NULL;
  if (below == NULL)
    return 0;
  if (asprintf(&name, "%s%s", strcmp(from->root, "/") != 0 ? from->root : "",
               below) < 0) {
    name = NULL;
    return -ENOMEM;
  }
  const char *rest = behind(name, to->root);
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
