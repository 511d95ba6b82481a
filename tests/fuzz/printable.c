/* SPDX-License-Identifier: MIT */
/* For any text, the output is printable ASCII and fits. It is the whole text or
 * its two ends. An encoding can be decoded to the same text. */
#include "util/printable.h"

#include <limits.h>

#include "fuzz.h"
#include "util/cleanup.h"

static void require_ascii(const char *out, size_t length, size_t size) {
  REQUIRE(length < size);
  REQUIRE(strlen(out) == length);
  for (size_t i = 0; i < length; i++)
    REQUIRE(out[i] >= ' ' && out[i] <= '~');
}

/* Escapes the whole text in another way. The caller frees it. */
static char *escape_all(const char *text) {
  char *all = calloc(4, strlen(text) + 1);

  REQUIRE(all != NULL);
  for (char *out = all; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c >= ' ' && c <= '~')
      *out++ = *text;
    else
      out += sprintf(out, "\\x%02x", c);
  }
  return all;
}

static void require_line(const char *text, size_t size) {
  CLEANUP_FREE char *all = escape_all(text);
  CLEANUP_FREE char *out = malloc(size);
  size_t whole = strlen(all);

  REQUIRE(out != NULL);
  size_t length = printable(text, out, size);
  require_ascii(out, length, size);
  if (whole < size) {
    REQUIRE(strcmp(out, all) == 0);
    return;
  }
  /* The output may be shorter than the room, because an escape at either end
   * did not fit.
   */
  REQUIRE(length == 0 ? size <= 4 : length + 6 >= size - 1);
  size_t head = 0;
  while (head < length && out[head] == all[head])
    head++;
  size_t tail = 0;
  while (tail < length && out[length - 1 - tail] == all[whole - 1 - tail])
    tail++;
  REQUIRE(length == 0 || head + tail + 3 >= length);
  REQUIRE(length == 0 || strstr(out, "...") != NULL);
}

/* Two hexadecimal digits. */
static char decode(const char *digits) {
  char number[3] = "";

  (void)snprintf(number, sizeof(number), "%s", digits);
  REQUIRE(strlen(number) == 2);
  REQUIRE(number[strspn(number, "0123456789ABCDEF")] == '\0');
  return (char)strtoul(number, NULL, 16);
}

static void require_encoding(const char *text, size_t size) {
  CLEANUP_FREE char *out = malloc(size);
  size_t needed = 1;

  REQUIRE(out != NULL);
  for (const char *c = text; *c != '\0'; c++)
    needed += strchr("%\x7f", *c) == NULL && *c >= ' ' && *c < 0x7f ? 1 : 3;
  size_t length = printable_encode(text, out, size);
  REQUIRE((length == 0) == (needed > size || *text == '\0'));
  if (length == 0)
    return;
  require_ascii(out, length, size);
  for (const char *in = out; *in != '\0'; in++, text++) {
    REQUIRE(*text == (*in == '%' ? decode(in + 1) : *in));
    if (*in == '%')
      in += 2;
  }
  REQUIRE(*text == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  /* The first byte is the size of the buffer. */
  CLEANUP_FREE char *text = fuzz_string(data + 1, size - 1);
  require_line(text, (size_t)data[0] + 1);
  require_encoding(text, (size_t)data[0] + 1);
  return 0;
}
