/* SPDX-License-Identifier: MIT */
#include "util/printable.h"

#include <stdlib.h>
#include <string.h>

#include "suites.h"

static const struct {
  const char *text;
  size_t size;
  const char *shown;
} lines[] = {
    {"", 1, ""},
    {"", 100, ""},
    {"/system.slice/ssh.service", 26, "/system.slice/ssh.service"},
    /* These characters would end a line, move the cursor or depend on the
     * encoding. */
    {"/a\nb", 100, "/a\\x0ab"},
    {"/a\x1b[2J", 100, "/a\\x1b[2J"},
    {"/\x7f", 100, "/\\x7f"},
    {"/caf\xc3\xa9", 100, "/caf\\xc3\\xa9"},
    {"\xff", 5, "\\xff"},
    /* A backslash is not escaped, because systemd's names contain it. */
    {"/q\\x2d1 \"%s\"~", 100, "/q\\x2d1 \"%s\"~"},
    /* The middle is left out. */
    {"0123456789", 11, "0123456789"},
    {"0123456789", 10, "012...789"},
    {"0123456789", 9, "01...789"},
    {"0123456789", 5, "...9"},
    {"0123456789", 4, ""},
    {"0123456789", 1, ""},
    /* An escape is either complete or missing. */
    {"\n\n\n\n", 17, "\\x0a\\x0a\\x0a\\x0a"},
    {"\n\n\n\n", 16, "\\x0a...\\x0a\\x0a"},
    {"\n\n\n\n", 15, "\\x0a...\\x0a"},
    {"\n\n\n\n", 11, "...\\x0a"},
    {"\nabcdefgh\n", 16, "\\x0aab...gh\\x0a"},
};

START_TEST(lines_for_a_person) {
  char *out = malloc(lines[_i].size);

  ck_assert_ptr_nonnull(out);
  ck_assert_uint_eq(printable(lines[_i].text, out, lines[_i].size),
                    strlen(lines[_i].shown));
  ck_assert_str_eq(out, lines[_i].shown);
  free(out);
}
END_TEST

static const struct {
  const char *text;
  size_t size;
  const char *encoded;
} encodings[] = {
    {"/", 2, "/"},
    {"/system.slice/ssh.service", 26, "/system.slice/ssh.service"},
    {"/system.slice/ssh.service", 25, NULL},
    {"/q\\x2d1", 100, "/q\\x2d1"},
    {"/caf\xc3\xa9", 100, "/caf%C3%A9"},
    {"/100%", 100, "/100%25"},
    {"/%C3", 100, "/%25C3"},
    {"/a\x1f\x7f\x80~", 100, "/a%1F%7F%80~"},
    {"/\n", 5, "/%0A"},
    {"/\n", 4, NULL},
};

START_TEST(encodings_that_can_be_read_back) {
  char *out = malloc(encodings[_i].size);
  const char *right = encodings[_i].encoded;

  ck_assert_ptr_nonnull(out);
  size_t length = printable_encode(encodings[_i].text, out, encodings[_i].size);
  ck_assert_uint_eq(length, right != NULL ? strlen(right) : 0);
  if (right != NULL)
    ck_assert_str_eq(out, right);
  free(out);
}
END_TEST

Suite *printable_suite(void) {
  return suite_of("printable", NULL, NULL, FOR_EACH(lines_for_a_person, lines),
                  FOR_EACH(encodings_that_can_be_read_back, encodings));
}
