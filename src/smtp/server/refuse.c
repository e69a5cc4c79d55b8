// SPDX-License-Identifier: Apache-2.0
// smtp/server/refuse.c: what a client hears when checks of its message refuse it (authentication.md
// 5.9, 11; RFC 7372). Usually the first one speaks, and the others are not made any more; with
// auth.results.combine all of them are, and several speak with one voice.
#include "smtp/server/verify.h"

#include "proof/dkim_reporting.h"
#include "rt/rt.h"

#define NAMES_BYTES_MAX 64 // of all checks

static bool combines(const struct finishing *f);
static const struct message_refusal *one_to_tell(const struct message_check *c);
static size_t lasting_count(const struct message_check *c);
static struct err tell_all(struct finishing *f) MUST_USE;
static struct str check_name(enum message_checked check);

void refusal_note(struct message_check *c, enum message_checked check,
        const struct proof_refusal *no, enum reply_id lasting, enum reply_id passing)
{
    assert(c->refusal_count < COUNT_OF(c->refusals));
    c->refusals[c->refusal_count++] = (struct message_refusal){
            .check = check, .no = *no, .reply = refusal_reply(no, lasting, passing)};
}

struct str refusal_words(struct arena *a, const struct proof_refusal *no)
{
    bool two = !str_is_empty(no->detail);
    return arena_fmt(a, "%u %.*s %.*s%s%.*s", (unsigned)no->code, ARG(no->status), ARG(no->text),
            two ? "\n" : "", ARG(no->detail));
}

bool refusal_is_settled(const struct finishing *f)
{
    return f->t->check->refusal_count > 0 && !combines(f);
}

static bool combines(const struct finishing *f)
{
    return f->s->service->proof->combine;
}

struct err refusal_decide(struct finishing *f)
{
    struct message_check *c = f->t->check;
    const struct smtp_proof_settings *settings = f->s->service->proof;
    if (c->refusal_count == 0)
        return OK;
    if (lasting_count(c) > 1)
        return tell_all(f);
    struct message_refusal r = *one_to_tell(c);
    if (r.check == CHECKED_DKIM && settings->dkim_reply_text) {
        within_ms(settings->dkim.wait_ms);
        TRY(dkim_reporting_words(c->resolver, &c->arena, &c->proof.dkim, &r.no.detail));
    }
    f->refusal = r.reply;
    f->words = refusal_words(&f->arena, &r.no);
    return OK;
}

// One that will refuse it again says more than one that may not.
static const struct message_refusal *one_to_tell(const struct message_check *c)
{
    for (size_t i = 0; i < c->refusal_count; i++)
        if (c->refusals[i].no.code >= 500)
            return &c->refusals[i];
    return &c->refusals[0];
}

static size_t lasting_count(const struct message_check *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->refusal_count; i++)
        count += c->refusals[i].no.code >= 500;
    return count;
}

// RFC 7372 3.3. Which ones they were is said in words.
static struct err tell_all(struct finishing *f)
{
    const struct message_check *c = f->t->check;
    struct buf names AUTO(buf_done);
    buf_init(&names, NAMES_BYTES_MAX);
    for (size_t i = 0; i < c->refusal_count; i++) {
        if (c->refusals[i].no.code < 500)
            continue;
        buf_add(&names, names.len > 0 ? S(", ") : S(""));
        buf_add(&names, check_name(c->refusals[i].check));
    }
    f->refusal = REPLY_CHECKS_FAILED;
    f->words = arena_fmt(&f->arena, "550 5.7.26 Multiple authentication checks failed: %.*s.",
            ARG(buf_str(&names)));
    return str_is_null(f->words) ? fail(ERR_LIMIT, "no memory for a refusal") : OK;
}

static struct str check_name(enum message_checked check)
{
    switch (check) {
    case CHECKED_DKIM:
        return S("DKIM");
    case CHECKED_ARC:
        return S("ARC");
    case CHECKED_DMARC:
        return S("DMARC");
    }
    return S("");
}
