// SPDX-License-Identifier: Apache-2.0
// smtp/client/parts.h: what the files of the client share. client_say queues a line; client_hear
// sends what is queued and reads one reply, which it judges by the stage (outbound.md 19.1). When
// writing fails the reader is told of it: a peer that has hung up may have said why before.
#pragma once

#include "smtp/client/client.h"

#include "rt/rt.h"

#define REPLY_LINE_READ_MAX 2048        // outbound.md 8.2, line end included; RFC 5321 has 512
#define REPLY_LINES_MAX 128             // the same
#define REPLY_BYTES_MAX (64 * KIB)      // the same
#define REPLY_TEXT_BYTES_MAX 1024       // queue.md 2.3
#define REPLY_ARENA_BYTES (192 * KIB)   // lines of all these bytes, and their table, which grew
#define OUTSTANDING_BYTES_MAX (4 * KIB) // outbound.md 8.4: commands sent and not answered
#define OUTSTANDING_MAX 100             // the same
#define PEER_NAME_BYTES_MAX 255         // RFC 1035 3.1
#define WRITE_BYTES_MAX (32 * KIB)      // in which progress must be made within data_block_ms
#define UNWATCHED_BYTES_MAX (64 * KIB)  // fits what lies between: no reply need be looked for
#define BDAT_CHUNK_BYTES MIB

enum client_expects {
    EXPECTS_2XX,
    EXPECTS_220,
    EXPECTS_354,
    EXPECTS_AUTH,    // 334 and 235
    EXPECTS_REFUSAL, // in the middle of a message: nothing is good, and nothing more is sent
};

struct smtp_client {
    struct stream *stream;
    struct client_options options;
    uint32_t offered; // of enum client_extension, without those that are off
    uint64_t size_max;
    int64_t by_min_s;
    uint32_t rcpts_max, mails_max, rcpt_domains_max;
    uint32_t mechanisms; // 1 << enum sasl_mechanism
    uint32_t xclient;    // attributes that it takes: client_xclient_attribute
    char peer_name[PEER_NAME_BYTES_MAX];
    size_t peer_name_len;
    struct err write_failure; // of the stream: nothing leaves any more
    struct span *span;        // where the dialogue is told; NULL: nowhere
    bool logs_in;             // what is said now is not told
    bool gone;
    bool logged_in; // by AUTH
    bool parameters_are_refused;
    bool fell_back; // to HELO
    bool owes_rset; // a transaction was given up: the next one begins with RSET
};

struct client_question {
    enum client_stage stage;
    enum client_expects expects;
    struct str command; // static: "RCPT TO"
    int64_t wait_ms;
    struct str doing;  // "Timeout while ..."; null: waiting for the reply
    bool all_was_sent; // of a message: without a reply nobody knows whether it has arrived
};

// Queues a line. Only memory and cancellation are errors, and a line that would be two.
struct err client_say(struct smtp_client *c, struct str line) suspends MUST_USE;
struct err client_write(struct smtp_client *c, struct str bytes) suspends MUST_USE;
// Is this failure of the stream the peer's, and not our own trouble? Asked outside the scope whose
// deadline the peer may have let pass.
bool client_is_peers_failure(struct err e);
// One reply. *reply may be NULL; its lines live in `lines`, its text in `a`. Code 0: none came.
struct err client_hear(struct smtp_client *c, struct arena *a, const struct client_question *q,
        struct client_answer *out) suspends MUST_USE;
struct err client_hear_lines(struct smtp_client *c, struct arena *a, struct arena *lines,
        const struct client_question *q, struct client_reply *reply,
        struct client_answer *out) suspends MUST_USE;
// The connection has ended without a reply, or has become useless.
struct err client_lost(struct smtp_client *c, struct arena *a, const struct client_question *q,
        struct err why, struct client_answer *out) MUST_USE;
struct err client_no_room(void) MUST_USE;

// raw.c: a command without its line end, the content of a message, a reply.
void client_tell_line(const struct smtp_client *c, struct str line);
void client_tell_content(const struct smtp_client *c, uint64_t bytes);
void client_tell_reply(const struct smtp_client *c, const struct client_reply *reply);

// EHLO's lines behind the first (outbound.md 8.3).
void client_learn(struct smtp_client *c, const struct client_reply *reply);
void client_forget(struct smtp_client *c);
uint32_t client_xclient_attribute(struct str word);      // a bit; 0: one that we never say
void client_add_xtext(struct buf *out, struct str text); // RFC 3461 4
void client_peer_name_take(struct smtp_client *c, const struct client_reply *reply);

// Parameters of MAIL and RCPT, each with a blank before it. `*out_optional`: some of them need not
// be said, and are not said to a peer that refuses parameters.
void client_mail_parameters(struct buf *out, const struct smtp_client *c,
        const struct client_transaction *t, bool *out_optional);
void client_rcpt_parameters(struct buf *out, const struct smtp_client *c,
        const struct client_transaction *t, const struct client_rcpt *rcpt, bool *out_optional);

// The message, by DATA after its 354 or by BDAT. `*out_whole`: all of it was sent, and *out is the
// first reply to it (LMTP has one for each recipient); else *out is what became of all.
struct err client_body_dotted(struct smtp_client *c, struct arena *a, struct client_transaction *t,
        struct client_answer *out, bool *out_whole) suspends MUST_USE;
struct err client_body_chunked(struct smtp_client *c, struct arena *a, struct client_transaction *t,
        struct client_answer *out, bool *out_whole) suspends MUST_USE;
