/* SPDX-License-Identifier: MIT */
/* A whole tree that changes between passes, in a file system that exists only
 * here. All reported values are those in the files of existing cgroups, and
 * each cgroup has its own name. No value is missing that must be reported. No
 * descriptor is left open.
 *
 * The input consists of lines, see change() and configure(). A list of real
 * paths creates them all.
 */
#include <ctype.h>
#include <math.h>

#include "collector.h"
#include "find/discovery.h"
#include "fuzz.h"
#include "model.h"
#include "util/cleanup.h"
#include "util/units.h"

#define PASSES_MAX 12
#define VALUES_MAX ((size_t)MODEL_NODES * 30)

#define DURING_MAX 16
/* The most calls that a pass may make for itself, and for each cgroup that
 * existed meanwhile, with four counter files and eight files of limits. */
#define CALLS_PER_NODE 60
#define CALLS_PER_PASS 60

/* A running collector. */
struct run {
  struct options options;
  struct collector *collector;
  unsigned passes;
  /* Inodes were used again or cgroups were renamed: some may be missing from
   * one pass. */
  bool confused;
  /* Events were lost. */
  bool blind;
  /* In the previous pass, there was not room for all cgroups. */
  bool crowded;
  /* Changes during the next pass, each after this many calls. */
  struct during {
    unsigned calls;
    char *line;
  } during[DURING_MAX];
  size_t during_count;
  /* Counters do not grow as the kernel's do, or cannot be read; files had
   * errors or garbage. */
  bool odd;
  bool garbled;
  /* The collector samples between passes, if not `plain`. */
  bool plain;
  /* What the collector knows depends on when it samples: of some cgroups, for
   * lack of room or of events. */
  bool diverged;
  /* Something changed during this pass. */
  bool shaken;
  /* When the latest pass began, and the one before; when cgroups were sought.
   */
  uint64_t pass_nsec;
  uint64_t before_nsec;
  uint64_t searched_nsec;
  /* The values that the pass reported. */
  struct seen {
    size_t node;
    const struct cgroup *cgroup;
    const char *type_instance;
    double gauge;
  } seen[VALUES_MAX];
  size_t seen_count;
  /* The values that the plugin reported on itself in this pass. */
  size_t own_count;
  double own_read;
};

/* The values of all passes, by their names and their passes: without samples
 * between the passes, they are the same. */
static struct known_value {
  uint64_t name;
  unsigned pass;
  bool used;
  long double number;
} known_values[PASSES_MAX * VALUES_MAX];
static size_t known_count;

/* Returns the node that had that path and was removed during this pass or
 * shortly before, or MODEL_NONE. */
static size_t removed_node(const char *wanted, uint64_t inode) {
  char path[PATH_MAX];

  for (size_t i = 0; i < model.count; i++)
    if ((model.nodes[i].just_removed || model.nodes[i].lately_removed) &&
        model.nodes[i].inode == inode && model_path(i, path) &&
        strcmp(path, wanted) == 0)
      return i;
  return MODEL_NONE;
}

/* Returns the node that has another path now, or MODEL_NONE. The plugin cannot
 * see this if the parent's directory cannot be listed, and a past life keeps
 * its path. */
static size_t renamed_node(const struct cgroup *cgroup) {
  for (size_t i = 0; i < model.count; i++)
    if ((cgroup->removed ||
         (model.nodes[i].alive && model.nodes[i].was_hidden)) &&
        model.nodes[i].inode == cgroup->inode)
      return i;
  return MODEL_NONE;
}

/* Returns the node of the cgroup of a value. */
static size_t node_of(const struct cgroup *cgroup) {
  char path[TREE_PATH_SIZE];

  (void)tree_path(cgroup, path);
  size_t node = model_find(path);
  if (node == MODEL_NONE || model.nodes[node].inode != cgroup->inode)
    node = removed_node(path, cgroup->inode);
  if (node == MODEL_NONE)
    node = renamed_node(cgroup);
  REQUIRE(node != MODEL_NONE);
  return node;
}

static void require_name(const char *name) {
  REQUIRE(*name != '\0' && strlen(name) < INSTANCE_NAME_SIZE);
  REQUIRE(strcmp(name, "_plugin") != 0);
  for (; *name != '\0'; name++)
    REQUIRE(isalnum((unsigned char)*name) || strchr("._-@:+~", *name) != NULL);
}

/* One identifier belongs to one value of one cgroup, or of a past life and an
 * inner cgroup that has its name now. */
static void require_own_identity(const struct run *run,
                                 const struct report_value *value) {
  require_name(value->cgroup->instance);
  for (size_t i = 0; i < run->seen_count; i++) {
    bool same_cgroup = run->seen[i].cgroup == value->cgroup;
    bool same_name =
        strcmp(run->seen[i].cgroup->instance, value->cgroup->instance) == 0;
    REQUIRE(same_name || !same_cgroup);
    REQUIRE(!same_name || same_cgroup || value->cgroup->removed ||
            run->seen[i].cgroup->removed);
    REQUIRE(!same_name || value->type == REPORT_PERCENT ||
            strcmp(run->seen[i].type_instance, value->type_instance) != 0);
  }
}

/* Returns the previous reading, from which a rate is computed. For a cgroup
 * created since the previous pass it is its creation. */
static struct model_reading earlier_reading(const struct run *run,
                                            const struct model_node *node) {
  if (node->earlier.known || node->born_nsec < run->before_nsec ||
      run->before_nsec == 0)
    return node->earlier;
  return (struct model_reading){.known = true, .time_nsec = run->before_nsec};
}

/* Returns whether 8192 CPUs can have used this many microseconds. */
static bool is_possible(const struct run *run, const struct model_node *node) {
  const struct model_reading earlier = earlier_reading(run, node);
  const struct model_reading *latest = &node->latest;

  if (!earlier.known || !latest->known || earlier.garbage || latest->garbage ||
      latest->usage_usec < earlier.usage_usec)
    return true;
  uint64_t elapsed_usec = (latest->time_nsec - earlier.time_nsec) / 1000;
  return (long double)(latest->usage_usec - earlier.usage_usec) / 8192 <=
         (long double)elapsed_usec;
}

/* Returns the last reading of this interval: of one that could not be read in
 * this pass, because it was removed, its last sample. */
static struct model_reading last_reading(const struct model_node *node) {
  struct model_reading last = node->latest;

  if (!last.known) {
    last = node->sampled;
    last.time_nsec = model.now_nsec;
  }
  return last;
}

/* Returns the use of a node in the interval, in millicores; negative: its file
 * had garbage. */
static long double used(const struct run *run, const struct model_node *node) {
  const struct model_reading earlier = earlier_reading(run, node);
  const struct model_reading last = last_reading(node);
  const struct model_reading *latest = &last;

  REQUIRE(earlier.known && latest->known);
  if (earlier.garbage || latest->garbage)
    return -1;
  REQUIRE(latest->usage_usec >= earlier.usage_usec);
  return (long double)(latest->usage_usec - earlier.usage_usec) * 1e6L /
         (long double)(latest->time_nsec - earlier.time_nsec);
}

static size_t living(void) {
  size_t count = 0;

  for (size_t i = 0; i < model.count; i++)
    count += model.nodes[i].alive;
  return count;
}

/* Returns whether a cgroup that was read before may count as new, without its
 * earlier reading. */
static bool may_be_new(const struct run *run) {
  return run->confused || run->blind || run->crowded ||
         living() + model.gone > run->options.max_cgroups;
}

/* Returns what all past lives used up to their last samples, in millicores. */
static long double used_by_past(const struct run *run) {
  long double sum = 0;

  for (size_t i = 0; i < model.count; i++) {
    const struct model_node *node = &model.nodes[i];
    const struct model_reading earlier = earlier_reading(run, node);
    bool gone = node->just_removed || node->lately_removed || run->confused ||
                run->crowded || node->was_hidden;

    if (gone && node->sampled.known && earlier.known &&
        node->sampled.usage_usec > earlier.usage_usec)
      sum += (long double)(node->sampled.usage_usec - earlier.usage_usec) *
             1e6L / (long double)(model.now_nsec - run->before_nsec);
  }
  return sum;
}

/* The use of past lives may be added. */
static void require_millicores(const struct run *run,
                               const struct model_node *node, double gauge) {
  if (run->garbled && run->options.peak_nsec > 0)
    return;
  long double millicores = used(run, node);
  long double past = run->options.peak_nsec > 0 ? used_by_past(run) : 0;

  REQUIRE(millicores < 0 ||
          (is_possible(run, node) &&
           gauge >= millicores * (1 - 1e-6L) - 1e-9L &&
           gauge <= (millicores + past) * (1 + 1e-6L) + 1e-9L));
}

/* It is the highest use between two samples; of a new cgroup or past lives,
 * also from its creation, or theirs. */
static void require_peak(const struct run *run, const struct model_node *node,
                         double gauge) {
  long double most = -1;

  if (run->garbled)
    return;
  for (size_t i = 0; i < model.count; i++)
    if (model.nodes[i].most > most)
      most = model.nodes[i].most;
  REQUIRE(gauge <= most * (1 + 1e-6L));
  REQUIRE(may_be_new(run) || node->was_hidden ||
          gauge >= node->peak * (1 - 1e-6L));
}

/* Returns whether another cgroup was created at the path of a node that was
 * removed during this pass. A read by path then reaches the new one. */
static bool was_replaced(const struct model_node *node) {
  char path[PATH_MAX];
  size_t there = !node->alive && model_path((size_t)(node - model.nodes), path)
                     ? model_find(path)
                     : MODEL_NONE;

  return there != MODEL_NONE && model.nodes[there].born_nsec == model.now_nsec;
}

/* The use that remains after subtracting that of the descendants is a part of
 * the whole. The counter has risen by it. */
static void require_remainder(const struct run *run,
                              const struct model_node *node, double gauge) {
  const struct model_reading earlier = earlier_reading(run, node);
  long double millicores = used(run, node);

  if (millicores < 0)
    return;
  REQUIRE(gauge <= millicores * (1 + 1e-6L));
  long double usec =
      gauge * (long double)(node->latest.time_nsec - earlier.time_nsec) / 1e6L;
  REQUIRE(node->rise_usec < 0 ||
          fabsl(node->rise_usec - usec) <= 1 + usec * 1e-6L);
}

/* The counter comes before the gauge. That of a cgroup that counts as new
 * begins again. */
static void take_remainder(const struct run *run, struct model_node *node,
                           int64_t usec) {
  bool same = node->has_remainder && !may_be_new(run) && !node->was_hidden;

  REQUIRE(usec >= 0);
  REQUIRE(!same || (uint64_t)usec >= node->remainder_usec);
  node->rise_usec =
      same ? (long double)usec - (long double)node->remainder_usec : -1;
  node->remainder_usec = (uint64_t)usec;
  node->has_remainder = true;
}

/* It is the number in the file, or that of the last sample. */
static void require_counter(const struct run *run,
                            const struct model_node *node,
                            const struct report_value *value) {
  uint64_t counter = 0;
  bool is_past = !node->latest.known && run->options.peak_nsec > 0;

  REQUIRE(model_counter(node, value->type_instance, &counter));
  if (is_past && strcmp(value->type_instance, "cpu_usage_usec") == 0)
    counter = node->sampled.usage_usec;
  REQUIRE(node->garbage != NULL || (run->garbled && is_past) ||
          (uint64_t)value->value.derive == counter);
}

static uint64_t name_of_value(const struct report_value *value) {
  return instance_name_hash(value->cgroup->instance) * 31 +
         instance_name_hash(value->type_instance);
}

static bool is_comparable(const struct run *run) {
  return !run->confused && !run->diverged && !run->garbled &&
         !run->options.leaves_only;
}

static bool is_of_use(const char *type_instance) {
  return strcmp(type_instance, "millicores") == 0 ||
         strcmp(type_instance, "of_limit") == 0;
}

/* What past lives used can be added to the use. */
static void compare_value(struct run *run, const struct report_value *value) {
  uint64_t name = name_of_value(value);
  long double number = value->type == REPORT_DERIVE
                           ? (long double)value->value.derive
                           : (long double)value->value.gauge;

  if (run->plain) {
    known_values[known_count++] = (struct known_value){
        .name = name, .pass = run->passes, .number = number};
    return;
  }
  for (size_t i = 0; i < known_count; i++) {
    struct known_value *known = &known_values[i];
    if (known->name != name || known->pass != run->passes)
      continue;
    known->used = true;
    REQUIRE(is_of_use(value->type_instance)
                ? number >= known->number * (1 - 1e-9L)
                : fabsl(number - known->number) <= known->number * 1e-9L);
    return;
  }
  /* More are only those of cgroups that are gone. */
  REQUIRE(value->cgroup->removed ||
          !model.nodes[node_of(value->cgroup)].latest.known ||
          strcmp(value->type_instance, "peak_millicores") == 0);
}

/* None is missing. */
static void require_known_values(const struct run *run) {
  for (size_t i = 0; i < known_count; i++)
    REQUIRE(known_values[i].pass != run->passes || known_values[i].used);
}

static void check_counter(const struct run *run, struct model_node *node,
                          const struct report_value *value) {
  REQUIRE(value->value.derive >= 0);
  if (strcmp(value->type_instance, "remainder_usec") == 0) {
    take_remainder(run, node, value->value.derive);
    return;
  }
  require_counter(run, node, value);
  REQUIRE(strcmp(value->type_instance, "cpu_usage_usec") != 0 ||
          may_be_new(run) || node->was_hidden || !node->earlier.known ||
          is_possible(run, node));
}

static void check_gauge(const struct run *run, const struct model_node *node,
                        const struct report_value *value) {
  double gauge = value->value.gauge;

  REQUIRE(isfinite(gauge) && gauge >= 0);
  REQUIRE(value->type == REPORT_GAUGE || gauge <= 100);
  REQUIRE(strstr(value->type_instance, "millicores") == NULL ||
          gauge <= 8192e3 ||
          strcmp(value->type_instance, "limit_millicores") == 0);
  REQUIRE(strcmp(value->type_instance, "limit_level") != 0 ||
          gauge <= (double)node->depth);
  if (strcmp(value->type_instance, "millicores") == 0)
    require_millicores(run, node, gauge);
  if (strcmp(value->type_instance, "remainder_millicores") == 0)
    require_remainder(run, node, gauge);
  if (strcmp(value->type_instance, "peak_millicores") == 0)
    require_peak(run, node, gauge);
}

/* A node that was not read may have been idle: nothing below its parent used
 * anything since both were read. Then its counters are taken to be what they
 * are now. */
static void suppose_idle(const struct run *run, size_t index) {
  struct model_node *node = &model.nodes[index];

  if (node->latest.known || !node->earlier.known ||
      node->parent == MODEL_NONE || run->options.reads_idle)
    return;
  suppose_idle(run, node->parent);
  const struct model_node *parent = &model.nodes[node->parent];
  if (parent->latest.known && parent->earlier.known &&
      parent->latest.usage_usec == parent->earlier.usage_usec &&
      parent->earlier.time_nsec <= node->earlier.time_nsec)
    model_note_reading(node);
}

/* A value about the plugin itself comes after all others. */
static void take_own_value(struct run *run, const struct report_value *value) {
  double gauge = value->value.gauge;
  bool is_of_cgroups = strncmp(value->type_instance, "cgroups_", 8) == 0;

  REQUIRE(run->options.report_self && value->type == REPORT_GAUGE);
  REQUIRE(gauge >= 0 && gauge <= 1e9);
  run->own_count += is_of_cgroups;
  if (strcmp(value->type_instance, "cgroups_read") == 0)
    run->own_read = gauge;
  if (strcmp(value->type_instance, "cgroups_idle") == 0)
    REQUIRE(gauge == 0 || !run->options.reads_idle);
  if (!is_of_cgroups)
    REQUIRE(strcmp(value->type_instance, "pass_usec") == 0 &&
            gauge == (double)(model.now_nsec - run->pass_nsec) / 1e3);
}

static void take_value(void *context, const struct report_value *value) {
  struct run *run = context;

  if (value->cgroup == NULL) {
    take_own_value(run, value);
    return;
  }
  REQUIRE(run->own_count == 0);
  size_t index = node_of(value->cgroup);
  struct model_node *node = &model.nodes[index];

  suppose_idle(run, index);
  require_own_identity(run, value);
  if (was_replaced(node))
    return;
  /* It may not be certain which node a past life had, and which of its samples
   * were those of a leaf. */
  bool is_certain =
      !(value->cgroup->removed && (run->confused || run->options.leaves_only));
  if (is_certain && value->type == REPORT_DERIVE)
    check_counter(run, node, value);
  else if (is_certain)
    check_gauge(run, node, value);
  if (is_comparable(run) && run->options.peak_nsec > 0)
    compare_value(run, value);
  REQUIRE(run->seen_count < VALUES_MAX);
  run->seen[run->seen_count++] =
      (struct seen){index, value->cgroup, value->type_instance,
                    value->type == REPORT_GAUGE ? value->value.gauge : 0};
}

static void take_line(void *context, const char *line) {
  (void)context;
  REQUIRE(*line != '\0' && strchr(line, '\n') == NULL);
}

static bool was_seen(const struct run *run, size_t node,
                     const char *type_instance) {
  for (size_t i = 0; i < run->seen_count; i++)
    if (run->seen[i].node == node &&
        strcmp(run->seen[i].type_instance, type_instance) == 0)
      return true;
  return false;
}

static bool is_selected(const struct run *run, size_t node) {
  char path[PATH_MAX];

  /* A cgroup removed during the pass may have existed when the pass looked, and
   * a past life may have a value. */
  return (model.nodes[node].alive || model.nodes[node].just_removed ||
          (model.nodes[node].lately_removed && run->options.peak_nsec > 0)) &&
         model.nodes[node].depth <= run->options.max_depth &&
         model_path(node, path) &&
         strlen(MODEL_ROOT) + strlen(path) <= PATH_MAX - TREE_FILE_SIZE &&
         selection_matches(&run->options.selection, path);
}

static bool has_selected_below(const struct run *run, size_t above) {
  for (size_t i = above + 1; i < model.count; i++)
    for (size_t up = i; up != MODEL_NONE && is_selected(run, i);
         up = model.nodes[up].parent)
      if (up == above)
        return true;
  return false;
}

/* Returns whether nothing can prevent this cgroup from being known and read. */
static bool must_be_reported(const struct run *run, size_t index) {
  const struct model_node *node = &model.nodes[index];

  return node->alive && is_selected(run, index) && node->error == 0 &&
         node->garbage == NULL && !node->was_hidden &&
         node->usage_usec <= INT64_MAX && is_possible(run, node) &&
         node->passes >= (run->confused || run->blind ? 2U
                          : run->shaken               ? 1U
                                                      : 0U) &&
         !(run->options.leaves_only && has_selected_below(run, index));
}

static void require_complete(struct run *run) {
  bool was_crowded = run->crowded;

  /* Removed cgroups may still take up room. */
  run->crowded = living() + model.gone > run->options.max_cgroups;
  run->diverged |= run->crowded;
  model.gone = 0;
  /* A tree this small is searched in every pass, with or without events. Those
   * are waited for, for one pass. */
  if (was_crowded || run->crowded || (run->blind && living() > 64))
    return;
  for (size_t i = 0; i < model.count; i++) {
    const struct model_node *node = &model.nodes[i];
    if (!must_be_reported(run, i))
      continue;
    REQUIRE(was_seen(run, i, "cpu_usage_usec"));
    if (!run->confused && node->earlier.known && !node->earlier.garbage &&
        !node->lost_room && node->latest.usage_usec >= node->earlier.usage_usec)
      REQUIRE(was_seen(run, i, "millicores"));
  }
}

/* With LeavesOnly, all values together are the use of the root: each
 * microsecond is in one of them. This holds for whatever was created and
 * removed meanwhile, and whether there was room for it or not. */
static void require_complete_books(const struct run *run) {
  size_t root = model_child(MODEL_NONE, "");
  long double sum = 0;

  if (!run->options.leaves_only || run->odd || run->shaken ||
      root == MODEL_NONE || !model.nodes[root].earlier.known ||
      !model.nodes[root].latest.known || !is_selected(run, root))
    return;
  for (size_t i = 0; i < run->seen_count; i++)
    if (strcmp(run->seen[i].type_instance, "millicores") == 0 ||
        strcmp(run->seen[i].type_instance, "remainder_millicores") == 0)
      sum += run->seen[i].gauge;
  REQUIRE(fabsl(sum - used(run, &model.nodes[root])) <= 1e-3L + sum * 1e-6L);
}

static void require_descriptors(const struct run *run) {
  size_t files = 0;

  for (size_t i = 0; i < MODEL_FDS; i++)
    files += model.fds[i].used && model.fds[i].kind == MODEL_FILE;
  REQUIRE(files <= run->options.keep_open);
  /* In addition, inotify and the root are open. In v1 two controllers have a
   * root. */
  REQUIRE(model.open <= files + (model.version == CGROUP_VERSION_1 ? 3 : 2));
}

/* This holds whatever happened to the tree meanwhile. */
static void require_bounded_work(const struct run *run, size_t nodes) {
  size_t listed = 0;

  for (size_t i = 0; i < model.count; i++) {
    REQUIRE(model.nodes[i].listed <= 1);
    listed += model.nodes[i].listed;
  }
  REQUIRE(listed <= run->options.max_cgroups + DISCOVERY_SMALL);
  REQUIRE(model.calls <= CALLS_PER_PASS + CALLS_PER_NODE * nodes);
}

static void change(struct run *run, char *line);

/* Makes the changes that are due at this call of the pass. */
static void on_call(void *context) {
  struct run *run = context;

  for (size_t i = 0; i < run->during_count; i++) {
    char *line = run->during[i].line;
    if (line == NULL || run->during[i].calls > model.calls)
      continue;
    run->during[i].line = NULL;
    run->shaken = true;
    change(run, line);
  }
}

static void prepare_pass(struct run *run, uint64_t nsec) {
  run->before_nsec = run->passes > 1 ? run->pass_nsec : 0;
  model.now_nsec += nsec;
  run->pass_nsec = run->searched_nsec = model.now_nsec;
  model.calls = 0;
  run->seen_count = 0;
  run->own_count = 0;
  run->shaken = false;
  for (size_t i = 0; i < model.count; i++) {
    model.nodes[i].latest.known = false;
    model.nodes[i].lately_removed = model.nodes[i].just_removed;
    model.nodes[i].just_removed = false;
    model.nodes[i].listed = 0;
  }
}

static void pass(struct run *run, uint64_t nsec) {
  struct report_sink sink = {
      .context = run, .value = take_value, .sample = take_line};
  struct collector_pass result;

  if (run->passes++ == PASSES_MAX)
    return;
  prepare_pass(run, nsec);
  size_t before = living();
  size_t count = model.count;
  model.active = true;
  collector_run(run->collector, &sink, &result);
  collector_check(run->collector);
  model.active = false;
  run->during_count = 0;

  size_t nodes = before + model.count - count;
  require_bounded_work(run, nodes);
  REQUIRE(result.read <= nodes);
  REQUIRE(result.read <= run->options.max_cgroups);
  REQUIRE((result.failed > 0) == (result.failure.error < 0));
  REQUIRE(run->own_count == (run->options.report_self ? 4 : 0));
  REQUIRE(!run->options.report_self || run->own_read == (double)result.read);
  require_descriptors(run);
  require_complete(run);
  require_complete_books(run);
  if (is_comparable(run) && !run->plain)
    require_known_values(run);
  for (size_t i = 0; i < model.count; i++) {
    if (model.nodes[i].alive)
      suppose_idle(run, i);
    if (model.nodes[i].latest.known)
      model.nodes[i].earlier = model.nodes[i].latest;
    model.nodes[i].peak = model.nodes[i].most = -1;
    model.nodes[i].lost_room = !model.nodes[i].latest.known &&
                               (model.nodes[i].lost_room ||
                                (run->crowded && must_be_reported(run, i)));
    /* One that counts as new begins again. */
    if (may_be_new(run) || model.nodes[i].was_hidden)
      model.nodes[i].has_remainder = false;
    /* For a reader that gets this error, the cgroup has ended. */
    if (model.nodes[i].error == ENOENT)
      model.nodes[i].earlier.known = false;
    model.nodes[i].passes++;
  }
}

/* What the file had at this time, after the sample before it. */
static void note_sample(struct run *run, struct model_node *node,
                        uint64_t searched_nsec) {
  struct model_reading now = node->latest;
  struct model_reading *before = &node->sampled;
  uint64_t least = run->options.peak_nsec / 4 * 3;

  if (!now.known)
    return;
  if (!before->known && node->born_nsec >= searched_nsec)
    node->most = (long double)now.usage_usec * 1e6L /
                 (long double)(now.time_nsec - searched_nsec);
  if (before->known && now.time_nsec - before->time_nsec < least)
    return;
  if (before->known && now.usage_usec >= before->usage_usec) {
    long double use = (long double)(now.usage_usec - before->usage_usec) *
                      1e6L / (long double)(now.time_nsec - before->time_nsec);
    if (use <= 8192e3L && use > node->peak)
      node->peak = use;
    if (use <= 8192e3L && use > node->most)
      node->most = use;
  }
  *before = now;
}

/* Only what is new needs more memory, and nothing is reported. */
static void sample(struct run *run, uint64_t nsec) {
  struct report_sink sink = {.context = run, .sample = take_line};
  uint64_t searched_nsec = run->searched_nsec;

  model.now_nsec += nsec;
  if (run->options.peak_nsec == 0 || run->plain || run->passes == 0)
    return;
  model.calls = 0;
  for (size_t i = 0; i < model.count; i++) {
    model.nodes[i].latest.known = false;
    model.nodes[i].listed = 0;
  }
  model.active = true;
  collector_sample(run->collector, &sink);
  collector_check(run->collector);
  model.active = false;
  run->searched_nsec = model.now_nsec;
  require_bounded_work(run, living());
  require_descriptors(run);
  for (size_t i = 0; i < model.count; i++)
    note_sample(run, &model.nodes[i], searched_nsec);
}

/* The last component gets the inode of the dead node `heir_of`, if there is
 * one. */
static void make_path(struct run *run, char *path, size_t heir_of) {
  size_t node = model_child(MODEL_NONE, "");

  if (node == MODEL_NONE)
    node = model_make(MODEL_NONE, "", ++model.inodes);
  for (char *rest = path; rest != NULL && node != MODEL_NONE;) {
    const char *name = strsep(&rest, "/");
    uint64_t inode = model.inodes + 1;

    if (*name == '\0' || strlen(name) > NAME_MAX || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0 || model_file(name) != NULL ||
        strcmp(name, "cgroup.procs") == 0)
      continue;
    size_t child = model_child(node, name);
    if (child == MODEL_NONE) {
      if (rest == NULL && heir_of != MODEL_NONE) {
        inode = model.nodes[heir_of].inode;
        run->confused = true;
      } else {
        model.inodes++;
      }
      child = model_make(node, name, inode);
    }
    node = child;
  }
}

/* Returns a dead node whose inode is free and that had another path. With the
 * same path and inode, nobody could distinguish a recreated cgroup from
 * the dead one. */
static size_t choose_heritage(uint8_t choice, const char *path) {
  char dead_path[PATH_MAX];

  for (size_t i = 0; i < model.count; i++) {
    size_t dead = (choice + i) % model.count;
    bool taken = model.nodes[dead].alive || model.nodes[dead].depth == 0;
    for (size_t j = 0; j < model.count; j++)
      taken = taken ||
              (j != dead && model.nodes[j].inode == model.nodes[dead].inode);
    if (!taken && model_path(dead, dead_path) && strcmp(dead_path, path) != 0)
      return dead;
  }
  return MODEL_NONE;
}

/* Returns a living node other than the root, or else the root. */
static size_t choose(uint8_t choice) {
  for (size_t i = 0; i < model.count; i++) {
    size_t node = (choice + i) % model.count;
    if (model.nodes[node].alive && model.nodes[node].depth > 0)
      return node;
  }
  return model_child(MODEL_NONE, "");
}

static uint64_t amount(const char *text) {
  uint64_t number = strtoull(text, NULL, 10);

  /* v1 counts in nanoseconds. */
  return model.version == CGROUP_VERSION_1 ? number % (UINT64_MAX / 1000 - 1)
                                           : number;
}

static void rename_node(struct run *run, size_t node, const char *name) {
  if (*name == '\0' || strlen(name) > NAME_MAX || strchr(name, '/') != NULL ||
      *name == '.' || model.nodes[node].depth == 0 ||
      model_child(model.nodes[node].parent, name) != MODEL_NONE)
    return;
  model_rename(node, name);
  run->confused = true;
}

/* Descendants of a cgroup that cannot be listed may be missing. */
static void hide(size_t node) {
  for (size_t i = 0; i < model.count; i++)
    for (size_t up = i; up != MODEL_NONE; up = model.nodes[up].parent)
      if (up == node)
        model.nodes[i].was_hidden = true;
}

static void set_state(struct model_node *node, const char *state) {
  node->error = 0;
  node->garbage = NULL;
  node->denied = *state == 'd';
  node->mounted = *state == 'm' && node->depth > 0;
  if (node->denied || node->mounted)
    hide((size_t)(node - model.nodes));
  if (*state == 'a')
    node->error = EACCES;
  else if (*state == 'i')
    node->error = EIO;
  else if (*state == 'n')
    node->error = ENOENT;
  else if (*state == 'g')
    node->garbage = state + 1;
}

static void set_kernel(struct run *run, char what) {
  if (what == 'w')
    model.no_watches = !model.no_watches;
  else if (what == 'l')
    model.lose_events = run->blind = true;
  else if (what == 'o')
    model.overflow = true;
}

/* The second character is the number of calls before the change. */
static void plan(struct run *run, char *line) {
  if (run->during_count < DURING_MAX && line[1] != '\0' &&
      strchr("/-!%", line[2]) != NULL)
    run->during[run->during_count++] =
        (struct during){.calls = (unsigned char)line[1], .line = line + 2};
}

/* Changes the node that the second character chooses, or everything. */
static void change(struct run *run, char *line) {
  size_t node = choose(line[0] != '\0' ? (uint8_t)line[1] : 0);
  char *rest = line[0] != '\0' && line[1] != '\0' ? line + 2 : line;

  run->odd |= line[0] != '\0' && strchr("=+!@", line[0]) != NULL;
  run->garbled |= line[0] == '!';
  run->diverged |= line[0] == '@' || line[0] == '%';
  if (line[0] == '@')
    plan(run, line);
  else if (line[0] == '/')
    make_path(run, line, MODEL_NONE);
  else if (line[0] == '~' && *rest == '/')
    make_path(run, rest, choose_heritage((uint8_t)line[1], rest));
  else if (line[0] == '.')
    pass(run, NSEC_PER_SEC + amount(line + 1) % (3600 * NSEC_PER_SEC));
  else if (line[0] == ',')
    sample(run, NSEC_PER_SEC / 10 + amount(line + 1) % NSEC_PER_SEC);
  else if (line[0] == '%')
    set_kernel(run, line[1]);
  else if (node == MODEL_NONE)
    return;
  else if (line[0] == '-')
    model_remove(line[1] != '^' ? node : model_child(MODEL_NONE, ""));
  else if (line[0] == '&')
    model_use(node, amount(rest) % (UINT64_C(1) << 32));
  else if (line[0] == '=')
    model.nodes[node].usage_usec = amount(rest);
  else if (line[0] == '+')
    model.nodes[node].usage_usec =
        (model.nodes[node].usage_usec + amount(rest)) % (UINT64_MAX / 1000 - 1);
  else if (line[0] == '!')
    set_state(&model.nodes[node], rest);
  else if (line[0] == '>')
    rename_node(run, node, rest);
}

/* Returns whether counters that cannot be read, or are not what the kernel's
 * are, or lost events lead to values that idle cgroups do not have. */
static bool needs_all_read(const char *line) {
  if (line[0] == '@' && line[1] != '\0')
    line += 2;
  return line[0] == '=' || line[0] == '+' || strncmp(line, "%l", 2) == 0 ||
         (line[0] == '!' && line[1] != '\0' && line[2] != '\0' &&
          strchr("ng", line[2]) != NULL);
}

/* "?" is a pattern. "*" is followed by flags and limits, one character each. */
static void configure(struct run *run, struct hierarchy *hierarchy,
                      const char *line) {
  struct options *options = &run->options;

  options->reads_idle |= needs_all_read(line);
  if (line[0] == '?' && !fuzz_is_costly(line + 1))
    (void)selection_add(&options->selection, line + 1);
  if (line[0] != '*' || strlen(line) < 6)
    return;
  hierarchy->version = (line[1] & 1) != 0 ? CGROUP_VERSION_1 : CGROUP_VERSION_2;
  hierarchy->native = (line[1] & 2) != 0;
  options->leaves_only = (line[1] & 4) != 0;
  options->instance_format =
      (line[1] & 8) != 0 ? INSTANCE_FORMAT_LEAF : INSTANCE_FORMAT_PATH;
  options->selection.ignore_selected = (line[1] & 16) != 0;
  options->report_self = (line[1] & 64) != 0;
  options->peak_nsec = (line[1] & 32) != 0 ? NSEC_PER_SEC / 10 : 0;
  options->groups = VALUE_GROUP_CORE | ((unsigned char)line[2] & 31);
  model.no_links = (line[3] & 1) != 0;
  model.no_types = (line[3] & 2) != 0;
  model.no_openat2 = (line[3] & 4) != 0;
  model.strange_inodes = (line[3] & 64) != 0 && !hierarchy->native;
  options->keep_open = (line[3] & 8) != 0 ? (unsigned char)line[4] % 16 : 800;
  options->max_cgroups =
      (line[3] & 16) != 0 ? (unsigned char)line[5] % 16 + 1U : 10000;
  options->max_depth =
      (line[3] & 32) != 0 ? (unsigned char)line[4] / 16U : UINT_MAX;
}

static void start(struct run *run, struct hierarchy *hierarchy) {
  hierarchy->path = strdup(MODEL_ROOT);
  if (hierarchy->version == CGROUP_VERSION_1)
    hierarchy->controllers[CGROUP_CPU].path = strdup(MODEL_ROOT);
  model.version = hierarchy->version;
  model.active = true;
  REQUIRE(collector_new(hierarchy, &run->options, &run->collector) == 0);
  model.active = false;
}

/* Runs the whole input once. */
static void live(const uint8_t *data, size_t size, bool plain) {
  static struct run run;
  struct hierarchy hierarchy = {.version = CGROUP_VERSION_2, .native = true};
  CLEANUP_FREE char *settings = fuzz_string(data, size);
  CLEANUP_FREE char *changes = fuzz_string(data, size);

  memset(&run, 0, offsetof(struct run, seen));
  run.options = (struct options)OPTIONS_DEFAULT;
  run.plain = plain;
  model_reset();
  for (char *rest = settings; rest != NULL;)
    configure(&run, &hierarchy, strsep(&rest, "\n"));
  start(&run, &hierarchy);
  model.on_call = on_call;
  model.context = &run;
  for (char *rest = changes; rest != NULL;)
    change(&run, strsep(&rest, "\n"));
  pass(&run, NSEC_PER_SEC);
  pass(&run, NSEC_PER_SEC);

  model.active = true;
  collector_free(run.collector);
  model.active = false;
  REQUIRE(model.open == 0);
  options_release(&run.options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  known_count = 0;
  live(data, size, true);
  live(data, size, false);
  return 0;
}
