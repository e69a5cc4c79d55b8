// SPDX-License-Identifier: Apache-2.0
// rt/dns_wire.h: the octets of the DNS: names, rdata, whole messages. Private to rt/ and its tests.
// Everything here reads what a stranger may have written.
#pragma once

#include "rt/dns.h"

#define DNS_MESSAGE_BYTES_MAX 65535

// A name on its way from one form to the other: whole labels, lower case, the root's 0 at the end.
struct dns_wire_name {
    uint8_t bytes[DNS_NAME_BYTES_MAX];
    size_t len;
};
struct err dns_wire_from_text(struct str text, struct dns_wire_name *out) MUST_USE;
struct str dns_wire_text(struct arena *a, const struct dns_wire_name *name); // null: no room
static inline struct str dns_wire_str(const struct dns_wire_name *name)
{
    return (struct str){(const char *)name->bytes, name->len};
}
// Reads a name at `at` of a message, following pointers (RFC 1035 4.1.4) only backwards, and moves
// `at` behind it.
bool dns_wire_read(struct str message, size_t *at, struct dns_wire_name *out);

// Readers of rdata whose names are whole. False: malformed. A full arena gives null slices.
bool dns_rdata_mx(struct arena *a, struct str rdata, struct dns_mx *out);
bool dns_rdata_ip(struct str rdata, uint16_t type, struct ip *out); // A, AAAA
bool dns_rdata_txt(struct arena *a, struct str rdata, struct dns_txt *out);
bool dns_rdata_name(struct arena *a, struct str rdata, struct str *out); // CNAME, NS, PTR
bool dns_rdata_srv(struct arena *a, struct str rdata, struct dns_srv *out);
bool dns_rdata_tlsa(struct str rdata, struct dns_tlsa *out); // data is a slice of rdata

// Fills all of an answer but name and type (given in it) and dnssec from a whole message. Anything
// malformed gives ERR_SYNTAX, a full arena ERR_LIMIT.
struct err dns_message_read(struct arena *a, struct str message, struct dns_answer *io) MUST_USE;
