/* SPDX-License-Identifier: MIT */
#include "find/discovery_update.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

static char *directory;
static int root = -1;
static struct selection selection;
static struct tree tree;
static struct failure failure;
static struct discovery discovery;

static void forget(void *context, struct cgroup *cgroup) {
  (void)context;
  discovery_forget(&discovery, cgroup);
}

static void setup(void) {
  directory = make_tree();
  root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  selection = (struct selection){0};
  tree = (struct tree){.selection = &selection, .on_remove = forget};
  discovery = (struct discovery){.root_path = directory,
                                 .max_depth = 1000,
                                 .max_cgroups = 10000,
                                 .native = true};
  discovery_open(&discovery);
}

static void teardown(void) {
  tree_release(&tree);
  ck_assert_uint_eq(discovery.left_out, 0);
  ck_assert_uint_eq(discovery.unwatched, 0);
  ck_assert_uint_eq(discovery.watches.count, 0);
  ck_assert_ptr_null(discovery.watches.by_watch);
  discovery_close(&discovery);
  selection_release(&selection);
  (void)close(root);
  remove_tree(directory);
}

__attribute__((format(printf, 1, 2))) static void make(const char *format,
                                                       ...) {
  CLEANUP_FREE char *name = NULL;
  va_list arguments;

  va_start(arguments, format);
  ck_assert_int_ge(vasprintf(&name, format, arguments), 0);
  va_end(arguments);
  ck_assert_msg(mkdirat(root, name, 0755) == 0, "%s", name);
}

static void drop(const char *name) {
  ck_assert_int_eq(unlinkat(root, name, AT_REMOVEDIR), 0);
}

/* Returns its error, or 0. */
static int try_update(void) {
  failure.error = 0;
  discovery_update(&discovery, &tree, &failure);
  tree_check(&tree);
  discovery_check(&discovery, &tree);
  return failure.error;
}

static void update(void) { ck_assert_int_eq(try_update(), 0); }

static struct cgroup *find(const char *wanted) {
  struct cgroup *const *order = tree_order(&tree);
  char path[TREE_PATH_SIZE];

  for (size_t i = 0; i < tree.count; i++) {
    (void)tree_path(order[i], path);
    if (strcmp(path, wanted) == 0)
      return order[i];
  }
  return NULL;
}

/* More directories than are checked in each update: "many/0" and so on. */
#define MANY 200

static void make_many(void) {
  make("many");
  for (int i = 0; i < MANY; i++)
    make("many/%d", i);
  update();
  ck_assert_uint_ge(tree.count, MANY + 2);
}

START_TEST(finds_all_at_any_depth) {
  make("a");
  make("b");
  make("a/1");
  make("a/1/2");
  make("a/1/2/3");
  make("a/1/2/3/4");
  make("a/1/2/3/4/5");
  make("a/1/2/3/4/5/6");
  make("a/1/2/3/4/5/6/7");
  write_file(directory, "a/1/cpu.stat", "usage_usec 1\n");
  update();
  ck_assert_uint_eq(tree.count, 10);
  ck_assert_ptr_nonnull(find("/"));
  ck_assert_ptr_nonnull(find("/b"));
  ck_assert_ptr_nonnull(find("/a/1/2/3/4/5/6/7"));
}
END_TEST

/* The next update finds a change in small and in large trees, with and without
 * events, and on file systems without usable link counts. */
enum { SMALL, LARGE, LARGE_WITHOUT_EVENTS, LARGE_FOREIGN, SITUATIONS };

/* From the next update on, no directory gets a watch. */
static void have_no_watches(void) {
  inotify_watches_begin(&discovery.watches, false);
  discovery.watches.share = 0;
}

static void prepare(int situation) {
  if (situation == LARGE_WITHOUT_EVENTS)
    have_no_watches();
  if (situation == LARGE_FOREIGN) {
    have_no_watches();
    discovery.native = false;
  }
  if (situation == SMALL)
    update();
  else
    make_many();
}

START_TEST(new_ones_show_at_once) {
  make("a");
  prepare(_i);
  size_t count = tree.count;
  make("new");
  make("a/new");
  make("a/new/below");
  update();
  ck_assert_uint_eq(tree.count, count + 3);
  ck_assert_ptr_nonnull(find("/a/new/below"));
  make("a/new/below/later");
  update();
  ck_assert_ptr_nonnull(find("/a/new/below/later"));
}
END_TEST

START_TEST(removed_ones_go) {
  make("a");
  make("a/b");
  make("a/b/c");
  prepare(_i);
  size_t count = tree.count;
  drop("a/b/c");
  drop("a/b");
  update();
  ck_assert_uint_eq(tree.count, count - 2);
  ck_assert_ptr_nonnull(find("/a"));
  ck_assert_ptr_null(find("/a/b"));
}
END_TEST

START_TEST(made_anew_is_another) {
  make("a");
  prepare(_i);
  size_t count = tree.count;
  uint64_t birth = find("/a")->birth;

  /* The old one still exists when the new one is created, so no inode number is
   * used again. */
  make("b");
  drop("a");
  ck_assert_int_eq(renameat(root, "b", root, "a"), 0);
  update();
  ck_assert_uint_eq(tree.count, count);
  ck_assert_uint_ne(find("/a")->birth, birth);
  ck_assert_str_eq(find("/a")->instance, "a");
}
END_TEST

START_TEST(renamed_is_another) {
  make("a");
  make("a/b");
  prepare(_i);
  uint64_t birth = find("/a")->birth;
  ck_assert_int_eq(renameat(root, "a", root, "c"), 0);
  update();
  ck_assert_ptr_null(find("/a"));
  ck_assert_uint_ne(find("/c")->birth, birth);
  ck_assert_ptr_nonnull(find("/c/b"));
}
END_TEST

/* If inotify accepts watches but delivers no events, large trees are still
 * searched in the promised time. */
START_TEST(nothing_stays_unseen) {
  make_many();
  for (struct cgroup *cgroup = tree.root->first_child->first_child;
       cgroup != NULL; cgroup = cgroup->next)
    ck_assert_int_ge(cgroup->watch, 0);
  (void)close(discovery.watches.fd);
  discovery.watches.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  ck_assert_int_ge(discovery.watches.fd, 0);

  make("many/7/new");
  make("other");
  int updates = 0;
  while (updates < DISCOVERY_ROUND &&
         (find("/other") == NULL || find("/many/7/new") == NULL)) {
    update();
    updates++;
  }
  ck_assert_ptr_nonnull(find("/many/7/new"));
  ck_assert_ptr_nonnull(find("/other"));
}
END_TEST

/* The same is true if the order of the cgroups changes in every update. */
START_TEST(nothing_stays_unseen_beside_others) {
  char name[32];

  make_many();
  struct cgroup *deaf = find("/many/7");
  ck_assert_int_eq(inotify_rm_watch(discovery.watches.fd, deaf->watch), 0);
  make("many/7/new");
  /* One cgroup is removed before it in the order, and another is created after
   * it. */
  for (int updates = 0;
       updates < DISCOVERY_ROUND && find("/many/7/new") == NULL; updates++) {
    (void)snprintf(name, sizeof(name), "many/%d", MANY - 1 - updates);
    drop(name);
    make("later%d", updates);
    make("many/later%d", updates);
    update();
  }
  ck_assert_ptr_nonnull(find("/many/7/new"));
}
END_TEST

/* Returns a setting of the kernel, or SIZE_MAX if it does not exist. */
static size_t setting(const char *path) {
  CLEANUP_FILE FILE *file = fopen(path, "re");
  char line[32] = "";

  if (file != NULL)
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
  return file != NULL ? (size_t)strtoull(line, NULL, 10) : SIZE_MAX;
}

START_TEST(lost_events_are_made_up_for) {
  make_many();
  size_t longest = setting("/proc/sys/fs/inotify/max_queued_events");
  ck_assert_uint_lt(longest, SIZE_MAX);
  for (size_t events = 0; events <= longest; events += 2) {
    make("flood");
    drop("flood");
  }
  make("many/3/new");
  update();
  ck_assert_ptr_nonnull(find("/many/3/new"));
  ck_assert_ptr_null(find("/flood"));
}
END_TEST

START_TEST(missing_watches_are_reported_while_they_are) {
  have_no_watches();
  make_many();
  ck_assert_int_eq(discovery_watch_error(&discovery), -ENOSPC);
  ck_assert_uint_eq(discovery.unwatched, MANY + 2);
  discovery.watches.share = SIZE_MAX;
  update();
  ck_assert_int_eq(discovery_watch_error(&discovery), 0);
  ck_assert_uint_eq(discovery.watches.count, MANY + 2);
}
END_TEST

/* The plugin takes half of the watches that others leave. It gives the rest
 * back, those of leaves first. */
START_TEST(watches_are_given_back) {
  make("a");
  make_many();
  ck_assert_uint_eq(discovery.watches.count, MANY + 3);
  discovery.watches.share = 10;
  update();
  ck_assert_uint_eq(discovery.watches.count, 10);
  ck_assert_uint_eq(discovery.unwatched, MANY + 3 - 10);
  ck_assert_int_ge(find("/")->watch, 0);
  ck_assert_int_ge(find("/many")->watch, 0);
  make("many/7/new");
  make("new");
  update();
  ck_assert_ptr_nonnull(find("/many/7/new"));
  ck_assert_ptr_nonnull(find("/new"));
}
END_TEST

/* The share is half of the system's limit, whatever that is. */
START_TEST(the_share_is_half) {
  size_t limit = setting("/proc/sys/fs/inotify/max_user_watches");
  size_t of_namespace = setting("/proc/sys/user/max_inotify_watches");

  ck_assert_uint_lt(limit, SIZE_MAX);
  update();
  size_t half = (of_namespace < limit ? of_namespace : limit) / 2;
  ck_assert_uint_eq(discovery.watches.share, half);
}
END_TEST

/* Each directory is listed once, and none without a change. */
START_TEST(work_is_in_proportion_to_what_changed) {
  make_many();
  ck_assert_uint_le(discovery.listed, MANY + 2);
  update();
  ck_assert_uint_eq(discovery.listed, 0);
  make("many/7/new");
  make("many/7/newer");
  drop("many/8");
  update();
  ck_assert_uint_le(discovery.listed, 4);
  ck_assert_ptr_nonnull(find("/many/7/newer"));
}
END_TEST

#ifdef SYS_utimensat_time64
#define SYS_UTIMENSAT SYS_utimensat_time64
#else
#define SYS_UTIMENSAT SYS_utimensat
#endif

/* Whatever time_t is. */
static void set_time(const char *name, int64_t seconds) {
  const struct {
    int64_t seconds;
    int64_t nanoseconds;
  } times[2] = {{.seconds = seconds}, {.seconds = seconds}};

  ck_assert_int_eq(syscall(SYS_UTIMENSAT, root, name, times, 0), 0);
}

/* With a short time_t, stat(2) fails if a time does not fit. */
START_TEST(times_after_2038) {
  const int64_t year_2100 = 4102444800;

  make("a");
  make("a/1");
  set_time("a/1", year_2100);
  set_time("a", year_2100);
  set_time(".", year_2100);
  update();
  ck_assert_ptr_nonnull(find("/a/1"));
}
END_TEST

/* It is known only if the cgroup did not exist one update before, and was not
 * overlooked then. */
START_TEST(what_was_born_is_known) {
  make_many();
  update();
  make("many/new");
  make("many/new/below");
  ck_assert_int_eq(renameat(root, "many/5", root, "many/renamed"), 0);
  update();
  ck_assert_uint_eq(find("/many/0")->discovery.born, 0);
  ck_assert_uint_eq(find("/many/renamed")->discovery.born, 0);
  ck_assert_uint_eq(find("/many/new")->discovery.born, discovery.updates);
  ck_assert_uint_eq(find("/many/new/below")->discovery.born, discovery.updates);

  discovery.native = false;
  make("many/foreign");
  update();
  ck_assert_uint_eq(find("/many/foreign")->discovery.born, 0);
}
END_TEST

START_TEST(what_was_overlooked_was_not_born) {
  make_many();
  discovery.watches.share = 0;
  update();
  make("many/7/new");
  update();
  update();
  ck_assert_ptr_nonnull(find("/many/7/new"));
  ck_assert_uint_eq(find("/many/7/new")->discovery.born, 0);
}
END_TEST

/* The event may come a moment after the change. */
START_TEST(a_change_without_an_event_waits_for_it) {
  bool comes = _i == 1;

  make("a");
  make("a/b");
  update();
  update();
  struct cgroup *a = find("/a");
  ck_assert_int_ge(a->watch, 0);
  int deaf = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  ck_assert_int_ge(deaf, 0);
  int kept = discovery.watches.fd;
  discovery.watches.fd = deaf;
  make("a/c");
  update();
  ck_assert_ptr_null(find("/a/c"));
  if (comes)
    discovery.watches.fd = kept;
  update();
  ck_assert_ptr_nonnull(find("/a/c"));
  ck_assert_uint_eq(find("/a/c")->discovery.born,
                    comes ? discovery.updates : 0);
  (void)close(comes ? deaf : kept);
}
END_TEST

START_TEST(what_is_listed_each_time_needs_no_event) {
  discovery.watches.share = 0;
  make("a");
  make("a/b");
  update();
  make("a/c");
  update();
  make("a/d");
  update();
  ck_assert_uint_eq(find("/a/c")->discovery.born, discovery.updates - 1);
  ck_assert_uint_eq(find("/a/d")->discovery.born, discovery.updates);
}
END_TEST

/* Between two updates, events are followed, up to some bound. */
START_TEST(changes_between_two_updates) {
  make_many();
  update();
  uint32_t updates = discovery.updates;
  make("many/new");
  make("many/new/below");
  drop("many/5");
  discovery_follow(&discovery, &tree);
  ck_assert_ptr_null(find("/many/5"));
  ck_assert_uint_eq(find("/many/new")->discovery.born, updates + 1);
  ck_assert_uint_eq(find("/many/new/below")->discovery.born, updates + 1);
  /* A directory can be listed several times before the next update. */
  make("many/newer");
  discovery_follow(&discovery, &tree);
  ck_assert_uint_eq(find("/many/newer")->discovery.born, updates + 1);
  ck_assert_uint_eq(discovery.updates, updates);
  for (int i = 10; i < 20 + DISCOVERY_BETWEEN; i++)
    make("many/%d/x", i);
  discovery_follow(&discovery, &tree);
  ck_assert_uint_eq(discovery.listed, DISCOVERY_BETWEEN);
  /* What was too much waits for the update. */
  discovery_follow(&discovery, &tree);
  ck_assert_uint_eq(discovery.listed, 0);
  update();
  for (int i = 10; i < 20 + DISCOVERY_BETWEEN; i++) {
    char path[32];
    (void)snprintf(path, sizeof(path), "/many/%d/x", i);
    ck_assert_ptr_nonnull(find(path));
    ck_assert_uint_eq(find(path)->discovery.born, updates + 1);
  }
}
END_TEST

/* Then nothing is done until the next update, which looks at everything. */
START_TEST(events_lost_between_two_updates) {
  size_t longest = setting("/proc/sys/fs/inotify/max_queued_events");

  make_many();
  update();
  make("many/3/new");
  for (size_t events = 0; events <= longest; events += 2) {
    make("many/4/x");
    drop("many/4/x");
  }
  make("many/5/new");
  discovery_follow(&discovery, &tree);
  ck_assert(discovery.missed);
  discovery_follow(&discovery, &tree);
  ck_assert_ptr_null(find("/many/5/new"));
  update();
  ck_assert_uint_eq(find("/many/3/new")->discovery.born, 0);
  ck_assert_uint_eq(find("/many/5/new")->discovery.born, 0);
}
END_TEST

START_TEST(depth_is_limited) {
  make("a");
  make("a/b");
  make("a/b/c");
  discovery.max_depth = 2;
  update();
  ck_assert_uint_eq(tree.count, 3);
  ck_assert_ptr_nonnull(find("/a/b"));
  make("a/b/d");
  make("a/e");
  update();
  ck_assert_uint_eq(tree.count, 4);
  ck_assert_ptr_nonnull(find("/a/e"));
}
END_TEST

START_TEST(root_alone) {
  make("a");
  discovery.max_depth = 0;
  update();
  ck_assert_uint_eq(tree.count, 1);
}
END_TEST

START_TEST(room_is_shared) {
  make("a");
  make("a/b");
  for (int i = 0; i < 20; i++)
    make("a/b/%d", i);
  make("c");
  discovery.max_cgroups = 10;
  update();
  ck_assert_uint_eq(tree.count, 10);
  ck_assert_uint_eq(discovery.left_out, 14);
  ck_assert_ptr_nonnull(find("/a/b"));
  ck_assert_ptr_nonnull(find("/c"));

  /* A cgroup without descendants takes the place of one of many. */
  make("d");
  update();
  ck_assert_uint_eq(tree.count, 10);
  ck_assert_uint_eq(discovery.left_out, 15);
  ck_assert_ptr_nonnull(find("/d"));
}
END_TEST

/* However many cgroups a tenant creates, before or after: the cgroups of others
 * stay, and their new ones find room. */
START_TEST(a_tenant_pushes_nobody_out) {
  discovery.max_cgroups = 50;
  make("others");
  for (int i = 0; i < 10; i++)
    make("others/%d", i);
  update();
  make("tenant");
  make("tenant/deep");
  for (int i = 0; i < 1000; i++)
    make("tenant/%s%d", i % 2 == 0 ? "" : "deep/", i);
  update();
  ck_assert_uint_eq(tree.count, 50);
  ck_assert_uint_eq(find("/others")->size, 11);
  ck_assert_uint_eq(find("/tenant")->size, 38);

  for (int i = 10; i < 20; i++)
    make("others/%d", i);
  update();
  ck_assert_uint_eq(tree.count, 50);
  ck_assert_uint_eq(find("/others")->size, 21);
  ck_assert_uint_eq(find("/tenant")->size, 28);
}
END_TEST

START_TEST(free_room_is_used) {
  char name[32];

  make("a");
  for (int i = 0; i < 20; i++)
    make("a/%d", i);
  discovery.max_cgroups = 12;
  update();
  ck_assert_uint_eq(tree.count, 12);
  ck_assert_uint_eq(discovery.left_out, 10);
  for (int i = 0; i < 10; i++) {
    (void)snprintf(name, sizeof(name), "a/%d", i);
    drop(name);
  }
  update();
  update();
  ck_assert_uint_eq(tree.count, 12);
  ck_assert_uint_eq(discovery.left_out, 0);
}
END_TEST

START_TEST(what_cannot_match_is_not_walked) {
  make("a");
  make("a/b");
  make("c");
  make("c/d");
  ck_assert_int_eq(selection_add(&selection, "/a/b"), 0);
  update();
  ck_assert_ptr_nonnull(find("/a/b"));
  ck_assert_ptr_null(find("/c/d"));
  ck_assert(find("/c")->discovery.closed);
}
END_TEST

START_TEST(root_goes_and_comes_back) {
  make("root");
  make("root/a");
  CLEANUP_FREE char *path = path_in(directory, "root");
  CLEANUP_FREE char *away = path_in(directory, "away");
  discovery.root_path = path;
  update();
  ck_assert_uint_eq(tree.count, 2);

  ck_assert_int_eq(rename(path, away), 0);
  ck_assert_int_eq(try_update(), -ENOENT);
  ck_assert_uint_eq(tree.count, 0);

  make("root");
  make("root/b");
  update();
  ck_assert_uint_eq(tree.count, 2);
  ck_assert_ptr_nonnull(find("/b"));
}
END_TEST

/* Root may read everything. So the directory fails to open for another reason:
 * there are no descriptors left. */
START_TEST(what_cannot_be_listed_is_named) {
  struct rlimit limit;

  make("a");
  make("a/b");
  update();
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
  make("a/new");
  limit.rlim_cur = 0;
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  ck_assert_int_eq(try_update(), -EMFILE);
  ck_assert_str_eq(strrchr(failure.path, '/'), "/a");
  ck_assert_int_eq(strncmp(failure.path, directory, strlen(directory)), 0);
  limit.rlim_cur = limit.rlim_max;
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  ck_assert_ptr_nonnull(find("/a/b"));
  update();
  ck_assert_ptr_nonnull(find("/a/new"));
}
END_TEST

/* In a large tree, only the recorded failure makes the plugin try it again. */
START_TEST(what_cannot_be_listed_is_tried_again) {
  struct rlimit limit;

  make_many();
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
  make("many/7/new");
  limit.rlim_cur = 0;
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  ck_assert_int_eq(try_update(), -EMFILE);
  limit.rlim_cur = limit.rlim_max;
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  update();
  ck_assert_ptr_nonnull(find("/many/7/new"));
}
END_TEST

START_TEST(links_are_not_followed) {
  make("a");
  ck_assert_int_eq(symlinkat("a", root, "link"), 0);
  ck_assert_int_eq(symlinkat("..", root, "a/up"), 0);
  update();
  ck_assert_uint_eq(tree.count, 2);
}
END_TEST

Suite *discovery_suite(void) {
  TCase *tests = case_of(
      "discovery", setup, teardown, ONCE(finds_all_at_any_depth),
      TIMES(new_ones_show_at_once, SITUATIONS),
      TIMES(removed_ones_go, SITUATIONS),
      TIMES(made_anew_is_another, SITUATIONS),
      TIMES(renamed_is_another, SITUATIONS), ONCE(nothing_stays_unseen),
      ONCE(nothing_stays_unseen_beside_others),
      ONCE(lost_events_are_made_up_for),
      ONCE(missing_watches_are_reported_while_they_are),
      ONCE(watches_are_given_back), ONCE(the_share_is_half),
      ONCE(work_is_in_proportion_to_what_changed), ONCE(what_was_born_is_known),
      ONCE(what_was_overlooked_was_not_born),
      TIMES(a_change_without_an_event_waits_for_it, 2),
      ONCE(changes_between_two_updates), ONCE(events_lost_between_two_updates),
      ONCE(what_is_listed_each_time_needs_no_event), ONCE(depth_is_limited),
      ONCE(root_alone), ONCE(times_after_2038), ONCE(room_is_shared),
      ONCE(a_tenant_pushes_nobody_out), ONCE(free_room_is_used),
      ONCE(what_cannot_match_is_not_walked), ONCE(root_goes_and_comes_back),
      ONCE(links_are_not_followed));
  TCase *limit_tests =
      case_of("limits", setup, teardown, ONCE(what_cannot_be_listed_is_named),
              ONCE(what_cannot_be_listed_is_tried_again));
  Suite *suite = suite_of_case("discovery", tests);

  tcase_set_timeout(tests, 60);
  tcase_set_tags(limit_tests, "limits");
  suite_add_tcase(suite, limit_tests);
  return suite;
}
