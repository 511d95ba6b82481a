/* SPDX-License-Identifier: MIT */
/* The state of one search for cgroup hierarchies, and how it looks at the
 * system. It keeps an account of what it saw, for the user. */
#ifndef CGROUP_CPU_HIERARCHY_SEARCH_H
#define CGROUP_CPU_HIERARCHY_SEARCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "find/mountinfo.h"
#include "values/cgroup_types.h"

/* What to look for, and where. All zero is the default: both versions, in this
 * process's own view. */
struct hierarchy_options {
  /* Search only this directory, not the mount table. Borrowed. */
  const char *root;
  enum cgroup_version version;
  /* A prefix for every absolute path that is opened, to search a captured
   * system. Borrowed; NULL is the running system. */
  const char *system_root;
  /* Replaces hierarchy_magic(); NULL: not replaced. */
  int (*file_system_magic)(const char *path, uint64_t *magic);
};

/* A directory that accounts CPU time. */
struct candidate {
  enum cgroup_version version;
  bool native;
  uint64_t magic;
  /* The depth of the mounted subtree below its hierarchy's root. */
  int depth;
  /* NULL until it is kept. */
  char *path;
};

struct search {
  const struct hierarchy_options *options;
  /* The best directory of each version. */
  struct candidate found[CGROUP_VERSION_2 + 1];
  struct mountinfo mounts;
  /* What was searched and found, for the explanation. */
  FILE *log;
  /* The negative errno that kept it from searching everywhere, or 0. */
  int error;
};

/* Begins an entry of the log with the path. */
void search_note_path(struct search *search, const char *path);

/* Writes an entry about an error, a negative errno. One of scarce memory or
 * descriptors also becomes the error of the search. */
void search_note_error(struct search *search, const char *path, int error);

/* Returns the path of a file below the options' `system_root`, or of the
 * directory if `file` is NULL. The caller frees it. Without memory it notes an
 * error and returns NULL. */
char *search_path(struct search *search, const char *directory,
                  const char *file);

bool search_file_exists(struct search *search, const char *directory,
                        const char *file);

/* Returns whether `directory` has one of controller_signs(). */
bool search_has_sign(struct search *search, const char *directory,
                     enum cgroup_controller controller);

#endif
