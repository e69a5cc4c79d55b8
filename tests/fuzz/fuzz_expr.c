// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_expr.c: expressions, from text to result. The first two bytes choose context and
// target, the rest is the expression. What compiles is evaluated twice and must give the same; a
// constant must give what its program gives; and a value, written out, is an expression for itself.
#include "conf/expr.h"
#include "conf/lookup.h"

#define MEMORY_BYTES_MAX (256 * MIB)
#define SHOWN_BYTES_MAX (4 * KIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct arena arena, scratch;
    struct lookups *lookups;
    struct expr_world names;
};

// Every variable has a value of its type, made of its number: nothing is empty by accident.
static bool variable(void *self, struct arena *scratch, enum expr_variable id, struct str rest,
        struct expr_value *out)
{
    static const struct str texts[] = {S_INIT("ann@client.example"), S_INIT("Bob@Example.NET"),
            S_INIT("192.0.2.7"), S_INIT("")};
    static const struct expr_value elements[] = {
            {.type = EXPR_STRING, .text = S_INIT("X-One:  first")},
            {.type = EXPR_STRING, .text = S_INIT("bob@example.net")},
            {.type = EXPR_INTEGER, .integer = 7},
    };
    (void)self;
    (void)scratch;
    if (rest.len > 4)
        return false;
    switch (expr_variable_type(id)) {
    case EXPR_STRING:
        *out = expr_text(texts[(size_t)id % COUNT_OF(texts)]);
        return true;
    case EXPR_INTEGER:
        *out = expr_integer((int64_t)id * 3 - 40);
        return true;
    case EXPR_FLOAT:
        *out = expr_float((double)id / 8);
        return true;
    case EXPR_ARRAY:
        *out = expr_array(elements, (size_t)id % (COUNT_OF(elements) + 1));
        return true;
    }
    return false;
}

static struct expr_value system_value(void *self, enum expr_system what)
{
    (void)self;
    return what == EXPR_NODE_ID ? expr_integer(3) : expr_text(S("mx.example.net"));
}

static struct str config_get(void *self, struct arena *scratch, struct str key)
{
    (void)self;
    (void)scratch;
    return key.len % 2 == 0 ? S("text") : STR_NULL;
}

static enum expr_key_kind key_kind(const void *self, struct str key)
{
    (void)self;
    return str_starts(key, S("s")) ? EXPR_KEY_PLAIN : EXPR_KEY_UNKNOWN;
}

static double metric(void *self, size_t place)
{
    (void)self;
    return (double)place + 0.5;
}

// A resolver that knows little and fails for what begins with an 'f'.
static struct err dns_query(void *self, struct arena *scratch, struct str name, enum expr_dns type,
        int64_t timeout_ms, struct expr_value *out)
{
    static const struct expr_value host = {.type = EXPR_STRING, .text = S_INIT("mx.example.net")};
    (void)self;
    (void)scratch;
    (void)timeout_ms;
    if (str_starts(name, S("f")))
        return fail(ERR_DNS, "SERVFAIL");
    *out = type == EXPR_DNS_TXT ? expr_text(name) : expr_array(&host, name.len % 2);
    return OK;
}

static const struct expr_env_ops ops = {.variable = variable,
        .system = system_value,
        .config_get = config_get,
        .metric = metric,
        .dns_query = dns_query};
static const struct str metrics[] = {S_INIT("smtp.sessions"), S_INIT("load")};

static void world_init(struct world *w)
{
    *w = (struct world){.names = {.key_kind = key_kind, .metrics = metrics, .metric_count = 2}};
    arena_init(&w->arena, MEMORY_BYTES_MAX);
    arena_init(&w->scratch, MEMORY_BYTES_MAX);
    w->lookups = lookups_new();
    struct lookup *l = lookup_new();
    assert(w->lookups != NULL && l != NULL);
    struct err bad = lookup_put(&w->arena, l, S("*.example.org"), S("true"));
    assert(!failed(bad));
    bad = lookup_put(&w->arena, l, S("a"), S("7"));
    assert(!failed(bad));
    lookup_close(l);
    bool put = lookups_put(w->lookups, S("l"), l);
    assert(put);
    w->names.lookups = w->lookups;
}

static void world_done(struct world *w)
{
    lookups_free(w->lookups);
    arena_done(&w->scratch);
    arena_done(&w->arena);
}

static struct expr_result evaluate(struct world *w, const struct expr_setting *s, struct buf *trace)
{
    struct expr_env env = {.ops = &ops, .lookups = w->lookups, .trace = trace};
    return expr_eval(s, &env, &w->scratch);
}

static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    return true;
}

// Written out, a value is an expression that gives this value again, as far as texts may be long.
static void write_and_read(struct world *w, const struct expr_value *v)
{
    struct expr_spec spec = {.key = S("again"), .context = EXPR_CONN};
    struct expr_problem problem;
    struct buf shown AUTO(buf_done);
    buf_init(&shown, SHOWN_BYTES_MAX);
    expr_value_show(&shown, v, SHOWN_BYTES_MAX / 2);
    if (v->type == EXPR_ARRAY || v->type == EXPR_FLOAT)
        return;
    if (v->type == EXPR_STRING && (v->text.len > SHOWN_BYTES_MAX / 4 || !is_printable(v->text)))
        return; // shown cut, or with escapes for people
    const struct expr_setting *again =
            expr_from_text(&w->arena, buf_str(&shown), &spec, &w->names, &problem);
    if (again == NULL) // the least integer has no positive twin
        assert(v->type == EXPR_INTEGER && v->integer == INT64_MIN);
    if (again == NULL)
        return;
    struct expr_result r = evaluate(w, again, NULL);
    assert(r.outcome == EXPR_VALUE && r.value.type == v->type && expr_equal(&r.value, v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w;
    struct expr_problem problem;
    struct buf trace AUTO(buf_done) = {0};
    if (size < 2)
        return 0;
    world_init(&w);
    buf_init(&trace, MIB);
    struct expr_spec spec = {
            .key = S("fuzz.key"),
            .context = (enum expr_context)(data[0] % EXPR_CONTEXT_COUNT),
            .target = {.kind = (enum expr_kind)(data[1] % (EXPR_TO_HTTP_STATUS + 1)),
                    .optional = (data[1] & 128) != 0},
    };
    if (spec.target.kind == EXPR_TO_ENUM)
        spec.target.words = expr_words_named(S("mechanism"));
    struct str text = str_of((const char *)data + 2, size - 2);
    const struct expr_setting *s = expr_from_text(&w.arena, text, &spec, &w.names, &problem);
    if (s == NULL) {
        assert(problem.message.len > 0);
        assert(problem.column <= text.len + 1);
        world_done(&w);
        return 0;
    }
    struct expr_result first = evaluate(&w, s, &trace), second = evaluate(&w, s, NULL);
    assert(first.outcome == second.outcome);
    const struct expr_result *constant = expr_constant(s);
    assert(constant == NULL || constant->outcome != EXPR_FAILED);
    if (first.outcome == EXPR_VALUE) {
        assert(expr_equal(&first.value, &second.value));
        write_and_read(&w, &first.value);
    } else if (first.outcome == EXPR_FAILED) {
        assert(first.fault.cause.len > 0);
        assert(str_eq(first.fault.cause, second.fault.cause));
    }
    world_done(&w);
    return 0;
}
