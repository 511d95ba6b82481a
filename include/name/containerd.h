/* SPDX-License-Identifier: MIT */
/* The tasks of containerd that have no engine above it, and those of nerdctl.
 * Without systemd their cgroups have no mark of their own, so that only
 * containerd's directories tell which they are; everybody may look at these.
 * The names that nerdctl gives are in files there, which only root may read.
 *
 * containerd, runtime/v2/bundle.go, NewBundle(), and oci/spec.go,
 * populateDefaultUnixSpec(), "CgroupsPath"; nerdctl, pkg/labels/labels.go, and
 * cmd/nerdctl/container_run_cgroup_linux.go, generateCgroupPath().
 */
#ifndef CGROUP_CPU_CONTAINERD_H
#define CGROUP_CPU_CONTAINERD_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "name/container.h"

/* At most so many namespaces are searched. */
#define CONTAINERD_NAMESPACES 64

struct containerd {
  /* What stands before "/run/containerd"; borrowed. */
  const char *name_root;
  /* Owns containerd's files: 0, except in tests. */
  uid_t owner;
  /* The directory of the tasks, or a negative errno: it is open only in passes
   * that look up something. */
  int directory;
  bool is_fresh;
  /* What may not be read and has the name of a container of nerdctl, or "". */
  char denied[PATH_MAX];
};

/* Prepares `containerd`; opens nothing. */
void containerd_open(struct containerd *containerd, const char *name_root);

/* Ends a pass, and closes all that it had open. */
void containerd_end(struct containerd *containerd);

/* Returns 0 if there is a task `id` in this namespace of containerd, or a
 * negative errno: -ENOENT if there is none. One system call. */
int containerd_find(struct containerd *containerd, const char *namespace_name,
                    const char *id);

/* Both find the name that nerdctl gave to a task, in this namespace, or in any
 * one by the scope that systemd has for it in `slice`. They return 0 or a
 * negative errno, and then store nothing: -ENOENT if nerdctl made no such task,
 * -EINVAL if its file makes no sense, -EOPNOTSUPP without the library that
 * reads it. */
int containerd_find_name(struct containerd *containerd,
                         const char *namespace_name, const char *id,
                         char name[ENGINE_NAME_SIZE]);

int containerd_find_scope(struct containerd *containerd, const char *id,
                          const char *slice, char name[ENGINE_NAME_SIZE]);

#endif
