// SPDX-License-Identifier: Apache-2.0
// cli/config/config_plan.c: see config_plan.h.
#include "cli/config/config_plan.h"

#include "server/plan.h"

struct plan *config_plan(struct cli *c, int *out_status)
{
    struct findings findings = findings_make(&c->arena);
    struct conf_env env = conf_env_process(&c->arena);
    struct conf_options from = {.path = config_path(c, &env), .env = &env};
    if (str_is_null(from.path)) {
        *out_status = config_none(c);
        return NULL;
    }
    struct plan *plan = plan_make_alone(&from, &findings);
    if (plan == NULL) {
        *out_status = CLI_FAILED;
        config_show_findings(c, c->err, &findings);
    }
    return plan;
}
