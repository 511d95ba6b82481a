/* SPDX-License-Identifier: MIT */
/* A cgroup file system that exists only in this process: model_calls.c answers
 * the system calls of the code under test from it, model.c says what is in it.
 * It is mounted at MODEL_ROOT. */
#ifndef MODEL_H
#define MODEL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "find/hierarchy.h"

#define MODEL_ROOT "/model"
#define MODEL_NODES 160
/* No such node. */
#define MODEL_NONE SIZE_MAX
/* Descriptors of the model's are these; no real one is as high. */
#define MODEL_FD 100000
#define MODEL_FDS 1024

/* One life of a cgroup. */
struct model_node {
  bool alive;
  size_t parent;
  char name[NAME_MAX + 1];
  uint64_t inode;
  unsigned depth;
  /* What all its counters are made of, see model_counter(). */
  uint64_t usage_usec;
  /* Its files cannot be read, or the main one holds this instead. */
  int error;
  const char *garbage;
  /* Its directory cannot be listed; something else is mounted on it; and
   * whether either ever was so, here or above. */
  bool denied;
  bool mounted;
  bool was_hidden;
  /* Watch descriptor, or 0. */
  int watch;

  /* What a rate has to be reckoned from, and what was read in this pass. */
  struct model_reading {
    bool known;
    bool garbage;
    uint64_t usage_usec;
    uint64_t time_nsec;
  } earlier, latest;
  /* Passes that it has been there for, under this name. */
  unsigned passes;
  /* When it was created, and whether it was removed since the pass began. */
  uint64_t born_nsec;
  bool just_removed;
  /* How often this pass listed its directory. */
  unsigned listed;
};

struct model {
  /* Calls are answered from here. */
  bool active;
  enum cgroup_version version;
  /* Called before every call is answered; the calls of this pass. */
  void (*on_call)(void *context);
  void *context;
  unsigned calls;
  /* Listings have other inodes than stat(2). */
  bool strange_inodes;
  /* Link counts are one, types are not listed, openat2 is missing. */
  bool no_links;
  bool no_types;
  bool no_openat2;
  /* Watches cannot be had; events do not come; or the queue ran over. */
  bool no_watches;
  bool lose_events;
  bool overflow;

  uint64_t now_nsec;
  uint64_t inodes;
  /* Paths that cgroups had and have not any more, since the pass before. */
  size_t gone;
  int watches;
  /* The first is a root cgroup. */
  struct model_node nodes[MODEL_NODES];
  size_t count;
  struct model_fd {
    bool used;
    enum { MODEL_DIRECTORY, MODEL_FILE, MODEL_INOTIFY } kind;
    size_t node;
    const char *file;
    /* It is of what is mounted on the node. */
    bool foreign;
    /* How far a directory was listed. */
    size_t next;
  } fds[MODEL_FDS];
  size_t open;
  /* Watch descriptors with an event. */
  int events[4 * MODEL_NODES];
  size_t event_count;
};

extern struct model model;

/* An empty file system whose root is there. */
void model_reset(void);

/* The node of a path below the root, "/" is the root; or MODEL_NONE. */
size_t model_find(const char *path);

/* The node of that name below another, or MODEL_NONE. */
size_t model_child(size_t parent, const char *name);

/* The path of a node, dead or alive. Returns false if it is too long. */
bool model_path(size_t node, char path[PATH_MAX]);

/* Makes a cgroup; returns MODEL_NONE if there is no room for one. */
size_t model_make(size_t parent, const char *name, uint64_t inode);

/* What hides a node from its path: itself or one above, that something is
 * mounted on; or MODEL_NONE. */
size_t model_mount(size_t node);

/* Removes a cgroup with all below. */
void model_remove(size_t node);

void model_rename(size_t node, const char *name);

size_t model_subdirectories(size_t node);

/* The counter that goes out under that name. Returns false if there is none. */
bool model_counter(const struct model_node *node, const char *type_instance,
                   uint64_t *value);

/* Writes what the file of that name holds. Returns its length or a negative
 * errno. */
int model_text(const struct model_node *node, const char *file, char *text,
               size_t size);

/* Whether a cgroup has a file of that name; its lasting name, or NULL. */
const char *model_file(const char *name);

/* The main file was read. */
void model_note_reading(struct model_node *node);

#endif
