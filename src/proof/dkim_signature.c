// SPDX-License-Identifier: Apache-2.0
// proof/dkim_signature.c: what a signature field says (RFC 6376 3.5, RFC 8617 4.1.2), and whether
// that alone decides: first whether it can be read at all (neutral), then whether a rule forbids
// what it says (permerror). What could be read stands in the result in any case.
#include "proof/dkim.h"

#include "base/encode.h"
#include "proof/signature_check.h"
#include "proof/tags.h"

#define SHA256_BYTES 32
#define SHA1_BYTES 20

struct reading {
    struct arena *a;
    enum dkim_form form;
    struct tags tags;
    struct dkim_signature *s;
    bool full; // the arena is
};

static void read_texts(struct reading *r);
static void read_all(struct reading *r);
static bool find(struct reading *r, struct str name, const struct tag **out);
static bool read_bytes(struct reading *r);
static bool read_names(struct reading *r);
static bool read_numbers(struct reading *r);
static bool read_time(struct reading *r, struct str name, bool *out_given, uint64_t *out);
static bool read_identity(struct reading *r);
static bool read_instance(struct reading *r);
static bool malformed(struct reading *r, struct str name);
static bool not_base64(struct reading *r, struct str name);
static void judge(struct reading *r);
static void refuse(struct reading *r, enum dkim_reason reason);
static bool read_canon(struct str text, enum canon *out_head, enum canon *out_body);
static bool canon_of(struct str word, enum canon *out);

struct err dkim_signature_parse(
        struct arena *a, enum dkim_form form, struct str body, struct dkim_signature *out)
{
    // RFC 6376 3.5: simple/simple without a c=. Sealers who leave it out (RFC 8617 knows no other
    // rule) have relaxed header fields all the same, and the public test suite agrees with them.
    struct dkim_signature s = {.body_bytes_max = CANON_WHOLE,
            .head_canon = form == DKIM_OF_ARC ? CANON_RELAXED : CANON_SIMPLE};
    struct reading r = {.a = a, .form = form, .s = &s};
    enum tags_fault fault = TAGS_SYNTAX;
    if (body.len <= DKIM_FIELD_BYTES_MAX)
        TRY(tags_parse(a, body, &r.tags, &fault));
    else
        s.detail = S("longer than 32 KiB");
    read_texts(&r);
    switch (fault) {
    case TAGS_SYNTAX:
        s.reason = DKIM_TAG_SYNTAX;
        break;
    case TAGS_DUPLICATE:
        s.reason = DKIM_DUPLICATE_TAG;
        break;
    case TAGS_FINE:
        read_all(&r);
        break;
    }
    if (r.full)
        return fail(ERR_LIMIT, "no memory for a signature");
    *out = s;
    return OK;
}

// What people want to see even of a signature that is no good.
static void read_texts(struct reading *r)
{
    const struct tag *a = tags_find(&r->tags, S("a"));
    const struct tag *d = tags_find(&r->tags, S("d")), *s = tags_find(&r->tags, S("s"));
    const struct tag *i = tags_find(&r->tags, S("i"));
    r->s->algorithm_text = a != NULL ? a->value : STR_NULL;
    r->s->algorithm = dkim_algorithm_of(r->s->algorithm_text);
    if (d != NULL)
        (void)tag_domain(r->a, d->value, 2, &r->s->domain);
    if (s != NULL)
        (void)tag_domain(r->a, s->value, 1, &r->s->selector);
    if (i != NULL && r->form == DKIM_OF_ARC)
        (void)arc_instance_read(i->value, &r->s->instance);
}

static void read_all(struct reading *r)
{
    const struct tag *tag;
    bool named = r->form == DKIM_OF_ARC || find(r, S("v"), &tag);
    named = named && find(r, S("a"), &tag) && find(r, S("d"), &tag) && find(r, S("s"), &tag);
    if (!named)
        return;
    if (str_is_null(r->s->domain))
        (void)malformed(r, S("d"));
    else if (str_is_null(r->s->selector))
        (void)malformed(r, S("s"));
    else if (read_bytes(r) && read_names(r) && read_numbers(r) &&
             (r->form == DKIM_OF_ARC ? read_instance(r) : read_identity(r)))
        judge(r);
}

static bool find(struct reading *r, struct str name, const struct tag **out)
{
    *out = tags_find(&r->tags, name);
    if (*out != NULL)
        return true;
    r->s->reason = DKIM_MISSING_TAG;
    r->s->detail = arena_fmt(r->a, "there is no %.*s=", ARG(name));
    return false;
}

static bool malformed(struct reading *r, struct str name)
{
    r->s->reason = DKIM_TAG_SYNTAX;
    r->s->detail = arena_fmt(r->a, "%.*s= makes no sense", ARG(name));
    return false;
}

static bool not_base64(struct reading *r, struct str name)
{
    (void)malformed(r, name);
    r->s->reason = DKIM_BASE64;
    return false;
}

static bool read_bytes(struct reading *r)
{
    const struct tag *b, *bh;
    if (!find(r, S("b"), &b) || !find(r, S("bh"), &bh))
        return false;
    if (!tag_base64(r->a, b->value, &r->s->bytes))
        return not_base64(r, S("b"));
    if (!tag_base64(r->a, bh->value, &r->s->body_hash))
        return not_base64(r, S("bh"));
    r->full = r->full || str_is_null(r->s->bytes) || str_is_null(r->s->body_hash);
    r->s->hole = b->room;
    size_t want = r->s->algorithm == DKIM_RSA_SHA1 ? SHA1_BYTES : SHA256_BYTES;
    if (r->s->algorithm != DKIM_ALGORITHM_UNKNOWN && r->s->body_hash.len != want)
        return malformed(r, S("bh"));
    return true;
}

// RFC 6376 3.5 wants a name between the colons, and one at all. Public chains of ARC have neither,
// and a name that is missing hashes as nothing: only the empty list is refused, and only in DKIM.
static bool read_names(struct reading *r)
{
    const struct tag *h;
    struct str item;
    size_t colons = 0;
    if (!find(r, S("h"), &h))
        return false;
    for (size_t i = 0; i < h->value.len; i++)
        colons += h->value.ptr[i] == ':';
    if (colons >= DKIM_NAMES_MAX || (str_is_empty(h->value) && r->form == DKIM_FIELD))
        return malformed(r, S("h"));
    struct str *names = arena_array(r->a, colons + 1, struct str);
    r->full = r->full || names == NULL;
    for (struct str rest = h->value; names != NULL && tag_item_next(&rest, &item);) {
        if (!str_is_empty(item))
            names[r->s->name_count++] = item;
    }
    r->s->names = names;
    return true;
}

static bool read_numbers(struct reading *r)
{
    const struct tag *l = tags_find(&r->tags, S("l")), *rep = tags_find(&r->tags, S("r"));
    const struct tag *atps = tags_find(&r->tags, S("atps")), *how = tags_find(&r->tags, S("atpsh"));
    r->s->third_party = atps != NULL ? atps->value : STR_NULL;
    r->s->third_party_hash = how != NULL ? how->value : STR_NULL;
    r->s->limited = l != NULL;
    r->s->wants_reports = rep != NULL && str_eq(rep->value, S("y"));
    if (l != NULL && !tag_number(l->value, DKIM_LENGTH_DIGITS_MAX, &r->s->body_bytes_max))
        return malformed(r, S("l"));
    if (r->s->limited && r->s->body_bytes_max == CANON_WHOLE)
        r->s->body_bytes_max--; // more than any body has, but a limit all the same
    return read_time(r, S("t"), &r->s->signed_at_given, &r->s->signed_at_s) &&
           read_time(r, S("x"), &r->s->expires_at_given, &r->s->expires_at_s);
}

// Any number of digits: what does not fit is far in the future.
static bool read_time(struct reading *r, struct str name, bool *out_given, uint64_t *out)
{
    const struct tag *tag = tags_find(&r->tags, name);
    *out_given = tag != NULL;
    return tag == NULL || tag_number(tag->value, SIZE_MAX, out) || malformed(r, name);
}

// i= = [ Local-part ] "@" domain-name, quoted-printable
static bool read_identity(struct reading *r)
{
    const struct tag *i = tags_find(&r->tags, S("i"));
    struct str local, domain;
    if (i == NULL)
        return true;
    if (!tag_quoted(r->a, i->value, &r->s->identity) ||
            !str_rcut(r->s->identity, '@', &local, &domain) ||
            !tag_domain(r->a, domain, 1, &r->s->identity_domain))
        return malformed(r, S("i"));
    return true;
}

static bool read_instance(struct reading *r)
{
    const struct tag *i;
    return find(r, S("i"), &i) && (r->s->instance > 0 || malformed(r, S("i")));
}

// instance = 1*2DIGIT, from 1 to 50, RFC 8617 4.2.1
bool arc_instance_read(struct str text, uint64_t *out)
{
    uint64_t instance;
    if (!tag_number(text, 2, &instance) || str_starts(text, S("0")) || instance > ARC_INSTANCE_MAX)
        return false;
    *out = instance;
    return true;
}

static void judge(struct reading *r)
{
    struct dkim_signature *s = r->s;
    const struct tag *v = tags_find(&r->tags, S("v"));
    const struct tag *c = tags_find(&r->tags, S("c")), *q = tags_find(&r->tags, S("q"));
    bool from = false;
    for (size_t i = 0; i < s->name_count; i++)
        from = from || str_eq_nocase(s->names[i], S("From"));
    if (r->form == DKIM_FIELD && !str_eq(v->value, S("1")))
        refuse(r, DKIM_VERSION);
    else if (s->algorithm == DKIM_ALGORITHM_UNKNOWN)
        refuse(r, DKIM_ALGORITHM);
    else if (c != NULL && !read_canon(c->value, &s->head_canon, &s->body_canon))
        refuse(r, DKIM_CANONICALIZATION);
    else if (q != NULL && !tag_has_item(q->value, S("dns/txt")))
        refuse(r, DKIM_QUERY);
    else if (r->form == DKIM_FIELD && !from)
        refuse(r, DKIM_FROM_NOT_SIGNED);
    else if (!str_is_null(s->identity) && !domain_is_within(s->identity_domain, s->domain))
        refuse(r, DKIM_IDENTITY);
    else if (s->signed_at_given && s->expires_at_given && s->expires_at_s <= s->signed_at_s)
        refuse(r, DKIM_TIMES);
}

static void refuse(struct reading *r, enum dkim_reason reason)
{
    r->s->reason = reason;
}

enum dkim_algorithm dkim_algorithm_of(struct str name)
{
    if (str_eq(name, S("rsa-sha256")))
        return DKIM_RSA_SHA256;
    if (str_eq(name, S("ed25519-sha256")))
        return DKIM_ED25519_SHA256;
    return str_eq(name, S("rsa-sha1")) ? DKIM_RSA_SHA1 : DKIM_ALGORITHM_UNKNOWN;
}

// c= = alg [ "/" alg ]; the body is simple unless it says else
static bool read_canon(struct str text, enum canon *out_head, enum canon *out_body)
{
    struct str head = text, body = S("simple");
    (void)str_cut(text, '/', &head, &body);
    return canon_of(head, out_head) && canon_of(body, out_body);
}

static bool canon_of(struct str word, enum canon *out)
{
    bool relaxed = str_eq(word, S("relaxed"));
    *out = relaxed ? CANON_RELAXED : CANON_SIMPLE;
    return relaxed || str_eq(word, S("simple"));
}
