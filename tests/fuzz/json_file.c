/* SPDX-License-Identifier: MIT */
/* JSON documents: any bytes, and documents around a text, which must come out
 * as it went in. */
#include "name/json_file.h"

#include "fuzz.h"
#include "util/array.h"
#include "util/cleanup.h"

#define TEXT_SIZE 64

static char outer[TEXT_SIZE];
static char inner[TEXT_SIZE];
static const struct json_text texts[] = {
    {{"Name"}, outer, sizeof(outer)},
    {{"Config", "Image"}, inner, sizeof(inner)},
};

static int parse(const char *document, size_t length) {
  const struct json_wanted wanted = {.texts = texts,
                                     .count = ARRAY_SIZE(texts)};

  outer[0] = inner[0] = '\0';
  return json_parse(document, length, &wanted);
}

static int count(void *context) {
  ++*(size_t *)context;
  return 0;
}

/* Twice in an array, it is what it is alone. */
static void in_an_array(const char *document, size_t length) {
  size_t objects = 0;
  const struct json_wanted wanted = {.texts = texts,
                                     .count = ARRAY_SIZE(texts),
                                     .each = count,
                                     .context = &objects};
  char before[TEXT_SIZE];
  CLEANUP_FREE char *array = malloc(2 * length + 3);

  REQUIRE(array != NULL);
  int alone = parse(document, length);
  memcpy(before, outer, sizeof(before));
  array[0] = '[';
  memcpy(array + 1, document, length);
  array[length + 1] = ',';
  memcpy(array + length + 2, document, length);
  array[2 * length + 2] = ']';
  int status = json_parse(array, 2 * length + 3, &wanted);
  REQUIRE(alone != 0 ||
          (status == 0 && objects == 2 && strcmp(before, outer) == 0));
}

static void any_bytes(const uint8_t *data, size_t size) {
  CLEANUP_FREE char *document = malloc(size + 1);

  REQUIRE(document != NULL);
  if (size > 0)
    memcpy(document, data, size);
  int status = parse(document, size);
  REQUIRE(status == 0 || status == -EINVAL || status == -EOPNOTSUPP);
  REQUIRE(memchr(outer, '\0', sizeof(outer)) != NULL);
  REQUIRE(memchr(inner, '\0', sizeof(inner)) != NULL);
  in_an_array(document, size);
}

/* The text of ASCII characters, each escaped or, every other one that needs no
 * escape, as it is: RFC 8259, section 7. */
static char *encode(const char *text) {
  char *encoded = malloc(6 * strlen(text) + 1);
  char *end = encoded;

  REQUIRE(encoded != NULL);
  for (size_t i = 0; text[i] != '\0'; i++) {
    bool plain = text[i] >= ' ' && text[i] != '"' && text[i] != '\\';
    if (plain && i % 2 == 0)
      *end++ = text[i];
    else
      end += sprintf(end, "\\u%04x", (unsigned char)text[i]);
  }
  *end = '\0';
  return encoded;
}

static void around_a_text(char *text) {
  static const char format[] =
      "{\"ID\": [{\"Name\": \"no\"}], \"Config\": {\"Env\": [\"Image=no\"], "
      "\"Image\": \"%s\"}, \"State\": {\"Name\": -1.5e3}, \"Name\": \"%s\"}\n";
  size_t length = strlen(text);

  for (size_t i = 0; i < length; i++)
    text[i] = (char)(text[i] & 0x7f);
  length = strlen(text);
  CLEANUP_FREE char *encoded = encode(text);
  size_t size = sizeof(format) + 2 * strlen(encoded);
  CLEANUP_FREE char *document = malloc(size);
  REQUIRE(document != NULL);
  int status = parse(
      document, (size_t)snprintf(document, size, format, encoded, encoded));
  if (status == -EOPNOTSUPP)
    return;
  REQUIRE(status == 0);
  REQUIRE(strcmp(outer, length < TEXT_SIZE ? text : "") == 0);
  REQUIRE(strcmp(inner, outer) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_FREE char *text = fuzz_string(data, size);

  any_bytes(data, size);
  around_a_text(text);
  return 0;
}
