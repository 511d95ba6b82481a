/* SPDX-License-Identifier: MIT */
/* Names the cgroups of containers, and what is below them, as their users call
 * them.
 *
 * A container's name may come later than its cgroup: it is looked up again in
 * each pass, and then less and less often. Meanwhile its values wait, but not
 * for long. What has its name costs nothing any more.
 */
#ifndef CGROUP_CPU_NAMING_H
#define CGROUP_CPU_NAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "name/kubernetes.h"
#include "tree/tree.h"

/* The first value of a container waits at most this many passes for its name,
 * and none at all if there is nothing that could tell it. */
#define NAMING_WAIT 3
/* The longest time between two attempts, in passes, and the most of them in one
 * pass. */
#define NAMING_DELAY_MAX 60
#define NAMING_ATTEMPTS 1024

struct naming {
  bool enabled;
  /* Returns whether only root may create cgroups in the one at `path`, relative
   * to the root of the hierarchy ("." is that root): 1, 0 or a negative
   * errno. */
  int (*is_roots)(void *context, const char *path);
  void *context;
  struct kubernetes kubernetes;
  /* Cgroups with a lower `birth` have been looked at. */
  uint64_t births;
  uint32_t passes;
  /* The oldest identity of each id or pod's uid: a search tree of
   * tsearch(3). */
  void *by_id;
  /* Those whose name is not known, and how many they are; the next to try
   * first. */
  size_t unnamed_count;
  struct identity *unnamed;
  struct identity *last_unnamed;
};

/* Prepares `naming`, without `is_roots` and `context`; opens nothing.
 * `name_root` is the directory that has the host's /var/log and /run, without a
 * "/" at its end; borrowed. With another format than INSTANCE_FORMAT_NAME
 * nothing is named. Returns 0 or -ENOMEM. */
int naming_open(struct naming *naming, enum instance_format format,
                const char *name_root);

void naming_close(struct naming *naming);

/* Names what is new and what has got a name since the last pass. Returns a
 * directory that may not be read and could have names, or NULL. */
const char *naming_update(struct naming *naming, struct tree *tree);

/* Call it for every cgroup that leaves the tree. */
void naming_forget(struct naming *naming, struct cgroup *cgroup);

#endif
