/* SPDX-License-Identifier: MIT */
#include "name/home.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/mount_lines.h"
#include "util/open_beneath.h"
#include "util/path.h"

/* The C library has it, but no header. */
int capget(struct __user_cap_header_struct *header,
           struct __user_cap_data_struct *capabilities);

/* A home directory is in no more mounts than this. */
#define MOUNTS_MAX 32
#define MOUNT_ID "mnt_id:"

/* The mounts on the way to a directory. */
struct way {
  const char *path;
  unsigned long mounts[MOUNTS_MAX];
  size_t count;
};

/* These answer without a network and without a process of somebody. */
static bool is_local(const char *type) {
  static const char *const types[] = {"bcachefs", "btrfs", "ext2",     "ext3",
                                      "ext4",     "f2fs",  "jfs",      "nilfs2",
                                      "overlay",  "ramfs", "reiserfs", "rootfs",
                                      "tmpfs",    "xfs",   "zfs"};

  for (size_t i = 0; i < ARRAY_SIZE(types); i++)
    if (strcmp(type, types[i]) == 0)
      return true;
  return false;
}

/* A hidden mount counts as well: it costs at most a name. */
static int add_to_way(void *context, const struct mount_line *line) {
  struct way *way = context;

  if (path_behind(way->path, line->directory) == NULL)
    return 0;
  if (!is_local(line->type) || way->count == MOUNTS_MAX)
    return -EXDEV;
  way->mounts[way->count++] = line->id;
  return 0;
}

static int read_home(FILE *file, uid_t uid, const char *name_root,
                     char path[PATH_MAX]) {
  const struct passwd *entry;

  do {
    errno = 0;
    entry = fgetpwent(file);
  } while (entry != NULL && entry->pw_uid != uid);
  if (entry == NULL)
    return errno != 0 && errno != ENOENT ? -errno : -ENOENT;
  int length = snprintf(path, PATH_MAX, "%s%s", name_root, entry->pw_dir);
  if (length >= PATH_MAX)
    return -ENAMETOOLONG;
  return entry->pw_dir[0] == '/' ? 0 : -ENOENT;
}

/* Finds the path of the home directory in /etc/passwd. One that has another
 * form than the mount points of the kernel cannot be compared with them. */
static int find_home(const struct homes *homes, uid_t uid,
                     char path[PATH_MAX]) {
  char file_path[PATH_MAX];

  if (snprintf(file_path, sizeof(file_path), "%s/etc/passwd",
               homes->name_root) >= PATH_MAX)
    return -ENAMETOOLONG;
  CLEANUP_FILE FILE *file = fopen(file_path, "re");
  if (file == NULL)
    return -errno;
  int status = read_home(file, uid, homes->name_root, path);
  if (status == 0 && (path[0] != '/' || strstr(path, "//") != NULL ||
                      strstr(path, "/.") != NULL))
    status = -ENOENT;
  if (status < 0)
    path[0] = '\0';
  return status;
}

/* Stores the mount that an open file is in. */
static int mount_of(int fd, unsigned long *mount) {
  CLEANUP_FREE char *line = NULL;
  char path[64];
  size_t size = 0;

  (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
  CLEANUP_FILE FILE *file = fopen(path, "re");
  if (file == NULL)
    return -errno;
  while (getline(&line, &size, file) >= 0)
    if (strncmp(line, MOUNT_ID, strlen(MOUNT_ID)) == 0) {
      *mount = strtoul(line + strlen(MOUNT_ID), NULL, 10);
      return 0;
    }
  return -ENODATA;
}

static bool is_on_way(const struct way *way, unsigned long mount) {
  for (size_t i = 0; i < way->count; i++)
    if (way->mounts[i] == mount)
      return true;
  return false;
}

/* Whatever is mounted there since the mounts were read is none of them. */
static int open_on_way(const struct way *way) {
  unsigned long mount = 0;
  CLEANUP_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (root < 0)
    return -errno;
  CLEANUP_FD int fd =
      open_without_links(root, way->path + 1, O_PATH | O_DIRECTORY);
  if (fd < 0)
    return fd;
  int status = mount_of(fd, &mount);
  if (status < 0)
    return status;
  return is_on_way(way, mount) ? TAKE_FD(fd) : -EXDEV;
}

int home_open(const struct homes *homes, uid_t uid, char path[PATH_MAX]) {
  struct way way = {.path = path};

  path[0] = '\0';
  int status = find_home(homes, uid, path);

  if (status == 0)
    status = mount_lines_read(homes->mountinfo, add_to_way, &way);
  return status < 0 ? status : open_on_way(&way);
}

bool home_may_read(uid_t uid) {
  struct __user_cap_header_struct header = {.version =
                                                _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct capabilities[_LINUX_CAPABILITY_U32S_3] = {{0}};
  const unsigned enough = 1U << CAP_DAC_READ_SEARCH | 1U << CAP_DAC_OVERRIDE;

  return geteuid() == uid || (capget(&header, capabilities) == 0 &&
                              (capabilities[0].effective & enough) != 0);
}
