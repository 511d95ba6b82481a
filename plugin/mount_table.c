/* SPDX-License-Identifier: MIT */
#include "mount_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

/* The fields of a line that matter here, cut out in place. */
struct mountinfo_line {
  char *root;
  char *directory;
  char *type;
  char *super_options;
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

/* One blank stands between two fields, and fields can be empty: the source, as
 * mount(2) takes an empty one, and in gVisor the optional fields. */
static bool split_line(char *line, struct mountinfo_line *fields) {
  char *rest = line;
  const char *field;

  line[strcspn(line, "\n")] = '\0';
  (void)strsep(&rest, " "); /* mount id */
  (void)strsep(&rest, " "); /* parent id */
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

static int subtree_depth(char *root) {
  int depth = 0;
  char *rest = NULL;

  for (const char *component = strtok_r(root, "/", &rest); component != NULL;
       component = strtok_r(NULL, "/", &rest))
    depth += strcmp(component, "..") == 0 ? -1 : 1;
  return depth;
}

static int add_mount(struct mount_table *table, enum cgroup_version version,
                     unsigned controllers, const struct mountinfo_line *fields,
                     size_t number) {
  struct cgroup_mount *mounts =
      reallocarray(table->mounts, table->count + 1, sizeof(*table->mounts));
  if (mounts == NULL)
    return -ENOMEM;
  table->mounts = mounts;

  char *directory = strdup(fields->directory);
  if (directory == NULL)
    return -ENOMEM;
  decode_octal(directory);

  mounts[table->count++] = (struct cgroup_mount){
      .version = version,
      .controllers = controllers,
      .directory = directory,
      .depth = subtree_depth(fields->root),
      .line = number,
  };
  return 0;
}

static int add_line(struct mount_table *table, char *line, size_t number) {
  struct mountinfo_line fields;

  if (!split_line(line, &fields))
    return 0;
  if (strcmp(fields.type, "cgroup2") == 0)
    return add_mount(table, CGROUP_VERSION_2, 0, &fields, number);
  unsigned controllers = strcmp(fields.type, "cgroup") == 0
                             ? controllers_in(fields.super_options)
                             : 0;
  return controllers != 0
             ? add_mount(table, CGROUP_VERSION_1, controllers, &fields, number)
             : 0;
}

int mount_table_read(const char *path, struct mount_table *table) {
  CLEANUP_FREE char *line = NULL;
  CLEANUP_FILE FILE *file = fopen(path, "re");
  size_t size = 0;
  int status = 0;

  *table = (struct mount_table){0};
  if (file == NULL)
    return -errno;

  errno = 0;
  for (size_t number = 1; status == 0 && getline(&line, &size, file) >= 0;
       number++)
    status = add_line(table, line, number);
  if (status == 0 && !feof(file))
    status = errno != 0 ? -errno : -EIO;
  if (status != 0)
    mount_table_release(table);
  return status;
}

void mount_table_release(struct mount_table *table) {
  for (size_t i = 0; i < table->count; i++)
    free(table->mounts[i].directory);
  free(table->mounts);
  *table = (struct mount_table){0};
}
