// SPDX-License-Identifier: Apache-2.0
// manage/http_env.c: see manage/http_env.h. Names are looked up when an expression asks for them.
#include "manage/http_env.h"

#include "directory/surroundings.h"

struct request {
    const struct gate *gate;
    struct http_exchange *exchange;
};

static bool variable(void *self, struct arena *scratch, enum expr_variable id, struct str rest,
        struct expr_value *out);
static struct expr_value fields(const struct http_head *head, struct arena *scratch);
static struct str url(const struct request *r, struct arena *scratch);

struct expr_result http_env_eval(
        const struct gate *gate, struct http_exchange *x, const struct expr_setting *setting)
{
    static const struct expr_env_ops ops = {.variable = variable};
    struct request request = {gate, x};
    const struct conf *conf = gate->settings->conf;
    struct surroundings around = {
            .conf = conf, .host = gate->visit->listener->host, .node = gate->node};
    struct expr_env outside = surroundings_env(
            &around, conf == NULL ? EXPRESSION_WAIT_MS
                                  : conf_duration_ms(conf, S("config.expression-timeout")));
    struct expr_env env = expr_env_inside(&outside, &ops, &request);
    return expr_eval(setting, &env, x->arena);
}

static bool variable(void *self, struct arena *scratch, enum expr_variable id,
        struct str rest UNUSED, struct expr_value *out)
{
    const struct request *r = self;
    const struct http_exchange *x = r->exchange;
    switch ((int)id) { // a few of the many
    case EXPR_VAR_PROTOCOL:
        *out = expr_text(x->tls ? S("https") : S("http"));
        return true;
    case EXPR_VAR_REMOTE_IP:
        *out = expr_text(ip_text(scratch, &x->client));
        return true;
    case EXPR_VAR_IS_TLS:
        *out = expr_bool(x->tls);
        return true;
    case EXPR_VAR_URL:
        *out = expr_text(url(r, scratch));
        return true;
    case EXPR_VAR_URL_PATH:
        *out = expr_text(x->path);
        return true;
    case EXPR_VAR_METHOD:
        *out = expr_text(x->head->method_name);
        return true;
    case EXPR_VAR_HEADERS:
        *out = fields(x->head, scratch);
        return true;
    default:
        return visit_variable(r->gate->visit, scratch, id, out);
    }
}

static struct expr_value fields(const struct http_head *head, struct arena *scratch)
{
    struct expr_value *all = arena_array(scratch, head->fields.count + 1, struct expr_value);
    size_t count = 0;
    each_in_vec (field, &head->fields) {
        struct str text = arena_fmt(scratch, "%.*s: %.*s", ARG(field->name), ARG(field->value));
        if (all != NULL && !str_is_null(text))
            all[count++] = expr_text(text);
    }
    return expr_array(all, count);
}

static struct str url(const struct request *r, struct arena *scratch)
{
    const struct http_exchange *x = r->exchange;
    if (x->head->parts.form == HTTP_ABSOLUTE)
        return x->head->target;
    return arena_fmt(scratch, "%s://%.*s%.*s", x->tls ? "https" : "http", ARG(x->head->host),
            ARG(x->head->target));
}
