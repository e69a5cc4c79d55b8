// SPDX-License-Identifier: Apache-2.0
// cli/dkim/dkim_show.c: `posthaste dkim show` and `dkim check`: the record that belongs to a key,
// and whether it is what the DNS has.
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/config/config_read.h"
#include "cli/dkim/dkim_key.h"
#include "cli/dkim/dkim_stored.h"

#include "base/encode.h"
#include "proof/dns_records.h"

#define TEXT_BYTES_MAX (64 * KIB)
#define FOUND_BYTES_MAX 1024 // of a record that differs

struct checking {
    struct asking dns;
    struct dkim_place place;
    struct str record;
    struct dns_txt_answer answer;
};

#define KEY_OPERANDS 3

static const struct cli_option show_options[] = {CLI_OPTION_CONFIG, CLI_OPTION_JSON};
static const struct cli_option check_options[] = {
        CLI_OPTION_ZONE, CLI_OPTION_CONFIG, CLI_OPTION_JSON};

static int read_key(struct cli *c, struct dkim_place *place, struct str *out_record);
static int check(struct cli *c, struct checking *k);
static struct err ask(void *checking) suspends;
static int judge(struct cli *c, struct checking *k);
static int tell(struct cli *c, struct checking *k, struct str status, struct str found);

static int run_show(struct cli *c)
{
    struct dkim_place place;
    struct str record;
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    if (c->operand_count < 2)
        return dkim_stored_show(c);
    if (c->operand_count < KEY_OPERANDS)
        return cli_usage_error(c, fail(ERR_SYNTAX, "a key file needs its domain and its selector"));
    int status = read_key(c, &place, &record);
    if (status != CLI_OK)
        return status;
    if (!c->json) {
        dkim_record_add(&text, &place, record);
        cli_print(c, buf_str(&text));
        return CLI_OK;
    }
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    json_put_str(&o, S("type"), S("TXT"));
    json_put_str(&o, S("name"), arena_fmt(&c->arena, "%.*s.", ARG(place.name)));
    json_put_str(&o, S("content"), record);
    json_object_end(&o);
    return cli_json_end(c, CLI_OK);
}

static int read_key(struct cli *c, struct dkim_place *place, struct str *out_record)
{
    struct private_key *key AUTO(private_key_free_auto) = NULL;
    struct err e = dkim_place_read(c, c->operands[1], c->operands[2], place);
    if (failed(e))
        return cli_usage_error(c, e);
    int status = dkim_key_load(c, c->operands[0], &key);
    if (status != CLI_OK)
        return status;
    e = private_key_record(&c->arena, key, out_record);
    return failed(e) ? cli_fail(c, CLI_INTERNAL, e) : CLI_OK;
}

static int run_check(struct cli *c)
{
    struct checking k = {0};
    int status = check(c, &k);
    asking_end(&k.dns);
    return status;
}

static int check(struct cli *c, struct checking *k)
{
    int status = read_key(c, &k->place, &k->record);
    if (status == CLI_OK)
        status = asking_begin(&k->dns, c, ASKING_AS_SERVER);
    if (status == CLI_OK)
        status = asking_run(&k->dns, ask, k);
    return status == CLI_OK ? judge(c, k) : status;
}

static struct err ask(void *checking)
{
    struct checking *k = checking;
    return dns_txt(k->dns.resolver, &k->dns.c->arena, k->place.name, &k->answer);
}

static int judge(struct cli *c, struct checking *k)
{
    if (dns_is_temporary(k->answer.answer.outcome))
        return cli_fail(c, CLI_CONNECT, dns_trouble(&c->arena, &k->answer.answer));
    if (k->answer.count == 0)
        return tell(c, k, S("missing"), STR_NULL);
    for (size_t i = 0; i < k->answer.count; i++) {
        if (dns_key_is_same(&c->arena, k->record, k->answer.at[i].joined))
            return tell(c, k, S("ok"), STR_NULL);
    }
    return tell(c, k, S("differs"), k->answer.at[0].joined);
}

static int tell(struct cli *c, struct checking *k, struct str status, struct str found)
{
    int result = str_eq(status, S("ok")) ? CLI_OK : CLI_FAILED;
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        json_object_begin(&o);
        json_put_str(&o, S("name"), arena_fmt(&c->arena, "%.*s.", ARG(k->place.name)));
        json_put_str(&o, S("status"), status);
        json_put_str(&o, S("found"), found);
        json_object_end(&o);
        return cli_json_end(c, result);
    }
    buf_fmt(&text, "%.*s: %.*s", ARG(k->place.name), ARG(status));
    if (!str_is_null(found)) {
        buf_add(&text, S(" (found \""));
        escape_text(&text, found, FOUND_BYTES_MAX, ESCAPE_QUOTED);
        buf_add(&text, S("\")"));
    }
    buf_add_byte(&text, '\n');
    if (result != CLI_OK) {
        buf_add(&text, S("It should be:\n"));
        dkim_record_add(&text, &k->place, k->record);
    }
    cli_print(c, buf_str(&text));
    return result;
}

const struct command command_dkim_show = {
        .run = run_show,
        .operands = "[DOMAIN] | KEYFILE DOMAIN SELECTOR",
        .operand_min = 0,
        .operand_max = KEY_OPERANDS,
        .about = "Lists the keys that sign, have signed or will sign, of all domains or of one:\n"
                 "those that the server changes itself, and those of the configuration, with\n"
                 "their stages and the moments at which they are due. Or prints the record that\n"
                 "publishes the public half of a private key, as a zone file has it.",
        .examples = "  posthaste dkim show\n  posthaste dkim show example.org --json\n"
                    "  posthaste dkim show rsa-example.org.pem example.org 202601r",
        CLI_OPTIONS(show_options),
};

const struct command command_dkim_check = {
        .run = run_check,
        .operands = "KEYFILE DOMAIN SELECTOR",
        .operand_min = 3,
        .operand_max = 3,
        .about =
                "Compares what the DNS has for a key with the key itself: ok, missing or differs.\n"
                "Exit status: 0 it is published, 1 it is not or is another, 3 the DNS failed.",
        .examples = "  posthaste dkim check rsa-example.org.pem example.org 202601r",
        CLI_OPTIONS(check_options),
};
