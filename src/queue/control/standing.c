// SPDX-License-Identifier: Apache-2.0
// queue/control/standing.c: which rule is about a unit, and what it makes of it. standing_file.c
// has the file.
#include "queue/control/standing.h"

#include "directory/account.h"
#include "queue/unit.h"

static bool scope_fits(enum standing_scope scope, struct str wanted, const struct message *m,
        const struct unit *u);
static bool has_tag(const struct message *m, struct str wanted);

static const struct str scope_names[] = {[STANDING_RCPT_DOMAIN] = S_INIT("rcpt-domain"),
        [STANDING_SENDER] = S_INIT("sender"),
        [STANDING_SENDER_DOMAIN] = S_INIT("sender-domain"),
        [STANDING_QUEUE] = S_INIT("queue"),
        [STANDING_TAG] = S_INIT("tag"),
        [STANDING_ACCOUNT] = S_INIT("account")};
static const struct str action_names[] = {
        [STANDING_HOLD] = S_INIT("hold"), [STANDING_BOUNCE] = S_INIT("bounce")};

bool standing_holds(const struct standing_rule *rule, int64_t wall_now_ms)
{
    return wall_now_ms < rule->until_ms;
}

bool standing_fits(const struct standing_rule *rule, const struct message *m, const struct unit *u)
{
    for (size_t i = 0; i < STANDING_SCOPES; i++) {
        bool is_named = !str_is_null(rule->scope[i]);
        if (is_named && !scope_fits((enum standing_scope)i, rule->scope[i], m, u))
            return false;
    }
    return true;
}

static bool scope_fits(
        enum standing_scope scope, struct str wanted, const struct message *m, const struct unit *u)
{
    switch (scope) {
    case STANDING_RCPT_DOMAIN:
        return str_eq_nocase(u->domain, wanted);
    case STANDING_SENDER:
        return str_eq_nocase(m->sender, wanted);
    case STANDING_SENDER_DOMAIN:
        return str_eq_nocase(address_domain(m->sender), wanted);
    case STANDING_QUEUE:
        return str_eq(u->queue, wanted);
    case STANDING_TAG:
        return has_tag(m, wanted);
    case STANDING_ACCOUNT:
        return str_eq_nocase(m->account, wanted);
    case STANDING_SCOPES:
        break;
    }
    return false;
}

static bool has_tag(const struct message *m, struct str wanted)
{
    struct str name = wanted, value = S("");
    (void)str_cut(wanted, '=', &name, &value);
    for (size_t i = 0; i < m->tag_count; i++)
        if (str_eq(m->tags[i].name, name) && str_eq(m->tags[i].value, value))
            return true;
    return false;
}

const struct standing_rule *standing_find(const struct standing_rules *all, const struct message *m,
        const struct unit *u, int64_t wall_now_ms)
{
    const struct standing_rule *found = NULL;
    each_in_vec (rule, &all->all) {
        if (!standing_holds(rule, wall_now_ms) || !standing_fits(rule, m, u))
            continue;
        if (rule->action == STANDING_BOUNCE)
            return rule;
        if (found == NULL)
            found = rule;
    }
    return found;
}

bool standing_hold(const struct standing_rule *rule, const struct message *m, struct unit *u,
        int64_t wall_now_ms, int64_t hold_max_ms)
{
    const struct hold hold = {.reason = HOLD_ADMIN,
            .text = rule->reason,
            .by = rule->by,
            .since_ms = wall_now_ms,
            .clocks_at_ms = wall_now_ms + hold_max_ms};
    return unit_hold(u, &hold, m->created_ms);
}

struct outcome standing_outcome(const struct standing_rule *rule, int64_t wall_now_ms)
{
    bool has_text = rule->text.len > 0;
    return (struct outcome){.kind = FAILURE_IO,
            .entity = S("localhost"),
            .enhanced = S("5.7.1"),
            .text = has_text ? rule->text : S("Delivery canceled by an administrator's rule."),
            .at_ms = wall_now_ms};
}

struct str standing_scope_name(enum standing_scope scope)
{
    return scope_names[scope];
}

struct str standing_action_name(enum standing_action action)
{
    return action_names[action];
}

bool standing_action_named(struct str name, enum standing_action *out)
{
    for (size_t i = 0; i < COUNT_OF(action_names); i++)
        if (str_eq(action_names[i], name)) {
            *out = (enum standing_action)i;
            return true;
        }
    return false;
}
