/* SPDX-License-Identifier: MIT */
/* The state of discovery: which directories are watched, and what is left to
 * list. find/discovery_update.h keeps the tree with it.
 *
 * A cgroup is a directory. Three things show that one was created or removed,
 * but none of them on every system: an event of inotify(7); the link count of
 * the parent, which is its subdirectories plus two; and a listing of the
 * parent. A cgroup recreated under an old path has another inode.
 *
 * The work of an update is bounded, whatever changes meanwhile: each directory
 * is listed at most once, and what is left waits for the next update.
 */
#ifndef CGROUP_CPU_DISCOVERY_H
#define CGROUP_CPU_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "find/inotify_watches.h"
#include "find/listing.h"
#include "tree/tree.h"

/* A tree of up to this many cgroups is checked as a whole in each update. */
#define DISCOVERY_SMALL 64
/* In a larger tree, each directory is checked once in this many updates,
 * besides what events report. A directory that cannot be listed is also tried
 * again after this many updates at the latest. */
#define DISCOVERY_ROUND 60
/* Directories without a watch to check in one update, or more if
 * DISCOVERY_ROUND updates would not be enough for all. */
#define DISCOVERY_LOOKS 512
/* Directories to list between two updates, and the subdirectories that they may
 * have together. What is more waits for the next update. */
#define DISCOVERY_BETWEEN 64
#define DISCOVERY_BETWEEN_ENTRIES 4096

struct discovery {
  /* Borrowed. */
  const char *root_path;
  /* Deeper cgroups are ignored; the root has depth 0. */
  unsigned max_depth;
  /* The most cgroups to keep; tree/fair_share.h decides which. */
  size_t max_cgroups;
  /* Events, link counts and inodes in listings can be relied on, see
   * hierarchy.h. */
  bool native;

  /* The directory of the root cgroup, or -1, and its file system. */
  int root_fd;
  dev_t device;
  struct inotify_watches watches;
  /* Cgroups without a watch that should have one. */
  size_t unwatched;
  /* Link counts are known to count subdirectories. */
  bool links_count;
  /* Cgroups with another directory at their path. */
  size_t doubts;
  /* Inodes in listings differ from those of fstat(2). */
  bool inodes_wrong;
  /* Updates so far; listings so far, those of the latest step, and the entries
   * of these. A step is an update, or looks for changes between two updates. */
  uint32_t updates;
  uint32_t listings;
  size_t listed;
  size_t entries;
  /* Listings before this step; before the latest update; and before the update
   * with which the interval began in which this step is. */
  uint32_t step_listings;
  uint32_t update_listings;
  uint32_t interval_listings;
  /* This step is between two updates; events were lost since the last one. */
  bool between;
  bool missed;
  /* The directories to list, each once; and the new entries of one of them. */
  struct cgroup **queue;
  size_t queue_length;
  size_t queue_room;
  struct listing found;
  /* Cgroups without room in the tree. They may have descendants. */
  size_t left_out;
  /* There was no memory for the queue: a change may have been lost. */
  bool forgetful;
  /* The path, below the root, of a directory with another file system mounted
   * on it, and whether the latest update was the first to leave it out. */
  char mount_point[TREE_PATH_SIZE];
  bool has_new_mount_point;
};

/* Prepares `discovery`, whose first four fields are set; opens nothing. The
 * caller releases it with discovery_close(). */
void discovery_open(struct discovery *discovery);

void discovery_close(struct discovery *discovery);

/* Returns whether the directory of `cgroup` should be watched and is not. One
 * that cannot be listed is tried again at its own time. */
static inline bool discovery_is_unwatched(const struct cgroup *cgroup) {
  return !cgroup->discovery.closed && cgroup->discovery.error == 0 &&
         cgroup->watch < 0;
}

/* Returns whether the children of `cgroup` in the tree are those that it had in
 * the latest update, because each change would have been an event. */
static inline bool discovery_is_followed(const struct cgroup *cgroup) {
  return cgroup->watch >= 0 && cgroup->discovery.complete &&
         !cgroup->discovery.heard && !cgroup->discovery.suspect;
}

/* Returns the negative errno that keeps some cgroups from being watched, or 0
 * if all are watched that should be. */
int discovery_watch_error(const struct discovery *discovery);

/* Returns whether the path of `cgroup` may lead to another cgroup now: then
 * nothing must be read there. */
bool discovery_doubts(const struct discovery *discovery,
                      const struct cgroup *cgroup);

/* Returns whether no listing is left for the next update. */
bool discovery_is_settled(const struct discovery *discovery);

/* Asserts that all counts agree with the tree, if assertions are compiled in.
 * For tests: it walks the whole tree. */
void discovery_check(const struct discovery *discovery, struct tree *tree);

/* Call it for every cgroup that leaves the tree. */
void discovery_forget(struct discovery *discovery, struct cgroup *cgroup);

#endif
