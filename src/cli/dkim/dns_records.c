// SPDX-License-Identifier: Apache-2.0
// cli/dkim/dns_records.c: `posthaste dns records` and `dns check`: what a domain should publish, by
// the configuration, and whether it does.
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/config/config_plan.h"
#include "cli/dkim/dkim_stored.h"

#include "base/encode.h"
#include "mail/address.h"
#include "proof/dns_records.h"
#include "server/plan.h"

#define TEXT_BYTES_MAX (256 * KIB)
#define FOUND_BYTES_MAX 1024

struct listing {
    struct cli *c;
    struct plan *plan;
    struct asking dns;
    struct dns_records records;
    struct str domain;
    bool is_checked;
};

static const struct cli_option records_options[] = {
        {.name = S_INIT("zone-file"), .help = "as a zone file: records alone, without the policy"},
        {.name = S_INIT("check"), .help = "ask the DNS for each, as `dns check` does"},
        CLI_OPTION_ZONE,
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};
static const struct cli_option check_options[] = {
        CLI_OPTION_ZONE,
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};

static int list(struct listing *l);
static struct err make(struct listing *l) MUST_USE;
static int ask(struct listing *l);
static struct err ask_all(void *listing) suspends;
static void show(struct listing *l);
static void add_check(struct listing *l, struct buf *text, const struct dns_wanted *w);
static void add_record(struct buf *text, const struct dns_wanted *w);
static int show_json(struct listing *l);
static int status_of(const struct listing *l);

static int run_records(struct cli *c)
{
    struct listing l = {.c = c, .is_checked = cli_has(c, S("check"))};
    return list(&l);
}

static int run_check(struct cli *c)
{
    struct listing l = {.c = c, .is_checked = true};
    return list(&l);
}

static int list(struct listing *l)
{
    struct cli *c = l->c;
    int status = CLI_OK;
    struct err e = mail_domain_read(&c->arena, c->operands[0], &l->domain);
    if (failed(e))
        return cli_usage_error(c, e);
    l->plan = config_plan(c, &status);
    if (l->plan == NULL)
        return status;
    e = make(l);
    if (failed(e))
        status = cli_fail(c, CLI_INTERNAL, e);
    if (status == CLI_OK && l->is_checked)
        status = ask(l);
    if (status == CLI_OK && c->json)
        status = show_json(l);
    else if (status == CLI_OK)
        show(l);
    if (status == CLI_OK)
        status = status_of(l);
    asking_end(&l->dns);
    plan_free(l->plan);
    return status;
}

static struct err make(struct listing *l)
{
    const struct plan *plan = l->plan;
    struct str ascii;
    struct rotation_keys keys = dkim_stored_read(l->c, plan);
    struct dns_records_inputs in = {.domain = l->domain,
            .host = plan->listen.host,
            .signers = &plan->signers,
            .rotation = &plan->rotation,
            .keys = &keys,
            .listen = &plan->listen};
    if (!failed(mail_domain_read(&l->c->arena, plan->listen.host, &ascii)))
        in.host = ascii;
    if (conf_has_id(plan->conf, S("domain"), l->domain))
        in.report_to = conf_str(
                plan->conf, conf_item(plan->conf, S("domain"), l->domain, S("report-address")));
    return dns_records_make(&l->c->arena, &in, &l->records);
}

static int ask(struct listing *l)
{
    int status = asking_begin(&l->dns, l->c, ASKING_AS_SERVER);
    return status == CLI_OK ? asking_run(&l->dns, ask_all, l) : status;
}

static struct err ask_all(void *listing)
{
    struct listing *l = listing;
    return dns_records_check(l->dns.resolver, &l->c->arena, &l->records);
}

static int status_of(const struct listing *l)
{
    if (!l->is_checked || dns_records_wrong(&l->records) == 0)
        return CLI_OK;
    each_in_vec (w, &l->records.all)
        if (w->status == DNS_RECORD_UNKNOWN)
            return CLI_CONNECT;
    return CLI_FAILED;
}

// --- For people and zones ------------------------------------------------------------------------

static void show(struct listing *l)
{
    struct buf text AUTO(buf_done);
    bool as_zone = !l->is_checked && cli_has(l->c, S("zone-file"));
    buf_init(&text, TEXT_BYTES_MAX);
    each_in_vec (w, &l->records.all) {
        if (l->is_checked)
            add_check(l, &text, w);
        else if (!as_zone || !w->is_choice)
            add_record(&text, w);
    }
    if (!l->is_checked && !as_zone) {
        buf_fmt(&text, "; At https://mta-sts.%.*s/.well-known/mta-sts.txt:\n", ARG(l->domain));
        struct str line;
        for (struct str rest = l->records.sts_policy; str_split(&rest, '\n', &line);)
            if (!str_is_empty(str_trim(line)))
                buf_fmt(&text, ";     %.*s\n", ARG(str_trim(line)));
    }
    cli_print(l->c, buf_str(&text));
}

// What is not the first choice is written for a person, and not for the zone.
static void add_record(struct buf *text, const struct dns_wanted *w)
{
    if (!str_is_null(w->about) && !w->is_choice)
        buf_fmt(text, "; %.*s\n", ARG(w->about));
    if (w->is_choice)
        buf_fmt(text, "; or, %.*s: ", ARG(w->about));
    dns_wanted_add(text, w);
    buf_add_byte(text, '\n');
}

// Of choices those that are there are told, and the one to prefer where none is.
static void add_check(struct listing *l, struct buf *text, const struct dns_wanted *w)
{
    bool good = w->status == DNS_RECORD_OK;
    struct buf type AUTO(buf_done);
    buf_init(&type, 32);
    if (w->is_choice && !good)
        return;
    dns_type_add(&type, w->type);
    buf_fmt(text, "%s%-9.*s%s %-5.*s %.*s\n",
            cli_paint(l->c->colour, good ? PAINT_GREEN : PAINT_RED),
            ARG(dns_record_status_name(w->status)), cli_paint(l->c->colour, PAINT_END),
            ARG(buf_str(&type)), ARG(w->name));
    if (good)
        return;
    buf_add(text, S("    wanted: "));
    dns_wanted_add(text, w);
    buf_add_byte(text, '\n');
    if (str_is_null(w->found))
        return;
    buf_add(text, S("    found:  "));
    escape_text(text, w->found, FOUND_BYTES_MAX, ESCAPE_PLAIN);
    buf_add_byte(text, '\n');
}

// --- JSON ----------------------------------------------------------------------------------------

// management.md 10: an array of records.
static int show_json(struct listing *l)
{
    struct json_out o = cli_json_begin(l->c);
    json_array_begin(&o);
    each_in_vec (w, &l->records.all) {
        struct buf type AUTO(buf_done);
        buf_init(&type, 32);
        dns_type_add(&type, w->type);
        json_object_begin(&o);
        json_put_str(&o, S("type"), buf_str(&type));
        json_put_str(&o, S("name"), w->name);
        json_put_str(&o, S("content"), w->content);
        if (w->type == DNS_TLSA)
            json_put_bool(&o, S("recommended"), !w->is_choice);
        if (l->is_checked) {
            json_put_str(&o, S("status"), dns_record_status_name(w->status));
            json_put_str(&o, S("found"), w->found);
        }
        json_object_end(&o);
    }
    json_array_end(&o);
    return cli_json_end(l->c, CLI_OK);
}

const struct command command_dns_records = {
        .run = run_records,
        CLI_ONE_OPERAND("DOMAIN"),
        .about = "Prints the records that a domain should publish whose mail comes and goes by\n"
                 "this server's configuration: MX, SPF, the keys of DKIM, DMARC, MTA-STS, TLS\n"
                 "reports, services of users' programs, and TLSA for the certificate of the\n"
                 "host (where the zone is signed). The text is a zone file; what could stand\n"
                 "there instead is in comments, and so is the policy of MTA-STS, which is\n"
                 "to be served by https.",
        .examples = "  posthaste dns records example.org\n"
                    "  posthaste dns records example.org --zone-file >> example.org.zone\n"
                    "  posthaste dns records example.org --json",
        CLI_OPTIONS(records_options),
};

const struct command command_dns_check = {
        .run = run_check,
        CLI_ONE_OPERAND("DOMAIN"),
        .about = "Asks the DNS for each record that `dns records` prints and tells whether it is\n"
                 "there (ok, missing, different, unknown). Of several TLSA records that would\n"
                 "do, one is enough. Exit status: 0 all are there, 1 some are not, 3 the DNS\n"
                 "did not answer.",
        .examples = "  posthaste dns check example.org\n"
                    "  posthaste dns check example.org --zone zone.json --json",
        CLI_OPTIONS(check_options),
};
