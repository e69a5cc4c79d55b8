// SPDX-License-Identifier: Apache-2.0
// queue/envelope/envelope_write.c: from a message to its document. What is absent, 0 or never by
// default is left out.
#include "queue/envelope/envelope.h"

#include "base/date.h"
#include "base/encode.h"
#include "base/id.h"
#include "base/json.h"
#include "queue/env.h"
#include "queue/envelope/envelope_form.h"
#include "queue/flags.h"
#include "queue/unit.h"

#define SHORT_BYTES_MAX 128

static void put_origin(struct json_out *o, const struct envelope *e);
static void put_content(struct json_out *o, const struct envelope *e);
static void put_message(struct json_out *o, const struct message *m);
static void put_tags(struct json_out *o, const struct message *m);
static void put_unit(struct json_out *o, const struct unit *u);
static void put_hold(struct json_out *o, const struct hold *h);
static void put_rcpt(struct json_out *o, const struct recipient *r);
static void put_last(struct json_out *o, const struct outcome *last);
static void put_text(struct json_out *o, struct str key, struct str text);
static void put_moment(struct json_out *o, struct str key, int64_t at_ms);
static void put_flags(
        struct json_out *o, struct str key, uint32_t flags, const struct flag_word *words);
static void put_id(struct json_out *o, struct str key, uint64_t id);
static void put_number(struct json_out *o, struct str key, int64_t number);

void envelope_write(const struct envelope *e, struct buf *out)
{
    struct json_out o = json_begin(out, JSON_PRETTY);
    json_object_begin(&o);
    json_put_u64(&o, S(ENVELOPE_MARK), ENVELOPE_VERSION);
    if (e->has_origin)
        put_origin(&o, e);
    if (e->has_content)
        put_content(&o, e);
    put_message(&o, &e->message);
    json_key(&o, S("units"));
    json_array_begin(&o);
    for (size_t i = 0; i < e->message.unit_count; i++)
        put_unit(&o, &e->message.units[i]);
    json_array_end(&o);
    json_object_end(&o);
    buf_add_byte(out, '\n');
}

static void put_origin(struct json_out *o, const struct envelope *e)
{
    json_key(o, S("origin"));
    json_object_begin(o);
    put_id(o, S("store"), e->origin.store);
    put_id(o, S("id"), e->origin.id);
    json_object_end(o);
}

static void put_content(struct json_out *o, const struct envelope *e)
{
    struct buf hex AUTO(buf_done);
    buf_init(&hex, SHORT_BYTES_MAX);
    json_key(o, S("content"));
    json_object_begin(o);
    json_put_u64(o, S("size"), e->bytes);
    json_put_u64(o, S("top"), e->top_bytes);
    encode_hex(&hex, str_of((const char *)e->sha256, BODY_DIGEST_BYTES));
    json_put_str(o, S("sha256"), buf_str(&hex));
    json_object_end(o);
}

static void put_message(struct json_out *o, const struct message *m)
{
    struct buf ip AUTO(buf_done);
    buf_init(&ip, SHORT_BYTES_MAX);
    put_text(o, S("return_path"), m->sender);
    put_moment(o, S("created"), m->created_ms);
    put_flags(o, S("flags"), m->flags, message_flag_words());
    put_number(o, S("priority"), m->priority);
    put_text(o, S("env_id"), m->env_id);
    if (m->from_ip.family != IP_NONE) {
        ip_add(&ip, &m->from_ip);
        json_put_str(o, S("from_ip"), buf_str(&ip));
    }
    put_number(o, S("via_port"), m->via_port);
    put_text(o, S("ehlo"), m->helo);
    put_text(o, S("account"), m->account);
    put_text(o, S("submitter"), m->submitter);
    if (m->by_ms != 0)
        put_moment(o, S("deliver_by"), m->by_ms);
    if (m->hold_until_ms != 0)
        put_moment(o, S("hold_until"), m->hold_until_ms);
    put_tags(o, m);
}

static void put_tags(struct json_out *o, const struct message *m)
{
    if (m->tag_count == 0)
        return;
    json_key(o, S("tags"));
    json_array_begin(o);
    for (size_t i = 0; i < m->tag_count; i++) {
        json_object_begin(o);
        put_text(o, S("name"), m->tags[i].name);
        put_text(o, S("value"), m->tags[i].value);
        json_object_end(o);
    }
    json_array_end(o);
}

static void put_unit(struct json_out *o, const struct unit *u)
{
    json_object_begin(o);
    put_text(o, S("domain"), u->domain);
    put_text(o, S("queue"), u->queue);
    put_text(o, S("schedule"), u->schedule);
    put_text(o, S("route"), u->route_override);
    put_text(o, S("prefix_headers"), u->prefix_headers);
    put_moment(o, S("due"), u->due_ms);
    if (u->hold.reason != HOLD_NONE)
        put_hold(o, &u->hold);
    json_key(o, S("recipients"));
    json_array_begin(o);
    for (size_t i = 0; i < u->rcpt_count; i++)
        put_rcpt(o, &u->rcpts[i]);
    json_array_end(o);
    json_object_end(o);
}

static void put_hold(struct json_out *o, const struct hold *h)
{
    json_key(o, S("hold"));
    json_object_begin(o);
    json_put_str(o, S("reason"), hold_reason_word(h->reason));
    put_text(o, S("text"), h->text);
    put_text(o, S("by"), h->by);
    put_moment(o, S("since"), h->since_ms);
    if (h->until_ms != 0)
        put_moment(o, S("until"), h->until_ms);
    if (h->clocks_at_ms != 0)
        put_moment(o, S("clocks_at"), h->clocks_at_ms);
    json_object_end(o);
}

static void put_rcpt(struct json_out *o, const struct recipient *r)
{
    json_object_begin(o);
    put_text(o, S("address"), r->address);
    put_text(o, S("orcpt_type"), r->orcpt_type);
    put_text(o, S("orcpt"), r->orcpt);
    put_flags(o, S("flags"), r->flags, rcpt_flag_words());
    json_put_str(o, S("status"), rcpt_status_word(r->status));
    put_number(o, S("retry_num"), r->retry_count);
    put_moment(o, S("next_retry"), r->retry_at_ms);
    put_number(o, S("notify_num"), r->notify_count);
    put_moment(o, S("next_notify"), r->notify_at_ms);
    put_number(o, S("base_ms"), r->base_ms);
    json_put_i64(o, S("expires_ms"), r->expiry_ms);
    if (r->expiry == EXPIRY_ATTEMPTS)
        json_put_u64(o, S("attempts_max"), r->expiry_attempts);
    if (r->last.at_ms != 0)
        put_last(o, &r->last);
    json_object_end(o);
}

static void put_last(struct json_out *o, const struct outcome *last)
{
    const struct passage *p = last->passage;
    json_key(o, S("last_attempt"));
    json_object_begin(o);
    put_moment(o, S("at"), last->at_ms);
    json_put_str(o, S("error"), failure_kind_word(last->kind));
    put_text(o, S("entity"), last->entity);
    put_text(o, S("command"), last->command);
    put_text(o, S("host"), last->host);
    put_number(o, S("code"), last->code);
    put_text(o, S("enhanced"), last->enhanced);
    put_text(o, S("text"), last->text);
    put_text(o, S("bounce_class"), last->bounce_class);
    if (p != NULL) {
        put_text(o, S("stage"), p->stage);
        put_text(o, S("remote_ip"), p->remote_ip);
        put_text(o, S("source_ip"), p->source_ip);
        put_text(o, S("tls"), p->tls);
        put_number(o, S("elapsed"), p->elapsed_ms);
    }
    json_object_end(o);
}

static void put_text(struct json_out *o, struct str key, struct str text)
{
    struct buf coded AUTO(buf_done);
    buf_init(&coded, RECORD_BYTES_MAX * 2);
    if (str_is_null(text))
        return;
    if (str_is_utf8(text)) {
        json_put_str(o, key, text);
        return;
    }
    encode_base64(&coded, text);
    json_key(o, key);
    json_object_begin(o);
    json_put_str(o, S("base64"), buf_str(&coded));
    json_object_end(o);
}

static void put_moment(struct json_out *o, struct str key, int64_t at_ms)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, SHORT_BYTES_MAX);
    if (at_ms == NEVER_MS) {
        json_put_str(o, key, S(NEVER_WORD));
        return;
    }
    at_ms = at_ms < CALENDAR_FIRST_MS ? CALENDAR_FIRST_MS : at_ms;
    at_ms = at_ms > CALENDAR_LAST_MS ? CALENDAR_LAST_MS : at_ms;
    date_add_rfc3339(&text, at_ms, DATE_MS);
    json_put_str(o, key, buf_str(&text));
}

static void put_flags(
        struct json_out *o, struct str key, uint32_t flags, const struct flag_word *words)
{
    json_key(o, key);
    json_array_begin(o);
    for (; words->flag != 0; words++)
        if ((flags & words->flag) != 0)
            json_str(o, words->word);
    json_array_end(o);
}

static void put_id(struct json_out *o, struct str key, uint64_t id)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, SHORT_BYTES_MAX);
    id_add(&text, id);
    json_put_str(o, key, buf_str(&text));
}

static void put_number(struct json_out *o, struct str key, int64_t number)
{
    if (number != 0)
        json_put_i64(o, key, number);
}
