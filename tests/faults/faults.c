/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#if HAVE_JANSSON
#include <jansson.h>
#endif
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <regex.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "read/machine_cpus.h"
#include "util/openat2.h"
#include "util/units.h"
#include "wrap.h"

/* The number of bytes that a short read returns. */
#define SHORT 7

#define FAULT_NAME(name) #name,
static const char *const names[FAULT_CALL_COUNT + 1] = {
    FAULT_CALLS(FAULT_NAME) "no call"};

struct faults faults;

void faults_plan(enum fault_call call, unsigned turn, int error) {
  faults.call = call;
  faults.turn = turn;
  faults.error = error;
  faults.made = 0;
  faults.happened = false;
  faults.reads = 0;
}

void faults_plan_none(void) { faults_plan(FAULT_CALL_COUNT, 0, 0); }

bool faults_are_chosen(size_t place, unsigned turn, size_t variant) {
  return place == 0 || turn < 9 || (turn + place + variant) % 3 == 0;
}

const char *faults_name(void) { return names[faults.call]; }

static bool fails(enum fault_call call) {
  if (!faults.active || faults.call != call)
    return false;
  if (faults.made++ != faults.turn)
    return false;
  faults.happened = true;
  errno = faults.error;
  return true;
}

/* Defines the function that the linker calls instead of `name`. */
#define WRAP(type, name, parameters, arguments, failure)                       \
  WRAPPER(type, name, parameters) {                                            \
    return fails(FAULT_##name) ? (failure) : __real_##name arguments;          \
  }

/* The same for a function that does its work even if it fails. */
#define WRAP_DONE(type, name, parameters, arguments, failure)                  \
  WRAPPER(type, name, parameters) {                                            \
    type result = __real_##name arguments;                                     \
    return fails(FAULT_##name) ? (failure) : result;                           \
  }

WRAP(int, access, (const char *path, int mode), (path, mode), -1)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL)
WRAP_DONE(int, close, (int fd), (fd), -1)
WRAP_DONE(int, closedir, (DIR * stream), (stream), -1)
WRAP(DIR *, fdopendir, (int fd), (fd), NULL)
WRAP(int, fnmatch, (const char *pattern, const char *text, int flags),
     (pattern, text, flags), -1)
WRAP(struct passwd *, fgetpwent, (FILE * stream), (stream), NULL)
WRAP(int, getrlimit, (int resource, struct rlimit *limit), (resource, limit),
     -1)
WRAP(int, inotify_add_watch, (int fd, const char *path, uint32_t mask),
     (fd, path, mask), -1)
WRAP(int, inotify_rm_watch, (int fd, int watch), (fd, watch), -1)
WRAP(int, lstat, (const char *path, struct stat *status), (path, status), -1)
#ifdef RWF_NOWAIT
WRAP(ssize_t, preadv2,
     (int fd, const struct iovec *room, int count, off_t offset, int flags),
     (fd, room, count, offset, flags), -1)
#endif
WRAP(ssize_t, readlinkat, (int fd, const char *path, char *target, size_t size),
     (fd, path, target, size), -1)
WRAP(ssize_t, read, (int fd, void *buffer, size_t size), (fd, buffer, size), -1)
WRAP(void *, reallocarray, (void *old, size_t count, size_t size),
     (old, count, size), NULL)
WRAP(char *, realpath, (const char *path, char *resolved), (path, resolved),
     NULL)
WRAP(int, regcomp, (regex_t *restrict regex, const char *pattern, int flags),
     (regex, pattern, flags), REG_ESPACE)
WRAP(int, regexec,
     (const regex_t *regex, const char *text, size_t count, regmatch_t *matches,
      int flags),
     (regex, text, count, matches, flags), REG_ESPACE)
WRAP(int, scandir,
     (const char *path, struct dirent ***entries,
      int (*filter)(const struct dirent *),
      int (*compare)(const struct dirent **, const struct dirent **)),
     (path, entries, filter, compare), -1)
WRAP(int, setrlimit, (int resource, const struct rlimit *limit),
     (resource, limit), -1)
WRAP(int, stat, (const char *path, struct stat *status), (path, status), -1)
WRAP(char *, strdup, (const char *text), (text), NULL)
WRAP(char *, strndup, (const char *text, size_t length), (text, length), NULL)
WRAP(void *, tsearch,
     (const void *key, void **root, int (*compare)(const void *, const void *)),
     (key, root, compare), NULL)

WRAPPER(int, clock_gettime, (clockid_t clock, struct timespec *now)) {
  if (!faults.active)
    return __real_clock_gettime(clock, now);
  if (fails(FAULT_clock_gettime))
    return -1;
  now->tv_sec = (time_t)(faults.now_nsec / NSEC_PER_SEC);
  now->tv_nsec = (long)(faults.now_nsec % NSEC_PER_SEC);
  return 0;
}

/* The process may do what root may. */
WRAPPER(int, capget,
        (struct __user_cap_header_struct * header,
         struct __user_cap_data_struct *capabilities)) {
  (void)header;
  if (fails(FAULT_capget))
    return -1;
  capabilities[0].effective = UINT32_MAX;
  return 0;
}

static void give_to_root(struct stat *status) {
  if (!faults.is_roots)
    return;
  status->st_uid = (status->st_mode & S_IRWXO) == 0 ? faults.user : 0;
  status->st_mode &= ~(mode_t)(S_IWGRP | S_IWOTH);
}

WRAPPER(int, fstat, (int fd, struct stat *status)) {
  if (fails(FAULT_fstat))
    return -1;
  int result = __real_fstat(fd, status);
  if (result == 0)
    give_to_root(status);
  return result;
}

WRAPPER(int, fstatat,
        (int fd, const char *path, struct stat *restrict status, int flags)) {
  if (fails(FAULT_fstatat))
    return -1;
  int result = __real_fstatat(fd, path, status, flags);
  if (result == 0)
    give_to_root(status);
  return result;
}

#if HAVE_JANSSON
WRAPPER(json_t *, json_loadb,
        (const char *document, size_t length, size_t flags,
         json_error_t *error)) {
  if (!fails(FAULT_json_loadb))
    return __real_json_loadb(document, length, flags, error);
  /* As it is if malloc() fails: nothing is told. */
  memset(error, 0, sizeof(*error));
  return NULL;
}
#endif

WRAPPER(int, statfs, (const char *path, struct statfs *status)) {
  if (fails(FAULT_statfs))
    return -1;
  int result = __real_statfs(path, status);
  if (result == 0 && faults.magic != NULL)
    status->f_type = (__typeof__(status->f_type))faults.magic(path);
  return result;
}

WRAPPER(struct dirent *, readdir, (DIR * stream)) {
  if (fails(FAULT_readdir))
    return NULL;
  struct dirent *entry = __real_readdir(stream);
  if (entry != NULL && faults.no_types)
    entry->d_type = DT_UNKNOWN;
  return entry;
}

WRAPPER(int, fcntl, (int fd, int command, ...)) {
  va_list arguments;

  va_start(arguments, command);
  int argument = va_arg(arguments, int);
  va_end(arguments);
  return fails(FAULT_fcntl) ? -1 : __real_fcntl(fd, command, argument);
}

WRAPPER(ssize_t, pread, (int fd, void *buffer, size_t size, off_t offset)) {
  const char *text = buffer;

  if (fails(FAULT_pread))
    return -1;
  if (!faults.short_reads)
    return __real_pread(fd, buffer, size, offset);
  if (faults.reads++ % 3 == 2) {
    errno = EINTR;
    return -1;
  }
  ssize_t length = __real_pread(fd, buffer, size, offset);
  if (length > SHORT)
    length = text[SHORT - 1] == '\n' ? SHORT - 1 : SHORT;
  return length;
}

/* The kernel takes some ms to close an instance. So there is one for all, and
 * it is emptied on every call. QEMU swaps the bytes of the events only of an
 * instance that was duplicated in this way. */
WRAPPER(int, inotify_init1, (int flags)) {
  static int instance = -1;
  char events[4096];

  if (fails(FAULT_inotify_init1))
    return -1;
  if (instance < 0)
    instance = __real_inotify_init1(flags);
  while (__real_read(instance, events, sizeof(events)) > 0)
    ;
  return dup(instance);
}

/* The latest memory stream, and the place of its text. */
static FILE *memory_stream;
static char **memory_text;

WRAPPER(FILE *, open_memstream, (char **text, size_t *size)) {
  if (fails(FAULT_open_memstream))
    return NULL;
  memory_stream = __real_open_memstream(text, size);
  memory_text = text;
  return memory_stream;
}

/* Without memory, glibc's fclose() reports success but leaves no text. */
WRAPPER(int, fclose, (FILE * stream)) {
  bool silent = stream == memory_stream && faults.error == ENOMEM;
  int status = __real_fclose(stream);

  if (stream == memory_stream)
    memory_stream = NULL;
  if (!fails(FAULT_fclose))
    return status;
  if (!silent)
    return EOF;
  free(*memory_text);
  *memory_text = NULL;
  return 0;
}

/* After a failed call, ferror() must be true for the stream. */
static void put_into_error(FILE *stream) {
  int error = errno;

  (void)fputc('x', stream);
  errno = error;
}

WRAPPER(char *, fgets, (char *line, int size, FILE *stream)) {
  if (!fails(FAULT_fgets))
    return __real_fgets(line, size, stream);
  put_into_error(stream);
  return NULL;
}

WRAPPER(ssize_t, getline, (char **line, size_t *size, FILE *stream)) {
  if (!fails(FAULT_getline))
    return __real_getline(line, size, stream);
  put_into_error(stream);
  return -1;
}

/* Returns the path that takes the place of `path`, if that is in `directory`.
 */
static const char *moved(const char *path, const char *directory,
                         const char *replacement, char place[PATH_MAX]) {
  size_t length = strlen(directory);

  if (replacement == NULL || strncmp(path, directory, length) != 0)
    return path;
  (void)snprintf(place, PATH_MAX, "%s%s", replacement, path + length);
  return place;
}

WRAPPER(FILE *, fopen, (const char *path, const char *mode)) {
  char place[PATH_MAX];

  if (fails(FAULT_fopen))
    return NULL;
  return __real_fopen(
      moved(path, "/proc/self/mountinfo", faults.mountinfo, place), mode);
}

WRAPPER(int, open, (const char *path, int flags, ...)) {
  char of_machine[PATH_MAX];
  char of_process[PATH_MAX];

  if (fails(FAULT_open))
    return -1;
  path = moved(path, MACHINE_CPUS_DIRECTORY, faults.machine, of_machine);
  path = moved(path, "/proc/17", faults.process, of_process);
  return __real_open(path, flags);
}

WRAPPER(int, openat, (int directory, const char *path, int flags, ...)) {
  return fails(FAULT_openat) ? -1 : __real_openat(directory, path, flags);
}

long __real_syscall(long number, ...);

/* In a C library without preadv2(). */
static long call_preadv2(va_list arguments) {
  long fd = va_arg(arguments, long);
  const struct iovec *room = va_arg(arguments, const struct iovec *);
  long count = va_arg(arguments, long);
  long low = va_arg(arguments, long);
  long high = va_arg(arguments, long);
  long flags = va_arg(arguments, long);

  return fails(FAULT_preadv2)
             ? -1
             : __real_syscall(SYS_preadv2, fd, room, count, low, high, flags);
}

static bool is_disturbed(const struct open_how *how) {
  if (!faults.active || (how->resolve & RESOLVE_CACHED) == 0)
    return false;
  bool fails_again = faults.disturbed < faults.disturbances;
  faults.disturbed = fails_again ? faults.disturbed + 1 : 0;
  return fails_again;
}

/* Only openat2(2) is called in this way, and preadv2(2) with an old musl. */
WRAPPER(long, syscall, (long number, ...)) {
  va_list arguments;

  va_start(arguments, number);
  if (number == SYS_preadv2) {
    long length = call_preadv2(arguments);
    va_end(arguments);
    return length;
  }
  int directory = va_arg(arguments, int);
  const char *path = va_arg(arguments, const char *);
  void *how = va_arg(arguments, void *);
  size_t size = va_arg(arguments, size_t);
  va_end(arguments);
  if (fails(FAULT_openat2))
    return -1;
  if (is_disturbed(how)) {
    errno = EAGAIN;
    return -1;
  }
  if (faults.no_openat2) {
    errno = ENOSYS;
    return -1;
  }
  return __real_syscall(number, directory, path, how, size);
}

static __attribute__((format(printf, 2, 0))) int
print(char **text, const char *format, va_list arguments) {
  if (fails(FAULT_asprintf)) {
    /* On failure, its value is undefined. */
    *text = (char *)1;
    return -1;
  }
  return vasprintf(text, format, arguments);
}

__attribute__((format(printf, 2, 3)))
WRAPPER(int, asprintf, (char **text, const char *format, ...)) {
  va_list arguments;

  va_start(arguments, format);
  int length = print(text, format, arguments);
  va_end(arguments);
  return length;
}

/* The names of these calls if the compiler checks the sizes of buffers or
 * inlines getline. */
WRAPPER(int, __open_2, (const char *path, int flags)) {
  return __wrap_open(path, flags);
}

WRAPPER(int, __openat_2, (int directory, const char *path, int flags)) {
  return __wrap_openat(directory, path, flags);
}

WRAPPER(ssize_t, __read_chk, (int fd, void *buffer, size_t size, size_t room)) {
  (void)room;
  return __wrap_read(fd, buffer, size);
}

WRAPPER(ssize_t, __pread_chk,
        (int fd, void *buffer, size_t size, off_t offset, size_t room)) {
  (void)room;
  return __wrap_pread(fd, buffer, size, offset);
}

WRAPPER(ssize_t, __readlinkat_chk,
        (int fd, const char *path, char *target, size_t size, size_t room)) {
  (void)room;
  return __wrap_readlinkat(fd, path, target, size);
}

WRAPPER(char *, __fgets_chk,
        (char *line, size_t room, int size, FILE *stream)) {
  (void)room;
  return __wrap_fgets(line, size, stream);
}

WRAPPER(ssize_t, __getdelim,
        (char **line, size_t *size, int end, FILE *stream)) {
  (void)end;
  return __wrap_getline(line, size, stream);
}

__attribute__((format(printf, 3, 4)))
WRAPPER(int, __asprintf_chk, (char **text, int flag, const char *format, ...)) {
  va_list arguments;

  (void)flag;
  va_start(arguments, format);
  int length = print(text, format, arguments);
  va_end(arguments);
  return length;
}
