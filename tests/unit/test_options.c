/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"
#include "tree/tree.h"
#include "util/cleanup.h"

static struct option_value string(const char *text) {
  return (struct option_value){.kind = OPTION_STRING, .as.string = text};
}

static struct option_value number(double value) {
  return (struct option_value){.kind = OPTION_NUMBER, .as.number = value};
}

static struct option_value boolean(bool value) {
  return (struct option_value){.kind = OPTION_BOOLEAN, .as.boolean = value};
}

static void accept(struct options *options, const char *key,
                   struct option_value value) {
  char *message = NULL;

  ck_assert_int_eq(options_set(options, key, &value, &message), 0);
  ck_assert_ptr_null(message);
}

/* The message must name the option and contain both other texts. */
static void refuse(const char *key, struct option_value value,
                   const char *shown, const char *allowed) {
  struct options options = OPTIONS_DEFAULT;
  CLEANUP_FREE char *message = NULL;

  ck_assert_int_eq(options_set(&options, key, &value, &message), -EINVAL);
  ck_assert_ptr_nonnull(strstr(message, key));
  ck_assert_msg(strstr(message, shown) != NULL, "%s", message);
  ck_assert_msg(strstr(message, allowed) != NULL, "%s", message);
  options_release(&options);
}

START_TEST(defaults) {
  struct options options = OPTIONS_DEFAULT;

  ck_assert_ptr_null(options.root);
  ck_assert_int_eq(options.version, CGROUP_VERSION_AUTO);
  ck_assert_uint_eq(options.selection.count, 0);
  ck_assert(!options.selection.ignore_selected);
  ck_assert(!options.leaves_only);
  ck_assert_int_eq(options.instance_format, INSTANCE_FORMAT_NAME);
  ck_assert_ptr_null(options.name_root);
  ck_assert_uint_eq(options.max_depth, 64);
  ck_assert_uint_eq(options.max_cgroups, 10000);
  ck_assert_uint_eq(options.keep_open, 4000);
  ck_assert_uint_eq(options.peak_nsec, 0);
  ck_assert_uint_eq(options.groups, VALUE_GROUP_CORE);
  ck_assert(!options.report_self);
  ck_assert(!options.log_samples);
}
END_TEST

START_TEST(values_are_taken) {
  struct options options = OPTIONS_DEFAULT;

  accept(&options, "Root", string("/host/sys/fs/cgroup//"));
  ck_assert_str_eq(options.root, "/host/sys/fs/cgroup");
  accept(&options, "ROOT", string("/"));
  ck_assert_str_eq(options.root, "/");
  accept(&options, "CgroupVersion", string("v1"));
  ck_assert_int_eq(options.version, CGROUP_VERSION_1);
  accept(&options, "cgroupversion", string("V2"));
  ck_assert_int_eq(options.version, CGROUP_VERSION_2);
  accept(&options, "CgroupVersion", string("auto"));
  ck_assert_int_eq(options.version, CGROUP_VERSION_AUTO);
  accept(&options, "CGroup", string("/system.slice/*"));
  accept(&options, "CGroup", string("/^.kubepods/"));
  ck_assert_uint_eq(options.selection.count, 2);
  accept(&options, "IgnoreSelected", boolean(true));
  ck_assert(options.selection.ignore_selected);
  accept(&options, "LeavesOnly", boolean(true));
  ck_assert(options.leaves_only);
  accept(&options, "InstanceFormat", string("leaf"));
  ck_assert_int_eq(options.instance_format, INSTANCE_FORMAT_LEAF);
  accept(&options, "InstanceFormat", string("Path"));
  ck_assert_int_eq(options.instance_format, INSTANCE_FORMAT_PATH);
  accept(&options, "InstanceFormat", string("NAME"));
  ck_assert_int_eq(options.instance_format, INSTANCE_FORMAT_NAME);
  accept(&options, "NameRoot", string("/host/"));
  ck_assert_str_eq(options.name_root, "/host");
  accept(&options, "MaxDepth", number(0));
  ck_assert_uint_eq(options.max_depth, 0);
  accept(&options, "MaxCgroups", number(1000000));
  ck_assert_uint_eq(options.max_cgroups, 1000000);
  accept(&options, "KeepOpen", number(64));
  ck_assert_uint_eq(options.keep_open, 64);
  accept(&options, "PeakInterval", number(0.05));
  ck_assert_uint_eq(options.peak_nsec, 50000000);
  accept(&options, "PeakInterval", number(1));
  ck_assert_uint_eq(options.peak_nsec, 1000000000);
  accept(&options, "ReportThrottling", boolean(true));
  accept(&options, "ReportPressure", boolean(true));
  accept(&options, "ReportPressure", boolean(false));
  ck_assert_uint_eq(options.groups, VALUE_GROUP_CORE | VALUE_GROUP_THROTTLING);
  accept(&options, "ReportAll", boolean(true));
  accept(&options, "ReportLimit", boolean(false));
  ck_assert_uint_eq(options.groups, VALUE_GROUP_CORE | VALUE_GROUP_USER_SYSTEM |
                                        VALUE_GROUP_THROTTLING |
                                        VALUE_GROUP_PRESSURE);
  accept(&options, "ReportCounter", boolean(false));
  ck_assert(!options.report_counter && options.report_millicores);
  ck_assert_ptr_null(options_conflict(&options));
  accept(&options, "ReportMillicores", boolean(false));
  const char *conflict = options_conflict(&options);
  ck_assert_ptr_nonnull(strstr(conflict, "ReportCounter"));
  ck_assert_ptr_nonnull(strstr(conflict, "ReportMillicores"));
  ck_assert_ptr_nonnull(strstr(conflict, "must not both be false"));
  accept(&options, "ReportCounter", boolean(true));
  ck_assert_ptr_null(options_conflict(&options));
  accept(&options, "ReportSelf", boolean(true));
  ck_assert(options.report_self);
  accept(&options, "ReportSelf", string("off"));
  ck_assert(!options.report_self);
  accept(&options, "Metadata", boolean(true));
  ck_assert(options.metadata);
  accept(&options, "NameLabel", string("com.docker.compose.service"));
  accept(&options, "NameLabel", string("my_label-2"));
  ck_assert_uint_eq(options.label_count, 2);
  ck_assert_str_eq(options.labels[0], "com.docker.compose.service");
  ck_assert_str_eq(options.labels[1], "my_label-2");
  accept(&options, "LogSamples", boolean(true));
  ck_assert(options.log_samples);
  accept(&options, "LogSamples", boolean(false));
  ck_assert(!options.log_samples);
  options_release(&options);
  ck_assert_ptr_null(options.root);
}
END_TEST

static const struct {
  const char *text;
  bool value;
} quoted[] = {
    {"true", true},   {"yes", true}, {"on", true},   {"TRUE", true},
    {"Yes", true},    {"oN", true},  {"no", false},  {"false", false},
    {"False", false}, {"NO", false}, {"off", false}, {"OFF", false},
};

/* collectd's own options accept the same words. */
START_TEST(quoted_booleans_are_taken) {
  struct options options = OPTIONS_DEFAULT;

  options.leaves_only = !quoted[_i].value;
  accept(&options, "LeavesOnly", string(quoted[_i].text));
  ck_assert(options.leaves_only == quoted[_i].value);
  accept(&options, "IgnoreSelected", string(quoted[_i].text));
  ck_assert(options.selection.ignore_selected == quoted[_i].value);
  accept(&options, "ReportAll", string(quoted[_i].text));
  ck_assert((options.groups != VALUE_GROUP_CORE) == quoted[_i].value);
  accept(&options, "LogSamples", string(quoted[_i].text));
  ck_assert(options.log_samples == quoted[_i].value);
  options_release(&options);
}
END_TEST

/* OpenWrt's scripts quote all values. */
START_TEST(quoted_numbers_are_taken) {
  struct options options = OPTIONS_DEFAULT;

  accept(&options, "MaxDepth", string("0"));
  ck_assert_uint_eq(options.max_depth, 0);
  accept(&options, "MaxCgroups", string("1000000"));
  ck_assert_uint_eq(options.max_cgroups, 1000000);
  accept(&options, "KeepOpen", string("0064"));
  ck_assert_uint_eq(options.keep_open, 64);
  accept(&options, "PeakInterval", string("0.125"));
  ck_assert_uint_eq(options.peak_nsec, 125000000);
  accept(&options, "PeakInterval", string(".5"));
  ck_assert_uint_eq(options.peak_nsec, 500000000);
  accept(&options, "PeakInterval", string("3"));
  ck_assert_uint_eq(options.peak_nsec, 3000000000);
  options_release(&options);
}
END_TEST

START_TEST(labels_have_a_limit) {
  struct options options = OPTIONS_DEFAULT;
  struct option_value value = string("label");
  CLEANUP_FREE char *message = NULL;

  for (size_t i = 0; i < DOCKER_LABELS_MAX; i++)
    accept(&options, "NameLabel", value);
  ck_assert_int_eq(options_set(&options, "NameLabel", &value, &message),
                   -EINVAL);
  ck_assert_ptr_nonnull(strstr(message, "at most 8 times"));
  options_release(&options);
  ck_assert_uint_eq(options.label_count, 0);
}
END_TEST

/* A message is one complete line, whatever is in the configuration file. */
START_TEST(messages_are_printable_and_whole) {
  char text[4000];
  const char *const keys[] = {"Root",       "CgroupVersion", "CGroup",
                              "LeavesOnly", "MaxDepth",      "InstanceFormat",
                              "Nonsense"};

  memset(text, '\n', sizeof(text));
  text[sizeof(text) - 1] = '\0';
  for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
    struct options options = OPTIONS_DEFAULT;
    struct option_value value = string(text);
    CLEANUP_FREE char *message = NULL;
    CLEANUP_FREE char *unknown = NULL;

    if (strcmp(keys[i], "CGroup") == 0)
      (void)memcpy(text, "/(", 2), text[sizeof(text) - 2] = '/';
    ck_assert_int_eq(options_set(&options, keys[i], &value, &message), -EINVAL);
    ck_assert_uint_le(strlen(message), 800);
    ck_assert_ptr_null(strchr(message, '\n'));
    ck_assert_ptr_nonnull(strstr(message, keys[i]));
    ck_assert_int_eq(options_set(&options, text, &value, &unknown), -EINVAL);
    ck_assert_uint_le(strlen(unknown), 800);
    ck_assert_ptr_null(strchr(unknown, '\n'));
    ck_assert_ptr_nonnull(strstr(unknown, "LogSamples"));
    options_release(&options);
  }
}
END_TEST

START_TEST(values_are_refused) {
  struct option_value none = {.kind = OPTION_OTHER};

  refuse("Root", string("sys/fs/cgroup"), "\"sys/fs/cgroup\"", "absolute");
  refuse("Root", string(""), "\"\"", "absolute");
  refuse("Root", number(3), "3", "absolute");
  refuse("CgroupVersion", string("v3"), "\"v3\"", "\"auto\", \"v1\" or \"v2\"");
  refuse("CgroupVersion", number(2), "2", "\"auto\", \"v1\" or \"v2\"");
  refuse("CGroup", string(""), "\"\"", "regular expression");
  refuse("CGroup", string("/a(/"), "\"/a(/\"", "regular expression");
  refuse("CGroup", number(1), "1", "regular expression");
  refuse("IgnoreSelected", string("1"), "\"1\"", "true or false");
  refuse("LeavesOnly", string(""), "\"\"", "true or false");
  refuse("LeavesOnly", string("true "), "\"true \"", "true or false");
  refuse("LeavesOnly", number(0), "0", "true or false");
  refuse("InstanceFormat", string("id"), "\"id\"", "\"name\"");
  refuse("NameRoot", string("host"), "\"host\"", "an absolute path");
  refuse("InstanceFormat", boolean(true), "true", "\"leaf\"");
  refuse("MaxDepth", number(-1), "-1", "from 0 to 1000000");
  refuse("MaxDepth", number(1.5), "1.5", "from 0 to 1000000");
  refuse("MaxDepth", string("3.5"), "\"3.5\"",
         "a whole number from 0 to 1000000");
  refuse("MaxDepth", string("0x3"), "\"0x3\"", "from 0 to 1000000");
  refuse("MaxDepth", string("-0"), "\"-0\"", "from 0 to 1000000");
  refuse("MaxDepth", string("1e3"), "\"1e3\"", "from 0 to 1000000");
  refuse("MaxCgroups", string("x"), "\"x\"", "from 1 to 1000000");
  refuse("MaxCgroups", string("0"), "\"0\"", "from 1 to 1000000");
  refuse("MaxCgroups", string("nan"), "\"nan\"", "from 1 to 1000000");
  refuse("KeepOpen", string(""), "\"\"", "from 0 to 1000000");
  refuse("KeepOpen", string("."), "\".\"", "from 0 to 1000000");
  refuse("KeepOpen", string("10 "), "\"10 \"", "from 0 to 1000000");
  refuse("KeepOpen", string("1000001"), "\"1000001\"", "from 0 to 1000000");
  refuse("MaxCgroups", number(0), "0", "from 1 to 1000000");
  refuse("MaxCgroups", number(1e30), "1e+30", "from 1 to 1000000");
  refuse("MaxCgroups", number(NAN), "nan", "from 1 to 1000000");
  refuse("KeepOpen", number(1000001), "1000001", "from 0 to 1000000");
  refuse("PeakInterval", number(0.049), "0.049",
         "a number of seconds from 0.05 to the interval");
  refuse("PeakInterval", number(0), "0", "from 0.05");
  refuse("PeakInterval", number(NAN), "nan", "from 0.05");
  refuse("PeakInterval", number(INFINITY), "inf", "from 0.05");
  refuse("PeakInterval", string("0.04"), "\"0.04\"", "from 0.05");
  refuse("PeakInterval", string("0.1.1"), "\"0.1.1\"", "from 0.05");
  refuse("PeakInterval", string("inf"), "\"inf\"", "from 0.05");
  refuse("ReportAll", string("all"), "\"all\"", "true or false");
  refuse("Metadata", string("all"), "\"all\"", "true or false");
  refuse("NameLabel", string(""), "\"\"", "letters, digits");
  refuse("NameLabel", string("a b"), "\"a b\"", "letters, digits");
  refuse("NameLabel", number(1), "1", "letters, digits");
  refuse("LogSamples", string("y"), "\"y\"", "true or false");
  refuse("ReportSelf", number(0), "0", "true or false");
  refuse("LogSamples", number(1), "1", "true or false");
  refuse("LogSamples", none, "a list, a block or nothing", "true or false");
  refuse("Interval", number(10), "Interval", "CgroupVersion");
}
END_TEST

START_TEST(a_refused_value_changes_nothing) {
  struct options options = OPTIONS_DEFAULT;
  struct option_value bad = string("relative");
  char *message = NULL;

  accept(&options, "Root", string("/good"));
  ck_assert_int_eq(options_set(&options, "Root", &bad, &message), -EINVAL);
  free(message);
  ck_assert_str_eq(options.root, "/good");
  options_release(&options);
}
END_TEST

Suite *options_suite(void) {
  return suite_of("options", NULL, NULL, ONCE(defaults), ONCE(values_are_taken),
                  FOR_EACH(quoted_booleans_are_taken, quoted),
                  ONCE(quoted_numbers_are_taken), ONCE(labels_have_a_limit),
                  ONCE(messages_are_printable_and_whole),
                  ONCE(values_are_refused),
                  ONCE(a_refused_value_changes_nothing));
}
