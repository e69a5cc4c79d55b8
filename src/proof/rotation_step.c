// SPDX-License-Identifier: Apache-2.0
// proof/rotation_step.c: what is to be done next with the keys of a line, and what each step makes
// of them (authentication.md 7.3, 7.4). Only rotation_answer makes a key active.
#include "proof/rotation.h"

// After so many answers of the DNS that failed: 7.4, step 5.
static const int64_t look_again_ms[] = {MINUTE_MS, 5 * MINUTE_MS, HOUR_MS};

static bool is_of(const struct rotation_key *key, const struct rotation_line *line);
static struct rotation_key *find_stage(const struct rotation_keys *keys,
        const struct rotation_line *line, enum signer_stage stage);
static int64_t made_at_ms(const struct rotation_keys *keys, const struct rotation_line *line);
static struct rotation_step step_of_key(struct rotation_key *key, const struct rotation_line *line);
static int64_t look_at_ms(const struct rotation_key *key, int64_t now_ms);
static void set_stage(
        struct rotation_key *key, enum signer_stage stage, int64_t now_ms, int64_t after_ms);
static void stop_signing(
        struct rotation_key *key, const struct rotation_line *line, int64_t now_ms);
static struct err follow_one(struct arena *a, struct rotation_keys *keys,
        const struct rotation_line *line, const struct signer_entry *e, int64_t now_ms) MUST_USE;
static const struct signer_entry *entry_of(
        const struct signers *signers, const struct rotation_key *key);
static bool signs_for(const struct signer_entry *e, const struct rotation_line *line);

// --- What is next --------------------------------------------------------------------------------

struct rotation_step rotation_next(
        const struct rotation_keys *keys, const struct rotation_line *line, int64_t now_ms)
{
    struct rotation_step next = {.kind = ROTATION_WAIT, .at_ms = made_at_ms(keys, line)};
    if (next.at_ms <= now_ms)
        return (struct rotation_step){.kind = ROTATION_MAKE, .at_ms = next.at_ms};
    each_in_vec (k, &keys->all) {
        if (!is_of(k, line))
            continue;
        struct rotation_step step = step_of_key(k, line);
        if (step.kind == ROTATION_LOOK)
            step.at_ms = look_at_ms(k, now_ms);
        if (step.kind != ROTATION_WAIT && step.at_ms <= now_ms)
            return step;
        if (step.at_ms < next.at_ms)
            next.at_ms = step.at_ms;
    }
    return next;
}

static bool is_of(const struct rotation_key *key, const struct rotation_line *line)
{
    return key->type == line->type && str_eq(key->domain, line->domain);
}

static struct rotation_key *find_stage(
        const struct rotation_keys *keys, const struct rotation_line *line, enum signer_stage stage)
{
    each_in_vec (k, &keys->all)
        if (k->stage == stage && is_of(k, line))
            return k;
    return NULL;
}

// When a successor is to be made: at once where nothing signs, never while one waits already.
static int64_t made_at_ms(const struct rotation_keys *keys, const struct rotation_line *line)
{
    const struct rotation_key *active = find_stage(keys, line, SIGNER_ACTIVE);
    if (line->rule == NULL || find_stage(keys, line, SIGNER_PENDING) != NULL)
        return INT64_MAX;
    return active == NULL ? INT64_MIN : active->due_ms;
}

static struct rotation_step step_of_key(struct rotation_key *key, const struct rotation_line *line)
{
    struct rotation_step step = {.kind = ROTATION_WAIT, .key = key, .at_ms = INT64_MAX};
    switch (key->stage) {
    case SIGNER_PENDING:
        if (line->rule != NULL)
            step = (struct rotation_step){ROTATION_LOOK, key, key->due_ms};
        break;
    case SIGNER_ACTIVE: // made_at_ms
        break;
    case SIGNER_RETIRING:
        step = (struct rotation_step){ROTATION_RETIRE, key, key->due_ms};
        break;
    case SIGNER_RETIRED:
        step = (struct rotation_step){ROTATION_DELETE, key, key->due_ms};
        break;
    }
    return step;
}

// A clock that was set back must not keep a key waiting for a moment that it has had already.
static int64_t look_at_ms(const struct rotation_key *key, int64_t now_ms)
{
    return key->due_ms > now_ms + HOUR_MS ? now_ms : key->due_ms;
}

// --- Steps ---------------------------------------------------------------------------------------

struct err rotation_create(struct arena *a, struct rotation_keys *keys,
        const struct rotation_line *line, const struct rotation_key *made, int64_t now_ms)
{
    struct rotation_key *key = keys->all.count < ROTATION_KEYS_MAX ? vec_add(a, &keys->all) : NULL;
    if (key == NULL)
        return fail(ERR_LIMIT, "there are too many keys");
    *key = (struct rotation_key){.domain = line->domain,
            .selector = made->selector,
            .type = line->type,
            .record = made->record,
            .secret = made->secret};
    set_stage(key, SIGNER_PENDING, now_ms, ROTATION_POLL_MS);
    return OK;
}

static void set_stage(
        struct rotation_key *key, enum signer_stage stage, int64_t now_ms, int64_t after_ms)
{
    key->stage = stage;
    key->since_ms = now_ms;
    key->due_ms = now_ms + after_ms;
    key->tries = 0;
}

void rotation_answer(struct rotation_keys *keys, const struct rotation_line *line,
        struct rotation_key *key, enum rotation_found found, int64_t now_ms)
{
    assert(key->stage == SIGNER_PENDING && line->rule != NULL);
    switch (found) {
    case ROTATION_ABSENT:
        key->tries = 0;
        key->due_ms = now_ms + ROTATION_POLL_MS;
        break;
    case ROTATION_TROUBLE:
        key->due_ms =
                now_ms +
                look_again_ms[key->tries < COUNT_OF(look_again_ms) ? key->tries
                                                                   : COUNT_OF(look_again_ms) - 1];
        key->tries++;
        break;
    case ROTATION_PUBLISHED:
        each_in_vec (k, &keys->all)
            if (k->stage == SIGNER_ACTIVE && is_of(k, line))
                stop_signing(k, line, now_ms);
        set_stage(key, SIGNER_ACTIVE, now_ms, line->rule->rotate_after_ms);
        break;
    }
}

// A key in wrong hands is taken back at once: what it has signed is not worth waiting for.
static void stop_signing(struct rotation_key *key, const struct rotation_line *line, int64_t now_ms)
{
    int64_t after_ms = line->rule != NULL ? line->rule->retire_after_ms : ROTATION_RETIRE_MS;
    set_stage(key, SIGNER_RETIRING, now_ms, key->revoked ? 0 : after_ms);
}

void rotation_retire(struct rotation_key *key, const struct rotation_line *line, int64_t now_ms)
{
    assert(key->stage == SIGNER_RETIRING);
    set_stage(key, SIGNER_RETIRED, now_ms,
            line->rule != NULL ? line->rule->delete_after_ms : ROTATION_DELETE_MS);
}

void rotation_delete(struct rotation_keys *keys, struct rotation_key *key)
{
    size_t at = (size_t)(key - keys->all.at);
    assert(at < keys->all.count && key->stage == SIGNER_RETIRED);
    for (size_t i = at; i + 1 < keys->all.count; i++)
        keys->all.at[i] = keys->all.at[i + 1];
    keys->all.count--;
}

bool rotation_force(struct rotation_keys *keys, struct str domain, enum dkim_key_type type,
        bool revoke, int64_t now_ms)
{
    const struct rotation_line line = {.domain = domain, .type = type};
    struct rotation_key *active = find_stage(keys, &line, SIGNER_ACTIVE);
    struct rotation_key *pending = find_stage(keys, &line, SIGNER_PENDING);
    if (active != NULL) {
        active->due_ms = active->due_ms < now_ms ? active->due_ms : now_ms;
        active->revoked = active->revoked || revoke;
    }
    if (pending != NULL)
        pending->due_ms = now_ms;
    return active != NULL || pending != NULL;
}

// --- Signatures of the configuration -------------------------------------------------------------

struct err rotation_follow(struct arena *a, struct rotation_keys *keys,
        const struct rotation_line *line, const struct signers *signers, int64_t now_ms,
        bool *out_changed)
{
    bool has_own = false;
    *out_changed = false;
    each_in_vec (k, &keys->all)
        has_own = has_own ||
                  (k->stage == SIGNER_ACTIVE && !str_is_empty(k->secret) && is_of(k, line));
    each_in_vec (k, &keys->all) {
        const struct signer_entry *e = entry_of(signers, k);
        if (k->stage != SIGNER_ACTIVE || !is_of(k, line) || !str_is_empty(k->secret) ||
                (e != NULL && signs_for(e, line)))
            continue;
        stop_signing(k, line, now_ms);
        *out_changed = true;
    }
    for (size_t i = 0; i < signers->count && !has_own && line->rule != NULL; i++) {
        const struct signer_entry *e = &signers->at[i];
        if (!signs_for(e, line) ||
                rotation_key_find(keys, line->domain, e->signer.selector) != NULL)
            continue;
        TRY(follow_one(a, keys, line, e, now_ms));
        *out_changed = true;
    }
    return OK;
}

static const struct signer_entry *entry_of(
        const struct signers *signers, const struct rotation_key *key)
{
    for (size_t i = 0; i < signers->count; i++) {
        const struct dkim_signer *s = &signers->at[i].signer;
        if (str_eq(s->selector, key->selector) && str_eq(s->domain, key->domain))
            return &signers->at[i];
    }
    return NULL;
}

static bool signs_for(const struct signer_entry *e, const struct rotation_line *line)
{
    return e->signs && private_key_type(e->key) == line->type &&
           str_eq(e->signer.domain, line->domain);
}

static struct err follow_one(struct arena *a, struct rotation_keys *keys,
        const struct rotation_line *line, const struct signer_entry *e, int64_t now_ms)
{
    struct rotation_key *key = keys->all.count < ROTATION_KEYS_MAX ? vec_add(a, &keys->all) : NULL;
    if (key == NULL)
        return fail(ERR_LIMIT, "there are too many keys");
    *key = (struct rotation_key){.domain = line->domain,
            .selector = e->signer.selector,
            .type = line->type,
            .record = e->record,
            .secret = S("")};
    set_stage(key, SIGNER_ACTIVE, now_ms, line->rule->rotate_after_ms);
    if (e->rotation.next_transition_at_ms != 0)
        key->due_ms = e->rotation.next_transition_at_ms;
    return OK;
}
