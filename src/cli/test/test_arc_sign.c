// SPDX-License-Identifier: Apache-2.0
// cli/test/test_arc_sign.c: `posthaste test arc-sign`. The set that the server would put on a
// message which it passes on.
#include "cli/commands.h"
#include "cli/test/message_read.h"
#include "cli/test/message_sign.h"

#include "proof/authres.h"

struct test_arc_sign {
    struct message_test message;
    struct message_signer by;
    struct arc_fields fields;
    bool sealed;
};

static const struct cli_option options[] = {
        MESSAGE_SIGN_OPTIONS,
        {.name = S_INIT("headers"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME:NAME:..."),
                .required = true,
                .help = "the fields that are signed"},
        {.name = S_INIT("authserv-id"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ID"),
                .required = true,
                .help = "whose Authentication-Results go into the set"},
        MESSAGE_VERIFY_OPTIONS,
};

static struct err seal(void *test) suspends;
static struct err results_of(struct test_arc_sign *t, struct str *out);
static int show(struct cli *c, const struct test_arc_sign *t);

static int run(struct cli *c)
{
    struct test_arc_sign t = {0};
    int status = message_signer_read(c, &t.by);
    if (status == CLI_OK)
        status = message_test(&t.message, c, seal, &t);
    if (status == CLI_OK)
        status = show(c, &t);
    message_test_end(&t.message);
    message_signer_end(&t.by);
    return status;
}

static struct err seal(void *test)
{
    struct test_arc_sign *t = test;
    struct message_test *m = &t->message;
    struct arc_rules rules = arc_rules_default(0);
    rules.dkim = message_rules(m->dns.c);
    struct body_hash_kind kind = dkim_sign_body_kind(&t->by.signer);
    struct arc_seal what = {.chain = &m->chain, .signer = &t->by.signer, .now_s = rules.dkim.now_s};
    TRY(message_verify(
            m, &(struct message_wanted){
                       .chain = &rules, .body = &kind, .out_body_hash = &what.body_hash}));
    TRY(results_of(t, &what.results));
    t->sealed = arc_may_seal(&m->chain);
    return t->sealed ? arc_seal_make(&m->arena, &m->head, &what, &t->fields) : OK;
}

// The results of all fields of that id, one behind the other, as they stand.
static struct err results_of(struct test_arc_sign *t, struct str *out)
{
    struct message_test *m = &t->message;
    struct str id = cli_text(m->dns.c, S("authserv-id"), S(""));
    struct buf text AUTO(buf_done);
    bool any = false;
    buf_init(&text, MIB);
    buf_add(&text, id);
    for (size_t i = 0; i < m->head.count; i++) {
        const struct mail_field *field = &m->head.fields[i];
        struct authres read;
        bool ours = str_eq_nocase(field->name, S("Authentication-Results")) &&
                    authres_claims(field->body, id) &&
                    !failed(authres_parse(&m->arena, field->body, AUTHRES_PLAIN, &read));
        for (size_t k = 0; ours && k < read.results.count; k++) {
            buf_fmt(&text, "; %.*s", ARG(read.results.at[k].text));
            any = true;
        }
    }
    if (!any)
        buf_add(&text, S("; none"));
    *out = text.overflow ? STR_NULL : arena_str(&m->arena, buf_str(&text));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for results") : OK;
}

static int show(struct cli *c, const struct test_arc_sign *t)
{
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    json_put_str(&o, S("cv"), arc_result_name(t->message.chain.result));
    json_put_u64(&o, S("i"), t->message.chain.count + 1);
    json_key(&o, S("headers"));
    json_array_begin(&o);
    if (t->sealed) {
        message_field_add(&o, t->fields.seal);
        message_field_add(&o, t->fields.message);
        message_field_add(&o, t->fields.results);
    }
    json_array_end(&o);
    json_object_end(&o);
    return cli_json_end(c, CLI_OK);
}

const struct command command_test_arc_sign = {
        .run = run,
        .operands = "< MESSAGE",
        .about =
                "Validates the chain of ARC sets in a message and prints the set that this server\n"
                "would put on top, field by field; none where the chain may not be extended.\n"
                "What goes into ARC-Authentication-Results is taken from the\n"
                "Authentication-Results fields of the message that bear the given id.",
        .examples = "  posthaste test arc-sign --domain example.org --selector s1 --key s1.pem \\\n"
                    "      --headers From:To:Subject --authserv-id mx.example.org < message.eml",
        CLI_OPTIONS(options),
};
