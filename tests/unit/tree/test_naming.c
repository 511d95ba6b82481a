/* SPDX-License-Identifier: MIT */
#include "tree/naming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"
#include "util/units.h"

#define ID "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define NEXT_ID                                                                \
  "0f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define THIRD_ID                                                               \
  "1f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define DASHED "8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10"
#define UNDERSCORED "8cb9d4e1_5f0a_4c7e_9a51_2f3f7c3a9b10"
#define POD_DIRECTORY "var/log/pods/default_web-0_" DASHED
#define LINK "web-0_default_app-%s.log"
#define TARGET "/" POD_DIRECTORY "/app/0.log"

static char *root_directory;
static char *proc;
static struct selection selection;
static struct tree tree;
static struct naming naming;
static struct cgroup *root;
static uint64_t inodes;
static struct naming_denial denial;
/* The path of a cgroup that belongs to somebody else. */
static const char *others;

static void forget(void *context, struct cgroup *cgroup) {
  (void)context;
  naming_forget(&naming, cgroup);
}

/* The cgroup of the ordinary user's systemd, or what stands for it. */
static char users_cgroup[128];

static int belongs_to(void *context, const char *path, uid_t user) {
  ck_assert_ptr_eq(context, &tree);
  if (others != NULL && strcmp(path, others) == 0)
    return 0;
  return user == (strcmp(path, users_cgroup) == 0 ? ordinary_user() : 0);
}

/* The processes of a cgroup, from a file. */
static int open_processes(void *context, const char *path) {
  CLEANUP_FREE char *name = NULL;

  ck_assert_ptr_eq(context, &tree);
  ck_assert_int_ge(
      asprintf(&name, "%s/cgroup/%s/cgroup.procs", root_directory, path), 0);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  return fd >= 0 ? fd : -ENOENT;
}

static void open_naming(const char *name_root) {
  ck_assert_int_eq(naming_open(&naming, INSTANCE_FORMAT_NAME, name_root), 0);
  naming.is_owned_by = belongs_to;
  naming.context = &tree;
  naming.docker.owner = naming.podman.owner = geteuid();
  naming.conmon.owner = naming.containerd.owner = geteuid();
  naming.conmon.open_processes = open_processes;
  naming.conmon.context = &tree;
  naming.conmon.proc = proc;
}

static struct cgroup *add(struct cgroup *parent, const char *component) {
  struct cgroup *added = NULL;

  ck_assert_int_eq(tree_add(&tree, parent, component, ++inodes, &added), 0);
  return added;
}

static void update(void) {
  tree_settle(&tree);
  naming_update(&naming, &tree, &denial);
  ck_assert_ptr_null(denial.path);
  tree_check(&tree);
}

static void setup(void) {
  root_directory = make_tree();
  proc = path_in(root_directory, "proc");
  write_file(root_directory, "var/log/containers/readme", "");
  write_file(root_directory, "var/log/pods/readme", "");
  selection = (struct selection){0};
  tree = (struct tree){.selection = &selection,
                       .instance_format = INSTANCE_FORMAT_NAME,
                       .on_remove = forget};
  open_naming(root_directory);
  others = NULL;
  users_cgroup[0] = '\0';
  inodes = 0;
  root = add(NULL, "");
}

static void teardown(void) {
  tree_release(&tree);
  ck_assert_uint_eq(naming.unnamed_count, 0);
  naming_close(&naming);
  free(proc);
  remove_tree(root_directory);
}

static void make_link(const char *id) {
  CLEANUP_FREE char *path = NULL;

  ck_assert_int_ge(
      asprintf(&path, "%s/var/log/containers/" LINK, root_directory, id), 0);
  ck_assert_int_eq(symlink(TARGET, path), 0);
}

/* A pod without anything that tells its name. */
static struct cgroup *add_pod(void) {
  return add(add(root, "kubepods"), "pod" DASHED);
}

START_TEST(by_the_path) {
  struct cgroup *machine = add(add(root, "machine.slice"), "machine-web.scope");
  struct cgroup *inner = add(machine, "payload");
  struct cgroup *service = add(inner, "my_a.service");
  struct cgroup *other = add(root, "my_a.service");

  update();
  ck_assert_str_eq(machine->instance, "machine_web");
  ck_assert_str_eq(inner->instance, "machine_web+payload");
  ck_assert_str_eq(service->instance, "machine_web+payload_my__a.service");
  ck_assert_str_eq(other->instance, "my__a.service");
  ck_assert(!machine->waits && !inner->waits && !service->waits);

  /* Later ones as well */
  struct cgroup *later = add(inner, "later");
  update();
  ck_assert_str_eq(later->instance, "machine_web+payload_later");
}
END_TEST

/* What waits does not wait shorter because it is met between two passes. */
START_TEST(between_two_passes) {
  struct cgroup *machine = add(add(root, "machine.slice"), "machine-web.scope");

  naming_meet(&naming, &tree);
  ck_assert_str_eq(machine->instance, "machine_web");
  ck_assert(!machine->waits);
  struct cgroup *container = add(add_pod(), ID);
  for (int i = 0; i < 2 * NAMING_WAIT; i++) {
    (void)add(root, i % 2 == 0 ? "even" : "odd");
    naming_meet(&naming, &tree);
    ck_assert(container->waits);
    tree_remove(&tree, root->first_child);
    tree_settle(&tree);
  }
  make_link(ID);
  update();
  ck_assert_str_eq(container->instance, "k8s_default_web-0_app");
  ck_assert(!container->waits);
}
END_TEST

START_TEST(other_formats) {
  naming.enabled = false;
  struct cgroup *machine = add(add(root, "machine.slice"), "machine-web.scope");

  update();
  ck_assert_str_eq(machine->instance, "machine.slice_machine-web.scope");
}
END_TEST

/* A container that has its own cgroup delegated was put there by root. */
START_TEST(delegated) {
  struct cgroup *container = add(add_pod(), ID);

  others = "kubepods/pod" DASHED "/" ID;
  make_link(ID);
  update();
  ck_assert_str_eq(container->instance, "k8s_default_web-0_app");
}
END_TEST

/* What somebody else may have put into a pod is not one of its containers. */
START_TEST(of_a_pods_owner) {
  struct cgroup *pod = add_pod();
  struct cgroup *container = add(pod, ID);
  struct cgroup *inner = add(container, "init");

  others = "kubepods/pod" DASHED;
  write_file(root_directory, POD_DIRECTORY "/app/0.log", "");
  make_link(ID);
  update();
  ck_assert_str_eq(pod->instance, "k8s_default_web-0");
  ck_assert_str_eq(container->instance, "k8s_default_web-0+4f1c2d9e8b7a");
  ck_assert_str_eq(inner->instance, "k8s_default_web-0+4f1c2d9e8b7a_init");
}
END_TEST

/* A user with a delegated subtree can make any name. */
static const char *const belongings[] = {".", "kubepods"};

START_TEST(of_another_user) {
  struct cgroup *pod = add_pod();
  struct cgroup *container = add(pod, ID);

  others = belongings[_i];
  write_file(root_directory, POD_DIRECTORY "/app/0.log", "");
  make_link(ID);
  update();
  ck_assert_str_eq(pod->instance, "kubepods_pod" DASHED);
  ck_assert_str_eq(container->instance, "kubepods_pod" DASHED "_4f1c2d9e8b7a");
  ck_assert(!pod->waits && !container->waits);
}
END_TEST

START_TEST(a_pod) {
  struct cgroup *pod = add_pod();
  struct cgroup *container = add(pod, ID);
  struct cgroup *pause = add(pod, NEXT_ID);
  struct cgroup *inner = add(container, "init");
  struct cgroup *other = add(pod, "other");

  write_file(root_directory, POD_DIRECTORY "/app/0.log", "");
  write_file(root_directory,
             "run/containerd/io.containerd.grpc.v1.cri/sandboxes/" NEXT_ID "/x",
             "");
  make_link(ID);
  update();
  ck_assert_str_eq(pod->instance, "k8s_default_web-0");
  ck_assert_str_eq(container->instance, "k8s_default_web-0_app");
  ck_assert_str_eq(pause->instance, "k8s_default_web-0_POD");
  ck_assert_str_eq(inner->instance, "k8s_default_web-0_app+init");
  ck_assert_str_eq(other->instance, "k8s_default_web-0+other");
  ck_assert_uint_eq(naming.unnamed_count, 0);
  for (struct cgroup *each = root; each != NULL;
       each = tree_next(each, root, false))
    ck_assert(!each->waits);
}
END_TEST

/* Some distributions let nobody list the pods' directories. */
START_TEST(a_pod_by_its_container) {
  struct cgroup *pod = add_pod();
  struct cgroup *container = add(pod, ID);

  make_link(ID);
  update();
  ck_assert_str_eq(container->instance, "k8s_default_web-0_app");
  ck_assert_str_eq(pod->instance, "k8s_default_web-0");
  ck_assert(!pod->waits);
}
END_TEST

/* Returns the pass in which something is denied. */
static int denying_pass(void *context) {
  struct cgroup **pause = context;

  naming_close(&naming);
  open_naming(".");
  *pause = add(add_pod(), NEXT_ID);
  for (int pass = 0; pass < NAMING_DELAY_MAX; pass++) {
    tree_settle(&tree);
    naming_update(&naming, &tree, &denial);
    if (denial.path != NULL)
      return pass;
  }
  return -1;
}

/* It is told once, when the link of another container would be there. */
START_TEST(a_sandbox_denied) {
  struct cgroup *pause = NULL;
  CLEANUP_FREE char *directory =
      path_in(root_directory, "run/containerd/io.containerd.grpc.v1.cri");

  write_file(root_directory, POD_DIRECTORY "/app/0.log", "");
  write_file(directory, "sandboxes/" NEXT_ID "/shm", "");
  ck_assert_int_eq(chmod(directory, 0), 0);
  int pass = in_tree_as_nobody(root_directory, denying_pass, &pause);
  ck_assert_int_eq(chmod(directory, 0700), 0);
  ck_assert_int_eq(pass, NAMING_WAIT);
  ck_assert_str_eq(denial.path,
                   "./run/containerd/io.containerd.grpc.v1.cri/sandboxes");
  ck_assert(denial.is_of_sandboxes);
  ck_assert_str_eq(pause->instance, "k8s_default_web-0_+0f1c2d9e8b7a");
}
END_TEST

/* The link comes `_i` passes after the cgroup. Meanwhile its values wait, at
 * most for three passes, and then go out under a name that says what is
 * known. */
START_TEST(a_late_link) {
  write_file(root_directory, POD_DIRECTORY "/app/0.log", "");
  struct cgroup *pod = add_pod();
  struct cgroup *container = add(pod, ID);
  struct cgroup *inner = add(container, "init");

  for (int pass = 0; pass < _i; pass++) {
    update();
    ck_assert_str_eq(pod->instance, "k8s_default_web-0");
    ck_assert_int_eq(container->waits, pass < NAMING_WAIT);
    ck_assert_int_eq(inner->waits, pass < NAMING_WAIT);
    if (container->waits)
      continue;
    ck_assert_str_eq(container->instance, "k8s_default_web-0_+4f1c2d9e8b7a");
    ck_assert_str_eq(inner->instance, "k8s_default_web-0_+4f1c2d9e8b7a+init");
  }
  make_link(ID);
  update();
  ck_assert_str_eq(container->instance, "k8s_default_web-0_app");
  ck_assert_str_eq(inner->instance, "k8s_default_web-0_app+init");
  ck_assert(!container->waits && !inner->waits);
}
END_TEST

/* What is not known goes out under the path's name, and is not given up. */
START_TEST(a_very_late_link) {
  struct cgroup *container = add(add_pod(), ID);
  int passes = 0;

  for (int pass = 0; pass < 300; pass++)
    update();
  ck_assert(!container->waits && !container->parent->waits);
  ck_assert_str_eq(container->instance, "kubepods_pod" DASHED "_4f1c2d9e8b7a");
  make_link(ID);
  while (strcmp(container->instance, "k8s_default_web-0_app") != 0) {
    update();
    ck_assert_int_le(++passes, NAMING_DELAY_MAX);
  }
  ck_assert_str_eq(container->parent->instance, "k8s_default_web-0");
}
END_TEST

/* It has the name of the one before it, which may not have ended yet. */
START_TEST(a_restart) {
  struct cgroup *pod = add_pod();
  struct cgroup *before = add(pod, ID);
  struct cgroup *inner = add(before, "init");

  make_link(ID);
  update();
  struct cgroup *after = add(pod, NEXT_ID);
  struct cgroup *next_inner = add(after, "init");
  make_link(NEXT_ID);
  update();
  ck_assert_str_eq(after->instance, "k8s_default_web-0_app");
  ck_assert_str_eq(next_inner->instance, "k8s_default_web-0_app+init");
  ck_assert_str_ne(before->instance, after->instance);
  ck_assert_str_ne(inner->instance, next_inner->instance);

  tree_remove(&tree, before);
  update();
  ck_assert_str_eq(after->instance, "k8s_default_web-0_app");
}
END_TEST

/* Its values went out before the link was there. The container before it has
 * the same name, and another counter. */
START_TEST(a_restart_with_a_late_link) {
  write_file(root_directory, POD_DIRECTORY "/app/0.log", "");
  struct cgroup *pod = add_pod();
  struct cgroup *before = add(pod, ID);

  make_link(ID);
  update();
  struct cgroup *after = add(pod, NEXT_ID);
  for (int pass = 0; pass < 2 * NAMING_WAIT; pass++)
    update();
  ck_assert(!after->waits);
  tree_remove(&tree, before);
  make_link(NEXT_ID);
  for (int pass = 0; pass < NAMING_SILENCE; pass++) {
    update();
    ck_assert_str_eq(after->instance, "k8s_default_web-0_app");
    ck_assert(after->waits);
  }
  update();
  ck_assert(!after->waits);
  ck_assert_uint_eq(naming.unnamed_count, 0);
}
END_TEST

/* One of two cgroups is not what it seems: the younger one, whichever was seen
 * first, and all that is in it. When the older one has gone, it can be. */
START_TEST(an_id_twice) {
  const uint64_t first = _i == 0 ? 100 : 200;
  struct cgroup *pods[2];
  struct cgroup *inner[2];

  write_file(root_directory, POD_DIRECTORY "/app/0.log", "");
  make_link(ID);
  for (size_t i = 0; i < 2; i++) {
    inodes = i == 0 ? first : 300 - first;
    pods[i] = i == 0 ? add_pod()
                     : add(add(root, "kubepods.slice"),
                           "kubepods-pod" UNDERSCORED ".slice");
    inner[i] = add(add(pods[i], i == 0 ? ID : "crio-" ID ".scope"), "init");
    update();
  }
  size_t real = _i == 0 ? 0 : 1;
  ck_assert_str_eq(pods[real]->instance, "k8s_default_web-0");
  ck_assert_str_eq(inner[real]->instance, "k8s_default_web-0_app+init");
  for (struct cgroup *each = pods[1 - real]; each != NULL;
       each = tree_next(each, pods[1 - real], false))
    ck_assert_msg(strncmp(each->instance, "kubepods", 8) == 0, "%s",
                  each->instance);

  tree_remove(&tree, pods[real]);
  update();
  ck_assert_str_eq(inner[1 - real]->instance, "k8s_default_web-0_app+init");
}
END_TEST

/* Nor is a container in a pod that is not what it seems. */
START_TEST(in_a_pod_twice) {
  write_file(root_directory, POD_DIRECTORY "/app/0.log", "");
  make_link(NEXT_ID);
  inodes = 100;
  struct cgroup *container = add(add_pod(), NEXT_ID);
  update();
  ck_assert_str_eq(container->instance, "k8s_default_web-0_app");

  make_link(ID);
  inodes = 10;
  struct cgroup *slice =
      add(add(root, "kubepods.slice"), "kubepods-pod" UNDERSCORED ".slice");
  struct cgroup *real = add(slice, "crio-" ID ".scope");
  for (int pass = 0; pass < 3; pass++)
    update();
  ck_assert_str_eq(real->instance, "k8s_default_web-0_app");
  ck_assert_str_eq(container->instance, "kubepods_pod" DASHED "_0f1c2d9e8b7a");
}
END_TEST

/* A directory of logs is there before the pod. A link that says something else
 * is a lie. */
START_TEST(a_link_of_another_pod) {
  struct cgroup *container = add(add_pod(), ID);

  write_file(root_directory, "var/log/pods/default_other_" DASHED "/x", "");
  make_link(ID);
  for (int pass = 0; pass < 5; pass++)
    update();
  ck_assert_str_eq(container->parent->instance, "k8s_default_other");
  ck_assert_str_eq(container->instance, "k8s_default_other_+4f1c2d9e8b7a");
}
END_TEST

/* The pod's name is known only when its first container has started. */
START_TEST(a_late_pod) {
  struct cgroup *pod = add_pod();
  struct cgroup *pause = add(pod, NEXT_ID);

  for (int pass = 0; pass < 5; pass++)
    update();
  ck_assert_str_eq(pause->instance, "kubepods_pod" DASHED "_0f1c2d9e8b7a");
  make_link(ID);
  (void)add(pod, ID);
  update();
  ck_assert_str_eq(pod->instance, "k8s_default_web-0");
  ck_assert_str_eq(pause->instance, "k8s_default_web-0_+0f1c2d9e8b7a");
}
END_TEST

/* A cgroup in one container cannot have the name of another container. */
START_TEST(a_plus) {
  struct cgroup *real = add(root, "lxc.payload.a+b");
  struct cgroup *inner = add(add(root, "lxc.payload.a"), "b");

  update();
  ck_assert_str_eq(inner->instance, "lxc_a+b");
  ck_assert_msg(strncmp(real->instance, "lxc_a_b~", 8) == 0, "%s",
                real->instance);
}
END_TEST

/* It gets its name back when the younger one has gone. */
START_TEST(a_name_comes_back) {
  struct cgroup *before = add(add(root, "machine.slice"), "machine-web.scope");
  struct cgroup *inner = add(before, "init");
  int passes = 0;

  update();
  struct cgroup *after =
      add(add(root, "system.slice"), "systemd-nspawn@web.service");
  update();
  ck_assert_str_eq(after->instance, "machine_web");
  ck_assert_ptr_nonnull(strstr(before->instance, "machine-web.scope~"));
  tree_remove(&tree, after);
  while (strcmp(before->instance, "machine_web") != 0) {
    update();
    ck_assert_int_le(++passes, NAMING_DELAY_MAX);
  }
  ck_assert_str_eq(inner->instance, "machine_web+init");
}
END_TEST

/* Nothing could tell a name, so nothing waits for one. */
START_TEST(no_source) {
  naming_close(&naming);
  open_naming("/nowhere");
  struct cgroup *container = add(add_pod(), ID);

  update();
  ck_assert(!container->waits && !container->parent->waits);
  ck_assert_str_eq(container->instance, "kubepods_pod" DASHED "_4f1c2d9e8b7a");
}
END_TEST

static void make_machine(const char *unit, const char *name) {
  CLEANUP_FREE char *path = NULL;

  write_file(root_directory, "run/systemd/machines/readme", "");
  ck_assert_int_ge(
      asprintf(&path, "%s/run/systemd/machines/unit:%s", root_directory, unit),
      0);
  ck_assert_int_eq(symlink(name, path), 0);
}

/* Its unit has another name. machined knows it `_i` passes after the cgroup was
 * found; its path's name does not wait for that. */
START_TEST(by_machined) {
  struct cgroup *slice = add(root, "system.slice");
  struct cgroup *machine = add(slice, "mail.service");
  struct cgroup *inner = add(machine, "payload");
  struct cgroup *other = add(slice, "other.service");

  for (int pass = 0; pass < _i; pass++) {
    update();
    ck_assert_str_eq(machine->instance, "system.slice_mail.service");
    ck_assert(!machine->waits);
  }
  make_machine("mail.service", "post-1");
  update();
  ck_assert_str_eq(machine->instance, "machine_post-1");
  ck_assert_str_eq(inner->instance, "machine_post-1+payload");
  ck_assert_str_eq(other->instance, "system.slice_other.service");
  ck_assert(!machine->waits && !inner->waits);
}
END_TEST

/* If it is much later, the links are looked at now and then. */
START_TEST(by_machined_later) {
  struct cgroup *machine = add(add(root, "system.slice"), "mail.service");
  int passes = 0;

  for (int pass = 0; pass < 2 * NAMING_WAIT; pass++)
    update();
  make_machine("mail.service", "post");
  while (strcmp(machine->instance, "machine_post") != 0) {
    update();
    ck_assert_int_le(++passes, NAMING_DELAY_MAX);
  }
}
END_TEST

/* Its cgroup was found between two passes. */
START_TEST(by_machined_between) {
  struct cgroup *slice = add(root, "system.slice");

  for (int pass = 0; pass < 2 * NAMING_WAIT; pass++)
    update();
  struct cgroup *machine = add(slice, "mail.service");
  tree_settle(&tree);
  naming_meet(&naming, &tree);
  make_machine("mail.service", "post");
  update();
  ck_assert_str_eq(machine->instance, "machine_post");
}
END_TEST

/* Whoever may create cgroups in the slice could have made it. */
START_TEST(a_users_machine) {
  struct cgroup *machine = add(add(root, "my.slice"), "mail.service");

  others = "my.slice";
  make_machine("mail.service", "post");
  update();
  ck_assert_str_eq(machine->instance, "my.slice_mail.service");
}
END_TEST

/* A path's name does not give way to a container's. */
START_TEST(somebody_has_it) {
  struct cgroup *other = add(add(root, "machine"), "web");
  struct cgroup *machine = add(add(root, "machine.slice"), "machine-web.scope");

  update();
  ck_assert_str_eq(other->instance, "machine_web");
  ck_assert_ptr_nonnull(strstr(machine->instance, "~"));
  ck_assert(!other->waits && !machine->waits);
  CLEANUP_FREE char *name = strdup(machine->instance);
  for (int pass = 0; pass < 10; pass++)
    update();
  ck_assert_str_eq(machine->instance, name);
}
END_TEST

/* More containers than may be looked up in one pass: each has its turn. */
START_TEST(many) {
  struct cgroup *pods = add(root, "kubepods");
  /* The tree's order begins with the youngest. */
  struct cgroup *last = NULL;

  for (unsigned i = 0; i < 2 * NAMING_ATTEMPTS + 10; i++) {
    char name[64];
    (void)snprintf(name, sizeof(name), "pod%08x-5f0a-4c7e-9a51-2f3f7c3a9b10",
                   i);
    struct cgroup *added = add(pods, name);
    last = last != NULL ? last : added;
  }
  CLEANUP_FREE char *made = NULL;
  ck_assert_int_ge(asprintf(&made, "var/log/pods/default_last_%s/x",
                            last->component + strlen("pod")),
                   0);
  write_file(root_directory, made, "");
  update();
  ck_assert(last->waits);
  update();
  update();
  ck_assert_str_eq(last->instance, "k8s_default_last");
}
END_TEST

/* What is known, as "key=text" and "key:number" */
static void describe(void *context, const char *key, const char *text,
                     bool is_number) {
  ck_assert_int_gt(
      fprintf(context, "%s%c%s ", key, is_number ? ':' : '=', text), 0);
}

static void check_description(const struct cgroup *cgroup,
                              const char *expected) {
  CLEANUP_FREE char *described = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&described, &size);

  naming_describe(&naming, cgroup, describe, file);
  ck_assert_int_eq(fclose(file), 0);
  ck_assert_str_eq(described, expected);
}

static void write_docker(const char *id, const char *name) {
  CLEANUP_FREE char *host = NULL;
  CLEANUP_FREE char *file = NULL;
  CLEANUP_FREE char *text = NULL;

  ck_assert_int_ge(
      asprintf(&host, "var/lib/docker/containers/%s/hostconfig.json", id), 0);
  ck_assert_int_ge(
      asprintf(&file, "var/lib/docker/containers/%s/config.v2.json", id), 0);
  ck_assert_int_ge(
      asprintf(&text, "{\"ID\":\"%s\",\"Name\":\"/%s\"}", id, name), 0);
  write_file(root_directory, host, "{}");
  replace_file(root_directory, file, text);
}

#if HAVE_JANSSON
static void let_time_pass(void) {
  naming.renamed_nsec -= NAMING_RENAMED_SEC * NSEC_PER_SEC;
}

START_TEST(of_docker) {
  struct cgroup *docker = add(root, "docker");
  struct cgroup *web = add(docker, ID);
  struct cgroup *inner = add(web, "init");
  struct cgroup *other = add(docker, NEXT_ID);

  write_docker(ID, "web");
  update();
  ck_assert_str_eq(web->instance, "docker_web");
  ck_assert_str_eq(inner->instance, "docker_web+init");
  ck_assert_str_eq(docker->instance, "docker");
  /* Docker writes its file first, so nothing waits for one. */
  ck_assert_str_eq(other->instance, "docker_0f1c2d9e8b7a");
  ck_assert(!web->waits && !inner->waits && !other->waits);
}
END_TEST

START_TEST(renamed_in_docker) {
  struct cgroup *web = add(add(root, "docker"), ID);
  struct cgroup *inner = add(web, "init");

  write_docker(ID, "web");
  update();
  write_docker(ID, "frontend");
  update();
  ck_assert_str_eq(web->instance, "docker_web");
  let_time_pass();
  update();
  ck_assert_str_eq(web->instance, "docker_frontend");
  ck_assert_str_eq(inner->instance, "docker_frontend+init");
  ck_assert_uint_eq(naming.unnamed_count, 0);

  /* A file that makes no sense says nothing new. */
  write_docker(ID, "front end");
  let_time_pass();
  update();
  ck_assert_str_eq(web->instance, "docker_frontend");
}
END_TEST

/* Values go out in the end, and nothing is left to do. */
static void check_silence(const struct cgroup *cgroup, const char *name) {
  for (int pass = 0; pass < NAMING_SILENCE; pass++) {
    ck_assert_str_eq(cgroup->instance, name);
    ck_assert_msg(cgroup->waits, "pass %d", pass);
    update();
  }
  ck_assert_str_eq(cgroup->instance, name);
  ck_assert(!cgroup->waits);
  ck_assert_uint_eq(naming.unnamed_count, 0);
}

/* Whether the older one gives its name to the younger or takes the other's,
 * each has its name within a pass. What goes on with the name of another is
 * silent before: its counter may be far higher. */
START_TEST(renamed_in_turn) {
  struct cgroup *docker = add(root, "docker");
  struct cgroup *older = add(docker, ID);
  struct cgroup *younger = add(docker, NEXT_ID);
  struct cgroup *giver = _i == 0 ? older : younger;
  struct cgroup *taker = _i == 0 ? younger : older;
  struct cgroup *inner = add(taker, "init");

  write_docker(giver->component, "web");
  write_docker(taker->component, "db");
  update();
  update();
  write_docker(giver->component, "old");
  write_docker(taker->component, "web");
  let_time_pass();
  update();
  ck_assert_str_eq(giver->instance, "docker_old");
  ck_assert(!giver->waits && inner->waits);
  ck_assert_str_eq(inner->instance, "docker_web+init");
  struct cgroup *born = add(taker, "born");
  check_silence(taker, "docker_web");
  ck_assert(!inner->waits && !born->waits);
}
END_TEST

/* One silence follows another. */
START_TEST(renamed_while_silent) {
  struct cgroup *docker = add(root, "docker");
  struct cgroup *one = add(docker, ID);
  struct cgroup *two = add(docker, NEXT_ID);
  struct cgroup *three = add(docker, THIRD_ID);

  write_docker(ID, "one");
  write_docker(NEXT_ID, "two");
  write_docker(THIRD_ID, "three");
  update();
  update();
  write_docker(NEXT_ID, "was-two");
  write_docker(ID, "two");
  let_time_pass();
  update();
  ck_assert(one->waits && !two->waits);
  update();
  write_docker(THIRD_ID, "was-three");
  write_docker(ID, "three");
  let_time_pass();
  update();
  ck_assert_str_eq(three->instance, "docker_was-three");
  check_silence(one, "docker_three");
}
END_TEST

/* A store has forgotten what another container had under this name. */
START_TEST(renamed_much_later) {
  struct cgroup *docker = add(root, "docker");
  struct cgroup *one = add(docker, ID);
  struct cgroup *two = add(docker, NEXT_ID);

  write_docker(ID, "one");
  write_docker(NEXT_ID, "two");
  update();
  tree_remove(&tree, two);
  for (int pass = 0; pass < NAMING_SILENCE + 1; pass++)
    update();
  write_docker(ID, "two");
  let_time_pass();
  update();
  ck_assert_str_eq(one->instance, "docker_two");
  ck_assert(!one->waits);
}
END_TEST

/* No time passes between looking for new names and one that is there at once.
 */
START_TEST(a_later_container_of_docker) {
  struct cgroup *docker = add(root, "docker");

  update();
  write_docker(ID, "web");
  struct cgroup *web = add(docker, ID);
  struct cgroup *unknown = add(docker, NEXT_ID);
  update();
  ck_assert_str_eq(web->instance, "docker_web");
  ck_assert_str_eq(unknown->instance, "docker_0f1c2d9e8b7a");
  ck_assert(!web->waits && !unknown->waits);
}
END_TEST

/* Only where Docker has put it, and nothing in it or beside it. */
START_TEST(copies_of_docker) {
  struct cgroup *real = add(add(root, "docker"), ID);
  struct cgroup *inner = add(add(real, "docker"), NEXT_ID);
  struct cgroup *copy = add(add(add(root, "default"), "docker"), NEXT_ID);

  write_docker(ID, "web");
  write_docker(NEXT_ID, "db");
  for (int pass = 0; pass < 3; pass++)
    update();
  ck_assert_str_eq(real->instance, "docker_web");
  ck_assert_str_eq(inner->instance, "docker_web+docker_0f1c2d9e8b7a");
  ck_assert_str_eq(copy->instance, "default_docker_0f1c2d9e8b7a");

  /* The copy is older, and changes nothing. */
  struct cgroup *later = add(real->parent, NEXT_ID);
  update();
  ck_assert_str_eq(later->instance, "docker_db");
  ck_assert_str_eq(copy->instance, "default_docker_0f1c2d9e8b7a");
}
END_TEST

START_TEST(a_description_of_docker) {
  char label[] = "com.docker.compose.service";
  char *const labels[] = {label};
  struct cgroup *web = add(add(root, "docker"), ID);

  naming.docker.labels = labels;
  naming.docker.label_count = 1;
  write_file(root_directory, "var/lib/docker/containers/" ID "/hostconfig.json",
             "{}");
  write_file(root_directory, "var/lib/docker/containers/" ID "/config.v2.json",
             "{\"ID\":\"" ID
             "\",\"Name\":\"/web\",\"Config\":{\"Image\":\"a:1\","
             "\"Labels\":{\"com.docker.compose.service\":\"front\"}}}");
  update();
  check_description(web, "container.id=" ID
                         " container.name=web container.image.name=a:1 "
                         "container.runtime.name=docker "
                         "container.label.com.docker.compose.service=front ");
}
END_TEST

#define OF_DOCKER                                                              \
  ONCE(a_description_of_docker), ONCE(of_docker), ONCE(renamed_in_docker),     \
      TIMES(renamed_in_turn, 2), ONCE(renamed_while_silent),                   \
      ONCE(renamed_much_later), ONCE(a_later_container_of_docker),             \
      ONCE(copies_of_docker)
#else
START_TEST(of_docker) {
  struct cgroup *web = add(add(root, "docker"), ID);

  write_docker(ID, "web");
  update();
  ck_assert_str_eq(web->instance, "docker_4f1c2d9e8b7a");
  ck_assert(!web->waits);
}
END_TEST

#define OF_DOCKER ONCE(of_docker)
#endif

#define OTHER_POD                                                              \
  "machine-libpod_pod_" NEXT_ID ".slice/libpod-conmon-" ID ".scope"

/* Its process, which anybody may look at */
static void make_conmon(const char *cgroup) {
  static const char arguments[] = "conmon\0-c\0" ID "\0-n\0web";
  CLEANUP_FREE char *list = NULL;

  ck_assert_int_ge(asprintf(&list, "cgroup/%s/cgroup.procs", cgroup), 0);
  write_file(root_directory, list, "17\n");
  write_file(root_directory, "proc/17/comm", "conmon\n");
  write_bytes(root_directory, "proc/17/cmdline", arguments, sizeof(arguments));
}

START_TEST(of_podman) {
  struct cgroup *slice = add(root, "machine.slice");
  struct cgroup *pod = add(slice, "machine-libpod_pod_" NEXT_ID ".slice");
  struct cgroup *web = add(pod, "libpod-" ID ".scope");
  struct cgroup *inner = add(web, "container");
  struct cgroup *process = add(pod, "libpod-conmon-" ID ".scope");
  struct cgroup *unknown = add(slice, "libpod-" THIRD_ID ".scope");

  make_conmon("machine.slice/" OTHER_POD);
  update();
  ck_assert_str_eq(pod->instance, "podman_pod+0f1c2d9e8b7a");
  ck_assert_str_eq(web->instance, "podman_web");
  ck_assert_str_eq(inner->instance, "podman_web+container");
  ck_assert_str_eq(process->instance,
                   "podman_pod+0f1c2d9e8b7a+libpod-conmon-4f1c2d9e8b7a.scope");
  ck_assert_str_eq(unknown->instance,
                   "machine.slice_libpod-1f1c2d9e8b7a.scope");
  for (struct cgroup *each = root; each != NULL;
       each = tree_next(each, root, false))
    ck_assert(!each->waits);
}
END_TEST

static void check_no_podman(void) {
  for (struct cgroup *each = root; each != NULL;
       each = tree_next(each, root, false))
    ck_assert_msg(!each->waits && strncmp(each->instance, "podman", 6) != 0,
                  "%s", each->instance);
}

/* Of two cgroups with one id or pod, neither is named, whichever is older. What
 * is left is not named either, nor the next one beside it. */
START_TEST(a_copy_of_podman) {
  struct cgroup *slice = add(root, "machine.slice");
  inodes = 100;
  struct cgroup *pod = add(slice, "machine-libpod_pod_" NEXT_ID ".slice");
  struct cgroup *web = add(pod, "libpod-" ID ".scope");

  make_conmon("machine.slice/" OTHER_POD);
  update();
  ck_assert_str_eq(web->instance, "podman_web");
  inodes = _i == 0 ? 200 : 50;
  struct cgroup *parent = add(root, "libpod_parent");
  struct cgroup *other_pod = add(parent, NEXT_ID);
  (void)add(other_pod, "libpod-" ID);
  update();
  check_no_podman();

  tree_remove(&tree, pod);
  update();
  check_no_podman();
  inodes = 300;
  pod = add(slice, "machine-libpod_pod_" NEXT_ID ".slice");
  (void)add(pod, "libpod-" ID ".scope");
  update();
  check_no_podman();

  tree_remove(&tree, other_pod);
  tree_remove(&tree, pod);
  update();
  pod = add(slice, "machine-libpod_pod_" NEXT_ID ".slice");
  web = add(pod, "libpod-" ID ".scope");
  update();
  ck_assert_str_eq(web->instance, "podman_web");
  ck_assert_str_eq(pod->instance, "podman_pod+0f1c2d9e8b7a");
  ck_assert(!web->waits && !pod->waits);
}
END_TEST

/* What is in a container is not called like a pod. */
START_TEST(a_container_called_pod) {
  static const char arguments[] = "conmon\0-c\0" ID "\0-n\0pod";
  struct cgroup *slice = add(root, "machine.slice");
  struct cgroup *pod = add(slice, "machine-libpod_pod_" NEXT_ID ".slice");
  struct cgroup *inner = add(add(slice, "libpod-" ID ".scope"), "0f1c2d9e8b7a");

  make_conmon("machine.slice/libpod-conmon-" ID ".scope");
  write_bytes(root_directory, "proc/17/cmdline", arguments, sizeof(arguments));
  update();
  ck_assert_str_eq(pod->instance, "podman_pod+0f1c2d9e8b7a");
  ck_assert_msg(strncmp(inner->instance, "podman_pod_+0f1c2d9e8b7a~", 25) == 0,
                "%s", inner->instance);
}
END_TEST

#if HAVE_JANSSON
static void write_podman(const char *id, const char *name) {
  CLEANUP_FREE char *text = NULL;

  ck_assert_int_ge(
      asprintf(&text, "[{\"id\":\"%s\",\"names\":[\"%s\"]}]", id, name), 0);
  replace_file(root_directory,
               "var/lib/containers/storage/overlay-containers/containers.json",
               text);
}

/* Its process keeps the name that it was started with. */
START_TEST(renamed_in_podman) {
  struct cgroup *web = add(add(root, "machine.slice"), "libpod-" ID ".scope");
  struct cgroup *inner = add(web, "container");

  make_conmon("machine.slice/libpod-conmon-" ID ".scope");
  write_podman(ID, "db");
  update();
  ck_assert_str_eq(web->instance, "podman_db");
  write_podman(ID, "frontend");
  update();
  ck_assert_str_eq(web->instance, "podman_db");
  let_time_pass();
  update();
  ck_assert_str_eq(web->instance, "podman_frontend");
  ck_assert_str_eq(inner->instance, "podman_frontend+container");
  ck_assert_uint_eq(naming.unnamed_count, 0);
}
END_TEST

/* If there is a list, whoever is not in it is no container of Podman. */
START_TEST(only_by_its_process) {
  struct cgroup *web = add(add(root, "machine.slice"), "libpod-" ID ".scope");

  make_conmon("machine.slice/libpod-conmon-" ID ".scope");
  write_podman(NEXT_ID, "db");
  for (int pass = 0; pass < 3; pass++)
    update();
  ck_assert_str_eq(web->instance, "machine.slice_libpod-4f1c2d9e8b7a.scope");
  ck_assert(!web->waits);
}
END_TEST

static void write_podman_of_user(const char *id, const char *name) {
  CLEANUP_FREE char *text = NULL;

  ck_assert_int_ge(
      asprintf(&text, "[{\"id\":\"%s\",\"names\":[\"%s\"]}]", id, name), 0);
  replace_file_of_user(
      root_directory,
      "home/me/.local/share/containers/storage/overlay-containers/"
      "containers.json",
      text);
}

/* Adds the cgroup of that user's own systemd. */
static struct cgroup *add_user(uid_t user) {
  char slice[32];
  char service[32];

  (void)snprintf(slice, sizeof(slice), "user-%u.slice", (unsigned)user);
  (void)snprintf(service, sizeof(service), "user@%u.service", (unsigned)user);
  (void)snprintf(users_cgroup, sizeof(users_cgroup), "user.slice/%s/%s", slice,
                 service);
  return add(add(add(root, "user.slice"), slice), service);
}

static void make_user(void) {
  static char *mountinfo;

  write_file(root_directory, "home/me/x", "");
  write_home(root_directory, "/home/me", "ext4");
  free(mountinfo);
  mountinfo = path_in(root_directory, "mountinfo");
  naming.podman.homes.mountinfo = mountinfo;
}

static void assert_users(const struct cgroup *cgroup, const char *rest) {
  char expected[INSTANCE_NAME_SIZE];

  (void)snprintf(expected, sizeof(expected), "podman@%u_%s",
                 (unsigned)ordinary_user(), rest);
  ck_assert_str_eq(cgroup->instance, expected);
  ck_assert(!cgroup->waits);
}

START_TEST(of_a_user) {
  struct cgroup *slice = add(add_user(ordinary_user()), "user.slice");
  struct cgroup *pod = add(slice, "user-libpod_pod_" NEXT_ID ".slice");
  struct cgroup *web = add(pod, "libpod-" ID ".scope");
  struct cgroup *inner = add(web, "container");

  make_user();
  write_podman_of_user(ID, "web");
  update();
  assert_users(pod, "pod+0f1c2d9e8b7a");
  assert_users(web, "web");
  assert_users(inner, "web+container");
  write_podman_of_user(ID, "pod");
  let_time_pass();
  update();
  ck_assert_ptr_nonnull(strstr(web->instance, "_pod_~"));
  ck_assert_ptr_nonnull(strstr(inner->instance, "_pod_+container~"));
}
END_TEST

/* Whoever knows the id of a container cannot hide it, nor give it a name. */
START_TEST(a_users_copy) {
  struct cgroup *slice = add(add_user(ordinary_user()), "user.slice");
  struct cgroup *web = add(add(root, "machine.slice"), "libpod-" ID ".scope");

  make_user();
  write_podman(ID, "web");
  update();
  struct cgroup *copy = add(slice, "libpod-" ID ".scope");
  write_podman_of_user(ID, "bad");
  update();
  ck_assert_str_eq(web->instance, "podman_web");
  assert_users(copy, "bad");
}
END_TEST

/* Not if somebody else could have put it there. */
START_TEST(of_a_user_elsewhere) {
  struct cgroup *slice = add(add_user(ordinary_user()), "user.slice");
  struct cgroup *web = add(slice, "libpod-" ID ".scope");

  make_user();
  write_podman_of_user(ID, "web");
  others = _i == 0 ? users_cgroup : "user.slice";
  for (int pass = 0; pass < 5; pass++)
    update();
  ck_assert_ptr_nonnull(
      strstr(web->instance, "user.slice_libpod-4f1c2d9e8b7a"));
  ck_assert(!web->waits);
}
END_TEST

/* However many a user makes, others have their turn. */
START_TEST(many_of_a_user) {
  struct cgroup *slice = add(add_user(ordinary_user()), "user.slice");

  make_user();
  for (unsigned i = 0; i < 3 * NAMING_ATTEMPTS; i++) {
    char name[CONTAINER_ID_SIZE + 16];
    (void)snprintf(name, sizeof(name), "libpod-%064x.scope", i);
    (void)add(slice, name);
  }
  update();
  struct cgroup *web = add(add(root, "machine.slice"), "libpod-" ID ".scope");
  write_podman(ID, "web");
  update();
  ck_assert_str_eq(web->instance, "podman_web");
  ck_assert(!web->waits);
}
END_TEST

#define OF_PODMAN                                                              \
  ONCE(of_podman), TIMES(a_copy_of_podman, 2), ONCE(a_container_called_pod),   \
      ONCE(renamed_in_podman), ONCE(only_by_its_process),                      \
      TIMES(of_a_user, homes_can_be_read()),                                   \
      TIMES(a_users_copy, homes_can_be_read()), ONCE(many_of_a_user),          \
      TIMES(of_a_user_elsewhere, 2)
#else
#define OF_PODMAN                                                              \
  ONCE(of_podman), TIMES(a_copy_of_podman, 2), ONCE(a_container_called_pod)
#endif

static void make_task(const char *name) {
  CLEANUP_FREE char *file = NULL;

  ck_assert_int_ge(
      asprintf(&file,
               "run/containerd/io.containerd.runtime.v2.task/%s/config.json",
               name),
      0);
  write_file(root_directory, file, "{}");
}

/* Nothing but containerd's directories tells which cgroups are its tasks, and
 * nobody in one of them can make another. */
START_TEST(of_containerd) {
  struct cgroup *jobs = add(root, "jobs");
  struct cgroup *task = add(jobs, "batch_1");
  struct cgroup *inner = add(task, "init");
  struct cgroup *copy = add(add(task, "docker"), ID);
  struct cgroup *other = add(jobs, "other");
  struct cgroup *deeper = add(add(add(root, "a"), "jobs"), "batch_1");

  make_task("jobs/batch_1");
  make_task("a/b");
  write_docker(ID, "web");
  update();
  ck_assert_str_eq(jobs->instance, "jobs");
  ck_assert_str_eq(task->instance, "ctr_jobs_batch_1");
  ck_assert_str_eq(inner->instance, "ctr_jobs_batch_1+init");
  ck_assert_str_eq(copy->instance, "ctr_jobs_batch_1+docker_4f1c2d9e8b7a");
  ck_assert_str_eq(other->instance, "jobs_other");
  ck_assert_str_eq(deeper->instance, "a_jobs_batch__1");
  for (struct cgroup *each = root; each != NULL;
       each = tree_next(each, root, false))
    ck_assert(!each->waits);
}
END_TEST

#if HAVE_JANSSON
static void make_nerdctl(const char *id, const char *name, const char *cgroup) {
  CLEANUP_FREE char *file = NULL;
  CLEANUP_FREE char *text = NULL;

  ck_assert_int_ge(
      asprintf(
          &file,
          "run/containerd/io.containerd.runtime.v2.task/jobs/%s/config.json",
          id),
      0);
  ck_assert_int_ge(asprintf(&text,
                            "{\"annotations\":{\"nerdctl/name\":\"%s\","
                            "\"nerdctl/namespace\":\"jobs\"},"
                            "\"linux\":{\"cgroupsPath\":\"%s\"}}",
                            name, cgroup),
                   0);
  write_file(root_directory, file, text);
}

static void see_nerdctl(void *context, const char *key, const char *text,
                        bool is_number) {
  unsigned *seen = context;

  ck_assert(!is_number);
  if (strcmp(key, "container.id") == 0)
    ck_assert_str_eq(text, ID);
  else if (strcmp(key, "container.name") == 0)
    ck_assert_str_eq(text, "web");
  else if (strcmp(key, "container.runtime.name") == 0)
    ck_assert_str_eq(text, "containerd");
  else
    ck_abort_msg("%s", key);
  ++*seen;
}

/* Without systemd and with it. What only looks like one has no name, and in one
 * there is no other. */
START_TEST(of_nerdctl) {
  struct cgroup *jobs = add(root, "jobs");
  struct cgroup *web = add(jobs, ID);
  struct cgroup *inner = add(add(web, "jobs"), NEXT_ID);
  struct cgroup *slice = add(root, "system.slice");
  struct cgroup *api = add(slice, "nerdctl-" NEXT_ID ".scope");
  struct cgroup *init = add(api, "init");
  struct cgroup *none = add(slice, "nerdctl-" THIRD_ID ".scope");
  struct cgroup *copy = add(root, "nerdctl-" NEXT_ID ".scope");
  unsigned seen = 0;

  make_nerdctl(ID, "web", "/jobs/" ID);
  make_nerdctl(NEXT_ID, "api", "system.slice:nerdctl:" NEXT_ID);
  update();
  ck_assert_str_eq(web->instance, "nerdctl_web");
  ck_assert_str_eq(inner->instance, "nerdctl_web+jobs_0f1c2d9e8b7a");
  ck_assert_str_eq(api->instance, "nerdctl_api");
  ck_assert_str_eq(init->instance, "nerdctl_api+init");
  ck_assert_str_eq(none->instance, "system.slice_nerdctl-1f1c2d9e8b7a.scope");
  ck_assert_str_eq(copy->instance, "nerdctl-0f1c2d9e8b7a.scope");
  for (struct cgroup *each = root; each != NULL;
       each = tree_next(each, root, false))
    ck_assert(!each->waits);
  naming_describe(&naming, inner, see_nerdctl, &seen);
  ck_assert_uint_eq(seen, 3);
}
END_TEST

#define OF_NERDCTL ONCE(of_nerdctl),
#else
#define OF_NERDCTL
#endif

#define OF_THE_POD                                                             \
  "k8s.namespace.name=default k8s.pod.name=web-0 k8s.pod.uid=" DASHED " "

START_TEST(a_description) {
  struct cgroup *pod = add_pod();
  struct cgroup *container = add(pod, ID);
  struct cgroup *inner = add(container, "init");
  struct cgroup *late = add(pod, NEXT_ID);
  struct cgroup *podman =
      add(add(root, "machine.slice"), "libpod-" ID ".scope");
  struct cgroup *machine = add(podman->parent, "machine-web.scope");

  check_description(inner, "");
  make_link(ID);
  make_conmon("machine.slice/libpod-conmon-" ID ".scope");
  for (int pass = 0; pass <= NAMING_WAIT; pass++)
    update();
  check_description(root, "");
  check_description(pod->parent, "");
  check_description(pod, OF_THE_POD);
  check_description(container, OF_THE_POD "k8s.container.name=app "
                                          "k8s.container.restart_count:0 "
                                          "container.id=" ID " ");
  check_description(inner, OF_THE_POD "k8s.container.name=app "
                                      "k8s.container.restart_count:0 "
                                      "container.id=" ID " ");
  check_description(late, OF_THE_POD "container.id=" NEXT_ID " ");
  check_description(podman, "container.id=" ID " container.name=web "
                            "container.runtime.name=podman ");
  check_description(machine, "");
}
END_TEST

/* The middle of the pod's name goes, and the end is the same after a restart,
 * with another id. */
START_TEST(a_long_name) {
  static const char pod[] =
      "a23456789-b23456789-c23456789-d23456789-e23456789-f23456789-g23456789-"
      "h23456789-i23456789-j23456789-k23456789-l23456789-m23456789";
  static const char *const ids[] = {ID, NEXT_ID};
  char names[2][INSTANCE_NAME_SIZE];

  struct cgroup *parent = add_pod();
  for (size_t i = 0; i < 2; i++) {
    CLEANUP_FREE char *path = NULL;
    CLEANUP_FREE char *target = NULL;
    struct cgroup *container = add(parent, ids[i]);

    ck_assert_int_ge(asprintf(&path,
                              "%s/var/log/containers/%s_default_app-%s.log",
                              root_directory, pod, ids[i]),
                     0);
    ck_assert_int_ge(asprintf(&target,
                              "/var/log/pods/default_%s_" DASHED "/app/%zu.log",
                              pod, i),
                     0);
    ck_assert_int_eq(symlink(target, path), 0);
    update();
    memcpy(names[i], container->instance, strlen(container->instance) + 1);
    tree_remove(&tree, container);
  }
  ck_assert_str_eq(names[0], names[1]);
  ck_assert_uint_eq(strlen(names[0]), INSTANCE_NAME_SIZE - 1);
  ck_assert_msg(strncmp(names[0], "k8s_default_a23456789-b23456789-", 32) == 0,
                "%s", names[0]);
  ck_assert_msg(strstr(names[0], "-m23456789_app~") != NULL, "%s", names[0]);
}
END_TEST

Suite *naming_suite(void) {
  return suite_of(
      "naming", setup, teardown, ONCE(by_the_path), ONCE(between_two_passes),
      TIMES(by_machined, 3), ONCE(by_machined_later), ONCE(by_machined_between),
      ONCE(a_users_machine), ONCE(other_formats), ONCE(delegated),
      ONCE(of_a_pods_owner), FOR_EACH(of_another_user, belongings), ONCE(a_pod),
      ONCE(a_pod_by_its_container), ONCE(a_sandbox_denied),
      TIMES(a_late_link, 7), ONCE(a_very_late_link), ONCE(a_restart),
      ONCE(a_restart_with_a_late_link), TIMES(an_id_twice, 2),
      ONCE(in_a_pod_twice), ONCE(a_link_of_another_pod), ONCE(a_late_pod),
      ONCE(a_plus), ONCE(a_name_comes_back), ONCE(no_source),
      ONCE(somebody_has_it), ONCE(many), OF_DOCKER, OF_PODMAN,
      ONCE(of_containerd), OF_NERDCTL ONCE(a_description), ONCE(a_long_name));
}
