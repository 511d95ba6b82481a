/* SPDX-License-Identifier: MIT */
#include "util/read_all.h"

#include <errno.h>
#include <unistd.h>

ssize_t read_all(int fd, char *buffer, size_t size) {
  size_t length = 0;

  while (length < size) {
    ssize_t count = read(fd, buffer + length, size - length);

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
