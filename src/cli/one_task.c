// SPDX-License-Identifier: Apache-2.0
// cli/one_task.c: see cli/one_task.h.
#include "cli/one_task.h"

struct err one_task_run(task_main *main, void *arg)
{
    struct loop *loop = loop_new_real();
    if (loop == NULL)
        return fail(ERR_LIMIT, "no memory for a loop");
    struct err e = loop_run(loop, main, arg);
    loop_free(loop);
    return e;
}

int one_task_do(struct cli *c, task_main *main, void *arg)
{
    struct err e = one_task_run(main, arg);
    if (!failed(e))
        return CLI_OK;
    if (e.kind == ERR_CONFIG)
        return cli_fail(c, CLI_RIGHTS, e);
    return cli_fail(c, e.kind == ERR_NOT_FOUND ? CLI_NOT_FOUND : CLI_FAILED, e);
}
