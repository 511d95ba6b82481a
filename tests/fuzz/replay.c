/* SPDX-License-Identifier: MIT */
/* Replaces libFuzzer if it is not available: runs the target once with each of
 * the given files. */
#include "fuzz.h"
#include "util/cleanup.h"

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    CLEANUP_FILE FILE *file = fopen(argv[i], "re");
    CLEANUP_FREE char *text = NULL;
    size_t size = 0;
    CLEANUP_FILE FILE *copy = open_memstream(&text, &size);

    REQUIRE(file != NULL && copy != NULL);
    for (int c = getc(file); c != EOF; c = getc(file))
      REQUIRE(putc(c, copy) == c);
    REQUIRE(feof(file) && fflush(copy) == 0);
    (void)LLVMFuzzerTestOneInput((const uint8_t *)text, size);
  }
  return 0;
}
