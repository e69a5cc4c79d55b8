// SPDX-License-Identifier: Apache-2.0
// cli/test/test_address.c: `posthaste test address`. The reader is the one of MAIL and RCPT.
#include "cli/batch.h"
#include "cli/commands.h"

#include "mail/mail.h"

static const struct cli_option options[] = {CLI_OPTION_BATCH};

static void answer(struct batch *b, struct str text);

static int run(struct cli *c)
{
    struct batch b;
    struct str text;
    batch_begin(&b, c);
    while (batch_next(&b)) {
        if (batch_text(&b, S("address"), &text))
            answer(&b, text);
    }
    return batch_end(&b);
}

static void answer(struct batch *b, struct str text)
{
    struct mail_address address = {0};
    struct err e = mail_address_parse(&b->arena, text, &address);
    struct str normal = failed(e) ? STR_NULL : mail_address_normal(&b->arena, &address);
    if (!failed(e) && address.local_too_long)
        e = fail(ERR_SYNTAX, "the local part is longer than 64 octets");
    struct json_out o = batch_answer(b);
    json_put_bool(&o, S("valid"), !failed(e));
    json_put_str(&o, S("local"), address.local);
    json_put_str(&o, S("domain"), address.domain);
    json_put_bool(&o, S("literal"), address.literal.family != IP_NONE);
    json_put_bool(&o, S("smtputf8"), address.beyond_ascii);
    json_put_str(&o, S("normal"), normal);
    json_put_str(&o, S("error"), failed(e) ? err_text(e) : STR_NULL);
    batch_answer_end(b, &o);
}

const struct command command_test_address = {
        .run = run,
        .operands = "< REQUEST",
        .about = "Is this an address that may stand between < and > of MAIL and RCPT (RFC 5321,\n"
                 "RFC 6531)? The request is {\"address\": \"...\"}; the answer tells its parts,\n"
                 "whether it needs SMTPUTF8, the spelling by which addresses are compared, and\n"
                 "what is wrong with it. This server takes local parts of more than 64 octets,\n"
                 "which are not valid.",
        .examples = "  echo '{\"address\": \"\\\"a b\\\"@example.com\"}' | posthaste test address",
        CLI_OPTIONS(options),
};
