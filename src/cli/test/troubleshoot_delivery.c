// SPDX-License-Identifier: Apache-2.0
// cli/test/troubleshoot_delivery.c: `posthaste troubleshoot delivery`. A delivery without a
// message, by the code that deliveries go by (deliver/probe.h); what happens on the way is told by
// its events.
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/config/config_plan.h"
#include "cli/test/troubleshoot_say.h"

#include "deliver/security/sts_cache.h"
#include "directory/directory.h"
#include "events/log.h"
#include "events/text.h"
#include "mail/mail.h"
#include "rt/rt.h"
#include "server/plan.h"

#define TEXT_BYTES_MAX (8 * MIB)
#define WAIT_SECONDS 300

static const struct cli_option options[] = {
        {.name = S_INIT("sender"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ADDRESS"),
                .help = "for MAIL; empty (the default) is the null sender of reports"},
        {.name = S_INIT("timeout"),
                .letter = 't',
                .takes = OPTION_NUMBER,
                .value = S_INIT("SECONDS"),
                .min = 1,
                .max = 3600,
                .help = "for all of it (default 300)"},
        CLI_OPTION_ZONE,
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};

struct test {
    struct cli *c;
    struct asking dns;
    struct plan *plan;
    struct probe probe;
    struct event_wants wants;
    struct buf text; // of the events
    struct probe_result result;
};

static struct err read_target(struct test *t);
static struct err find(void *test) suspends;
static struct err probe(struct test *t, struct event_log *log) suspends;
static bool take_records(void *test, struct str records);
static struct err end_late(struct test *t, struct err e, int64_t wait_s);

static int run(struct cli *c)
{
    struct test t = {.c = c};
    struct err e = read_target(&t);
    if (failed(e))
        return cli_usage_error(c, e);
    buf_init(&t.text, TEXT_BYTES_MAX);
    int status = asking_begin(&t.dns, c, ASKING_AS_SERVER);
    if (status == CLI_OK)
        t.plan = config_plan(c, &status);
    if (status == CLI_OK)
        status = asking_run(&t.dns, find, &t);
    cli_print(c, buf_str(&t.text));
    if (status == CLI_OK) {
        troubleshoot_say(c, &t.probe, &t.result);
        status = t.result.end == PROBE_TAKEN ? CLI_OK : CLI_FAILED;
    }
    plan_free(t.plan);
    asking_end(&t.dns);
    buf_done(&t.text);
    return status;
}

static struct err read_target(struct test *t)
{
    struct arena *a = &t->c->arena;
    struct str target = t->c->operands[0], sender = cli_text(t->c, S("sender"), S(""));
    struct mail_address address = {0};
    t->probe.asks_rcpt = str_find_byte(target, '@') != STR_NOT_FOUND;
    if (!t->probe.asks_rcpt)
        target = arena_join(a, S("postmaster@"), target);
    TRY(mail_address_parse(a, target, &address));
    t->probe.rcpt = mail_address_normal(a, &address);
    t->probe.sender = S("");
    if (str_is_empty(sender) || str_eq(sender, S("<>")))
        return OK;
    TRY(mail_address_parse(a, sender, &address));
    t->probe.sender = mail_address_normal(a, &address);
    return OK;
}

static struct err find(void *test)
{
    struct test *t = test;
    void *ring = mem_bytes(event_ring_bytes());
    for (size_t id = 0; id < EVENT_COUNT; id++)
        t->wants.of[id] = (uint8_t)(event_row((enum event_id)id)->level | WANT_RECORD);
    if (ring == NULL)
        return fail(ERR_LIMIT, "no memory for events");
    struct event_log *log = event_log_new(&(struct event_log_options){.wants = &t->wants,
            .ring = event_ring_at(ring),
            .sink = {.self = t, .write = take_records},
            .now_ms = wall_ms,
            .node = 1});
    struct err e = log == NULL ? fail(ERR_LIMIT, "no memory for events") : probe(t, log);
    if (log != NULL)
        (void)event_log_flush(log);
    event_log_free(log);
    mem_free(ring);
    return e;
}

static struct err probe(struct test *t, struct event_log *log)
{
    struct arena *a = &t->c->arena;
    const struct plan *plan = t->plan;
    struct sts_cache_options nothing_kept = {0};
    struct deliver_inputs in = {.settings = &plan->deliver,
            .schedules = &plan->schedules,
            .dsn = &plan->dsn,
            .listen = &plan->listen,
            .resolver = t->dns.resolver,
            .tls = plan->tls_clients,
            .log = log,
            .workers = 1};
    struct directories_options how = {.settings = plan->directory};
    struct directories *directories = NULL;
    if (directory_settings_have_internal(plan->directory))
        how.folder = directory_folder(a, conf_str(plan->conf, S("global.state-dir")));
    TRY(sts_cache_new(&nothing_kept, &in.sts));
    struct err e = directories_open(a, &how, &directories);
    in.directories = directories;
    int64_t wait_s = (int64_t)cli_number(t->c, S("timeout"), WAIT_SECONDS);
    within_ms(wait_s * SECOND_MS);
    if (!failed(e))
        e = end_late(t, deliver_probe(a, &in, &t->probe, &t->result), wait_s);
    directories_close(directories);
    sts_cache_free(in.sts);
    return e;
}

// Somebody is slower than we wait here; a server waits longer.
static struct err end_late(struct test *t, struct err e, int64_t wait_s)
{
    if (e.kind != ERR_TIMEOUT)
        return e;
    t->result = (struct probe_result){.end = PROBE_UNKNOWN};
    t->result.outcome.text = arena_fmt(&t->c->arena,
            "the step behind the last one above took longer than the %lld s of --timeout",
            (long long)wait_s);
    return OK;
}

static bool take_records(void *test, struct str records)
{
    static const struct text_style as_json = {.form = FORM_JSON, .precision = DATE_MS};
    struct test *t = test;
    struct record r;
    while (record_take(&records, &r)) {
        if (t->c->json)
            text_add_line(&t->text, &r, &as_json);
        else
            troubleshoot_add_event(&t->text, &r);
    }
    return true;
}

const struct command command_troubleshoot_delivery = {
        .run = run,
        CLI_ONE_OPERAND("DOMAIN|ADDRESS"),
        .about = "Goes the way that mail would take now: route, hosts, policies of MTA-STS and "
                 "DANE,\n"
                 "connection, TLS, greeting, EHLO; with an address also MAIL and RCPT. No message\n"
                 "is sent, and nothing that a running server keeps is looked at or changed: not\n"
                 "its connections, limits, or what it knows of hosts.\n"
                 "\n"
                 "Prints the steps, with the settings (file and line) that decided about routes,\n"
                 "strategies and limiters, and in the last line what would become of mail, and "
                 "why.\n"
                 "The exit status is 0 if somebody would take it, else 1.",
        .examples = "  posthaste troubleshoot delivery example.org\n"
                    "  posthaste troubleshoot delivery bob@example.org --sender ann@example.com",
        CLI_OPTIONS(options),
};
