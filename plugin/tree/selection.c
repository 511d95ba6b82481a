/* SPDX-License-Identifier: MIT */
#include "tree/selection.h"

#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/printable.h"

/* Room for one pattern in a log line. */
#define SHOWN_SIZE 128

enum pattern_kind { PATTERN_PATH, PATTERN_GLOB, PATTERN_REGEX };

struct selection_pattern {
  enum pattern_kind kind;
  /* The path or glob as it is compared, or the regular expression as
   * configured. */
  char *text;
  regex_t regex;
  /* A path matched it, or could have matched it but was not asked about. */
  bool matched;
};

static bool is_regex(const char *pattern) {
  size_t length = strlen(pattern);

  /* "/a/" could be a path or an expression. Without special characters of an
   * expression it is taken as a path, as it looks like one. */
  return length > 2 && pattern[0] == '/' && pattern[length - 1] == '/' &&
         strpbrk(pattern, "^$*+?()[]{}|\\") != NULL;
}

static int compile_regex(struct selection_pattern *pattern, const char *text) {
  CLEANUP_FREE char *expression = strndup(text + 1, strlen(text) - 2);

  if (expression == NULL)
    return -ENOMEM;
  pattern->kind = PATTERN_REGEX;
  int error = regcomp(&pattern->regex, expression, REG_EXTENDED | REG_NOSUB);
  if (error != 0)
    return error == REG_ESPACE ? -ENOMEM : -EINVAL;
  pattern->text = strdup(text);
  if (pattern->text == NULL) {
    regfree(&pattern->regex);
    return -ENOMEM;
  }
  return 0;
}

static int copy_text(struct selection_pattern *pattern, const char *text) {
  bool glob = strpbrk(text, "*?[") != NULL;

  pattern->kind = glob ? PATTERN_GLOB : PATTERN_PATH;
  text += strspn(text, "/");
  if (asprintf(&pattern->text, "%s%s", *text != '*' ? "/" : "", text) < 0) {
    pattern->text = NULL;
    return -ENOMEM;
  }
  for (size_t last = strlen(pattern->text) - 1;
       last > 0 && pattern->text[last] == '/'; last--)
    pattern->text[last] = '\0';
  return 0;
}

int selection_add(struct selection *selection, const char *text) {
  struct selection_pattern pattern = {.text = NULL};

  if (*text == '\0')
    return -EINVAL;
  struct selection_pattern *patterns = reallocarray(
      selection->patterns, selection->count + 1, sizeof(*selection->patterns));
  if (patterns == NULL)
    return -ENOMEM;
  selection->patterns = patterns;

  int status = is_regex(text) ? compile_regex(&pattern, text)
                              : copy_text(&pattern, text);
  if (status == 0)
    patterns[selection->count++] = pattern;
  return status;
}

/* Returns 1, 0 or -ENOMEM. */
static int pattern_matches(const struct selection_pattern *pattern,
                           const char *path) {
  int status = 0;

  switch (pattern->kind) {
  case PATTERN_PATH:
    return strcmp(pattern->text, path) == 0;
  case PATTERN_GLOB:
    status = fnmatch(pattern->text, path, FNM_NOESCAPE);
    return status == 0 || status == FNM_NOMATCH ? status == 0 : -ENOMEM;
  case PATTERN_REGEX:
    status = regexec(&pattern->regex, path, 0, NULL, 0);
    return status == 0 || status == REG_NOMATCH ? status == 0 : -ENOMEM;
  }
  return 0;
}

/* A pattern that has matched nothing yet is tried even if an earlier one
 * matches. Otherwise it would be reported as unmatched. */
int selection_matches(const struct selection *selection, const char *path) {
  bool selected = false;

  if (selection->count == 0)
    return 1;
  for (size_t i = 0; i < selection->count; i++) {
    struct selection_pattern *pattern = &selection->patterns[i];

    if (selected && pattern->matched)
      continue;
    int matches = pattern_matches(pattern, path);
    if (matches < 0 && !selected)
      return matches;
    if (matches > 0)
      selected = pattern->matched = true;
  }
  return selected != selection->ignore_selected;
}

/* Returns false if no path below `path` can begin with the literal part of the
 * pattern. */
static bool may_match_below(const struct selection_pattern *pattern,
                            const char *path) {
  if (pattern->kind == PATTERN_REGEX)
    return true;

  size_t literal = strcspn(pattern->text, "*?[");
  size_t length = strcmp(path, "/") == 0 ? 0 : strlen(path);
  if (pattern->kind == PATTERN_PATH)
    return literal > length + 1 && strncmp(pattern->text, path, length) == 0 &&
           pattern->text[length] == '/';
  if (literal <= length)
    return strncmp(pattern->text, path, literal) == 0;
  return strncmp(pattern->text, path, length) == 0 &&
         pattern->text[length] == '/';
}

/* A glob that ends with a star and matches a path also matches everything below
 * it. */
static bool matches_all_below(const struct selection_pattern *pattern,
                              const char *path) {
  return pattern->kind == PATTERN_GLOB &&
         pattern->text[strlen(pattern->text) - 1] == '*' &&
         pattern_matches(pattern, path) > 0;
}

static void mark_below(const struct selection *selection, const char *path) {
  for (size_t i = 0; i < selection->count; i++)
    if (!selection->patterns[i].matched)
      selection->patterns[i].matched =
          may_match_below(&selection->patterns[i], path);
}

bool selection_may_match_below(const struct selection *selection,
                               const char *path) {
  if (selection->count == 0)
    return true;
  for (size_t i = 0; i < selection->count; i++) {
    const struct selection_pattern *pattern = &selection->patterns[i];

    if (selection->ignore_selected ? matches_all_below(pattern, path)
                                   : may_match_below(pattern, path)) {
      if (selection->ignore_selected)
        mark_below(selection, path);
      return !selection->ignore_selected;
    }
  }
  return selection->ignore_selected;
}

size_t selection_unmatched(const struct selection *selection,
                           char text[SELECTION_UNMATCHED_SIZE]) {
  /* The longest text before and after a pattern. */
  const size_t most =
      sizeof("\"\", ") + sizeof(" and 18446744073709551615 more");
  size_t length = 0;
  size_t more = 0;

  *text = '\0';
  for (size_t i = 0; i < selection->count; i++) {
    char shown[SHOWN_SIZE];

    if (selection->patterns[i].matched)
      continue;
    size_t shown_length =
        printable(selection->patterns[i].text, shown, sizeof(shown));
    if (more > 0 || length + shown_length + most > SELECTION_UNMATCHED_SIZE)
      more++;
    else
      length +=
          (size_t)snprintf(text + length, SELECTION_UNMATCHED_SIZE - length,
                           "%s\"%s\"", length > 0 ? ", " : "", shown);
  }
  if (more > 0)
    length += (size_t)snprintf(text + length, SELECTION_UNMATCHED_SIZE - length,
                               " and %zu more", more);
  return length;
}

void selection_release(struct selection *selection) {
  for (size_t i = 0; i < selection->count; i++) {
    if (selection->patterns[i].kind == PATTERN_REGEX)
      regfree(&selection->patterns[i].regex);
    free(selection->patterns[i].text);
  }
  free(selection->patterns);
  *selection = (struct selection){0};
}
