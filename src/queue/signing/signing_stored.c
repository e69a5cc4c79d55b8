// SPDX-License-Identifier: Apache-2.0
// queue/signing/signing_stored.c: see queue/signing/signing_stored.h. Keys that stay are kept as
// they are: reading one takes a tenth of a millisecond, and a node may have thousands.
#include "queue/signing/signing_stored.h"

#include "events/event.h"

#define ENTRY_BYTES_MAX (64 * KIB)
#define RSA_BITS_MIN 1024

static struct stored_signer *same_as(
        const struct stored_signers *s, const struct rotation_key *key);
static struct stored_signer *make(const struct rotation_key *key, const struct signers *configured,
        bool self_test, struct event_log *log);
static struct err fill(struct stored_signer *one, const struct rotation_key *key,
        const struct signers *configured, bool self_test) MUST_USE;
static struct dkim_signer manner_of(
        const struct signers *configured, struct str domain, enum dkim_key_type type);

void stored_signers_take(struct stored_signers *s, const struct rotation_keys *keys,
        const struct signers *configured, bool self_test, struct event_log *log)
{
    size_t most = 0;
    each_in_vec (k, &keys->all)
        most += k->stage == SIGNER_ACTIVE && !str_is_empty(k->secret);
    struct stored_signers now = {.at = mem_bytes((most + 1) * sizeof(*now.at))};
    if (now.at == NULL)
        return;
    each_in_vec (k, &keys->all) {
        if (k->stage != SIGNER_ACTIVE || str_is_empty(k->secret))
            continue;
        struct stored_signer *one = same_as(s, k);
        if (one != NULL)
            one->users++;
        else
            one = make(k, configured, self_test, log);
        if (one != NULL)
            now.at[now.count++] = one;
    }
    stored_signers_done(s);
    *s = now;
}

static struct stored_signer *same_as(const struct stored_signers *s, const struct rotation_key *key)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct signer_entry *e = &s->at[i]->entry;
        if (str_eq(e->signer.domain, key->domain) && str_eq(e->signer.selector, key->selector) &&
                str_eq(e->record, key->record))
            return s->at[i];
    }
    return NULL;
}

static struct stored_signer *make(const struct rotation_key *key, const struct signers *configured,
        bool self_test, struct event_log *log)
{
    struct stored_signer *one = mem_new(struct stored_signer);
    if (one == NULL)
        return NULL;
    arena_init(&one->arena, ENTRY_BYTES_MAX);
    one->users = 1;
    struct err e = fill(one, key, configured, self_test);
    if (!failed(e))
        return one;
    event(log, EV_DKIM_BUILD_ERROR, F_STR(id, key->selector), F_STR(domain, key->domain),
            F_ERR(reason, e));
    stored_signer_release(one);
    return NULL;
}

static struct err fill(struct stored_signer *one, const struct rotation_key *key,
        const struct signers *configured, bool self_test)
{
    struct arena *a = &one->arena;
    struct signer_entry *e = &one->entry;
    struct str record;
    TRY(private_key_read(a, key->secret, RSA_BITS_MIN, &e->key));
    TRY(private_key_record(a, e->key, &record));
    if (!str_eq(record, key->record) || private_key_type(e->key) != key->type)
        return fail(ERR_CONFIG, "the key is not the one that was published");
    if (self_test && !private_key_works(a, e->key))
        return fail(ERR_CONFIG, "what it signs does not verify");
    e->id = arena_fmt(a, "%.*s-%.*s", ARG(key->domain), ARG(key->selector));
    e->signer = manner_of(configured, key->domain, key->type);
    e->signer.domain = arena_str(a, key->domain);
    e->signer.selector = arena_str(a, key->selector);
    e->signer.key = e->key;
    e->record = record;
    e->stage = SIGNER_ACTIVE;
    e->signs = true;
    return str_is_null(e->signer.selector) || str_is_null(e->id)
                   ? fail(ERR_LIMIT, "no memory for a signature")
                   : OK;
}

// Slices of the plan, which outlives its workers.
static struct dkim_signer manner_of(
        const struct signers *configured, struct str domain, enum dkim_key_type type)
{
    const struct signer_entry *found = NULL;
    for (size_t i = 0; i < configured->count; i++) {
        const struct signer_entry *e = &configured->at[i];
        if (e->key == NULL || private_key_type(e->key) != type || !str_eq(e->signer.domain, domain))
            continue;
        if (found == NULL || (e->signs && !found->signs))
            found = e;
    }
    return found == NULL ? dkim_signer_default() : found->signer;
}

void stored_signers_done(struct stored_signers *s)
{
    for (size_t i = 0; i < s->count; i++)
        stored_signer_release(s->at[i]);
    mem_free(s->at);
    *s = (struct stored_signers){0};
}

void stored_signer_release(struct stored_signer *one)
{
    assert(one->users > 0);
    one->users--;
    if (one->users > 0)
        return;
    private_key_free(one->entry.key);
    arena_done(&one->arena);
    mem_free(one);
}

struct stored_signer *stored_signers_find(const struct stored_signers *s, struct str id)
{
    for (size_t i = 0; i < s->count; i++)
        if (str_eq(s->at[i]->entry.id, id))
            return s->at[i];
    return NULL;
}

struct stored_signer *stored_signers_of(
        const struct stored_signers *s, struct str domain, enum dkim_key_type type)
{
    for (size_t i = 0; i < s->count; i++)
        if (private_key_type(s->at[i]->entry.key) == type &&
                str_eq_nocase(s->at[i]->entry.signer.domain, domain))
            return s->at[i];
    return NULL;
}
