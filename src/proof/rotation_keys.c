// SPDX-License-Identifier: Apache-2.0
// proof/rotation_keys.c: the keys as text, a line each, and finding one of them. Whoever reads such
// a file refuses it as a whole when a line of it makes no sense: half of the keys would be taken
// for all of them, and the others made anew.
//
//     {"stage":"active","domain":"a.example","kind":"rsa","selector":"s1","since":1,"due":2,
//      "tries":0,"revoked":false,"record":"v=DKIM1; ...","secret":"-----BEGIN ..."}
#include "proof/rotation.h"

#include "base/json_lines.h"
#include "base/map.h"
#include "proof/private_key.h"
#include "proof/tags.h"

#define RECORD_BYTES_MAX (4 * KIB)
#define TRIES_MAX 1000000
#define SELECTORS_MAX 1000 // of one day
#define LINE_BYTES_MAX (64 * KIB)

static struct err parse_lines(
        struct arena *a, struct str text, struct map *seen, struct rotation_keys *out) MUST_USE;
static struct err see_once(
        struct arena *a, struct map *seen, const struct rotation_key *key) MUST_USE;
static struct err parse_next(struct arena *a, struct json_lines *lines, struct rotation_key *out,
        bool *out_found) MUST_USE;
static bool read_one(struct arena *a, const struct json *o, struct rotation_key *out);
static bool read_number(const struct json *o, struct str key, int64_t max, int64_t *out);
static bool read_text(struct arena *a, const struct json *v, size_t bytes_max, struct str *out);
static bool read_stage(struct str word, enum signer_stage *out);
static bool is_taken(const struct rotation_keys *keys, const struct signers *signers,
        struct str domain, struct str selector);

struct err rotation_keys_parse(struct arena *a, struct str text, struct rotation_keys *out)
{
    struct map seen AUTO(map_done);
    map_init(&seen, 0, 0); // the file is our own
    return parse_lines(a, text, &seen, out);
}

static struct err parse_lines(
        struct arena *a, struct str text, struct map *seen, struct rotation_keys *out)
{
    struct json_lines lines = json_lines_of(text);
    struct rotation_keys all = {0};
    for (;;) {
        struct rotation_key key = {0};
        bool found;
        TRY(parse_next(a, &lines, &key, &found));
        if (!found)
            break;
        TRY(see_once(a, seen, &key));
        struct rotation_key *slot = all.all.count < ROTATION_KEYS_MAX ? vec_add(a, &all.all) : NULL;
        if (slot == NULL)
            return fail(ERR_LIMIT, "there are too many keys");
        *slot = key;
    }
    *out = all;
    return OK;
}

static struct err see_once(struct arena *a, struct map *seen, const struct rotation_key *key)
{
    struct str name = arena_fmt(a, "%.*s %.*s", ARG(key->selector), ARG(key->domain));
    if (map_has(seen, name))
        return fail_fmt(a, ERR_SYNTAX, "'%.*s' of %.*s is there twice", ARG(key->selector),
                ARG(key->domain));
    if (str_is_null(name) || !map_put(seen, name, NULL))
        return fail(ERR_LIMIT, "no memory for so many keys");
    return OK;
}

// What the reader of JSON keeps of a line has the secret in it.
static struct err parse_next(
        struct arena *a, struct json_lines *lines, struct rotation_key *out, bool *out_found)
{
    struct arena scratch AUTO(arena_wipe);
    const struct json *o;
    arena_init(&scratch, LINE_BYTES_MAX);
    *out_found = json_lines_next(lines, &scratch, &o);
    if (failed(lines->error))
        return fail_fmt(a, lines->error.kind, "%.*s", ARG(err_text(lines->error)));
    if (*out_found && !read_one(a, o, out))
        return json_lines_blame(lines, a, fail(ERR_SYNTAX, "it tells of no key"));
    return OK;
}

static bool read_one(struct arena *a, const struct json *o, struct rotation_key *out)
{
    const struct json *revoked = json_member(o, S("revoked"));
    int64_t tries = 0;
    if (!read_stage(json_string(json_member(o, S("stage")), S("")), &out->stage) ||
            !rotation_type_parse(json_string(json_member(o, S("kind")), S("")), &out->type) ||
            !read_number(o, S("since"), INT64_MAX, &out->since_ms) ||
            !read_number(o, S("due"), INT64_MAX, &out->due_ms) ||
            !read_number(o, S("tries"), TRIES_MAX, &tries) || !json_is_bool(revoked) ||
            !read_text(a, json_member(o, S("record")), RECORD_BYTES_MAX, &out->record) ||
            !read_text(a, json_member(o, S("secret")), PRIVATE_KEY_TEXT_BYTES_MAX, &out->secret))
        return false;
    struct str domain = json_string(json_member(o, S("domain")), S(""));
    struct str selector = json_string(json_member(o, S("selector")), S(""));
    out->tries = (uint32_t)tries;
    out->revoked = revoked->type == JSON_TRUE;
    return tag_domain(a, domain, 2, &out->domain) && tag_domain(a, selector, 1, &out->selector) &&
           !str_is_empty(out->record) &&
           (!str_is_empty(out->secret) || out->stage != SIGNER_PENDING);
}

static bool read_number(const struct json *o, struct str key, int64_t max, int64_t *out)
{
    return json_to_i64(json_member(o, key), out) && *out >= 0 && *out <= max;
}

static bool read_text(struct arena *a, const struct json *v, size_t bytes_max, struct str *out)
{
    struct str text = json_string(v, STR_NULL);
    *out = arena_str(a, text);
    return !str_is_null(text) && text.len <= bytes_max && !str_is_null(*out);
}

static bool read_stage(struct str word, enum signer_stage *out)
{
    static const enum signer_stage all[] = {
            SIGNER_PENDING, SIGNER_ACTIVE, SIGNER_RETIRING, SIGNER_RETIRED};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (str_eq(word, rotation_stage_name(all[i]))) {
            *out = all[i];
            return true;
        }
    }
    return false;
}

void rotation_keys_add(struct buf *out, const struct rotation_keys *keys)
{
    each_in_vec (k, &keys->all) {
        struct json_out o = json_begin(out, JSON_COMPACT);
        json_object_begin(&o);
        json_put_str(&o, S("stage"), rotation_stage_name(k->stage));
        json_put_str(&o, S("domain"), k->domain);
        json_put_str(&o, S("kind"), rotation_type_name(k->type));
        json_put_str(&o, S("selector"), k->selector);
        json_put_i64(&o, S("since"), k->since_ms);
        json_put_i64(&o, S("due"), k->due_ms);
        json_put_u64(&o, S("tries"), k->tries);
        json_put_bool(&o, S("revoked"), k->revoked);
        json_put_str(&o, S("record"), k->record);
        json_put_str(&o, S("secret"), str_is_null(k->secret) ? S("") : k->secret);
        json_object_end(&o);
        buf_add_byte(out, '\n');
    }
}

struct rotation_key *rotation_key_find(
        const struct rotation_keys *keys, struct str domain, struct str selector)
{
    each_in_vec (k, &keys->all)
        if (str_eq(k->selector, selector) && str_eq(k->domain, domain))
            return k;
    return NULL;
}

struct str rotation_type_name(enum dkim_key_type type)
{
    return type == DKIM_KEY_RSA ? S("rsa") : S("ed25519");
}

bool rotation_type_parse(struct str word, enum dkim_key_type *out)
{
    if (!str_eq_nocase(word, S("rsa")) && !str_eq_nocase(word, S("ed25519")))
        return false;
    *out = str_eq_nocase(word, S("rsa")) ? DKIM_KEY_RSA : DKIM_KEY_ED25519;
    return true;
}

struct str rotation_stage_name(enum signer_stage stage)
{
    switch (stage) {
    case SIGNER_PENDING:
        return S("pending");
    case SIGNER_ACTIVE:
        return S("active");
    case SIGNER_RETIRING:
        return S("retiring");
    case SIGNER_RETIRED:
        return S("retired");
    }
    return S("");
}

struct str rotation_key_id(struct arena *a, const struct rotation_key *key)
{
    return arena_fmt(a, "%.*s-%.*s", ARG(key->domain), ARG(key->selector));
}

struct str rotation_key_name(struct arena *a, const struct rotation_key *key)
{
    return arena_fmt(a, "%.*s._domainkey.%.*s", ARG(key->selector), ARG(key->domain));
}

// RFC 6376 3.6.1: an empty p= takes a key back, so that nothing it has signed is good any more.
struct str rotation_key_record(struct arena *a, const struct rotation_key *key)
{
    if (key->stage != SIGNER_RETIRED)
        return key->record;
    if (!key->revoked)
        return STR_NULL;
    return arena_fmt(a, "v=DKIM1; k=%.*s; h=sha256; p=", ARG(rotation_type_name(key->type)));
}

struct err rotation_free_selector(struct arena *a, const struct rotation_keys *keys,
        const struct signers *signers, struct str domain, struct str first, struct str *out)
{
    struct str selector = first;
    for (unsigned n = 2; is_taken(keys, signers, domain, selector); n++) {
        if (n > SELECTORS_MAX)
            return fail_fmt(a, ERR_LIMIT, "no selector like '%.*s' is free", ARG(first));
        selector = arena_fmt(a, "%.*s-%u", ARG(first), n);
        if (str_is_null(selector))
            return fail(ERR_LIMIT, "no memory for a selector");
    }
    *out = selector;
    return OK;
}

static bool is_taken(const struct rotation_keys *keys, const struct signers *signers,
        struct str domain, struct str selector)
{
    for (size_t i = 0; i < signers->count; i++) {
        const struct dkim_signer *s = &signers->at[i].signer;
        if (str_eq(s->selector, selector) && str_eq(s->domain, domain))
            return true;
    }
    return rotation_key_find(keys, domain, selector) != NULL;
}
