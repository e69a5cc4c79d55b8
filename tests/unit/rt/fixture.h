// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/fixture.h: running a test's task on a loop, real or simulated.
#pragma once

#include "../base/check.h"
#include "rt/loop.h"
#include "rt/rt.h"
#include "rt/sim/sim.h"

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct err ok_err_ = (call);                                                               \
        if (failed(ok_err_))                                                                       \
            print_error("%.*s\n", ARG(err_text(ok_err_)));                                         \
        assert_int_equal(ok_err_.kind, ERR_NONE);                                                  \
    } while (0)

static inline struct err run_real(task_main *main, void *arg)
{
    struct loop *loop = loop_new_real();
    assert_non_null(loop);
    struct err e = loop_run(loop, main, arg);
    loop_free(loop);
    return e;
}

// Time passes at once there, and only when every task waits.
static inline struct err run_simulated(task_main *main, void *arg)
{
    struct sim *sim = sim_new(1);
    assert_non_null(sim);
    struct err e = sim_run(sim, main, arg);
    sim_free(sim);
    return e;
}

// Until whatever was ready, and what this made ready, has run and waits.
static inline void let_others_run(void)
{
    for (int i = 0; i < 20; i++)
        task_yield();
}
