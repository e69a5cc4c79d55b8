// SPDX-License-Identifier: Apache-2.0
// listen/bans.c: see listen/bans.h.
//
// A slot's word says what the slot is: free, being written, or in force. A writer takes a slot by
// changing its word from free to "being written", fills in the address, and puts the ban in force
// with the last store; a reader takes what it read for true only if the word is still the same
// afterwards. A writer that dies in between leaves a slot "being written" with the moment in it:
// after a while others may take it.
#include "listen/bans.h"

#include "base/hash.h"

#include <stdatomic.h>

enum state { STATE_FREE, STATE_WRITING, STATE_IN_FORCE };

// word = state:2 prefix:8 reason:3 listener:9 unused:2 moment:40
#define PREFIX_SHIFT 2
#define REASON_SHIFT 10
#define LISTENER_SHIFT 13
#define MOMENT_SHIFT 24
#define COUNT_BITS 24 // details = beginning:40 count:24
#define COUNT_MASK ((1ULL << COUNT_BITS) - 1)
#define WRITING_S 10 // longer than that, and its writer is dead

struct key {
    uint64_t high, low;
};

static struct key key_of(const struct ip *ip);
static struct ip ip_of(struct key key);
static struct shared_ban *slot_of(struct shared_bans *b, const struct ip_net *net, uint32_t step);
static struct shared_ban *find(
        struct shared_bans *b, const struct ip_net *net, int64_t now_s, struct ban *out);
static bool read_slot(struct shared_ban *slot, struct ban *out);
static void note_end(struct shared_bans *b, int64_t end_s);
static bool is_over(const struct ban *ban, int64_t now_s);
static bool outlasts(const struct ban *a, const struct ban *b);
static struct shared_ban *take_slot(struct shared_bans *b, const struct ip_net *net, int64_t now_s);
static bool may_take(uint64_t word, int64_t now_s);
static uint64_t word_of(const struct ban *ban);

bool bans_add(struct shared_bans *b, const struct ban *ban, int64_t now_s)
{
    struct ban before;
    struct shared_ban *slot = find(b, &ban->net, now_s, &before);
    if (slot != NULL && !outlasts(ban, &before))
        return false;
    if (slot != NULL)
        bans_lift(b, &ban->net);
    slot = take_slot(b, &ban->net, now_s);
    if (slot == NULL)
        return false;
    struct key key = key_of(&ban->net.ip);
    uint64_t count = ban->count > COUNT_MASK ? COUNT_MASK : ban->count;
    atomic_store(&slot->high, key.high);
    atomic_store(&slot->low, key.low);
    atomic_store(&slot->details, (uint64_t)ban->created_s << COUNT_BITS | count);
    atomic_store(&slot->word, word_of(ban));
    note_end(b, ban->expires_s); // behind it: a sweep that has passed may have forgotten all
    return true;
}

static void note_end(struct shared_bans *b, int64_t end_s)
{
    int64_t first_s = atomic_load(&b->first_end_s);
    if (end_s == BAN_FOREVER)
        return;
    while ((first_s == 0 || end_s < first_s) &&
            !atomic_compare_exchange_weak(&b->first_end_s, &first_s, end_s))
        ;
}

bool bans_find(struct shared_bans *b, const struct ip_net *net, int64_t now_s, struct ban *out)
{
    return find(b, net, now_s, out) != NULL;
}

bool bans_lift(struct shared_bans *b, const struct ip_net *net)
{
    struct ban ban;
    struct shared_ban *slot = find(b, net, 0, &ban);
    if (slot == NULL)
        return false;
    uint64_t word = word_of(&ban);
    return atomic_compare_exchange_strong(&slot->word, &word, STATE_FREE);
}

bool bans_next(struct shared_bans *b, size_t *at, int64_t now_s, struct ban *out)
{
    for (; *at < BANS_SLOTS; (*at)++)
        if (read_slot(&b->at[*at], out) && !is_over(out, now_s)) {
            (*at)++;
            return true;
        }
    return false;
}

bool bans_sweep(struct shared_bans *b, size_t *at, int64_t now_s, struct ban *out)
{
    int64_t first_s = atomic_load(&b->first_end_s);
    if (*at == 0 && (first_s == 0 || first_s > now_s))
        return false; // mostly there is nothing to do, and going over all of them takes a while
    if (*at == 0)
        atomic_store(&b->first_end_s, 0); // those that stay say it again
    for (; *at < BANS_SLOTS; (*at)++) {
        struct shared_ban *slot = &b->at[*at];
        if (!read_slot(slot, out))
            continue;
        if (!is_over(out, now_s)) {
            note_end(b, out->expires_s);
            continue;
        }
        uint64_t word = word_of(out);
        if (!atomic_compare_exchange_strong(&slot->word, &word, STATE_FREE))
            continue;
        (*at)++;
        return true;
    }
    return false;
}

struct ip_net client_net(const struct ip *client, uint8_t ipv6_prefix)
{
    struct ip ip = ip_unmap(*client);
    uint8_t prefix = ip.family == IP_V6 ? ipv6_prefix : 32;
    return (struct ip_net){.ip = ip_network_of(ip, prefix), .prefix = prefix};
}

struct str ban_reason_name(enum ban_reason reason)
{
    switch (reason) {
    case BANNED_AUTH:
        return S("authFailure");
    case BANNED_ABUSE:
        return S("rcptToFailure");
    case BANNED_LOITER:
        return S("loitering");
    case BANNED_SCAN:
        return S("portScanning");
    }
    return S("");
}

// IPv4 as its v4-mapped form.
static struct key key_of(const struct ip *ip)
{
    struct key key = {0, 0};
    if (ip->family == IP_V4) {
        key.low = 0xFFFF;
        for (size_t i = 0; i < 4; i++)
            key.low = key.low << 8 | ip->bytes[i];
        return key;
    }
    for (size_t i = 0; i < 8; i++) {
        key.high = key.high << 8 | ip->bytes[i];
        key.low = key.low << 8 | ip->bytes[8 + i];
    }
    return key;
}

static struct ip ip_of(struct key key)
{
    struct ip ip = {.family = IP_V6};
    for (size_t i = 0; i < 8; i++) {
        ip.bytes[i] = (uint8_t)(key.high >> (56 - 8 * i));
        ip.bytes[8 + i] = (uint8_t)(key.low >> (56 - 8 * i));
    }
    return ip_unmap(ip);
}

static struct shared_ban *slot_of(struct shared_bans *b, const struct ip_net *net, uint32_t step)
{
    struct key key = key_of(&net->ip);
    uint64_t where = hash_sip24(b->seed[0], b->seed[1], str_of((const char *)&key, sizeof(key)));
    return &b->at[((uint32_t)where + step) % BANS_SLOTS];
}

// now_s 0: those that have ended are found, too.
static struct shared_ban *find(
        struct shared_bans *b, const struct ip_net *net, int64_t now_s, struct ban *out)
{
    for (uint32_t i = 0; i < BANS_WINDOW; i++) {
        struct shared_ban *slot = slot_of(b, net, i);
        if (read_slot(slot, out) && ip_eq(&out->net.ip, &net->ip) &&
                out->net.prefix == net->prefix && !is_over(out, now_s))
            return slot;
    }
    return NULL;
}

static bool read_slot(struct shared_ban *slot, struct ban *out)
{
    uint64_t word = atomic_load(&slot->word);
    if ((word & 3) != STATE_IN_FORCE)
        return false;
    struct key key = {.high = atomic_load(&slot->high), .low = atomic_load(&slot->low)};
    uint64_t details = atomic_load(&slot->details);
    if (atomic_load(&slot->word) != word)
        return false; // it changed under us: this ban, at least, is gone
    *out = (struct ban){
            .net = {.ip = ip_of(key), .prefix = (uint8_t)(word >> PREFIX_SHIFT)},
            .reason = (enum ban_reason)(word >> REASON_SHIFT & 7),
            .listener_slot = word >> LISTENER_SHIFT & 0x1FF,
            .count = details & COUNT_MASK,
            .created_s = (int64_t)(details >> COUNT_BITS),
            .expires_s = (int64_t)(word >> MOMENT_SHIFT),
    };
    return true;
}

static bool is_over(const struct ban *ban, int64_t now_s)
{
    return ban->expires_s != BAN_FOREVER && ban->expires_s <= now_s;
}

static bool outlasts(const struct ban *a, const struct ban *b)
{
    if (b->expires_s == BAN_FOREVER)
        return false;
    return a->expires_s == BAN_FOREVER || a->expires_s > b->expires_s;
}

// The slot belongs to the caller afterwards. NULL: others took them all at the same moment.
static struct shared_ban *take_slot(struct shared_bans *b, const struct ip_net *net, int64_t now_s)
{
    uint64_t mine = (uint64_t)now_s << MOMENT_SHIFT | STATE_WRITING;
    struct shared_ban *soonest = NULL;
    uint64_t soonest_word = 0;
    for (uint32_t i = 0; i < BANS_WINDOW; i++) {
        struct shared_ban *slot = slot_of(b, net, i);
        uint64_t word = atomic_load(&slot->word);
        if (may_take(word, now_s) && atomic_compare_exchange_strong(&slot->word, &word, mine))
            return slot;
        // One that lasts for ever has moment 0: minus one puts it last.
        if ((word & 3) == STATE_IN_FORCE &&
                (soonest == NULL ||
                        (word >> MOMENT_SHIFT) - 1 < (soonest_word >> MOMENT_SHIFT) - 1)) {
            soonest = slot;
            soonest_word = word;
        }
    }
    if (soonest != NULL && atomic_compare_exchange_strong(&soonest->word, &soonest_word, mine))
        return soonest;
    return NULL;
}

static bool may_take(uint64_t word, int64_t now_s)
{
    int64_t moment = (int64_t)(word >> MOMENT_SHIFT);
    switch ((enum state)(word & 3)) {
    case STATE_FREE:
        return true;
    case STATE_WRITING:
        return moment + WRITING_S < now_s;
    case STATE_IN_FORCE:
        return moment != BAN_FOREVER && moment <= now_s;
    }
    return false;
}

static uint64_t word_of(const struct ban *ban)
{
    return (uint64_t)STATE_IN_FORCE | (uint64_t)ban->net.prefix << PREFIX_SHIFT |
           (uint64_t)ban->reason << REASON_SHIFT |
           (uint64_t)(ban->listener_slot & 0x1FF) << LISTENER_SHIFT |
           (uint64_t)ban->expires_s << MOMENT_SHIFT;
}
