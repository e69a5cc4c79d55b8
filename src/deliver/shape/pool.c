// SPDX-License-Identifier: Apache-2.0
// deliver/shape/pool.c: see pool.h.
#include "deliver/shape/pool.h"

#define CONNECTION_BYTES_MAX (256 * KIB)

static void take_out(struct pool *pool, struct connection *c);

void pool_init(struct pool *pool, struct waitq *tender)
{
    *pool = (struct pool){.tender = tender};
    list_init(&pool->idle);
    list_init(&pool->leaving);
}

void pool_done(struct pool *pool)
{
    while (!list_is_empty(&pool->idle))
        connection_break(CONTAINER_OF(list_take_first(&pool->idle), struct connection, in_pool));
    while (!list_is_empty(&pool->leaving))
        connection_break(CONTAINER_OF(list_take_first(&pool->leaving), struct connection, in_pool));
    pool->count = 0;
}

struct connection *pool_take(struct pool *pool, struct str identity)
{
    for (;;) {
        struct connection *found = NULL;
        each_in_list (c, &pool->idle, struct connection, in_pool)
            if (str_eq(c->identity, identity))
                found = c;
        if (found == NULL)
            return NULL;
        take_out(pool, found); // nobody else gets it while we look
        if (connection_may_go_on(found) && client_is_alive(found->client))
            return found;
        connection_break(found);
    }
}

void pool_park(struct pool *pool, struct connection *c)
{
    client_tell_to(c->client, NULL);
    outbound_permits_rest(c->permits);
    size_t alike = 0;
    each_in_list (idle, &pool->idle, struct connection, in_pool)
        alike += str_eq(idle->identity, c->identity);
    if (pool->closes || !connection_may_go_on(c) || c->idle_ms == 0 || pool->count >= POOL_MAX ||
            alike >= c->idle_max) {
        pool_dismiss(pool, c);
        return;
    }
    c->idle_since_ms = now_ms();
    list_append(&pool->idle, &c->in_pool);
    pool->count++;
}

void pool_dismiss(struct pool *pool, struct connection *c)
{
    if (c->is_spent || c->client == NULL) {
        connection_break(c);
    } else if (pool->closes) {
        connection_end(c); // nobody comes by any more who would
    } else {
        list_append(&pool->leaving, &c->in_pool);
        waitq_wake_all(pool->tender);
    }
}

// Those that are to be closed anyway come first, then whoever has been idle for longest.
struct connection *pool_take_holder(struct pool *pool, uint64_t counter)
{
    each_in_list (c, &pool->leaving, struct connection, in_pool)
        if (outbound_permits_have(c->permits, counter)) {
            link_remove(&c->in_pool);
            return c;
        }
    each_in_list (c, &pool->idle, struct connection, in_pool)
        if (outbound_permits_have(c->permits, counter)) {
            take_out(pool, c);
            return c;
        }
    return NULL;
}

struct connection *pool_expired(struct pool *pool)
{
    if (!list_is_empty(&pool->leaving))
        return CONTAINER_OF(list_take_first(&pool->leaving), struct connection, in_pool);
    each_in_list (c, &pool->idle, struct connection, in_pool)
        if (pool->closes || now_ms() - c->idle_since_ms >= c->idle_ms || !connection_may_go_on(c)) {
            take_out(pool, c);
            return c;
        }
    return NULL;
}

static void take_out(struct pool *pool, struct connection *c)
{
    link_remove(&c->in_pool);
    pool->count--;
}

struct connection *connection_new(void)
{
    struct connection *c = mem_new(struct connection);
    if (c == NULL)
        return NULL;
    arena_init(&c->arena, CONNECTION_BYTES_MAX);
    c->opened_at_ms = now_ms();
    return c;
}

bool connection_may_go_on(const struct connection *c)
{
    return !c->is_spent && (c->messages_max == 0 || c->messages < c->messages_max) &&
           now_ms() - c->opened_at_ms < c->age_ms;
}

void connection_end(struct connection *c)
{
    if (c->client != NULL && !c->is_spent)
        client_quit(c->client);
    connection_break(c);
}

void connection_break(struct connection *c)
{
    if (c->counted != NULL)
        --*c->counted;
    stream_close(c->stream);
    outbound_permits_free(c->permits);
    arena_done(&c->arena);
    mem_free(c);
}
