/* SPDX-License-Identifier: MIT */
#include "read/machine_cpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

static char *directory;
static struct machine_cpus machine;

static void setup(void) {
  directory = make_tree();
  machine_cpus_open(&machine, directory);
}

static void teardown(void) {
  machine_cpus_close(&machine);
  remove_tree(directory);
}

static void check(int status, bool known, const char *cpus) {
  struct cpu_set expected = {0};

  ck_assert_int_eq(machine_cpus_update(&machine, false), status);
  ck_assert_int_eq(machine.known, known);
  ck_assert_int_eq(cpu_set_parse(cpus, strlen(cpus), &expected), 0);
  ck_assert(cpu_set_contains(&expected, &machine.set));
  ck_assert(cpu_set_contains(&machine.set, &expected));
  cpu_set_release(&expected);
}

START_TEST(changes_are_seen_and_reported) {
  write_file(directory, "online", "0-1\n");
  check(1, true, "0-1");
  check(0, true, "0-1");
  write_file(directory, "online", "0-2\n");
  check(1, true, "0-2");
  write_file(directory, "online", "0,2\n");
  check(1, true, "0,2");
  check(0, true, "0,2");
}
END_TEST

/* For example, the file system that provides the list is restarted. */
START_TEST(another_file_is_opened) {
  write_file(directory, "online", "0-1\n");
  check(1, true, "0-1");
  ck_assert_int_ge(machine.fd, 0);
  CLEANUP_FREE char *path = path_in(directory, "online");
  int pipes[2];
  ck_assert_int_eq(pipe(pipes), 0);
  ck_assert_int_eq(dup2(pipes[0], machine.fd), machine.fd);
  (void)close(pipes[0]);
  (void)close(pipes[1]);
  ck_assert_int_eq(unlink(path), 0);
  write_file(directory, "online", "0-3\n");
  check(1, true, "0-3");
}
END_TEST

/* For example, lxcfs is mounted over the kernel's file. */
START_TEST(a_file_in_its_place_is_found) {
  write_file(directory, "online", "0-1\n");
  write_file(directory, "other", "0-2\n");
  check(1, true, "0-1");
  CLEANUP_FREE char *path = path_in(directory, "online");
  CLEANUP_FREE char *other = path_in(directory, "other");
  ck_assert_int_eq(rename(other, path), 0);
  check(0, true, "0-1");
  ck_assert_int_eq(machine_cpus_update(&machine, true), 1);
  check(0, true, "0-2");
  ck_assert_int_eq(unlink(path), 0);
  ck_assert_int_eq(machine_cpus_update(&machine, true), 0);
  check(0, true, "0-2");
}
END_TEST

START_TEST(not_known_without_the_list) {
  check(0, false, "\n");
  ck_assert_int_lt(machine.fd, 0);
  write_file(directory, "online", "0-1\n");
  check(1, true, "0-1");
  write_file(directory, "online", "none\n");
  check(1, false, "\n");
  check(0, false, "\n");
}
END_TEST

/* Lists every second CPU, in at most `size` bytes; if `cut`, the list is cut
 * off there. */
static unsigned write_long_list(size_t size, bool cut) {
  char text[MACHINE_CPUS_LIST_MAX + 8];
  size_t length = 0;
  unsigned count = 0;

  while (cut ? length < size : length + 8 < size) {
    length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u",
                               count > 0 ? "," : "", 2 * count);
    count++;
  }
  if (cut)
    text[size] = '\0';
  write_file(directory, "online", text);
  return count;
}

START_TEST(a_list_that_was_cut_is_none) {
  unsigned count = write_long_list(MACHINE_CPUS_LIST_MAX - 1, false);

  ck_assert_int_eq(machine_cpus_update(&machine, false), 1);
  ck_assert_uint_eq(cpu_set_count(&machine.set, NULL, NULL), count);
  (void)write_long_list(MACHINE_CPUS_LIST_MAX - 1, true);
  ck_assert_int_eq(machine_cpus_update(&machine, false), 1);
  ck_assert(!machine.known);
}
END_TEST

Suite *machine_cpus_suite(void) {
  return suite_of(
      "machine_cpus", setup, teardown, ONCE(changes_are_seen_and_reported),
      ONCE(another_file_is_opened), ONCE(a_file_in_its_place_is_found),
      ONCE(not_known_without_the_list), ONCE(a_list_that_was_cut_is_none));
}
