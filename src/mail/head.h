// SPDX-License-Identifier: Apache-2.0
// mail/head.h: the header block of a message that arrives: how large it is, how many fields and
// hops it has, which of the fields that a server cares for are there, and what has to be cut out of
// it (inbound.md 7, steps 1 to 4, and 11.1). Nothing is rewritten: cuts are places in the message.
//
// Whoever receives collects octets from the first one of the message until the header has ended
// (data_reader.in_header) or until there is one more than the limit allows, and calls this once.
// What is not collected is not looked at; a header that is longer shows as `ended == false`.
//
//     struct mail_head head;
//     struct mail_head_options read = {.fields_max = limit_fields, .message_ends = all_is_here};
//     TRY(mail_head_read(&transaction->arena, collected, &read, &head));
//     if (head.named == 0 || !head.any_known) ... 554 no valid header ...
//     if (!head.ended || head.count > limit_fields) ... 554 too large ...
//     if (head.times[HEAD_RECEIVED] > limit_hops) ... 554 too many hops ...
//     if (mail_head_has(&head, HEAD_DATE)) ...
//
// Each LF ends a line here, also a bare one that a policy let pass: it becomes a line end on its
// way out, and a field that hides behind it must not. The slices point into the octets given, the
// arrays live in the arena.
#pragma once

#include "base/base.h"

#define HEAD_BYTES_MAX (64 * MIB)

enum head_name { // HEAD_FROM: fields of that name; the other names are HEAD_OTHER
    HEAD_OTHER,
#define HEAD_LENGTH(length)
#define HEAD_NAME(name, text) HEAD_##name,
#include "mail/head_names.def"
    HEAD_NAME_COUNT
};
struct str head_name_text(enum head_name name); // "Message-ID"; empty for HEAD_OTHER
enum head_name head_name_of(struct str text);   // in any case

struct head_field {
    uint32_t at, bytes;  // from its name, or the line's first octet, to behind its last line end
    uint32_t name_bytes; // 0: the line is no field
    uint32_t body_at;    // behind the colon
    enum head_name name;
};

struct mail_head_options {
    size_t fields_max; // how many are kept, all are counted; 0: as many as the arena has room for
    bool message_ends; // behind the octets given: a header may then end without an empty line
};

struct mail_head {
    struct str block;                // the header, without the empty line
    size_t body_at;                  // where the body begins, behind the empty line
    bool ended;                      // the empty line was found, or the message ends
    bool has_8bit;                   // in the header
    bool any_known;                  // a field whose name is in the table
    size_t count;                    // fields and lines that are none, folded ones counted once
    size_t named;                    // fields alone
    size_t orphan_bytes;             // at the start: see below
    const struct head_field *fields; // the first fields_max
    size_t field_count;
    uint32_t times[HEAD_NAME_COUNT]; // how often a name stands there, among all
    uint32_t first[HEAD_NAME_COUNT]; // place in fields + 1; 0: it is not among those kept
};

// ERR_LIMIT: the arena is full, or the block longer than HEAD_BYTES_MAX.
struct err mail_head_read(struct arena *a, struct str bytes,
        const struct mail_head_options *options, struct mail_head *out) MUST_USE;

static inline bool mail_head_has(const struct mail_head *head, enum head_name name)
{
    return head->times[name] > 0;
}
// The body of the first field of that name, with its folding, as the functions of mail/header.h
// take it; null: there is none.
struct str mail_head_body(const struct mail_head *head, enum head_name name);
struct str head_field_name(const struct mail_head *head, const struct head_field *field);
struct str head_field_body(const struct mail_head *head, const struct head_field *field);

// --- Taking fields out ---------------------------------------------------------------------------

struct head_cutting {
    const struct str *names; // of fields to take out, in any case
    size_t name_count;
    struct strs authserv_ids; // whose Authentication-Results are not to be believed
    bool submission;          // Bcc goes when a To or Cc is there (RFC 5322 3.6.3)
};
struct head_cut {
    size_t at, bytes; // of the message
};
struct head_cuts { // in order, apart from each other
    const struct head_cut *at;
    size_t count;
    size_t bytes; // of all
};
// Orphans always go: lines at the very start that continue a field which is not there, and would
// continue the one that is put in front of them; and the "From " line of a mailbox file, at which
// readers who find it further down believe that the body begins.
struct err mail_head_cuts(struct arena *a, const struct mail_head *head,
        const struct head_cutting *cutting, struct head_cuts *out) MUST_USE;
// Does this one go? For those who tell the log.
bool mail_head_cuts_field(const struct mail_head *head, const struct head_cutting *cutting,
        const struct head_field *field);
