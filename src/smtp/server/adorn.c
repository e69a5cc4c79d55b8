// SPDX-License-Identifier: Apache-2.0
// smtp/server/adorn.c: the fields that this server puts on top of what it accepts (inbound.md 11.2,
// 11.3).
#include "smtp/server/finish.h"

#include "base/date.h"
#include "listen/tls_context.h"
#include "queue/message.h"
#include "rt/rt.h"
#include "smtp/server/stages.h"
#include "smtp/server/verify.h"

#define TOP_BYTES_MAX (64 * KIB)

static struct trace_received received(struct finishing *f) suspends;
static void name_forwarded(const struct forwarded *from, struct trace_received *r);
static enum trace_hello hello_of(const struct smtp_session *s);
static uint32_t delivery_field(
        struct smtp_session *s, enum rule_id id, uint32_t wanted, uint32_t said) suspends;

struct err finish_adorn(struct finishing *f, struct str *out_top)
{
    struct smtp_session *s = f->s;
    struct buf top AUTO(buf_done);
    int16_t offset_min = local_offset_min(f->wall_now_ms);
    buf_init(&top, TOP_BYTES_MAX);
    if (rule_bool(s, RULE_ADD_RECEIVED)) {
        struct trace_received r = received(f);
        r.offset_min = offset_min;
        trace_received_add(&top, &r);
    }
    TRY(results_make(f, &top));
    if (!mail_head_has(&f->head, HEAD_DATE) && rule_bool(s, RULE_ADD_DATE))
        trace_date_add(&top, f->wall_now_ms, offset_min);
    if (!mail_head_has(&f->head, HEAD_MESSAGE_ID) && rule_bool(s, RULE_ADD_MESSAGE_ID))
        trace_message_id_add(&top, f->wall_now_ms, random_u64(), s->host);
    *out_top = arena_str(&f->arena, buf_str(&top));
    if (top.overflow || str_is_null(*out_top))
        return fail(ERR_LIMIT, "no memory for trace fields");
    return OK;
}

static struct trace_received received(struct finishing *f)
{
    const struct smtp_session *s = f->s;
    const struct transaction *t = f->t;
    struct tls_facts tls = visit_tls_facts(s->visit);
    bool one = s->service->settings->received_for && t->answers.count == 1;
    struct trace_received r = {
            .helo = session_helo(s),
            .peer = s->visit->peer.unix_path.ptr != NULL ? (struct ip){0} : s->client.ip,
            .ptr = s->ptr_name,
            .tls_version = s->tls_on ? tls.version : S(""),
            .tls_cipher = tls.cipher,
            .tls_bits = tls.cipher_bits,
            .by = s->host,
            .hello = hello_of(s),
            .authenticated = s->account != NULL,
            .smtputf8 = t->mail.smtputf8,
            .hide_client = rule_bool(f->s, RULE_HIDE_CLIENT),
            .solicit = t->mail.solicit,
            .id = t->id,
            .rcpt = one ? t->answers.at[0].given : S(""),
            .priority = t->priority,
            .at_ms = f->wall_now_ms,
    };
    if (s->forwarded != NULL)
        name_forwarded(s->forwarded, &r);
    return r;
}

// inbound.md 4.13. A name goes with its address: without one it says nothing about ours.
static void name_forwarded(const struct forwarded *from, struct trace_received *r)
{
    if (from->ip.family != IP_NONE) {
        r->peer = from->ip;
        r->ptr = buf_str(&from->name);
        r->helo = buf_str(&from->helo);
    } else if (from->helo.len > 0) {
        r->helo = buf_str(&from->helo);
    }
}

static enum trace_hello hello_of(const struct smtp_session *s)
{
    switch (s->hello) {
    case HELLO_EHLO:
        return TRACE_EHLO;
    case HELLO_LHLO:
        return TRACE_LHLO;
    case HELLO_NONE:
    case HELLO_HELO:
        break;
    }
    return TRACE_HELO;
}

uint32_t finish_delivery_fields(struct finishing *f)
{
    return delivery_field(
                   f->s, RULE_ADD_RETURN_PATH, MESSAGE_RETURN_PATH, MESSAGE_RETURN_PATH_SAID) |
           delivery_field(
                   f->s, RULE_ADD_ORIGINAL_TO, MESSAGE_ORIGINAL_TO, MESSAGE_ORIGINAL_TO_SAID);
}

static uint32_t delivery_field(
        struct smtp_session *s, enum rule_id id, uint32_t wanted, uint32_t said)
{
    bool is_default = s->service->settings->rules[id].is_default;
    return (rule_bool(s, id) ? wanted : 0) | (is_default ? 0 : said);
}
