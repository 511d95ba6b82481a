/* SPDX-License-Identifier: MIT */
#include "util/printable.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ELLIPSIS "..."
#define ELLIPSIS_LENGTH (sizeof(ELLIPSIS) - 1)
#define ESCAPE_LENGTH (sizeof("\\xNN") - 1)

/* Unlike isprint(3), this does not depend on the locale, or on whether char is
 * signed. */
static bool is_printable(char c) {
  return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f;
}

static size_t escaped_length(char c) {
  return is_printable(c) ? 1 : ESCAPE_LENGTH;
}

/* Returns the end of the written text. */
static char *escape(const char *begin, const char *end, char *out) {
  for (; begin < end; begin++) {
    if (is_printable(*begin))
      *out++ = *begin;
    else
      out += snprintf(out, ESCAPE_LENGTH + 1, "\\x%02x", (unsigned char)*begin);
  }
  return out;
}

size_t printable(const char *text, char *out, size_t size) {
  const char *end = text + strlen(text);
  const char *head = text;
  const char *tail = end;
  size_t room = size - 1;
  size_t length = 0;

  for (; head < end && length + escaped_length(*head) <= room; head++)
    length += escaped_length(*head);
  char *out_end = out;
  if (head == end) {
    out_end = escape(text, end, out);
  } else if (room > ELLIPSIS_LENGTH) {
    size_t rest = room - ELLIPSIS_LENGTH;
    for (; length > rest / 2; head--)
      length -= escaped_length(head[-1]);
    for (; length + escaped_length(tail[-1]) <= rest; tail--)
      length += escaped_length(tail[-1]);
    out_end = escape(text, head, out);
    out_end = stpcpy(out_end, ELLIPSIS);
    out_end = escape(tail, end, out_end);
  }
  *out_end = '\0';
  return (size_t)(out_end - out);
}

size_t printable_encode(const char *text, char *out, size_t size) {
  static const char digits[] = "0123456789ABCDEF";
  size_t length = 0;

  for (; *text != '\0'; text++) {
    bool as_it_is = is_printable(*text) && *text != '%';
    if (length + (as_it_is ? 1 : 3) >= size)
      return 0;
    if (as_it_is) {
      out[length++] = *text;
      continue;
    }
    out[length++] = '%';
    out[length++] = digits[(unsigned char)*text >> 4];
    out[length++] = digits[(unsigned char)*text & 0xf];
  }
  if (length >= size)
    return 0;
  out[length] = '\0';
  return length;
}
