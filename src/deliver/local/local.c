// SPDX-License-Identifier: Apache-2.0
// deliver/local/local.c: the recipients of a unit, one after the other: resolved, compared with
// what has been stored already, stored. Aliases of one mailbox are stored once and share the
// answer.
#include "deliver/local/local.h"

#include "deliver/answer.h"
#include "deliver/local/local_answer.h"
#include "deliver/local/maildir.h"
#include "deliver/local/maildir_path.h"
#include "mail/mail.h"
#include "mail/trace.h"
#include "rt/clock.h"

#define HEADER_BYTES_MAX MIB // as far as is looked for Delivered-To
#define HEADER_STEP_BYTES (16 * KIB)
#define PREFIX_BYTES_MAX (64 * KIB)

struct stored { // what one mailbox has said
    struct str path, detail, address;
    size_t result; // place in `out`
};

struct delivering {
    const struct local_inputs *in;
    struct arena *arena;
    const struct message *message;
    const struct unit *unit;
    struct local_result *out;
    VEC(struct stored) stored;
    bool header_is_read;
    VEC(struct str) delivered_to; // of the message's header
};

static struct err deliver_one(
        struct delivering *d, const struct recipient *rcpt, size_t place) suspends MUST_USE;
static struct err find_path(struct delivering *d, struct local_result *r, struct str *out) MUST_USE;
static const struct stored *stored_before(const struct delivering *d, const struct stored *now);
static struct err is_loop(
        struct delivering *d, struct local_result *r, bool *out) suspends MUST_USE;
static struct err read_header(struct delivering *d) suspends MUST_USE;
static struct err gather_header(struct delivering *d, struct buf *header) suspends MUST_USE;
static bool header_has_ended(struct buf *header, size_t from);
static struct err store(
        struct delivering *d, struct local_result *r, struct str path) suspends MUST_USE;
static struct err store_letter(struct delivering *d, const struct local_result *r, struct str path,
        enum maildir_outcome *out) suspends MUST_USE;
static struct str prefix_for(const struct delivering *d, const struct local_result *r);
static bool wants(const struct message *m, uint32_t wanted, uint32_t said, bool by_route);
static struct err answer_outcome(struct delivering *d, struct local_result *r, struct str path,
        enum maildir_outcome outcome) MUST_USE;
static struct err answer_trouble(
        struct delivering *d, struct local_result *r, struct err e) MUST_USE;

struct err local_deliver(const struct local_inputs *in, struct arena *a, const struct message *m,
        const struct unit *u, const size_t *places, size_t count, struct local_result *out)
{
    struct delivering d = {.in = in, .arena = a, .message = m, .unit = u, .out = out};
    assert(in->route->store != LOCAL_LMTP);
    for (size_t i = 0; i < count; i++) {
        assert(places[i] < u->rcpt_count);
        switch (in->route->store) {
        case LOCAL_MAILDIR:
        case LOCAL_LMTP:
            TRY(deliver_one(&d, &u->rcpts[places[i]], i));
            break;
        case LOCAL_DISCARD: // whoever it is for: nothing is asked of the directory
            out[i] = (struct local_result){.answer = local_answer_good()};
            break;
        case LOCAL_HOLD:
            out[i] = (struct local_result){.fate = LOCAL_FATE_HOLD};
            break;
        }
    }
    return OK;
}

struct str local_root(const struct route *route)
{
    return route->type == ROUTE_LOCAL && route->store == LOCAL_MAILDIR ? maildir_root(route->path)
                                                                       : STR_NULL;
}

static struct err deliver_one(struct delivering *d, const struct recipient *rcpt, size_t place)
{
    struct local_result *r = &d->out[place];
    struct stored now = {.result = place};
    bool loops = false;
    TRY(local_resolve(d->in, d->arena, rcpt, r));
    if (r->fate != LOCAL_FATE_MAILBOX)
        return OK;
    r->fate = LOCAL_FATE_ANSWERED;
    struct err e = find_path(d, r, &now.path);
    if (e.kind == ERR_SYNTAX) {
        r->answer = local_answer_permanent(CLIENT_RCPT, S("5.1.3"), err_text(e));
        return OK;
    }
    if (failed(e))
        return answer_trouble(d, r, e);
    now.detail = r->detail;
    now.address = r->address;
    const struct stored *before = stored_before(d, &now);
    if (before != NULL) {
        r->answer = d->out[before->result].answer;
        r->is_our_fault = false; // said once
        return OK;
    }
    struct stored *slot = vec_add(d->arena, &d->stored);
    if (slot == NULL)
        return fail(ERR_LIMIT, "no memory for a mailbox");
    *slot = now;
    TRY(is_loop(d, r, &loops));
    return loops ? OK : store(d, r, now.path);
}

static struct err find_path(struct delivering *d, struct local_result *r, struct str *out)
{
    struct mail_address parts;
    TRY(mail_address_parse(d->arena, r->address, &parts));
    struct maildir_names names = {.local = parts.local,
            .domain = parts.ascii,
            .rcpt = r->reached,
            .user = r->account->name};
    return maildir_path(d->arena, d->in->route->path, &names, out);
}

static const struct stored *stored_before(const struct delivering *d, const struct stored *now)
{
    each_in_vec (s, &d->stored) {
        if (str_eq(s->path, now->path) && str_eq(s->address, now->address) &&
                str_eq_nocase(s->detail, now->detail))
            return s;
    }
    return NULL;
}

// --- Loops: outbound.md 6.5 ----------------------------------------------------------------------

static struct err is_loop(struct delivering *d, struct local_result *r, bool *out)
{
    struct err e = d->header_is_read ? OK : read_header(d);
    if (failed(e)) {
        *out = true; // answered, at least
        return answer_trouble(d, r, e);
    }
    d->header_is_read = true;
    *out = false;
    each_in_vec (address, &d->delivered_to) {
        *out = *out || str_eq_nocase(*address, r->address);
    }
    if (*out)
        r->answer = local_answer_permanent(CLIENT_EOD, S("5.4.6"),
                S("mail loops: it was delivered to this mailbox before (Delivered-To)"));
    return OK;
}

static struct err read_header(struct delivering *d)
{
    struct buf header AUTO(buf_done);
    struct mail_field field;
    buf_init(&header, HEADER_BYTES_MAX);
    TRY(gather_header(d, &header));
    struct str text = arena_str(d->arena, buf_str(&header));
    struct scan in = scan_over(text);
    enum mail_line_end end = mail_line_end_of(text);
    d->delivered_to.count = 0;
    while (mail_field_next(&in, end, &field)) {
        if (!str_eq_nocase(field.name, S("Delivered-To")))
            continue;
        struct str *slot = vec_add(d->arena, &d->delivered_to);
        if (slot == NULL)
            return fail(ERR_LIMIT, "no memory for a header");
        *slot = str_trim(field.body);
        if (str_starts(*slot, S("<")) && str_ends(*slot, S(">")))
            *slot = str_part(*slot, 1, slot->len - 2);
    }
    return str_is_null(text) ? fail(ERR_LIMIT, "no memory for a header") : OK;
}

static struct err gather_header(struct delivering *d, struct buf *header)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {.prefix = d->unit->prefix_headers};
    TRY(message_open(d->in->store, d->arena, d->message, &how, &reader));
    for (;;) {
        struct str piece;
        TRY(message_next(reader, d->arena, &piece));
        if (str_is_null(piece))
            return OK;
        while (piece.len > 0) {
            size_t from = header->len > 2 ? header->len - 3 : 0;
            buf_add(header, str_upto(piece, HEADER_STEP_BYTES));
            piece = str_from(piece, HEADER_STEP_BYTES);
            if (header->overflow || header_has_ended(header, from))
                return OK;
        }
    }
}

static bool header_has_ended(struct buf *header, size_t from)
{
    struct str fresh = str_from(buf_str(header), from);
    return str_contains(fresh, S("\r\n\r\n")) || str_contains(fresh, S("\n\n"));
}

// --- Storing -------------------------------------------------------------------------------------

static struct err store(struct delivering *d, struct local_result *r, struct str path)
{
    enum maildir_outcome outcome = MAILDIR_STORED;
    struct err e = store_letter(d, r, path, &outcome);
    return failed(e) ? answer_trouble(d, r, e) : answer_outcome(d, r, path, outcome);
}

static struct err store_letter(struct delivering *d, const struct local_result *r, struct str path,
        enum maildir_outcome *out)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct route *route = d->in->route;
    const struct message *m = d->message;
    const struct maildir_letter letter = {.path = path,
            .detail = r->detail,
            .unique = maildir_unique(d->arena, m->created_ms, m->id, r->address, d->in->host),
            .owner = {.mode = route->mode, .uid = route->uid, .gid = route->gid},
            .create = route->create,
            .keep_crlf = (m->flags & MESSAGE_BODY_BINARY) != 0,
            .created_ms = m->created_ms,
            .wall_now_ms = wall_ms(),
            .quota_bytes =
                    r->account->quota_bytes != 0 ? r->account->quota_bytes : route->quota_bytes,
            .quota_messages = route->quota_messages,
            .fail = d->in->fail};
    const struct message_reading how = {.prefix = prefix_for(d, r)};
    if (str_is_null(letter.unique) || str_is_null(how.prefix))
        return fail(ERR_LIMIT, "no memory for the lines of a delivery");
    TRY(message_open(d->in->store, d->arena, m, &how, &reader));
    return maildir_store(&letter, d->arena, reader, out);
}

// RFC 5321 4.4: who delivers for good says where it came from. A Return-Path that was there has
// been cut out when the message came.
static struct str prefix_for(const struct delivering *d, const struct local_result *r)
{
    const struct route *route = d->in->route;
    struct buf lines AUTO(buf_done);
    buf_init(&lines, PREFIX_BYTES_MAX);
    const struct message *m = d->message;
    bool smtputf8 = (m->flags & MESSAGE_SMTPUTF8) != 0;
    if (wants(m, MESSAGE_RETURN_PATH, MESSAGE_RETURN_PATH_SAID, route->adds_return_path))
        trace_return_path_add(&lines, m->sender, smtputf8);
    if (route->adds_delivered_to)
        trace_delivered_to_add(&lines, r->address, smtputf8);
    if (wants(m, MESSAGE_ORIGINAL_TO, MESSAGE_ORIGINAL_TO_SAID, route->adds_original_to))
        trace_original_to_add(
                &lines, str_is_null(r->original) ? r->reached : r->original, smtputf8);
    buf_add(&lines, d->unit->prefix_headers);
    return lines.overflow ? STR_NULL : arena_str(d->arena, buf_str(&lines));
}

// The session in which it came, if somebody wrote what such sessions want, or else the route.
static bool wants(const struct message *m, uint32_t wanted, uint32_t said, bool by_route)
{
    return (m->flags & said) != 0 ? (m->flags & wanted) != 0 : by_route;
}

static struct err answer_outcome(
        struct delivering *d, struct local_result *r, struct str path, enum maildir_outcome outcome)
{
    struct str text = S("");
    switch (outcome) {
    case MAILDIR_STORED:
        r->answer = local_answer_good();
        break;
    case MAILDIR_OVER_QUOTA:
        r->answer = d->in->route->over_quota_bounces
                            ? local_answer_permanent(CLIENT_EOD, S("5.2.2"), S("mailbox is full"))
                            : local_answer_temporary(CLIENT_EOD, S("4.2.2"), S("mailbox is full"));
        break;
    case MAILDIR_MISSING:
        text = arena_fmt(d->arena, "there is no mailbox %.*s, and the route %.*s creates none",
                ARG(path), ARG(d->in->route->id));
        r->answer = local_answer_temporary(CLIENT_EOD, S("4.3.0"), text);
        r->is_our_fault = true;
        break;
    }
    return str_is_null(text) ? fail(ERR_LIMIT, "no memory for an answer") : OK;
}

static struct err answer_trouble(struct delivering *d, struct local_result *r, struct err e)
{
    struct str text = arena_str(d->arena, err_text(e));
    if (e.kind == ERR_CANCELLED || str_is_null(text))
        return e;
    if (e.kind == ERR_CONFIG)
        r->answer = local_answer_temporary(CLIENT_EOD, S("4.3.5"), text);
    else
        r->answer = local_answer_temporary(CLIENT_EOD, S("4.3.0"), text);
    r->is_our_fault = e.kind == ERR_CONFIG || e.kind == ERR_REFUSED;
    return OK;
}

// --- Answers -------------------------------------------------------------------------------------

struct client_answer local_answer_good(void)
{
    return answer_good(S("localhost"), 250, S("2.1.5"), S("OK"));
}

struct client_answer local_answer_temporary(
        enum client_stage stage, struct str enhanced, struct str text)
{
    struct client_answer answer =
            answer_temporary(stage, FAILURE_IO, S("localhost"), enhanced, text);
    answer.outcome.host = S("localhost");
    answer.outcome.code = 451;
    return answer;
}

struct client_answer local_answer_permanent(
        enum client_stage stage, struct str enhanced, struct str text)
{
    struct client_answer answer = local_answer_temporary(stage, enhanced, text);
    answer.verdict = CLIENT_PERMANENT;
    answer.outcome.code = 550;
    return answer;
}
