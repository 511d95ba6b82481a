/* SPDX-License-Identifier: MIT */
/* Targets of the kubelet's links, compared with a regular expression. */
#include "name/kubernetes.h"

#include <regex.h>

#include "fuzz.h"
#include "util/cleanup.h"

#define UID "8cb9d4e15f0a4c7e9a512f3f7c3a9b10"
#define FORMAT                                                                 \
  "/([a-z0-9-]{1,63})_([a-z0-9.-]{1,253})_"                                    \
  "(8cb9d4e15f0a4c7e9a512f3f7c3a9b10|8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10)"    \
  "/([a-z0-9-]{1,63})/([0-9]{1,9})\\.log$"
#define PARTS 6

static void require_part(const char *text, const regmatch_t *part,
                         const char *found) {
  size_t length = (size_t)(part->rm_eo - part->rm_so);

  REQUIRE(strlen(found) == length);
  REQUIRE(memcmp(text + part->rm_so, found, length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static regex_t format;
  static bool is_compiled;
  CLEANUP_FREE char *text = fuzz_string(data, size);
  struct kubernetes_names names;
  regmatch_t parts[PARTS];

  if (!is_compiled)
    REQUIRE(regcomp(&format, FORMAT, REG_EXTENDED) == 0);
  is_compiled = true;
  bool expected = regexec(&format, text, PARTS, parts, 0) == 0;
  REQUIRE(kubernetes_parse_target(text, UID, &names) == expected);
  if (!expected)
    return 0;
  require_part(text, &parts[1], names.namespace_name);
  require_part(text, &parts[2], names.pod);
  require_part(text, &parts[4], names.container);
  require_part(text, &parts[5], names.restarts);
  return 0;
}
