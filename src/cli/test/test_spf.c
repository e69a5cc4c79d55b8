// SPDX-License-Identifier: Apache-2.0
// cli/test/test_spf.c: `posthaste test spf`. The check that the server makes at MAIL FROM.
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/config/config_read.h"
#include "cli/test/sender_answers.h"

struct test_spf {
    struct asking dns;
    struct spf_settings settings;
    struct spf_question question;
    struct spf_answer answer;
};

static const struct cli_option options[] = {
        SENDER_OPTIONS,
        {.name = S_INIT("receiver"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME"),
                .help = "the name of this server (default: unknown)"},
        {.name = S_INIT("default-explanation"),
                .takes = OPTION_TEXT,
                .value = S_INIT("TEXT"),
                .help = "for a fail of a domain that gives no explanation"},
        {.name = S_INIT("max-lookups"),
                .takes = OPTION_NUMBER,
                .value = S_INIT("N"),
                .min = 1,
                .max = 100,
                .help = "terms that may want look-ups (default 10)"},
        {.name = S_INIT("max-void"),
                .takes = OPTION_NUMBER,
                .value = S_INIT("N"),
                .max = 100,
                .help = "look-ups that may find nothing (default 2)"},
        CLI_OPTION_ZONE,
        CLI_OPTION_CONFIG,
};

static struct err read_options(struct cli *c, struct test_spf *t);
static struct err check(void *test) suspends;
static int show(struct cli *c, const struct spf_answer *answer);

static int run(struct cli *c)
{
    struct test_spf t = {0};
    struct err e = read_options(c, &t);
    if (failed(e))
        return cli_usage_error(c, e);
    int status = asking_begin(&t.dns, c, ASKING_ONLY_NAMED);
    if (status == CLI_OK)
        status = asking_run(&t.dns, check, &t);
    if (status == CLI_OK)
        status = show(c, &t.answer);
    asking_end(&t.dns);
    return status;
}

static struct err read_options(struct cli *c, struct test_spf *t)
{
    t->settings = spf_settings_default();
    t->settings.lookups_max = (uint32_t)cli_number(c, S("max-lookups"), t->settings.lookups_max);
    t->settings.voids_max = (uint32_t)cli_number(c, S("max-void"), t->settings.voids_max);
    t->question = (struct spf_question){
            .receiver = cli_text(c, S("receiver"), STR_NULL),
            .default_explanation = cli_text(c, S("default-explanation"), STR_NULL),
    };
    return sender_question(c, &t->question);
}

static struct err check(void *test)
{
    struct test_spf *t = test;
    return spf_check(t->dns.resolver, &t->dns.c->arena, &t->settings, &t->question, &t->answer);
}

static int show(struct cli *c, const struct spf_answer *answer)
{
    struct str receiver = cli_text(c, S("receiver"), S("unknown"));
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    spf_answer_add(&o, answer, authres_received_spf(&c->arena, answer, receiver, true));
    json_object_end(&o);
    return cli_json_end(c, CLI_OK);
}

const struct command command_test_spf = {
        .run = run,
        .operands = "",
        .about = "May this address send for that domain? The check_host() of RFC 7208 for MAIL\n"
                 "FROM, as the server makes it; with an empty sender for postmaster@ the HELO\n"
                 "name. Prints the result, what decided it, and what it cost.",
        .examples = "  posthaste test spf --ip 192.0.2.1 --helo mx.example.org \\\n"
                    "      --mail-from ann@example.org",
        CLI_OPTIONS(options),
};
