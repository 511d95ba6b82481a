/* SPDX-License-Identifier: MIT */
#include "util/kernel_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

ssize_t kernel_file_read(int fd, char *buffer, size_t size) {
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
