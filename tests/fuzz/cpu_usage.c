/* SPDX-License-Identifier: MIT */
/* cpuacct.usage: one number of nanoseconds, or an error with the right
 * cause. */
#include "values/cpu_stat.h"
#include "values/number.h"

#include "fuzz.h"
#include "util/cleanup.h"

static int reference_status(const char *text, uint64_t *number) {
  if (*text == '\0')
    return -ENODATA;
  if (reference_number(text, number))
    return 0;
  /* Each cause is accepted: a text may have too many digits, and a sign or
   * letter after them. */
  return text[strspn(text, "0123456789")] == '\0' ? -ERANGE : -EINVAL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_FREE char *text = fuzz_string(data, size);
  uint64_t expected = 0;
  uint64_t number = 0;
  struct cpu_stat stat = {0};

  reference_chomp(text);
  int reference = reference_status(text, &expected);
  int status = number_parse((const char *)data, size, &number);
  REQUIRE(status == reference || (status == -ERANGE && reference == -EINVAL));
  REQUIRE(number == expected || status < 0);

  REQUIRE(cpu_stat_parse_nsec((const char *)data, size, CPU_USER_USEC, &stat) ==
          status);
  REQUIRE(cpu_stat_has(&stat, CPU_USER_USEC) == (status == 0));
  REQUIRE((stat.present & ~(UINT32_C(1) << CPU_USER_USEC)) == 0);
  REQUIRE(status < 0 || stat.counters[CPU_USER_USEC] == expected / 1000);
  return 0;
}
