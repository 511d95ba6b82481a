/* SPDX-License-Identifier: MIT */
#include "tree/past_lives.h"

#include <search.h>
#include <stdlib.h>

struct cgroup_samples *past_lives_samples(struct cgroup *cgroup) {
  if (cgroup->samples == NULL)
    cgroup->samples = calloc(1, sizeof(*cgroup->samples));
  return cgroup->samples;
}

bool past_lives_use(const struct cgroup *cgroup, uint64_t since_nsec,
                    uint64_t *usec) {
  const struct cgroup_samples *samples = cgroup->samples;
  struct rate rate = cgroup->use.rate;
  struct rate_interval interval;

  if (samples == NULL || !samples->peak.latest.known || !rate.known ||
      rate.time_nsec < since_nsec ||
      samples->peak.latest.time_nsec <= rate.time_nsec ||
      rate_update(&rate, samples->peak.latest.count,
                  samples->peak.latest.time_nsec, &interval) < 0)
    return false;
  *usec = interval.delta;
  return true;
}

void past_lives_consider(struct past_lives *lives, struct cgroup *cgroup,
                         uint64_t since_nsec) {
  uint64_t usec = 0;
  bool wanted = cgroup->selected && !cgroup->waits &&
                past_lives_use(cgroup, since_nsec, &usec);

  if (cgroup->samples != NULL) {
    cgroup->samples->has_use = wanted;
    cgroup->samples->use_usec = usec;
  }
  cgroup->kept = cgroup->kept_below || (wanted && lives->count < lives->most);
  if (!cgroup->kept)
    return;
  if (cgroup->parent != NULL)
    cgroup->parent->kept_below = true;
  cgroup->next = NULL;
  if (lives->last != NULL)
    lives->last->next = cgroup;
  else
    lives->first = cgroup;
  lives->last = cgroup;
  lives->count++;
}

/* The youngest of several has the value. Returns NULL without memory. */
static struct cgroup *heir_among_past(struct past_lives *lives,
                                      struct cgroup *cgroup) {
  struct cgroup **place =
      tsearch(cgroup, &lives->by_name, tree_compare_instances);

  if (place == NULL)
    return NULL;
  if ((*place)->birth < cgroup->birth)
    *place = cgroup;
  return *place;
}

static void settle_heirs(struct past_lives *lives, const struct tree *tree,
                         bool (*is_reported)(const void *context,
                                             const struct cgroup *cgroup),
                         const void *context) {
  for (struct cgroup *cgroup = lives->first; cgroup != NULL;
       cgroup = cgroup->next) {
    if (cgroup->samples == NULL || cgroup->samples->heir == NULL)
      continue;
    struct cgroup *owner = tree_find_named(tree, cgroup->instance);
    bool has_owner =
        owner != NULL && !owner->waits && is_reported(context, owner);
    cgroup->samples->heir = has_owner ? owner : heir_among_past(lives, cgroup);
  }
}

/* The heir among past lives is known only after all have been looked at. */
static void hand_down(struct past_lives *lives) {
  for (struct cgroup *cgroup = lives->first; cgroup != NULL;
       cgroup = cgroup->next) {
    struct cgroup_samples *samples = cgroup->samples;

    if (samples == NULL || samples->heir == NULL)
      continue;
    if (samples->heir->removed)
      samples->heir = heir_among_past(lives, cgroup);
    struct cgroup *heir = samples->heir;
    if (heir == NULL || past_lives_samples(heir) == NULL) {
      samples->heir = NULL;
    } else if (heir != cgroup) {
      heir->samples->past_usec += samples->use_usec;
      peak_merge(&heir->samples->peak, &samples->peak);
    }
  }
}

/* Descendants come first: they were removed first. */
static void choose(struct past_lives *lives, struct tree *tree,
                   bool leaves_only) {
  for (struct cgroup *cgroup = lives->first; cgroup != NULL;
       cgroup = cgroup->next) {
    if (cgroup->samples == NULL || !cgroup->samples->has_use ||
        (leaves_only && cgroup->selected_below))
      continue;
    cgroup->samples->heir = cgroup;
    cgroup->samples->is_given = false;
    for (struct cgroup *above = cgroup->parent; leaves_only && above != NULL;
         above = above->parent)
      above->selected_below = true;
    /* The tree computes it again for the next report. */
    tree->changed |= leaves_only;
  }
}

void past_lives_begin(struct past_lives *lives, struct tree *tree,
                      bool leaves_only,
                      bool (*is_reported)(const void *context,
                                          const struct cgroup *cgroup),
                      const void *context) {
  choose(lives, tree, leaves_only);
  settle_heirs(lives, tree, is_reported, context);
  hand_down(lives);
}

struct cgroup *past_lives_ancestor(const struct cgroup *cgroup) {
  struct cgroup *above = cgroup->parent;

  while (above != NULL && above->removed)
    above = above->parent;
  return above;
}

void past_lives_pass_up(const struct past_lives *lives) {
  for (struct cgroup *cgroup = lives->first; cgroup != NULL;
       cgroup = cgroup->next) {
    const struct cgroup_samples *samples = cgroup->samples;
    struct cgroup *above = past_lives_ancestor(cgroup);

    if (samples != NULL && samples->heir != NULL && above != NULL &&
        samples->heir->samples->is_given)
      above->use.below_usec += samples->use_usec;
  }
}

struct cgroup *past_lives_next(const struct past_lives *lives,
                               const struct cgroup *cgroup) {
  struct cgroup *next = cgroup != NULL ? cgroup->next : lives->first;

  while (next != NULL && (next->samples == NULL || next->samples->heir != next))
    next = next->next;
  return next;
}

static void forget_name_of(void *cgroup) { (void)cgroup; }

void past_lives_end(struct past_lives *lives, struct tree *tree) {
  struct cgroup *next = NULL;

  tdestroy(lives->by_name, forget_name_of);
  for (struct cgroup *cgroup = lives->first; cgroup != NULL;
       cgroup = cgroup->next)
    if (cgroup->parent != NULL)
      cgroup->parent->kept_below = false;
  for (struct cgroup *cgroup = lives->first; cgroup != NULL; cgroup = next) {
    next = cgroup->next;
    tree_let_go(tree, cgroup);
  }
  *lives = (struct past_lives){.most = lives->most};
}
