// SPDX-License-Identifier: Apache-2.0
// deliver/shape/suspend.c: see deliver/shape/suspend.h. What the file says, and which order fits;
// how it is changed stands in suspend_file.c.
#include "deliver/shape/suspend.h"

#include "base/json_lines.h"
#include "deliver/shape/suspend_parts.h"

static struct err read_one(const struct json *o, struct suspension *out) MUST_USE;
static bool read_numbers(const struct json *o, struct suspension *out);
static bool moment_of(const struct json *v, int64_t *out);
static bool fits(const struct suspension *s, const struct suspend_values *values);
static bool has_tag(const struct suspend_values *values, struct str name_and_value);
static bool is_case_blind(enum suspend_scope scope);

static const struct {
    struct str name;
    enum suspend_stage stage;
} scopes[SUSPEND_SCOPES] = {
        [SUSPEND_RCPT_DOMAIN] = {S_INIT("domain"), SUSPEND_AT_UNIT},
        [SUSPEND_SENDER] = {S_INIT("sender"), SUSPEND_AT_UNIT},
        [SUSPEND_SENDER_DOMAIN] = {S_INIT("sender-domain"), SUSPEND_AT_UNIT},
        [SUSPEND_QUEUE] = {S_INIT("queue"), SUSPEND_AT_UNIT},
        [SUSPEND_TAG] = {S_INIT("tag"), SUSPEND_AT_UNIT},
        [SUSPEND_ROUTE] = {S_INIT("route"), SUSPEND_AT_ROUTE},
        [SUSPEND_MX_SITE] = {S_INIT("mx-site"), SUSPEND_AT_SITE},
        [SUSPEND_MX] = {S_INIT("mx"), SUSPEND_AT_HOST},
        [SUSPEND_SOURCE_IP] = {S_INIT("source-ip"), SUSPEND_AT_SOURCE},
};
static const struct str kinds[] = {
        [SUSPEND_STOP] = S_INIT("suspend"),
        [SUSPEND_THROTTLE] = S_INIT("throttle"),
        [SUSPEND_BACKOFF] = S_INIT("backoff"),
        [SUSPEND_TLS] = S_INIT("disable-tls"),
};

struct err suspensions_parse(struct arena *a, struct str text, struct suspensions *out)
{
    struct json_lines lines = json_lines_of(text);
    struct suspensions all = {0};
    const struct json *o;
    while (json_lines_next(&lines, a, &o)) {
        struct suspension *s = all.all.count < SUSPENSIONS_MAX ? vec_add(a, &all.all) : NULL;
        if (s == NULL)
            return fail(ERR_LIMIT, "more is suspended than there is room for");
        TRY(json_lines_blame(&lines, a, read_one(o, s)));
    }
    TRY(lines.error);
    *out = all;
    return OK;
}

static struct err read_one(const struct json *o, struct suspension *out)
{
    struct str order = json_string(json_member(o, S("order")), STR_NULL);
    bool good = suspend_kind_named(order, &out->kind), names_some = false;
    for (size_t i = 0; good && i < SUSPEND_SCOPES; i++) {
        const struct json *v = json_member(o, scopes[i].name);
        out->scope[i] = json_string(v, STR_NULL);
        names_some |= !str_is_empty(out->scope[i]);
        good = v == NULL || !str_is_empty(out->scope[i]);
    }
    if (!good || !names_some || !read_numbers(o, out))
        return fail(ERR_SYNTAX, "this is no order");
    out->by = json_string(json_member(o, S("by")), S(""));
    out->reason = json_string(json_member(o, S("reason")), S(""));
    const struct json *automatic = json_member(o, S("automatic"));
    out->is_automatic = automatic != NULL && automatic->type == JSON_TRUE;
    return OK;
}

static bool read_numbers(const struct json *o, struct suspension *out)
{
    const struct json *until = json_member(o, S("until"));
    const struct json *rate = json_member(o, S("rate"));
    const struct json *concurrency = json_member(o, S("concurrency"));
    int64_t permits = 0;
    out->until_ms = NEVER_MS;
    if (!moment_of(json_member(o, S("since")), &out->since_ms) ||
            (until != NULL && !moment_of(until, &out->until_ms)))
        return false;
    if (rate != NULL && !value_rate(json_string(rate, S("")), &out->rate))
        return false;
    if (concurrency != NULL &&
            (!json_to_i64(concurrency, &permits) || permits < 1 || permits > SUSPEND_PERMITS_MAX))
        return false;
    out->concurrency = (uint32_t)permits;
    bool limits = out->rate.count > 0 || permits > 0;
    return limits == (out->kind == SUSPEND_THROTTLE);
}

static bool moment_of(const struct json *v, int64_t *out)
{
    return json_to_i64(v, out) && *out > 0;
}

// --- Which one fits ------------------------------------------------------------------------------

const struct suspension *suspensions_find(const struct suspensions *all, enum suspend_kind kind,
        enum suspend_stage stage, const struct suspend_values *values, int64_t wall_now_ms)
{
    size_t at = 0;
    return suspensions_next(all, kind, stage, values, wall_now_ms, &at);
}

const struct suspension *suspensions_next(const struct suspensions *all, enum suspend_kind kind,
        enum suspend_stage stage, const struct suspend_values *values, int64_t wall_now_ms,
        size_t *at)
{
    while (*at < all->all.count) {
        const struct suspension *s = &all->all.at[(*at)++];
        if (s->kind == kind && suspension_stage(s) == stage && suspension_holds(s, wall_now_ms) &&
                fits(s, values))
            return s;
    }
    return NULL;
}

static bool fits(const struct suspension *s, const struct suspend_values *values)
{
    for (size_t i = 0; i < SUSPEND_SCOPES; i++) {
        struct str wanted = s->scope[i], is = values->scope[i];
        if (str_is_null(wanted))
            continue;
        bool same = is_case_blind((enum suspend_scope)i) ? str_eq_nocase(wanted, is)
                                                         : str_eq(wanted, is);
        if (i == SUSPEND_TAG)
            same = has_tag(values, wanted);
        if (!same)
            return false;
    }
    return true;
}

// Ids of the configuration, and what a client has put into a tag, are taken as they are.
static bool is_case_blind(enum suspend_scope scope)
{
    return scope != SUSPEND_QUEUE && scope != SUSPEND_ROUTE && scope != SUSPEND_TAG;
}

static bool has_tag(const struct suspend_values *values, struct str name_and_value)
{
    struct str name = name_and_value, value = STR_NULL;
    (void)str_cut(name_and_value, '=', &name, &value); // without one the name is enough
    for (size_t i = 0; i < values->tag_count; i++)
        if (str_eq(values->tags[i].name, name) &&
                (str_is_null(value) || str_eq(values->tags[i].value, value)))
            return true;
    return false;
}

enum suspend_stage suspension_stage(const struct suspension *s)
{
    enum suspend_stage stage = SUSPEND_AT_UNIT;
    for (size_t i = 0; i < SUSPEND_SCOPES; i++)
        if (!str_is_null(s->scope[i]) && scopes[i].stage > stage)
            stage = scopes[i].stage;
    return stage;
}

bool suspension_holds(const struct suspension *s, int64_t wall_now_ms)
{
    return wall_now_ms < s->until_ms;
}

bool suspension_is_about(const struct suspension *s, const struct suspension *like, bool alike)
{
    for (size_t i = 0; i < SUSPEND_SCOPES; i++) {
        bool wanted = !str_is_null(like->scope[i]), is = !str_is_null(s->scope[i]);
        if (wanted && !(is && str_eq_nocase(s->scope[i], like->scope[i])))
            return false;
        if (alike && is && !wanted)
            return false;
    }
    return s->kind == like->kind;
}

// --- Words ---------------------------------------------------------------------------------------

struct str suspend_scope_name(enum suspend_scope scope)
{
    return scopes[scope].name;
}

bool suspend_scope_named(struct str name, enum suspend_scope *out)
{
    for (size_t i = 0; i < SUSPEND_SCOPES; i++)
        if (str_eq(scopes[i].name, name)) {
            *out = (enum suspend_scope)i;
            return true;
        }
    return false;
}

struct str suspend_kind_name(enum suspend_kind kind)
{
    return kinds[kind];
}

bool suspend_kind_named(struct str name, enum suspend_kind *out)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_eq(kinds[i], name)) {
            *out = (enum suspend_kind)i;
            return true;
        }
    return false;
}
