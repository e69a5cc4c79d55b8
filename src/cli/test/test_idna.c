// SPDX-License-Identifier: Apache-2.0
// cli/test/test_idna.c: `posthaste test idna`. The conversion is the one of addresses and host
// names.
#include "cli/batch.h"
#include "cli/commands.h"

#include "mail/mail.h"

static const struct cli_option options[] = {CLI_OPTION_BATCH};

static void answer(struct batch *b, struct str op, struct str domain);

static int run(struct cli *c)
{
    struct batch b;
    struct str op, domain;
    batch_begin(&b, c);
    while (batch_next(&b)) {
        if (!batch_text(&b, S("op"), &op) || !batch_text(&b, S("domain"), &domain))
            continue;
        if (!str_eq(op, S("to-ascii")) && !str_eq(op, S("to-unicode")))
            batch_refuse(&b, S("\"op\" is to-ascii or to-unicode"));
        else
            answer(&b, op, domain);
    }
    return batch_end(&b);
}

static void answer(struct batch *b, struct str op, struct str domain)
{
    struct idna_result result;
    struct err e = str_eq(op, S("to-ascii")) ? idna_to_ascii(&b->arena, domain, &result)
                                             : idna_to_unicode(&b->arena, domain, &result);
    if (failed(e)) {
        batch_refuse(b, err_text(e));
        return;
    }
    struct json_out o = batch_answer(b);
    json_put_bool(&o, S("ok"), result.fault == IDNA_FINE);
    bool fine = result.fault == IDNA_FINE;
    json_put_str(
            &o, fine ? S("value") : S("error"), fine ? result.text : idna_fault_name(result.fault));
    batch_answer_end(b, &o);
}

const struct command command_test_idna = {
        .run = run,
        .operands = "< REQUEST",
        .about = "Converts a domain name by UTS #46, non-transitional, with all checks on. The\n"
                 "request is {\"op\": \"to-ascii\" or \"to-unicode\", \"domain\": \"...\"}, the "
                 "answer\n"
                 "{\"ok\": true, \"value\": \"...\"} or {\"ok\": false, \"error\": WORD}, WORD one "
                 "of\n"
                 "disallowed, hyphen, joiner, bidi, length, punycode, unassigned, empty, other.",
        .examples = "  echo '{\"op\": \"to-ascii\", \"domain\": \"Fa\303\237.de\"}' | posthaste "
                    "test idna",
        CLI_OPTIONS(options),
};
