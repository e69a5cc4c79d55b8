// SPDX-License-Identifier: Apache-2.0
// server/names.c: the supervisor's part of server/names.h.
#include "server/names.h"

#include "server/plan_dns.h"
#include "server/supervisor.h"

#define LOOK_MS (2 * SECOND_MS)

static bool look(struct supervisor *sup, struct generation *g, bool tell) suspends;

struct err watch_names(void *arg)
{
    struct supervisor *sup = arg;
    bool was_good = true;
    task_describe("watching resolv.conf", sup);
    for (;;) {
        bool good = true;
        TRY(task_sleep_ms(LOOK_MS));
        each_in_list (g, &sup->generations, struct generation, in_supervisor)
            if (g->plan != NULL)
                good &= look(sup, g, was_good);
        was_good = good;
    }
}

// A worker that is born later has the plan as it is then.
static bool look(struct supervisor *sup, struct generation *g, bool tell)
{
    struct buf order AUTO(buf_done);
    bool changed = false;
    buf_init(&order, NAMES_LINE_BYTES_MAX);
    struct err e = plan_dns_again(g->plan->conf, &g->plan->arena, &g->plan->dns, &changed);
    if (failed(e) && tell)
        event(sup->log, EV_DNS_SERVERS_UNUSABLE, F_ERR(reason, e));
    if (failed(e) || !changed)
        return !failed(e);
    names_order_add(&order, &g->plan->dns);
    if (g == sup->current)
        event(sup->log, EV_DNS_SERVERS_CHANGED,
                F_STR(details, str_trim(str_from(buf_str(&order), S("names ").len))));
    generation_tell(g, buf_str(&order));
    return true;
}

void names_order_add(struct buf *out, const struct dns_settings *s)
{
    buf_fmt(out, "names %lld %u", (long long)s->try_ms, s->retry_count);
    for (size_t i = 0; i < s->server_count; i++) {
        buf_add_byte(out, ' ');
        ip_add(out, &s->servers[i].ip);
    }
    buf_add_byte(out, '\n');
}

bool names_order_read(struct arena *a, struct str words, struct dns_settings *io)
{
    VEC(struct dns_server) servers = {0};
    struct dns_settings s = *io;
    struct str word;
    uint64_t try_ms, retry_count;
    if (!str_split(&words, ' ', &word) || !str_to_u64(word, INT32_MAX, &try_ms) ||
            !str_split(&words, ' ', &word) || !str_to_u64(word, UINT32_MAX, &retry_count))
        return false;
    while (str_split(&words, ' ', &word)) {
        struct dns_server *server = vec_add(a, &servers);
        if (server == NULL || !ip_parse(word, &server->ip))
            return false;
        server->port = PORT_DNS;
    }
    s.try_ms = (int64_t)try_ms;
    s.retry_count = (uint32_t)retry_count;
    s.servers = servers.at;
    s.server_count = servers.count;
    *io = s;
    return servers.count > 0;
}
