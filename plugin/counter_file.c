/* SPDX-License-Identifier: MIT */
#include "counter_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int counter_file_open(int directory, const char *name) {
  int fd = openat(directory, name,
                  O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

  return fd >= 0 ? fd : -errno;
}

ssize_t counter_file_read(int fd, char *buffer, size_t size) {
  size_t length = 0;

  while (length < size && (length == 0 || buffer[length - 1] != '\n')) {
    ssize_t count = pread(fd, buffer + length, size - length, (off_t)length);

    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return -errno;
    if (count == 0)
      return (ssize_t)length;
    length += (size_t)count;
  }

  if (length == size) {
    const char *newline = memrchr(buffer, '\n', length);
    length = newline != NULL ? (size_t)(newline - buffer) + 1 : 0;
  }
  return (ssize_t)length;
}
