// SPDX-License-Identifier: Apache-2.0
// smtp/smtp.h: the SMTP and LMTP server's side of a conversation (RFC 5321, RFC 2033).
//
// A session is one call of smtp_serve on the connection's own task: it greets, answers until the
// client leaves, the time is up, or the server drains, and returns. It owns nothing of what it is
// given. At this stage it opens no mail transactions: MAIL and its kin are answered 502.
//
//     struct smtp_session_result result = smtp_serve(stream, &options);
#pragma once

#include "base/base.h"
#include "base/ip.h"
#include "listen/tls_context.h"
#include "rt/stream.h"
#include "rt/tls.h"

enum smtp_kind { SMTP_PLAIN, SMTP_LMTP };

struct smtp_options {
    enum smtp_kind kind;
    struct str host;            // our name in greeting and replies
    const struct str *greeting; // the lines of the greeting, each with the name in front if wanted
    size_t greeting_count;
    struct ip client;    // whom we talk to, after PROXY
    const struct tls_context *tls; // offered by STARTTLS; NULL: not offered
    int64_t tls_wait_ms; // for a whole handshake
    bool tls_on;         // the connection is encrypted already
    bool tls_required;   // before anything but a greeting
};

// Why a session ended; the caller writes the event and counts what is to be counted.
enum smtp_end {
    SMTP_END_QUIT,
    SMTP_END_CLOSED,  // by the client, in an orderly way or not
    SMTP_END_TIMEOUT, // counts as loitering
    SMTP_END_ERRORS,
    SMTP_END_NOT_MAIL,  // counts as a scan
    SMTP_END_INJECTION, // counts as a scan
    SMTP_END_TLS_FAILED,
    SMTP_END_TLS_ON_PLAIN, // a ClientHello where none belongs
    SMTP_END_DRAINED,
    SMTP_END_TROUBLE, // ours
};

struct smtp_session_result {
    enum smtp_end end;
    size_t commands, errors;
    bool tls; // encrypted at the end
};

struct smtp_session_result smtp_serve(
        struct stream *s, const struct smtp_options *options) suspends;
struct str smtp_end_text(enum smtp_end end);
