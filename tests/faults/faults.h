/* SPDX-License-Identifier: MIT */
/* Calls of the C library that the core makes, each of which can be made to
 * fail. The linker leads the core to them (ld's --wrap). */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* One for each function; those that do the same share one. */
#define FAULT_CALLS(CALL)                                                      \
  CALL(access)                                                                 \
  CALL(asprintf)                                                               \
  CALL(calloc)                                                                 \
  CALL(clock_gettime)                                                          \
  CALL(close)                                                                  \
  CALL(closedir)                                                               \
  CALL(fclose)                                                                 \
  CALL(fcntl)                                                                  \
  CALL(fdopendir)                                                              \
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
  CALL(open)                                                                   \
  CALL(open_memstream)                                                         \
  CALL(openat)                                                                 \
  CALL(openat2)                                                                \
  CALL(pread)                                                                  \
  CALL(read)                                                                   \
  CALL(readdir)                                                                \
  CALL(reallocarray)                                                           \
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
  /* The code under test is running: its calls count. */
  bool active;
  /* The call that fails, which time it is made, and with which errno. */
  enum fault_call call;
  unsigned turn;
  int error;
  /* How often that call was made, and whether it failed then. */
  unsigned made;
  bool happened;
  /* Every call of openat2 fails, as where there is none. */
  bool no_openat2;
  /* Every pread hands over some bytes of a line, every third is interrupted. */
  bool short_reads;
  unsigned reads;
  /* No directory entry tells its type. */
  bool no_types;
  /* What CLOCK_MONOTONIC shows, in nanoseconds. */
  uint64_t now_nsec;
  /* Where MACHINE_CPUS_DIRECTORY is taken to be; NULL: where it is. */
  const char *machine;
  /* Stands in for statfs(2), unless NULL: the magic number of a directory. */
  uint64_t (*magic)(const char *path);
};

extern struct faults faults;

/* From now on `call` fails the turn-th time, counted from 0. */
void faults_plan(enum fault_call call, unsigned turn, int error);

/* No call fails. */
void faults_plan_none(void);

/* The name of the call that is to fail. */
const char *faults_name(void);

#endif
