/* SPDX-License-Identifier: MIT */
/* Many short texts in one piece of memory. */
#ifndef CGROUP_CPU_TEXTS_H
#define CGROUP_CPU_TEXTS_H

#include <stddef.h>

/* All zero holds none. */
struct texts {
  char *memory;
  size_t length;
  size_t room;
};

/* Copies `text`, and stores where the copy begins in `memory`. Returns 0 or
 * -ENOMEM. */
int texts_add(struct texts *texts, const char *text, size_t *begin);

/* Empties it, but keeps its memory. */
void texts_clear(struct texts *texts);

void texts_release(struct texts *texts);

#endif
