// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/sts_world.h: a domain example.net with a record and a policy, whose host
// answers HTTPS in the way a test wants, and a worker that asks. All in the simulator but for the
// folder of policies, which is a real one.
#pragma once

#include "../base/check.h"

#include "../../support/authority.h"
#include "../../support/state.h"
#include "deliver/security/sts.h"
#include "http/client.h"
#include "rt/rt.h"
#include "rt/sim/sim.h"
#include "rt/tls.h"

#define DOMAIN "example.net"
#define POLICY_HOST "mta-sts.example.net"
#define POLICY(mode, age) "version: STSv1\nmode: " mode "\nmx: *.mx.example\nmax_age: " age "\n"

struct sts_world {
    struct sim *sim;
    struct node *node;
    struct authority *authority;
    struct http_trust *trust;
    struct state_folder folder;
    struct arena arena;
    struct sts_cache *cache;
    struct sts_inputs in;
    task_main *story;
    // The policy's host.
    struct str certificate; // name in it
    struct str reply;       // octets
    int64_t delay_ms;       // before them
    int64_t drip_ms;        // one by one, so far apart; 0: at once
    bool no_goodbye;        // of TLS, at the end
    size_t asked;           // connections
    struct buf request;     // the last one
};

struct handshake {
    struct sts_world *w;
    SSL_CTX *context;
};

static inline void make_server_context(void *arg)
{
    struct handshake *h = arg;
    h->context = authority_server(h->w->authority, h->w->certificate);
}

static inline struct err serve_policy(struct sts_world *w, struct stream *s)
{
    struct arena a AUTO(arena_done);
    struct handshake h = {.w = w};
    struct str piece;
    arena_init(&a, 64 * KIB);
    deep_call(make_server_context, &h);
    assert_non_null(h.context);
    struct err e = stream_tls(s, h.context, TLS_SERVER, S(""), &a);
    SSL_CTX_free(h.context);
    TRY(e);
    buf_clear(&w->request);
    while (!str_contains(buf_str(&w->request), S("\r\n\r\n"))) {
        TRY(stream_read(s, 4096, &piece));
        buf_add(&w->request, piece);
    }
    TRY(task_sleep_ms(w->delay_ms));
    size_t step = w->drip_ms > 0 ? 1 : w->reply.len;
    for (size_t at = 0; at < w->reply.len; at += step) {
        TRY(stream_write(s, str_part(w->reply, at, step)));
        TRY(stream_flush(s));
        TRY(task_sleep_ms(w->drip_ms));
    }
    return w->no_goodbye ? OK : stream_end(s);
}

static inline struct err policy_main(void *arg)
{
    struct sts_world *w = arg;
    struct acceptor *acceptor = NULL;
    TRY(net_listen(&(struct endpoint){.ip = {.family = IP_V4}, .port = 443},
            &(struct listen_options){0}, &acceptor));
    struct err e = OK;
    while (!failed(e)) {
        struct stream *s AUTO(stream_close_auto) = NULL;
        e = net_accept(acceptor, &s);
        if (failed(e))
            break;
        w->asked++;
        struct err ended = serve_policy(w, s);
        (void)ended; // a client that hangs up
    }
    acceptor_free(acceptor);
    return e;
}

static inline void set_txt(struct sts_world *w, const char *text)
{
    struct buf rdata AUTO(buf_done);
    struct str all = str_from_c(text);
    buf_init(&rdata, 512);
    buf_add_byte(&rdata, (char)all.len);
    buf_add(&rdata, all);
    assert_false(
            failed(dns_zone_add(sim_dns(w->sim), S("_mta-sts." DOMAIN), DNS_TXT, buf_str(&rdata))));
}

static inline void replace_txt(struct sts_world *w, const char *text)
{
    dns_zone_remove(sim_dns(w->sim), S("_mta-sts." DOMAIN));
    if (text != NULL)
        set_txt(w, text);
}

static inline void set_policy(struct sts_world *w, const char *text)
{
    struct str all = str_from_c(text);
    w->reply = arena_fmt(&w->arena,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%.*s",
            all.len, ARG(all));
}

static inline struct err begin_cache(struct sts_world *w)
{
    struct sts_cache_options options = {.folder = str_from_c(w->folder.path),
            .bytes_max = MIB,
            .refresh_ms = DAY_MS,
            .trust = w->trust};
    TRY(sts_cache_new(&options, &w->cache));
    w->in.cache = w->cache;
    return OK;
}

// What a restart does: another cache, the same folder.
static inline struct err restart(struct sts_world *w)
{
    sts_cache_free(w->cache);
    return begin_cache(w);
}

static inline struct err find(struct sts_world *w, struct sts_result *out)
{
    *out = (struct sts_result){0};
    return sts_find(&w->in, &w->arena, S(DOMAIN), out);
}

static inline struct err world_main(void *arg)
{
    struct sts_world *w = arg;
    TRY(begin_cache(w));
    TRY(resolver_new(&w->arena, NULL, &w->in.resolver));
    TRY(sim_node_start(w->node));
    struct err e = w->story(w);
    sts_cache_free(w->cache);
    resolver_free(w->in.resolver);
    return e;
}

static inline void with_world(struct sts_world *w, task_main *story)
{
    w->sim = sim_new(11);
    w->authority = authority_new();
    w->story = story;
    w->certificate = S(POLICY_HOST);
    w->in.timeout_ms = MINUTE_MS;
    w->in.wish = TLS_OPTIONAL;
    arena_init(&w->arena, 16 * MIB);
    buf_init(&w->request, 64 * KIB);
    assert_false(failed(state_folder_make(&w->folder)));
    assert_false(
            failed(http_trust_pem(authority_file(w->authority, S("/test-ca/ca.pem")), &w->trust)));
    assert_false(failed(dns_zone_add(sim_dns(w->sim), S(POLICY_HOST), DNS_A, S("\313\0\161\12"))));
    struct sim_node node = {.name = S("policy"),
            .ips = {{IP_V4, {203, 0, 113, 10}}},
            .ip_count = 1,
            .main = policy_main,
            .arg = w};
    assert_false(failed(sim_node_add(w->sim, &node, &w->node)));
    struct err e = sim_run(w->sim, world_main, w);
    if (failed(e))
        check_failed("%.*s", ARG(err_text(e)));
    http_trust_free(w->trust);
    sim_free(w->sim);
    authority_free(w->authority);
    state_folder_remove(&w->folder);
    buf_done(&w->request);
    arena_done(&w->arena);
}
