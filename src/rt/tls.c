// SPDX-License-Identifier: Apache-2.0
// rt/tls.c: a transport on a transport.
//
// OpenSSL asks our BIO for bytes; the BIO asks the transport below, which never suspends, and
// reports "retry" when there are none. The call then comes back with WANT_READ or WANT_WRITE,
// which is what the stream waits for. So OpenSSL's frames are never suspended, and one task may
// read while another writes.
#include "rt/tls.h"

#include "rt/loop.h"
#include "rt/transport.h"

#include <openssl/bio.h>
#include <openssl/err.h>

struct tls_transport {
    struct transport t;
    struct transport *below;
    SSL *ssl;
    struct str early; // read from the stream before TLS began
    char *early_bytes;
    enum io waits_for; // what the BIO last asked for in vain
    bool below_ended;
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
static void call_openssl(void *arg);
static enum io outcome(struct tls_call *call);
static struct err prepare_client(SSL *ssl, struct str server_name, struct arena *a);
static struct err handshake(struct tls_transport *tls, struct arena *a) suspends;
static struct err describe_failure(struct tls_transport *tls, struct arena *a);
static BIO_METHOD *bio_method(void);
static int bio_read(BIO *bio, char *into, size_t room, size_t *count);
static int bio_write(BIO *bio, const char *bytes, size_t length, size_t *count);
static long bio_ctrl(BIO *bio, int command, long number, void *pointer);

static const struct transport_ops tls_ops = {
        .read = tls_read, .write = tls_write, .end = tls_end, .close = tls_close, .fd = tls_fd};

struct err stream_tls(struct stream *s, SSL_CTX *context, enum tls_side side,
        struct str server_name, struct arena *a)
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
    tls->ssl = ssl;
    tls->below = stream_transport(s);
    tls->t = (struct transport){.ops = &tls_ops,
            .readable = tls->below->readable,
            .writable = tls->below->writable,
            .local = tls->below->local,
            .peer = tls->below->peer};
    struct str early = stream_buffered(s);
    if (early.len > 0) {
        tls->early_bytes = mem_bytes(early.len);
        if (tls->early_bytes == NULL) {
            SSL_free(ssl);
            mem_free(tls);
            return fail(ERR_LIMIT, "no memory for a TLS connection");
        }
        memcpy(tls->early_bytes, early.ptr, early.len);
        tls->early = str_of(tls->early_bytes, early.len);
        stream_consume(s, early.len);
    }
    stream_transport_set(s, &tls->t); // from here on the stream frees it
    if (side == TLS_SERVER)
        SSL_set_accept_state(ssl);
    else
        TRY(prepare_client(ssl, server_name, a));
    return handshake(tls, a);
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
            return OK;
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

static struct err describe_failure(struct tls_transport *tls, struct arena *a)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    ERR_clear_error();
    if (reason == NULL && tls->below_ended)
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
    struct tls_call call = {.tls = tls_from(t), .what = CALL_SHUTDOWN};
    deep_call(call_openssl, &call);
    enum io io = outcome(&call);
    if (io == IO_WAIT_READ || io == IO_WAIT_WRITE)
        return io;
    return tls_from(t)->below->ops->end(tls_from(t)->below);
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
    mem_free(tls->early_bytes);
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
    if (tls->early.len > 0) {
        *count = room < tls->early.len ? room : tls->early.len;
        memcpy(into, tls->early.ptr, *count);
        tls->early = str_from(tls->early, *count);
        return 1;
    }
    enum io io = tls->below->ops->read(tls->below, into, room, count);
    if (io == IO_DONE)
        return 1;
    *count = 0;
    tls->waits_for = io;
    tls->below_ended |= io == IO_END;
    if (io == IO_WAIT_READ || io == IO_WAIT_WRITE)
        BIO_set_retry_read(bio);
    return 0;
}

static int bio_write(BIO *bio, const char *bytes, size_t length, size_t *count)
{
    struct tls_transport *tls = BIO_get_data(bio);
    struct iovec part = {(void *)(uintptr_t)bytes, length};
    BIO_clear_retry_flags(bio);
    enum io io = tls->below->ops->write(tls->below, &part, 1, count);
    if (io == IO_DONE)
        return 1;
    *count = 0;
    tls->waits_for = io;
    if (io == IO_WAIT_READ || io == IO_WAIT_WRITE)
        BIO_set_retry_write(bio);
    return 0;
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
