// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/sim_world.h: a small world for the simulator's tests: a node that serves at
// 198.51.100.1:25 in a way of the test's choice, and a story told by the director.
#pragma once

#include "../base/check.h"
#include "rt/sim/sim.h"

UNUSED static const struct ip server_ip = {IP_V4, {198, 51, 100, 1}};
UNUSED static const struct endpoint server_at = {.ip = {IP_V4, {198, 51, 100, 1}}, .port = 25};
UNUSED static const struct connect_options from_client = {.from = {IP_V4, {192, 0, 2, 7}}};

struct world {
    struct sim *sim;
    struct node *node;
    struct acceptor *acceptor;
    struct err server_saw; // how its last conversation ended
    struct buf server_got;
    struct err (*serve)(struct world *w, struct stream *s) suspends;
    int64_t at_ms;
    size_t served;
};

UNUSED static struct err server_main(void *arg)
{
    struct world *w = arg;
    struct acceptor *a = NULL;
    TRY(net_listen(&(struct endpoint){.ip = {.family = IP_V4}, .port = 25},
            &(struct listen_options){0}, &a));
    struct err e = OK;
    while (!failed(e)) {
        struct stream *s AUTO(stream_close_auto) = NULL;
        e = net_accept(a, &s);
        if (failed(e))
            break;
        w->served++;
        w->server_saw = w->serve(w, s);
        w->at_ms = now_ms();
    }
    acceptor_free(a);
    return e;
}

UNUSED static struct err echo(struct world *w, struct stream *s)
{
    for (;;) {
        struct str piece;
        TRY(stream_read(s, 1000, &piece));
        buf_add(&w->server_got, piece);
        buf_add_byte(&w->server_got, '|');
        TRY(stream_write(s, piece));
        TRY(stream_flush(s));
    }
}

UNUSED static struct err hold(struct world *w, struct stream *s)
{
    struct str piece;
    TRY(stream_peek(s, 1, &piece));
    (void)w;
    return task_sleep_ms(HOUR_MS);
}

// Runs a story with a node that serves so at 198.51.100.1.
UNUSED static void tell(struct world *w, task_main *story)
{
    w->sim = sim_new(7);
    assert_non_null(w->sim);
    buf_init(&w->server_got, MIB);
    struct sim_node node = {
            .name = S("server"), .ips = {server_ip}, .ip_count = 1, .main = server_main, .arg = w};
    assert_false(failed(sim_node_add(w->sim, &node, &w->node)));
    struct err e = sim_run(w->sim, story, w);
    if (failed(e))
        print_message("%.*s\n", ARG(err_text(e)));
    assert_int_equal(e.kind, ERR_NONE);
    buf_done(&w->server_got);
    sim_free(w->sim);
}

UNUSED static struct err say(struct stream *s, struct str text)
{
    TRY(stream_write(s, text));
    return stream_flush(s);
}
