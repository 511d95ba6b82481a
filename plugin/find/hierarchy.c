/* SPDX-License-Identifier: MIT */
#include "find/hierarchy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "find/cgroup_count.h"
#include "find/mountinfo.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/printable.h"
#include "values/value_files.h"

#define DEFAULT_DIRECTORY "/sys/fs/cgroup"
#define MOUNTINFO "/proc/self/mountinfo"

/* Directories that are looked at below one that holds none itself; v1 has less
 * than 20. Something else may hold any number. */
#define ENTRIES_MAX 100

/* Files by which a cgroup of v1 shows that it has the controller: with the
 * option noprefix, the names are without that of the controller. */
static const char *const signs[][3] = {
    [CGROUP_CPUACCT] = {"cpuacct.usage", "usage"},
    [CGROUP_CPU] = {"cpu.shares", "shares", "cpu.cfs_quota_us"},
    [CGROUP_CPUSET] = {"cpuset.cpus", "cpus"},
};

#define SIGNS_MAX (sizeof(signs[0]) / sizeof(signs[0][0]))

/* How usual a place is, the most usual first. A container that also sees the
 * host's cgroups elsewhere means its own unless told otherwise. */
enum place {
  PLACE_USUAL,
  PLACE_BELOW_USUAL,
  PLACE_USUAL_ELSEWHERE,
  PLACE_BELOW_USUAL_ELSEWHERE,
  PLACE_ANY,
};

struct candidate {
  enum cgroup_version version;
  bool native;
  uint64_t magic;
  /* Depth of the subtree that is mounted there. */
  int depth;
  /* NULL until it is kept. */
  char *path;
};

/* Of the places that were looked at, in a log line, which collectd ends after
 * 1023 bytes. An entry is shorter. */
#define LOOKED_AT_MAX 700

/* The state of one search. */
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

static int kernel_file_system_magic(const char *path, uint64_t *magic) {
  struct statfs status;

  if (statfs(path, &status) < 0)
    return -errno;
  *magic = (uint64_t)status.f_type;
  return 0;
}

/* Writes an entry of the explanation. */
static void note_path(struct search *search, const char *path) {
  char shown[PRINTABLE_PATH_SIZE];

  (void)printable(path, shown, sizeof(shown));
  (void)fprintf(search->log, "; %s: ", shown);
}

static void note_error(struct search *search, const char *path, int error) {
  if (error_is_scarcity(error))
    search->error = error;
  note_path(search, path);
  (void)fputs(strerror(-error), search->log);
}

static char *system_path(struct search *search, const char *directory,
                         const char *file) {
  const char *system_root = search->options->system_root;
  char *path = NULL;

  if (asprintf(&path, "%s%s%s%s", system_root != NULL ? system_root : "",
               directory, file != NULL ? "/" : "",
               file != NULL ? file : "") < 0) {
    note_error(search, directory, -ENOMEM);
    return NULL;
  }
  return path;
}

static bool file_exists(struct search *search, const char *directory,
                        const char *file) {
  CLEANUP_FREE char *path = system_path(search, directory, file);

  if (path == NULL)
    return false;
  if (access(path, F_OK) == 0)
    return true;
  if (error_is_scarcity(-errno))
    note_error(search, path, -errno);
  return false;
}

static bool has_sign(struct search *search, const char *directory,
                     enum cgroup_controller controller) {
  for (size_t i = 0; i < SIGNS_MAX && signs[controller][i] != NULL; i++)
    if (file_exists(search, directory, signs[controller][i]))
      return true;
  return false;
}

/* The `cpu` controller of v1 has a cpu.stat too, without the usage. */
static bool cpu_stat_has_usage(struct search *search, const char *directory) {
  CLEANUP_FREE char *path = system_path(search, directory, "cpu.stat");
  CLEANUP_FILE FILE *file = path != NULL ? fopen(path, "re") : NULL;
  char line[128];

  while (file != NULL && fgets(line, sizeof(line), file) != NULL)
    if (strncmp(line, "usage_usec ", strlen("usage_usec ")) == 0)
      return true;
  if (path != NULL && (file == NULL || ferror(file)) &&
      error_is_scarcity(-errno))
    note_error(search, path, -errno);
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

/* Which of two directories is to be preferred: negative for the left one. The
 * widest view comes first except at the usual place, so that a bind mount of a
 * subtree does not stand for the whole. */
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

/* Of the same version, the first one stays unless another one is better. */
static void keep_candidate(struct search *search,
                           const struct candidate *candidate,
                           const char *directory) {
  enum cgroup_version wanted = search->options->version;
  struct candidate *found = &search->found[candidate->version];

  if (wanted != CGROUP_VERSION_AUTO && wanted != candidate->version) {
    note_path(search, directory);
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
    note_error(search, directory, -ENOMEM);
    return;
  }
  free(found->path);
  *found = *candidate;
  found->path = path;
}

static int file_system_magic(struct search *search, const char *directory,
                             uint64_t *magic) {
  CLEANUP_FREE char *path = system_path(search, directory, NULL);

  if (path == NULL)
    return -ENOMEM;
  int status = search->options->file_system_magic != NULL
                   ? search->options->file_system_magic(path, magic)
                   : kernel_file_system_magic(path, magic);
  if (status < 0)
    note_error(search, directory, status);
  return status;
}

/* Names without a prefix say little on another file system than cgroup's. */
static bool has_cpuacct(struct search *search, const char *directory,
                        uint64_t magic) {
  return magic == CGROUP_SUPER_MAGIC
             ? has_sign(search, directory, CGROUP_CPUACCT)
             : file_exists(search, directory, signs[CGROUP_CPUACCT][0]);
}

/* The version that the directory accounts CPU time with, or none. */
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

/* `depth` is that of the subtree that is mounted there. Returns true when
 * `directory` is part of a cgroup hierarchy, of use or not: then its
 * subdirectories are cgroups and no place to search. */
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
  note_path(search, directory);
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
    note_error(search, directory, -ENOMEM);
    return;
  }
  (void)look_at_directory(search, path, 0);
  free(path);
}

/* For a directory that holds one hierarchy, or has one mounted on each of its
 * subdirectories as /sys/fs/cgroup has on v1 hosts. The symbolic links there
 * name a controller of a co-mount and lead to its directory beside them. */
static void look_below(struct search *search, const char *directory) {
  struct dirent **entries = NULL;
  int looks = 0;

  if (look_at_directory(search, directory, 0))
    return;
  CLEANUP_FREE char *path = system_path(search, directory, NULL);
  int count = path != NULL ? scandir(path, &entries, NULL, alphasort) : 0;
  if (count < 0 && error_is_scarcity(-errno))
    note_error(search, directory, -errno);
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
  CLEANUP_FREE char *path = system_path(search, MOUNTINFO, NULL);
  struct mountinfo *table = &search->mounts;
  int status = path != NULL ? mountinfo_read(path, table) : -ENOMEM;

  if (status < 0)
    note_error(search, MOUNTINFO, status);
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

/* Returns how many there were to look at. */
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

/* The most usual place of what was found. */
static enum place place_found(const struct search *search) {
  enum place best = PLACE_ANY;

  for (size_t i = 0; i < ARRAY_SIZE(search->found); i++)
    if (search->found[i].path != NULL &&
        usual_place_of(search->found[i].path) < best)
      best = usual_place_of(search->found[i].path);
  return best;
}

/* What is hidden is looked at only where there is nothing else: sandboxes need
 * not number their mounts as Linux does. */
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

/* Whether the cgroup v2 at `directory` has the controller. */
static bool is_listed(struct search *search, const char *directory,
                      enum cgroup_controller controller) {
  CLEANUP_FREE char *path =
      system_path(search, directory, "cgroup.controllers");
  CLEANUP_FILE FILE *file = path != NULL ? fopen(path, "re") : NULL;
  char line[512];
  char *rest = line;

  if (file == NULL || fgets(line, sizeof(line), file) == NULL) {
    if (path != NULL && (file == NULL || ferror(file)) &&
        error_is_scarcity(-errno))
      note_error(search, path, -errno);
    return false;
  }
  for (const char *name; (name = strsep(&rest, " \n")) != NULL;)
    if (strcmp(name, cgroup_controller_name(controller)) == 0)
      return true;
  return false;
}

/* Whether the two are in the same directory. */
static bool are_siblings(const char *left, const char *right) {
  size_t length = (size_t)(strrchr(left, '/') - left) + 1;

  return strncmp(left, right, length) == 0 &&
         strchr(right + length, '/') == NULL;
}

/* One hierarchy's cgroup that is looked for in the others. */
struct origin {
  struct hierarchy *hierarchy;
  const struct cgroup_mount *mount;
  /* Its directory without symbolic links. */
  char *path;
};

/* Stores where the cgroup is in that mount, if it has the controller there. */
static void look_for_controller(struct search *search,
                                const struct origin *origin,
                                const struct cgroup_mount *mount,
                                enum cgroup_controller controller) {
  struct hierarchy_controller *found =
      &origin->hierarchy->controllers[controller];
  CLEANUP_FREE char *path = NULL;

  if (mountinfo_translate(origin->mount, origin->path, mount, &path) < 0)
    note_error(search, mount->directory, -ENOMEM);
  if (path == NULL || !(mount->version == CGROUP_VERSION_1
                            ? has_sign(search, path, controller)
                            : is_listed(search, path, controller)))
    return;
  *found = (struct hierarchy_controller){.version = mount->version,
                                         .path = TAKE_POINTER(path)};
}

/* Mounts of one hierarchy show the same cgroups. Those beside the origin come
 * first, as what belongs together is mounted together. */
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

/* Without a table of mounts that has it: in the directory that the controller's
 * name has beside it. */
static void look_beside(struct search *search, struct hierarchy *hierarchy,
                        enum cgroup_controller controller) {
  const char *path = hierarchy->path;
  char *beside = NULL;

  if (asprintf(&beside, "%.*s/%s", (int)(strrchr(path, '/') - path), path,
               cgroup_controller_name(controller)) < 0) {
    note_error(search, path, -ENOMEM);
    return;
  }
  if (has_sign(search, beside, controller))
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
  if (v1 && has_sign(search, hierarchy->path, controller)) {
    found->path = strdup(hierarchy->path);
    if (found->path == NULL)
      note_error(search, hierarchy->path, -ENOMEM);
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

/* The absolute path without symbolic links, or a copy of it where these cannot
 * be seen. */
static char *resolve(struct search *search, const char *path) {
  const char *system_root = search->options->system_root;
  size_t length = system_root != NULL ? strlen(system_root) : 0;
  CLEANUP_FREE char *full = system_path(search, path, NULL);
  CLEANUP_FREE char *resolved = full != NULL ? realpath(full, NULL) : NULL;

  if (full != NULL && resolved == NULL && error_is_scarcity(-errno))
    note_error(search, path, -errno);
  bool within = resolved != NULL &&
                (length == 0 || (strncmp(resolved, system_root, length) == 0 &&
                                 resolved[length] == '/'));
  char *copy = strdup(within ? resolved + length : path);
  if (copy == NULL)
    note_error(search, path, -ENOMEM);
  return copy;
}

static void find_controllers(struct search *search,
                             struct hierarchy *hierarchy) {
  CLEANUP_FREE char *path = resolve(search, hierarchy->path);
  struct origin origin = {.hierarchy = hierarchy, .path = path};

  if (path == NULL)
    return;
  /* What another file system passes on may be of another kernel. */
  if (hierarchy->native)
    origin.mount = mountinfo_find(&search->mounts, path);
  if (origin.mount != NULL && origin.mount->version != hierarchy->version)
    origin.mount = NULL;
  for (enum cgroup_controller i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    find_controller(search, &origin, i);
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

/* How much of the list a line has room for: collectd has 1023 bytes. */
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
    find_controllers(&search, hierarchy);
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

static bool is_lost(const char *directory, const char *file) {
  CLEANUP_FREE char *path = NULL;

  if (asprintf(&path, "%s/%s", directory, file) < 0) {
    path = NULL;
    return false;
  }
  return access(path, F_OK) < 0 && error_is_absence(-errno);
}

/* Another hierarchy of v1, or another file system of the same type, can be at
 * the same place. The root of the kernel's own v2 need not have the file. */
static bool has_lost_counter(const struct hierarchy *hierarchy) {
  if (hierarchy->version == CGROUP_VERSION_2)
    return !hierarchy->native && is_lost(hierarchy->path, "cpu.stat");
  for (size_t i = 0; i < SIGNS_MAX && signs[CGROUP_CPUACCT][i] != NULL; i++)
    if (!is_lost(hierarchy->path, signs[CGROUP_CPUACCT][i]))
      return false;
  return true;
}

bool hierarchy_is_gone(const struct hierarchy *hierarchy) {
  uint64_t magic = 0;

  if (hierarchy->magic == 0)
    return false;
  int status = kernel_file_system_magic(hierarchy->path, &magic);
  if (status < 0)
    return error_is_absence(status);
  return magic != hierarchy->magic || has_lost_counter(hierarchy);
}

static void describe_other(FILE *stream, const struct hierarchy *hierarchy) {
  const struct hierarchy_other *other = &hierarchy->other;
  const char *version = cgroup_version_name(hierarchy->version);
  const char *other_version = cgroup_version_name(other->version);
  struct cgroup_count own = cgroup_count(hierarchy->path, hierarchy->native);
  struct cgroup_count others = cgroup_count(other->path, other->native);
  char shown[PRINTABLE_PATH_SIZE];

  (void)printable(other->path, shown, sizeof(shown));

  (void)fprintf(stream,
                ". Both versions are mounted: %s has %s%zu cgroup%s and is "
                "read, %s has %s%zu and is not; CgroupVersion \"%s\" reads %s "
                "instead (%s)",
                version, own.complete ? "" : "at least ", own.count,
                own.count == 1 ? "" : "s", other_version,
                others.complete ? "" : "at least ", others.count, other_version,
                other_version, shown);
}

char *hierarchy_describe(const struct hierarchy *hierarchy) {
  char *text = NULL;
  size_t size = 0;
  char shown[PRINTABLE_PATH_SIZE];
  FILE *stream = open_memstream(&text, &size);

  if (stream == NULL)
    return NULL;
  (void)printable(hierarchy->path, shown, sizeof(shown));
  (void)fprintf(stream, "Cgroup version: %s (%s), CPU time from %s",
                cgroup_version_name(hierarchy->version), shown,
                usage_file(hierarchy->version));
  if (hierarchy->other.path != NULL)
    describe_other(stream, hierarchy);
  if (fclose(stream) != 0) {
    free(text);
    return NULL;
  }
  return text;
}

void hierarchy_release(struct hierarchy *hierarchy) {
  free(hierarchy->path);
  free(hierarchy->other.path);
  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    free(hierarchy->controllers[i].path);
  *hierarchy = (struct hierarchy){0};
}
