// SPDX-License-Identifier: Apache-2.0
// smtp/server/rules.c: asking a setting about this session, now.
#include "smtp/server/session.h"

struct on_failure {
    bool refuses;
    int64_t number;
};

#define REFUSES                                                                                    \
    {                                                                                              \
        .refuses = true                                                                            \
    }
#define DEFAULTS(value)                                                                            \
    {                                                                                              \
        .number = (value)                                                                          \
    }
static const struct on_failure failures[] = {
#define RULE(id, key, on_failure) on_failure,
#include "smtp/server/rules.def"
};

static const struct expr_result *ask(
        struct smtp_session *s, enum rule_id id, struct expr_result *room) suspends;
static struct err cannot_say(void);
static bool is_truth(const struct expr_result *r);

struct expr_result rule_ask(struct smtp_session *s, enum rule_id id)
{
    struct expr_result room;
    return *ask(s, id, &room);
}

// Most settings are constants, and results are large: they are looked at where they stand.
static const struct expr_result *ask(
        struct smtp_session *s, enum rule_id id, struct expr_result *room)
{
    const struct rule *rule = &s->service->settings->rules[id];
    if (rule->constant != NULL)
        return rule->constant;
    struct session_env self;
    struct expr_env env = session_env(s, &self);
    self.is_default = rule->is_default;
    *room = expr_eval(rule->setting, &env, &s->scratch);
    if (room->outcome == EXPR_FAILED)
        session_tell_fault(s, rule_key(id), &room->fault);
    return room;
}

void session_tell_no_address(
        struct smtp_session *s, enum rule_id id, struct str text, struct err why)
{
    struct expr_fault fault = {.cause = arena_fmt(&s->scratch, "'%.*s' is no address: %.*s",
                                       ARG(text), ARG(err_text(why)))};
    session_tell_fault(s, rule_key(id), &fault);
}

bool rule_bool(struct smtp_session *s, enum rule_id id)
{
    struct expr_result room;
    const struct expr_result *r = ask(s, id, &room);
    return r->outcome == EXPR_FAILED ? failures[id].number != 0
                                     : r->outcome == EXPR_VALUE && r->boolean;
}

int64_t rule_number(struct smtp_session *s, enum rule_id id)
{
    struct expr_result room;
    const struct expr_result *r = ask(s, id, &room);
    if (r->outcome == EXPR_FAILED)
        return failures[id].number;
    return r->outcome == EXPR_VALUE ? r->number : 0;
}

int64_t rule_word(struct smtp_session *s, enum rule_id id)
{
    struct expr_result room;
    const struct expr_result *r = ask(s, id, &room);
    if (r->outcome == EXPR_FAILED)
        return failures[id].number;
    return r->outcome == EXPR_VALUE ? r->number : -1;
}

struct err rule_text(struct smtp_session *s, enum rule_id id, struct str *out)
{
    struct expr_result room;
    const struct expr_result *r = ask(s, id, &room);
    *out = STR_NULL;
    if (r->outcome == EXPR_FAILED)
        return cannot_say();
    if (r->outcome == EXPR_VALUE)
        *out = r->text;
    return OK;
}

struct err rule_truth(struct smtp_session *s, enum rule_id id, bool *out)
{
    struct expr_result room;
    const struct expr_result *r = ask(s, id, &room);
    if (r->outcome == EXPR_FAILED)
        return cannot_say();
    *out = r->outcome == EXPR_VALUE && r->boolean;
    return OK;
}

struct err rule_permits(struct smtp_session *s, enum rule_id id, struct permission *out)
{
    struct expr_result room;
    const struct expr_result *r = ask(s, id, &room);
    if (r->outcome == EXPR_FAILED)
        return cannot_say();
    *out = (struct permission){.is_given = is_truth(r)};
    if (r->outcome == EXPR_VALUE && r->value.type == EXPR_STRING)
        *out = (struct permission){.text = r->value.text};
    return OK;
}

static bool is_truth(const struct expr_result *r)
{
    return r->outcome == EXPR_VALUE && expr_truth(&r->value);
}

static struct err cannot_say(void)
{
    return fail(ERR_CONFIG, "a setting of this session cannot be evaluated");
}
