// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/expr_fixture.h: a small world for expressions: a message on its way from
// ann@client.example to bob@example.net, two lists, a resolver that answers from its own names.
#pragma once

#include "../base/check.h"
#include "conf/expr.h"
#include "conf/lookup.h"

#define FIXTURE_ARENA_BYTES (32 * MIB)

struct fixture {
    struct arena arena, scratch;
    struct lookups *lookups;
    struct expr_world world;
    struct buf trace;
    int64_t now_ms, dns_takes_ms;
    size_t dns_calls;
    struct str long_text; // what the variable `sender` is, if not null
};

struct expr_case {
    const char *name, *text;
    enum expr_context context; // CONN, that is nothing: RCPT
    const char *gives;         // the value as expr_value_show writes it
    const char *problem;       // "COLUMN: part of the message" of a compile error
    const char *fails;         // part of the cause of a failed evaluation
};

static inline struct expr_value fixture_headers(void)
{
    static const struct expr_value fields[] = {
            {.type = EXPR_STRING, .text = S_INIT("Host: mail.example")},
            {.type = EXPR_STRING, .text = S_INIT("X-Two:  first \r\n")},
            {.type = EXPR_STRING, .text = S_INIT("x-two: second")},
            {.type = EXPR_STRING, .text = S_INIT("no colon")},
    };
    return expr_array(fields, COUNT_OF(fields));
}

static inline struct expr_value fixture_recipients(void)
{
    static const struct expr_value all[] = {
            {.type = EXPR_STRING, .text = S_INIT("bob@example.net")},
            {.type = EXPR_STRING, .text = S_INIT("carl@example.org")},
    };
    return expr_array(all, COUNT_OF(all));
}

static inline bool fixture_variable(void *self, struct arena *scratch, enum expr_variable id,
        struct str rest, struct expr_value *out)
{
    struct fixture *f = self;
    (void)scratch;
    *out = expr_text(S(""));
    if (id == EXPR_VAR_LISTENER)
        *out = expr_text(S("smtp"));
    else if (id == EXPR_VAR_SENDER)
        *out = expr_text(f->long_text.ptr != NULL ? f->long_text : S("ann@client.example"));
    else if (id == EXPR_VAR_RCPT)
        *out = expr_text(S("bob@example.net"));
    else if (id == EXPR_VAR_RCPT_DOMAIN)
        *out = expr_text(S("example.net"));
    else if (id == EXPR_VAR_RECIPIENTS)
        *out = fixture_recipients();
    else if (id == EXPR_VAR_HEADERS)
        *out = fixture_headers();
    else if (id == EXPR_VAR_LOCAL_PORT)
        *out = expr_integer(25);
    else if (id == EXPR_VAR_IS_TLS)
        *out = expr_bool(true);
    else if (id == EXPR_VAR_REMOTE_IP)
        *out = expr_text(S("192.0.2.7"));
    else if (id == EXPR_VAR_TAG && str_eq(rest, S("colour")))
        *out = expr_text(S("red"));
    else if (id == EXPR_VAR_EXTRA && str_eq(rest, S("queue_size")))
        *out = expr_integer(7);
    else
        return false;
    return true;
}

static inline struct expr_value fixture_system(void *self, enum expr_system what)
{
    (void)self;
    return what == EXPR_NODE_ID ? expr_integer(3) : expr_text(S("mx.example.net"));
}

static inline struct str fixture_config_get(void *self, struct arena *scratch, struct str key)
{
    (void)self;
    (void)scratch;
    return str_eq(key, S("server.greeting")) ? S("hello") : STR_NULL;
}

static inline double fixture_metric(void *self, size_t place)
{
    (void)self;
    return place == 1 ? 0.5 : 12;
}

static inline struct err fixture_dns(void *self, struct arena *scratch, struct str name,
        enum expr_dns type, int64_t timeout_ms, struct expr_value *out)
{
    struct fixture *f = self;
    f->dns_calls++;
    if (timeout_ms > 0 && f->dns_takes_ms > timeout_ms) {
        f->now_ms += timeout_ms;
        return fail_fmt(scratch, ERR_TIMEOUT, "the resolver did not answer in time");
    }
    f->now_ms += f->dns_takes_ms;
    if (str_eq(name, S("broken.example")))
        return fail_fmt(scratch, ERR_DNS, "broken.example: SERVFAIL");
    static const struct expr_value mx = {.type = EXPR_STRING, .text = S_INIT("mx.example.net")};
    bool known = str_eq(name, S("example.net")) || str_eq(name, S("192.0.2.7"));
    *out = expr_array(&mx, known ? 1 : 0);
    if (type == EXPR_DNS_TXT)
        *out = expr_text(known ? S("v=spf1 -all") : S(""));
    return OK;
}

// The default directory has example.net and ann in it, "other" has nothing.
static inline struct err fixture_local(void *self, struct arena *scratch, enum expr_local what,
        struct str directory, struct str name, int64_t timeout_ms, bool *out)
{
    (void)self, (void)timeout_ms;
    if (str_eq(directory, S("broken")))
        return fail_fmt(scratch, ERR_IO, "the directory is down");
    struct str known = what == EXPR_LOCAL_DOMAIN ? S("example.net") : S("ann@example.net");
    *out = str_eq(directory, S("*")) && str_eq(name, known);
    return OK;
}

static inline int64_t fixture_now(void *self)
{
    return ((struct fixture *)self)->now_ms;
}

static inline enum expr_key_kind fixture_key_kind(const void *self, struct str key)
{
    (void)self;
    if (str_eq(key, S("server.greeting")) || str_eq(key, S("server.unset")))
        return EXPR_KEY_PLAIN;
    return str_eq(key, S("store.x.password")) ? EXPR_KEY_SECRET : EXPR_KEY_UNKNOWN;
}

static const struct expr_env_ops FIXTURE_OPS = {.variable = fixture_variable,
        .system = fixture_system,
        .config_get = fixture_config_get,
        .metric = fixture_metric,
        .dns_query = fixture_dns,
        .is_local = fixture_local,
        .now_ms = fixture_now};

static const struct expr_name FIXTURE_NAMES[] = {{S_INIT("queue_size"), EXPR_INTEGER}};
static const struct str FIXTURE_METRICS[] = {S_INIT("smtp.sessions"), S_INIT("load")};

static inline void fixture_init(struct fixture *f)
{
    *f = (struct fixture){.world = {.key_kind = fixture_key_kind,
                                  .names = FIXTURE_NAMES,
                                  .name_count = COUNT_OF(FIXTURE_NAMES),
                                  .metrics = FIXTURE_METRICS,
                                  .metric_count = COUNT_OF(FIXTURE_METRICS)}};
    arena_init(&f->arena, FIXTURE_ARENA_BYTES);
    arena_init(&f->scratch, FIXTURE_ARENA_BYTES);
    buf_init(&f->trace, MIB);
    f->lookups = lookups_new();
    struct lookup *l = lookup_new();
    assert_non_null(f->lookups);
    assert_non_null(l);
    assert_false(failed(lookup_put(&f->arena, l, S("example.com"), S("gold"))));
    assert_false(failed(lookup_put(&f->arena, l, S("*.example.org"), S("true"))));
    assert_false(failed(lookup_put(&f->arena, l, S("seven"), S("7"))));
    lookup_close(l);
    assert_true(lookups_put(f->lookups, S("partners"), l));
    f->world.lookups = f->lookups;
}

static inline void fixture_done(struct fixture *f)
{
    lookups_free(f->lookups);
    buf_done(&f->trace);
    arena_done(&f->scratch);
    arena_done(&f->arena);
}

static inline struct expr_result fixture_eval(struct fixture *f, const struct expr_setting *s)
{
    struct expr_env env = {.self = f,
            .ops = &FIXTURE_OPS,
            .lookups = f->lookups,
            .timeout_ms = 30 * SECOND_MS,
            .trace = &f->trace};
    return expr_eval(s, &env, &f->scratch);
}

// What a case comes to, as one text.
static inline struct str fixture_outcome(
        struct fixture *f, const struct expr_case *c, struct expr_target target)
{
    enum expr_context context = c->context == EXPR_CONN ? EXPR_RCPT : c->context;
    struct expr_spec spec = {.key = S("test.key"), .context = context, .target = target};
    struct expr_problem problem;
    struct str text = str_from_c(c->text);
    const struct expr_setting *s = expr_from_text(&f->arena, text, &spec, &f->world, &problem);
    if (s == NULL)
        return arena_fmt(&f->arena, "problem %zu: %.*s", problem.column, ARG(problem.message));
    struct expr_result r = fixture_eval(f, s);
    if (r.outcome == EXPR_FAILED)
        return arena_fmt(&f->arena, "fails %zu: %.*s", r.fault.column, ARG(r.fault.cause));
    struct buf shown AUTO(buf_done);
    buf_init(&shown, MIB);
    expr_value_show(&shown, &r.value, 1000);
    return arena_str(&f->arena, buf_str(&shown));
}

// Runs each case in a fresh world and prints all that differ.
static inline void fixture_cases(const struct expr_case *cases, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const struct expr_case *c = &cases[i];
        struct fixture f;
        fixture_init(&f);
        struct str got = fixture_outcome(&f, c, (struct expr_target){.kind = EXPR_TO_ANY});
        struct str want = str_from_c(c->gives);
        bool right = c->gives != NULL && str_eq(got, want);
        if (c->problem != NULL) {
            want = arena_fmt(&f.arena, "problem %s", c->problem);
            right = str_starts(got, want);
        } else if (c->fails != NULL) {
            want = arena_fmt(&f.arena, "%s", c->fails);
            right = str_starts(got, S("fails")) && str_contains(got, want);
        }
        if (!right) {
            wrong++;
            print_error("%s: %s\n    gives %.*s\n    wants %.*s\n", c->name != NULL ? c->name : "",
                    c->text, ARG(got), ARG(want));
        }
        fixture_done(&f);
    }
    assert_int_equal(wrong, 0);
}
