/* SPDX-License-Identifier: MIT */
/* Calls of the C library from the core, each of which can be made to fail. The
 * linker redirects them to these functions (ld's --wrap). */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One for each function. Functions that do the same share one. */
#define FAULT_CALLS(CALL)                                                      \
  CALL(access)                                                                 \
  CALL(asprintf)                                                               \
  CALL(calloc)                                                                 \
  CALL(capget)                                                                 \
  CALL(clock_gettime)                                                          \
  CALL(close)                                                                  \
  CALL(closedir)                                                               \
  CALL(fclose)                                                                 \
  CALL(fcntl)                                                                  \
  CALL(fdopendir)                                                              \
  CALL(fgetpwent)                                                              \
  CALL(fgets)                                                                  \
  CALL(fnmatch)                                                                \
  CALL(fopen)                                                                  \
  CALL(fstat)                                                                  \
  CALL(fstatat)                                                                \
  CALL(getline)                                                                \
  CALL(getrlimit)                                                              \
  CALL(inotify_add_watch)                                                      \
  CALL(inotify_init1)                                                          \
  CALL(inotify_rm_watch)                                                       \
  CALL(json_loadb)                                                             \
  CALL(lstat)                                                                  \
  CALL(open)                                                                   \
  CALL(open_memstream)                                                         \
  CALL(openat)                                                                 \
  CALL(openat2)                                                                \
  CALL(pread)                                                                  \
  CALL(preadv2)                                                                \
  CALL(read)                                                                   \
  CALL(readdir)                                                                \
  CALL(reallocarray)                                                           \
  CALL(readlinkat)                                                             \
  CALL(realpath)                                                               \
  CALL(regcomp)                                                                \
  CALL(regexec)                                                                \
  CALL(scandir)                                                                \
  CALL(setrlimit)                                                              \
  CALL(stat)                                                                   \
  CALL(statfs)                                                                 \
  CALL(strdup)                                                                 \
  CALL(strndup)                                                                \
  CALL(tsearch)

#define FAULT_ENUMERATOR(name) FAULT_##name,
enum fault_call { FAULT_CALLS(FAULT_ENUMERATOR) FAULT_CALL_COUNT };

struct faults {
  /* The code under test is running, so its calls count. */
  bool active;
  /* The call that fails, after how many successful calls, and with which
   * errno. */
  enum fault_call call;
  unsigned turn;
  int error;
  /* How often this call was made, and whether it has failed. */
  unsigned made;
  bool happened;
  /* Every call of openat2 fails, as on a kernel without it. */
  bool no_openat2;
  /* How often in turn a lookup in the kernel's cache fails before it succeeds,
   * as if something were mounted at the same time; and how often it has. */
  unsigned disturbances;
  unsigned disturbed;
  /* Every pread returns only some bytes of a line, and every third is
   * interrupted. */
  bool short_reads;
  unsigned reads;
  /* No directory entry has a type. */
  bool no_types;
  /* All files that fstat(2) and fstatat(2) show belong to root alone; those
   * that have no rights for others to `user`. */
  bool is_roots;
  uid_t user;
  /* The time of CLOCK_MONOTONIC, in nanoseconds. */
  uint64_t now_nsec;
  /* What replaces MACHINE_CPUS_DIRECTORY, "/proc/17" and
   * "/proc/self/mountinfo"; NULL: nothing does. */
  const char *machine;
  const char *process;
  const char *mountinfo;
  /* Replaces statfs(2) unless NULL. Returns the magic number of a directory. */
  uint64_t (*magic)(const char *path);
};

extern struct faults faults;

/* From now on, `call` fails the turn-th time, counted from 0. */
void faults_plan(enum fault_call call, unsigned turn, int error);

/* From now on, no call fails. */
void faults_plan_none(void);

/* Returns whether the turn-th call shall fail with the error at this place of
 * its row. Each call has the first error. What differs between the errors
 * depends little on the call, so that of many calls only every third has the
 * others, in each variant another third. */
bool faults_are_chosen(size_t place, unsigned turn, size_t variant);

/* Returns the name of the call that fails. */
const char *faults_name(void);

#endif
