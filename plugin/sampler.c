/* SPDX-License-Identifier: MIT */
#include "sampler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

void sampler_open(struct sampler *sampler, enum cgroup_version version,
                  unsigned groups, size_t keep_open) {
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);

  *sampler = (struct sampler){.groups = groups,
                              .cpus = cpus > 0 ? (unsigned)cpus : UINT32_MAX};
  sampler->files = cpu_files(version, &sampler->file_count);
  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    sampler->root_fds[i] = -ENOENT;
  reader_open(&sampler->reader, keep_open);
}

void sampler_forget(struct sampler *sampler, struct cgroup *cgroup) {
  reader_forget(&sampler->reader, cgroup);
}

const char *sampler_core_file(const struct sampler *sampler) {
  return sampler->files[0].name;
}

/* Cgroups take turns, so that no pass has all the work. */
static bool has_turn(const struct sampler *sampler,
                     const struct cgroup *cgroup) {
  return (sampler->pass + cgroup->birth) % SAMPLER_ROUND == 0;
}

/* Some kernels have the file and an error in it, as for pressure with psi=0. */
static bool is_missing(int status) {
  return status == -ENOENT || status == -EOPNOTSUPP;
}

/* A cgroup that is gone is no failure. */
static void note_failure(struct sampler *sampler, size_t index, int status) {
  if (sampler->error < 0 || status == -ENODEV)
    return;
  sampler->failed_file = sampler->files[index].name;
  sampler->error = status;
}

static int read_text(struct sampler *sampler, struct cgroup *cgroup,
                     size_t index, char text[CPU_STAT_FILE_MAX],
                     struct reading *reading) {
  const struct cpu_file *file = &sampler->files[index];
  int root_fd = sampler->root_fds[file->controller];
  int kept = file->parse_stat != NULL ? (int)index : -1;

  if (root_fd < 0)
    return root_fd;
  return reader_read(&sampler->reader, root_fd, cgroup, file->name, kept, text,
                     CPU_STAT_FILE_MAX, reading);
}

static int read_counters(struct sampler *sampler, struct cgroup *cgroup,
                         size_t index, struct cpu_sample *sample,
                         bool *missing) {
  char text[CPU_STAT_FILE_MAX];
  struct reading reading;
  uint32_t before = sample->stat.present;

  int status = read_text(sampler, cgroup, index, text, &reading);
  *missing = is_missing(status);
  if (status < 0)
    return status;
  status = sampler->files[index].parse_stat(text, (size_t)reading.length,
                                            &sample->stat);
  uint32_t added = sample->stat.present & ~before;
  sampler->seen_counters |= added;
  for (size_t i = 0; added != 0; i++, added >>= 1)
    if ((added & 1) != 0)
      sample->time_nsec[i] = reading.time_nsec;
  *missing = status < 0;
  return status;
}

static struct cgroup_details *details_of(struct cgroup *cgroup) {
  if (cgroup->details == NULL)
    cgroup->details = calloc(1, sizeof(*cgroup->details));
  return cgroup->details;
}

/* Whether to try a file: not in each pass if it is known to be missing. */
static bool is_due(const struct sampler *sampler, const struct cgroup *cgroup,
                   size_t index) {
  return cgroup->details == NULL ||
         (cgroup->details->missing & (1U << index)) == 0 ||
         has_turn(sampler, cgroup);
}

/* A file that is there is not missing because it could not be read once. */
static void read_more(struct sampler *sampler, struct cgroup *cgroup,
                      size_t index, struct cpu_sample *sample) {
  struct cgroup_details *details = cgroup->details;
  bool missing = false;
  int status = read_counters(sampler, cgroup, index, sample, &missing);

  if (status < 0 && !missing)
    note_failure(sampler, index, status);
  if (details == NULL)
    return;
  if (missing)
    details->missing |= 1U << index;
  else
    details->missing &= ~(1U << index);
}

int sampler_read(struct sampler *sampler, struct cgroup *cgroup,
                 unsigned groups, struct cpu_sample *sample) {
  sample->stat = (struct cpu_stat){0};
  bool missing = false;
  int status = read_counters(sampler, cgroup, 0, sample, &missing);

  if (status == 0 && !cpu_stat_has(&sample->stat, CPU_USAGE_USEC))
    status = -ENODATA;
  if (status < 0 || (groups & ~(unsigned)CPU_GROUP_CORE) == 0)
    return status;
  /* Rates need the sample before; without memory for it there are none. */
  if (details_of(cgroup) == NULL)
    note_failure(sampler, 0, -ENOMEM);
  for (size_t i = 1; i < sampler->file_count; i++) {
    const struct cpu_file *file = &sampler->files[i];
    if (file->parse_stat != NULL && (file->groups & groups) != 0 &&
        is_due(sampler, cgroup, i))
      read_more(sampler, cgroup, i, sample);
  }
  return 0;
}

/* Returns false when one could not be read. */
static bool read_limit_files(struct sampler *sampler, struct cgroup *cgroup) {
  bool complete = true;

  for (size_t i = 1; i < sampler->file_count; i++) {
    const struct cpu_file *file = &sampler->files[i];
    char text[CPU_STAT_FILE_MAX];
    struct reading reading;

    if (file->parse_limit == NULL)
      continue;
    int status = read_text(sampler, cgroup, i, text, &reading);
    if (status < 0 && !is_missing(status)) {
      note_failure(sampler, i, status);
      complete = false;
    }
    /* What is not there resets what it said before. */
    if (file->parse_limit(text, status < 0 ? 0 : (size_t)reading.length,
                          &cgroup->details->limit) == 0)
      sampler->seen_files |= 1U << i;
  }
  return complete;
}

void sampler_read_limit(struct sampler *sampler, struct cgroup *cgroup,
                        bool now) {
  struct cgroup_details *details = details_of(cgroup);
  const struct cgroup *parent = cgroup->parent;
  const struct cgroup_details *above = parent != NULL ? parent->details : NULL;

  if (details == NULL) {
    note_failure(sampler, 0, -ENOMEM);
    return;
  }
  if (now || !details->limit_known || has_turn(sampler, cgroup))
    details->limit_known = read_limit_files(sampler, cgroup);
  if (parent != NULL && (above == NULL || !above->limit_known))
    details->limit_known = false;
  details->limit_millicores =
      details->limit_known
          ? cpu_limit_millicores(&details->limit,
                                 above != NULL ? above->limit_millicores : 0,
                                 sampler->cpus)
          : 0;
}

/* Sets of values that come and go together, each with what it is known by: a
 * counter, or the function that reads its file. */
static const struct {
  unsigned group;
  enum cpu_counter counter;
  int (*parse_limit)(const char *text, size_t length, struct cpu_limit *limit);
  const char *values;
  const char *why;
} reasons[] = {
    {CPU_GROUP_USER_SYSTEM, CPU_USER_USEC, NULL, "user and system time",
     "the kernel or sandbox does not tell them"},
    {CPU_GROUP_THROTTLING, CPU_NR_PERIODS, NULL, "throttling",
     "no cgroup has the cpu controller"},
    {CPU_GROUP_THROTTLING, CPU_NR_BURSTS, NULL, "bursts",
     "Linux has them since 5.15, with the cpu controller"},
    {CPU_GROUP_PRESSURE, CPU_PRESSURE_SOME_USEC, NULL, "pressure",
     "it is in cgroup v2 only and can be off in the kernel (psi=0)"},
    {CPU_GROUP_PRESSURE, CPU_PRESSURE_FULL_USEC, NULL, "full pressure",
     "Linux tells it for cgroups since 5.13"},
    {CPU_GROUP_LIMIT, 0, cpu_limit_parse_max, "quotas",
     "no cgroup has the cpu controller"},
    {CPU_GROUP_LIMIT, 0, cpu_limit_parse_quota, "quotas",
     "there is no hierarchy with the cpu controller"},
    {CPU_GROUP_LIMIT, 0, cpu_limit_parse_cpus, "CPUs of cpusets",
     "there is no hierarchy with the cpuset controller"},
};

static bool was_seen(const struct sampler *sampler, size_t reason) {
  if (reasons[reason].parse_limit == NULL)
    return (sampler->seen_counters &
            (UINT32_C(1) << reasons[reason].counter)) != 0;
  for (size_t i = 0; i < sampler->file_count; i++)
    if (sampler->files[i].parse_limit == reasons[reason].parse_limit)
      return (sampler->seen_files & (1U << i)) != 0;
  /* It is a file of the other version. */
  return true;
}

char *sampler_explain_missing(const struct sampler *sampler) {
  char *text = NULL;
  size_t size = 0;
  size_t count = 0;
  FILE *stream = open_memstream(&text, &size);

  if (stream == NULL)
    return NULL;
  for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
    if ((reasons[i].group & sampler->groups) != 0 && !was_seen(sampler, i))
      (void)fprintf(stream, "%s%s (%s)",
                    count++ == 0 ? "Not to be had here: " : ", ",
                    reasons[i].values, reasons[i].why);
  if (fclose(stream) != 0 || count == 0) {
    free(text);
    return NULL;
  }
  return text;
}
