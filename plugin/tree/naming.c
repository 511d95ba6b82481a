/* SPDX-License-Identifier: MIT */
#include "tree/naming.h"

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/monotonic.h"

/* Room for "podman@<uid>_". */
#define ENGINE_SIZE 24

/* How many names are looked up at most. */
struct naming_attempts {
  size_t of_root;
  size_t of_users;
};
static const struct naming_attempts attempts_of_pass = {NAMING_ATTEMPTS,
                                                        NAMING_ATTEMPTS};
static const struct naming_attempts attempts_between = {NAMING_ATTEMPTS_BETWEEN,
                                                        0};

/* What is known of a container, a pod or a machine. */
struct identity {
  struct cgroup *cgroup;
  struct container container;
  /* Of a pod, if `is_known`. */
  struct kubernetes_names names;
  /* Of a container of Docker. */
  struct file_stamp file;
  char image[ENGINE_NAME_SIZE];
  /* Those that were asked for, or NULL. */
  char (*labels)[ENGINE_NAME_SIZE];
  bool is_known;
  /* A pod's name; a container's is not known. */
  bool is_provisional;
  bool is_sandbox;
  /* Another cgroup with the same id or uid is older. */
  bool is_refused;
  struct identity *next_same;
  /* The pass that found it, the next attempt to find its name, and the time
   * between the last two. */
  uint32_t found;
  uint32_t retry;
  uint32_t delay;
  /* Nothing is reported of it before this pass. */
  uint32_t silent_until;
  /* Its values have gone out, or do so in this pass. */
  bool is_out;
  /* Its name was looked up at least once. */
  bool is_tried;
  bool is_unnamed;
  struct identity *previous;
  struct identity *next;
};

int naming_open(struct naming *naming, enum instance_format format,
                const char *name_root) {
  *naming = (struct naming){.enabled = format == INSTANCE_FORMAT_NAME};
  docker_open(&naming->docker, name_root);
  podman_open(&naming->podman, name_root);
  conmon_open(&naming->conmon);
  containerd_open(&naming->containerd, name_root);
  machined_open(&naming->machined, name_root);
  return kubernetes_open(&naming->kubernetes, name_root);
}

void naming_close(struct naming *naming) {
  docker_end(&naming->docker);
  podman_close(&naming->podman);
  conmon_close(&naming->conmon);
  containerd_end(&naming->containerd);
  kubernetes_close(&naming->kubernetes);
}

static void append_unnamed(struct naming *naming, struct identity *identity) {
  identity->is_unnamed = true;
  naming->unnamed_count++;
  identity->next = NULL;
  identity->previous = naming->last_unnamed;
  if (naming->last_unnamed != NULL)
    naming->last_unnamed->next = identity;
  else
    naming->unnamed = identity;
  naming->last_unnamed = identity;
}

static void take_out_unnamed(struct naming *naming, struct identity *identity) {
  if (!identity->is_unnamed)
    return;
  identity->is_unnamed = false;
  naming->unnamed_count--;
  if (identity->previous != NULL)
    identity->previous->next = identity->next;
  else
    naming->unnamed = identity->next;
  if (identity->next != NULL)
    identity->next->previous = identity->previous;
  else
    naming->last_unnamed = identity->previous;
}

static int compare_identities(const void *left, const void *right) {
  const struct identity *a = left;
  const struct identity *b = right;
  int order = strcmp(a->container.pod_uid, b->container.pod_uid);

  /* Nobody hides a container of another user by a copy of its id. */
  if (order == 0 && a->container.user != b->container.user)
    order = a->container.user < b->container.user ? -1 : 1;
  return order != 0 ? order : strcmp(a->container.id, b->container.id);
}

/* Two cgroups could seem to be the same pod or container. Those of Docker have
 * their names only where Docker would put them, which only root can imitate. */
static bool has_key(const struct identity *identity) {
  return identity->container.kind == CONTAINER_POD ||
         identity->container.kind == CONTAINER_OF_POD ||
         identity->container.kind == CONTAINER_PODMAN_POD ||
         identity->container.kind == CONTAINER_OF_PODMAN;
}

/* Podman does not tell where the cgroup of a container is. So of two with one
 * id neither is named, and none that joins them, as long as one of them is
 * there: a container that starts again would leave its name to the other. */
static bool names_neither(const struct identity *identity) {
  return identity->container.kind == CONTAINER_PODMAN_POD ||
         identity->container.kind == CONTAINER_OF_PODMAN;
}

/* From now on, it is what it seems. */
static void release(struct naming *naming, struct identity *identity) {
  identity->is_refused = false;
  identity->found = identity->retry = naming->passes;
  identity->delay = 1;
  append_unnamed(naming, identity);
}

static void take_out_of(struct identity **place, struct identity *identity) {
  struct identity **link = place;

  while (*link != identity)
    link = &(*link)->next_same;
  *link = identity->next_same;
}

static void forget_id(struct naming *naming, struct identity *identity) {
  struct identity **place = tfind(identity, &naming->by_id, compare_identities);

  if (*place == identity && identity->next_same == NULL) {
    (void)tdelete(identity, &naming->by_id, compare_identities);
    return;
  }
  take_out_of(place, identity);
  struct identity *first = *place;
  if (first->is_refused && !names_neither(first))
    release(naming, first);
}

static void free_name(struct naming *naming, const char *name) {
  size_t place = naming->freed_next++ % NAMING_FREED;

  naming->freed[place].name = instance_name_hash(name);
  naming->freed[place].pass = naming->passes;
}

static bool was_freed_lately(const struct naming *naming, const char *name) {
  uint64_t hash = instance_name_hash(name);

  for (size_t i = 0; i < NAMING_FREED; i++)
    if (naming->freed[i].name == hash &&
        naming->passes - naming->freed[i].pass <= NAMING_SILENCE)
      return true;
  return false;
}

/* Not that of its path, nor one with a hash. */
static bool has_own_name(const struct cgroup *cgroup) {
  return cgroup->name_rank != 0 && !cgroup->apart;
}

void naming_forget(struct naming *naming, struct cgroup *cgroup) {
  struct identity *identity = cgroup->identity;

  if (identity == NULL)
    return;
  if (has_own_name(cgroup))
    free_name(naming, cgroup->instance);
  if (has_key(identity))
    forget_id(naming, identity);
  take_out_unnamed(naming, identity);
  free(identity->labels);
  free(identity);
  cgroup->identity = NULL;
}

static const struct cgroup *holder_of(const struct cgroup *cgroup) {
  while (cgroup != NULL && cgroup->identity == NULL)
    cgroup = cgroup->parent;
  return cgroup;
}

/* The path from `holder` down to the cgroup, without a "/" before it. */
static const char *path_within(const struct cgroup *cgroup,
                               const struct cgroup *holder,
                               char path[TREE_PATH_SIZE]) {
  char above[TREE_PATH_SIZE];
  size_t used = tree_path(holder, above);
  size_t length = tree_path(cgroup, path);

  return path + used + (length > used);
}

static void write_kubernetes_name(const struct identity *identity,
                                  const char *rest,
                                  char name[INSTANCE_NAME_SIZE]) {
  const struct kubernetes_names *names = &identity->names;
  char head[KUBERNETES_LABEL_SIZE + 8];
  char tail[KUBERNETES_LABEL_SIZE + 8];

  (void)snprintf(head, sizeof(head), "k8s_%s_", names->namespace_name);
  if (identity->container.kind == CONTAINER_POD)
    tail[0] = '\0';
  else if (identity->is_sandbox)
    (void)snprintf(tail, sizeof(tail), "_POD");
  else if (identity->is_provisional)
    (void)snprintf(tail, sizeof(tail), "_+%.*s", CONTAINER_ID_SHOWN,
                   identity->container.id);
  else
    (void)snprintf(tail, sizeof(tail), "_%s", names->container);
  instance_name_of_container(&(struct container_name){head, names->pod, tail},
                             rest, name);
}

/* Writes what is before the names that the engine knows. */
static void write_engine(const struct container *container,
                         char engine[ENGINE_SIZE]) {
  if (container->kind == CONTAINER_OF_DOCKER)
    (void)snprintf(engine, ENGINE_SIZE, "docker_");
  else if (container->user == 0)
    (void)snprintf(engine, ENGINE_SIZE, "podman_");
  else
    (void)snprintf(engine, ENGINE_SIZE, "podman@%u_",
                   (unsigned)container->user);
}

static void write_container_name(const struct identity *identity,
                                 const char *rest,
                                 char name[INSTANCE_NAME_SIZE]) {
  const char *own = identity->container.name;
  char head[ENGINE_SIZE + CONTAINER_ID_SHOWN + 8];
  char engine[ENGINE_SIZE];

  /* What is in a container called "pod" would have the names of pods. The "+"
   * is replaced, and a hash tells them apart. */
  write_engine(&identity->container, engine);
  (void)snprintf(head, sizeof(head), "%spod+", engine);
  if (strlen(own) + 1 == strlen(head) && strncmp(own, head, strlen(own)) == 0)
    own = head;
  if (identity->container.kind == CONTAINER_PODMAN_POD) {
    (void)snprintf(head, sizeof(head), "%spod+%.*s", engine, CONTAINER_ID_SHOWN,
                   identity->container.id);
    instance_name_of_container(&(struct container_name){head, "", ""}, rest,
                               name);
  } else if (own[0] != '\0') {
    instance_name_of_container(&(struct container_name){"", own, ""}, rest,
                               name);
  } else {
    write_kubernetes_name(identity, rest, name);
  }
}

/* Names a cgroup after the container that it is in, if that has a name. Returns
 * 0, or -ENOMEM and it keeps the name it has. */
static int name_cgroup(struct tree *tree, struct cgroup *cgroup,
                       const struct cgroup *holder) {
  const struct identity *identity = holder->identity;
  char path[TREE_PATH_SIZE];
  char name[INSTANCE_NAME_SIZE];

  if (!identity->is_known)
    return 0;
  write_container_name(identity, path_within(cgroup, holder, path), name);
  return tree_rename(tree, cgroup, name, holder->inode);
}

/* Does the same for all that is in the container of `holder`, except for
 * containers in a pod. */
static int name_all(struct tree *tree, struct cgroup *holder) {
  int failure = 0;

  for (struct cgroup *cgroup = holder; cgroup != NULL;) {
    bool other = cgroup != holder && cgroup->identity != NULL;
    if (!other) {
      int status = name_cgroup(tree, cgroup, holder);
      failure = failure < 0 ? failure : status;
    }
    cgroup = tree_next(cgroup, holder, other);
  }
  return failure;
}

/* The values of all these go out from now on, or wait. */
static void let_wait(struct identity *identity, bool waits) {
  struct cgroup *holder = identity->cgroup;

  for (struct cgroup *cgroup = holder; cgroup != NULL;) {
    bool other = cgroup != holder && cgroup->identity != NULL;
    if (!other)
      cgroup->waits = waits;
    cgroup = tree_next(cgroup, holder, other);
  }
  identity->is_out |= !waits;
}

static struct identity *pod_of(const struct identity *identity) {
  const struct cgroup *parent = identity->cgroup->parent;

  return parent != NULL ? parent->identity : NULL;
}

static bool is_silent(const struct naming *naming,
                      const struct identity *identity) {
  return (int32_t)(identity->silent_until - naming->passes) > 0;
}

/* Returns whether it is about to go on with the name of another container. A
 * container that is new has a counter that is, too. */
static bool takes_from_another(const struct naming *naming,
                               const struct tree *tree,
                               const struct identity *identity,
                               const char *name) {
  const struct cgroup *cgroup = identity->cgroup;

  if (identity->found == naming->passes || !identity->is_out ||
      strcmp(name, cgroup->instance) == 0)
    return false;
  const struct cgroup *owner = tree_find_named(tree, name);
  return owner != NULL
             ? owner->name_rank != 0 && owner->name_rank < cgroup->inode
             : was_freed_lately(naming, name);
}

/* Names all that is in the container. The name that it had before is free then.
 * Returns 0 or -ENOMEM. */
static int change_name(struct naming *naming, struct tree *tree,
                       struct identity *identity) {
  const struct cgroup *cgroup = identity->cgroup;
  bool had_own = has_own_name(cgroup);
  char before[INSTANCE_NAME_SIZE];

  (void)snprintf(before, sizeof(before), "%s", cgroup->instance);
  int status = name_all(tree, identity->cgroup);
  if (had_own && strcmp(before, cgroup->instance) != 0)
    free_name(naming, before);
  return status;
}

/* Gives a container its name, now that it is known. Returns whether nothing is
 * left to do: there was memory, no younger one has the name, and its values go
 * out. */
static bool give_known_name(struct naming *naming, struct tree *tree,
                            struct identity *identity) {
  const struct cgroup *cgroup = identity->cgroup;
  char name[INSTANCE_NAME_SIZE];

  identity->is_known = true;
  identity->is_provisional = false;
  write_container_name(identity, "", name);
  bool takes = takes_from_another(naming, tree, identity, name);
  int status = change_name(naming, tree, identity);
  if (takes && strcmp(name, cgroup->instance) == 0)
    identity->silent_until = naming->passes + NAMING_SILENCE;
  let_wait(identity, is_silent(naming, identity));
  if (status < 0 || cgroup->apart || is_silent(naming, identity))
    return false;
  take_out_unnamed(naming, identity);
  return true;
}

static bool is_of_pod(const struct kubernetes_names *names,
                      const struct identity *pod) {
  return !pod->is_known ||
         (strcmp(names->namespace_name, pod->names.namespace_name) == 0 &&
          strcmp(names->pod, pod->names.pod) == 0);
}

/* Stores the names of a container in a pod. A pod without a name gets its part
 * of them. */
static bool find_container(struct naming *naming, struct tree *tree,
                           struct identity *identity) {
  struct identity *pod = pod_of(identity);
  struct kubernetes_names names;

  if (pod == NULL || pod->is_refused)
    return false;
  if (kubernetes_find_container(&naming->kubernetes, &identity->container,
                                &names) &&
      is_of_pod(&names, pod)) {
    identity->names = names;
    if (!pod->is_known) {
      pod->names = names;
      pod->names.container[0] = pod->names.restarts[0] = '\0';
      (void)give_known_name(naming, tree, pod);
    }
    return true;
  }
  int status = pod->is_known ? kubernetes_is_sandbox(&naming->kubernetes,
                                                     &identity->container)
                             : 0;
  identity->is_sandbox = status > 0;
  if (identity->is_sandbox)
    identity->names = pod->names;
  /* The link of any other container is there by then. */
  naming->sandboxes_denied |= error_is_denial(status) &&
                              naming->passes - identity->found >= NAMING_WAIT;
  return identity->is_sandbox;
}

/* Without memory for them, they are missing. */
static void keep_labels(struct identity *identity,
                        const struct docker_container *found, size_t count) {
  if (count == 0)
    return;
  if (identity->labels == NULL)
    identity->labels = calloc(count, sizeof(*identity->labels));
  if (identity->labels != NULL)
    memcpy(identity->labels, found->labels, count * sizeof(*identity->labels));
}

static int ask_docker(struct naming *naming, struct identity *identity,
                      const char *parent, char name[ENGINE_NAME_SIZE]) {
  struct docker_container found;
  int status = docker_find(&naming->docker, identity->container.id,
                           identity->cgroup->component, parent, &found);

  if (status < 0)
    return status;
  memcpy(name, found.name, sizeof(found.name));
  memcpy(identity->image, found.image, sizeof(found.image));
  keep_labels(identity, &found, naming->docker.label_count);
  identity->file = found.file;
  return 0;
}

/* What Podman's lists say is true after a rename as well, and whoever is not in
 * them is none of its containers. So its processes are asked only if there is
 * no list to read. Those of other users than root are not asked: they can keep
 * a reader waiting. */
static int ask_podman(struct naming *naming, struct identity *identity,
                      const char *parent, char name[ENGINE_NAME_SIZE]) {
  const struct container *container = &identity->container;
  const char *id = container->id;
  int listed = podman_find(&naming->podman, container->user, id, name);

  if (container->user != 0 && error_is_denial(listed))
    naming->podman_denied = naming->podman.user_denied;
  if (container->user != 0 || listed == 0 ||
      !(error_is_denial(listed) || listed == -ENODATA || listed == -EOPNOTSUPP))
    return listed;
  int status = conmon_find(&naming->conmon, id, parent, name);
  if (status == -ENOENT && error_is_denial(listed))
    naming->podman_denied = naming->podman.denied;
  return status;
}

static bool is_of_engine(const struct identity *identity) {
  return identity->container.kind == CONTAINER_OF_DOCKER ||
         identity->container.kind == CONTAINER_OF_PODMAN;
}

/* Stores the name of a container of Docker or Podman, and whether it is another
 * one than before. Returns 0 or a negative errno. */
static int find_engine_name(struct naming *naming, struct identity *identity,
                            bool *is_new) {
  bool is_docker = identity->container.kind == CONTAINER_OF_DOCKER;
  char parent[TREE_PATH_SIZE];
  char engine[ENGINE_SIZE];
  char name[ENGINE_NAME_SIZE];
  char before[CONTAINER_NAME_SIZE];

  *is_new = false;
  if (identity->cgroup->parent == NULL)
    return -ENOENT;
  (void)tree_path(identity->cgroup->parent, parent);
  int status = is_docker ? ask_docker(naming, identity, parent, name)
                         : ask_podman(naming, identity, parent, name);
  if (error_is_scarcity(status))
    identity->is_tried = false;
  if (status < 0)
    return status;
  memcpy(before, identity->container.name, sizeof(before));
  write_engine(&identity->container, engine);
  (void)snprintf(identity->container.name, sizeof(identity->container.name),
                 "%s%s", engine, name);
  *is_new = strcmp(before, identity->container.name) != 0;
  return 0;
}

/* Returns whether the name is known now, or was already without memory to give
 * it. */
static bool find_name(struct naming *naming, struct tree *tree,
                      struct identity *identity) {
  bool is_new = false;

  if (identity->is_known && !identity->is_provisional)
    return true;
  switch (identity->container.kind) {
  case CONTAINER_POD:
    return kubernetes_find_pod(&naming->kubernetes, identity->container.pod_uid,
                               &identity->names);
  case CONTAINER_OF_DOCKER:
  case CONTAINER_OF_PODMAN:
    return find_engine_name(naming, identity, &is_new) == 0;
  case CONTAINER_PODMAN_POD:
    return true;
  default:
    return find_container(naming, tree, identity);
  }
}

/* Returns whether the pod's name is known and the container's is not. */
static bool may_be_provisional(const struct identity *identity) {
  const struct identity *pod = pod_of(identity);

  return identity->container.kind == CONTAINER_OF_POD && !identity->is_known &&
         pod != NULL && pod->is_known;
}

/* Without the container's name, its values go out under the pod's, if that is
 * known. */
static void stop_waiting(struct tree *tree, struct identity *identity) {
  if (may_be_provisional(identity)) {
    identity->names = pod_of(identity)->names;
    identity->is_known = identity->is_provisional = true;
  }
  (void)name_all(tree, identity->cgroup);
  let_wait(identity, false);
}

static void try_again_later(struct naming *naming, struct identity *identity) {
  if (is_silent(naming, identity)) {
    identity->retry = identity->silent_until;
    return;
  }
  if (naming->passes - identity->found >= 2 * NAMING_WAIT)
    identity->delay = identity->delay < NAMING_DELAY_MAX / 2
                          ? identity->delay * 2
                          : NAMING_DELAY_MAX;
  identity->retry = naming->passes + identity->delay;
}

/* A link of the kubelet comes after its cgroup, but what tells the names of
 * Docker and Podman before. */
static bool has_to_wait(const struct naming *naming,
                        const struct identity *identity) {
  bool may_come = !identity->is_tried ||
                  (!is_of_engine(identity) && naming->kubernetes.has_source);

  return is_silent(naming, identity) ||
         (may_come && naming->passes - identity->found < NAMING_WAIT);
}

/* Returns whether it is looked up now. What users make has attempts of its own,
 * so that nobody delays the names of others. */
static bool takes_turn(const struct naming *naming,
                       const struct identity *identity,
                       struct naming_attempts *left) {
  size_t *attempts =
      identity->container.user != 0 ? &left->of_users : &left->of_root;

  if ((int32_t)(naming->passes - identity->retry) < 0 || *attempts == 0)
    return false;
  --*attempts;
  return true;
}

static void look_up_names(struct naming *naming, struct tree *tree,
                          struct naming_attempts attempts) {
  struct identity *tried = NULL;
  struct identity **end = &tried;

  for (size_t left = naming->unnamed_count; left > 0 && naming->unnamed != NULL;
       left--) {
    struct identity *identity = naming->unnamed;

    take_out_unnamed(naming, identity);
    if (!takes_turn(naming, identity, &attempts)) {
      append_unnamed(naming, identity);
      continue;
    }
    identity->is_tried = true;
    if (find_name(naming, tree, identity) &&
        give_known_name(naming, tree, identity))
      continue;
    identity->next = NULL;
    *end = identity;
    end = &identity->next;
  }
  /* Those that had their turn go to the end, so that all have one. */
  while (tried != NULL) {
    struct identity *identity = tried;
    tried = identity->next;
    append_unnamed(naming, identity);
    try_again_later(naming, identity);
  }
}

static void find_names(struct naming *naming, struct tree *tree,
                       struct naming_attempts attempts) {
  look_up_names(naming, tree, attempts);
  for (struct identity *identity = naming->unnamed; identity != NULL;
       identity = identity->next)
    if (!has_to_wait(naming, identity) &&
        (identity->cgroup->waits || may_be_provisional(identity)))
      stop_waiting(tree, identity);
}

/* A container that lost its name to a younger one gets it back when that has
 * gone. */
static void look_for_lost_names(struct naming *naming, struct tree *tree) {
  struct cgroup *const *order = tree_order(tree);
  if (order == NULL)
    return;
  for (size_t i = 0; i < tree->count; i++) {
    struct identity *identity = order[i]->identity;
    if (identity == NULL || !identity->is_known || !order[i]->apart)
      continue;
    identity->retry = naming->passes;
    if (!identity->is_unnamed)
      append_unnamed(naming, identity);
  }
}

/* Looks for the new name of a container. What is wrong with Docker's file
 * itself stays so until it is changed again; any other error may pass. Returns
 * whether there is a new name. */
static bool look_for_new_name(struct naming *naming, struct tree *tree,
                              struct identity *identity,
                              const struct file_stamp *stamp) {
  bool is_new = false;
  int status = find_engine_name(naming, identity, &is_new);

  if (status == -EINVAL || status == -EFBIG || status == -ENOENT)
    identity->file = *stamp;
  if (!is_new)
    return false;
  if (!give_known_name(naming, tree, identity) && !identity->is_unnamed)
    append_unnamed(naming, identity);
  return true;
}

/* Docker's files are looked at one by one, and read only if they have changed.
 * Podman's lists are in memory, and its processes never have new names. Returns
 * whether a file was read. */
static bool look_at_engine(struct naming *naming, struct tree *tree,
                           struct identity *identity, bool *found) {
  bool is_docker = identity->container.kind == CONTAINER_OF_DOCKER;
  const char *id = identity->container.id;
  struct file_stamp stamp = {0};
  char name[ENGINE_NAME_SIZE];

  if (is_docker
          ? !docker_has_changed(&naming->docker, id, &identity->file, &stamp)
          : podman_find(&naming->podman, identity->container.user, id, name) <
                0)
    return false;
  *found |= look_for_new_name(naming, tree, identity, &stamp);
  return is_docker;
}

/* Returns whether some names are free now. If more files have changed than are
 * read in one pass, the others have their turn in the next. */
static bool look_for_renamed(struct naming *naming, struct tree *tree) {
  uint64_t now = naming->renamed_nsec;
  struct cgroup *const *order = tree_order(tree);
  size_t changed = 0;
  bool found = false;

  if (order == NULL || monotonic_nsec(&now) < 0 ||
      now - naming->renamed_nsec < NAMING_RENAMED_SEC * NSEC_PER_SEC)
    return false;
  for (size_t i = 0; i < tree->count && changed < NAMING_ATTEMPTS; i++) {
    struct identity *identity = order[i]->identity;
    if (identity != NULL && identity->is_known && is_of_engine(identity))
      changed += look_at_engine(naming, tree, identity, &found);
  }
  if (changed < NAMING_ATTEMPTS)
    naming->renamed_nsec = now;
  return found;
}

static void forget_name(struct naming *naming, struct identity *identity) {
  if (has_own_name(identity->cgroup))
    free_name(naming, identity->cgroup->instance);
  identity->is_known = identity->is_provisional = false;
  if (!identity->is_refused && !identity->is_unnamed)
    append_unnamed(naming, identity);
}

/* It stays without a name, with all that is in it, as long as the older one is
 * there. */
static void refuse(struct naming *naming, struct tree *tree,
                   struct identity *identity) {
  identity->is_refused = true;
  take_out_unnamed(naming, identity);
  for (struct cgroup *cgroup = identity->cgroup; cgroup != NULL;
       cgroup = tree_next(cgroup, identity->cgroup, false)) {
    if (cgroup->identity != NULL) {
      forget_name(naming, cgroup->identity);
      cgroup->identity->is_out = true;
    }
    cgroup->waits = false;
    (void)tree_name_by_path(tree, cgroup);
  }
}

/* An id is that of one container or pod only: of two cgroups with it, the older
 * one is what it seems, or neither. Returns 0 or -ENOMEM. */
static int add_id(struct naming *naming, struct tree *tree,
                  struct identity *identity) {
  struct identity **place =
      tsearch(identity, &naming->by_id, compare_identities);

  if (place == NULL)
    return -ENOMEM;
  struct identity *first = *place;
  assert(first != NULL);
  if (first == identity)
    return 0;
  struct identity **link = place;
  while (*link != NULL && (*link)->cgroup->inode < identity->cgroup->inode)
    link = &(*link)->next_same;
  identity->next_same = *link;
  *link = identity;
  identity->is_refused = *place != identity || names_neither(identity);
  if (!first->is_refused && (*place == identity || names_neither(first)))
    refuse(naming, tree, first);
  return 0;
}

static int add_identity(struct naming *naming, struct tree *tree,
                        struct cgroup *cgroup,
                        const struct container *container) {
  CLEANUP_FREE struct identity *identity = calloc(1, sizeof(*identity));

  if (identity == NULL)
    return -ENOMEM;
  identity->cgroup = cgroup;
  identity->container = *container;
  /* Of a machine that was not known at first, values have gone out. */
  bool is_new = cgroup->birth >= naming->births;
  identity->retry = naming->passes;
  identity->found = is_new ? naming->passes : naming->passes - 1;
  identity->delay = 1;
  if (has_key(identity) && add_id(naming, tree, identity) < 0)
    return -ENOMEM;
  cgroup->identity = identity;
  /* What is refused does not wait. */
  identity->is_out = identity->is_refused || !is_new;
  if (!identity->is_refused)
    append_unnamed(naming, identity);
  bool says_it_all = container->kind == CONTAINER_NAMED ||
                     container->kind == CONTAINER_OF_CONTAINERD ||
                     container->kind == CONTAINER_OF_NERDCTL ||
                     container->kind == CONTAINER_PODMAN_POD;
  if (says_it_all && !identity->is_refused)
    (void)give_known_name(naming, tree, identity);
  else
    cgroup->waits = !identity->is_refused;
  (void)TAKE_POINTER(identity);
  return 0;
}

/* Asked when the cgroup is there: whatever is given to somebody else is given
 * before that one creates something in it. All that is in a user's own cgroup
 * is that user's. Returns 1, 0 or a negative errno. */
static int is_placed_by_owner(const struct naming *naming, const char *path,
                              uid_t user) {
  CLEANUP_FREE char *above = strdup(path + 1);
  unsigned depth = 0;

  if (above == NULL)
    return -ENOMEM;
  int status = naming->is_owned_by(naming->context, ".", 0);
  for (char *slash = above; status > 0 && (slash = strchr(slash, '/')) != NULL;
       slash++) {
    bool is_users = user != 0 && ++depth == CONTAINER_USER_DEPTH;
    *slash = '\0';
    status = naming->is_owned_by(naming->context, above, is_users ? user : 0);
    *slash = '/';
    if (is_users)
      break;
  }
  return status;
}

static bool is_of_containerd(const struct container *container) {
  return container->kind == CONTAINER_OF_CONTAINERD ||
         container->kind == CONTAINER_OF_NERDCTL;
}

/* What nerdctl calls a container, at the time when its cgroup is found. What
 * cannot be read or makes no sense stays so. Returns 0, or a negative errno
 * that may pass. */
static int ask_nerdctl(struct naming *naming, const struct cgroup *cgroup,
                       struct container *container) {
  bool has_scope = container->kind == CONTAINER_OF_NERDCTL;
  const char *parent = cgroup->parent->component;
  char name[ENGINE_NAME_SIZE];
  int status = has_scope ? containerd_find_scope(&naming->containerd,
                                                 container->id, parent, name)
                         : containerd_find_name(&naming->containerd, parent,
                                                cgroup->component, name);

  if (error_is_scarcity(status))
    return status;
  if (status < 0) {
    if (has_scope)
      container->kind = CONTAINER_UNNAMED;
    return 0;
  }
  container->kind = CONTAINER_OF_NERDCTL;
  (void)snprintf(container->name, sizeof(container->name), "nerdctl_%s", name);
  return 0;
}

/* Above a task, there is only the cgroup of its namespace. One of nerdctl has
 * an id like those of Docker. What may not be looked at stays so. Returns 0, or
 * a negative errno that may pass. */
static int consider_task(struct naming *naming, const struct cgroup *cgroup,
                         struct container *container) {
  bool is_id = container->kind == CONTAINER_OF_DOCKER &&
               strcmp(container->id, cgroup->component) == 0;
  if ((container->kind != CONTAINER_NONE && !is_id) || cgroup->depth != 2)
    return 0;
  const char *namespace_name = cgroup->parent->component;
  int status =
      containerd_find(&naming->containerd, namespace_name, cgroup->component);
  if (status < 0)
    return status == -ENOENT || error_is_denial(status) ? 0 : status;
  struct container task = {.kind = CONTAINER_OF_CONTAINERD,
                           .runtime = "containerd",
                           .depth = cgroup->depth};
  (void)snprintf(task.name, sizeof(task.name), "ctr_%s_%s", namespace_name,
                 cgroup->component);
  if (is_id)
    memcpy(task.id, container->id, sizeof(task.id));
  *container = task;
  return 0;
}

/* Whoever is root in a task of containerd can create any cgroup there. */
static bool is_in_task(const struct cgroup *cgroup) {
  const struct cgroup *holder = holder_of(cgroup->parent);

  return holder != NULL && is_of_containerd(&holder->identity->container);
}

/* A machine of which only machined knows, because its unit has another name. */
static void consider_machine(const struct naming *naming, const char *path,
                             const struct cgroup *cgroup,
                             struct container *container) {
  char name[ENGINE_NAME_SIZE];

  if (container->kind != CONTAINER_NONE || !container_is_unit(path) ||
      machined_find(&naming->machined, cgroup->component, name) < 0)
    return;
  *container =
      (struct container){.kind = CONTAINER_NAMED, .depth = cgroup->depth};
  (void)snprintf(container->name, sizeof(container->name), "machine_%s", name);
}

/* Gives the cgroup of a container an identity, if whoever may have made it is
 * its owner. Returns 0, or a negative errno if it has to be considered again.
 */
static int add_placed(struct naming *naming, struct tree *tree,
                      struct cgroup *cgroup, const char *path,
                      struct container *container) {
  int status = is_placed_by_owner(naming, path, container->user);

  if (status <= 0)
    return status;
  if (is_of_containerd(container))
    status = ask_nerdctl(naming, cgroup, container);
  return status < 0 || container->kind == CONTAINER_UNNAMED
             ? status
             : add_identity(naming, tree, cgroup, container);
}

/* Gives the cgroup of a container an identity. Whoever else may create cgroups
 * could have made it look like one of another's, so nothing is read before it
 * is known who did. Returns 0, or a negative errno if it has to be considered
 * again. */
static int identify_container(struct naming *naming, struct tree *tree,
                              struct cgroup *cgroup) {
  char path[TREE_PATH_SIZE];
  struct container container;

  (void)tree_path(cgroup, path);
  container_of_path(path, &container);
  consider_machine(naming, path, cgroup, &container);
  int status = consider_task(naming, cgroup, &container);
  if (status < 0 || container.kind == CONTAINER_NONE ||
      container.kind == CONTAINER_UNNAMED || container.depth != cgroup->depth ||
      is_in_task(cgroup))
    return status;
  return add_placed(naming, tree, cgroup, path, &container);
}

/* Returns 0, or a negative errno if it has to be considered again. */
static int consider(struct naming *naming, struct tree *tree,
                    struct cgroup *cgroup) {
  if (cgroup->identity != NULL)
    return 0;
  int status = identify_container(naming, tree, cgroup);
  const struct cgroup *holder = holder_of(cgroup);
  if (status < 0 || holder == NULL || holder == cgroup)
    return status;
  cgroup->waits = holder->waits;
  return name_cgroup(tree, cgroup, holder);
}

/* Parents come first. What failed comes again in the next pass, and what is
 * younger with it. */
static void consider_new(struct naming *naming, struct tree *tree) {
  struct cgroup *const *order = tree_order(tree);
  uint64_t births = tree->births;

  if (order == NULL)
    return;
  for (size_t i = 0; i < tree->count; i++)
    if (order[i]->birth >= naming->births &&
        consider(naming, tree, order[i]) < 0 && order[i]->birth < births)
      births = order[i]->birth;
  naming->births = births;
}

/* A machine is registered after its unit was started, and so after its cgroup
 * was found. */
static bool looks_for_machines(const struct naming *naming) {
  return naming->passes - naming->newest < NAMING_WAIT ||
         naming->passes % NAMING_DELAY_MAX == 0;
}

static void look_for_machines(struct naming *naming, struct tree *tree) {
  struct cgroup *const *order = tree_order(tree);
  char path[TREE_PATH_SIZE];

  for (size_t i = 0; order != NULL && i < tree->count; i++) {
    struct cgroup *cgroup = order[i];
    struct container machine;
    if (holder_of(cgroup) != NULL)
      continue;
    (void)tree_path(cgroup, path);
    container_of_path(path, &machine);
    if (machine.kind != CONTAINER_NONE)
      continue;
    consider_machine(naming, path, cgroup, &machine);
    /* The links are looked at again, because the error may pass. */
    if (machine.kind != CONTAINER_NONE &&
        add_placed(naming, tree, cgroup, path, &machine) < 0)
      naming->machined.stamp = (struct file_stamp){0};
  }
}

/* Each source is told once. Returns whether it is told now. */
static bool tell(bool *told, const struct naming_denial *known,
                 struct naming_denial *denial) {
  if (known->path == NULL || *told)
    return false;
  *told = true;
  *denial = *known;
  return true;
}

static void note_denial(struct naming *naming, struct naming_denial *denial) {
  const struct kubernetes *kubernetes = &naming->kubernetes;
  const char *nerdctl = naming->containerd.denied;
  const struct {
    bool *told;
    struct naming_denial known;
  } sources[] = {
      {&naming->kubernetes_told, {.path = kubernetes->denied}},
      {&naming->sandboxes_told,
       {.path = naming->sandboxes_denied ? kubernetes->sandboxes : NULL,
        .is_of_sandboxes = true}},
      {&naming->docker_told,
       {.path = naming->docker.denied, .engine = "Docker"}},
      {&naming->podman_told,
       {.path = naming->podman_denied, .engine = "Podman"}},
      {&naming->nerdctl_told,
       {.path = nerdctl[0] != '\0' ? nerdctl : NULL, .engine = "nerdctl"}},
  };

  *denial = (struct naming_denial){0};
  for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
    if (tell(sources[i].told, &sources[i].known, denial))
      return;
}

static void end_search(struct naming *naming) {
  docker_end(&naming->docker);
  podman_end(&naming->podman);
  conmon_end(&naming->conmon);
  containerd_end(&naming->containerd);
}

void naming_update(struct naming *naming, struct tree *tree,
                   struct naming_denial *denial) {
  *denial = (struct naming_denial){0};
  if (!naming->enabled)
    return;
  naming->passes++;
  naming->podman_denied = NULL;
  kubernetes_begin(&naming->kubernetes);
  if (tree->births != naming->births)
    naming->newest = naming->passes;
  bool has_machines =
      looks_for_machines(naming) && machined_begin(&naming->machined);
  if (tree->births != naming->births)
    consider_new(naming, tree);
  if (has_machines)
    look_for_machines(naming, tree);
  if (look_for_renamed(naming, tree) || naming->passes % NAMING_DELAY_MAX == 0)
    look_for_lost_names(naming, tree);
  find_names(naming, tree, attempts_of_pass);
  end_search(naming);
  note_denial(naming, denial);
}

/* Those that have no name yet had their turn in the latest pass. What a user
 * can cause, to find that one's home directory, waits for the next pass. */
void naming_meet(struct naming *naming, struct tree *tree) {
  if (!naming->enabled || tree->births == naming->births)
    return;
  kubernetes_begin(&naming->kubernetes);
  naming->newest = naming->passes + 1;
  consider_new(naming, tree);
  find_names(naming, tree, attempts_between);
  end_search(naming);
}

/* As the API writes it. */
static void write_uid(const struct container *container,
                      char uid[POD_UID_SIZE + 4]) {
  const char *digits = container->pod_uid;

  if (container->is_api_uid)
    (void)snprintf(uid, POD_UID_SIZE + 4, "%.8s-%.4s-%.4s-%.4s-%s", digits,
                   digits + 8, digits + 12, digits + 16, digits + 20);
  else
    uid[0] = '\0';
}

/* The name that the engine knows, without what we put before it. */
static const char *own_name(const struct identity *identity) {
  return is_of_engine(identity) ||
                 identity->container.kind == CONTAINER_OF_NERDCTL
             ? strchr(identity->container.name, '_') + 1
             : "";
}

static void describe_labels(const struct naming *naming,
                            const struct identity *identity,
                            naming_attribute each, void *context) {
  char key[DOCKER_LABEL_NAME_SIZE + sizeof("container.label.")];

  for (size_t i = 0; i < naming->docker.label_count && identity->labels != NULL;
       i++) {
    (void)snprintf(key, sizeof(key), "container.label.%s",
                   naming->docker.labels[i]);
    if (identity->labels[i][0] != '\0')
      each(context, key, identity->labels[i], false);
  }
}

void naming_describe(const struct naming *naming, const struct cgroup *cgroup,
                     naming_attribute each, void *context) {
  char uid[POD_UID_SIZE + 4];
  const struct cgroup *holder = holder_of(cgroup);

  if (holder == NULL || !holder->identity->is_known)
    return;
  const struct identity *identity = holder->identity;
  const struct container *container = &identity->container;
  bool is_pod = container->kind == CONTAINER_POD ||
                container->kind == CONTAINER_PODMAN_POD;
  write_uid(container, uid);
  const struct {
    const char *key;
    const char *text;
    bool is_number;
  } attributes[] = {
      {"k8s.namespace.name", identity->names.namespace_name, false},
      {"k8s.pod.name", identity->names.pod, false},
      {"k8s.pod.uid", uid, false},
      {"k8s.container.name", identity->names.container, false},
      {"k8s.container.restart_count", identity->names.restarts, true},
      {"container.id", is_pod ? "" : container->id, false},
      {"container.name", own_name(identity), false},
      {"container.image.name", identity->image, false},
      {"container.runtime.name", container->runtime, false},
  };
  for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
    if (attributes[i].text != NULL && attributes[i].text[0] != '\0')
      each(context, attributes[i].key, attributes[i].text,
           attributes[i].is_number);
  describe_labels(naming, identity, each, context);
}
