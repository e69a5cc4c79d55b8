// SPDX-License-Identifier: Apache-2.0
// queue/control/edit.c: see queue/control/edit.h.
#include "queue/control/edit.h"

#include "queue/unit.h"

static bool names(const struct rcpt_edit *edit, const struct recipient *r);
static bool has_rcpt(const struct message *m, struct str address);
static struct err edit_envelope(struct arena *a, const struct envelope_edits *wish,
        const struct message *m, struct unit *u, bool *changed) MUST_USE;
static bool is_as_wished(const struct envelope_edits *wish, const struct message *m);
static bool tags_are(const struct message *m, const struct message_tag *tags, size_t count);
static bool edit_rcpt(
        const struct message_edit *edit, const struct message *m, struct recipient *r);
static bool edit_orcpt(const struct rcpt_edit *edit, struct recipient *r);
static bool edit_times(const struct rcpt_edit *edit, const struct message *m, struct recipient *r);
static bool edit_expiry(const struct rcpt_edit *edit, const struct message *m, struct recipient *r);
static bool requeue(const struct message_edit *edit, const struct message *m, struct recipient *r);

struct err message_edit_check(
        struct arena *a, const struct message_edit *edit, const struct message *m)
{
    for (size_t i = 0; i < edit->rcpts.only_count; i++)
        if (!has_rcpt(m, edit->rcpts.only[i]))
            return fail_fmt(
                    a, ERR_REFUSED, "Recipient '<%.*s>' does not exist", ARG(edit->rcpts.only[i]));
    return OK;
}

struct err message_edit_unit(struct arena *a, const struct message_edit *edit,
        const struct message *m, struct unit *u, bool *out_changed)
{
    bool changed = false;
    TRY(edit_envelope(a, &edit->envelope, m, u, &changed));
    bool of_rcpts = false;
    for (size_t i = 0; i < u->rcpt_count; i++)
        if (names(&edit->rcpts, &u->rcpts[i]))
            of_rcpts |= edit_rcpt(edit, m, &u->rcpts[i]);
    if (of_rcpts)
        u->due_ms = unit_next_due(u, m->created_ms);
    *out_changed = changed || of_rcpts;
    return OK;
}

static bool names(const struct rcpt_edit *edit, const struct recipient *r)
{
    const struct strs only = {edit->only, edit->only_count};
    return edit->only_count == 0 || strs_have(&only, r->address);
}

static bool has_rcpt(const struct message *m, struct str address)
{
    for (size_t i = 0; i < m->unit_count; i++)
        for (size_t j = 0; j < m->units[i].rcpt_count; j++)
            if (str_eq(m->units[i].rcpts[j].address, address))
                return true;
    return false;
}

// --- The envelope --------------------------------------------------------------------------------

// What was changed before stays changed.
static struct err edit_envelope(struct arena *a, const struct envelope_edits *wish,
        const struct message *m, struct unit *u, bool *changed)
{
    if (is_as_wished(wish, m))
        return OK;
    struct envelope_edits *all = arena_make(a, struct envelope_edits);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for a change of the queue");
    if (u->edits != NULL)
        *all = *u->edits;
    if (wish->has_env_id) {
        all->has_env_id = true;
        all->env_id = wish->env_id;
    }
    if (wish->has_priority) {
        all->has_priority = true;
        all->priority = wish->priority;
    }
    if (wish->has_tags) {
        all->has_tags = true;
        all->tags = wish->tags;
        all->tag_count = wish->tag_count;
    }
    u->edits = all;
    *changed = true;
    return OK;
}

static bool is_as_wished(const struct envelope_edits *wish, const struct message *m)
{
    return (!wish->has_env_id || str_eq(m->env_id, wish->env_id)) &&
           (!wish->has_priority || m->priority == wish->priority) &&
           (!wish->has_tags || tags_are(m, wish->tags, wish->tag_count));
}

static bool tags_are(const struct message *m, const struct message_tag *tags, size_t count)
{
    if (m->tag_count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!str_eq(m->tags[i].name, tags[i].name) || !str_eq(m->tags[i].value, tags[i].value))
            return false;
    return true;
}

void message_take_edits(struct message *m)
{
    const struct envelope_edits *edits = m->unit_count > 0 ? m->units[0].edits : NULL;
    if (edits == NULL)
        return;
    if (edits->has_env_id)
        m->env_id = edits->env_id.len > 0 ? edits->env_id : STR_NULL;
    if (edits->has_priority)
        m->priority = edits->priority;
    if (edits->has_tags) {
        m->tags = edits->tags;
        m->tag_count = edits->tag_count;
    }
}

// --- A recipient ---------------------------------------------------------------------------------

static bool edit_rcpt(const struct message_edit *edit, const struct message *m, struct recipient *r)
{
    const struct rcpt_edit *wish = &edit->rcpts;
    bool changed = wish->requeues && requeue(edit, m, r);
    if (rcpt_is_final(r))
        return changed;
    if (wish->drops) {
        rcpt_cancel(r, CANCEL_SILENTLY, edit->wall_now_ms);
        return true;
    }
    changed |= wish->sets_orcpt && edit_orcpt(wish, r);
    changed |= edit_times(wish, m, r);
    return changed;
}

static bool edit_orcpt(const struct rcpt_edit *edit, struct recipient *r)
{
    bool has_one = edit->orcpt.len > 0;
    struct str type = has_one ? edit->orcpt_type : STR_NULL;
    if (str_eq(r->orcpt, edit->orcpt) && str_eq(r->orcpt_type, type))
        return false;
    r->orcpt = has_one ? edit->orcpt : STR_NULL;
    r->orcpt_type = type;
    return true;
}

static bool edit_times(const struct rcpt_edit *edit, const struct message *m, struct recipient *r)
{
    bool changed = false;
    if (edit->sets_retry && r->retry_at_ms != edit->retry_at_ms) {
        r->retry_at_ms = edit->retry_at_ms;
        changed = true;
    }
    if (edit->sets_notify && r->notify_at_ms != edit->notify_at_ms) {
        r->notify_at_ms = edit->notify_at_ms;
        changed = true;
    }
    return (edit->sets_expiry && edit_expiry(edit, m, r)) || changed;
}

// The end is a person's from now on: schedules leave it alone (queue.md 2.2, expires_fixed).
static bool edit_expiry(const struct rcpt_edit *edit, const struct message *m, struct recipient *r)
{
    struct recipient before = *r;
    bool by_time = edit->expiry == EXPIRY_TTL;
    r->expiry = edit->expiry;
    r->expiry_ms = by_time ? edit->expires_at_ms - m->created_ms : 0;
    r->expiry_attempts = by_time ? 0 : edit->expiry_attempts;
    r->flags |= RCPT_EXPIRY_FIXED;
    return before.expiry != r->expiry || before.expiry_ms != r->expiry_ms ||
           before.expiry_attempts != r->expiry_attempts || before.flags != r->flags;
}

// queue.md 13.6. One whose time is over gets an attempt all the same. A report that was made about
// its failure has left, so the flag that says so stays.
static bool requeue(const struct message_edit *edit, const struct message *m, struct recipient *r)
{
    if (r->status != RCPT_PERM_FAILED)
        return false;
    r->status = RCPT_SCHEDULED;
    r->flags &= ~(uint32_t)RCPT_SILENT;
    r->last = (struct outcome){0};
    r->retry_at_ms = edit->wall_now_ms;
    bool over_by_count = r->expiry == EXPIRY_ATTEMPTS && r->retry_count >= r->expiry_attempts;
    if (over_by_count || rcpt_expires_at_ms(r, m->created_ms) <= edit->wall_now_ms) {
        r->expiry = EXPIRY_ATTEMPTS;
        r->expiry_ms = 0;
        r->expiry_attempts = r->retry_count + 1;
        r->flags |= RCPT_EXPIRY_FIXED;
    }
    return true;
}
