// SPDX-License-Identifier: Apache-2.0
// cli/test/test_dkim.c: `posthaste test dkim`. The verification of the server at the end of DATA.
#include "cli/commands.h"
#include "cli/test/message_read.h"

static const struct cli_option options[] = {
        {.name = S_INIT("allow-sha1"), .help = "verify rsa-sha1 as well, for looking at old mail"},
        {.name = S_INIT("max-signatures"),
                .takes = OPTION_NUMBER,
                .value = S_INIT("N"),
                .min = 1,
                .max = DKIM_FIELDS_READ_MAX,
                .help = "signatures that are verified (default 10)"},
        MESSAGE_VERIFY_OPTIONS,
};

static struct err check(void *test) suspends;

static int run(struct cli *c)
{
    struct message_test t;
    int status = message_test(&t, c, check, &t);
    if (status == CLI_OK) {
        struct json_out o = cli_json_begin(c);
        dkim_answer_add(&o, &t.dkim);
        status = cli_json_end(c, status);
    }
    message_test_end(&t);
    return status;
}

static struct err check(void *test)
{
    struct message_test *t = test;
    struct cli *c = t->dns.c;
    struct dkim_rules rules = message_rules(c);
    rules.allow_sha1 = cli_has(c, S("allow-sha1"));
    rules.signatures_max = cli_number(c, S("max-signatures"), rules.signatures_max);
    return message_verify(t, &(struct message_wanted){.dkim = &rules});
}

const struct command command_test_dkim = {
        .run = run,
        .operands = "< MESSAGE",
        .about = "Verifies all DKIM signatures of a message, as the server would: an entry for "
                 "each\n"
                 "DKIM-Signature field from the top, with the reason where it does not pass, and\n"
                 "the best of the results.\n"
                 "\n"
                 "Signatures that cover only the beginning of the body (l=) are verified here and\n"
                 "marked as body_limited; the server refuses them unless auth.dkim.strict is off.",
        .examples = "  posthaste test dkim < message.eml\n"
                    "  posthaste test dkim --zone zone.json --now 1667843664 < message.eml",
        CLI_OPTIONS(options),
};
