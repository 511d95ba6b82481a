/* SPDX-License-Identifier: MIT */
/* On any host, the chosen directory accounts CPU time and has the wanted
 * version. If nothing is found, there was no such directory. */
#include "find/hierarchy_detection.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <unistd.h>

#include "find/mountinfo.h"
#include "fuzz.h"
#include "util/cleanup.h"
#include "wrap.h"

#define USUAL_PLACE "/sys/fs/cgroup"
#define DIRECTORIES_MAX 32

typedef int (*entry_filter)(const struct dirent *entry);
typedef int (*entry_order)(const struct dirent **a, const struct dirent **b);

/* What a directory contains or is, as bits. */
enum {
  HAS_CPUACCT = 1,
  HAS_CPU = 2,
  HAS_CPUSET = 4,
  HAS_USAGE = 8,
  IS_V1 = 16,
  IS_V2 = 32,
  IS_LINK = 64,
  /* The names of files are without the controller's prefix. */
  NO_PREFIX = 128,
};

/* The system that is searched. */
static struct {
  bool active;
  char *mountinfo;
  struct directory {
    const char *path;
    unsigned facts;
  } directories[DIRECTORIES_MAX];
  size_t count;
} host;

/* A directory contains what its name suggests, unless the input says
 * otherwise. */
static unsigned facts_of(const char *path) {
  for (size_t i = 0; i < host.count; i++)
    if (strcmp(host.directories[i].path, path) == 0)
      return host.directories[i].facts;
  if (strstr(path, "cpuacct") != NULL)
    return IS_V1 | HAS_CPUACCT | (strstr(path, "cpu,") != NULL ? HAS_CPU : 0);
  if (strstr(path, "cpuset") != NULL)
    return IS_V1 | HAS_CPUSET;
  if (strstr(path, "/cpu") != NULL)
    return IS_V1 | HAS_CPU;
  return strstr(path, "unified") != NULL ? IS_V2 : 0;
}

static bool ends_with(const char *path, const char *end) {
  size_t length = strlen(path);

  return length >= strlen(end) && strcmp(path + length - strlen(end), end) == 0;
}

static unsigned facts_of_parent(const char *path) {
  CLEANUP_FREE char *parent = strdup(path);

  REQUIRE(parent != NULL && strrchr(parent, '/') != NULL);
  *strrchr(parent, '/') = '\0';
  return facts_of(parent);
}

static FILE *open_controllers(unsigned facts) {
  static char text[32];

  if ((facts & IS_V2) == 0)
    return NULL;
  (void)snprintf(text, sizeof(text), "io%s%s pids\n",
                 (facts & HAS_CPU) != 0 ? " cpu" : "",
                 (facts & HAS_CPUSET) != 0 ? " cpuset" : "");
  return fmemopen(text, strlen(text), "r");
}

WRAPPER(FILE *, fopen, (const char *path, const char *mode)) {
  static char with_usage[] = "user_usec 1\nusage_usec 2\n";
  static char without_usage[] = "nr_periods 0\nnr_throttled 0\n";

  if (!host.active || strcmp(mode, "re") != 0)
    return __real_fopen(path, mode);
  if (strcmp(path, "/proc/self/mountinfo") == 0)
    return *host.mountinfo != '\0'
               ? fmemopen(host.mountinfo, strlen(host.mountinfo), "r")
               : NULL;
  if (ends_with(path, "/cgroup.controllers"))
    return open_controllers(facts_of_parent(path));
  REQUIRE(ends_with(path, "/cpu.stat"));
  bool usage = (facts_of_parent(path) & HAS_USAGE) != 0;
  char *text = usage ? with_usage : without_usage;
  return fmemopen(text, strlen(text), "r");
}

static bool is_name(const char *path, const char *controller, const char *file,
                    unsigned facts) {
  CLEANUP_FREE char *name = NULL;

  REQUIRE(asprintf(&name, "/%s%s%s", (facts & NO_PREFIX) == 0 ? controller : "",
                   (facts & NO_PREFIX) == 0 ? "." : "", file) > 0);
  return ends_with(path, name);
}

WRAPPER(int, access, (const char *path, int mode)) {
  unsigned facts = facts_of_parent(path);

  REQUIRE(mode == F_OK);
  bool exists =
      ((facts & HAS_CPUACCT) != 0 &&
       is_name(path, "cpuacct", "usage", facts)) ||
      ((facts & HAS_CPU) != 0 && is_name(path, "cpu", "shares", facts)) ||
      ((facts & HAS_CPUSET) != 0 && is_name(path, "cpuset", "cpus", facts));
  errno = ENOENT;
  return exists ? 0 : -1;
}

/* The only links are those to a directory beside them, which are skipped. */
WRAPPER(char *, realpath, (const char *path, char *resolved)) {
  REQUIRE(resolved == NULL);
  resolved = strdup(path);
  return resolved;
}

/* Returns the last component of `path` if it is a child of `parent`, or
 * NULL. */
static const char *name_below(const char *path, const char *parent) {
  size_t length = strlen(parent);

  return strncmp(path, parent, length) == 0 && path[length] == '/' &&
                 path[length + 1] != '\0' &&
                 strchr(path + length + 1, '/') == NULL &&
                 strlen(path + length + 1) <= NAME_MAX
             ? path + length + 1
             : NULL;
}

WRAPPER(int, scandir,
        (const char *path, struct dirent ***entries, entry_filter filter,
         entry_order order)) {
  int count = 0;

  REQUIRE(filter == NULL && order == alphasort);
  *entries = calloc(DIRECTORIES_MAX, sizeof(**entries));
  REQUIRE(*entries != NULL);
  for (size_t i = 0; i < host.count; i++) {
    const char *name = name_below(host.directories[i].path, path);
    if (name == NULL)
      continue;
    struct dirent *entry = calloc(1, sizeof(*entry));
    REQUIRE(entry != NULL);
    (void)snprintf(entry->d_name, sizeof(entry->d_name), "%s", name);
    entry->d_type =
        (host.directories[i].facts & IS_LINK) != 0 ? DT_LNK : DT_DIR;
    (*entries)[count++] = entry;
  }
  return count;
}

static int magic_of(const char *path, uint64_t *magic) {
  unsigned facts = facts_of(path);

  if ((facts & (IS_V1 | IS_V2)) == (IS_V1 | IS_V2))
    return -EACCES;
  *magic = (facts & IS_V2) != 0   ? CGROUP2_SUPER_MAGIC
           : (facts & IS_V1) != 0 ? CGROUP_SUPER_MAGIC
                                  : TMPFS_MAGIC;
  return 0;
}

/* Returns the version with which the directory accounts CPU time, if any. */
static enum cgroup_version version_of(const char *path) {
  unsigned facts = facts_of(path);
  uint64_t magic = 0;

  if (magic_of(path, &magic) < 0)
    return CGROUP_VERSION_AUTO;
  if (magic == CGROUP2_SUPER_MAGIC)
    return CGROUP_VERSION_2;
  if ((facts & HAS_CPUACCT) != 0 &&
      ((facts & NO_PREFIX) == 0 || magic == CGROUP_SUPER_MAGIC))
    return CGROUP_VERSION_1;
  return magic != CGROUP_SUPER_MAGIC && (facts & HAS_USAGE) != 0
             ? CGROUP_VERSION_2
             : CGROUP_VERSION_AUTO;
}

static bool fits(const char *path, enum cgroup_version wanted) {
  enum cgroup_version version = version_of(path);

  return version != CGROUP_VERSION_AUTO &&
         (wanted == CGROUP_VERSION_AUTO || wanted == version);
}

/* Returns the path of a cgroup in its hierarchy. The caller frees it. */
static char *name_of(const struct cgroup_mount *mount, const char *path) {
  bool whole = strcmp(mount->directory, "/") == 0;
  char *name = NULL;

  REQUIRE(asprintf(&name, "%s%s",
                   strcmp(mount->root, "/") != 0 ? mount->root : "",
                   whole ? path : path + strlen(mount->directory)) >= 0);
  if (strcmp(name, "/") == 0)
    *name = '\0';
  return name;
}

static bool lies_in(const char *path, const struct cgroup_mount *mount) {
  size_t length = strlen(mount->directory);

  return !mount->hidden && (strcmp(mount->directory, "/") == 0 ||
                            (strncmp(path, mount->directory, length) == 0 &&
                             (path[length] == '\0' || path[length] == '/')));
}

/* Returns whether a mount with the controller shows the same cgroup at
 * `path`. */
static bool is_same_cgroup(const struct mountinfo *table, const char *name,
                           const struct hierarchy_controller *found,
                           unsigned controller) {
  for (size_t i = 0; i < table->count; i++) {
    const struct cgroup_mount *mount = &table->mounts[i];
    if (mount->version != found->version || !lies_in(found->path, mount) ||
        (mount->version == CGROUP_VERSION_1 &&
         (mount->controllers & (1U << controller)) == 0))
      continue;
    CLEANUP_FREE char *other = name_of(mount, found->path);
    if (strcmp(name, other) == 0)
      return true;
  }
  return false;
}

static void require_controller(const struct hierarchy *hierarchy,
                               unsigned controller) {
  static const unsigned has[] = {
      [CGROUP_CPUACCT] = HAS_CPUACCT,
      [CGROUP_CPU] = HAS_CPU,
      [CGROUP_CPUSET] = HAS_CPUSET,
  };
  const struct hierarchy_controller *found =
      &hierarchy->controllers[controller];
  struct mountinfo table;
  bool same = false;

  if (found->path == NULL) {
    REQUIRE(found->version == hierarchy->version);
    return;
  }
  REQUIRE(controller != CGROUP_CPUACCT);
  REQUIRE((facts_of(found->path) & has[controller]) != 0);
  if (found->version == CGROUP_VERSION_1 &&
      hierarchy->version == CGROUP_VERSION_1 &&
      strcmp(found->path, hierarchy->path) == 0)
    return;
  REQUIRE(mountinfo_read("/proc/self/mountinfo", &table) == 0 ||
          found->version == CGROUP_VERSION_1);
  for (size_t i = 0; i < table.count && !same; i++)
    if (table.mounts[i].version == hierarchy->version &&
        lies_in(hierarchy->path, &table.mounts[i])) {
      CLEANUP_FREE char *name = name_of(&table.mounts[i], hierarchy->path);
      same = is_same_cgroup(&table, name, found, controller);
    }
  /* Without a known mount, the directory of the controller is beside the
   * other. */
  if (!same) {
    size_t length = (size_t)(strrchr(hierarchy->path, '/') - hierarchy->path);
    REQUIRE(hierarchy->version == CGROUP_VERSION_1 &&
            found->version == CGROUP_VERSION_1);
    REQUIRE(strncmp(found->path, hierarchy->path, length + 1) == 0);
    REQUIRE(strcmp(found->path + length + 1,
                   cgroup_controller_name(controller)) == 0);
  }
  mountinfo_release(&table);
}

static void require_found(const struct hierarchy_options *options,
                          const struct hierarchy *found) {
  unsigned facts = facts_of(found->path);

  REQUIRE(fits(found->path, options->version));
  REQUIRE(found->version == version_of(found->path));
  REQUIRE(found->native == ((facts & (IS_V1 | IS_V2)) != 0));
  if (options->root == NULL && fits(USUAL_PLACE, options->version))
    REQUIRE(strcmp(found->path, USUAL_PLACE) == 0);
  if (found->other.path != NULL) {
    REQUIRE(options->version == CGROUP_VERSION_AUTO);
    REQUIRE(found->other.version != found->version);
    REQUIRE(found->other.version == version_of(found->other.path));
  }
  for (unsigned i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    require_controller(found, i);
}

/* Neither the directory nor one directly below may fit, if there can be one
 * below. */
static void require_none_in(const char *directory, enum cgroup_version wanted) {
  uint64_t magic = 0;

  REQUIRE(!fits(directory, wanted));
  if (version_of(directory) != CGROUP_VERSION_AUTO ||
      (magic_of(directory, &magic) == 0 && magic == CGROUP_SUPER_MAGIC))
    return;
  for (size_t i = 0; i < host.count; i++) {
    const char *name = name_below(host.directories[i].path, directory);
    if (name != NULL && *name != '.' &&
        (host.directories[i].facts & IS_LINK) == 0)
      REQUIRE(!fits(host.directories[i].path, wanted));
  }
}

static void require_none(const struct hierarchy_options *options) {
  struct mountinfo table = {0};

  if (options->root != NULL) {
    require_none_in(options->root, options->version);
    return;
  }
  require_none_in(USUAL_PLACE, options->version);
  (void)mountinfo_read("/proc/self/mountinfo", &table);
  for (size_t i = 0; i < table.count; i++)
    if (table.mounts[i].version == CGROUP_VERSION_2 ||
        (table.mounts[i].controllers & (1U << CGROUP_CPUACCT)) != 0)
      REQUIRE(!fits(table.mounts[i].directory, options->version));
  mountinfo_release(&table);
}

/* After the table, each line has a meaning by its first character: "=" sets the
 * wanted version, "@" the root to look in. In other lines, a character of facts
 * comes before a directory. */
static void set_up(char *text, struct hierarchy_options *options) {
  host.mountinfo = strsep(&text, "\1");
  host.count = 0;
  while (text != NULL) {
    char *line = strsep(&text, "\n");
    if (line[0] == '=')
      options->version = (enum cgroup_version)((unsigned char)line[1] % 3);
    else if (line[0] == '@' && line[1] == '/')
      options->root = line + 1;
    else if (line[0] != '\0' && line[1] == '/' && host.count < DIRECTORIES_MAX)
      host.directories[host.count++] =
          (struct directory){line + 1, (unsigned char)line[0]};
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_FREE char *text = fuzz_string(data, size);
  CLEANUP_FREE char *explanation = NULL;
  struct hierarchy_options options = {.file_system_magic = magic_of};
  struct hierarchy found;

  set_up(text, &options);
  host.active = true;
  int status = hierarchy_detect(&options, &found, &explanation);
  REQUIRE(status == 0 || status == -ENOENT);
  REQUIRE((status == 0) == (found.path != NULL));
  REQUIRE((status == 0) == (explanation == NULL));
  if (status == 0)
    require_found(&options, &found);
  else
    require_none(&options);
  hierarchy_release(&found);
  host.active = false;
  return 0;
}
