/* SPDX-License-Identifier: MIT */
#include "find/controllers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/errors.h"

/* Returns whether the cgroup v2 at `directory` has the controller. */
static bool is_listed(struct search *search, const char *directory,
                      enum cgroup_controller controller) {
  CLEANUP_FREE char *path =
      search_path(search, directory, "cgroup.controllers");
  CLEANUP_FILE FILE *file = path != NULL ? fopen(path, "re") : NULL;
  char line[512];
  char *rest = line;

  if (file == NULL || fgets(line, sizeof(line), file) == NULL) {
    if (path != NULL && (file == NULL || ferror(file)) &&
        error_is_scarcity(-errno))
      search_note_error(search, path, -errno);
    return false;
  }
  for (const char *name; (name = strsep(&rest, " \n")) != NULL;)
    if (strcmp(name, cgroup_controller_name(controller)) == 0)
      return true;
  return false;
}

/* Returns whether both are in the same directory. */
static bool are_siblings(const char *left, const char *right) {
  size_t length = (size_t)(strrchr(left, '/') - left) + 1;

  return strncmp(left, right, length) == 0 &&
         strchr(right + length, '/') == NULL;
}

/* The cgroup that was found in one hierarchy, and is looked for in the
 * others. */
struct origin {
  struct hierarchy *hierarchy;
  const struct cgroup_mount *mount;
  /* Its directory without symbolic links. */
  char *path;
};

/* Stores the directory of the cgroup in that mount if it has the controller
 * there. */
static void look_for_controller(struct search *search,
                                const struct origin *origin,
                                const struct cgroup_mount *mount,
                                enum cgroup_controller controller) {
  struct hierarchy_controller *found =
      &origin->hierarchy->controllers[controller];
  CLEANUP_FREE char *path = NULL;

  if (mountinfo_translate(origin->mount, origin->path, mount, &path) < 0)
    search_note_error(search, mount->directory, -ENOMEM);
  if (path == NULL || !(mount->version == CGROUP_VERSION_1
                            ? search_has_sign(search, path, controller)
                            : is_listed(search, path, controller)))
    return;
  *found = (struct hierarchy_controller){.version = mount->version,
                                         .path = TAKE_POINTER(path)};
}

/* All mounts of a hierarchy show the same cgroups. Mounts beside the origin
 * come first, because hierarchies that belong together are mounted together. */
static void look_in_version(struct search *search, const struct origin *origin,
                            enum cgroup_version version,
                            enum cgroup_controller controller) {
  const struct hierarchy_controller *found =
      &origin->hierarchy->controllers[controller];

  for (int beside = 1; beside >= 0; beside--)
    for (size_t i = 0; found->path == NULL && i < search->mounts.count; i++) {
      const struct cgroup_mount *mount = &search->mounts.mounts[i];
      if (!mount->hidden && mount->version == version &&
          (version == CGROUP_VERSION_2 ||
           (mount->controllers & (1U << controller)) != 0) &&
          are_siblings(origin->mount->directory, mount->directory) == beside)
        look_for_controller(search, origin, mount, controller);
    }
}

/* If the origin is not in the mount table, looks in the directory beside it
 * that has the controller's name. */
static void look_beside(struct search *search, struct hierarchy *hierarchy,
                        enum cgroup_controller controller) {
  const char *path = hierarchy->path;
  char *beside = NULL;

  if (asprintf(&beside, "%.*s/%s", (int)(strrchr(path, '/') - path), path,
               cgroup_controller_name(controller)) < 0) {
    search_note_error(search, path, -ENOMEM);
    return;
  }
  if (search_has_sign(search, beside, controller))
    hierarchy->controllers[controller].path = beside;
  else
    free(beside);
}

static void find_controller(struct search *search, const struct origin *origin,
                            enum cgroup_controller controller) {
  struct hierarchy *hierarchy = origin->hierarchy;
  struct hierarchy_controller *found = &hierarchy->controllers[controller];
  bool v1 = hierarchy->version == CGROUP_VERSION_1;

  found->version = hierarchy->version;
  if (controller == CGROUP_CPUACCT)
    return;
  if (v1 && search_has_sign(search, hierarchy->path, controller)) {
    found->path = strdup(hierarchy->path);
    if (found->path == NULL)
      search_note_error(search, hierarchy->path, -ENOMEM);
    return;
  }
  if (origin->mount == NULL) {
    if (v1)
      look_beside(search, hierarchy, controller);
    return;
  }
  look_in_version(search, origin, CGROUP_VERSION_1, controller);
  if (v1 && found->path == NULL)
    look_in_version(search, origin, CGROUP_VERSION_2, controller);
}

/* Returns the absolute path without symbolic links, or a copy of `path` if it
 * cannot be resolved. */
static char *resolve(struct search *search, const char *path) {
  const char *system_root = search->options->system_root;
  size_t length = system_root != NULL ? strlen(system_root) : 0;
  CLEANUP_FREE char *full = search_path(search, path, NULL);
  CLEANUP_FREE char *resolved = full != NULL ? realpath(full, NULL) : NULL;

  if (full != NULL && resolved == NULL && error_is_scarcity(-errno))
    search_note_error(search, path, -errno);
  bool within = resolved != NULL &&
                (length == 0 || (strncmp(resolved, system_root, length) == 0 &&
                                 resolved[length] == '/'));
  char *copy = strdup(within ? resolved + length : path);
  if (copy == NULL)
    search_note_error(search, path, -ENOMEM);
  return copy;
}

void controllers_find(struct search *search, struct hierarchy *hierarchy) {
  CLEANUP_FREE char *path = resolve(search, hierarchy->path);
  struct origin origin = {.hierarchy = hierarchy, .path = path};

  if (path == NULL)
    return;
  /* A file system of another type may pass on the cgroups of another kernel. */
  if (hierarchy->native)
    origin.mount = mountinfo_find(&search->mounts, path);
  if (origin.mount != NULL && origin.mount->version != hierarchy->version)
    origin.mount = NULL;
  for (enum cgroup_controller i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    find_controller(search, &origin, i);
}
