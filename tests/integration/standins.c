/* SPDX-License-Identifier: MIT */
/* Loaded into a collectd before libc. It makes calls of the plugin fail or take
 * long, and steps the clock of the whole process. A file has the orders, and a
 * test may change them at any time (see standins.py). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The contents of the file. */
struct orders {
  /* The call to fail with that errno, or to delay. */
  char call[32];
  int32_t error;
  int32_t late_msec;
  /* Only for files with this in their path; or only for this many bytes. */
  char path[128];
  uint64_t bytes;
  /* Seconds to add to CLOCK_REALTIME. */
  int64_t shift;
  /* Counts the calls to which the orders applied. */
  uint64_t hits;
};

static struct orders *orders(void) {
  static struct orders none;
  static struct orders *mapped;
  const char *path = getenv("CGROUP_CPU_STANDINS");

  if (mapped == NULL && path != NULL) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *memory =
        mmap(NULL, sizeof(none), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (memory != MAP_FAILED)
      mapped = memory;
  }
  return mapped != NULL ? mapped : &none;
}

static int is_plugin(const void *caller) {
  Dl_info info;

  return dladdr(caller, &info) != 0 && info.dli_fname != NULL &&
         strstr(info.dli_fname, "cgroup_cpu.so") != NULL;
}

static int is_meant(const void *caller, const char *call) {
  return strcmp(orders()->call, call) == 0 && is_plugin(caller);
}

static int fails(void) {
  struct timespec late = {.tv_sec = orders()->late_msec / 1000,
                          .tv_nsec = orders()->late_msec % 1000 * 1000000};

  (void)__atomic_add_fetch(&orders()->hits, 1, __ATOMIC_RELAXED);
  if (orders()->late_msec > 0)
    (void)nanosleep(&late, NULL);
  errno = orders()->error;
  return orders()->error != 0;
}

#define CALLER __builtin_return_address(0)

ssize_t pread(int fd, void *buffer, size_t size, off_t offset) {
  if (is_meant(CALLER, "pread")) {
    char link[64];
    char path[4096];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    path[length > 0 ? length : 0] = '\0';
    if (strstr(path, orders()->path) != NULL && fails())
      return -1;
  }
  return syscall(SYS_pread64, fd, buffer, size, offset);
}

long syscall(long number, ...) {
  static long (*real)(long, ...);
  long a[6];
  va_list arguments;

  if (real == NULL)
    real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  va_start(arguments, number);
  for (int i = 0; i < 6; i++)
    a[i] = va_arg(arguments, long);
  va_end(arguments);
  if (number == SYS_openat2 && is_meant(CALLER, "openat2") &&
      strstr((const char *)a[1], orders()->path) != NULL && fails())
    return -1;
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

FILE *fopen(const char *path, const char *mode) {
  static FILE *(*real)(const char *, const char *);

  if (is_meant(CALLER, "fopen") && fails())
    return NULL;
  if (real == NULL)
    real = (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen");
  return real(path, mode);
}

extern void *__libc_calloc(size_t count, size_t size);
void *calloc(size_t count, size_t size) {
  if (is_meant(CALLER, "calloc") && fails())
    return NULL;
  return __libc_calloc(count, size);
}

extern void *__libc_realloc(void *old, size_t size);
void *realloc(void *old, size_t size) {
  if (is_meant(CALLER, "realloc") && size >= orders()->bytes && fails())
    return NULL;
  return __libc_realloc(old, size);
}

char *strdup(const char *text) {
  size_t size = strlen(text) + 1;

  if (is_meant(CALLER, "strdup") && fails())
    return NULL;
  char *copy = malloc(size);
  return copy != NULL ? memcpy(copy, text, size) : NULL;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int status = (int)syscall(SYS_clock_gettime, clock, now);

  if (status == 0 && clock == CLOCK_REALTIME)
    now->tv_sec += orders()->shift;
  return status;
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                           const struct timespec *until) {
  static int (*real)(pthread_cond_t *, pthread_mutex_t *,
                     const struct timespec *);
  struct timespec then = *until;
  struct timespec soon;

  if (real == NULL)
    real = (int (*)(pthread_cond_t *, pthread_mutex_t *,
                    const struct timespec *))dlsym(RTLD_NEXT,
                                                   "pthread_cond_timedwait");
  then.tv_sec -= orders()->shift;
  /* The kernel notices a step of the clock. Here it is checked from time to
   * time. */
  (void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &soon);
  soon.tv_nsec += 100000000;
  soon.tv_sec += soon.tv_nsec / 1000000000;
  soon.tv_nsec %= 1000000000;
  if (then.tv_sec < soon.tv_sec ||
      (then.tv_sec == soon.tv_sec && then.tv_nsec <= soon.tv_nsec))
    return real(condition, mutex, &then);
  /* This looks like a spurious wakeup, which is always allowed. */
  (void)real(condition, mutex, &soon);
  return 0;
}
