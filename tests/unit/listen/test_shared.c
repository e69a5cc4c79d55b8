// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_shared.c: what processes count and know together: connections by client,
// token buckets, bans. Crowded windows, deaths, and several processes at once.
#include "../base/check.h"

#include "listen/shared.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW_S 1700000000
#define NOW_MS (NOW_S * 1000LL)

static struct ip_net net_of(const char *text)
{
    struct ip_net net;
    bool cleared;
    assert_true(ip_net_parse(str_from_c(text), &net, &cleared));
    return net;
}

static int begin(void **state)
{
    struct listen_shared *s = shared_bytes(sizeof(struct listen_shared));
    assert_non_null(s);
    listen_shared_init(s, 7);
    *state = s;
    return 0;
}

// --- Clients -------------------------------------------------------------------------------------

static void a_client_holds_so_many(void **state)
{
    struct listen_shared *s = *state;
    uint32_t slots[3], other;
    assert_true(shared_clients_take(&s->clients, 1, 77, 2, &slots[0]));
    assert_true(shared_clients_take(&s->clients, 2, 77, 2, &slots[1]));
    assert_false(shared_clients_take(&s->clients, 1, 77, 2, &slots[2]));
    assert_int_equal(shared_clients_count(&s->clients, 77), 2);
    assert_true(shared_clients_take(&s->clients, 1, 99ULL << 40, 2, &other)); // somebody else
    shared_clients_give(&s->clients, 1, slots[0]);
    assert_true(shared_clients_take(&s->clients, 1, 77, 2, &slots[0]));
    shared_clients_give(&s->clients, 1, slots[0]);
    shared_clients_give(&s->clients, 2, slots[1]);
    shared_clients_give(&s->clients, 1, other);
    shared_clients_give(&s->clients, 1, CLIENTS_NOWHERE); // what was not counted
    assert_int_equal(shared_clients_count(&s->clients, 77), 0);
}

static void the_dead_give_back(void **state)
{
    struct listen_shared *s = *state;
    uint32_t slot;
    for (int i = 0; i < 3; i++)
        assert_true(shared_clients_take(&s->clients, 5, 4711, 9, &slot));
    assert_true(shared_clients_take(&s->clients, 6, 4711, 9, &slot));
    assert_true(shared_count_take(&s->connections, 5, 9));
    assert_true(shared_count_take(&s->by_listener[3], 5, 9));
    listen_shared_forget(s, 5);
    assert_int_equal(shared_clients_count(&s->clients, 4711), 1);
    assert_int_equal(shared_count_total(&s->connections), 0);
    assert_int_equal(shared_count_total(&s->by_listener[3]), 0);
    listen_shared_forget(s, 6);
    assert_int_equal(shared_clients_count(&s->clients, 4711), 0);
}

// Clients whose windows begin at the same slot: as many as fit are counted, one more is let in.
static void a_crowded_window(void **state)
{
    struct listen_shared *s = *state;
    uint32_t slots[CLIENTS_WINDOW + 1];
    for (uint64_t i = 0; i <= CLIENTS_WINDOW; i++)
        assert_true(shared_clients_take(&s->clients, 0, (i + 1) << 32 | 42, 1, &slots[i]));
    assert_int_equal(slots[CLIENTS_WINDOW], CLIENTS_NOWHERE);
    assert_false(shared_clients_take(&s->clients, 0, 1ULL << 32 | 42, 1, &slots[0]));
    // A hole before its place does not make a client forget what it holds.
    shared_clients_give(&s->clients, 0, slots[0]);
    assert_false(shared_clients_take(&s->clients, 0, 9ULL << 32 | 42, 1, &slots[8]));
    listen_shared_forget(s, 0);
}

#define PROCESSES 4
#define ROUNDS 20000
#define TOGETHER 3

static void several_processes(void **state)
{
    struct listen_shared *s = *state;
    struct {
        _Atomic int inside, most, refused;
    } *seen = shared_bytes(sizeof(*seen));
    pid_t children[PROCESSES];
    for (int p = 0; p < PROCESSES; p++) {
        children[p] = fork();
        for (int i = 0; children[p] == 0 && i < ROUNDS; i++) {
            uint32_t slot;
            if (!shared_clients_take(&s->clients, (size_t)p, 31337, TOGETHER, &slot)) {
                atomic_fetch_add(&seen->refused, 1);
                continue;
            }
            int now = atomic_fetch_add(&seen->inside, 1) + 1, most = atomic_load(&seen->most);
            while (now > most && !atomic_compare_exchange_weak(&seen->most, &most, now))
                continue;
            if (i % 64 == 0)
                sched_yield();
            atomic_fetch_sub(&seen->inside, 1);
            shared_clients_give(&s->clients, (size_t)p, slot);
        }
        if (children[p] == 0)
            _exit(0);
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status = -1;
        assert_int_equal(waitpid(children[p], &status, 0), children[p]);
        assert_int_equal(status, 0);
    }
    assert_in_range(atomic_load(&seen->most), 1, TOGETHER);
    assert_int_equal(shared_clients_count(&s->clients, 31337), 0);
}

// --- Buckets -------------------------------------------------------------------------------------

static void buckets_by_owner(void **state)
{
    struct listen_shared *s = *state;
    struct rate rate = {.count = 2, .period_ms = 10000};
    assert_true(shared_buckets_take(&s->buckets, 1, &rate, NOW_MS));
    assert_int_equal(shared_buckets_level(&s->buckets, 1, &rate, NOW_MS), 1);
    assert_true(shared_buckets_take(&s->buckets, 1, &rate, NOW_MS));
    assert_false(shared_buckets_take(&s->buckets, 1, &rate, NOW_MS));
    assert_true(shared_buckets_take(&s->buckets, 2, &rate, NOW_MS));
    assert_true(shared_buckets_take(&s->buckets, 1, &rate, NOW_MS + 5000)); // one has come back
    assert_false(shared_buckets_take(&s->buckets, 1, &rate, NOW_MS + 5000));
    shared_buckets_reset(&s->buckets, 1);
    assert_int_equal(shared_buckets_level(&s->buckets, 1, &rate, NOW_MS), 2);
    shared_buckets_reset(&s->buckets, 12345); // never used: nothing to do
}

// More owners in a window than it has places: whoever is full soonest makes room, with a full
// bucket for the one who comes.
static void crowded_buckets(void **state)
{
    struct listen_shared *s = *state;
    struct rate rate = {.count = 1, .period_ms = 60000};
    for (uint64_t i = 0; i < MOMENTS_WINDOW; i++)
        assert_true(
                shared_buckets_take(&s->buckets, (i + 1) << 32 | 99, &rate, NOW_MS + (int64_t)i));
    assert_true(shared_buckets_take(&s->buckets, 1000ULL << 32 | 99, &rate, NOW_MS + 10));
    assert_false(shared_buckets_take(&s->buckets, 1000ULL << 32 | 99, &rate, NOW_MS + 10));
    assert_false(shared_buckets_take(&s->buckets, 8ULL << 32 | 99, &rate, NOW_MS + 10)); // kept
    assert_true(shared_buckets_take(&s->buckets, 1ULL << 32 | 99, &rate, NOW_MS + 10)); // forgotten
}

static void a_token_is_given_back(void **state)
{
    struct listen_shared *s = *state;
    struct rate rate = {.count = 1, .period_ms = 10000};
    assert_true(shared_buckets_take(&s->buckets, 77, &rate, NOW_MS));
    shared_buckets_give(&s->buckets, 77, &rate);
    assert_true(shared_buckets_take(&s->buckets, 77, &rate, NOW_MS));
    assert_false(shared_buckets_take(&s->buckets, 77, &rate, NOW_MS));
    shared_buckets_give(&s->buckets, 78, &rate); // forgotten meanwhile: nothing to do
}

static void moments_are_remembered(void **state)
{
    struct listen_shared *s = *state;
    struct shared_moments *m = &s->buckets.full;
    assert_int_equal(moments_get(m, 5ULL << 32 | 7), 0);
    moments_set(m, 5ULL << 32 | 7, 0, 100);
    moments_set(m, 6ULL << 32 | 7, 0, 200); // the same place: stands beside it
    assert_int_equal(moments_get(m, 5ULL << 32 | 7), 100);
    assert_int_equal(moments_get(m, 6ULL << 32 | 7), 200);
    moments_set(m, 5ULL << 32 | 7, 0, 150);
    assert_int_equal(moments_get(m, 5ULL << 32 | 7), 150);
    moments_set(m, 7ULL << 32 | 7, 150, 300); // 150 has passed: its place is as good as free
    assert_int_equal(moments_get(m, 7ULL << 32 | 7), 300);
    assert_int_equal(moments_get(m, 5ULL << 32 | 7), 0);
    assert_int_equal(moments_get(m, 6ULL << 32 | 7), 200);
}

// --- Bans ----------------------------------------------------------------------------------------

static struct ban ban_of(const char *net, int64_t expires_s)
{
    return (struct ban){.net = net_of(net),
            .reason = BANNED_SCAN,
            .listener_slot = 200,
            .count = 31,
            .created_s = NOW_S,
            .expires_s = expires_s};
}

static void bans_come_and_go(void **state)
{
    struct listen_shared *s = *state;
    struct ban four = ban_of("203.0.113.7", NOW_S + 60), six = ban_of("2001:db8::/64", BAN_FOREVER),
               found;
    assert_true(bans_add(&s->bans, &four, NOW_S));
    assert_true(bans_add(&s->bans, &six, NOW_S));
    assert_true(bans_find(&s->bans, &four.net, NOW_S + 59, &found));
    assert_true(ip_eq(&found.net.ip, &four.net.ip));
    assert_int_equal(found.reason, BANNED_SCAN);
    assert_int_equal(found.listener_slot, 200);
    assert_int_equal(found.count, 31);
    assert_int_equal(found.created_s, NOW_S);
    assert_int_equal(found.expires_s, NOW_S + 60);
    assert_false(bans_find(&s->bans, &four.net, NOW_S + 60, &found));
    assert_true(bans_find(&s->bans, &six.net, NOW_S + 1000000, &found));
    struct ip_net neighbour = net_of("203.0.113.8");
    assert_false(bans_find(&s->bans, &neighbour, NOW_S, &found));
    struct ip_net wider = net_of("2001:db8::/48"); // the same address, another network
    assert_false(bans_find(&s->bans, &wider, NOW_S, &found));
    assert_true(bans_lift(&s->bans, &six.net));
    assert_false(bans_lift(&s->bans, &six.net));
    assert_false(bans_find(&s->bans, &six.net, NOW_S, &found));
    assert_true(bans_lift(&s->bans, &four.net));
}

static void the_longer_ban_stays(void **state)
{
    struct listen_shared *s = *state;
    struct ban first = ban_of("203.0.113.7", NOW_S + 60),
               shorter = ban_of("203.0.113.7", NOW_S + 9),
               longer = ban_of("203.0.113.7", NOW_S + 99),
               always = ban_of("203.0.113.7", BAN_FOREVER), found;
    size_t at = 0, count = 0;
    assert_true(bans_add(&s->bans, &first, NOW_S));
    assert_false(bans_add(&s->bans, &shorter, NOW_S));
    assert_true(bans_add(&s->bans, &longer, NOW_S));
    assert_true(bans_add(&s->bans, &always, NOW_S));
    assert_false(bans_add(&s->bans, &longer, NOW_S));
    while (bans_next(&s->bans, &at, NOW_S, &found))
        count++;
    assert_int_equal(count, 1);
    assert_true(bans_lift(&s->bans, &first.net));
}

static void ended_bans_are_swept(void **state)
{
    struct listen_shared *s = *state;
    struct ban one = ban_of("203.0.113.1", NOW_S + 1), two = ban_of("203.0.113.2", NOW_S + 2),
               found;
    size_t at = 0;
    assert_true(bans_add(&s->bans, &one, NOW_S) && bans_add(&s->bans, &two, NOW_S));
    assert_true(bans_sweep(&s->bans, &at, NOW_S + 1, &found));
    assert_true(ip_eq(&found.net.ip, &one.net.ip));
    assert_false(bans_sweep(&s->bans, &at, NOW_S + 1, &found));
    at = 0;
    assert_true(bans_next(&s->bans, &at, NOW_S + 1, &found));
    assert_true(ip_eq(&found.net.ip, &two.net.ip));
    // A sweep that removes one still knows of the others, and one that is too early of all.
    at = 0;
    assert_false(bans_sweep(&s->bans, &at, NOW_S + 1, &found));
    assert_true(bans_sweep(&s->bans, &at, NOW_S + 2, &found));
    assert_true(ip_eq(&found.net.ip, &two.net.ip));
    at = 0;
    assert_false(bans_sweep(&s->bans, &at, NOW_S + 2, &found));
}

// Far more bans than one window holds, found and lifted again; among them none for ever is lost.
static void many_bans(void **state)
{
    struct listen_shared *s = *state;
    size_t lost = 0;
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 20000; i++) {
            struct ban b = ban_of("10.0.0.0", i % 2 == 0 ? BAN_FOREVER : NOW_S + 60 + i), found;
            b.net.prefix = 32;
            b.net.ip.bytes[1] = (uint8_t)(i >> 16);
            b.net.ip.bytes[2] = (uint8_t)(i >> 8);
            b.net.ip.bytes[3] = (uint8_t)i;
            if (round == 0)
                assert_true(bans_add(&s->bans, &b, NOW_S));
            else
                lost += !bans_find(&s->bans, &b.net, NOW_S, &found);
        }
    assert_int_equal(lost, 0);
}

static void clients_by_network(void **state)
{
    (void)state;
    static const struct {
        const char *name, *client, *net;
    } cases[] = {
            {"IPv4", "203.0.113.9", "203.0.113.9/32"},
            {"IPv6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
            {"mapped", "::ffff:203.0.113.9", "203.0.113.9/32"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ip ip;
        struct ip_net expected = net_of(cases[i].net), got;
        assert_true(ip_parse(str_from_c(cases[i].client), &ip));
        got = client_net(&ip, 64);
        if (!ip_eq(&got.ip, &expected.ip) || got.prefix != expected.prefix)
            check_failed("%s", cases[i].name);
    }
}

// The same client counts apart for each purpose and listener.
static void hashes_differ(void **state)
{
    struct listen_shared *s = *state;
    struct ip_net net = net_of("203.0.113.9"), next = net_of("203.0.113.10");
    uint64_t h = listen_client_hash(s, COUNTED_RATE, 1, &net);
    assert_true(h == listen_client_hash(s, COUNTED_RATE, 1, &net));
    assert_true(h != listen_client_hash(s, COUNTED_RATE, 2, &net));
    assert_true(h != listen_client_hash(s, COUNTED_CONNECTIONS, 1, &net));
    assert_true(h != listen_client_hash(s, COUNTED_RATE, 1, &next));
    assert_true(listen_text_hash(s, COUNTED_LOGIN, 0, S("ann")) !=
                listen_text_hash(s, COUNTED_LOGIN, 0, S("bob")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_client_holds_so_many), TEST(the_dead_give_back),
            TEST(a_crowded_window), TEST(several_processes), TEST(buckets_by_owner),
            TEST(crowded_buckets), TEST(a_token_is_given_back), TEST(moments_are_remembered),
            TEST(bans_come_and_go), TEST(the_longer_ban_stays), TEST(ended_bans_are_swept),
            TEST(many_bans), TEST(clients_by_network), TEST(hashes_differ)};
    return cmocka_run_group_tests(tests, begin, NULL);
}
