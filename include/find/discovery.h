/* SPDX-License-Identifier: MIT */
/* Keeping the set of cgroups as the kernel has it.
 *
 * A cgroup is a directory. Three things show that one was created or removed,
 * and none of them everywhere: an event of inotify(7); the directory's link
 * count, which is two more than it has subdirectories; and a listing of it. A
 * cgroup recreated under an old path has another inode.
 *
 * The work of an update is bounded whatever happens to the tree meanwhile: each
 * directory is listed at most once, what is left waits for the next update.
 */
#ifndef CGROUP_CPU_DISCOVERY_H
#define CGROUP_CPU_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "find/inotify_watches.h"
#include "find/listing.h"
#include "tree/tree.h"

/* Trees of up to this many cgroups are looked through at each update. */
#define DISCOVERY_SMALL 64
/* Of larger trees it takes this many updates to look at every directory,
 * besides what events report; and so many between two tries to list one that
 * cannot be listed. */
#define DISCOVERY_ROUND 60
/* Directories without a watch that are looked at in one update; more only where
 * DISCOVERY_ROUND updates would not suffice for all. */
#define DISCOVERY_LOOKS 512

struct discovery {
  /* Borrowed. */
  const char *root_path;
  /* Depth below the root of the deepest cgroups that are taken in. */
  unsigned max_depth;
  /* The most cgroups that are kept; tree/fair_share.h says which. */
  size_t max_cgroups;
  /* Events, link counts and inodes of listings are the kernel's, see
   * hierarchy.h. */
  bool native;

  /* The directory of the root cgroup, or -1, and its file system. */
  int root_fd;
  dev_t device;
  struct inotify_watches watches;
  /* Cgroups without a watch that should have one. */
  size_t unwatched;
  /* Link counts were seen to count subdirectories. */
  bool links_count;
  /* Cgroups that something else was seen at the path of. */
  size_t doubts;
  /* The inodes of listings are others than those of fstat(2). */
  bool inodes_wrong;
  /* Counts the updates, and the directories that were listed, in all and in the
   * latest update. */
  uint32_t updates;
  uint32_t listings;
  size_t listed;
  /* When the latest update began and the one before it, on CLOCK_MONOTONIC; 0:
   * not known. */
  uint64_t begin_nsec;
  uint64_t before_nsec;
  /* The directories to list, each once; and what is new in one of them. */
  struct cgroup **queue;
  size_t queue_length;
  size_t queue_room;
  struct listing found;
  /* Cgroups that were seen and there was no room for; there may be more below
   * them. */
  size_t left_out;
  /* Memory for the queue ran out, so that a change may have been forgotten. */
  bool forgetful;
  /* The path below the root of a directory that another file system is mounted
   * on, and whether the latest update left it out for the first time. */
  char mount_point[TREE_PATH_SIZE];
  bool has_new_mount_point;
};

/* Prepares `discovery`, whose first four fields are set; opens nothing. To be
 * released with discovery_close(). */
void discovery_open(struct discovery *discovery);

void discovery_close(struct discovery *discovery);

/* Brings `tree` up to date. Reads every directory at most once, and no more
 * than `max_cgroups` + DISCOVERY_SMALL in all.
 *
 * Without a root cgroup the tree is empty. Where something else could not be
 * seen, the tree stays as it was there. Both are noted in `failure`. A
 * directory that cannot be listed is tried again in the next update, then ever
 * more seldom; until then each update notes its error.
 */
void discovery_update(struct discovery *discovery, struct tree *tree,
                      struct failure *failure);

/* Why cgroups have no watch that should have one: a negative errno, or 0 when
 * there is none. */
int discovery_watch_error(const struct discovery *discovery);

/* Whether the path of `cgroup` may lead to another one now, so that nothing is
 * to be read there. */
bool discovery_doubts(const struct discovery *discovery,
                      const struct cgroup *cgroup);

/* Whether nothing is left to be listed in the next update. */
bool discovery_is_settled(const struct discovery *discovery);

/* Asserts, where assertions are compiled in, that what is counted agrees with
 * the tree. For tests: it walks the whole tree. */
void discovery_check(const struct discovery *discovery, struct tree *tree);

/* To be called for every cgroup that leaves the tree. */
void discovery_forget(struct discovery *discovery, struct cgroup *cgroup);

#endif
