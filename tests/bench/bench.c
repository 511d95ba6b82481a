/* SPDX-License-Identifier: MIT */
/* Measures the cost of a pass over many cgroups, and of a sample between two
 * passes, and compares them with two bounds.
 *
 * Three readers of the same real cgroups take turns in one process:
 *   plain  opens every file by its path in every pass, and uses stdio
 *   floor  one pread of a kept descriptor per cgroup and nothing else
 *   ours   the plugin's whole pass; its values are dropped
 *
 * "all groups" is ours with all groups of values switched on. The output has
 * the medians of the CPU times, and ratios, which hold on other machines as
 * well. "active" means that all cgroups used CPU since the previous pass: on
 * v2, a read then makes the kernel sum up what changed.
 *
 * Another table has pods, most of which are idle, and compares ours with the
 * same pass that reads idle cgroups as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector.h"
#include "find/hierarchy_detection.h"
#include "util/array.h"
#include "util/cleanup.h"

#define PER_GROUP 100
/* A pod and three containers, after the root and a slice. One pod of twenty is
 * active. */
#define PER_POD 4
#define BEFORE_PODS 2
#define PODS_PER_ACTIVE 20
#define ROUNDS 15
/* With PeakInterval 0.1 */
#define SAMPLES_PER_SECOND 10
#define SPARE_DESCRIPTORS 64
#define DEFAULT_KEEP_OPEN (((struct options)OPTIONS_DEFAULT).keep_open)

static volatile sig_atomic_t interrupted;

struct forest {
  const char *version;
  const char *file;
  char *base;
  size_t count;
  /* The paths of the cgroups, parents first, and the descriptors of their
   * files. */
  char **paths;
  int *fds;
  /* Those that use CPU if asked to. */
  bool *stirred;
};

static void fail(const char *what, const char *name) {
  (void)fprintf(stderr, "bench: %s %s: %s\n", what, name, strerror(errno));
  exit(EXIT_FAILURE);
}

static double cpu_usec(void) {
  struct timespec now;

  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int name_service(struct forest *forest, size_t i) {
  size_t group = i / PER_GROUP;
  char **path = &forest->paths[i];

  forest->stirred[i] = true;
  if (i % PER_GROUP == 0)
    return asprintf(path, "%s/group%zu.slice", forest->base, group);
  if (group == 0)
    return asprintf(path, "%s/%zu.service", forest->base, i);
  return asprintf(path, "%s/group%zu.slice/%zu.service", forest->base, group,
                  i);
}

static int name_container(struct forest *forest, size_t i) {
  size_t pod = (i - BEFORE_PODS) / PER_POD;
  size_t part = (i - BEFORE_PODS) % PER_POD;
  char **path = &forest->paths[i];

  if (i < BEFORE_PODS)
    return asprintf(path, "%s/kubepods.slice", forest->base);
  forest->stirred[i] = part > 0 && pod % PODS_PER_ACTIVE == 0;
  if (part == 0)
    return asprintf(path, "%s/kubepods.slice/pod%zu.slice", forest->base, pod);
  return asprintf(path, "%s/kubepods.slice/pod%zu.slice/%zu.scope",
                  forest->base, pod, part);
}

/* `name` sets the path of a cgroup, and whether it is to be stirred. */
static void plant(struct forest *forest,
                  int (*name)(struct forest *forest, size_t i)) {
  forest->paths = calloc(forest->count, sizeof(*forest->paths));
  forest->fds = calloc(forest->count, sizeof(*forest->fds));
  forest->stirred = calloc(forest->count, sizeof(*forest->stirred));
  if (forest->paths == NULL || forest->fds == NULL || forest->stirred == NULL)
    fail("allocate", "cgroups");
  for (size_t i = 0; i < forest->count; i++) {
    int length = i == 0 ? asprintf(&forest->paths[i], "%s", forest->base)
                        : name(forest, i);
    if (length < 0 || mkdir(forest->paths[i], 0755) < 0)
      fail("make", forest->paths[i]);
  }
}

static void open_files(struct forest *forest) {
  for (size_t i = 0; i < forest->count; i++) {
    CLEANUP_FREE char *name = NULL;

    if (asprintf(&name, "%s/%s", forest->paths[i], forest->file) < 0 ||
        (forest->fds[i] = open(name, O_RDONLY | O_CLOEXEC)) < 0)
      fail("open", forest->paths[i]);
  }
}

static void close_files(struct forest *forest) {
  for (size_t i = 0; i < forest->count; i++)
    (void)close(forest->fds[i]);
}

static void fell(struct forest *forest) {
  for (size_t i = forest->count; i-- > 0;) {
    if (forest->paths != NULL && forest->paths[i] != NULL) {
      (void)rmdir(forest->paths[i]);
      free(forest->paths[i]);
    }
  }
  free(forest->paths);
  free(forest->fds);
  free(forest->stirred);
  forest->paths = NULL;
  forest->fds = NULL;
  forest->stirred = NULL;
}

/* A child that uses a little CPU in some cgroups on request. It is
 * forked only once: a fork before each pass would make this process copy each
 * of its pages in the pass. */
struct stirrer {
  pid_t child;
  int go_on;
  int done;
};

static void move_about(const struct forest *forest) {
  for (size_t i = 0; i < forest->count; i++) {
    CLEANUP_FREE char *name = NULL;
    if (!forest->stirred[i])
      continue;
    if (asprintf(&name, "%s/cgroup.procs", forest->paths[i]) < 0)
      _exit(1);
    CLEANUP_FD int fd = open(name, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1)
      _exit(1);
    for (volatile int spin = 0; spin < 20000; spin++)
      ;
  }
}

static void start_stirring(struct stirrer *stirrer,
                           const struct forest *forest) {
  int go_on[2];
  int done[2];
  char byte = 0;

  if (pipe2(go_on, O_CLOEXEC) < 0 || pipe2(done, O_CLOEXEC) < 0 ||
      (stirrer->child = fork()) < 0)
    fail("start", "a child");
  if (stirrer->child == 0) {
    (void)close(go_on[1]);
    while (read(go_on[0], &byte, 1) == 1) {
      move_about(forest);
      if (write(done[1], &byte, 1) != 1)
        _exit(1);
    }
    _exit(0);
  }
  (void)close(go_on[0]);
  (void)close(done[1]);
  stirrer->go_on = go_on[1];
  stirrer->done = done[0];
}

static void stir(const struct stirrer *stirrer) {
  char byte = 0;

  if (stirrer->child > 0 && (write(stirrer->go_on, &byte, 1) != 1 ||
                             read(stirrer->done, &byte, 1) != 1))
    fail("use CPU in", "the cgroups");
}

static void stop_stirring(struct stirrer *stirrer) {
  if (stirrer->child <= 0)
    return;
  (void)close(stirrer->go_on);
  (void)close(stirrer->done);
  (void)waitpid(stirrer->child, NULL, 0);
}

static void read_plain(void *context) {
  const struct forest *forest = context;

  for (size_t i = 0; i < forest->count; i++) {
    CLEANUP_FREE char *name = NULL;
    char line[256];
    unsigned long long usage = 0;

    if (asprintf(&name, "%s/%s", forest->paths[i], forest->file) < 0)
      fail("allocate", "a path");
    CLEANUP_FILE FILE *file = fopen(name, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
      const char *digits = strpbrk(line, "0123456789");
      if (usage == 0 && digits != NULL)
        usage = strtoull(digits, NULL, 10);
    }
  }
}

static void read_floor(void *context) {
  const struct forest *forest = context;
  char text[4096];

  for (size_t i = 0; i < forest->count; i++)
    if (pread(forest->fds[i], text, sizeof(text), 0) <= 0)
      fail("read", forest->paths[i]);
}

struct ours {
  struct options options;
  struct collector *collector;
  size_t values;
  struct collector_pass pass;
  /* What all cgroups need, in bytes. */
  size_t heap;
};

/* Large blocks have their own mappings. */
static size_t heap_bytes(void) {
  struct mallinfo2 info = mallinfo2();

  return info.uordblks + info.hblkhd;
}

static void count_value(void *context, const struct report_value *value) {
  struct ours *ours = context;

  (void)value;
  ours->values++;
}

static void read_ours(void *context) {
  struct ours *ours = context;
  struct report_sink sink = {.context = ours, .value = count_value};

  collector_run(ours->collector, &sink, &ours->pass);
}

/* With PeakInterval, between two passes */
static void sample_ours(void *context) {
  struct ours *ours = context;
  struct report_sink sink = {0};

  collector_sample(ours->collector, &sink);
}

static void open_ours(struct ours *ours, const struct forest *forest,
                      size_t keep_open, unsigned groups, bool reads_idle) {
  struct hierarchy_options where = {.root = forest->base};
  struct hierarchy hierarchy;

  *ours = (struct ours){.options = OPTIONS_DEFAULT};
  ours->options.keep_open = keep_open;
  ours->options.max_cgroups = forest->count;
  ours->options.groups = groups;
  ours->options.reads_idle = reads_idle;
  if (hierarchy_detect(&where, &hierarchy, NULL) < 0 ||
      collector_new(&hierarchy, &ours->options, &ours->collector) < 0)
    fail("collect", forest->base);
  size_t before = heap_bytes();
  read_ours(ours);
  ours->heap = heap_bytes() - before;
  if (ours->pass.read != forest->count)
    fail("find all below", forest->base);
}

static void close_ours(struct ours *ours) {
  collector_free(ours->collector);
  options_release(&ours->options);
}

static double timed(void (*reader)(void *), void *context) {
  double before = cpu_usec();

  reader(context);
  return cpu_usec() - before;
}

/* The same after the plain reader has filled the caches, and the cgroups were
 * stirred. */
static double timed_anew(struct forest *forest, const struct stirrer *stirrer,
                         void (*reader)(void *), void *context) {
  read_plain(forest);
  stir(stirrer);
  return timed(reader, context);
}

static int compare(const void *left, const void *right) {
  double a = *(const double *)left;
  double b = *(const double *)right;

  return a < b ? -1 : a > b;
}

static double median(double *values) {
  qsort(values, ROUNDS, sizeof(*values), compare);
  return values[ROUNDS / 2];
}

/* Returns the system calls of one run of `reader`. It counts them by tracing a
 * child. */
static long system_calls(void (*reader)(void *), void *context) {
  pid_t child = fork();
  int status = 0;
  long stops = 0;

  if (child == 0) {
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    (void)kill(getpid(), SIGSTOP);
    reader(context);
    _exit(0);
  }
  if (child < 0 || waitpid(child, &status, 0) < 0)
    fail("trace", "a child");
  while (WIFSTOPPED(status)) {
    if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) < 0 ||
        waitpid(child, &status, 0) < 0)
      fail("trace", "a child");
    stops++;
  }
  /* Each call stops twice. The first stop is the return from kill(), the last
   * two are the entry of _exit() and the end. */
  return (stops - 3) / 2;
}

static long kernel_kilobytes(void) {
  CLEANUP_FILE FILE *file = fopen("/proc/meminfo", "re");
  char line[128];

  while (file != NULL && fgets(line, sizeof(line), file) != NULL)
    if (strncmp(line, "SUnreclaim:", 11) == 0)
      return strtol(line + 11, NULL, 10);
  return 0;
}

/* All groups are measured separately: they take up to four descriptors per
 * cgroup, and there are not enough for all readers at once. */
static double measure_all_groups(struct forest *forest,
                                 const struct stirrer *stirrer,
                                 size_t keep_open, long *calls) {
  double all[ROUNDS];
  struct ours ours;

  open_ours(&ours, forest, keep_open, ~0U, false);
  for (int round = 0; round < ROUNDS; round++) {
    all[round] = timed_anew(forest, stirrer, read_ours, &ours);
  }
  stir(stirrer);
  *calls = system_calls(read_ours, &ours);
  close_ours(&ours);
  return median(all);
}

static void measure_samples(struct forest *forest, bool active,
                            size_t keep_open) {
  double floor[ROUNDS];
  double pass[ROUNDS];
  double sample[ROUNDS];
  struct ours ours;
  struct stirrer stirrer = {0};

  if (active)
    start_stirring(&stirrer, forest);
  open_ours(&ours, forest, keep_open, VALUE_GROUP_CORE, false);
  /* So short that no sample comes too soon */
  ours.options.peak_nsec = 1;
  sample_ours(&ours);
  size_t heap = 0;
  for (int round = 0; round < ROUNDS; round++) {
    floor[round] = timed_anew(forest, &stirrer, read_floor, forest);
    pass[round] = timed_anew(forest, &stirrer, read_ours, &ours);
    read_plain(forest);
    stir(&stirrer);
    size_t before = heap_bytes();
    sample[round] = timed(sample_ours, &ours);
    heap += heap_bytes() - before;
  }
  long calls = system_calls(sample_ours, &ours);
  close_ours(&ours);
  stop_stirring(&stirrer);
  double count = (double)forest->count;
  double lowest = median(floor);
  double whole = median(pass);
  double own = median(sample);
  printf("| %s | %zu | %s | %.2f | %.2f | %.2f | %.2f | %.2f | %ld | %zu | "
         "%.2f |\n",
         forest->version, forest->count, active ? "all" : "none",
         lowest / count, whole / count, own / count, own / lowest, own / whole,
         calls, heap, own * SAMPLES_PER_SECOND / 1e3);
  (void)fflush(stdout);
}

static void measure(struct forest *forest, bool active, size_t keep_open) {
  double plain[ROUNDS];
  double floor[ROUNDS];
  double mine[ROUNDS];
  struct ours ours;
  struct stirrer stirrer = {0};

  if (active)
    start_stirring(&stirrer, forest);
  long slab = kernel_kilobytes();
  open_ours(&ours, forest, keep_open, VALUE_GROUP_CORE, false);
  size_t heap = ours.heap;
  slab = kernel_kilobytes() - slab;
  for (int round = 0; round < ROUNDS; round++) {
    if (interrupted != 0)
      exit(EXIT_FAILURE);
    stir(&stirrer);
    plain[round] = timed(read_plain, forest);
    stir(&stirrer);
    floor[round] = timed(read_floor, forest);
    mine[round] = timed_anew(forest, &stirrer, read_ours, &ours);
  }
  stir(&stirrer);
  long calls = system_calls(read_ours, &ours);
  long all_calls = 0;
  close_ours(&ours);
  double count = (double)forest->count;
  double lowest = median(floor);
  double highest = median(plain);
  double own = median(mine);
  double all = measure_all_groups(forest, &stirrer, keep_open, &all_calls);
  printf("| %s | %zu | %s | %zu | %.2f | %.2f | %.2f | %.2f | %.2f | %ld | "
         "%.2f | %ld | %zu | %ld |\n",
         forest->version, forest->count, active ? "all" : "none",
         keep_open < forest->count ? keep_open : forest->count, highest / count,
         lowest / count, own / count, own / lowest, own / highest, calls,
         all / count, all_calls, heap / forest->count,
         slab * 1024 / (long)forest->count);
  (void)fflush(stdout);
  stop_stirring(&stirrer);
}

/* Ours with the options of a user, and the same with idle cgroups and one
 * descriptor for each cgroup. Idle ones give theirs up first. */
static void measure_pods(struct forest *forest) {
  double each[ROUNDS];
  double mine[ROUNDS];
  struct ours all;
  struct ours ours;
  struct stirrer stirrer = {0};

  start_stirring(&stirrer, forest);
  open_ours(&all, forest, forest->count, VALUE_GROUP_CORE, true);
  open_ours(&ours, forest, DEFAULT_KEEP_OPEN, VALUE_GROUP_CORE, false);
  for (int round = -ROUNDS; round < ROUNDS; round++) {
    size_t i = round < 0 ? 0 : (size_t)round;
    each[i] = timed_anew(forest, &stirrer, read_ours, &all);
    mine[i] = timed_anew(forest, &stirrer, read_ours, &ours);
  }
  size_t read = ours.pass.read;
  stir(&stirrer);
  long calls = system_calls(read_ours, &ours);
  close_ours(&ours);
  close_ours(&all);
  stop_stirring(&stirrer);
  double count = (double)forest->count;
  double whole = median(each);
  double own = median(mine);
  printf("| %s | %zu | %zu | %.2f | %.2f | %.2f | %ld |\n", forest->version,
         forest->count, read, whole / count, own / count, own / whole, calls);
  (void)fflush(stdout);
}

static struct forest planted;

static void clean_up(void) { fell(&planted); }

static void on_signal(int number) { interrupted = number; }

enum kind { SERVICES, SAMPLED_SERVICES, PODS };

/* The floor also keeps one descriptor for each cgroup. */
static void measure_services(enum kind kind, size_t descriptors) {
  size_t rest = descriptors - planted.count - SPARE_DESCRIPTORS;

  open_files(&planted);
  for (int active = 0; active <= 1; active++)
    (kind == SERVICES ? measure : measure_samples)(&planted, active == 1, rest);
  if (planted.count > DEFAULT_KEEP_OPEN && kind == SERVICES)
    measure(&planted, true, DEFAULT_KEEP_OPEN);
  close_files(&planted);
}

static void measure_version(enum cgroup_version version, enum kind kind,
                            size_t count, size_t descriptors) {
  struct hierarchy_options where = {.version = version};
  struct hierarchy hierarchy;

  if (hierarchy_detect(&where, &hierarchy, NULL) < 0) {
    printf("| %s | %zu | this host has no such cgroups |\n",
           cgroup_version_name(version), count);
    return;
  }
  planted = (struct forest){.version = cgroup_version_name(version),
                            .file = usage_file(hierarchy.version),
                            .count = count};
  if (asprintf(&planted.base, "%s/cgroup_cpu_bench.%d", hierarchy.path,
               (int)getpid()) < 0)
    fail("allocate", "a path");
  plant(&planted, kind == PODS ? name_container : name_service);
  if (kind == PODS)
    measure_pods(&planted);
  else
    measure_services(kind, descriptors);
  fell(&planted);
  free(planted.base);
  hierarchy_release(&hierarchy);
}

static const struct {
  enum kind kind;
  const char *title;
  size_t counts[3];
} tables[] = {
    {SERVICES,
     "| | cgroups | active | kept open | plain | floor | ours | ours/floor "
     "| ours/plain | system calls | all groups | its system calls | heap "
     "bytes per cgroup | kernel bytes per cgroup |\n"
     "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
     {100, 1000, 10000}},
    {PODS,
     "Pods with three containers each, of which one in twenty is active\n\n"
     "| | cgroups | read | each read | ours | ours/each read "
     "| system calls |\n"
     "|---|---|---|---|---|---|---|\n",
     {102, 4002, 10002}},
    {SAMPLED_SERVICES,
     "The same for a sample between two passes, with `PeakInterval 0.1`\n\n"
     "| | cgroups | active | floor | pass | sample | sample/floor | "
     "sample/pass | system calls | heap bytes of all samples | ms per "
     "second |\n"
     "|---|---|---|---|---|---|---|---|---|---|---|\n",
     {100, 1000}},
};

int main(void) {
  struct rlimit limit;

  (void)getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
    fail("raise", "the limit of descriptors");
  (void)atexit(clean_up);
  (void)signal(SIGINT, on_signal);
  (void)signal(SIGTERM, on_signal);
  printf("CPU time per cgroup and pass in microseconds, medians of %d\n\n",
         ROUNDS);
  for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
    printf("%s%s", i > 0 ? "\n" : "", tables[i].title);
    for (size_t j = 0; j < ARRAY_SIZE(tables[i].counts); j++)
      for (int version = CGROUP_VERSION_1;
           tables[i].counts[j] > 0 && version <= CGROUP_VERSION_2; version++)
        measure_version((enum cgroup_version)version, tables[i].kind,
                        tables[i].counts[j], limit.rlim_cur);
  }
  return EXIT_SUCCESS;
}
