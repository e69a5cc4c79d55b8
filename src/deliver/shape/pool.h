// SPDX-License-Identifier: Apache-2.0
// deliver/shape/pool.h: connections that are open and may carry another message (outbound.md 21).
// What makes two connections the same is one text, their identity: route, host, address, source,
// our name, and all that TLS had to prove. Nobody gets a connection of another identity.
#pragma once

#include "base/list.h"
#include "deliver/shape/limit.h"
#include "rt/rt.h"

#define POOL_MAX 500 // idle connections of a worker

struct connection {
    struct link in_pool;
    struct arena arena; // of the client and of the texts here
    struct str identity;
    struct stream *stream;
    struct smtp_client *client;
    struct str host; // name, or address
    struct str tls;  // "TLSv1.3 TLS_AES_256_GCM_SHA384 dane", for events; empty: none
    int64_t opened_at_ms, idle_since_ms;
    int64_t idle_ms, age_ms; // limits
    uint32_t messages, messages_max;
    uint32_t idle_max;                // how many like this one may be idle
    size_t *counted;                  // how many there are; NULL: nobody counts
    struct outbound_permits *permits; // given back when it is closed; NULL: it holds none
    bool is_spent;                    // said goodbye, or said something odd: not to be used again
};

struct pool {
    struct list idle;     // the latest last
    struct list leaving;  // they get their QUIT from who asks for the expired
    struct waitq *tender; // who asks for them; woken when there is one
    size_t count;
    bool closes; // we stop: nobody waits for another message any more
};

void pool_init(struct pool *pool, struct waitq *tender);
void pool_done(struct pool *pool); // breaks what is left
// An idle one that is alive, the latest first; NULL: none. What has ended is dropped on the way.
struct connection *pool_take(struct pool *pool, struct str identity) suspends;
// For the next one who comes, or goodbye, if it may not be used again or enough are idle.
void pool_park(struct pool *pool, struct connection *c) suspends;
// Goodbye, which nobody waits for (outbound.md 8.5).
void pool_dismiss(struct pool *pool, struct connection *c) suspends;
// One that nobody uses and that holds a permit of this counter; NULL: none. It is for the caller to
// close.
struct connection *pool_take_holder(struct pool *pool, uint64_t counter);
// One that has been idle too long or was dismissed, or any when the pool closes; NULL: none.
struct connection *pool_expired(struct pool *pool);

// With nothing open yet; NULL: no memory.
struct connection *connection_new(void);
bool connection_may_go_on(const struct connection *c);
void connection_end(struct connection *c) suspends; // with QUIT where that makes sense
void connection_break(struct connection *c);        // at once
