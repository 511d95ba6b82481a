/* SPDX-License-Identifier: MIT */
/* Lists of CPUs, two of them separated by a semicolon. The sets contain the
 * listed CPUs, and comparing and adding them works as for sets. */
#include "values/cpu_set.h"

#include "fuzz.h"
#include "util/cleanup.h"

/* Each CPU is marked by itself. */
static bool reference_cpus(char *text, bool has[CPU_SET_MAX]) {
  uint64_t next = 0;

  memset(has, 0, CPU_SET_MAX);
  if (*text == '\0')
    return true;
  while (text != NULL) {
    char *last_text = strsep(&text, ",");
    const char *first_text = strsep(&last_text, "-");
    uint64_t first = 0;
    uint64_t last = 0;
    if (!reference_number(first_text, &first) ||
        !reference_number(last_text != NULL ? last_text : first_text, &last) ||
        first < next || last < first || last >= CPU_SET_MAX) {
      memset(has, 0, CPU_SET_MAX);
      return false;
    }
    next = last + 1;
    for (uint64_t cpu = first; cpu <= last; cpu++)
      has[cpu] = true;
  }
  return true;
}

static void parse(const uint8_t *data, size_t size, struct cpu_set *set,
                  bool has[CPU_SET_MAX]) {
  CLEANUP_FREE char *text = fuzz_string(data, size);

  reference_chomp(text);
  bool accepted = reference_cpus(text, has) && size > 0;
  REQUIRE(cpu_set_parse((const char *)data, size, set) ==
          (accepted ? 0 : -EINVAL));
  for (unsigned cpu = 0; cpu < CPU_SET_MAX; cpu++)
    REQUIRE(cpu_set_has(set, cpu) == has[cpu]);
}

static void require_sets(const struct cpu_set *set, const bool *has,
                         const struct cpu_set *other, const bool *other_has) {
  unsigned count = 0;
  unsigned both = 0;
  unsigned either = 0;
  bool contains = true;

  for (size_t cpu = 0; cpu < CPU_SET_MAX; cpu++) {
    count += has[cpu];
    both += has[cpu] && other_has[cpu];
    either += has[cpu] || other_has[cpu];
    contains = contains && (has[cpu] || !other_has[cpu]);
  }
  REQUIRE(cpu_set_count(set, NULL, NULL) == count);
  REQUIRE(cpu_set_count(set, NULL, other) == both);
  REQUIRE(cpu_set_count(set, other, NULL) == either);
  REQUIRE(cpu_set_contains(set, other) == contains);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool has[2][CPU_SET_MAX];
  struct cpu_set sets[2] = {{0}, {0}};
  const uint8_t *middle = size > 0 ? memchr(data, ';', size) : NULL;
  size_t first = middle != NULL ? (size_t)(middle - data) : size;

  parse(data, first, &sets[0], has[0]);
  parse(middle != NULL ? middle + 1 : data,
        middle != NULL ? size - first - 1 : size, &sets[1], has[1]);
  require_sets(&sets[0], has[0], &sets[1], has[1]);
  require_sets(&sets[1], has[1], &sets[0], has[0]);
  unsigned either = cpu_set_count(&sets[0], &sets[1], NULL);
  REQUIRE(cpu_set_add(&sets[0], &sets[1]) == 0);
  REQUIRE(cpu_set_contains(&sets[0], &sets[1]));
  REQUIRE(cpu_set_count(&sets[0], NULL, NULL) == either);
  cpu_set_release(&sets[0]);
  cpu_set_release(&sets[1]);
  return 0;
}
