// SPDX-License-Identifier: Apache-2.0
// deliver/hosts/hosts.h: where mail for a domain goes (outbound.md 4, 5, 6): the hosts of a route,
// best first, and of each its addresses. It asks the DNS, shuffles among equals, leaves out what
// must not be tried, and remembers nothing; who is in cool-down, and what is connected, others
// decide.
//
//     struct host_list hosts;
//     TRY(hosts_find(&in, a, &hosts));
//     if (hosts.count == 0)
//         return settle(unit, &hosts.trouble);
//     for (size_t i = 0; i < hosts.count; i++) {
//         struct host_addresses found;
//         TRY(host_addresses_find(&in, &hosts.at[i], a, &found));
//         if (found.count == 0) ... found.trouble, and the next host
//         for (size_t k = 0; k < found.count; k++)
//             ... connect to found.at[k].at ...
//     }
//
// What the DNS says, bad news too, is an answer with a verdict; an error is our own trouble: no
// memory, the caller's deadline or cancellation. Names are A-labels in lower case, without a dot at
// the end. Results live in the arena, or as long as the settings.
#pragma once

#include "base/ip.h"
#include "deliver/settings/settings.h"
#include "rt/dns.h"
#include "smtp/client/client.h"

struct listen_settings;

#define MX_RECORDS_MAX 64 // outbound.md 4: what is beyond is not looked at

// What is "us" (outbound.md 6.1): made once when a worker starts, never changed.
struct self {
    struct strs names;
    const struct endpoint *at; // port 0: on any port
    size_t count;
};
// Of the listeners (those bound to all addresses: what the interfaces have), server.hostname, names
// for EHLO, and queue.self.
struct err self_make(struct arena *a, const struct listen_settings *listen,
        const struct deliver_settings *settings, struct self *out) MUST_USE;

struct hosts_inputs {
    struct resolver *resolver;
    const struct deliver_settings *settings;
    const struct self *self;
    const struct route *route; // ROUTE_MX, ROUTE_RELAY, or ROUTE_LOCAL with LOCAL_LMTP
    struct str domain;         // of the recipients, in any spelling; "[192.0.2.1]" too
    struct str sender;         // for balance = hash-sender
    uint64_t turn;             // for balance = round-robin: counts the attempts of the route
};

struct host {
    struct str name; // null: an address, or a Unix socket, is all we know
    uint16_t preference;
    uint16_t port;
    struct endpoint at;         // without a name: where it is
    enum dnssec mx_dnssec;      // of the list; a relay's configured name counts as secure
    bool is_implicit;           // the domain itself, for want of an MX
    bool is_exempt;             // a relay's: no address is prohibited
    enum ip_family worked_last; // for ip-lookup = alternate; the caller may set it. Default: IPv4
    const struct dns_addresses *looked_up; // what is known already; NULL: nothing
};

struct host_list {
    struct host *at; // best first
    size_t count;
    enum dnssec dnssec;        // the worst of all
    struct str domain;         // the one whose hosts these are; null: a relay's
    const struct str *aliases; // targets of its CNAMEs, in order (RFC 7672 3.2.2)
    size_t alias_count;
    struct strs
            names; // of all of its hosts, tried or not: what makes its site (deliver/hosts/site.h)
    struct client_answer trouble; // when there is none
    bool null_mx_ignored;         // a "." stood beside others: worth a warning
    bool was_cut;                 // there were more than MX_RECORDS_MAX: so is this
};
struct err hosts_find(
        const struct hosts_inputs *in, struct arena *a, struct host_list *out) suspends MUST_USE;

struct host_address {
    struct endpoint at; // with the port
    enum dnssec dnssec; // of its family's answer
};

struct host_addresses {
    const struct host_address *at; // in the order in which to try them
    size_t count;
    enum dnssec dnssec;      // secure when a family is (outbound.md 15.2)
    const struct str *chain; // targets of the CNAMEs that led there, in order (outbound.md 15.3)
    size_t chain_count;
    struct client_answer trouble; // when there is none: the verdict is for this host alone
};
struct err host_addresses_find(const struct hosts_inputs *in, const struct host *host,
        struct arena *a, struct host_addresses *out) suspends MUST_USE;

// What a list of hosts that were all unusable comes to (outbound.md 5): temporary if one was, else
// permanent 5.4.4, 5.1.2 for an implicit MX. `so_far` is zero before the first.
void hosts_note_unusable(struct client_answer *so_far, const struct client_answer *trouble);
