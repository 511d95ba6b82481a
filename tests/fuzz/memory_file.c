/* SPDX-License-Identifier: MIT */
#include "memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

const char *memory_file(const void *text, size_t size) {
  static int fd = -1;
  static char path[64];

  if (fd < 0) {
    fd = memfd_create("fuzz", MFD_CLOEXEC);
    REQUIRE(fd >= 0);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  }
  REQUIRE(ftruncate(fd, 0) == 0);
  REQUIRE(pwrite(fd, text, size, 0) == (ssize_t)size);
  return path;
}
