/* SPDX-License-Identifier: MIT */
/* Names cgroups: turns the path of a cgroup into collectd's plugin instance.
 *
 * Container ids and escapes: systemd.unit(5), "STRING ESCAPING FOR INCLUSION
 * IN UNIT NAMES"; `docker ps` shows the first 12 digits of 64.
 */
#ifndef CGROUP_CPU_INSTANCE_NAME_H
#define CGROUP_CPU_INSTANCE_NAME_H

#include <stdint.h>

/* Room for collectd's longest field, 127 bytes, and a zero byte. */
#define INSTANCE_NAME_SIZE 128

/* The name under which the plugin reports on itself. No cgroup gets it. */
#define INSTANCE_NAME_OF_PLUGIN "_plugin"

enum instance_format {
  /* The whole path below the root. */
  INSTANCE_FORMAT_PATH,
  /* Its last component. */
  INSTANCE_FORMAT_LEAF,
  /* The name of a known container and what is below it; else the whole path. */
  INSTANCE_FORMAT_NAME,
};

/* A container's name in three parts. If it is too long, as much as possible is
 * taken out of the middle of `middle`. */
struct container_name {
  const char *head;
  const char *middle;
  const char *tail;
};

/* Writes the name of the cgroup at `path` ("/" is the root: "root").
 *
 * The name depends on the path only, so it is the same after a restart and on
 * any host. It holds letters, digits and "._-@:+~".
 *
 *   path                          name                         because
 *   /                             root
 *   /a/b                          a_b
 *   /a_b                          a__b                         else as a/b
 *   /system.slice/my_app.service  system.slice_my_app.service
 *   /system.slice_my.service      system.slice__my.service     else as a "/"
 *   /a.service/b/c                a.service_b__c               else as a "_"
 *   /a-qemu\x2d1.scope            a-qemu-1.scope               systemd's escape
 *   /docker/4f1c2d9e8b7a...       docker_4f1c2d9e8b7a          64-digit id
 *   /a b                          a_b~85cba353                 " " is replaced
 *   /root                         root~9beec2af                "root" is taken
 *   /_plugin                      __plugin                     else as /plugin
 *
 * INSTANCE_FORMAT_LEAF does the same with the last component, where "_" stays.
 * There, "_plugin" is taken as well, and gets a hash.
 *
 * If the path's first component is a systemd unit, "_" stands for "/" after a
 * unit and for itself elsewhere; in all other paths it stands for "/". The
 * other meaning is written "__". A name that lost anything else, or is too
 * long, ends with "~" and a hash of the path. So two paths have the same name
 * only if they differ in nothing but an escape, the later digits of a container
 * id or, for INSTANCE_FORMAT_LEAF, the directory.
 */
void instance_name_of_path(const char *path, enum instance_format format,
                           char name[INSTANCE_NAME_SIZE]);

/* Writes the name of the cgroup at `rest` in a container; "" is the container's
 * own.
 *
 *   "k8s_default_" "web-0" "_app"   ""       k8s_default_web-0_app
 *   "k8s_default_" "web-0" "_app"   "init"   k8s_default_web-0_app+init
 *   "libvirt_" "my vm" ""           ""       libvirt_my_vm~e0062612
 *
 * A name that lost anything ends with "~" and a hash of the whole name, so that
 * a container that is started again has the same name.
 */
void instance_name_of_container(const struct container_name *parts,
                                const char *rest,
                                char name[INSTANCE_NAME_SIZE]);

/* Returns a hash of a name, never 0. */
uint64_t instance_name_hash(const char *name);

/* Writes a name that always ends with a hash, for a path whose own name is
 * taken. Each `attempt` gives another hash. */
void instance_name_apart(const char *path, enum instance_format format,
                         unsigned attempt, char name[INSTANCE_NAME_SIZE]);

#endif
