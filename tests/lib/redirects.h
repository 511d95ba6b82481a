/* SPDX-License-Identifier: MIT */
/* Functions that a program for a 32-bit system with glibc calls by other names:
 * those for large files and for times after 2038. The linker takes the names
 * from this file after the preprocessor, wrap.h by the macro REDIRECT. */
#include <time.h>

#if defined __GLIBC__ && defined __USE_FILE_OFFSET64
REDIRECT(fopen, fopen64)
REDIRECT(getrlimit, getrlimit64)
REDIRECT(open, open64)
REDIRECT(__open_2, __open64_2)
REDIRECT(openat, openat64)
REDIRECT(__openat_2, __openat64_2)
REDIRECT(pread, pread64)
REDIRECT(__pread_chk, __pread64_chk)
REDIRECT(preadv2, preadv64v2)
REDIRECT(readdir, readdir64)
REDIRECT(scandir, scandir64)
REDIRECT(setrlimit, setrlimit64)
REDIRECT(statfs, statfs64)
#if _TIME_BITS == 64 && __TIMESIZE == 32
REDIRECT(clock_gettime, __clock_gettime64)
REDIRECT(fcntl, __fcntl_time64)
REDIRECT(fstat, __fstat64_time64)
REDIRECT(fstatat, __fstatat64_time64)
REDIRECT(lstat, __lstat64_time64)
REDIRECT(stat, __stat64_time64)
#else
REDIRECT(fcntl, fcntl64)
REDIRECT(fstat, fstat64)
REDIRECT(fstatat, fstatat64)
REDIRECT(lstat, lstat64)
REDIRECT(stat, stat64)
#endif
#endif
