/* SPDX-License-Identifier: MIT */
#include "name/kubernetes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/array.h"
#include "util/cleanup.h"

#define ID "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define OTHER_ID                                                               \
  "0f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
#define DASHED "8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10"
#define UID "8cb9d4e15f0a4c7e9a512f3f7c3a9b10"
#define OTHER_DASHED "00000000-5f0a-4c7e-9a51-2f3f7c3a9b10"
#define TEN "abcdefghij"
#define FIFTY TEN TEN TEN TEN TEN

static char *root;
static struct kubernetes kubernetes;

static void setup(void) {
  root = make_tree();
  write_file(root, "var/log/containers/readme", "");
  write_file(root, "var/log/pods/readme", "");
  ck_assert_int_eq(kubernetes_open(&kubernetes, root), 0);
  kubernetes_begin(&kubernetes);
}

static void teardown(void) {
  kubernetes_close(&kubernetes);
  remove_tree(root);
}

static void make_link(const char *name, const char *target) {
  CLEANUP_FREE char *path = NULL;

  ck_assert_int_ge(asprintf(&path, "%s/var/log/containers/%s", root, name), 0);
  ck_assert_int_eq(symlink(target, path), 0);
}

static struct container container_with(const char *id) {
  struct container container = {.kind = CONTAINER_OF_POD, .pod_uid = UID};

  memcpy(container.id, id, strlen(id) + 1);
  return container;
}

static bool find(const char *id, struct kubernetes_names *names) {
  struct container container = container_with(id);

  return kubernetes_find_container(&kubernetes, &container, names);
}

static const struct {
  const char *target;
  /* NULL: it says nothing. */
  const char *namespace_name;
  const char *pod;
  const char *container;
} targets[] = {
    {"/var/log/pods/default_web-0_" DASHED "/app/0.log", "default", "web-0",
     "app"},
    {"/other/place/kube-system_etcd-node.example.com_" UID "/etcd/17.log",
     "kube-system", "etcd-node.example.com", "etcd"},
    {"/a_b_" DASHED "/c/0.log", "a", "b", "c"},
    {"x/a_b_" DASHED "/c/0.log", "a", "b", "c"},
    {"/var/log/pods/default_web-0_" OTHER_DASHED "/app/0.log", NULL, "", ""},
    {"/var/log/pods/default_web-0_" DASHED "/app/x.log", NULL, "", ""},
    {"/var/log/pods/default_web-0_" DASHED "/app/.log", NULL, "", ""},
    {"/var/log/pods/default_web-0_" DASHED "/app/1234567890.log", NULL, "", ""},
    {"/var/log/pods/default_web-0_" DASHED "/app/0.log.gz", NULL, "", ""},
    {"/var/log/pods/default_web-0_" DASHED "/0.log", NULL, "", ""},
    {"/var/log/pods/default_web-0_" DASHED "//0.log", NULL, "", ""},
    {"/var/log/pods/default_" DASHED "/app/0.log", NULL, "", ""},
    {"/var/log/pods/_web_" DASHED "/app/0.log", NULL, "", ""},
    {"/var/log/pods/default__" DASHED "/app/0.log", NULL, "", ""},
    {"/var/log/pods/default_we_b_" DASHED "/app/0.log", NULL, "", ""},
    {"/var/log/pods/Default_web_" DASHED "/app/0.log", NULL, "", ""},
    {"/var/log/pods/de.fault_web_" DASHED "/app/0.log", NULL, "", ""},
    {"/var/log/pods/default_w\neb_" DASHED "/app/0.log", NULL, "", ""},
    {"/var/log/pods/default_web_" DASHED "/a_p/0.log", NULL, "", ""},
    {"/var/log/pods/default_web_" DASHED "/" FIFTY TEN "abcd/0.log", NULL, "",
     ""},
    {"/var/log/pods/default_web_" DASHED "/" FIFTY TEN "abc/0.log", "default",
     "web", FIFTY TEN "abc"},
    {"/var/log/pods/" DASHED "/app/0.log", NULL, "", ""},
    {"0.log", NULL, "", ""},
    {"/app/0.log", NULL, "", ""},
    {"/", NULL, "", ""},
    {"", NULL, "", ""},
};

START_TEST(targets_of_links) {
  struct kubernetes_names names;
  bool known = kubernetes_parse_target(targets[_i].target, UID, &names);

  ck_assert_int_eq(known, targets[_i].namespace_name != NULL);
  if (!known)
    return;
  ck_assert_str_eq(names.namespace_name, targets[_i].namespace_name);
  ck_assert_str_eq(names.pod, targets[_i].pod);
  ck_assert_str_eq(names.container, targets[_i].container);
  ck_assert_int_eq(strncmp(strrchr(targets[_i].target, '/') + 1, names.restarts,
                           strlen(names.restarts)),
                   0);
  ck_assert_uint_eq(strlen(strrchr(targets[_i].target, '/') + 1),
                    strlen(names.restarts) + strlen(".log"));
}
END_TEST

START_TEST(finds_a_container) {
  struct kubernetes_names names;

  make_link("web-0_default_app-" ID ".log",
            "/var/log/pods/default_web-0_" DASHED "/app/3.log");
  make_link("other_default_app-" OTHER_ID ".log",
            "/var/log/pods/default_other_" OTHER_DASHED "/app/0.log");

  ck_assert(find(ID, &names));
  ck_assert_str_eq(names.namespace_name, "default");
  ck_assert_str_eq(names.pod, "web-0");
  ck_assert_str_eq(names.container, "app");
  /* It is of another pod. */
  ck_assert(!find(OTHER_ID, &names));
}
END_TEST

/* The link comes after the container. */
START_TEST(finds_it_later) {
  struct kubernetes_names names;

  ck_assert(!find(ID, &names));
  make_link("web-0_default_app-" ID ".log",
            "/var/log/pods/default_web-0_" DASHED "/app/3.log");
  ck_assert(!find(ID, &names));
  kubernetes_begin(&kubernetes);
  ck_assert(find(ID, &names));
}
END_TEST

/* A link that was planted: two names for one id are none. */
START_TEST(two_names) {
  struct kubernetes_names names;

  make_link("web-0_default_app-" ID ".log",
            "/var/log/pods/default_web-0_" DASHED "/app/3.log");
  make_link("fake_default_app-" ID ".log",
            "/var/log/pods/default_fake_" DASHED "/app/0.log");
  ck_assert(!find(ID, &names));
}
END_TEST

static const struct {
  const char *link;
  const char *target;
} lies[] = {
    {"web-0_default_app-" ID ".log",
     "/var/log/pods/default_web-0_" OTHER_DASHED "/app/3.log"},
    {"web-0_default_app-" ID ".log",
     "/var/log/pods/default_web-1_" DASHED "/app/3.log"},
    {"web-0_default_app-" ID ".log",
     "/var/log/pods/other_web-0_" DASHED "/app/3.log"},
    {"web-0_default_app-" ID ".log",
     "/var/log/pods/default_web-0_" DASHED "/ap/3.log"},
    {"web-0_default_app-" ID ".log", "/etc/passwd"},
    {"web-0_default_app-" ID ".log", "."},
    {"web-0_default_app-" ID ".txt",
     "/var/log/pods/default_web-0_" DASHED "/app/3.log"},
    {"web-0_default_app" ID ".log",
     "/var/log/pods/default_web-0_" DASHED "/app/3.log"},
};

START_TEST(links_that_disagree) {
  struct kubernetes_names names;

  make_link(lies[_i].link, lies[_i].target);
  ck_assert(!find(ID, &names));
}
END_TEST

/* A regular file is no link. */
START_TEST(a_file_instead) {
  struct kubernetes_names names;

  write_file(root, "var/log/containers/web-0_default_app-" ID ".log", "");
  ck_assert(!find(ID, &names));
}
END_TEST

/* The kubelet cuts the name of a link to 251 bytes. */
START_TEST(a_cut_id) {
  static const char pod[] = FIFTY "." FIFTY "." FIFTY "." TEN TEN TEN TEN;
  const size_t before = strlen(pod) + strlen("_default_app-");
  char link[300];
  char target[500];
  struct kubernetes_names names;

  ck_assert_uint_lt(251 - before, 64);
  (void)snprintf(link, sizeof(link), "%s_default_app-%.*s.log", pod,
                 (int)(251 - before), ID);
  ck_assert_uint_eq(strlen(link), 255);
  (void)snprintf(target, sizeof(target),
                 "/var/log/pods/default_%s_" DASHED "/app/0.log", pod);
  make_link(link, target);

  ck_assert(find(ID, &names));
  ck_assert_str_eq(names.pod, pod);
  ck_assert(!find(OTHER_ID, &names));
}
END_TEST

START_TEST(finds_a_pod) {
  struct kubernetes_names names;

  write_file(root, "var/log/pods/default_web-0_" DASHED "/app/0.log", "");
  write_file(root, "var/log/pods/kube-system_etcd_" OTHER_DASHED "/x", "");
  write_file(root, "var/log/pods/nonsense_" UID "/x", "");

  ck_assert(kubernetes_find_pod(&kubernetes, UID, &names));
  ck_assert_str_eq(names.namespace_name, "default");
  ck_assert_str_eq(names.pod, "web-0");
  ck_assert_str_eq(names.container, "");
  ck_assert(!kubernetes_find_pod(&kubernetes,
                                 "11111111111111111111111111111111", &names));

  write_file(root, "var/log/pods/default_fake_" DASHED "/app/0.log", "");
  kubernetes_begin(&kubernetes);
  ck_assert(!kubernetes_find_pod(&kubernetes, UID, &names));
}
END_TEST

static const char *const sandboxes[] = {
    "run/containerd/io.containerd.grpc.v1.cri/sandboxes/" ID "/resolv.conf",
    "run/k3s/containerd/io.containerd.grpc.v1.cri/sandboxes/" ID "/resolv.conf",
    "var/log/pods/default_web-0_" DASHED "/" ID ".log",
};

START_TEST(finds_a_sandbox) {
  struct container container = container_with(ID);
  struct container other = container_with(OTHER_ID);
  struct kubernetes_names names;

  write_file(root, "var/log/pods/default_web-0_" DASHED "/app/0.log", "");
  ck_assert(!find(ID, &names));
  ck_assert(!kubernetes_is_sandbox(&kubernetes, &container));
  write_file(root, sandboxes[_i], "");
  ck_assert(kubernetes_is_sandbox(&kubernetes, &container));
  ck_assert(!kubernetes_is_sandbox(&kubernetes, &other));
}
END_TEST

/* A directory that only root may look into, and what is known all the same. */
static const struct {
  const char *directory;
  const char *log;
  int expected;
} closed[] = {
    {"run/containerd/io.containerd.grpc.v1.cri", NULL, -EACCES},
    {"run/k3s/containerd/io.containerd.grpc.v1.cri", NULL, -EACCES},
    {"run/containerd/io.containerd.grpc.v1.cri",
     "var/log/pods/default_web-0_" DASHED "/" ID ".log", 1},
};

static int is_sandbox(void *context) {
  struct container container = container_with(ID);
  struct kubernetes_names names;

  (void)context;
  kubernetes_close(&kubernetes);
  ck_assert_int_eq(kubernetes_open(&kubernetes, "."), 0);
  ck_assert(!find(ID, &names));
  return kubernetes_is_sandbox(&kubernetes, &container);
}

START_TEST(a_sandbox_denied) {
  CLEANUP_FREE char *directory = path_in(root, closed[_i].directory);
  char sandbox[PATH_MAX];
  char told[PATH_MAX];

  (void)snprintf(sandbox, sizeof(sandbox), "%s/sandboxes/" ID,
                 closed[_i].directory);
  write_file(root, sandbox, "");
  if (closed[_i].log != NULL)
    write_file(root, closed[_i].log, "");
  ck_assert_int_eq(chmod(directory, 0), 0);
  int status = in_tree_as_nobody(root, is_sandbox, NULL);
  ck_assert_int_eq(chmod(directory, 0700), 0);
  ck_assert_int_eq(status, closed[_i].expected);
  (void)snprintf(told, sizeof(told), "./%s/sandboxes", closed[_i].directory);
  ck_assert_str_eq(kubernetes.sandboxes, told);
}
END_TEST

START_TEST(nothing_there) {
  struct kubernetes other;
  struct container container = container_with(ID);
  struct kubernetes_names names;

  ck_assert_int_eq(kubernetes_open(&other, "/nowhere"), 0);
  ck_assert(!kubernetes_find_container(&other, &container, &names));
  ck_assert(!kubernetes_find_pod(&other, UID, &names));
  ck_assert(!kubernetes_is_sandbox(&other, &container));
  ck_assert_ptr_null(other.denied);
  kubernetes_close(&other);
}
END_TEST

Suite *kubernetes_suite(void) {
  return suite_of(
      "kubernetes", setup, teardown, FOR_EACH(targets_of_links, targets),
      ONCE(finds_a_container), ONCE(finds_it_later), ONCE(two_names),
      FOR_EACH(links_that_disagree, lies), ONCE(a_file_instead), ONCE(a_cut_id),
      ONCE(finds_a_pod), FOR_EACH(finds_a_sandbox, sandboxes),
      FOR_EACH(a_sandbox_denied, closed), ONCE(nothing_there));
}
