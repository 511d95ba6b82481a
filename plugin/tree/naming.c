/* SPDX-License-Identifier: MIT */
#include "tree/naming.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/monotonic.h"

/* What is known of a container, a pod or a machine. */
struct identity {
  struct cgroup *cgroup;
  struct container container;
  /* Of a pod, if `is_known`. */
  struct kubernetes_names names;
  /* What the file with the name of a container of Docker was. */
  struct file_stamp file;
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
  return kubernetes_open(&naming->kubernetes, name_root);
}

void naming_close(struct naming *naming) {
  docker_end(&naming->docker);
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

  return order != 0 ? order : strcmp(a->container.id, b->container.id);
}

/* Two cgroups could seem to be the same pod or container. Those of Docker have
 * their names only in the place where Docker put them. */
static bool has_key(const struct identity *identity) {
  return identity->container.kind == CONTAINER_POD ||
         identity->container.kind == CONTAINER_OF_POD;
}

/* The next one with its id is what it seems now. */
static void leave_to_next(struct naming *naming, struct identity **place) {
  struct identity *next = (*place)->next_same;

  if (next == NULL) {
    (void)tdelete(*place, &naming->by_id, compare_identities);
    return;
  }
  *place = next;
  next->is_refused = false;
  next->found = next->retry = naming->passes;
  next->delay = 1;
  append_unnamed(naming, next);
}

static void forget_id(struct naming *naming, struct identity *identity) {
  struct identity **place = tfind(identity, &naming->by_id, compare_identities);

  if (*place == identity) {
    leave_to_next(naming, place);
    return;
  }
  struct identity **link = &(*place)->next_same;
  while (*link != identity)
    link = &(*link)->next_same;
  *link = identity->next_same;
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
  free(identity);
  cgroup->identity = NULL;
}

static struct cgroup *holder_of(struct cgroup *cgroup) {
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

static void write_container_name(const struct identity *identity,
                                 const char *rest,
                                 char name[INSTANCE_NAME_SIZE]) {
  if (identity->container.name[0] != '\0')
    instance_name_of_container(
        &(struct container_name){"", identity->container.name, ""}, rest, name);
  else
    write_kubernetes_name(identity, rest, name);
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
      (void)give_known_name(naming, tree, pod);
    }
    return true;
  }
  identity->is_sandbox =
      pod->is_known &&
      kubernetes_is_sandbox(&naming->kubernetes, &identity->container);
  if (identity->is_sandbox)
    identity->names = pod->names;
  return identity->is_sandbox;
}

/* Stores the name of a container of Docker, and whether it is another one than
 * before. Returns 0 or a negative errno. */
static int find_docker_name(struct naming *naming, struct identity *identity,
                            bool *is_new) {
  const struct cgroup *cgroup = identity->cgroup;
  char parent[TREE_PATH_SIZE];
  char name[DOCKER_NAME_SIZE];
  char before[CONTAINER_NAME_SIZE];

  *is_new = false;
  if (cgroup->parent == NULL)
    return -ENOENT;
  (void)tree_path(cgroup->parent, parent);
  int status = docker_find(&naming->docker, identity->container.id,
                           cgroup->component, parent, name, &identity->file);
  if (status < 0)
    return status;
  memcpy(before, identity->container.name, sizeof(before));
  (void)snprintf(identity->container.name, sizeof(identity->container.name),
                 "docker_%s", name);
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
    return find_docker_name(naming, identity, &is_new) == 0;
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

/* A link of the kubelet comes after its cgroup, but Docker's file before. */
static bool has_to_wait(const struct naming *naming,
                        const struct identity *identity) {
  bool may_come =
      !identity->is_tried || (identity->container.kind != CONTAINER_OF_DOCKER &&
                              naming->kubernetes.has_source);

  return is_silent(naming, identity) ||
         (may_come && naming->passes - identity->found < NAMING_WAIT);
}

/* Those that had their turn go to the end, so that all have one. */
static void find_names(struct naming *naming, struct tree *tree) {
  size_t attempts = 0;

  for (size_t left = naming->unnamed_count;
       left > 0 && naming->unnamed != NULL && attempts < NAMING_ATTEMPTS;
       left--) {
    struct identity *identity = naming->unnamed;
    bool is_due = (int32_t)(naming->passes - identity->retry) >= 0;

    attempts += is_due;
    identity->is_tried |= is_due;
    if (is_due && find_name(naming, tree, identity) &&
        give_known_name(naming, tree, identity))
      continue;
    take_out_unnamed(naming, identity);
    append_unnamed(naming, identity);
    if (is_due)
      try_again_later(naming, identity);
  }
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

static bool can_be_renamed(const struct identity *identity) {
  return identity != NULL && identity->is_known &&
         identity->container.kind == CONTAINER_OF_DOCKER;
}

/* Looks for the new name of a container whose file was changed. What is wrong
 * with the file itself stays so until it is changed again; any other error may
 * pass. Returns whether there is one. */
static bool look_for_new_name(struct naming *naming, struct tree *tree,
                              struct identity *identity,
                              const struct file_stamp *stamp) {
  bool is_new = false;
  int status = find_docker_name(naming, identity, &is_new);

  if (status == -EINVAL || status == -EFBIG || status == -ENOENT)
    identity->file = *stamp;
  if (!is_new)
    return false;
  if (!give_known_name(naming, tree, identity) && !identity->is_unnamed)
    append_unnamed(naming, identity);
  return true;
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
    struct file_stamp stamp;
    if (!can_be_renamed(identity) ||
        !docker_has_changed(&naming->docker, identity->container.id,
                            &identity->file, &stamp))
      continue;
    changed++;
    found |= look_for_new_name(naming, tree, identity, &stamp);
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
    if (cgroup->identity != NULL)
      forget_name(naming, cgroup->identity);
    cgroup->waits = false;
    (void)tree_name_by_path(tree, cgroup);
  }
}

/* An id is that of one container or pod only: of two cgroups with it, the older
 * one is what it seems. Returns 0 or -ENOMEM. */
static int add_id(struct naming *naming, struct tree *tree,
                  struct identity *identity) {
  struct identity **place =
      tsearch(identity, &naming->by_id, compare_identities);

  if (place == NULL)
    return -ENOMEM;
  if (*place == identity)
    return 0;
  struct identity *first = *place;
  if (identity->cgroup->inode < first->cgroup->inode) {
    identity->next_same = first;
    *place = identity;
    refuse(naming, tree, first);
    return 0;
  }
  while (first->next_same != NULL &&
         first->next_same->cgroup->inode < identity->cgroup->inode)
    first = first->next_same;
  identity->next_same = first->next_same;
  first->next_same = identity;
  identity->is_refused = true;
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
  identity->found = identity->retry = naming->passes;
  identity->delay = 1;
  if (has_key(identity) && add_id(naming, tree, identity) < 0)
    return -ENOMEM;
  cgroup->identity = identity;
  if (!identity->is_refused)
    append_unnamed(naming, identity);
  if (container->kind == CONTAINER_NAMED)
    (void)give_known_name(naming, tree, identity);
  else
    cgroup->waits = !identity->is_refused;
  (void)TAKE_POINTER(identity);
  return 0;
}

/* Asked when the cgroup is there: whatever is given to somebody else is given
 * before that one creates something in it. Returns 1, 0 or a negative errno. */
static int is_placed_by_root(const struct naming *naming, const char *path) {
  CLEANUP_FREE char *above = strdup(path + 1);

  if (above == NULL)
    return -ENOMEM;
  int status = naming->is_roots(naming->context, ".");
  for (char *slash = above; status > 0 && (slash = strchr(slash, '/')) != NULL;
       slash++) {
    *slash = '\0';
    status = naming->is_roots(naming->context, above);
    *slash = '/';
  }
  return status;
}

/* The path alone tells whether the cgroup is in a container. Whoever else may
 * create cgroups could have made it look like one of another's. Returns 0, or a
 * negative errno if it has to be considered again. */
static int consider(struct naming *naming, struct tree *tree,
                    struct cgroup *cgroup) {
  char path[TREE_PATH_SIZE];
  struct container container;

  (void)tree_path(cgroup, path);
  container_of_path(path, &container);
  if (container.kind == CONTAINER_NONE || container.kind == CONTAINER_UNNAMED ||
      cgroup->identity != NULL)
    return 0;
  if (container.depth == cgroup->depth) {
    int status = is_placed_by_root(naming, path);
    if (status != 0)
      return status > 0 ? add_identity(naming, tree, cgroup, &container)
                        : status;
  }
  struct cgroup *holder = holder_of(cgroup);
  if (holder == NULL)
    return 0;
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

/* Each source is told once. */
static void note_denial(struct naming *naming, struct naming_denial *denial) {
  *denial = (struct naming_denial){0};
  if (naming->kubernetes.denied != NULL && !naming->kubernetes_told) {
    naming->kubernetes_told = true;
    denial->path = naming->kubernetes.denied;
  } else if (naming->docker.denied != NULL && !naming->docker_told) {
    naming->docker_told = denial->needs_root = true;
    denial->path = naming->docker.denied;
  }
}

void naming_update(struct naming *naming, struct tree *tree,
                   struct naming_denial *denial) {
  *denial = (struct naming_denial){0};
  if (!naming->enabled)
    return;
  naming->passes++;
  kubernetes_begin(&naming->kubernetes);
  if (tree->births != naming->births)
    consider_new(naming, tree);
  if (look_for_renamed(naming, tree) || naming->passes % NAMING_DELAY_MAX == 0)
    look_for_lost_names(naming, tree);
  find_names(naming, tree);
  docker_end(&naming->docker);
  note_denial(naming, denial);
}
