/* SPDX-License-Identifier: MIT */
/* Tells whether a file is still the one that was read: stat(2). */
#ifndef CGROUP_CPU_FILE_STAMP_H
#define CGROUP_CPU_FILE_STAMP_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

/* The time of change cannot be set back, unlike that of modification. All zero
 * is no file. */
struct file_stamp {
  dev_t device;
  ino_t inode;
  struct timespec changed;
};

static inline struct file_stamp file_stamp(const struct stat *status) {
  return (struct file_stamp){status->st_dev, status->st_ino, status->st_ctim};
}

static inline bool file_stamp_is(const struct file_stamp *stamp,
                                 const struct stat *status) {
  return stamp->device == status->st_dev && stamp->inode == status->st_ino &&
         stamp->changed.tv_sec == status->st_ctim.tv_sec &&
         stamp->changed.tv_nsec == status->st_ctim.tv_nsec;
}

/* A file may change twice while the time of its last change stays the same,
 * because file systems count in ticks of the kernel, some in seconds. Returns
 * whether a later change would have another time. */
#define FILE_SETTLED_SEC 2
static inline bool file_is_settled(const struct stat *status) {
  struct timespec today;

  return clock_gettime(CLOCK_REALTIME, &today) == 0 &&
         today.tv_sec - status->st_ctim.tv_sec >= FILE_SETTLED_SEC;
}

#endif
