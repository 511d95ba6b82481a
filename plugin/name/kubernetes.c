/* SPDX-License-Identifier: MIT */
#include "name/kubernetes.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/hex.h"

/* The kubelet cuts the name of a link to this, and adds ".log". */
#define LINK_LENGTH_MAX 251
#define LOG_SUFFIX ".log"
/* An id that was cut shorter says too little. */
#define ID_DIGITS_LEAST 6
/* Entries with one id or uid that are looked at. Two that say something are one
 * too many. */
#define CANDIDATES_MAX 64

static bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* Copies a DNS label or, with `dots`, a subdomain. */
static bool copy_dns(const char *text, size_t length, bool dots, char *name,
                     size_t size) {
  if (length == 0 || length >= size)
    return false;
  for (size_t i = 0; i < length; i++)
    if (!is_name_character(text[i]) && !(dots && text[i] == '.'))
      return false;
  memcpy(name, text, length);
  name[length] = '\0';
  return true;
}

/* "<namespace>_<pod>_<uid>", a directory of the kubelet. */
static bool parse_pod(const char *text, size_t length, const char *uid,
                      struct kubernetes_names *names) {
  const char *first = memchr(text, '_', length);
  const char *last = memrchr(text, '_', length);
  char found[POD_UID_SIZE];

  if (first == NULL || first == last)
    return false;
  size_t pod_length = (size_t)(last - first) - 1;
  names->container[0] = names->restarts[0] = '\0';
  return copy_dns(text, (size_t)(first - text), false, names->namespace_name,
                  sizeof(names->namespace_name)) &&
         copy_dns(first + 1, pod_length, true, names->pod,
                  sizeof(names->pod)) &&
         container_pod_uid(last + 1, length - (size_t)(last + 1 - text),
                           found) &&
         strcmp(found, uid) == 0;
}

/* Takes the last component off the path. */
static const char *take_last(const char *path, size_t *length,
                             size_t *taken_length) {
  const char *slash = memrchr(path, '/', *length);

  if (slash == NULL)
    return NULL;
  *taken_length = *length - (size_t)(slash + 1 - path);
  *length = (size_t)(slash - path);
  return slash + 1;
}

/* Copies the number of a log file. */
static bool copy_restarts(const char *text, size_t length,
                          char restarts[KUBERNETES_RESTARTS_SIZE]) {
  size_t digits = 0;

  while (digits < length && text[digits] >= '0' && text[digits] <= '9')
    digits++;
  if (digits == 0 || digits >= KUBERNETES_RESTARTS_SIZE ||
      length - digits != strlen(LOG_SUFFIX) ||
      memcmp(text + digits, LOG_SUFFIX, length - digits) != 0)
    return false;
  memcpy(restarts, text, digits);
  restarts[digits] = '\0';
  return true;
}

bool kubernetes_parse_target(const char *target, const char *uid,
                             struct kubernetes_names *names) {
  size_t length = strlen(target);
  size_t part_length = 0;
  const char *part = take_last(target, &length, &part_length);
  char restarts[KUBERNETES_RESTARTS_SIZE];

  if (part == NULL || !copy_restarts(part, part_length, restarts))
    return false;
  const char *container = take_last(target, &length, &part_length);
  size_t container_length = part_length;
  if (container == NULL)
    return false;
  part = take_last(target, &length, &part_length);
  if (part == NULL || !parse_pod(part, part_length, uid, names) ||
      !copy_dns(container, container_length, false, names->container,
                sizeof(names->container)))
    return false;
  memcpy(names->restarts, restarts, sizeof(restarts));
  return true;
}

/* "<pod>_<namespace>_<container>-<id>.log", of which the end of the id may be
 * missing. */
static bool id_of_link(const char *name, char key[DIRECTORY_KEY_SIZE]) {
  size_t length = strlen(name);
  const char *dash = strrchr(name, '-');

  if (dash == NULL || length < strlen(LOG_SUFFIX))
    return false;
  const char *id = dash + 1;
  size_t digits = hex_run(id);
  bool whole = digits == CONTAINER_ID_SIZE - 1;
  bool cut = digits >= ID_DIGITS_LEAST && digits < CONTAINER_ID_SIZE - 1 &&
             length == LINK_LENGTH_MAX + strlen(LOG_SUFFIX);
  if (strcmp(id + digits, LOG_SUFFIX) != 0 || !(whole || cut))
    return false;
  memcpy(key, id, digits);
  key[digits] = '\0';
  return true;
}

static bool uid_of_directory(const char *name, char key[DIRECTORY_KEY_SIZE]) {
  const char *last = strrchr(name, '_');

  return last != NULL && container_pod_uid(last + 1, strlen(last + 1), key);
}

static int open_index(struct directory_index *index, const char *name_root,
                      const char *path,
                      bool (*key_of)(const char *name,
                                     char key[DIRECTORY_KEY_SIZE])) {
  *index = (struct directory_index){.key_of = key_of, .fd = -1};
  if (asprintf(&index->path, "%s%s", name_root, path) < 0) {
    index->path = NULL;
    return -ENOMEM;
  }
  return 0;
}

int kubernetes_open(struct kubernetes *kubernetes, const char *name_root) {
  *kubernetes = (struct kubernetes){.name_root = name_root};
  int status = open_index(&kubernetes->links, name_root, "/var/log/containers",
                          id_of_link);
  int other = open_index(&kubernetes->pods, name_root, "/var/log/pods",
                         uid_of_directory);

  return status < 0 ? status : other;
}

void kubernetes_close(struct kubernetes *kubernetes) {
  directory_index_release(&kubernetes->links);
  directory_index_release(&kubernetes->pods);
}

void kubernetes_begin(struct kubernetes *kubernetes) {
  kubernetes->is_fresh = false;
}

static void refresh(struct kubernetes *kubernetes) {
  struct directory_index *const indexes[] = {&kubernetes->links,
                                             &kubernetes->pods};

  if (kubernetes->is_fresh)
    return;
  kubernetes->is_fresh = true;
  kubernetes->has_source = false;
  kubernetes->denied = NULL;
  for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
    int status = directory_index_update(indexes[i]);
    if (error_is_denial(status) && kubernetes->denied == NULL)
      kubernetes->denied = indexes[i]->path;
    kubernetes->has_source |= indexes[i]->fd >= 0;
  }
}

/* The link's own name says the same, as far as it was not cut. */
static bool link_agrees(const char *link,
                        const struct kubernetes_names *names) {
  char begin[KUBERNETES_SUBDOMAIN_SIZE + 2 * KUBERNETES_LABEL_SIZE + 4];
  int length = snprintf(begin, sizeof(begin), "%s_%s_%s-", names->pod,
                        names->namespace_name, names->container);

  return strncmp(link, begin,
                 length < LINK_LENGTH_MAX ? (size_t)length : LINK_LENGTH_MAX) ==
         0;
}

static bool read_link(const struct kubernetes *kubernetes, const char *link,
                      const char *uid, struct kubernetes_names *names) {
  char target[PATH_MAX];
  ssize_t length =
      readlinkat(kubernetes->links.fd, link, target, sizeof(target) - 1);

  if (length <= 0)
    return false;
  target[length] = '\0';
  return kubernetes_parse_target(target, uid, names) &&
         link_agrees(link, names);
}

static bool names_are_equal(const struct kubernetes_names *a,
                            const struct kubernetes_names *b) {
  return strcmp(a->namespace_name, b->namespace_name) == 0 &&
         strcmp(a->pod, b->pod) == 0 && strcmp(a->container, b->container) == 0;
}

/* Counts different names: if `other` are not the same as those found before,
 * they take their place. */
static unsigned count_names(struct kubernetes_names *names,
                            const struct kubernetes_names *other,
                            unsigned found) {
  if (found > 0 && names_are_equal(names, other))
    return found;
  *names = *other;
  return found + 1;
}

/* Counts the different names that links with this key have. */
static unsigned find_links(const struct kubernetes *kubernetes, const char *key,
                           const char *uid, struct kubernetes_names *names,
                           unsigned found) {
  size_t count = 0;
  const struct directory_entry *entry =
      directory_index_find(&kubernetes->links, key, &count);

  for (size_t i = 0; i < count && i < CANDIDATES_MAX; i++) {
    struct kubernetes_names other;
    if (read_link(kubernetes,
                  directory_index_name(&kubernetes->links, &entry[i]), uid,
                  &other))
      found = count_names(names, &other, found);
  }
  return found;
}

bool kubernetes_find_container(struct kubernetes *kubernetes,
                               const struct container *container,
                               struct kubernetes_names *names) {
  char key[CONTAINER_ID_SIZE];

  refresh(kubernetes);
  memcpy(key, container->id, sizeof(key));
  unsigned found = find_links(kubernetes, key, container->pod_uid, names, 0);
  if (found == 0)
    for (size_t digits = sizeof(key) - 2; digits >= ID_DIGITS_LEAST; digits--) {
      key[digits] = '\0';
      found = find_links(kubernetes, key, container->pod_uid, names, found);
    }
  return found == 1;
}

bool kubernetes_find_pod(struct kubernetes *kubernetes, const char *uid,
                         struct kubernetes_names *names) {
  size_t count = 0;
  unsigned found = 0;

  refresh(kubernetes);
  const struct directory_entry *entry =
      directory_index_find(&kubernetes->pods, uid, &count);
  for (size_t i = 0; i < count && i < CANDIDATES_MAX; i++) {
    const char *name = directory_index_name(&kubernetes->pods, &entry[i]);
    struct kubernetes_names other;
    if (parse_pod(name, strlen(name), uid, &other))
      found = count_names(names, &other, found);
  }
  return found == 1;
}

/* Returns 0 if it is there, or a negative errno. */
static int look_at(const char *name_root, const char *directory,
                   const char *name, const char *suffix) {
  CLEANUP_FREE char *path = NULL;
  struct stat status;

  if (asprintf(&path, "%s%s/%s%s", name_root, directory, name, suffix) < 0) {
    path = NULL;
    return -ENOMEM;
  }
  return lstat(path, &status) < 0 ? -errno : 0;
}

static int is_sandbox_of_containerd(struct kubernetes *kubernetes,
                                    const struct container *container) {
  static const char *const directories[] = {
      "/run/containerd/io.containerd.grpc.v1.cri/sandboxes",
      "/run/k3s/containerd/io.containerd.grpc.v1.cri/sandboxes"};
  const char *const root = kubernetes->name_root;
  int denied = 0;

  for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
    int status = look_at(root, directories[i], container->id, "");
    if (status == 0)
      return 1;
    if (!error_is_denial(status))
      continue;
    denied = status;
    (void)snprintf(kubernetes->sandboxes, sizeof(kubernetes->sandboxes), "%s%s",
                   root, directories[i]);
  }
  return denied;
}

/* Its log file is not in a directory like those of containers. */
static bool is_sandbox_of_crio(const struct kubernetes *kubernetes,
                               const struct container *container) {
  size_t count = 0;
  const struct directory_entry *entry =
      directory_index_find(&kubernetes->pods, container->pod_uid, &count);
  for (size_t i = 0; i < count && i < CANDIDATES_MAX; i++) {
    CLEANUP_FREE char *directory = NULL;
    if (asprintf(&directory, "/var/log/pods/%s",
                 directory_index_name(&kubernetes->pods, &entry[i])) < 0) {
      directory = NULL;
      return false;
    }
    if (look_at(kubernetes->name_root, directory, container->id, LOG_SUFFIX) ==
        0)
      return true;
  }
  return false;
}

int kubernetes_is_sandbox(struct kubernetes *kubernetes,
                          const struct container *container) {
  int status = is_sandbox_of_containerd(kubernetes, container);

  return status <= 0 && is_sandbox_of_crio(kubernetes, container) ? 1 : status;
}
