/* SPDX-License-Identifier: MIT */
/* Patterns select what fnmatch(3), regex(7) and a simple comparison say. A
 * subtree is skipped only if nothing in it is selected. */
#include "tree/selection.h"

#include <fnmatch.h>
#include <regex.h>

#include "fuzz.h"
#include "util/cleanup.h"

#define PATTERNS_MAX 8

static bool is_regex(const char *pattern) {
  size_t length = strlen(pattern);

  return length > 2 && pattern[0] == '/' && pattern[length - 1] == '/' &&
         strpbrk(pattern, "^$*+?()[]{}|\\") != NULL;
}

static bool regex_matches(const char *pattern, const char *path) {
  CLEANUP_FREE char *expression = strndup(pattern + 1, strlen(pattern) - 2);
  regex_t regex;

  REQUIRE(expression != NULL);
  REQUIRE(regcomp(&regex, expression, REG_EXTENDED) == 0);
  int status = regexec(&regex, path, 0, NULL, 0);
  regfree(&regex);
  return status == 0;
}

/* Supports only "*" and "?". It goes back only to the latest "*": that one can
 * match everything that an earlier one could. */
static bool glob_matches(const char *glob, const char *path) {
  const char *star = NULL;
  const char *tried = NULL;

  while (*path != '\0') {
    if (*glob == '*') {
      star = glob++;
      tried = path;
    } else if (*glob == '?' || *glob == *path) {
      glob++;
      path++;
    } else if (star != NULL) {
      glob = star + 1;
      path = ++tried;
    } else {
      return false;
    }
  }
  return glob[strspn(glob, "*")] == '\0';
}

static size_t length_without_slashes(const char *text) {
  size_t length = strlen(text);

  while (length > 1 && text[length - 1] == '/')
    length--;
  return length;
}

static bool reference_matches(const char *pattern, const char *path) {
  if (is_regex(pattern))
    return regex_matches(pattern, path);

  /* The path is tried without its slash as well, unless the first star can
   * match the slash. */
  CLEANUP_FREE char *copy = strndup(pattern, length_without_slashes(pattern));
  REQUIRE(copy != NULL);
  const char *text = copy + strspn(copy, "/");
  if (*text != '*')
    path++;
  if (strpbrk(text, "*?[") == NULL)
    return strcmp(text, path) == 0;
  bool matches = fnmatch(text, path, FNM_NOESCAPE) == 0;
  if (strchr(text, '[') == NULL)
    REQUIRE(matches == glob_matches(text, path));
  return matches;
}

/* The accepted patterns. */
struct patterns {
  struct selection selection;
  const char *texts[PATTERNS_MAX];
  /* It matched one of the paths so far. */
  bool matched[PATTERNS_MAX];
};

static void add_pattern(struct patterns *patterns, const char *text) {
  size_t count = patterns->selection.count;

  if (count == PATTERNS_MAX || (is_regex(text) && fuzz_is_costly(text)))
    return;
  int status = selection_add(&patterns->selection, text);
  REQUIRE(status == 0 ||
          (status == -EINVAL && (*text == '\0' || is_regex(text))));
  REQUIRE(patterns->selection.count == count + (status == 0));
  if (status == 0)
    patterns->texts[count] = text;
}

static bool reference_selects(struct patterns *patterns, const char *path) {
  bool matches = false;

  if (patterns->selection.count == 0)
    return true;
  for (size_t i = 0; i < patterns->selection.count; i++)
    if (reference_matches(patterns->texts[i], path))
      matches = patterns->matched[i] = true;
  return matches != patterns->selection.ignore_selected;
}

/* Checks the path and its ancestors, from the root on. */
static void require_path(struct patterns *patterns, char *path) {
  const struct selection *selection = &patterns->selection;
  bool may_be_below = selection_may_match_below(selection, "/");

  REQUIRE(selection_matches(selection, "/") ==
          reference_selects(patterns, "/"));
  for (char *end = path; end != NULL && path[1] != '\0';) {
    end = strchr(end + 1, '/');
    if (end != NULL)
      *end = '\0';
    bool selects = reference_selects(patterns, path);
    REQUIRE(selection_matches(selection, path) == selects);
    REQUIRE(!selects || may_be_below);
    if (!selection_may_match_below(selection, path))
      may_be_below = false;
    if (end != NULL)
      *end = '/';
  }
}

static void require_unmatched(const struct patterns *patterns) {
  char text[SELECTION_UNMATCHED_SIZE];
  size_t unmatched = 0;

  size_t length = selection_unmatched(&patterns->selection, text);
  REQUIRE(length < sizeof(text) && strlen(text) == length);
  for (size_t i = 0; i < patterns->selection.count; i++)
    unmatched += !patterns->matched[i];
  if (!patterns->selection.ignore_selected)
    REQUIRE((length > 0) == (unmatched > 0));
  REQUIRE(length == 0 || unmatched > 0);
  for (size_t i = 0; i < length; i++)
    REQUIRE(text[i] >= ' ' && text[i] <= '~');
}

/* Paths of cgroups have no empty component. */
static void squeeze(char *path) {
  char *out = path + 1;

  for (const char *in = path + 1; *in != '\0'; in++)
    if (*in != '/' || out[-1] != '/')
      *out++ = *in;
  while (out > path + 1 && out[-1] == '/')
    out--;
  *out = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  /* Lines that begin with "=" are paths, "!" inverts the selection, and the
   * other lines are patterns. */
  CLEANUP_FREE char *text = fuzz_string(data, size);
  struct patterns patterns = {.selection = {0}};
  char *paths[PATTERNS_MAX];
  size_t path_count = 0;

  for (char *rest = text; rest != NULL;) {
    char *line = strsep(&rest, "\n");
    if (*line == '=' && path_count < PATTERNS_MAX)
      paths[path_count++] = line;
    else if (strcmp(line, "!") == 0)
      patterns.selection.ignore_selected = true;
    else
      add_pattern(&patterns, line);
  }
  for (size_t i = 0; i < path_count; i++) {
    *paths[i] = '/';
    squeeze(paths[i]);
    require_path(&patterns, paths[i]);
  }
  require_unmatched(&patterns);
  selection_release(&patterns.selection);
  return 0;
}
