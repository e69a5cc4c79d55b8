// SPDX-License-Identifier: Apache-2.0
// deliver/courier.c: a task that carries units for one destination, one after another, as long as
// there are any and nobody else has waited too long for its turn. Its connection stays open between
// them; when it is done, the pool may keep it for the next one.
#include "deliver/deliver_state.h"

static struct err say_goodbye(void *connection) suspends;

struct err courier_run(void *arg)
{
    struct courier *c = arg;
    size_t taken = 0;
    task_describe("delivery", c);
    do {
        int64_t due_ms = job_run(c);
        dispatch_settled(c, due_ms);
    } while (!task_cancelled() && dispatch_take_next(c, ++taken));
    if (c->connection != NULL)
        blocked_hand_over(c);
    dispatch_came_back(c);
    return OK;
}

void courier_close_idle(struct deliverer *d)
{
    struct connection *c = pool_expired(&d->pool);
    while (c != NULL) {
        if (failed(group_spawn(&d->couriers, say_goodbye, c)))
            connection_break(c);
        c = pool_expired(&d->pool);
    }
}

static struct err say_goodbye(void *connection)
{
    task_describe("goodbye", connection);
    connection_end(connection);
    return OK;
}
