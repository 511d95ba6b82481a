/* SPDX-License-Identifier: MIT */
#include "util/mount_lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

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
static bool split_line(char *line, struct mount_line *fields) {
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
  if (fields->super_options == NULL || fields->directory[0] != '/')
    return false;
  decode_octal(fields->directory);
  decode_octal(fields->root);
  return true;
}

int mount_lines_read(const char *path,
                     int (*each)(void *context, const struct mount_line *line),
                     void *context) {
  CLEANUP_FREE char *text = NULL;
  CLEANUP_FILE FILE *file = fopen(path, "re");
  struct mount_line line = {.number = 1};
  size_t size = 0;
  int status = 0;

  if (file == NULL)
    return -errno;
  errno = 0;
  for (; status == 0 && getline(&text, &size, file) >= 0; line.number++)
    if (split_line(text, &line))
      status = each(context, &line);
  if (status == 0 && !feof(file))
    status = errno != 0 ? -errno : -EIO;
  return status;
}
