/* SPDX-License-Identifier: MIT */
#include "name/instance_name.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/array.h"

#define CONTAINER_ID_DIGITS 64
#define CONTAINER_ID_SHOWN 12

/* "~" and eight digits. */
#define HASH_LENGTH 9
/* A long name keeps this much of its beginning. Its end, with the container,
 * says more and gets the rest. */
#define HEAD_LENGTH 40

/* A name while it is built, before it is shortened. */
struct writer {
  enum instance_format format;
  char text[PATH_MAX];
  size_t length;
  /* Something in the path is not visible in the name. */
  bool lossy;
  /* `divided`: a "_" was written. `units`: the text before the first one is the
   * name of a systemd unit. */
  bool divided;
  bool units;
};

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9');
}

static bool is_plain(char c) {
  return is_word(c) || (c != '\0' && strchr("._-@:+", c) != NULL);
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return -1;
}

static void put(struct writer *writer, char c) {
  if (writer->length < sizeof(writer->text) - 1)
    writer->text[writer->length++] = c;
  else
    writer->lossy = true;
}

static bool ends_unit(const struct writer *writer) {
  static const char *const suffixes[] = {".slice",  ".service", ".scope",
                                         ".socket", ".mount",   ".swap"};

  for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
    size_t length = strlen(suffixes[i]);
    if (writer->length > length &&
        memcmp(writer->text + writer->length - length, suffixes[i], length) ==
            0)
      return true;
  }
  return false;
}

/* A "_" in a name means "/" or a "_" of the path. The text before it decides
 * which of the two is written "_"; the other is written "__":
 *
 *   the name begins with   text before    "/"    "_"
 *   a systemd unit         a unit         "_"    "__"
 *   a systemd unit         no unit        "__"   "_"
 *   anything else          any            "_"    "__"
 *
 * So two paths do not get the same name. If two "_" from the path meet, the
 * result would be ambiguous, and the name gets a hash.
 */
static void put_underscore(struct writer *writer, bool separator) {
  bool after_unit = ends_unit(writer);

  if (!writer->divided)
    writer->units = after_unit;
  writer->divided = true;
  if (writer->length > 0 && writer->text[writer->length - 1] == '_')
    writer->lossy = true;
  put(writer, '_');
  if (separator != (after_unit || !writer->units))
    put(writer, '_');
}

static size_t hex_run(const char *text) {
  size_t length = 0;

  while (hex_value(text[length]) >= 0)
    length++;
  return length;
}

/* Writes the next part of `text` and returns how many characters of it were
 * used. */
static size_t put_next(struct writer *writer, const char *text,
                       bool word_begins) {
  if (word_begins && hex_run(text) == CONTAINER_ID_DIGITS &&
      !is_word(text[CONTAINER_ID_DIGITS])) {
    for (size_t i = 0; i < CONTAINER_ID_SHOWN; i++)
      put(writer, text[i]);
    return CONTAINER_ID_DIGITS;
  }
  if (text[0] == '\\' && text[1] == 'x' && hex_value(text[2]) >= 0 &&
      hex_value(text[3]) >= 0) {
    char decoded = (char)(hex_value(text[2]) * 16 + hex_value(text[3]));
    if (decoded != '_' && is_plain(decoded)) {
      put(writer, decoded);
      return 4;
    }
  }
  if (text[0] == '/' ||
      (text[0] == '_' && writer->format == INSTANCE_FORMAT_PATH)) {
    put_underscore(writer, text[0] == '/');
  } else if (is_plain(text[0])) {
    put(writer, text[0]);
  } else {
    put(writer, '_');
    writer->lossy = true;
  }
  return 1;
}

/* FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>, folded to 32 bits. */
static uint32_t hash(const char *text, unsigned attempt) {
  uint64_t value = UINT64_C(0xcbf29ce484222325) + attempt;

  for (; *text != '\0'; text++) {
    value ^= (unsigned char)*text;
    value *= UINT64_C(0x100000001b3);
  }
  return (uint32_t)(value ^ (value >> 32));
}

static void shorten(const struct writer *writer, uint32_t path_hash,
                    char name[INSTANCE_NAME_SIZE]) {
  int room = INSTANCE_NAME_SIZE - 1 - HASH_LENGTH;
  int length = (int)writer->length;

  if (length <= room) {
    (void)snprintf(name, INSTANCE_NAME_SIZE, "%.*s~%08" PRIx32, length,
                   writer->text, path_hash);
    return;
  }
  int tail = room - HEAD_LENGTH - 1;
  (void)snprintf(name, INSTANCE_NAME_SIZE, "%.*s~%.*s~%08" PRIx32, HEAD_LENGTH,
                 writer->text, tail, writer->text + length - tail, path_hash);
}

static void write_name(const char *path, enum instance_format format,
                       bool apart, unsigned attempt,
                       char name[INSTANCE_NAME_SIZE]) {
  const char *text = format == INSTANCE_FORMAT_LEAF ? strrchr(path, '/') : path;
  struct writer writer;

  writer.format = format;
  writer.length = 0;
  writer.lossy = writer.divided = writer.units = false;
  if (strcmp(path, "/") == 0) {
    (void)snprintf(name, INSTANCE_NAME_SIZE, "root");
    return;
  }
  text++;
  for (bool word_begins = true; *text != '\0';) {
    size_t length = put_next(&writer, text, word_begins);
    word_begins = !is_word(text[length - 1]);
    text += length;
  }
  writer.text[writer.length] = '\0';

  if (writer.lossy || apart || writer.length >= INSTANCE_NAME_SIZE ||
      strcmp(writer.text, "root") == 0)
    shorten(&writer, hash(path, attempt), name);
  else
    memcpy(name, writer.text, writer.length + 1);
}

void instance_name_of_path(const char *path, enum instance_format format,
                           char name[INSTANCE_NAME_SIZE]) {
  write_name(path, format, false, 0, name);
}

void instance_name_apart(const char *path, enum instance_format format,
                         unsigned attempt, char name[INSTANCE_NAME_SIZE]) {
  write_name(path, format, true, attempt, name);
}
