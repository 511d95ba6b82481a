/* SPDX-License-Identifier: MIT */
#include "name/json_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

#define TEXT_SIZE 8

static char *root;
static int directory;
static char outer[TEXT_SIZE];
static char inner[TEXT_SIZE];
static const struct json_text texts[] = {
    {{"Name"}, outer, sizeof(outer)},
    {{"Config", "Image"}, inner, sizeof(inner)},
};

static void setup(void) {
  root = make_tree();
  directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_ge(directory, 0);
  memset(outer, 'x', sizeof(outer));
  memset(inner, 'x', sizeof(inner));
}

static void teardown(void) {
  (void)close(directory);
  remove_tree(root);
}

#define SIZE_MAX_OF_FILES 65536

static const struct json_wanted all_texts = {
    .texts = texts, .count = ARRAY_SIZE(texts), .size_max = SIZE_MAX_OF_FILES};

static int parse(const char *document) {
  return json_parse(document, strlen(document), &all_texts);
}

static const struct {
  const char *document;
  /* NULL: it is refused. */
  const char *outer;
  const char *inner;
} documents[] = {
    {"{}", "", ""},
    {"{\"Name\": \"/web\", \"Config\": {\"Image\": \"busybox\"}}", "/web",
     "busybox"},
    {"{\"Config\":{\"Image\":\"a\",\"Env\":[\"A=\\\"b\"]},\"Name\":\"b\"}\n",
     "b", "a"},
    /* Seven bytes have room, eight do not. */
    {"{\"Name\": \"1234567\"}", "1234567", ""},
    {"{\"Name\": \"12345678\"}", "", ""},
    {"{\"Name\": \"\\u00e4\\n\"}", "\xc3\xa4\n", ""},
    {"{\"Name\": 1, \"Config\": \"Image\"}", "", ""},
    {"{\"Name\": null, \"Config\": {\"Image\": [\"a\"]}}", "", ""},
    {"{\"Name\": {\"Name\": \"a\"}, \"Image\": \"b\"}", "", ""},
    {"{\"name\": \"a\"}", "", ""},
    /* A zero byte would end the text. */
    {"{\"Name\": \"a\\u0000b\"}", NULL, NULL},
    {"{\"Name\": \"a\", \"Name\": \"b\"}", NULL, NULL},
    {"{\"Name\": \"a\"} x", NULL, NULL},
    {"{\"Name\": \"a\"", NULL, NULL},
    {"{\"Name\": \"\xff\"}", NULL, NULL},
    {"[\"Name\", \"a\"]", NULL, NULL},
    {"\"Name\"", NULL, NULL},
    {"", NULL, NULL},
};

START_TEST(of_documents) {
  if (documents[_i].outer == NULL) {
    ck_assert_int_eq(parse(documents[_i].document), -EINVAL);
    return;
  }
  ck_assert_int_eq(parse(documents[_i].document), 0);
  ck_assert_str_eq(outer, documents[_i].outer);
  ck_assert_str_eq(inner, documents[_i].inner);
}
END_TEST

/* What was seen of a list: each Name and a comma. */
static char seen[64];

static int see(void *context) {
  ck_assert_ptr_eq(context, seen);
  size_t length = strlen(seen);
  (void)snprintf(seen + length, sizeof(seen) - length, "%s,", outer);
  return strcmp(outer, "stop") == 0 ? -ENOMEM : 0;
}

static const struct {
  const char *document;
  int status;
  const char *seen;
} arrays[] = {
    {"[]", 0, ""},
    {"[{\"Name\": \"a\"}, {}, {\"Name\": \"b\"}]", 0, "a,,b,"},
    {"[{\"Name\": \"a\"}, {\"Name\": \"stop\"}, {\"Name\": \"b\"}]", -ENOMEM,
     "a,stop,"},
    {"[{\"Name\": \"a\"}, 1]", -EINVAL, "a,"},
    {"{\"Name\": \"a\"}", -EINVAL, ""},
    {"[{\"Name\": \"a\"}", -EINVAL, ""},
};

START_TEST(of_arrays) {
  const struct json_wanted each = {
      .texts = texts, .count = ARRAY_SIZE(texts), .each = see, .context = seen};
  const char *document = arrays[_i].document;

  seen[0] = '\0';
  ck_assert_int_eq(json_parse(document, strlen(document), &each),
                   arrays[_i].status);
  ck_assert_str_eq(seen, arrays[_i].seen);
}
END_TEST

static const struct {
  const char *document;
  const char *first;
} firsts[] = {
    {"{\"a\": [\"b\", \"c\"]}", "b"}, {"{\"a\": []}", ""},
    {"{\"a\": \"b\"}", ""},           {"{\"a\": {\"[0]\": \"b\"}}", ""},
    {"{\"a\": [[\"b\"]]}", ""},       {"{\"a\": [1]}", ""},
};

START_TEST(of_the_first) {
  const struct json_text first = {{"a", JSON_FIRST}, outer, sizeof(outer)};
  const struct json_wanted one = {.texts = &first, .count = 1};
  const char *document = firsts[_i].document;

  ck_assert_int_eq(json_parse(document, strlen(document), &one), 0);
  ck_assert_str_eq(outer, firsts[_i].first);
}
END_TEST

/* However deep it is, it needs no more stack. */
START_TEST(nested) {
  enum { DEPTH = 100000 };
  CLEANUP_FREE char *document = malloc(DEPTH + 1);

  ck_assert_ptr_nonnull(document);
  memset(document, '[', DEPTH);
  document[DEPTH] = '\0';
  ck_assert_int_eq(parse(document), -EINVAL);
}
END_TEST

static int read_as(const char *path, uid_t owner, struct file_stamp *stamp) {
  CLEANUP_FD int fd = openat(directory, path, JSON_FILE_FLAGS | O_CLOEXEC);

  ck_assert_int_ge(fd, 0);
  return json_file_read(fd, owner, &all_texts, stamp);
}

static int read_file(const char *path) {
  struct file_stamp stamp;

  return read_as(path, geteuid(), &stamp);
}

START_TEST(of_a_file) {
  struct file_stamp stamp;
  struct stat status;

  write_file(root, "a/b", "{\"Name\": \"web\"}");
  ck_assert_int_eq(read_as("a/b", geteuid(), &stamp), 0);
  ck_assert_str_eq(outer, "web");
  ck_assert_str_eq(inner, "");
  ck_assert_int_eq(fstatat(directory, "a/b", &status, 0), 0);
  ck_assert(file_stamp_is(&stamp, &status));

  /* Another file in its place */
  write_file(root, "a/c", "{\"Name\": \"db\"}");
  ck_assert_int_eq(renameat(directory, "a/c", directory, "a/b"), 0);
  ck_assert_int_eq(fstatat(directory, "a/b", &status, 0), 0);
  ck_assert(!file_stamp_is(&stamp, &status));
}
END_TEST

/* It is read again, whatever was wrong. */
START_TEST(of_a_file_without_sense) {
  struct file_stamp stamp = {0};
  struct stat status;

  write_file(root, "a", "{");
  ck_assert_int_eq(read_as("a", geteuid(), &stamp), -EINVAL);
  ck_assert_int_eq(fstatat(directory, "a", &status, 0), 0);
  ck_assert(!file_stamp_is(&stamp, &status));
  write_file(root, "empty", "");
  ck_assert_int_eq(read_file("empty"), -EINVAL);
}
END_TEST

START_TEST(of_another_owner) {
  struct file_stamp stamp;

  write_file(root, "a", "{}");
  ck_assert_int_eq(read_as("a", geteuid() + 1, &stamp), -EINVAL);
}
END_TEST

START_TEST(of_no_file) {
  write_file(root, "file", "{}");
  ck_assert_int_eq(symlinkat("file", directory, "link"), 0);
  ck_assert_int_eq(mkfifoat(directory, "fifo", 0600), 0);
  ck_assert_int_eq(mkdirat(directory, "directory", 0700), 0);

  ck_assert_int_eq(openat(directory, "link", JSON_FILE_FLAGS | O_CLOEXEC), -1);
  ck_assert_int_eq(errno, ELOOP);
  /* Nobody writes into it, and it does not wait. */
  ck_assert_int_eq(read_file("fifo"), -EINVAL);
  ck_assert_int_eq(read_file("directory"), -EINVAL);
}
END_TEST

START_TEST(of_a_large_file) {
  CLEANUP_FREE char *path = path_in(root, "large");

  write_file(root, "large", "{}");
  ck_assert_int_eq(truncate(path, SIZE_MAX_OF_FILES + 1), 0);
  ck_assert_int_eq(read_file("large"), -EFBIG);
  /* All of it is read. */
  ck_assert_int_eq(truncate(path, SIZE_MAX_OF_FILES), 0);
  ck_assert_int_eq(read_file("large"), -EINVAL);
}
END_TEST

Suite *json_file_suite(void) {
  return suite_of(
      "json_file", setup, teardown, FOR_EACH(of_documents, documents),
      FOR_EACH(of_arrays, arrays), FOR_EACH(of_the_first, firsts), ONCE(nested),
      ONCE(of_a_file), ONCE(of_a_file_without_sense), ONCE(of_another_owner),
      ONCE(of_no_file), ONCE(of_a_large_file));
}
