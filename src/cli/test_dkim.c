// SPDX-License-Identifier: Apache-2.0
// cli/test_dkim.c: `posthaste test dkim`. The verification that the server makes at the end of DATA.
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/config_read.h"
#include "cli/message_read.h"

#define MEMORY_BYTES_MAX ((size_t)1024 * MIB)

struct test_dkim {
    struct asking dns;
    struct arena arena;
    struct buf message;
    struct dkim_answer answer;
};

static const struct cli_option options[] = {
        {.name = S_INIT("allow-sha1"), .help = "verify rsa-sha1 as well, for looking at old mail"},
        {.name = S_INIT("max-signatures"),
                .takes = OPTION_NUMBER,
                .value = S_INIT("N"),
                .min = 1,
                .max = DKIM_FIELDS_READ_MAX,
                .help = "signatures that are verified (default 10)"},
        CLI_OPTION_RSA_BITS,
        CLI_OPTION_NOW,
        CLI_OPTION_ZONE,
        CLI_OPTION_CONFIG,
};

static struct err check(void *test) suspends;
static struct err verify(struct test_dkim *t, const struct dkim_rules *rules,
        struct body_hashes *bodies, struct key_ring *keys) suspends;

static int run(struct cli *c)
{
    struct test_dkim t = {0};
    arena_init(&t.arena, MEMORY_BYTES_MAX);
    struct err e = message_read(c, &t.message);
    int status = failed(e) ? cli_fail(c, CLI_INTERNAL, e) : CLI_OK;
    if (status == CLI_OK)
        status = asking_begin(&t.dns, c, ASKING_ONLY_NAMED);
    if (status == CLI_OK)
        status = asking_run(&t.dns, check, &t);
    if (status == CLI_OK) {
        struct json_out o = cli_json_begin(c);
        dkim_answer_add(&o, &t.answer);
        status = cli_json_end(c, status);
    }
    asking_end(&t.dns);
    arena_done(&t.arena);
    buf_done(&t.message);
    return status;
}

static struct err check(void *test)
{
    struct test_dkim *t = test;
    struct cli *c = t->dns.c;
    struct dkim_rules rules = dkim_rules_default(message_now_s(c));
    rules.allow_sha1 = cli_has(c, S("allow-sha1"));
    rules.allow_body_length = true; // whether such a signature will do is told by body_limited
    rules.rsa_bits_min = (uint32_t)cli_number(c, S("min-rsa-bits"), rules.rsa_bits_min);
    rules.signatures_max = cli_number(c, S("max-signatures"), rules.signatures_max);
    struct key_ring keys AUTO(key_ring_end);
    key_ring_begin(&keys, t->dns.resolver, &t->arena);
    struct body_hashes *bodies AUTO(body_hashes_free_auto) = body_hashes_new();
    if (bodies == NULL)
        return fail(ERR_LIMIT, "no memory for hashes");
    return verify(t, &rules, bodies, &keys);
}

static struct err verify(struct test_dkim *t, const struct dkim_rules *rules,
        struct body_hashes *bodies, struct key_ring *keys)
{
    struct str message = buf_str(&t->message);
    size_t head_bytes = proof_head_bytes(message);
    struct proof_head head;
    struct dkim_verifier *v;
    TRY(proof_head_read(&t->arena, str_upto(message, head_bytes), &head));
    TRY(dkim_verify_begin(&t->arena, rules, &head, bodies, keys, &v));
    body_hashes_add(bodies, str_from(message, head_bytes));
    TRY(body_hashes_end(bodies));
    return dkim_verify_end(v, &t->answer);
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
        .options = options,
        .option_count = COUNT_OF(options),
};
