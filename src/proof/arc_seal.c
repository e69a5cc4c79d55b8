// SPDX-License-Identifier: Apache-2.0
// proof/arc_seal.c: our own link of the chain, RFC 8617 5.1: what we found, the message as we send
// it, and a seal over all links.
#include "proof/arc.h"

#include "proof/signature_write.h"

#define FIELD_BYTES_MAX (128 * KIB)
#define SEALED_BYTES_MAX ((size_t)64 * MIB)

struct sealing {
    struct arena *a;
    const struct arc_seal *what;
    struct proof_head *head;
    uint64_t instance;
    struct arc_fields fields;
};

static struct err make_results(struct sealing *s);
static struct err make_message(struct sealing *s) suspends;
static struct err signer_of_message(struct sealing *s, struct dkim_signer *out);
static struct err without_traces(
        struct arena *a, const struct str **names, size_t *count, struct str more);
static bool is_trace(struct str name);
static struct err make_seal(struct sealing *s) suspends;
static void add_chain(struct sealing *s, struct buf *out);
static struct err keep(struct sealing *s, const struct buf *field, struct str *out);

bool arc_may_seal(const struct arc_answer *chain)
{
    return chain->result != ARC_TEMPERROR && !chain->sealed_as_failed &&
           chain->count < ARC_INSTANCE_MAX;
}

struct err arc_seal_make(struct arena *a, struct proof_head *head, const struct arc_seal *what,
        struct arc_fields *out)
{
    struct sealing s = {.a = a, .what = what, .head = head, .instance = what->chain->count + 1};
    assert(arc_may_seal(what->chain));
    TRY(make_results(&s));
    TRY(make_message(&s));
    TRY(make_seal(&s));
    *out = s.fields;
    return OK;
}

static struct err make_results(struct sealing *s)
{
    struct buf field AUTO(buf_done);
    struct fold f;
    buf_init(&field, FIELD_BYTES_MAX);
    fold_begin(&f, &field, S("ARC-Authentication-Results"));
    signature_write_number(&f, S("i"), s->instance);
    fold_text(&f, s->what->results);
    fold_end(&f);
    return keep(s, &field, &s->fields.results);
}

static struct err make_message(struct sealing *s)
{
    struct buf field AUTO(buf_done);
    struct dkim_signer signer;
    struct dkim_names names = {0};
    struct fold f;
    buf_init(&field, FIELD_BYTES_MAX);
    TRY(signer_of_message(s, &signer));
    TRY(dkim_sign_names(s->a, &signer, s->head, &names));
    fold_begin(&f, &field, S("ARC-Message-Signature"));
    signature_write_number(&f, S("i"), s->instance);
    signature_write_tag(&f, S("a"), private_key_algorithm(signer.key));
    signature_write_tag(&f, S("s"), signer.selector);
    signature_write_tag(&f, S("d"), signer.domain);
    signature_write_canon(&f, signer.head_canon, signer.body_canon);
    signature_write_names(&f, names.all.at, names.all.count);
    signature_write_number(&f, S("t"), (uint64_t)s->what->now_s);
    if (signer.expire_s > 0)
        signature_write_number(&f, S("x"), (uint64_t)s->what->now_s + signer.expire_s);
    signature_write_base64(&f, S("bh"), s->what->body_hash);
    struct signature_write w = {.fold = &f,
            .key = signer.key,
            .place = signer.place,
            .canon = signer.head_canon,
            .head = s->head,
            .names = names.all.at,
            .name_count = names.all.count};
    TRY(signature_write(&w));
    return keep(s, &field, &s->fields.message);
}

// RFC 8617 4.1.2: seals and results change on the way; signatures of others are worth keeping.
static struct err signer_of_message(struct sealing *s, struct dkim_signer *out)
{
    *out = *s->what->signer;
    TRY(without_traces(s->a, &out->names, &out->name_count, S("DKIM-Signature")));
    return without_traces(s->a, &out->oversigned, &out->oversigned_count, STR_NULL);
}

static struct err without_traces(
        struct arena *a, const struct str **names, size_t *count, struct str more)
{
    size_t kept = 0;
    struct str *list = arena_array(a, *count + 1, struct str);
    if (list == NULL)
        return fail(ERR_LIMIT, "no memory for a seal");
    for (size_t i = 0; i < *count; i++) {
        if (!is_trace((*names)[i]))
            list[kept++] = (*names)[i];
        if (str_eq_nocase((*names)[i], more))
            more = STR_NULL;
    }
    if (!str_is_null(more))
        list[kept++] = more;
    *names = list;
    *count = kept;
    return OK;
}

static bool is_trace(struct str name)
{
    return str_starts_nocase(name, S("ARC-")) || str_eq_nocase(name, S("Authentication-Results"));
}

// A broken chain is sealed without looking at it again: the seal covers our own set only (RFC 8617
// 5.1.2).
static struct err make_seal(struct sealing *s)
{
    struct buf field AUTO(buf_done), before AUTO(buf_done);
    struct fold f;
    const struct dkim_signer *signer = s->what->signer;
    bool failed_chain = s->what->chain->result == ARC_FAIL;
    buf_init(&field, FIELD_BYTES_MAX);
    buf_init(&before, SEALED_BYTES_MAX);
    if (!failed_chain)
        add_chain(s, &before);
    canon_field_add(&before, CANON_RELAXED, s->fields.results);
    canon_field_add(&before, CANON_RELAXED, s->fields.message);
    fold_begin(&f, &field, S("ARC-Seal"));
    signature_write_number(&f, S("i"), s->instance);
    signature_write_tag(&f, S("a"), private_key_algorithm(signer->key));
    signature_write_number(&f, S("t"), (uint64_t)s->what->now_s);
    signature_write_tag(&f, S("cv"), arc_result_name(s->what->chain->result));
    signature_write_tag(&f, S("d"), signer->domain);
    signature_write_tag(&f, S("s"), signer->selector);
    if (before.overflow)
        return fail(ERR_LIMIT, "no memory for a chain");
    struct signature_write w = {.fold = &f,
            .key = signer->key,
            .place = signer->place,
            .canon = CANON_RELAXED,
            .head = s->head,
            .before = buf_str(&before)};
    TRY(signature_write(&w));
    return keep(s, &field, &s->fields.seal);
}

static void add_chain(struct sealing *s, struct buf *out)
{
    for (size_t i = 0; i < s->what->chain->count; i++) {
        const struct arc_set *set = &s->what->chain->sets[i];
        canon_field_add(out, CANON_RELAXED, set->results->all);
        canon_field_add(out, CANON_RELAXED, set->message->all);
        canon_field_add(out, CANON_RELAXED, set->seal->all);
    }
}

static struct err keep(struct sealing *s, const struct buf *field, struct str *out)
{
    *out = field->overflow ? STR_NULL : arena_str(s->a, buf_str(field));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for a seal") : OK;
}
