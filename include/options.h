/* SPDX-License-Identifier: MIT */
/* The options of the plugin's configuration block, checked. */
#ifndef CGROUP_CPU_OPTIONS_H
#define CGROUP_CPU_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name/docker.h"
#include "name/instance_name.h"
#include "tree/selection.h"
#include "values/cgroup_types.h"
#include "values/value_files.h"

struct options {
  /* Root; NULL: search the mount table. */
  char *root;
  /* CgroupVersion */
  enum cgroup_version version;
  /* CGroup and IgnoreSelected */
  struct selection selection;
  /* LeavesOnly */
  bool leaves_only;
  /* InstanceFormat */
  enum instance_format instance_format;
  /* NameRoot; NULL: what is before "/sys/fs/cgroup" in the root's path. */
  char *name_root;
  /* MaxDepth, MaxCgroups and KeepOpen */
  unsigned max_depth;
  size_t max_cgroups;
  size_t keep_open;
  /* PeakInterval in nanoseconds; 0: none */
  uint64_t peak_nsec;
  /* ReportUserSystem and so on: a mask of enum value_group */
  unsigned groups;
  /* ReportCounter and ReportMillicores */
  bool report_counter;
  bool report_millicores;
  /* ReportSelf */
  bool report_self;
  /* Metadata */
  bool metadata;
  /* NameLabel */
  char *labels[DOCKER_LABELS_MAX];
  size_t label_count;
  /* LogSamples */
  bool log_samples;
  /* For tests and benchmarks: idle cgroups are read as well, see
   * read/idle.h. */
  bool reads_idle;
};

/* Containers in containers do not nest deeper on any real host. In a deeper
 * tree every path would take long to walk. */
#define OPTIONS_MAX_DEPTH 64

/* The shortest PeakInterval, in seconds: for a shorter one the kernel's tick is
 * too long. */
#define OPTIONS_MIN_PEAK_INTERVAL 0.05

/* The default of every option. */
#define OPTIONS_DEFAULT                                                        \
  {                                                                            \
    .max_depth = OPTIONS_MAX_DEPTH, .max_cgroups = 10000, .keep_open = 4000,   \
    .instance_format = INSTANCE_FORMAT_NAME, .groups = VALUE_GROUP_CORE,       \
    .report_counter = true, .report_millicores = true                          \
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

/* Sets the option `key`, ignoring case. A boolean may also be a string, as in
 * collectd's own options: "true", "yes", "on", "false", "no" or "off".
 *
 * Returns 0; -EINVAL if there is no such option or its value is not allowed; or
 * -ENOMEM. On failure `message` is set to a text that names the option, the
 * value and what is allowed, in printable ASCII of at most 800 bytes. The
 * caller frees the text, which is NULL without memory.
 */
int options_set(struct options *options, const char *key,
                const struct option_value *value, char **message);

/* Returns what is wrong with the options together, a text like those of
 * options_set(), or NULL. */
const char *options_conflict(const struct options *options);

/* Frees what the options hold. They must not be used afterwards. */
void options_release(struct options *options);

#endif
