/* SPDX-License-Identifier: MIT */
/* The glue to collectd 5: configuration, log, life cycle and dispatch. Only
 * this file includes collectd's headers. */
#include "collectd.h"
#include "plugin.h"
#include "utils_complain.h"

#include <pthread.h>

#include "collector.h"
#include "find/hierarchy_detection.h"
#include "options.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/monotonic.h"
#include "util/printable.h"

#define PLUGIN "cgroup_cpu"
#define LOG_PREFIX PLUGIN " plugin: "
/* collectd's JSON writers have this much room for a metadata value in
 * quotes. */
#define METADATA_SIZE 512
/* Their buffer, by default of 4096 bytes, must also have room for the rest of
 * one value. */
#define METADATA_SIZE_OF_ALL 3072

/* A collectd built with shorter names would cut them silently. */
_Static_assert(DATA_MAX_NAME_LEN >= INSTANCE_NAME_SIZE,
               "this collectd cuts names (--with-data-max-name-len)");
_Static_assert(_Generic((gauge_t)0, double : 1, default : 0),
               "gauges are double");
_Static_assert(_Generic((derive_t)0, int64_t : 1, default : 0),
               "derives are int64_t");

/* A value that waits for the end of the pass. A dispatched value may wake
 * collectd's write threads. So nothing is dispatched until all cgroups are
 * read: this costs less CPU time, and the threads do not disturb the
 * readings. */
struct pending_value {
  /* NULL: the plugin itself. */
  struct cgroup *cgroup;
  enum report_type type;
  const char *type_instance;
  value_t value;
};

/* collectd passes no pointer to the configuration, init and shutdown callbacks,
 * so they share this. */
static struct {
  struct options options;
  bool misconfigured;
  /* Held by the read that uses the rest of this: with PeakInterval there are
   * two, and collectd runs them in threads of their own. */
  pthread_mutex_t lock;
  struct collector *collector;
  /* When the readings of the last pass began, on the monotonic clock; 0: there
   * was none. */
  uint64_t readings_nsec;
  struct pending_value *pending;
  size_t pending_count;
  size_t pending_room;
  /* Some values of this pass were lost because there was no memory. */
  bool values_lost;
  c_complain_t lost;
  c_complain_t unreadable;
  c_complain_t left_out;
  /* Logged already: there are no cgroups; the search for them failed. */
  bool absence_logged;
  bool search_error_logged;
  bool watch_error_logged;
  bool root_unaccounted_logged;
} plugin = {.options = OPTIONS_DEFAULT, .lock = PTHREAD_MUTEX_INITIALIZER};

/* What collectd gets for a value. It is reused for all values of a pass. */
struct dispatch {
  value_list_t list;
  value_t value;
  /* The cgroup whose name and metadata are in the list, if `is_named`. */
  const struct cgroup *cgroup;
  bool is_named;
};

static struct option_value option_value(const oconfig_item_t *item) {
  struct option_value value = {.kind = OPTION_OTHER};

  if (item->values_num != 1 || item->children_num != 0)
    return value;
  switch (item->values[0].type) {
  case OCONFIG_TYPE_STRING:
    value.kind = OPTION_STRING;
    value.as.string = item->values[0].value.string;
    break;
  case OCONFIG_TYPE_NUMBER:
    value.kind = OPTION_NUMBER;
    value.as.number = item->values[0].value.number;
    break;
  case OCONFIG_TYPE_BOOLEAN:
    value.kind = OPTION_BOOLEAN;
    value.as.boolean = item->values[0].value.boolean != 0;
    break;
  default:
    break;
  }
  return value;
}

static void log_option(const char *key, const char *message) {
  char shown[PRINTABLE_PATH_SIZE];

  (void)printable(key, shown, sizeof(shown));
  if (message != NULL)
    ERROR(LOG_PREFIX "%s", message);
  else
    ERROR(LOG_PREFIX "Out of memory: cannot set the option %s", shown);
}

/* A mistake stops only this plugin. If an error were returned from here, the
 * whole daemon would stop. */
static int configure(oconfig_item_t *block) {
  for (int i = 0; i < block->children_num; i++) {
    const char *key = block->children[i].key;
    struct option_value value = option_value(&block->children[i]);
    CLEANUP_FREE char *message = NULL;

    if (options_set(&plugin.options, key, &value, &message) < 0) {
      log_option(key, message);
      plugin.misconfigured = true;
    }
  }
  return 0;
}

static void copy_name(char name[DATA_MAX_NAME_LEN], const char *text) {
  size_t length = strnlen(text, DATA_MAX_NAME_LEN - 1);

  memcpy(name, text, length);
  name[length] = '\0';
}

/* The metadata of a cgroup, for as long as it has its name; or NULL. */
struct cgroup_metadata {
  struct cgroup_attachment attachment;
  meta_data_t *data;
};

/* Metadata while it is made. */
struct metadata {
  meta_data_t *data;
  size_t count;
  /* What it takes in JSON so far, in bytes. */
  size_t used;
};

/* collectd's JSON writers refuse a value if they have no room for its
 * metadata. Takes the room that one text needs. Returns whether there was any.
 */
static bool take_room(struct metadata *metadata, const char *key,
                      const char *encoded) {
  size_t length = sizeof("\"\"");

  for (; *encoded != '\0'; encoded++)
    length += *encoded == '"' || *encoded == '\\' ? 2 : 1;
  size_t whole = metadata->used + strlen(key) + sizeof("\"\":,") + length;
  if (length > METADATA_SIZE || whole > METADATA_SIZE_OF_ALL)
    return false;
  metadata->used = whole;
  return true;
}

/* The metadata is optional, so an error here is not a failure. Texts are
 * encoded: if char is unsigned, collectd's JSON writers pass on bytes from 0x80
 * up, and one name in an encoding other than theirs spoils all values sent with
 * it. */
static void add_metadata(void *context, const char *key, const char *text,
                         bool is_number) {
  struct metadata *metadata = context;
  char encoded[METADATA_SIZE];
  int status = -1;

  if (is_number)
    status = meta_data_add_unsigned_int(metadata->data, key,
                                        strtoul(text, NULL, 10));
  else if (printable_encode(text, encoded, sizeof(encoded)) > 0 &&
           take_room(metadata, key, encoded))
    status = meta_data_add_string(metadata->data, key, encoded);
  metadata->count += status == 0;
}

static void release_metadata(struct cgroup_attachment *attachment) {
  struct cgroup_metadata *metadata = (struct cgroup_metadata *)attachment;

  meta_data_destroy(metadata->data);
  free(metadata);
}

static meta_data_t *make_metadata(const struct cgroup *cgroup) {
  struct metadata metadata = {.data = meta_data_create()};
  char path[TREE_PATH_SIZE];

  if (metadata.data == NULL)
    return NULL;
  (void)tree_path(cgroup, path);
  add_metadata(&metadata, PLUGIN ":path", path, false);
  collector_describe(plugin.collector, cgroup, add_metadata, &metadata);
  if (metadata.count > 0)
    return metadata.data;
  /* Of metadata without any entry, collectd's writers would make no JSON. */
  meta_data_destroy(metadata.data);
  return NULL;
}

/* Makes it once for each name of a cgroup. Without memory it is missing. */
static meta_data_t *metadata_of(struct cgroup *cgroup) {
  if (cgroup->attachment == NULL) {
    struct cgroup_metadata *metadata = calloc(1, sizeof(*metadata));
    if (metadata == NULL)
      return NULL;
    metadata->attachment.release = release_metadata;
    cgroup->attachment = &metadata->attachment;
  }
  struct cgroup_metadata *metadata =
      (struct cgroup_metadata *)cgroup->attachment;
  if (metadata->data == NULL)
    metadata->data = make_metadata(cgroup);
  return metadata->data;
}

static void fill_in_cgroup(struct dispatch *dispatch, struct cgroup *cgroup) {
  dispatch->cgroup = cgroup;
  dispatch->is_named = true;
  copy_name(dispatch->list.plugin_instance,
            cgroup != NULL ? cgroup->instance : INSTANCE_NAME_OF_PLUGIN);
  dispatch->list.meta =
      plugin.options.metadata && cgroup != NULL ? metadata_of(cgroup) : NULL;
}

static void dispatch_value(struct dispatch *dispatch,
                           const struct pending_value *pending) {
  static const char *const types[] = {
      [REPORT_DERIVE] = "derive",
      [REPORT_GAUGE] = "gauge",
      [REPORT_PERCENT] = "percent",
  };

  if (!dispatch->is_named || dispatch->cgroup != pending->cgroup)
    fill_in_cgroup(dispatch, pending->cgroup);
  copy_name(dispatch->list.type, types[pending->type]);
  copy_name(dispatch->list.type_instance, pending->type_instance);
  dispatch->value = pending->value;
  (void)plugin_dispatch_values(&dispatch->list);
}

static void dispatch_pending(cdtime_t time) {
  struct dispatch dispatch = {.list = VALUE_LIST_INIT};

  dispatch.list.values = &dispatch.value;
  dispatch.list.values_len = 1;
  dispatch.list.time = time;
  copy_name(dispatch.list.plugin, PLUGIN);
  for (size_t i = 0; i < plugin.pending_count; i++)
    dispatch_value(&dispatch, &plugin.pending[i]);
  plugin.pending_count = 0;
}

/* realloc() instead of reallocarray(): gcc's analyzer assumes that
 * reallocarray() frees the old memory even if it fails. */
static bool has_room(void) {
  if (plugin.pending_count < plugin.pending_room)
    return true;
  size_t room = plugin.pending_room * 2 + 64;
  struct pending_value *pending =
      realloc(plugin.pending, room * sizeof(*pending));
  if (pending == NULL)
    return false;
  plugin.pending = pending;
  plugin.pending_room = room;
  return true;
}

/* Without memory, the waiting values are dispatched now to make room. */
static void keep_value(void *context, const struct report_value *report) {
  const cdtime_t *time = context;
  struct pending_value pending = {.cgroup = report->cgroup,
                                  .type = report->type,
                                  .type_instance = report->type_instance};

  if (report->type == REPORT_DERIVE)
    pending.value.derive = report->value.derive;
  else
    pending.value.gauge = report->value.gauge;
  if (!has_room())
    dispatch_pending(*time);
  if (plugin.pending_room > 0)
    plugin.pending[plugin.pending_count++] = pending;
  else
    plugin.values_lost = true;
}

static void log_sample(void *context, const char *line) {
  (void)context;
  INFO(LOG_PREFIX "%s", line);
}

static void log_hierarchy(const struct hierarchy *hierarchy) {
  CLEANUP_FREE char *text = hierarchy_describe(hierarchy);

  if (text != NULL)
    INFO(LOG_PREFIX "%s", text);
  else
    INFO(LOG_PREFIX "Cgroup version: %s",
         cgroup_version_name(hierarchy->version));
}

/* Each kind of cause is logged once until cgroups are found, because the search
 * is repeated in every interval. */
static void log_search_failure(int status, const char *explanation) {
  bool *logged =
      status == -ENOENT ? &plugin.absence_logged : &plugin.search_error_logged;

  if (!*logged)
    ERROR(LOG_PREFIX "%s",
          explanation != NULL ? explanation : strerror(-status));
  *logged = true;
}

/* Returns a negative errno, after logging the reason, if there is nothing to
 * read. */
static int find_cgroups(void) {
  struct hierarchy_options wanted = {
      .root = plugin.options.root,
      .version = plugin.options.version,
  };
  struct hierarchy hierarchy;
  CLEANUP_FREE char *explanation = NULL;

  int status = hierarchy_detect(&wanted, &hierarchy, &explanation);
  if (status < 0) {
    log_search_failure(status, explanation);
    return status;
  }
  log_hierarchy(&hierarchy);
  plugin.absence_logged = false;
  plugin.search_error_logged = false;
  status = collector_new(&hierarchy, &plugin.options, &plugin.collector);
  if (status < 0)
    ERROR(LOG_PREFIX "%s: cannot start to read the cgroups; it is tried again "
                     "in each interval",
          strerror(-status));
  return status;
}

/* Everything is closed: open files would keep an unmounted hierarchy alive. */
static void lose_cgroups(const char *path) {
  char shown[PRINTABLE_PATH_SIZE];

  (void)printable(path, shown, sizeof(shown));
  ERROR(LOG_PREFIX
        "The cgroup hierarchy is gone: %s; the plugin looks for one in each "
        "interval",
        shown);
  plugin.absence_logged = true;
  collector_free(plugin.collector);
  plugin.collector = NULL;
}

/* Returns what the user can do, or what happens next. */
static const char *advice(int error) {
  switch (error) {
  case -EACCES:
  case -EPERM:
    return "give collectd's user permission to read it";
  case -EMFILE:
  case -ENFILE:
    return "raise the limit of open files, or lower KeepOpen";
  default:
    return "it is read again in each interval";
  }
}

static void log_failures(const struct collector_pass *pass) {
  char shown[PRINTABLE_PATH_SIZE];
  char more[64] = "";

  if (pass->failed == 0) {
    c_release(LOG_INFO, &plugin.unreadable,
              LOG_PREFIX "All cgroups can be read again");
    return;
  }
  (void)printable(pass->failure.path, shown, sizeof(shown));
  if (pass->failed > 1)
    (void)snprintf(more, sizeof(more), " and %zu more", pass->failed - 1);
  c_complain(LOG_ERR, &plugin.unreadable, LOG_PREFIX "%s: cannot read %s%s; %s",
             strerror(-pass->failure.error), shown, more,
             advice(pass->failure.error));
}

static void log_unmatched(const struct collector_pass *pass) {
  char shown[PRINTABLE_PATH_SIZE];

  if (pass->unmatched == NULL)
    return;
  (void)printable(pass->root_path, shown, sizeof(shown));
  NOTICE(LOG_PREFIX "No cgroup so far matches CGroup %s; compare with the "
                    "paths below %s",
         pass->unmatched, shown);
}

static void log_mount_point(const struct collector_pass *pass) {
  char shown[PRINTABLE_PATH_SIZE];

  if (pass->mount_point == NULL)
    return;
  (void)printable(pass->mount_point, shown, sizeof(shown));
  NOTICE(LOG_PREFIX
         "Something else is mounted on the cgroup %s: it is left out with "
         "all cgroups below it; to read what is mounted there, set Root",
         shown);
}

static void log_names_denied(const struct naming_denial *denial) {
  char shown[PRINTABLE_PATH_SIZE];

  if (denial->path == NULL)
    return;
  (void)printable(denial->path, shown, sizeof(shown));
  if (denial->engine != NULL)
    NOTICE(LOG_PREFIX "No permission to read %s: some containers of %s "
                      "are reported by their paths; their names need the "
                      "rights of root",
           shown, denial->engine);
  else if (denial->is_of_sandboxes)
    NOTICE(LOG_PREFIX "No permission to look into %s: pause containers are "
                      "reported by their ids; their names need the rights of "
                      "root",
           shown);
  else
    NOTICE(LOG_PREFIX "No permission to list %s: some containers are reported "
                      "by their paths; let collectd's user read it",
           shown);
}

static void log_conditions(const struct collector_pass *pass) {
  if (pass->left_out > 0)
    c_complain(LOG_WARNING, &plugin.left_out,
               LOG_PREFIX "MaxCgroups is %zu: at least %zu cgroups are left "
                          "out; raise it, or select cgroups with CGroup",
               plugin.options.max_cgroups, pass->left_out);
  else
    c_release(LOG_INFO, &plugin.left_out,
              LOG_PREFIX "MaxCgroups leaves no cgroup out any more");

  if (pass->watch_error != 0 && !plugin.watch_error_logged)
    NOTICE(LOG_PREFIX "%s: inotify cannot watch all cgroups, the others are "
                      "looked at in turn; for new ones to show at once, raise "
                      "the limits in /proc/sys/fs/inotify",
           strerror(-pass->watch_error));
  else if (pass->watch_error == 0 && plugin.watch_error_logged)
    INFO(LOG_PREFIX "inotify watches all cgroups again");
  plugin.watch_error_logged = pass->watch_error != 0;
  log_mount_point(pass);

  if (pass->missing != NULL)
    INFO(LOG_PREFIX "%s", pass->missing);
  if (pass->root_unaccounted && !plugin.root_unaccounted_logged)
    NOTICE(LOG_PREFIX "Linux before 5.8 has no CPU time of the root of cgroup "
                      "v2: only the cgroups below it are reported");
  plugin.root_unaccounted_logged = pass->root_unaccounted;
  log_names_denied(&pass->names_denied);
}

static void log_lost_values(void) {
  if (plugin.values_lost)
    c_complain(LOG_ERR, &plugin.lost,
               LOG_PREFIX "Out of memory: values of this interval are lost");
  else
    c_release(LOG_INFO, &plugin.lost, LOG_PREFIX "No value is lost any more");
  plugin.values_lost = false;
}

/* All values of a pass have the time when reading begins. The time when the
 * search begins is less even, because the search does not always take equally
 * long. */
static void take_time(void *context) {
  cdtime_t *time = context;

  *time = cdtime();
  (void)monotonic_nsec(&plugin.readings_nsec);
}

/* After a pass that was late by an interval or more, collectd calls again at
 * once. Nothing is reported then: whoever computes a rate would divide by next
 * to no time. */
static bool is_too_early(void) {
  uint64_t least = CDTIME_T_TO_NS(plugin_get_interval()) / 10;
  uint64_t now = 0;

  return monotonic_nsec(&now) == 0 && plugin.readings_nsec != 0 &&
         now - plugin.readings_nsec < least;
}

static void read_and_dispatch(void) {
  cdtime_t time = 0;
  struct report_sink sink = {
      .context = &time,
      .begin = take_time,
      .value = keep_value,
      .sample = plugin.options.log_samples ? log_sample : NULL,
      .without_counters = !plugin.options.report_counter,
      .without_rates = !plugin.options.report_millicores,
  };
  struct collector_pass pass;

  if (is_too_early() || (plugin.collector == NULL && find_cgroups() < 0))
    return;
  collector_run(plugin.collector, &sink, &pass);
  if (pass.gone != NULL) {
    lose_cgroups(pass.gone);
    return;
  }
  dispatch_pending(time);
  log_failures(&pass);
  log_lost_values();
  log_conditions(&pass);
  log_unmatched(&pass);
}

/* After an error, collectd calls less and less often, down to once a day. So no
 * error is returned that can go away. */
static int read_cgroups(user_data_t *user_data) {
  (void)user_data;
  (void)pthread_mutex_lock(&plugin.lock);
  read_and_dispatch();
  (void)pthread_mutex_unlock(&plugin.lock);
  return 0;
}

/* While values are read and handed over, a sample waits: otherwise, one in each
 * interval would be left out. */
static int sample_cgroups(user_data_t *user_data) {
  struct report_sink sink = {.sample = plugin.options.log_samples ? log_sample
                                                                  : NULL};

  (void)user_data;
  (void)pthread_mutex_lock(&plugin.lock);
  if (plugin.collector != NULL)
    collector_sample(plugin.collector, &sink);
  (void)pthread_mutex_unlock(&plugin.lock);
  return 0;
}

/* collectd checks neither versions nor structures when it loads a plugin. The
 * data sets show whether the daemon was built with longer or shorter names, or
 * types.db was replaced. */
static bool daemon_fits(void) {
  const char *const types[] = {"derive", "gauge", "percent"};

  for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
    const data_set_t *set = plugin_get_ds(types[i]);

    if (set == NULL) {
      ERROR(LOG_PREFIX "This collectd does not know the type \"%s\"; TypesDB "
                       "must name the types.db that comes with collectd",
            types[i]);
      return false;
    }
    if (set->ds_num != 1 || strcmp(set->ds[0].name, "value") != 0) {
      ERROR(LOG_PREFIX
            "The type \"%s\" is not collectd's own: types.db was "
            "changed, or the plugin was built with headers of "
            "another collectd; restore types.db or rebuild the plugin",
            types[i]);
      return false;
    }
  }
  return true;
}

/* collectd knows the interval only now, and rounds it. */
static bool peak_interval_fits(void) {
  double seconds = (double)plugin.options.peak_nsec / (double)NSEC_PER_SEC;
  double interval = CDTIME_T_TO_DOUBLE(plugin_get_interval());

  if (seconds <= interval * (1 + 1e-6))
    return true;
  ERROR(LOG_PREFIX "Option PeakInterval must be a number of seconds from 0.05 "
                   "to the interval, which is %.15g, not %.15g",
        interval, seconds);
  return false;
}

/* Values have the interval of the first of the two. */
static int register_reads(void) {
  cdtime_t peak_interval = NS_TO_CDTIME_T(plugin.options.peak_nsec);
  int status =
      plugin_register_complex_read(NULL, PLUGIN, read_cgroups, 0, NULL);

  if (status == 0 && peak_interval > 0)
    status = plugin_register_complex_read(NULL, PLUGIN "_peaks", sample_cgroups,
                                          peak_interval, NULL);
  return status;
}

static int start(void) {
  const char *conflict = options_conflict(&plugin.options);

  if (conflict != NULL) {
    ERROR(LOG_PREFIX "%s", conflict);
    plugin.misconfigured = true;
  }
  if (plugin.misconfigured) {
    ERROR(LOG_PREFIX "Not started because of errors in its configuration, "
                     "see above");
    return -1;
  }
  if (!peak_interval_fits() || !daemon_fits())
    return -1;

  /* Cgroups that do not exist now may exist in the next interval. */
  (void)find_cgroups();
  return register_reads();
}

static int stop(void) {
  collector_free(plugin.collector);
  plugin.collector = NULL;
  free(plugin.pending);
  plugin.pending = NULL;
  plugin.pending_room = 0;
  options_release(&plugin.options);
  return 0;
}

void module_register(void) {
  (void)plugin_register_complex_config(PLUGIN, configure);
  (void)plugin_register_init(PLUGIN, start);
  (void)plugin_register_shutdown(PLUGIN, stop);
}
