/* SPDX-License-Identifier: MIT */
#include "read/machine_cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/errors.h"
#include "util/kernel_file.h"

/* Room for "/cpu65535/online". */
#define FILE_SIZE 32

void machine_cpus_open(struct machine_cpus *machine, const char *directory) {
  *machine = (struct machine_cpus){.directory = directory, .fd = -1};
}

void machine_cpus_close(struct machine_cpus *machine) {
  if (machine->fd >= 0)
    (void)close(TAKE_FD(machine->fd));
  cpu_set_release(&machine->set);
  machine->known = false;
  machine->length = 0;
}

static bool is_missing(int status) {
  return status == -ENOENT || status == -ENOTDIR;
}

/* Sandboxes and access control hide the list permanently. Other errors may be
 * temporary. */
static bool may_not_be_seen(int status) {
  return is_missing(status) || error_is_denial(status);
}

static int open_list(const struct machine_cpus *machine, const char *file) {
  char path[sizeof(MACHINE_CPUS_DIRECTORY) + 256];
  int length = snprintf(path, sizeof(path), "%s/%s", machine->directory, file);

  if (length < 0 || (size_t)length >= sizeof(path))
    return -ENAMETOOLONG;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  return fd >= 0 ? fd : -errno;
}

static ssize_t read_list(const struct machine_cpus *machine, const char *file,
                         char text[MACHINE_CPUS_LIST_MAX]) {
  CLEANUP_FD int fd = open_list(machine, file);

  return fd < 0 ? fd : kernel_file_read(fd, text, MACHINE_CPUS_LIST_MAX);
}

/* The file system that provides the list may have been replaced, for example
 * when lxcfs was restarted. Then all further reads of an open file fail. */
static ssize_t read_online(struct machine_cpus *machine,
                           char text[MACHINE_CPUS_LIST_MAX]) {
  if (machine->fd >= 0) {
    ssize_t length = kernel_file_read(machine->fd, text, MACHINE_CPUS_LIST_MAX);
    if (length > 0)
      return length;
    (void)close(TAKE_FD(machine->fd));
  }
  CLEANUP_FD int fd = open_list(machine, "online");
  if (fd < 0)
    return fd;
  ssize_t length = kernel_file_read(fd, text, MACHINE_CPUS_LIST_MAX);
  if (length >= 0)
    machine->fd = TAKE_FD(fd);
  return length;
}

/* A list that was cut off may end in the middle of a number. */
static int parse_list(const char *text, size_t length, struct cpu_set *set) {
  return length < MACHINE_CPUS_LIST_MAX - 1 ? cpu_set_parse(text, length, set)
                                            : -EINVAL;
}

static int is_offline(const struct machine_cpus *machine, unsigned cpu,
                      bool *offline) {
  char file[FILE_SIZE];
  char text[MACHINE_CPUS_LIST_MAX];

  (void)snprintf(file, sizeof(file), "cpu%u/online", cpu);
  ssize_t length = read_list(machine, file, text);
  *offline = length > 0 && text[0] == '0';
  return length < 0 && !is_missing((int)length) ? (int)length : 0;
}

/* Adds the CPUs that are online but missing from the list of online CPUs. */
static int add_hidden(const struct machine_cpus *machine, struct cpu_set *set) {
  char text[MACHINE_CPUS_LIST_MAX];
  struct cpu_set hidden = {0};
  ssize_t length = read_list(machine, "present", text);
  int status = 0;

  if (length < 0)
    return is_missing((int)length) ? 0 : (int)length;
  status = parse_list(text, (size_t)length, &hidden);
  for (unsigned cpu = 0; status == 0 && cpu < hidden.words * 64; cpu++) {
    bool out = cpu_set_has(set, cpu);
    if (cpu_set_has(&hidden, cpu) && !out)
      status = is_offline(machine, cpu, &out);
    if (out)
      hidden.bits[cpu / 64] &= ~(UINT64_C(1) << cpu % 64);
  }
  if (status == 0)
    status = cpu_set_add(set, &hidden);
  cpu_set_release(&hidden);
  /* A text that is not a CPU list is ignored. */
  return status == -EINVAL ? 0 : status;
}

/* Takes over `set`. Returns 1 if the CPUs changed, 0 if not. */
static int keep_set(struct machine_cpus *machine, bool known,
                    struct cpu_set *set) {
  bool same = known == machine->known && cpu_set_contains(&machine->set, set) &&
              cpu_set_contains(set, &machine->set);

  cpu_set_release(&machine->set);
  machine->known = known;
  machine->set = *set;
  return same ? 0 : 1;
}

/* Another file may have been mounted over the open one. */
static void open_again(struct machine_cpus *machine) {
  int fd = machine->fd >= 0 ? open_list(machine, "online") : -ENOENT;

  if (fd < 0)
    return;
  (void)close(machine->fd);
  machine->fd = fd;
}

int machine_cpus_update(struct machine_cpus *machine, bool look_closer) {
  char text[MACHINE_CPUS_LIST_MAX];
  struct cpu_set set = {0};

  if (look_closer)
    open_again(machine);
  ssize_t length = read_online(machine, text);
  int status = 0;

  if (length >= 0 && !look_closer && machine->known &&
      (size_t)length == machine->length &&
      memcmp(text, machine->text, machine->length) == 0)
    return 0;
  if (length >= 0)
    status = parse_list(text, (size_t)length, &set);
  else if (!may_not_be_seen((int)length))
    status = (int)length;
  bool known = status == 0 && cpu_set_count(&set, NULL, NULL) > 0;
  if (known)
    status = add_hidden(machine, &set);
  if (status < 0 && status != -EINVAL) {
    cpu_set_release(&set);
    return status;
  }
  machine->length = known ? (size_t)length : 0;
  memcpy(machine->text, text, machine->length);
  return keep_set(machine, known, &set);
}
