// SPDX-License-Identifier: Apache-2.0
// tests/sim/delivery_world.c: the surroundings of each story: files, DNS, server, hosts, and the
// names of who writes to whom.
#define POSTHASTE_BASE_ROOM // it prints
#include "delivery.h"

#include "zone.h"

#define TEXT_BYTES_MAX (64 * KIB)
#define ATTEMPT_BYTES_MAX (64 * MIB)

const struct ip world_server_ip = {IP_V4, {198, 51, 100, 25}};
static const struct str config_of_all = S_INIT("[server]\n"
                                               "hostname = \"mx.example.org\"\n"
                                               "[server.listener.smtp]\n"
                                               "bind = [\"[::]:25\"]\n"
                                               "protocol = \"smtp\"\n"
                                               "[session]\n"
                                               "data.limits.messages = 1000000\n"
                                               "[session.auth]\n"
                                               "require = false\n"
                                               "[session.rcpt]\n"
                                               "relay = true\n"
                                               "allow-open-relay = true\n"
                                               "[queue.limiter.inbound.none]\n"
                                               "enable = false\n"
                                               "rate = \"1/1s\"\n");

void world_begin(struct world *w, uint64_t seed, size_t mail_count, size_t domain_count)
{
    w->seed = seed;
    prng_seed(&w->chance, seed);
    w->mails = mem_bytes(mail_count * sizeof(struct mail));
    w->sim = sim_new(seed);
    assert(w->mails != NULL && w->sim != NULL);
    w->mail_count = mail_count;
    w->domain_count = domain_count;
    w->is_calm = true;
    buf_init(&w->attempts, ATTEMPT_BYTES_MAX);
}

struct err world_tell(struct world *w, const struct world_plan *plan)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, TEXT_BYTES_MAX);
    struct sim_server_options options = {.name = S("mx.example.org"),
            .ips = {world_server_ip},
            .ip_count = 1,
            .config = arena_join(&a, config_of_all, plan->config),
            .delivers = true};
    struct err e = sim_server_add(w->sim, &options, &w->server);
    if (!failed(e))
        e = sim_run(w->sim, plan->direct, w);
    if (failed(e))
        finding(w, "%.*s\n%.*s", ARG(err_text(e)),
                ARG(w->server == NULL ? S("") : sim_server_trouble(w->server)));
    sim_server_free(w->server);
    sim_free(w->sim);
    return e;
}

struct err world_zone_line(struct world *w, struct str domain, struct str line)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, TEXT_BYTES_MAX);
    return zone_add_line(&a, sim_dns(w->sim), domain, line);
}

void world_mail(struct world *w, size_t number, size_t rcpt_count)
{
    struct mail *m = &w->mails[number];
    m->number = (uint32_t)number;
    m->rcpt_count = rcpt_count;
    for (size_t i = 0; i < rcpt_count; i++)
        m->rcpts[i] = (struct rcpt){.mail = m, .domain = (number + i) % w->domain_count};
}

struct err world_open_hosts(struct world *w)
{
    for (size_t i = 0; i < w->host_count; i++)
        TRY(sim_spawn(w->sim, host_main, &w->hosts[i]));
    return OK;
}

void world_done(struct world *w)
{
    map_done(&w->by_id);
    buf_done(&w->attempts);
    mem_free(w->mails);
}

// --- Names ---------------------------------------------------------------------------------------

struct str rcpt_address(struct arena *a, const struct rcpt *r)
{
    return arena_fmt(
            a, "r%u.%zu@d%zu.example", r->mail->number, (size_t)(r - r->mail->rcpts), r->domain);
}

struct rcpt *world_rcpt(struct world *w, struct str address)
{
    struct scan in = scan_over(address);
    uint64_t number, place;
    if (!scan_byte(&in, 'r') || !scan_u64(&in, w->mail_count - 1, &number) ||
            !scan_byte(&in, '.') || !scan_u64(&in, MAIL_RCPTS_MAX - 1, &place) ||
            place >= w->mails[number].rcpt_count)
        return NULL;
    return &w->mails[number].rcpts[place];
}

struct mail *world_sender_of(struct world *w, struct str address)
{
    struct scan in = scan_over(address);
    uint64_t number;
    if (!scan_byte(&in, 's') || !scan_u64(&in, w->mail_count - 1, &number) ||
            !scan_lit(&in, S("@home.example")))
        return NULL;
    return &w->mails[number];
}

void mail_write(const struct mail *m, struct buf *out)
{
    buf_fmt(out, "Subject: mail %u\r\nFrom: <s%u@home.example>\r\n\r\n", m->number, m->number);
    for (uint32_t i = 0; i < m->number % 50; i++)
        buf_fmt(out, "line %u of %u\r\n", i, m->number);
    buf_fmt(out, "end of %u\r\n", m->number);
}

// --- Telling -------------------------------------------------------------------------------------

void finding(struct world *w, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("seed %llu: ", (unsigned long long)w->seed);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    w->wrong++;
}

void note(const struct world *w, const char *fmt, ...)
{
    va_list args;
    if (!w->says)
        return;
    va_start(args, fmt);
    printf("%11.3f ", in_task() ? (double)now_ns() / 1e9 : 0);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
}
