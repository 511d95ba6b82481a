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

/* What to look for, and where. All zero is the default: this process's own
 * view, either version. */
struct hierarchy_options {
  /* Look below this directory only, not in the mount table. Borrowed. */
  const char *root;
  enum cgroup_version version;
  /* Put before every absolute path that is opened, so that a captured system
   * can be looked at from its files. Borrowed; NULL is the running system. */
  const char *system_root;
  /* Stands in for statfs(2): stores the file system's magic number of the
   * directory `path`, returns 0 or a negative errno. NULL is the kernel's. */
  int (*file_system_magic)(const char *path, uint64_t *magic);
};

/* A directory that accounts CPU time. */
struct candidate {
  enum cgroup_version version;
  bool native;
  uint64_t magic;
  /* Depth of the subtree that is mounted there. */
  int depth;
  /* NULL until it is kept. */
  char *path;
};

struct search {
  const struct hierarchy_options *options;
  /* The best directory of each version. */
  struct candidate found[CGROUP_VERSION_2 + 1];
  struct mountinfo mounts;
  /* What was looked at and found, for the explanation. */
  FILE *log;
  /* What kept it from seeing all there is, as a negative errno. */
  int error;
};

/* Begins an entry of the log with the path. */
void search_note_path(struct search *search, const char *path);

/* Writes an entry about an error, a negative errno. One of scarce memory or
 * descriptors also becomes the error of the search. */
void search_note_error(struct search *search, const char *path, int error);

/* The path of a file to open, or of the directory if `file` is NULL, below the
 * options' `system_root`. The caller frees it. NULL without memory, which is
 * noted. */
char *search_path(struct search *search, const char *directory,
                  const char *file);

bool search_file_exists(struct search *search, const char *directory,
                        const char *file);

/* Whether `directory` has a file by which a cgroup of v1 shows that it has the
 * controller. */
bool search_has_sign(struct search *search, const char *directory,
                     enum cgroup_controller controller);

#endif
