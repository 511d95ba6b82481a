/* SPDX-License-Identifier: MIT */
/* Functions that tests put in place of the C library's (ld's --wrap). The
 * linker takes the names from the lines that begin with "WRAP", so that each
 * name is written only once. */
#ifndef WRAP_H
#define WRAP_H

#define PRAGMA(text) _Pragma(#text)
/* With these names, the functions below replace the right ones. */
#define REDIRECT(name, other)                                                  \
  PRAGMA(redefine_extname __real_##name __real_##other)                        \
  PRAGMA(redefine_extname __wrap_##name __wrap_##other)
#include "redirects.h"

/* The head of the function that replaces `name`. It can call the original as
 * __real_`name`. */
#define WRAPPER(type, name, parameters)                                        \
  type __real_##name parameters;                                               \
  type __wrap_##name parameters;                                               \
  type __wrap_##name parameters

#endif
