// SPDX-License-Identifier: Apache-2.0
// cli/test/test_dmarc.c: `posthaste test dmarc`. What SPF and DKIM proved is given, so that
// policies can be tried without messages.
#include "cli/asking.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/config/config_read.h"
#include "cli/test/sender_answers.h"

#include "mail/mail.h"

struct test_dmarc {
    struct batch batch;
    struct asking dns;
    struct dmarc_settings settings;
    struct dmarc_question question;
    struct dmarc_answer answer;
};

static const struct cli_option options[] = {
        CLI_OPTION_BATCH,
        {.name = S_INIT("org"),
                .takes = OPTION_CHOICE,
                .value = S_INIT("tree-walk|psl"),
                .help = "how organizational domains are found (default: tree-walk)"},
        {.name = S_INIT("psl"),
                .takes = OPTION_TEXT,
                .value = S_INIT("FILE"),
                .help = "the list of public suffixes (default: the system's)"},
        CLI_OPTION_ZONE,
        CLI_OPTION_CONFIG,
};

static int answer_all(struct test_dmarc *t);
static bool read_request(struct test_dmarc *t);
static bool read_identifier(const struct json *from, struct dmarc_identifier *out);
static struct err check(void *test) suspends;

static int run(struct cli *c)
{
    struct test_dmarc t = {.settings = dmarc_settings_default()};
    struct suffix_list *suffixes = NULL;
    if (str_eq(cli_text(c, S("org"), S("tree-walk")), S("psl"))) {
        int opened = sender_suffixes_open(c, &suffixes);
        if (opened != CLI_OK)
            return opened;
        t.settings.suffixes = suffixes;
    }
    int status = asking_begin(&t.dns, c, ASKING_ONLY_NAMED);
    if (status == CLI_OK)
        status = answer_all(&t);
    asking_end(&t.dns);
    suffix_list_close(suffixes);
    return status;
}

static int answer_all(struct test_dmarc *t)
{
    int status = CLI_OK;
    batch_begin(&t->batch, t->dns.c);
    while (batch_next(&t->batch)) {
        if (!read_request(t))
            continue;
        status = asking_run(&t->dns, check, t);
        if (status != CLI_OK) {
            batch_refuse(&t->batch, S("the check failed"));
            continue;
        }
        struct json_out o = batch_answer(&t->batch);
        dmarc_answer_add(&o, &t->answer);
        batch_answer_end(&t->batch, &o);
    }
    int of_batch = batch_end(&t->batch);
    return status != CLI_OK ? status : of_batch;
}

// {"from": D, "dkim": [{"domain": D, "result": R}...], "spf": {"domain": D, "result": R} or null}
static bool read_request(struct test_dmarc *t)
{
    struct batch *b = &t->batch;
    const struct json *dkim = json_member(b->request, S("dkim"));
    const struct json *spf = json_member(b->request, S("spf"));
    t->question = (struct dmarc_question){0};
    if (!batch_text(b, S("from"), &t->question.author))
        return false;
    size_t count = dkim != NULL && dkim->type == JSON_ARRAY ? dkim->count : 0;
    struct dmarc_identifier *at = arena_array(&b->arena, count + 1, struct dmarc_identifier);
    if (at == NULL) {
        batch_refuse(b, S("the request is too large"));
        return false;
    }
    const struct json *item = count > 0 ? dkim->first : NULL;
    for (; item != NULL; item = item->next) {
        if (read_identifier(item, &at[t->question.dkim_count]))
            t->question.dkim_count++;
    }
    t->question.dkim = at;
    if (spf != NULL && read_identifier(spf, &at[count]))
        t->question.spf = &at[count];
    return true;
}

static bool read_identifier(const struct json *from, struct dmarc_identifier *out)
{
    struct str result = json_string(json_member(from, S("result")), S(""));
    out->domain = json_string(json_member(from, S("domain")), STR_NULL);
    out->result = DMARC_PROOF_OTHER;
    if (str_eq_nocase(result, S("pass")))
        out->result = DMARC_PROOF_PASS;
    if (str_eq_nocase(result, S("temperror")))
        out->result = DMARC_PROOF_TEMPERROR;
    return !str_is_null(out->domain);
}

static struct err check(void *test)
{
    struct test_dmarc *t = test;
    return dmarc_check(t->dns.resolver, &t->batch.arena, &t->settings, &t->question, &t->answer);
}

const struct command command_test_dmarc = {
        .run = run,
        .operands = "< REQUEST",
        .about =
                "What does DMARC (RFC 9989) make of a message, given what SPF and DKIM made of\n"
                "it? The request is {\"from\": \"author.example\", \"dkim\": [{\"domain\": \"d\",\n"
                "\"result\": \"pass\"}], \"spf\": {\"domain\": \"d\", \"result\": \"pass\"} or "
                "null}.",
        .examples = "  echo '{\"from\": \"example.org\", \"dkim\": [], \"spf\": null}' |\n"
                    "      posthaste test dmarc",
        CLI_OPTIONS(options),
};
