/* SPDX-License-Identifier: MIT */
#include "name/instance_name.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "name/container.h"
#include "util/array.h"
#include "util/hex.h"

#define CONTAINER_ID_DIGITS (CONTAINER_ID_SIZE - 1)

/* "~" and eight digits. */
#define HASH_LENGTH 9
#define HASH_BASIS UINT64_C(0xcbf29ce484222325)
/* A long name keeps this much of its beginning. Its end, with the container,
 * says more and gets the rest. */
#define HEAD_LENGTH 40
/* Less of the middle of a container's name says nothing. */
#define MIDDLE_LEAST 16

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
  int decoded = hex_escape(text);
  if (decoded >= 0 && decoded != '_' && is_plain((char)decoded)) {
    put(writer, (char)decoded);
    return HEX_ESCAPE_LENGTH;
  }
  if (text[0] == '/' ||
      (text[0] == '_' && writer->format != INSTANCE_FORMAT_LEAF)) {
    put_underscore(writer, text[0] == '/');
  } else if (is_plain(text[0])) {
    put(writer, text[0]);
  } else {
    put(writer, '_');
    writer->lossy = true;
  }
  return 1;
}

static void start_writing(struct writer *writer, enum instance_format format) {
  writer->format = format;
  writer->length = 0;
  writer->lossy = writer->divided = writer->units = false;
}

/* Writes what follows a "/". */
static void put_path(struct writer *writer, const char *path) {
  for (bool word_begins = true; *path != '\0';) {
    size_t length = put_next(writer, path, word_begins);
    word_begins = !is_word(path[length - 1]);
    path += length;
  }
}

/* Writes a part of a container's name. "+" stands before what is below it, so
 * only our `own` parts have it. Returns the length it got. */
static size_t put_part(struct writer *writer, const char *text, bool own) {
  size_t before = writer->length;

  for (; *text != '\0'; text++) {
    if (is_plain(*text) && (*text != '+' || own)) {
      put(writer, *text);
      continue;
    }
    put(writer, '_');
    writer->lossy = true;
  }
  return writer->length - before;
}

/* FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>, folded to 32 bits. */
static uint64_t hash_on(uint64_t value, const char *text) {
  for (; *text != '\0'; text++) {
    value ^= (unsigned char)*text;
    value *= UINT64_C(0x100000001b3);
  }
  return value;
}

uint64_t instance_name_hash(const char *name) {
  uint64_t value = hash_on(HASH_BASIS, name);

  return value != 0 ? value : 1;
}

static uint32_t fold(uint64_t value) {
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

/* Returns whether the text can be a name as it is: nothing was lost in it, and
 * it is not that of the root or of the plugin itself. */
static bool is_name(const struct writer *writer) {
  return !writer->lossy && writer->length < INSTANCE_NAME_SIZE &&
         strcmp(writer->text, "root") != 0 &&
         strcmp(writer->text, INSTANCE_NAME_OF_PLUGIN) != 0;
}

static void write_name(const char *path, enum instance_format format,
                       bool apart, unsigned attempt,
                       char name[INSTANCE_NAME_SIZE]) {
  const char *text = format == INSTANCE_FORMAT_LEAF ? strrchr(path, '/') : path;
  struct writer writer;

  if (strcmp(path, "/") == 0) {
    (void)snprintf(name, INSTANCE_NAME_SIZE, "root");
    return;
  }
  start_writing(&writer, format);
  put_path(&writer, text + 1);
  writer.text[writer.length] = '\0';

  if (apart || !is_name(&writer))
    shorten(&writer, fold(hash_on(HASH_BASIS + attempt, path)), name);
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

/* Takes as much out of the `length` bytes at `begin`, the middle of the name,
 * as there are too many in all. Returns whether enough is left of it. */
static bool shorten_middle(struct writer *writer, size_t begin, size_t length) {
  size_t room = INSTANCE_NAME_SIZE - 1 - HASH_LENGTH;

  if (writer->length <= room)
    return true;
  size_t excess = writer->length - room + 1;
  if (length < excess + MIDDLE_LEAST)
    return false;
  size_t cut = begin + (length - excess + 1) / 2;
  writer->text[cut] = '~';
  memmove(writer->text + cut + 1, writer->text + cut + excess,
          writer->length - cut - excess);
  writer->length -= excess - 1;
  return true;
}

void instance_name_of_container(const struct container_name *parts,
                                const char *rest,
                                char name[INSTANCE_NAME_SIZE]) {
  struct writer writer;
  uint64_t value = HASH_BASIS;

  start_writing(&writer, INSTANCE_FORMAT_NAME);
  size_t begin = put_part(&writer, parts->head, true);
  size_t length = put_part(&writer, parts->middle, false);
  (void)put_part(&writer, parts->tail, true);
  value =
      hash_on(hash_on(hash_on(value, parts->head), parts->middle), parts->tail);
  if (*rest != '\0') {
    put(&writer, '+');
    put_path(&writer, rest);
    value = hash_on(hash_on(value, "+"), rest);
  }
  writer.text[writer.length] = '\0';

  if (is_name(&writer)) {
    memcpy(name, writer.text, writer.length + 1);
    return;
  }
  (void)shorten_middle(&writer, begin, length);
  shorten(&writer, fold(value), name);
}
