// SPDX-License-Identifier: Apache-2.0
// cli/test/test_auth.c: `posthaste test auth`. Everything that the server checks about a sender,
// over one message, and the field that it would write.
#include "cli/commands.h"
#include "cli/test/message_read.h"
#include "cli/test/sender_answers.h"

#include "mail/mail.h"
#include "proof/evidence.h"
#include "proof/iprev.h"
#include "rt/dns_trace.h"

#define FROMS_MAX 2 // more than one is wrong already
// The defaults of auth.iprev.*
#define IPREV_WAIT_MS (10 * SECOND_MS)
#define IPREV_NAMES 2

// Whose questions they were.
enum trace { TRACE_IPREV, TRACE_SPF_HELO, TRACE_SPF, TRACE_SIGNATURES, TRACE_DMARC, TRACE_COUNT };

struct test_auth {
    struct message_test message;
    struct cli *c;
    struct spf_question sender;
    struct str authserv_id;
    struct suffix_list *suffixes;
    struct spf_answer spf_helo, spf;
    struct iprev_answer iprev;
    struct dmarc_answer dmarc;
    struct str field; // the value of Authentication-Results
    struct dns_trace traces[TRACE_COUNT];
};

static const struct cli_option options[] = {
        SENDER_OPTIONS,
        {.name = S_INIT("authserv-id"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ID"),
                .help = "the name of this server (default: localhost)"},
        {.name = S_INIT("psl"),
                .takes = OPTION_TEXT,
                .value = S_INIT("FILE"),
                .help = "find organizational domains by this list of public suffixes"},
        MESSAGE_VERIFY_OPTIONS,
};

static struct err check(void *test) suspends;
static struct err check_session(struct test_auth *t) suspends;
static void trace_as(struct test_auth *t, enum trace which);
static struct err check_dmarc(struct test_auth *t) suspends;
static struct err write_field(struct test_auth *t);
static int show(struct test_auth *t);
static void show_traces(const struct test_auth *t, struct json_out *o);
static void show_question(struct json_out *o, const struct dns_traced *q);
static struct str unfolded(struct arena *a, struct str text);

static int run(struct cli *c)
{
    struct test_auth t = {.c = c, .authserv_id = cli_text(c, S("authserv-id"), S("localhost"))};
    struct err e = sender_question(c, &t.sender);
    if (failed(e))
        return cli_usage_error(c, e);
    int status = cli_has(c, S("psl")) ? sender_suffixes_open(c, &t.suffixes) : CLI_OK;
    if (status != CLI_OK)
        return status;
    status = message_test(&t.message, c, check, &t);
    if (status == CLI_OK)
        status = show(&t);
    message_test_end(&t.message);
    suffix_list_close(t.suffixes);
    return status;
}

static struct err check(void *test)
{
    struct test_auth *t = test;
    struct dkim_rules dkim = message_rules(t->c);
    struct arc_rules chain = arc_rules_default(0);
    chain.dkim = dkim;
    TRY(check_session(t));
    trace_as(t, TRACE_SIGNATURES);
    TRY(message_verify(&t->message, &(struct message_wanted){.dkim = &dkim, .chain = &chain}));
    trace_as(t, TRACE_DMARC);
    TRY(check_dmarc(t));
    resolver_trace(t->message.dns.resolver, NULL);
    return write_field(t);
}

static struct err check_session(struct test_auth *t)
{
    struct resolver *r = t->message.dns.resolver;
    struct arena *a = &t->message.arena;
    struct spf_settings settings = spf_settings_default();
    struct iprev_settings iprev = {.wait_ms = IPREV_WAIT_MS, .names_max = IPREV_NAMES};
    struct spf_question q = t->sender;
    q.identity = SPF_OF_HELO;
    q.receiver = t->authserv_id;
    trace_as(t, TRACE_IPREV);
    TRY(iprev_check(r, a, &iprev, &t->sender.ip, &t->iprev));
    trace_as(t, TRACE_SPF_HELO);
    TRY(spf_check(r, a, &settings, &q, &t->spf_helo));
    q.identity = SPF_OF_MAIL;
    trace_as(t, TRACE_SPF);
    return spf_check(r, a, &settings, &q, &t->spf);
}

static void trace_as(struct test_auth *t, enum trace which)
{
    t->traces[which].arena = &t->message.arena;
    resolver_trace(t->message.dns.resolver, &t->traces[which]);
}

static struct err check_dmarc(struct test_auth *t)
{
    struct arena *a = &t->message.arena;
    struct dmarc_settings settings = dmarc_settings_default();
    struct dmarc_question q = {0};
    struct dmarc_authors authors;
    struct str froms[FROMS_MAX];
    size_t count = 0;
    settings.suffixes = t->suffixes;
    for (size_t i = 0; i < t->message.head.count && count < FROMS_MAX; i++) {
        const struct mail_field *f = &t->message.head.fields[i];
        if (str_eq_nocase(f->name, S("From")))
            froms[count++] = f->body;
    }
    TRY(dmarc_evidence(a, &t->spf, &t->message.dkim, &q));
    TRY(dmarc_authors_read(a, froms, count, &authors));
    return dmarc_check_authors(t->message.dns.resolver, a, &settings, &authors, &q, &t->dmarc);
}

static struct err write_field(struct test_auth *t)
{
    struct arena *a = &t->message.arena;
    struct authres list = {.authserv_id = t->authserv_id};
    bool added = authres_add_dkim(a, &list, &t->message.dkim) &&
                 authres_add_arc(a, &list, &t->message.chain, &t->sender.ip) &&
                 authres_add_spf(a, &list, &t->spf_helo) && authres_add_spf(a, &list, &t->spf) &&
                 authres_add_iprev(a, &list, iprev_result_name(t->iprev.result), t->iprev.comment,
                         &t->sender.ip) &&
                 authres_add_dmarc(a, &list, &t->dmarc);
    t->field = added ? unfolded(a, authres_value(a, &list)) : STR_NULL;
    return str_is_null(t->field) ? fail(ERR_LIMIT, "no memory for what was found") : OK;
}

static int show(struct test_auth *t)
{
    struct json_out o = cli_json_begin(t->c);
    struct str field = authres_received_spf(&t->message.arena, &t->spf, t->authserv_id, true);
    json_object_begin(&o);
    json_key(&o, S("spf"));
    json_object_begin(&o);
    spf_answer_add(&o, &t->spf, field);
    json_object_end(&o);
    json_key(&o, S("dkim"));
    dkim_answer_add(&o, &t->message.dkim);
    json_key(&o, S("arc"));
    arc_answer_add(&o, &t->message.chain);
    json_key(&o, S("dmarc"));
    json_object_begin(&o);
    dmarc_answer_add(&o, &t->dmarc);
    json_object_end(&o);
    json_put_str(&o, S("iprev"), iprev_result_name(t->iprev.result));
    json_put_str(&o, S("authentication_results"), t->field);
    json_key(&o, S("trace"));
    show_traces(t, &o);
    json_object_end(&o);
    return cli_json_end(t->c, CLI_OK);
}

// Keys of DKIM and ARC are asked for together.
static void show_traces(const struct test_auth *t, struct json_out *o)
{
    static const struct str names[] = {
            [TRACE_IPREV] = S_INIT("iprev"),
            [TRACE_SPF_HELO] = S_INIT("spf_helo"),
            [TRACE_SPF] = S_INIT("spf"),
            [TRACE_SIGNATURES] = S_INIT("signatures"),
            [TRACE_DMARC] = S_INIT("dmarc"),
    };
    json_object_begin(o);
    for (size_t i = 0; i < TRACE_COUNT; i++) {
        json_key(o, names[i]);
        json_array_begin(o);
        each_in_vec (q, &t->traces[i].all)
            show_question(o, q);
        json_array_end(o);
    }
    json_object_end(o);
}

static void show_question(struct json_out *o, const struct dns_traced *q)
{
    struct buf type AUTO(buf_done);
    buf_init(&type, 16);
    dns_type_add(&type, q->type);
    json_object_begin(o);
    json_put_str(o, S("name"), q->name);
    json_put_str(o, S("type"), buf_str(&type));
    json_put_str(o, S("outcome"), dns_outcome_name(q->outcome));
    json_key(o, S("records"));
    json_array_begin(o);
    for (size_t i = 0; i < q->count; i++)
        json_str(o, q->records[i]);
    json_array_end(o);
    json_object_end(o);
}

static struct str unfolded(struct arena *a, struct str text)
{
    struct buf out AUTO(buf_done);
    struct scan in = scan_over(text);
    buf_init(&out, MIB);
    for (uint8_t c; scan_any(&in, &c);) {
        if (c != '\r' && c != '\n')
            buf_add_byte(&out, c == '\t' ? ' ' : (char)c);
    }
    return arena_str(a, buf_str(&out));
}

const struct command command_test_auth = {
        .run = run,
        .operands = "< MESSAGE",
        .about = "Checks everything about the sender of a message, as the server would at the end\n"
                 "of DATA: iprev, SPF, DKIM, ARC and DMARC, each in the form of its own test, and\n"
                 "the Authentication-Results field that comes of it. `trace` has what was asked of "
                 "the\n"
                 "DNS for each, and what it said.",
        .examples = "  posthaste test auth --ip 192.0.2.1 --helo mx.example.org \\\n"
                    "      --mail-from ann@example.org < message.eml",
        CLI_OPTIONS(options),
};
