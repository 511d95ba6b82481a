/* SPDX-License-Identifier: MIT */
#include "tree/selection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"

static struct selection selection;

static void setup(void) { selection = (struct selection){0}; }

static void teardown(void) { selection_release(&selection); }

static const struct {
  const char *pattern;
  const char *path;
  bool matches;
  /* As far as the beginning of the pattern shows, something below the path may
   * match. */
  bool below;
} cases[] = {
    /* One cgroup. */
    {"/system.slice", "/system.slice", true, false},
    {"/system.slice", "/", false, true},
    {"/system.slice", "/system.slice/a", false, false},
    {"/system.slice", "/systemXslice", false, false},
    {"/a/b/c", "/a", false, true},
    {"/a/b/c", "/a/b", false, true},
    {"/a/b/c", "/a/b/c", true, false},
    {"/a/b/c", "/a/x", false, false},
    {"/a/b/c", "/a/bb", false, false},
    {"/", "/", true, false},
    {"/", "/a", false, false},
    /* A slash at the end changes nothing, nor does a missing slash at the
     * beginning. */
    {"/system.slice/", "/system.slice", true, false},
    {"/system.slice/", "/systemXslice", false, false},
    {"/system.slice//", "/system.slice", true, false},
    {"system.slice", "/system.slice", true, false},
    {"//system.slice", "/system.slice", true, false},
    {"a/b/c", "/a", false, true},
    /* Shell patterns. A star also matches slashes. */
    {"/system.slice/*.service", "/system.slice/ssh.service", true, true},
    {"/system.slice/*.service", "/system.slice/a/b.service", true, true},
    {"/system.slice/*.service", "/system.slice", false, true},
    {"/system.slice/*.service", "/", false, true},
    {"/system.slice/*.service", "/user.slice", false, false},
    {"/system.slice/*.service", "/system.slice2", false, false},
    {"/kubepods.slice*", "/kubepods.slice", true, true},
    {"/kubepods.slice*", "/kubepods.slice/a/b", true, true},
    {"*docker-*", "/system.slice/docker-1.scope", true, true},
    {"*docker-*", "/system.slice", false, true},
    {"/a?c", "/abc", true, true},
    {"/a[bx]c", "/axc", true, true},
    {"/a[bx]c", "/ayc", false, true},
    {"*", "/", true, true},
    /* The same without the slash at the beginning. */
    {"system.slice/*", "/system.slice/a", true, true},
    {"system.slice/*", "/system.slice/a/b", true, true},
    {"system.slice/*", "/system.slice", false, true},
    {"system.slice/*", "/user.slice", false, false},
    {"system.slice/*", "/x/system.slice/a", false, false},
    {"kubepods.slice*", "/kubepods.slice", true, true},
    {"?oo", "/foo", true, true},
    {"/?oo", "/foo", true, true},
    {"?oo", "/oo", false, true},
    {"?oo", "/a/foo", false, true},
    {"[a-z]*", "/system.slice/A", true, true},
    {"/[a-z]*", "/system.slice/A", true, true},
    {"[a-z]*", "/A", false, true},
    {"a?c/", "/abc", true, true},
    /* A star as the first component matches any number of components, even
     * none. */
    {"*/web", "/web", true, true},
    {"*/web", "/a/b/web", true, true},
    {"/*/web", "/web", true, true},
    {"/*/web", "/a/b/web", true, true},
    {"/*/web", "/aweb", false, true},
    {"/*", "/", true, true},
    {"/*docker-*", "/system.slice/docker-1.scope", true, true},
    {"//*docker-*", "/docker-1.scope", true, true},
    /* A backslash is an ordinary character, because systemd's escapes contain
     * it. */
    {"/m.slice/q\\x2d*", "/m.slice/q\\x2d1", true, true},
    /* Regular expressions match anywhere in the path. */
    {"/docker-[0-9a-f]+/", "/system.slice/docker-4f1c.scope", true, true},
    {"/^.system\\.slice$/", "/system.slice", true, true},
    {"/^.system\\.slice$/", "/system.slice/a", false, true},
    {"/(a|b)$/", "/x/b", true, true},
};

START_TEST(selected) {
  ck_assert_int_eq(selection_add(&selection, cases[_i].pattern), 0);
  ck_assert(selection_matches(&selection, cases[_i].path) == cases[_i].matches);
  ck_assert(selection_may_match_below(&selection, cases[_i].path) ==
            cases[_i].below);
}
END_TEST

START_TEST(ignored) {
  ck_assert_int_eq(selection_add(&selection, cases[_i].pattern), 0);
  selection.ignore_selected = true;
  ck_assert(selection_matches(&selection, cases[_i].path) != cases[_i].matches);
}
END_TEST

START_TEST(nothing_said_selects_all) {
  ck_assert(selection_matches(&selection, "/"));
  ck_assert(selection_matches(&selection, "/a/b"));
  ck_assert(selection_may_match_below(&selection, "/a"));
  selection.ignore_selected = true;
  ck_assert(selection_matches(&selection, "/a"));
  ck_assert(selection_may_match_below(&selection, "/a"));
}
END_TEST

START_TEST(one_of_several) {
  ck_assert_int_eq(selection_add(&selection, "/a"), 0);
  ck_assert_int_eq(selection_add(&selection, "/b/*"), 0);
  ck_assert(selection_matches(&selection, "/a"));
  ck_assert(selection_matches(&selection, "/b/x"));
  ck_assert(!selection_matches(&selection, "/c"));
  ck_assert(!selection_may_match_below(&selection, "/a"));
  ck_assert(selection_may_match_below(&selection, "/b"));
  ck_assert(!selection_may_match_below(&selection, "/c"));
}
END_TEST

/* A cgroup that is ignored with all its descendants need not be listed. One
 * that is ignored alone must be listed. */
START_TEST(ignored_subtrees) {
  selection.ignore_selected = true;
  ck_assert_int_eq(selection_add(&selection, "/user.slice*"), 0);
  ck_assert_int_eq(selection_add(&selection, "/system.slice"), 0);
  ck_assert(!selection_may_match_below(&selection, "/user.slice"));
  ck_assert(!selection_may_match_below(&selection, "/user.slice/a"));
  ck_assert(selection_may_match_below(&selection, "/system.slice"));
  ck_assert(selection_may_match_below(&selection, "/"));
}
END_TEST

static const char *unmatched(void) {
  static char text[SELECTION_UNMATCHED_SIZE];

  memset(text, 'x', sizeof(text));
  ck_assert_uint_eq(selection_unmatched(&selection, text), strlen(text));
  return text;
}

static void add(const char *pattern) {
  ck_assert_int_eq(selection_add(&selection, pattern), 0);
}

START_TEST(patterns_that_matched_nothing) {
  ck_assert_str_eq(unmatched(), "");
  add("/a");
  add("system.slise/*");
  add("/^.b[0-9]$/");
  add("/a*");
  ck_assert_str_eq(unmatched(),
                   "\"/a\", \"/system.slise/*\", \"/^.b[0-9]$/\", \"/a*\"");
  /* The first pattern matches everything that the last one matches. */
  ck_assert_int_eq(selection_matches(&selection, "/a"), 1);
  ck_assert_int_eq(selection_matches(&selection, "/c"), 0);
  ck_assert_str_eq(unmatched(), "\"/system.slise/*\", \"/^.b[0-9]$/\"");
  ck_assert_int_eq(selection_matches(&selection, "/b7"), 1);
  ck_assert_int_eq(selection_matches(&selection, "/system.slise/x"), 1);
  ck_assert_str_eq(unmatched(), "");
}
END_TEST

/* An ignored subtree is not looked at, so it is not known which patterns match
 * in it. */
START_TEST(patterns_of_ignored_subtrees) {
  selection.ignore_selected = true;
  add("/user.slice*");
  add("/user.slice/a");
  add("/user.slice/[b]");
  add("/system.slise");
  ck_assert_int_eq(selection_matches(&selection, "/user.slice"), 0);
  ck_assert_int_eq(selection_matches(&selection, "/x"), 1);
  ck_assert_str_eq(unmatched(), "\"/user.slice/a\", \"/user.slice/[b]\", "
                                "\"/system.slise\"");
  ck_assert(!selection_may_match_below(&selection, "/user.slice"));
  ck_assert_str_eq(unmatched(), "\"/system.slise\"");
}
END_TEST

/* A log line has a maximum length, and must not be split or faked. */
START_TEST(unmatched_patterns_are_bounded) {
  char pattern[600];

  memset(pattern, 'p', sizeof(pattern));
  pattern[0] = '/';
  pattern[sizeof(pattern) - 1] = '\0';
  add("/a\nb");
  for (int i = 0; i < 50; i++)
    add(pattern);
  const char *text = unmatched();
  ck_assert_ptr_nonnull(strstr(text, "\"/a\\x0ab\", \"/pppp"));
  ck_assert_ptr_nonnull(strstr(text, "ppp...ppp"));
  const char *more = strstr(text, " and ");
  ck_assert_ptr_nonnull(more);
  size_t shown = 0;
  for (const char *quote = text; (quote = strchr(quote, '"')) != NULL; quote++)
    shown++;
  ck_assert_uint_ge(shown, 4);
  ck_assert_int_eq(shown % 2, 0);
  ck_assert_uint_eq(shown / 2 + strtoul(more + 5, NULL, 10), 51);
  ck_assert_str_eq(strchr(more + 5, ' '), " more");
}
END_TEST

START_TEST(refused_patterns) {
  ck_assert_int_eq(selection_add(&selection, ""), -EINVAL);
  ck_assert_int_eq(selection_add(&selection, "/a(/"), -EINVAL);
  ck_assert_int_eq(selection_add(&selection, "/[/"), -EINVAL);
  ck_assert_uint_eq(selection.count, 0);
}
END_TEST

Suite *selection_suite(void) {
  return suite_of("selection", setup, teardown, FOR_EACH(selected, cases),
                  FOR_EACH(ignored, cases), ONCE(nothing_said_selects_all),
                  ONCE(one_of_several), ONCE(ignored_subtrees),
                  ONCE(patterns_that_matched_nothing),
                  ONCE(patterns_of_ignored_subtrees),
                  ONCE(unmatched_patterns_are_bounded), ONCE(refused_patterns));
}
