/* SPDX-License-Identifier: MIT */
/* The set of live cgroups, what each is called and where it hangs. */
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

/* One life of a cgroup. */
struct cgroup {
  struct cgroup *parent;
  struct cgroup *first_child;
  struct cgroup *previous;
  struct cgroup *next;
  /* The next with the same hash of its inode. */
  struct cgroup *next_by_inode;
  /* What tells this life from another one under the same path. */
  uint64_t inode;
  /* Counts the cgroups as they come. */
  uint64_t birth;
  uint32_t depth;
  /* The cgroups of its subtree, itself among them. */
  uint32_t size;
  /* Its values are wanted. */
  bool selected;
  /* A cgroup below is selected. */
  bool selected_below;
  /* Is not in the tree any more. */
  bool removed;

  /* For find/discovery.h. No cgroup below is wanted, so the directory need not
   * be listed. */
  bool closed;
  /* Is in the queue of directories to list. */
  bool queued;
  /* All that is directly below is in the tree, and if a cgroup is created
   * there, the next update will see it. */
  bool complete;
  /* Something else was seen at its path: not to be read until its parent could
   * be listed. */
  bool doubted;
  /* A listing found something that it could not settle, or failed with
   * `error`, a negative errno. The update to list it again in, 0: none, and the
   * updates between this try and the one before. */
  uint32_t retry;
  uint32_t delay;
  int error;
  /* The update that last listed it, and the listing that last saw it. */
  uint32_t listed;
  uint32_t seen;
  /* Subdirectories when the directory was last listed; those of them that
   * there was no room for in the tree, and those with something else mounted on
   * them. */
  uint32_t subdirectories;
  uint32_t left_out;
  uint32_t mount_points;
  /* A time on CLOCK_MONOTONIC, in nanoseconds, at which the cgroup did not
   * exist yet, shortly before it was found; 0: not known. */
  uint64_t absent_nsec;
  /* For tree/fair_share.h: the places that its subtree was given. */
  uint32_t share;
  /* For find/inotify_watches.h: watch descriptor of inotify, or -1. */
  int watch;

  /* For read/file_reader.h: the files that count, kept open; or -1. */
  int fds[COUNTER_FILES_MAX];

  /* For collector.h: the reading before, what was used since in how much time
   * (0: not known), and how much of that by cgroups below. */
  struct rate rate;
  struct rate_interval interval;
  uint64_t below_usec;
  /* NULL while nothing but the core values is wanted. */
  struct cgroup_details *details;

  /* The plugin instance; no other cgroup of the tree has the same. */
  char *instance;
  /* The last component of the path; empty for the root. */
  char component[];
};

/* What the groups of values beyond the core need to be kept of a cgroup. */
struct cgroup_details {
  struct cpu_sample before;
  /* Bit (1 << index in the sampler's files): was not there or could not be
   * read. */
  unsigned missing;

  /* For read/cgroup_limits.h: what its own files say. */
  struct cpu_limit limit;
  struct cpu_set cpus;
  bool has_quota;
  bool has_cpus;
  /* All of them could be read; its CPUs could, at least once; and those of all
   * below that may be partitions. */
  bool limit_read;
  bool cpus_read;
  bool partitions_known;
  /* The parts that were read in this pass. */
  unsigned fresh;
  /* CPUs of partitions below. */
  struct cpu_set partitions;
  /* The nearest cgroup above that has a cpuset, or NULL. */
  struct cgroup_details *cpus_above;
  /* The smallest quota of its own and of all above; 0: none. */
  double quota_millicores;
  /* Controllers, as bits, in whose hierarchies its processes are known to be
   * under the same path, or to be elsewhere; and those in which processes of
   * cgroups below are elsewhere. */
  uint8_t found;
  uint8_t elsewhere;
  uint8_t elsewhere_below;
  /* Everything that the limit is made of could be read. */
  bool limit_known;
  /* What it may use at most; 0: all there is, or it is not known. */
  double limit_millicores;
  /* Throttled periods in the sample before. */
  bool throttling_known;
  uint64_t nr_throttled;
};

struct tree {
  /* Borrowed. */
  const struct selection *selection;
  enum instance_format instance_format;
  /* Of the path of the root's directory. Cgroups with files whose whole paths
   * the kernel would not take (PATH_MAX) are not taken in. */
  size_t root_length;
  /* Called for every cgroup that leaves the tree, so that others can let go of
   * what they keep for it. */
  void (*on_remove)(void *context, struct cgroup *cgroup);
  void *context;

  /* NULL while there is none. */
  struct cgroup *root;
  size_t count;
  /* See tree_order(). */
  struct cgroup **order;
  size_t order_room;
  bool changed;
  uint64_t births;
  /* What was born before has its name for life. */
  uint64_t settled;
  /* Lists of cgroups by a hash of their inodes; a power of two of them. Each
   * entry of a directory is looked for here, which has to be quick. */
  struct cgroup **by_inode;
  size_t by_inode_size;
  /* Search tree of tsearch(3). */
  void *by_instance;
  /* Removed cgroups, until tree_bury(). */
  struct cgroup *graveyard;
};

/* Adds a cgroup below `parent`, or the root where that is NULL, and names it.
 * Where two would have the same name, the one that was there before the last
 * tree_settle() keeps it, and of two new ones the one with the lower inode: as
 * the kernel numbers cgroups, that is the older one, after a restart too.
 *
 * Returns 0; -ENAMETOOLONG when its path is too long; -EEXIST when its inode is
 * in the tree already; or -ENOMEM.
 */
int tree_add(struct tree *tree, struct cgroup *parent, const char *component,
             uint64_t inode, struct cgroup **added);

/* Takes a cgroup and all below it out of the tree. They stay valid, marked as
 * removed, until tree_bury(). */
void tree_remove(struct tree *tree, struct cgroup *cgroup);

/* Frees what was removed. */
void tree_bury(struct tree *tree);

/* Ends an update of the tree: all names stay as they are now, and what was
 * removed is freed. */
void tree_settle(struct tree *tree);

/* Returns NULL when there is none. */
struct cgroup *tree_find(const struct tree *tree, uint64_t inode);

/* All cgroups, `tree->count` of them, parents before children; current until
 * the next change of the tree. Also brings `selected_below` up to date.
 * Returns NULL when there is no memory for it, or no cgroup. */
struct cgroup *const *tree_order(struct tree *tree);

/* Writes the path of a cgroup below the root: "/" for the root itself. Returns
 * its length. */
size_t tree_path(const struct cgroup *cgroup, char path[TREE_PATH_SIZE]);

/* Notes an error of a file of `cgroup`, or with "" of its directory, in the
 * hierarchy whose root cgroup is at `root_path`. */
void tree_note_failure(const struct cgroup *cgroup, const char *root_path,
                       const char *file, int error, struct failure *failure);

/* Asserts, where assertions are compiled in, that all that the tree keeps of
 * itself agrees: links, sizes, depths, inodes and names. For tests: it walks the
 * whole tree. */
void tree_check(const struct tree *tree);

/* Removes and frees everything. */
void tree_release(struct tree *tree);

#endif
