/* SPDX-License-Identifier: MIT */
/* Holds a steady CPU load, to compare a monitor's figure with a known one.
 *
 * The total CPU time of a thread, divided by its share of a core, gives the
 * moment up to which its load is paid. The thread sleeps until that moment.
 * Then it burns until it has paid for one more period. The moment is computed
 * from the total, so an error in one period is not carried into the next.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define PERIOD_NS (10 * NS_PER_MS)
#define CATCH_UP_NS (200 * NS_PER_MS)
#define MAX_SECONDS 1000000000
#define EXIT_USAGE 2

static const char usage_line[] =
    "Usage: cgroup_cpu_burn [--millicores N] [--seconds S]\n";

struct options {
  long millicores;
  double seconds; /* 0: until a signal */
};

struct load {
  double share;  /* of one core, for each thread */
  int64_t start; /* ns, CLOCK_MONOTONIC */
  int64_t spent; /* ns of CPU, for each thread, before the threads started */
};

static int64_t clock_ns(clockid_t clock) {
  struct timespec now;

  clock_gettime(clock, &now);
  return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static struct timespec to_timespec(int64_t ns) {
  return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S),
                           .tv_nsec = (long)(ns % NS_PER_S)};
}

static long usable_cpus(void) {
  cpu_set_t set;

  /* EINVAL if the kernel supports more CPUs than the set can hold. */
  if (sched_getaffinity(0, sizeof(set), &set) < 0)
    return sysconf(_SC_NPROCESSORS_ONLN);
  return CPU_COUNT(&set);
}

static int64_t paid_until(const struct load *load, int64_t cpu) {
  return load->start + (int64_t)((double)(load->spent + cpu) / load->share);
}

static int64_t burn_until(const struct load *load, int64_t target) {
  const int64_t wall_before = clock_ns(CLOCK_MONOTONIC);
  const int64_t cpu_before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  int64_t cpu;

  /* gVisor charges whole ticks of 10 ms. A burst that stops right after a tick
   * would burn less than the counters report. So the wall time has to cover
   * it. */
  do {
    for (volatile int i = 0; i < 100000; i++)
      ;
    cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  } while (paid_until(load, cpu) < target ||
           cpu - cpu_before > clock_ns(CLOCK_MONOTONIC) - wall_before);
  return paid_until(load, cpu);
}

static void sleep_until(int64_t moment) {
  const struct timespec wake = to_timespec(moment);

  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL) == EINTR)
    ;
}

static void *hold(void *arg) {
  struct load load = *(const struct load *)arg;
  /* With the burst in the middle of a period, both ends are exactly paid. */
  const int64_t rest = (int64_t)((1 - load.share) * PERIOD_NS / 2);
  int64_t paid = load.start;

  for (;;) {
    sleep_until(paid + rest);
    paid = burn_until(&load, paid + PERIOD_NS);

    /* Load that was missed because no CPU was free is made up for, but only a
     * little of it: a long burst would be an error of its own. */
    int64_t late = clock_ns(CLOCK_MONOTONIC) - paid;
    if (late > CATCH_UP_NS) {
      load.start += late - CATCH_UP_NS;
      paid += late - CATCH_UP_NS;
    }
  }
  return NULL;
}

static int start_threads(struct load *load, long millicores) {
  const long threads = (millicores + 999) / 1000;

  if (threads == 0)
    return 0;
  load->share = (double)millicores / 1000 / (double)threads;
  load->spent = clock_ns(CLOCK_PROCESS_CPUTIME_ID) / threads;
  for (long i = 0; i < threads; i++) {
    pthread_t thread;
    int error = pthread_create(&thread, NULL, hold, load);
    if (error != 0)
      return -error;
    pthread_detach(thread);
  }
  return 0;
}

static void wait_for_end(const sigset_t *signals, int64_t end) {
  int64_t left;

  while ((left = end - clock_ns(CLOCK_MONOTONIC)) > 0) {
    const struct timespec timeout = to_timespec(left);
    if (sigtimedwait(signals, NULL, &timeout) > 0)
      return;
  }
}

static int report(int64_t start) {
  struct rusage usage;
  const double wall = (double)(clock_ns(CLOCK_MONOTONIC) - start);

  if (getrusage(RUSAGE_SELF, &usage) < 0)
    return -errno;
  const double cpu =
      (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
  if (printf("used %.2f millicores over %.2f s\n", cpu / wall * 1000,
             wall / 1e9) < 0 ||
      fflush(stdout) != 0)
    return -errno;
  return 0;
}

static int burn(const struct options *options) {
  /* Static, because the threads read it as long as the process lives. */
  static struct load load;
  sigset_t signals;
  int64_t end = INT64_MAX;
  int r;

  load.start = clock_ns(CLOCK_MONOTONIC);
  if (options->seconds > 0)
    end = load.start + (int64_t)(options->seconds * (double)NS_PER_S);
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  /* Before the threads start, because they inherit the mask. */
  sigprocmask(SIG_BLOCK, &signals, NULL);
  r = start_threads(&load, options->millicores);
  if (r < 0)
    return r;
  wait_for_end(&signals, end);
  return report(load.start);
}

static int parse_number(const char *text, const char *digits, double *value) {
  char *end;

  /* strtod(3) alone would also accept signs, exponents, "inf" and "nan". */
  if (text[strspn(text, digits)] != '\0')
    return -EINVAL;
  *value = strtod(text, &end);
  return end == text || *end != '\0' ? -EINVAL : 0;
}

static int parse_millicores(const char *text, long *millicores) {
  const long max = 1000 * usable_cpus();
  double value;

  if (parse_number(text, "0123456789", &value) < 0 || value > (double)max) {
    (void)fprintf(
        stderr,
        "cgroup_cpu_burn: --millicores '%s': must be a whole number from 0 "
        "to %ld (1000 for each usable CPU)\n",
        text, max);
    return -EINVAL;
  }
  *millicores = (long)value;
  return 0;
}

static int parse_seconds(const char *text, double *seconds) {
  double value;

  if (parse_number(text, ".0123456789", &value) < 0 || value <= 0 ||
      value > MAX_SECONDS) {
    (void)fprintf(
        stderr,
        "cgroup_cpu_burn: --seconds '%s': must be a number above 0 and up "
        "to %d\n",
        text, MAX_SECONDS);
    return -EINVAL;
  }
  *seconds = value;
  return 0;
}

static void help(void) {
  printf("%s"
         "Hold a steady CPU load, and say at the end what was really used.\n"
         "\n"
         "  --millicores N  load in thousandths of a core, 0 to %ld here "
         "(default 100)\n"
         "  --seconds S     end after S seconds (default: on SIGINT or "
         "SIGTERM)\n"
         "  --help          print this and exit\n"
         "  --version       print the version and exit\n",
         usage_line, 1000 * usable_cpus());
}

static int parse_options(int argc, char **argv, struct options *options) {
  static const struct option known[] = {
      {"millicores", required_argument, NULL, 'm'},
      {"seconds", required_argument, NULL, 's'},
      {"help", no_argument, NULL, 'h'},
      {"version", no_argument, NULL, 'v'},
      {NULL, 0, NULL, 0},
  };
  int option;
  int r = 0;

  while (r == 0 && (option = getopt_long(argc, argv, "", known, NULL)) != -1)
    switch (option) {
    case 'm':
      r = parse_millicores(optarg, &options->millicores);
      break;
    case 's':
      r = parse_seconds(optarg, &options->seconds);
      break;
    case 'h':
      help();
      exit(EXIT_SUCCESS);
    case 'v':
      puts("cgroup_cpu_burn " CGROUP_CPU_VERSION);
      exit(EXIT_SUCCESS);
    default:
      r = -EINVAL;
    }
  if (r == 0 && optind < argc) {
    (void)fprintf(stderr, "cgroup_cpu_burn: unexpected argument '%s'\n",
                  argv[optind]);
    r = -EINVAL;
  }
  return r;
}

int main(int argc, char **argv) {
  struct options options = {.millicores = 100};

  if (parse_options(argc, argv, &options) < 0) {
    (void)fputs(usage_line, stderr);
    return EXIT_USAGE;
  }

  int r = burn(&options);
  if (r < 0) {
    (void)fprintf(stderr, "cgroup_cpu_burn: %s\n", strerror(-r));
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
