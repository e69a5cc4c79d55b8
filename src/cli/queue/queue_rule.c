// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_rule.c: `posthaste queue rule add`, `list` and `remove` (queue.md 13.2, 13.9;
// management.md 4.5). A rule is first written down, so that nothing slips past it, and then applied
// to what waits.
#include "cli/queue/queue_rule.h"

#include "base/date.h"
#include "cli/commands.h"
#include "cli/moment.h"
#include "cli/one_task.h"
#include "cli/queue/queue_change.h"
#include "cli/queue/queue_pauses.h"
#include "cli/server/become_server.h"
#include "queue/unit.h"
#include "rt/clock.h"

#define LIST_BYTES_MAX MIB

static const struct cli_option add_options[] = {
        {.name = S_INIT("rcpt-domain"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME"),
                .help = "mail for this domain"},
        {.name = S_INIT("sender"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ADDRESS"),
                .help = "mail from this sender; '<>': without one"},
        {.name = S_INIT("sender-domain"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME"),
                .help = "mail from senders of this domain"},
        {.name = S_INIT("queue"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME"),
                .help = "mail in this virtual queue"},
        {.name = S_INIT("tag"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME=VALUE"),
                .help = "mail with this tag"},
        {.name = S_INIT("account"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME"),
                .help = "mail submitted by this account"},
        {.name = S_INIT("until"),
                .takes = OPTION_TEXT,
                .value = S_INIT("T"),
                .help = "when the rule ends: +2h, 2026-01-31 (default +1d, at most +30d)"},
        {.name = S_INIT("reason"),
                .takes = OPTION_TEXT,
                .value = S_INIT("TEXT"),
                .help = "why, for those who look later"},
        {.name = S_INIT("text"),
                .takes = OPTION_TEXT,
                .value = S_INIT("TEXT"),
                .help = "bounce: what senders are told"},
        {.name = S_INIT("no-dsn"), .help = "bounce: senders are not told"},
        {.name = S_INIT("dry-run"), .help = "only say how many messages it fits now"},
        CLI_OPTION_CONFIG,
        CLI_OPTION_YES,
        CLI_OPTION_JSON,
};
static const struct cli_option other_options[] = {CLI_OPTION_CONFIG, CLI_OPTION_JSON};

enum rule_use { RULE_ADD, RULE_LIST, RULE_REMOVE };

struct work {
    struct cli *c;
    enum rule_use use;
    struct conf *conf;
    struct str path;
    struct standing_rule rule;
    struct standing_rules all;
    int64_t now_ms;
    int status;
};

static bool is_line(struct str text);
static int use_file(struct work *w);
static struct err file_main(void *arg) suspends;
static struct err add(struct work *w) suspends MUST_USE;
static int say_all(struct work *w);
static void say_rule(struct buf *text, const struct standing_rule *rule, int64_t now_ms);

// --- add -----------------------------------------------------------------------------------------

struct err queue_rule_read(struct cli *c, int64_t wall_now_ms, struct standing_rule *out)
{
    struct conf_env env = conf_env_process(&c->arena);
    struct standing_rule rule = {.since_ms = wall_now_ms,
            .until_ms = wall_now_ms + STANDING_PRESET_MS,
            .text = cli_text(c, S("text"), S("")),
            .reason = cli_text(c, S("reason"), S("")),
            .by = arena_fmt(&c->arena, "command line %.*s", ARG(conf_env_exact(&env, S("USER")))),
            .no_dsn = cli_has(c, S("no-dsn"))};
    bool names_something = false, lines = is_line(rule.text) && is_line(rule.reason);
    for (size_t i = 0; i < STANDING_SCOPES; i++) {
        rule.scope[i] = cli_text(c, standing_scope_name((enum standing_scope)i), STR_NULL);
        names_something |= !str_is_null(rule.scope[i]);
        lines &= is_line(rule.scope[i]);
    }
    if (str_eq(rule.scope[STANDING_SENDER], S("<>")))
        rule.scope[STANDING_SENDER] = S("");
    struct str until = cli_text(c, S("until"), STR_NULL);
    if (!standing_action_named(c->operands[0], &rule.action))
        return fail(ERR_SYNTAX, "what shall it do? hold or bounce");
    if (!names_something)
        return fail(ERR_SYNTAX, "what is it about? See --help");
    if (!lines)
        return fail(ERR_SYNTAX, "what a rule says is one line of at most 500 bytes");
    if (!str_is_null(until) && !moment_parse(until, wall_now_ms, &rule.until_ms))
        return fail(ERR_SYNTAX, "--until takes 2026-01-31T10:00:00Z, +2h or +1d");
    if (rule.until_ms <= wall_now_ms || rule.until_ms > wall_now_ms + STANDING_LONGEST_MS)
        return fail(ERR_SYNTAX, "a rule ends within the next 30 days");
    if (rule.action == STANDING_HOLD && (rule.text.len > 0 || rule.no_dsn))
        return fail(ERR_SYNTAX, "--text and --no-dsn are for rules that bounce");
    *out = rule;
    return OK;
}

static bool is_line(struct str text)
{
    bool good = text.len <= STANDING_TEXT_BYTES_MAX && str_is_utf8(text);
    for (size_t i = 0; i < text.len; i++)
        good &= (uint8_t)text.ptr[i] >= ' ' && text.ptr[i] != 127;
    return good;
}

static int run_add(struct cli *c)
{
    struct work w = {.c = c, .use = RULE_ADD};
    int status = use_file(&w);
    return status == CLI_OK ? queue_change_run(c, CHANGE_RULE) : status;
}

bool queue_rule_wants(const void *filter, const struct message *m)
{
    const struct standing_rule *rule = filter;
    for (size_t i = 0; i < m->unit_count; i++)
        if (!unit_is_final(&m->units[i]) && standing_fits(rule, m, &m->units[i]))
            return true;
    return false;
}

bool queue_rule_change(const struct queue_work *w, const struct standing_rule *rule,
        const struct message *m, struct unit *u)
{
    if (!standing_fits(rule, m, u))
        return false;
    if (rule->action == STANDING_HOLD)
        return standing_hold(
                rule, m, u, w->wall_now_ms, conf_duration_ms(w->conf, S("queue.hold.max")));
    return unit_retry(u, m->created_ms, w->wall_now_ms);
}

// --- list, remove --------------------------------------------------------------------------------

static int run_list(struct cli *c)
{
    struct work w = {.c = c, .use = RULE_LIST};
    int status = use_file(&w);
    return status == CLI_OK ? say_all(&w) : status;
}

static int run_remove(struct cli *c)
{
    struct work w = {.c = c, .use = RULE_REMOVE};
    return use_file(&w);
}

// --- The file ------------------------------------------------------------------------------------

static int use_file(struct work *w)
{
    int status;
    w->conf = config_read_state(w->c, &status);
    if (status == CLI_OK) {
        w->path = standing_path(&w->c->arena, w->conf);
        status = one_task_do(w->c, file_main, w);
    }
    conf_free(w->conf);
    return status == CLI_OK ? w->status : status;
}

static struct err file_main(void *arg)
{
    struct work *w = arg;
    struct arena *a = &w->c->arena;
    w->now_ms = wall_ms();
    if (w->use == RULE_LIST)
        return standing_read(a, w->path, &w->all);
    if (w->use == RULE_ADD)
        return add(w);
    TRY(become_server(a, w->conf, conf_str(w->conf, S("global.state-dir"))));
    TRY(standing_remove(a, w->path, w->c->operands[0], w->now_ms));
    queue_tell_look(w->conf);
    return OK;
}

static struct err add(struct work *w)
{
    struct cli *c = w->c;
    struct err bad = queue_rule_read(c, w->now_ms, &w->rule);
    if (failed(bad))
        w->status = cli_usage_error(c, bad);
    if (failed(bad) || cli_has(c, S("dry-run")))
        return OK;
    if (w->rule.action == STANDING_BOUNCE &&
            !cli_sure(c, "Give up all mail that the rule fits, now and while it holds?"))
        return fail(ERR_REFUSED, "no rule was made; --yes makes it without asking");
    TRY(become_server(&c->arena, w->conf, conf_str(w->conf, S("global.state-dir"))));
    w->rule.id = arena_fmt(&c->arena, "%08x", (unsigned)(random_u64() & UINT32_MAX));
    TRY(standing_add(&c->arena, w->path, &w->rule, w->now_ms));
    if (!c->json)
        fprintf(c->out, "Rule %.*s.\n", ARG(w->rule.id));
    queue_tell_look(w->conf);
    return OK;
}

static int say_all(struct work *w)
{
    struct cli *c = w->c;
    struct buf text AUTO(buf_done);
    int64_t now_ms = w->now_ms;
    buf_init(&text, LIST_BYTES_MAX);
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        json_array_begin(&o);
        each_in_vec (rule, &w->all.all)
            if (standing_holds(rule, now_ms))
                standing_show(&o, rule);
        json_array_end(&o);
        return cli_json_end(c, CLI_OK);
    }
    each_in_vec (rule, &w->all.all)
        if (standing_holds(rule, now_ms))
            say_rule(&text, rule, now_ms);
    if (text.len == 0)
        buf_add(&text, S("There are no rules.\n"));
    cli_print(c, buf_str(&text));
    return CLI_OK;
}

static void say_rule(struct buf *text, const struct standing_rule *rule, int64_t now_ms)
{
    buf_fmt(text, "%.*s  %.*s", ARG(rule->id), ARG(standing_action_name(rule->action)));
    for (size_t i = 0; i < STANDING_SCOPES; i++)
        if (!str_is_null(rule->scope[i]))
            buf_fmt(text, " %.*s=%.*s", ARG(standing_scope_name((enum standing_scope)i)),
                    ARG(rule->scope[i]));
    buf_add(text, S(", ends "));
    moment_add(text, rule->until_ms, now_ms);
    buf_fmt(text, ", by %.*s%s%.*s\n", ARG(rule->by), rule->reason.len > 0 ? ": " : "",
            ARG(rule->reason));
}

const struct command command_queue_rule_add = {
        .run = run_add,
        CLI_ONE_OPERAND("hold|bounce"),
        .about =
                "Holds or gives up all mail that fits: what waits already, and what comes while "
                "the\n"
                "rule holds. All that is named must fit. What a rule holds stays held when the\n"
                "rule has ended, until it is released. What is being sent at this moment goes on,\n"
                "and what is held for another reason stays so.",
        .examples =
                "  posthaste queue rule add hold --rcpt-domain example.org --until +2h\n"
                "  posthaste queue rule add bounce --tag campaign=7 --reason \"a mistake\" --yes",
        CLI_OPTIONS(add_options),
};

const struct command command_queue_rule_list = {
        .run = run_list,
        .about = "The standing rules that hold now.",
        .examples = "  posthaste queue rule list",
        CLI_OPTIONS(other_options),
};

const struct command command_queue_rule_remove = {
        .run = run_remove,
        CLI_ONE_OPERAND("ID"),
        .about = "Ends a standing rule now. What it holds stays held until it is released.",
        .examples = "  posthaste queue rule remove 5f0c21aa",
        CLI_OPTIONS(other_options),
};
