// SPDX-License-Identifier: Apache-2.0
// cli/test/test_psl.c: `posthaste test psl`. The list is the one by which domains are grouped.
#include "cli/batch.h"
#include "cli/commands.h"

#include "mail/mail.h"

static const struct cli_option options[] = {
        CLI_OPTION_BATCH,
        {.name = S_INIT("list"),
                .takes = OPTION_TEXT,
                .value = S_INIT("FILE"),
                .help = "the list of public suffixes (default: the system's)"},
};

static void answer(struct batch *b, const struct suffix_list *list, struct str domain);

static int run(struct cli *c)
{
    struct batch b;
    struct str domain;
    struct suffix_list *list = NULL;
    struct err e = suffix_list_open(&c->arena, cli_text(c, S("list"), STR_NULL), &list);
    if (failed(e))
        return cli_fail(c, cli_status_of_file(e), e);
    batch_begin(&b, c);
    while (batch_next(&b)) {
        if (batch_text(&b, S("domain"), &domain))
            answer(&b, list, domain);
    }
    suffix_list_close(list);
    return batch_end(&b);
}

static void answer(struct batch *b, const struct suffix_list *list, struct str domain)
{
    struct suffix_answer found;
    struct err e = suffix_ask(list, &b->arena, domain, &found);
    if (failed(e)) {
        batch_refuse(b, err_text(e));
        return;
    }
    struct json_out o = batch_answer(b);
    json_put_str(&o, S("registrable"), found.registrable);
    json_put_str(&o, S("suffix"), found.suffix);
    json_put_bool(&o, S("listed"), found.listed);
    batch_answer_end(b, &o);
}

const struct command command_test_psl = {
        .run = run,
        .operands = "< REQUEST",
        .about = "Which part of a domain is registered by somebody, by the list of public\n"
                 "suffixes? The request is {\"domain\": \"www.example.co.uk\"}, the answer\n"
                 "{\"registrable\": \"example.co.uk\", \"suffix\": \"co.uk\", \"listed\": true}.\n"
                 "registrable is null for a suffix itself and for what is no domain.",
        .examples = "  echo '{\"domain\": \"a.b.example.org\"}' | posthaste test psl",
        CLI_OPTIONS(options),
};
