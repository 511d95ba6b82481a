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

#endif
