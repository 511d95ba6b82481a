/* SPDX-License-Identifier: MIT */
#include "util/kernel_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

static char *tree;
static int directory = -1;

static void setup(void) {
  tree = make_tree();
  directory = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_ge(directory, 0);
}

static void teardown(void) {
  (void)close(directory);
  remove_tree(tree);
}

static const struct {
  const char *text;
  size_t size;
  const char *read;
} reads[] = {
    {"usage_usec 12\nuser_usec 3\n", 4096, "usage_usec 12\nuser_usec 3\n"},
    {"no newline", 4096, "no newline"},
    {"", 4096, ""},
    /* The text is longer than the buffer: a line that may be cut is not
     * returned. */
    {"usage_usec 12\nuser_usec 345\n", 24, "usage_usec 12\n"},
    {"usage_usec 12\nuser_usec 345\n", 14, "usage_usec 12\n"},
    {"123456789\n", 5, ""},
};

START_TEST(whole_lines) {
  char buffer[4096];

  write_file(tree, "file", reads[_i].text);
  CLEANUP_FD int fd = openat(directory, "file", O_RDONLY | O_CLOEXEC);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(kernel_file_read(fd, buffer, reads[_i].size),
                   (ssize_t)strlen(reads[_i].read));
  ck_assert_mem_eq(buffer, reads[_i].read, strlen(reads[_i].read));
}
END_TEST

START_TEST(kept_descriptor_reads_the_present_value) {
  char buffer[64];

  write_file(tree, "file", "111\n");
  CLEANUP_FD int fd = openat(directory, "file", O_RDONLY | O_CLOEXEC);
  ck_assert_int_eq(kernel_file_read(fd, buffer, sizeof(buffer)), 4);
  write_file(tree, "file", "22222\n");
  ck_assert_int_eq(kernel_file_read(fd, buffer, sizeof(buffer)), 6);
  ck_assert_mem_eq(buffer, "22222\n", 6);
}
END_TEST

START_TEST(errors_are_passed_on) {
  char buffer[64];

  ck_assert_int_eq(kernel_file_read(-1, buffer, sizeof(buffer)), -EBADF);
  ck_assert_int_eq(kernel_file_read(directory, buffer, sizeof(buffer)),
                   -EISDIR);
}
END_TEST

Suite *kernel_file_suite(void) {
  return suite_of("kernel_file", setup, teardown, FOR_EACH(whole_lines, reads),
                  ONCE(kept_descriptor_reads_the_present_value),
                  ONCE(errors_are_passed_on));
}
