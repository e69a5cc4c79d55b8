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
#include "listen/visit.h"
#include "rt/stream.h"

enum smtp_kind { SMTP_PLAIN, SMTP_LMTP };

struct smtp_options {
    enum smtp_kind kind;
    struct str host;            // our name in greeting and replies
    const struct str *greeting; // the lines of the greeting, each with the name in front if wanted
    size_t greeting_count;
    struct visit *visit; // whom we talk to, its TLS, and what is held against it
    bool tls_required;   // before anything but a greeting
};

// Why a session ended; the caller writes the event and counts what is to be counted.
enum smtp_end {
    SMTP_END_QUIT,
    SMTP_END_CLOSED, // by the client, in an orderly way or not
    SMTP_END_TIMEOUT,
    SMTP_END_ERRORS,
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
    size_t commands, errors;
    bool tls; // encrypted at the end
};

struct smtp_session_result smtp_serve(
        struct stream *s, const struct smtp_options *options) suspends;
struct str smtp_end_text(enum smtp_end end);
