// SPDX-License-Identifier: Apache-2.0
// tests/sim/intake.h: what the parts of the intake simulation share: the messages, and what their
// senders were told of them.
#pragma once

#include "base/hash.h"
#include "server.h"

#define MAILS 28
#define CLIENTS 4
#define MAIL_RCPTS_MAX 5

enum fate {
    FATE_NOT_SENT, // the end of the message never left: it must not be there
    FATE_OPEN,     // no answer came: it may be there, once
    FATE_REFUSED,
    FATE_ACKNOWLEDGED,
};

enum framing { BY_DATA, BY_BDAT };

struct mail {
    uint32_t number;
    size_t bytes, rcpt_count;
    enum framing framing;
    bool by_lmtp, pipelines;
    bool accepted[MAIL_RCPTS_MAX]; // by the reply to RCPT
    enum fate fates[MAIL_RCPTS_MAX];
    size_t found[MAIL_RCPTS_MAX]; // in the queue, in the end
    uint64_t id;                  // that the reply told; 0: none
};

struct client {
    struct intake *intake;
    size_t number;
    struct ip ip;
};

enum figure {
    FIGURE_ACKNOWLEDGED, // recipients, as the next three
    FIGURE_REFUSED,
    FIGURE_OPEN,
    FIGURE_NOT_SENT,
    FIGURE_CRASHES,
    FIGURE_CALLS, // to the disk
    FIGURE_FAILURES,
    FIGURE_RELOADS,
    FIGURES,
};
struct figures {
    uint64_t of[FIGURES];
};

struct intake {
    uint64_t seed;
    bool says; // what happens
    struct prng chance;
    struct sim *sim;
    struct sim_server *server;
    struct mail mails[MAILS];
    struct client clients[CLIENTS];
    struct group sending;
    struct waitq disk_ended;
    struct figures figures;
    size_t wrong; // findings
};

extern const struct ip intake_ip;

void mail_plan(struct intake *in, struct mail *m);
// Its bytes, the same each time.
void mail_write(const struct intake *in, const struct mail *m, struct buf *out);
struct str mail_rcpt(struct arena *a, const struct mail *m, size_t i);

struct err client_main(void *client) suspends MUST_USE;

// Opens the store that the server has left, and compares.
struct err intake_check(struct intake *in) suspends MUST_USE;
void intake_finding(struct intake *in, const char *fmt, ...) PRINTF_LIKE(2, 3);
void intake_note(const struct intake *in, const char *fmt, ...) PRINTF_LIKE(2, 3);
