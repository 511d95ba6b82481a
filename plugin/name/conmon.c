/* SPDX-License-Identifier: MIT */
#include "name/conmon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/read_all.h"

#define PROGRAM "conmon"
/* Enough for the numbers of two thousand processes. A longer command line says
 * nothing. */
#define BUFFER_SIZE 16384
#define PID_SIZE 16
/* So many processes are open at a time. */
#define BATCH 16

/* A process that seems to be conmon. */
struct candidate {
  char pid[PID_SIZE];
  int fd;
};

void conmon_open(struct conmon *conmon) {
  *conmon = (struct conmon){.proc = "/proc", .left = CONMON_PROCESSES};
}

void conmon_close(struct conmon *conmon) {
  container_list_release(&conmon->found);
}

void conmon_end(struct conmon *conmon) {
  conmon->left = CONMON_PROCESSES;
  conmon->path[0] = '\0';
}

/* The argument that follows `option`, or NULL. Moves on behind it. */
static const char *value_of(const char **arguments, const char *end,
                            const char *option) {
  bool found = false;

  while (*arguments < end) {
    const char *argument = *arguments;
    *arguments += strlen(argument) + 1;
    if (found)
      return argument;
    found = strcmp(argument, option) == 0;
  }
  return NULL;
}

static bool is_program(const char *path) {
  const char *slash = strrchr(path, '/');

  return strcmp(slash != NULL ? slash + 1 : path, PROGRAM) == 0;
}

/* Podman puts the id first, then the name; what comes later may be whatever
 * somebody chose. */
int conmon_parse(const char *arguments, size_t length, const char **id,
                 const char **name) {
  const char *end = arguments + length;

  if (length == 0 || end[-1] != '\0' || !is_program(arguments))
    return -ENOENT;
  *id = value_of(&arguments, end, "-c");
  *name = value_of(&arguments, end, "-n");
  return *id != NULL && container_is_id(*id) && *name != NULL &&
                 container_is_name(*name) && strlen(*name) < ENGINE_NAME_SIZE
             ? 0
             : -ENOENT;
}

/* Reads the list of processes of a cgroup. A line break ends each of them, and
 * a zero byte the list. */
static int read_process_list(const struct conmon *conmon, const char *path,
                             char list[BUFFER_SIZE]) {
  CLEANUP_FD int fd = conmon->open_processes(conmon->context, path);
  if (fd < 0)
    return fd;
  ssize_t length = read_all(fd, list, BUFFER_SIZE - 1);
  if (length < 0)
    return (int)length;
  const char *newline = memrchr(list, '\n', (size_t)length);
  list[newline != NULL ? newline + 1 - list : 0] = '\0';
  return 0;
}

static bool has_process(const char *list, const char *pid) {
  size_t length = strlen(pid);

  for (const char *line = list; *line != '\0'; line = strchr(line, '\n') + 1)
    if (strncmp(line, pid, length) == 0 && line[length] == '\n')
      return true;
  return false;
}

static ssize_t read_in(int process, const char *file, char *buffer,
                       size_t size) {
  CLEANUP_FD int fd = openat(process, file, O_RDONLY | O_CLOEXEC);

  return fd < 0 ? -errno : read_all(fd, buffer, size);
}

static bool is_conmon(const struct conmon *conmon, int process) {
  static const char wanted[] = PROGRAM "\n";
  char comm[sizeof(wanted)];
  struct stat status;

  return fstat(process, &status) == 0 && status.st_uid == conmon->owner &&
         read_in(process, "comm", comm, sizeof(comm)) ==
             (ssize_t)strlen(wanted) &&
         memcmp(comm, wanted, strlen(wanted)) == 0;
}

/* Opens the process if it seems to be conmon. Returns its descriptor or a
 * negative errno. */
static int open_conmon(struct conmon *conmon, const char *pid) {
  char path[PATH_MAX];

  if (conmon->left == 0)
    return -EAGAIN;
  conmon->left--;
  if (snprintf(path, sizeof(path), "%s/%s", conmon->proc, pid) >= PATH_MAX)
    return -ENAMETOOLONG;
  CLEANUP_FD int process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (process < 0)
    return -errno;
  return is_conmon(conmon, process) ? TAKE_FD(process) : -ENOENT;
}

/* Takes the last line off the list. Returns whether it is a process. */
static bool take_process(char *list, char pid[PID_SIZE]) {
  size_t length = strlen(list);

  if (length == 0)
    return false;
  list[length - 1] = '\0';
  char *newline = strrchr(list, '\n');
  char *last = newline != NULL ? newline + 1 : list;
  size_t digits = strspn(last, "0123456789");
  bool is_process = digits > 0 && digits < PID_SIZE && last[digits] == '\0';
  if (is_process)
    memcpy(pid, last, digits + 1);
  *last = '\0';
  return is_process;
}

/* Takes processes off the list until some seem to be conmon. Returns how many
 * do, or a negative errno. */
static int take_batch(struct conmon *conmon, char *list,
                      struct candidate batch[BATCH]) {
  int count = 0;
  int status = 0;

  while (count < BATCH && status == 0 && take_process(list, batch[count].pid)) {
    int fd = open_conmon(conmon, batch[count].pid);
    if (fd >= 0)
      batch[count++].fd = fd;
    else if (error_is_scarcity(fd))
      status = fd;
  }
  if (status == 0)
    return count;
  while (count > 0)
    (void)close(batch[--count].fd);
  return status;
}

static int add_container(struct conmon *conmon, int process) {
  char arguments[BUFFER_SIZE];
  const char *id = NULL;
  const char *name = NULL;
  ssize_t length = read_in(process, "cmdline", arguments, sizeof(arguments));

  if (length < 0)
    return (int)length;
  if (conmon_parse(arguments, (size_t)length, &id, &name) < 0)
    return 0;
  return container_list_add(&conmon->found, id, name);
}

/* Only the command line of a process that Podman itself put there is read: the
 * memory of any other may be one that never answers. So the process must be
 * there still when it is open already, because its number could be another's by
 * then. Returns 0 or a negative errno. */
static int add_batch(struct conmon *conmon, struct candidate *batch,
                     int count) {
  char list[BUFFER_SIZE];
  int status = read_process_list(conmon, conmon->path, list);
  int failure = status;

  for (int i = 0; i < count; i++) {
    if (status == 0 && has_process(list, batch[i].pid)) {
      int added = add_container(conmon, batch[i].fd);
      if (error_is_scarcity(added))
        failure = added;
    }
    (void)close(batch[i].fd);
  }
  return failure;
}

/* Looks at the processes of one cgroup. If it is not there, what was found in
 * another one stays. Returns 0 or a negative errno. */
static int look_at_all(struct conmon *conmon, const char *path) {
  char list[BUFFER_SIZE];
  struct candidate batch[BATCH];
  int count = BATCH;
  int status = read_process_list(conmon, path, list);

  if (status < 0)
    return status;
  container_list_clear(&conmon->found);
  memcpy(conmon->path, path, strlen(path) + 1);
  while (status == 0 && count == BATCH) {
    count = take_batch(conmon, list, batch);
    status = count > 0 ? add_batch(conmon, batch, count) : count;
  }
  container_list_sort(&conmon->found);
  if (status < 0)
    conmon->path[0] = '\0';
  return status;
}

static int look_in(struct conmon *conmon, const char *id,
                   const char path[PATH_MAX], char name[ENGINE_NAME_SIZE]) {
  if (strcmp(conmon->path, path) != 0) {
    int status = look_at_all(conmon, path);
    if (status < 0)
      return status;
  }
  const char *found = container_list_find(&conmon->found, id);
  if (found == NULL)
    return -ENOENT;
  (void)snprintf(name, ENGINE_NAME_SIZE, "%s", found);
  return 0;
}

static bool is_service(const char *path) {
  size_t length = strlen(path);
  size_t suffix = strlen(".service");

  return length > suffix && strcmp(path + length - suffix, ".service") == 0;
}

/* With systemd it has a scope beside the container's; without, all are in a
 * cgroup beside it; and in a service of systemd, in one of that service, or in
 * the service itself. Writes the path of one of these places. Returns whether
 * there is one. */
static bool write_place(char path[PATH_MAX], size_t index, const char *parent,
                        const char *id) {
  static const char *const names[] = {"conmon", "runtime", ""};
  const char *above = parent + strspn(parent, "/");
  const char *slash = *above != '\0' ? "/" : "";
  int length = index == 0
                   ? snprintf(path, PATH_MAX, "%s%slibpod-conmon-%s.scope",
                              above, slash, id)
                   : snprintf(path, PATH_MAX, "%s%s%s", above,
                              names[index - 1][0] != '\0' ? slash : "",
                              names[index - 1]);

  return length < PATH_MAX && (index < 2 || is_service(parent));
}

int conmon_find(struct conmon *conmon, const char *id, const char *parent,
                char name[ENGINE_NAME_SIZE]) {
  enum { PLACES = 4 };
  char path[PATH_MAX];
  int failure = -ENOENT;

  for (size_t i = 0; i < PLACES && write_place(path, i, parent, id); i++) {
    int status = look_in(conmon, id, path, name);
    if (status == 0)
      return 0;
    if (failure == -ENOENT && !error_is_absence(status))
      failure = status;
  }
  return failure;
}
