// SPDX-License-Identifier: Apache-2.0
// rt/dns_stub.c: questions to a resolver on this machine whose word about DNSSEC is believed: the
// AD bit of its answers (RFC 6840 5.8). libunbound does not tell of that bit, and validating once
// more what has been validated next door is what DNS_TRUST_AD is there to save.
//
// Each question is a task. A try is one datagram from a socket of its own, so that the system
// chooses the port and drops what comes from elsewhere; what does not fit comes by TCP.
#include "rt/dns_stub.h"

#include "rt/clock.h"
#include "rt/dns_resolver.h"
#include "rt/dns_wire.h"
#include "rt/epoll.h"
#include "rt/net.h"
#include "rt/sockaddr.h"
#include "rt/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLAGS_ASKED 0x0120 // recursion is wanted, and the AD bit: RFC 6840 5.7
#define FLAG_ANSWER 0x8000
#define FLAG_TRUNCATED 0x0200
#define FLAG_AD 0x0020
#define RCODE_MASK 0x000f
#define RCODE_NXDOMAIN 3
#define CLASS_IN 1
#define HEADER_BYTES 12
#define DATAGRAM_BYTES_MAX (4 * KIB)
#define QUESTION_BYTES_MAX KIB
#define ANSWER_MEMORY_MAX ((size_t)MIB)
#define EDNS S("\0\0\x29\x04\xd0\0\0\0\0\0\0") // 1232 octets: RFC 6891 6.1.2

struct stub {
    struct group asking;
};

struct exchange {
    struct dns_ask *ask;
    const struct dns_server *server;
    struct buf question; // the whole message
    struct buf answer;
    struct watch watch;
};

static struct err stub_start(struct resolver *r, struct dns_ask *ask);
static struct err ask_servers(void *ask) suspends;
static struct err ask_in_turn(struct exchange *x) suspends;
static struct err ask_one(struct exchange *x) suspends;
static struct err write_question(struct exchange *x);
static void add_be16(struct buf *out, uint16_t value);
static struct err ask_by_datagram(struct exchange *x) suspends;
static struct err hear_datagram(struct exchange *x) suspends;
static bool fits(const struct exchange *x);
static uint16_t flags_of(const struct exchange *x);
static struct err ask_by_stream(struct exchange *x) suspends;
static struct err read_exactly(struct stream *s, size_t count, struct buf *out) suspends;
static void answer(struct exchange *x);
static void stub_free(struct resolver *r) suspends;

static const struct resolver_backend stub_backend = {.start = stub_start, .free = stub_free};

struct err dns_stub_new(const struct dns_settings *settings, struct resolver **out)
{
    struct stub *stub = mem_new(struct stub);
    if (stub == NULL)
        return fail(ERR_LIMIT, "no memory for a resolver");
    group_begin(&stub->asking);
    struct err e = resolver_make(&stub_backend, stub, settings, out);
    if (failed(e)) {
        mem_free(stub);
        return e;
    }
    (*out)->figures.validating = true;
    return OK;
}

static struct err stub_start(struct resolver *r, struct dns_ask *ask)
{
    struct stub *stub = r->state;
    TRY(group_spawn(&stub->asking, ask_servers, ask));
    ask->held_by_backend = true;
    return OK;
}

static struct err ask_servers(void *arg)
{
    struct dns_ask *ask = arg;
    struct exchange *x = mem_new(struct exchange);
    task_describe("a question to the DNS", ask);
    if (x == NULL) {
        dns_ask_fail(ask, DNS_SERVFAIL, S("no memory for a question"));
        return OK;
    }
    x->ask = ask;
    buf_init(&x->question, QUESTION_BYTES_MAX);
    buf_init(&x->answer, DNS_MESSAGE_BYTES_MAX);
    struct err e = ask_in_turn(x);
    if (task_cancelled())
        dns_ask_forget(ask); // the resolver ends
    else if (failed(e))
        dns_ask_fail(ask, e.kind == ERR_TIMEOUT ? DNS_TIMEOUT : DNS_SERVFAIL, err_text(e));
    else
        answer(x);
    buf_done(&x->question);
    buf_done(&x->answer);
    mem_free(x);
    return OK;
}

// A server that fails is no better than one that is silent: the next one may know.
static struct err ask_in_turn(struct exchange *x)
{
    const struct dns_settings *s = &x->ask->resolver->settings;
    struct err e = fail(ERR_DNS, "there is no server");
    for (uint32_t round = 0; round <= s->retry_count; round++) {
        for (size_t i = 0; i < s->server_count; i++) {
            x->server = &s->servers[i];
            e = ask_one(x);
            if (!failed(e) || task_cancelled())
                return e;
        }
    }
    return e;
}

static struct err ask_one(struct exchange *x)
{
    within_ms(x->ask->resolver->settings.try_ms);
    TRY(write_question(x));
    buf_clear(&x->answer);
    if (x->server->protocol == DNS_TCP)
        TRY(ask_by_stream(x));
    else
        TRY(ask_by_datagram(x));
    if ((flags_of(x) & FLAG_TRUNCATED) != 0)
        TRY(ask_by_stream(x));
    uint16_t rcode = flags_of(x) & RCODE_MASK;
    return rcode == 0 || rcode == RCODE_NXDOMAIN ? OK : fail(ERR_DNS, "the servers gave no answer");
}

// RFC 1035 4.1
static struct err write_question(struct exchange *x)
{
    struct dns_wire_name name;
    struct buf *q = &x->question;
    TRY(dns_wire_from_text(x->ask->name, &name));
    buf_clear(q);
    add_be16(q, (uint16_t)random_u64());
    add_be16(q, FLAGS_ASKED);
    buf_add(q, S("\0\1\0\0\0\0\0\1"));
    buf_add(q, dns_wire_str(&name));
    add_be16(q, x->ask->type);
    add_be16(q, CLASS_IN);
    buf_add(q, EDNS);
    return q->overflow ? fail(ERR_LIMIT, "no memory for a question") : OK;
}

static void add_be16(struct buf *out, uint16_t value)
{
    buf_add_byte(out, (char)(value >> 8));
    buf_add_byte(out, (char)(value & 0xff));
}

static struct err ask_by_datagram(struct exchange *x)
{
    const struct endpoint to = {.ip = x->server->ip, .port = x->server->port};
    struct sockaddr_storage address;
    socklen_t len = sockaddr_from(&to, &address);
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(ERR_LIMIT, "no descriptor for a question to the DNS");
    if (connect(fd, (struct sockaddr *)&address, len) != 0) {
        close(fd);
        return fail(ERR_DNS, "there is no way to the server");
    }
    struct err e = watch_begin(&x->watch, fd);
    if (failed(e)) {
        close(fd);
        return e;
    }
    ssize_t sent = send(fd, x->question.ptr, x->question.len, MSG_NOSIGNAL);
    e = sent == (ssize_t)x->question.len ? hear_datagram(x)
                                         : fail(ERR_DNS, "the question could not be sent");
    watch_close(&x->watch);
    return e;
}

// What is no answer to this question is passed over: the time of the try goes on.
static struct err hear_datagram(struct exchange *x)
{
    char *room = mem_bytes(DATAGRAM_BYTES_MAX);
    struct err e = room == NULL ? fail(ERR_LIMIT, "no memory for an answer") : OK;
    bool heard = false;
    while (!failed(e) && !heard) {
        ssize_t got = recv(x->watch.fd, room, DATAGRAM_BYTES_MAX, 0);
        if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            e = fail(ERR_DNS, "nobody answers at the server's port");
        } else if (got < 0) {
            x->watch.readable = false;
            e = watch_wait_readable(&x->watch, "an answer of the DNS");
        } else {
            buf_clear(&x->answer);
            buf_add(&x->answer, str_of(room, (size_t)got));
            heard = fits(x);
        }
    }
    mem_free(room);
    return e;
}

// The same id, and the same question in the same letters.
static bool fits(const struct exchange *x)
{
    struct str asked = buf_str(&x->question), said = buf_str(&x->answer);
    size_t end = asked.len - EDNS.len;
    return said.len >= end && str_eq(str_upto(said, 2), str_upto(asked, 2)) &&
           (flags_of(x) & FLAG_ANSWER) != 0 &&
           str_eq(str_part(said, 4, 2), str_part(asked, 4, 2)) &&
           str_eq_nocase(str_part(said, HEADER_BYTES, end - HEADER_BYTES),
                   str_part(asked, HEADER_BYTES, end - HEADER_BYTES));
}

static uint16_t flags_of(const struct exchange *x)
{
    struct scan in = scan_over(buf_str(&x->answer));
    uint16_t id, flags = 0;
    return scan_be16(&in, &id) && scan_be16(&in, &flags) ? flags : 0;
}

// RFC 7766 8: two octets of length stand before a message.
static struct err ask_by_stream(struct exchange *x)
{
    const struct endpoint to = {.ip = x->server->ip, .port = x->server->port};
    struct stream *s AUTO(stream_close_auto) = NULL;
    struct buf length AUTO(buf_done);
    uint16_t count = 0;
    buf_init(&length, 2);
    TRY(net_connect(&to, &(struct connect_options){0}, &s));
    add_be16(&length, (uint16_t)x->question.len);
    TRY(stream_write(s, buf_str(&length)));
    TRY(stream_write(s, buf_str(&x->question)));
    TRY(stream_flush(s));
    buf_clear(&length);
    TRY(read_exactly(s, 2, &length));
    struct scan in = scan_over(buf_str(&length));
    if (!scan_be16(&in, &count))
        return fail(ERR_DNS, "the server ended the connection");
    buf_clear(&x->answer);
    TRY(read_exactly(s, count, &x->answer));
    return fits(x) ? OK : fail(ERR_DNS, "the server answered something else");
}

static struct err read_exactly(struct stream *s, size_t count, struct buf *out)
{
    while (out->len < count) {
        struct str got;
        TRY(stream_read(s, count - out->len, &got));
        buf_add(out, got);
        if (out->overflow)
            return fail(ERR_LIMIT, "no memory for an answer");
    }
    return OK;
}

static void answer(struct exchange *x)
{
    struct arena a AUTO(arena_done);
    bool secure = (flags_of(x) & FLAG_AD) != 0;
    struct dns_answer said = {.name = x->ask->name,
            .type = x->ask->type,
            .dnssec = secure ? DNSSEC_SECURE : DNSSEC_INSECURE};
    arena_init(&a, ANSWER_MEMORY_MAX);
    struct err e = dns_message_read(&a, buf_str(&x->answer), &said);
    if (failed(e))
        dns_ask_fail(x->ask, DNS_SERVFAIL, err_text(e));
    else
        dns_ask_answer(x->ask, &said);
}

// Nobody asks any more; what is under way is given up.
static void stub_free(struct resolver *r)
{
    struct stub *stub = r->state;
    group_end(&stub->asking);
    mem_free(stub);
}
