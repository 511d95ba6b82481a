/* SPDX-License-Identifier: MIT */
/* The names of machines that systemd-machined knows, from the links that it
 * keeps, which anybody may read.
 *
 * systemd, src/machine/machine.c, machine_save() and machine_link():
 * "/run/systemd/machines/unit:<unit>" is a link to the machine's name.
 */
#ifndef CGROUP_CPU_MACHINED_H
#define CGROUP_CPU_MACHINED_H

#include <limits.h>
#include <stdbool.h>

#include "name/container.h"
#include "util/file_stamp.h"

struct machined {
  /* The directory of the links, or "" if its path is too long. */
  char path[PATH_MAX];
  /* What it was when all its links had been there for a while. */
  struct file_stamp stamp;
  bool is_there;
};

/* Prepares `machined`; opens nothing. `name_root` is what stands before
 * "/run/systemd". */
void machined_open(struct machined *machined, const char *name_root);

/* Call it at the beginning of a pass. Returns whether there may be links that
 * were not there in the pass before. One system call. */
bool machined_begin(struct machined *machined);

/* Finds the machine whose cgroup is that of this unit of systemd. Returns 0 or
 * a negative errno, and then stores nothing: -ENOENT if there is none, -EINVAL
 * if its name makes no sense. At most one system call. */
int machined_find(const struct machined *machined, const char *unit,
                  char name[ENGINE_NAME_SIZE]);

#endif
