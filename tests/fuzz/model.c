/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <inttypes.h>

#include "fuzz.h"
#include "util/array.h"
#include "util/units.h"

struct model model;

void model_reset(void) {
  memset(&model, 0, offsetof(struct model, nodes));
  memset(model.fds, 0, sizeof(model.fds));
  model.count = model.open = model.event_count = 0;
  model.now_nsec = NSEC_PER_SEC;
  /* Some inode numbers need more than 32 bits. */
  model.inodes = UINT32_MAX - 1;
  (void)model_make(MODEL_NONE, "", ++model.inodes);
}

size_t model_child(size_t parent, const char *name) {
  for (size_t i = 0; i < model.count; i++)
    if (model.nodes[i].alive && model.nodes[i].parent == parent &&
        strcmp(model.nodes[i].name, name) == 0)
      return i;
  return MODEL_NONE;
}

size_t model_find(const char *path) {
  size_t node = model_child(MODEL_NONE, "");

  while (node != MODEL_NONE && *(path += strspn(path, "/")) != '\0') {
    char name[NAME_MAX + 1];
    size_t length = strcspn(path, "/");
    if (length > NAME_MAX)
      return MODEL_NONE;
    memcpy(name, path, length);
    name[length] = '\0';
    if (strcmp(name, ".") != 0)
      node = model_child(node, name);
    path += length;
  }
  return node;
}

bool model_path(size_t node, char path[PATH_MAX]) {
  size_t begin = PATH_MAX - 1;

  path[begin] = '\0';
  for (; model.nodes[node].parent != MODEL_NONE;
       node = model.nodes[node].parent) {
    size_t length = strlen(model.nodes[node].name);
    if (begin < length + 1)
      return false;
    begin -= length;
    memcpy(path + begin, model.nodes[node].name, length);
    path[--begin] = '/';
  }
  if (begin == PATH_MAX - 1)
    path[--begin] = '/';
  memmove(path, path + begin, PATH_MAX - begin);
  return true;
}

static void add_event_of(size_t node) {
  const size_t room = ARRAY_SIZE(model.events);

  if (node == MODEL_NONE || model.nodes[node].watch == 0 || model.lose_events)
    return;
  if (model.event_count < room)
    model.events[model.event_count++] = model.nodes[node].watch;
  else
    model.overflow = true;
}

size_t model_make(size_t parent, const char *name, uint64_t inode) {
  if (model.count == MODEL_NODES)
    return MODEL_NONE;
  struct model_node *node = &model.nodes[model.count];
  memset(node, 0, sizeof(*node));
  node->alive = true;
  node->parent = parent;
  (void)snprintf(node->name, sizeof(node->name), "%s", name);
  node->inode = inode;
  node->depth = parent != MODEL_NONE ? model.nodes[parent].depth + 1 : 0;
  node->born_nsec = model.now_nsec;
  node->peak = node->most = -1;
  node->was_hidden = parent != MODEL_NONE && model.nodes[parent].was_hidden;
  add_event_of(parent);
  return model.count++;
}

size_t model_mount(size_t node) {
  while (node != MODEL_NONE && !model.nodes[node].mounted)
    node = model.nodes[node].parent;
  return node;
}

void model_remove(size_t node) {
  for (size_t i = node + 1; i < model.count; i++)
    if (model.nodes[i].alive && model.nodes[i].parent == node)
      model_remove(i);
  add_event_of(model.nodes[node].parent);
  model.nodes[node].alive = false;
  model.nodes[node].just_removed = true;
  model.gone++;
  model.nodes[node].watch = 0;
}

void model_rename(size_t node, const char *name) {
  (void)snprintf(model.nodes[node].name, sizeof(model.nodes[node].name), "%s",
                 name);
  add_event_of(model.nodes[node].parent);
  /* The paths of all descendants have changed, too. */
  for (size_t i = node; i < model.count; i++)
    for (size_t up = i; up != MODEL_NONE; up = model.nodes[up].parent)
      if (up == node) {
        model.nodes[i].passes = 0;
        model.gone++;
      }
}

void model_use(size_t node, uint64_t usec) {
  for (; node != MODEL_NONE; node = model.nodes[node].parent)
    model.nodes[node].usage_usec += usec;
}

size_t model_subdirectories(size_t node) {
  size_t count = 0;

  for (size_t i = 0; i < model.count; i++)
    count += model.nodes[i].alive && model.nodes[i].parent == node;
  return count;
}

/* Each counter is a different part of the usage. */
static const struct {
  const char *type_instance;
  unsigned divisor;
} counters[] = {
    {"cpu_usage_usec", 1},      {"user_usec", 3},
    {"system_usec", 5},         {"pressure_some_usec", 7},
    {"nr_periods", 13},         {"nr_throttled", 17},
    {"pressure_full_usec", 11}, {"throttled_usec", 19},
    {"pressure_irq_usec", 23},  {"throttled_local_usec", 29},
    {"frozen_usec", 31},        {"force_idle_usec", 37},
};

bool model_counter(const struct model_node *node, const char *type_instance,
                   uint64_t *value) {
  for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
    if (strcmp(counters[i].type_instance, type_instance) == 0) {
      *value = node->usage_usec / counters[i].divisor;
      return true;
    }
  return false;
}

static uint64_t counter(const struct model_node *node, const char *name) {
  uint64_t value = 0;

  REQUIRE(model_counter(node, name, &value));
  return value;
}

static const char *const v2_files[] = {
    "cpu.stat",       "cpu.pressure",      "cpu.max",
    "cpu.weight",     "irq.pressure",      "cpuset.cpus.effective",
    "cpu.stat.local", "cgroup.stat.local",
};
static const char *const v1_files[] = {
    "cpuacct.usage", "cpuacct.usage_user",    "cpuacct.usage_sys",
    "cpu.stat",      "cpu.cfs_quota_us",      "cpu.cfs_period_us",
    "cpu.shares",    "cpuset.effective_cpus", "cpu.idle",
    "cpu.stat.local"};

const char *model_file(const char *name) {
  bool v1 = model.version == CGROUP_VERSION_1;
  const char *const *files = v1 ? v1_files : v2_files;
  size_t count = v1 ? ARRAY_SIZE(v1_files) : ARRAY_SIZE(v2_files);

  for (size_t i = 0; i < count; i++)
    if (strcmp(files[i], name) == 0)
      return files[i];
  return NULL;
}

static int limit_text(const struct model_node *node, const char *file,
                      char *text, size_t size) {
  uint64_t any = node->inode * 1000 + node->depth;

  if (strcmp(file, "cpu.max") == 0)
    return snprintf(text, size, "%" PRIu64 " 100000\n", any);
  if (strcmp(file, "cpu.idle") == 0)
    return snprintf(text, size, "%" PRIu64 "\n", any % 2);
  if (strncmp(file, "cpuset.", 7) == 0)
    return snprintf(text, size, "0-%" PRIu64 "\n", any % 4);
  return snprintf(text, size, "%" PRIu64 "\n", any);
}

static int v1_text(const struct model_node *node, const char *file, char *text,
                   size_t size) {
  const char *names[] = {"cpu_usage_usec", "user_usec", "system_usec"};

  for (size_t i = 0; i < ARRAY_SIZE(names); i++)
    if (file == v1_files[i])
      return snprintf(text, size, "%" PRIu64 "999\n", counter(node, names[i]));
  if (strcmp(file, "cpu.stat") == 0)
    return snprintf(text, size,
                    "nr_periods %" PRIu64 "\nnr_throttled %" PRIu64
                    "\nthrottled_time %" PRIu64 "000\n",
                    counter(node, "nr_periods"), counter(node, "nr_throttled"),
                    counter(node, "throttled_usec"));
  if (strcmp(file, "cpu.stat.local") == 0)
    return snprintf(text, size, "throttled_time %" PRIu64 "000\n",
                    counter(node, "throttled_local_usec"));
  return limit_text(node, file, text, size);
}

static int v2_text(const struct model_node *node, const char *file, char *text,
                   size_t size) {
  if (file == v2_files[0])
    return snprintf(
        text, size,
        "usage_usec %" PRIu64 "\nuser_usec %" PRIu64 "\nsystem_usec %" PRIu64
        "\ncore_sched.force_idle_usec %" PRIu64 "\nnr_periods %" PRIu64
        "\nnr_throttled %" PRIu64 "\nthrottled_usec %" PRIu64 "\n",
        counter(node, "cpu_usage_usec"), counter(node, "user_usec"),
        counter(node, "system_usec"), counter(node, "force_idle_usec"),
        counter(node, "nr_periods"), counter(node, "nr_throttled"),
        counter(node, "throttled_usec"));
  if (strcmp(file, "cpu.pressure") == 0)
    return snprintf(text, size,
                    "some avg10=0.00 avg60=0.00 avg300=0.00 total=%" PRIu64
                    "\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=%" PRIu64
                    "\n",
                    counter(node, "pressure_some_usec"),
                    counter(node, "pressure_full_usec"));
  if (strcmp(file, "irq.pressure") == 0)
    return snprintf(text, size,
                    "full avg10=0.00 avg60=0.00 avg300=0.00 total=%" PRIu64
                    "\n",
                    counter(node, "pressure_irq_usec"));
  if (strcmp(file, "cpu.stat.local") == 0)
    return snprintf(text, size, "throttled_usec %" PRIu64 "\n",
                    counter(node, "throttled_local_usec"));
  if (strcmp(file, "cgroup.stat.local") == 0)
    return snprintf(text, size, "frozen_usec %" PRIu64 "\n",
                    counter(node, "frozen_usec"));
  return limit_text(node, file, text, size);
}

static bool is_main(const char *file) {
  return file == v1_files[0] || file == v2_files[0];
}

int model_text(const struct model_node *node, const char *file, char *text,
               size_t size) {
  if (!node->alive)
    return -ENODEV;
  if (node->error != 0)
    return -node->error;
  if (node->garbage != NULL && is_main(file))
    return snprintf(text, size, "%s\n", node->garbage);
  return model.version == CGROUP_VERSION_1 ? v1_text(node, file, text, size)
                                           : v2_text(node, file, text, size);
}

void model_note_reading(struct model_node *node) {
  node->latest = (struct model_reading){
      .known = true,
      .garbage = node->garbage != NULL,
      .usage_usec = node->usage_usec,
      .time_nsec = model.now_nsec,
  };
}
