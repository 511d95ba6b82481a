/* SPDX-License-Identifier: MIT */
/* The steps of an update of the tree that both its parts take: the listing of a
 * directory and the choice of directories to list. */
#ifndef CGROUP_CPU_UPDATE_H
#define CGROUP_CPU_UPDATE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "find/discovery.h"
#include "tree/tree.h"
#include "util/failure.h"

/* An update in progress. */
struct update {
  struct discovery *discovery;
  struct tree *tree;
  struct failure *failure;
};

/* Notes an error of the directory of `cgroup`. */
void update_note_directory(struct update *update, const struct cgroup *cgroup,
                           int error);

/* Puts a directory into the queue, once. */
void update_enqueue(struct update *update, struct cgroup *cgroup);

/* Watches the directory, if there is a watch left. */
void update_watch(struct update *update, struct cgroup *cgroup);

/* Sets why the directory could not be listed: a negative errno, or 0. */
void update_set_error(struct update *update, struct cgroup *cgroup, int error);

/* Lists the directory again in a later update. `error` is 0 if a question was
 * left open. */
void update_retry_later(struct update *update, struct cgroup *cgroup,
                        int error);

/* Marks whether something else may be at the path of `cgroup`. */
void update_set_doubt(struct update *update, struct cgroup *cgroup,
                      bool doubted);

/* Doubts a cgroup and enqueues its parent, whose listing decides. */
void update_doubt(struct update *update, struct cgroup *cgroup);

/* Returns whether the directory was listed in this step already. */
bool update_has_listed(const struct update *update,
                       const struct cgroup *cgroup);

/* Returns the number of this or the next update if a new child of `parent` did
 * not exist in the previous one; 0: not known. */
uint32_t update_of_birth(const struct update *update,
                         const struct cgroup *parent);

/* Prepares a new cgroup of the tree: it is watched if a descendant can be
 * reported. */
void update_admit(struct update *update, struct cgroup *cgroup);

/* Counts children of `parent` that have no room in the tree. */
void update_leave_out(struct update *update, struct cgroup *parent,
                      size_t count);

/* Returns 0 or a negative errno. */
static inline int stat_beneath(int directory, const char *path,
                               struct stat *status) {
  return fstatat(directory, path, status, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* The status of what is at the path of `cgroup` now. Returns 0 or a negative
 * errno. */
int update_stat(const struct discovery *discovery, const struct cgroup *cgroup,
                struct stat *status);

/* Returns whether this is the status of `cgroup`. */
bool update_is_same(const struct discovery *discovery,
                    const struct cgroup *cgroup, const struct stat *status);

#endif
