/* SPDX-License-Identifier: MIT */
#include "hierarchy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "mount_table.h"

#define DEFAULT_DIRECTORY "/sys/fs/cgroup"
#define MOUNT_TABLE "/proc/self/mountinfo"

/* A file that every cgroup with that controller of v1 has. */
static const char *const signs[] = {
    [CGROUP_CPUACCT] = "cpuacct.usage",
    [CGROUP_CPU] = "cpu.shares",
    [CGROUP_CPUSET] = "cpuset.cpus",
};

/* The state of one search. */
struct search {
  const struct hierarchy_options *options;
  /* The first good directory of each version. */
  struct hierarchy found[CGROUP_VERSION_2 + 1];
  struct mount_table mounts;
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

/* What is scarce now need not be so later. Without what could not be seen the
 * search might choose another hierarchy than it has to. */
static bool is_passing(int error) {
  return error == -ENOMEM || error == -EMFILE || error == -ENFILE ||
         error == -EINTR || error == -EAGAIN;
}

static void note_error(struct search *search, const char *path, int error) {
  if (is_passing(error))
    search->error = error;
  (void)fprintf(search->log, "; %s: %s", path, strerror(-error));
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
  if (is_passing(-errno))
    note_error(search, path, -errno);
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
  if (path != NULL && (file == NULL || ferror(file)) && is_passing(-errno))
    note_error(search, path, -errno);
  return false;
}

static void keep(struct search *search, enum cgroup_version version,
                 const char *directory, bool native) {
  enum cgroup_version wanted = search->options->version;
  struct hierarchy *found = &search->found[version];

  if (wanted != CGROUP_VERSION_AUTO && wanted != version) {
    (void)fprintf(search->log, "; %s: cgroup %s, not the wanted %s", directory,
                  cgroup_version_name(version), cgroup_version_name(wanted));
    return;
  }
  if (found->path != NULL)
    return;
  *found = (struct hierarchy){
      .version = version, .native = native, .path = strdup(directory)};
  if (found->path == NULL)
    note_error(search, directory, -ENOMEM);
}

/* Returns true when `directory` is part of a cgroup hierarchy, of use or not:
 * then its subdirectories are cgroups and no place to search. */
static bool look_at(struct search *search, const char *directory) {
  CLEANUP_FREE char *path = system_path(search, directory, NULL);
  uint64_t magic = 0;

  if (path == NULL)
    return false;
  int status = search->options->file_system_magic != NULL
                   ? search->options->file_system_magic(path, &magic)
                   : kernel_file_system_magic(path, &magic);
  if (status < 0) {
    note_error(search, directory, status);
    return false;
  }

  if (magic == CGROUP2_SUPER_MAGIC) {
    keep(search, CGROUP_VERSION_2, directory, true);
    return true;
  }
  if (file_exists(search, directory, signs[CGROUP_CPUACCT])) {
    keep(search, CGROUP_VERSION_1, directory, magic == CGROUP_SUPER_MAGIC);
    return true;
  }
  if (magic == CGROUP_SUPER_MAGIC) {
    (void)fprintf(search->log, "; %s: cgroup v1 without cpuacct", directory);
    return true;
  }
  if (cpu_stat_has_usage(search, directory)) {
    keep(search, CGROUP_VERSION_2, directory, false);
    return true;
  }
  (void)fprintf(search->log, "; %s: no cgroup file system (type 0x%llx)",
                directory, (unsigned long long)magic);
  return false;
}

static void look_at_entry(struct search *search, const char *directory,
                          const char *name) {
  char *path = NULL;

  if (asprintf(&path, "%s/%s", directory, name) < 0) {
    note_error(search, directory, -ENOMEM);
    return;
  }
  (void)look_at(search, path);
  free(path);
}

/* For a directory that holds one hierarchy, or has one mounted on each of its
 * subdirectories as /sys/fs/cgroup has on v1 hosts. The symbolic links there
 * name a controller of a co-mount and lead to its directory beside them. */
static void look_below(struct search *search, const char *directory) {
  struct dirent **entries = NULL;

  if (look_at(search, directory))
    return;
  CLEANUP_FREE char *path = system_path(search, directory, NULL);
  int count = path != NULL ? scandir(path, &entries, NULL, alphasort) : 0;
  if (count < 0 && is_passing(-errno))
    note_error(search, directory, -errno);
  for (int i = 0; i < count; i++) {
    if (entries[i]->d_name[0] != '.' &&
        (entries[i]->d_type == DT_DIR || entries[i]->d_type == DT_UNKNOWN))
      look_at_entry(search, directory, entries[i]->d_name);
    free(entries[i]);
  }
  free(entries);
}

static bool is_usual_place(const char *directory) {
  size_t length = strlen(DEFAULT_DIRECTORY);

  return strncmp(directory, DEFAULT_DIRECTORY, length) == 0 &&
         (directory[length] == '\0' || directory[length] == '/');
}

/* The usual place first: a container that also sees the host's cgroups
 * elsewhere means its own unless told otherwise. Then the widest view, so
 * that a bind mount of a subtree does not stand for the whole. */
static int compare_mounts(const void *left, const void *right) {
  const struct cgroup_mount *a = left;
  const struct cgroup_mount *b = right;
  bool a_usual = is_usual_place(a->directory);
  bool b_usual = is_usual_place(b->directory);

  if (a_usual != b_usual)
    return a_usual ? -1 : 1;
  if (a->depth != b->depth)
    return a->depth < b->depth ? -1 : 1;
  return a->line < b->line ? -1 : 1;
}

static void read_mounts(struct search *search) {
  CLEANUP_FREE char *path = system_path(search, MOUNT_TABLE, NULL);
  struct mount_table *table = &search->mounts;
  int status = path != NULL ? mount_table_read(path, table) : -ENOMEM;

  if (status < 0)
    note_error(search, MOUNT_TABLE, status);
  else if (table->count > 0)
    qsort(table->mounts, table->count, sizeof(*table->mounts), compare_mounts);
}

static bool accounts_cpu_time(const struct cgroup_mount *mount) {
  return mount->version == CGROUP_VERSION_2 ||
         (mount->controllers & (1U << CGROUP_CPUACCT)) != 0;
}

static void look_at_mounts(struct search *search) {
  size_t looked_at = 0;

  for (size_t i = 0; i < search->mounts.count; i++)
    if (accounts_cpu_time(&search->mounts.mounts[i])) {
      (void)look_at(search, search->mounts.mounts[i].directory);
      looked_at++;
    }
  if (looked_at == 0)
    (void)fprintf(search->log,
                  "; " MOUNT_TABLE ": no cgroup2 mount, no cgroup mount with "
                  "cpuacct");
}

/* `directory` itself, or the same cgroup in another hierarchy, if it has the
 * controller. */
static char *with_controller(struct search *search, const char *directory,
                             const char *below,
                             enum cgroup_controller controller) {
  char *path = NULL;

  if (asprintf(&path, "%s%s", directory, below) < 0) {
    note_error(search, directory, -ENOMEM);
    return NULL;
  }
  if (file_exists(search, path, signs[controller]))
    return path;
  free(path);
  return NULL;
}

/* The mount that `path` lies in. */
static const struct cgroup_mount *mount_of(const struct search *search,
                                           const char *path) {
  const struct cgroup_mount *innermost = NULL;
  size_t longest = 0;

  for (size_t i = 0; i < search->mounts.count; i++) {
    const struct cgroup_mount *mount = &search->mounts.mounts[i];
    size_t length = strlen(mount->directory);
    if (length > longest && strncmp(path, mount->directory, length) == 0 &&
        (path[length] == '/' || path[length] == '\0')) {
      innermost = mount;
      longest = length;
    }
  }
  return innermost;
}

/* Controllers are one mount or several. Of several, those side by side belong
 * together, and then the same path below each is the same cgroup. */
static char *find_controller(struct search *search, const char *path,
                             enum cgroup_controller controller) {
  const struct cgroup_mount *own = mount_of(search, path);
  const char *top = own != NULL ? own->directory : path;
  const char *below = own != NULL ? path + strlen(top) : "";
  const char *slash = strrchr(top, '/');
  char *found = with_controller(search, path, "", controller);

  for (size_t i = 0; found == NULL && i < search->mounts.count; i++) {
    const struct cgroup_mount *mount = &search->mounts.mounts[i];
    size_t beside = (size_t)(slash - top) + 1;
    if (own != NULL && mount->depth == own->depth &&
        (mount->controllers & (1U << controller)) != 0 &&
        strncmp(mount->directory, top, beside) == 0 &&
        strchr(mount->directory + beside, '/') == NULL)
      found = with_controller(search, mount->directory, below, controller);
  }
  if (found == NULL && own == NULL) {
    CLEANUP_FREE char *beside = NULL;
    if (asprintf(&beside, "%.*s/%s", (int)(slash - top), top,
                 cgroup_controller_name(controller)) < 0) {
      beside = NULL;
      note_error(search, path, -ENOMEM);
      return NULL;
    }
    found = with_controller(search, beside, "", controller);
  }
  return found;
}

static void find_controllers(struct search *search,
                             struct hierarchy *hierarchy) {
  if (hierarchy->version != CGROUP_VERSION_1)
    return;
  for (enum cgroup_controller i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    if (i != CGROUP_CPUACCT)
      hierarchy->controllers[i] = (struct hierarchy_controller){
          .version = CGROUP_VERSION_1,
          .path = find_controller(search, hierarchy->path, i),
      };
}

static int conclude(struct search *search, struct hierarchy *hierarchy) {
  struct hierarchy *v1 = &search->found[CGROUP_VERSION_1];
  struct hierarchy *v2 = &search->found[CGROUP_VERSION_2];
  struct hierarchy *best = v1->version != CGROUP_VERSION_AUTO ? v1 : v2;

  if (search->error < 0)
    return search->error;
  if (best->version == CGROUP_VERSION_AUTO)
    return -ENOENT;
  best->hybrid = v1->path != NULL && v2->path != NULL;
  *hierarchy = *best;
  hierarchy->path = TAKE_POINTER(best->path);
  return 0;
}

static char *explain(const struct hierarchy_options *options,
                     const char *looked_at, int error) {
  const char *advice =
      options->root != NULL
          ? "Set Root to a mounted cgroup file system, or to a directory that "
            "has one on a subdirectory"
          : "Mount a cgroup file system on " DEFAULT_DIRECTORY
            ", or set Root to the directory where the host's is mounted";
  char *text = NULL;

  /* Every entry of the log begins with "; ". */
  if (error != -ENOENT)
    return asprintf(&text, "Cannot look for cgroups: %s",
                    *looked_at != '\0' ? looked_at + 2 : strerror(-error)) < 0
               ? NULL
               : text;
  if (asprintf(&text,
               "No cgroup CPU accounting%s%s found. Looked at: %s. %s%s.",
               options->version != CGROUP_VERSION_AUTO ? " of cgroup " : "",
               options->version != CGROUP_VERSION_AUTO
                   ? cgroup_version_name(options->version)
                   : "",
               *looked_at != '\0' ? looked_at + 2 : "nothing", advice,
               options->version != CGROUP_VERSION_AUTO
                   ? "; or set CgroupVersion to \"auto\""
                   : "") < 0)
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
    look_at_mounts(&search);
    if (search.found[CGROUP_VERSION_1].path == NULL &&
        search.found[CGROUP_VERSION_2].path == NULL)
      look_below(&search, DEFAULT_DIRECTORY);
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
    *explanation = explain(options, looked_at, status);
  for (size_t i = 0; i < sizeof(search.found) / sizeof(*search.found); i++)
    hierarchy_release(&search.found[i]);
  mount_table_release(&search.mounts);
  return status;
}

void hierarchy_release(struct hierarchy *hierarchy) {
  free(hierarchy->path);
  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    free(hierarchy->controllers[i].path);
  *hierarchy = (struct hierarchy){0};
}

const char *cgroup_version_name(enum cgroup_version version) {
  static const char *const names[] = {
      [CGROUP_VERSION_AUTO] = "auto",
      [CGROUP_VERSION_1] = "v1",
      [CGROUP_VERSION_2] = "v2",
  };
  return names[version];
}

const char *cgroup_controller_name(enum cgroup_controller controller) {
  static const char *const names[] = {
      [CGROUP_CPUACCT] = "cpuacct",
      [CGROUP_CPU] = "cpu",
      [CGROUP_CPUSET] = "cpuset",
  };
  return names[controller];
}
