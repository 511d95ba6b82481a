/* SPDX-License-Identifier: MIT */
/* The system calls that find, list, read and watch cgroups, answered from the
 * model. The linker puts these functions in place of the C library's. Calls
 * that do not concern the model are passed on to the real ones.
 *
 * Some of the real ones are variadic. In all calling conventions of Linux,
 * numbers and pointers are in the same places for functions that are not.
 */
#include "model.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "util/units.h"
#include "wrap.h"

#define TEXT_SIZE 8192
/* The devices of the model's file system, and of what is mounted on a part of
 * it. */
#define OWN_DEVICE 1
#define FOREIGN_DEVICE 2
#define FOREIGN_TEXT "usage_usec 77777777777\n"

static int fail(int error) {
  errno = error;
  return -1;
}

static void count_call(void) {
  if (!model.active)
    return;
  model.calls++;
  if (model.on_call != NULL)
    model.on_call(model.context);
}

static struct model_fd *model_fd(int fd) {
  if (!model.active || fd < MODEL_FD || fd >= MODEL_FD + MODEL_FDS)
    return NULL;
  struct model_fd *found = &model.fds[fd - MODEL_FD];
  REQUIRE(found->used);
  return found;
}

static int new_fd(struct model_fd fd) {
  fd.used = true;
  for (int i = 0; i < MODEL_FDS; i++)
    if (!model.fds[i].used) {
      model.fds[i] = fd;
      model.open++;
      return MODEL_FD + i;
    }
  return fail(EMFILE);
}

/* Returns a path below the root, or NULL if it is not in the model. */
static const char *below_root(const char *path) {
  size_t length = strlen(MODEL_ROOT);

  return model.active && strncmp(path, MODEL_ROOT, length) == 0 ? path + length
                                                                : NULL;
}

/* The caller reached the node by its path. */
static int open_node(size_t node, uint64_t flags, bool crossing) {
  size_t mount = model_mount(node);

  if (node == MODEL_NONE || (mount != MODEL_NONE && mount != node))
    return fail(ENOENT);
  if (mount == node && !crossing)
    return fail(EXDEV);
  if (model.nodes[node].denied && (flags & O_PATH) == 0)
    return fail(EACCES);
  return new_fd((struct model_fd){
      .kind = MODEL_DIRECTORY, .node = node, .foreign = mount == node});
}

/* Opens a directory, or the file in the last component. */
static int open_below(const struct model_fd *directory, const char *path,
                      uint64_t flags, bool crossing) {
  char parent[PATH_MAX];
  const char *slash = strrchr(path, '/');
  const char *name = slash != NULL ? slash + 1 : path;

  REQUIRE(directory->kind == MODEL_DIRECTORY);
  if (strlen(path) >= PATH_MAX)
    return fail(ENAMETOOLONG);
  if (!model.nodes[directory->node].alive)
    return fail(ENOENT);
  (void)snprintf(parent, sizeof(parent), "%.*s",
                 slash != NULL ? (int)(slash - path) : 0, path);
  /* Paths are relative to the root, except in a step by step walk. The first
   * step of a walk is relative to the root, too. */
  size_t node = directory->node;
  if (model.nodes[node].parent == MODEL_NONE)
    node = model_find(parent);
  if (node == MODEL_NONE)
    return fail(ENOENT);
  if ((flags & (O_DIRECTORY | O_PATH)) != 0)
    return open_node(strcmp(name, ".") == 0 ? node : model_child(node, name),
                     flags, crossing);
  const char *file = model_file(name);
  size_t mount = model_mount(node);
  if (mount != MODEL_NONE && (mount != node || file == NULL))
    return fail(ENOENT);
  if (mount == node && !crossing)
    return fail(EXDEV);
  if (mount == node)
    return new_fd((struct model_fd){
        .kind = MODEL_FILE, .node = node, .file = file, .foreign = true});
  if (file == NULL || model.nodes[node].error == ENOENT)
    return fail(ENOENT);
  if (model.nodes[node].error == EACCES)
    return fail(EACCES);
  return new_fd(
      (struct model_fd){.kind = MODEL_FILE, .node = node, .file = file});
}

static int stat_node(size_t node, bool foreign, struct stat *status) {
  if (node == MODEL_NONE)
    return fail(ENOENT);
  memset(status, 0, sizeof(*status));
  status->st_mode = S_IFDIR | 0755;
  status->st_dev = foreign ? FOREIGN_DEVICE : OWN_DEVICE;
  status->st_ino = model.nodes[node].inode;
  status->st_nlink =
      (nlink_t)(model.no_links ? 1 : 2 + model_subdirectories(node));
  return 0;
}

/* The caller reached the node by its path. */
static int stat_path(size_t node, struct stat *status) {
  size_t mount = model_mount(node);

  return stat_node(mount == MODEL_NONE || mount == node ? node : MODEL_NONE,
                   mount != MODEL_NONE, status);
}

WRAPPER(int, stat, (const char *path, struct stat *status)) {
  const char *below = below_root(path);

  count_call();
  return below != NULL ? stat_path(model_find(below), status)
                       : __real_stat(path, status);
}

WRAPPER(int, fstat, (int fd, struct stat *status)) {
  const struct model_fd *directory = model_fd(fd);

  return directory != NULL
             ? stat_node(directory->node, directory->foreign, status)
             : __real_fstat(fd, status);
}

WRAPPER(int, fstatat,
        (int fd, const char *path, struct stat *status, int flags)) {
  const struct model_fd *directory = model_fd(fd);

  count_call();
  if (directory == NULL)
    return __real_fstatat(fd, path, status, flags);
  if (model.nodes[directory->node].parent == MODEL_NONE)
    return stat_path(model_find(path), status);
  return stat_path(model_child(directory->node, path), status);
}

WRAPPER(int, open, (const char *path, int flags, mode_t mode)) {
  const char *below = below_root(path);

  count_call();
  return below != NULL ? open_node(model_find(below), (uint64_t)flags, true)
                       : __real_open(path, flags, mode);
}

WRAPPER(int, openat, (int fd, const char *path, int flags, mode_t mode)) {
  const struct model_fd *directory = model_fd(fd);

  count_call();
  return directory != NULL ? open_below(directory, path, (uint64_t)flags, true)
                           : __real_openat(fd, path, flags, mode);
}

/* The C library has no function for openat2. An old musl has none for preadv2,
 * which has more parameters. */
WRAPPER(long, syscall,
        (long number, int fd, const char *path, const struct open_how *how,
         size_t size, long fifth, long sixth)) {
  const struct model_fd *directory =
      number == SYS_openat2 ? model_fd(fd) : NULL;

  count_call();
  if (directory == NULL)
    return __real_syscall(number, fd, path, how, size, fifth, sixth);
  return model.no_openat2 ? fail(ENOSYS)
                          : open_below(directory, path, how->flags,
                                       (how->resolve & RESOLVE_NO_XDEV) == 0);
}

WRAPPER(int, close, (int fd)) {
  struct model_fd *closed = model_fd(fd);

  if (closed == NULL)
    return __real_close(fd);
  closed->used = false;
  model.open--;
  return 0;
}

WRAPPER(int, fcntl, (int fd, int command, long argument)) {
  const struct model_fd *copied = model_fd(fd);

  if (copied == NULL)
    return __real_fcntl(fd, command, argument);
  REQUIRE(command == F_DUPFD_CLOEXEC);
  return new_fd(*copied);
}

WRAPPER(ssize_t, pread, (int fd, void *buffer, size_t size, off_t offset)) {
  const struct model_fd *file = model_fd(fd);
  char text[TEXT_SIZE];

  count_call();
  if (file == NULL)
    return __real_pread(fd, buffer, size, offset);
  REQUIRE(file->kind == MODEL_FILE);
  int length = file->foreign ? snprintf(text, sizeof(text), FOREIGN_TEXT)
                             : model_text(&model.nodes[file->node], file->file,
                                          text, sizeof(text));
  if (length < 0)
    return fail(-length);
  if (length > TEXT_SIZE - 1)
    length = TEXT_SIZE - 1;
  if (!file->foreign && (file->file == model_file("cpuacct.usage") ||
                         (file->file == model_file("cpu.stat") &&
                          model.version == CGROUP_VERSION_2)))
    model_note_reading(&model.nodes[file->node]);
  size_t rest = offset < length ? (size_t)(length - offset) : 0;
  if (rest > size)
    rest = size;
  memcpy(buffer, text + offset, rest);
  return (ssize_t)rest;
}

WRAPPER(ssize_t, read, (int fd, void *buffer, size_t size)) {
  const struct model_fd *inotify = model_fd(fd);
  struct inotify_event event = {.mask = IN_CREATE | IN_ISDIR};

  if (inotify == NULL)
    return __real_read(fd, buffer, size);
  REQUIRE(inotify->kind == MODEL_INOTIFY && size >= sizeof(event));
  if (model.overflow) {
    model.overflow = false;
    event.mask = IN_Q_OVERFLOW;
    event.wd = -1;
  } else if (model.event_count > 0) {
    event.wd = model.events[--model.event_count];
  } else {
    return fail(EAGAIN);
  }
  memcpy(buffer, &event, sizeof(event));
  return sizeof(event);
}

WRAPPER(DIR *, fdopendir, (int fd)) {
  struct model_fd *directory = model_fd(fd);

  count_call();
  if (directory == NULL)
    return __real_fdopendir(fd);
  REQUIRE(directory->kind == MODEL_DIRECTORY && !directory->foreign);
  model.nodes[directory->node].listed++;
  directory->next = 0;
  return (DIR *)(void *)directory;
}

static struct model_fd *model_stream(DIR *stream) {
  struct model_fd *fd = (struct model_fd *)(void *)stream;

  if (fd < model.fds || fd >= model.fds + MODEL_FDS)
    return NULL;
  REQUIRE(fd->used);
  return fd;
}

WRAPPER(int, dirfd, (DIR * stream)) {
  const struct model_fd *directory = model_stream(stream);

  return directory != NULL ? MODEL_FD + (int)(directory - model.fds)
                           : __real_dirfd(stream);
}

static struct dirent *fill_in(struct dirent *entry, const char *name) {
  (void)snprintf(entry->d_name, sizeof(entry->d_name), "%s", name);
  return entry;
}

/* The entries are ".", a file, and then the children. */
WRAPPER(struct dirent *, readdir, (DIR * stream)) {
  static struct dirent entry;
  struct model_fd *directory = model_stream(stream);

  count_call();
  if (directory == NULL)
    return __real_readdir(stream);
  entry.d_type = directory->next == 1 ? DT_REG : DT_DIR;
  if (directory->next < 2) {
    return fill_in(&entry, directory->next++ == 0 ? "." : "cgroup.procs");
  }
  for (size_t i = directory->next++ - 2; i < model.count;
       i = directory->next++ - 2)
    if (model.nodes[i].alive && model.nodes[i].parent == directory->node) {
      entry.d_ino = model.nodes[i].inode + (model.strange_inodes ? 1000000 : 0);
      entry.d_type = model.no_types ? DT_UNKNOWN : DT_DIR;
      return fill_in(&entry, model.nodes[i].name);
    }
  return NULL;
}

WRAPPER(int, closedir, (DIR * stream)) {
  struct model_fd *directory = model_stream(stream);

  if (directory == NULL)
    return __real_closedir(stream);
  directory->used = false;
  model.open--;
  return 0;
}

WRAPPER(int, inotify_init1, (int flags)) {
  return model.active ? new_fd((struct model_fd){.kind = MODEL_INOTIFY})
                      : __real_inotify_init1(flags);
}

WRAPPER(int, inotify_add_watch, (int fd, const char *path, uint32_t mask)) {
  if (model_fd(fd) == NULL)
    return __real_inotify_add_watch(fd, path, mask);
  count_call();
  REQUIRE(below_root(path) != NULL);
  size_t node = model_find(below_root(path));
  size_t mount = model_mount(node);
  if (node == MODEL_NONE || (mount != MODEL_NONE && mount != node))
    return fail(ENOENT);
  if (mount == node)
    return ++model.watches;
  if (model.nodes[node].denied)
    return fail(EACCES);
  if (model.nodes[node].watch == 0) {
    if (model.no_watches)
      return fail(ENOSPC);
    model.nodes[node].watch = ++model.watches;
  }
  return model.nodes[node].watch;
}

WRAPPER(int, inotify_rm_watch, (int fd, int watch)) {
  if (model_fd(fd) == NULL)
    return __real_inotify_rm_watch(fd, watch);
  for (size_t i = 0; i < model.count; i++)
    if (model.nodes[i].watch == watch) {
      model.nodes[i].watch = 0;
      return 0;
    }
  return fail(EINVAL);
}

WRAPPER(int, clock_gettime, (clockid_t clock, struct timespec *time)) {
  if (!model.active)
    return __real_clock_gettime(clock, time);
  time->tv_sec = (time_t)(model.now_nsec / NSEC_PER_SEC);
  time->tv_nsec = (long)(model.now_nsec % NSEC_PER_SEC);
  return 0;
}
