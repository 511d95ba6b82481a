/* SPDX-License-Identifier: MIT */
/* The names of pods and their containers, from what the kubelet and the
 * container runtime leave in the file system. No file is opened there: the
 * names are in names of links and directories, and in targets of links.
 *
 * kubernetes, pkg/kubelet/kuberuntime/legacy.go, logSymlink(), and helpers.go,
 * BuildPodLogsDirectory(); containerd, pkg/cri, getSandboxRootDir(); CRI-O, the
 * log file of a pod's sandbox.
 */
#ifndef CGROUP_CPU_KUBERNETES_H
#define CGROUP_CPU_KUBERNETES_H

#include <limits.h>
#include <stdbool.h>

#include "name/container.h"
#include "name/directory_index.h"

/* The longest names of Kubernetes, and a zero byte: DNS labels and
 * subdomains. */
#define KUBERNETES_LABEL_SIZE 64
#define KUBERNETES_SUBDOMAIN_SIZE 254
/* Nine digits and a zero byte. */
#define KUBERNETES_RESTARTS_SIZE 10

struct kubernetes_names {
  char namespace_name[KUBERNETES_LABEL_SIZE];
  char pod[KUBERNETES_SUBDOMAIN_SIZE];
  /* "" if only the pod is known. */
  char container[KUBERNETES_LABEL_SIZE];
  /* How often the container was started again, in digits, or "". */
  char restarts[KUBERNETES_RESTARTS_SIZE];
};

struct kubernetes {
  /* What stands before "/var/log" and "/run"; borrowed. */
  const char *name_root;
  struct directory_index links;
  struct directory_index pods;
  /* The directories were looked at since kubernetes_begin(). */
  bool is_fresh;
  /* One of them is there, so that a name that is missing may come. */
  bool has_source;
  /* A directory that may not be read, or NULL. */
  const char *denied;
  /* The directory of sandboxes that may not be looked into, if one may not. */
  char sandboxes[PATH_MAX];
};

/* Prepares `kubernetes`; opens nothing. Returns 0 or -ENOMEM. */
int kubernetes_open(struct kubernetes *kubernetes, const char *name_root);

void kubernetes_close(struct kubernetes *kubernetes);

/* Begins a pass: what is looked up in it is no older. */
void kubernetes_begin(struct kubernetes *kubernetes);

/* Finds the names of a CONTAINER_OF_POD. Returns whether they are known. */
bool kubernetes_find_container(struct kubernetes *kubernetes,
                               const struct container *container,
                               struct kubernetes_names *names);

/* Finds the names of the pod with this uid; `names->container` stays "". */
bool kubernetes_find_pod(struct kubernetes *kubernetes, const char *uid,
                         struct kubernetes_names *names);

/* Returns 1 if the container is the one that holds the pod's namespaces, 0 if
 * not, or a negative errno if that may not be known; then `sandboxes` is set.
 */
int kubernetes_is_sandbox(struct kubernetes *kubernetes,
                          const struct container *container);

/* Takes the names out of the target of a link such as
 * "/var/log/pods/<namespace>_<pod>_<uid>/<container>/<restarts>.log", if the
 * pod's uid is `uid`. For tests. */
bool kubernetes_parse_target(const char *target, const char *uid,
                             struct kubernetes_names *names);

#endif
