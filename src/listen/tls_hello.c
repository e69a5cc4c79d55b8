// SPDX-License-Identifier: Apache-2.0
// listen/tls_hello.c: what follows from a ClientHello: the certificate for the name asked for, the
// application protocol, and whether TLS 1.2 sessions may be resumed (listeners.md 8.4, 9.4).
#include "events/event.h"
#include "listen/tls_context_state.h"
#include "rt/clock.h"

#include <openssl/err.h>

#define TELL_AGAIN_MS HOUR_MS

static struct str hello_sni(SSL *ssl);
static bool hello_extension(SSL *ssl, unsigned type, struct str *out);
static bool hello_offers_13(SSL *ssl);
static bool is_preset(const struct tls_context *t, const struct certificate_choice *choice);
static bool give(SSL *ssl, const struct certificate_choice *choice);
static void tell(struct tls_context *t, const struct certificate_choice *choice, struct str sni);
static bool may_tell(const struct tls_context *t, int64_t *told_at_ms);
static bool is_http(struct str protocol);

int64_t tls_context_now_ms(const struct tls_context *t)
{
    return t->clock_ms != NULL ? *t->clock_ms : wall_ms();
}

int tls_hello(SSL *ssl, int *alert, void *context)
{
    struct tls_context *t = context;
    struct certificate_choice choice;
    struct str sni = hello_sni(ssl), ems;
    certificates_select(t->certificates, &t->settings->rules, sni, tls_context_now_ms(t), &choice);
    tell(t, &choice, sni);
    if (choice.found == FOUND_UNKNOWN_NAME) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (choice.found == FOUND_NONE) {
        *alert = SSL_AD_HANDSHAKE_FAILURE;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (!is_preset(t, &choice) && !give(ssl, &choice)) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    // RFC 7627 5.2: without the extended master secret a TLS 1.2 session is not to be resumed; so
    // such a client gets no ticket, and the one that it has is not looked at.
    bool may_be_13 = (t->settings->offer.versions & TLS_1_3) != 0 && hello_offers_13(ssl);
    if (!may_be_13 && !hello_extension(ssl, TLSEXT_TYPE_extended_master_secret, &ems))
        SSL_set_options(ssl, SSL_OP_NO_TICKET);
    return SSL_CLIENT_HELLO_SUCCESS;
}

// RFC 7301. A mail server that spoke to a client that wants HTTP would be a tool for attacks
// across protocols (RFC 9325 3.8); a mail client that offers none, or another mail protocol, is
// served without an answer.
int tls_alpn(SSL *ssl UNUSED, const unsigned char **out, unsigned char *out_len,
        const unsigned char *in, unsigned in_len, void *context)
{
    const struct tls_context *t = context;
    bool speaks_http = t->protocol == LISTEN_HTTP, only_http = true;
    struct str own = speaks_http ? S("http/1.1") : listen_protocol_name(t->protocol);
    struct scan offers = scan_over(str_of((const char *)in, in_len));
    struct str offer;
    for (uint8_t len; scan_any(&offers, &len) && scan_take(&offers, len, &offer);) {
        if (str_eq(offer, own)) {
            *out = (const unsigned char *)offer.ptr;
            *out_len = len;
            return SSL_TLSEXT_ERR_OK;
        }
        only_http = only_http && is_http(offer);
    }
    return speaks_http || only_http ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

// RFC 6066 3: ServerNameList with one host_name. What is malformed OpenSSL refuses later itself.
static struct str hello_sni(SSL *ssl)
{
    struct str bytes, name;
    uint16_t list_bytes, name_bytes;
    if (!hello_extension(ssl, TLSEXT_TYPE_server_name, &bytes))
        return S("");
    struct scan in = scan_over(bytes);
    if (!scan_be16(&in, &list_bytes) || !scan_byte(&in, TLSEXT_NAMETYPE_host_name) ||
            !scan_be16(&in, &name_bytes) || !scan_take(&in, name_bytes, &name))
        return S("");
    return name;
}

static bool hello_extension(SSL *ssl, unsigned type, struct str *out)
{
    const unsigned char *bytes = NULL;
    size_t len = 0;
    if (SSL_client_hello_get0_ext(ssl, type, &bytes, &len) != 1)
        return false;
    *out = str_of((const char *)bytes, len);
    return true;
}

// RFC 8446 4.2.1
static bool hello_offers_13(SSL *ssl)
{
    struct str bytes;
    uint8_t list_bytes;
    if (!hello_extension(ssl, TLSEXT_TYPE_supported_versions, &bytes))
        return false;
    struct scan in = scan_over(bytes);
    if (!scan_any(&in, &list_bytes))
        return false;
    for (uint16_t version; scan_be16(&in, &version);)
        if (version == TLS1_3_VERSION)
            return true;
    return false;
}

static bool is_preset(const struct tls_context *t, const struct certificate_choice *choice)
{
    for (size_t i = 0; i < KEY_TYPES; i++)
        if (choice->slots[i] != t->preset.slots[i])
            return false;
    return true;
}

// The connection takes references of its own, so a table that is replaced meanwhile may go.
static bool give(SSL *ssl, const struct certificate_choice *choice)
{
    bool any = false;
    SSL_certs_clear(ssl);
    for (size_t i = 0; i < KEY_TYPES; i++) {
        const struct certificate *c = choice->slots[i];
        if (c != NULL)
            any |= SSL_use_cert_and_key(ssl, c->leaf, c->key, c->chain, 1) == 1;
    }
    if (!any)
        ERR_clear_error();
    return any;
}

static void tell(struct tls_context *t, const struct certificate_choice *choice, struct str sni)
{
    if (choice->name_unknown)
        event(t->log, EV_TLS_CERTIFICATE_NOT_FOUND, F_STR(listenerId, t->listener),
                F_STR(hostname, sni));
    if (choice->found == FOUND_BY_ORDER && may_tell(t, &t->told_order_at_ms))
        event(t->log, EV_TLS_MULTIPLE_CERTIFICATES_AVAILABLE, F_STR(listenerId, t->listener),
                F_U64(total, certificates_count(t->certificates)));
    if ((choice->found == FOUND_SELF_SIGNED || choice->found == FOUND_NONE) &&
            may_tell(t, &t->told_none_at_ms))
        event(t->log, EV_TLS_NO_CERTIFICATES_AVAILABLE, F_STR(listenerId, t->listener));
}

static bool may_tell(const struct tls_context *t, int64_t *told_at_ms)
{
    int64_t now_ms = tls_context_now_ms(t);
    if (*told_at_ms != 0 && now_ms - *told_at_ms < TELL_AGAIN_MS)
        return false;
    *told_at_ms = now_ms;
    return true;
}

static bool is_http(struct str protocol)
{
    return str_eq(protocol, S("h2")) || str_eq(protocol, S("h2c")) || str_eq(protocol, S("h3")) ||
           str_starts(protocol, S("http/"));
}
