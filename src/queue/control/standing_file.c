// SPDX-License-Identifier: Apache-2.0
// queue/control/standing_file.c: the file of standing rules, read and changed under its lock.
#include "base/json_lines.h"
#include "conf/conf.h"
#include "queue/control/standing.h"
#include "queue/control/statefile.h"

static struct err read_one(
        struct arena *a, const struct json *doc, struct standing_rule *out) MUST_USE;
static bool is_same_order(const struct standing_rule *a, const struct standing_rule *b);
static struct err write_all(struct arena *a, struct str path, const struct standing_rules *all,
        int64_t wall_now_ms) MUST_USE;

struct str standing_path(struct arena *a, const struct conf *conf)
{
    return arena_join(a, conf_str(conf, S("global.state-dir")), S("/rules"));
}

struct err standing_read(struct arena *a, struct str path, struct standing_rules *out)
{
    struct str text;
    TRY(statefile_read(a, path, STATEFILE_BYTES_MAX, &text));
    return statefile_blame(a, path, standing_parse(a, text, out));
}

struct err standing_parse(struct arena *a, struct str text, struct standing_rules *out)
{
    struct json_lines lines = json_lines_of(text);
    struct standing_rules all = {0};
    const struct json *o;
    while (json_lines_next(&lines, a, &o)) {
        struct standing_rule rule, *kept;
        TRY(json_lines_blame(&lines, a, read_one(a, o, &rule)));
        kept = all.all.count < STANDING_RULES_MAX ? vec_add(a, &all.all) : NULL;
        if (kept == NULL)
            return fail(ERR_LIMIT, "there are more rules than there is room for");
        *kept = rule;
    }
    TRY(lines.error);
    *out = all;
    return OK;
}

static struct err read_one(struct arena *a, const struct json *doc, struct standing_rule *out)
{
    bool named = false;
    struct standing_rule rule = {.id = json_string(json_member(doc, S("id")), S("")),
            .text = json_string(json_member(doc, S("text")), S("")),
            .by = json_string(json_member(doc, S("by")), S("")),
            .reason = json_string(json_member(doc, S("reason")), S(""))};
    const struct json *dsn = json_member(doc, S("dsn"));
    rule.no_dsn = dsn != NULL && dsn->type == JSON_FALSE;
    for (size_t i = 0; i < STANDING_SCOPES; i++) {
        struct str name = standing_scope_name((enum standing_scope)i);
        rule.scope[i] = json_string(json_member(doc, name), STR_NULL);
        named |= !str_is_null(rule.scope[i]);
    }
    struct str action = json_string(json_member(doc, S("action")), S(""));
    if (!standing_action_named(action, &rule.action))
        return fail_fmt(a, ERR_SYNTAX, "there is no action \"%.*s\"", ARG(action));
    if (!json_to_i64(json_member(doc, S("since")), &rule.since_ms) ||
            !json_to_i64(json_member(doc, S("until")), &rule.until_ms))
        return fail(ERR_SYNTAX, "a rule has \"since\" and \"until\"");
    if (!named || str_is_empty(rule.id))
        return fail(ERR_SYNTAX, "a rule has an id, and names what it is about");
    *out = rule;
    return OK;
}

struct err standing_add(
        struct arena *a, struct str path, struct standing_rule *rule, int64_t wall_now_ms)
{
    struct standing_rules all;
    struct standing_rule *place = NULL;
    int lock AUTO(statefile_unlock) = -1;
    TRY(statefile_lock(a, path, &lock));
    TRY(standing_read(a, path, &all));
    each_in_vec (r, &all.all)
        if (is_same_order(r, rule))
            place = r;
    if (place != NULL)
        rule->id = place->id;
    if (place == NULL && all.all.count < STANDING_RULES_MAX)
        place = vec_add(a, &all.all);
    if (place == NULL)
        return fail(ERR_LIMIT, "there are more rules than there is room for");
    *place = *rule;
    return write_all(a, path, &all, wall_now_ms);
}

struct err standing_remove(struct arena *a, struct str path, struct str id, int64_t wall_now_ms)
{
    struct standing_rules all;
    size_t kept = 0;
    int lock AUTO(statefile_unlock) = -1;
    TRY(statefile_lock(a, path, &lock));
    TRY(standing_read(a, path, &all));
    for (size_t i = 0; i < all.all.count; i++)
        if (!str_eq(all.all.at[i].id, id))
            all.all.at[kept++] = all.all.at[i];
    if (kept == all.all.count)
        return fail_fmt(a, ERR_NOT_FOUND, "there is no rule '%.*s'", ARG(id));
    all.all.count = kept;
    return write_all(a, path, &all, wall_now_ms);
}

static bool is_same_order(const struct standing_rule *a, const struct standing_rule *b)
{
    bool same = a->action == b->action;
    for (size_t i = 0; i < STANDING_SCOPES; i++)
        same &= str_is_null(a->scope[i]) == str_is_null(b->scope[i]) &&
                str_eq_nocase(a->scope[i], b->scope[i]);
    return same;
}

static struct err write_all(
        struct arena *a, struct str path, const struct standing_rules *all, int64_t wall_now_ms)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, STATEFILE_BYTES_MAX);
    each_in_vec (rule, &all->all) {
        if (!standing_holds(rule, wall_now_ms))
            continue;
        struct json_out o = json_begin(&text, JSON_COMPACT);
        standing_show(&o, rule);
        buf_add_byte(&text, '\n');
    }
    return statefile_write(a, path, &text);
}

void standing_show(struct json_out *o, const struct standing_rule *rule)
{
    json_object_begin(o);
    json_put_str(o, S("id"), rule->id);
    json_put_str(o, S("action"), standing_action_name(rule->action));
    for (size_t i = 0; i < STANDING_SCOPES; i++) {
        if (!str_is_null(rule->scope[i]))
            json_put_str(o, standing_scope_name((enum standing_scope)i), rule->scope[i]);
    }
    json_put_i64(o, S("since"), rule->since_ms);
    json_put_i64(o, S("until"), rule->until_ms);
    json_put_str(o, S("by"), rule->by);
    json_put_str(o, S("reason"), rule->reason);
    if (rule->action == STANDING_BOUNCE) {
        json_put_str(o, S("text"), rule->text);
        json_put_bool(o, S("dsn"), !rule->no_dsn);
    }
    json_object_end(o);
}
