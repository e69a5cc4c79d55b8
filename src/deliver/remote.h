// SPDX-License-Identifier: Apache-2.0
// deliver/remote.h: what remote.c and connect.c share: recipients of one unit on their way to hosts.
#pragma once

#include "deliver/job.h"

// A host's address that is tried now, and how.
struct approach {
    const struct host *host;
    const struct host_address *address;
    struct str name; // of the host, or its address
    const struct connection_strategy *how;
    struct tls_plan tls;
    struct ip source; // IP_NONE: the system chooses
    struct str ehlo_name;
    struct str identity;
    bool stays_plain; // TLS failed here, and need not be
};

struct remote {
    struct job *j;
    const struct route *route;
    enum client_protocol protocol;
    struct carried *rcpts; // without an answer yet
    size_t count;
    struct hosts_inputs hosts;
    struct host_list list;
    struct sts_result sts;
    bool asks_sts;
    const struct client_answer *best; // of what went wrong with hosts; NULL: nothing yet
    bool somebody_deferred;           // not all hosts have refused for good
    size_t transactions;
};

// What follows from a try.
enum reach { REACH_DONE, REACH_NEXT_ADDRESS, REACH_NEXT_HOST };

// A connection that is ready for MAIL; NULL: `why` and `*reach` say what now.
struct err approach_open(struct remote *r, struct approach *p, struct connection **out,
        struct client_answer *why, enum reach *reach) suspends MUST_USE;

// remote_rules.c: the rules of queue.response. What a host says before a transaction is about all
// recipients; a rule may settle it. Of each that was sent, the answer is changed.
struct err remote_judge_host(struct remote *r, const struct approach *p, struct client_answer *why,
        enum reach *reach) suspends MUST_USE;
struct err remote_judge_rcpts(struct remote *r, const struct approach *p, struct connection *c,
        struct client_transaction *t, struct carried *sent) suspends MUST_USE;
