// SPDX-License-Identifier: Apache-2.0
// mail/downgrade.h: a message with 8-bit content made fit for a host without 8BITMIME (RFC 6152 3),
// or one with a header beyond ASCII for a host without SMTPUTF8 (outbound.md 9). It is read twice,
// piece by piece, in bounded memory: the first reading notes which parts have 8-bit octets and how
// long the result is, the second one converts.
//
//     struct mime_downgrade *first = mime_downgrade_first(MIME_WISH_7BIT);
//     ... TRY(mime_downgrade_add(first, piece, NULL)) ...          // the whole message
//     TRY(mime_downgrade_end(first, NULL));
//     struct mime_downgrade_plan plan = mime_downgrade_plan(first);
//     if (plan.is_needed && plan.is_possible) {
//         struct mime_downgrade *second = mime_downgrade_second(&plan);
//         ... TRY(mime_downgrade_add(second, piece, &out)) ...     // the same octets again
//         TRY(mime_downgrade_end(second, &out));                   // plan.bytes came out
//     }
//
// A leaf with 8-bit octets becomes quoted-printable if it is text/... or message/..., base64
// otherwise; in a leaf that is said to be one of these already, only the 8-bit octets go. Leaves
// without any stay as they are, octet for octet. A multipart or a message inside is never encoded
// itself (RFC 2045 6.4, RFC 2046 5.2.1); one that is said to be 8bit or binary is said to be 7bit
// then. A message without any MIME field is said to be text/plain; charset=unknown-8bit
// (RFC 1428 3). Preambles and epilogues, which nobody reads, get a "?" for each 8-bit octet. Fields
// of headers, and boundary lines, stay as they are even if they have 8-bit octets: that is not what
// 8BITMIME is about. With MIME_WISH_ASCII_HEADS the fields with such octets are written anew
// (mail/downgrade_field.h), in the headers of parts and of messages inside as well.
//
// Impossible are: 8-bit octets in a multipart in which no part is found, in message/partial and
// message/external-body (RFC 2046 5.2.2 and 5.2.3), and in what is beyond the limits: deeper than
// MIME_DEPTH_MAX, behind MIME_PARTS_MAX parts, or with boundaries and Content-Types of absurd
// length; of headers, lines that are no field, fields longer than DOWNGRADE_FIELD_BYTES_MAX, and
// boundaries beyond ASCII.
//
// A message that came as binary (BODY=BINARYMIME, RFC 3030) becomes one that any host can read in
// lines: leaves that are said to be binary, and those that are not encoded and have a NUL, a CR or
// LF alone, or a line of more than 998 octets, are encoded as if they had 8-bit octets. A NUL in a
// preamble or an epilogue gets its "?", too.
//
// Each LF ends a line here, as in mail/head.h; content keeps its octets, also a LF alone.
#pragma once

#include "base/base.h"

#include "mail/downgrade_field.h"
#include "mail/mime.h"

// The result of a piece, or of the end, is at most so long: a field that was held back may come
// with it, each octet of it as three and some more.
#define MIME_DOWNGRADE_BYTES_MAX(piece_bytes)                                                      \
    ((size_t)16 * KIB + 8 * (size_t)DOWNGRADE_FIELD_BYTES_MAX + 4 * (piece_bytes))

struct mime_downgrade;

enum mime_wish { // what is to be done about a message
    MIME_WISH_7BIT = 1 << 0,
    MIME_WISH_LINES = 1 << 1, // it came as binary; with MIME_WISH_7BIT
    MIME_WISH_ASCII_HEADS = 1 << 2,
};

struct mime_downgrade_plan {
    uint64_t bytes; // of the result; of the message if nothing is needed
    bool is_needed; // by the wishes: something outside of headers has 8-bit octets, or inside them
    bool is_possible;
    uint32_t wishes;                           // enum mime_wish
    bool heads_have_8bit;                      // whatever was wished
    uint8_t changes[(MIME_PARTS_MAX + 7) / 8]; // a bit for each part, in preorder
};

// NULL: no memory. The plan is kept by reference.
struct mime_downgrade *mime_downgrade_first(uint32_t wishes) MUST_USE;
struct mime_downgrade *mime_downgrade_second(const struct mime_downgrade_plan *plan) MUST_USE;
void mime_downgrade_free(struct mime_downgrade *d); // NULL is fine
static inline void mime_downgrade_auto_free(struct mime_downgrade **d)
{
    mime_downgrade_free(*d);
}
// What is ready is added to `out`; in the first reading, where nothing is, it is NULL. ERR_LIMIT:
// no memory, or no room in `out`.
struct err mime_downgrade_add(struct mime_downgrade *d, struct str piece, struct buf *out) MUST_USE;
struct err mime_downgrade_end(struct mime_downgrade *d, struct buf *out) MUST_USE;
// Behind the end of the first reading.
struct mime_downgrade_plan mime_downgrade_plan(const struct mime_downgrade *d);
