// SPDX-License-Identifier: Apache-2.0
// smtp/client/auth_scram.c: our side of SCRAM (RFC 5802, RFC 7677), bound to the TLS channel where
// the host offers -PLUS (RFC 9266, RFC 5929 4). It proves to us that it knows the password as much
// as we to it, and a 235 without that proof is worth nothing.
#include "smtp/client/login.h"

#include "base/encode.h"
#include "listen/tls_context.h"
#include "smtp/sasl_parts.h"

#define NONCE_BYTES 18
#define ITERATIONS_MIN 4096    // RFC 7677 4: fewer are an invitation to guess
#define ITERATIONS_MAX 2000000 // about a second of a helper thread

struct proving { // for offload
    enum scram_hash hash;
    struct str password, salt, auth_message;
    uint32_t iterations;
    struct scram_proof made;
    bool done;
};

static struct err bind_channel(struct login *l) MUST_USE;
static struct str nonce_make(struct login *l);
static struct err final_message(
        struct login *l, struct str server_first, struct str *out) suspends MUST_USE;
static bool scan_server_first(
        struct arena *a, struct str text, struct str *out_nonce, struct proving *out);
static struct err prove(struct login *l, struct proving *p, struct str without_proof,
        struct str *out) suspends MUST_USE;
static void prove_main(void *arg);
static struct err verify(struct login *l, struct str server_final, struct str *out) MUST_USE;
static struct str base64_of(struct arena *a, struct str bytes);

// client-first-message = gs2-header "n=" saslname ",r=" nonce      RFC 5802 7
struct err scram_first(struct login *l, struct str *out)
{
    struct str name, escaped;
    enum sasl_prepared prepared = sasl_prepare(l->arena, l->credentials->username, &name);
    if (prepared != SASL_PREPARED)
        name = l->credentials->username; // the host may know better what it calls us
    escaped = login_saslname(l->arena, name);
    TRY(bind_channel(l));
    l->nonce = str_is_null(l->credentials->nonce) ? nonce_make(l) : l->credentials->nonce;
    if (str_is_null(escaped) || str_is_null(l->nonce))
        return client_no_room();
    l->first_bare = arena_fmt(l->arena, "n=%.*s,r=%.*s", ARG(escaped), ARG(l->nonce));
    if (str_is_null(l->first_bare))
        return client_no_room();
    *out = arena_join(l->arena, l->gs2_header, l->first_bare);
    return str_is_null(*out) ? client_no_room() : OK;
}

// gs2-header = gs2-cbind-flag "," [ authzid ] ","      RFC 5802 6. `y` says that we could bind and
// believe that the host cannot: if it did offer -PLUS, somebody between us took the offer away.
static struct err bind_channel(struct login *l)
{
    SSL *ssl = stream_ssl(l->c->stream);
    bool plus_is_offered = (l->c->mechanisms >> SASL_SCRAM_SHA_256_PLUS & 1) != 0;
    l->gs2_header = S("n,,");
    l->binding = S("");
    if (l->mechanism != SASL_SCRAM_SHA_256_PLUS) {
        if (ssl != NULL && !plus_is_offered)
            l->gs2_header = S("y,,");
        return OK;
    }
    l->gs2_header = S("p=tls-exporter,,");
    l->binding = tls_binding(l->arena, ssl, TLS_BINDING_EXPORTER);
    if (str_is_null(l->binding)) { // before TLS 1.3
        l->gs2_header = S("p=tls-server-end-point,,");
        l->binding = tls_binding(l->arena, ssl, TLS_BINDING_SERVER_END_POINT);
    }
    return str_is_null(l->binding) ? client_no_room() : OK;
}

static struct str nonce_make(struct login *l)
{
    uint8_t random[NONCE_BYTES];
    random_bytes(random, sizeof(random));
    return base64_of(l->arena, str_of((const char *)random, sizeof(random)));
}

struct err scram_respond(struct login *l, struct str challenge, struct str *out)
{
    if (l->heard == 1)
        return final_message(l, challenge, out);
    if (l->heard == 2)
        return verify(l, challenge, out);
    return fail(ERR_REFUSED, "words behind the end of SCRAM");
}

// client-final-message = "c=" base64 of header and binding ",r=" nonce ",p=" base64 of the proof
static struct err final_message(struct login *l, struct str server_first, struct str *out)
{
    struct str nonce, header, without_proof;
    struct proving p = {.hash = l->mechanism == SASL_SCRAM_SHA_1 ? SCRAM_SHA_1 : SCRAM_SHA_256};
    if (!scan_server_first(l->arena, server_first, &nonce, &p))
        return fail(ERR_REFUSED, "a challenge that SCRAM does not have");
    if (!str_starts(nonce, l->nonce) || nonce.len == l->nonce.len)
        return fail(ERR_REFUSED, "the host answers to somebody else's SCRAM");
    header = arena_join(l->arena, l->gs2_header, l->binding);
    header = str_is_null(header) ? STR_NULL : base64_of(l->arena, header);
    if (str_is_null(header))
        return client_no_room();
    without_proof = arena_fmt(l->arena, "c=%.*s,r=%.*s", ARG(header), ARG(nonce));
    p.auth_message = arena_fmt(
            l->arena, "%.*s,%.*s,%.*s", ARG(l->first_bare), ARG(server_first), ARG(without_proof));
    if (str_is_null(without_proof) || str_is_null(p.auth_message))
        return client_no_room();
    return prove(l, &p, without_proof, out);
}

// server-first-message = "r=" nonce ",s=" base64 ",i=" number ["," extensions]
static bool scan_server_first(
        struct arena *a, struct str text, struct str *out_nonce, struct proving *out)
{
    struct scan in = scan_over(text);
    struct buf salt AUTO(buf_done);
    struct str encoded_salt;
    uint64_t iterations = 0;
    buf_init(&salt, KIB);
    if (!scan_lit(&in, S("r=")) || !scan_until_past(&in, ',', out_nonce) ||
            !scan_lit(&in, S("s=")) || !scan_until_past(&in, ',', &encoded_salt) ||
            !decode_base64(&salt, encoded_salt) || salt.len == 0 || salt.overflow ||
            !scan_lit(&in, S("i=")) || !scan_u64(&in, ITERATIONS_MAX, &iterations) ||
            iterations < ITERATIONS_MIN || (!scan_end(&in) && scan_peek(&in) != ','))
        return false;
    out->iterations = (uint32_t)iterations;
    out->salt = arena_str(a, buf_str(&salt));
    return !str_is_null(out->salt);
}

static struct err prove(
        struct login *l, struct proving *p, struct str without_proof, struct str *out)
{
    size_t len = scram_digest_bytes(p->hash);
    if (sasl_prepare(l->arena, l->credentials->secret, &p->password) != SASL_PREPARED)
        p->password = l->credentials->secret;
    TRY(offload(prove_main, p));
    if (!p->done)
        return fail(ERR_REFUSED, "this machine's OpenSSL refuses the hash");
    struct str proof = base64_of(l->arena, str_of((const char *)p->made.proof, len));
    l->server_signature = arena_str(l->arena, str_of((const char *)p->made.server_signature, len));
    *out = arena_fmt(l->arena, "%.*s,p=%.*s", ARG(without_proof), ARG(proof));
    return str_is_null(proof) || str_is_null(l->server_signature) || str_is_null(*out)
                   ? client_no_room()
                   : OK;
}

static void prove_main(void *arg)
{
    struct proving *p = arg;
    p->done = scram_prove(p->hash, p->password, p->salt, p->iterations, p->auth_message, &p->made);
}

// server-final-message = "v=" base64 of the signature, or "e=" and why not
static struct err verify(struct login *l, struct str server_final, struct str *out)
{
    struct str expected = base64_of(l->arena, l->server_signature), text, rest;
    if (str_is_null(expected))
        return client_no_room();
    if (!str_starts(server_final, S("v=")))
        return fail(ERR_REFUSED, "the host has not proved that it knows the password");
    text = str_from(server_final, 2);
    if (str_cut(text, ',', &text, &rest) && rest.len == 0)
        return fail(ERR_REFUSED, "a challenge that SCRAM does not have");
    if (!str_eq(text, expected))
        return fail(ERR_REFUSED, "the host has not proved that it knows the password");
    l->server_has_proved = true;
    *out = S("");
    return OK;
}

static struct str base64_of(struct arena *a, struct str bytes)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 64 * KIB);
    encode_base64(&text, bytes);
    return text.overflow ? STR_NULL : arena_str(a, buf_str(&text));
}
