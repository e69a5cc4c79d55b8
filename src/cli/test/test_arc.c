// SPDX-License-Identifier: Apache-2.0
// cli/test/test_arc.c: `posthaste test arc`. The chain that the server validates at the end of
// DATA.
#include "cli/commands.h"
#include "cli/test/message_read.h"

static const struct cli_option options[] = {
        MESSAGE_VERIFY_OPTIONS,
};

static struct err check(void *test) suspends;

static int run(struct cli *c)
{
    struct message_test t;
    int status = message_test(&t, c, check, &t);
    if (status == CLI_OK) {
        struct json_out o = cli_json_begin(c);
        arc_answer_add(&o, &t.chain);
        status = cli_json_end(c, status);
    }
    message_test_end(&t);
    return status;
}

static struct err check(void *test)
{
    struct message_test *t = test;
    struct arc_rules rules = arc_rules_default(0);
    rules.dkim = message_rules(t->dns.c);
    return message_verify(t, &(struct message_wanted){.chain = &rules});
}

const struct command command_test_arc = {
        .run = run,
        .operands = "< MESSAGE",
        .about = "Validates the chain of ARC sets in a message, as the server would: the state of\n"
                 "the chain, and for each set what was found. Seals and message signatures behind\n"
                 "the point where the chain broke are unchecked.",
        .examples = "  posthaste test arc < message.eml\n"
                    "  posthaste test arc --zone zone.json --now 1667843664 < message.eml",
        CLI_OPTIONS(options),
};
