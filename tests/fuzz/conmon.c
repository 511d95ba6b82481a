/* SPDX-License-Identifier: MIT */
/* Command lines of conmon: any bytes, and one around a text, which must come
 * out if it can be a name. */
#include "name/conmon.h"

#include "fuzz.h"
#include "util/cleanup.h"

#define ID "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"

/* Returns whether the line has this option with this argument. */
static bool has(const char *line, size_t length, const char *option,
                const char *argument) {
  char wanted[ENGINE_NAME_SIZE + 8];
  int count =
      snprintf(wanted, sizeof(wanted), "%c%s%c%s", 0, option, 0, argument);

  return memmem(line, length, wanted, (size_t)count + 1) != NULL;
}

static void any_bytes(const uint8_t *data, size_t size) {
  CLEANUP_FREE char *line = malloc(size + 1);
  const char *id = NULL;
  const char *name = NULL;

  REQUIRE(line != NULL);
  if (size > 0)
    memcpy(line, data, size);
  int status = conmon_parse(line, size, &id, &name);
  REQUIRE(status == 0 || status == -ENOENT);
  if (status < 0)
    return;
  REQUIRE(strlen(name) < ENGINE_NAME_SIZE);
  REQUIRE(has(line, size, "-n", name));
  REQUIRE(strlen(id) == CONTAINER_ID_SIZE - 1);
  REQUIRE(has(line, size, "-c", id));
}

static bool can_be_name(const char *text) {
  static const char characters[] = "-.0123456789_"
                                   "AaBbCcDdEeFfGgHhIiJjKkLlMm"
                                   "NnOoPpQqRrSsTtUuVvWwXxYyZz";
  size_t length = strlen(text);

  return length > 0 && length < ENGINE_NAME_SIZE &&
         strspn(text, characters) == length;
}

static void around_a_text(const char *text) {
  static const char before[] = "/usr/bin/conmon\0-s\0-c\0" ID "\0-u\0x\0-n";
  size_t length = sizeof(before) + strlen(text) + 1;
  CLEANUP_FREE char *line = malloc(length + 3);
  const char *id = NULL;
  const char *name = NULL;

  REQUIRE(line != NULL);
  memcpy(line, before, sizeof(before));
  memcpy(line + sizeof(before), text, strlen(text) + 1);
  memcpy(line + length, "-n", 3);
  int status = conmon_parse(line, length + 3, &id, &name);
  REQUIRE((status == 0) == can_be_name(text));
  REQUIRE(status < 0 || (strcmp(name, text) == 0 && strcmp(id, ID) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_FREE char *text = fuzz_string(data, size);

  any_bytes(data, size);
  around_a_text(text);
  return 0;
}
