/* SPDX-License-Identifier: MIT */
/* Containers in paths: nothing below a container changes what it is, and its
 * id, uid and name are made of what the path has. */
#include "name/container.h"

#include <limits.h>

#include "fuzz.h"
#include "util/cleanup.h"

static unsigned depth_of(const char *path) {
  unsigned depth = 0;

  for (; *path != '\0'; path++)
    depth += path[0] == '/' && path[1] != '\0';
  return depth;
}

/* Cuts the path after this many components. */
static void cut(char *path, unsigned depth) {
  for (char *c = path; *c != '\0'; c++)
    if (*c == '/' && depth-- == 0) {
      *c = '\0';
      return;
    }
}

static void require_hex(const char *text, size_t length) {
  REQUIRE(strlen(text) == length);
  REQUIRE(text[strspn(text, "0123456789abcdef")] == '\0');
}

/* Returns whether the digits are in the path, in this order and with at most
 * one other byte between them. */
static bool is_within(const char *path, const char *digits) {
  for (; *path != '\0'; path++) {
    const char *in = path;
    const char *digit = digits;
    while (*digit != '\0' && *in != '\0' &&
           (*in == *digit || in[1] == *digit)) {
      in += *in == *digit ? 1 : 2;
      digit++;
    }
    if (*digit == '\0')
      return true;
  }
  return false;
}

static bool has_pod(const struct container *container) {
  return container->kind == CONTAINER_POD ||
         container->kind == CONTAINER_OF_POD;
}

static bool has_id(const struct container *container) {
  return container->kind == CONTAINER_OF_POD ||
         container->kind == CONTAINER_OF_DOCKER ||
         container->kind == CONTAINER_OF_PODMAN ||
         container->kind == CONTAINER_OF_NERDCTL ||
         container->kind == CONTAINER_PODMAN_POD;
}

static void require_user(const char *path, const struct container *container) {
  char begin[128];

  (void)snprintf(begin, sizeof(begin),
                 "/user.slice/user-%u.slice/user@%u.service/",
                 (unsigned)container->user, (unsigned)container->user);
  REQUIRE(strncmp(path, begin, strlen(begin)) == 0);
  REQUIRE(container->depth > CONTAINER_USER_DEPTH);
}

/* Returns whether the path ends with a service or a scope, and has only slices
 * before that. */
static bool is_unit(const char *path) {
  const char *component = path;

  for (const char *next; (next = strchr(component + 1, '/')) != NULL;
       component = next)
    if (next - component < 8 || memcmp(next - 6, ".slice", 6) != 0)
      return false;
  size_t length = strlen(component);
  return (length > 9 && strcmp(component + length - 8, ".service") == 0) ||
         (length > 7 && strcmp(component + length - 6, ".scope") == 0);
}

static void require_container(const char *path,
                              const struct container *container) {
  REQUIRE(container->depth <= depth_of(path));
  REQUIRE((container->kind == CONTAINER_NONE) == (container->depth == 0));
  REQUIRE((container->kind == CONTAINER_NAMED) == (*container->name != '\0'));
  REQUIRE(memchr(container->name, '\0', sizeof(container->name)) != NULL);
  if (has_pod(container)) {
    require_hex(container->pod_uid, POD_UID_SIZE - 1);
    REQUIRE(is_within(path, container->pod_uid));
    REQUIRE(strstr(path, "kubepods") != NULL);
  }
  if (has_id(container)) {
    require_hex(container->id, CONTAINER_ID_SIZE - 1);
    REQUIRE(strstr(path, container->id) != NULL);
  }
  if (container->kind == CONTAINER_PODMAN_POD ||
      container->kind == CONTAINER_OF_PODMAN)
    REQUIRE(strstr(path, "libpod") != NULL);
  if (container->user != 0)
    require_user(path, container);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_FREE char *text = fuzz_string(data, size);
  char path[PATH_MAX];
  struct container container;
  struct container other;

  /* No two slashes meet in the path of a cgroup, and none is at its end. */
  size_t length = 0;
  path[length++] = '/';
  for (const char *c = text; *c != '\0' && length < sizeof(path) - 1; c++)
    if (*c != '/' || path[length - 1] != '/')
      path[length++] = *c;
  while (length > 1 && path[length - 1] == '/')
    length--;
  path[length] = '\0';

  container_of_path(path, &container);
  require_container(path, &container);
  REQUIRE(container_is_unit(path) == (depth_of(path) <= 16 && is_unit(path)));
  if (container.kind == CONTAINER_NONE)
    return 0;
  cut(path, container.depth);
  container_of_path(path, &other);
  REQUIRE(container.kind == other.kind && container.depth == other.depth);
  REQUIRE(container.user == other.user);
  REQUIRE(strcmp(container.name, other.name) == 0);
  if (has_pod(&container))
    REQUIRE(strcmp(container.pod_uid, other.pod_uid) == 0);
  if (has_id(&container))
    REQUIRE(strcmp(container.id, other.id) == 0);
  return 0;
}
