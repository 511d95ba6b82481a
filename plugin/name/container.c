/* SPDX-License-Identifier: MIT */
#include "name/container.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/array.h"
#include "util/hex.h"

#define ID_DIGITS (CONTAINER_ID_SIZE - 1)
#define POD_UID_DIGITS (POD_UID_SIZE - 1)
/* A Nomad allocation's id has five groups of digits. Nomad itself shows the
 * first. */
#define ALLOCATION_LENGTH 36
#define ALLOCATION_SHOWN 8
/* No engine puts containers deeper. */
#define DEPTH_MAX 16

/* A part of a text. */
struct part {
  const char *text;
  size_t length;
};

/* A path, component by component. */
struct components {
  struct part parts[DEPTH_MAX];
  unsigned count;
};

static void split(const char *path, struct components *components) {
  components->count = 0;
  while (*path == '/' && path[1] != '\0' && components->count < DEPTH_MAX) {
    size_t length = strcspn(++path, "/");
    components->parts[components->count++] = (struct part){path, length};
    path += length;
  }
}

static bool part_is(struct part part, const char *text) {
  return part.length == strlen(text) &&
         memcmp(part.text, text, part.length) == 0;
}

static bool component_is(const struct components *components, unsigned index,
                         const char *text) {
  return index < components->count && part_is(components->parts[index], text);
}

/* Takes `prefix` and `suffix` off, if both are there and leave something. */
static bool strip(struct part *part, const char *prefix, const char *suffix) {
  size_t begin = strlen(prefix);
  size_t end = strlen(suffix);

  if (part->length <= begin + end || memcmp(part->text, prefix, begin) != 0 ||
      memcmp(part->text + part->length - end, suffix, end) != 0)
    return false;
  part->text += begin;
  part->length -= begin + end;
  return true;
}

/* Takes off what is before the first `separator`, and it as well. Returns that
 * part, which is empty if there is no separator. */
static struct part take_until(struct part *part, char separator) {
  const char *found = memchr(part->text, separator, part->length);
  struct part taken = {part->text, 0};

  if (found == NULL)
    return taken;
  taken.length = (size_t)(found - part->text);
  part->text += taken.length + 1;
  part->length -= taken.length + 1;
  return taken;
}

/* Keeps only what is behind the last `separator`. Returns whether it is
 * there. */
static bool keep_last(struct part *part, char separator) {
  const char *last = memrchr(part->text, separator, part->length);

  if (last == NULL)
    return false;
  part->length -= (size_t)(last + 1 - part->text);
  part->text = last + 1;
  return true;
}

static bool is_number(struct part part) {
  for (size_t i = 0; i < part.length; i++)
    if (part.text[i] < '0' || part.text[i] > '9')
      return false;
  return part.length > 0;
}

static bool is_id(struct part part) {
  return part.length == ID_DIGITS && hex_run(part.text) >= ID_DIGITS;
}

bool container_pod_uid(const char *text, unsigned long length,
                       char uid[POD_UID_SIZE]) {
  static const size_t groups[] = {8, 4, 4, 4, 12};
  bool grouped = length == POD_UID_DIGITS + ARRAY_SIZE(groups) - 1;
  size_t used = 0;
  size_t digits = 0;

  /* The uid of a static pod is a hash without "-". */
  if (!grouped && length != POD_UID_DIGITS)
    return false;
  for (size_t group = 0; group < ARRAY_SIZE(groups); group++) {
    if (grouped && group > 0 && text[used] != '-' && text[used] != '_')
      return false;
    used += grouped && group > 0;
    for (size_t i = 0; i < groups[group]; i++, used++) {
      if (hex_value(text[used]) < 0)
        return false;
      uid[digits++] = text[used];
    }
  }
  uid[digits] = '\0';
  return true;
}

/* Writes "<prefix>_<part>" with systemd's escapes decoded. */
static void write_named(struct container *container, const char *prefix,
                        struct part part) {
  size_t length =
      (size_t)snprintf(container->name, sizeof(container->name), "%s_", prefix);

  for (size_t i = 0; i < part.length && length < sizeof(container->name) - 1;) {
    int decoded = hex_escape(part.text + i);
    /* A zero byte would end the name. */
    char c = part.text[i];
    if (decoded > 0)
      c = (char)decoded;
    container->name[length++] = c;
    i += decoded >= 0 ? HEX_ESCAPE_LENGTH : 1;
  }
  container->name[length] = '\0';
}

/* Finds the kubelet's own cgroup above, where the kubelet makes it: with
 * systemd below slices only, else at the root or below "kubelet". */
static void find_kubelet(const struct components *components, unsigned index,
                         bool *by_systemd, bool *by_itself) {
  bool in_slices = true;

  *by_systemd = *by_itself = false;
  for (unsigned i = 0; i < index; i++) {
    struct part part = components->parts[i];
    *by_itself |=
        part_is(part, "kubepods") &&
        (i == 0 || (i == 1 && component_is(components, 0, "kubelet")));
    in_slices = in_slices && strip(&part, "", ".slice");
    *by_systemd |= in_slices &&
                   (part_is(part, "kubepods") || strip(&part, "", "-kubepods"));
  }
  *by_systemd &= in_slices;
}

/* "pod<uid>" below "kubepods", or the last part of a slice's name below
 * "…kubepods.slice". */
static bool is_pod(const struct components *components, unsigned index,
                   struct container *container) {
  struct part part = components->parts[index];
  bool by_systemd = false;
  bool by_itself = false;

  find_kubelet(components, index, &by_systemd, &by_itself);
  if (by_systemd && strip(&part, "", ".slice")) {
    if (!keep_last(&part, '-'))
      return false;
  } else if (!by_itself) {
    return false;
  }
  container->is_api_uid = part.length > strlen("pod") + POD_UID_DIGITS;
  return strip(&part, "pod", "") &&
         container_pod_uid(part.text, part.length, container->pod_uid);
}

static bool copy_id(struct part part, char id[CONTAINER_ID_SIZE]) {
  if (!is_id(part))
    return false;
  memcpy(id, part.text, ID_DIGITS);
  id[ID_DIGITS] = '\0';
  return true;
}

static bool is_container_of_pod(struct part part, struct container *container) {
  static const struct {
    const char *prefix;
    const char *runtime;
  } scopes[] = {{"cri-containerd-", "containerd"},
                {"crio-", "cri-o"},
                {"docker-", "docker"}};

  const char *runtime = NULL;
  for (size_t i = 0; i < ARRAY_SIZE(scopes) && runtime == NULL; i++)
    if (strip(&part, scopes[i].prefix, ".scope"))
      runtime = scopes[i].runtime;
  if (!copy_id(part, container->id))
    return false;
  container->runtime = runtime;
  return true;
}

static bool find_pod(const struct components *components, unsigned index,
                     struct container *container) {
  if (!is_pod(components, index, container))
    return false;
  container->kind = CONTAINER_POD;
  container->depth = index + 1;
  if (index + 1 < components->count &&
      is_container_of_pod(components->parts[index + 1], container)) {
    container->kind = CONTAINER_OF_POD;
    container->depth++;
  }
  return true;
}

static bool name_it(struct container *container, unsigned depth,
                    const char *prefix, struct part part) {
  container->kind = CONTAINER_NAMED;
  container->depth = depth;
  write_named(container, prefix, part);
  return true;
}

/* Takes off "<kind><separator><number><separator>": libvirt gives its domains
 * another number at each start. */
static bool strip_domain(struct part *part, const char *kind,
                         const char *separator) {
  char prefix[16];
  struct part rest = *part;

  (void)snprintf(prefix, sizeof(prefix), "%s%s", kind, separator);
  if (!strip(&rest, prefix, ""))
    return false;
  const char *end =
      memmem(rest.text, rest.length, separator, strlen(separator));
  if (end == NULL)
    return false;
  struct part number = {rest.text, (size_t)(end - rest.text)};
  size_t used = number.length + strlen(separator);
  if (!is_number(number) || used >= rest.length)
    return false;
  *part = (struct part){rest.text + used, rest.length - used};
  return true;
}

static bool find_machine(const struct components *components,
                         struct container *container) {
  if (components->count < 2)
    return false;
  struct part part = components->parts[1];

  if (component_is(components, 0, "machine") &&
      ((strip(&part, "", ".libvirt-qemu") &&
        strip_domain(&part, "qemu", "-")) ||
       (strip(&part, "", ".libvirt-lxc") && strip_domain(&part, "lxc", "-"))))
    return name_it(container, 2, "libvirt", part);
  if (!component_is(components, 0, "machine.slice") &&
      !component_is(components, 0, "system.slice"))
    return false;
  if (strip(&part, "systemd-nspawn@", ".service"))
    return name_it(container, 2, "machine", part);
  if (component_is(components, 0, "system.slice") ||
      !strip(&part, "machine-", ".scope"))
    return false;
  bool libvirt = strip_domain(&part, "qemu", "\\x2d") ||
                 strip_domain(&part, "lxc", "\\x2d");
  return name_it(container, 2, libvirt ? "libvirt" : "machine", part);
}

static bool find_lxc(const struct components *components,
                     struct container *container) {
  struct part part = components->parts[0];

  if (strip(&part, "lxc.payload.", ""))
    return name_it(container, 1, "lxc", part);
  return components->count >= 2 &&
         (part_is(part, "lxc") || part_is(part, "lxc.payload")) &&
         name_it(container, 2, "lxc", components->parts[1]);
}

static bool find_nomad(const struct components *components,
                       struct container *container) {
  if (!component_is(components, 0, "nomad.slice") || components->count < 3 ||
      (!component_is(components, 1, "share.slice") &&
       !component_is(components, 1, "reserve.slice")))
    return false;
  struct part part = components->parts[2];
  char digits[POD_UID_SIZE];

  if (!strip(&part, "", ".scope"))
    return false;
  struct part allocation = take_until(&part, '.');
  if (allocation.length != ALLOCATION_LENGTH || part.length == 0 ||
      !container_pod_uid(allocation.text, allocation.length, digits))
    return false;
  (void)name_it(container, 3, "nomad", part);
  size_t length = strlen(container->name);
  (void)snprintf(container->name + length, sizeof(container->name) - length,
                 "_%.*s", ALLOCATION_SHOWN, digits);
  return true;
}

static bool is_slurm_step(struct part step) {
  return part_is(step, "batch") || part_is(step, "extern") ||
         part_is(step, "interactive") || is_number(step);
}

static bool find_slurm(const struct components *components,
                       struct container *container) {
  if (!component_is(components, 0, "system.slice") || components->count < 3)
    return false;
  struct part daemon = components->parts[1];
  struct part job = components->parts[2];

  if ((!part_is(daemon, "slurmstepd.scope") &&
       !strip(&daemon, "", "_slurmstepd.scope")) ||
      !strip(&job, "job_", "") || !is_number(job))
    return false;
  (void)name_it(container, 3, "slurm", job);
  if (components->count < 4)
    return true;
  struct part step = components->parts[3];
  if (strip(&step, "step_", "") && is_slurm_step(step)) {
    size_t length = strlen(container->name);
    (void)snprintf(container->name + length, sizeof(container->name) - length,
                   "_%.*s", (int)step.length, step.text);
    container->depth = 4;
  }
  return true;
}

static bool is_in_slices(const struct components *components, unsigned index) {
  for (unsigned i = 0; i < index; i++) {
    struct part part = components->parts[i];
    if (!strip(&part, "", ".slice"))
      return false;
  }
  return true;
}

static bool is_in_unit(const struct components *components, unsigned index) {
  for (unsigned i = 0; i < index; i++) {
    struct part part = components->parts[i];
    if (strip(&part, "", ".service") || strip(&part, "", ".scope"))
      return true;
  }
  return false;
}

/* Podman's containers are in a scope of systemd, in a cgroup of a service of
 * systemd, or in "libpod_parent". */
static bool is_container_of_podman(const struct components *components,
                                   unsigned index, char id[CONTAINER_ID_SIZE]) {
  if (index >= components->count)
    return false;
  struct part part = components->parts[index];
  struct part above = components->parts[index > 0 ? index - 1 : 0];

  if (is_in_slices(components, index))
    return strip(&part, "libpod-", ".scope") && copy_id(part, id);
  if (component_is(components, 0, "libpod_parent"))
    return strip(&part, "libpod-", "") && copy_id(part, id);
  return strip(&above, "", ".service") && is_in_slices(components, index - 1) &&
         strip(&part, "libpod-payload-", "") && copy_id(part, id);
}

/* The last part of a slice's name, or a cgroup in "libpod_parent". */
static bool is_pod_of_podman(const struct components *components,
                             unsigned index, char id[CONTAINER_ID_SIZE]) {
  struct part part = components->parts[index];

  if (!is_in_slices(components, index))
    return index == 1 && component_is(components, 0, "libpod_parent") &&
           copy_id(part, id);
  return strip(&part, "", ".slice") && keep_last(&part, '-') &&
         strip(&part, "libpod_pod_", "") && copy_id(part, id);
}

static bool find_podman(const struct components *components, unsigned index,
                        struct container *container) {
  bool in_pod = is_pod_of_podman(components, index, container->id);

  if (is_container_of_podman(components, index + in_pod, container->id)) {
    container->kind = CONTAINER_OF_PODMAN;
    container->runtime = "podman";
    container->depth = index + in_pod + 1;
  } else if (in_pod) {
    container->kind = CONTAINER_PODMAN_POD;
    container->depth = index + 1;
  } else {
    return false;
  }
  container->pod_uid[0] = '\0';
  return true;
}

/* Whatever has a whole id in its name is the container of some engine. */
static bool has_id(struct part part) {
  for (size_t i = 0; i + ID_DIGITS <= part.length; i++) {
    size_t run = hex_run(part.text + i);
    if (run == ID_DIGITS)
      return true;
    i += run;
  }
  return false;
}

/* Stores the number between "<prefix>" and "<suffix>". */
static bool take_user(struct part part, const char *prefix, const char *suffix,
                      uid_t *user) {
  uint64_t number = 0;

  if (!strip(&part, prefix, suffix) || !is_number(part) || part.text[0] == '0')
    return false;
  for (size_t i = 0; i < part.length && number <= UINT32_MAX; i++)
    number = number * 10 + (uint64_t)(part.text[i] - '0');
  *user = (uid_t)number;
  return number < UINT32_MAX;
}

/* In the cgroup of a user's own systemd, it is as it is in the root. */
static bool find_podman_of_user(const struct components *components,
                                struct container *container) {
  struct components own = {.count = 0};
  uid_t user = 0;
  uid_t other = 0;

  if (components->count <= CONTAINER_USER_DEPTH ||
      !component_is(components, 0, "user.slice") ||
      !take_user(components->parts[1], "user-", ".slice", &user) ||
      !take_user(components->parts[2], "user@", ".service", &other) ||
      user != other)
    return false;
  for (unsigned i = CONTAINER_USER_DEPTH; i < components->count; i++)
    own.parts[own.count++] = components->parts[i];
  for (unsigned i = 0; i < own.count; i++) {
    if (find_podman(&own, i, container)) {
      container->depth += CONTAINER_USER_DEPTH;
      container->user = user;
      return true;
    }
    if (has_id(own.parts[i]))
      return false;
  }
  return false;
}

/* With systemd. Without it, only containerd tells. */
static bool find_nerdctl(const struct components *components, unsigned index,
                         struct container *container) {
  struct part part = components->parts[index];

  if (!is_in_slices(components, index) || !strip(&part, "nerdctl-", ".scope") ||
      !copy_id(part, container->id))
    return false;
  container->kind = CONTAINER_OF_NERDCTL;
  container->runtime = "containerd";
  container->depth = index + 1;
  container->pod_uid[0] = '\0';
  return true;
}

/* Docker's containers are in a cgroup that their users choose: with systemd in
 * a slice, else in any that is no service and no scope. */
static bool find_docker(const struct components *components, unsigned index,
                        struct container *container) {
  struct part part = components->parts[index];
  bool by_systemd = strip(&part, "docker-", ".scope");

  if (by_systemd ? !is_in_slices(components, index)
                 : is_in_unit(components, index))
    return false;
  if (!copy_id(part, container->id))
    return false;
  container->kind = CONTAINER_OF_DOCKER;
  container->runtime = "docker";
  container->depth = index + 1;
  container->pod_uid[0] = '\0';
  return true;
}

void container_of_path(const char *path, struct container *container) {
  struct components components;

  *container = (struct container){.kind = CONTAINER_NONE};
  split(path, &components);
  if (components.count == 0)
    return;
  if (find_lxc(&components, container) ||
      find_machine(&components, container) ||
      find_nomad(&components, container) ||
      find_slurm(&components, container) ||
      find_podman_of_user(&components, container))
    return;
  for (unsigned i = 0; i < components.count; i++) {
    if (find_pod(&components, i, container) ||
        find_podman(&components, i, container) ||
        find_nerdctl(&components, i, container) ||
        find_docker(&components, i, container))
      return;
    if (has_id(components.parts[i])) {
      container->kind = CONTAINER_UNNAMED;
      container->depth = i + 1;
      return;
    }
  }
}

bool container_is_unit(const char *path) {
  struct components components;

  split(path, &components);
  if (components.count == 0)
    return false;
  struct part last = components.parts[components.count - 1];
  return last.text[last.length] == '\0' &&
         is_in_slices(&components, components.count - 1) &&
         (strip(&last, "", ".service") || strip(&last, "", ".scope"));
}

#define LETTERS_AND_DIGITS                                                     \
  "abcdefghijklmnopqrstuvwxyz"                                                 \
  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"                                                 \
  "0123456789"

bool container_is_id(const char *text) {
  return is_id((struct part){text, strlen(text)});
}

bool container_is_name(const char *text) {
  return *text != '\0' && text[strspn(text, LETTERS_AND_DIGITS "_.-")] == '\0';
}

bool container_is_image(const char *text) {
  return text[strspn(text, LETTERS_AND_DIGITS "_.-/:@")] == '\0';
}
