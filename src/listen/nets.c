// SPDX-License-Identifier: Apache-2.0
// listen/nets.c: block and allow lists: which of their two parts an entry belongs to, when it has
// ended, who wins, and the text that stands behind an entry in the configuration.
#include "listen/nets.h"

#include "base/date.h"
#include "listen/ip_set.h"
#include "listen/net_trie.h"

struct nets {
    struct ip_set exact;
    struct net_trie v4, v6;
};

static struct ip_net canonical(const struct ip_net *net);
static bool is_single(const struct ip_net *net);
static struct ip_key key_of(const struct ip *ip);
static struct ip_key trie_key_of(const struct ip *ip);
static uint32_t end_from_ms(int64_t expires_ms);
static uint32_t now_from_ms(int64_t wall_now_ms);
static size_t sweep_exact(struct ip_set *s, uint32_t now_s, nets_visitor *visit, void *ctx);
static size_t sweep_trie(
        struct net_trie *t, enum ip_family family, uint32_t now_s, nets_visitor *visit, void *ctx);
static struct err note_word(struct str name, struct str value, struct nets_note *note);

struct nets *nets_new(uint64_t seed)
{
    struct nets *n = mem_new(struct nets);
    if (n == NULL)
        return NULL;
    ip_set_init(&n->exact, seed);
    net_trie_init(&n->v4, (const uint8_t[NET_TRIE_LEVELS]){0, 8, 16, 24}, seed);
    net_trie_init(&n->v6, (const uint8_t[NET_TRIE_LEVELS]){0, 32, 48, 64}, seed);
    return n;
}

void nets_free(struct nets *n)
{
    if (n == NULL)
        return;
    ip_set_done(&n->exact);
    net_trie_done(&n->v4);
    net_trie_done(&n->v6);
    mem_free(n);
}

bool nets_add(struct nets *n, const struct ip_net *given, int64_t expires_ms)
{
    struct ip_net net = canonical(given);
    uint32_t end_s = end_from_ms(expires_ms);
    if (nets_count(n) >= NETS_ENTRIES_MAX)
        return false;
    if (is_single(&net))
        return ip_set_put(&n->exact, key_of(&net.ip), end_s);
    struct net_trie *t = net.ip.family == IP_V4 ? &n->v4 : &n->v6;
    return net_trie_put(t, trie_key_of(&net.ip), net.prefix, end_s);
}

bool nets_remove(struct nets *n, const struct ip_net *given)
{
    struct ip_net net = canonical(given);
    if (is_single(&net))
        return ip_set_remove(&n->exact, key_of(&net.ip));
    struct net_trie *t = net.ip.family == IP_V4 ? &n->v4 : &n->v6;
    return net_trie_remove(t, trie_key_of(&net.ip), net.prefix);
}

bool nets_contains(const struct nets *n, const struct ip *ip, int64_t wall_now_ms)
{
    struct ip_net net = {.ip = *ip, .prefix = ip->family == IP_V4 ? 32 : 128};
    return nets_covers(n, &net, wall_now_ms);
}

bool nets_covers(const struct nets *n, const struct ip_net *given, int64_t wall_now_ms)
{
    struct ip_net net = canonical(given);
    uint32_t now_s = now_from_ms(wall_now_ms);
    if (net.ip.family == IP_NONE)
        return false;
    const struct ip_slot *slot = is_single(&net) ? ip_set_find(&n->exact, key_of(&net.ip)) : NULL;
    if (slot != NULL && (slot->number == 0 || slot->number > now_s))
        return true;
    const struct net_trie *t = net.ip.family == IP_V4 ? &n->v4 : &n->v6;
    return net_trie_covers(t, trie_key_of(&net.ip), net.prefix, now_s);
}

size_t nets_count(const struct nets *n)
{
    return n->exact.count + n->v4.count + n->v6.count;
}

size_t nets_sweep(struct nets *n, int64_t wall_now_ms, nets_visitor *visit, void *ctx)
{
    uint32_t now_s = now_from_ms(wall_now_ms);
    return sweep_exact(&n->exact, now_s, visit, ctx) +
           sweep_trie(&n->v4, IP_V4, now_s, visit, ctx) +
           sweep_trie(&n->v6, IP_V6, now_s, visit, ctx);
}

// listeners.md 12.3
enum admission nets_admit(const struct nets *allowed, const struct nets *blocked,
        const struct ip *ip, int64_t wall_now_ms)
{
    if (ip_is_loopback(ip) || nets_contains(allowed, ip, wall_now_ms))
        return ADMIT_ALLOWED;
    return nets_contains(blocked, ip, wall_now_ms) ? ADMIT_BLOCKED : ADMIT_PLAIN;
}

// note = [ word *( 1*SP word ) ], word = name "=" value
struct err nets_note_parse(struct arena *a, struct str value, struct nets_note *out)
{
    struct nets_note note = {0};
    struct str rest = str_trim(value), word;
    while (str_split(&rest, ' ', &word)) {
        struct str name, content;
        if (word.len == 0)
            continue;
        if (!str_cut(word, '=', &name, &content))
            return fail_fmt(a, ERR_SYNTAX, "\"%.*s\" is not NAME=VALUE", ARG(word));
        struct err e = note_word(name, content, &note);
        if (e.kind == ERR_UNSUPPORTED)
            return fail_fmt(a, ERR_SYNTAX,
                    "unknown word \"%.*s\" (expected reason=, expires= or created=)", ARG(name));
        if (failed(e))
            return fail_fmt(a, ERR_SYNTAX,
                    "invalid time \"%.*s\" (expected one such as 2026-01-31T00:00:00Z)",
                    ARG(content));
    }
    *out = note;
    return OK;
}

static struct err note_word(struct str name, struct str value, struct nets_note *note)
{
    static const struct str details[] = {S_INIT("category"), S_INIT("count"), S_INIT("listener"),
            S_INIT("login"), S_INIT("recipient")};
    if (str_eq(name, S("reason"))) {
        note->reason = value;
        return OK;
    }
    bool expires = str_eq(name, S("expires"));
    if (expires || str_eq(name, S("created"))) {
        int64_t *at_ms = expires ? &note->expires_ms : &note->created_ms;
        return date_parse_rfc3339(value, at_ms) ? OK : fail(ERR_SYNTAX, "invalid time");
    }
    for (size_t i = 0; i < COUNT_OF(details); i++)
        if (str_eq(name, details[i]))
            return OK;
    return fail(ERR_UNSUPPORTED, "unknown word");
}

// ::ffff:a.b.c.d/96+n is a.b.c.d/n, whoever wrote it.
static struct ip_net canonical(const struct ip_net *net)
{
    struct ip_net plain = {.ip = net->ip, .prefix = net->prefix};
    struct ip unmapped = ip_unmap(net->ip);
    if (net->ip.family == IP_V6 && unmapped.family == IP_V4 && net->prefix >= 96)
        plain = (struct ip_net){.ip = unmapped, .prefix = (uint8_t)(net->prefix - 96)};
    plain.ip = ip_network_of(plain.ip, plain.prefix);
    return plain;
}

static bool is_single(const struct ip_net *net)
{
    return net->prefix == (net->ip.family == IP_V4 ? 32 : 128);
}

static struct ip_key key_of(const struct ip *ip)
{
    struct ip_key key = trie_key_of(ip);
    if (ip->family == IP_V4)
        key = (struct ip_key){0, UINT64_C(0xffff) << 32 | key.high >> 32};
    return key;
}

static struct ip_key trie_key_of(const struct ip *ip)
{
    struct ip_key key = {0, 0};
    struct scan in = scan_over(str_of((const char *)ip->bytes, sizeof(ip->bytes)));
    scan_be64(&in, &key.high); // the bytes behind an IPv4 address are zero
    scan_be64(&in, &key.low);
    return key;
}

// Whole seconds, rounded up: nobody is let in early. What 32 bits cannot hold never ends.
static uint32_t end_from_ms(int64_t expires_ms)
{
    if (expires_ms == NETS_FOREVER || expires_ms / SECOND_MS >= UINT32_MAX)
        return 0;
    if (expires_ms < SECOND_MS)
        return 1;
    return (uint32_t)((expires_ms + SECOND_MS - 1) / SECOND_MS);
}

static uint32_t now_from_ms(int64_t wall_now_ms)
{
    return wall_now_ms <= 0 ? 0 : (uint32_t)(wall_now_ms / SECOND_MS);
}

// Removing shifts others back into the place that is looked at: so it is looked at again.
static size_t sweep_exact(struct ip_set *s, uint32_t now_s, nets_visitor *visit, void *ctx)
{
    size_t dropped = 0;
    for (size_t i = 0; i < s->slot_count;) {
        struct ip_slot slot = s->slots[i];
        if (slot.used == 0 || slot.number == 0 || slot.number > now_s) {
            i++;
            continue;
        }
        struct ip_net net = {.ip.family = IP_V6, .prefix = 128};
        for (int b = 0; b < 8; b++) {
            net.ip.bytes[b] = (uint8_t)(slot.key.high >> (56 - 8 * b));
            net.ip.bytes[8 + b] = (uint8_t)(slot.key.low >> (56 - 8 * b));
        }
        net = canonical(&net);
        ip_set_remove(s, slot.key);
        dropped++;
        if (visit != NULL)
            visit(ctx, &net);
    }
    return dropped;
}

static size_t sweep_trie(
        struct net_trie *t, enum ip_family family, uint32_t now_s, nets_visitor *visit, void *ctx)
{
    size_t dropped = 0;
    for (uint32_t i = 1; i <= t->node_count; i++) {
        struct net_node *n = &t->nodes[i];
        if (n->is_entry == 0 || n->end_s == 0 || n->end_s > now_s)
            continue;
        struct ip_net net = {.ip.family = (uint8_t)family, .prefix = n->prefix};
        for (int b = 0; b < 8; b++) {
            net.ip.bytes[b] = (uint8_t)(n->key.high >> (56 - 8 * b));
            net.ip.bytes[8 + b] = (uint8_t)(n->key.low >> (56 - 8 * b));
        }
        n->is_entry = 0;
        t->count--;
        dropped++;
        if (visit != NULL)
            visit(ctx, &net);
    }
    return dropped;
}
