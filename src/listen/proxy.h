// SPDX-License-Identifier: Apache-2.0
// listen/proxy.h: the PROXY protocol header, version 1 and 2, that a load balancer puts before the
// client's bytes (listeners.md 11.2, 11.3), and that we put before ours where a route says so.
//
// The reader looks at bytes that the caller peeked and says how many of them are the header, so
// that nothing behind it is ever taken from TLS or the protocol engine. It judges the bytes only:
// whether the peer may send a header at all is the caller's question.
//
//     switch (proxy_parse(peeked, &header, &reason)) {
//     case PROXY_NEED_MORE: ... peek again, with at least one byte more
//     case PROXY_OK: ... skip header.consumed bytes
#pragma once

#include "base/base.h"
#include "base/ip.h"

#define PROXY_V2_SIGNATURE S("\r\n\r\n\0\r\nQUIT\n")
#define PROXY_V1_BYTES_MAX 107 // with CR LF, as the protocol's authors fix it
#define PROXY_V2_HEAD_BYTES 16 // signature, version and command, family, length
#define PROXY_V2_REST_MAX 4096 // the protocol allows 65535; no sender comes near this
#define PROXY_BYTES_MAX (PROXY_V2_HEAD_BYTES + PROXY_V2_REST_MAX)
#define PROXY_UNIQUE_ID_BYTES_MAX 128

enum proxy_state {
    PROXY_OK,
    PROXY_NEED_MORE, // what is there is a proper beginning of a header
    PROXY_ABSENT,    // the first bytes are not those of a header
    PROXY_MALFORMED, // they are, but what follows breaks the rules
};

enum proxy_command { PROXY_LOCAL, PROXY_PROXY };

enum proxy_family {
    PROXY_UNSPEC, // also the UNKNOWN of version 1
    PROXY_TCP4,
    PROXY_UDP4,
    PROXY_TCP6,
    PROXY_UDP6,
    PROXY_UNIX_STREAM,
    PROXY_UNIX_DGRAM,
    PROXY_OTHER, // named by a LOCAL header, whose family nobody looks at
};

// Types of the TLVs of version 2.
enum proxy_tlv_type {
    PROXY_TLV_ALPN = 0x01,
    PROXY_TLV_AUTHORITY = 0x02,
    PROXY_TLV_CRC32C = 0x03,
    PROXY_TLV_NOOP = 0x04,
    PROXY_TLV_UNIQUE_ID = 0x05,
    PROXY_TLV_SSL = 0x20,
    PROXY_TLV_SSL_VERSION = 0x21,
    PROXY_TLV_SSL_CN = 0x22,
    PROXY_TLV_SSL_CIPHER = 0x23,
    PROXY_TLV_SSL_SIGNATURE = 0x24,
    PROXY_TLV_SSL_KEY = 0x25,
};

struct proxy_tlv {
    uint8_t type;
    struct str value;
};

#define PROXY_SSL_TLS 0x01             // the client's leg is in TLS
#define PROXY_SSL_CERT_CONNECTION 0x02 // a client certificate came in this connection
#define PROXY_SSL_CERT_SESSION 0x04    // or earlier in this TLS session

struct proxy_ssl {
    bool given;
    uint8_t client;  // PROXY_SSL_... bits
    uint32_t verify; // 0: the client's certificate was found good
    struct str version, common_name, cipher, signature, key; // null when not given
};

// Slices borrow from the bytes that were parsed.
struct proxy_header {
    uint8_t version; // 1 or 2
    enum proxy_command command;
    enum proxy_family family;
    bool has_addresses; // TCP4 or TCP6 by PROXY; otherwise the socket's own ends are the client's
    struct endpoint source, destination;   // v4-mapped ones are IPv4 here
    size_t consumed;                       // bytes of the whole header
    struct str tlvs;                       // the run of TLVs: see proxy_tlv_next; may be empty
    struct str alpn, authority, unique_id; // null when not given
    struct proxy_ssl ssl;
};

// For every way of cutting the same bytes the answer is the same: a proper part of a good header
// is PROXY_NEED_MORE, and bytes behind the header change nothing. out_reason is set for
// PROXY_ABSENT and PROXY_MALFORMED and lives for ever; out is set for PROXY_OK.
enum proxy_state proxy_parse(struct str bytes, struct proxy_header *out, struct str *out_reason);

// Walks header.tlvs: struct scan in = scan_over(header.tlvs); while (proxy_tlv_next(&in, &tlv)) ...
bool proxy_tlv_next(struct scan *tlvs, struct proxy_tlv *out);

// What a peer that may not send a header is asked for (listeners.md 11.5): does it begin one?
bool proxy_signature_is_there(struct str bytes);

struct str proxy_command_name(enum proxy_command command); // "LOCAL", "PROXY"
struct str proxy_family_name(enum proxy_family family);    // "tcp4", ...

// A header of version 1 or 2 for bytes of `source`. An end that is unknown, or no address, makes
// it one that names nobody (UNKNOWN, LOCAL): the receiver goes by the connection's own ends.
void proxy_write(struct buf *out, uint8_t version, const struct endpoint *source,
        const struct endpoint *destination);
