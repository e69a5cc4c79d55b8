// SPDX-License-Identifier: Apache-2.0
// tests/unit/directory/world.h: directories made of a text as an administrator writes it, an
// internal one in a folder of its own, and a task of the simulator that asks them.
#pragma once

#include "../base/check.h"

#include "../conf/conf_of.h"
#include "base/map.h"
#include "directory/backend.h"
#include "directory/memory.h"
#include "rt/rt.h"
#include "rt/sim/sim.h"

#include <ftw.h>
#include <unistd.h>

#define LISTENER "[server]\nhostname = 'mx.a.example'\nlistener.smtp.bind = '127.0.0.1:25'\n"

struct world {
    struct arena a;
    char folder[64];
    struct findings findings;
    struct conf *conf;
    const struct directory_settings *settings;
    struct directories *d;
    struct resolve_rules rules;
    struct sim *sim; // while a story runs
};

static inline int world_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void world_load(struct world *w, const char *text)
{
    static const char template[] = "/tmp/posthaste-test-XXXXXX";
    *w = (struct world){0};
    arena_init(&w->a, 1024 * (size_t)MIB);
    memcpy(w->folder, template, sizeof(template));
    assert_non_null(mkdtemp(w->folder));
    w->findings = findings_make(&w->a);
    w->conf = conf_of(str_from_c(text), &w->findings);
    struct err e = directory_settings_make(&w->a, w->conf, &w->findings, &w->settings);
    check_str("settings", err_text(e), S(""));
    w->rules = (struct resolve_rules){.directory = S("*"), .delimiters = S("+")};
}

static inline struct str world_folder(struct world *w)
{
    return directory_folder(&w->a, str_from_c(w->folder));
}

static inline void world_end(struct world *w)
{
    directory_settings_free(w->settings);
    conf_free(w->conf);
    nftw(w->folder, world_remove, 16, FTW_DEPTH | FTW_PHYS);
    arena_done(&w->a);
}

static inline void world_open(struct world *w)
{
    struct directories_options options = {.settings = w->settings, .folder = world_folder(w)};
    struct err e = directories_open(&w->a, &options, &w->d);
    check_str("open", err_text(e), S(""));
    check_str("trouble", err_text(directories_trouble(w->d)), S(""));
}

static inline void world_close(struct world *w)
{
    directories_close(w->d);
    w->d = NULL;
}

// Runs a story as a task, with the directories open.
struct world_story {
    struct world *world;
    task_main *main;
};
static inline struct err world_main(void *arg)
{
    struct world_story *story = arg;
    world_open(story->world);
    struct err e = story->main(story->world);
    world_close(story->world);
    return e;
}
static inline void world_run(struct world *w, task_main *main)
{
    struct sim *sim = sim_new(1);
    struct world_story story = {w, main};
    assert_non_null(sim);
    w->sim = sim;
    struct err e = sim_run(sim, world_main, &story);
    check_str("the story", err_text(e), S(""));
    sim_free(sim);
}

// The internal directory gets what the memory directory `from` has.
static inline void world_edits(
        struct edit **edits, size_t *count, enum edit_field field, const struct strs *values)
{
    for (size_t i = 0; i < values->count; i++)
        (*edits)[(*count)++] =
                (struct edit){.action = EDIT_ADD, .field = field, .value = values->at[i]};
}

#define WORLD_EDITS_MAX 200

static inline void world_change(struct world *w, struct internal *in, enum apply apply,
        const struct account *account, const struct edit *edits, size_t count)
{
    const struct account *made;
    struct change change = {.apply = apply,
            .name = account->name,
            .type = account->type,
            .edits = edits,
            .count = count,
            .wall_ms = 1000,
            .settings = w->settings};
    struct err e = internal_account_change(in, &w->a, &change, &made);
    check_str("change", err_text(e), S(""));
}

static inline void world_copy(struct world *w, struct str from)
{
    const struct memory *m = directory_named(w->settings, from)->memory;
    struct edit *edits = arena_array(&w->a, WORLD_EDITS_MAX, struct edit);
    struct internal *in = NULL;
    struct err e = internal_open(&w->a, world_folder(w), INTERNAL_SERVE, S("staff"), &in);
    check_str("open", err_text(e), S(""));
    struct str name;
    void *value;
    for (int round = 0; round < 2; round++) // members when all are there
        for (size_t i = 0; map_next(&m->names, &i, &name, &value);) {
            const struct account *account = value;
            struct strs members = memory_members(m, account->name);
            struct strs owner = {&account->owner, account->owner.len > 0};
            size_t count = 0;
            if (round == 0) {
                world_edits(&edits, &count, EDIT_EMAIL, &account->emails);
                world_edits(&edits, &count, EDIT_SECRET, &account->secrets);
                world_edits(&edits, &count, EDIT_ROLE, &account->roles);
                world_edits(&edits, &count, EDIT_LOGIN_NETWORK, &account->login_networks);
                world_edits(&edits, &count, EDIT_EXTERNAL_MEMBER, &account->external_members);
                world_edits(&edits, &count, EDIT_OWNER, &owner);
                if (account->disabled)
                    edits[count++] = (struct edit){EDIT_SET, EDIT_ENABLED, S("false")};
                if (account->disabled_refuses)
                    edits[count++] = (struct edit){EDIT_SET, EDIT_RECEIVES, S("false")};
                if (account->expires_at_ms != 0)
                    edits[count++] =
                            (struct edit){EDIT_SET, EDIT_EXPIRES, S("2001-01-01T00:00:00Z")};
                world_change(w, in, APPLY_CREATE, account, edits, count);
                continue;
            }
            world_edits(&edits, &count, EDIT_GROUP, &account->groups);
            if (members.count > 0)
                world_edits(&edits, &count, EDIT_MEMBER, &members);
            world_change(w, in, APPLY_UPDATE, account, edits, count);
        }
    internal_close(in);
}
