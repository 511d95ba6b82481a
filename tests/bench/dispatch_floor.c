/* SPDX-License-Identifier: MIT */
/* A plugin for the benchmark of the daemon. It dispatches as many values as
 * cgroup_cpu, under the same names, and does nothing to get them.
 *
 *   <Plugin dispatch_floor>
 *     Cgroups "FILE"    lines of an instance, a path and a counter file
 *     Metadata false    whether to attach the path, as cgroup_cpu does
 *     Read false        whether to read the counter files first, kept open
 *   </Plugin>
 */
#include "collectd.h"
#include "configfile.h"
#include "plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLUGIN "dispatch_floor"
#define LOG_PREFIX PLUGIN " plugin: "
#define DERIVE_VALUE 123456

struct target {
  struct target *next;
  char instance[DATA_MAX_NAME_LEN];
  char *path;
  char *file;
  int fd;
};

static struct {
  struct target *targets;
  bool metadata;
  bool read;
} floor_plugin;

/* Splits `line` in place. */
static int add_target(char *line) {
  struct target *target = calloc(1, sizeof(*target));
  char *rest = NULL;

  if (target == NULL)
    return -ENOMEM;
  target->fd = -1;
  target->next = floor_plugin.targets;
  floor_plugin.targets = target;
  const char *instance = strtok_r(line, " \n", &rest);
  const char *path = strtok_r(NULL, " \n", &rest);
  const char *file = strtok_r(NULL, " \n", &rest);
  if (instance == NULL || path == NULL || file == NULL)
    return -EINVAL;
  (void)snprintf(target->instance, sizeof(target->instance), "%s", instance);
  target->path = strdup(path);
  target->file = strdup(file);
  return target->path != NULL && target->file != NULL ? 0 : -ENOMEM;
}

static int load_targets(const char *name) {
  FILE *file = fopen(name, "re");
  char *line = NULL;
  size_t size = 0;
  int status = 0;

  if (file == NULL)
    return -errno;
  while (status == 0 && getline(&line, &size, file) >= 0)
    status = add_target(line);
  free(line);
  (void)fclose(file);
  return status;
}

static int set_option(oconfig_item_t *item) {
  if (strcasecmp(item->key, "Metadata") == 0)
    return cf_util_get_boolean(item, &floor_plugin.metadata);
  if (strcasecmp(item->key, "Read") == 0)
    return cf_util_get_boolean(item, &floor_plugin.read);
  if (strcasecmp(item->key, "Cgroups") != 0 || item->values_num != 1 ||
      item->values[0].type != OCONFIG_TYPE_STRING)
    return -EINVAL;
  return load_targets(item->values[0].value.string);
}

static int configure(oconfig_item_t *block) {
  for (int i = 0; i < block->children_num; i++)
    if (set_option(&block->children[i]) != 0) {
      ERROR(LOG_PREFIX "Cannot set %s", block->children[i].key);
      return -1;
    }
  return 0;
}

static int read_counters(void) {
  char text[4096];

  for (const struct target *target = floor_plugin.targets; target != NULL;
       target = target->next)
    if (pread(target->fd, text, sizeof(text), 0) <= 0) {
      ERROR(LOG_PREFIX "Cannot read %s", target->file);
      return -1;
    }
  return 0;
}

static meta_data_t *describe(const struct target *target) {
  meta_data_t *meta = meta_data_create();

  if (meta != NULL)
    (void)meta_data_add_string(meta, "cgroup_cpu:path", target->path);
  return meta;
}

/* The caller has set the names that are the same for all values. */
static void dispatch(const struct target *target, value_list_t *list,
                     meta_data_t *meta) {
  memcpy(list->plugin_instance, target->instance, sizeof(target->instance));
  list->meta = meta;
  (void)plugin_dispatch_values(list);
}

static int read_all(user_data_t *user_data) {
  value_t counter = {.derive = DERIVE_VALUE};
  value_t rate = {.gauge = 0};
  value_list_t derive = {.values = &counter,
                         .values_len = 1,
                         .time = cdtime(),
                         .plugin = "cgroup_cpu",
                         .type = "derive",
                         .type_instance = "cpu_usage_usec"};
  value_list_t gauge = derive;

  (void)user_data;
  if (floor_plugin.read && read_counters() < 0)
    return -1;
  gauge.values = &rate;
  (void)snprintf(gauge.type, sizeof(gauge.type), "gauge");
  (void)snprintf(gauge.type_instance, sizeof(gauge.type_instance),
                 "millicores");
  for (const struct target *target = floor_plugin.targets; target != NULL;
       target = target->next) {
    meta_data_t *meta = floor_plugin.metadata ? describe(target) : NULL;

    dispatch(target, &derive, meta);
    dispatch(target, &gauge, meta);
    meta_data_destroy(meta);
  }
  return 0;
}

static int start(void) {
  for (struct target *target = floor_plugin.targets;
       floor_plugin.read && target != NULL; target = target->next) {
    target->fd = open(target->file, O_RDONLY | O_CLOEXEC);
    if (target->fd < 0) {
      ERROR(LOG_PREFIX "%s: %s", target->file, strerror(errno));
      return -1;
    }
  }
  return plugin_register_complex_read(NULL, PLUGIN, read_all, 0, NULL);
}

static int stop(void) {
  while (floor_plugin.targets != NULL) {
    struct target *target = floor_plugin.targets;

    floor_plugin.targets = target->next;
    if (target->fd >= 0)
      (void)close(target->fd);
    free(target->path);
    free(target->file);
    free(target);
  }
  return 0;
}

void module_register(void) {
  (void)plugin_register_complex_config(PLUGIN, configure);
  (void)plugin_register_init(PLUGIN, start);
  (void)plugin_register_shutdown(PLUGIN, stop);
}
