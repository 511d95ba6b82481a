/* SPDX-License-Identifier: MIT */
/* Keeping the set of cgroups as the kernel has it.
 *
 * A cgroup is a directory. Three things show that one came or went, and none
 * of them everywhere: an event of inotify(7); the directory's link count, which
 * is two more than it has subdirectories; and a listing of it. A cgroup that
 * was made anew under an old path has another inode.
 */
#ifndef CGROUP_CPU_DISCOVERY_H
#define CGROUP_CPU_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "tree.h"
#include "watcher.h"

/* Trees of up to this many cgroups are looked through at each update. */
#define DISCOVERY_SMALL 64
/* Of larger trees it takes this many updates to look at every directory,
 * besides what events tell. */
#define DISCOVERY_ROUND 60

struct discovery {
  /* Borrowed. */
  const char *root_path;
  /* Depth below the root of the deepest cgroups that are taken in. */
  unsigned max_depth;
  /* The most cgroups that are kept; room.h tells which. */
  size_t max_cgroups;
  /* Events and link counts are the kernel's, see hierarchy.h. */
  bool native;

  /* The directory of the root cgroup, or -1. */
  int root_fd;
  struct watcher watcher;
  /* Search tree of tsearch(3) over the watched cgroups. */
  void *by_watch;
  /* Cgroups without a watch that should have one, and why: negative errno. */
  size_t unwatched;
  int watch_error;
  enum { LINKS_UNKNOWN, LINKS_COUNT, LINKS_WRONG } links;
  /* Where in tree_order() the next look begins. */
  size_t next_look;
  uint32_t listings;
  /* The directories to list, each once. */
  struct cgroup **queue;
  size_t queue_length;
  size_t queue_room;
  /* Cgroups that were seen and there was no room for; there may be more below
   * them. */
  size_t left_out;
  /* The latest update saw not all there is, and the path below the root of what
   * made it fail. */
  bool failed;
  char failed_path[TREE_PATH_SIZE];
};

/* Prepares `discovery`, whose first four fields are set; opens nothing but
 * inotify. To be released with discovery_close(). */
void discovery_open(struct discovery *discovery);

void discovery_close(struct discovery *discovery);

/* Brings `tree` up to date. Returns 0; -ENOENT or another negative errno when
 * there is no root cgroup to be had, and then the tree is empty; or what kept
 * it from seeing some of the cgroups, which are missing until they can be seen.
 * `failed_path` then says where. */
int discovery_update(struct discovery *discovery, struct tree *tree);

/* To be called for every cgroup that leaves the tree. */
void discovery_forget(struct discovery *discovery, struct cgroup *cgroup);

#endif
