// SPDX-License-Identifier: Apache-2.0
// cli/dkim/dns_query.c: `posthaste dns query`. What the server would hear when it asked, with the
// code it asks with: records, how long they hold, and whether DNSSEC vouches for them.
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/config/config_read.h"

#include "base/encode.h"

#define TEXT_BYTES_MAX (4 * MIB)

struct query {
    struct cli *c;
    struct asking dns;
    struct dns_question question;
    struct dns_answer answer;
};

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        CLI_OPTION_ZONE,
        CLI_OPTION_JSON,
};

static struct err read_question(struct query *q);
static struct err ask(void *query) suspends;
static int show(const struct query *q);
static int show_json(const struct query *q);
static int status_of(enum dns_outcome outcome);

static int run(struct cli *c)
{
    struct query q = {.c = c};
    struct err e = read_question(&q);
    if (failed(e))
        return cli_usage_error(c, e);
    int status = asking_begin(&q.dns, c, ASKING_AS_SERVER);
    if (status == CLI_OK)
        status = asking_run(&q.dns, ask, &q);
    if (status == CLI_OK)
        status = c->json ? show_json(&q) : show(&q);
    asking_end(&q.dns);
    return status;
}

// An address stands for its name in the reverse tree.
static struct err read_question(struct query *q)
{
    struct cli *c = q->c;
    struct ip ip;
    struct str name = c->operands[0];
    bool is_ip = ip_parse(name, &ip);
    struct str type = c->operand_count > 1 ? c->operands[1] : STR_NULL;
    q->question.type = is_ip ? DNS_PTR : DNS_A;
    if (!str_is_null(type) && !dns_type_parse(type, &q->question.type))
        return fail_fmt(&c->arena, ERR_SYNTAX,
                "no type of record is called '%.*s'; all have a number, as TYPE65", ARG(type));
    if (is_ip)
        name = dns_reverse_name(&c->arena, &ip);
    return dns_name_read(&c->arena, name, &q->question.name);
}

static struct err ask(void *query)
{
    struct query *q = query;
    return dns_ask(q->dns.resolver, &q->c->arena, &q->question, &q->answer);
}

static int show(const struct query *q)
{
    const struct dns_answer *answer = &q->answer;
    struct cli *c = q->c;
    struct str outcome = dns_outcome_name(answer->outcome), status = dnssec_name(answer->dnssec);
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    buf_fmt(&text, "%s%.*s%s ", cli_paint(c->colour, PAINT_BOLD), ARG(answer->name),
            cli_paint(c->colour, PAINT_END));
    dns_type_add(&text, answer->type);
    buf_fmt(&text, ": %.*s, %.*s, %u s\n", ARG(outcome), ARG(status), answer->ttl_s);
    for (size_t i = 0; i < answer->chain_count; i++)
        buf_fmt(&text, "    -> %.*s\n", ARG(answer->chain[i]));
    for (size_t i = 0; i < answer->count; i++) {
        buf_add(&text, S("    "));
        dns_record_add(&text, answer->type, answer->records[i].rdata);
        buf_add_byte(&text, '\n');
    }
    if (!str_is_empty(answer->why)) {
        buf_add(&text, S("    "));
        escape_text(&text, answer->why, KIB, ESCAPE_PLAIN);
        buf_add_byte(&text, '\n');
    }
    cli_print(c, buf_str(&text));
    return status_of(answer->outcome);
}

static int show_json(const struct query *q)
{
    const struct dns_answer *answer = &q->answer;
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    struct json_out o = cli_json_begin(q->c);
    json_object_begin(&o);
    json_put_str(&o, S("name"), answer->name);
    json_key(&o, S("type"));
    dns_type_add(&text, answer->type);
    json_str(&o, buf_str(&text));
    json_put_str(&o, S("outcome"), dns_outcome_name(answer->outcome));
    json_put_str(&o, S("dnssec"), dnssec_name(answer->dnssec));
    json_put_u64(&o, S("ttl"), answer->ttl_s);
    json_key(&o, S("chain"));
    json_array_begin(&o);
    for (size_t i = 0; i < answer->chain_count; i++)
        json_str(&o, answer->chain[i]);
    json_array_end(&o);
    json_key(&o, S("records"));
    json_array_begin(&o);
    for (size_t i = 0; i < answer->count; i++) {
        buf_clear(&text);
        dns_record_add(&text, answer->type, answer->records[i].rdata);
        json_str(&o, buf_str(&text));
    }
    json_array_end(&o);
    json_put_str(&o, S("why"), str_is_empty(answer->why) ? STR_NULL : answer->why);
    json_object_end(&o);
    return cli_json_end(q->c, status_of(answer->outcome));
}

static int status_of(enum dns_outcome outcome)
{
    switch (outcome) {
    case DNS_ANSWER:
        return CLI_OK;
    case DNS_NODATA:
    case DNS_NXDOMAIN:
        return CLI_NOT_FOUND;
    case DNS_SERVFAIL:
    case DNS_TIMEOUT:
        return CLI_CONNECT;
    case DNS_BOGUS:
        return CLI_FAILED;
    }
    return CLI_INTERNAL;
}

const struct command command_dns_query = {
        .run = run,
        .operands = "NAME|ADDRESS [TYPE]",
        .operand_min = 1,
        .operand_max = 2,
        .about =
                "Asks one question of the DNS as the server would, with its settings (resolver.*)\n"
                "or, where there is no configuration, with the servers of /etc/resolv.conf. TYPE\n"
                "is a word as MX, or TYPE65; without one it is A, or PTR for an address.\n"
                "\n"
                "The first line tells the outcome, the DNSSEC status (secure, insecure or bogus)\n"
                "and how long the answer holds. Exit status: 0 there are records, 5 there are\n"
                "none (NODATA, NXDOMAIN), 3 SERVFAIL or no answer, 1 validation failed.",
        .examples = "  posthaste dns query example.org MX\n"
                    "  posthaste dns query 192.0.2.1\n"
                    "  posthaste dns query _25._tcp.mx.example.org TLSA --json\n"
                    "  posthaste dns query example.com TXT --zone zone.json",
        CLI_OPTIONS(options),
};
