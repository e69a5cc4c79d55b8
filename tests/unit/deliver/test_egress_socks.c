// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_egress_socks.c: SOCKS5 proxies, good and bad ones (RFC 1928, RFC 1929).
// What the proxy says arrives in one piece, and octet by octet.
#include "../base/check.h"

#include "deliver/egress/egress_socks.h"
#include "rt/rt.h"
#include "rt/sim/sim.h"

#define ARENA_BYTES (1 * MIB)
#define WAIT_MS (30 * SECOND_MS)
#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X255 X100 X100 X10 X10 X10 X10 X10 "xxxxx"

// --- Where it is ---------------------------------------------------------------------------------

static const struct {
    const char *text;
    const char *name, *at, *user, *secret; // NULL: null
    const char *why;                       // a part of it; NULL: it is good
} proxies[] = {
        {"192.0.2.1:1080", NULL, "192.0.2.1:1080", NULL, NULL, NULL},
        {"[2001:db8::1]:9,u,p", NULL, "[2001:db8::1]:9", "u", "p", NULL},
        {"Proxy.example:1080", "proxy.example", NULL, NULL, NULL, NULL},
        {"p.example:1,u,a,b,", "p.example", NULL, "u", "a,b,", NULL},
        {"p.example:1, u , p ", "p.example", NULL, " u ", " p ", NULL},
        {"p.example:65535," X255 "," X255, "p.example", NULL, X255, X255, NULL},
        {"p.example", NULL, NULL, NULL, NULL, "HOST:PORT"},
        {"p.example:0", NULL, NULL, NULL, NULL, "HOST:PORT"},
        {"p.example:65536", NULL, NULL, NULL, NULL, "HOST:PORT"},
        {"192.0.2.1", NULL, NULL, NULL, NULL, "HOST:PORT"},
        {"192.0.2.1:0", NULL, NULL, NULL, NULL, "HOST:PORT"},
        {"0.0.0.0:1080", NULL, NULL, NULL, NULL, "HOST:PORT"},
        {"unix:/run/socks", NULL, NULL, NULL, NULL, "HOST:PORT"},
        {"2001:db8::1:9", NULL, NULL, NULL, NULL, ""},
        {"-.example:9", NULL, NULL, NULL, NULL, ""},
        {"p.example:1,u", NULL, NULL, NULL, NULL, "a user needs a password"},
        {"p.example:1,", NULL, NULL, NULL, NULL, "a user needs a password"},
        {"p.example:1,,p", NULL, NULL, NULL, NULL, "1 to 255"},
        {"p.example:1,u,", NULL, NULL, NULL, NULL, "1 to 255"},
        {"p.example:1," X255 "x,p", NULL, NULL, NULL, NULL, "1 to 255"},
        {"p.example:1,u," X255 "x", NULL, NULL, NULL, NULL, "1 to 255"},
};

static void proxies_are_read(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, ARENA_BYTES);
    for (size_t i = 0; i < COUNT_OF(proxies); i++) {
        const char *name = proxies[i].text;
        struct socks_proxy proxy;
        struct str why = STR_NULL;
        bool good = socks_proxy_parse(&a, str_from_c(name), &proxy, &why);
        check_true(name, good == (proxies[i].why == NULL));
        if (!good) {
            check_true(name, str_contains(why, str_from_c(proxies[i].why)));
            check_true("no secret is repeated", !str_contains(why, S("xxx")));
            continue;
        }
        check_str(name, proxy.name, str_from_c(proxies[i].name));
        check_str(name, proxy.user, str_from_c(proxies[i].user));
        check_str(name, proxy.secret, str_from_c(proxies[i].secret));
        if (proxies[i].at != NULL)
            check_str(name, endpoint_text(&a, &proxy.at), str_from_c(proxies[i].at));
    }
}

// --- The dialogue --------------------------------------------------------------------------------

struct dialogue {
    const char *name, *proxy, *to;
    struct str asks[3], replies[3]; // one after the other, until one is null
    const char *error;              // NULL: it leads there; "": whatever is said
    enum err_kind kind;
};

#define P4 "192.0.2.9:1080"
#define PL "192.0.2.9:1080,me,secret"
#define TO4 "203.0.113.9:25"
#define ASK4 S_INIT("\5\1\0\1\xcb\0\x71\x09\0\x19")
#define NOLOGIN S_INIT("\5\1\0")
#define EITHER S_INIT("\5\2\0\2")
#define LOGIN S_INIT("\1\2me\6secret")
#define BOUND4 "\5\0\0\1\xc0\0\2\1\x10\xe1"
#define SAYS(...)                                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const struct dialogue dialogues[] = {
        {"without a login", P4, TO4, SAYS(NOLOGIN, ASK4), SAYS(S_INIT("\5\0"), S_INIT(BOUND4)),
                NULL, ERR_NONE},
        {"to IPv6", P4, "[2001:db8::9]:465",
                SAYS(NOLOGIN, S_INIT("\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09\1\xd1")),
                SAYS(S_INIT("\5\0"), S_INIT("\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")), NULL,
                ERR_NONE},
        {"with a login", PL, TO4, SAYS(EITHER, LOGIN, ASK4),
                SAYS(S_INIT("\5\2"), S_INIT("\1\0"), S_INIT(BOUND4)), NULL, ERR_NONE},
        {"a login of version 5", PL, TO4, SAYS(EITHER, LOGIN, ASK4),
                SAYS(S_INIT("\5\2"), S_INIT("\5\0"), S_INIT(BOUND4)), NULL, ERR_NONE},
        {"with a login that it does not want", PL, TO4, SAYS(EITHER, ASK4),
                SAYS(S_INIT("\5\0"), S_INIT(BOUND4)), NULL, ERR_NONE},
        {"it calls itself by a name, and the host speaks at once", P4, TO4, SAYS(NOLOGIN, ASK4),
                SAYS(S_INIT("\5\0"), S_INIT("\5\0\0\3\1xpp220 hello")), NULL, ERR_NONE},
        {"a name of nothing", P4, TO4, SAYS(NOLOGIN, ASK4),
                SAYS(S_INIT("\5\0"), S_INIT("\5\0\0\3\0pp")), NULL, ERR_NONE},
        {"the longest name", P4, TO4, SAYS(NOLOGIN, ASK4),
                SAYS(S_INIT("\5\0"), S_INIT("\5\0\0\3\xff" X255 "pp")), NULL, ERR_NONE},
        {"a wrong password", PL, TO4, SAYS(EITHER, LOGIN), SAYS(S_INIT("\5\2"), S_INIT("\1\1")),
                "it refuses our login (1)", ERR_REFUSED},
        {"a login that we have not", P4, TO4, SAYS(NOLOGIN), SAYS(S_INIT("\5\2")),
                "it wants a login", ERR_REFUSED},
        {"GSSAPI", PL, TO4, SAYS(EITHER), SAYS(S_INIT("\5\1")), "no login by name", ERR_REFUSED},
        {"nothing fits", P4, TO4, SAYS(NOLOGIN), SAYS(S_INIT("\5\xff")), "it wants a login",
                ERR_REFUSED},
        {"its rules", P4, TO4, SAYS(NOLOGIN, ASK4), SAYS(S_INIT("\5\0"), S_INIT("\5\2\0\1\0")),
                "not allowed by its rules (2)", ERR_REFUSED},
        {"a refusal, and it hangs up", P4, TO4, SAYS(NOLOGIN, ASK4),
                SAYS(S_INIT("\5\0"), S_INIT("\5\5")), "connection refused (5)", ERR_REFUSED},
        {"a code that nobody knows", P4, TO4, SAYS(NOLOGIN, ASK4),
                SAYS(S_INIT("\5\0"), S_INIT("\5\xff")), "RFC 1928 does not have (255)",
                ERR_REFUSED},
        {"SOCKS 4", P4, TO4, SAYS(NOLOGIN), SAYS(S_INIT("\0\x5b")), "not SOCKS 5", ERR_SYNTAX},
        {"a mail server", P4, TO4, SAYS(NOLOGIN), SAYS(S_INIT("220 mx.example ESMTP\r\n")),
                "not SOCKS 5", ERR_SYNTAX},
        {"another version behind the login", PL, TO4, SAYS(EITHER, LOGIN),
                SAYS(S_INIT("\5\2"), S_INIT("\2\0")), "not SOCKS 5", ERR_SYNTAX},
        {"another version behind the request", P4, TO4, SAYS(NOLOGIN, ASK4),
                SAYS(S_INIT("\5\0"), S_INIT("\4\0\0\1\0\0\0\0\0\0")), "not SOCKS 5", ERR_SYNTAX},
        {"a kind of address that there is not", P4, TO4, SAYS(NOLOGIN, ASK4),
                SAYS(S_INIT("\5\0"), S_INIT("\5\0\0\2\0\0\0\0\0\0")), "not SOCKS 5", ERR_SYNTAX},
        {"the end of a word", P4, TO4, SAYS(NOLOGIN, ASK4),
                SAYS(S_INIT("\5\0"), S_INIT("\5\0\0\3\5abc")), "", ERR_CLOSED},
};

struct playing {
    const struct dialogue *d;
    bool by_octets, hangs;
    struct stream *near, *far;
    struct arena arena;
    struct err outcome;
    struct str rest; // behind the proxy's last word
};

static struct err say(struct playing *p, struct str text)
{
    while (text.len > 0) {
        size_t now = p->by_octets ? 1 : text.len;
        TRY(stream_write(p->far, str_upto(text, now)));
        TRY(stream_flush(p->far));
        text = str_from(text, now);
        task_yield();
    }
    return OK;
}

static struct err proxy_main(void *arg)
{
    struct playing *p = arg;
    struct str heard;
    for (size_t i = 0; i < 3 && p->d->asks[i].ptr != NULL; i++) {
        TRY(stream_peek(p->far, p->d->asks[i].len, &heard));
        check_str(p->d->name, heard, p->d->asks[i]);
        stream_consume(p->far, heard.len);
        TRY(say(p, p->d->replies[i]));
    }
    if (p->hangs)
        return task_sleep_ms(10 * WAIT_MS);
    return stream_end(p->far);
}

static struct err play_main(void *arg)
{
    struct playing *p = arg;
    struct stream *pair[2];
    struct socks_proxy proxy;
    struct endpoint to;
    struct str why;
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(stream_pair(pair));
    p->near = pair[0];
    p->far = pair[1];
    assert_true(socks_proxy_parse(&p->arena, str_from_c(p->d->proxy), &proxy, &why));
    assert_true(endpoint_parse(str_from_c(p->d->to), &to));
    TRY(group_spawn(&g, proxy_main, p));
    {
        within_ms(WAIT_MS);
        p->outcome = socks_connect(p->near, &proxy, &to, &p->arena);
    }
    if (!failed(p->outcome) && str_ends(p->d->replies[1], S("220 hello"))) {
        TRY(stream_peek(p->near, 9, &p->rest));
        p->rest = arena_str(&p->arena, p->rest);
    }
    stream_close(p->near);
    struct err e = group_wait_all(&g);
    (void)e;
    stream_close(p->far);
    return OK;
}

static void play(struct playing *p)
{
    struct sim *sim = sim_new(1);
    arena_init(&p->arena, ARENA_BYTES);
    assert_false(failed(sim_run(sim, play_main, p)));
    sim_free(sim);
}

static void dialogues_are_played(void **state UNUSED)
{
    for (size_t i = 0; i < 2 * COUNT_OF(dialogues); i++) {
        const struct dialogue *d = &dialogues[i / 2];
        struct playing p = {.d = d, .by_octets = i % 2 == 1};
        play(&p);
        if (p.outcome.kind != d->kind)
            check_failed("%s: %.*s", d->name, ARG(err_text(p.outcome)));
        if (d->error != NULL)
            check_true(d->name, str_contains(err_text(p.outcome), str_from_c(d->error)));
        else if (str_ends(d->replies[1], S("220 hello")))
            check_str(d->name, p.rest, S("220 hello"));
        arena_done(&p.arena);
    }
}

// However much of a good dialogue is missing, our patience ends and nobody hangs with it.
static void silence_ends(void **state UNUSED)
{
    const struct str all[] = {S("\5\2"), S("\1\0"), S(BOUND4)};
    for (size_t word = 0; word < COUNT_OF(all); word++)
        for (size_t len = 0; len < all[word].len; len++) {
            struct dialogue d = {"silence", PL, TO4, SAYS(EITHER, LOGIN, ASK4), SAYS(S_INIT("")),
                    NULL, ERR_TIMEOUT};
            for (size_t k = 0; k <= word; k++)
                d.replies[k] = k < word ? all[k] : str_upto(all[word], len);
            for (size_t k = word + 1; k < COUNT_OF(all); k++)
                d.asks[k] = STR_NULL;
            struct playing p = {.d = &d, .hangs = true};
            play(&p);
            assert_int_equal(p.outcome.kind, ERR_TIMEOUT);
            arena_done(&p.arena);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(proxies_are_read), TEST(dialogues_are_played), TEST(silence_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
