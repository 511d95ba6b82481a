/* SPDX-License-Identifier: MIT */
#include "values/cpu_set.h"

#include <errno.h>
#include <string.h>

#include "suites.h"

static const struct {
  const char *text;
  int status;
  /* The first 64 CPUs. */
  uint64_t cpus;
} texts[] = {
    {"0-1\n", 0, 0x3},
    {"3\n", 0, 0x8},
    {"0-3,8,10-11\n", 0, 0xd0f},
    {"0-3,8", 0, 0x10f},
    {"63\n", 0, UINT64_C(1) << 63},
    {"0-63\n", 0, UINT64_MAX},
    /* A partition that gave away all of its CPUs has an empty list. */
    {"\n", 0, 0},
    {"", -EINVAL, 0},
    {"3-1\n", -EINVAL, 0},
    {"0,,1\n", -EINVAL, 0},
    {"0-\n", -EINVAL, 0},
    {"-1\n", -EINVAL, 0},
    {"0-99999999999\n", -EINVAL, 0},
    {"65536\n", -EINVAL, 0},
    {"0\n-3\n", -EINVAL, 0},
    {"0-3\n\n", -EINVAL, 0},
    {"0-3,\n", -EINVAL, 0},
    /* The kernel lists each CPU once, in ascending order. */
    {"0-3,2\n", -EINVAL, 0},
    {"4,0-3\n", -EINVAL, 0},
};

static void parse(const char *text, struct cpu_set *set) {
  ck_assert_int_eq(cpu_set_parse(text, strlen(text), set), 0);
}

/* The previous contents must be gone. */
START_TEST(parsed) {
  struct cpu_set set = {0};

  parse("5,7,200\n", &set);
  ck_assert_int_eq(cpu_set_parse(texts[_i].text, strlen(texts[_i].text), &set),
                   texts[_i].status);
  for (unsigned cpu = 0; cpu < 300; cpu++)
    ck_assert_int_eq(cpu_set_has(&set, cpu),
                     cpu < 64 && (texts[_i].cpus >> cpu & 1) != 0);
  cpu_set_release(&set);
  ck_assert_uint_eq(set.words, 0);
}
END_TEST

static const struct {
  const char *set;
  const char *other;
  bool contains;
  unsigned count;
  unsigned either;
  unsigned both;
} pairs[] = {
    {"0-3\n", "1-2\n", true, 4, 4, 2},
    {"1-2\n", "0-3\n", false, 2, 4, 2},
    {"0-3\n", "0-3\n", true, 4, 4, 4},
    {"0-1\n", "2-3\n", false, 2, 4, 0},
    {"0\n", "\n", true, 1, 1, 0},
    {"\n", "0\n", false, 0, 1, 0},
    {"\n", "\n", true, 0, 0, 0},
    {"0-200\n", "63-64,128\n", true, 201, 201, 3},
    {"0-70\n", "64,500-501\n", false, 71, 73, 1},
    {"0,65535\n", "65535\n", true, 2, 2, 1},
};

START_TEST(compared) {
  struct cpu_set set = {0};
  struct cpu_set other = {0};

  parse(pairs[_i].set, &set);
  parse(pairs[_i].other, &other);
  ck_assert_int_eq(cpu_set_contains(&set, &other), pairs[_i].contains);
  ck_assert_uint_eq(cpu_set_count(&set, NULL, NULL), pairs[_i].count);
  ck_assert_uint_eq(cpu_set_count(&set, &other, NULL), pairs[_i].either);
  ck_assert_uint_eq(cpu_set_count(&set, NULL, &other), pairs[_i].both);
  ck_assert_uint_eq(cpu_set_count(&set, &other, &set), pairs[_i].count);
  ck_assert_int_eq(cpu_set_add(&set, &other), 0);
  ck_assert_uint_eq(cpu_set_count(&set, NULL, NULL), pairs[_i].either);
  ck_assert(cpu_set_contains(&set, &other));
  cpu_set_release(&set);
  cpu_set_release(&other);
}
END_TEST

Suite *cpu_set_suite(void) {
  return suite_of("cpu_set", NULL, NULL, FOR_EACH(parsed, texts),
                  FOR_EACH(compared, pairs));
}
