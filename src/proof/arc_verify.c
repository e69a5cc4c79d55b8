// SPDX-License-Identifier: Apache-2.0
// proof/arc_verify.c: RFC 8617 5.2. The shape of the chain is judged before anybody is asked for a
// key; then the newest signature over the message; then the seals. Older signatures over the
// message may be broken, that is what the chain is for: how far back they hold is told by
// oldest_pass.
#include "proof/arc.h"

#include "mail/token.h"
#include "proof/signature_check.h"
#include "proof/tags.h"

#include <openssl/evp.h>

#define HASHED_BYTES_MAX ((size_t)256 * MIB) // the header's own limit comes first
#define WAIT_MS (30 * SECOND_MS)
#define SETS_FIRST 3
#define FIELDS_READ_MAX 1000 // of ARC, in one header; more of them are no chain

enum kind { KIND_NONE, KIND_SEAL, KIND_MESSAGE, KIND_RESULTS };

struct seal {
    struct tags tags;
    enum dkim_algorithm algorithm;
    struct str bytes, hole;
    struct str fault; // null: none
    enum arc_fault kind;
    struct key_entry *key;
    uint8_t room[PROOF_DIGEST_BYTES_MAX];
    struct str digest;
};
struct message {
    struct dkim_signature signature;
    size_t body;
    struct key_entry *key;
};

struct arc_verifier {
    struct arena *arena;
    struct arc_rules rules;
    struct proof_head *head;
    struct body_hashes *bodies;
    struct key_ring *keys;
    struct arc_set *sets;     // `room` of them
    struct seal *seals;       // beside them
    struct message *messages; // beside them
    size_t room;
    struct arc_answer answer;
    bool decided;
};

static struct err collect(struct arc_verifier *v);
static enum kind kind_of(const struct mail_field *field);
static struct err take_field(
        struct arc_verifier *v, enum kind kind, const struct mail_field *field);
static struct err make_room(struct arc_verifier *v, size_t instance) MUST_USE;
static struct err read_seal(struct arc_verifier *v, struct str body, struct seal *out);
static bool seal_complete(struct arc_verifier *v, struct seal *seal);
static uint64_t results_instance(struct str body);
static void fault(struct arc_verifier *v, enum arc_fault kind, size_t instance, const char *what);
static void judge_shape(struct arc_verifier *v);
static bool judge_set(struct arc_verifier *v, size_t i);
static struct err want_all(struct arc_verifier *v);
static struct err want_message(struct arc_verifier *v, size_t i);
static struct err end_messages(struct arc_verifier *v) suspends;
static struct err end_message(struct arc_verifier *v, size_t i, enum dkim_reason *out) suspends;
static struct err message_digest(
        struct arc_verifier *v, size_t i, uint8_t *room, struct str *out) MUST_USE;
static struct err digest_seals(struct arc_verifier *v) MUST_USE;
static bool digest_step(struct arc_verifier *v, EVP_MD_CTX *ctx, EVP_MD_CTX *fork, size_t i);
static struct err end_seals(struct arc_verifier *v) suspends;
static bool put(EVP_MD_CTX *ctx, const struct buf *text);

struct str arc_result_name(enum arc_result result)
{
    switch (result) {
    case ARC_NONE:
        return S("none");
    case ARC_PASS:
        return S("pass");
    case ARC_FAIL:
        return S("fail");
    case ARC_TEMPERROR:
        return S("temperror");
    }
    return S("");
}

struct str arc_check_name(enum arc_check check)
{
    switch (check) {
    case ARC_UNCHECKED:
        return S("unchecked");
    case ARC_GOOD:
        return S("pass");
    case ARC_BAD:
        return S("fail");
    }
    return S("");
}

struct arc_rules arc_rules_default(int64_t now_s)
{
    return (struct arc_rules){.dkim = dkim_rules_default(now_s),
            .sets_max = ARC_INSTANCE_MAX,
            .oldest_pass = true,
            .wait_ms = WAIT_MS};
}

struct err arc_verify_begin(struct arena *a, const struct arc_rules *rules, struct proof_head *head,
        struct body_hashes *bodies, struct key_ring *keys, struct arc_verifier **out)
{
    struct arc_verifier *v = arena_make(a, struct arc_verifier);
    if (v == NULL)
        return fail(ERR_LIMIT, "no memory to verify a chain");
    *v = (struct arc_verifier){
            .arena = a, .rules = *rules, .head = head, .bodies = bodies, .keys = keys};
    TRY(collect(v));
    if (v->answer.count > 0)
        judge_shape(v);
    v->decided = v->answer.result != ARC_NONE || v->answer.count == 0;
    if (!v->decided)
        TRY(want_all(v));
    *out = v;
    return OK;
}

// --- The shape of the chain ----------------------------------------------------------------------

static struct err collect(struct arc_verifier *v)
{
    size_t fields = 0;
    for (size_t i = 0; i < v->head->count && fields <= FIELDS_READ_MAX; i++) {
        enum kind kind = kind_of(&v->head->fields[i]);
        if (kind == KIND_NONE)
            continue;
        fields++;
        TRY(take_field(v, kind, &v->head->fields[i]));
    }
    if (fields > FIELDS_READ_MAX)
        fault(v, ARC_FAULT_TOO_LONG, 0, "too many fields");
    return OK;
}

static enum kind kind_of(const struct mail_field *field)
{
    if (str_eq_nocase(field->name, S("ARC-Seal")))
        return KIND_SEAL;
    if (str_eq_nocase(field->name, S("ARC-Message-Signature")))
        return KIND_MESSAGE;
    return str_eq_nocase(field->name, S("ARC-Authentication-Results")) ? KIND_RESULTS : KIND_NONE;
}

static struct err take_field(struct arc_verifier *v, enum kind kind, const struct mail_field *field)
{
    struct seal seal = {.fault = S("unreadable")};
    struct message message = {0};
    uint64_t instance = 0;
    if (kind == KIND_SEAL) {
        TRY(read_seal(v, field->body, &seal));
        const struct tag *i = tags_find(&seal.tags, S("i"));
        (void)(i != NULL && arc_instance_read(i->value, &instance));
    } else if (kind == KIND_MESSAGE) {
        TRY(dkim_signature_parse(v->arena, DKIM_OF_ARC, field->body, &message.signature));
        instance = message.signature.instance;
    } else {
        instance = results_instance(field->body);
    }
    if (instance == 0) {
        fault(v, ARC_FAULT_INSTANCE, 0, "a field without an instance from 1 to 50");
        return OK;
    }
    TRY(make_room(v, (size_t)instance));
    struct arc_set *set = &v->sets[instance - 1];
    v->answer.count = instance > v->answer.count ? instance : v->answer.count;
    const struct mail_field **place = &set->results;
    if (kind != KIND_RESULTS)
        place = kind == KIND_SEAL ? &set->seal : &set->message;
    if (*place != NULL) {
        fault(v, ARC_FAULT_CHAIN, instance, "a field is there twice");
        return OK;
    }
    *place = field;
    if (kind == KIND_SEAL)
        v->seals[instance - 1] = seal;
    if (kind == KIND_MESSAGE)
        v->messages[instance - 1] = message;
    return OK;
}

// Most chains have one set or two, and fifty would take as much memory as all else of a message.
static struct err make_room(struct arc_verifier *v, size_t instance)
{
    struct arc_verifier wide = *v;
    if (instance <= v->room)
        return OK;
    wide.room = instance <= SETS_FIRST ? SETS_FIRST : ARC_INSTANCE_MAX;
    wide.sets = arena_array(v->arena, wide.room, struct arc_set);
    wide.seals = arena_array(v->arena, wide.room, struct seal);
    wide.messages = arena_array(v->arena, wide.room, struct message);
    if (wide.sets == NULL || wide.seals == NULL || wide.messages == NULL)
        return fail(ERR_LIMIT, "no memory for a chain");
    for (size_t i = 0; i < v->room; i++) {
        wide.sets[i] = v->sets[i];
        wide.seals[i] = v->seals[i];
        wide.messages[i] = v->messages[i];
    }
    wide.answer.sets = wide.sets;
    *v = wide;
    return OK;
}

// The first fault is the reason.
static void fault(struct arc_verifier *v, enum arc_fault kind, size_t instance, const char *what)
{
    if (v->answer.result != ARC_NONE)
        return;
    v->answer.result = ARC_FAIL;
    v->answer.fault = kind;
    v->answer.reason = instance > 0 ? arena_fmt(v->arena, "set %zu: %s", instance, what)
                                    : arena_fmt(v->arena, "%s", what);
}

static struct err read_seal(struct arc_verifier *v, struct str body, struct seal *out)
{
    struct seal seal = {.kind = ARC_FAULT_OTHER};
    enum tags_fault bad = TAGS_SYNTAX;
    if (body.len <= DKIM_FIELD_BYTES_MAX)
        TRY(tags_parse(v->arena, body, &seal.tags, &bad));
    if (bad != TAGS_FINE)
        seal.fault = S("the seal is no list of tags, or has one of them twice");
    else if (!seal_complete(v, &seal))
        seal.fault = S("a tag of the seal is missing, or makes no sense");
    if (bad == TAGS_FINE && tags_find(&seal.tags, S("h")) != NULL) {
        seal.fault = S("the seal says which fields it covers");
        seal.kind = ARC_FAULT_HEADER;
    }
    *out = seal;
    return OK;
}

// RFC 8617 4.1.3: the seal covers no body and no fields of its choice.
static bool seal_complete(struct arc_verifier *v, struct seal *seal)
{
    const struct tag *a = tags_find(&seal->tags, S("a")), *b = tags_find(&seal->tags, S("b"));
    const struct tag *d = tags_find(&seal->tags, S("d")), *s = tags_find(&seal->tags, S("s"));
    const struct tag *t = tags_find(&seal->tags, S("t"));
    struct str ignored;
    uint64_t moment;
    if (a == NULL || b == NULL || d == NULL || s == NULL ||
            !tag_base64(v->arena, b->value, &seal->bytes))
        return false;
    seal->hole = b->room;
    seal->algorithm = dkim_algorithm_of(a->value);
    return tag_domain(v->arena, d->value, 2, &ignored) &&
           tag_domain(v->arena, s->value, 1, &ignored) &&
           (t == NULL || tag_number(t->value, SIZE_MAX, &moment)) &&
           tags_find(&seal->tags, S("h")) == NULL && tags_find(&seal->tags, S("bh")) == NULL &&
           tags_find(&seal->tags, S("c")) == NULL;
}

// arc-info = instance [CFWS] ";" authres-payload
// instance = [CFWS] %s"i" [CFWS] "=" [CFWS] 1*2DIGIT        RFC 8617 4.1.1
static uint64_t results_instance(struct str body)
{
    struct scan in = scan_over(body);
    struct str digits;
    uint64_t instance = 0;
    token_skip(&in);
    bool named = scan_byte(&in, 'i');
    token_skip(&in);
    named = named && scan_byte(&in, '=');
    token_skip(&in);
    if (!named || !scan_while(&in, byte_is_digit, &digits))
        return 0;
    token_skip(&in);
    return scan_byte(&in, ';') && arc_instance_read(digits, &instance) ? instance : 0;
}

static void judge_shape(struct arc_verifier *v)
{
    size_t count = v->answer.count;
    const struct tag *cv = tags_find(&v->seals[count - 1].tags, S("cv"));
    if (cv != NULL && str_eq(cv->value, S("fail"))) {
        v->answer.sealed_as_failed = true;
        fault(v, ARC_FAULT_OTHER, count, "sealed as failed");
    }
    if (count > v->rules.sets_max)
        fault(v, ARC_FAULT_TOO_LONG, 0, "too many sets");
    for (size_t i = 0; i < count; i++) {
        if (!judge_set(v, i))
            fault(v, ARC_FAULT_CHAIN, i + 1, "incomplete");
    }
}

static bool judge_set(struct arc_verifier *v, size_t i)
{
    struct arc_set *set = &v->sets[i];
    const struct seal *seal = &v->seals[i];
    const struct tag *cv = tags_find(&seal->tags, S("cv"));
    const struct tag *d = tags_find(&seal->tags, S("d")), *s = tags_find(&seal->tags, S("s"));
    struct str want = i == 0 ? S("none") : S("pass");
    set->cv = cv != NULL ? cv->value : STR_NULL;
    if (d != NULL && s != NULL) {
        (void)tag_domain(v->arena, d->value, 2, &set->domain);
        (void)tag_domain(v->arena, s->value, 1, &set->selector);
    }
    if (set->seal == NULL || set->message == NULL || set->results == NULL)
        return false;
    if (!str_is_null(seal->fault))
        fault(v, seal->kind, i + 1, seal->fault.ptr);
    else if (!str_eq(set->cv, want))
        fault(v, ARC_FAULT_CV, i + 1, "cv= is not what it must be");
    else if (seal->algorithm != DKIM_RSA_SHA256 && seal->algorithm != DKIM_ED25519_SHA256)
        fault(v, ARC_FAULT_OTHER, i + 1, "the algorithm of the seal is not supported");
    return true;
}

// --- Keys and bodies -----------------------------------------------------------------------------

static struct err want_all(struct arc_verifier *v)
{
    for (size_t i = 0; i < v->answer.count; i++) {
        struct arc_set *set = &v->sets[i];
        TRY(key_ring_want(v->keys, set->selector, set->domain, &v->seals[i].key));
        if (v->rules.oldest_pass || i + 1 == v->answer.count)
            TRY(want_message(v, i));
    }
    return OK;
}

static struct err want_message(struct arc_verifier *v, size_t i)
{
    struct message *m = &v->messages[i];
    struct dkim_signature *s = &m->signature;
    for (size_t k = 0; k < s->name_count; k++) {
        if (str_eq_nocase(s->names[k], S("ARC-Seal")))
            s->reason = DKIM_TAG_SYNTAX;
    }
    if (s->reason == DKIM_FINE)
        s->reason = dkim_forbidden(&v->rules.dkim, s);
    if (s->reason == DKIM_FINE && s->algorithm == DKIM_RSA_SHA1)
        s->reason = DKIM_SHA1; // RFC 8617 4.1.2 never had it
    if (s->reason != DKIM_FINE)
        return OK;
    struct body_hash_kind kind = {
            .canon = s->body_canon, .hash = PROOF_SHA256, .bytes_max = s->body_bytes_max};
    if (failed(body_hashes_want(v->bodies, &kind, &m->body))) {
        s->reason = DKIM_TOO_MANY;
        return OK;
    }
    return key_ring_want(v->keys, s->selector, s->domain, &m->key);
}

// --- Signatures over the message -----------------------------------------------------------------

struct err arc_verify_end(struct arc_verifier *v, struct arc_answer *out)
{
    within_ms(v->rules.wait_ms);
    if (!v->decided) {
        v->answer.result = ARC_PASS;
        TRY(end_messages(v));
        if (v->answer.result == ARC_PASS)
            TRY(end_seals(v));
        v->answer.has_oldest_pass =
                v->answer.result == ARC_PASS && (v->rules.oldest_pass || v->answer.count == 1);
        if (v->answer.result != ARC_PASS)
            v->answer.oldest_pass = 0;
    }
    *out = v->answer;
    return OK;
}

static struct err end_messages(struct arc_verifier *v)
{
    size_t oldest = v->rules.oldest_pass ? 1 : v->answer.count;
    for (size_t i = v->answer.count; i >= oldest; i--) {
        enum dkim_reason reason;
        TRY(end_message(v, i - 1, &reason));
        v->sets[i - 1].message_check = reason == DKIM_FINE ? ARC_GOOD : ARC_BAD;
        if (reason == DKIM_FINE)
            continue;
        struct str why = dkim_reason_comment(reason);
        if (i < v->answer.count) {
            v->answer.oldest_pass = i + 1;
            return OK;
        }
        v->answer.result = dkim_reason_result(reason) == DKIM_TEMPERROR ? ARC_TEMPERROR : ARC_FAIL;
        v->answer.reason = arena_fmt(v->arena, "message signature %zu: %.*s", i, ARG(why));
        return OK;
    }
    return OK;
}

static struct err end_message(struct arc_verifier *v, size_t i, enum dkim_reason *out)
{
    struct message *m = &v->messages[i];
    const struct dkim_signature *s = &m->signature;
    uint8_t room[PROOF_DIGEST_BYTES_MAX];
    *out = s->reason;
    if (s->reason != DKIM_FINE)
        return OK;
    struct signature_check check = {.key = m->key,
            .algorithm = s->algorithm,
            .bytes = s->bytes,
            .domain = s->domain,
            .rsa_bits_min = v->rules.dkim.rsa_bits_min};
    check.body_differs = body_hashes_short(v->bodies, m->body) ||
                         !str_eq(body_hashes_digest(v->bodies, m->body), s->body_hash);
    if (!check.body_differs)
        TRY(message_digest(v, i, room, &check.digest));
    if (!check.body_differs && str_is_null(check.digest)) {
        *out = DKIM_TOO_MANY;
        return OK;
    }
    TRY(signature_check(v->arena, &check));
    *out = check.reason;
    return OK;
}

static struct err message_digest(struct arc_verifier *v, size_t i, uint8_t *room, struct str *out)
{
    const struct dkim_signature *s = &v->messages[i].signature;
    struct signed_head what = {.head = v->head,
            .field = v->sets[i].message,
            .canon = s->head_canon,
            .hole = s->hole,
            .names = s->names,
            .name_count = s->name_count};
    return signed_head_digest(&what, PROOF_SHA256, room, out);
}

// --- Seals ---------------------------------------------------------------------------------------

static struct err end_seals(struct arc_verifier *v)
{
    TRY(digest_seals(v));
    for (size_t i = v->answer.count; i >= 1; i--) {
        const struct seal *seal = &v->seals[i - 1];
        struct signature_check check = {.key = seal->key,
                .algorithm = seal->algorithm,
                .digest = seal->digest,
                .bytes = seal->bytes,
                .domain = v->sets[i - 1].domain,
                .rsa_bits_min = v->rules.dkim.rsa_bits_min};
        TRY(signature_check(v->arena, &check));
        v->sets[i - 1].seal_check = check.reason == DKIM_FINE ? ARC_GOOD : ARC_BAD;
        if (check.reason == DKIM_FINE)
            continue;
        struct str why = dkim_reason_comment(check.reason);
        v->answer.result = check.reason == DKIM_DNS ? ARC_TEMPERROR : ARC_FAIL;
        v->answer.reason = arena_fmt(v->arena, "seal %zu: %.*s", i, ARG(why));
        return OK;
    }
    return OK;
}

// Each seal covers all sets up to its own (RFC 8617 5.1.1): one hash runs over the chain, and what
// each seal sees is a fork of it.
static struct err digest_seals(struct arc_verifier *v)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *fork = EVP_MD_CTX_new();
    bool good = ctx != NULL && fork != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; good && i < v->answer.count; i++)
        good = digest_step(v, ctx, fork, i);
    EVP_MD_CTX_free(ctx);
    EVP_MD_CTX_free(fork);
    return good ? OK : fail(ERR_INTERNAL, "the library could not hash a chain");
}

static bool digest_step(struct arc_verifier *v, EVP_MD_CTX *ctx, EVP_MD_CTX *fork, size_t i)
{
    const struct arc_set *set = &v->sets[i];
    struct seal *seal = &v->seals[i];
    unsigned bytes = 0;
    struct buf text AUTO(buf_done);
    buf_init(&text, HASHED_BYTES_MAX);
    canon_field_add(&text, CANON_RELAXED, set->results->all);
    canon_field_add(&text, CANON_RELAXED, set->message->all);
    if (!put(ctx, &text) || EVP_MD_CTX_copy_ex(fork, ctx) != 1)
        return false;
    buf_clear(&text);
    canon_signature_add(&text, CANON_RELAXED, set->seal->all, seal->hole);
    if (!put(fork, &text) || EVP_DigestFinal_ex(fork, seal->room, &bytes) != 1)
        return false;
    seal->digest = str_of((const char *)seal->room, bytes);
    buf_clear(&text);
    canon_field_add(&text, CANON_RELAXED, set->seal->all);
    return put(ctx, &text);
}

static bool put(EVP_MD_CTX *ctx, const struct buf *text)
{
    return !text->overflow && EVP_DigestUpdate(ctx, text->ptr, text->len) == 1;
}
