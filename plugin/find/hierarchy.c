/* SPDX-License-Identifier: MIT */
#include "find/hierarchy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "find/cgroup_count.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/printable.h"
#include "values/value_files.h"

int hierarchy_magic(const char *path, uint64_t *magic) {
  struct statfs status;

  if (statfs(path, &status) < 0)
    return -errno;
  /* Magic numbers have 32 bits, but the type of the field may have a sign. */
  *magic = (uint32_t)status.f_type;
  return 0;
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
  const char *const *signs = controller_signs(CGROUP_CPUACCT);
  for (size_t i = 0; i < CONTROLLER_SIGNS_MAX && signs[i] != NULL; i++)
    if (!is_lost(hierarchy->path, signs[i]))
      return false;
  return true;
}

bool hierarchy_is_gone(const struct hierarchy *hierarchy) {
  uint64_t magic = 0;

  if (hierarchy->magic == 0)
    return false;
  int status = hierarchy_magic(hierarchy->path, &magic);
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
