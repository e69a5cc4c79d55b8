// SPDX-License-Identifier: Apache-2.0
// deliver/reply/response.c: rules about replies, asked in their order (outbound.md 19.3).
#include "deliver/reply/response.h"

#include "deliver/reply/classify.h"
#include "limits/held.h"
#include "rt/rt.h"

struct judging {
    const struct response_inputs *in;
    struct arena *arena;
    struct expr_env env;
    struct queue_host *host; // of the environment
    struct client_answer *answer;
    struct response_effect *out;
};

static struct err ask(struct judging *w, const struct response_rule *rule) suspends MUST_USE;
static bool is_triggered(const struct judging *w, const struct response_rule *rule);
static struct str stage_name(enum client_stage stage);
static struct str class_of(struct judging *w);
static void name_class(struct judging *w, const struct response_rule *rule);
static void act(const struct response_rule *rule, struct client_answer *answer,
        struct response_effect *out);

struct err response_apply(const struct response_inputs *in, const struct queue_env *env,
        struct arena *a, struct client_answer *answer, struct response_effect *out)
{
    const struct deliver_settings *settings = in->settings;
    *out = (struct response_effect){0};
    if (answer->verdict == CLIENT_GOOD || settings->response_count == 0)
        return OK;
    struct queue_host host = env->host != NULL ? *env->host : (struct queue_host){0};
    struct queue_env self = *env;
    host.stage = stage_name(answer->stage);
    host.code = answer->outcome.code;
    host.enhanced = answer->outcome.enhanced;
    host.text = answer->outcome.text;
    self.host = &host;
    struct judging w = {.in = in,
            .arena = a,
            .env = queue_expr_env(&self),
            .host = &host,
            .answer = answer,
            .out = out};
    for (size_t i = 0; in->automation != NULL && i < in->automation->automation_count; i++)
        TRY(ask(&w, in->automation->automation[i]));
    for (size_t i = 0; i < settings->response_count; i++)
        if (!settings->responses[i].is_of_shaping)
            TRY(ask(&w, &settings->responses[i]));
    return OK;
}

// The first that fits decides.
static struct err ask(struct judging *w, const struct response_rule *rule)
{
    if (w->out->rule != NULL)
        return OK;
    if (expr_uses(rule->match, EXPR_VAR_BOUNCE_CLASS))
        (void)class_of(w);
    struct expr_result r = expr_eval(rule->match, &w->env, w->arena);
    if (task_cancelled())
        return fail(ERR_CANCELLED, "the delivery is given up");
    if (r.outcome == EXPR_FAILED) {
        w->out->failed_id = rule->id;
        w->out->fault = r.fault;
    } else if (r.boolean && is_triggered(w, rule)) {
        name_class(w, rule);
        act(rule, w->answer, w->out);
    }
    return OK;
}

// A bucket with a token less than it takes: that it is empty means that this one is the last of so
// many. It is counted for each site.
static bool is_triggered(const struct judging *w, const struct response_rule *rule)
{
    struct limits_shared *shared = w->in->shared;
    if (rule->trigger.count <= 1 || shared == NULL)
        return true;
    const struct bucket_rate rate = {.count = rule->trigger.count,
            .period_ms = rule->trigger.period_ms,
            .burst = rule->trigger.count - 1};
    uint64_t counter = limits_hash_text(shared, limits_hash(shared, LIMITS_RESPONSE, 0), rule->id);
    counter = limits_hash_text(shared, counter, w->in->site);
    uint64_t bucket = limits_bucket(shared, counter, &rule->trigger);
    return !limits_tokens_take(shared, bucket, &rate, 1, w->in->wall_now_ms, NULL);
}

// What was a delay, and ends all the same, would otherwise look as if its time had been over.
static void name_class(struct judging *w, const struct response_rule *rule)
{
    if (!str_is_null(rule->bounce_class))
        w->answer->outcome.bounce_class = rule->bounce_class;
    else if (rule->action == RESPONSE_BOUNCE)
        w->answer->outcome.bounce_class = class_of(w);
}

// Found when it is asked for, which costs something. Whose host it is stands in the answer later.
static struct str class_of(struct judging *w)
{
    struct outcome said = w->answer->outcome;
    if (str_is_empty(said.host))
        said.host = w->host->mx;
    if (str_is_null(w->host->bounce_class))
        w->host->bounce_class =
                bounce_class_word(bounce_class_of(w->in->settings->bounces, w->arena, &said));
    return w->host->bounce_class;
}

static void act(
        const struct response_rule *rule, struct client_answer *answer, struct response_effect *out)
{
    out->rule = rule;
    switch (rule->action) {
    case RESPONSE_LOG:
        break;
    case RESPONSE_DEFER:
        answer->verdict = CLIENT_TEMPORARY;
        out->stays_here = true;
        out->retry_after_ms = rule->retry_after_ms;
        break;
    case RESPONSE_BOUNCE:
        answer->verdict = CLIENT_PERMANENT;
        out->stays_here = true;
        break;
    case RESPONSE_NEXT_HOST: // when there is none, there will be later
        answer->verdict = CLIENT_TEMPORARY;
        out->asks_next_host = !answer->ambiguous;
        break;
    case RESPONSE_DROP_CONNECTION:
        out->drops_connection = true;
        break;
    case RESPONSE_SUSPEND:
        answer->verdict = CLIENT_TEMPORARY;
        out->stays_here = out->gives_order = true;
        break;
    case RESPONSE_THROTTLE:
    case RESPONSE_BACKOFF:
        out->gives_order = true;
        break;
    case RESPONSE_DISABLE_TLS: // without a time of its own the hosts behind this one are tried
        answer->verdict = CLIENT_TEMPORARY;
        out->gives_order = true;
        out->stays_here = rule->retry_after_ms > 0;
        out->retry_after_ms = rule->retry_after_ms;
        break;
    case RESPONSE_ROUTE:
        answer->verdict = CLIENT_TEMPORARY;
        out->stays_here = true;
        out->retry_after_ms = rule->retry_after_ms > 0 ? rule->retry_after_ms : SECOND_MS;
        out->route = rule->route;
        break;
    }
}

static struct str stage_name(enum client_stage stage)
{
    switch (stage) {
    case CLIENT_CONNECT:
        return S("connect");
    case CLIENT_GREETING:
        return S("greeting");
    case CLIENT_EHLO:
        return S("ehlo");
    case CLIENT_TLS:
        return S("tls");
    case CLIENT_AUTH:
        return S("auth");
    case CLIENT_MAIL:
        return S("mail");
    case CLIENT_RCPT:
        return S("rcpt");
    case CLIENT_DATA:
        return S("data");
    case CLIENT_EOD:
        return S("eod");
    }
    return S("");
}
