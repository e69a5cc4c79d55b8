// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_print.c: see queue_print.h.
#include "cli/queue/queue_print.h"

#include "base/date.h"
#include "base/encode.h"
#include "base/id.h"
#include "cli/moment.h"
#include "queue/env.h"
#include "queue/flags.h"
#include "queue/unit.h"

#define TEXT_BYTES_MAX KIB
#define OUTCOME_BYTES_MAX (8 * KIB)

static void json_rcpt(struct json_out *o, const struct message *m, const struct unit *u,
        const struct recipient *r);
static void json_status(struct json_out *o, const struct recipient *r);
static void json_last(struct json_out *o, const struct outcome *last);
static void json_hold(struct json_out *o, const struct hold *hold);
static void json_received(struct json_out *o, const struct message *m);
static void json_tags(struct json_out *o, const struct message *m);
static void json_flags(struct json_out *o, uint32_t flags, const struct flag_word *words);

static void unit_text(
        struct buf *out, const struct message *m, const struct unit *u, int64_t now_ms);
static void times_add(struct buf *out, const struct message *m, const struct unit *u,
        const struct recipient *r, int64_t now_ms);
static bool is_suspended(const struct recipient *r);
static struct str failure_text(enum failure_kind kind);

void queue_message_json(struct json_out *o, const struct message *m, enum queue_flight flight)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, KIB);
    json_object_begin(o);
    json_put_u64(o, S("id"), m->id);
    id_add(&text, m->id);
    json_put_str(o, S("id_hex"), buf_str(&text));
    json_put_str(o, S("return_path"), m->sender);
    json_put_time(o, S("created"), m->created_ms);
    json_put_u64(o, S("size"), message_bytes(m));
    if (m->priority != 0)
        json_put_i64(o, S("priority"), m->priority);
    if (!str_is_null(m->env_id))
        json_put_str(o, S("env_id"), m->env_id);
    if (m->body.place == BODY_FILE) {
        buf_clear(&text);
        encode_base64url(&text, str_of((const char *)m->body.digest, BODY_DIGEST_BYTES));
        json_put_str(o, S("blob_hash"), buf_str(&text));
    }
    json_flags(o, m->flags, message_flag_words());
    json_put_str(o, S("source"), queue_source(m));
    if (flight != FLIGHT_NOT_ASKED)
        json_put_bool(o, S("in_flight"), flight == FLIGHT_YES);
    if (m->hold_until_ms != 0)
        json_put_time(o, S("hold_until"), m->hold_until_ms);
    if (m->by_ms != 0)
        json_put_time(o, S("deliver_by"), m->by_ms);
    json_received(o, m);
    json_tags(o, m);
    json_key(o, S("recipients"));
    json_array_begin(o);
    for (size_t i = 0; i < m->unit_count; i++)
        for (size_t j = 0; j < m->units[i].rcpt_count; j++)
            json_rcpt(o, m, &m->units[i], &m->units[i].rcpts[j]);
    json_array_end(o);
    json_object_end(o);
}

static void json_rcpt(struct json_out *o, const struct message *m, const struct unit *u,
        const struct recipient *r)
{
    json_object_begin(o);
    json_put_str(o, S("address"), r->address);
    json_put_str(o, S("queue"), u->queue);
    json_put_str(o, S("schedule"), u->schedule);
    if (u->route_override.len > 0)
        json_put_str(o, S("route"), u->route_override);
    json_put_str(o, S("next_hop"), u->domain);
    json_status(o, r);
    json_put_u64(o, S("retry_num"), r->retry_count);
    json_put_u64(o, S("notify_num"), r->notify_count);
    if (!rcpt_is_final(r)) {
        json_put_time(o, S("next_retry"), r->retry_at_ms);
        if (r->notify_at_ms != NEVER_MS)
            json_put_time(o, S("next_notify"), r->notify_at_ms);
    }
    if (rcpt_expires_at_ms(r, m->created_ms) != NEVER_MS)
        json_put_time(o, S("expires"), rcpt_expires_at_ms(r, m->created_ms));
    if (r->expiry == EXPIRY_ATTEMPTS)
        json_put_u64(o, S("attempts_max"), r->expiry_attempts);
    if (!str_is_null(r->orcpt)) {
        struct buf text AUTO(buf_done);
        buf_init(&text, 4 * KIB);
        buf_fmt(&text, "%.*s;%.*s", ARG(r->orcpt_type), ARG(r->orcpt));
        json_put_str(o, S("orcpt"), buf_str(&text));
    }
    json_flags(o, r->flags, rcpt_flag_words());
    if (r->last.at_ms != 0)
        json_last(o, &r->last);
    json_put_bool(o, S("suspended"), is_suspended(r));
    json_put_bool(o, S("held"), u->hold.reason != HOLD_NONE && !rcpt_is_final(r));
    if (u->hold.reason != HOLD_NONE)
        json_hold(o, &u->hold);
    json_object_end(o);
}

static void json_status(struct json_out *o, const struct recipient *r)
{
    static const struct str tags[] = {[RCPT_COMPLETED] = S_INIT("completed"),
            [RCPT_TEMP_FAILED] = S_INIT("temp_fail"),
            [RCPT_PERM_FAILED] = S_INIT("perm_fail")};
    struct buf text AUTO(buf_done);
    buf_init(&text, OUTCOME_BYTES_MAX);
    json_key(o, S("status"));
    if (r->status == RCPT_SCHEDULED) {
        json_str(o, S("scheduled"));
        return;
    }
    queue_outcome_add(&text, r);
    json_object_begin(o);
    json_put_str(o, tags[r->status], buf_str(&text));
    json_object_end(o);
}

static void json_last(struct json_out *o, const struct outcome *last)
{
    const struct passage unknown = {0};
    const struct passage *passage = last->passage != NULL ? last->passage : &unknown;
    json_key(o, S("last_attempt"));
    json_object_begin(o);
    json_put_time(o, S("start"), last->at_ms - passage->elapsed_ms);
    json_put_time(o, S("at"), last->at_ms);
    json_put_u64(o, S("elapsed"), (uint64_t)passage->elapsed_ms);
    json_put_str(o, S("stage"), passage->stage);
    json_put_str(o, S("remote_host"), last->host);
    json_put_str(o, S("remote_ip"), passage->remote_ip);
    json_put_str(o, S("source_ip"), passage->source_ip);
    json_put_str(o, S("tls"), passage->tls);
    json_put_str(o, S("error"), failure_kind_word(last->kind));
    json_put_u64(o, S("code"), last->code);
    json_put_str(o, S("enhanced"), last->enhanced);
    json_put_str(o, S("text"), last->text);
    if (!str_is_null(last->bounce_class))
        json_put_str(o, S("bounce_class"), last->bounce_class);
    json_object_end(o);
}

static void json_hold(struct json_out *o, const struct hold *hold)
{
    json_key(o, S("hold"));
    json_object_begin(o);
    json_put_str(o, S("reason"), hold_reason_word(hold->reason));
    json_put_str(o, S("text"), hold->text);
    json_put_str(o, S("by"), hold->by);
    json_put_time(o, S("since"), hold->since_ms);
    if (hold->until_ms > 0)
        json_put_time(o, S("until"), hold->until_ms);
    json_object_end(o);
}

static void json_received(struct json_out *o, const struct message *m)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, KIB);
    json_key(o, S("received"));
    json_object_begin(o);
    if (m->from_ip.family != IP_NONE) {
        ip_add(&text, &m->from_ip);
        json_put_str(o, S("from_ip"), buf_str(&text));
    }
    json_put_u64(o, S("via_port"), m->via_port);
    json_put_str(o, S("ehlo"), m->helo);
    json_put_str(o, S("account"), m->account);
    json_object_end(o);
}

static void json_tags(struct json_out *o, const struct message *m)
{
    if (m->tag_count == 0)
        return;
    json_key(o, S("tags"));
    json_object_begin(o);
    for (size_t i = 0; i < m->tag_count; i++)
        json_put_str(o, m->tags[i].name, m->tags[i].value);
    json_object_end(o);
}

static void json_flags(struct json_out *o, uint32_t flags, const struct flag_word *words)
{
    json_key(o, S("flags"));
    json_array_begin(o);
    for (; words->flag != 0; words++)
        if (!words->is_ours && (flags & words->flag) != 0)
            json_str(o, words->word);
    json_array_end(o);
}

// --- For people ----------------------------------------------------------------------------------

void queue_message_text(struct buf *out, const struct message *m, int64_t now_ms)
{
    buf_add(out, S("Id          "));
    id_add(out, m->id);
    buf_add(out, S("\nFrom        <"));
    text_add(out, m->sender, TEXT_BYTES_MAX);
    buf_add(out, S(">\nSize        "));
    size_add(out, message_bytes(m));
    buf_add(out, S("\nAccepted    "));
    date_add_rfc3339(out, m->created_ms, DATE_SECONDS);
    buf_add(out, S(" ("));
    moment_add(out, m->created_ms, now_ms);
    buf_add(out, S(")\nReceived    "));
    if (m->from_ip.family != IP_NONE) {
        buf_add(out, S("from "));
        ip_add(out, &m->from_ip);
    }
    buf_fmt(out, " by port %u, helo ", m->via_port);
    text_add(out, m->helo, TEXT_BYTES_MAX);
    if (!str_is_null(m->account)) {
        buf_add(out, S("\nAccount     "));
        text_add(out, m->account, TEXT_BYTES_MAX);
    }
    if (m->priority != 0)
        buf_fmt(out, "\nPriority    %d", m->priority);
    if (!str_is_null(m->env_id)) {
        buf_add(out, S("\nEnvelope id "));
        text_add(out, m->env_id, TEXT_BYTES_MAX);
    }
    buf_add_byte(out, '\n');
    for (size_t i = 0; i < m->unit_count; i++)
        unit_text(out, m, &m->units[i], now_ms);
}

static void unit_text(
        struct buf *out, const struct message *m, const struct unit *u, int64_t now_ms)
{
    const struct hold *h = &u->hold;
    if (h->reason != HOLD_NONE) {
        buf_fmt(out, "Held        %.*s, ", ARG(hold_reason_word(h->reason)));
        moment_add(out, h->since_ms, now_ms);
        buf_add(out, S(", by "));
        text_add(out, h->by, TEXT_BYTES_MAX);
        buf_add(out, S(": "));
        text_add(out, h->text, TEXT_BYTES_MAX);
        buf_add_byte(out, '\n');
    }
    for (size_t i = 0; i < u->rcpt_count; i++) {
        const struct recipient *r = &u->rcpts[i];
        buf_add(out, S("To          <"));
        text_add(out, r->address, TEXT_BYTES_MAX);
        buf_fmt(out, "> %.*s", ARG(queue_rcpt_word(u, r)));
        if (!rcpt_is_final(r))
            times_add(out, m, u, r, now_ms);
        if (r->status != RCPT_SCHEDULED) {
            buf_add(out, S("\n            "));
            queue_outcome_add(out, r);
        }
        buf_add_byte(out, '\n');
    }
}

// Moments of one that is held are those that come when its clock runs on now.
static void times_add(struct buf *out, const struct message *m, const struct unit *u,
        const struct recipient *r, int64_t now_ms)
{
    int64_t stood_ms = now_ms - rcpt_clock_ms(u, r, m->created_ms, now_ms);
    int64_t ends_ms = rcpt_expires_at_ms(r, m->created_ms);
    buf_fmt(out, ", queue %.*s, schedule %.*s, %u attempts", ARG(u->queue), ARG(u->schedule),
            r->retry_count);
    if (u->route_override.len > 0)
        buf_fmt(out, ", route %.*s", ARG(u->route_override));
    buf_add(out, S("\n            next attempt "));
    moment_add(out, u->hold.reason == HOLD_NONE ? r->retry_at_ms : u->due_ms, now_ms);
    buf_add(out, S(", next notice "));
    if (r->notify_at_ms == NEVER_MS)
        buf_add(out, S("never"));
    else
        moment_add(out, r->notify_at_ms + stood_ms, now_ms);
    buf_add(out, S(", ends "));
    if (r->expiry == EXPIRY_ATTEMPTS)
        buf_fmt(out, "with attempt %u", r->expiry_attempts);
    if (r->expiry == EXPIRY_ATTEMPTS && ends_ms != NEVER_MS)
        buf_add(out, S(" or "));
    if (ends_ms != NEVER_MS)
        moment_add(out, ends_ms + stood_ms, now_ms);
}

struct str queue_rcpt_word(const struct unit *u, const struct recipient *r)
{
    if (u->hold.reason != HOLD_NONE && !rcpt_is_final(r))
        return S("held");
    return is_suspended(r) ? S("suspended") : rcpt_status_word(r->status);
}

// queue.md 2.4: what it waits for is said in the text of its last error.
static bool is_suspended(const struct recipient *r)
{
    return r->status == RCPT_TEMP_FAILED && r->last.kind == FAILURE_CONNECTION &&
           str_starts(r->last.text, S(OUTCOME_SUSPENDED));
}

// queue.md 2.4 and 14.1
void queue_outcome_add(struct buf *out, const struct recipient *r)
{
    const struct outcome *o = &r->last;
    if (r->status == RCPT_COMPLETED) {
        buf_fmt(out, "Code: %u, Enhanced code: ", o->code);
        text_add(out, o->enhanced, TEXT_BYTES_MAX);
        buf_add(out, S(", Message: "));
        text_add(out, o->text, TEXT_BYTES_MAX);
        return;
    }
    buf_add(out, S("Error for "));
    text_add(out, o->entity, TEXT_BYTES_MAX);
    buf_add(out, S(": "));
    if (o->kind == FAILURE_UNEXPECTED_REPLY) {
        buf_add(out, S("Unexpected response for "));
        text_add(out, o->command, TEXT_BYTES_MAX);
        buf_fmt(out, ": %u ", o->code);
        text_add(out, o->enhanced, TEXT_BYTES_MAX);
        buf_add_byte(out, ' ');
    } else {
        buf_add(out, failure_text(o->kind));
    }
    text_add(out, o->text, TEXT_BYTES_MAX);
}

static struct str failure_text(enum failure_kind kind)
{
    static const struct str texts[] = {[FAILURE_NONE] = S_INIT(""),
            [FAILURE_DNS] = S_INIT("DNS lookup failed: "),
            [FAILURE_UNEXPECTED_REPLY] = S_INIT("Unexpected response: "),
            [FAILURE_CONNECTION] = S_INIT("Connection failed: "),
            [FAILURE_TLS] = S_INIT("TLS error: "),
            [FAILURE_DANE] = S_INIT("DANE authentication failure: "),
            [FAILURE_MTA_STS] = S_INIT("MTA-STS auth failed: "),
            [FAILURE_RATE] = S_INIT("Rate limited"),
            [FAILURE_CONCURRENCY] = S_INIT("Too many concurrent connections to remote server"),
            [FAILURE_IO] = S_INIT("Queue error: ")};
    return texts[kind];
}

int64_t queue_message_due(const struct message *m)
{
    int64_t due = NEVER_MS;
    for (size_t i = 0; i < m->unit_count; i++)
        due = m->units[i].due_ms < due ? m->units[i].due_ms : due;
    return due;
}

void text_add(struct buf *out, struct str text, size_t bytes_max)
{
    escape_text(out, text, bytes_max, ESCAPE_PLAIN);
}
