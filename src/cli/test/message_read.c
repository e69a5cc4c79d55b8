// SPDX-License-Identifier: Apache-2.0
// cli/test/message_read.c: messages as files hold them, made what the wire would carry.
#include "cli/test/message_read.h"

#include "cli/one_task.h"
#include "mail/mail.h"
#include "rt/rt.h"

#define MESSAGE_BYTES_MAX ((size_t)256 * MIB)
#define MEMORY_BYTES_MAX ((size_t)1024 * MIB)

static int begin(struct message_test *t, struct cli *c);
static struct err read_text(struct cli *c, struct buf *out);
static void put_verdict(struct json_out *o, const struct dkim_verdict *v);
static enum dkim_result shown(const struct dkim_verdict *v);
static void put_canonicalization(struct json_out *o, const struct dkim_signature *s);
static void put_identity(struct json_out *o, const struct dkim_signature *s);
static void put_set(struct json_out *o, const struct arc_set *set, size_t instance);
static void put_unfolded(struct json_out *o, const struct mail_field *field);

int message_test(struct message_test *t, struct cli *c, task_main *main, void *arg)
{
    int status = begin(t, c);
    if (status == CLI_OK)
        status = asking_begin(&t->dns, c, ASKING_ONLY_NAMED);
    return status == CLI_OK ? asking_run(&t->dns, main, arg) : status;
}

int message_test_offline(struct message_test *t, struct cli *c, task_main *main, void *arg)
{
    int status = begin(t, c);
    if (status != CLI_OK)
        return status;
    t->dns.c = c;
    struct err e = one_task_run(main, arg);
    return failed(e) ? cli_fail(c, CLI_INTERNAL, e) : CLI_OK;
}

static int begin(struct message_test *t, struct cli *c)
{
    *t = (struct message_test){0};
    arena_init(&t->arena, MEMORY_BYTES_MAX);
    struct err e = read_text(c, &t->text);
    return failed(e) ? cli_fail(c, CLI_INTERNAL, e) : CLI_OK;
}

void message_test_end(struct message_test *t)
{
    asking_end(&t->dns);
    arena_done(&t->arena);
    buf_done(&t->text);
}

static struct err read_text(struct cli *c, struct buf *out)
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

struct dkim_rules message_rules(struct cli *c)
{
    struct dkim_rules rules = dkim_rules_default(message_now_s(c));
    rules.rsa_bits_min = (uint32_t)cli_number(c, S("min-rsa-bits"), rules.rsa_bits_min);
    rules.allow_body_length = true; // whether such a signature will do is told by body_limited
    return rules;
}

struct err message_verify(struct message_test *t, const struct message_wanted *wanted)
{
    struct key_ring keys AUTO(key_ring_end);
    key_ring_begin(&keys, t->dns.resolver, &t->arena);
    struct body_hashes *bodies AUTO(body_hashes_free_auto) = body_hashes_new();
    struct str message = buf_str(&t->text);
    size_t head_bytes = proof_head_bytes(message), index = 0;
    struct dkim_verifier *dkim = NULL;
    struct arc_verifier *chain = NULL;
    if (bodies == NULL)
        return fail(ERR_LIMIT, "no memory for hashes");
    TRY(proof_head_read(&t->arena, str_upto(message, head_bytes), &t->head));
    if (wanted->dkim != NULL)
        TRY(dkim_verify_begin(&t->arena, wanted->dkim, &t->head, bodies, &keys, &dkim));
    if (wanted->chain != NULL)
        TRY(arc_verify_begin(&t->arena, wanted->chain, &t->head, bodies, &keys, &chain));
    if (wanted->body != NULL)
        TRY(body_hashes_want(bodies, wanted->body, &index));
    body_hashes_add(bodies, str_from(message, head_bytes));
    TRY(body_hashes_end(bodies));
    if (wanted->dkim != NULL)
        TRY(dkim_verify_end(dkim, &t->dkim));
    if (wanted->chain != NULL)
        TRY(arc_verify_end(chain, &t->chain));
    if (wanted->body != NULL)
        *wanted->out_body_hash = arena_str(&t->arena, body_hashes_digest(bodies, index));
    return OK;
}

void dkim_answer_add(struct json_out *o, const struct dkim_answer *answer)
{
    enum dkim_result result = DKIM_NONE;
    for (size_t i = 0; i < answer->count; i++)
        result = dkim_result_better(result, shown(&answer->at[i]));
    json_object_begin(o);
    json_put_str(o, S("result"), dkim_result_name(result));
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
    json_put_str(o, S("result"), dkim_result_name(shown(v)));
    json_put_str(o, S("domain"), s->domain);
    json_put_str(o, S("selector"), s->selector);
    json_key(o, S("identity"));
    put_identity(o, s);
    json_put_str(o, S("algorithm"), s->algorithm_text);
    json_key(o, S("canonicalization"));
    put_canonicalization(o, s);
    json_key(o, S("key_bits"));
    if (v->key_bits > 0)
        json_u64(o, v->key_bits);
    else
        json_null(o);
    json_put_str(o, S("reason"), v->reason == DKIM_FINE ? STR_NULL : dkim_reason_word(v->reason));
    json_key(o, S("detail"));
    struct str comment = v->reason == DKIM_FINE ? STR_NULL : dkim_reason_comment(v->reason);
    json_str(o, str_is_null(v->detail) ? comment : v->detail);
    json_put_bool(o, S("testing"), v->testing);
    json_put_bool(o, S("body_limited"), s->limited);
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

void arc_answer_add(struct json_out *o, const struct arc_answer *answer)
{
    json_object_begin(o);
    json_key(o, S("cv")); // three words; that it may be otherwise later is told by the reason
    json_str(o, answer->result == ARC_TEMPERROR ? S("fail") : arc_result_name(answer->result));
    json_put_u64(o, S("instances"), answer->count);
    json_key(o, S("oldest_pass"));
    if (answer->result == ARC_PASS)
        json_u64(o, answer->oldest_pass);
    else
        json_null(o);
    json_put_str(o, S("reason"), answer->reason);
    json_key(o, S("sets"));
    json_array_begin(o);
    for (size_t i = 0; i < answer->count; i++)
        put_set(o, &answer->sets[i], i + 1);
    json_array_end(o);
    json_object_end(o);
}

static void put_set(struct json_out *o, const struct arc_set *set, size_t instance)
{
    json_object_begin(o);
    json_put_u64(o, S("i"), instance);
    json_put_str(o, S("cv"), set->cv);
    json_put_str(o, S("seal"), arc_check_name(set->seal_check));
    json_put_str(o, S("ams"), arc_check_name(set->message_check));
    json_put_str(o, S("domain"), set->domain);
    json_put_str(o, S("selector"), set->selector);
    json_key(o, S("aar"));
    put_unfolded(o, set->results);
    json_object_end(o);
}

// White space of any kind and length is one blank.
static void put_unfolded(struct json_out *o, const struct mail_field *field)
{
    struct buf text AUTO(buf_done);
    struct str body = field != NULL ? str_trim(field->body) : STR_NULL;
    buf_init(&text, MESSAGE_BYTES_MAX);
    for (size_t i = 0; i < body.len; i++) {
        bool space = byte_is_space((uint8_t)body.ptr[i]);
        if (!space)
            buf_add_byte(&text, body.ptr[i]);
        else if (!byte_is_space((uint8_t)body.ptr[i - 1]))
            buf_add_byte(&text, ' ');
    }
    json_str(o, field != NULL ? buf_str(&text) : STR_NULL);
}
