// SPDX-License-Identifier: Apache-2.0
// cli/test/test_dkim_sign.c: `posthaste test dkim-sign`. The signature that the server would put on
// a message.
#include "cli/commands.h"
#include "cli/test/message_read.h"
#include "cli/test/message_sign.h"

struct test_dkim_sign {
    struct message_test message;
    struct message_signer by;
    struct str field;
};

static const struct cli_option options[] = {
        MESSAGE_SIGN_OPTIONS,
        {.name = S_INIT("headers"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME:NAME:..."),
                .help = "the fields that are signed (default: recommended ones, From once more)"},
        {.name = S_INIT("canonicalization"),
                .takes = OPTION_CHOICE,
                .value = S_INIT("relaxed/relaxed|relaxed/simple|simple/relaxed|simple/simple"),
                .help = "of header and body (default relaxed/relaxed)"},
        {.name = S_INIT("oversign"),
                .help = "list all recommended names once more, not From alone"},
        CLI_OPTION_NOW,
};

static struct err sign(void *test) suspends;
static int show(struct cli *c, const struct test_dkim_sign *t);

static int run(struct cli *c)
{
    struct test_dkim_sign t = {0};
    int status = message_signer_read(c, &t.by);
    if (status == CLI_OK)
        status = message_test_offline(&t.message, c, sign, &t);
    if (status == CLI_OK)
        status = show(c, &t);
    message_test_end(&t.message);
    message_signer_end(&t.by);
    return status;
}

static struct err sign(void *test)
{
    struct test_dkim_sign *t = test;
    struct cli *c = t->message.dns.c;
    struct dkim_signer *signer = &t->by.signer;
    struct str canon = cli_text(c, S("canonicalization"), S("relaxed/relaxed")), body_hash;
    signer->head_canon = str_starts(canon, S("simple")) ? CANON_SIMPLE : CANON_RELAXED;
    signer->body_canon = str_ends(canon, S("simple")) ? CANON_SIMPLE : CANON_RELAXED;
    if (cli_has(c, S("oversign"))) {
        signer->oversigned = dkim_oversigned_recommended;
        signer->oversigned_count = dkim_oversigned_recommended_count;
    }
    struct body_hash_kind kind = dkim_sign_body_kind(signer);
    int64_t now_s = message_now_s(c);
    TRY(message_verify(
            &t->message, &(struct message_wanted){.body = &kind, .out_body_hash = &body_hash}));
    return dkim_sign_make(&t->message.arena, signer, &t->message.head, body_hash, now_s, &t->field);
}

static int show(struct cli *c, const struct test_dkim_sign *t)
{
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    json_key(&o, S("headers"));
    json_array_begin(&o);
    message_field_add(&o, t->field);
    json_array_end(&o);
    json_object_end(&o);
    return cli_json_end(c, CLI_OK);
}

const struct command command_test_dkim_sign = {
        .run = run,
        .operands = "< MESSAGE",
        .about = "Signs a message and prints the DKIM-Signature field that goes on top of it.",
        .examples =
                "  posthaste test dkim-sign --domain example.org --selector s1 --key s1.pem \\\n"
                "      < message.eml",
        CLI_OPTIONS(options),
};
