// SPDX-License-Identifier: Apache-2.0
// queue/control/suppress_settings.c: queue.suppress at load.
#include "queue/control/suppress.h"

#include "conf/conf.h"
#include "conf/expr.h"

#define SECTION "queue.suppress."

static bool asks_message(const struct expr_setting *match);
static void warn_unused(const struct conf *conf, struct findings *findings);

struct err suppress_settings_make(struct arena *a, const struct conf *conf,
        struct findings *findings, struct suppress_settings *out)
{
    *out = (struct suppress_settings){.is_on = conf_bool(conf, S(SECTION "enable")),
            .action = (enum suppress_action)conf_enum(conf, S(SECTION "action")),
            .counting = {.after = (uint32_t)conf_u64(conf, S(SECTION "after")),
                    .keep_ms = conf_duration_ms(conf, S(SECTION "expire"))},
            .match = conf_expr(conf, S(SECTION "match")),
            .folder = suppress_folder(a, conf)};
    out->asks_message = asks_message(out->match);
    if (!out->is_on)
        warn_unused(conf, findings);
    return str_is_null(out->folder) ? fail(ERR_LIMIT, "no memory for settings") : OK;
}

// What a session does not know when it is asked about a recipient: the message has not come.
static bool asks_message(const struct expr_setting *match)
{
    static const enum expr_variable unknown[] = {EXPR_VAR_TAG, EXPR_VAR_SIZE, EXPR_VAR_RECIPIENTS,
            EXPR_VAR_SOURCE, EXPR_VAR_QUEUE_NAME, EXPR_VAR_QUEUE_AGE, EXPR_VAR_RETRY_NUM,
            EXPR_VAR_NOTIFY_NUM, EXPR_VAR_EXPIRES_IN, EXPR_VAR_LAST_STATUS, EXPR_VAR_LAST_ERROR,
            EXPR_VAR_LAST_CODE, EXPR_VAR_LAST_ENHANCED};
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        if (expr_uses(match, unknown[i]))
            return true;
    return false;
}

static void warn_unused(const struct conf *conf, struct findings *findings)
{
    static const struct str keys[] = {S_INIT(SECTION "match"), S_INIT(SECTION "action"),
            S_INIT(SECTION "after"), S_INIT(SECTION "expire")};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (conf_is_own(conf, keys[i]))
            conf_warning(conf, findings, keys[i], -1, S("unused"),
                    "it has no effect: queue.suppress.enable is false");
}
