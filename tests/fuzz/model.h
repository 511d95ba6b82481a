/* SPDX-License-Identifier: MIT */
/* A cgroup file system that exists only in this process, mounted at MODEL_ROOT.
 * model.c has its contents. model_calls.c uses them to answer the system calls
 * of the code under test. */
#ifndef MODEL_H
#define MODEL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "find/hierarchy.h"

#define MODEL_ROOT "/model"
#define MODEL_NODES 160
/* No node. */
#define MODEL_NONE SIZE_MAX
/* The model's descriptors begin here. No real descriptor is as high. */
#define MODEL_FD 100000
#define MODEL_FDS 1024

/* One life of a cgroup: one recreated at the same path is another node. */
struct model_node {
  bool alive;
  size_t parent;
  char name[NAME_MAX + 1];
  uint64_t inode;
  unsigned depth;
  /* All its counters are computed from this, see model_counter(). */
  uint64_t usage_usec;
  /* The error of reading its files, or the text that the main one has
   * instead. */
  int error;
  const char *garbage;
  /* Its directory cannot be listed; something else is mounted on it; one of
   * these was ever true for it or an ancestor. */
  bool denied;
  bool mounted;
  bool was_hidden;
  /* Watch descriptor, or 0. */
  int watch;

  /* The reading from which a rate has to be computed, and that of this pass. */
  struct model_reading {
    bool known;
    bool garbage;
    uint64_t usage_usec;
    uint64_t time_nsec;
  } earlier, latest;
  /* The latest reading between two passes, and the highest use between two of
   * them since the previous pass, in millicores; negative: none. */
  struct model_reading sampled;
  long double peak;
  /* The same, also from its creation. */
  long double most;
  /* Since `earlier`, only a lack of room can have kept it from being read: it
   * is a new one when there is room again. */
  bool lost_room;
  /* What was left of it, as last reported if it was, and by how much that rose
   * since then; negative: not known. */
  bool has_remainder;
  uint64_t remainder_usec;
  long double rise_usec;
  /* The number of passes for which it has existed under this name. */
  unsigned passes;
  /* When it was created, and whether it was removed since the pass began, or
   * between it and the one before. */
  uint64_t born_nsec;
  bool just_removed;
  bool lately_removed;
  /* How often its directory was listed in this pass. */
  unsigned listed;
};

struct model {
  /* The model answers the calls. */
  bool active;
  enum cgroup_version version;
  /* Called before every call is answered; the number of calls in this pass. */
  void (*on_call)(void *context);
  void *context;
  unsigned calls;
  /* The inodes in listings differ from those of stat(2). */
  bool strange_inodes;
  /* Link counts are one; listings have no types; openat2 is missing. */
  bool no_links;
  bool no_types;
  bool no_openat2;
  /* Watches cannot be added; events are lost; or the queue overflowed. */
  bool no_watches;
  bool lose_events;
  bool overflow;

  uint64_t now_nsec;
  uint64_t inodes;
  /* The number of paths that cgroups lost since the previous pass. */
  size_t gone;
  int watches;
  /* The first one is a root cgroup. */
  struct model_node nodes[MODEL_NODES];
  size_t count;
  struct model_fd {
    bool used;
    enum { MODEL_DIRECTORY, MODEL_FILE, MODEL_INOTIFY } kind;
    size_t node;
    const char *file;
    /* It refers to what is mounted on the node. */
    bool foreign;
    /* The position in the listing of a directory. */
    size_t next;
  } fds[MODEL_FDS];
  size_t open;
  /* The watch descriptors with an event. */
  int events[4 * MODEL_NODES];
  size_t event_count;
};

extern struct model model;

/* Makes the file system empty except for its root. */
void model_reset(void);

/* Returns the node at a path below the root ("/" is the root), or
 * MODEL_NONE. */
size_t model_find(const char *path);

/* Returns the child with that name, or MODEL_NONE. */
size_t model_child(size_t parent, const char *name);

/* Writes the path of a node, alive or not. Returns false if it is too long. */
bool model_path(size_t node, char path[PATH_MAX]);

/* Creates a cgroup. Returns MODEL_NONE if there is no room for it. */
size_t model_make(size_t parent, const char *name, uint64_t inode);

/* Returns the node on which something is mounted that hides `node`: itself or
 * an ancestor; or MODEL_NONE. */
size_t model_mount(size_t node);

/* Removes a cgroup and its descendants. */
void model_remove(size_t node);

void model_rename(size_t node, const char *name);

/* Lets processes in a cgroup use CPU: all its ancestors have used it, too. */
void model_use(size_t node, uint64_t usec);

size_t model_subdirectories(size_t node);

/* Stores the counter that is reported under that name. Returns false if there
 * is none. */
bool model_counter(const struct model_node *node, const char *type_instance,
                   uint64_t *value);

/* Writes the contents of a file. Returns its length or a negative errno. */
int model_text(const struct model_node *node, const char *file, char *text,
               size_t size);

/* If cgroups have a file of that name, returns the name in static memory, or
 * else NULL. */
const char *model_file(const char *name);

/* Notes that the main file was read. */
void model_note_reading(struct model_node *node);

#endif
