// SPDX-License-Identifier: Apache-2.0
// smtp/smtp.h: the SMTP and LMTP server's side of a conversation (RFC 5321, RFC 2033; inbound.md).
//
// A session is one call of smtp_serve on the connection's own task: it greets, answers until the
// client leaves, the time is up, or the server drains, and returns. It owns nothing of what it is
// given. A message that it answers with 250 is in the store before the reply leaves.
//
//     struct smtp_session_result result = smtp_serve(stream, &options);
//
// What all sessions of a worker share is a struct smtp_service; its settings are made with the
// configuration (smtp/server/settings.h). The grammar of commands and data stands beside this file
// (envelope.h, data.h, sasl.h), the stages of a session in server/.
#pragma once

#include "base/base.h"
#include "events/event.h"
#include "events/metrics.h"
#include "listen/visit.h"
#include "rt/stream.h"

struct directories;
struct dnsbl_service;
struct dnsbl_settings;
struct iprev_settings;
struct key_cache;
struct limits;
struct quota_meter;
struct resolver;
struct schedule_settings;
struct signing_desk;
struct smtp_proof_settings;
struct smtp_settings;
struct space_guard;
struct store;
struct suppress_service;

enum smtp_kind { SMTP_PLAIN, SMTP_LMTP };

// Of a worker. Everything but settings and schedules may be missing: mail is then refused for now,
// nobody is local, nothing is limited.
struct smtp_service {
    const struct smtp_settings *settings;
    const struct schedule_settings *schedules;
    const struct limits *limits;
    struct directories *directories;
    struct store *store;
    struct space_guard *space;
    struct quota_meter *quota;
    struct signing_desk *signing;        // NULL: nothing is signed
    struct suppress_service *suppressed; // NULL: nobody is
    struct resolver *resolver;
    const struct iprev_settings *iprev;          // with a resolver only, as the next two
    const struct dnsbl_settings *dnsbl_settings; // NULL: no block list is asked
    struct dnsbl_service *dnsbl;
    const struct smtp_proof_settings *proof; // NULL: SPF, DKIM, ARC and DMARC are not checked
    struct key_cache *keys;                  // of signatures; may be NULL
    struct metrics_column *metrics;
    uint8_t node;
    uint8_t pepper[32]; // secret, the same in all workers: salts of accounts that do not exist
};

struct smtp_options {
    enum smtp_kind kind;
    const struct smtp_service *service;
    struct visit *visit; // whom we talk to, its TLS, and what is held against it
    struct span *span;   // of this session
};

// Why a session ended; the caller writes the event and counts what is to be counted.
enum smtp_end {
    SMTP_END_QUIT,
    SMTP_END_CLOSED, // by the client, in an orderly way or not
    SMTP_END_TIMEOUT,
    SMTP_END_TOO_LONG,
    SMTP_END_QUOTA, // of bytes
    SMTP_END_ERRORS,
    SMTP_END_LIMITS, // of rates, concurrency, messages
    SMTP_END_REFUSED,
    SMTP_END_EARLY,
    SMTP_END_PIPELINING,
    SMTP_END_SMUGGLING,
    SMTP_END_NOT_MAIL,
    SMTP_END_INJECTION,
    SMTP_END_TLS_FAILED,
    SMTP_END_WRONG_BYTES, // TLS or a PROXY header where none belongs; the listener has told it
    SMTP_END_BANNED,      // meanwhile
    SMTP_END_DRAINED,
    SMTP_END_TROUBLE, // ours
};

struct smtp_session_result {
    enum smtp_end end;
    size_t commands, errors, messages;
    bool tls; // encrypted at the end
};

struct smtp_session_result smtp_serve(
        struct stream *s, const struct smtp_options *options) suspends;
struct str smtp_end_text(enum smtp_end end);
