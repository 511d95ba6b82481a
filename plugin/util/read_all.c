/* SPDX-License-Identifier: MIT */
#include "util/read_all.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t read_cached(int fd, char *buffer, size_t size) {
  struct iovec room = {buffer, size};

  return preadv2(fd, &room, 1, -1, RWF_NOWAIT);
}

static ssize_t read_with(ssize_t (*call)(int fd, char *buffer, size_t size),
                         int fd, char *buffer, size_t size) {
  size_t length = 0;

  while (length < size) {
    ssize_t count = call(fd, buffer + length, size - length);

    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return -errno;
    if (count == 0)
      break;
    length += (size_t)count;
  }
  return (ssize_t)length;
}

static ssize_t read_some(int fd, char *buffer, size_t size) {
  return read(fd, buffer, size);
}

ssize_t read_all(int fd, char *buffer, size_t size) {
  return read_with(read_some, fd, buffer, size);
}

ssize_t read_all_cached(int fd, char *buffer, size_t size) {
  ssize_t length = read_with(read_cached, fd, buffer, size);

  return length == -EOPNOTSUPP ? read_all(fd, buffer, size) : length;
}
