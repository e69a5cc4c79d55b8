// SPDX-License-Identifier: Apache-2.0
// deliver/remote.h: what remote.c, approach.c, connect.c, send.c, limited.c and remote_rules.c
// share: recipients of one unit on their way to hosts.
#pragma once

#include "deliver/job.h"
#include "deliver/shape/shaping.h"

// A host's address that is tried now, and how.
struct approach {
    const struct host *host;
    const struct host_addresses *found;
    const struct host_address *address; // one of them
    struct str name;                    // of the host, or its address
    struct dane *dane;                  // of the host; asked for once
    const struct connection_strategy *how;
    struct tls_plan tls;
    struct source from;
    struct str identity;
    struct outbound_permits *permits; // for a connection that is yet to be made; NULL: none
    const struct tls_proof *proof;    // of the last handshake; NULL: there was none
    bool stays_plain;                 // TLS failed here, and need not be
    bool keeps_session;               // of TLS: its certificates have proved what they had to
    bool parameters_are_refused, says_helo;
    uint32_t messages_max; // of a connection; 0: nothing is known
    bool is_our_trouble;   // that there is no connection
    bool tls_broke;        // in the middle of a handshake
    bool has_raced;        // or does not race
    size_t raced;          // addresses behind it that were tried together with it
};

struct remote {
    struct job *j;
    const struct route *route;
    enum client_protocol protocol;
    struct carried *rcpts; // without an answer yet
    size_t count;
    size_t passed_on; // of them, at the end: whom this host has put off, for the next one
    struct hosts_inputs hosts;
    struct host_list list;
    struct shaped shaped;                      // what the provider takes
    struct str site;                           // of the hosts: what expressions call mx_site
    struct outbound_check *of_rcpts, *of_host; // what limits took; NULL: nothing
    size_t transactions_before;                // of_host was taken
    struct source_turn source_turn;
    struct sts_result sts;
    bool asks_sts;
    const struct client_answer *best; // of what went wrong with hosts; NULL: nothing yet
    bool told_broken;                 // that our signature will not hold
    bool somebody_deferred;           // not all hosts have refused for good
    // Of the message (deliver/fit.c), with and without its priority in the header, and by enum
    // mime_wish; NULL: nobody has asked for it yet.
    const struct message *edited[2];
    const struct mime_downgrade_plan *plans[2][8];
    size_t transactions, alone; // the latter of one recipient, who has a sender of his own
    size_t tries;               // of connections
    bool ends_here;        // what went wrong with the last host is not to be tried with the next
    bool needs_connection; // some are left, for the last one had carried all that it may
    int64_t rests_ms;      // until the first of those that cool down may be tried; 0: none does
};

// What follows from a try.
enum reach { REACH_DONE, REACH_NEXT_ADDRESS, REACH_NEXT_HOST };

// The host's name, its address where it has none, or "localhost" behind a Unix socket.
struct str remote_name_of(struct arena *a, const struct host *host, const struct endpoint *at);

// Trouble with a host as a whole: who has no other host gets the most telling one. NULL is fine.
void remote_note(struct remote *r, const struct client_answer *why);
// A recipient was put off by a host, and goes to the next; and how many have not been.
void remote_note_rcpt(struct remote *r);
size_t remote_left_here(const struct remote *r);

// outbound.md 2: the TLS strategy that an expression has named is not there. Everybody is told so.
void remote_settle_unnamed(struct remote *r, struct str name);

// outbound.md 1: what is left of queue.connection.<id>.timeout.session for this unit; and what it
// comes to when nothing is.
int64_t remote_left_ms(const struct remote *r, const struct approach *p);
struct client_answer remote_took_too_long(struct str entity);

// approach.c
struct err approach_try(struct remote *r, struct approach *p, enum reach *out) suspends MUST_USE;
// For race.c: another address beside one that is being tried. NULL: it cannot be tried now. If not,
// the check is what its limits took, and the approach comes to an end by approach_try or this.
struct err approach_beside(
        struct remote *r, struct approach *p, struct outbound_check **out) suspends MUST_USE;
void approach_dismiss(struct remote *r, struct approach *p, const struct client_answer *why);

// connect.c: a connection that is ready for MAIL; NULL: `why` and `*reach` say what now.
struct err approach_open(struct remote *r, struct approach *p, struct connection **out,
        struct client_answer *why, enum reach *reach) suspends MUST_USE;

// What is told and noted of a connection that could not be made.
void connect_failed(struct remote *r, struct approach *p, struct err e, int64_t began_ms,
        struct client_answer *why);

// send.c: as many transactions as it takes, until everybody has an answer or the connection is of
// no more use. With `out_was_stale` a connection that dies before it has said anything, or has had
// enough messages, is nobody's fault.
struct err send_all(struct remote *r, struct approach *p, struct connection *c, bool *out_was_stale,
        enum reach *reach) suspends MUST_USE;

// limited.c: the limits of queue.limiter.outbound. When it does not go on, everybody is put off.
struct err limit_rcpts(struct remote *r, bool *out_goes_on) suspends MUST_USE;
// `c` NULL: for a connection that is to be made.
struct err limit_remote(struct remote *r, struct approach *p, struct connection *c,
        bool *out_goes_on) suspends MUST_USE;
// The approach has ended: permits that no connection has go back, those of the message, and tokens
// if nothing was sent.
void limit_remote_end(struct remote *r, struct approach *p);
// The same for one of several addresses at the same time: nobody waits and nobody is put off. NULL:
// not now.
struct err limit_beside(
        struct remote *r, struct approach *p, struct outbound_check **out) suspends MUST_USE;
void limit_beside_end(struct remote *r, struct approach *p, struct outbound_check **check);
void limit_beside_won(struct remote *r, struct outbound_check *check); // it is the one that goes on
void limit_rcpts_end(struct remote *r); // the same of the domain's, at the end of all

// sourced.c: one of our addresses for this one of the host's. False: none can be used now, which is
// noted. Again: when the last one turned out not to be there. At the end: was anything sent?
bool sourced_choose(struct remote *r, struct approach *p);
bool sourced_again(struct remote *r, struct approach *p);
// Descriptors or ports have run out: nobody connects for a moment, as `out_why` says.
bool sourced_is_paused(struct remote *r, const struct approach *p, struct client_answer *out_why);
struct connect_options sourced_options(const struct approach *p); // of a connection from there
void sourced_end(struct remote *r, struct approach *p, bool was_sent);

// doubted.c: what this worker sees may be its own trouble (deliver/doubt.h). The first two note
// what was seen; the last makes a failure of the DNS a temporary one when it cannot be believed.
void doubted_domain(struct remote *r);
void doubted_connect(struct remote *r, struct approach *p, struct err connected);
struct err doubted_answer(struct remote *r, struct client_answer *io) suspends MUST_USE;

// recovered.c: a back-off in which it goes well again ends.
struct err recovered(struct remote *r, const struct carried *rcpts, size_t count) suspends MUST_USE;

// probe.c: instead of a transaction, over a connection that ends here.
struct err probe_ask(struct remote *r, struct connection *c, enum reach *reach) suspends MUST_USE;

// remote_rules.c: the rules of queue.response. What a host says before a transaction is about all
// recipients; a rule may settle it. Of each that was sent, the answer is changed.
struct err remote_judge_host(struct remote *r, const struct approach *p, struct client_answer *why,
        enum reach *reach) suspends MUST_USE;
struct err remote_judge_rcpts(struct remote *r, const struct approach *p, struct connection *c,
        struct client_transaction *t, struct carried *sent) suspends MUST_USE;
