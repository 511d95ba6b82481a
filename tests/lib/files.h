/* SPDX-License-Identifier: MIT */
/* Files for the tests: captured ones, and trees made for a single test. */
#ifndef FILES_H
#define FILES_H

#include <stddef.h>
#include <sys/types.h>

/* Returns the path of `name` in `directory`. The caller frees it. */
char *path_in(const char *directory, const char *name);

/* Returns the path of a captured file. The caller frees it. */
char *fixture_path(const char *name);

/* Returns the whole text of a captured file. The caller frees it. */
char *fixture_text(const char *name);

/* Makes a new directory. remove_tree() removes it with its contents and frees
 * its path. */
char *make_tree(void);
void remove_tree(char *directory);

/* Writes `text` to the file `name` in `directory`, and creates directories as
 * needed. */
void write_file(const char *directory, const char *name, const char *text);

/* The same with any bytes. */
void write_bytes(const char *directory, const char *name, const char *bytes,
                 size_t length);

/* The same, but another file takes the place of the old one. */
void replace_file(const char *directory, const char *name, const char *text);

/* A user without the rights of root: the test's own, if it is one. */
uid_t ordinary_user(void);

/* The same as replace_file(), and the file belongs to that user. */
void replace_file_of_user(const char *directory, const char *name,
                          const char *text);

/* Writes the files "etc/passwd", by which that user has this home directory,
 * and "mountinfo", by which `directory` is in a mount of this type. */
void write_home(const char *directory, const char *home, const char *type);

/* Returns 1 if directories of users can be read: valgrind and Linux before 5.12
 * do not have what that takes. Otherwise returns 0. */
int homes_can_be_read(void);

/* Makes the call with `directory` as the current one and, if the test is root,
 * without root's rights; others need not be able to pass the directories
 * above. Returns what the call returned. */
int in_tree_as_nobody(const char *directory, int (*call)(void *context),
                      void *context);

#endif
