// SPDX-License-Identifier: Apache-2.0
// rt/dns_resolver.h: inside a resolver; private to rt/. dns.c takes a question through its
// stations: the cache (dns_cache.c), the questions under way (dns_share.c), a backend
// (dns_unbound.c or dns_zone.c), and back.
//
// A question under way is a struct dns_ask. Those who want its answer wait on it and are counted;
// who gives up leaves, and neither the others nor the backend notice. It ends when the backend has
// answered and the last one has left, whichever comes later. So a callback of libunbound always
// finds it, also long after everybody who asked has been cancelled.
#pragma once

#include "base/map.h"
#include "rt/dns.h"
#include "rt/task.h"

struct dns_ask;

// An answer that several hold, in one piece of memory.
struct dns_kept_answer {
    size_t holders;
    size_t bytes;
    int64_t made_at_ms;
    struct dns_answer answer;
};
struct dns_kept_answer *dns_kept_make(const struct dns_answer *from); // one holder; NULL: no memory
struct dns_kept_answer *dns_kept_hold(struct dns_kept_answer *kept);
void dns_kept_drop(struct dns_kept_answer *kept); // NULL is fine
// Into the caller's arena, with the TTL that is left.
struct err dns_kept_copy(
        struct arena *a, const struct dns_kept_answer *kept, struct dns_answer *out) MUST_USE;

// --- The cache -----------------------------------------------------------------------------------

#define DNS_GHOST_COUNT 1024
#define DNS_STALE_TTL_S 30 // of an answer beyond its time: RFC 8767 4

struct dns_store { // of one kind
    struct map entries;
    struct list young, old; // newest first
    size_t young_bytes, old_bytes, limit_bytes;
    uint32_t ghosts[DNS_GHOST_COUNT]; // hashes of what left `young` lately
    uint64_t evicted;
};
struct dns_cache {
    uint64_t seed[2];
    struct dns_store *stores[DNS_KEPT_COUNT]; // NULL: nothing is kept
    uint32_t stale_max_s;
};
struct err dns_cache_init(struct dns_cache *c, const struct dns_settings *settings) MUST_USE;
void dns_cache_done(struct dns_cache *c);
enum dns_kept dns_kept_kind(const struct dns_question *question);
struct dns_kept_answer *dns_cache_get(struct dns_cache *c, enum dns_kept kind, struct str key);
// An answer beyond its time, for who gets no other; the next ones find it in the cache for a
// moment, so that not each of them waits for servers that do not answer. NULL: there is none.
struct dns_kept_answer *dns_cache_get_stale(
        struct dns_cache *c, enum dns_kept kind, struct str key);
// Holds the answer for its TTL; without memory or room for it, nothing is kept.
void dns_cache_put(
        struct dns_cache *c, enum dns_kept kind, struct str key, struct dns_kept_answer *kept);
size_t dns_cache_flush(struct dns_cache *c, struct str name); // null: all

// --- Questions under way -------------------------------------------------------------------------

struct dns_ask {
    struct resolver *resolver;
    struct str key; // "TYPE NAME", owned
    struct str name;
    uint16_t type;
    enum dns_kept kind;
    size_t waiters;
    struct waitq answered;
    struct dns_kept_answer *result; // NULL though done: no memory
    bool done;
    bool held_by_backend;
    // When the backend answers by itself at a moment (the zone's delays), whoever waits first calls
    // its `finish` then; 0: it calls dns_ask_answer.
    int64_t finish_at_ms;
    struct link link; // for the backend
};

struct resolver_backend {
    struct err (*start)(struct resolver *r, struct dns_ask *ask);
    void (*finish)(struct resolver *r, struct dns_ask *ask);
    // NULL: there are no servers.
    struct err (*renew)(
            struct resolver *r, struct arena *a, const struct dns_settings *settings) suspends;
    void (*free)(struct resolver *r) suspends;
};

struct resolver {
    const struct resolver_backend *backend;
    void *state;
    struct dns_settings settings;
    struct dns_cache cache;
    struct map asks; // under way, by key
    size_t ask_count;
    struct dns_figures figures;
    struct dns_trace *trace; // NULL: nobody wants to see it
};

struct dns_trace;
void dns_trace_note(struct dns_trace *t, const struct dns_answer *answer);

struct err resolver_make(const struct resolver_backend *backend, void *state,
        const struct dns_settings *settings, struct resolver **out) MUST_USE;
// Joins the question under way or begins one; the caller is one of those who wait.
struct err dns_ask_join(struct resolver *r, const struct dns_question *question, struct str key,
        struct dns_ask **out) MUST_USE;
struct err dns_ask_wait(struct dns_ask *ask, int64_t most_ms) suspends MUST_USE;
void dns_ask_leave(struct dns_ask *ask);
// The backend's word; the ask may be gone afterwards.
void dns_ask_answer(struct dns_ask *ask, const struct dns_answer *answer);
// A temporary outcome that the backend makes up itself.
void dns_ask_fail(struct dns_ask *ask, enum dns_outcome outcome, struct str why);
// The backend will not answer any more; nobody waits.
void dns_ask_forget(struct dns_ask *ask);
