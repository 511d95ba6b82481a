/* SPDX-License-Identifier: MIT */
#include "util/read_all.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Reads at the file's own position, if no disk has to be waited for. */
static ssize_t read_cached(int fd, char *buffer, size_t size) {
  struct iovec room = {buffer, size};

#ifdef RWF_NOWAIT
  return preadv2(fd, &room, 1, -1, RWF_NOWAIT);
#else
  /* musl before 1.2.5 has no function for it. The position is in two parts. */
  enum { NOWAIT = 0x8 };
  ssize_t length =
      syscall(SYS_preadv2, (long)fd, &room, 1L, -1L, -1L, (long)NOWAIT);

  if (length < 0 && errno == ENOSYS)
    errno = EOPNOTSUPP;
  return length;
#endif
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
