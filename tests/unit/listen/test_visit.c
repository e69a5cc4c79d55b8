// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_visit.c: connections as the listeners see them, over streams in memory:
// the words of refusals, headers on Unix sockets, first bytes in pieces, offences and bans
// (listeners.md 4, 7.3, 11, 12). Who is let in over the network is shown end to end.
#include "../base/check.h"

#include "../conf/conf_of.h"
#include "listen/visit_state.h"
#include "rt/rt.h"

#define L(id, more) "[server.listener." id "]\n" more "\n"
#define CONFIG                                                                                     \
    "[server]\nhostname = 'mx.example.org'\nblock-action = 'reply'\n"                              \
    "[server.auto-ban]\nscan.rate = '2/1d'\nscan.period = '1h'\nloiter.rate = 'false'\n"           \
    "auth.login-action = 'ban'\nabuse.per-recipient = true\n"                                      \
    "[server.proxy]\ntrusted-networks = '10.0.0.0/8'\ntimeout = '50ms'\n" L("lmtp",                \
            "protocol = 'lmtp'\nbind = ':2424'") L("smtp", "bind = ':2525'\nmax-connections = 1")  \
            L("web", "protocol = 'http'\nbind = '127.0.0.1:8080'\nproxy.mode = 'optional'")

struct world {
    struct arena arena;
    struct conf *conf;
    struct listen_kept kept;
    struct listen_settings settings;
    struct listen_shared *shared;
    struct listen_process *process;
};

static struct err run_world(void *arg);
typedef void test_body(struct world *w);

static void in_world(test_body *body)
{
    struct loop *loop = loop_new_real();
    assert_non_null(loop);
    struct err e = loop_run(loop, run_world, (void *)&body);
    loop_free(loop);
    check_str("run", err_text(e), S(""));
}

static struct err run_world(void *arg)
{
    test_body *body = *(test_body **)arg;
    struct world w = {.kept.seed = 1};
    arena_init(&w.arena, 64 * MIB);
    struct findings findings = findings_make(&w.arena);
    w.conf = conf_of(str_from_c(CONFIG), &findings);
    struct listen_inputs in = {.conf = w.conf, .kept = &w.kept, .wall_now_ms = wall_ms()};
    TRY(listen_settings_make(&w.arena, &in, &findings, &w.settings));
    assert_false(findings_failed(&findings));
    w.shared = mem_new(struct listen_shared);
    assert_non_null(w.shared);
    listen_shared_init(w.shared, 3);
    w.process = listen_process_new(
            &(struct listen_process_options){.settings = &w.settings, .shared = w.shared});
    assert_non_null(w.process);
    body(&w);
    listen_process_free(w.process);
    listen_settings_done(&w.settings);
    listen_kept_done(&w.kept);
    conf_free(w.conf);
    mem_free(w.shared);
    arena_done(&w.arena);
    return OK;
}

static const struct listener *listener_of(struct world *w, const char *id)
{
    for (size_t i = 0; i < w->settings.listener_count; i++)
        if (str_eq(w->settings.listeners[i].id, str_from_c(id)))
            return &w->settings.listeners[i];
    check_failed("no listener %s", id);
    return NULL;
}

// A visit of somebody from the network, as far as the stream does not matter.
static struct visit visit_from(
        struct world *w, const char *id, const char *client, struct stream *s)
{
    struct visit v = {.process = w->process,
            .listener = listener_of(w, id),
            .stream = s,
            .client_slot = CLIENTS_NOWHERE};
    assert_true(ip_parse(str_from_c(client), &v.client.ip));
    v.peer = v.client;
    return v;
}

// --- Words ---------------------------------------------------------------------------------------

static struct err read_all(void *arg)
{
    struct {
        struct stream *s;
        struct buf text;
    } *reader = arg;
    struct str piece;
    while (!failed(stream_read(reader->s, 4096, &piece)))
        buf_add(&reader->text, piece);
    stream_close(reader->s);
    return OK;
}

static void check_word(struct world *w, enum listen_protocol protocol, bool implicit,
        enum refusal why, const char *want)
{
    struct stream *ends[2];
    struct group readers;
    struct {
        struct stream *s;
        struct buf text;
    } reader = {0};
    struct listener l = *listener_of(w, "smtp");
    assert_false(failed(stream_pair(ends)));
    struct visit v = visit_from(w, "smtp", "203.0.113.9", ends[0]);
    l.protocol = protocol;
    l.tls.implicit = implicit;
    v.listener = &l;
    reader.s = ends[1];
    buf_init(&reader.text, KIB);
    group_begin(&readers);
    assert_false(failed(group_spawn(&readers, read_all, &reader)));
    visit_refuse(&v, why, 7);
    listen_leave(&v);
    stream_close(ends[0]);
    assert_false(failed(group_wait_all(&readers)));
    group_end(&readers);
    check_str(want, buf_str(&reader.text), str_from_c(want));
    buf_done(&reader.text);
}

static void words_body(struct world *w)
{
    static const struct {
        enum listen_protocol protocol;
        enum refusal why;
        const char *word;
    } cases[] = {
            {LISTEN_SMTP, REFUSED_GLOBAL, "421 4.3.2 mx.example.org Too many connections.\r\n"},
            {LISTEN_LMTP, REFUSED_LISTENER, "421 4.3.2 mx.example.org Too many connections.\r\n"},
            {LISTEN_SMTP, REFUSED_ADDRESS, "421 4.7.0 mx.example.org Too many connections.\r\n"},
            {LISTEN_SMTP, REFUSED_RATE, "421 4.7.0 mx.example.org Too many connections.\r\n"},
            {LISTEN_SMTP, REFUSED_BLOCKED, "554 5.7.1 mx.example.org Access denied.\r\n"},
            {LISTEN_IMAP, REFUSED_GLOBAL, "* BYE [UNAVAILABLE] Too many connections\r\n"},
            {LISTEN_IMAP, REFUSED_BLOCKED, "* BYE Access denied\r\n"},
            {LISTEN_POP3, REFUSED_RATE, "-ERR [SYS/TEMP] Too many connections\r\n"},
            {LISTEN_POP3, REFUSED_BLOCKED, "-ERR Access denied\r\n"},
            {LISTEN_MANAGESIEVE, REFUSED_LISTENER, "BYE (TRYLATER) \"Too many connections\"\r\n"},
            {LISTEN_MANAGESIEVE, REFUSED_BLOCKED, "BYE \"Access denied\"\r\n"},
            {LISTEN_HTTP, REFUSED_GLOBAL,
                    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
                    "Connection: close\r\n\r\n"},
            {LISTEN_HTTP, REFUSED_ADDRESS,
                    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
                    "Connection: close\r\n\r\n"},
            {LISTEN_HTTP, REFUSED_BLOCKED,
                    "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_word(w, cases[i].protocol, false, cases[i].why, cases[i].word);
        check_word(w, cases[i].protocol, true, cases[i].why, ""); // never where TLS comes first
    }
}

static void words(void **state)
{
    (void)state;
    in_world(words_body);
}

// --- Headers on a Unix socket, whose permissions are the trust -----------------------------------

static bool admit(struct world *w, const char *id, const char *bytes, struct visit *out)
{
    struct stream *ends[2];
    assert_false(failed(stream_pair(ends)));
    assert_false(failed(stream_write(ends[1], str_from_c(bytes))));
    assert_false(failed(stream_flush(ends[1])));
    bool admitted = listen_admit(w->process, listener_of(w, id), ends[0], out);
    struct str rest = stream_buffered(ends[0]);
    if (admitted && rest.len > 0)
        check_str("the rest", rest, S("EHLO x\r\n"));
    stream_close(ends[1]); // so that leaving does not wait
    listen_leave(out);
    stream_close(ends[0]);
    return admitted;
}

static void unix_headers_body(struct world *w)
{
    struct visit v;
    assert_true(admit(w, "lmtp", "PROXY TCP4 203.0.113.9 192.0.2.1 4711 24\r\nEHLO x\r\n", &v));
    check_u64("the client", v.client.ip.bytes[3], 9);
    assert_true(v.by_trusted_proxy);
    assert_true(admit(w, "lmtp", "PROXY UNKNOWN\r\n", &v));
    assert_true(ip_is_loopback(&v.client.ip)); // listeners.md 3.6
    assert_false(admit(w, "lmtp", "EHLO x\r\n", &v));
    assert_false(admit(w, "lmtp", "PROXY TCP4 203", &v)); // and nothing for 50 ms
    assert_false(admit(w, "lmtp", "", &v));
    assert_true(admit(w, "web", "EHLO x\r\n", &v)); // optional
    assert_false(v.proxied != NULL);
    check_u64("slots that are held", shared_count_total(&w->shared->connections), 0);
}

static void unix_headers(void **state)
{
    (void)state;
    in_world(unix_headers_body);
}

// --- First bytes ---------------------------------------------------------------------------------

static enum first_bytes first_of(struct world *w, struct str bytes)
{
    struct stream *ends[2];
    enum first_bytes first = FIRST_PLAIN;
    assert_false(failed(stream_pair(ends)));
    struct visit v = visit_from(w, "smtp", "198.51.100.7", ends[0]);
    assert_false(failed(stream_write(ends[1], bytes)));
    assert_false(failed(stream_end(ends[1])));
    struct err ignored = listen_first_bytes(&v, &first);
    (void)ignored; // it has ended before it could tell
    stream_close(ends[0]);
    stream_close(ends[1]);
    listen_unban(w->shared, &(struct ip_net){.ip = v.client.ip, .prefix = 32});
    return first;
}

static void first_bytes_body(struct world *w)
{
    static const struct {
        const char *name;
        struct str bytes;
        enum first_bytes first;
    } cases[] = {
            {"a command", S_INIT("EHLO x\r\n"), FIRST_PLAIN},
            {"TLS", S_INIT("\x16\x03\x01"), FIRST_TLS},
            {"TLS, one byte", S_INIT("\x16"), FIRST_TLS},
            {"version 1", S_INIT("PROXY TCP4 1.2.3.4"), FIRST_PROXY},
            {"version 1, unknown", S_INIT("PROXY UNKNOWN\r\n"), FIRST_PROXY},
            {"version 2", S_INIT("\r\n\r\n\0\r\nQUIT\n\x21"), FIRST_PROXY},
            {"almost version 2", S_INIT("\r\n\r\n\0\r\nQUIT\r"), FIRST_PLAIN},
            {"an empty line", S_INIT("\r\nEHLO"), FIRST_PLAIN},
            {"another word", S_INIT("PROXY ME"), FIRST_PLAIN},
            {"half of it", S_INIT("PROXY TC"), FIRST_PLAIN},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_u64(cases[i].name, first_of(w, cases[i].bytes), cases[i].first);
}

static void first_bytes(void **state)
{
    (void)state;
    in_world(first_bytes_body);
}

// --- Offences ------------------------------------------------------------------------------------

static void offences_body(struct world *w)
{
    struct visit v = visit_from(w, "smtp", "203.0.113.9", NULL), other = v, same_net, proxy;
    struct ip_net net = client_net(&v.client.ip, 64);
    assert_false(listen_offence(&v, OFFENCE_SCAN, STR_NULL));
    assert_false(listen_offence(&other, OFFENCE_SCAN, STR_NULL));
    assert_false(listen_is_banned(&v));
    assert_true(listen_offence(&v, OFFENCE_SCAN, STR_NULL)); // 2 are tolerated
    assert_true(listen_is_banned(&v) && listen_is_banned(&other));
    assert_true(visit_is_blocked(&other));
    assert_false(listen_lets_in(&v, &v.client.ip));
    for (int i = 0; i < 1000; i++) // switched off
        assert_false(listen_offence(&v, OFFENCE_LOITER, STR_NULL));
    proxy = visit_from(w, "smtp", "10.9.8.7", NULL); // a proxy is not banned for its clients
    for (int i = 0; i < 1000; i++)
        assert_false(listen_offence(&proxy, OFFENCE_SCAN, STR_NULL));
    listen_ban_now(&proxy, OFFENCE_SCAN, S("/x.php"));
    assert_false(listen_is_banned(&proxy));
    // Lifting resets what was counted.
    assert_true(listen_unban(w->shared, &net));
    other.is_banned = v.is_banned = false;
    assert_false(listen_is_banned(&v));
    assert_false(listen_offence(&v, OFFENCE_SCAN, STR_NULL));
    // IPv6: the network is counted and banned.
    v = visit_from(w, "smtp", "2001:db8::1", NULL);
    same_net = visit_from(w, "smtp", "2001:db8::ffff:2", NULL);
    assert_false(listen_offence(&v, OFFENCE_SCAN, STR_NULL));
    assert_false(listen_offence(&same_net, OFFENCE_SCAN, STR_NULL));
    assert_true(listen_offence(&v, OFFENCE_SCAN, STR_NULL));
    assert_true(listen_is_banned(&same_net));
    struct ban found;
    size_t at = 0;
    assert_true(listen_bans_next(w->shared, &at, wall_ms(), &found));
    check_u64("prefix", found.net.prefix, 64);
    check_u64("count", found.count, 3);
    check_str("reason", ban_reason_name(found.reason), S("portScanning"));
    assert_in_range(found.expires_s - found.created_s, 3599, 3601);
    assert_false(listen_bans_next(w->shared, &at, wall_ms(), &found));
    listen_ban_now(&v, OFFENCE_ABUSE, S("nobody@example.org"));
    listen_sweep(w->process);
    assert_true(listen_is_banned(&same_net));
}

static void offences(void **state)
{
    (void)state;
    in_world(offences_body);
}

static void abuse_body(struct world *w)
{
    struct str rcpt = S("nobody@example.org");
    struct visit v = visit_from(w, "smtp", "203.0.113.9", NULL), stranger;
    w->settings.ban_abuse.rate = (struct rate){.count = 2, .period_ms = DAY_MS};
    w->settings.ban_abuse_per_recipient = false;
    assert_false(listen_offence(&v, OFFENCE_ABUSE, rcpt));
    assert_false(listen_offence(&v, OFFENCE_ABUSE, S("x@example.org")));
    stranger = visit_from(w, "smtp", "203.0.113.10", NULL);
    assert_false(listen_offence(&stranger, OFFENCE_ABUSE, rcpt));
    assert_true(listen_offence(&v, OFFENCE_ABUSE, rcpt));
    // For each recipient as well: one refusal of many clients each is one too many in the end.
    w->settings.ban_abuse_per_recipient = true;
    for (int i = 0; i < 3; i++) {
        char client[32];
        snprintf(client, sizeof(client), "198.51.100.%d", i);
        v = visit_from(w, "smtp", client, NULL);
        assert_false(listen_offence(&v, OFFENCE_ABUSE, STR_NULL));
        check_u64(client, listen_offence(&v, OFFENCE_ABUSE, S("carl@example.org")), i == 2);
    }
    assert_true(listen_is_banned(&v));
    // A recipient is a matter of abuse only.
    w->settings.ban_auth.rate = w->settings.ban_abuse.rate;
    stranger = visit_from(w, "smtp", "203.0.113.11", NULL);
    assert_false(listen_offence(&stranger, OFFENCE_AUTH, S("carl@example.org")));
}

static void abuse(void **state)
{
    (void)state;
    in_world(abuse_body);
}

// --- Logins --------------------------------------------------------------------------------------

static void fail_from(struct world *w, const char *client, struct str login, bool banned)
{
    struct visit v = visit_from(w, "smtp", client, NULL);
    check_u64(client, listen_login_failed(&v, login), banned);
    check_u64(client, listen_is_banned(&v), banned);
}

static bool may_try(struct world *w, const char *client, struct str login)
{
    struct visit v = visit_from(w, "smtp", client, NULL);
    return listen_login_may_try(&v, login);
}

static void succeed_from(struct world *w, const char *client, struct str login)
{
    struct visit v = visit_from(w, "smtp", client, NULL);
    listen_login_succeeded(&v, login);
}

static _Atomic int64_t *only_moment(struct shared_moments *m)
{
    _Atomic int64_t *found = NULL;
    for (size_t i = 0; i < MOMENTS_SLOTS; i++)
        if (m->at[i].moment != 0) {
            assert_null(found);
            found = &m->at[i].moment;
        }
    return found;
}

static void names_are_locked_body(struct world *w)
{
    struct str ann = S("ann@example.org"), bob = S("bob@example.org");
    w->settings.ban_auth.rate = (struct rate){.count = 3, .period_ms = DAY_MS};
    w->settings.login_action = LOGIN_LOCK;
    succeed_from(w, "2001:db8::7", ann);
    fail_from(w, "203.0.113.1", ann, false);
    fail_from(w, "203.0.113.2", ann, false);
    assert_true(may_try(w, "203.0.113.3", ann));
    fail_from(w, "203.0.113.3", ann, false);
    assert_false(may_try(w, "203.0.113.4", ann));
    assert_false(may_try(w, "203.0.113.1", ann));
    fail_from(w, "203.0.113.4", ann, false);     // the name bans nobody
    assert_true(may_try(w, "203.0.113.4", bob)); // other names are free
    assert_true(may_try(w, "10.0.0.1", ann));    // a proxy is allowed
    assert_true(may_try(w, "127.0.0.1", ann));
    assert_true(may_try(w, "2001:db8::7", ann));    // she has logged in from there
    assert_true(may_try(w, "2001:db8::8:7", ann));  // or from her network
    assert_false(may_try(w, "2001:db8:1::7", ann)); // but not from that one
    succeed_from(w, "203.0.113.9", bob);            // nor he to hers
    assert_false(may_try(w, "203.0.113.9", ann));
    assert_true(may_try(w, "203.0.113.4", S("")));
    // Her address is counted as any other.
    fail_from(w, "2001:db8::7", bob, false);
    fail_from(w, "2001:db8::7", bob, false);
    fail_from(w, "2001:db8::7", bob, false);
    fail_from(w, "2001:db8::7", bob, true);
}

static void names_are_locked(void **state)
{
    (void)state;
    in_world(names_are_locked_body);
}

static void logins_are_forgotten_body(struct world *w)
{
    struct str ann = S("ann@example.org");
    w->settings.ban_auth.rate = (struct rate){.count = 1, .period_ms = DAY_MS};
    w->settings.login_action = LOGIN_LOCK;
    fail_from(w, "203.0.113.1", ann, false);
    succeed_from(w, "203.0.113.9", ann);
    assert_true(may_try(w, "203.0.113.9", ann));
    _Atomic int64_t *known_until = only_moment(&w->shared->logins);
    assert_non_null(known_until);
    assert_in_range(*known_until - wall_ms(), 30 * (int64_t)DAY_MS - 60000, 30 * (int64_t)DAY_MS);
    *known_until = wall_ms();
    assert_false(may_try(w, "203.0.113.9", ann));
}

static void logins_are_forgotten(void **state)
{
    (void)state;
    in_world(logins_are_forgotten_body);
}

static void names_may_ban_body(struct world *w)
{
    struct str ann = S("ann@example.org");
    w->settings.ban_auth.rate = (struct rate){.count = 2, .period_ms = DAY_MS};
    assert_true(w->settings.login_action == LOGIN_BAN && w->settings.ban_abuse_per_recipient);
    succeed_from(w, "203.0.113.9", ann);
    fail_from(w, "203.0.113.1", ann, false);
    fail_from(w, "203.0.113.2", ann, false);
    assert_true(may_try(w, "203.0.113.3", ann)); // nothing is locked
    fail_from(w, "203.0.113.9", ann, false);     // the rightful user's
    fail_from(w, "10.0.0.1", ann, false);        // a proxy
    fail_from(w, "203.0.113.3", ann, true);
    w->settings.login_action = LOGIN_OFF;
    fail_from(w, "203.0.113.4", ann, false);
    fail_from(w, "203.0.113.4", ann, false);
    fail_from(w, "203.0.113.4", ann, true); // of one address
    w->settings.ban_auth.rate = (struct rate){0};
    w->settings.login_action = LOGIN_LOCK;
    for (int i = 0; i < 100; i++)
        fail_from(w, "203.0.113.5", S("carl@example.org"), false);
    assert_true(may_try(w, "203.0.113.5", S("carl@example.org")));
}

static void names_may_ban(void **state)
{
    (void)state;
    in_world(names_may_ban_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(words), TEST(unix_headers), TEST(first_bytes),
            TEST(offences), TEST(abuse), TEST(names_are_locked), TEST(logins_are_forgotten),
            TEST(names_may_ban)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
