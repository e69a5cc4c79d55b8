// SPDX-License-Identifier: Apache-2.0
// smtp/server/inspect.c: the message as it came: its header, hops, and to whom it says it belongs
// (inbound.md 7, steps 2 to 5, and what is to be cut out, 11.1).
#include "smtp/server/client.h"
#include "smtp/server/finish.h"
#include "smtp/server/stages.h"
#include "smtp/server/verify.h"

#include "rt/rt.h"

#define NAMES_TOLD_MAX 32 // of fields that were removed, in one event

static enum reply_id judge_octets(struct finishing *f) suspends;
static struct err judge_header(struct finishing *f) suspends MUST_USE;
static bool is_loop(struct finishing *f) suspends;
static void note_from(struct finishing *f);
static struct err judge_from(struct finishing *f) suspends MUST_USE;
static struct err judge_lists(struct finishing *f) suspends MUST_USE;
static struct err check_mailboxes(struct finishing *f, enum head_name name, bool *out_own) suspends;
static struct err cut(struct finishing *f) suspends MUST_USE;
static void tell_cuts(const struct finishing *f, const struct head_cutting *what);

struct err finish_inspect(struct finishing *f)
{
    f->refusal = judge_octets(f);
    if (f->refusal == REPLY_OK)
        TRY(judge_header(f));
    if (f->refusal == REPLY_OK)
        note_from(f);
    if (f->refusal == REPLY_OK && f->s->account != NULL)
        TRY(judge_from(f));
    if (f->refusal == REPLY_OK && f->s->dnsbl != NULL)
        TRY(judge_lists(f));
    if (f->refusal == REPLY_OK)
        TRY(verify_end(f));
    return f->refusal == REPLY_OK ? cut(f) : OK;
}

static enum reply_id judge_octets(struct finishing *f)
{
    struct smtp_session *s = f->s;
    const struct data_reader *d = &f->t->data;
    int64_t line_max = rule_number(s, RULE_LINE_LENGTH);
    if (d->bare_lf_count + d->bare_cr_count > 0 && d->policy == NEWLINES_NORMALIZE)
        event_in(s->options->span, EV_SMTP_BARE_NEWLINE_FIXED, F_ID(queueId, f->t->id),
                F_U64(total, d->bare_lf_count + d->bare_cr_count));
    if (d->nul_in_header)
        return REPLY_NUL_IN_HEADER;
    if (data_has_refused_newline(d)) {
        event_in(s->options->span, EV_SMTP_SMUGGLING_ATTEMPT,
                F_U64(total, d->bare_lf_count + d->bare_cr_count));
        return REPLY_BARE_NEWLINE;
    }
    if (data_has_refused_nul(d))
        return REPLY_NUL_IN_MESSAGE;
    if (line_max > 0 && d->longest_line_bytes > (uint64_t)line_max)
        return REPLY_LONG_LINE;
    return REPLY_OK;
}

static struct err judge_header(struct finishing *f)
{
    struct smtp_session *s = f->s;
    struct transaction *t = f->t;
    int64_t fields_max = rule_number(s, RULE_HEADER_COUNT);
    struct mail_head_options read = {.fields_max = fields_max > 0 ? (size_t)fields_max : 0,
            .message_ends = body_bytes(t->body) == t->head.len};
    TRY(mail_head_read(&f->arena, buf_str(&t->head), &read, &f->head));
    bool too_large = !f->head.ended || f->head.block.len > t->head_bytes_max ||
                     (fields_max > 0 && f->head.count > (size_t)fields_max);
    // Of BINARYMIME nobody has looked at the octets yet.
    if (str_find_byte(f->head.block, '\0') != STR_NOT_FOUND)
        f->refusal = REPLY_NUL_IN_HEADER;
    else if (f->head.named == 0 || !f->head.any_known)
        f->refusal = REPLY_NO_HEADER;
    else if (too_large)
        f->refusal = REPLY_HEADER_TOO_LARGE;
    else if (is_loop(f))
        f->refusal = REPLY_LOOP;
    if (f->refusal == REPLY_NO_HEADER)
        event_in(s->options->span, EV_SMTP_MESSAGE_PARSE_FAILED, F_ID(queueId, t->id));
    if (f->refusal == REPLY_OK && f->head.has_8bit && !t->mail.smtputf8) // inbound.md 5.4
        event_in(s->options->span, EV_SMTP_HEADER_NOT_ASCII, F_ID(queueId, t->id));
    return OK;
}

static bool is_loop(struct finishing *f)
{
    int64_t most = rule_number(f->s, RULE_RECEIVED_HEADERS);
    uint32_t hops = f->head.times[HEAD_RECEIVED];
    if (most <= 0 || hops <= (uint64_t)most)
        return false;
    event_in(f->s->options->span, EV_SMTP_LOOP_DETECTED, F_U64(total, hops),
            F_U64(limit, (uint64_t)most));
    return true;
}

// The domain of the first From, for rules and lists.
static void note_from(struct finishing *f)
{
    struct mail_mailboxes all;
    struct mail_address address;
    if (!mail_head_has(&f->head, HEAD_FROM) ||
            !mail_mailboxes_read(&f->arena, mail_head_body(&f->head, HEAD_FROM), &all) ||
            all.count == 0 || failed(mail_address_parse(&f->arena, all.at[0].address, &address)))
        return;
    f->t->from_domain = address.ascii;
}

// inbound.md 10.7: what the header says it is from may be listed, too.
static struct err judge_lists(struct finishing *f)
{
    struct str words;
    client_ask_lists_of_from(f->s, f->t->from_domain);
    TRY(client_listed(f->s, &f->refusal, &words));
    f->words = arena_str(&f->arena, words);
    return OK;
}

// inbound.md 4.6.1: whom the message says it is from, and whom it says sent it.
static struct err judge_from(struct finishing *f)
{
    bool must = false, own = true;
    if (failed(rule_truth(f->s, RULE_MUST_MATCH_FROM, &must))) {
        f->refusal = REPLY_CONFIG_TROUBLE;
        return OK;
    }
    if (!must)
        return OK;
    struct err e = check_mailboxes(f, HEAD_FROM, &own);
    if (!failed(e) && own)
        e = check_mailboxes(f, HEAD_SENDER, &own);
    if (e.kind == ERR_CANCELLED)
        return e;
    if (failed(e))
        f->refusal = REPLY_NOT_ACCEPTED;
    else if (!own)
        f->refusal = REPLY_FROM_NOT_OWNED;
    return OK;
}

static struct err check_mailboxes(struct finishing *f, enum head_name name, bool *out_own)
{
    struct mail_mailboxes all;
    if (!mail_head_has(&f->head, name))
        return OK;
    if (f->head.times[name] > 1) {
        *out_own = false; // which of them would a reader see?
        return OK;
    }
    *out_own = mail_mailboxes_read(&f->arena, mail_head_body(&f->head, name), &all);
    for (size_t i = 0; *out_own && i < all.count; i++) {
        struct mail_address address;
        if (failed(mail_address_parse(&f->arena, all.at[i].address, &address))) {
            *out_own = false;
            return OK;
        }
        struct str normal = mail_address_normal(&f->arena, &address);
        TRY(client_may_send_as(f->s, normal, out_own));
    }
    return OK;
}

static struct err cut(struct finishing *f)
{
    const struct smtp_settings *settings = f->s->service->settings;
    bool is_ours = f->s->account != NULL;
    struct strs forged;
    TRY(results_forged(f, &forged));
    struct head_cutting what = {.names = settings->strip,
            .name_count = is_ours ? 0 : settings->strip_count,
            .authserv_ids = forged,
            .submission = rule_bool(f->s, RULE_STRIP_BCC)};
    TRY(mail_head_cuts(&f->arena, &f->head, &what, &f->cuts));
    if (f->cuts.count > 0)
        tell_cuts(f, &what);
    return OK;
}

// inbound.md 11.1: removals are for the log of those who look for them.
static void tell_cuts(const struct finishing *f, const struct head_cutting *what)
{
    struct span *span = f->s->options->span;
    struct str names[NAMES_TOLD_MAX];
    size_t count = 0, total = 0;
    if (!event_is_wanted(span->log, EV_SMTP_HEADERS_REMOVED))
        return;
    for (size_t i = 0; i < f->head.field_count; i++) {
        if (!mail_head_cuts_field(&f->head, what, &f->head.fields[i]))
            continue;
        if (count < COUNT_OF(names))
            names[count++] = head_field_name(&f->head, &f->head.fields[i]);
        total++;
    }
    event_in(span, EV_SMTP_HEADERS_REMOVED, F_ID(queueId, f->t->id), F_U64(total, total),
            F_LIST(details, names, count));
}
