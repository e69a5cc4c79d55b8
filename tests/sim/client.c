// SPDX-License-Identifier: Apache-2.0
// tests/sim/client.c: our client and our server. Messages of awkward shapes go from one to the
// other by DATA and by BDAT, pipelined and not, plain and under TLS, over a network that cuts what
// is written into small segments; what lies in the queue then must be what was meant. And every
// mechanism of AUTH that both have logs in, channel binding included.
#define POSTHASTE_BASE_ROOM // it prints
#include "smtp/client/client.h"
#include "authority.h"
#include "base/hash.h"
#include "queue/message_reader.h"
#include "rt/tls.h"
#include "server.h"

#define ARENA_BYTES_MAX (64 * MIB)
#define LARGE_BYTES (300 * KIB) // of a body that lies in a file
#define SEED 11

static const struct ip server_ip = {IP_V4, {198, 51, 100, 25}};
static const struct str config =
        S_INIT("[certificate.mx]\n"
               "cert = \"%{file:/test-ca/mx.example.org.pem}%\"\n"
               "private-key = \"%{file:/test-ca/mx.example.org.key}%\"\n"
               "default = true\n"
               "[server]\n"
               "hostname = \"mx.example.org\"\n"
               "[server.listener.smtp]\n"
               "bind = [\"[::]:25\"]\n"
               "protocol = \"smtp\"\n"
               "[server.listener.submission]\n"
               "bind = [\"[::]:587\"]\n"
               "protocol = \"smtp\"\n"
               "role = \"submission\"\n"
               "[session]\n"
               "data.limits.messages = 1000\n"
               "data.bare-newline = \"'accept'\"\n"
               "auth.mechanisms = \"[scram_sha_256_plus, scram_sha_256, scram_sha_1, plain, login,"
               " cram_md5]\"\n"
               "[session.rcpt]\n"
               "relay = true\n"
               "allow-open-relay = true\n"
               "[queue.limiter.inbound.none]\n"
               "enable = false\n"
               "rate = \"1/1s\"\n"
               "[directory.local]\n"
               "type = \"memory\"\n"
               "[[directory.local.principals]]\n"
               "name = \"ann\"\n"
               "secret = \"pencil\"\n"
               "email = [\"ann@example.org\"]\n");

static const struct client_timeouts times = {MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS,
        MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS};

// As it is given to the client, and as it must lie in the queue behind DATA; null: the same.
static const struct {
    struct str text, by_data;
} shapes[] = {
        {S_INIT(""), STR_NULL},
        {S_INIT("a\r\n"), STR_NULL},
        {S_INIT("a"), S_INIT("a\r\n")},
        {S_INIT("."), S_INIT(".\r\n")},
        {S_INIT(".\r\n..\r\n...\r\n"), STR_NULL},
        {S_INIT("\r\n.\r\n\r\n"), STR_NULL},
        {S_INIT("a\n.\nb\n"), S_INIT("a\r\n.\r\nb\r\n")},
        {S_INIT("a\r.\rb\r"), S_INIT("a\r\n.\r\nb\r\n")},
        {S_INIT("a\r\n.\nMAIL FROM:<x@y>\r\n"), S_INIT("a\r\n.\r\nMAIL FROM:<x@y>\r\n")},
        {S_INIT("\xff\xfe 8 bits"), S_INIT("\xff\xfe 8 bits\r\n")},
};

struct story {
    struct sim *sim;
    struct sim_server *server;
    struct authority *authority;
    struct arena arena; // of a connection
    struct stream *stream;
    struct smtp_client *client;
    struct prng chance;
    size_t sent, logins, wrong;
};

static struct err direct(void *arg) suspends;
static struct err all_shapes(struct story *s, uint32_t off, bool tls) suspends;
static struct err all_logins(struct story *s) suspends;
static struct err begin(struct story *s, uint16_t port, uint32_t off, bool tls) suspends;
static struct err begin_tls(struct story *s) suspends;
static void finish(struct story *s) suspends;
static struct err log_in(struct story *s, struct str mechanism, struct str secret,
        struct client_answer *out) suspends;
static struct err transfer(
        struct story *s, struct str text, struct str by_data, bool is_data) suspends;
static struct str large_text(struct story *s);
static struct err compare(struct story *s, struct str want) suspends;
static struct err read_newest(struct store *store, struct arena *a, struct buf *out) suspends;
static struct err good(struct story *s, const char *what, const struct client_answer *said);

static struct err direct(void *arg)
{
    struct story *s = arg;
    static const uint32_t off[] = {0, CLIENT_EXT_CHUNKING, CLIENT_EXT_PIPELINING,
            CLIENT_EXT_PIPELINING | CLIENT_EXT_CHUNKING};
    TRY(sim_server_start(s->server));
    for (size_t i = 0; i < COUNT_OF(off); i++) {
        TRY(all_shapes(s, off[i], false));
        TRY(all_shapes(s, off[i], true));
    }
    return all_logins(s);
}

// --- Transfers -----------------------------------------------------------------------------------

static struct err all_shapes(struct story *s, uint32_t off, bool tls)
{
    bool is_data = (off & CLIENT_EXT_CHUNKING) != 0;
    struct str large;
    TRY(begin(s, 25, off, tls));
    for (size_t i = 0; i < COUNT_OF(shapes); i++)
        TRY(transfer(s, shapes[i].text, shapes[i].by_data, is_data));
    large = large_text(s);
    TRY(transfer(s, large, STR_NULL, is_data));
    finish(s);
    return OK;
}

// Lines of all lengths, many with dots, that end as lines do.
static struct str large_text(struct story *s)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 2 * LARGE_BYTES);
    while (text.len < LARGE_BYTES) {
        buf_add_repeat(&text, '.', (size_t)prng_below(&s->chance, 3));
        buf_add_repeat(&text, 'x', (size_t)prng_below(&s->chance, 200));
        buf_add(&text, S("\r\n"));
    }
    return arena_str(&s->arena, buf_str(&text));
}

static struct err transfer(struct story *s, struct str text, struct str by_data, bool is_data)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {0};
    const struct str head = S("Subject: shapes\r\n\r\n");
    struct str whole = arena_join(&s->arena, head, text);
    struct message m = {.body = {.place = BODY_INLINE, .bytes = whole.len, .inline_bytes = whole}};
    struct recipient rcpt = {.flags = RCPT_NOTIFY_IMPLICIT};
    struct client_rcpt to = {.rcpt = &rcpt, .address = S("bob@elsewhere.example")};
    TRY(message_open(NULL, &s->arena, &m, &how, &reader));
    struct client_transaction t = {.message = &m,
            .sender = S("eve@there.example"),
            .bytes = whole.len,
            .body = reader,
            .rcpts = &to,
            .rcpt_count = 1,
            .wants_8bit = true};
    TRY(client_send(s->client, &s->arena, &t));
    TRY(good(s, "a transfer", &to.answer));
    s->sent++;
    bool changes = is_data && !str_is_null(by_data);
    return compare(s, arena_join(&s->arena, head, changes ? by_data : text));
}

static struct err compare(struct story *s, struct str want)
{
    struct arena a AUTO(arena_done);
    struct buf got AUTO(buf_done);
    struct sim_queue look;
    arena_init(&a, ARENA_BYTES_MAX);
    buf_init(&got, 4 * LARGE_BYTES);
    TRY(sim_server_queue(s->server, &a, &look));
    struct err e = read_newest(look.store, &a, &got);
    sim_server_queue_end(&look);
    TRY(e);
    if (str_eq(buf_str(&got), want))
        return OK;
    printf("FAILED: sent %zu bytes \"%.*s\", and in the queue are %zu \"%.*s\"\n", want.len,
            ARG(str_upto(want, 200)), got.len, ARG(str_upto(buf_str(&got), 200)));
    s->wrong++;
    return OK;
}

static struct err read_newest(struct store *store, struct arena *a, struct buf *out)
{
    struct store_page page;
    struct message m;
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {.as_received = true};
    const struct store_query query = {.downwards = true, .limit = 1};
    struct str piece;
    TRY(store_list(store, a, &query, &page));
    if (page.count == 0)
        return fail(ERR_NOT_FOUND, "the queue is empty");
    TRY(store_read(store, a, page.messages[0].id, STORE_WITH_BODY, &m));
    TRY(message_open(store, a, &m, &how, &reader));
    TRY(message_next(reader, a, &piece));
    while (!str_is_null(piece)) {
        buf_add(out, piece);
        TRY(message_next(reader, a, &piece));
    }
    return OK;
}

// --- Logins --------------------------------------------------------------------------------------

static struct err all_logins(struct story *s)
{
    static const struct str mechanisms[] = {S_INIT("SCRAM-SHA-256-PLUS"), S_INIT("SCRAM-SHA-256"),
            S_INIT("SCRAM-SHA-1"), S_INIT("PLAIN"), S_INIT("LOGIN"), S_INIT("CRAM-MD5")};
    struct client_answer said;
    for (size_t i = 0; i < COUNT_OF(mechanisms); i++) {
        TRY(begin(s, 587, 0, true));
        TRY(log_in(s, mechanisms[i], S("pencil"), &said));
        TRY(good(s, "a login", &said));
        s->logins++;
        finish(s);
        TRY(begin(s, 587, 0, true));
        TRY(log_in(s, mechanisms[i], S("pen"), &said));
        if (said.verdict != CLIENT_TEMPORARY || said.outcome.code != 535)
            s->wrong++;
        finish(s);
    }
    return OK;
}

static struct err log_in(
        struct story *s, struct str mechanism, struct str secret, struct client_answer *out)
{
    const struct client_credentials credentials = {.username = S("ann"),
            .secret = secret,
            .mechanisms = {&mechanism, 1},
            .channel_is_safe = true};
    return client_auth(s->client, &s->arena, &credentials, out);
}

// --- Connections ---------------------------------------------------------------------------------

static struct err begin(struct story *s, uint16_t port, uint32_t off, bool tls)
{
    struct endpoint to = {.ip = server_ip, .port = port};
    const struct connect_options from = {.from = {IP_V4, {10, 0, 0, 1}}};
    struct client_answer said;
    const struct client_options options = {.ehlo_name = S("client.example"),
            .timeouts = &times,
            .extensions_off = off,
            .bdat_chunk_bytes = 100000};
    arena_init(&s->arena, ARENA_BYTES_MAX);
    TRY(net_connect(&to, &from, &s->stream));
    TRY(client_new(&s->arena, s->stream, &options, &s->client));
    TRY(client_greet(s->client, &s->arena, &said));
    TRY(good(s, "a greeting", &said));
    if (tls)
        TRY(begin_tls(s));
    sim_stream_segment(s->stream, 1 + (size_t)prng_below(&s->chance, 700));
    return OK;
}

static struct err begin_tls(struct story *s)
{
    struct client_answer said;
    SSL_CTX *context = authority_client(s->authority, wall_ms());
    TRY(client_starttls(s->client, &s->arena, &said));
    struct err e = good(s, "STARTTLS", &said);
    if (!failed(e))
        e = stream_tls(s->stream, context, TLS_CLIENT, S("mx.example.org"), &s->arena);
    SSL_CTX_free(context);
    TRY(e);
    TRY(client_hello(s->client, &s->arena, &said));
    return good(s, "EHLO under TLS", &said);
}

static void finish(struct story *s)
{
    client_quit(s->client);
    stream_close(s->stream);
    s->stream = NULL;
    arena_done(&s->arena);
}

static struct err good(struct story *s, const char *what, const struct client_answer *said)
{
    if (said->verdict == CLIENT_GOOD)
        return OK;
    return fail_fmt(&s->arena, ERR_REFUSED, "%s: %u %.*s %.*s", what, said->outcome.code,
            ARG(said->outcome.enhanced), ARG(said->outcome.text));
}

static struct err tell(struct story *s)
{
    struct sim_server_options options = {.name = S("mx.example.org"),
            .ips = {server_ip},
            .ip_count = 1,
            .config = config,
            .authority = s->authority};
    // Nothing must leave the queue before it was looked at.
    const struct dns_fault no_names = {.kind = DNS_FAULT_SERVFAIL};
    s->sim = sim_new(SEED);
    assert(s->sim != NULL);
    prng_seed(&s->chance, SEED);
    struct err e = sim_dns_fault(s->sim, &no_names);
    if (!failed(e))
        e = sim_server_add(s->sim, &options, &s->server);
    if (!failed(e))
        e = sim_run(s->sim, direct, s);
    if (failed(e))
        printf("%.*s\n%.*s", ARG(err_text(e)), ARG(sim_server_trouble(s->server)));
    stream_close(s->stream);
    sim_server_free(s->server);
    sim_free(s->sim);
    return e;
}

int main(void)
{
    struct story story = {.authority = authority_new()};
    assert(story.authority != NULL);
    struct err e = tell(&story);
    authority_free(story.authority);
    printf("%zu messages, %zu logins, %zu wrong\n", story.sent, story.logins, story.wrong);
    return failed(e) || story.wrong > 0;
}
