// SPDX-License-Identifier: Apache-2.0
// rt/tls.c: a transport on a transport.
//
// OpenSSL asks our BIO for bytes; the BIO asks the transport below, which never suspends, and
// reports "retry" when there are none. The call then comes back with WANT_READ or WANT_WRITE,
// which is what the stream waits for. So OpenSSL's frames are never suspended, and one task may
// read while another writes.
//
// OpenSSL reads a record in two steps and writes each message of a handshake by itself. The BIO
// makes one read of many and one write of many: what has come beyond the record waits in a block,
// and so does what we say in the handshake until there is nothing left but to wait for the peer. A
// server's tickets (TLS 1.3) are held back until its first word, and leave with it. The blocks are
// borrowed, as those of streams are.
#include "rt/tls.h"

#include "rt/blocks.h"
#include "rt/loop.h"
#include "rt/transport.h"

#include <openssl/bio.h>
#include <openssl/err.h>

struct tls_transport {
    struct transport t;
    struct transport *below;
    SSL *ssl;
    struct block_pool *blocks;
    char *in, *out; // blocks: records that came and were not asked for yet; held back ones
    uint32_t in_at, in_end, out_at, out_end;
    enum io waits_for; // what the BIO last asked for in vain
    bool below_ended;
    bool holding; // writes are held back
};

struct tls_call { // one call into OpenSSL, for deep_call
    struct tls_transport *tls;
    enum { CALL_HANDSHAKE, CALL_READ, CALL_WRITE, CALL_SHUTDOWN } what;
    void *bytes;
    size_t count;
    size_t done;
    int result, error;
};

static enum io tls_read(struct transport *t, void *into, size_t room, size_t *count);
static enum io tls_write(
        struct transport *t, const struct iovec *parts, int part_count, size_t *count);
static enum io tls_end(struct transport *t);
static void tls_close(struct transport *t);
static int tls_fd(const struct transport *t);
static struct err wrap(struct stream *s, SSL_CTX *context, struct tls_transport **out);
static void call_openssl(void *arg);
static enum io outcome(struct tls_call *call);
static struct err prepare_client(SSL *ssl, struct str server_name, struct arena *a);
static struct err handshake(struct tls_transport *tls, struct arena *a) suspends;
static struct err finish_handshake(struct tls_transport *tls, struct arena *a) suspends;
static struct err describe_failure(struct tls_transport *tls, struct arena *a);
static BIO_METHOD *bio_method(void);
static int bio_read(BIO *bio, char *into, size_t room, size_t *count);
static int bio_write(BIO *bio, const char *bytes, size_t length, size_t *count);
static enum io fetch(struct tls_transport *tls);
static bool hold(struct tls_transport *tls, const char *bytes, size_t length);
static enum io flush_held(struct tls_transport *tls);
static size_t sent_of_held(struct tls_transport *tls, size_t put);
static long bio_ctrl(BIO *bio, int command, long number, void *pointer);

static const struct transport_ops tls_ops = {
        .read = tls_read, .write = tls_write, .end = tls_end, .close = tls_close, .fd = tls_fd};

struct err stream_tls(struct stream *s, SSL_CTX *context, enum tls_side side,
        struct str server_name, struct arena *a)
{
    struct tls_transport *tls;
    TRY(wrap(s, context, &tls));
    if (side == TLS_SERVER)
        SSL_set_accept_state(tls->ssl);
    else
        TRY(prepare_client(tls->ssl, server_name, a));
    return handshake(tls, a);
}

struct err stream_tls_resume(struct stream *s, SSL_CTX *context, SSL_SESSION *session,
        struct str server_name, struct arena *a)
{
    struct tls_transport *tls;
    TRY(wrap(s, context, &tls));
    TRY(prepare_client(tls->ssl, server_name, a));
    if (SSL_set_session(tls->ssl, session) != 1)
        return fail(ERR_LIMIT, "no memory for a TLS connection");
    return handshake(tls, a);
}

static struct err wrap(struct stream *s, SSL_CTX *context, struct tls_transport **out)
{
    struct tls_transport *tls = mem_new(struct tls_transport);
    SSL *ssl = tls == NULL ? NULL : SSL_new(context);
    BIO *bio = ssl == NULL ? NULL : BIO_new(bio_method());
    if (bio == NULL) {
        SSL_free(ssl);
        mem_free(tls);
        return fail(ERR_LIMIT, "no memory for a TLS connection");
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION); // work for free, and a history of attacks
    tls->ssl = ssl;
    tls->below = stream_transport(s);
    tls->blocks = loop_running()->blocks;
    tls->holding = true;
    tls->t = (struct transport){.ops = &tls_ops,
            .readable = tls->below->readable,
            .writable = tls->below->writable,
            .local = tls->below->local,
            .peer = tls->below->peer};
    struct str early = stream_buffered(s);
    if (early.len > 0) {
        tls->in = block_take(tls->blocks);
        if (tls->in == NULL) {
            SSL_free(ssl);
            mem_free(tls);
            return fail(ERR_LIMIT, "no memory for a TLS connection");
        }
        memcpy(tls->in, early.ptr, early.len);
        tls->in_end = (uint32_t)early.len;
        stream_consume(s, early.len);
    }
    stream_transport_set(s, &tls->t); // from here on the stream frees it
    *out = tls;
    return OK;
}

// The name goes into the ClientHello as SNI (RFC 6066 3).
static struct err prepare_client(SSL *ssl, struct str server_name, struct arena *a)
{
    SSL_set_connect_state(ssl);
    if (str_is_empty(server_name))
        return OK;
    union { // OpenSSL's macro takes a pointer to what it does not change
        const char *in;
        void *out;
    } name = {.in = arena_c_str(a, server_name)};
    if (name.in == NULL ||
            SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.out) != 1)
        return fail(ERR_LIMIT, "the server name cannot be set");
    return OK;
}

static struct err handshake(struct tls_transport *tls, struct arena *a)
{
    for (;;) {
        struct tls_call call = {.tls = tls, .what = CALL_HANDSHAKE};
        deep_call(call_openssl, &call);
        switch (outcome(&call)) {
        case IO_DONE:
            tls->holding = false;
            if (SSL_is_server(tls->ssl) && SSL_version(tls->ssl) >= TLS1_3_VERSION)
                return OK; // only tickets are held back: they can wait for our first word
            return finish_handshake(tls, a);
        case IO_WAIT_READ:
            TRY(waitq_wait(tls->t.readable, "the peer's part of a TLS handshake"));
            break;
        case IO_WAIT_WRITE:
            TRY(waitq_wait(tls->t.writable, "room for our part of a TLS handshake"));
            break;
        case IO_END:
            return fail(ERR_CLOSED, "the peer closed the connection during the TLS handshake");
        case IO_FAILED:
            return describe_failure(tls, a);
        }
    }
}

// The peer waits for the last words of the handshake, and we may have nothing else to say.
static struct err finish_handshake(struct tls_transport *tls, struct arena *a)
{
    for (;;) {
        switch (flush_held(tls)) {
        case IO_DONE:
            return OK;
        case IO_WAIT_READ:
        case IO_WAIT_WRITE:
            TRY(waitq_wait(tls->t.writable, "room for our part of a TLS handshake"));
            break;
        case IO_END:
        case IO_FAILED:
            return describe_failure(tls, a);
        }
    }
}

static struct err describe_failure(struct tls_transport *tls, struct arena *a)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    ERR_clear_error();
    flush_held(tls); // the alert that tells the peer why
    if (tls->below_ended &&
            (code == 0 || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING))
        return fail(ERR_CLOSED, "the peer closed the connection during the TLS handshake");
    if (reason == NULL)
        return fail(ERR_RESET, "the connection broke during the TLS handshake");
    return fail_fmt(a, ERR_TLS, "TLS handshake: %s", reason);
}

SSL *stream_ssl(const struct stream *s)
{
    struct transport *t = stream_transport((struct stream *)(uintptr_t)s);
    return t->ops == &tls_ops ? CONTAINER_OF(t, struct tls_transport, t)->ssl : NULL;
}

static struct tls_transport *tls_from(struct transport *t)
{
    return CONTAINER_OF(t, struct tls_transport, t);
}

static void call_openssl(void *arg)
{
    struct tls_call *c = arg;
    SSL *ssl = c->tls->ssl;
    ERR_clear_error();
    c->tls->waits_for = IO_FAILED;
    switch (c->what) {
    case CALL_HANDSHAKE:
        c->result = SSL_do_handshake(ssl);
        break;
    case CALL_READ:
        c->result = SSL_read_ex(ssl, c->bytes, c->count, &c->done);
        break;
    case CALL_WRITE:
        c->result = SSL_write_ex(ssl, c->bytes, c->count, &c->done);
        break;
    case CALL_SHUTDOWN:
        c->result = SSL_shutdown(ssl);
        if (c->result == 0) // our side is said; the peer's answer is not waited for
            c->result = 1;
        break;
    }
    c->error = c->result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, c->result);
}

static enum io outcome(struct tls_call *c)
{
    struct transport *t = &c->tls->t;
    t->bytes_in = c->tls->below->bytes_in;
    t->bytes_out = c->tls->below->bytes_out;
    switch (c->error) {
    case SSL_ERROR_NONE:
        return IO_DONE;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        if (c->tls->waits_for == IO_WAIT_READ || c->tls->waits_for == IO_WAIT_WRITE)
            return c->tls->waits_for;
        break;
    case SSL_ERROR_ZERO_RETURN:
        return IO_END;
    default:
        break;
    }
    t->error = c->tls->below_ended ? fail(ERR_RESET, "the connection ended without a TLS goodbye")
                                   : fail(ERR_TLS, "the TLS connection failed");
    return IO_FAILED;
}

static enum io tls_read(struct transport *t, void *into, size_t room, size_t *count)
{
    struct tls_call call = {.tls = tls_from(t), .what = CALL_READ, .bytes = into, .count = room};
    deep_call(call_openssl, &call);
    *count = call.done;
    return outcome(&call);
}

static enum io tls_write(
        struct transport *t, const struct iovec *parts, int part_count, size_t *count)
{
    // One record a part: the first part is the stream's block, so small writes are gathered.
    const struct iovec *part = parts[0].iov_len > 0 || part_count == 1 ? parts : parts + 1;
    tls_from(t)->holding = t->more;
    struct tls_call call = {.tls = tls_from(t),
            .what = CALL_WRITE,
            .bytes = part->iov_base,
            .count = part->iov_len};
    deep_call(call_openssl, &call);
    *count = call.done;
    return outcome(&call);
}

static enum io tls_end(struct transport *t)
{
    tls_from(t)->holding = true; // the goodbye leaves with what was said before
    struct tls_call call = {.tls = tls_from(t), .what = CALL_SHUTDOWN};
    deep_call(call_openssl, &call);
    enum io io = outcome(&call);
    if (io == IO_WAIT_READ || io == IO_WAIT_WRITE)
        return io;
    tls_from(t)->below->more = true;
    io = flush_held(tls_from(t));
    if (io == IO_DONE)
        io = tls_from(t)->below->ops->end(tls_from(t)->below);
    if (io == IO_FAILED)
        t->error = tls_from(t)->below->error; // without one the stream would try for ever
    return io;
}

static void tls_close(struct transport *t)
{
    struct tls_transport *tls = tls_from(t);
    // A session that was cut off may still be resumed; only fatal alerts make it unfit, and
    // OpenSSL knows of those.
    SSL_set_quiet_shutdown(tls->ssl, 1);
    SSL_shutdown(tls->ssl);
    SSL_free(tls->ssl);
    tls->below->ops->close(tls->below);
    block_give(tls->blocks, tls->in);
    block_give(tls->blocks, tls->out);
    mem_free(tls);
}

static int tls_fd(const struct transport *t)
{
    const struct transport *below =
            CONTAINER_OF((struct transport *)(uintptr_t)t, struct tls_transport, t)->below;
    return below->ops->fd(below);
}

// --- The BIO -------------------------------------------------------------------------------------

// The method table is made once for the process and only read afterwards.
static BIO_METHOD *bio_method(void)
{
    static BIO_METHOD *method;
    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
        assert(method != NULL);
        BIO_meth_set_read_ex(method, bio_read);
        BIO_meth_set_write_ex(method, bio_write);
        BIO_meth_set_ctrl(method, bio_ctrl);
    }
    return method;
}

static int bio_read(BIO *bio, char *into, size_t room, size_t *count)
{
    struct tls_transport *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *count = 0;
    enum io io = tls->in == NULL ? fetch(tls) : IO_DONE;
    // Before we wait for the peer, it must have heard what we said.
    if (io == IO_WAIT_READ && flush_held(tls) != IO_DONE)
        io = IO_WAIT_WRITE;
    if (io != IO_DONE) {
        tls->waits_for = io;
        tls->below_ended |= io == IO_END;
        if (io == IO_WAIT_READ || io == IO_WAIT_WRITE)
            BIO_set_retry_read(bio);
        return 0;
    }
    size_t have = tls->in_end - tls->in_at;
    *count = room < have ? room : have;
    memcpy(into, tls->in + tls->in_at, *count);
    tls->in_at += (uint32_t)*count;
    if (tls->in_at == tls->in_end) {
        block_give(tls->blocks, tls->in);
        tls->in = NULL;
    }
    return 1;
}

// Into a fresh block, as much as has come.
static enum io fetch(struct tls_transport *tls)
{
    size_t count = 0;
    tls->in = block_take(tls->blocks);
    if (tls->in == NULL)
        return IO_FAILED;
    enum io io = tls->below->ops->read(tls->below, tls->in, BLOCK_BYTES, &count);
    tls->in_at = 0;
    tls->in_end = (uint32_t)count;
    if (io != IO_DONE) {
        block_give(tls->blocks, tls->in);
        tls->in = NULL;
    }
    return io;
}

static int bio_write(BIO *bio, const char *bytes, size_t length, size_t *count)
{
    struct tls_transport *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->holding && hold(tls, bytes, length)) {
        *count = length;
        return 1;
    }
    *count = 0;
    bool first = tls->out != NULL;
    struct iovec parts[2] = {{first ? tls->out + tls->out_at : NULL, tls->out_end - tls->out_at},
            {(void *)(uintptr_t)bytes, length}};
    size_t put = 0;
    enum io io = tls->below->ops->write(tls->below, first ? parts : parts + 1, first ? 2 : 1, &put);
    if (io == IO_DONE) {
        *count = put - sent_of_held(tls, put);
        if (*count > 0)
            return 1;
        io = IO_WAIT_WRITE; // not even all of what was held back
    }
    tls->waits_for = io;
    if (io == IO_WAIT_READ || io == IO_WAIT_WRITE)
        BIO_set_retry_write(bio);
    return 0;
}

// False when there is no room: then it is time to send.
static bool hold(struct tls_transport *tls, const char *bytes, size_t length)
{
    if (tls->out == NULL) {
        tls->out = block_take(tls->blocks);
        tls->out_at = tls->out_end = 0;
    }
    if (tls->out == NULL || length > BLOCK_BYTES - tls->out_end)
        return false;
    memcpy(tls->out + tls->out_end, bytes, length);
    tls->out_end += (uint32_t)length;
    return true;
}

// IO_DONE: nothing is held back any more.
static enum io flush_held(struct tls_transport *tls)
{
    while (tls->out != NULL) {
        struct iovec part = {tls->out + tls->out_at, tls->out_end - tls->out_at};
        size_t put = 0;
        enum io io = tls->below->ops->write(tls->below, &part, 1, &put);
        if (io != IO_DONE)
            return io;
        sent_of_held(tls, put);
    }
    return IO_DONE;
}

// How much of `put` bytes was held back; the block goes back with its last byte.
static size_t sent_of_held(struct tls_transport *tls, size_t put)
{
    size_t held = tls->out == NULL ? 0 : tls->out_end - tls->out_at;
    size_t sent = put < held ? put : held;
    tls->out_at += (uint32_t)sent;
    if (sent == held) {
        block_give(tls->blocks, tls->out);
        tls->out = NULL;
        tls->out_at = tls->out_end = 0;
    }
    return sent;
}

static long bio_ctrl(BIO *bio, int command, long number UNUSED, void *pointer UNUSED)
{
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return ((struct tls_transport *)BIO_get_data(bio))->below_ended;
    default:
        return 0;
    }
}
