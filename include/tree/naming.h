/* SPDX-License-Identifier: MIT */
/* Names the cgroups of containers, and what is below them, as their users call
 * them.
 *
 * A container's name may come later than its cgroup: it is looked up again in
 * each pass, and then less and less often. Meanwhile its values wait, but not
 * for long. What has its name costs nothing any more, unless it can be renamed:
 * then one system call now and then.
 */
#ifndef CGROUP_CPU_NAMING_H
#define CGROUP_CPU_NAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "name/conmon.h"
#include "name/containerd.h"
#include "name/docker.h"
#include "name/kubernetes.h"
#include "name/machined.h"
#include "name/podman.h"
#include "tree/tree.h"

/* The first value of a container waits at most this many passes for its name,
 * and none at all if there is nothing that could tell it. */
#define NAMING_WAIT 3
/* For so many passes, a container whose values went out already is silent
 * before it goes on under a name that another one had: whoever stores the
 * counters would see one that jumps. collectd forgets a series after two
 * intervals. */
#define NAMING_SILENCE 3
/* The longest time between two attempts, in passes, and the most of them in one
 * pass: for what root runs, and for what users do. */
#define NAMING_DELAY_MAX 60
#define NAMING_ATTEMPTS 1024
/* The most of them between two passes. */
#define NAMING_ATTEMPTS_BETWEEN 32
/* Containers of Docker and Podman can be renamed. They are looked at again
 * after this time, so that with the usual interval a new name shows within a
 * minute. */
#define NAMING_RENAMED_SEC 45

/* What may not be read and could have names, told for the first time. */
struct naming_denial {
  /* NULL: nothing. Borrowed until the next pass. */
  const char *path;
  /* Only root may read it on any host, and it has the names of this engine; or
   * NULL. */
  const char *engine;
  /* Only root may look into it, where it is known which containers hold the
   * namespaces of a pod. */
  bool is_of_sandboxes;
};

/* How many names are remembered that containers had before. If more of them end
 * at once, one that follows them may not be silent. */
#define NAMING_FREED 4096

struct naming {
  bool enabled;
  /* Returns whether only this user, and root, may create cgroups in the one at
   * `path`, relative to the root of the hierarchy ("." is that root): 1, 0 or a
   * negative errno. */
  int (*is_owned_by)(void *context, const char *path, uid_t user);
  void *context;
  struct kubernetes kubernetes;
  struct docker docker;
  struct podman podman;
  struct conmon conmon;
  struct containerd containerd;
  struct machined machined;
  /* A list of Podman that may not be read and may have a name that was not
   * found in this pass, or NULL. */
  const char *podman_denied;
  bool sandboxes_denied;
  /* When the containers that can be renamed were looked at, on the monotonic
   * clock. */
  uint64_t renamed_nsec;
  /* Which of them were told in a struct naming_denial. */
  bool kubernetes_told;
  bool sandboxes_told;
  bool docker_told;
  bool podman_told;
  bool nerdctl_told;
  /* Cgroups with a lower `birth` have been looked at. */
  uint64_t births;
  uint32_t passes;
  /* The last pass in which there were new cgroups. */
  uint32_t newest;
  /* The oldest identity of each id or pod's uid: a search tree of
   * tsearch(3). */
  void *by_id;
  /* Those whose name is not known, and how many they are; the next to try
   * first. */
  size_t unnamed_count;
  struct identity *unnamed;
  struct identity *last_unnamed;
  /* The names that containers had last, as hashes, and in which pass; a ring.
   */
  struct {
    uint64_t name;
    uint32_t pass;
  } freed[NAMING_FREED];
  size_t freed_next;
};

/* Prepares `naming`, without `is_owned_by`, `context`, those of `conmon` and
 * the labels of `docker`; opens nothing. `name_root` is the directory that has
 * the host's /var/log, /run, /var/lib and /etc/docker, without a "/" at its
 * end; borrowed. With another format than INSTANCE_FORMAT_NAME nothing is
 * named. Returns 0 or -ENOMEM. */
int naming_open(struct naming *naming, enum instance_format format,
                const char *name_root);

void naming_close(struct naming *naming);

/* Names what is new and what has got a name since the last pass. */
void naming_update(struct naming *naming, struct tree *tree,
                   struct naming_denial *denial);

/* Names what is new, between two passes. It waits no longer for that. */
void naming_meet(struct naming *naming, struct tree *tree);

/* Gets the name of an attribute and its text. `is_number`: the text is a whole
 * number. */
typedef void (*naming_attribute)(void *context, const char *key,
                                 const char *text, bool is_number);

/* Tells what is known of the container, pod or machine that the cgroup is in,
 * by the names that OpenTelemetry has for it: its semantic conventions
 * "Container" and "Kubernetes". */
void naming_describe(const struct naming *naming, const struct cgroup *cgroup,
                     naming_attribute each, void *context);

/* Call it for every cgroup that leaves the tree. */
void naming_forget(struct naming *naming, struct cgroup *cgroup);

#endif
