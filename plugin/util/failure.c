/* SPDX-License-Identifier: MIT */
#include "util/failure.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/errors.h"

static bool gives_way(const struct failure *failure, int error) {
  return failure->error == 0 ||
         (error_is_denial(failure->error) && !error_is_denial(error));
}

void failure_note(struct failure *failure, int error, const char *format, ...) {
  va_list arguments;

  if (!gives_way(failure, error))
    return;
  failure->error = error;
  va_start(arguments, format);
  (void)vsnprintf(failure->path, sizeof(failure->path), format, arguments);
  va_end(arguments);
}

void failure_merge(struct failure *failure, const struct failure *other) {
  if (other->error < 0)
    failure_note(failure, other->error, "%s", other->path);
}
