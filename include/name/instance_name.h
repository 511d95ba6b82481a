/* SPDX-License-Identifier: MIT */
/* From the path of a cgroup to the plugin instance that collectd knows it by.
 *
 * Container ids and escapes: systemd.unit(5), "STRING ESCAPING FOR INCLUSION
 * IN UNIT NAMES"; `docker ps` shows the first 12 digits of 64.
 */
#ifndef CGROUP_CPU_INSTANCE_NAME_H
#define CGROUP_CPU_INSTANCE_NAME_H

/* Room for collectd's longest field, 127 bytes, and a zero byte. */
#define INSTANCE_NAME_SIZE 128

enum instance_format {
  /* The whole path below the root. */
  INSTANCE_FORMAT_PATH,
  /* Its last component. */
  INSTANCE_FORMAT_LEAF,
};

/* Writes the name of the cgroup at `path` ("/" is the root: "root").
 *
 * A name holds letters, digits and "._-@:+" and is the same at any time and
 * on any host: "/" becomes "_", "\x2d" is decoded, 64-digit container ids are
 * cut to 12. A "_" of the path that would read as a "/" becomes "__", and so
 * does a "/" that would read as a "_": the first is that of a path with no unit
 * of systemd at its beginning, the second that within a unit. Where other
 * characters had to be replaced or the name is too long, "~" and a hash of the
 * path end it. Two paths have the same name only if they differ in nothing but
 * an escape, the later digits of a container id, or, for INSTANCE_FORMAT_LEAF,
 * the directory.
 */
void instance_name_of_path(const char *path, enum instance_format format,
                           char name[INSTANCE_NAME_SIZE]);

/* Writes a name that ends with a hash in any case, for a path whose own name
 * another cgroup has; another `attempt` gives another hash. */
void instance_name_apart(const char *path, enum instance_format format,
                         unsigned attempt, char name[INSTANCE_NAME_SIZE]);

#endif
