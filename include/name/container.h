/* SPDX-License-Identifier: MIT */
/* Recognises the cgroups of containers, pods and machines by their paths.
 *
 * Where the engines put them: Kubernetes kubelet/cm, qos and pod names;
 * systemd.slice(5) and systemd.unit(5), "STRING ESCAPING"; dockerd(8),
 * "exec-opt native.cgroupdriver" and "cgroup-parent"; podman-run(1),
 * "--cgroups", and podman, libpod/container_internal_linux.go,
 * getOCICgroupPath(); systemd-nspawn(1);
 * libvirt, "Control Groups Resource Management"; lxc.container.conf(5); Nomad,
 * "cgroups"; Slurm, "cgroup/v2 plugin".
 */
#ifndef CGROUP_CPU_CONTAINER_H
#define CGROUP_CPU_CONTAINER_H

#include <stdbool.h>
#include <sys/types.h>

/* Hexadecimal digits of a container's id and of a pod's uid, and a zero
 * byte. */
#define CONTAINER_ID_SIZE 65
#define POD_UID_SIZE 33
/* As many digits of an id as `docker ps` and `crictl ps` show. */
#define CONTAINER_ID_SHOWN 12
/* The longest name of a container of Docker or Podman that is taken, and a zero
 * byte. They have no limit of their own. */
#define ENGINE_NAME_SIZE 256
/* Room for the name of one component, whatever it holds, and a prefix. */
#define CONTAINER_NAME_SIZE 288

enum container_kind {
  /* The path leads into no container. */
  CONTAINER_NONE,
  /* A pod of Kubernetes: has `pod_uid`. */
  CONTAINER_POD,
  /* A container of it, or its pause container: has `pod_uid` and `id`. */
  CONTAINER_OF_POD,
  /* Maybe one of Docker, which knows its name: has `id`. */
  CONTAINER_OF_DOCKER,
  /* A pod of Podman: has `id`, that of the pod. */
  CONTAINER_PODMAN_POD,
  /* One of Podman, which knows its name: has `id`. */
  CONTAINER_OF_PODMAN,
  /* The path says it all: has `name`. */
  CONTAINER_NAMED,
  /* A task of containerd, which no path tells: has `name`. */
  CONTAINER_OF_CONTAINERD,
  /* One of nerdctl, which knows its name: has `id`. */
  CONTAINER_OF_NERDCTL,
  /* Of an engine whose names are not in the path. */
  CONTAINER_UNNAMED,
};

struct container {
  enum container_kind kind;
  /* What runs the container, if its path tells, such as "cri-o"; or NULL. */
  const char *runtime;
  /* The depth of its cgroup; that of the root is 0. What is deeper is inside
   * it. */
  unsigned depth;
  /* The user that runs Podman without root's rights; 0: root. */
  uid_t user;
  char pod_uid[POD_UID_SIZE];
  /* The uid is one of the API, not the hash of a static pod. */
  bool is_api_uid;
  char id[CONTAINER_ID_SIZE];
  /* Such as "libvirt_web". */
  char name[CONTAINER_NAME_SIZE];
};

/* Finds the outermost container, pod or machine on the way to the cgroup at
 * `path`; of a pod or a Slurm job also the container or step in it. Whoever is
 * root in a container can create any cgroup there, so nothing deeper counts. */
void container_of_path(const char *path, struct container *container);

/* The depth of the cgroup of systemd that a user with such a Podman owns, and
 * that has all of that user's. */
#define CONTAINER_USER_DEPTH 3

/* Returns whether `path` is that of a service or a scope of systemd, so that
 * systemd may know of a machine there. */
bool container_is_unit(const char *path);

/* Copies the hexadecimal digits of a pod's uid, without the "-" or "_" between
 * them. Returns whether `text` is one of `length` bytes. */
bool container_pod_uid(const char *text, unsigned long length,
                       char uid[POD_UID_SIZE]);

/* Returns whether `text`, which may be "", has no characters but those of the
 * names of images. */
bool container_is_image(const char *text);

/* Returns whether `text` is a whole id of a container. */
bool container_is_id(const char *text);

/* Returns whether `text` can be the name of a container of Docker or Podman:
 * letters, digits and "_.-". */
bool container_is_name(const char *text);

#endif
