// SPDX-License-Identifier: Apache-2.0
// cli/test/test_route.c: `posthaste test route`. The way that mail for a recipient would take, with
// the settings and the code that deliveries go by, up to the addresses of hosts: nothing is
// connected.
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/config/config_plan.h"
#include "cli/test/route_sources.h"

#include "deliver/hosts/hosts.h"
#include "deliver/shape/shaping.h"
#include "directory/surroundings.h"
#include "mail/mail.h"
#include "queue/schedule/schedule.h"
#include "rt/rt.h"
#include "server/plan.h"

#define DIRECTORY_TROUBLE "the internal directory could not be opened, so nobody in it is local: "

static const struct cli_option options[] = {
        {.name = S_INIT("sender"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ADDRESS"),
                .help = "of the message; empty (the default) is the null sender of reports"},
        CLI_OPTION_ZONE,
        CLI_OPTION_CONFIG,
};

struct test {
    struct cli *c;
    struct asking dns;
    struct plan *plan;
    struct directories *directories;
    struct str directory_trouble; // null: none
    struct self self;
    struct message message;
    struct unit unit;
    struct recipient rcpt;
    struct surroundings around;
    struct expr_env outside;
    struct json_out o;
    struct shaped shaped; // of the hosts
    bool found;           // there is somebody to go to
};

static struct err read_addresses(struct test *t);
static void open_directories(struct test *t);
static struct err find(void *test) suspends;
static struct err find_hosts(struct test *t, const struct route *route) suspends;
static struct err show_host(
        struct test *t, const struct hosts_inputs *in, const struct host *host) suspends;
static void show_schedule(struct test *t) suspends;
static struct str ask(struct test *t, struct str name, const struct expr_setting *setting,
        const struct queue_host *host) suspends;
static struct str choose(struct test *t, enum shaping_key key, struct str shaped, struct str name,
        const struct expr_setting *setting, const struct queue_host *host) suspends;
static void show_choice(struct test *t, struct str value, struct str name, struct str trouble);
static void show_trouble(struct test *t, const struct client_answer *trouble);
static struct str type_word(enum route_type type);

static int run(struct cli *c)
{
    struct test t = {.c = c};
    struct err e = read_addresses(&t);
    if (failed(e))
        return cli_usage_error(c, e);
    int status = asking_begin(&t.dns, c, ASKING_AS_SERVER);
    if (status == CLI_OK)
        t.plan = config_plan(c, &status);
    if (status == CLI_OK) {
        t.o = cli_json_begin(c);
        status = asking_run(&t.dns, find, &t);
        if (status == CLI_OK)
            status = cli_json_end(c, t.found ? CLI_OK : CLI_FAILED);
    }
    plan_free(t.plan);
    asking_end(&t.dns);
    return status;
}

static struct err read_addresses(struct test *t)
{
    struct arena *a = &t->c->arena;
    struct str sender = cli_text(t->c, S("sender"), S(""));
    struct mail_address address = {0};
    TRY(mail_address_parse(a, t->c->operands[0], &address));
    t->rcpt.address = mail_address_normal(a, &address);
    t->unit = (struct unit){
            .domain = arena_str_lower(a, address.domain), .rcpts = &t->rcpt, .rcpt_count = 1};
    t->message = (struct message){.units = &t->unit, .unit_count = 1, .sender = S("")};
    if (str_is_empty(sender) || str_eq(sender, S("<>")))
        return OK;
    TRY(mail_address_parse(a, sender, &address));
    t->message.sender = mail_address_normal(a, &address);
    return OK;
}

static struct err find(void *test)
{
    struct test *t = test;
    const struct deliver_settings *s = &t->plan->deliver;
    struct arena *a = &t->c->arena;
    open_directories(t);
    TRY(self_make(a, &t->plan->listen, s, &t->self));
    t->message.created_ms = wall_ms();
    t->around = (struct surroundings){.conf = t->plan->conf,
            .directories = t->directories,
            .resolver = t->dns.resolver,
            .host = s->host};
    t->outside = surroundings_env(&t->around, s->expression_wait_ms);
    json_object_begin(&t->o);
    json_put_str(&t->o, S("recipient"), t->rcpt.address);
    json_put_str(&t->o, S("sender"), t->message.sender);
    json_put_str(&t->o, S("directory_trouble"), t->directory_trouble);
    show_schedule(t);
    json_key(&t->o, S("route"));
    struct str name = ask(t, S("queue.strategy.route"), s->route_of, NULL);
    const struct route *route = route_named(s, name);
    json_put_str(
            &t->o, S("route_type"), route == NULL ? S("not configured") : type_word(route->type));
    struct err e = OK;
    if (route != NULL && (route->type != ROUTE_LOCAL || route->store == LOCAL_LMTP))
        e = find_hosts(t, route);
    else
        t->found = route != NULL;
    json_object_end(&t->o);
    directories_close(t->directories);
    return e;
}

// As in a worker: who cannot be asked is not local, and it is said.
static void open_directories(struct test *t)
{
    struct arena *a = &t->c->arena;
    struct directories_options how = {.settings = t->plan->directory};
    if (directory_settings_have_internal(t->plan->directory))
        how.folder = directory_folder(a, conf_str(t->plan->conf, S("global.state-dir")));
    struct err e = directories_open(a, &how, &t->directories);
    if (!failed(e))
        e = directories_trouble(t->directories);
    if (failed(e))
        t->directory_trouble = arena_fmt(a, DIRECTORY_TROUBLE "%.*s", ARG(err_text(e)));
}

static void show_schedule(struct test *t)
{
    struct schedule_job job = {.settings = &t->plan->schedules,
            .message = &t->message,
            .wall_now_ms = t->message.created_ms,
            .outside = &t->outside,
            .arena = &t->c->arena};
    json_key(&t->o, S("schedule"));
    (void)ask(t, S("queue.strategy.schedule"), t->plan->schedules.schedule_of, NULL);
    const struct schedule *schedule = schedule_choose(&job, NULL, &t->rcpt, NULL);
    schedule_begin(schedule, &t->message, &t->rcpt);
    schedule_begin_unit(schedule, &t->message, &t->unit);
    json_put_str(&t->o, S("schedule_used"), schedule->id);
    json_put_str(&t->o, S("virtual_queue"), t->unit.queue);
}

// The object {"value": ..., "setting": ..., "trouble": ...} of an expression; what it gives.
static struct str ask(struct test *t, struct str name, const struct expr_setting *setting,
        const struct queue_host *host)
{
    struct queue_env self = {.message = &t->message,
            .unit = &t->unit,
            .rcpt = &t->rcpt,
            .host = host,
            .wall_now_ms = t->message.created_ms,
            .outside = &t->outside};
    struct expr_env env = queue_expr_env(&self);
    struct expr_result r = expr_eval(setting, &env, &t->c->arena);
    struct str value = r.outcome == EXPR_VALUE ? r.text : S("");
    show_choice(t, value, name, r.outcome == EXPR_FAILED ? r.fault.cause : STR_NULL);
    return value;
}

// A value of queue.shaping comes before what the strategy would say.
static struct str choose(struct test *t, enum shaping_key key, struct str shaped, struct str name,
        const struct expr_setting *setting, const struct queue_host *host)
{
    if (str_is_null(shaped))
        return ask(t, name, setting, host);
    show_choice(t, shaped, shaped_origin(&t->plan->deliver, &t->shaped, key), STR_NULL);
    return shaped;
}

static void show_choice(struct test *t, struct str value, struct str name, struct str trouble)
{
    json_object_begin(&t->o);
    json_put_str(&t->o, S("value"), value);
    json_put_str(&t->o, S("setting"), name);
    json_put_str(&t->o, S("from"), conf_origin_text(&t->c->arena, t->plan->conf, name));
    json_put_str(&t->o, S("trouble"), trouble);
    json_object_end(&t->o);
}

static struct err find_hosts(struct test *t, const struct route *route)
{
    struct host_list list;
    struct hosts_inputs in = {.resolver = t->dns.resolver,
            .settings = &t->plan->deliver,
            .self = &t->self,
            .route = route,
            .domain = t->unit.domain,
            .sender = t->message.sender};
    TRY(hosts_find(&in, &t->c->arena, &list));
    TRY(shaping_find(&t->plan->deliver, &t->c->arena, t->unit.domain, &list.names, &t->shaped));
    json_put_str(&t->o, S("site"), t->shaped.site);
    json_key(&t->o, S("trouble"));
    if (list.count == 0)
        show_trouble(t, &list.trouble);
    else
        json_null(&t->o);
    json_key(&t->o, S("hosts"));
    json_array_begin(&t->o);
    for (size_t i = 0; i < list.count; i++)
        TRY(show_host(t, &in, &list.at[i]));
    json_array_end(&t->o);
    return OK;
}

// Strategies are asked for each address; they are shown for the first, which is tried first.
static struct err show_host(struct test *t, const struct hosts_inputs *in, const struct host *host)
{
    const struct deliver_settings *s = &t->plan->deliver;
    struct host_addresses found;
    TRY(host_addresses_find(in, host, &t->c->arena, &found));
    json_object_begin(&t->o);
    json_put_str(&t->o, S("name"), host->name);
    json_put_u64(&t->o, S("preference"), host->preference);
    json_put_bool(&t->o, S("implicit"), host->is_implicit);
    json_put_str(&t->o, S("dnssec"), dnssec_name(host->mx_dnssec));
    json_key(&t->o, S("addresses"));
    json_array_begin(&t->o);
    for (size_t i = 0; i < found.count; i++)
        json_str(&t->o, endpoint_text(&t->c->arena, &found.at[i].at));
    json_array_end(&t->o);
    if (found.count == 0) {
        json_key(&t->o, S("trouble"));
        show_trouble(t, &found.trouble);
    } else {
        struct queue_host there = {.mx = host->name,
                .mx_site = t->shaped.site,
                .route = in->route->id,
                .remote_ip = found.at[0].at.ip};
        t->found = true;
        json_key(&t->o, S("connection"));
        struct str name = choose(t, SHAPING_CONNECTION, shaped_connection(&t->shaped),
                S("queue.strategy.connection"), s->connection_of, &there);
        const struct connection_strategy *strategy = connection_named(s, name);
        if (strategy == NULL)
            strategy = connection_named(s, S("default"));
        json_key(&t->o, S("sources"));
        route_show_sources(
                &t->o, &t->c->arena, strategy, there.remote_ip.family, t->message.created_ms);
        json_key(&t->o, S("tls"));
        (void)choose(
                t, SHAPING_TLS, shaped_tls(&t->shaped), S("queue.strategy.tls"), s->tls_of, &there);
    }
    json_object_end(&t->o);
    return OK;
}

static void show_trouble(struct test *t, const struct client_answer *trouble)
{
    json_object_begin(&t->o);
    json_put_bool(&t->o, S("permanent"), trouble->verdict == CLIENT_PERMANENT);
    json_put_str(&t->o, S("enhanced"), trouble->outcome.enhanced);
    json_put_str(&t->o, S("text"), trouble->outcome.text);
    json_object_end(&t->o);
}

static struct str type_word(enum route_type type)
{
    switch (type) {
    case ROUTE_MX:
        return S("mx");
    case ROUTE_RELAY:
        return S("relay");
    case ROUTE_LOCAL:
        return S("local");
    }
    return S("");
}

const struct command command_test_route = {
        .run = run,
        CLI_ONE_OPERAND("RCPT"),
        .about = "Which way would mail for this recipient take? Asks the expressions of\n"
                 "queue.strategy one after another, and then the DNS for the hosts and their\n"
                 "addresses, in the order in which they would be tried. Nothing is connected, and\n"
                 "nothing is sent.\n"
                 "\n"
                 "Of each host: our addresses that it may be connected to from, with their pools,\n"
                 "weights, and what those that are warmed up may send to one provider today.\n"
                 "Of each expression: its value, its setting and where that was written. Names\n"
                 "that are not configured are those that a delivery would stumble over. The exit\n"
                 "status is 1 when there is no host to go to; trouble says why.",
        .examples = "  posthaste test route bob@example.org --pretty\n"
                    "  posthaste test route bob@example.org --sender ann@example.com",
        CLI_OPTIONS(options),
};
