// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_settings.c: configurations as an administrator writes them: what the
// listeners become, and what is found wrong, with its place (listeners.md 2 to 9, 11, 12, 17, 18).
#include "../base/check.h"

#include "../conf/conf_of.h"
#include "listen/settings.h"
#include "made.h"

struct settings_case {
    const char *name, *text;
    const char *found; // findings of ours and of conf/, all of them; info lines too
    const char *is;    // each line is one of the description
};

#define L(id) "[server.listener." id "]\n"
#define TLS(more) SMTP "[server.tls]\n" more "\n"

// --- Describing what was made --------------------------------------------------------------------

static void describe_addresses(struct buf *out, struct arena *a, const struct listener *l)
{
    for (size_t i = 0; i < l->address_count; i++) {
        struct str text = bind_text(a, &l->addresses[i].bind);
        bool wild = bind_is_wildcard6(&l->addresses[i].bind);
        buf_fmt(out, "%.*s on %.*s%s\n", ARG(l->id), ARG(text),
                !wild                    ? ""
                : l->addresses[i].v6only ? " (IPv6 only)"
                                         : " (both)");
    }
}

static void describe_tls(struct buf *out, const struct listener *l)
{
    const struct tls_settings *t = &l->tls;
    buf_fmt(out, "%.*s tls %s%s%s\n", ARG(l->id),
            l->tls_context == NULL ? "none"
            : t->implicit          ? "first"
                                   : "starttls",
            t->require ? " required" : "", t->session_tickets ? "" : " without tickets");
    buf_fmt(out, "%.*s suites %.*s %.*s\n", ARG(l->id), ARG(t->offer.suites_13),
            ARG(t->offer.ciphers_12));
    for (size_t i = 0; i < t->rules.sni_count; i++)
        buf_fmt(out, "%.*s sni %.*s %.*s\n", ARG(l->id), ARG(t->rules.sni[i].subject),
                ARG(t->rules.sni[i].certificate));
    buf_fmt(out, "%.*s certificate %.*s timeout %lld\n", ARG(l->id), ARG(t->rules.certificate),
            (long long)t->timeout_ms);
}

static void describe_listener(struct buf *out, struct arena *a, const struct listener *l)
{
    static const char *const modes[] = {"off", "auto", "optional", "required"};
    const struct socket_settings *s = &l->socket;
    struct str protocol = listen_protocol_name(l->protocol), role = listen_role_name(l->role);
    buf_fmt(out, "%.*s is %.*s %.*s\n", ARG(l->id), ARG(protocol), ARG(role));
    describe_addresses(out, a, l);
    for (size_t i = 0; i < l->greeting_count; i++)
        buf_fmt(out, "%.*s says %.*s\n", ARG(l->id), ARG(l->greeting[i]));
    buf_fmt(out, "%.*s takes %llu, %llu a client, %u in %lld\n", ARG(l->id),
            (unsigned long long)l->connections_max,
            (unsigned long long)l->connections_per_client_max, l->connection_rate.count,
            (long long)l->connection_rate.period_ms);
    buf_fmt(out, "%.*s proxy %s of %zu in %lld\n", ARG(l->id), modes[l->proxy_mode],
            l->proxy_nets == NULL ? 0 : nets_count(l->proxy_nets), (long long)l->proxy_timeout_ms);
    buf_fmt(out, "%.*s socket backlog %d ttl %d tos %d %d buffers %d %d linger %lld mode %o\n",
            ARG(l->id), s->backlog, s->ttl, s->tos4, s->tos6, s->send_buffer_bytes,
            s->recv_buffer_bytes, (long long)s->linger_ms, (unsigned)s->mode);
    describe_tls(out, l);
}

static void describe(struct buf *out, struct arena *a, const struct listen_settings *s)
{
    buf_add_byte(out, '\n');
    buf_fmt(out, "server takes %llu + %llu, allows %zu, blocks %zu, has %zu certificates\n",
            (unsigned long long)s->connections_max, (unsigned long long)s->connections_reserved,
            nets_count(s->allowed), nets_count(s->blocked), certificates_count(s->certificates));
    buf_fmt(out, "bans scan %u/%lld for %lld\n", s->ban_scan.rate.count,
            (long long)s->ban_scan.rate.period_ms, (long long)s->ban_scan.period_ms);
    for (size_t i = 0; i < s->listener_count; i++)
        describe_listener(out, a, &s->listeners[i]);
}

// --- Running the cases ---------------------------------------------------------------------------

struct world {
    struct arena arena;
    struct str pem, key; // of mx.example.org, EC
};

static int begin(void **state)
{
    struct world *w = mem_new(struct world);
    arena_init(&w->arena, 4 * MIB);
    EVP_PKEY *key = made_key("P-256");
    X509 *x = made_certificate(
            &(struct made_wish){.names = "DNS:mx.example.org", .key = key, .to_days = 90});
    w->pem = made_pem(&w->arena, x);
    w->key = made_key_pem(&w->arena, key);
    EVP_PKEY_free(key);
    X509_free(x);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    arena_done(&w->arena);
    mem_free(w);
    return 0;
}

// A line "certificate ID" alone becomes the table of a good certificate.
static struct str with_certificates(struct world *w, struct arena *a, const char *text)
{
    struct buf out AUTO(buf_done);
    struct str rest = str_from_c(text), line;
    buf_init(&out, MIB);
    while (str_split(&rest, '\n', &line)) {
        struct str id = str_from(line, 12);
        if (str_starts(line, S("certificate ")) && !str_contains(line, S("=")))
            buf_fmt(&out, "[certificate.%.*s]\ncert = '''\n%.*s'''\nprivate-key = '''\n%.*s'''\n",
                    ARG(id), ARG(w->pem), ARG(w->key));
        else
            buf_fmt(&out, "%.*s\n", ARG(line));
    }
    return arena_str(a, buf_str(&out));
}

static size_t compare(struct arena *a, const struct settings_case *c, const struct findings *f,
        const struct listen_settings *s)
{
    struct buf text AUTO(buf_done);
    struct str rest = str_from_c(c->is), line;
    size_t bad = 0;
    buf_init(&text, MIB);
    findings_lines(&text, f);
    if (!str_eq(buf_str(&text), str_from_c(c->found))) {
        print_error("== %s: found\n%.*s-- instead of\n%s", c->name, ARG(buf_str(&text)),
                c->found != NULL ? c->found : "");
        bad++;
    }
    buf_clear(&text);
    describe(&text, a, s);
    while (str_split(&rest, '\n', &line)) {
        struct str whole = arena_fmt(a, "\n%.*s\n", ARG(line));
        if (line.len == 0 || str_contains(buf_str(&text), whole))
            continue;
        print_error("== %s: not so: %.*s\n%.*s\n", c->name, ARG(line), ARG(buf_str(&text)));
        bad++;
    }
    return bad;
}

static size_t run_case(struct world *w, const struct settings_case *c)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * MIB);
    struct findings findings = findings_make(&a);
    struct str text = with_certificates(w, &a, c->text);
    struct conf *conf = conf_of(text, &findings);
    int64_t now = MADE_NOW_MS;
    struct listen_kept kept = {.seed = 1, .descriptors_max = 50000};
    struct listen_inputs in = {.conf = conf, .kept = &kept, .wall_now_ms = now, .clock_ms = &now};
    struct listen_settings settings;
    struct err e = listen_settings_make(&a, &in, &findings, &settings);
    check_str(c->name, err_text(e), S(""));
    size_t bad = compare(&a, c, &findings, &settings);
    listen_settings_done(&settings);
    listen_kept_done(&kept);
    conf_free(conf);
    return bad;
}

static void run_cases(void **state, const struct settings_case *cases, size_t count)
{
    size_t bad = 0;
    for (size_t i = 0; i < count; i++)
        bad += run_case(*state, &cases[i]);
    assert_int_equal(bad, 0);
}

#define CASES(function, ...)                                                                       \
    static void function(void **state)                                                             \
    {                                                                                              \
        static const struct settings_case cases[] = {__VA_ARGS__};                                 \
        run_cases(state, cases, COUNT_OF(cases));                                                  \
    }

// --- Cases ---------------------------------------------------------------------------------------

CASES(addresses,
        {.name = "no bind, smtp",
                .text = L("smtp") "greeting = 'x'",
                .found = "/c.toml:1:18: warning: server.listener.smtp.bind: not set; listening on "
                         "[::]:25\n",
                .is = "smtp on [::]:25 (both)\nsmtp is smtp mx"},
        {.name = "empty bind",
                .text = L("smtp") "bind = []",
                .found = "/c.toml:2:8: error: server.listener.smtp.bind: no address to bind\n"},
        {.name = "row 14: only tls.implicit",
                .text = "[server.tls]\nimplicit = false\n" L("submissions") "tls.implicit = true",
                .found = "/c.toml:3:18: warning: server.listener.submissions.bind: not set; "
                         "listening on [::]:465\n",
                .is = "submissions on [::]:465 (both)\nsubmissions tls first\n"
                      "submissions is smtp submission"},
        {.name = "row 9",
                .text = L("smtp") "bind = ['192.0.2.1:25', '203.0.113.9:25', '2001:db8::2']",
                .found = "/c.toml:2:43: info: server.listener.smtp.bind: no port given; listening "
                         "on [2001:db8::2]:25\n",
                .is = "smtp on [2001:db8::2]:25\nsmtp on 203.0.113.9:25"},
        {.name = "row 3: a dotted key in the table",
                .text = L("submissions") "bind = ['[::]:465']\nprotocol = 'smtp'\n"
                                         "tls.implicit = true",
                .is = "submissions on [::]:465 (both)\nsubmissions tls first"},
        {.name = "row 4",
                .text = L("submission") "bind = ['[::]:587']\nprotocol = 'smtp'",
                .is = "submission is smtp submission\nsubmission tls starttls"},
        {.name = "row 5",
                .text = L("lmtp") "bind = ['0.0.0.0:24']\nprotocol = 'lmtp'",
                .is = "lmtp on 0.0.0.0:24\nlmtp is lmtp relay"},
        {.name = "row 8: without protocol",
                .text = L("smtp") "bind = ['10.0.0.21:25', '10.0.0.22:25', 'a:3f::2']",
                .found = "/c.toml:2:41: info: server.listener.smtp.bind: no port given; listening "
                         "on [a:3f::2]:25\n",
                .is = "smtp is smtp mx\nsmtp on 10.0.0.21:25\nsmtp on [a:3f::2]:25"},
        {.name = "row 16",
                .text = L("smtp") "bind = '0.0.0.0:25'\n" L(
                        "submission") "bind = '0.0.0.0:587'\n" L("submissions") "bind = "
                                                                                "'0.0.0.0:465'"
                                                                                "\ntls.implicit = "
                                                                                "true\n" L(
                                                                                        "managem"
                                                                                        "ent") "bin"
                                                                                               "d "
                                                                                               "= "
                                                                                               "'12"
                                                                                               "7."
                                                                                               "0."
                                                                                               "0."
                                                                                               "1:"
                                                                                               "868"
                                                                                               "6'"
                                                                                               "\np"
                                                                                               "rot"
                                                                                               "oco"
                                                                                               "l "
                                                                                               "= "
                                                                                               "'ht"
                                                                                               "tp"
                                                                                               "'",
                .is = "smtp is smtp mx\nsubmission is smtp submission\n"
                      "submissions tls first\nmanagement is http "},
        {.name = "row 10", .text = L("smtp") "bind = '0.0.0.0:25'", .is = "smtp on 0.0.0.0:25"},
        {.name = "an integer",
                .text = L("smtp") "bind = 2525",
                .is = "smtp on [::]:2525 (both)\nsmtp is smtp submission"},
        {.name = "errors by element",
                .text = L("smtp") "bind = ['[::]:25', 'mx.example.org:25', '1.2.3:25', '[::1]25', "
                                  "70000]",
                .found = "/c.toml:2:20: error: server.listener.smtp.bind: invalid socket address "
                         "\"mx.example.org:25\" (expected \"address:port\" or \"[ipv6]:port\"); "
                         "host names are not resolved here: write the address\n"
                         "/c.toml:2:41: error: server.listener.smtp.bind: invalid socket address "
                         "\"1.2.3:25\" (expected \"address:port\" or \"[ipv6]:port\")\n"
                         "/c.toml:2:53: error: server.listener.smtp.bind: invalid socket address "
                         "\"[::1]25\" (expected \"address:port\" or \"[ipv6]:port\")\n"
                         "/c.toml:2:64: error: server.listener.smtp.bind: invalid socket address "
                         "\"70000\" (expected \"address:port\" or \"[ipv6]:port\"); a port is at "
                         "most 65535\n"},
        {.name = "the port that is none",
                .text = L("smtp") "bind = '::1:25'",
                .found = "/c.toml:2:8: warning: server.listener.smtp.bind: read as the address "
                         "[::1:25] with default port 25; write [::1]:25 if 25 is the port\n"},
        {.name = "the same twice in other words",
                .text = L("smtp") "bind = ['[::]:25', '*:25']",
                .found = "/c.toml:2:20: warning: server.listener.smtp.bind: [::]:25 is there "
                         "already; left out\n",
                .is = "smtp on [::]:25 (both)"},
        {.name = "two listeners on one address",
                .text = L("a") "bind = '[::]:25'\n" L("b") "bind = ['[::]:587', ':25']",
                .found = "/c.toml:4:9: error: server.listener.b.bind: listeners 'a' and 'b' both "
                         "listen on [::]:25\n"},
        {.name = "an address beside the wildcard",
                .text = L("a") "bind = '[::]:25'\n" L("b") "bind = '192.0.2.1:25'",
                .found = "/c.toml:4:8: info: server.listener.b.bind: 192.0.2.1:25 and [::]:25 of "
                         "listener 'a' share a port: the address that is not a wildcard wins\n"},
        {.name = "both wildcards",
                .text = L("a") "bind = '[::]:25'\n" L("b") "bind = '0.0.0.0:25'",
                .found = "/c.toml:4:8: info: server.listener.b.bind: 0.0.0.0:25 and [::]:25 of "
                         "listener 'a' share a port: the address that is not a wildcard wins\n",
                .is = "a on [::]:25 (IPv6 only)"},
        {.name = "v6only",
                .text = SMTP "socket.v6only = true",
                .is = "smtp on [::]:25 (IPv6 only)"},
        {.name = "a listener that is off clashes with none",
                .text = SMTP L("old") "enable = false\nbind = ':25'",
                .is = "smtp on [::]:25 (both)"},
        {.name = "unix and systemd",
                .text = L("lmtp") "protocol = 'lmtp'\nbind = ['unix:/run/lmtp', 'systemd:lmtp']\n"
                                  "socket.mode = '0660'",
                .is = "lmtp on unix:/run/lmtp\nlmtp on systemd:lmtp\n"
                      "lmtp socket backlog 1024 ttl 0 tos 0 0 buffers 0 0 linger 0 mode 660"}, )

CASES(protocols,
        {.name = "lmtp on port 25",
                .text = L("x") "protocol = 'lmtp'\nbind = '[::]:25'",
                .found = "/c.toml:3:8: error: server.listener.x.bind: LMTP must not be spoken on "
                         "port 25 (RFC 2033 5)\n"},
        {.name = "https without TLS",
                .text = L("web") "protocol = 'https'\nbind = '127.0.0.1:8080'",
                .found = "/c.toml:2:12: warning: server.listener.web.protocol: \"https\" does not "
                         "switch TLS on; set tls.implicit = true\n",
                .is = "web is http \nweb tls none"},
        {.name = "HTTPS",
                .text = L("web") "protocol = 'HTTPS'\nbind = ':443'\ntls.implicit = true",
                .is = "web is http \nweb tls first"},
        {.name = "clear text in public",
                .text = L("web") "protocol = 'http'\nbind = ['10.0.0.1:80', '203.0.113.1:80']",
                .found = "/c.toml:3:9: warning: server.listener.web.bind: 203.0.113.1:80 is open "
                         "to the network without TLS, and administrators log in there; set "
                         "tls.implicit = true or bind a loopback or private address\n"},
        {.name = "row 6: loopback",
                .text = L("m") "protocol = 'http'\nbind = '127.0.0.1:8080'",
                .is = "m is http \nm tls none"},
        {.name = "roles",
                .text = L("a") "bind = ':2525'\nrole = 'mx'\n" L("b") "bind = ':2526'\n" L(
                        "c") "bind = ':24'\nprotocol = 'lmtp'\n" L("d") "bind = ':25'",
                .is = "a is smtp mx\nb is smtp submission\nc is lmtp relay\nd is smtp mx"}, )

CASES(greetings,
        {.name = "by default",
                .text = SMTP,
                .is = "smtp says mx.example.org ESMTP at your service"},
        {.name = "lmtp",
                .text = L("l") "protocol = 'lmtp'\nbind = ':24'",
                .is = "l says mx.example.org LMTP at your service"},
        {.name = "row 2",
                .text = SMTP "greeting = 'Welcome to X!'",
                .is = "smtp says mx.example.org Welcome to X!"},
        {.name = "the server's",
                .text = "[server]\ngreeting = 'hi'\nhostname = 'a.example'\n" SMTP,
                .is = "smtp says a.example hi"},
        {.name = "the host name is not doubled",
                .text = SMTP "greeting = 'MX.example.org hello'",
                .is = "smtp says MX.example.org hello"},
        {.name = "a longer name is another word",
                .text = SMTP "greeting = 'mx.example.orgy'",
                .is = "smtp says mx.example.org mx.example.orgy"},
        {.name = "host name of the listener",
                .text = SMTP "hostname = 'b.example'",
                .is = "smtp says b.example ESMTP at your service"},
        {.name = "lines and control bytes",
                .text = SMTP "greeting = \"one\\ttwo\\nthree\\u0007\"",
                .is = "smtp says mx.example.org onetwo\nsmtp says three"},
        {.name = "ten lines",
                .text = SMTP "greeting = \"1\\n2\\n3\\n4\\n5\\n6\\n7\\n8\\n9\\n10\"",
                .is = "smtp says 10"},
        {.name = "eleven lines",
                .text = SMTP "greeting = \"1\\n2\\n3\\n4\\n5\\n6\\n7\\n8\\n9\\n10\\n11\"",
                .found = "/c.toml:3:12: error: server.listener.smtp.greeting: a greeting has at "
                         "most 10 lines\n"},
        {.name = "not ASCII",
                .text = SMTP "greeting = 'Grüß Gott'",
                .found = "/c.toml:3:12: error: server.listener.smtp.greeting: a greeting may hold "
                         "only ASCII characters\n"},
        {.name = "http has none",
                .text = L("web") "protocol = 'http'\nbind = '127.0.0.1:80'\ngreeting = 'x'",
                .found = "/c.toml:4:12: warning: server.listener.web.greeting: HTTP has no "
                         "greeting\n"}, )

CASES(limits_and_sockets,
        {.name = "row 17",
                .text = "[server]\nmax-connections = 8192\n" L(
                        "a") "bind = ':465'\n"
                             "max-connections = 1024\nmax-connections-per-ip = 7\n"
                             "connection-rate = '5/1m'",
                .is = "server takes 8192 + 16, allows 2, blocks 0, has 0 certificates\n"
                      "a takes 1024, 7 a client, 5 in 60000"},
        {.name = "a cap above all",
                .text = SMTP "max-connections = 9000",
                .found = "/c.toml:3:19: warning: server.listener.smtp.max-connections: more than "
                         "server.max-connections = 8192 allows for all listeners together\n",
                .is = "smtp takes 9000, 0 a client, 0 in 0"},
        {.name = "row 15",
                .text = "[server.socket]\nbacklog = 1024\n" SMTP
                        "socket.backlog = 2048\n" L("b") "bind = ':587'",
                .is = "smtp socket backlog 2048 ttl 0 tos 0 0 buffers 0 0 linger 0 mode "
                      "37777777777\n"
                      "b socket backlog 1024 ttl 0 tos 0 0 buffers 0 0 linger 0 mode 37777777777"},
        {.name = "all kinds",
                .text = SMTP "[server.socket]\nttl = 64\ntos = 32\ntos-v6 = 8\n"
                             "send-buffer-size = 65536\nrecv-buffer-size = '128k'\nlinger = '2s'",
                .is = "smtp socket backlog 1024 ttl 64 tos 32 8 buffers 65536 131072 linger 2000 "
                      "mode 37777777777"},
        {.name = "tos-v4 is not for IPv6",
                .text = SMTP "socket.tos-v4 = 32\nsocket.backlog = 0",
                .is = "smtp socket backlog 1024 ttl 0 tos 32 0 buffers 0 0 linger 0 mode "
                      "37777777777"},
        {.name = "as many as descriptors allow",
                .text = "[server]\nmax-connections = 24872\n" SMTP,
                .is = "server takes 24872 + 16, allows 2, blocks 0, has 0 certificates"},
        {.name = "one more",
                .text = "[server]\nmax-connections = 24873\n" SMTP,
                .found = "/c.toml:2:19: warning: server.max-connections: needs 50002 descriptors, "
                         "and a process may have 50000; raise the limit (LimitNOFILE of the "
                         "service, ulimit -n)\n"},
        {.name = "not octal",
                .text = SMTP "socket.mode = '0690'",
                .found = "/c.toml:3:15: error: server.listener.smtp.socket.mode: invalid "
                         "permissions \"0690\" (expected octal digits such as 0660)\n"},
        {.name = "defer-accept where we speak first",
                .text = SMTP "socket.defer-accept = '5s'",
                .found = "/c.toml:3:23: error: server.listener.smtp.socket.defer-accept: only for "
                         "http and tls.implicit: here the server speaks first\n"},
        {.name = "defer-accept where the client does",
                .text = SMTP "tls.implicit = true\nsocket.defer-accept = '5s'"}, )

CASES(proxies_and_lists,
        {.name = "row 18",
                .text = "[server.proxy]\ntrusted-networks = ['127.0.0.0/8', '::1', "
                        "'10.0.0.0/8']\n" SMTP,
                .is = "smtp proxy auto of 3 in 5000\n"
                      "server takes 8192 + 16, allows 3, blocks 0, has 0 certificates"},
        {.name = "row 19: flat keys",
                .text = "server.listener.smtp.bind = ':25'\n"
                        "server.listener.smtp.proxy.trusted-networks.0 = '172.19.0.2'\n"
                        "server.listener.smtp.proxy.trusted-networks.1 = '172.19.0.0/16'\n"
                        "server.listener.smtp.proxy.override = true",
                .is = "smtp proxy auto of 2 in 5000"},
        {.name = "the listener's replace the server's",
                .text = "[server.proxy]\ntrusted-networks = ['10.0.0.0/8', '10.1.0.0/16']\n"
                        "timeout = '2s'\n" SMTP
                        "proxy.trusted-networks = '192.0.2.0/24'\n" L("b") "bind = ':587'",
                .is = "smtp proxy auto of 1 in 2000\nb proxy auto of 2 in 2000"},
        {.name = "override by nothing",
                .text = "[server.proxy]\ntrusted-networks = '10.0.0.0/8'\n" SMTP
                        "proxy.override = true",
                .is = "smtp proxy off of 0 in 5000"},
        {.name = "override = false with networks",
                .text = SMTP "proxy.override = false\nproxy.trusted-networks = '10.0.0.0/8'",
                .found = "/c.toml:3:18: warning: server.listener.smtp.proxy.override: false has no "
                         "effect: proxy.trusted-networks of the listener replaces the server's\n",
                .is = "smtp proxy auto of 1 in 5000"},
        {.name = "a mode without networks",
                .text = SMTP "proxy.mode = 'required'",
                .found = "/c.toml:3:14: error: server.listener.smtp.proxy.mode: \"required\" needs "
                         "proxy.trusted-networks, and there are none\n"},
        {.name = "row 18: for all",
                .text = "[server.proxy]\ntrusted-networks = ['127.0.0.0/8', '::1', "
                        "'10.0.0.0/8']\n" SMTP,
                .is = "smtp proxy auto of 3 in 5000"},
        {.name = "row 18: for one",
                .text = SMTP
                "[server.listener.\"smtp\".proxy]\ntrusted-networks = '10.0.0.0/8'\n" L(
                        "b") "bind = ':587'",
                .is = "smtp proxy auto of 1 in 5000\nb proxy off of 0 in 5000"},
        {.name = "row 19: flat keys",
                .text = "server.listener.smtp.bind = '[::]:25'\n"
                        "server.listener.smtp.proxy.trusted-networks.0 = '172.19.0.2'\n"
                        "server.listener.smtp.proxy.trusted-networks.1 = '172.19.0.0/16'\n"
                        "server.listener.smtp.proxy.override = true",
                .is = "smtp proxy auto of 2 in 5000"},
        {.name = "a UNIX socket needs none",
                .text = L("l") "protocol = 'lmtp'\nbind = 'unix:/run/l'\nproxy.mode = 'required'",
                .is = "l proxy required of 0 in 5000"},
        {.name = "off despite networks",
                .text = SMTP "proxy.mode = 'off'\nproxy.trusted-networks = '10.0.0.0/8'",
                .is = "smtp proxy off of 1 in 5000"},
        {.name = "everybody",
                .text = SMTP "proxy.trusted-networks = ['10.0.0.0/8', '::/0']",
                .found = "/c.toml:3:41: warning: server.listener.smtp.proxy.trusted-networks: any "
                         "client can forge its address\n"},
        {.name = "12.1",
                .text = "[server]\nallowed-ip = ['192.0.2.30', '2001:db8:7::/48']\n"
                        "[server.blocked-ip]\n\"198.51.100.0/24\" = ''\n"
                        "\"203.0.113.77\" = 'reason=manual expires=2099-01-31T00:00:00Z'\n" SMTP,
                .is = "server takes 8192 + 16, allows 4, blocks 2, has 0 certificates"},
        {.name = "a note nobody can read",
                .text = "[server.blocked-ip]\n\"203.0.113.77\" = 'until tomorrow'\n" SMTP,
                .found = "/c.toml:2:18: error: server.blocked-ip: \"until\" is not NAME=VALUE\n"},
        {.name = "blocked inside what is allowed",
                .text = "[server]\nallowed-ip = '192.0.2.0/24'\n"
                        "blocked-ip = ['192.0.2.7', '127.0.0.1', '10.0.0.0/8', '10.0.0.0/7']\n" SMTP
                        "proxy.trusted-networks = '10.0.0.0/8'",
                .found = "/c.toml:3:15: warning: server.blocked-ip: has no effect: it lies in a "
                         "network that is allowed\n"
                         "/c.toml:3:28: warning: server.blocked-ip: has no effect: it lies in a "
                         "network that is allowed\n"
                         "/c.toml:3:41: warning: server.blocked-ip: has no effect: it lies in a "
                         "network that is allowed\n"},
        {
                .name = "row 22",
                .text = "[server.auto-ban]\nscan.rate = '150/1d'\nscan.period = '1h'\n"
                        "loiter.rate = '150/1d'\nauth.rate = '100/1d'\nabuse.rate = '35/1d'\n" SMTP,
        }, )

CASES(tls,
        {.name = "row 1", .text = SMTP, .is = "smtp tls starttls\nsmtp certificate  timeout 60000"},
        {.name = "switched off", .text = TLS("enable = false"), .is = "smtp tls none"},
        {.name = "implicit without enable",
                .text = TLS("enable = false\nimplicit = true"),
                .found = "/c.toml:5:12: error: server.listener.smtp.tls.implicit: TLS from the "
                         "first byte needs tls.enable = true\n"},
        {.name = "required on port 25",
                .text = SMTP "tls.require = true",
                .found = "/c.toml:3:15: warning: server.listener.smtp.tls.require: a publicly "
                         "referenced mail server must not require TLS on port 25 (RFC 3207 4): "
                         "mail from servers without it will be lost\n",
                .is = "smtp tls starttls required"},
        {.name = "required on 587",
                .text = L("s") "bind = ':587'\ntls.require = true",
                .is = "s tls starttls required"},
        {.name = "required on plain HTTP",
                .text = L("w") "protocol = 'http'\nbind = '127.0.0.1:80'\ntls.require = true",
                .found = "/c.toml:4:15: error: server.listener.w.tls.require: plain HTTP cannot "
                         "require TLS; set tls.implicit = true\n"},
        {.name = "row 12",
                .text = TLS(
                        "enable = true\nimplicit = false\ntimeout = '1m'\ncertificate = 'default'\n"
                        "sni = [{subject = 'otherdomain.org', certificate = 'otherdomain_org'},\n"
                        "{subject = 'otherdomain.net', certificate = 'otherdomain_net'}]\n"
                        "protocols = ['TLSv1.2', 'TLSv1.3']\n"
                        "ciphers = ['TLS13_CHACHA20_POLY1305_SHA256', "
                        "'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256']\n"
                        "ignore-client-order = true\n"
                        "certificate default\ncertificate otherdomain_org\n"
                        "certificate otherdomain_net"),
                .found = "/c.toml:11:12: warning: server.listener.smtp.tls.ciphers: TLS 1.2 is "
                         "unusable with the EC certificate 'default'\n"
                         "/c.toml:8:8: warning: server.listener.smtp.tls.sni: certificate "
                         "'otherdomain_org' does not name otherdomain.org\n"
                         "/c.toml:9:1: warning: server.listener.smtp.tls.sni: certificate "
                         "'otherdomain_net' does not name otherdomain.net\n",
                .is = "smtp sni otherdomain.org otherdomain_org\n"
                      "smtp sni otherdomain.net otherdomain_net\n"
                      "smtp certificate default timeout 60000\n"
                      "smtp suites TLS_CHACHA20_POLY1305_SHA256 ECDHE-RSA-CHACHA20-POLY1305"},
        {.name = "no version left",
                .text = TLS("disable-protocols = ['tls12', 'tls13']"),
                .found = "/c.toml:4:22: error: server.listener.smtp.tls.disable-protocols: no TLS "
                         "version left\n"},
        {.name = "no suite left",
                .text = TLS("ciphers = '0x1301'\ndisable-ciphers = '0x1301'"),
                .found = "/c.toml:4:11: error: server.listener.smtp.tls.ciphers: no TLS version "
                         "left: none of the cipher suites fits them\n"},
        {.name = "a version without suites",
                .text = TLS("ciphers = '0x1301'"),
                .found = "/c.toml:4:11: warning: server.listener.smtp.tls.ciphers: TLS 1.2 is off: "
                         "no cipher suite of it is left\n"},
        {.name = "client-auth without authorities",
                .text = TLS("client-auth = 'require'"),
                .found = "/c.toml:4:15: error: server.listener.smtp.tls.client-auth: \"require\" "
                         "needs tls.client-ca, the authorities that clients' certificates come "
                         "from\n"},
        {.name = "authorities that are none",
                .text = TLS("client-auth = 'require'\nclient-ca = 'nonsense'"),
                .found = "/c.toml:5:13: error: server.listener.smtp.tls.client-ca: client-ca: no "
                         "certificate found\n"},
        {.name = "row 13: an elided body",
                .text = SMTP "[certificate.default]\nprivate-key = 'x'\ncert = '''\n"
                             "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n'''",
                .found = "/c.toml:5:8: error: certificate.default.cert: cannot decode PEM block 1, "
                         "which begins in line 1 of the value\n"},
        {.name = "a certificate and no self-signed one",
                .text = SMTP "tls.session-tickets = false\ncertificate x",
                .is = "smtp tls starttls without tickets\n"
                      "server takes 8192 + 16, allows 2, blocks 0, has 1 certificates"},
        {.name = "two defaults",
                .text = SMTP "certificate a\ndefault = true\ncertificate b\ndefault = true",
                .found = "/c.toml:40:11: error: certificate.b.default: certificate 'a' is the "
                         "default already\n"}, )

// 9.6: at a reload a broken certificate is no reason to refuse: the one before it stays.
static void reload_keeps_certificates(void **state)
{
    struct world *w = *state;
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * MIB);
    struct listen_kept kept = {.seed = 1};
    struct listen_settings settings[2];
    struct conf *confs[2];
    int64_t now = MADE_NOW_MS;
    const char *texts[] = {
            SMTP "certificate x", SMTP "[certificate.x]\nprivate-key = 'gone'\ncert = 'gone'"};
    for (int i = 0; i < 2; i++) {
        struct findings findings = findings_make(&a);
        struct str text = with_certificates(w, &a, texts[i]);
        confs[i] = conf_of(text, &findings);
        struct listen_inputs in = {.conf = confs[i],
                .kept = &kept,
                .wall_now_ms = now,
                .clock_ms = &now,
                .certificates_before = i == 0 ? NULL : settings[0].certificates};
        assert_false(failed(listen_settings_make(&a, &in, &findings, &settings[i])));
        assert_int_equal(findings.error_count, 0);
        assert_int_equal(findings.warning_count, i);
        assert_int_equal(certificates_count(settings[i].certificates), 1);
        assert_true(tls_context_is_ready(settings[i].listeners[0].tls_context));
    }
    for (int i = 0; i < 2; i++) {
        listen_settings_done(&settings[i]);
        conf_free(confs[i]);
    }
    listen_kept_done(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(addresses), TEST(protocols), TEST(greetings),
            TEST(limits_and_sockets), TEST(proxies_and_lists), TEST(tls),
            TEST(reload_keeps_certificates)};
    return cmocka_run_group_tests(tests, begin, end);
}
