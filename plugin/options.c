/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "name/container.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/printable.h"
#include "util/units.h"

#define COUNT_MAX 1000000
struct option {
  const char *key;
  const char *allowed;
  /* Returns -EINVAL if the value is not allowed. */
  int (*set)(struct options *options, const struct option_value *value);
};

static int set_directory(char **option, const struct option_value *value) {
  if (value->kind != OPTION_STRING || value->as.string[0] != '/')
    return -EINVAL;

  char *directory = strdup(value->as.string);
  if (directory == NULL)
    return -ENOMEM;
  for (size_t last = strlen(directory) - 1; last > 0 && directory[last] == '/';
       last--)
    directory[last] = '\0';
  free(*option);
  *option = directory;
  return 0;
}

static int set_root(struct options *options, const struct option_value *value) {
  return set_directory(&options->root, value);
}

static int set_name_root(struct options *options,
                         const struct option_value *value) {
  return set_directory(&options->name_root, value);
}

static int set_version(struct options *options,
                       const struct option_value *value) {
  if (value->kind != OPTION_STRING)
    return -EINVAL;
  for (enum cgroup_version version = CGROUP_VERSION_AUTO;
       version <= CGROUP_VERSION_2; version++)
    if (strcasecmp(value->as.string, cgroup_version_name(version)) == 0) {
      options->version = version;
      return 0;
    }
  return -EINVAL;
}

/* collectd's own options accept these words in quotes. */
static int set_quoted_boolean(bool *option, const char *text) {
  static const char *const words[][3] = {{"false", "no", "off"},
                                         {"true", "yes", "on"}};

  for (size_t truth = 0; truth < 2; truth++)
    for (size_t i = 0; i < 3; i++)
      if (strcasecmp(words[truth][i], text) == 0) {
        *option = truth != 0;
        return 0;
      }
  return -EINVAL;
}

static int set_boolean(bool *option, const struct option_value *value) {
  if (value->kind == OPTION_STRING)
    return set_quoted_boolean(option, value->as.string);
  if (value->kind != OPTION_BOOLEAN)
    return -EINVAL;
  *option = value->as.boolean;
  return 0;
}

static int set_metadata(struct options *options,
                        const struct option_value *value) {
  return set_boolean(&options->metadata, value);
}

/* As Docker's own: what reverse domain names are made of. */
static int add_label(struct options *options,
                     const struct option_value *value) {
  if (value->kind != OPTION_STRING || !container_is_name(value->as.string) ||
      strlen(value->as.string) >= DOCKER_LABEL_NAME_SIZE ||
      options->label_count == DOCKER_LABELS_MAX)
    return -EINVAL;
  char *label = strdup(value->as.string);
  if (label == NULL)
    return -ENOMEM;
  options->labels[options->label_count++] = label;
  return 0;
}

static int set_log_samples(struct options *options,
                           const struct option_value *value) {
  return set_boolean(&options->log_samples, value);
}

static int add_cgroup(struct options *options,
                      const struct option_value *value) {
  if (value->kind != OPTION_STRING)
    return -EINVAL;
  return selection_add(&options->selection, value->as.string);
}

static int set_ignore_selected(struct options *options,
                               const struct option_value *value) {
  return set_boolean(&options->selection.ignore_selected, value);
}

static int set_leaves_only(struct options *options,
                           const struct option_value *value) {
  return set_boolean(&options->leaves_only, value);
}

static int set_instance_format(struct options *options,
                               const struct option_value *value) {
  if (value->kind != OPTION_STRING)
    return -EINVAL;
  if (strcasecmp(value->as.string, "name") == 0)
    options->instance_format = INSTANCE_FORMAT_NAME;
  else if (strcasecmp(value->as.string, "path") == 0)
    options->instance_format = INSTANCE_FORMAT_PATH;
  else if (strcasecmp(value->as.string, "leaf") == 0)
    options->instance_format = INSTANCE_FORMAT_LEAF;
  else
    return -EINVAL;
  return 0;
}

/* Programs that write collectd's configuration, as OpenWrt's do, put every
 * value in quotes. In them are digits and at most one point. */
static int get_number(const struct option_value *value, double *number) {
  if (value->kind == OPTION_NUMBER) {
    *number = value->as.number;
    return 0;
  }
  if (value->kind != OPTION_STRING)
    return -EINVAL;
  const char *text = value->as.string;
  if (text[strspn(text, "0123456789.")] != '\0')
    return -EINVAL;
  char *end = NULL;
  *number = strtod(text, &end);
  return end != text && *end == '\0' ? 0 : -EINVAL;
}

static int set_count(size_t *option, const struct option_value *value,
                     size_t least) {
  double number = 0;

  if (get_number(value, &number) != 0 || !(number >= (double)least) ||
      number > COUNT_MAX || number != (double)(size_t)number)
    return -EINVAL;
  *option = (size_t)number;
  return 0;
}

static int set_max_depth(struct options *options,
                         const struct option_value *value) {
  size_t depth = 0;
  int status = set_count(&depth, value, 0);

  if (status == 0)
    options->max_depth = (unsigned)depth;
  return status;
}

static int set_max_cgroups(struct options *options,
                           const struct option_value *value) {
  return set_count(&options->max_cgroups, value, 1);
}

static int set_keep_open(struct options *options,
                         const struct option_value *value) {
  return set_count(&options->keep_open, value, 0);
}

/* Whether it is longer than the interval is known only later. */
static int set_peak_interval(struct options *options,
                             const struct option_value *value) {
  double seconds = 0;

  if (get_number(value, &seconds) != 0 ||
      !(seconds >= OPTIONS_MIN_PEAK_INTERVAL) || seconds > COUNT_MAX)
    return -EINVAL;
  options->peak_nsec = (uint64_t)(seconds * (double)NSEC_PER_SEC);
  return 0;
}

static int set_groups(struct options *options, const struct option_value *value,
                      unsigned groups) {
  bool on = false;
  int status = set_boolean(&on, value);

  if (status == 0)
    options->groups = on ? options->groups | groups : options->groups & ~groups;
  return status;
}

static int set_report_user_system(struct options *options,
                                  const struct option_value *value) {
  return set_groups(options, value, VALUE_GROUP_USER_SYSTEM);
}

static int set_report_throttling(struct options *options,
                                 const struct option_value *value) {
  return set_groups(options, value, VALUE_GROUP_THROTTLING);
}

static int set_report_limit(struct options *options,
                            const struct option_value *value) {
  return set_groups(options, value, VALUE_GROUP_LIMIT);
}

static int set_report_pressure(struct options *options,
                               const struct option_value *value) {
  return set_groups(options, value, VALUE_GROUP_PRESSURE);
}

static int set_report_all(struct options *options,
                          const struct option_value *value) {
  return set_groups(options, value,
                    VALUE_GROUP_USER_SYSTEM | VALUE_GROUP_THROTTLING |
                        VALUE_GROUP_LIMIT | VALUE_GROUP_PRESSURE);
}

static int set_report_counter(struct options *options,
                              const struct option_value *value) {
  return set_boolean(&options->report_counter, value);
}

static int set_report_millicores(struct options *options,
                                 const struct option_value *value) {
  return set_boolean(&options->report_millicores, value);
}

static int set_report_self(struct options *options,
                           const struct option_value *value) {
  return set_boolean(&options->report_self, value);
}

#define BOOLEAN "true or false"

static const struct option known[] = {
    {"Root", "an absolute path in quotes", set_root},
    {"CgroupVersion", "\"auto\", \"v1\" or \"v2\"", set_version},
    {"CGroup", "a path, a shell pattern or a /regular expression/ in quotes",
     add_cgroup},
    {"IgnoreSelected", BOOLEAN, set_ignore_selected},
    {"LeavesOnly", BOOLEAN, set_leaves_only},
    {"InstanceFormat", "\"name\", \"path\" or \"leaf\"", set_instance_format},
    {"NameRoot", "an absolute path in quotes", set_name_root},
    {"MaxDepth", "a whole number from 0 to 1000000", set_max_depth},
    {"MaxCgroups", "a whole number from 1 to 1000000", set_max_cgroups},
    {"KeepOpen", "a whole number from 0 to 1000000", set_keep_open},
    {"PeakInterval", "a number of seconds from 0.05 to the interval",
     set_peak_interval},
    {"ReportUserSystem", BOOLEAN, set_report_user_system},
    {"ReportThrottling", BOOLEAN, set_report_throttling},
    {"ReportLimit", BOOLEAN, set_report_limit},
    {"ReportPressure", BOOLEAN, set_report_pressure},
    {"ReportAll", BOOLEAN, set_report_all},
    {"ReportCounter", BOOLEAN, set_report_counter},
    {"ReportMillicores", BOOLEAN, set_report_millicores},
    {"ReportSelf", BOOLEAN, set_report_self},
    {"Metadata", BOOLEAN, set_metadata},
    {"NameLabel",
     "a label of letters, digits and \"_.-\" in quotes, at most 8 times",
     add_label},
    {"LogSamples", BOOLEAN, set_log_samples},
};

static char *describe_value(const struct option_value *value) {
  char *text = NULL;
  char shown[PRINTABLE_PATH_SIZE];
  int length = -1;

  switch (value->kind) {
  case OPTION_STRING:
    (void)printable(value->as.string, shown, sizeof(shown));
    length = asprintf(&text, "\"%s\"", shown);
    break;
  case OPTION_NUMBER:
    length = asprintf(&text, "%.15g", value->as.number);
    break;
  case OPTION_BOOLEAN:
    length = asprintf(&text, "%s", value->as.boolean ? "true" : "false");
    break;
  case OPTION_OTHER:
    length = asprintf(&text, "a list, a block or nothing");
    break;
  }
  return length < 0 ? NULL : text;
}

static void explain_value(const struct option *option,
                          const struct option_value *value, char **message) {
  CLEANUP_FREE char *text = describe_value(value);

  if (text == NULL || asprintf(message, "Option %s must be %s, not %s",
                               option->key, option->allowed, text) < 0)
    *message = NULL;
}

static void explain_key(const char *key, char **message) {
  CLEANUP_FREE char *list = NULL;
  char shown[PRINTABLE_PATH_SIZE];
  size_t size = 0;
  FILE *stream = open_memstream(&list, &size);

  *message = NULL;
  if (stream == NULL)
    return;
  for (size_t i = 0; i < ARRAY_SIZE(known); i++)
    (void)fprintf(stream, "%s%s", i > 0 ? ", " : "", known[i].key);
  (void)printable(key, shown, sizeof(shown));
  if (fclose(stream) != 0 ||
      asprintf(message, "Unknown option %s; the options are: %s", shown, list) <
          0)
    *message = NULL;
}

int options_set(struct options *options, const char *key,
                const struct option_value *value, char **message) {
  *message = NULL;
  for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
    if (strcasecmp(known[i].key, key) != 0)
      continue;
    int status = known[i].set(options, value);
    if (status == -EINVAL)
      explain_value(&known[i], value, message);
    return status;
  }
  explain_key(key, message);
  return -EINVAL;
}

const char *options_conflict(const struct options *options) {
  return options->report_counter || options->report_millicores
             ? NULL
             : "Options ReportCounter and ReportMillicores must not both be "
               "false: nothing would tell the CPU use";
}

void options_release(struct options *options) {
  free(options->root);
  options->root = NULL;
  free(options->name_root);
  options->name_root = NULL;
  while (options->label_count > 0)
    free(options->labels[--options->label_count]);
  selection_release(&options->selection);
}
