// SPDX-License-Identifier: Apache-2.0
// cli/message_read.c: messages as files hold them, made what the wire would carry.
#include "cli/message_read.h"

#include "mail/mail.h"
#include "rt/rt.h"

#define MESSAGE_BYTES_MAX ((size_t)256 * MIB)

static void put_verdict(struct json_out *o, const struct dkim_verdict *v);
static enum dkim_result shown(const struct dkim_verdict *v);
static void put_canonicalization(struct json_out *o, const struct dkim_signature *s);
static void put_identity(struct json_out *o, const struct dkim_signature *s);

struct err message_read(struct cli *c, struct buf *out)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, MESSAGE_BYTES_MAX);
    buf_init(out, 2 * MESSAGE_BYTES_MAX);
    TRY(cli_read_input(c, &text));
    if (mail_line_end_of(buf_str(&text)) == MAIL_CRLF) {
        buf_add(out, buf_str(&text));
    } else {
        struct str rest = buf_str(&text), line;
        while (str_split(&rest, '\n', &line)) {
            buf_add(out, line);
            if (!str_is_null(rest))
                buf_add(out, S("\r\n"));
        }
    }
    return out->overflow ? fail(ERR_LIMIT, "out of memory while reading a message") : OK;
}

int64_t message_now_s(struct cli *c)
{
    return cli_has(c, S("now")) ? (int64_t)cli_number(c, S("now"), 0) : wall_ms() / SECOND_MS;
}

void dkim_answer_add(struct json_out *o, const struct dkim_answer *answer)
{
    enum dkim_result result = DKIM_NONE;
    for (size_t i = 0; i < answer->count; i++)
        result = dkim_result_better(result, shown(&answer->at[i]));
    json_object_begin(o);
    json_key(o, S("result"));
    json_str(o, dkim_result_name(result));
    json_key(o, S("signatures"));
    json_array_begin(o);
    for (size_t i = 0; i < answer->count; i++)
        put_verdict(o, &answer->at[i]);
    json_array_end(o);
    json_object_end(o);
}

static void put_verdict(struct json_out *o, const struct dkim_verdict *v)
{
    const struct dkim_signature *s = v->signature;
    json_object_begin(o);
    json_key(o, S("result"));
    json_str(o, dkim_result_name(shown(v)));
    json_key(o, S("domain"));
    json_str(o, s->domain);
    json_key(o, S("selector"));
    json_str(o, s->selector);
    json_key(o, S("identity"));
    put_identity(o, s);
    json_key(o, S("algorithm"));
    json_str(o, s->algorithm_text);
    json_key(o, S("canonicalization"));
    put_canonicalization(o, s);
    json_key(o, S("key_bits"));
    if (v->key_bits > 0)
        json_u64(o, v->key_bits);
    else
        json_null(o);
    json_key(o, S("reason"));
    json_str(o, v->reason == DKIM_FINE ? STR_NULL : dkim_reason_word(v->reason));
    json_key(o, S("detail"));
    struct str comment = v->reason == DKIM_FINE ? STR_NULL : dkim_reason_comment(v->reason);
    json_str(o, str_is_null(v->detail) ? comment : v->detail);
    json_key(o, S("testing"));
    json_bool(o, v->testing);
    json_key(o, S("body_limited"));
    json_bool(o, s->limited);
    json_object_end(o);
}

// Here `fail` is only what was computed and did not match; an expired signature, which is a `fail`
// of Authentication-Results, is the permanent failure of RFC 6376 6.1.1.
static enum dkim_result shown(const struct dkim_verdict *v)
{
    return v->reason == DKIM_EXPIRED ? DKIM_PERMERROR : v->result;
}

static void put_canonicalization(struct json_out *o, const struct dkim_signature *s)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 64);
    buf_fmt(&text, "%.*s/%.*s", ARG(canon_name(s->head_canon)), ARG(canon_name(s->body_canon)));
    bool read = s->name_count > 0 && s->reason != DKIM_CANONICALIZATION;
    json_str(o, read ? buf_str(&text) : STR_NULL);
}

// i=, or what it is when it is not there.
static void put_identity(struct json_out *o, const struct dkim_signature *s)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, KIB);
    buf_fmt(&text, "@%.*s", ARG(s->domain));
    struct str implied = str_is_null(s->domain) ? STR_NULL : buf_str(&text);
    json_str(o, str_is_null(s->identity) ? implied : s->identity);
}
