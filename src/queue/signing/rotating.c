// SPDX-License-Identifier: Apache-2.0
// queue/signing/rotating.c: see queue/signing/rotating.h. A round reads the file once, goes through
// the lines, and lets each take one step after the other until the next one is not due. A step is
// found out first, and then taken: under the lock, on the file as it is by then.
#include "queue/signing/rotating.h"

#include "base/map.h"
#include "events/event.h"
#include "proof/dns_records.h"
#include "queue/control/statefile.h"
#include "queue/signing/key_file.h"
#include "rt/offload.h"
#include "rt/rt.h"

#define KEYS_BYTES_MAX (3 * KEY_FILE_BYTES_MAX) // text, and what it was decoded into
#define ROUND_BYTES_MAX (64 * MIB)
#define NAME_BYTES_MAX 253
#define AGAIN_MS MINUTE_MS    // after trouble with the file
#define LINE_AGAIN_MS HOUR_MS // after trouble with a key alone
#define LOOK_EVERY_MS DAY_MS  // authentication.md 7.4: at least daily
#define ASK_WAIT_MS (30 * SECOND_MS)
#define STEPS_MAX 64 // of a line in one round
#define TYPES 2

// The file as it was last read: a round has one, and each step replaces it.
struct reading {
    struct rotating *r;
    struct arena arena;
    struct rotation_keys keys;
    struct err result;
};

// What a step has found out before it is taken.
struct finding_out {
    enum rotation_step_kind kind;
    struct str selector;       // of the key that it is about, or that a new one would like
    struct rotation_key made;  // of ROTATION_MAKE: record and secret
    enum rotation_found found; // of ROTATION_LOOK
};

struct taking {
    struct reading now;
    const struct rotation_line *line;
    const struct finding_out *known;
    int64_t wall_now_ms;
    struct rotation_keys before;
    bool is_changed;
};

struct making {
    struct rotating *r;
    const struct rotation_line *line;
    struct private_key *key;
    struct err result;
};

static struct err wait_for_more(
        struct rotating *r, uint64_t readings, int64_t wait_ms) suspends MUST_USE;
static struct err round_of(
        struct reading *in, struct arena *a, int64_t *out_next_ms) suspends MUST_USE;
static struct err domains_of(
        struct reading *in, struct arena *a, struct strs *out) suspends MUST_USE;
static bool add_settings(const struct rotation_settings *s, struct map *all);
static bool add(struct map *all, struct str domain);
static void read_now(void *reading);
static void reading_done(struct reading *in);
static struct err tend_line(struct reading *in, struct arena *a, const struct rotation_line *line,
        int64_t *next_ms) suspends MUST_USE;
static bool follows(struct reading *in, const struct rotation_line *line);
static struct err find_out(struct rotating *r, struct arena *a, const struct rotation_line *line,
        const struct rotation_step *step, struct finding_out *out) suspends MUST_USE;
static struct err make_key(struct rotating *r, struct arena *a, const struct rotation_line *line,
        struct finding_out *out) suspends MUST_USE;
static struct err name_key(
        struct arena *a, const struct rotation_line *line, struct str *out) MUST_USE;
static void make_key_now(void *making);
static struct err ask(struct rotating *r, struct arena *a, const struct rotation_key *key,
        enum rotation_found *out) suspends MUST_USE;
static struct err take(struct reading *in, const struct rotation_line *line,
        const struct finding_out *known) suspends MUST_USE;
static void take_now(void *taking);
static struct err take_locked(struct taking *t) MUST_USE;
static struct err apply(struct taking *t, const struct rotation_step *step) MUST_USE;
static void tell_changes(const struct taking *t);
static void tell_stage(const struct taking *t, struct arena *a, const struct rotation_key *key);

struct err rotating_main(void *rotating)
{
    struct rotating *r = rotating;
    task_describe("keys of DKIM", r);
    for (;;) {
        uint64_t readings = r->desk->readings;
        int64_t next_ms = 0;
        struct err e = rotating_round(r, &next_ms);
        if (e.kind == ERR_CANCELLED)
            return e;
        if (failed(e) && !r->was_told)
            event(r->log, EV_STORE_ERROR, F_STR(path, r->path), F_ERR(reason, e));
        r->was_told = failed(e);
        TRY(wait_for_more(r, readings, failed(e) ? AGAIN_MS : next_ms - wall_ms()));
    }
}

// Whoever changes the file, this task included, has it gone through once more.
static struct err wait_for_more(struct rotating *r, uint64_t readings, int64_t wait_ms)
{
    if (wait_ms > LOOK_EVERY_MS)
        wait_ms = LOOK_EVERY_MS;
    within_ms(wait_ms < SECOND_MS ? SECOND_MS : wait_ms);
    while (r->desk->readings == readings) {
        struct err e = waitq_wait(&r->desk->changed, "the next change of a key");
        if (e.kind == ERR_TIMEOUT)
            return OK;
        TRY(e);
    }
    return OK;
}

struct err rotating_round(struct rotating *r, int64_t *out_next_ms)
{
    struct reading in = {.r = r};
    struct arena a;
    arena_init(&a, ROUND_BYTES_MAX);
    arena_init(&in.arena, KEYS_BYTES_MAX);
    struct err e = offload(read_now, &in);
    if (!failed(e))
        e = in.result;
    if (!failed(e))
        e = round_of(&in, &a, out_next_ms);
    if (failed(e)) // its text may live in what goes now
        e = fail_fmt(&r->trouble, e.kind, "%.*s", ARG(err_text(e)));
    reading_done(&in);
    arena_wipe(&a);
    signing_desk_look(r->desk, r->log);
    return e;
}

static void read_now(void *reading)
{
    struct reading *in = reading;
    in->result = key_file_read(&in->arena, in->r->path, &in->keys);
}

static void reading_done(struct reading *in)
{
    arena_wipe(&in->arena);
}

static struct err round_of(struct reading *in, struct arena *a, int64_t *out_next_ms)
{
    struct strs domains;
    int64_t next_ms = INT64_MAX;
    TRY(domains_of(in, a, &domains));
    for (size_t i = 0; i < domains.count; i++) {
        for (size_t type = 0; type < TYPES; type++) {
            struct rotation_rule rule;
            struct rotation_line line = {.domain = domains.at[i], .type = (enum dkim_key_type)type};
            if (rotation_rule_of(in->r->settings, line.domain, line.type, &rule))
                line.rule = &rule;
            TRY(tend_line(in, a, &line, &next_ms));
        }
    }
    *out_next_ms = next_ms;
    return OK;
}

// --- Which domains -------------------------------------------------------------------------------

// Those that settings name, local ones where "*" is among them, and those that have keys.
static struct err domains_of(struct reading *in, struct arena *a, struct strs *out)
{
    const struct rotation_settings *s = in->r->settings;
    struct strs local = {0};
    struct map all AUTO(map_done);
    map_init(&all, random_u64(), random_u64());
    bool wants_local = false, fine = add_settings(s, &all);
    for (size_t i = 0; i < s->rule_count; i++)
        wants_local = wants_local || s->rules[i].all_local;
    if (wants_local && in->r->directories != NULL)
        TRY(directories_all_domains(in->r->directories, a, &local));
    for (size_t i = 0; i < local.count; i++)
        fine = fine && add(&all, local.at[i]);
    each_in_vec (k, &in->keys.all)
        fine = fine && add(&all, arena_str(a, k->domain)); // the reading is replaced on the way
    struct str *domains = arena_array(a, map_count(&all) + 1, struct str);
    if (!fine || domains == NULL)
        return fail(ERR_LIMIT, "no memory for so many domains");
    *out = (struct strs){.at = domains};
    void *ignored;
    for (size_t i = 0; map_next(&all, &i, &domains[out->count], &ignored);)
        out->count++;
    return OK;
}

static bool add_settings(const struct rotation_settings *s, struct map *all)
{
    bool fine = true;
    for (size_t i = 0; i < s->rule_count; i++)
        for (size_t k = 0; k < s->rules[i].domains.count; k++)
            fine = fine && add(all, s->rules[i].domains.at[k]);
    for (size_t i = 0; i < s->domain_count; i++)
        fine = fine && (s->domains[i].rule == NULL || add(all, s->domains[i].domain));
    for (size_t i = 0; i < s->signers->count; i++) {
        const struct signer_entry *e = &s->signers->at[i];
        if (e->key != NULL && !str_is_null(e->signer.domain) && signer_has_rotation(e))
            fine = fine && add(all, e->signer.domain);
    }
    return fine;
}

static bool add(struct map *all, struct str domain)
{
    return map_has(all, domain) || (!str_is_null(domain) && map_put(all, domain, NULL));
}

// --- One line ------------------------------------------------------------------------------------

// Trouble with one key is told, and is no trouble of the others.
static struct err tend_line(
        struct reading *in, struct arena *a, const struct rotation_line *line, int64_t *next_ms)
{
    for (size_t n = 0; n < STEPS_MAX; n++) {
        struct finding_out known = {.kind = ROTATION_WAIT};
        bool has_news = follows(in, line);
        struct rotation_step step = rotation_next(&in->keys, line, wall_ms());
        struct err e = OK;
        if (step.kind == ROTATION_WAIT && !has_news) {
            *next_ms = step.at_ms < *next_ms ? step.at_ms : *next_ms;
            return OK;
        }
        if (step.kind != ROTATION_WAIT && !has_news)
            e = find_out(in->r, a, line, &step, &known);
        if (e.kind == ERR_CANCELLED)
            return e;
        if (failed(e)) {
            event(in->r->log, EV_DKIM_BUILD_ERROR, F_STR(id, rotation_type_name(line->type)),
                    F_STR(domain, line->domain), F_ERR(reason, e));
            break;
        }
        TRY(take(in, line, &known));
    }
    int64_t again_ms = wall_ms() + LINE_AGAIN_MS;
    *next_ms = again_ms < *next_ms ? again_ms : *next_ms;
    return OK;
}

// Signatures of the configuration that are new, or gone. No memory for it: another day.
static bool follows(struct reading *in, const struct rotation_line *line)
{
    bool changed = false;
    struct err ignored = rotation_follow(
            &in->arena, &in->keys, line, in->r->settings->signers, wall_ms(), &changed);
    return !failed(ignored) && changed;
}

static struct err find_out(struct rotating *r, struct arena *a, const struct rotation_line *line,
        const struct rotation_step *step, struct finding_out *out)
{
    out->kind = step->kind;
    if (step->kind == ROTATION_MAKE)
        return make_key(r, a, line, out);
    out->selector = arena_str(a, step->key->selector);
    if (str_is_null(out->selector))
        return fail(ERR_LIMIT, "no memory for a selector");
    return step->kind == ROTATION_LOOK ? ask(r, a, step->key, &out->found) : OK;
}

static struct err make_key(struct rotating *r, struct arena *a, const struct rotation_line *line,
        struct finding_out *out)
{
    struct making m = {.r = r, .line = line};
    struct buf pem AUTO(buf_done);
    buf_init(&pem, PRIVATE_KEY_TEXT_BYTES_MAX);
    TRY(name_key(a, line, &out->selector));
    TRY(offload(make_key_now, &m));
    TRY(m.result);
    struct err e = private_key_record(a, m.key, &out->made.record);
    if (!failed(e))
        e = private_key_pem(m.key, &pem);
    if (!failed(e) && !private_key_works(a, m.key))
        e = fail(ERR_INTERNAL, "a new key does not verify what it signs");
    out->made.secret = arena_str(a, buf_str(&pem));
    mem_wipe(pem.ptr, pem.len);
    private_key_free(m.key);
    TRY(e);
    return str_is_null(out->made.secret) ? fail(ERR_LIMIT, "no memory for a key") : OK;
}

static struct err name_key(struct arena *a, const struct rotation_line *line, struct str *out)
{
    static const char signs[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    struct rotation_selector_inputs in = {.type = line->type, .now_ms = wall_ms()};
    uint64_t chance = random_u64();
    for (size_t i = 0; i < ROTATION_RANDOM_BYTES; i++) {
        in.random[i] = signs[chance % (sizeof(signs) - 1)];
        chance /= sizeof(signs) - 1;
    }
    TRY(rotation_selector(a, line->rule->template, &in, out));
    if (out->len + sizeof("-1000._domainkey.") + line->domain.len > NAME_BYTES_MAX)
        return fail_fmt(a, ERR_SYNTAX, "'%.*s' is too long a selector for %.*s", ARG(*out),
                ARG(line->domain));
    return OK;
}

// As long as the one that the configuration has for the line.
static void make_key_now(void *making)
{
    struct making *m = making;
    const struct signers *all = m->r->settings->signers;
    uint32_t bits = PRIVATE_KEY_RSA_BITS_MIN;
    for (size_t i = 0; i < all->count; i++) {
        const struct signer_entry *e = &all->at[i];
        if (e->key != NULL && private_key_type(e->key) == m->line->type &&
                str_eq(e->signer.domain, m->line->domain) && private_key_bits(e->key) > bits)
            bits = private_key_bits(e->key);
    }
    m->result = private_key_generate(m->line->type, bits, &m->key);
}

static struct err ask(struct rotating *r, struct arena *a, const struct rotation_key *key,
        enum rotation_found *out)
{
    struct dns_txt_answer txt;
    struct str name = arena_fmt(a, "%.*s._domainkey.%.*s", ARG(key->selector), ARG(key->domain));
    within_ms(ASK_WAIT_MS);
    *out = ROTATION_TROUBLE;
    if (r->resolver == NULL) // which was told at start
        return OK;
    struct err e = dns_txt(r->resolver, a, name, &txt);
    if (e.kind == ERR_CANCELLED)
        return e;
    if (failed(e) || dns_is_temporary(txt.answer.outcome))
        return OK;
    *out = ROTATION_ABSENT;
    for (size_t i = 0; i < txt.count; i++)
        if (dns_key_is_same(a, key->record, txt.at[i].joined))
            *out = ROTATION_PUBLISHED;
    return OK;
}

// --- Taking a step -------------------------------------------------------------------------------

static struct err take(
        struct reading *in, const struct rotation_line *line, const struct finding_out *known)
{
    struct taking t = {.now = {.r = in->r}, .line = line, .known = known, .wall_now_ms = wall_ms()};
    arena_init(&t.now.arena, KEYS_BYTES_MAX);
    struct err e = offload(take_now, &t);
    if (!failed(e))
        e = t.now.result;
    if (failed(e)) {
        e = fail_fmt(&in->r->trouble, e.kind, "%.*s", ARG(err_text(e)));
        reading_done(&t.now);
        return e;
    }
    if (t.is_changed)
        tell_changes(&t);
    reading_done(in);
    *in = t.now;
    return OK;
}

static void take_now(void *taking)
{
    struct taking *t = taking;
    int lock = -1;
    t->now.result = statefile_lock(&t->now.arena, t->now.r->path, &lock);
    if (!failed(t->now.result))
        t->now.result = take_locked(t);
    statefile_unlock(&lock);
}

static struct err take_locked(struct taking *t)
{
    struct reading *now = &t->now;
    struct arena *a = &now->arena;
    read_now(now);
    TRY(now->result);
    each_in_vec (k, &now->keys.all) {
        struct rotation_key *copy = vec_add(a, &t->before.all);
        if (copy == NULL)
            return fail(ERR_LIMIT, "no memory for so many keys");
        *copy = *k;
    }
    TRY(rotation_follow(
            a, &now->keys, t->line, now->r->settings->signers, t->wall_now_ms, &t->is_changed));
    struct rotation_step step = rotation_next(&now->keys, t->line, t->wall_now_ms);
    bool is_known = step.kind != ROTATION_WAIT && step.kind == t->known->kind &&
                    (step.key == NULL || str_eq(step.key->selector, t->known->selector));
    if (is_known)
        TRY(apply(t, &step));
    return t->is_changed ? key_file_write(a, now->r->path, &now->keys) : OK;
}

static struct err apply(struct taking *t, const struct rotation_step *step)
{
    struct rotation_keys *keys = &t->now.keys;
    struct rotation_key made = t->known->made;
    t->is_changed = true;
    switch (step->kind) {
    case ROTATION_WAIT:
        break;
    case ROTATION_MAKE:
        TRY(rotation_free_selector(&t->now.arena, keys, t->now.r->settings->signers,
                t->line->domain, t->known->selector, &made.selector));
        return rotation_create(&t->now.arena, keys, t->line, &made, t->wall_now_ms);
    case ROTATION_LOOK:
        rotation_answer(keys, t->line, step->key, t->known->found, t->wall_now_ms);
        break;
    case ROTATION_RETIRE:
        rotation_retire(step->key, t->line, t->wall_now_ms);
        break;
    case ROTATION_DELETE:
        rotation_delete(keys, step->key);
        break;
    }
    return OK;
}

// --- What is said of it --------------------------------------------------------------------------

static void tell_changes(const struct taking *t)
{
    struct arena a;
    arena_init(&a, MIB);
    each_in_vec (k, &t->now.keys.all) {
        const struct rotation_key *was = rotation_key_find(&t->before, k->domain, k->selector);
        if (was == NULL ? k->stage == SIGNER_PENDING : was->stage != k->stage)
            tell_stage(t, &a, k);
    }
    each_in_vec (k, &t->before.all) {
        if (rotation_key_find(&t->now.keys, k->domain, k->selector) == NULL)
            event(t->now.r->log, EV_DKIM_SIGNATURE_DELETED, F_STR(id, rotation_key_id(&a, k)),
                    F_STR(domain, k->domain), F_STR(key, rotation_key_name(&a, k)));
    }
    arena_done(&a);
}

static void tell_stage(const struct taking *t, struct arena *a, const struct rotation_key *key)
{
    struct event_log *log = t->now.r->log;
    struct str id = rotation_key_id(a, key), name = rotation_key_name(a, key);
    switch (key->stage) {
    case SIGNER_PENDING:
        event(log, EV_DKIM_SIGNATURE_CREATED, F_STR(id, id), F_STR(domain, key->domain),
                F_STR(key, name), F_STR(value, key->record), F_TIME(due, key->due_ms));
        break;
    case SIGNER_ACTIVE:
        event(log, EV_DKIM_SIGNATURE_PUBLISHED, F_STR(id, id), F_STR(domain, key->domain),
                F_STR(key, name), F_TIME(due, key->due_ms));
        break;
    case SIGNER_RETIRING:
        event(log, EV_DKIM_SIGNATURE_RETIRING, F_STR(id, id), F_STR(domain, key->domain),
                F_STR(key, name), F_TIME(due, key->due_ms));
        break;
    case SIGNER_RETIRED:
        event(log, EV_DKIM_SIGNATURE_RETIRED, F_STR(id, id), F_STR(domain, key->domain),
                F_STR(key, name), F_STR(value, rotation_key_record(a, key)),
                F_TIME(due, key->due_ms));
        break;
    }
}
