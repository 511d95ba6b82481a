/* SPDX-License-Identifier: MIT */
/* The options of the plugin's configuration block, checked. */
#ifndef CGROUP_CPU_OPTIONS_H
#define CGROUP_CPU_OPTIONS_H

#include <stdbool.h>

#include "hierarchy.h"

/* All zero is the default of every option. */
struct options {
  /* Root: look here instead of in the mount table; NULL is the latter. */
  char *root;
  /* CgroupVersion */
  enum cgroup_version version;
  /* LogSamples */
  bool log_samples;
};

enum option_kind {
  OPTION_STRING,
  OPTION_NUMBER,
  OPTION_BOOLEAN,
  /* No value, several, or a block. */
  OPTION_OTHER,
};

/* A value as the configuration file gave it. */
struct option_value {
  enum option_kind kind;
  union {
    const char *string;
    double number;
    bool boolean;
  } as;
};

/* Sets the option `key`, compared without regard to case.
 *
 * Returns 0; -EINVAL when there is no such option or its value is not allowed,
 * or -ENOMEM: then `*message` names the option, the value and what is allowed,
 * and the caller frees it. NULL stands for a message there was no memory for.
 */
int options_set(struct options *options, const char *key,
                const struct option_value *value, char **message);

void options_release(struct options *options);

#endif
