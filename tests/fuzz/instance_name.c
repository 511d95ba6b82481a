/* SPDX-License-Identifier: MIT */
/* Names of cgroups: for any path, the name has only allowed characters and
 * fits. Paths that differ in a separator or an underscore never have the same
 * name. */
#include "name/instance_name.h"

#include <ctype.h>
#include <limits.h>

#include "fuzz.h"
#include "util/array.h"
#include "util/cleanup.h"

/* This many places of a path are varied, each in all of these ways. */
#define PLACES 3
static const char *const ways[] = {"/", "_", "__", "/_", "_/"};
#define WAYS ARRAY_SIZE(ways)
#define FAMILY (WAYS * WAYS * WAYS)

static bool has_hash(const char *name) {
  size_t length = strlen(name);

  return length >= 9 && name[length - 9] == '~' &&
         strspn(name + length - 8, "0123456789abcdef") == 8;
}

static void require_clean(const char *name) {
  REQUIRE(memchr(name, '\0', INSTANCE_NAME_SIZE) != NULL);
  REQUIRE(*name != '\0');
  for (const char *c = name; *c != '\0'; c++)
    REQUIRE((isascii(*c) && isalnum((unsigned char)*c)) ||
            strchr("._-@:+~", *c) != NULL);
  /* The name of what the plugin reports on itself */
  REQUIRE(strcmp(name, "_plugin") != 0);
  REQUIRE(strchr(name, '~') == NULL || has_hash(name));
}

static void require_names(const char *path, enum instance_format format) {
  char name[INSTANCE_NAME_SIZE];
  char again[INSTANCE_NAME_SIZE];

  memset(name, 'x', sizeof(name));
  memset(again, 'y', sizeof(again));
  instance_name_of_path(path, format, name);
  instance_name_of_path(path, format, again);
  require_clean(name);
  REQUIRE(strcmp(name, again) == 0);
  REQUIRE((strcmp(name, "root") == 0) == (strcmp(path, "/") == 0));

  instance_name_apart(path, format, 7, name);
  require_clean(name);
  REQUIRE(has_hash(name) || strcmp(path, "/") == 0);
}

static int compare_names(const void *left, const void *right) {
  return strcmp(left, right);
}

/* Writes the path with its first places varied. `member` chooses the ways. */
static void vary(const char *path, size_t member, char varied[PATH_MAX]) {
  size_t length = 0;
  size_t place = 0;

  varied[length++] = '/';
  for (path++; *path != '\0'; path++) {
    if ((*path != '/' && *path != '_') || place == PLACES) {
      varied[length++] = *path;
      continue;
    }
    const char *way = ways[member % WAYS];
    member /= WAYS;
    place++;
    memcpy(varied + length, way, strlen(way));
    length += strlen(way);
  }
  varied[length] = '\0';
}

/* No two paths of a family may have the same name by the rules. Hashes can
 * collide, so only names without a hash are compared. */
static void require_apart(const char *path) {
  static char names[FAMILY][INSTANCE_NAME_SIZE];
  char varied[PATH_MAX];
  size_t places = 0;
  size_t members = 1;
  size_t count = 0;

  for (const char *c = path + 1; *c != '\0' && places < PLACES; c++)
    places += *c == '/' || *c == '_';
  for (size_t i = 0; i < places; i++)
    members *= WAYS;
  for (size_t member = 0; member < members; member++) {
    vary(path, member, varied);
    instance_name_of_path(varied, INSTANCE_FORMAT_PATH, names[count]);
    if (!has_hash(names[count]))
      count++;
  }
  qsort(names, count, sizeof(*names), compare_names);
  for (size_t i = 1; i < count; i++)
    REQUIRE(strcmp(names[i - 1], names[i]) != 0);
}

/* Makes a path of the input: components that are empty, "." or ".." are
 * dropped. */
static void make_path(char *text, char path[PATH_MAX]) {
  size_t length = 0;

  for (char *rest = text; rest != NULL;) {
    const char *component = strsep(&rest, "/");
    size_t more = strlen(component);
    if (more == 0 || more > NAME_MAX || strcmp(component, ".") == 0 ||
        strcmp(component, "..") == 0 || length + 1 + more >= PATH_MAX)
      continue;
    path[length++] = '/';
    memcpy(path + length, component, more);
    length += more;
  }
  if (length == 0)
    path[length++] = '/';
  path[length] = '\0';
}

/* The path in two parts: as a container's name, cut in three, and the rest. */
static void require_container_name(const char *path) {
  CLEANUP_FREE char *head = strdup(path + 1);
  char name[INSTANCE_NAME_SIZE];
  char again[INSTANCE_NAME_SIZE];

  REQUIRE(head != NULL);
  char *rest = head;
  (void)strsep(&rest, "/");
  char *middle = head;
  (void)strsep(&middle, "_");
  char *tail = middle;
  (void)strsep(&tail, "_");
  const struct container_name parts = {head, middle != NULL ? middle : "",
                                       tail != NULL ? tail : ""};
  const char *below = rest != NULL ? rest : "";

  memset(name, 'x', sizeof(name));
  memset(again, 'y', sizeof(again));
  instance_name_of_container(&parts, below, name);
  instance_name_of_container(&parts, below, again);
  if (*head == '\0' && *parts.middle == '\0' && *parts.tail == '\0')
    return;
  require_clean(name);
  REQUIRE(strcmp(name, again) == 0);
  if (!has_hash(name))
    REQUIRE(strncmp(name, head, strlen(head)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_FREE char *text = fuzz_string(data, size);
  char path[PATH_MAX];

  make_path(text, path);
  require_names(path, INSTANCE_FORMAT_PATH);
  require_names(path, INSTANCE_FORMAT_LEAF);
  require_container_name(path);
  if (strlen(path) < INSTANCE_NAME_SIZE)
    require_apart(path);
  return 0;
}
