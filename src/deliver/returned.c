// SPDX-License-Identifier: Apache-2.0
// deliver/returned.c: see returned.h. The address proves of which message and recipient mail has
// come back; what is in the mail says no more than how. So a report can do nothing to anybody but
// the recipient it was sent to, and whatever is not clear goes on as the ordinary mail it may be.
#include "deliver/returned.h"

#include "deliver/reply/classify.h"
#include "mail/report.h"
#include "queue/control/suppress.h"
#include "queue/dsn/verp.h"

#define REPORT_BYTES_MAX (256 * KIB) // of a message that is read; what matters stands in front
#define PARSE_BYTES_MAX (16 * MIB)
#define SCRATCH_BYTES_MAX (256 * KIB)

struct returned {
    struct verp_mail mail; // that came back
    enum mail_report_action action;
    struct outcome outcome;
    enum bounce_class class; // of MAIL_REPORT_FAILED
    struct str message_id;
};

struct returned_text { // of the message, as far as it is read
    bool was_read;
    struct str bytes;
    enum mail_report_extent extent;
};

static bool find_proof(struct job *j, size_t place, struct verp_mail *out);
static struct err understand(struct job *j, struct returned_text *text,
        const struct verp_mail *mail, struct returned **out) suspends MUST_USE;
static struct err read_text(struct job *j, struct returned_text *out) suspends MUST_USE;
static struct err find_rcpt(struct arena *a, const struct mail_report *report,
        const struct verp_mail *mail, const struct mail_report_rcpt **out) MUST_USE;
static bool is_about(struct arena *a, const struct mail_report_rcpt *rcpt, struct str address);
static struct err take(struct job *j, const struct mail_report *report,
        const struct mail_report_rcpt *rcpt, const struct verp_mail *mail,
        struct returned **out) MUST_USE;
static struct outcome outcome_of(
        struct arena *a, const struct mail_report *report, const struct mail_report_rcpt *rcpt);
static enum bounce_class class_of(const struct job *j, const struct returned *back);
static void drop(struct job *j, size_t place);
static void suppress(const struct job *j, const struct returned *back);

struct err returned_read(struct job *j, struct carried *rcpts, size_t *count)
{
    struct returned_text text = {0};
    size_t left = 0;
    // Reports have no sender (RFC 3464 2, RFC 5321 6.1); what has one is from a person.
    if (!j->d->in.settings->verp.is_on || !str_is_empty(j->m.sender) || j->probe != NULL)
        return OK;
    for (size_t i = 0; i < *count; i++) {
        struct tried *t = &j->tried[rcpts[i].place];
        struct verp_mail mail;
        if (find_proof(j, rcpts[i].place, &mail))
            TRY(understand(j, &text, &mail, &t->returned));
        if (t->returned != NULL && j->d->in.settings->verp.reports == VERP_DISCARD)
            drop(j, rcpts[i].place);
        else
            rcpts[left++] = rcpts[i];
    }
    *count = left;
    return OK;
}

// The queue holds the base of a sub-address; what was asked for stands in ORCPT then, or in what a
// sender wrote there, which proves just as much.
static bool find_proof(struct job *j, size_t place, struct verp_mail *out)
{
    const struct recipient *r = &j->u->rcpts[place];
    const struct verp_settings *verp = &j->d->in.settings->verp;
    return verp_read(&j->arena, verp, r->address, j->wall_now_ms, out) ||
           verp_read(&j->arena, verp, r->orcpt, j->wall_now_ms, out);
}

static struct err understand(struct job *j, struct returned_text *text,
        const struct verp_mail *mail, struct returned **out)
{
    struct arena parse AUTO(arena_done);
    struct mail_report report;
    const struct mail_report_rcpt *rcpt = NULL;
    arena_init(&parse, PARSE_BYTES_MAX);
    struct err e = text->was_read ? OK : read_text(j, text);
    if (e.kind == ERR_CANCELLED)
        return e;
    if (!failed(e))
        e = mail_report_read(&parse, text->bytes, text->extent, &report);
    if (!failed(e))
        e = find_rcpt(&parse, &report, mail, &rcpt);
    if (!failed(e))
        e = take(j, &report, rcpt, mail, out);
    if (failed(e) && e.kind != ERR_NOT_FOUND)
        event_in(&j->span, EV_DELIVERY_RETURN_UNCLEAR, F_ID(queueId, mail->id),
                F_STR(to, mail->rcpt), F_ERR(reason, e));
    return OK;
}

static struct err read_text(struct job *j, struct returned_text *out)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {0};
    struct buf bytes AUTO(buf_done);
    struct str piece;
    buf_init(&bytes, REPORT_BYTES_MAX);
    TRY(message_open(j->d->in.store, &j->arena, &j->m, &how, &reader));
    out->extent = MAIL_REPORT_CUT;
    while (out->extent == MAIL_REPORT_CUT && bytes.len < REPORT_BYTES_MAX) {
        TRY(message_next(reader, &j->arena, &piece));
        if (str_is_null(piece))
            out->extent = MAIL_REPORT_WHOLE;
        buf_add(&bytes, str_upto(piece, REPORT_BYTES_MAX - bytes.len));
    }
    out->bytes = arena_str(&j->arena, buf_str(&bytes));
    if (str_is_null(out->bytes))
        return fail(ERR_LIMIT, "no memory for a report of delivery");
    out->was_read = true;
    return OK;
}

// A report of one recipient is about the one it was sent to, whatever he is called behind that. Of
// several it is the one with that name.
static struct err find_rcpt(struct arena *a, const struct mail_report *report,
        const struct verp_mail *mail, const struct mail_report_rcpt **out)
{
    *out = report->rcpt_count == 1 ? report->rcpts : NULL;
    for (size_t i = 0; i < report->rcpt_count && *out == NULL; i++)
        if (is_about(a, &report->rcpts[i], mail->rcpt))
            *out = &report->rcpts[i];
    return *out != NULL ? OK : fail(ERR_SYNTAX, "it is about other recipients");
}

static bool is_about(struct arena *a, const struct mail_report_rcpt *rcpt, struct str address)
{
    struct str normal;
    if (!failed(suppress_address(a, rcpt->original, &normal)) && str_eq(normal, address))
        return true;
    return !failed(suppress_address(a, rcpt->final, &normal)) && str_eq(normal, address);
}

static struct err take(struct job *j, const struct mail_report *report,
        const struct mail_report_rcpt *rcpt, const struct verp_mail *mail, struct returned **out)
{
    struct arena *a = &j->arena;
    struct returned *back = arena_make(a, struct returned);
    if (back == NULL)
        return fail(ERR_LIMIT, "no memory for a report of delivery");
    *back = (struct returned){.mail = *mail,
            .action = rcpt->action,
            .outcome = outcome_of(a, report, rcpt),
            .message_id = arena_str(a, report->message_id)};
    if (back->action == MAIL_REPORT_FAILED)
        back->class = class_of(j, back);
    *out = back;
    return OK;
}

// As if the host had said so to us. Where it names no reply the status has its class.
static struct outcome outcome_of(
        struct arena *a, const struct mail_report *report, const struct mail_report_rcpt *rcpt)
{
    struct str host = str_is_empty(rcpt->remote) ? report->reporting_mta : rcpt->remote;
    uint16_t code = rcpt->code;
    if (code == 0 && rcpt->action == MAIL_REPORT_FAILED)
        code = str_starts(rcpt->status, S("4")) ? 450 : 550;
    struct str name = arena_str_lower(a, host);
    return (struct outcome){.kind = FAILURE_UNEXPECTED_REPLY,
            .entity = name,
            .host = name,
            .command = S("RCPT TO"),
            .code = code,
            .enhanced = arena_str(a, rcpt->status),
            .text = arena_str(a, rcpt->diagnostic)};
}

// Who was given up for a passing trouble has had his time.
static enum bounce_class class_of(const struct job *j, const struct returned *back)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    if (str_starts(back->outcome.enhanced, S("4")))
        return BOUNCE_EXPIRED;
    return bounce_class_of(j->d->in.settings->bounces, &scratch, &back->outcome);
}

static void drop(struct job *j, size_t place)
{
    const struct client_answer good = {.stage = CLIENT_EOD,
            .verdict = CLIENT_GOOD,
            .outcome = {.host = S(""), .text = S("report of delivery, read and dropped")}};
    job_settle(j, place, &good);
    j->tried[place].hop = DSN_HOP_FINAL;
}

// --- Afterwards ----------------------------------------------------------------------------------

void returned_note(const struct job *j, size_t place)
{
    const struct returned *back = j->tried[place].returned;
    if (back == NULL)
        return;
    const struct outcome *o = &back->outcome;
    bool failed_there = back->action == MAIL_REPORT_FAILED;
    event_in(&j->span, EV_DELIVERY_RETURNED, F_ID(queueId, back->mail.id),
            F_STR(to, back->mail.rcpt), F_STR(reason, mail_report_action_word(back->action)),
            F_STR(bounceClass, failed_there ? bounce_class_word(back->class) : S("")),
            F_U64(code, o->code), F_STR(enhanced, o->enhanced), F_STR(details, o->text),
            F_STR(hostname, o->host), F_STR(messageId, back->message_id));
    if (!failed_there)
        return;
    metric_add(j->d->in.metrics, METRIC_QUEUE_RETURNED, LABELS(back->class), 1);
    if (back->mail.is_watched && bounce_class_is_hard(back->class))
        suppress(j, back);
}

static void suppress(const struct job *j, const struct returned *back)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    const struct suppress_bounce bounce = {.address = back->mail.rcpt,
            .bounce_class = bounce_class_word(back->class),
            .text = back->outcome.text,
            .by = arena_fmt(
                    &scratch, "report about message %016llx", (unsigned long long)back->mail.id),
            .at_ms = wall_ms()};
    suppress_note(j->d->in.suppressed, &bounce);
}
