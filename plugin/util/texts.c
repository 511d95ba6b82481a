/* SPDX-License-Identifier: MIT */
#include "util/texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int texts_add(struct texts *texts, const char *text, size_t *begin) {
  size_t length = strlen(text) + 1;

  if (texts->room - texts->length < length) {
    size_t room = texts->room * 2 + 4096;
    char *memory = reallocarray(texts->memory, room, 1);
    if (memory == NULL)
      return -ENOMEM;
    texts->memory = memory;
    texts->room = room;
  }
  memcpy(texts->memory + texts->length, text, length);
  *begin = texts->length;
  texts->length += length;
  return 0;
}

void texts_clear(struct texts *texts) { texts->length = 0; }

void texts_release(struct texts *texts) {
  free(texts->memory);
  *texts = (struct texts){0};
}
