/* SPDX-License-Identifier: MIT */
#include "util/failure.h"

#include <errno.h>
#include <string.h>

#include "suites.h"

/* Two errors in this order, and the one that is kept. */
static const struct {
  int first;
  int second;
  int stays;
} pairs[] = {
    {-EIO, -ENOMEM, -EIO},      {-EIO, -EACCES, -EIO},
    {-EACCES, -EIO, -EIO},      {-EPERM, -ENOMEM, -ENOMEM},
    {-EACCES, -EPERM, -EACCES},
};

START_TEST(first_stays_unless_it_is_a_denial) {
  struct failure failure = {0};

  failure_note(&failure, pairs[_i].first, "/%s", "first");
  failure_note(&failure, pairs[_i].second, "/%s", "second");
  ck_assert_int_eq(failure.error, pairs[_i].stays);
  ck_assert_str_eq(failure.path,
                   pairs[_i].stays == pairs[_i].first ? "/first" : "/second");
}
END_TEST

START_TEST(merging_is_like_noting) {
  struct failure failure = {0};
  struct failure other = {0};

  failure_note(&failure, pairs[_i].first, "/first");
  failure_note(&other, pairs[_i].second, "/second");
  failure_merge(&failure, &other);
  ck_assert_int_eq(failure.error, pairs[_i].stays);
  other.error = 0;
  failure_merge(&failure, &other);
  ck_assert_int_eq(failure.error, pairs[_i].stays);
}
END_TEST

START_TEST(longest_path_is_whole) {
  struct failure failure = {0};
  char path[FAILURE_PATH_SIZE];

  memset(path, 'x', sizeof(path));
  path[sizeof(path) - 1] = '\0';
  failure_note(&failure, -EIO, "%s", path);
  ck_assert_str_eq(failure.path, path);
  failure.error = 0;
  failure_note(&failure, -EIO, "%s/more", path);
  ck_assert_str_eq(failure.path, path);
}
END_TEST

Suite *failure_suite(void) {
  return suite_of(
      "failure", NULL, NULL, FOR_EACH(first_stays_unless_it_is_a_denial, pairs),
      FOR_EACH(merging_is_like_noting, pairs), ONCE(longest_path_is_whole));
}
