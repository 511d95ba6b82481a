/* SPDX-License-Identifier: MIT */
/* mountinfo: the cgroup mounts are those that a simple reader of the format in
 * proc(5) finds, field by field. */
#include "find/mountinfo.h"

#include "fuzz.h"
#include "memory_file.h"
#include "util/array.h"
#include "util/cleanup.h"

enum {
  FIELD_ROOT = 3,
  FIELD_DIRECTORY = 4,
  FIELD_FIRST_OPTIONAL = 6,
  /* Counted after the separator. */
  FIELD_TYPE = 1,
  FIELD_SUPER_OPTIONS = 3,
  /* More than an input of libFuzzer's default length can have. */
  FIELDS_MAX = 4200,
};

/* One blank separates two fields. A field may be empty. */
static size_t split(char *line, char *fields[FIELDS_MAX]) {
  size_t count = 0;

  while (line != NULL && count < FIELDS_MAX)
    fields[count++] = strsep(&line, " ");
  return count;
}

static unsigned reference_controllers(const char *options) {
  static const char *const names[] = {"cpuacct", "cpu", "cpuset"};
  unsigned controllers = 0;
  CLEANUP_FREE char *copy = strdup(options);
  char *rest = copy;

  while (rest != NULL) {
    const char *option = strsep(&rest, ",");
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
      if (strcmp(option, names[i]) == 0)
        controllers |= 1U << i;
  }
  return controllers;
}

static int reference_depth(const char *root) {
  int depth = 0;

  while (*(root += strspn(root, "/")) != '\0') {
    size_t length = strcspn(root, "/");
    depth += length == 2 && memcmp(root, "..", 2) == 0 ? -1 : 1;
    root += length;
  }
  return depth;
}

/* Returns the character at `*text` and moves `*text` behind it. */
static unsigned char next_character(const char **text) {
  if (**text == '\\') {
    char digits[4] = "";
    (void)snprintf(digits, sizeof(digits), "%.3s", *text + 1);
    unsigned long code = strtoul(digits, NULL, 8);
    if (strspn(digits, "01234567") == 3 && code <= UINT8_MAX) {
      *text += 4;
      return (unsigned char)code;
    }
  }
  return (unsigned char)*(*text)++;
}

static void require_directory(const char *directory, const char *escaped) {
  do
    REQUIRE((unsigned char)*directory == next_character(&escaped));
  while (*directory++ != '\0');
}

/* All mounts, to walk along a path. */
static struct walked {
  unsigned long id;
  unsigned long parent;
  const char *directory;
  size_t number;
} walked[FIELDS_MAX];
static size_t walked_count;

static bool is_above(const char *upper, const char *lower) {
  size_t length = strlen(upper);

  if (strcmp(upper, "/") == 0)
    return strcmp(lower, "/") != 0;
  return strlen(lower) > length && memcmp(upper, lower, length) == 0 &&
         lower[length] == '/';
}

/* Returns whether a walk to the mount point reaches the mount without entering
 * another one on the way. */
static bool is_reached(const struct walked *mount, size_t steps) {
  const struct walked *parent = NULL;

  if (steps == 0)
    return true;
  for (size_t i = walked_count; i-- > 0;) {
    const struct walked *other = &walked[i];
    if (other != mount && other->parent == mount->parent &&
        other->parent != mount->id &&
        is_above(other->directory, mount->directory))
      return false;
    if (other->id == mount->parent)
      parent = other;
  }
  return parent == NULL || is_reached(parent, steps - 1);
}

static bool is_visible(const struct walked *mount) {
  for (size_t i = 0; i < walked_count; i++)
    if (&walked[i] != mount && walked[i].parent == mount->id &&
        strcmp(walked[i].directory, mount->directory) == 0)
      return false;
  return is_reached(mount, walked_count);
}

static void require_visibility(const struct mountinfo *table) {
  for (size_t i = 0; i < table->count; i++)
    for (size_t j = 0; j < walked_count; j++)
      if (walked[j].number == table->mounts[i].line)
        REQUIRE(table->mounts[i].hidden == !is_visible(&walked[j]));
}

static char *decoded(const char *escaped) {
  char *text = calloc(1, strlen(escaped) + 1);
  char *end = text;

  REQUIRE(text != NULL);
  do
    *end = (char)next_character(&escaped);
  while (*end++ != '\0');
  return text;
}

static void forget_walked(void) {
  while (walked_count > 0)
    free((char *)walked[--walked_count].directory);
}

static void require_mount(const struct cgroup_mount *mount,
                          enum cgroup_version version, unsigned controllers,
                          char *const *fields, size_t number) {
  REQUIRE(mount->version == version);
  REQUIRE(mount->controllers == controllers);
  CLEANUP_FREE char *root = decoded(fields[FIELD_ROOT]);
  REQUIRE(mount->depth == reference_depth(root));
  require_directory(mount->root, fields[FIELD_ROOT]);
  REQUIRE(mount->line == number);
  require_directory(mount->directory, fields[FIELD_DIRECTORY]);
}

/* If the line is a mount of cgroups, compares it with the next mount of the
 * table. Returns whether it is. */
static bool require_line(char *line, size_t number,
                         const struct mountinfo *table, size_t next) {
  char *fields[FIELDS_MAX];
  size_t count = split(line, fields);
  size_t dash = FIELD_FIRST_OPTIONAL;

  while (dash < count && strcmp(fields[dash], "-") != 0)
    dash++;
  if (dash + FIELD_SUPER_OPTIONS >= count || *fields[FIELD_DIRECTORY] != '/')
    return false;
  REQUIRE(walked_count < FIELDS_MAX);
  walked[walked_count++] = (struct walked){
      strtoul(fields[0], NULL, 10), strtoul(fields[1], NULL, 10),
      decoded(fields[FIELD_DIRECTORY]), number};
  const char *type = fields[dash + FIELD_TYPE];
  bool v1 = strcmp(type, "cgroup") == 0;
  unsigned controllers =
      v1 ? reference_controllers(fields[dash + FIELD_SUPER_OPTIONS]) : 0;
  if (controllers == 0 && strcmp(type, "cgroup2") != 0)
    return false;
  REQUIRE(next < table->count);
  require_mount(&table->mounts[next], v1 ? CGROUP_VERSION_1 : CGROUP_VERSION_2,
                controllers, fields, number);
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_FREE char *text = fuzz_string(data, size);
  struct mountinfo table;
  char *rest = text;
  size_t count = 0;

  REQUIRE(mountinfo_read(memory_file(text, size), &table) == 0);
  for (size_t number = 1; rest != NULL; number++)
    if (require_line(strsep(&rest, "\n"), number, &table, count))
      count++;
  REQUIRE(count == table.count);
  require_visibility(&table);
  forget_walked();
  mountinfo_release(&table);
  return 0;
}
