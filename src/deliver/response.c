// SPDX-License-Identifier: Apache-2.0
// deliver/response.c: rules about replies, asked in their order (outbound.md 19.3).
#include "deliver/response.h"

#include "deliver/classify.h"
#include "rt/rt.h"

static struct str stage_name(enum client_stage stage);
static void act(const struct response_rule *rule, struct client_answer *answer,
        struct response_effect *out);

struct err response_apply(const struct deliver_settings *settings, const struct queue_env *env,
        struct arena *a, struct client_answer *answer, struct response_effect *out)
{
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
    struct expr_env asked = queue_expr_env(&self);
    host.bounce_class =
            bounce_class_word(bounce_class_of(settings->bounces, a, &answer->outcome));
    for (size_t i = 0; i < settings->response_count; i++) {
        const struct response_rule *rule = &settings->responses[i];
        struct expr_result r = expr_eval(rule->match, &asked, a);
        if (task_cancelled())
            return fail(ERR_CANCELLED, "the delivery is given up");
        if (r.outcome == EXPR_FAILED) {
            out->failed_id = rule->id;
            out->fault = r.fault;
        } else if (r.boolean) {
            act(rule, answer, out);
            return OK;
            name_class(rule, host.bounce_class, answer);
        }
    }
    return OK;
}

static void act(
        const struct response_rule *rule, struct client_answer *answer, struct response_effect *out)
// What was a delay, and ends all the same, would otherwise look as if its time had been over.
static void name_class(
        const struct response_rule *rule, struct str by_rules, struct client_answer *answer)
{
    if (!str_is_null(rule->bounce_class))
        answer->outcome.bounce_class = rule->bounce_class;
    else if (rule->action == RESPONSE_BOUNCE)
        answer->outcome.bounce_class = by_rules;
}

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
