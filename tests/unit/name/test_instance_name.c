/* SPDX-License-Identifier: MIT */
#include "name/instance_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"

#define ID "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define UID "8cb9d4e1_5f0a_4c7e_9a51_2f3f7c3a9b10"

static const struct {
  const char *path;
  const char *name;
} whole_names[] = {
    {"/", "root"},
    {"/init.scope", "init.scope"},
    {"/system.slice/ssh.service", "system.slice_ssh.service"},
    {"/system.slice/my_app.service", "system.slice_my_app.service"},
    {"/system.slice/docker-" ID ".scope",
     "system.slice_docker-4f1c2d9e8b7a.scope"},
    {"/docker/" ID, "docker_4f1c2d9e8b7a"},
    {"/kubepods/burstable/pod8cb9d4e1-5f0a/" ID,
     "kubepods_burstable_pod8cb9d4e1-5f0a_4f1c2d9e8b7a"},
    {"/kubepods.slice/kubepods-pod" UID ".slice/crio-" ID ".scope",
     "kubepods.slice_kubepods-pod" UID ".slice_crio-4f1c2d9e8b7a.scope"},
    {"/machine.slice/libpod-" ID ".scope/container",
     "machine.slice_libpod-4f1c2d9e8b7a.scope_container"},
    {"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt",
     "machine.slice_machine-qemu-1-vm.scope_libvirt"},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice",
     "user.slice_user-1000.slice_user@1000.service_app.slice"},
    {"/lxc.payload.web", "lxc.payload.web"},
    /* OpenWrt's procd: services and their instances */
    {"/services/dnsmasq/cfg01411c", "services_dnsmasq_cfg01411c"},
    {"/services/luci_statistics", "services_luci__statistics"},
    {"/a/b/c", "a_b_c"},
    /* "/" and "_" that would be read as the other one are doubled. */
    {"/a_b", "a__b"},
    {"/a/b_c", "a_b__c"},
    {"/_a", "__a"},
    {"/_plugin", "__plugin"},
    {"/plugin", "plugin"},
    {"/system.slice_ssh.service", "system.slice__ssh.service"},
    {"/system.slice/a.service/b/c", "system.slice_a.service_b__c"},
    {"/libpod_parent/libpod-" ID, "libpod__parent_libpod-4f1c2d9e8b7a"},
    {"/system.slice/ssh@0-10.0.0.1:22-10.0.0.2:5.service",
     "system.slice_ssh@0-10.0.0.1:22-10.0.0.2:5.service"},
    /* 63 or 65 digits are no id, nor are 64 digits within a word. */
    {"/docker/x" ID, "docker_x" ID},
    {"/docker/" ID "0", "docker_" ID "0"},
};

START_TEST(whole) {
  char name[INSTANCE_NAME_SIZE];

  instance_name_of_path(whole_names[_i].path, INSTANCE_FORMAT_PATH, name);
  ck_assert_str_eq(name, whole_names[_i].name);
}
END_TEST

/* The hash is FNV-1a of the whole name. */
static const struct {
  struct container_name parts;
  const char *rest;
  const char *name;
} container_names[] = {
    {{"k8s_default_", "web-0", "_app"}, "", "k8s_default_web-0_app"},
    {{"k8s_default_", "web-0", "_app"}, "init", "k8s_default_web-0_app+init"},
    {{"k8s_default_", "web-0", "_+4f1c2d9e8b7a"},
     "a/b",
     "k8s_default_web-0_+4f1c2d9e8b7a+a_b"},
    {{"", "libvirt_my vm", ""}, "", "libvirt_my_vm~e0062612"},
    {{"", "lxc_a+b", ""}, "", "lxc_a_b~d58f5ab1"},
    {{"", "machine_a b", ""}, "c/d", "machine_a_b+c_d~7d1778b5"},
    /* Every kind of container has its own prefix. Without one, these two would
     * have names that are taken. */
    {{"", "_plugin", ""}, "", "_plugin~f8b9c182"},
    {{"", "root", ""}, "", "root~53909ada"},
};

START_TEST(of_containers) {
  char name[INSTANCE_NAME_SIZE];

  instance_name_of_container(&container_names[_i].parts,
                             container_names[_i].rest, name);
  ck_assert_str_eq(name, container_names[_i].name);
}
END_TEST

static const struct {
  const char *path;
  const char *name;
} leaf_names[] = {
    {"/", "root"},
    {"/init.scope", "init.scope"},
    {"/system.slice/my_app.service", "my_app.service"},
    {"/a/b/docker-" ID ".scope", "docker-4f1c2d9e8b7a.scope"},
    {"/_plugin", "_plugin~e8885b72"},
    {"/a/_plugin", "_plugin~64c0b42b"},
    {"/a/root", "root~c53dea95"},
    {"/docker/" ID, "4f1c2d9e8b7a"},
};

START_TEST(leaf) {
  char name[INSTANCE_NAME_SIZE];

  instance_name_of_path(leaf_names[_i].path, INSTANCE_FORMAT_LEAF, name);
  ck_assert_str_eq(name, leaf_names[_i].name);
}
END_TEST

/* Paths whose plain name belongs to another path or has other characters. */
static const struct {
  const char *path;
  const char *begin;
} hashed_names[] = {
    {"/root", "root~"},
    {"/a__b", "a____b~"},
    {"/a_/b", "a___b~"},
    {"/a/_b", "a___b~"},
    {"/system.slice/a__b.service", "system.slice_a__b.service~"},
    {"/a b", "a_b~"},
    {"/a\tb", "a_b~"},
    {"/a\nb", "a_b~"},
    {"/a\"b;c=d,e", "a_b_c_d_e~"},
    {"/caf\xc3\xa9", "caf__~"},
    {"/\xff\xfe", "__~"},
    {"/a\\x2fb", "a_x2fb~"},
    {"/a\\x5fb", "a_x5fb~"},
    {"/a~b", "a_b~"},
    {"/a$(b)", "a__b_~"},
    {"/ plugin", "_plugin~"},
    {"/\\x5fplugin", "_x5fplugin~"},
    {"/\\x2fplugin", "_x2fplugin~"},
};

START_TEST(hashed) {
  char name[INSTANCE_NAME_SIZE];
  const char *begin = hashed_names[_i].begin;

  instance_name_of_path(hashed_names[_i].path, INSTANCE_FORMAT_PATH, name);
  ck_assert_msg(strncmp(name, begin, strlen(begin)) == 0, "%s", name);
  ck_assert_uint_eq(strlen(name), strlen(begin) + 8);
}
END_TEST

/* Check writes to a file for each assertion, so there is one. */
static void assert_clean(const char *name) {
  static const char characters[] = "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789._-@:+~";
  size_t length = strspn(name, characters);

  ck_assert_msg(length > 0 && length < INSTANCE_NAME_SIZE &&
                    name[length] == '\0',
                "%s", name);
}

START_TEST(long_names_keep_both_ends) {
  char name[INSTANCE_NAME_SIZE];
  char other[INSTANCE_NAME_SIZE];

  instance_name_of_path("/kubepods.slice/kubepods-burstable.slice/"
                        "kubepods-burstable-pod" UID ".slice/cri-containerd-" ID
                        ".scope/some-nested-cgroup.service",
                        INSTANCE_FORMAT_PATH, name);
  assert_clean(name);
  ck_assert_uint_eq(strlen(name), INSTANCE_NAME_SIZE - 1);
  ck_assert_ptr_eq(strstr(name, "kubepods.slice_kubepods-burstable.slice_"),
                   name);
  ck_assert_ptr_nonnull(strstr(
      name, "cri-containerd-4f1c2d9e8b7a.scope_some-nested-cgroup.service~"));

  /* Paths that differ only in the part that is cut out have different
   * hashes. */
  instance_name_of_path("/kubepods.slice/kubepods-burstable.slice/"
                        "kubepods-burstable-pod9" UID
                        ".slice/cri-containerd-" ID
                        ".scope/some-nested-cgroup.service",
                        INSTANCE_FORMAT_PATH, other);
  ck_assert_str_ne(name, other);
}
END_TEST

static const size_t lengths[] = {117, 118, 119, 126, 127, 128, 255, 4094};

START_TEST(lengths_fit) {
  char path[4096];
  char name[INSTANCE_NAME_SIZE];

  path[0] = '/';
  memset(path + 1, 'x', lengths[_i]);
  path[lengths[_i] + 1] = '\0';
  instance_name_of_path(path, INSTANCE_FORMAT_PATH, name);
  assert_clean(name);
  ck_assert(strcmp(name, path + 1) == 0 || lengths[_i] >= INSTANCE_NAME_SIZE);
  instance_name_apart(path, INSTANCE_FORMAT_PATH, 0, name);
  assert_clean(name);
  ck_assert_ptr_nonnull(strrchr(name, '~'));
}
END_TEST

START_TEST(attempts_differ) {
  char names[3][INSTANCE_NAME_SIZE];

  instance_name_of_path("/a/b", INSTANCE_FORMAT_PATH, names[0]);
  instance_name_apart("/a/b", INSTANCE_FORMAT_PATH, 0, names[1]);
  instance_name_apart("/a/b", INSTANCE_FORMAT_PATH, 1, names[2]);
  ck_assert_str_ne(names[0], names[1]);
  ck_assert_str_ne(names[1], names[2]);
}
END_TEST

/* All paths of up to six characters from an alphabet of special characters: no
 * two of them may have the same name. */
#define ALPHABET "/_a.\\ "
#define LENGTH 6

static char *all_names[60000];
static size_t all_count;

static int compare(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

static void add_paths(char *path, size_t length, size_t end) {
  if (path[length - 1] != '/') {
    char name[INSTANCE_NAME_SIZE];

    instance_name_of_path(path, INSTANCE_FORMAT_PATH, name);
    assert_clean(name);
    ck_assert_uint_lt(all_count, ARRAY_SIZE(all_names));
    all_names[all_count++] = strdup(name);
  }
  for (const char *next = ALPHABET; length < end && *next != '\0'; next++) {
    if (*next == '/' && path[length - 1] == '/')
      continue;
    path[length] = *next;
    path[length + 1] = '\0';
    add_paths(path, length + 1, end);
  }
}

START_TEST(no_two_paths_share_a_name) {
  char path[32] = "/";
  char below_unit[32] = "/a.slice";

  add_paths(path, 1, LENGTH);
  add_paths(below_unit, strlen(below_unit), strlen(below_unit) + LENGTH - 1);
  ck_assert_uint_gt(all_count, 3000);
  qsort(all_names, all_count, sizeof(*all_names), compare);
  for (size_t i = 1; i < all_count; i++)
    if (strcmp(all_names[i - 1], all_names[i]) == 0)
      ck_abort_msg("%s twice", all_names[i]);
  for (size_t i = 0; i < all_count; i++)
    free(all_names[i]);
}
END_TEST

Suite *instance_name_suite(void) {
  return suite_of("instance_name", NULL, NULL, FOR_EACH(whole, whole_names),
                  FOR_EACH(of_containers, container_names),
                  FOR_EACH(leaf, leaf_names), FOR_EACH(hashed, hashed_names),
                  ONCE(long_names_keep_both_ends),
                  FOR_EACH(lengths_fit, lengths), ONCE(attempts_differ),
                  ONCE(no_two_paths_share_a_name));
}
