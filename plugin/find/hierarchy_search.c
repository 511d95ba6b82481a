/* SPDX-License-Identifier: MIT */
#include "find/hierarchy_search.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/errors.h"
#include "util/printable.h"
#include "values/value_files.h"

void search_note_path(struct search *search, const char *path) {
  char shown[PRINTABLE_PATH_SIZE];

  (void)printable(path, shown, sizeof(shown));
  (void)fprintf(search->log, "; %s: ", shown);
}

void search_note_error(struct search *search, const char *path, int error) {
  if (error_is_scarcity(error))
    search->error = error;
  search_note_path(search, path);
  (void)fputs(strerror(-error), search->log);
}

char *search_path(struct search *search, const char *directory,
                  const char *file) {
  const char *system_root = search->options->system_root;
  char *path = NULL;

  if (asprintf(&path, "%s%s%s%s", system_root != NULL ? system_root : "",
               directory, file != NULL ? "/" : "",
               file != NULL ? file : "") < 0) {
    search_note_error(search, directory, -ENOMEM);
    return NULL;
  }
  return path;
}

bool search_file_exists(struct search *search, const char *directory,
                        const char *file) {
  CLEANUP_FREE char *path = search_path(search, directory, file);

  if (path == NULL)
    return false;
  if (access(path, F_OK) == 0)
    return true;
  if (error_is_scarcity(-errno))
    search_note_error(search, path, -errno);
  return false;
}

bool search_has_sign(struct search *search, const char *directory,
                     enum cgroup_controller controller) {
  const char *const *signs = controller_signs(controller);

  for (size_t i = 0; i < CONTROLLER_SIGNS_MAX && signs[i] != NULL; i++)
    if (search_file_exists(search, directory, signs[i]))
      return true;
  return false;
}
