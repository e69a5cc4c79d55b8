// SPDX-License-Identifier: Apache-2.0
// tests/sim/delivery.h: what the simulations of delivery share: a world of one server, whose mail
// it is, and the hosts that it goes to. The hosts write down what they were given and what they
// said of it; whoever tells the story compares that with what must have happened.
#pragma once

#include "base/hash.h"
#include "base/map.h"
#include "server.h"

#define HOSTS_MAX 128
#define DOMAINS_MAX 128
#define MAIL_RCPTS_MAX 4
#define DELAYS_MAX 2 // reports of delay, queue.md 4.4

enum manner {
    HOST_WELL,
    HOST_TEMPORARY, // accepts nobody for now
    HOST_SILENT,    // accepts connections, and says nothing
    HOST_SLOW,      // takes a second to answer the end of each message
    HOST_LYING,     // whatever the seed has in mind
};

struct world;

struct host {
    struct world *world;
    struct ip ip;
    enum manner manner;
    bool is_home;         // of the senders: it refuses nothing for good
    bool has_refused_all; // with a greeting
};

struct rcpt {
    struct mail *mail;
    size_t domain;
    bool refused;    // for good, by a host
    bool was_honest; // who took it said so plainly, and did nothing to the connection
    bool is_sure;    // a host has taken it, and has seen afterwards that we know
    uint32_t arrivals;
    uint32_t delays, failures; // reports that came home
    int64_t delay_at_ms[DELAYS_MAX], failure_at_ms;
};

struct mail {
    uint32_t number;
    bool has_no_sender;
    bool is_accepted;
    uint64_t id;
    int64_t accepted_at_ms;
    size_t rcpt_count;
    struct rcpt rcpts[MAIL_RCPTS_MAX];
    uint32_t attempts;     // for who counts them
    int64_t attempt_at_ms; // the last
};

struct attempt { // that a host saw
    struct rcpt *rcpt;
    int64_t at_ms;
};

enum figure {
    FIGURE_ARRIVED, // recipients
    FIGURE_BOUNCED,
    FIGURE_AGAIN, // arrivals that were one too many, and allowed
    FIGURE_ATTEMPTS,
    FIGURE_LIES,
    FIGURE_CRASHES,
    FIGURE_RELOADS,
    FIGURE_FAILURES, // of the disk
    FIGURE_CUTS,
    FIGURES,
};

struct world {
    uint64_t seed;
    bool says; // what happens
    struct prng chance;
    struct sim *sim;
    struct sim_server *server;
    struct mail *mails;
    size_t mail_count, mails_posted;
    struct host hosts[HOSTS_MAX];
    size_t host_count;
    size_t domain_count;
    struct map by_id;       // of accepted mail
    struct buf attempts;    // struct attempt, for who takes them
    bool is_calm;           // nothing but hosts can make connections break
    size_t open, open_most; // connections to hosts
    size_t wrong;           // findings
    uint64_t figures[FIGURES];
};

extern const struct ip world_server_ip;

// delivery_world.c: a sim, a server with this configuration (behind what all have), a DNS in which
// home.example is at the first host and dN.example at those from its line on.
struct world_plan {
    struct str config;
    task_main *direct; // arg: the world
};
// First of all; calm.
void world_begin(struct world *w, uint64_t seed, size_t mail_count, size_t domain_count);
struct err world_tell(struct world *w, const struct world_plan *plan) MUST_USE;
struct err world_zone_line(struct world *w, struct str domain, struct str line) MUST_USE;
void world_mail(struct world *w, size_t number, size_t rcpt_count); // with its recipients
struct err world_open_hosts(struct world *w) MUST_USE;
void world_done(struct world *w);

struct str rcpt_address(struct arena *a, const struct rcpt *r);
struct rcpt *world_rcpt(struct world *w, struct str address);      // NULL: nobody's
struct mail *world_sender_of(struct world *w, struct str address); // NULL: nobody's
void mail_write(const struct mail *m, struct buf *out);

void finding(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void note(const struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

// delivery_post.c: mails [first, first + count) over as many connections at once.
struct err post_mails(
        struct world *w, size_t first, size_t count, size_t connections) suspends MUST_USE;

// delivery_host.c: listens until the end of the world. A task_main.
struct err host_main(void *host) suspends MUST_USE;
