// SPDX-License-Identifier: Apache-2.0
// smtp/session.h: what the files of this room share about one session.
#pragma once

#include "smtp/smtp.h"

enum reply_id {
#define REPLY(id, code, enhanced, text, when) REPLY_##id,
#include "smtp/replies.def"
};

struct smtp_session {
    struct stream *stream;
    const struct smtp_options *options;
    struct arena scratch; // of one command
    struct smtp_session_result result;
    bool tls_on, greeted, over;
};

// Queues a reply. An error is about the connection and ends the session.
struct err reply(struct smtp_session *s, enum reply_id id) suspends MUST_USE;
// The same to what is no command at all: before authentication it counts as a scan.
struct err reply_junk(struct smtp_session *s, enum reply_id id) suspends MUST_USE;
// A last reply: queued and flushed within a short time; the session is over.
void reply_and_leave(struct smtp_session *s, enum reply_id id, enum smtp_end end) suspends;
struct err reply_greeting(struct smtp_session *s) suspends MUST_USE;
struct err reply_hello(struct smtp_session *s, bool extended) suspends MUST_USE;

struct err command_run(struct smtp_session *s, struct str line) suspends MUST_USE;
