/* SPDX-License-Identifier: MIT */
#include "read/file_reader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "util/cleanup.h"
#include "util/kernel_file.h"
#include "util/monotonic.h"
#include "util/open_beneath.h"

/* Without large files (AC_SYS_LARGEFILE), calls of a 32-bit system fail with
 * EOVERFLOW once inode numbers exceed 2^32. */
_Static_assert(sizeof(ino_t) >= sizeof(uint64_t), "inode numbers are cut");
_Static_assert(sizeof(off_t) >= sizeof(uint64_t), "no large files");

/* Raises the soft limit to `wanted`, or to the hard limit if that is lower, and
 * returns the resulting soft limit. It is raised no further, because some
 * programs, such as collectd's exec plugin, close every possible descriptor one
 * by one. */
static rlim_t descriptor_limit(rlim_t wanted) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
    return 0;
  rlim_t soft = limit.rlim_cur;
  if (soft >= wanted)
    return soft;
  limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : soft;
}

void file_reader_open(struct file_reader *reader, size_t wanted) {
  const rlim_t least = (rlim_t)2 * FILE_READER_LOWEST_FD;
  rlim_t enough = FILE_READER_LOWEST_FD + (rlim_t)wanted / 3 * 4 + 4;
  rlim_t limit =
      wanted > 0 ? descriptor_limit(enough > least ? enough : least) : 0;
  bool high = limit >= least;
  rlim_t share = high ? (limit - FILE_READER_LOWEST_FD) / 4 * 3 : limit / 4;

  *reader = (struct file_reader){
      .keep = share < wanted ? (size_t)share : wanted,
      .lowest = high ? FILE_READER_LOWEST_FD : 0,
  };
  file_reader_begin_pass(reader);
}

static int open_file(int root_fd, const struct cgroup *cgroup,
                     const char *name) {
  char path[TREE_PATH_SIZE + NAME_MAX + 2];
  size_t length = tree_path(cgroup, path);

  if (length > 1)
    path[length++] = '/';
  size_t name_length = strlen(name);
  if (name_length > NAME_MAX)
    return -ENAMETOOLONG;
  memcpy(path + length, name, name_length + 1);
  return open_beneath(root_fd, path + 1, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

void file_reader_begin_pass(struct file_reader *reader) {
  reader->keep_now = reader->keep;
}

/* Keeps `fd` open, in the range for kept descriptors if there is one. If the
 * process is out of descriptors, no more are kept in this pass. */
static void keep_open(struct file_reader *reader, int *kept_fd, int fd) {
  if (reader->lowest > 0) {
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, reader->lowest);
    (void)close(fd);
    fd = moved;
  }
  if (fd < 0) {
    reader->keep_now = reader->kept;
    return;
  }
  *kept_fd = fd;
  reader->kept++;
}

/* The kernel takes the counters' values at some moment during the call, so the
 * middle of the call is the best estimate. */
static int read_file(int fd, char *buffer, size_t size,
                     struct reading *reading) {
  uint64_t before = 0;
  uint64_t after = 0;
  int status = monotonic_nsec(&before);

  if (status < 0)
    return status;
  reading->length = kernel_file_read(fd, buffer, size);
  if (reading->length < 0)
    return (int)reading->length;
  status = monotonic_nsec(&after);
  reading->time_nsec = before + (after - before) / 2;
  return status;
}

static void let_go(struct file_reader *reader, int *kept_fd) {
  if (kept_fd == NULL || *kept_fd < 0)
    return;
  assert(reader->kept > 0);
  (void)close(TAKE_FD(*kept_fd));
  reader->kept--;
}

int file_reader_read(struct file_reader *reader, int root_fd,
                     struct cgroup *cgroup, const char *name, size_t index,
                     char *buffer, size_t size, struct reading *reading) {
  int *kept_fd = file_reader_kept(cgroup, index);

  if (kept_fd != NULL && *kept_fd >= 0) {
    int status = read_file(*kept_fd, buffer, size, reading);
    if (status < 0)
      let_go(reader, kept_fd);
    return status;
  }

  CLEANUP_FD int fd = open_file(root_fd, cgroup, name);
  if (fd < 0)
    return fd;
  int status = read_file(fd, buffer, size, reading);
  if (status == 0 && kept_fd != NULL && reader->kept < reader->keep_now)
    keep_open(reader, kept_fd, TAKE_FD(fd));
  return status;
}

void file_reader_let_go(struct file_reader *reader, struct cgroup *cgroup,
                        size_t index) {
  let_go(reader, file_reader_kept(cgroup, index));
}

ssize_t file_reader_read_once(int root_fd, const struct cgroup *cgroup,
                              const char *name, char *buffer, size_t size) {
  CLEANUP_FD int fd = open_file(root_fd, cgroup, name);

  return fd < 0 ? fd : kernel_file_read(fd, buffer, size);
}

void file_reader_forget(struct file_reader *reader, struct cgroup *cgroup) {
  for (size_t i = 0; i < COUNTER_FILES_MAX; i++)
    let_go(reader, file_reader_kept(cgroup, i));
}
