/* SPDX-License-Identifier: MIT */
/* Configuration lines: an option has an allowed value, or keeps the one it had.
 * The message for a wrong value names it. */
#include "options.h"

#include <math.h>

#include "fuzz.h"
#include "util/cleanup.h"

/* Parses the value of a line roughly as collectd's own parser does. */
static struct option_value parse_value(char *text) {
  struct option_value value = {.kind = OPTION_OTHER};
  size_t length = strlen(text);
  char *end = NULL;

  if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
    text[length - 1] = '\0';
    value.kind = OPTION_STRING;
    value.as.string = text + 1;
    return value;
  }
  if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
    value.kind = OPTION_BOOLEAN;
    value.as.boolean = *text == 't';
    return value;
  }
  value.as.number = strtod(text, &end);
  if (end != text && *end == '\0')
    value.kind = OPTION_NUMBER;
  return value;
}

/* Patterns are tested in selection.c. Costly ones are of no use here. */
static bool is_costly(const char *key, const struct option_value *value) {
  return strcasecmp(key, "CGroup") == 0 && value->kind == OPTION_STRING &&
         fuzz_is_costly(value->as.string);
}

static void require_count(double count, double least, double most) {
  REQUIRE(count >= least && count <= most);
}

static void require_directory(const char *directory) {
  size_t length = directory != NULL ? strlen(directory) : 0;

  if (directory == NULL)
    return;
  REQUIRE(directory[0] == '/');
  REQUIRE(length == 1 || directory[length - 1] != '/');
}

static void require_allowed(const struct options *options) {
  const unsigned all = VALUE_GROUP_CORE | VALUE_GROUP_USER_SYSTEM |
                       VALUE_GROUP_THROTTLING | VALUE_GROUP_LIMIT |
                       VALUE_GROUP_PRESSURE;

  require_directory(options->root);
  require_directory(options->name_root);
  REQUIRE(options->version == CGROUP_VERSION_AUTO ||
          options->version == CGROUP_VERSION_1 ||
          options->version == CGROUP_VERSION_2);
  REQUIRE(options->instance_format == INSTANCE_FORMAT_NAME ||
          options->instance_format == INSTANCE_FORMAT_PATH ||
          options->instance_format == INSTANCE_FORMAT_LEAF);
  require_count(options->max_depth, 0, 1e6);
  require_count((double)options->max_cgroups, 1, 1e6);
  require_count((double)options->keep_open, 0, 1e6);
  REQUIRE(options->peak_nsec == 0 ||
          (options->peak_nsec >= 50000000 &&
           options->peak_nsec <= UINT64_C(1000000000000000)));
  REQUIRE((options->groups & ~all) == 0);
  REQUIRE((options->groups & VALUE_GROUP_CORE) != 0);
  REQUIRE(options->label_count <= 8);
}

static bool is_shown_as_it_is(const char *text) {
  for (; *text != '\0'; text++)
    if (*text < ' ' || *text > '~')
      return false;
  return true;
}

static void require_message(const char *message, const char *key,
                            const struct option_value *value) {
  REQUIRE(message != NULL);
  REQUIRE(strlen(message) <= 800 && is_shown_as_it_is(message));
  REQUIRE(!is_shown_as_it_is(key) || strlen(key) >= 250 ||
          strcasestr(message, key) != NULL);
  if (strncmp(message, "Unknown option", 14) == 0)
    return;
  if (value->kind == OPTION_STRING && strlen(value->as.string) < 250 &&
      is_shown_as_it_is(value->as.string))
    REQUIRE(strstr(message, value->as.string) != NULL);
  if (value->kind == OPTION_NUMBER) {
    char number[32];
    (void)snprintf(number, sizeof(number), "%.15g", value->as.number);
    REQUIRE(strstr(message, number) != NULL);
  }
}

static void require_unchanged(const struct options *options,
                              const struct options *before) {
  REQUIRE(options->root == before->root);
  REQUIRE(options->name_root == before->name_root);
  REQUIRE(options->version == before->version);
  REQUIRE(options->selection.count == before->selection.count);
  REQUIRE(options->selection.ignore_selected ==
          before->selection.ignore_selected);
  REQUIRE(options->leaves_only == before->leaves_only);
  REQUIRE(options->instance_format == before->instance_format);
  REQUIRE(options->max_depth == before->max_depth);
  REQUIRE(options->max_cgroups == before->max_cgroups);
  REQUIRE(options->keep_open == before->keep_open);
  REQUIRE(options->peak_nsec == before->peak_nsec);
  REQUIRE(options->groups == before->groups);
  REQUIRE(options->report_counter == before->report_counter);
  REQUIRE(options->report_millicores == before->report_millicores);
  REQUIRE(options->report_self == before->report_self);
  REQUIRE(options->metadata == before->metadata);
  REQUIRE(options->label_count == before->label_count);
  REQUIRE(options->log_samples == before->log_samples);
}

/* An accepted number is the number in the text. */
static void require_number(const struct options *options, const char *key,
                           double number) {
  if (strcasecmp(key, "PeakInterval") == 0) {
    REQUIRE(fabs((double)options->peak_nsec - number * 1e9) <= 1);
    return;
  }
  REQUIRE(isfinite(number) && floor(number) == number);
  if (strcasecmp(key, "MaxDepth") == 0)
    REQUIRE((double)options->max_depth == number);
  else if (strcasecmp(key, "MaxCgroups") == 0)
    REQUIRE((double)options->max_cgroups == number);
  else
    REQUIRE(strcasecmp(key, "KeepOpen") == 0 &&
            (double)options->keep_open == number);
}

/* An accepted label is the last one. */
static void require_label(const struct options *options, const char *text) {
  size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.-"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

  REQUIRE(length > 0 && length < 128 && text[length] == '\0');
  REQUIRE(options->label_count > 0 &&
          strcmp(options->labels[options->label_count - 1], text) == 0);
}

static bool is_numeric(const char *key) {
  return strcasecmp(key, "MaxDepth") == 0 ||
         strcasecmp(key, "MaxCgroups") == 0 ||
         strcasecmp(key, "KeepOpen") == 0 ||
         strcasecmp(key, "PeakInterval") == 0;
}

/* Digits with at most one point, read digit by digit. */
static double quoted_number(const char *text) {
  long double number = 0;
  long double weight = 1;
  bool point = false;

  REQUIRE(strpbrk(text, "0123456789") != NULL);
  for (; *text != '\0'; text++) {
    if (*text == '.') {
      REQUIRE(!point);
      point = true;
      continue;
    }
    REQUIRE(*text >= '0' && *text <= '9');
    if (point)
      number += (*text - '0') * (weight /= 10);
    else
      number = number * 10 + (*text - '0');
  }
  return (double)number;
}

/* An accepted word is a boolean, with the right value. */
static void require_string(const struct options *options, const char *key,
                           const char *text) {
  bool on = strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0 ||
            strcasecmp(text, "on") == 0;

  if (strcasecmp(key, "Root") == 0 || strcasecmp(key, "NameRoot") == 0 ||
      strcasecmp(key, "CGroup") == 0 || strcasecmp(key, "CgroupVersion") == 0 ||
      strcasecmp(key, "InstanceFormat") == 0)
    return;
  if (strcasecmp(key, "NameLabel") == 0) {
    require_label(options, text);
    return;
  }
  if (is_numeric(key)) {
    require_number(options, key, quoted_number(text));
    return;
  }
  REQUIRE(on || strcasecmp(text, "false") == 0 || strcasecmp(text, "no") == 0 ||
          strcasecmp(text, "off") == 0);
  if (strcasecmp(key, "LeavesOnly") == 0)
    REQUIRE(options->leaves_only == on);
  if (strcasecmp(key, "Metadata") == 0)
    REQUIRE(options->metadata == on);
  if (strcasecmp(key, "ReportCounter") == 0)
    REQUIRE(options->report_counter == on);
  if (strcasecmp(key, "ReportMillicores") == 0)
    REQUIRE(options->report_millicores == on);
  if (strcasecmp(key, "ReportSelf") == 0)
    REQUIRE(options->report_self == on);
  if (strcasecmp(key, "LogSamples") == 0)
    REQUIRE(options->log_samples == on);
  if (strcasecmp(key, "ReportAll") == 0)
    REQUIRE((options->groups != VALUE_GROUP_CORE) == on);
}

static void set_option(struct options *options, char *line) {
  /* In the example configuration, the options are commented out. */
  line += strspn(line, "# \t");
  const char *key = strsep(&line, " \t");
  CLEANUP_FREE char *message = NULL;

  if (line == NULL)
    line = "";
  struct option_value value = parse_value(line);
  struct options before = *options;
  if (is_costly(key, &value))
    return;
  int status = options_set(options, key, &value, &message);
  require_allowed(options);
  if (status == 0) {
    REQUIRE(message == NULL && value.kind != OPTION_OTHER);
    if (value.kind == OPTION_STRING)
      require_string(options, key, value.as.string);
    if (value.kind == OPTION_NUMBER)
      require_number(options, key, value.as.number);
  } else {
    REQUIRE(status == -EINVAL);
    require_message(message, key, &value);
    require_unchanged(options, &before);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_FREE char *text = fuzz_string(data, size);
  struct options options = OPTIONS_DEFAULT;

  for (char *rest = text; rest != NULL;)
    set_option(&options, strsep(&rest, "\n"));
  options_release(&options);
  return 0;
}
