/* SPDX-License-Identifier: MIT */
#include "find/hierarchy_detection.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "find/controllers.h"
#include "find/hierarchy_search.h"
#include "find/mountinfo.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/printable.h"
#include "values/value_files.h"

#define DEFAULT_DIRECTORY "/sys/fs/cgroup"
#define MOUNTINFO "/proc/self/mountinfo"

/* The most directories that are checked below a directory that is no hierarchy.
 * On v1 there are less than 20. A directory of another kind may contain any
 * number. */
#define ENTRIES_MAX 100

/* Room for the checked places in a log line, which collectd cuts after 1023
 * bytes. An entry is shorter than this. */
#define LOOKED_AT_MAX 700

/* How usual a place is, the most usual first. If a container also sees the
 * host's cgroups at another place, its own are preferred by default. */
enum place {
  PLACE_USUAL,
  PLACE_BELOW_USUAL,
  PLACE_USUAL_ELSEWHERE,
  PLACE_BELOW_USUAL_ELSEWHERE,
  PLACE_ANY,
};

/* The `cpu` controller of v1 also has a cpu.stat, but without the usage. */
static bool cpu_stat_has_usage(struct search *search, const char *directory) {
  CLEANUP_FREE char *path = search_path(search, directory, "cpu.stat");
  CLEANUP_FILE FILE *file = path != NULL ? fopen(path, "re") : NULL;
  char line[128];

  while (file != NULL && fgets(line, sizeof(line), file) != NULL)
    if (strncmp(line, "usage_usec ", strlen("usage_usec ")) == 0)
      return true;
  if (path != NULL && (file == NULL || ferror(file)) &&
      error_is_scarcity(-errno))
    search_note_error(search, path, -errno);
  return false;
}

static enum place usual_place_of(const char *directory) {
  const char *usual = strstr(directory, DEFAULT_DIRECTORY);
  const char *end = NULL;

  for (; usual != NULL; usual = strstr(usual + 1, DEFAULT_DIRECTORY)) {
    end = usual + strlen(DEFAULT_DIRECTORY);
    if (*end == '\0' || *end == '/')
      break;
  }
  if (usual == NULL)
    return PLACE_ANY;
  if (usual == directory)
    return *end == '\0' ? PLACE_USUAL : PLACE_BELOW_USUAL;
  return *end == '\0' ? PLACE_USUAL_ELSEWHERE : PLACE_BELOW_USUAL_ELSEWHERE;
}

/* Returns a negative number if the left directory is preferred. Except at the
 * usual place, the widest view comes first, so that a bind mount of a subtree
 * is not taken for the whole. */
static int compare_places(const char *left, int left_depth, const char *right,
                          int right_depth) {
  enum place a = usual_place_of(left);
  enum place b = usual_place_of(right);

  if (a != b && (a <= PLACE_BELOW_USUAL || b <= PLACE_BELOW_USUAL))
    return a < b ? -1 : 1;
  if (a > PLACE_BELOW_USUAL && left_depth != right_depth)
    return left_depth < right_depth ? -1 : 1;
  return a < b ? -1 : a > b;
}

/* Of the same version, the first one is kept unless another one is better. */
static void keep_candidate(struct search *search,
                           const struct candidate *candidate,
                           const char *directory) {
  enum cgroup_version wanted = search->options->version;
  struct candidate *found = &search->found[candidate->version];

  if (wanted != CGROUP_VERSION_AUTO && wanted != candidate->version) {
    search_note_path(search, directory);
    (void)fprintf(search->log, "cgroup %s, not the wanted %s",
                  cgroup_version_name(candidate->version),
                  cgroup_version_name(wanted));
    return;
  }
  if (found->path != NULL && compare_places(found->path, found->depth,
                                            directory, candidate->depth) <= 0)
    return;
  char *path = strdup(directory);
  if (path == NULL) {
    search_note_error(search, directory, -ENOMEM);
    return;
  }
  free(found->path);
  *found = *candidate;
  found->path = path;
}

static int file_system_magic(struct search *search, const char *directory,
                             uint64_t *magic) {
  CLEANUP_FREE char *path = search_path(search, directory, NULL);

  if (path == NULL)
    return -ENOMEM;
  int status = search->options->file_system_magic != NULL
                   ? search->options->file_system_magic(path, magic)
                   : hierarchy_magic(path, magic);
  if (status < 0)
    search_note_error(search, directory, status);
  return status;
}

/* On a file system that is not cgroup's, names without a prefix prove
 * little. */
static bool has_cpuacct(struct search *search, const char *directory,
                        uint64_t magic) {
  return magic == CGROUP_SUPER_MAGIC
             ? search_has_sign(search, directory, CGROUP_CPUACCT)
             : search_file_exists(search, directory,
                                  controller_signs(CGROUP_CPUACCT)[0]);
}

/* Returns the version with which the directory accounts CPU time, or
 * CGROUP_VERSION_AUTO if it does not. */
static enum cgroup_version version_of(struct search *search,
                                      const char *directory, uint64_t magic) {
  if (magic == CGROUP2_SUPER_MAGIC)
    return CGROUP_VERSION_2;
  if (has_cpuacct(search, directory, magic))
    return CGROUP_VERSION_1;
  return magic != CGROUP_SUPER_MAGIC && cpu_stat_has_usage(search, directory)
             ? CGROUP_VERSION_2
             : CGROUP_VERSION_AUTO;
}

/* `depth` is that of the subtree that is mounted there. Returns true if
 * `directory` is part of a cgroup hierarchy, even one without CPU time. Its
 * subdirectories are then cgroups and need not be searched. */
static bool look_at_directory(struct search *search, const char *directory,
                              int depth) {
  uint64_t magic = 0;

  if (file_system_magic(search, directory, &magic) < 0)
    return false;
  struct candidate candidate = {
      .version = version_of(search, directory, magic),
      .native = magic == CGROUP2_SUPER_MAGIC || magic == CGROUP_SUPER_MAGIC,
      .magic = magic,
      .depth = depth,
  };
  if (candidate.version != CGROUP_VERSION_AUTO) {
    keep_candidate(search, &candidate, directory);
    return true;
  }
  search_note_path(search, directory);
  if (candidate.native)
    (void)fputs("cgroup v1 without cpuacct", search->log);
  else
    (void)fprintf(search->log, "no cgroup file system (type 0x%llx)",
                  (unsigned long long)magic);
  return candidate.native;
}

static void look_at_entry(struct search *search, const char *directory,
                          const char *name) {
  char *path = NULL;

  if (asprintf(&path, "%s/%s", directory, name) < 0) {
    search_note_error(search, directory, -ENOMEM);
    return;
  }
  (void)look_at_directory(search, path, 0);
  free(path);
}

/* Accepts a directory with one hierarchy, or with hierarchies mounted on its
 * subdirectories, like /sys/fs/cgroup on v1 hosts. Symbolic links are skipped:
 * they have the name of a controller and lead to the directory of its co-mount
 * beside them. */
static void look_below(struct search *search, const char *directory) {
  struct dirent **entries = NULL;
  int looks = 0;

  if (look_at_directory(search, directory, 0))
    return;
  CLEANUP_FREE char *path = search_path(search, directory, NULL);
  int count = path != NULL ? scandir(path, &entries, NULL, alphasort) : 0;
  if (count < 0 && error_is_scarcity(-errno))
    search_note_error(search, directory, -errno);
  for (int i = 0; i < count; i++) {
    if (entries[i]->d_name[0] != '.' &&
        (entries[i]->d_type == DT_DIR || entries[i]->d_type == DT_UNKNOWN) &&
        looks++ < ENTRIES_MAX)
      look_at_entry(search, directory, entries[i]->d_name);
    free(entries[i]);
  }
  free(entries);
}

static int compare_mounts(const void *left, const void *right) {
  const struct cgroup_mount *a = left;
  const struct cgroup_mount *b = right;
  int order = compare_places(a->directory, a->depth, b->directory, b->depth);

  if (order == 0 && a->depth != b->depth)
    return a->depth < b->depth ? -1 : 1;
  return order != 0 ? order : a->line < b->line ? -1 : 1;
}

static void read_mounts(struct search *search) {
  CLEANUP_FREE char *path = search_path(search, MOUNTINFO, NULL);
  struct mountinfo *table = &search->mounts;
  int status = path != NULL ? mountinfo_read(path, table) : -ENOMEM;

  if (status < 0)
    search_note_error(search, MOUNTINFO, status);
  else if (table->count > 0)
    qsort(table->mounts, table->count, sizeof(*table->mounts), compare_mounts);
}

static bool accounts_cpu_time(const struct cgroup_mount *mount) {
  return mount->version == CGROUP_VERSION_2 ||
         (mount->controllers & (1U << CGROUP_CPUACCT)) != 0;
}

static bool is_found(const struct search *search) {
  return search->found[CGROUP_VERSION_1].path != NULL ||
         search->found[CGROUP_VERSION_2].path != NULL;
}

/* Returns the number of suitable mounts. */
static size_t look_at_mounts(struct search *search, bool hidden) {
  size_t looked_at = 0;

  for (size_t i = 0; i < search->mounts.count; i++) {
    const struct cgroup_mount *mount = &search->mounts.mounts[i];
    if (mount->hidden != hidden || !accounts_cpu_time(mount))
      continue;
    (void)look_at_directory(search, mount->directory, mount->depth);
    looked_at++;
  }
  return looked_at;
}

/* Returns the most usual place among the found hierarchies. */
static enum place place_found(const struct search *search) {
  enum place best = PLACE_ANY;

  for (size_t i = 0; i < ARRAY_SIZE(search->found); i++)
    if (search->found[i].path != NULL &&
        usual_place_of(search->found[i].path) < best)
      best = usual_place_of(search->found[i].path);
  return best;
}

/* Hidden mounts are checked only if there is nothing else. In sandboxes, mounts
 * that look hidden need not be: their numbers can differ from those of
 * Linux. */
static void look_everywhere(struct search *search) {
  size_t looked_at = look_at_mounts(search, false);

  if (!is_found(search))
    looked_at += look_at_mounts(search, true);
  if (looked_at == 0)
    (void)fprintf(search->log,
                  "; " MOUNTINFO ": no cgroup2 mount, no cgroup mount with "
                  "cpuacct");
  if (place_found(search) > PLACE_BELOW_USUAL)
    look_below(search, DEFAULT_DIRECTORY);
  else if (place_found(search) > PLACE_USUAL)
    (void)look_at_directory(search, DEFAULT_DIRECTORY, 0);
}

static int conclude(struct search *search, struct hierarchy *hierarchy) {
  struct candidate *v1 = &search->found[CGROUP_VERSION_1];
  struct candidate *v2 = &search->found[CGROUP_VERSION_2];
  bool is_v1 = v1->path != NULL &&
               (v2->path == NULL ||
                compare_places(v1->path, v1->depth, v2->path, v2->depth) <= 0);
  struct candidate *best = is_v1 ? v1 : v2;
  struct candidate *other = is_v1 ? v2 : v1;

  if (search->error < 0)
    return search->error;
  if (best->path == NULL)
    return -ENOENT;
  *hierarchy = (struct hierarchy){
      .version = best->version,
      .native = best->native,
      .magic = best->magic,
      .other = {.version = other->version, .native = other->native},
  };
  hierarchy->path = TAKE_POINTER(best->path);
  hierarchy->other.path = TAKE_POINTER(other->path);
  return 0;
}

/* Returns how much of the list fits in a log line, in whole entries: collectd
 * has 1023 bytes. */
static int whole_entries(const char *looked_at) {
  size_t length = strlen(looked_at);

  if (length > LOOKED_AT_MAX)
    for (length = LOOKED_AT_MAX;
         length > 0 && strncmp(looked_at + length, "; ", 2) != 0;)
      length--;
  return (int)length;
}

static char *explain_search(const struct hierarchy_options *options,
                            const char *looked_at, int error) {
  const char *advice =
      options->root != NULL
          ? "Set Root to a mounted cgroup file system, or to a directory that "
            "has one on a subdirectory"
          : "Mount a cgroup file system on " DEFAULT_DIRECTORY
            ", or set Root to the directory where the host's is mounted";
  char *text = NULL;

  /* Every entry of the log begins with "; ". */
  looked_at = *looked_at != '\0' ? looked_at + 2 : "nothing";
  int length = whole_entries(looked_at);
  const char *more = looked_at[length] != '\0' ? "; and more" : "";
  if (error != -ENOENT)
    return asprintf(&text,
                    "%s: cannot look for cgroups; it is tried again in each "
                    "interval. Looked at: %.*s%s",
                    strerror(-error), length, looked_at, more) < 0
               ? NULL
               : text;
  if (asprintf(&text,
               "No cgroup CPU accounting%s%s found. %s%s. It is looked for "
               "again in each interval. Looked at: %.*s%s",
               options->version != CGROUP_VERSION_AUTO ? " of cgroup " : "",
               options->version != CGROUP_VERSION_AUTO
                   ? cgroup_version_name(options->version)
                   : "",
               advice,
               options->version != CGROUP_VERSION_AUTO
                   ? "; or set CgroupVersion to \"auto\""
                   : "",
               length, looked_at, more) < 0)
    return NULL;
  return text;
}

int hierarchy_detect(const struct hierarchy_options *options,
                     struct hierarchy *hierarchy, char **explanation) {
  CLEANUP_FREE char *looked_at = NULL;
  size_t size = 0;
  struct search search = {.options = options,
                          .log = open_memstream(&looked_at, &size)};

  *hierarchy = (struct hierarchy){0};
  if (explanation != NULL)
    *explanation = NULL;
  if (search.log == NULL)
    return -errno;

  read_mounts(&search);
  if (options->root != NULL) {
    look_below(&search, options->root);
  } else {
    look_everywhere(&search);
  }

  int status = conclude(&search, hierarchy);
  if (status == 0)
    controllers_find(&search, hierarchy);
  if (search.error < 0) {
    status = search.error;
    hierarchy_release(hierarchy);
  }
  bool written = fclose(search.log) == 0 && looked_at != NULL;
  if (written && status < 0 && explanation != NULL)
    *explanation = explain_search(options, looked_at, status);
  for (size_t i = 0; i < ARRAY_SIZE(search.found); i++)
    free(search.found[i].path);
  mountinfo_release(&search.mounts);
  return status;
}
