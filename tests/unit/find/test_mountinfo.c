/* SPDX-License-Identifier: MIT */
#include "find/mountinfo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

static struct mountinfo read_text(const char *text) {
  char *tree = make_tree();
  struct mountinfo table;

  write_file(tree, "mountinfo", text);
  CLEANUP_FREE char *path = path_in(tree, "mountinfo");
  ck_assert_int_eq(mountinfo_read(path, &table), 0);
  remove_tree(tree);
  return table;
}

static const struct {
  const char *line;
  enum cgroup_version version;
  const char *directory;
  int depth;
} lines[] = {
    {"41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n",
     CGROUP_VERSION_2, "/sys/fs/cgroup", 0},
    {"33 31 0:30 / /a rw - cgroup cgroup rw,cpuacct\n", CGROUP_VERSION_1, "/a",
     0},
    /* Co-mounts in either order, with an unrelated name. */
    {"33 31 0:30 / /memory rw - cgroup x rw,cpu,cpuacct\n", CGROUP_VERSION_1,
     "/memory", 0},
    {"33 31 0:30 / /c rw - cgroup cgroup rw,cpuacct,cpu\n", CGROUP_VERSION_1,
     "/c", 0},
    /* Any number of optional fields. */
    {"33 31 0:30 / /o rw shared:7 master:1 x:2 - cgroup2 none rw\n",
     CGROUP_VERSION_2, "/o", 0},
    /* gVisor leaves two blanks where the optional fields would be. */
    {"16 15 0:16 / /g rw  - cgroup none rw,cpuacct\n", CGROUP_VERSION_1, "/g",
     0},
    /* mount(2) accepts an empty source. */
    {"63 43 0:38 / /m rw,relatime - cgroup2  rw\n", CGROUP_VERSION_2, "/m", 0},
    {"33 31 0:30 / /s rw - cgroup  rw,cpuacct\n", CGROUP_VERSION_1, "/s", 0},
    /* Subtrees, and cgroups above a cgroup namespace. */
    {"9 8 0:30 /docker/4f1c /d rw - cgroup cgroup rw,cpuacct\n",
     CGROUP_VERSION_1, "/d", 2},
    {"9 8 0:30 /.. /n rw - cgroup2 none rw\n", CGROUP_VERSION_2, "/n", -1},
    {"9 8 0:30 /../../b /n rw - cgroup2 none rw\n", CGROUP_VERSION_2, "/n", -1},
    /* Escapes of the kernel, and what only looks like one. */
    {"9 8 0:30 / /a\\040b\\011c\\012d\\134e rw - cgroup2 none rw\n",
     CGROUP_VERSION_2, "/a b\tc\nd\\e", 0},
    {"9 8 0:30 / /a\\04x\\400\\9 rw - cgroup2 none rw\n", CGROUP_VERSION_2,
     "/a\\04x\\400\\9", 0},
    /* No newline at the end. */
    {"9 8 0:30 / /e rw - cgroup2 none rw", CGROUP_VERSION_2, "/e", 0},
};

START_TEST(cgroup_lines) {
  struct mountinfo table = read_text(lines[_i].line);

  ck_assert_uint_eq(table.count, 1);
  ck_assert_int_eq(table.mounts[0].version, lines[_i].version);
  ck_assert_str_eq(table.mounts[0].directory, lines[_i].directory);
  ck_assert_int_eq(table.mounts[0].depth, lines[_i].depth);
  mountinfo_release(&table);
}
END_TEST

static const struct {
  const char *field;
  const char *root;
} roots[] = {
    {"/", "/"},
    {"/docker/4f1c", "/docker/4f1c"},
    {"/..", "/.."},
    {"/a\\040b/c", "/a b/c"},
};

START_TEST(root_fields) {
  CLEANUP_FREE char *line = NULL;

  ck_assert_int_ge(
      asprintf(&line, "9 8 0:30 %s /x rw - cgroup2 none rw\n", roots[_i].field),
      0);
  struct mountinfo table = read_text(line);
  ck_assert_str_eq(table.mounts[0].root, roots[_i].root);
  mountinfo_release(&table);
}
END_TEST

/* Tables, and which of their cgroup mounts are hidden: one character for
 * each. */
static const struct {
  const char *text;
  const char *hidden;
} tables[] = {
    {"1 0 0:1 / / rw - ext4 d rw\n"
     "2 1 0:2 / /cg rw - tmpfs t rw\n"
     "3 2 0:3 / /cg/cpu rw - cgroup c rw,cpu\n"
     "4 2 0:4 / /cg/unified rw - cgroup2 c rw\n",
     "--"},
    /* One mount is on the other, of any kind. */
    {"2 1 0:2 / /a rw - cgroup c rw,cpu\n"
     "3 2 0:3 / /a rw - cgroup2 c rw\n",
     "h-"},
    {"2 1 0:2 / /a rw - cgroup c rw,cpu\n"
     "3 2 0:3 / /a rw - tmpfs t rw\n",
     "h"},
    {"2 1 0:2 / /a rw - cgroup c rw,cpu\n"
     "3 2 0:3 / /a rw - tmpfs t rw\n"
     "4 3 0:2 / /a rw - cgroup c rw,cpu\n",
     "h-"},
    /* One is on a directory above the other, mounted before or after it. */
    {"2 1 0:2 / /a/b rw - cgroup c rw,cpu\n"
     "3 1 0:3 / /a rw - tmpfs t rw\n",
     "h"},
    {"3 1 0:3 / /a rw - tmpfs t rw\n"
     "2 1 0:2 / /a/b rw - cgroup c rw,cpu\n",
     "h"},
    /* One is below the other, or beside it with a longer name. */
    {"2 1 0:2 / /a rw - cgroup2 c rw\n"
     "3 2 0:3 / /a/b rw - cgroup c rw,cpu\n"
     "4 1 0:4 / /ab rw - cgroup c rw,cpuset\n",
     "---"},
    /* One is in a hidden mount. */
    {"2 1 0:2 / /a rw - tmpfs t rw\n"
     "3 2 0:3 / /a/b rw - cgroup c rw,cpu\n"
     "4 2 0:4 / /a rw - tmpfs t rw\n"
     "5 4 0:5 / /a/b rw - cgroup c rw,cpu\n",
     "h-"},
    {"2 1 0:2 / /a rw - tmpfs t rw\n"
     "3 2 0:3 / /a/b rw - tmpfs t rw\n"
     "4 3 0:4 / /a/b/c rw - cgroup c rw,cpu\n"
     "5 2 0:5 / /a rw - tmpfs t rw\n",
     "h"},
    /* Contradictory numbers do not cause an endless loop. */
    {"1 1 0:1 / / rw - cgroup2 c rw\n", "-"},
    {"1 2 0:1 / /a rw - cgroup2 c rw\n"
     "2 1 0:1 / /b rw - cgroup2 c rw\n",
     "--"},
};

START_TEST(hidden_mounts) {
  struct mountinfo table = read_text(tables[_i].text);

  ck_assert_uint_eq(table.count, strlen(tables[_i].hidden));
  for (size_t i = 0; i < table.count; i++)
    ck_assert_int_eq(table.mounts[i].hidden, tables[_i].hidden[i] == 'h');
  mountinfo_release(&table);
}
END_TEST

START_TEST(mount_of_a_path) {
  struct mountinfo table = read_text("2 1 0:2 / /a rw - cgroup2 c rw\n"
                                     "3 2 0:3 / /a/b rw - cgroup c rw,cpu\n"
                                     "4 2 0:3 / /a/c rw - cgroup c rw,cpu\n"
                                     "5 4 0:3 / /a/c rw - tmpfs t rw\n");

  ck_assert_ptr_eq(mountinfo_find(&table, "/a"), &table.mounts[0]);
  ck_assert_ptr_eq(mountinfo_find(&table, "/a/x"), &table.mounts[0]);
  ck_assert_ptr_eq(mountinfo_find(&table, "/a/b"), &table.mounts[1]);
  ck_assert_ptr_eq(mountinfo_find(&table, "/a/b/x/y"), &table.mounts[1]);
  ck_assert_ptr_eq(mountinfo_find(&table, "/a/bc"), &table.mounts[0]);
  ck_assert_ptr_null(mountinfo_find(&table, "/ab"));
  ck_assert_ptr_null(mountinfo_find(&table, "/"));
  mountinfo_release(&table);
}
END_TEST

/* The directory of a cgroup in one mount, and in another. */
static const struct {
  struct cgroup_mount from;
  const char *path;
  struct cgroup_mount to;
  const char *translated;
} translations[] = {
    {{.directory = "/a", .root = "/"},
     "/a",
     {.directory = "/b", .root = "/"},
     "/b"},
    {{.directory = "/a", .root = "/"},
     "/a/x/y",
     {.directory = "/b", .root = "/"},
     "/b/x/y"},
    {{.directory = "/a", .root = "/docker/1"},
     "/a",
     {.directory = "/b", .root = "/docker/1"},
     "/b"},
    /* From a subtree to the whole, and back. */
    {{.directory = "/a", .root = "/docker/1"},
     "/a/x",
     {.directory = "/b", .root = "/"},
     "/b/docker/1/x"},
    {{.directory = "/a", .root = "/"},
     "/a/docker/1/x",
     {.directory = "/b", .root = "/docker/1"},
     "/b/x"},
    {{.directory = "/a", .root = "/"},
     "/a/docker/1",
     {.directory = "/b", .root = "/docker/1"},
     "/b"},
    {{.directory = "/a", .root = "/docker"},
     "/a/1/x",
     {.directory = "/b", .root = "/docker/1"},
     "/b/x"},
    /* The other mount does not show it. */
    {{.directory = "/a", .root = "/"},
     "/a",
     {.directory = "/b", .root = "/docker/1"},
     NULL},
    {{.directory = "/a", .root = "/docker/1"},
     "/a",
     {.directory = "/b", .root = "/docker/2"},
     NULL},
    {{.directory = "/a", .root = "/docker/1"},
     "/a",
     {.directory = "/b", .root = "/docker/11"},
     NULL},
    {{.directory = "/a", .root = "/docker/11"},
     "/a",
     {.directory = "/b", .root = "/docker/1"},
     NULL},
    /* Cgroups above a cgroup namespace have no names. */
    {{.directory = "/a", .root = "/.."},
     "/a/x",
     {.directory = "/b", .root = "/.."},
     "/b/x"},
    {{.directory = "/a", .root = "/.."},
     "/a",
     {.directory = "/b", .root = "/"},
     NULL},
    {{.directory = "/a", .root = "/.."},
     "/a/x",
     {.directory = "/b", .root = "/"},
     NULL},
    {{.directory = "/a", .root = "/"},
     "/a",
     {.directory = "/b", .root = "/.."},
     NULL},
    {{.directory = "/a", .root = "/../.."},
     "/a/x",
     {.directory = "/b", .root = "/.."},
     NULL},
    {{.directory = "/a", .root = "/../x"},
     "/a/y",
     {.directory = "/b", .root = "/.."},
     "/b/x/y"},
    {{.directory = "/a", .root = "/..x"},
     "/a",
     {.directory = "/b", .root = "/"},
     "/b/..x"},
    /* At the root directory. */
    {{.directory = "/", .root = "/"},
     "/x",
     {.directory = "/b", .root = "/"},
     "/b/x"},
    {{.directory = "/a", .root = "/"},
     "/a/x",
     {.directory = "/", .root = "/"},
     "/x"},
    {{.directory = "/a", .root = "/"},
     "/a",
     {.directory = "/", .root = "/"},
     "/"},
    /* The directory is not in that mount. */
    {{.directory = "/a", .root = "/"},
     "/ab",
     {.directory = "/b", .root = "/"},
     NULL},
};

START_TEST(translated_paths) {
  CLEANUP_FREE char *translated = NULL;

  ck_assert_int_eq(mountinfo_translate(&translations[_i].from,
                                       translations[_i].path,
                                       &translations[_i].to, &translated),
                   0);
  ck_assert_pstr_eq(translated, translations[_i].translated);
}
END_TEST

static const char *const other_lines[] = {
    "",
    "\n\n",
    "9 8 0:30 / /cpuacct rw - tmpfs tmpfs rw,cpuacct\n",
    "9 8 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,memory\n",
    "9 8 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct_not\n",
    "9 8 0:30 / /sys/fs/cgroup/cpuacct rw,cpuacct - cgroup cgroup rw\n",
    /* Lines cut at any place, and without a separator. */
    "9\n",
    "9 8\n",
    "9 8 0:30\n",
    "9 8 0:30 /\n",
    "9 8 0:30 / /a\n",
    "9 8 0:30 / /a rw\n",
    "9 8 0:30 / /a rw -\n",
    "9 8 0:30 / /a rw - cgroup2\n",
    "9 8 0:30 / /a rw - cgroup2 none\n",
    "9 8 0:30 / /a rw cgroup2 none rw\n",
    "9 8 0:30 / /a - cgroup2 none rw\n",
    /* Not an absolute path. */
    "9 8 0:30 / a rw - cgroup2 none rw\n",
    "9 8 0:30 /  rw - cgroup none rw,cpuacct\n",
};

START_TEST(lines_passed_over) {
  struct mountinfo table = read_text(other_lines[_i]);

  ck_assert_uint_eq(table.count, 0);
  mountinfo_release(&table);
}
END_TEST

START_TEST(order_and_line_numbers) {
  struct mountinfo table =
      read_text("1 0 0:1 / / rw - ext4 d rw\n"
                "2 1 0:2 / /b rw - cgroup2 none rw\n"
                "broken\n"
                "3 1 0:3 / /a rw - cgroup none rw,cpuacct\n");

  ck_assert_uint_eq(table.count, 2);
  ck_assert_str_eq(table.mounts[0].directory, "/b");
  ck_assert_uint_eq(table.mounts[0].line, 2);
  ck_assert_str_eq(table.mounts[1].directory, "/a");
  ck_assert_uint_eq(table.mounts[1].line, 4);
  mountinfo_release(&table);
}
END_TEST

START_TEST(controllers) {
  struct mountinfo table =
      read_text("1 0 0:1 / /a rw - cgroup none rw,cpuset\n"
                "2 1 0:2 / /b rw - cgroup none rw,cpu,cpuacct\n"
                "3 1 0:3 / /c rw - cgroup2 none rw\n");

  ck_assert_uint_eq(table.count, 3);
  ck_assert_uint_eq(table.mounts[0].controllers, 1U << CGROUP_CPUSET);
  ck_assert_uint_eq(table.mounts[1].controllers,
                    1U << CGROUP_CPU | 1U << CGROUP_CPUACCT);
  ck_assert_uint_eq(table.mounts[2].controllers, 0);
  mountinfo_release(&table);
}
END_TEST

START_TEST(no_file) {
  struct mountinfo table;

  ck_assert_int_eq(mountinfo_read("/nowhere/mountinfo", &table), -ENOENT);
  ck_assert_int_eq(mountinfo_read("/", &table), -EISDIR);
  ck_assert_uint_eq(table.count, 0);
}
END_TEST

Suite *mountinfo_suite(void) {
  return suite_of(
      "mountinfo", NULL, NULL, FOR_EACH(cgroup_lines, lines),
      FOR_EACH(root_fields, roots), FOR_EACH(hidden_mounts, tables),
      ONCE(mount_of_a_path), FOR_EACH(translated_paths, translations),
      FOR_EACH(lines_passed_over, other_lines), ONCE(order_and_line_numbers),
      ONCE(controllers), ONCE(no_file));
}
