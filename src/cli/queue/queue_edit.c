// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_edit.c: `posthaste queue edit` (queue.md 13.6, 13.7). What is meant by the
// options stands here; the change itself is queue/control/edit.h, and the way to the store
// cli/queue/queue_change.h.
#include "cli/queue/queue_edit.h"

#include "cli/commands.h"
#include "cli/moment.h"
#include "cli/queue/queue_change.h"

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        {.name = S_INIT("env-id"),
                .takes = OPTION_TEXT,
                .value = S_INIT("TEXT"),
                .help = "the envelope id that reports name; empty: none"},
        {.name = S_INIT("priority"),
                .takes = OPTION_TEXT,
                .value = S_INIT("N"),
                .help = "-9 to 9, the larger the more urgent"},
        {.name = S_INIT("tag"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME=VALUE"),
                .many = true,
                .help = "its tags, in place of those that it has"},
        {.name = S_INIT("no-tags"), .help = "no tags at all"},
        {.name = S_INIT("rcpt"),
                .letter = 'r',
                .takes = OPTION_TEXT,
                .value = S_INIT("ADDRESS"),
                .many = true,
                .help = "what follows is about these recipients only"},
        {.name = S_INIT("orcpt"),
                .takes = OPTION_TEXT,
                .value = S_INIT("TYPE;ADDRESS"),
                .help = "the original recipient that reports name; empty: none"},
        {.name = S_INIT("retry"),
                .takes = OPTION_TEXT,
                .value = S_INIT("T"),
                .help = "next attempt: 2026-01-31T10:00:00Z, +2h, +1d"},
        {.name = S_INIT("notify"),
                .takes = OPTION_TEXT,
                .value = S_INIT("T"),
                .help = "next notice of a delay; never: none any more"},
        {.name = S_INIT("expires"),
                .takes = OPTION_TEXT,
                .value = S_INIT("T"),
                .help = "when it is given up, whatever the schedule says"},
        {.name = S_INIT("attempts"),
                .takes = OPTION_NUMBER,
                .value = S_INIT("N"),
                .min = 1,
                .max = 1000000,
                .help = "given up after so many failed attempts instead"},
        {.name = S_INIT("requeue"), .help = "who has failed for good is tried anew, now"},
        {.name = S_INIT("drop"), .help = "the recipients of --rcpt are cancelled"},
        {.name = S_INIT("dry-run"), .help = "only say how many are meant"},
        CLI_OPTION_JSON,
};

static struct err read_envelope(struct cli *c, struct envelope_edits *out) MUST_USE;
static struct err read_tags(struct cli *c, struct envelope_edits *out) MUST_USE;
static struct err read_tag(struct cli *c, struct str text, struct message_tag *out) MUST_USE;
static struct err read_names(struct cli *c, struct rcpt_edit *out) MUST_USE;
static struct err read_orcpt(struct cli *c, struct rcpt_edit *out) MUST_USE;
static struct err read_times(struct cli *c, int64_t wall_now_ms, struct rcpt_edit *out) MUST_USE;
static struct err read_moment(struct cli *c, struct str name, int64_t wall_now_ms, bool *out_given,
        int64_t *out_at_ms) MUST_USE;
static bool changes_something(const struct message_edit *edit);
static bool is_text(struct str text, size_t bytes_max);

static int run(struct cli *c)
{
    return queue_change_run(c, CHANGE_EDIT);
}

struct err queue_edit_read(struct cli *c, int64_t wall_now_ms, struct message_edit *out)
{
    struct message_edit edit = {.wall_now_ms = wall_now_ms};
    TRY(read_envelope(c, &edit.envelope));
    TRY(read_names(c, &edit.rcpts));
    TRY(read_orcpt(c, &edit.rcpts));
    TRY(read_times(c, wall_now_ms, &edit.rcpts));
    edit.rcpts.requeues = cli_has(c, S("requeue"));
    edit.rcpts.drops = cli_has(c, S("drop"));
    if (edit.rcpts.drops && edit.rcpts.only_count == 0)
        return fail(ERR_SYNTAX, "whom to drop? Name them with --rcpt, or use queue cancel");
    if (edit.rcpts.drops && edit.rcpts.requeues)
        return fail(ERR_SYNTAX, "give either --drop or --requeue");
    if (!changes_something(&edit))
        return fail(ERR_SYNTAX, "what is to be changed? See --help");
    *out = edit;
    return OK;
}

static bool changes_something(const struct message_edit *edit)
{
    const struct rcpt_edit *r = &edit->rcpts;
    const struct envelope_edits *e = &edit->envelope;
    return e->has_env_id || e->has_priority || e->has_tags || r->sets_orcpt || r->sets_retry ||
           r->sets_notify || r->sets_expiry || r->requeues || r->drops;
}

static struct err read_envelope(struct cli *c, struct envelope_edits *out)
{
    int64_t priority = 0;
    struct str text = cli_text(c, S("priority"), STR_NULL);
    out->env_id = cli_text(c, S("env-id"), STR_NULL);
    out->has_env_id = !str_is_null(out->env_id);
    if (out->has_env_id && !is_text(out->env_id, ENV_ID_BYTES_MAX))
        return fail(ERR_SYNTAX, "--env-id takes up to 100 printable characters");
    out->has_priority = !str_is_null(text);
    bool good = !out->has_priority || str_to_i64(text, &priority);
    if (!good || priority < -PRIORITY_MOST || priority > PRIORITY_MOST)
        return fail(ERR_SYNTAX, "--priority takes -9 to 9");
    out->priority = (int)priority;
    return read_tags(c, out);
}

static struct err read_tags(struct cli *c, struct envelope_edits *out)
{
    struct message_tag *tags = arena_array(&c->arena, MESSAGE_TAGS_MAX, struct message_tag);
    struct str text = cli_text_nth(c, S("tag"), 0);
    if (tags == NULL)
        return fail(ERR_LIMIT, "no memory for tags");
    while (!str_is_null(text)) {
        if (out->tag_count == MESSAGE_TAGS_MAX)
            return fail(ERR_SYNTAX, "a message has 16 tags at most");
        TRY(read_tag(c, text, &tags[out->tag_count++]));
        text = cli_text_nth(c, S("tag"), out->tag_count);
    }
    out->tags = tags;
    out->has_tags = out->tag_count > 0 || cli_has(c, S("no-tags"));
    if (out->tag_count > 0 && cli_has(c, S("no-tags")))
        return fail(ERR_SYNTAX, "give either --tag or --no-tags");
    return OK;
}

static struct err read_tag(struct cli *c, struct str text, struct message_tag *out)
{
    if (!str_cut(text, '=', &out->name, &out->value) || str_is_empty(out->name) ||
            !is_text(out->name, TAG_NAME_BYTES_MAX) || !is_text(out->value, TAG_VALUE_BYTES_MAX))
        return fail_fmt(&c->arena, ERR_SYNTAX,
                "\"%.*s\" is no tag: NAME=VALUE of up to 64 and 256 bytes", ARG(text));
    return OK;
}

static struct err read_names(struct cli *c, struct rcpt_edit *out)
{
    struct str *only = arena_array(&c->arena, c->options.given.count + 1, struct str);
    struct str name = cli_text_nth(c, S("rcpt"), 0);
    if (only == NULL)
        return fail(ERR_LIMIT, "no memory for recipients");
    while (!str_is_null(name)) {
        only[out->only_count++] = name;
        name = cli_text_nth(c, S("rcpt"), out->only_count);
    }
    out->only = only;
    return OK;
}

// orcpt = [ type ";" ] address               RFC 3461 4.2, decoded
static struct err read_orcpt(struct cli *c, struct rcpt_edit *out)
{
    struct str text = cli_text(c, S("orcpt"), STR_NULL);
    out->sets_orcpt = !str_is_null(text);
    out->orcpt = text;
    out->orcpt_type = S("rfc822");
    (void)str_cut(text, ';', &out->orcpt_type, &out->orcpt);
    if (out->sets_orcpt && (!is_text(text, ORCPT_BYTES_MAX) || str_is_empty(out->orcpt_type)))
        return fail(ERR_SYNTAX, "--orcpt takes TYPE;ADDRESS, such as rfc822;ann@example.org");
    return OK;
}

static struct err read_times(struct cli *c, int64_t wall_now_ms, struct rcpt_edit *out)
{
    bool by_time = false, by_count = cli_has(c, S("attempts"));
    TRY(read_moment(c, S("retry"), wall_now_ms, &out->sets_retry, &out->retry_at_ms));
    TRY(read_moment(c, S("expires"), wall_now_ms, &by_time, &out->expires_at_ms));
    if (by_time && by_count)
        return fail(ERR_SYNTAX, "give either --expires or --attempts");
    out->sets_expiry = by_time || by_count;
    out->expiry = by_count ? EXPIRY_ATTEMPTS : EXPIRY_TTL;
    out->expiry_attempts = (uint32_t)cli_number(c, S("attempts"), 0);
    if (!str_eq(cli_text(c, S("notify"), S("")), S("never")))
        return read_moment(c, S("notify"), wall_now_ms, &out->sets_notify, &out->notify_at_ms);
    out->sets_notify = true;
    out->notify_at_ms = NEVER_MS;
    return OK;
}

static struct err read_moment(
        struct cli *c, struct str name, int64_t wall_now_ms, bool *out_given, int64_t *out_at_ms)
{
    struct str text = cli_text(c, name, STR_NULL);
    *out_given = !str_is_null(text);
    if (*out_given && !moment_parse(text, wall_now_ms, out_at_ms))
        return fail_fmt(
                &c->arena, ERR_SYNTAX, "--%.*s takes 2026-01-31T10:00:00Z, +2h or +1d", ARG(name));
    return OK;
}

static bool is_text(struct str text, size_t bytes_max)
{
    bool good = text.len <= bytes_max && str_is_utf8(text);
    for (size_t i = 0; i < text.len; i++)
        good &= (uint8_t)text.ptr[i] >= ' ' && text.ptr[i] != 127;
    return good;
}

const struct command command_queue_edit = {
        .run = run,
        .operands = "ID...",
        .operand_min = 1,
        .operand_max = SIZE_MAX,
        .about = "Changes the envelope of messages that wait: envelope id, priority and tags of "
                 "the\n"
                 "message; original recipient, times and end of its pending recipients, or of "
                 "those\n"
                 "given with --rcpt. Addresses cannot be changed or added. What is as wanted "
                 "already\n"
                 "stays as it is, and is no error.",
        .examples = "  posthaste queue edit 0b55250b1000400a --priority 4 --expires +12h\n"
                    "  posthaste queue edit 0b55250b1000400a --rcpt ann@example.org --requeue\n"
                    "  posthaste queue edit 0b55250b1000400a --rcpt bob@example.org --drop",
        CLI_OPTIONS(options),
};
