// SPDX-License-Identifier: Apache-2.0
// queue/quota/quota.c: charging a message. What a quota counts once is the message, each domain of
// its recipients, or each recipient; its match is asked for each of these. The first quota that
// refuses gives everything back.
#include "queue/quota/quota.h"

#include "base/map.h"
#include "queue/quota/quota_table.h"
#include "rt/clock.h"

#include <openssl/evp.h>

#define KEY_BYTES_MAX (64 * KIB)
#define SCRATCH_BYTES_MAX MIB
#define NEAR_PERCENT 80
#define VERY_NEAR_PERCENT 95

struct charging {
    struct quota_meter *meter;
    struct arena *arena;
    const struct message *message;
    struct arena scratch; // of one evaluation
    int64_t wall_now_ms;
    uint64_t bytes;
    VEC(struct quota_ref) refs;
    const struct quota *exceeded;
};

static struct err charge_quota(struct charging *c, const struct quota *q) suspends;
static struct err charge_one(struct charging *c, const struct quota *q, const struct unit *u,
        const struct recipient *r) suspends;
static bool quota_applies(
        struct charging *c, const struct quota *q, const struct expr_env *env) suspends;
static struct str subject_of(struct arena *a, const struct quota *q, const struct recipient *r);
static struct err add_ref(
        struct charging *c, const struct quota *q, uint64_t key, const struct recipient *r);
static void tell_near(
        const struct charging *c, const struct quota *q, const struct quota_level *before);
static bool crosses(uint64_t before, uint64_t more, uint64_t max, uint64_t percent);
static void give_back(struct charging *c);
static void add_part(struct buf *out, struct str text);

struct quota_shared *quota_shared_new(int64_t wall_now_ms)
{
    struct quota_shared *s = shared_bytes(sizeof(struct quota_shared));
    if (s != NULL)
        s->made_at_ms = wall_now_ms;
    return s;
}

size_t quota_shared_bytes(void)
{
    return sizeof(struct quota_shared);
}

struct quota_shared *quota_shared_at(void *memory, int64_t wall_now_ms)
{
    struct quota_shared *s = memory;
    memset(memory, 0, sizeof(*s));
    s->made_at_ms = wall_now_ms;
    return s;
}

struct err quota_charge(struct quota_meter *meter, struct arena *a, struct message *m,
        struct quota_charge *out, const struct quota **out_exceeded)
{
    struct charging c = {.meter = meter,
            .arena = a,
            .message = m,
            .wall_now_ms = wall_ms(),
            .bytes = message_bytes(m)};
    bool ours = (m->flags & (MESSAGE_DSN | MESSAGE_REPORT)) != 0;
    struct err e = OK;
    arena_init(&c.scratch, SCRATCH_BYTES_MAX);
    for (size_t i = 0; i < meter->settings->quota_count && !ours && c.exceeded == NULL; i++) {
        e = charge_quota(&c, &meter->settings->quotas[i]);
        if (failed(e))
            break;
    }
    arena_done(&c.scratch);
    if (failed(e) || c.exceeded != NULL)
        give_back(&c);
    TRY(e);
    *out_exceeded = c.exceeded;
    *out = (struct quota_charge){0};
    if (c.exceeded != NULL || c.refs.count == 0)
        return OK;
    *out = (struct quota_charge){.refs = c.refs.at, .count = c.refs.count, .bytes = c.bytes};
    m->quota_refs = c.refs.at;
    m->quota_ref_count = c.refs.count;
    m->quota_bytes = c.bytes;
    return OK;
}

static struct err charge_quota(struct charging *c, const struct quota *q)
{
    const struct message *m = c->message;
    struct map domains;
    struct err e = OK;
    map_init(&domains, 0, 0); // bounded by MESSAGE_RCPTS_MAX, whoever picks them
    for (size_t i = 0; i < m->unit_count && !failed(e) && c->exceeded == NULL; i++)
        for (size_t j = 0; j < m->units[i].rcpt_count && c->exceeded == NULL; j++) {
            const struct recipient *r = &m->units[i].rcpts[j];
            bool again = q->scope == QUOTA_OF_MESSAGE && i + j > 0;
            struct str domain = q->scope == QUOTA_OF_DOMAIN ? subject_of(c->arena, q, r) : S("");
            if (again || map_has(&domains, domain))
                continue;
            if (q->scope == QUOTA_OF_DOMAIN && !map_put(&domains, domain, c))
                e = fail(ERR_LIMIT, "no memory for the quotas of a message");
            if (!failed(e))
                e = charge_one(c, q, &m->units[i], r);
            if (failed(e))
                break;
        }
    map_done(&domains);
    return e;
}

static struct err charge_one(
        struct charging *c, const struct quota *q, const struct unit *u, const struct recipient *r)
{
    struct queue_env view = {.message = c->message,
            .unit = u,
            .rcpt = r,
            .wall_now_ms = c->wall_now_ms,
            .outside = c->meter->outside};
    struct expr_env env = queue_expr_env(&view);
    arena_reset(&c->scratch);
    if (!quota_applies(c, q, &env))
        return OK;
    uint64_t key = quota_key(&c->scratch, q, &view);
    struct quota_level before = {0};
    const struct quota_amount amount = {.messages = 1,
            .bytes = c->bytes,
            .messages_max = q->messages_max,
            .bytes_max = q->bytes_max};
    // The column first: see rt/shared.c.
    quota_pending_add(c->meter->shared, c->meter->column, key, c->bytes);
    enum quota_limit answer =
            quota_place_add(c->meter->shared, key, &amount, c->wall_now_ms, &before);
    if (answer == QUOTA_FITS) {
        struct err e = add_ref(c, q, key, r);
        tell_near(c, q, &before);
        return e;
    }
    quota_pending_end(c->meter->shared, c->meter->column, key, c->bytes);
    if (answer == QUOTA_UNCOUNTED)
        return OK;
    c->exceeded = q;
    if (c->meter->log != NULL)
        event(c->meter->log, EV_QUEUE_QUOTA_EXCEEDED, F_STR(id, q->id), F_U64(size, c->bytes),
                F_U64(limit, q->messages_max > 0 ? q->messages_max : q->bytes_max));
    return OK;
}

// queue.md 11: an evaluation that fails applies the quota.
static bool quota_applies(struct charging *c, const struct quota *q, const struct expr_env *env)
{
    struct expr_result r = expr_eval(q->match, env, &c->scratch);
    if (r.outcome == EXPR_VALUE)
        return r.boolean;
    if (r.outcome == EXPR_FAILED && c->meter->log != NULL)
        event(c->meter->log, EV_EVAL_ERROR,
                F_STR(key, arena_fmt(&c->scratch, "queue.quota.%.*s.match", ARG(q->id))),
                F_STR(reason, r.fault.cause));
    return r.outcome == EXPR_FAILED;
}

static struct str subject_of(struct arena *a, const struct quota *q, const struct recipient *r)
{
    switch (q->scope) {
    case QUOTA_OF_MESSAGE:
        break;
    case QUOTA_OF_DOMAIN:
        return arena_str_lower(a, address_domain(r->address));
    case QUOTA_OF_RCPT:
        return r->address;
    }
    return STR_NULL;
}

// When it cannot be kept the counter is given back here, for give_back does not know it.
static struct err add_ref(
        struct charging *c, const struct quota *q, uint64_t key, const struct recipient *r)
{
    struct quota_ref *ref =
            c->refs.count < MESSAGE_QUOTA_REFS_MAX ? vec_add(c->arena, &c->refs) : NULL;
    if (ref == NULL) {
        struct quota_shared *s = c->meter->shared;
        quota_pending_end(s, c->meter->column, key, c->bytes);
        quota_place_take(s, key, 1, c->bytes, c->wall_now_ms);
        return fail(ERR_LIMIT, "no memory for the quotas of a message");
    }
    *ref = (struct quota_ref){.key = key, .scope = q->scope, .subject = subject_of(c->arena, q, r)};
    return OK;
}

static void tell_near(
        const struct charging *c, const struct quota *q, const struct quota_level *before)
{
    static const uint64_t marks[] = {VERY_NEAR_PERCENT, NEAR_PERCENT};
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        if (!crosses(before->messages, 1, q->messages_max, marks[i]) &&
                !crosses(before->bytes, c->bytes, q->bytes_max, marks[i]))
            continue;
        if (c->meter->log != NULL)
            event(c->meter->log, EV_QUEUE_QUOTA_NEAR, F_STR(id, q->id), F_U64(limit, marks[i]),
                    F_U64(total, before->messages + 1), F_U64(size, before->bytes + c->bytes));
        return;
    }
}

static bool crosses(uint64_t before, uint64_t more, uint64_t max, uint64_t percent)
{
    double mark = (double)max * (double)percent / 100;
    return max > 0 && (double)before < mark && (double)(before + more) >= mark;
}

static void give_back(struct charging *c)
{
    const struct quota_charge all = {.refs = c->refs.at, .count = c->refs.count, .bytes = c->bytes};
    quota_settle(c->meter, &all, QUOTA_GIVEN_BACK);
}

void quota_settle(
        struct quota_meter *meter, const struct quota_charge *charge, enum quota_fate fate)
{
    int64_t wall_now_ms = charge->count > 0 ? wall_ms() : 0;
    for (size_t i = 0; i < charge->count; i++) {
        uint64_t key = charge->refs[i].key;
        quota_pending_end(meter->shared, meter->column, key, charge->bytes);
        if (fate == QUOTA_GIVEN_BACK)
            quota_place_take(meter->shared, key, 1, charge->bytes, wall_now_ms);
    }
}

// --- Keys ----------------------------------------------------------------------------------------

static const enum expr_variable part_variables[] = {
        [QUOTA_KEY_SENDER] = EXPR_VAR_SENDER,
        [QUOTA_KEY_SENDER_DOMAIN] = EXPR_VAR_SENDER_DOMAIN,
        [QUOTA_KEY_RCPT] = EXPR_VAR_RCPT,
        [QUOTA_KEY_RCPT_DOMAIN] = EXPR_VAR_RCPT_DOMAIN,
        [QUOTA_KEY_ACCOUNT] = EXPR_VAR_AUTHENTICATED_AS,
        [QUOTA_KEY_QUEUE] = EXPR_VAR_QUEUE_NAME,
        [QUOTA_KEY_SOURCE] = EXPR_VAR_SOURCE,
        [QUOTA_KEY_TAG] = EXPR_VAR_TAG,
};

// Lengths stand before all texts: no two lists of values have the same bytes.
uint64_t quota_key(struct arena *scratch, const struct quota *q, const struct queue_env *env)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct buf text AUTO(buf_done);
    uint64_t key = 0;
    buf_init(&text, KEY_BYTES_MAX);
    add_part(&text, q->id);
    for (size_t i = 0; i < q->part_count; i++) {
        buf_add_byte(&text, (char)q->parts[i].key);
        add_part(&text, q->parts[i].tag);
        add_part(&text, quota_part_value(scratch, &q->parts[i], env));
    }
    int done = EVP_Digest(buf_str(&text).ptr, text.len, digest, NULL, EVP_sha256(), NULL);
    assert(done == 1);
    for (size_t i = 0; i < sizeof(key); i++)
        key = key << 8 | digest[i];
    return key > 1 ? key : 2; // 0 and 1 mean something else in the table
}

struct str quota_part_name(struct arena *scratch, const struct quota_part *part)
{
    struct str name = expr_variable_name(part_variables[part->key]);
    return part->key == QUOTA_KEY_TAG ? arena_join(scratch, name, part->tag) : name;
}

struct str quota_part_value(
        struct arena *scratch, const struct quota_part *part, const struct queue_env *env)
{
    struct queue_env view = *env;
    struct expr_env asked = queue_expr_env(&view);
    struct expr_value value;
    if (!expr_env_variable(&asked, scratch, part_variables[part->key], part->tag, &value))
        return S("");
    bool null_sender = part->key == QUOTA_KEY_SENDER && str_is_empty(value.text);
    return null_sender ? S("<>") : value.text;
}

static void add_part(struct buf *out, struct str text)
{
    buf_fmt(out, "%zu:", text.len);
    buf_add(out, text);
}
