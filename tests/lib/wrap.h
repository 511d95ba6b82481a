/* SPDX-License-Identifier: MIT */
/* Functions that tests put in the place of the C library's (ld's --wrap). The
 * linker gets the names from the lines that begin with "WRAP", so that they
 * stand nowhere else. */
#ifndef WRAP_H
#define WRAP_H

/* The head of the function that is called instead of `name`, which is to be
 * had as __real_`name`. */
#define WRAPPER(type, name, parameters)                                        \
  type __real_##name parameters;                                               \
  type __wrap_##name parameters;                                               \
  type __wrap_##name parameters

#endif
