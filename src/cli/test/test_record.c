// SPDX-License-Identifier: Apache-2.0
// cli/test/test_record.c: `posthaste test record`. Each text goes to the parser that the server
// uses.
#include "cli/batch.h"
#include "cli/commands.h"

#include "proof/bimi.h"
#include "proof/dkim.h"
#include "proof/proof.h"
#include "proof/tags.h"
#include "proof/transport.h"

struct question {
    struct batch *b;
    struct str text;
    struct json_out o;
};

// Adds valid, error and record. An error is a lack of memory.
typedef struct err answerer(struct question *q);

static const struct cli_option options[] = {CLI_OPTION_BATCH};

static struct err answer_spf(struct question *q);
static struct err answer_dmarc(struct question *q);
static struct err answer_dkim(struct question *q);
static struct err answer_dkim_signature(struct question *q);
static struct err answer_sts(struct question *q);
static struct err answer_sts_policy(struct question *q);
static struct err answer_tlsrpt(struct question *q);
static struct err answer_bimi(struct question *q);
static answerer *answerer_find(struct str type);
static void answer(struct batch *b, answerer *by, struct str text);
static void say_valid(struct question *q);
static void say_error(struct question *q, struct str why);
static struct err say_tags(struct question *q);
static void say_text(struct question *q, struct str key, struct str value);
static void say_list(struct question *q, struct str key, const struct str *at, size_t count);

static int run(struct cli *c)
{
    struct batch b;
    struct str type, text;
    batch_begin(&b, c);
    while (batch_next(&b)) {
        if (!batch_text(&b, S("type"), &type) || !batch_text(&b, S("text"), &text))
            continue;
        answerer *by = answerer_find(type);
        if (by != NULL)
            answer(&b, by, text);
        else
            batch_refuse(&b, S("the type is not one of spf, dmarc, dkim, dkim-signature, mta-sts, "
                               "mta-sts-policy, tlsrpt, bimi"));
    }
    return batch_end(&b);
}

static answerer *answerer_find(struct str type)
{
    static const struct {
        struct str type;
        answerer *by;
    } all[] = {
            {S_INIT("spf"), answer_spf},
            {S_INIT("dmarc"), answer_dmarc},
            {S_INIT("dkim"), answer_dkim},
            {S_INIT("dkim-signature"), answer_dkim_signature},
            {S_INIT("mta-sts"), answer_sts},
            {S_INIT("mta-sts-policy"), answer_sts_policy},
            {S_INIT("tlsrpt"), answer_tlsrpt},
            {S_INIT("bimi"), answer_bimi},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (str_eq(all[i].type, type))
            return all[i].by;
    }
    return NULL;
}

static void answer(struct batch *b, answerer *by, struct str text)
{
    struct question q = {.b = b, .text = text, .o = batch_answer(b)};
    struct err e = by(&q);
    if (failed(e))
        say_error(&q, err_text(e));
    batch_answer_end(b, &q.o);
}

static void say_valid(struct question *q)
{
    json_put_bool(&q->o, S("valid"), true);
    say_text(q, S("error"), STR_NULL);
    json_key(&q->o, S("record"));
    json_object_begin(&q->o);
}

static void say_error(struct question *q, struct str why)
{
    json_put_bool(&q->o, S("valid"), false);
    say_text(q, S("error"), why);
    say_text(q, S("record"), STR_NULL);
}

static struct err answer_spf(struct question *q)
{
    struct spf_record record;
    TRY(spf_record_parse(&q->b->arena, q->text, &record));
    say_valid(q);
    say_text(q, S("v"), S("spf1"));
    json_key(&q->o, S("terms"));
    json_array_begin(&q->o);
    for (size_t i = 0; i < record.term_count; i++)
        json_str(&q->o, record.terms[i].text);
    json_array_end(&q->o);
    say_text(q, S("redirect"), record.redirect);
    say_text(q, S("exp"), record.exp);
    json_object_end(&q->o);
    return OK;
}

static struct err answer_dmarc(struct question *q)
{
    struct dmarc_record r;
    TRY(dmarc_record_parse(&q->b->arena, q->text, &r));
    if (r.no_policy)
        return fail(ERR_SYNTAX, "there is no valid policy, and nobody who wants reports");
    say_valid(q);
    say_text(q, S("v"), S("DMARC1"));
    say_text(q, S("p"), dmarc_policy_name(r.p));
    say_text(q, S("sp"), dmarc_policy_name(r.sp));
    say_text(q, S("np"), dmarc_policy_name(r.np));
    say_text(q, S("adkim"), r.strict_dkim ? S("s") : S("r"));
    say_text(q, S("aspf"), r.strict_spf ? S("s") : S("r"));
    say_text(q, S("t"), r.test_mode ? S("y") : S("n"));
    say_list(q, S("rua"), r.rua.at, r.rua.count);
    say_list(q, S("ruf"), r.ruf.at, r.ruf.count);
    say_text(q, S("oddity"), r.oddity);
    json_object_end(&q->o);
    return OK;
}

static struct err answer_dkim(struct question *q)
{
    struct dkim_key key;
    enum dkim_reason reason;
    TRY(dkim_key_parse(&q->b->arena, q->text, &key, &reason));
    if (reason == DKIM_FINE)
        return say_tags(q);
    say_error(q, dkim_reason_word(reason));
    return OK;
}

static struct err answer_dkim_signature(struct question *q)
{
    struct dkim_signature signature;
    TRY(dkim_signature_parse(&q->b->arena, DKIM_FIELD, q->text, &signature));
    if (signature.reason == DKIM_FINE)
        return say_tags(q);
    say_error(q, dkim_reason_word(signature.reason));
    return OK;
}

// As they stand, for what is a list of tags.
static struct err say_tags(struct question *q)
{
    struct tags tags;
    enum tags_fault fault;
    TRY(tags_parse(&q->b->arena, q->text, &tags, &fault));
    say_valid(q);
    each_in_vec (tag, &tags.all)
        say_text(q, tag->name, tag->value);
    json_object_end(&q->o);
    return OK;
}

static struct err answer_sts(struct question *q)
{
    struct sts_record record;
    TRY(sts_record_parse(&q->b->arena, q->text, &record));
    return say_tags(q);
}

static struct err answer_sts_policy(struct question *q)
{
    struct sts_policy policy;
    TRY(sts_policy_parse(&q->b->arena, q->text, &policy));
    say_valid(q);
    say_text(q, S("version"), S("STSv1"));
    say_text(q, S("mode"), sts_mode_name(policy.mode));
    json_put_u64(&q->o, S("max_age"), policy.age_max_s);
    say_list(q, S("mx"), policy.exchanges, policy.exchange_count);
    json_object_end(&q->o);
    return OK;
}

static struct err answer_tlsrpt(struct question *q)
{
    struct tlsrpt_record record;
    TRY(tlsrpt_record_parse(&q->b->arena, q->text, &record));
    say_valid(q);
    say_text(q, S("v"), S("TLSRPTv1"));
    say_list(q, S("rua"), record.rua.at, record.rua.count);
    json_object_end(&q->o);
    return OK;
}

static struct err answer_bimi(struct question *q)
{
    struct bimi_record record;
    TRY(bimi_record_parse(&q->b->arena, q->text, &record));
    return say_tags(q);
}

static void say_text(struct question *q, struct str key, struct str value)
{
    json_put_str(&q->o, key, value);
}

static void say_list(struct question *q, struct str key, const struct str *at, size_t count)
{
    json_key(&q->o, key);
    json_array_begin(&q->o);
    for (size_t i = 0; i < count; i++)
        json_str(&q->o, at[i]);
    json_array_end(&q->o);
}

const struct command command_test_record = {
        .run = run,
        .operands = "< REQUEST",
        .about = "Would this server work with this record, and what does it read in it? The\n"
                 "request is {\"type\": \"spf\", \"text\": \"v=spf1 -all\"}, for the types spf, "
                 "dmarc,\n"
                 "dkim (a key), dkim-signature, mta-sts, mta-sts-policy, tlsrpt and bimi.",
        .examples = "  echo '{\"type\": \"dmarc\", \"text\": \"v=DMARC1; p=none\"}' |\n"
                    "      posthaste test record",
        CLI_OPTIONS(options),
};
