// SPDX-License-Identifier: Apache-2.0
// proof/rotation_keys.c: the keys as text, a line each, and finding one of them. Whoever reads such
// a file refuses it as a whole when a line of it makes no sense: half of the keys would be taken
// for all of them, and the others made anew.
//
//     line = stage SP domain SP kind SP selector SP since SP due SP tries SP mark SP record SP
//            secret                          ; record and secret in base64, "-" for an empty one
//     mark = "-" / "revoked"
#include "proof/rotation.h"

#include "base/encode.h"
#include "base/map.h"
#include "proof/private_key.h"
#include "proof/tags.h"

#define RECORD_BYTES_MAX (4 * KIB)
#define TRIES_MAX 1000000
#define SELECTORS_MAX 1000 // of one day

static struct err parse_lines(
        struct arena *a, struct str text, struct map *seen, struct rotation_keys *out) MUST_USE;
static struct err see_once(
        struct arena *a, struct map *seen, const struct rotation_key *key) MUST_USE;
static bool read_line(struct arena *a, struct str line, struct rotation_key *out);
static bool read_word(struct scan *in, struct str *out);
static bool read_moment(struct scan *in, uint64_t max, int64_t *out);
static bool read_base64(struct arena *a, struct scan *in, size_t bytes_max, struct str *out);
static bool read_stage(struct str word, enum signer_stage *out);
static bool is_no_blank(uint8_t c);
static void add_base64(struct buf *out, struct str bytes);
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
    struct rotation_keys all = {0};
    struct str line;
    size_t number = 0;
    for (struct scan in = scan_over(text); scan_line(&in, &line);) {
        struct rotation_key key = {0};
        number++;
        if (str_is_empty(line))
            continue;
        if (!read_line(a, line, &key))
            return fail_fmt(a, ERR_SYNTAX, "line %zu tells of no key", number);
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

static bool read_line(struct arena *a, struct str line, struct rotation_key *out)
{
    struct scan in = scan_over(line);
    struct str stage, domain, type, selector, mark;
    int64_t tries = 0;
    if (!read_word(&in, &stage) || !read_stage(stage, &out->stage) || !read_word(&in, &domain) ||
            !read_word(&in, &type) || !rotation_type_parse(type, &out->type) ||
            !read_word(&in, &selector) || !read_moment(&in, INT64_MAX, &out->since_ms) ||
            !read_moment(&in, INT64_MAX, &out->due_ms) || !read_moment(&in, TRIES_MAX, &tries) ||
            !read_word(&in, &mark) || !read_base64(a, &in, RECORD_BYTES_MAX, &out->record) ||
            !read_base64(a, &in, PRIVATE_KEY_TEXT_BYTES_MAX, &out->secret))
        return false;
    out->tries = (uint32_t)tries;
    out->revoked = str_eq(mark, S("revoked"));
    return (out->revoked || str_eq(mark, S("-"))) && scan_end(&in) &&
           tag_domain(a, domain, 2, &out->domain) && tag_domain(a, selector, 1, &out->selector) &&
           !str_is_empty(out->record) &&
           (!str_is_empty(out->secret) || out->stage != SIGNER_PENDING);
}

// The last one has no blank behind it.
static bool read_word(struct scan *in, struct str *out)
{
    return scan_while(in, is_no_blank, out) && (scan_end(in) || scan_byte(in, ' '));
}

static bool is_no_blank(uint8_t c)
{
    return c > ' ' && c < 127;
}

static bool read_moment(struct scan *in, uint64_t max, int64_t *out)
{
    uint64_t value;
    if (!scan_u64(in, max, &value) || !scan_byte(in, ' '))
        return false;
    *out = (int64_t)value;
    return true;
}

static bool read_base64(struct arena *a, struct scan *in, size_t bytes_max, struct str *out)
{
    struct str word;
    struct buf bytes AUTO(buf_done);
    buf_init(&bytes, bytes_max);
    if (!read_word(in, &word) || (!str_eq(word, S("-")) && !decode_base64(&bytes, word)))
        return false;
    *out = arena_str(a, buf_str(&bytes));
    mem_wipe(bytes.ptr, bytes.len);
    return !bytes.overflow && !str_is_null(*out);
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
        buf_fmt(out, "%.*s %.*s %.*s %.*s %lld %lld %u %s ", ARG(rotation_stage_name(k->stage)),
                ARG(k->domain), ARG(rotation_type_name(k->type)), ARG(k->selector),
                (long long)k->since_ms, (long long)k->due_ms, (unsigned)k->tries,
                k->revoked ? "revoked" : "-");
        add_base64(out, k->record);
        buf_add_byte(out, ' ');
        add_base64(out, k->secret);
        buf_add_byte(out, '\n');
    }
}

static void add_base64(struct buf *out, struct str bytes)
{
    if (str_is_empty(bytes))
        buf_add_byte(out, '-');
    else
        encode_base64(out, bytes);
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
