// SPDX-License-Identifier: Apache-2.0
// mail/trace.h: the fields that a server adds to what it accepts or delivers (inbound.md 11.2 and
// 11.3). Values come as they are known, from whomever: what could break a field (line ends,
// controls, brackets where they mean something) is taken out here, and octets beyond ASCII where
// the message does not allow them (RFC 6531 3.6). Each function adds whole fields with their CRLF
// and cannot fail but for room in the buf, which buf.overflow tells.
#pragma once

#include "base/base.h"
#include "base/ip.h"

enum trace_hello { TRACE_HELO, TRACE_EHLO, TRACE_LHLO };

struct trace_received {
    struct str helo; // empty: nothing was said
    struct ip peer;  // IP_NONE: it came over a socket of this machine
    struct str ptr;  // its name, forward-confirmed; empty: none
    uint32_t asn;    // 0: not known
    struct str as_name, country;
    struct str tls_version, tls_cipher; // empty version: no TLS
    uint32_t tls_bits;
    struct str by; // our own name
    enum trace_hello hello;
    bool authenticated, smtputf8;
    bool hide_client;   // publish nothing of where it came from
    bool is_forwarded;  // sent on by ourselves: it comes from nobody
    struct str solicit; // RFC 3865 keywords of MAIL; empty: none
    uint64_t id;
    struct str rcpt; // empty: no "for"
    int priority;    // MT-PRIORITY; 0: not said
    int64_t at_ms;
    int16_t offset_min; // local time's, east of UTC
};
void trace_received_add(struct buf *out, const struct trace_received *r);
// "ESMTPSA", RFC 3848 and RFC 6531 4.3.
struct str trace_with(enum trace_hello hello, bool smtputf8, bool tls, bool authenticated);

void trace_date_add(struct buf *out, int64_t at_ms, int16_t offset_min);
// <TIME.RANDOM@host>, in hex.
void trace_message_id_add(struct buf *out, int64_t at_ms, uint64_t random, struct str host);
void trace_return_path_add(struct buf *out, struct str sender, bool smtputf8); // empty: <>
void trace_delivered_to_add(struct buf *out, struct str rcpt, bool smtputf8);
void trace_original_to_add(struct buf *out, struct str rcpt, bool smtputf8);

// For others who write fields: a peer's text without what could break a field. A name stands
// outside comments, so brackets, quotes and blanks in it become "?".
void trace_name_add(struct buf *out, struct str name, bool smtputf8);
// An address of an envelope, without brackets; its domain as A-labels where UTF-8 may not stand.
void trace_address_add(struct buf *out, struct str address, bool smtputf8);
void trace_comment_add(struct buf *out, struct str text, bool smtputf8); // without its parentheses
