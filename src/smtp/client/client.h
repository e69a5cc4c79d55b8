// SPDX-License-Identifier: Apache-2.0
// smtp/client/client.h: the SMTP and LMTP client's side of a conversation (RFC 5321, RFC 2033;
// outbound.md 8 to 13) on a stream that is connected. It knows the dialogue; where to connect, what
// TLS must prove, and what becomes of a recipient that was refused, its caller knows.
//
//     struct client_answer said;
//     TRY(client_new(a, stream, &options, &c));
//     TRY(client_greet(c, a, &said));                     // greeting, EHLO
//     if (said.verdict == CLIENT_GOOD && client_offers(c, CLIENT_EXT_STARTTLS)) {
//         TRY(client_starttls(c, a, &said));              // STARTTLS, 220
//         ... stream_tls(...) and look at the certificate ...
//         TRY(client_hello(c, a, &said));                 // EHLO again
//     }
//     TRY(client_send(c, a, &transaction));               // as often as there are messages
//     client_quit(c);
//
// What a peer says or fails to say is an answer; an error is our own trouble: no memory, a
// cancellation, the caller's deadline. After an error the stream can only be closed.
//
// Each reply takes up to a KiB and a little more of the arena given. The options are copied; what
// they point to must outlive the client. Nothing is said as an event: the caller knows the answers.
#pragma once

#include "queue/message_reader.h"
#include "rt/stream.h"
#include "smtp/sasl.h"

struct smtp_client;
struct span;

enum client_protocol { CLIENT_SMTP, CLIENT_LMTP };

enum client_stage {
    CLIENT_CONNECT,
    CLIENT_GREETING,
    CLIENT_EHLO,
    CLIENT_TLS,
    CLIENT_AUTH,
    CLIENT_MAIL,
    CLIENT_RCPT,
    CLIENT_DATA, // until 354, or the first BDAT
    CLIENT_EOD,  // the reply to the message
};

enum client_extension {
    CLIENT_EXT_PIPELINING = 1 << 0,
    CLIENT_EXT_SIZE = 1 << 1,
    CLIENT_EXT_8BITMIME = 1 << 2,
    CLIENT_EXT_SMTPUTF8 = 1 << 3,
    CLIENT_EXT_CHUNKING = 1 << 4,
    CLIENT_EXT_BINARYMIME = 1 << 5,
    CLIENT_EXT_DSN = 1 << 6,
    CLIENT_EXT_STARTTLS = 1 << 7,
    CLIENT_EXT_AUTH = 1 << 8,
    CLIENT_EXT_REQUIRETLS = 1 << 9,
    CLIENT_EXT_DELIVERBY = 1 << 10,
    CLIENT_EXT_MT_PRIORITY = 1 << 11,
    CLIENT_EXT_ENHANCEDSTATUSCODES = 1 << 12,
    CLIENT_EXT_LIMITS = 1 << 13,
    CLIENT_EXT_XCLIENT = 1 << 14,
};
// By its EHLO keyword, whatever its case; 0: not one of ours.
uint32_t client_extension_named(struct str keyword);

struct client_timeouts { // outbound.md 7.1; each for one reply
    int64_t greeting_ms, ehlo_ms, mail_ms, rcpt_ms, data_ms, data_init_ms, data_block_ms;
    int64_t auth_ms, rset_ms, quit_ms, tls_ms;
};

struct client_options {
    enum client_protocol protocol;
    struct str ehlo_name;
    const struct client_timeouts *timeouts;
    uint32_t extensions_off;
    bool helo_only;
    bool tls_is_required;        // no HELO fallback then
    bool parameters_are_refused; // SIZE, DSN, BY and MT-PRIORITY are not said: outbound.md 9
    uint64_t bdat_chunk_bytes;   // 0: 1 MiB
};

// CLIENT_LOST: no answer or an impossible one, the connection cannot be used any more (temporary).
enum client_verdict { CLIENT_GOOD, CLIENT_TEMPORARY, CLIENT_PERMANENT, CLIENT_LOST };

struct client_answer {
    enum client_stage stage;
    enum client_verdict verdict;
    bool gone;      // the connection is not usable any more (421 among the reasons)
    bool ambiguous; // all was sent, and no reply came (outbound.md 11)
    // kind, command, code, enhanced, text as queue.md 2.3 and 2.4 want them stored; entity and host
    // are the caller's. Without a reply `enhanced` is the default of queue.md 2.4 (4.4.2 ...).
    struct outcome outcome;
};

struct client_rcpt {
    const struct recipient *rcpt; // address, ORCPT, NOTIFY
    struct str address;           // as it is to be sent (with an A-label domain, perhaps)
    // False after client_send: for another transaction on the same connection, for there were too
    // many (452 4.5.3), or this peer wants it without parameters.
    bool was_tried;
    struct client_answer answer;
};

struct client_transaction {
    const struct message *message; // sender, ENVID, flags (RET, BODY, SMTPUTF8), priority, ...
    struct str sender;             // as it is to be sent
    uint64_t bytes;                // of the message as it will be sent, prefix headers included
    struct message_reader *body;   // at its beginning
    struct client_rcpt *rcpts;
    size_t rcpt_count;
    bool wants_smtputf8, wants_8bit, wants_binary; // what must be said; the peer offers it
    bool requiretls;
    bool only_asks; // MAIL and RCPT, and no message: answers are those to RCPT
    int64_t by_s;   // DELIVERBY's seconds left; 0 with by_mode 0: none
    char by_mode;   // 'R', 'N' or 0
    bool by_trace;
    // Out: the answer to MAIL, and of SMTP (not LMTP) to the message; `end` is what was in the way,
    // if the message was not sent.
    struct client_answer mail, end;
    bool rcpts_were_too_many; // 452 4.5.3 after this many accepted:
    size_t rcpts_accepted;
    // MAIL was refused with 421, or because there were too many before it: over a connection that
    // has carried others this says nothing about the message. Or 421 came right behind the message.
    bool mails_were_too_many;
    bool line_ends_mended; // a CR or LF that stood alone became CRLF: signatures may not hold
};

struct err client_new(struct arena *a, struct stream *s, const struct client_options *options,
        struct smtp_client **out) MUST_USE; // in the arena; the stream stays the caller's
// Where the dialogue is told, octet by octet (events delivery.raw-*), from now on; NULL: nowhere.
// It must not outlive the span.
void client_tell_to(struct smtp_client *c, struct span *span);
struct err client_greet(
        struct smtp_client *c, struct arena *a, struct client_answer *out) suspends MUST_USE;
// EHLO, LHLO or HELO alone: after TLS. Everything learned before is forgotten.
struct err client_hello(
        struct smtp_client *c, struct arena *a, struct client_answer *out) suspends MUST_USE;
// GOOD: the peer waits for a handshake now, and has sent nothing before it.
struct err client_starttls(
        struct smtp_client *c, struct arena *a, struct client_answer *out) suspends MUST_USE;

struct client_credentials {
    struct str username, secret, token; // secret or token null
    struct strs mechanisms;             // none: the order of outbound.md 13
    bool channel_is_safe;               // TLS, loopback or a Unix socket, or it was allowed
    struct str nonce;                   // of SCRAM, for tests: printable, without ','; else null
};
struct err client_auth(struct smtp_client *c, struct arena *a,
        const struct client_credentials *credentials, struct client_answer *out) suspends MUST_USE;

// The client whose mail this is, for hosts that take our word for it (XCLIENT, as Postfix has it).
// Behind its 220 the dialogue begins anew, with EHLO. A host that offers no XCLIENT is told
// nothing, which is no trouble.
struct client_origin {
    struct ip ip;
    struct str name;    // of its address, verified; null: it has none
    bool name_may_come; // the DNS could not be asked
    struct str helo;    // null: unknown
    struct str login;   // null: none
};
struct err client_xclient(struct smtp_client *c, struct arena *a,
        const struct client_origin *origin, struct client_answer *out) suspends MUST_USE;

// One transaction. After it the connection may be used again unless an answer says `gone`.
struct err client_send(
        struct smtp_client *c, struct arena *a, struct client_transaction *t) suspends MUST_USE;
// Before an idle connection is used again: false if it has ended or said something meanwhile.
bool client_is_alive(struct smtp_client *c) suspends;
void client_quit(struct smtp_client *c) suspends; // bounded; the stream is still the caller's

bool client_offers(const struct smtp_client *c, uint32_t extension);
uint64_t client_size_max(const struct smtp_client *c);  // 0: no limit said
int64_t client_by_min_s(const struct smtp_client *c);   // of DELIVERBY; 0: none said
uint32_t client_rcpts_max(const struct smtp_client *c); // of LIMITS RCPTMAX; 0: none said
uint32_t client_mails_max(const struct smtp_client *c);
uint32_t client_rcpt_domains_max(const struct smtp_client *c);
// A command was taken only without its parameters: worth remembering.
bool client_refuses_parameters(const struct smtp_client *c);
// Its EHLO was refused, and HELO was taken: worth remembering.
bool client_fell_back(const struct smtp_client *c);
// False after any answer with `gone`, and any error: the stream can only be closed.
bool client_is_usable(const struct smtp_client *c);
struct str client_peer_name(const struct smtp_client *c); // of its EHLO reply, lower case

// A reply, for fuzzing and tests: reads what outbound.md 8.2 allows. ERR_SYNTAX: it is none.
struct client_reply {
    uint16_t code;       // of the last line
    bool codes_differ;   // between its lines
    struct str enhanced; // null: none, or of another class
    struct str text;     // without it; lines joined by spaces, no controls, 1,024 octets at most
    const struct str *lines; // as they came behind code and separator
    size_t line_count;
};
struct err client_reply_read(
        struct stream *s, struct arena *a, struct client_reply *out) suspends MUST_USE;
