/* SPDX-License-Identifier: MIT */
/* Files for the tests: captured ones, and trees made for one test. */
#ifndef FILES_H
#define FILES_H

/* The path of what `directory` has under that name; to be freed. */
char *path_in(const char *directory, const char *name);

/* The path of a captured file; to be freed. */
char *fixture_path(const char *name);

/* The whole text of a captured file; to be freed. */
char *fixture_text(const char *name);

/* A new directory that remove_tree() takes away with all in it; to be freed. */
char *make_tree(void);
void remove_tree(char *directory);

/* Writes `text` to the file `name` in `directory`, making directories. */
void write_file(const char *directory, const char *name, const char *text);

#endif
