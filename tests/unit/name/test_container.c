/* SPDX-License-Identifier: MIT */
#include "name/container.h"

#include <stdbool.h>
#include <stddef.h>

#include "suites.h"

#define ID "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define OTHER_ID                                                               \
  "0f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define DASHED "8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10"
#define UNDERSCORED "8cb9d4e1_5f0a_4c7e_9a51_2f3f7c3a9b10"
#define UID "8cb9d4e15f0a4c7e9a512f3f7c3a9b10"
#define SLICES "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
#define POD SLICES UNDERSCORED ".slice"

static const struct {
  const char *path;
  enum container_kind kind;
  unsigned depth;
  const char *uid;
  const char *id;
} pods[] = {
    {POD, CONTAINER_POD, 3, UID, ""},
    {POD "/crio-conmon-" ID ".scope", CONTAINER_POD, 3, UID, ""},
    {POD "/kata_" ID, CONTAINER_POD, 3, UID, ""},
    {POD "/cri-containerd-" ID ".scope", CONTAINER_OF_POD, 4, UID, ID},
    {POD "/crio-" ID ".scope", CONTAINER_OF_POD, 4, UID, ID},
    {POD "/docker-" ID ".scope", CONTAINER_OF_POD, 4, UID, ID},
    {POD "/" ID, CONTAINER_OF_POD, 4, UID, ID},
    /* Whatever is below was made in the container. */
    {POD "/crio-" ID ".scope/container", CONTAINER_OF_POD, 4, UID, ID},
    {POD "/" ID "/kubepods/pod" DASHED "/" ID, CONTAINER_OF_POD, 4, UID, ID},
    /* Guaranteed pods, static pods, cgroupfs, and nodes in containers. */
    {"/kubepods.slice/kubepods-pod" UNDERSCORED ".slice", CONTAINER_POD, 2, UID,
     ""},
    {SLICES UID ".slice", CONTAINER_POD, 3, UID, ""},
    {"/kubepods/pod" DASHED, CONTAINER_POD, 2, UID, ""},
    {"/kubepods/besteffort/pod" DASHED "/" ID, CONTAINER_OF_POD, 4, UID, ID},
    {"/kubelet/kubepods/pod" UID, CONTAINER_POD, 3, UID, ""},
    {"/kubelet.slice/kubelet-kubepods.slice/"
     "kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod" UID
     ".slice",
     CONTAINER_POD, 4, UID, ""},
    /* No pods */
    {"/kubepods.slice/kubepods-burstable.slice", CONTAINER_NONE, 0, "", ""},
    {"/kubepods/pod" UID "0", CONTAINER_NONE, 0, "", ""},
    {"/kubepods/pod8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b1", CONTAINER_NONE, 0, "",
     ""},
    {"/kubepods/pod8cb9d4e1-5f0a-4c7e-9a512-f3f7c3a9b10", CONTAINER_NONE, 0, "",
     ""},
    {"/kubepods/pod8CB9D4E1-5f0a-4c7e-9a51-2f3f7c3a9b10", CONTAINER_NONE, 0, "",
     ""},
    {"/kubepods.slice/pod" UNDERSCORED ".slice", CONTAINER_NONE, 0, "", ""},
    {"/pod" DASHED "/x", CONTAINER_NONE, 0, "", ""},
    {"/a/kubepods/pod" DASHED, CONTAINER_NONE, 0, "", ""},
    {"/user.slice/kubepods/pod" DASHED, CONTAINER_NONE, 0, "", ""},
    {"/a" POD, CONTAINER_NONE, 0, "", ""},
    {"/a.scope" POD, CONTAINER_NONE, 0, "", ""},
    {"/a.slice" POD, CONTAINER_POD, 4, UID, ""},
    {"/mykubepods/pod" DASHED, CONTAINER_NONE, 0, "", ""},
    /* Docker: below a cgroup of its user's choice, but in no service */
    {"/docker/" ID, CONTAINER_OF_DOCKER, 2, "", ID},
    {"/" ID, CONTAINER_OF_DOCKER, 1, "", ID},
    {"/batch/jobs/" ID "/init", CONTAINER_OF_DOCKER, 3, "", ID},
    {"/batch.slice/" ID, CONTAINER_OF_DOCKER, 2, "", ID},
    {"/system.slice/docker-" ID ".scope/init", CONTAINER_OF_DOCKER, 2, "", ID},
    {"/docker-" ID ".scope", CONTAINER_OF_DOCKER, 1, "", ID},
    {"/a.slice/a-b.slice/docker-" ID ".scope", CONTAINER_OF_DOCKER, 3, "", ID},
    {"/docker/docker-" ID ".scope", CONTAINER_UNNAMED, 2, "", ""},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID
     ".scope",
     CONTAINER_UNNAMED, 5, "", ""},
    {"/system.slice/a.service/" ID, CONTAINER_UNNAMED, 3, "", ""},
    {"/system.slice/a.scope/" ID, CONTAINER_UNNAMED, 3, "", ""},
    {"/docker/" ID "a", CONTAINER_NONE, 0, "", ""},
    {"/kubepods/pod8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9bxx/" ID,
     CONTAINER_OF_DOCKER, 3, "", ID},
    /* Nothing in a container of another engine is a pod or a container. */
    {"/docker/" ID "/kubepods/pod" DASHED, CONTAINER_OF_DOCKER, 2, "", ID},
    {"/docker/" ID "/docker/" OTHER_ID, CONTAINER_OF_DOCKER, 2, "", ID},
    /* nerdctl: in a scope in slices */
    {"/system.slice/nerdctl-" ID ".scope/init", CONTAINER_OF_NERDCTL, 2, "",
     ID},
    {"/nerdctl-" ID ".scope", CONTAINER_OF_NERDCTL, 1, "", ID},
    {"/a.service/nerdctl-" ID ".scope", CONTAINER_UNNAMED, 2, "", ""},
    {"/system.slice/nerdctl-" ID, CONTAINER_UNNAMED, 2, "", ""},
    /* Podman: in a scope, in a unit of systemd, or in "libpod_parent" */
    {"/machine.slice/libpod-" ID ".scope", CONTAINER_OF_PODMAN, 2, "", ID},
    {"/libpod-" ID ".scope", CONTAINER_OF_PODMAN, 1, "", ID},
    {"/a.slice/a-b.slice/libpod-" ID ".scope", CONTAINER_OF_PODMAN, 3, "", ID},
    {"/system.slice/web.service/libpod-payload-" ID "/x", CONTAINER_OF_PODMAN,
     3, "", ID},
    {"/web.service/libpod-payload-" ID, CONTAINER_OF_PODMAN, 2, "", ID},
    {"/libpod_parent/libpod-" ID, CONTAINER_OF_PODMAN, 2, "", ID},
    {"/libpod_parent/" OTHER_ID, CONTAINER_PODMAN_POD, 2, "", OTHER_ID},
    {"/libpod_parent/" OTHER_ID "/libpod-" ID, CONTAINER_OF_PODMAN, 3, "", ID},
    {"/libpod_parent/" OTHER_ID "/conmon", CONTAINER_PODMAN_POD, 2, "",
     OTHER_ID},
    {"/machine.slice/machine-libpod_pod_" OTHER_ID ".slice",
     CONTAINER_PODMAN_POD, 2, "", OTHER_ID},
    {"/machine.slice/machine-libpod_pod_" OTHER_ID ".slice/libpod-" ID ".scope",
     CONTAINER_OF_PODMAN, 3, "", ID},
    {"/machine.slice/machine-libpod_pod_" OTHER_ID ".slice/libpod-conmon-" ID
     ".scope",
     CONTAINER_PODMAN_POD, 2, "", OTHER_ID},
    /* Not where Podman puts them, or somebody else may put them there */
    {"/machine.slice/libpod-conmon-" ID ".scope", CONTAINER_UNNAMED, 2, "", ""},
    {"/system.slice/web.service/libpod-" ID ".scope", CONTAINER_UNNAMED, 3, "",
     ""},
    {"/system.slice/web.service/a/libpod-payload-" ID, CONTAINER_UNNAMED, 4, "",
     ""},
    {"/system.slice/libpod-payload-" ID, CONTAINER_UNNAMED, 2, "", ""},
    {"/system.slice/web.scope/libpod-payload-" ID, CONTAINER_UNNAMED, 3, "",
     ""},
    {"/a/libpod-" ID, CONTAINER_UNNAMED, 2, "", ""},
    {"/a/libpod_parent/libpod-" ID, CONTAINER_UNNAMED, 3, "", ""},
    {"/libpod_parent/libpod_pod_" ID, CONTAINER_UNNAMED, 2, "", ""},
    {"/a.service/a-libpod_pod_" ID ".slice", CONTAINER_UNNAMED, 2, "", ""},
    {"/machine.slice/libpod-" ID ".scope/container", CONTAINER_OF_PODMAN, 2, "",
     ID},
    {"/machine.slice/libpod-" ID ".scope/docker/" OTHER_ID, CONTAINER_OF_PODMAN,
     2, "", ID},
    {"/machine.slice/other-" ID ".scope", CONTAINER_UNNAMED, 2, "", ""},
    {"/a/b/c", CONTAINER_NONE, 0, "", ""},
    {"/", CONTAINER_NONE, 0, "", ""},
    {"/x/" ID "0", CONTAINER_NONE, 0, "", ""},
};

START_TEST(finds_pods) {
  struct container container;

  container_of_path(pods[_i].path, &container);
  ck_assert_int_eq(container.kind, pods[_i].kind);
  ck_assert_uint_eq(container.depth, pods[_i].depth);
  if (container.kind == CONTAINER_POD || container.kind == CONTAINER_OF_POD)
    ck_assert_str_eq(container.pod_uid, pods[_i].uid);
  if (pods[_i].id[0] != '\0')
    ck_assert_str_eq(container.id, pods[_i].id);
}
END_TEST

static const struct {
  const char *path;
  const char *runtime;
  bool is_api_uid;
} more[] = {
    {POD "/cri-containerd-" ID ".scope", "containerd", true},
    {POD "/crio-" ID ".scope/container", "cri-o", true},
    {POD "/docker-" ID ".scope", "docker", true},
    {POD "/" ID, NULL, true},
    {POD "/crio-conmon-" ID ".scope", NULL, true},
    {SLICES UID ".slice", NULL, false},
    {"/kubepods/pod" DASHED, NULL, true},
    {"/kubepods/pod" UID "/" ID, NULL, false},
    {"/docker/" ID, "docker", false},
    {"/libpod_parent/libpod-" ID, "podman", false},
};

START_TEST(finds_more) {
  struct container container;

  container_of_path(more[_i].path, &container);
  ck_assert_pstr_eq(container.runtime, more[_i].runtime);
  if (container.pod_uid[0] != '\0')
    ck_assert_int_eq(container.is_api_uid, more[_i].is_api_uid);
}
END_TEST

#define USER "/user.slice/user-1000.slice/user@1000.service"

static const struct {
  const char *path;
  enum container_kind kind;
  unsigned depth;
  uid_t user;
  const char *id;
} users[] = {
    {USER "/user.slice/libpod-" ID ".scope", CONTAINER_OF_PODMAN, 5, 1000, ID},
    {USER "/user.slice/libpod-" ID ".scope/container", CONTAINER_OF_PODMAN, 5,
     1000, ID},
    {USER "/app.slice/web.service/libpod-payload-" ID, CONTAINER_OF_PODMAN, 6,
     1000, ID},
    {USER "/user.slice/user-libpod_pod_" OTHER_ID ".slice",
     CONTAINER_PODMAN_POD, 5, 1000, OTHER_ID},
    {USER "/user.slice/user-libpod_pod_" OTHER_ID ".slice/libpod-" ID ".scope",
     CONTAINER_OF_PODMAN, 6, 1000, ID},
    {"/user.slice/user-4294967294.slice/user@4294967294.service/libpod-" ID
     ".scope",
     CONTAINER_OF_PODMAN, 4, 4294967294, ID},
    /* Nobody else's, and nothing in a container */
    {"/user.slice/user-1000.slice/user@1001.service/libpod-" ID ".scope",
     CONTAINER_UNNAMED, 4, 0, ""},
    {"/user.slice/user-0.slice/user@0.service/libpod-" ID ".scope",
     CONTAINER_UNNAMED, 4, 0, ""},
    {"/user.slice/user-01.slice/user@01.service/libpod-" ID ".scope",
     CONTAINER_UNNAMED, 4, 0, ""},
    {"/user.slice/user-4294967295.slice/user@4294967295.service/libpod-" ID
     ".scope",
     CONTAINER_UNNAMED, 4, 0, ""},
    {"/user.slice/user-18446744073709552616.slice/"
     "user@18446744073709552616.service/libpod-" ID ".scope",
     CONTAINER_UNNAMED, 4, 0, ""},
    {"/user.slice/user-1000.slice/session-1.scope/libpod-" ID ".scope",
     CONTAINER_UNNAMED, 4, 0, ""},
    {"/a.slice/user-1000.slice/user@1000.service/libpod-" ID ".scope",
     CONTAINER_UNNAMED, 4, 0, ""},
    {USER "/a.scope/libpod-" ID ".scope", CONTAINER_UNNAMED, 5, 0, ""},
    {USER "/docker-" OTHER_ID ".scope/libpod-" ID ".scope", CONTAINER_UNNAMED,
     4, 0, ""},
    {USER "/user.slice", CONTAINER_NONE, 0, 0, ""},
    {USER, CONTAINER_NONE, 0, 0, ""},
    {"/machine.slice/libpod-" ID ".scope", CONTAINER_OF_PODMAN, 2, 0, ID},
};

START_TEST(finds_those_of_users) {
  struct container container;

  container_of_path(users[_i].path, &container);
  ck_assert_int_eq(container.kind, users[_i].kind);
  ck_assert_uint_eq(container.depth, users[_i].depth);
  ck_assert_uint_eq(container.user, users[_i].user);
  ck_assert_str_eq(container.id, users[_i].id);
}
END_TEST

static const struct {
  const char *text;
  bool is_name;
  bool is_image;
} texts[] = {
    {"web-0_a.B", true, true},
    {"", false, true},
    {"docker.io/library/a:1", false, true},
    {"a@sha256:0f", false, true},
    {"a b", false, false},
    {"a\"", false, false},
    {"\xc3\xa4", false, false},
};

START_TEST(of_texts) {
  ck_assert_int_eq(container_is_name(texts[_i].text), texts[_i].is_name);
  ck_assert_int_eq(container_is_image(texts[_i].text), texts[_i].is_image);
}
END_TEST

static const struct {
  const char *path;
  const char *name;
  unsigned depth;
} named[] = {
    {"/machine.slice/machine-qemu\\x2d12\\x2dweb\\x2d1.scope", "libvirt_web-1",
     2},
    {"/machine.slice/machine-qemu\\x2d3\\x2dmy\\x20vm.scope/libvirt/vcpu0",
     "libvirt_my vm", 2},
    {"/machine.slice/machine-lxc\\x2d7\\x2dbox.scope", "libvirt_box", 2},
    {"/machine/qemu-2-web.libvirt-qemu/emulator", "libvirt_web", 2},
    {"/machine/lxc-5-box.libvirt-lxc", "libvirt_box", 2},
    /* Not of libvirt: no number, or no name. */
    {"/machine.slice/machine-qemu\\x2dweb.scope", "machine_qemu-web", 2},
    {"/machine.slice/machine-qemu\\x2d1\\x2d.scope", "machine_qemu-1-", 2},
    {"/machine.slice/machine-debian.scope", "machine_debian", 2},
    {"/machine.slice/systemd-nspawn@web.service/payload", "machine_web", 2},
    {"/system.slice/systemd-nspawn@a\\x2db.service", "machine_a-b", 2},
    {"/machine.slice/machine-a\\x00b.scope", "machine_a\\b", 2},
    {"/lxc.payload.web", "lxc_web", 1},
    {"/lxc.payload.project_web/system.slice", "lxc_project_web", 1},
    {"/lxc/101/ns/kubepods/pod" DASHED, "lxc_101", 2},
    {"/lxc.payload/web", "lxc_web", 2},
    {"/nomad.slice/share.slice/" DASHED ".redis.scope", "nomad_redis_8cb9d4e1",
     3},
    {"/nomad.slice/reserve.slice/" DASHED ".a.b.scope", "nomad_a.b_8cb9d4e1",
     3},
    {"/system.slice/slurmstepd.scope/job_12", "slurm_12", 3},
    {"/system.slice/node1_slurmstepd.scope/job_12/step_0/user/task_1",
     "slurm_12_0", 4},
    {"/system.slice/slurmstepd.scope/job_12/step_batch", "slurm_12_batch", 4},
    {"/system.slice/slurmstepd.scope/job_12/other", "slurm_12", 3},
};

START_TEST(finds_names) {
  struct container container;

  container_of_path(named[_i].path, &container);
  ck_assert_int_eq(container.kind, CONTAINER_NAMED);
  ck_assert_str_eq(container.name, named[_i].name);
  ck_assert_uint_eq(container.depth, named[_i].depth);
}
END_TEST

/* Anywhere else they say nothing, and neither do their neighbours. */
static const struct {
  const char *path;
} unnamed[] = {
    {"/machine.slice"},
    {"/machine.slice/machine-.scope"},
    {"/machine.slice/web.service"},
    {"/machine"},
    {"/machine/web"},
    {"/system.slice/machine-web.scope"},
    {"/user.slice/machine.slice/machine-web.scope"},
    {"/user.slice/lxc.payload.web"},
    {"/lxc.payload."},
    {"/lxc.payload"},
    {"/lxc"},
    {"/lxc.monitor.web"},
    {"/nomad.slice/share.slice"},
    {"/nomad.slice/other.slice/" DASHED ".redis.scope"},
    {"/nomad.slice/share.slice/" DASHED ".scope"},
    {"/nomad.slice/share.slice/" UID ".redis.scope"},
    {"/system.slice/slurmstepd.scope"},
    {"/system.slice/slurmstepd.scope/system"},
    {"/system.slice/slurmstepd.scope/job_x"},
    {"/slurmstepd.scope/job_1"},
};

START_TEST(finds_no_names) {
  struct container container;

  container_of_path(unnamed[_i].path, &container);
  ck_assert_int_eq(container.kind, CONTAINER_NONE);
}
END_TEST

static const struct {
  const char *path;
  bool is_unit;
} units[] = {
    {"/system.slice/web.service", true},
    {"/web.scope", true},
    {"/a.slice/a-b.slice/web\\x2d1.service", true},
    {"/system.slice", false},
    {"/system.slice/web", false},
    {"/system.slice/.service", false},
    {"/system.slice/a.service/b.service", false},
    {"/a/b.service", false},
    {"/", false},
};

START_TEST(of_units) {
  ck_assert_int_eq(container_is_unit(units[_i].path), units[_i].is_unit);
}
END_TEST

Suite *container_suite(void) {
  return suite_of(
      "container", NULL, NULL, FOR_EACH(finds_pods, pods),
      FOR_EACH(finds_more, more), FOR_EACH(finds_those_of_users, users),
      FOR_EACH(of_texts, texts), FOR_EACH(of_units, units),
      FOR_EACH(finds_names, named), FOR_EACH(finds_no_names, unnamed));
}
