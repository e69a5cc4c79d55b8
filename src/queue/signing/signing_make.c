// SPDX-License-Identifier: Apache-2.0
// queue/signing/signing_make.c: the signatures. The message is read as it will be sent: its header
// into memory, its body through the hashes that the signers need, unless somebody has hashed it
// already while it arrived. Then the seal is made, and last the signatures of DKIM, none of which
// covers another.
#include "queue/signing/signing.h"

#include "events/event.h"
#include "rt/rt.h"

#define SCRATCH_BYTES_MAX (48 * MIB)
#define SIGNED_HEAD_BYTES_MAX ((size_t)16 * MIB) // sessions and reports have lower limits
#define CANONS 2

struct signing {
    struct signing_desk *desk;
    const struct signing_work *work;
    struct arena scratch;
    struct buf text; // the header, in bytes
    struct proof_head head;
    struct body_hashes *bodies; // NULL: all are known
    struct str body_hash[CANONS];
    size_t places[CANONS];
    bool wanted[CANONS];
    bool head_ended;
    struct buf fields; // of DKIM
    struct arc_fields seal;
    bool has_failed;
};

static struct err make_all(
        struct signing *g, struct store *store, const struct message *m) suspends MUST_USE;
static struct err prepare(struct signing *g) MUST_USE;
static void want(struct signing *g, const struct signer_entry *entry);
static struct err read_message(
        struct signing *g, struct store *store, const struct message *m) suspends MUST_USE;
static void take(struct signing *g, struct str piece);
static struct err end_of_message(struct signing *g) MUST_USE;
static struct err seal(struct signing *g) suspends MUST_USE;
static struct err sign_all(struct signing *g) suspends MUST_USE;
static struct err sign_one(struct signing *g, const struct signer_entry *entry) suspends MUST_USE;
static struct dkim_signer signer_here(const struct signing *g, const struct signer_entry *entry);
static struct err sit_down(struct signing_desk *desk) suspends MUST_USE;
static void stand_up(struct signing_desk *desk);
static void tell(const struct signing *g, const struct signer_entry *entry, struct err why);

struct err message_sign(struct signing_desk *desk, struct store *store, struct arena *a,
        const struct message *m, const struct signing_work *work, struct str *out_fields)
{
    const struct signing_choice *by = work->by;
    struct signing g = {.desk = desk, .work = work, .has_failed = by->is_lost};
    struct buf all AUTO(buf_done);
    struct err e = OK;
    arena_init(&g.scratch, SCRATCH_BYTES_MAX);
    buf_init(&g.text, SIGNED_HEAD_BYTES_MAX);
    buf_init(&g.fields, SIGNED_HEAD_BYTES_MAX);
    buf_init(&all, SIGNED_HEAD_BYTES_MAX);
    if (by->count > 0 || by->sealer != NULL)
        e = make_all(&g, store, m);
    if (failed(e) && e.kind != ERR_CANCELLED) { // unsigned mail is better than none
        tell(&g, by->count > 0 ? by->signers[0] : by->sealer, e);
        g.has_failed = by->count > 0;
        e = OK;
    }
    buf_add(&all, buf_str(&g.fields));
    buf_add(&all, g.seal.seal);
    buf_add(&all, g.seal.message);
    buf_add(&all, g.seal.results);
    *out_fields = all.overflow ? STR_NULL : arena_str(a, buf_str(&all));
    if (!failed(e) && str_is_null(*out_fields))
        e = fail(ERR_LIMIT, "no memory for signatures");
    if (!failed(e) && g.has_failed && desk->settings->must_sign)
        e = fail(ERR_REFUSED, "a message could not be signed");
    body_hashes_free(g.bodies);
    buf_done(&g.fields);
    buf_done(&g.text);
    arena_done(&g.scratch);
    return e;
}

static struct err make_all(struct signing *g, struct store *store, const struct message *m)
{
    TRY(prepare(g));
    TRY(read_message(g, store, m));
    TRY(seal(g));
    return sign_all(g);
}

// --- The message ---------------------------------------------------------------------------------

static struct err prepare(struct signing *g)
{
    const struct signing_choice *by = g->work->by;
    for (size_t i = 0; i < by->count; i++)
        want(g, by->signers[i]);
    if (by->sealer != NULL)
        want(g, by->sealer);
    for (size_t i = 0; i < CANONS; i++) {
        if (!g->wanted[i])
            continue;
        const struct body_hash_kind kind = {
                .canon = (enum canon)i, .hash = PROOF_SHA256, .bytes_max = CANON_WHOLE};
        if (g->bodies == NULL)
            g->bodies = body_hashes_new();
        if (g->bodies == NULL)
            return fail(ERR_LIMIT, "no memory for the hash of a body");
        TRY(body_hashes_want(g->bodies, &kind, &g->places[i]));
    }
    return OK;
}

static void want(struct signing *g, const struct signer_entry *entry)
{
    enum canon canon = dkim_sign_body_kind(&entry->signer).canon;
    g->body_hash[canon] = g->work->body_hash[canon];
    g->wanted[canon] = str_is_null(g->body_hash[canon]);
}

static struct err read_message(struct signing *g, struct store *store, const struct message *m)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct str piece = S("");
    struct message_reading how = g->work->how;
    if (m->body.arriving != NULL)
        how.body = BODY_ARRIVING;
    TRY(message_open(store, &g->scratch, m, &how, &reader));
    while (!str_is_null(piece) && !(g->head_ended && g->bodies == NULL)) {
        TRY(message_next(reader, &g->scratch, &piece));
        take(g, piece);
    }
    return end_of_message(g);
}

static void take(struct signing *g, struct str piece)
{
    if (!g->head_ended) {
        size_t before = g->text.len;
        buf_add(&g->text, piece);
        struct str text = buf_str(&g->text);
        size_t end = proof_head_bytes(text);
        g->head_ended = end < text.len || str_ends(text, S("\r\n\r\n")) || str_eq(text, S("\r\n"));
        piece = g->head_ended && end >= before ? str_from(piece, end - before) : S("");
        g->text.len = g->head_ended ? end : g->text.len;
    }
    if (g->bodies != NULL && g->head_ended)
        body_hashes_add(g->bodies, piece);
}

static struct err end_of_message(struct signing *g)
{
    if (g->text.overflow)
        return fail(ERR_LIMIT, "no memory for the header of a message");
    if (g->bodies != NULL)
        TRY(body_hashes_end(g->bodies));
    for (size_t i = 0; i < CANONS; i++)
        if (g->wanted[i])
            g->body_hash[i] = body_hashes_digest(g->bodies, g->places[i]);
    return proof_head_read(&g->scratch, buf_str(&g->text), &g->head);
}

// --- The fields ----------------------------------------------------------------------------------

// A message without its seal goes on: nobody can be told of it who would know what to do.
static struct err seal(struct signing *g)
{
    const struct signer_entry *entry = g->work->by->sealer;
    if (entry == NULL)
        return OK;
    const struct dkim_signer signer = signer_here(g, entry);
    const struct arc_seal what = {.chain = g->work->chain,
            .signer = &signer,
            .results = g->work->results,
            .body_hash = g->body_hash[signer.body_canon],
            .now_s = wall_ms() / SECOND_MS};
    struct arc_fields fields = {0};
    struct err e = sit_down(g->desk);
    if (!failed(e)) {
        e = arc_seal_make(&g->scratch, &g->head, &what, &fields);
        stand_up(g->desk);
    }
    if (!failed(e))
        g->seal = fields;
    else if (e.kind != ERR_CANCELLED)
        tell(g, entry, e);
    return e.kind == ERR_CANCELLED ? e : OK;
}

static struct err sign_all(struct signing *g)
{
    const struct signing_choice *by = g->work->by;
    for (size_t i = 0; i < by->count; i++) {
        struct err e = sign_one(g, by->signers[i]);
        if (e.kind == ERR_CANCELLED)
            return e;
        if (!failed(e))
            continue;
        tell(g, by->signers[i], e);
        g->has_failed |= e.kind != ERR_REFUSED; // a message without an author is not our failure
    }
    return OK;
}

static struct err sign_one(struct signing *g, const struct signer_entry *entry)
{
    const struct dkim_signer signer = signer_here(g, entry);
    struct str field;
    TRY(sit_down(g->desk));
    struct err e = dkim_sign_make(&g->scratch, &signer, &g->head, g->body_hash[signer.body_canon],
            wall_ms() / SECOND_MS, &field);
    stand_up(g->desk);
    if (!failed(e))
        buf_add(&g->fields, field);
    return e;
}

// With more places than one for each worker, somebody has processors that no worker uses by itself.
static struct dkim_signer signer_here(const struct signing *g, const struct signer_entry *entry)
{
    struct dkim_signer signer = entry->signer;
    signer.place = g->desk->settings->threads > 1 ? KEY_ASIDE : KEY_HERE;
    return signer;
}

// Short keys take no thread, but too little time to be worth a second way.
static struct err sit_down(struct signing_desk *desk)
{
    within_ms(SIGNING_WAIT_MS);
    struct err e = OK;
    while (desk->busy >= desk->settings->threads && !failed(e))
        e = waitq_wait(&desk->waiting, "a place among those who sign");
    if (failed(e)) {
        if (desk->busy < desk->settings->threads) // it may have been meant for us
            waitq_wake_one(&desk->waiting);
        return e;
    }
    desk->busy++;
    return OK;
}

static void stand_up(struct signing_desk *desk)
{
    assert(desk->busy > 0);
    desk->busy--;
    waitq_wake_one(&desk->waiting);
}

static void tell(const struct signing *g, const struct signer_entry *entry, struct err why)
{
    event_in(g->work->span, EV_DKIM_BUILD_ERROR, F_STR(id, entry->id),
            F_STR(domain, entry->signer.domain), F_ERR(reason, why));
}
