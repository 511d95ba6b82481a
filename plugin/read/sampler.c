/* SPDX-License-Identifier: MIT */
#include "read/sampler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/errors.h"
#include "util/units.h"

void sampler_open(struct sampler *sampler,
                  const enum cgroup_version versions[CGROUP_CONTROLLER_COUNT],
                  const char *const root_paths[CGROUP_CONTROLLER_COUNT],
                  unsigned groups, size_t keep_open) {
  *sampler = (struct sampler){.groups = groups};
  sampler->file_count = counter_files(versions, sampler->files);
  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
    sampler->versions[i] = versions[i];
    sampler->root_paths[i] = root_paths[i];
    sampler->root_fds[i] = -ENOENT;
  }
  file_reader_open(&sampler->reader, keep_open);
}

void sampler_forget(struct sampler *sampler, struct cgroup *cgroup) {
  file_reader_forget(&sampler->reader, cgroup);
}

const char *sampler_core_file(const struct sampler *sampler) {
  return sampler->files[0]->name;
}

/* Cgroups take turns, to spread the work over the passes. */
bool sampler_has_turn(const struct sampler *sampler,
                      const struct cgroup *cgroup) {
  return (sampler->pass + cgroup->birth) % SAMPLER_ROUND == 0;
}

/* Some kernels have the file, but reading it fails, as for pressure with
 * psi=0. */
bool sampler_is_missing(int status) {
  return status == -ENOENT || status == -EOPNOTSUPP;
}

void sampler_note_failure(const struct sampler *sampler,
                          const struct cgroup *cgroup,
                          enum cgroup_controller controller, const char *file,
                          int status, struct failure *failure) {
  if (!error_is_absence(status))
    tree_note_failure(cgroup, sampler->root_paths[controller], file, status,
                      failure);
}

ssize_t sampler_read_text(const struct sampler *sampler,
                          const struct cgroup *cgroup,
                          enum cgroup_controller controller, const char *file,
                          char *text, size_t size) {
  int root_fd = sampler->root_fds[controller];

  return root_fd < 0 ? root_fd
                     : file_reader_read_once(root_fd, cgroup, file, text, size);
}

static int read_counter_file(struct sampler *sampler, struct cgroup *cgroup,
                             size_t index, char text[CPU_STAT_FILE_MAX],
                             struct reading *reading) {
  const struct counter_file *file = sampler->files[index];
  int root_fd = sampler->root_fds[file->controller];

  if (root_fd < 0)
    return root_fd;
  return file_reader_read(&sampler->reader, root_fd, cgroup, file->name, index,
                          text, CPU_STAT_FILE_MAX, reading);
}

static int read_counters(struct sampler *sampler, struct cgroup *cgroup,
                         size_t index, struct cpu_sample *sample,
                         bool *missing) {
  char text[CPU_STAT_FILE_MAX];
  struct reading reading = {0};
  uint32_t before = sample->stat.present;

  int status = read_counter_file(sampler, cgroup, index, text, &reading);
  *missing = sampler_is_missing(status);
  if (status < 0)
    return status;
  status =
      sampler->files[index]->parse(text, (size_t)reading.length, &sample->stat);
  uint32_t added = sample->stat.present & ~before;
  sampler->seen_counters |= added;
  for (size_t i = 0; added != 0; i++, added >>= 1)
    if ((added & 1) != 0)
      sample->time_nsec[i] = reading.time_nsec;
  *missing = status < 0;
  return status;
}

struct cgroup_details *sampler_details(struct cgroup *cgroup) {
  if (cgroup->details != NULL)
    return cgroup->details;
  cgroup->details = calloc(1, sizeof(*cgroup->details));
  if (cgroup->details != NULL)
    for (size_t i = 0; i < ARRAY_SIZE(cgroup->details->fds); i++)
      cgroup->details->fds[i] = -1;
  return cgroup->details;
}

/* Returns whether to try a file. A file known to be missing is not tried in
 * every pass. A fallback is tried only if the file before it is missing. */
static bool is_due(const struct sampler *sampler, const struct cgroup *cgroup,
                   size_t index) {
  unsigned missing = cgroup->details != NULL ? cgroup->details->missing : 0;

  if (sampler->files[index]->fallback && (missing & (1U << (index - 1))) == 0)
    return false;
  return (missing & (1U << index)) == 0 || sampler_has_turn(sampler, cgroup);
}

/* A read error does not mark the file as missing. */
static void read_more(struct sampler *sampler, struct cgroup *cgroup,
                      size_t index, struct cpu_sample *sample,
                      struct failure *failure) {
  const struct counter_file *file = sampler->files[index];
  struct cgroup_details *details = cgroup->details;
  bool missing = false;
  int status = read_counters(sampler, cgroup, index, sample, &missing);

  if (status < 0 && !missing)
    sampler_note_failure(sampler, cgroup, file->controller, file->name, status,
                         failure);
  if (details == NULL)
    return;
  details->incomplete |= status < 0 && !missing;
  if (missing) {
    details->missing |= 1U << index;
    /* It may exist and be empty, as cpu.stat.local without the controller. */
    file_reader_let_go(&sampler->reader, cgroup, index);
  } else {
    details->missing &= ~(1U << index);
  }
}

static bool is_same(const struct cpu_sample *before,
                    const struct cpu_sample *now, enum cpu_counter counter) {
  return cpu_stat_has(&before->stat, counter) &&
         cpu_stat_has(&now->stat, counter) &&
         before->stat.counters[counter] == now->stat.counters[counter];
}

static void note_stillness(struct cgroup_details *details,
                           const struct cpu_sample *now) {
  if (!is_same(&details->before, now, CPU_USAGE_USEC) ||
      !is_same(&details->before, now, CPU_NR_PERIODS))
    details->still_nsec = now->time_nsec[CPU_USAGE_USEC];
}

/* While the timer of a quota runs, a period ends at least every second, which
 * is the longest period. It stops only when nothing has run and nothing waits.
 */
#define PERIODS_REST_NSEC (2 * NSEC_PER_SEC)
#define USE_COUNTERS                                                           \
  (UINT32_C(1) << CPU_USAGE_USEC | UINT32_C(1) << CPU_USER_USEC |              \
   UINT32_C(1) << CPU_SYSTEM_USEC | UINT32_C(1) << CPU_NICE_USEC |             \
   UINT32_C(1) << CPU_FORCE_IDLE_USEC)
#define PERIOD_COUNTERS                                                        \
  (UINT32_C(1) << CPU_NR_PERIODS | UINT32_C(1) << CPU_NR_THROTTLED |           \
   UINT32_C(1) << CPU_THROTTLED_USEC | UINT32_C(1) << CPU_NR_BURSTS |          \
   UINT32_C(1) << CPU_BURST_USEC)

static bool periods_rest(const struct cgroup *cgroup) {
  const struct cpu_sample *before = &cgroup->details->before;

  return cpu_stat_has(&before->stat, CPU_NR_PERIODS) &&
         before->time_nsec[CPU_NR_PERIODS] >=
             cgroup->details->still_nsec + PERIODS_REST_NSEC;
}

/* The file of the usage has periods only with the cpu controller, which can
 * come and go. */
static bool file_rests(const struct sampler *sampler,
                       const struct cgroup *cgroup, size_t index,
                       unsigned groups) {
  const struct counter_file *file = sampler->files[index];

  if (!file->rests || (file->groups & groups & VALUE_GROUP_PERIODS) == 0)
    return file->rests;
  if (index > 0)
    return !sampler->periods_apart && periods_rest(cgroup);
  return sampler->periods_apart ||
         (!sampler_has_turn(sampler, cgroup) &&
          (periods_rest(cgroup) ||
           !cpu_stat_has(&cgroup->details->before.stat, CPU_NR_PERIODS)));
}

/* Takes those of the previous sample that it has. */
static void repeat_counters(const struct cpu_sample *before, uint32_t counters,
                            uint64_t nsec, struct cpu_sample *sample) {
  counters &= before->stat.present;
  sample->stat.present |= counters;
  for (size_t i = 0; counters != 0; i++, counters >>= 1)
    if ((counters & 1) != 0) {
      sample->stat.counters[i] = before->stat.counters[i];
      sample->time_nsec[i] = nsec;
    }
}

/* A file that is not read need not be open, but it may be soon again. */
static void rest_file(struct sampler *sampler, struct cgroup *cgroup,
                      size_t index) {
  if (cgroup->idle_passes == SAMPLER_ROUND && !sampler->keeps_idle)
    file_reader_let_go(&sampler->reader, cgroup, index);
}

static void repeat_file(struct sampler *sampler, struct cgroup *cgroup,
                        size_t index, uint64_t nsec,
                        struct cpu_sample *sample) {
  rest_file(sampler, cgroup, index);
  if ((sampler->files[index]->groups & VALUE_GROUP_PERIODS) != 0 &&
      !sampler->periods_apart)
    repeat_counters(&cgroup->details->before, PERIOD_COUNTERS, nsec, sample);
}

/* Takes what is beyond the file of the usage. If the cgroup is `idle`, only
 * what moves nevertheless is read, and the rest is repeated at the time `nsec`.
 */
static void take_more(struct sampler *sampler, struct cgroup *cgroup,
                      unsigned groups, bool idle, uint64_t nsec,
                      struct cpu_sample *sample, struct failure *failure) {
  for (size_t i = 1; i < sampler->file_count; i++) {
    const struct counter_file *file = sampler->files[i];
    if (idle && file_rests(sampler, cgroup, i, groups))
      repeat_file(sampler, cgroup, i, nsec, sample);
    else if ((file->groups & groups) != 0 && is_due(sampler, cgroup, i))
      read_more(sampler, cgroup, i, sample, failure);
  }
  if (cgroup->details != NULL)
    note_stillness(cgroup->details, sample);
}

int sampler_read(struct sampler *sampler, struct cgroup *cgroup,
                 unsigned groups, struct cpu_sample *sample,
                 struct failure *failure) {
  sample->stat = (struct cpu_stat){0};
  bool missing = false;
  int status = read_counters(sampler, cgroup, 0, sample, &missing);

  if (status == 0 && !cpu_stat_has(&sample->stat, CPU_USAGE_USEC))
    status = -ENODATA;
  if (status < 0 || (groups & ~(unsigned)VALUE_GROUP_CORE) == 0)
    return status;
  /* Rates need the previous sample. Without memory for it, there are no
   * rates. */
  if (sampler_details(cgroup) == NULL)
    sampler_note_failure(sampler, cgroup, CGROUP_CPUACCT,
                         sampler_core_file(sampler), -ENOMEM, failure);
  else
    cgroup->details->incomplete = false;
  take_more(sampler, cgroup, groups, false, 0, sample, failure);
  return 0;
}

bool sampler_repeat(struct sampler *sampler, struct cgroup *cgroup,
                    unsigned groups, uint64_t nsec, struct cpu_sample *sample,
                    struct failure *failure) {
  bool more = (groups & ~(unsigned)VALUE_GROUP_CORE) != 0;

  if (more &&
      (cgroup->details == NULL || cgroup->details->before.stat.present == 0 ||
       cgroup->details->incomplete || !file_rests(sampler, cgroup, 0, groups)))
    return false;
  sample->stat = (struct cpu_stat){.present = UINT32_C(1) << CPU_USAGE_USEC};
  sample->stat.counters[CPU_USAGE_USEC] = cgroup->use.rate.count;
  sample->time_nsec[CPU_USAGE_USEC] = nsec;
  if (!more) {
    rest_file(sampler, cgroup, 0);
    return true;
  }
  repeat_counters(&cgroup->details->before, USE_COUNTERS, nsec, sample);
  repeat_file(sampler, cgroup, 0, nsec, sample);
  take_more(sampler, cgroup, groups, true, nsec, sample, failure);
  return true;
}

/* Sets of values that are available or missing together. The counter or the
 * part of the limit shows that they are available. The texts say why no cgroup
 * has them: the file is missing everywhere, or it does not contain them. */
static const struct {
  unsigned group;
  enum cpu_counter counter;
  enum cpu_limit_part part;
  const char *values;
  enum cgroup_controller controller;
  const char *why_v1;
  const char *why_v2;
} reasons[] = {
    {VALUE_GROUP_USER_SYSTEM, CPU_USER_USEC, 0, "user and system time",
     CGROUP_CPUACCT, "the kernel or sandbox does not report them",
     "the kernel or sandbox does not report them"},
    {VALUE_GROUP_USER_SYSTEM, CPU_FORCE_IDLE_USEC, 0, "forced idle time",
     CGROUP_CPUACCT, "only cgroup v2 has it",
     "Linux reports it since 6.0, if built with core scheduling"},
    {VALUE_GROUP_THROTTLING, CPU_NR_PERIODS, 0, "throttling", CGROUP_CPU,
     "the cpu hierarchy does not report it",
     "no cgroup has the cpu controller, or Linux is without CFS bandwidth"},
    {VALUE_GROUP_THROTTLING, CPU_NR_BURSTS, 0, "bursts", CGROUP_CPU,
     "Linux reports them since 5.15",
     "Linux reports them since 5.15, with the cpu controller"},
    {VALUE_GROUP_THROTTLING, CPU_THROTTLED_LOCAL_USEC, 0,
     "throttling by quotas above", CGROUP_CPU, "Linux reports it since 6.6",
     "Linux reports it since 6.6, with the cpu controller"},
    {VALUE_GROUP_THROTTLING, CPU_FROZEN_USEC, 0, "frozen time", CGROUP_CPUACCT,
     "only cgroup v2 has it", "Linux reports it since 6.18"},
    {VALUE_GROUP_PRESSURE, CPU_PRESSURE_SOME_USEC, 0, "pressure",
     CGROUP_CPUACCT, "only cgroup v2 has it",
     "it can be off in the kernel, as with psi=0"},
    {VALUE_GROUP_PRESSURE, CPU_PRESSURE_FULL_USEC, 0, "full pressure",
     CGROUP_CPUACCT, "only cgroup v2 has it",
     "Linux reports it for cgroups since 5.13"},
    {VALUE_GROUP_PRESSURE, CPU_PRESSURE_IRQ_USEC, 0, "pressure of interrupts",
     CGROUP_CPUACCT, "only cgroup v2 has it",
     "Linux reports it since 6.1, with IRQ time accounting"},
    {VALUE_GROUP_LIMIT, 0, CPU_LIMIT_QUOTA, "quotas", CGROUP_CPU,
     "the cpu hierarchy has no file for them under the paths of these cgroups",
     "no cgroup has the cpu controller, or Linux is without CFS bandwidth"},
    {VALUE_GROUP_LIMIT, 0, CPU_LIMIT_CPUS, "CPUs of cpusets", CGROUP_CPUSET,
     "the cpuset hierarchy has no file for them under the paths of these "
     "cgroups",
     "no cgroup has the cpuset controller"},
};

static bool was_seen(const struct sampler *sampler, size_t reason) {
  return reasons[reason].part != 0
             ? (sampler->seen_parts & reasons[reason].part) != 0
             : (sampler->seen_counters &
                (UINT32_C(1) << reasons[reason].counter)) != 0;
}

static void explain_reason(const struct sampler *sampler, size_t reason,
                           FILE *stream) {
  enum cgroup_controller controller = reasons[reason].controller;

  if (sampler->root_fds[controller] == -ENOENT)
    (void)fprintf(stream, "no hierarchy with the %s controller was found",
                  cgroup_controller_name(controller));
  else
    (void)fputs(sampler->versions[controller] == CGROUP_VERSION_1
                    ? reasons[reason].why_v1
                    : reasons[reason].why_v2,
                stream);
}

char *sampler_explain_missing(const struct sampler *sampler) {
  char *text = NULL;
  size_t size = 0;
  size_t count = 0;
  FILE *stream = open_memstream(&text, &size);

  if (stream == NULL)
    return NULL;
  for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
    if ((reasons[i].group & sampler->groups) != 0 && !was_seen(sampler, i)) {
      (void)fprintf(stream, "%s%s (",
                    count++ == 0 ? "Values not available here: " : ", ",
                    reasons[i].values);
      explain_reason(sampler, i, stream);
      (void)fputc(')', stream);
    }
  if (fclose(stream) != 0 || count == 0) {
    free(text);
    return NULL;
  }
  return text;
}
