/* SPDX-License-Identifier: MIT */
/* The names of Docker's containers, from the files in which Docker keeps them.
 *
 * moby, daemon/container/container.go, toDisk() and WriteHostConfig(),
 * daemon/names.go, and daemon/oci_linux.go, WithCgroups(); dockerd(8).
 */
#ifndef CGROUP_CPU_DOCKER_H
#define CGROUP_CPU_DOCKER_H

#include <limits.h>
#include <stdbool.h>

#include "name/container.h"
#include "name/json_file.h"

/* The most labels that can be asked for, the longest name of one, and a zero
 * byte. */
#define DOCKER_LABELS_MAX 8
#define DOCKER_LABEL_NAME_SIZE 128

/* What Docker's file says of a container. */
struct docker_container {
  char name[ENGINE_NAME_SIZE];
  /* The image as the user named it, or "". */
  char image[ENGINE_NAME_SIZE];
  /* Those that were asked for, or "". */
  char labels[DOCKER_LABELS_MAX][ENGINE_NAME_SIZE];
  /* What the file was, for docker_has_changed(). */
  struct file_stamp file;
};

struct docker {
  /* What stands before "/etc/docker" and Docker's data; borrowed. */
  const char *name_root;
  /* The names of the labels that are wanted; borrowed. */
  char *const *labels;
  size_t label_count;
  /* Owns Docker's files: 0, except in tests. */
  uid_t owner;
  /* Docker's configuration and what it was when it was read; and what it says:
   * the directory of the containers, and the cgroup that they are in if they
   * say nothing themselves, or "". */
  char configuration[PATH_MAX];
  struct file_stamp configuration_stamp;
  char path[PATH_MAX];
  char cgroup_parent[PATH_MAX];
  /* The directory of the containers, or a negative errno: it is open only in
   * passes that look up something. */
  int directory;
  bool is_fresh;
  bool configuration_denied;
  /* What may not be read and may have a name that was not found, or NULL: one
   * of the two paths above. */
  const char *denied;
};

/* Prepares `docker`; opens nothing. */
void docker_open(struct docker *docker, const char *name_root);

/* Ends a pass, and closes all that it had open: what is looked up in the next
 * one is not older than that. */
void docker_end(struct docker *docker);

/* Finds the container whose cgroup is called `component`, in a cgroup with the
 * path `parent`. Returns 0 or a negative errno, and then stores nothing:
 * -ENOENT if Docker has no such container or has put it elsewhere, -EINVAL if
 * its file makes no sense, -EOPNOTSUPP without the library that reads it. */
int docker_find(struct docker *docker, const char *id, const char *component,
                const char *parent, struct docker_container *found);

/* Returns whether the file of the container is not the same any more: the
 * container may have another name. Stores what it is now. One system call. */
bool docker_has_changed(struct docker *docker, const char *id,
                        const struct file_stamp *before,
                        struct file_stamp *now);

#endif
