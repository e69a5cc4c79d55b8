// SPDX-License-Identifier: Apache-2.0
// base/ip.h: Internet addresses, networks and sockets' ends as values. A v4-mapped IPv6 address is
// turned into IPv4 by ip_unmap, which those who take addresses from the system call at once; a
// mapped network is unmapped by ip_net_parse.
#pragma once

#include "base/base.h"

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip {
    uint8_t family;    // enum ip_family
    uint8_t bytes[16]; // network order; IPv4 in the first four, the rest zero
};

struct ip_net {
    struct ip ip; // bits beyond the prefix are zero
    uint8_t prefix;
};

#define UNIX_PATH_BYTES_MAX 107 // sun_path has 108 with the NUL

struct endpoint { // ip and port, or the path of a Unix socket ('@' first: abstract)
    struct ip ip;
    uint16_t port;
    uint32_t scope;       // IPv6 zone index, 0 = none
    struct str unix_path; // not null for a Unix socket (empty: it has no name); not owned
};

#define IP_TEXT_BYTES_MAX 39 // eight groups of four digits; a mapped address is shorter

bool ip_parse(struct str text, struct ip *out);           // either family, no brackets, no zone
bool ip4_parse(struct str text, struct ip *out);          // dotted quad without leading zeros
bool ip6_parse(struct str text, struct ip *out);          // RFC 4291 2.2
void ip_add(struct buf *out, const struct ip *ip);        // RFC 5952; IP_NONE: "unknown"
struct str ip_text(struct arena *a, const struct ip *ip); // null: the arena is full
bool ip_eq(const struct ip *a, const struct ip *b);
int ip_compare(const struct ip *a, const struct ip *b); // IPv4 before IPv6, then bytewise
struct ip ip_unmap(struct ip ip); // ::ffff:a.b.c.d becomes a.b.c.d, all else stays
// What a mapped address stands for is asked, so these need no ip_unmap before them.
bool ip_is_loopback(const struct ip *ip);              // 127.0.0.0/8, ::1
bool ip_is_private(const struct ip *ip);               // RFC 1918, RFC 4193, link-local, loopback
bool ip_is_unspecified(const struct ip *ip);           // 0.0.0.0, ::
struct ip ip_network_of(struct ip ip, uint8_t prefix); // bits beyond the prefix cleared

// address or address/prefix; *out_cleared tells that bits beyond the prefix had to be cleared.
// ::ffff:a.b.c.d/96+n becomes a.b.c.d/n, since mapped clients are IPv4 when they are asked about.
bool ip_net_parse(struct str text, struct ip_net *out, bool *out_cleared);
bool ip_net_contains(const struct ip_net *net, const struct ip *ip); // ip may be mapped
void ip_net_add(struct buf *out, const struct ip_net *net);          // always with the prefix

// "192.0.2.1:25", "[2001:db8::2]:25", "[fe80::1%3]:25", "unix:/path", "unix:@abstract"
void endpoint_add(struct buf *out, const struct endpoint *e);
struct str endpoint_text(struct arena *a, const struct endpoint *e);
// As printed, with a port. A Unix path is a slice of the text; an abstract one may hold any byte,
// another begins with '/' and holds no NUL.
bool endpoint_parse(struct str text, struct endpoint *out);
bool endpoint_eq(const struct endpoint *a, const struct endpoint *b);
