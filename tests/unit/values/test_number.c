/* SPDX-License-Identifier: MIT */
#include "values/number.h"

#include <errno.h>
#include <string.h>

#include "suites.h"

static const struct {
  const char *text;
  int status;
  uint64_t number;
} numbers[] = {
    {"0", 0, 0},
    {"0\n", 0, 0},
    {"007", 0, 7},
    {"18446744073709551615\n", 0, UINT64_MAX},
    {"18446744073709551616", -ERANGE, 0},
    {"99999999999999999999999", -ERANGE, 0},
    {"", -ENODATA, 0},
    {"\n", -ENODATA, 0},
    {"1\n\n", -EINVAL, 0},
    {" 1", -EINVAL, 0},
    {"+1", -EINVAL, 0},
    {"-1", -EINVAL, 0},
    {"1 2", -EINVAL, 0},
    {"0x1", -EINVAL, 0},
};

START_TEST(whole_text) {
  uint64_t number = 12345;

  ck_assert_int_eq(
      number_parse(numbers[_i].text, strlen(numbers[_i].text), &number),
      numbers[_i].status);
  ck_assert_uint_eq(number,
                    numbers[_i].status == 0 ? numbers[_i].number : 12345);
}
END_TEST

START_TEST(digits_only) {
  uint64_t number = 12345;

  ck_assert_int_eq(number_parse_digits("42", 1, &number), 0);
  ck_assert_uint_eq(number, 4);
  ck_assert_int_eq(number_parse_digits("42\n", 3, &number), -EINVAL);
  ck_assert_int_eq(number_parse_digits("42", 0, &number), -EINVAL);
  ck_assert_uint_eq(number, 4);
}
END_TEST

Suite *number_suite(void) {
  return suite_of("number", NULL, NULL, FOR_EACH(whole_text, numbers),
                  ONCE(digits_only));
}
