// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_orders.c: see queue_orders.h. A running server is told to look, and sees it by
// itself within seconds; and there may be no server.
#include "cli/queue/queue_orders.h"

#include "base/date.h"
#include "cli/moment.h"
#include "cli/one_task.h"
#include "cli/queue/queue_pauses.h"
#include "cli/server/become_server.h"
#include "deliver/shape/suspend.h"
#include "rt/clock.h"

#define TEXT_BYTES_MAX (8 * MIB)

struct work {
    struct cli *c;
    enum orders_use use;
    struct conf *conf;
    struct str path;
    struct suspension order; // that is given, or like which others are lifted
    bool names_some;
    size_t lifted;
    struct suspensions all;
};

static int settings_read(struct work *w);
static struct err read_order(void *arg) MUST_USE;
static struct err read_scopes(struct work *w) MUST_USE;
static struct err read_limits(struct work *w) MUST_USE;
static struct err work(void *arg) suspends;
static bool is_listing(const struct work *w);
static int say(struct work *w);
static void say_order(struct buf *text, const struct suspension *s);

int queue_orders_run(struct cli *c, enum orders_use use)
{
    struct work w = {.c = c, .use = use};
    struct err wrong = one_task_run(read_order, &w); // a task, because it asks for the time
    if (failed(wrong))
        return cli_usage_error(c, wrong);
    int status = settings_read(&w);
    if (status == CLI_OK)
        status = one_task_do(c, work, &w);
    if (status == CLI_OK)
        status = say(&w);
    conf_free(w.conf);
    return status;
}

static int settings_read(struct work *w)
{
    int status;
    w->conf = config_read_state(w->c, &status);
    if (w->conf != NULL)
        w->path = suspensions_path(&w->c->arena, w->conf);
    return status;
}

// --- What is meant -------------------------------------------------------------------------------

static struct err read_order(void *arg)
{
    struct work *w = arg;
    struct cli *c = w->c;
    struct conf_env env = conf_env_process(&c->arena);
    struct str order = cli_text(c, S("order"), S("suspend"));
    w->order = (struct suspension){.since_ms = wall_ms(), .until_ms = NEVER_MS};
    w->order.by = str_trim(
            arena_fmt(&c->arena, "command line %.*s", ARG(conf_env_exact(&env, S("USER")))));
    if (!suspend_kind_named(order, &w->order.kind))
        return fail(ERR_SYNTAX, "--order takes suspend, throttle, backoff or disable-tls");
    TRY(read_scopes(w));
    if (w->use == ORDERS_LIFT || is_listing(w))
        return OK;
    w->order.reason = cli_text(c, S("reason"), S(""));
    struct str until = cli_text(c, S("until"), STR_NULL);
    if (!str_is_null(until) && (!moment_parse(until, w->order.since_ms, &w->order.until_ms) ||
                                       w->order.until_ms <= w->order.since_ms))
        return fail(ERR_SYNTAX, "--until takes a moment to come: 2026-01-31T10:00:00Z, +2h or +1d");
    return read_limits(w);
}

static struct err read_scopes(struct work *w)
{
    struct arena *a = &w->c->arena;
    for (enum suspend_scope i = 0; i < SUSPEND_SCOPES; i++) {
        struct str value = cli_text(w->c, suspend_scope_name(i), STR_NULL);
        struct ip ip;
        if (str_is_null(value))
            continue;
        if (str_is_empty(value))
            return fail_fmt(a, ERR_SYNTAX, "--%.*s names nothing", ARG(suspend_scope_name(i)));
        if (i == SUSPEND_SOURCE_IP && !ip_parse(value, &ip))
            return fail_fmt(a, ERR_SYNTAX, "\"%.*s\" is no address", ARG(value));
        w->order.scope[i] = i == SUSPEND_SOURCE_IP ? ip_text(a, &ip) : value;
        w->names_some = true;
    }
    if (!w->names_some && w->use == ORDERS_LIFT && !cli_has(w->c, S("all")))
        return fail(ERR_SYNTAX, "this needs something that is to go on, or --all");
    return OK;
}

static struct err read_limits(struct work *w)
{
    struct str rate = cli_text(w->c, S("rate"), STR_NULL);
    uint64_t permits = cli_number(w->c, S("concurrency"), 0);
    bool throttles = w->order.kind == SUSPEND_THROTTLE;
    if (!str_is_null(rate) && !value_rate(rate, &w->order.rate))
        return fail(ERR_SYNTAX, "--rate takes a number and a time, such as 100/1h");
    w->order.concurrency = (uint32_t)permits;
    if (throttles != (w->order.rate.count > 0 || permits > 0))
        return fail(ERR_SYNTAX, "--order throttle, and it alone, takes --rate or --concurrency");
    return OK;
}

static bool is_listing(const struct work *w)
{
    return w->use == ORDERS_GIVE && (!w->names_some || cli_has(w->c, S("list")));
}

// --- The file ------------------------------------------------------------------------------------

static struct err work(void *arg)
{
    struct work *w = arg;
    struct arena *a = &w->c->arena;
    if (is_listing(w))
        return suspensions_read(a, w->path, &w->all);
    TRY(become_server(a, w->conf, conf_str(w->conf, S("global.state-dir"))));
    if (w->use == ORDERS_GIVE)
        TRY(suspensions_add(a, w->path, &w->order, wall_ms()));
    else
        TRY(suspensions_lift(a, w->path, &w->order, wall_ms(), &w->lifted));
    queue_tell_look(w->conf);
    return suspensions_read(a, w->path, &w->all);
}

// Those that hold, of a listing only those about what was named.
static int say(struct work *w)
{
    struct buf text AUTO(buf_done);
    struct json_out o = cli_json_begin(w->c);
    buf_init(&text, TEXT_BYTES_MAX);
    json_array_begin(&o);
    each_in_vec (s, &w->all.all) {
        bool is_meant = true;
        for (enum suspend_scope i = 0; is_listing(w) && i < SUSPEND_SCOPES; i++)
            is_meant &=
                    str_is_null(w->order.scope[i]) || str_eq_nocase(w->order.scope[i], s->scope[i]);
        if (!is_meant || !suspension_holds(s, w->order.since_ms))
            continue;
        suspension_show(&o, s);
        say_order(&text, s);
    }
    json_array_end(&o);
    int status = w->use == ORDERS_LIFT && w->lifted == 0 ? CLI_NOT_FOUND : CLI_OK;
    if (w->c->json)
        return cli_json_end(w->c, status);
    cli_print(w->c, text.len == 0 ? S("nothing is suspended\n") : buf_str(&text));
    return status;
}

static void say_order(struct buf *text, const struct suspension *s)
{
    buf_add(text, suspend_kind_name(s->kind));
    for (enum suspend_scope i = 0; i < SUSPEND_SCOPES; i++)
        if (!str_is_null(s->scope[i]))
            buf_fmt(text, " %.*s=%.*s", ARG(suspend_scope_name(i)), ARG(s->scope[i]));
    if (s->rate.count > 0) {
        buf_fmt(text, ", %u messages in ", s->rate.count);
        span_add(text, s->rate.period_ms);
    }
    if (s->concurrency > 0)
        buf_fmt(text, ", %u connections", s->concurrency);
    buf_add(text, S(", since "));
    date_add_rfc3339(text, s->since_ms, DATE_SECONDS);
    if (s->until_ms != NEVER_MS) {
        buf_add(text, S(" until "));
        date_add_rfc3339(text, s->until_ms, DATE_SECONDS);
    }
    buf_fmt(text, ", by %.*s%s", ARG(s->by), s->is_automatic ? " (automatic)" : "");
    buf_fmt(text, "%s%.*s\n", str_is_empty(s->reason) ? "" : ": ", ARG(s->reason));
}
