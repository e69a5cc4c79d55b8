// SPDX-License-Identifier: Apache-2.0
// cli/config/config_eval.c: `posthaste config eval EXPR`. One expression, compiled for a context
// and evaluated with the variables that the command line gives; what the value is, how it came
// about, and, with --as, what a setting of that kind would make of it.
#include "cli/commands.h"
#include "cli/config/config_read.h"

#include "conf/expr.h"

#define TRACE_BYTES_MAX (4 * MIB)
#define TEXT_BYTES_MAX (16 * MIB)
#define SHOWN_BYTES_MAX (64 * KIB) // a string may be as long

struct given_variable {
    enum expr_variable id;
    struct str rest; // of tag.<name>
    struct expr_value value;
};

struct evaluation {
    struct cli *c;
    const struct conf *conf; // NULL: without one
    struct expr_spec spec;
    VEC(struct given_variable) given;
    const struct expr_setting *setting;
    struct expr_problem problem; // when setting is NULL
    struct expr_result result;
    struct buf trace;
};

static int run(struct cli *c) suspends;
static struct err read_spec(struct evaluation *e);
static struct err read_variables(struct evaluation *e);
static struct err read_variable(struct evaluation *e, struct str text);
static struct expr_value value_of(enum expr_type type, struct str text);
static struct err append(struct cli *c, struct expr_value *array, const struct expr_value *element);
static int load_and_evaluate(struct evaluation *e) suspends;
static int evaluate(struct evaluation *e) suspends;
static int show(const struct evaluation *e);
static int show_problem(const struct evaluation *e, struct str text);
static void show_caret(struct buf *out, struct str text, size_t column);
static void show_result(struct buf *out, const struct evaluation *e);
static void add_converted(struct buf *out, const struct evaluation *e);
static int answer_json(const struct evaluation *e);
static void value_json(struct json_out *o, const struct expr_value *v);
static bool give_variable(void *self, struct arena *scratch, enum expr_variable id, struct str rest,
        struct expr_value *out);
static struct expr_value give_system(void *self, enum expr_system what);
static struct str give_config(void *self, struct arena *scratch, struct str key);
static enum expr_key_kind key_kind(const void *self, struct str key);

static int run(struct cli *c)
{
    struct evaluation e = {.c = c};
    struct err bad = read_spec(&e);
    if (!failed(bad))
        bad = read_variables(&e);
    if (failed(bad))
        return cli_usage_error(c, bad);
    buf_init(&e.trace, TRACE_BYTES_MAX);
    int status = load_and_evaluate(&e);
    buf_done(&e.trace);
    return status;
}

static struct err read_spec(struct evaluation *e)
{
    struct cli *c = e->c;
    struct str context = cli_text(c, S("context"), S("CONN")),
               as = cli_text(c, S("as"), S("value"));
    if (!expr_context_find(context, &e->spec.context))
        return fail_fmt(&c->arena, ERR_SYNTAX,
                "no context is called '%.*s'; 'posthaste config eval --help' lists them",
                ARG(context));
    for (int kind = EXPR_TO_ANY; kind <= EXPR_TO_HTTP_STATUS; kind++) {
        struct str name = kind == EXPR_TO_ANY ? S("value") : expr_kind_name((enum expr_kind)kind);
        if (kind == EXPR_TO_ENUM || !str_eq_nocase(name, as))
            continue;
        e->spec.target = (struct expr_target){.kind = (enum expr_kind)kind, .optional = true};
        return OK;
    }
    return fail_fmt(&c->arena, ERR_SYNTAX, "--as knows no '%.*s'", ARG(as));
}

static struct err read_variables(struct evaluation *e)
{
    for (size_t i = 0;; i++) {
        struct str text = cli_text_nth(e->c, S("set"), i);
        if (str_is_null(text))
            return OK;
        TRY(read_variable(e, text));
    }
}

// NAME=VALUE, by the type of the variable. One that is an array is given once for each element.
static struct err read_variable(struct evaluation *e, struct str text)
{
    struct cli *c = e->c;
    struct str name, value;
    struct given_variable new = {.rest = STR_NULL};
    if (!str_cut(text, '=', &name, &value))
        return fail_fmt(&c->arena, ERR_SYNTAX, "--set wants NAME=VALUE, not '%.*s'", ARG(text));
    if (!expr_variable_find(name, e->spec.context, &new.id, &new.rest)) {
        struct str context = expr_context_name(e->spec.context);
        return fail_fmt(&c->arena, ERR_SYNTAX, "context %.*s has no variable '%.*s'", ARG(context),
                ARG(name));
    }
    new.value = value_of(expr_variable_type(new.id), value);
    bool array = expr_variable_type(new.id) == EXPR_ARRAY;
    each_in_vec (old, &e->given) {
        if (old->id != new.id || !str_eq(old->rest, new.rest))
            continue;
        if (!array)
            return fail_fmt(&c->arena, ERR_SYNTAX, "'%.*s' is set twice", ARG(name));
        return append(c, &old->value, &new.value);
    }
    struct given_variable *kept = vec_add(&c->arena, &e->given);
    if (kept == NULL)
        return fail(ERR_LIMIT, "no memory for the variables");
    *kept = new;
    struct expr_value none = expr_array(NULL, 0);
    if (!array)
        return OK;
    kept->value = none;
    return append(c, &kept->value, &new.value);
}

// What is no number stays text: what an expression then makes of it is worth seeing too.
static struct expr_value value_of(enum expr_type type, struct str text)
{
    struct expr_value v = expr_text(text), number;
    if (type == EXPR_INTEGER && str_eq(text, S("true")))
        return expr_bool(true);
    if (type == EXPR_INTEGER && str_eq(text, S("false")))
        return expr_bool(false);
    bool wants_number = type == EXPR_INTEGER || type == EXPR_FLOAT;
    return wants_number && expr_to_number(&v, &number) ? number : v;
}

static struct err append(struct cli *c, struct expr_value *array, const struct expr_value *element)
{
    size_t count = array->array.count;
    struct expr_value *all = arena_array(&c->arena, count + 1, struct expr_value);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for the variables");
    for (size_t i = 0; i < count; i++)
        all[i] = array->array.at[i];
    all[count] = *element;
    *array = expr_array(all, count + 1);
    return OK;
}

// A configuration is only read when one is named: '1 + 1' must not depend on the machine's.
static int load_and_evaluate(struct evaluation *e)
{
    struct findings findings = findings_make(&e->c->arena);
    struct conf *conf = NULL;
    int status = CLI_FAILED;
    if (cli_has(e->c, S("config"))) {
        conf = config_read(e->c, &findings, &status);
        if (conf == NULL)
            return status;
        if (!conf_may_start(conf, &findings)) {
            config_show_findings(e->c, e->c->err, &findings);
            conf_free(conf);
            return CLI_FAILED;
        }
    }
    e->conf = conf;
    status = evaluate(e);
    conf_free(conf);
    return status;
}

static int evaluate(struct evaluation *e)
{
    static const struct expr_env_ops ops = {
            .variable = give_variable, .system = give_system, .config_get = give_config};
    struct str text = e->c->operands[0];
    const struct lookups *lookups = e->conf != NULL ? conf_lookups(e->conf) : NULL;
    struct expr_world world = {
            .lookups = lookups, .key_kind = e->conf != NULL ? key_kind : NULL, .self = e};
    e->setting = expr_from_text(&e->c->arena, text, &e->spec, &world, &e->problem);
    if (e->setting == NULL)
        return e->c->json ? answer_json(e) : show_problem(e, text);
    struct expr_env env = {.self = e, .ops = &ops, .lookups = lookups, .trace = &e->trace};
    e->result = expr_eval(e->setting, &env, &e->c->arena);
    return e->c->json ? answer_json(e) : show(e);
}

// -- For people -----------------------------------------------------------------------------------

static int show_problem(const struct evaluation *e, struct str text)
{
    struct buf out AUTO(buf_done);
    buf_init(&out, TEXT_BYTES_MAX);
    if (e->problem.column > 0)
        show_caret(&out, text, e->problem.column);
    fwrite(buf_str(&out).ptr, 1, out.len, e->c->err);
    return cli_fail_text(e->c, CLI_FAILED, "%.*s", ARG(e->problem.message));
}

static void show_caret(struct buf *out, struct str text, size_t column)
{
    if (str_find_byte(text, '\n') != STR_NOT_FOUND || !str_is_ascii(text))
        return; // the column says enough, and would not stand right
    buf_fmt(out, "%.*s\n", ARG(text));
    buf_add_repeat(out, ' ', column - 1);
    buf_add(out, S("^\n"));
}

static int show(const struct evaluation *e)
{
    struct buf out AUTO(buf_done);
    buf_init(&out, TEXT_BYTES_MAX);
    if (e->trace.len > 0 && !cli_has(e->c, S("quiet")))
        buf_add(&out, buf_str(&e->trace));
    if (e->result.outcome != EXPR_FAILED)
        show_result(&out, e);
    cli_print(e->c, buf_str(&out));
    for (size_t i = 0; expr_setting_warning(e->setting, i) != NULL; i++)
        fprintf(e->c->err, "warning: %.*s\n", ARG(expr_setting_warning(e->setting, i)->message));
    if (e->result.outcome == EXPR_FAILED)
        return cli_fail_text(e->c, CLI_FAILED, "the evaluation fails at column %zu: %.*s",
                e->result.fault.column, ARG(e->result.fault.cause));
    return CLI_OK;
}

static void show_result(struct buf *out, const struct evaluation *e)
{
    struct str type = expr_type_name(e->result.value.type);
    buf_fmt(out, "%s%.*s%s ", cli_paint(e->c->colour, PAINT_BOLD), ARG(type),
            cli_paint(e->c->colour, PAINT_END));
    expr_value_show(out, &e->result.value, SHOWN_BYTES_MAX);
    buf_add_byte(out, '\n');
    if (e->spec.target.kind == EXPR_TO_ANY)
        return;
    struct str kind = expr_kind_name(e->spec.target.kind);
    buf_fmt(out, "%s%.*s%s ", cli_paint(e->c->colour, PAINT_BOLD), ARG(kind),
            cli_paint(e->c->colour, PAINT_END));
    if (e->result.outcome == EXPR_NONE)
        buf_add(out, S("none"));
    else
        add_converted(out, e);
    buf_add_byte(out, '\n');
}

static void add_converted(struct buf *out, const struct evaluation *e)
{
    const struct expr_result *r = &e->result;
    switch (e->spec.target.kind) {
    case EXPR_TO_BOOL:
        buf_add(out, r->boolean ? S("true") : S("false"));
        break;
    case EXPR_TO_STRING:
    case EXPR_TO_ENUM:
        buf_add(out, r->text);
        break;
    case EXPR_TO_STRINGS:
        for (size_t i = 0; i < r->list_count; i++)
            buf_fmt(out, "%s%.*s", i > 0 ? ", " : "", ARG(r->list[i]));
        break;
    case EXPR_TO_INTEGER:
    case EXPR_TO_UNSIGNED:
    case EXPR_TO_HTTP_STATUS:
        buf_add_i64(out, r->number);
        break;
    case EXPR_TO_DURATION:
        buf_fmt(out, "%lld ms", (long long)r->number);
        break;
    case EXPR_TO_RATE:
        buf_fmt(out, "%u in %lld ms", r->rate.count, (long long)r->rate.period_ms);
        break;
    case EXPR_TO_IP:
        buf_add(out, ip_text(&e->c->arena, &r->ip));
        break;
    case EXPR_TO_ANY:
        break;
    }
}

// -- For programs ---------------------------------------------------------------------------------

static int answer_json(const struct evaluation *e)
{
    struct json_out o = cli_json_begin(e->c);
    bool compiled = e->setting != NULL;
    bool ok = compiled && e->result.outcome != EXPR_FAILED;
    struct buf converted AUTO(buf_done);
    buf_init(&converted, TEXT_BYTES_MAX);
    json_object_begin(&o);
    json_put_bool(&o, S("ok"), ok);
    if (!ok) {
        json_put_str(&o, S("stage"), compiled ? S("evaluate") : S("compile"));
        json_put_u64(&o, S("column"), compiled ? e->result.fault.column : e->problem.column);
        json_put_str(&o, S("message"), compiled ? e->result.fault.cause : e->problem.message);
    } else {
        json_put_str(&o, S("type"), expr_type_name(e->result.value.type));
        json_key(&o, S("value"));
        value_json(&o, &e->result.value);
    }
    if (ok && e->spec.target.kind != EXPR_TO_ANY) {
        add_converted(&converted, e);
        json_put_str(&o, expr_kind_name(e->spec.target.kind),
                e->result.outcome == EXPR_NONE ? STR_NULL : buf_str(&converted));
    }
    json_key(&o, S("trace"));
    json_array_begin(&o);
    struct str rest = buf_str(&e->trace), line;
    while (str_split(&rest, '\n', &line))
        if (line.len > 0)
            json_str(&o, line);
    json_array_end(&o);
    json_object_end(&o);
    return cli_json_end(e->c, ok ? CLI_OK : CLI_FAILED);
}

// Arrays may hold arrays, as deep as expressions may nest: one step at a time instead of recursion.
static void value_json(struct json_out *o, const struct expr_value *v)
{
    struct {
        struct expr_array array;
        size_t next;
    } levels[EXPR_NESTING_MAX];
    size_t depth = 0;
    const struct expr_value *now = v;
    for (;;) {
        if (now->type == EXPR_ARRAY && depth < EXPR_NESTING_MAX) {
            levels[depth].array = now->array;
            levels[depth++].next = 0;
            json_array_begin(o);
        } else if (now->type == EXPR_STRING) {
            json_str(o, now->text);
        } else if (now->type == EXPR_INTEGER) {
            json_i64(o, now->integer);
        } else if (now->type == EXPR_FLOAT) {
            json_double(o, now->real);
        }
        while (depth > 0 && levels[depth - 1].next == levels[depth - 1].array.count) {
            json_array_end(o);
            depth--;
        }
        if (depth == 0)
            return;
        now = &levels[depth - 1].array.at[levels[depth - 1].next++];
    }
}

// -- What the expression may ask for --------------------------------------------------------------

static bool give_variable(void *self, struct arena *scratch, enum expr_variable id, struct str rest,
        struct expr_value *out)
{
    struct evaluation *e = self;
    (void)scratch;
    each_in_vec (v, &e->given) {
        if (v->id != id || !str_eq(v->rest, rest))
            continue;
        *out = v->value;
        return true;
    }
    return false;
}

static struct expr_value give_system(void *self, enum expr_system what)
{
    const struct evaluation *e = self;
    if (e->conf == NULL)
        return what == EXPR_NODE_ID ? expr_integer(1) : expr_text(S(""));
    switch (what) {
    case EXPR_HOSTNAME:
    case EXPR_NODE_HOSTNAME:
        return expr_text(conf_str(e->conf, S("server.hostname")));
    case EXPR_DOMAIN:
        return expr_text(conf_str(e->conf, S("report.domain")));
    case EXPR_NODE_ID:
        return expr_integer(conf_i64(e->conf, S("cluster.node-id")));
    case EXPR_NODE_ROLE:
        break;
    }
    return expr_text(S(""));
}

static struct str give_config(void *self, struct arena *scratch, struct str key)
{
    const struct evaluation *e = self;
    return conf_key_text(e->conf, scratch, key);
}

static enum expr_key_kind key_kind(const void *self, struct str key)
{
    const struct evaluation *e = self;
    return conf_key_kind(e->conf, key);
}

static const struct cli_option options[] = {
        {.name = S_INIT("context"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME"),
                .help = "whose variables there are (default CONN): CONN, EHLO, MAIL, RCPT, DATA, "
                        "QSENDER, QRCPT, QHOST, QRESP, RDOM, ADDR, HTTP, FILTER"},
        {.name = S_INIT("set"),
                .takes = OPTION_TEXT,
                .value = S_INIT("VAR=VALUE"),
                .many = true,
                .help = "the value of a variable; again and again for an array; what is not set "
                        "is '' or 0"},
        {.name = S_INIT("as"),
                .takes = OPTION_TEXT,
                .value = S_INIT("KIND"),
                .help = "what a setting of this kind would make of it: boolean, string, "
                        "duration, rate, ..."},
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
        {.name = S_INIT("quiet"), .letter = 'q', .help = "the value alone, not how it came about"},
};

const struct command command_config_eval = {
        .run = run,
        CLI_ONE_OPERAND("EXPR"),
        .about = "Compiles one expression as a setting of the given context would, evaluates it\n"
                 "with the variables that --set gives, and prints how it came about, its type\n"
                 "and its value. With --config PATH the lists (lookup.<id>) and settings of that\n"
                 "configuration can be asked for; nothing else outside is.\n"
                 "\n"
                 "The exit status is 1 when the expression does not compile, or its evaluation\n"
                 "fails.",
        .examples = "  posthaste config eval \"split('a,b', ',')\"\n"
                    "  posthaste config eval \"rcpt_domain == 'example.org' && is_tls\" \\\n"
                    "      --context RCPT --set rcpt_domain=example.org --set is_tls=true\n"
                    "  posthaste config eval \"'5m'\" --as duration",
        CLI_OPTIONS(options),
};
