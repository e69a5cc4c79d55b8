// SPDX-License-Identifier: Apache-2.0
// listen/shared.h: what all processes of a server count and know together about their clients. It
// lies in shared memory that the supervisor makes once; reloads and crashes of workers leave it.
#pragma once

#include "listen/bans.h"
#include "listen/buckets.h"
#include "listen/clients.h"
#include "listen/settings.h"
#include "rt/shared.h"

struct listen_shared {
    uint64_t seed[2]; // of the hashes that stand for clients
    struct shared_count connections;
    struct shared_count by_listener[LISTENERS_MAX]; // by slot
    struct shared_clients clients;
    struct shared_buckets buckets;
    struct shared_bans bans;
    struct shared_moments logins; // who has logged in from where: known until then, ms
};

void listen_shared_init(struct listen_shared *s, uint64_t seed);
// A process has died: what it held in its column is nobody's now.
void listen_shared_forget(struct listen_shared *s, size_t column);

// What is counted for whom. The number is a listener's slot, or one of offence_kind.
enum counted {
    COUNTED_CONNECTIONS,
    COUNTED_RATE,
    COUNTED_OFFENCES,
    COUNTED_LOGIN,
    COUNTED_LOGIN_FROM,
    COUNTED_RCPT,
    COUNTED_REQUESTS
};
uint64_t listen_client_hash(const struct listen_shared *s, enum counted what, size_t number,
        const struct ip_net *client);
uint64_t listen_text_hash(
        const struct listen_shared *s, enum counted what, size_t number, struct str text);
