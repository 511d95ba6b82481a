/* SPDX-License-Identifier: MIT */
/* The tasks of containerd that have no engine above it. Their cgroups have no
 * mark of their own, so that only containerd's directories tell which they are;
 * everybody may look at these.
 *
 * containerd, runtime/v2/bundle.go, NewBundle(), and oci/spec.go,
 * populateDefaultUnixSpec(), "CgroupsPath".
 */
#ifndef CGROUP_CPU_CONTAINERD_H
#define CGROUP_CPU_CONTAINERD_H

#include <stdbool.h>
#include <sys/types.h>

struct containerd {
  /* What stands before "/run/containerd"; borrowed. */
  const char *name_root;
  /* Owns containerd's files: 0, except in tests. */
  uid_t owner;
  /* The directory of the tasks, or a negative errno: it is open only in passes
   * that look up something. */
  int directory;
  bool is_fresh;
};

/* Prepares `containerd`; opens nothing. */
void containerd_open(struct containerd *containerd, const char *name_root);

/* Ends a pass, and closes all that it had open. */
void containerd_end(struct containerd *containerd);

/* Returns 0 if there is a task `id` in this namespace of containerd, or a
 * negative errno: -ENOENT if there is none. One system call. */
int containerd_find(struct containerd *containerd, const char *namespace_name,
                    const char *id);

#endif
