/* SPDX-License-Identifier: MIT */
/* Reads a file that the kernel returns in any pieces. The result is the
 * beginning of the file, only whole lines of it if it does not fit, or the
 * error. */
#include "util/kernel_file.h"

#include <sys/types.h>
#include <unistd.h>

#include "fuzz.h"
#include "util/cleanup.h"
#include "wrap.h"

#define MODEL_FD 1000

/* The file, and the sizes of the pieces. 0 is EINTR and 255 an error. After the
 * last one, the rest is returned at once. */
static struct {
  const uint8_t *text;
  size_t length;
  const uint8_t *pieces;
  size_t piece_count;
  int error;
} file;

WRAPPER(ssize_t, pread, (int fd, void *buffer, size_t size, off_t offset)) {
  size_t count =
      (size_t)offset < file.length ? file.length - (size_t)offset : 0;

  if (fd != MODEL_FD)
    return __real_pread(fd, buffer, size, offset);
  if (count > size)
    count = size;
  if (file.piece_count > 0) {
    uint8_t piece = *file.pieces++;
    file.piece_count--;
    if (piece == 0 || piece == UINT8_MAX) {
      file.error = piece == 0 ? file.error : EIO;
      errno = piece == 0 ? EINTR : EIO;
      return -1;
    }
    if (count > piece)
      count = piece;
  }
  memcpy(buffer, file.text + offset, count);
  return (ssize_t)count;
}

static void require_beginning(const char *buffer, size_t size, size_t length) {
  REQUIRE(length <= size && length <= file.length);
  REQUIRE(memcmp(buffer, file.text, length) == 0);
  if (length == file.length)
    return;
  /* A part must end with a line. It is empty only if no line fits. */
  if (length > 0)
    REQUIRE(buffer[length - 1] == '\n');
  else
    REQUIRE(memchr(file.text, '\n', size) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  /* The input is the text, a zero byte, the size of the buffer, and the
   * pieces. */
  const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
  size_t length = end != NULL ? (size_t)(end - data) : size;
  size_t room = end != NULL && length + 1 < size ? end[1] : 4096;
  CLEANUP_FREE char *buffer = malloc(room);

  REQUIRE(buffer != NULL);
  memset(&file, 0, sizeof(file));
  file.text = data;
  file.length = length;
  if (length + 2 < size) {
    file.pieces = end + 2;
    file.piece_count = size - length - 2;
  }
  ssize_t got = kernel_file_read(MODEL_FD, buffer, room);
  if (got < 0)
    REQUIRE(file.error != 0 && got == -file.error);
  else
    require_beginning(buffer, room, (size_t)got);
  return 0;
}
