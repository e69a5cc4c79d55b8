// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/hosts_fixture.h: hosts and addresses as texts, and who "we" are in the tests.
#pragma once

#include "../proof/zone_fixture.h"

#include "deliver/hosts/hosts.h"

static const struct str our_names[] = {S_INIT("us.example"), S_INIT("old.us.example")};
static const struct endpoint our_places[] = {
        {.ip = {IP_V4, {203, 0, 113, 1}}, .port = 25},
        {.ip = {IP_V6, {0x20, 1, 0xd, 0xb8, [15] = 0x99}}, .port = 25},
        {.ip = {IP_V4, {203, 0, 113, 9}}, .port = 0}, // what a NAT makes of us
        {.ip = {IP_V4, {203, 0, 113, 2}}, .port = 2525},
};
static const struct self us = {
        .names = {our_names, COUNT_OF(our_names)}, .at = our_places, .count = COUNT_OF(our_places)};

static const struct deliver_settings watchful = {.detect_self = true};
static const struct deliver_settings trusting = {.detect_self = false};

static inline void add_answer(struct buf *out, const struct client_answer *answer)
{
    static const char *const verdicts[] = {"good", "temporary", "permanent", "lost"};
    static const char *const kinds[] = {[FAILURE_NONE] = "none",
            [FAILURE_DNS] = "dns",
            [FAILURE_CONNECTION] = "connection",
            [FAILURE_IO] = "io",
            [FAILURE_RATE] = "rate",
            [FAILURE_CONCURRENCY] = "concurrency"};
    buf_fmt(out, "%s %s %.*s %.*s: %.*s", verdicts[answer->verdict], kinds[answer->outcome.kind],
            ARG(answer->outcome.enhanced), ARG(answer->outcome.entity), ARG(answer->outcome.text));
}

// "10 a.example, 20 b.example", or the trouble.
static inline void add_hosts(struct buf *out, const struct host_list *list)
{
    if (list->count == 0)
        add_answer(out, &list->trouble);
    for (size_t i = 0; i < list->count; i++) {
        const struct host *h = &list->at[i];
        buf_fmt(out, "%s%u ", i > 0 ? ", " : "", h->preference);
        if (str_is_null(h->name))
            endpoint_add(out, &h->at);
        else
            buf_add(out, h->name);
        buf_fmt(out, "%s", h->is_implicit ? " implicit" : "");
    }
}

// "192.0.2.1:25 [2001:db8::1]:25", or the trouble.
static inline void add_addresses(struct buf *out, const struct host_addresses *found)
{
    if (found->count == 0)
        add_answer(out, &found->trouble);
    for (size_t i = 0; i < found->count; i++) {
        buf_fmt(out, "%s", i > 0 ? " " : "");
        endpoint_add(out, &found->at[i].at);
    }
}
