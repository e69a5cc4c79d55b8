// SPDX-License-Identifier: Apache-2.0
// server/confine.c: from the configuration to the sandbox of a worker. Its own folder may be
// written, and those of mailboxes. Of certificates, the folders may be read: a renewed one is
// another file, and the worker that serves it reads it without a reload.
#include "server/confine.h"

#include "deliver/local/local.h"
#include "events/event.h"
#include "rt/blobfile.h"
#include "rt/sandbox.h"
#include "rt/task.h"
#include "server/plan.h"

struct paths {
    struct arena *arena;
    VEC(struct str) all;
    bool no_memory;
};

struct entering { // deep_call takes one argument
    struct arena *arena;
    const struct plan *plan;
    struct err result;
};

static void enter(void *arg);
static void add(struct paths *paths, struct str path);
static void add_list(struct paths *paths, const struct conf *conf, struct str key);
static void add_certificates(struct paths *paths, const struct conf *conf);
static void add_mailboxes(struct paths *paths, const struct deliver_settings *deliver);
static void add_file(struct paths *paths, struct str file);
static enum sandbox_mode mode_of(const struct plan *plan);

// Making the filter of system calls takes more stack than a task has.
struct err confine_worker(struct arena *a, const struct plan *plan)
{
    struct entering e = {.arena = a, .plan = plan};
    deep_call(enter, &e);
    return e.result;
}

static void enter(void *arg)
{
    struct entering *e = arg;
    struct paths read = {.arena = e->arena}, write = {.arena = e->arena};
    add_list(&read, e->plan->conf, S("server.sandbox.read"));
    add_certificates(&read, e->plan->conf);
    add_file(&read, conf_str(e->plan->conf, S("resolver.trust-anchor")));
    add_file(&read, conf_str(e->plan->conf, S("auth.dmarc.psl-file")));
    add_list(&write, e->plan->conf, S("server.sandbox.write"));
    add(&write, conf_str(e->plan->conf, S("global.state-dir")));
    add(&write, e->plan->queue.records.path); // outside of it when a store says so
    add(&write, e->plan->queue.bodies.path);
    add_mailboxes(&write, &e->plan->deliver);
    struct sandbox_wish wish = {.mode = mode_of(e->plan),
            .read = read.all.at,
            .read_count = read.all.count,
            .write = write.all.at,
            .write_count = write.all.count};
    e->result = read.no_memory || write.no_memory
                        ? fail(ERR_LIMIT, "no memory for the rules of the sandbox")
                        : sandbox_enter(e->arena, &wish);
}

static void add_list(struct paths *paths, const struct conf *conf, struct str key)
{
    struct conf_list list = conf_list(conf, key);
    for (size_t i = 0; i < list.count; i++)
        add(paths, list.at[i].text);
}

static void add_certificates(struct paths *paths, const struct conf *conf)
{
    static const struct str members[] = {S_INIT("cert"), S_INIT("private-key")};
    struct conf_ids ids = conf_ids(conf, S("certificate"));
    for (size_t i = 0; i < ids.count; i++)
        for (size_t j = 0; j < COUNT_OF(members); j++) {
            struct str key = conf_item(conf, S("certificate"), ids.at[i], members[j]);
            add_file(paths, conf_value_file(conf, key));
        }
}

// The folder of all mailboxes is made here when it is missing: a rule is of a folder that is there.
// That it cannot be made hears who delivers.
static void add_mailboxes(struct paths *paths, const struct deliver_settings *deliver)
{
    for (size_t i = 0; i < deliver->route_count; i++) {
        struct str root = local_root(&deliver->routes[i]);
        if (str_is_null(root))
            continue;
        struct err ignored = folder_make(paths->arena, root);
        (void)ignored;
        add(paths, root);
    }
}

static void add_file(struct paths *paths, struct str file)
{
    struct str found[2];
    size_t count = sandbox_paths_of(paths->arena, file, found);
    for (size_t i = 0; i < count; i++)
        add(paths, found[i]);
}

static void add(struct paths *paths, struct str path)
{
    struct str *slot = vec_add(paths->arena, &paths->all);
    if (slot == NULL)
        paths->no_memory = true;
    else
        *slot = path;
}

static enum sandbox_mode mode_of(const struct plan *plan)
{
    return (enum sandbox_mode)conf_enum(plan->conf, S("server.sandbox.mode"));
}

struct err confine_check(struct event_log *log, const struct plan *plan, struct findings *findings)
{
    struct str missing = sandbox_probe().missing;
    switch (mode_of(plan)) {
    case SANDBOX_OFF:
        missing = S("server.sandbox.mode is off: workers can open every file of their user and "
                    "make every system call");
        break;
    case SANDBOX_ON:
        if (str_is_null(missing))
            return OK;
        conf_error(plan->conf, findings, S("server.sandbox.mode"), -1, S("sandbox"),
                "%.*s; write best-effort to go without", ARG(missing));
        return fail(ERR_CONFIG, "the workers cannot have the sandbox that is asked for");
    case SANDBOX_BEST_EFFORT:
        break;
    }
    if (!str_is_null(missing))
        event(log, EV_SERVER_SANDBOX, F_STR(reason, missing));
    return OK;
}
