// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn_parts.h: a report while it is composed; private to queue/dsn*.c. Each part is added
// to a buf, whose overflow tells whether there was room.
#pragma once

#include "mail/fold.h"
#include "queue/dsn/dsn.h"

// A report stays within what is kept inline: its third part has what the first two leave. These
// are bounded by the number of recipients, and a report of a hundred with the longest names there
// are may be larger.
#define DSN_BYTES_MAX (512 * KIB)
#define DSN_LINE_BYTES 76                // queue.md 12.4
#define DSN_TEXT_ENTRIES_MAX 50          // queue.md 12.11
#define DSN_DIAGNOSTIC_BYTES 1000        // queue.md 12.4
#define DSN_DIAGNOSTICS_BYTES (40 * KIB) // of all together, in each of the first two parts

struct dsn_writing {
    struct arena *arena;
    const struct dsn_settings *settings;
    const struct dsn_words *words;
    const struct dsn_report *report;
    bool utf8; // it will be sent with SMTPUTF8
};

// How much of each reply is quoted, when there are so many.
static inline size_t dsn_diagnostic_bytes(size_t count)
{
    size_t each = DSN_DIAGNOSTICS_BYTES / (count > 0 ? count : 1);
    return each < DSN_DIAGNOSTIC_BYTES ? each : DSN_DIAGNOSTIC_BYTES;
}

static inline void dsn_field_begin(struct fold *f, struct buf *out, struct str name)
{
    fold_begin(f, out, name);
    f->line_bytes_max = DSN_LINE_BYTES;
}

// Failed although the last trouble was temporary, or without any attempt: time was up.
bool dsn_has_expired(const struct recipient *r);
// When the server stops trying; 0: that is not a moment (so many attempts), or it has passed.
int64_t dsn_retry_until(const struct dsn_report *report, const struct recipient *r);

// A peer's text without controls; what is beyond ASCII as it is, or as \x{HEX} (RFC 6533 3), and
// "?" for what is no UTF-8. At most bytes_max octets of the text are looked at.
void dsn_clean_add(struct buf *out, struct str text, size_t bytes_max, bool utf8);

// An address of type utf-8 without its escapes.
void dsn_unitext_add(struct buf *out, struct str text);
// What was answered, in one line and as it came: code, enhanced code, so much of the text.
void dsn_reply_add(struct buf *out, const struct outcome *o, size_t bytes_max);

// Part 1, for people: its octets before any transfer encoding.
struct str dsn_subject(const struct dsn_report *report);
void dsn_text_add(struct buf *out, const struct dsn_writing *w);
// Part 2, for programs.
void dsn_fields_add(struct buf *out, const struct dsn_writing *w);

// Part 3.
enum dsn_part3 { DSN_PART3_NONE, DSN_PART3_HEADERS, DSN_PART3_FULL };
struct dsn_original {
    struct buf bytes; // what was read
    struct str head;  // of them: whole fields
    bool ended;       // of the message, all was read
};
void dsn_original_init(struct dsn_original *o);
void dsn_original_done(struct dsn_original *o);
struct err dsn_original_read(struct dsn_original *o, const struct dsn_writing *w,
        struct message_reader *reader) suspends MUST_USE;
// Null: there is none of valid syntax. With its brackets.
struct str dsn_original_id(const struct dsn_original *o);
// The type of the part, and its octets, at most room_bytes.
enum dsn_part3 dsn_original_add(struct buf *out, const struct dsn_original *o,
        const struct dsn_writing *w, size_t room_bytes);
