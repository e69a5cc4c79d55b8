// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_filter.c: options and the test.
#include "cli/queue/queue_filter.h"

#include "cli/moment.h"
#include "queue/env.h"
#include "queue/unit.h"

static struct err time_option(
        struct cli *c, struct str name, int64_t now_ms, int64_t otherwise, int64_t *out);
static bool unit_fits(const struct queue_filter *f, const struct unit *u);
static bool fits(struct str s, struct str part);
static bool message_contains(const struct message *m, struct str text);
static bool contains_nocase(struct str s, struct str part);

struct err queue_filter_read(struct cli *c, int64_t now_ms, struct queue_filter *out)
{
    struct str status = cli_text(c, S("status"), STR_NULL);
    struct str reason = cli_text(c, S("hold-reason"), STR_NULL);
    struct queue_filter f = {.sender = cli_text(c, S("sender"), STR_NULL),
            .rcpt = cli_text(c, S("rcpt"), STR_NULL),
            .domain = cli_text(c, S("domain"), STR_NULL),
            .text = cli_text(c, S("text"), STR_NULL),
            .queue = cli_text(c, S("queue"), STR_NULL),
            .error = cli_text(c, S("error"), STR_NULL),
            .account = cli_text(c, S("account"), STR_NULL)};
    TRY(time_option(c, S("before"), now_ms, INT64_MAX, &f.before_ms));
    TRY(time_option(c, S("after"), now_ms, INT64_MIN, &f.after_ms));
    f.null_sender = str_eq(f.sender, S("<>"));
    f.held = str_eq(status, S("held"));
    f.any_status = str_is_null(status) || f.held;
    for (int s = RCPT_SCHEDULED; s <= RCPT_PERM_FAILED; s++)
        if (str_eq(rcpt_status_word((enum rcpt_status)s), status))
            f.status = (enum rcpt_status)s;
    if (!str_is_null(reason) && !hold_reason_find(reason, &f.reason))
        return fail(ERR_SYNTAX, "no message is held for such a reason");
    f.is_empty = str_is_null(f.sender) && str_is_null(f.rcpt) && str_is_null(f.domain) &&
                 str_is_null(f.text) && str_is_null(f.queue) && str_is_null(f.error) &&
                 str_is_null(f.account) && str_is_null(status) && str_is_null(reason) &&
                 f.before_ms == INT64_MAX && f.after_ms == INT64_MIN;
    *out = f;
    return OK;
}

static struct err time_option(
        struct cli *c, struct str name, int64_t now_ms, int64_t otherwise, int64_t *out)
{
    struct str text = cli_text(c, name, STR_NULL);
    *out = otherwise;
    if (str_is_null(text) || moment_parse(text, now_ms, out))
        return OK;
    return fail_fmt(&c->arena, ERR_SYNTAX,
            "--%.*s: \"%.*s\" is no time; write 2026-01-31, 2026-01-31T10:00:00Z, -2h or +1d",
            ARG(name), ARG(text));
}

bool queue_filter_wants(const void *filter, const struct message *m)
{
    const struct queue_filter *f = filter;
    if (f->null_sender ? m->sender.len > 0 : !fits(m->sender, f->sender))
        return false;
    if (!str_is_null(f->account) && !str_eq_nocase(m->account, f->account))
        return false;
    if (!str_is_null(f->text) && !message_contains(m, f->text))
        return false;
    for (size_t i = 0; i < m->unit_count; i++)
        if (unit_fits(f, &m->units[i]))
            return true;
    return false;
}

// The parts about a unit and a recipient must all fit the same one.
static bool unit_fits(const struct queue_filter *f, const struct unit *u)
{
    if (u->due_ms <= f->after_ms || (f->before_ms != INT64_MAX && u->due_ms >= f->before_ms))
        return false;
    if (!str_is_null(f->queue) && !str_eq(u->queue, f->queue))
        return false;
    if (f->held && u->hold.reason == HOLD_NONE)
        return false;
    if (f->reason != HOLD_NONE && u->hold.reason != f->reason)
        return false;
    for (size_t i = 0; i < u->rcpt_count; i++)
        if (queue_filter_wants_rcpt(f, &u->rcpts[i]))
            return true;
    return false;
}

bool queue_filter_wants_rcpt(const struct queue_filter *f, const struct recipient *r)
{
    if (!f->any_status && r->status != f->status)
        return false;
    if (!str_is_null(f->domain) && !str_eq_nocase(address_domain(r->address), f->domain))
        return false;
    return fits(r->address, f->rcpt) && fits(r->last.text, f->error);
}

bool queue_filter_names_rcpts(const struct queue_filter *f)
{
    return !str_is_null(f->rcpt) || !str_is_null(f->domain) || !str_is_null(f->error) ||
           !f->any_status;
}

static bool fits(struct str s, struct str part)
{
    return str_is_null(part) || contains_nocase(s, part);
}

static bool message_contains(const struct message *m, struct str text)
{
    if (contains_nocase(m->sender, text))
        return true;
    for (size_t i = 0; i < m->unit_count; i++)
        for (size_t j = 0; j < m->units[i].rcpt_count; j++)
            if (contains_nocase(m->units[i].rcpts[j].address, text))
                return true;
    return false;
}

static bool contains_nocase(struct str s, struct str part)
{
    for (size_t at = 0; at + part.len <= s.len; at++)
        if (str_eq_nocase(str_part(s, at, part.len), part))
            return true;
    return false;
}
