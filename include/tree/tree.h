/* SPDX-License-Identifier: MIT */
/* The set of live cgroups: the tree they form, and the name of each. */
#ifndef CGROUP_CPU_TREE_H
#define CGROUP_CPU_TREE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name/instance_name.h"
#include "tree/selection.h"
#include "util/failure.h"
#include "values/cpu_set.h"
#include "values/rate.h"
#include "values/value_files.h"

/* Room for the path of any cgroup in a tree and a zero byte. */
#define TREE_PATH_SIZE PATH_MAX
/* Room for "/", the name of any file of a cgroup, and a zero byte. */
#define TREE_FILE_SIZE 64

/* Here and in struct cgroup, what is only true or false shares bytes, because
 * there can be very many cgroups. */

/* What find/discovery.h knows of a cgroup's directory. */
struct cgroup_discovery {
  /* No descendant is wanted: the directory need not be listed. */
  bool closed : 1;
  /* Is in the queue of directories to list. */
  bool queued : 1;
  /* All children are in the tree, and the next update will see a new one. */
  bool complete : 1;
  /* Something else was seen at its path: do not read it until its parent has
   * been listed. */
  bool doubted : 1;
  /* An event for it came, and it has not been listed since. */
  bool heard : 1;
  /* It is watched, and its link count has changed without an event. */
  bool suspect : 1;
  /* There was no time to list it between two updates: the next update does. */
  bool overdue : 1;
  /* Set if a listing failed with `error`, a negative errno, or left a question
   * open: list it again in the update `retry` (0: not set), which comes `delay`
   * updates after the last try. */
  uint32_t retry;
  uint32_t delay;
  int error;
  /* Its last listing, and the last listing that showed it. */
  uint32_t listed;
  uint32_t seen;
  /* In the last listing: subdirectories, those without room in the tree, and
   * those with another file system mounted on them. */
  uint32_t subdirectories;
  uint32_t left_out;
  uint32_t mount_points;
  /* The update that found it, or before which it was found, if it is known not
   * to have existed in the update before; 0: not known. */
  uint32_t born;
};

/* What collector.h keeps of a cgroup's CPU use. */
struct cgroup_use {
  /* The previous reading of the usage. */
  struct rate rate;
  /* The interval since then; 0 ns: not known. */
  struct rate_interval interval;
  /* What reported descendants used in it, in microseconds. */
  uint64_t below_usec;
  /* For report/remainder.h: what was left so far, in microseconds; by how much
   * the descendants are ahead of it; and whether it was reported. */
  uint64_t remainder_usec;
  uint32_t ahead_usec;
  bool has_remainder;
};

/* What the receiver of values keeps for a cgroup. It begins with this. */
struct cgroup_attachment {
  void (*release)(struct cgroup_attachment *attachment);
};

/* One life of a cgroup. */
struct cgroup {
  struct cgroup *parent;
  struct cgroup *first_child;
  struct cgroup *previous;
  struct cgroup *next;
  /* The next cgroup in the same list of `by_inode`. */
  struct cgroup *next_by_inode;
  /* Differs if a cgroup is recreated under the same path. */
  uint64_t inode;
  /* The number of cgroups that were added before. */
  uint64_t birth;
  uint32_t depth;
  /* Cgroups in its subtree, including itself. */
  uint32_t size;
  /* Its path is selected. */
  bool selected : 1;
  /* A cgroup below is selected. */
  bool selected_below : 1;
  /* No longer in the tree. */
  bool removed : 1;
  /* For tree/past_lives.h: it is kept although it is no longer in the tree, and
   * so is one below. */
  bool kept : 1;
  bool kept_below : 1;
  /* Its name has a hash, because another cgroup had the name that it wants. */
  bool apart : 1;
  /* For tree/naming.h: its first value waits for a name. */
  bool waits : 1;
  /* For read/sampler.h: passes for which it has been idle, up to
   * SAMPLER_ROUND. */
  uint8_t idle_passes;

  struct cgroup_discovery discovery;
  /* For tree/fair_share.h: the places given to its subtree. */
  uint32_t share;
  /* For find/inotify_watches.h: watch descriptor of inotify, or -1. */
  int watch;

  /* For read/file_reader.h: the descriptor of its first counter file if it is
   * kept open, or -1. */
  int fd;

  struct cgroup_use use;
  /* NULL if only the core values are wanted. */
  struct cgroup_details *details;
  /* For tree/past_lives.h; NULL: it is not sampled between two reports. */
  struct cgroup_samples *samples;

  /* The inode of the container after which it is named; 0: its path names
   * it. */
  uint64_t name_rank;
  /* For tree/naming.h: what is known of a container, or NULL. */
  struct identity *identity;

  /* The plugin instance, unique in the tree. */
  char *instance;
  /* What was made of the name and of what is known of the container, or NULL.
   * It goes when the name is given again, and with the cgroup. */
  struct cgroup_attachment *attachment;
  /* The last component of the path; empty for the root. */
  char component[];
};

/* Not the level of any cgroup. */
#define CGROUP_LEVEL_NONE (-1)

/* What read/cgroup_limits.h knows of the most that a cgroup may use. */
struct cgroup_limit {
  /* The contents of its own files. */
  struct cpu_limit own;
  struct cpu_set cpus;
  bool has_quota;
  bool has_cpus;
  /* All of them were read; its CPUs were read at least once; and so were the
   * CPUs of all descendants that may be partitions. */
  bool is_read;
  bool cpus_read;
  bool partitions_known;
  /* A mask of enum cpu_limit_part: read in this pass. */
  unsigned fresh;
  /* The CPUs of partitions among its descendants. */
  struct cpu_set partitions;
  /* The nearest ancestor that has a cpuset, or NULL. */
  struct cgroup_details *cpus_above;
  /* The smallest of its own quota and those of all ancestors; 0: none. And how
   * many levels above it is set. */
  double quota_millicores;
  int64_t quota_level;
  /* How many CPUs it may use, if these are fewer than the machine has; 0: not
   * fewer. And how many levels above it they first are so few;
   * CGROUP_LEVEL_NONE: not known. */
  unsigned cpus_fewer;
  int64_t cpus_level;
  /* Controllers, as bits (1 << controller), in whose hierarchies its processes
   * are known to be under the same path; are known to be elsewhere; and in
   * which processes of descendants are elsewhere. */
  uint8_t found;
  uint8_t elsewhere;
  uint8_t elsewhere_below;
  /* All files that the limit depends on were read. */
  bool is_known;
  /* The most it may use; 0: no limit, or not known. And how many levels above
   * it that is set; CGROUP_LEVEL_NONE: nowhere. */
  double millicores;
  int64_t level;
  /* Throttled periods in the previous sample. */
  bool throttling_known;
  uint64_t nr_throttled;
};

/* What is kept of a cgroup for the value groups beyond the core. */
struct cgroup_details {
  struct cpu_sample before;
  /* The first reading since which neither its usage nor its periods have
   * moved, in nanoseconds of CLOCK_MONOTONIC. */
  uint64_t still_nsec;
  /* Bit (1 << index in the sampler's files) is set if the file is missing. */
  unsigned missing;
  /* A file that is there could not be read the last time. */
  bool incomplete;
  /* For read/file_reader.h: the same as `fd` of the cgroup for the other
   * counter files. */
  int fds[COUNTER_FILES_MAX - 1];

  struct cgroup_limit limit;
};

struct tree {
  /* Borrowed. */
  const struct selection *selection;
  enum instance_format instance_format;
  /* The length of the path of the root's directory. A cgroup is refused if the
   * whole path of a file in it would be longer than PATH_MAX. */
  size_t root_length;
  /* Called for every cgroup that leaves the tree, so that other parts can
   * release what they hold for it. One that is then `kept` is not freed before
   * tree_let_go(). */
  void (*on_remove)(void *context, struct cgroup *cgroup);
  void *context;

  /* NULL if there is none. */
  struct cgroup *root;
  size_t count;
  /* See tree_order(). */
  struct cgroup **order;
  size_t order_room;
  bool changed;
  uint64_t births;
  /* Cgroups with a lower `birth` keep their names. */
  uint64_t settled;
  /* A hash table of lists by inode; its size is a power of two. Every entry of
   * every listing is looked up here. */
  struct cgroup **by_inode;
  size_t by_inode_size;
  /* Search tree of tsearch(3). */
  void *by_instance;
  /* Removed cgroups, until tree_bury(). */
  struct cgroup *graveyard;
};

/* Adds a cgroup below `parent`, or the root if that is NULL, and names it. If
 * two cgroups would have the same name, one from before the last tree_settle()
 * keeps it. Of two new ones the one with the lower inode gets it: the kernel
 * numbers cgroups upwards, so that is the older one, after a restart too.
 *
 * Returns 0; -ENAMETOOLONG if its path is too long; -EEXIST if its inode is
 * already in the tree; or -ENOMEM.
 */
int tree_add(struct tree *tree, struct cgroup *parent, const char *component,
             uint64_t inode, struct cgroup **added);

/* Gives the cgroup the name that it wants as part of the container with the
 * inode `rank`. If another cgroup has it, `cgroup` gets it only if that one is
 * part of an older container, and gets a name with a hash instead. If not,
 * `cgroup` keeps or gets one with a hash.
 *
 * Returns 0, or a negative errno and nothing has changed.
 */
int tree_rename(struct tree *tree, struct cgroup *cgroup, const char *name,
                uint64_t rank);

/* Names the cgroup by its path again. Returns the same. */
int tree_name_by_path(struct tree *tree, struct cgroup *cgroup);

/* Returns the cgroup after `cgroup` in the subtree of `top`, parents before
 * children, or NULL. With `over`, it is none below `cgroup`. */
struct cgroup *tree_next(struct cgroup *cgroup, const struct cgroup *top,
                         bool over);

/* Removes a cgroup and its descendants from the tree. They stay valid, marked
 * as removed, until tree_bury(). */
void tree_remove(struct tree *tree, struct cgroup *cgroup);

/* Frees the removed cgroups. */
void tree_bury(struct tree *tree);

/* Lets the next tree_bury() free a cgroup that was kept. */
void tree_let_go(struct tree *tree, struct cgroup *cgroup);

/* Ends an update of the tree: fixes all names and frees the removed cgroups. */
void tree_settle(struct tree *tree);

/* Returns the cgroup with this inode, or NULL. */
struct cgroup *tree_find(const struct tree *tree, uint64_t inode);

/* Compares two cgroups by their names, for tsearch(3). */
int tree_compare_instances(const void *left, const void *right);

/* Returns the cgroup that has this name, or NULL. */
struct cgroup *tree_find_named(const struct tree *tree, const char *name);

/* Returns all cgroups, `tree->count` of them, parents before children; valid
 * until the tree changes. Also updates `selected_below`. Returns NULL without
 * memory, or if there is no cgroup. */
struct cgroup *const *tree_order(struct tree *tree);

/* Writes the path of a cgroup below the root: "/" for the root itself. Returns
 * its length. */
size_t tree_path(const struct cgroup *cgroup, char path[TREE_PATH_SIZE]);

/* Notes an error of the file `file` of `cgroup`, or of its directory if `file`
 * is
 * "". `root_path` is the directory of the hierarchy's root cgroup. */
void tree_note_failure(const struct cgroup *cgroup, const char *root_path,
                       const char *file, int error, struct failure *failure);

/* Asserts that links, sizes, depths, inodes and names agree, if assertions are
 * compiled in. For tests: it walks the whole tree. */
void tree_check(const struct tree *tree);

/* Removes and frees everything. */
void tree_release(struct tree *tree);

#endif
