// SPDX-License-Identifier: Apache-2.0
// listen/renewal.c: see listen/renewal.h.
#include "listen/renewal.h"

#include "rt/file.h"
#include "rt/offload.h"
#include "rt/task.h"

#define FILE_BYTES_MAX MIB
#define LOOK_BYTES_MAX (64 * MIB)
#define TRIES_MAX 3
#define TOLD_AT_TRY 2 // certbot replaces one file after the other: the first mismatch is ordinary

enum part { PART_CERT, PART_KEY, PART_PASSWORD, PART_COUNT };
static const struct str members[PART_COUNT] = {
        S_INIT("cert"), S_INIT("private-key"), S_INIT("private-key-password")};

struct identity_of_file {
    uint64_t device, inode;
    int64_t modified_ms;
};

struct watched {
    struct str id;
    struct str paths[PART_COUNT]; // null: not from a file
    struct identity_of_file seen[PART_COUNT];
    int64_t try_at_ms; // 0: nothing has changed
    size_t tries;
    struct str trouble, trouble_in; // of this try; null: it worked
};

struct renewal {
    struct arena arena;
    const struct conf *conf;
    const struct listen_settings *settings;
    struct event_log *log;
    struct certificates *certificates;
    struct watched *watched;
    size_t count;
};

struct look { // one round, for the helper thread
    struct renewal *renewal;
    struct arena arena;
    int64_t now_ms, wall_now_ms;
    struct certificates *made; // NULL: nothing to change
    size_t due_count;
};

static void watch(struct renewal *r, struct str id);
static struct identity_of_file first_seen(const struct renewal *r, struct str path);
static bool finish_look(struct look *l, struct err e);
static void look(void *arg);
static void note_changes(struct look *l, struct watched *w);
static bool is_due(const struct look *l, const struct watched *w);
static void load_due(struct look *l);
static struct err read_source(struct look *l, const struct watched *w,
        struct certificate_source *out, struct str *out_member);
static struct err read_part(
        struct look *l, const struct watched *w, enum part part, struct str *out);
static void note_trouble(struct look *l, const struct certificate_reports *reports);
static bool put_into_service(struct renewal *r, struct look *l);
static void conclude(struct renewal *r, const struct look *l);
static struct str key_of(const struct renewal *r, struct str id, struct str member);

struct renewal *renewal_new(const struct renewal_options *options)
{
    struct renewal *r = mem_new(struct renewal);
    if (r == NULL)
        return NULL;
    arena_init(&r->arena, LOOK_BYTES_MAX);
    r->conf = options->conf;
    r->settings = options->settings;
    r->log = options->log;
    r->certificates = certificates_ref(options->settings->certificates);
    struct conf_ids ids = conf_ids(r->conf, S("certificate"));
    r->watched = arena_array(&r->arena, ids.count + 1, struct watched);
    for (size_t i = 0; r->watched != NULL && i < ids.count; i++)
        watch(r, ids.at[i]);
    if (r->watched != NULL)
        return r;
    renewal_free(r);
    return NULL;
}

void renewal_free(struct renewal *r)
{
    if (r == NULL)
        return;
    certificates_unref(r->certificates);
    arena_done(&r->arena);
    mem_free(r);
}

size_t renewal_watched(const struct renewal *r)
{
    return r->count;
}

struct certificates *renewal_certificates(const struct renewal *r)
{
    return r->certificates;
}

bool renewal_look(struct renewal *r, int64_t now_ms, int64_t wall_now_ms)
{
    struct look l = {.renewal = r, .now_ms = now_ms, .wall_now_ms = wall_now_ms};
    arena_init(&l.arena, LOOK_BYTES_MAX);
    struct err e = offload(look, &l);
    return finish_look(&l, e);
}

bool renewal_look_here(struct renewal *r, int64_t now_ms, int64_t wall_now_ms)
{
    struct look l = {.renewal = r, .now_ms = now_ms, .wall_now_ms = wall_now_ms};
    arena_init(&l.arena, LOOK_BYTES_MAX);
    deep_call(look, &l);
    return finish_look(&l, OK);
}

static bool finish_look(struct look *l, struct err e)
{
    bool changed = !failed(e) && l->made != NULL && put_into_service(l->renewal, l);
    if (!failed(e) && l->due_count > 0)
        conclude(l->renewal, l);
    certificates_unref(l->made);
    arena_done(&l->arena);
    return changed;
}

void renewal_tell_ends(const struct renewal *r, int64_t wall_now_ms)
{
    for (size_t i = 0; i < certificates_count(r->certificates); i++) {
        const struct certificate *c = certificates_at(r->certificates, i);
        struct str name = c->names.count > 0 ? c->names.at[0] : S("");
        if (c->not_after_ms <= wall_now_ms)
            event(r->log, EV_TLS_CERTIFICATE_EXPIRED, F_STR(id, c->id), F_STR(hostname, name),
                    F_TIME(expires, c->not_after_ms));
        else if (c->not_after_ms - wall_now_ms < CERTIFICATE_EXPIRY_WARNING_MS)
            event(r->log, EV_CONFIG_BUILD_WARNING, F_STR(key, key_of(r, c->id, S("cert"))),
                    F_STR(reason, S("the certificate expires within two weeks")),
                    F_STR(value, name));
    }
}

static struct str key_of(const struct renewal *r, struct str id, struct str member)
{
    return conf_item(r->conf, S("certificate"), id, member);
}

static void watch(struct renewal *r, struct str id)
{
    struct watched *w = &r->watched[r->count];
    struct str wish = key_of(r, id, S("watch"));
    bool any = false;
    if (!conf_bool(r->conf, key_of(r, id, S("enable"))) ||
            (conf_is_set(r->conf, wish) && !conf_bool(r->conf, wish)))
        return;
    *w = (struct watched){.id = id};
    for (size_t part = 0; part < PART_COUNT; part++) {
        w->paths[part] = conf_value_file(r->conf, key_of(r, id, members[part]));
        if (str_is_null(w->paths[part]))
            continue;
        any = true;
        w->seen[part] = first_seen(r, w->paths[part]);
    }
    r->count += any;
}

// As it was when the configuration was loaded: a change since then is one, too.
static struct identity_of_file first_seen(const struct renewal *r, struct str path)
{
    size_t count;
    const struct conf_file_used *used = conf_files_used(r->conf, &count);
    for (size_t i = 0; i < count; i++)
        if (str_eq(used[i].path, path))
            return (struct identity_of_file){used[i].device, used[i].inode, used[i].modified_ms};
    return (struct identity_of_file){0};
}

// --- On the helper thread ------------------------------------------------------------------------

static void look(void *arg)
{
    struct look *l = arg;
    struct renewal *r = l->renewal;
    for (size_t i = 0; i < r->count; i++) {
        note_changes(l, &r->watched[i]);
        l->due_count += is_due(l, &r->watched[i]);
    }
    if (l->due_count > 0)
        load_due(l);
}

static void note_changes(struct look *l, struct watched *w)
{
    for (size_t part = 0; part < PART_COUNT; part++) {
        struct identity_of_file now = {0}, *seen = &w->seen[part];
        struct file_info info;
        if (str_is_null(w->paths[part]))
            continue;
        if (!failed(file_stat(&l->arena, w->paths[part], &info)))
            now = (struct identity_of_file){info.device, info.inode, info.modified_ms};
        if (now.device == seen->device && now.inode == seen->inode &&
                now.modified_ms == seen->modified_ms)
            continue;
        *seen = now;
        w->try_at_ms = l->now_ms + RENEWAL_SETTLE_MS;
        w->tries = 0;
    }
}

static bool is_due(const struct look *l, const struct watched *w)
{
    return w->try_at_ms != 0 && w->try_at_ms <= l->now_ms;
}

static void load_due(struct look *l)
{
    struct renewal *r = l->renewal;
    struct certificate_source *sources =
            arena_array(&l->arena, l->due_count, struct certificate_source);
    struct certificate_reports reports = {.arena = &l->arena};
    size_t count = 0;
    for (size_t i = 0; sources != NULL && i < r->count; i++) {
        struct watched *w = &r->watched[i];
        if (!is_due(l, w))
            continue;
        w->trouble = w->trouble_in = STR_NULL;
        struct err e = read_source(l, w, &sources[count], &w->trouble_in);
        if (failed(e))
            w->trouble = err_text(e);
        else
            count++;
    }
    if (count > 0)
        l->made = certificates_replace(r->certificates, sources, count, l->wall_now_ms, &reports);
    note_trouble(l, &reports);
}

static struct err read_source(struct look *l, const struct watched *w,
        struct certificate_source *out, struct str *out_member)
{
    const struct conf *conf = l->renewal->conf;
    struct conf_list subjects = conf_list(conf, key_of(l->renewal, w->id, S("subjects")));
    struct str *names = arena_array(&l->arena, subjects.count + 1, struct str), texts[PART_COUNT];
    if (names == NULL)
        return fail(ERR_LIMIT, "no memory for a certificate");
    for (size_t i = 0; i < subjects.count; i++)
        names[i] = subjects.at[i].text;
    for (enum part part = PART_CERT; part < PART_COUNT; part++) {
        *out_member = members[part];
        TRY(read_part(l, w, part, &texts[part]));
    }
    *out = (struct certificate_source){
            .id = w->id,
            .cert = texts[PART_CERT],
            .key = texts[PART_KEY],
            .password = texts[PART_PASSWORD],
            .subjects = {names, subjects.count},
            .is_default = conf_bool(conf, key_of(l->renewal, w->id, S("default"))),
    };
    return OK;
}

// As the configuration reads them: without the line ends at the end.
static struct err read_part(
        struct look *l, const struct watched *w, enum part part, struct str *out)
{
    if (str_is_null(w->paths[part])) {
        *out = conf_str(l->renewal->conf, key_of(l->renewal, w->id, members[part]));
        return OK;
    }
    TRY(file_read(&l->arena, w->paths[part], FILE_BYTES_MAX, out, NULL));
    while (str_ends(*out, S("\n")) || str_ends(*out, S("\r")))
        *out = str_upto(*out, out->len - 1);
    return OK;
}

static void note_trouble(struct look *l, const struct certificate_reports *reports)
{
    struct renewal *r = l->renewal;
    each_in_vec (report, &reports->all)
        for (size_t i = 0; i < r->count; i++)
            if (report->kind == REPORT_ERROR && is_due(l, &r->watched[i]) &&
                    str_eq(report->id, r->watched[i].id)) {
                r->watched[i].trouble = report->message;
                r->watched[i].trouble_in = report->member;
            }
}

// --- On the loop again ---------------------------------------------------------------------------

static bool put_into_service(struct renewal *r, struct look *l)
{
    for (size_t i = 0; i < r->settings->listener_count; i++) {
        struct tls_context *t = r->settings->listeners[i].tls_context;
        struct err e = t == NULL ? OK : tls_context_renew(t, &l->arena, l->made);
        if (failed(e)) // the contexts before it have the new ones, and keep them
            event(r->log, EV_CONFIG_BUILD_ERROR, F_STR(key, r->settings->listeners[i].id),
                    F_ERR(reason, e));
    }
    certificates_unref(r->certificates);
    r->certificates = certificates_ref(l->made);
    return true;
}

// listeners.md 18: tried again after 2, 10 and 60 seconds; then only when a file changes again.
static void conclude(struct renewal *r, const struct look *l)
{
    static const int64_t again_ms[TRIES_MAX] = {10 * SECOND_MS, 60 * SECOND_MS, 0};
    for (size_t i = 0; i < r->count; i++) {
        struct watched *w = &r->watched[i];
        if (!is_due(l, w))
            continue;
        if (str_is_null(w->trouble)) {
            w->try_at_ms = 0;
            event(r->log, EV_SERVER_RELOAD, F_STR(details, key_of(r, w->id, S("cert"))));
            continue;
        }
        w->try_at_ms = again_ms[w->tries] == 0 ? 0 : l->now_ms + again_ms[w->tries];
        if (++w->tries == TOLD_AT_TRY)
            event(r->log, EV_CONFIG_BUILD_ERROR, F_STR(key, key_of(r, w->id, w->trouble_in)),
                    F_STR(reason, w->trouble),
                    F_STR(details, S("the certificate before it stays in service")));
        w->trouble = w->trouble_in = STR_NULL;
    }
}
