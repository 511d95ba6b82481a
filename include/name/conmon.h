/* SPDX-License-Identifier: MIT */
/* The names of Podman's containers, from the command lines of the processes
 * that watch them: anybody may read these.
 *
 * podman, libpod/oci_conmon_common.go, sharedConmonArgs(), and
 * oci_conmon_linux.go, moveConmonToCgroupAndSignal(); conmon(8); proc(5).
 */
#ifndef CGROUP_CPU_CONMON_H
#define CGROUP_CPU_CONMON_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "name/container.h"
#include "name/container_list.h"

/* At most so many processes are looked at in one pass. */
#define CONMON_PROCESSES 4096

struct conmon {
  /* "/proc", except in tests: the numbers of processes are those of our own
   * namespace. */
  const char *proc;
  /* Runs Podman: 0, except in tests. */
  uid_t owner;
  /* Opens the list of processes of the cgroup at `path`, relative to the root
   * of the hierarchy. Returns a descriptor or a negative errno. */
  int (*open_processes)(void *context, const char *path);
  void *context;
  /* How many processes may still be looked at in this pass. */
  size_t left;
  /* The cgroup that was looked at last in this pass, or "", and the containers
   * whose processes are there: many can share one. */
  char path[PATH_MAX];
  struct container_list found;
};

/* Prepares `conmon`, without `open_processes` and `context`; opens nothing. */
void conmon_open(struct conmon *conmon);

void conmon_close(struct conmon *conmon);

/* Ends a pass. */
void conmon_end(struct conmon *conmon);

/* Finds the name of the container `id`, whose cgroup is in the one with the
 * path `parent`. Its process is outside of the container's own cgroup, where
 * Podman put it, so nobody in the container can imitate it. Returns 0 or a
 * negative errno, and then stores nothing: -ENOENT if there is no such process,
 * -EAGAIN if too many were looked at in this pass. */
int conmon_find(struct conmon *conmon, const char *id, const char *parent,
                char name[ENGINE_NAME_SIZE]);

/* Finds the id and the name in a command line, as /proc has it; both are valid
 * as long as it is. Returns 0, or -ENOENT if it is none of conmon. */
int conmon_parse(const char *arguments, size_t length, const char **id,
                 const char **name);

#endif
