/* SPDX-License-Identifier: MIT */
#include "read/cgroup_limits.h"

#include <errno.h>
#include <string.h>

#include "util/errors.h"
#include "util/units.h"
#include "values/line.h"

/* The kernel returns the list of processes one page at a time, in whole lines.
 * A text shorter than a page is the complete list. */
#define PROCESSES_SIZE 4096
#define PROCESSES_WHOLE (PROCESSES_SIZE - 16)
#define PROCESSES_FILE "cgroup.procs"
/* Passes in which all cpusets are read after the machine's CPUs changed: the
 * kernel updates cpusets some time later. */
#define SETTLING 2

void cgroup_limits_open(struct cgroup_limits *limits, struct sampler *sampler,
                        const bool separate[CGROUP_CONTROLLER_COUNT],
                        const char *directory) {
  *limits = (struct cgroup_limits){.sampler = sampler};
  memcpy(limits->separate, separate, sizeof(limits->separate));
  limits->file_count = limit_files(sampler->versions, limits->files);
  machine_cpus_open(&limits->machine, directory);
}

void cgroup_limits_close(struct cgroup_limits *limits) {
  machine_cpus_close(&limits->machine);
  cpu_set_release(&limits->root_cpus);
}

void cgroup_limits_forget(struct cgroup *cgroup) {
  if (cgroup->details == NULL)
    return;
  cpu_set_release(&cgroup->details->limit.cpus);
  cpu_set_release(&cgroup->details->limit.partitions);
}

static bool is_wanted(const struct cgroup *cgroup) {
  return cgroup->selected || cgroup->selected_below;
}

static void note_failure(struct cgroup_limits *limits,
                         const struct cgroup *cgroup,
                         enum cgroup_controller controller, const char *file,
                         int status) {
  sampler_note_failure(limits->sampler, cgroup, controller, file, status,
                       &limits->failure);
}

/* Called after each cgroup, to count cgroups and not files. Returns 1 if a file
 * of the cgroup could not be read. */
static size_t take_failure(struct cgroup_limits *limits,
                           struct failure *failure) {
  bool failed = limits->failure.error < 0;

  failure_merge(failure, &limits->failure);
  limits->failure.error = 0;
  return failed;
}

/* A text that is not a CPU list counts as no cpuset. Returns 0 or -ENOMEM. */
static int take_cpus(struct cgroup_limits *limits,
                     struct cgroup_details *details, size_t length) {
  struct cpu_set cpus = {0};
  int status = cpu_set_parse(limits->text, length, &cpus);

  if (status == -ENOMEM)
    return status;
  cpu_set_release(&details->limit.cpus);
  details->limit.cpus = cpus;
  details->limit.has_cpus = status == 0;
  details->limit.cpus_read = true;
  if (details->limit.has_cpus)
    limits->sampler->seen_parts |= CPU_LIMIT_CPUS;
  return 0;
}

/* Reads one file. Returns 0, -ENOENT if it does not exist, or another negative
 * errno. If it does not exist, its value is reset. */
static int read_limit_file(struct cgroup_limits *limits, struct cgroup *cgroup,
                           const struct limit_file *file) {
  struct sampler *sampler = limits->sampler;
  struct cgroup_details *details = cgroup->details;
  ssize_t length =
      sampler_read_text(sampler, cgroup, file->controller, file->name,
                        limits->text, sizeof(limits->text));
  int status = length < 0 ? (int)length : 0;
  size_t size = length < 0 ? 0 : (size_t)length;

  if (sampler_is_missing(status))
    status = -ENOENT;
  if (file->part == CPU_LIMIT_CPUS) {
    /* After a read error the CPUs stay as they were, because the limits of
     * other cgroups depend on them. */
    if (status == 0 || status == -ENOENT)
      status = take_cpus(limits, details, size) < 0 ? -ENOMEM : status;
  } else if (file->parse(limits->text, size, &details->limit.own) == 0) {
    sampler->seen_parts |= file->part;
  }
  if (status < 0 && status != -ENOENT)
    note_failure(limits, cgroup, file->controller, file->name, status);
  return status;
}

/* `parts` is a mask of enum cpu_limit_part. */
static void read_limit_files(struct cgroup_limits *limits,
                             struct cgroup *cgroup, unsigned parts) {
  struct cgroup_details *details = cgroup->details;
  int before = 0;

  details->limit.fresh |= parts;
  for (size_t i = 0; i < limits->file_count; i++) {
    const struct limit_file *file = limits->files[i];

    if ((file->part & parts) == 0 || (file->fallback && before != -ENOENT))
      continue;
    before = read_limit_file(limits, cgroup, file);
    if (file->part == CPU_LIMIT_QUOTA)
      details->limit.has_quota = before == 0;
    if (before < 0 && before != -ENOENT) {
      details->limit.is_read = false;
      if (file->part == CPU_LIMIT_WEIGHT)
        details->limit.own.weight_known = false;
    }
  }
}

static struct cgroup_details *above(const struct cgroup *cgroup) {
  return cgroup->parent != NULL ? cgroup->parent->details : NULL;
}

/* If a cgroup has fewer CPUs than the machine, partitions below it may have the
 * others. These can also be cgroups that are not wanted. */
static bool may_have_partitions(const struct cgroup_limits *limits,
                                const struct cgroup_details *details) {
  return limits->sampler->versions[CGROUP_CPUSET] == CGROUP_VERSION_2 &&
         limits->machine.known && details != NULL && details->limit.has_cpus &&
         !cpu_set_contains(&details->limit.cpus, &limits->machine.set);
}

/* Returns whether cgroups may exist that are not in the tree. */
static bool has_unseen(struct cgroup *const *order, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (order[i]->discovery.closed || order[i]->discovery.left_out > 0 ||
        order[i]->discovery.error < 0)
      return true;
  return order[0]->first_child == NULL;
}

/* Every CPU belongs to the root of the hierarchy or to one of its partitions.
 * So the root of the hierarchy has all CPUs of the machine, even if its
 * partitions are not in the tree. It is recognized by its missing cpuset.cpus,
 * which every other cgroup has. */
static void complete_root(struct cgroup_limits *limits,
                          struct cgroup *const *order, size_t count) {
  struct cgroup_details *details = order[0]->details;

  if (details == NULL || (details->limit.fresh & CPU_LIMIT_CPUS) == 0 ||
      !may_have_partitions(limits, details) || !has_unseen(order, count))
    return;
  ssize_t length =
      sampler_read_text(limits->sampler, order[0], CGROUP_CPUSET, "cpuset.cpus",
                        limits->text, sizeof(limits->text));
  int status = length < 0 ? (int)length : 0;
  if (sampler_is_missing(status))
    status = cpu_set_add(&details->limit.cpus, &limits->machine.set);
  if (status < 0) {
    details->limit.is_read = false;
    note_failure(limits, order[0], CGROUP_CPUSET, "cpuset.cpus", status);
  }
}

static void read_limits(struct cgroup_limits *limits, struct cgroup *cgroup,
                        bool sampled) {
  bool wanted = is_wanted(cgroup);
  struct cgroup_details *parent = above(cgroup);

  if (!wanted && !may_have_partitions(limits, parent))
    return;
  struct cgroup_details *details = sampler_details(cgroup);
  if (details == NULL) {
    note_failure(limits, cgroup, CGROUP_CPUACCT,
                 sampler_core_file(limits->sampler), -ENOMEM);
    return;
  }
  if (details->limit.partitions.words > 0)
    cpu_set_release(&details->limit.partitions);
  details->limit.cpus_above = parent == NULL || parent->limit.has_cpus
                                  ? parent
                                  : parent->limit.cpus_above;
  details->limit.fresh = 0;
  if (cgroup->discovery.doubted) {
    details->limit.is_read = details->limit.partitions_known = false;
    return;
  }
  /* A directory that cannot be listed may contain partitions. */
  details->limit.partitions_known = cgroup->discovery.error == 0;
  if (!details->limit.is_read || limits->settling > 0 ||
      sampler_has_turn(limits->sampler, cgroup)) {
    details->limit.is_read = true;
    read_limit_files(limits, cgroup, wanted ? CPU_LIMIT_ALL : CPU_LIMIT_CPUS);
  } else if (wanted && !sampled) {
    read_limit_files(limits, cgroup, CPU_LIMIT_QUOTA);
  }
}

/* If the CPUs of a cgroup are not known, the partitions below its ancestors are
 * not known either. */
static void pass_up_ignorance(const struct cgroup_limits *limits,
                              const struct cgroup *cgroup) {
  const struct cgroup_details *details = cgroup->details;
  struct cgroup_details *parent = above(cgroup);

  if (parent != NULL &&
      (details != NULL
           ? !details->limit.cpus_read || !details->limit.partitions_known
           : is_wanted(cgroup) || may_have_partitions(limits, parent)))
    parent->limit.partitions_known = false;
}

/* A cgroup with a CPU that its ancestor does not have is a partition: the CPU
 * was taken from the ancestor. The CPUs of its own partitions are added as
 * well. */
static void add_partition(struct cgroup_limits *limits,
                          const struct cgroup *cgroup) {
  const struct cgroup_details *details = cgroup->details;
  struct cgroup_details *up =
      details != NULL ? details->limit.cpus_above : NULL;

  if (up == NULL || !details->limit.has_cpus ||
      (cpu_set_contains(&up->limit.cpus, &details->limit.cpus) &&
       cpu_set_contains(&up->limit.cpus, &details->limit.partitions)))
    return;
  if (cpu_set_add(&up->limit.partitions, &details->limit.cpus) < 0 ||
      cpu_set_add(&up->limit.partitions, &details->limit.partitions) < 0) {
    up->limit.is_read = false;
    note_failure(limits, cgroup, CGROUP_CPUSET, "cpuset.cpus.effective",
                 -ENOMEM);
  }
}

/* Returns the cgroup whose cpuset applies to `details`, or NULL. A cpuset of v1
 * is empty until it is configured, and it cannot have processes before. */
static const struct cgroup_details *
cpus_of(const struct cgroup_details *details) {
  const struct cgroup_details *at =
      details->limit.has_cpus ? details : details->limit.cpus_above;

  while (at != NULL && cpu_set_count(&at->limit.cpus, NULL, NULL) == 0 &&
         (at != details || at->limit.partitions.words == 0))
    at = at->limit.cpus_above;
  return at;
}

/* Returns NULL if they are not known. */
static const struct cpu_set *machine_cpus(const struct cgroup_limits *limits) {
  if (limits->machine.known)
    return &limits->machine.set;
  return limits->root_cpus.words > 0 ? &limits->root_cpus : NULL;
}

/* No cgroup has more CPUs than the root and its partitions together. */
static void take_root_cpus(struct cgroup_limits *limits,
                           const struct cgroup *root) {
  const struct cgroup_details *details = root->details;

  if (limits->root_cpus.words > 0)
    cpu_set_release(&limits->root_cpus);
  if (limits->machine.known || limits->machine_error < 0 || details == NULL ||
      !details->limit.has_cpus)
    return;
  if (cpu_set_add(&limits->root_cpus, &details->limit.cpus) < 0 ||
      cpu_set_add(&limits->root_cpus, &details->limit.partitions) < 0)
    limits->machine_error = -ENOMEM;
}

/* Returns how many CPUs `details` may use; 0: no limit. */
static unsigned cpus_fewer(const struct cgroup_limits *limits,
                           const struct cgroup_details *details) {
  const struct cpu_set *machine = machine_cpus(limits);
  const struct cgroup_details *at = cpus_of(details);

  if (at == NULL)
    return 0;
  unsigned count = cpu_set_count(
      &at->limit.cpus, at == details ? &at->limit.partitions : NULL, machine);
  return machine != NULL && count == cpu_set_count(machine, NULL, NULL) ? 0
                                                                        : count;
}

/* Copies the number of the first process in a list, as text. Returns its
 * length, or 0. Processes of other PID namespaces are listed as 0. */
static size_t first_process(const char *text, size_t length,
                            char process[PROCESSES_SIZE]) {
  const char *line;

  while (length > 0) {
    size_t line_length = line_take(&text, &length, &line);
    if (line_length > 0 && line[0] != '0') {
      memcpy(process, line, line_length);
      return line_length;
    }
  }
  return 0;
}

static bool lists_process(const char *text, size_t length, const char *process,
                          size_t process_length) {
  const char *line;

  while (length > 0) {
    size_t line_length = line_take(&text, &length, &line);
    if (line_length == process_length &&
        memcmp(line, process, process_length) == 0)
      return true;
  }
  return false;
}

/* Reads the list of processes. Returns its length; -ENODATA if there is no
 * list, as in threaded cgroups of v2; or another negative errno, which may be
 * temporary. */
static ssize_t read_processes(struct cgroup_limits *limits,
                              const struct cgroup *cgroup,
                              enum cgroup_controller controller) {
  ssize_t length =
      sampler_read_text(limits->sampler, cgroup, controller, PROCESSES_FILE,
                        limits->text, PROCESSES_SIZE);

  if (length >= 0)
    return length;
  if (sampler_is_missing((int)length))
    return -ENODATA;
  note_failure(limits, cgroup, controller, PROCESSES_FILE, (int)length);
  return length;
}

/* Returns 1 if the processes of `cgroup` are in `place` in the controller's
 * hierarchy, 0 if its first process is not, -ENODATA if this cannot be known,
 * or another negative errno. */
static int is_place_of(struct cgroup_limits *limits, struct cgroup *cgroup,
                       struct cgroup *place,
                       enum cgroup_controller controller) {
  char process[PROCESSES_SIZE];
  ssize_t length = read_processes(limits, cgroup, CGROUP_CPUACCT);

  if (length < 0)
    return (int)length;
  size_t size = first_process(limits->text, (size_t)length, process);
  if (size == 0)
    return -ENODATA;
  length = read_processes(limits, place, controller);
  if (length < 0)
    return (int)length;
  if (lists_process(limits->text, (size_t)length, process, size))
    return 1;
  if (length > PROCESSES_WHOLE)
    return -ENODATA;
  /* The process may have ended or moved since the first list was read. */
  length = read_processes(limits, cgroup, CGROUP_CPUACCT);
  if (length < 0)
    return (int)length;
  return lists_process(limits->text, (size_t)length, process, size) ? 0
                                                                    : -ENODATA;
}

/* Returns the nearest cgroup that sets such a limit: `cgroup` or an
 * ancestor. */
static struct cgroup *limiting_cgroup(struct cgroup *cgroup,
                                      enum cgroup_controller controller) {
  const struct cgroup_details *cpus =
      controller == CGROUP_CPUSET ? cpus_of(cgroup->details) : NULL;

  while (cgroup != NULL && cgroup->details != NULL &&
         (controller == CGROUP_CPUSET ? cgroup->details != cpus
                                      : !cgroup->details->limit.has_quota))
    cgroup = cgroup->parent;
  return cgroup;
}

/* Checks whether a limit applies to the processes of `cgroup`: in a separate
 * hierarchy they may be in a cgroup with another path. */
static void find_processes(struct cgroup_limits *limits, struct cgroup *cgroup,
                           enum cgroup_controller controller, bool limited) {
  struct cgroup_details *details = cgroup->details;
  unsigned bit = 1U << controller;

  if (!limits->separate[controller])
    return;
  struct cgroup *place = limited ? limiting_cgroup(cgroup, controller) : NULL;
  int status = place != NULL && place->details != NULL
                   ? is_place_of(limits, cgroup, place, controller)
                   : -ENODATA;
  details->limit.found &= (uint8_t)~bit;
  details->limit.elsewhere &= (uint8_t)~bit;
  if (status == 1)
    details->limit.found |= (uint8_t)bit;
  else if (status == 0)
    details->limit.elsewhere |= (uint8_t)bit;
  else if (status != -ENODATA)
    details->limit.is_read = false;
}

/* Returns whether the CPUs of the cgroup and of its partitions are known. */
static bool knows_cpus(const struct cgroup_limits *limits,
                       const struct cgroup_details *details) {
  return (details->limit.partitions_known && limits->complete) ||
         !may_have_partitions(limits, details);
}

/* The nearest of several equal quotas counts. */
static void nest_quota(struct cgroup *cgroup) {
  const struct cgroup_details *parent = above(cgroup);
  struct cgroup_limit *limit = &cgroup->details->limit;
  double own = cpu_limit_quota_millicores(&limit->own);
  double inherited = parent != NULL ? parent->limit.quota_millicores : 0;
  bool is_own = own > 0 && (inherited <= 0 || own <= inherited);

  limit->quota_millicores = is_own ? own : inherited;
  limit->quota_level =
      is_own || parent == NULL ? 0 : parent->limit.quota_level + 1;
}

/* The kernel shows the CPUs of the parent in a cgroup that has none of its own,
 * so they are set where they first are so few. No cgroup has CPUs that those
 * above and their partitions do not have: equally many are the same. */
static void nest_cpus(const struct cgroup_limits *limits,
                      struct cgroup *cgroup) {
  const struct cgroup_details *parent = above(cgroup);
  struct cgroup_limit *limit = &cgroup->details->limit;

  limit->cpus_fewer = cpus_fewer(limits, cgroup->details);
  limit->cpus_level = 0;
  if (parent == NULL || parent->limit.cpus_fewer != limit->cpus_fewer)
    return;
  limit->cpus_level = parent->limit.cpus_level != CGROUP_LEVEL_NONE &&
                              knows_cpus(limits, parent)
                          ? parent->limit.cpus_level + 1
                          : CGROUP_LEVEL_NONE;
}

static void combine(struct cgroup_limits *limits, struct cgroup *cgroup) {
  struct cgroup_details *details = cgroup->details;
  const struct cgroup_details *parent = above(cgroup);

  nest_quota(cgroup);
  if (details->limit.fresh == CPU_LIMIT_ALL) {
    find_processes(limits, cgroup, CGROUP_CPU,
                   details->limit.quota_millicores > 0);
    find_processes(limits, cgroup, CGROUP_CPUSET,
                   cpus_fewer(limits, details) > 0);
  }
  /* A cgroup without a result of its own takes that of its parent. */
  if (parent != NULL)
    details->limit.elsewhere |=
        parent->limit.elsewhere & (uint8_t)~details->limit.found;
  details->limit.elsewhere_below = 0;
}

static void update_machine(struct cgroup_limits *limits) {
  int status = machine_cpus_update(&limits->machine,
                                   limits->sampler->pass % SAMPLER_ROUND == 0);

  limits->machine_error = status < 0 ? status : 0;
  if (status > 0)
    limits->settling = SETTLING;
  else if (limits->settling > 0)
    limits->settling--;
}

/* Children come before parents, because partitions are passed up. */
static size_t pass_up(struct cgroup_limits *limits, struct cgroup *const *order,
                      size_t count, struct failure *failure) {
  size_t failed = 0;

  while (count-- > 0) {
    pass_up_ignorance(limits, order[count]);
    add_partition(limits, order[count]);
    failed += take_failure(limits, failure);
  }
  take_root_cpus(limits, order[0]);
  return failed;
}

static void pass_up_places(struct cgroup *const *order, size_t count) {
  while (count-- > 0) {
    const struct cgroup_details *details = order[count]->details;
    struct cgroup_details *parent = above(order[count]);

    if (is_wanted(order[count]) && details != NULL && parent != NULL)
      parent->limit.elsewhere_below |=
          details->limit.elsewhere | details->limit.elsewhere_below;
  }
}

size_t cgroup_limits_begin(struct cgroup_limits *limits,
                           struct cgroup *const *order, size_t count,
                           bool complete, cgroup_limits_is_sampled is_sampled,
                           const void *context, struct failure *failure) {
  size_t failed = 0;

  limits->failure.error = 0;
  limits->complete |= complete;
  update_machine(limits);
  for (size_t i = 0; i < count; i++) {
    read_limits(limits, order[i], is_sampled(context, order[i]));
    failed += take_failure(limits, failure);
  }
  complete_root(limits, order, count);
  failed += take_failure(limits, failure);
  failed += pass_up(limits, order, count, failure);
  for (size_t i = 0; i < count; i++)
    if (is_wanted(order[i]) && order[i]->details != NULL) {
      combine(limits, order[i]);
      failed += take_failure(limits, failure);
    }
  pass_up_places(order, count);
  if (limits->machine_error < 0) {
    failure_note(failure, limits->machine_error, "%s",
                 limits->machine.directory);
    failed++;
  }
  return failed;
}

/* Takes another limit if it is smaller, or the same and set nearer. */
static void take_smaller(struct cgroup_limit *limit, double millicores,
                         int64_t level) {
  bool is_nearer = limit->millicores >= millicores &&
                   level != CGROUP_LEVEL_NONE && level < limit->level;

  if (millicores > 0 &&
      (limit->millicores <= 0 || millicores < limit->millicores || is_nearer)) {
    limit->millicores = millicores;
    limit->level = level;
  }
}

static void combine_limits(const struct cgroup_limits *limits,
                           struct cgroup_limit *limit) {
  const struct cpu_set *machine = machine_cpus(limits);
  unsigned elsewhere = limit->elsewhere | limit->elsewhere_below;

  if ((elsewhere & (1U << CGROUP_CPU)) == 0)
    take_smaller(limit, limit->quota_millicores, limit->quota_level);
  if ((elsewhere & (1U << CGROUP_CPUSET)) == 0)
    take_smaller(limit, (double)limit->cpus_fewer * MILLICORES_PER_CPU,
                 limit->cpus_level);
  if (machine == NULL || limit->millicores <= 0)
    return;
  double most = (double)cpu_set_count(machine, NULL, NULL) * MILLICORES_PER_CPU;
  if (limit->millicores > most)
    take_smaller(limit, most, CGROUP_LEVEL_NONE);
}

static void set_effective_limit(const struct cgroup_limits *limits,
                                struct cgroup *cgroup) {
  struct cgroup_details *details = cgroup->details;
  const struct cgroup_details *parent = above(cgroup);

  nest_quota(cgroup);
  nest_cpus(limits, cgroup);
  details->limit.is_known =
      details->limit.is_read && limits->machine_error == 0 &&
      (cgroup->parent == NULL || (parent != NULL && parent->limit.is_known));
  details->limit.millicores = 0;
  details->limit.level = CGROUP_LEVEL_NONE;
  if (details->limit.is_known && knows_cpus(limits, details))
    combine_limits(limits, &details->limit);
}

/* Returns whether more periods were throttled since the previous sample. */
static bool was_throttled(struct cgroup_details *details,
                          const struct cpu_stat *sample) {
  bool known = sample != NULL && cpu_stat_has(sample, CPU_NR_THROTTLED);
  uint64_t now = known ? sample->counters[CPU_NR_THROTTLED] : 0;
  bool throttled = known && details->limit.throttling_known &&
                   now != details->limit.nr_throttled;

  details->limit.throttling_known = known;
  details->limit.nr_throttled = now;
  return throttled;
}

void cgroup_limits_update(struct cgroup_limits *limits, struct cgroup *cgroup,
                          const struct cpu_stat *sample, double millicores,
                          struct failure *failure) {
  struct cgroup_details *details = cgroup->details;
  unsigned parts = 0;

  if (!is_wanted(cgroup) || details == NULL)
    return;
  set_effective_limit(limits, cgroup);
  if (was_throttled(details, sample))
    parts = CPU_LIMIT_QUOTA;
  if (details->limit.millicores > 0 && millicores > details->limit.millicores)
    parts = CPU_LIMIT_QUOTA | CPU_LIMIT_CPUS;
  parts &= ~details->limit.fresh;
  if (parts == 0)
    return;
  read_limit_files(limits, cgroup, parts);
  (void)take_failure(limits, failure);
  set_effective_limit(limits, cgroup);
}
