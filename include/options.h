/* SPDX-License-Identifier: MIT */
/* The options of the plugin's configuration block, checked. */
#ifndef CGROUP_CPU_OPTIONS_H
#define CGROUP_CPU_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "name/instance_name.h"
#include "tree/selection.h"
#include "values/cgroup_types.h"
#include "values/value_files.h"

struct options {
  /* Root: look here instead of in the mount table; NULL is the latter. */
  char *root;
  /* CgroupVersion */
  enum cgroup_version version;
  /* CGroup and IgnoreSelected */
  struct selection selection;
  /* LeavesOnly */
  bool leaves_only;
  /* InstanceFormat */
  enum instance_format instance_format;
  /* MaxDepth, MaxCgroups and KeepOpen */
  unsigned max_depth;
  size_t max_cgroups;
  size_t keep_open;
  /* ReportUserSystem and so on: a mask of enum value_group */
  unsigned groups;
  /* LogSamples */
  bool log_samples;
};

/* Deeper than containers in containers nest on any real host. A trunk deeper
 * than this makes each path below it long to walk. */
#define OPTIONS_MAX_DEPTH 64

/* The default of every option. */
#define OPTIONS_DEFAULT                                                        \
  {                                                                            \
    .max_depth = OPTIONS_MAX_DEPTH, .max_cgroups = 10000, .keep_open = 2000,   \
    .groups = VALUE_GROUP_CORE                                                 \
  }

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
 * It is printable ASCII of no more than 800 bytes. A boolean may also be a
 * string: "true", "yes", "on", "false", "no" or "off", as in collectd's own
 * options.
 */
int options_set(struct options *options, const char *key,
                const struct option_value *value, char **message);

/* Frees what the options hold; they are not to be used again. */
void options_release(struct options *options);

#endif
