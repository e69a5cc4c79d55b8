// SPDX-License-Identifier: Apache-2.0
// listen/tls_login.c: what a login can be built on in a TLS connection: bindings of the login to
// this very channel (SCRAM-SHA-256-PLUS), and the names in the client's certificate (EXTERNAL).
#include "listen/tls_context.h"
#include "rt/task.h"

#include <openssl/x509v3.h>

#define EXPORTER_BYTES 32 // RFC 9266 2

struct binding { // one, for deep_call
    SSL *ssl;
    enum tls_binding kind;
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned count; // 0: there is none
};
struct naming { // the names of one certificate, for deep_call
    struct arena *arena;
    X509 *client;
    struct str *names;
    size_t count;
};

static void binding_run(void *arg);
static void exporter_run(struct binding *b);
static void end_point_run(struct binding *b);
static void naming_run(void *arg);
static void naming_add(struct naming *n, const ASN1_STRING *text);
static void naming_add_cn(struct naming *n);

struct str tls_binding(struct arena *a, SSL *ssl, enum tls_binding kind)
{
    struct binding b = {.ssl = ssl, .kind = kind};
    deep_call(binding_run, &b);
    return b.count == 0 ? STR_NULL : arena_str(a, str_of((const char *)b.bytes, b.count));
}

static void binding_run(void *arg)
{
    struct binding *b = arg;
    switch (b->kind) {
    case TLS_BINDING_EXPORTER:
        exporter_run(b);
        break;
    case TLS_BINDING_SERVER_END_POINT:
        end_point_run(b);
        break;
    }
}

// RFC 9266 2. Under TLS 1.2 it would need the extended master secret (4.2), and there an empty
// context (which the RFC asks for) and none (which many export) give different octets: who has 1.2
// is bound by the certificate.
static void exporter_run(struct binding *b)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    if (SSL_version(b->ssl) == TLS1_3_VERSION &&
            SSL_export_keying_material(
                    b->ssl, b->bytes, EXPORTER_BYTES, label, sizeof(label) - 1, NULL, 0, 0) == 1)
        b->count = EXPORTER_BYTES;
}

// RFC 5929 4.1: our certificate, by the hash of its own signature, SHA-256 for broken ones.
// Signatures with a hash of their own (Ed25519) have none, and a resumed session has shown no
// certificate: the client means one that we may not have any more.
static void end_point_run(struct binding *b)
{
    X509 *cert = SSL_get_certificate(b->ssl);
    int nid = NID_undef;
    if (cert == NULL || SSL_session_reused(b->ssl) == 1 ||
            X509_get_signature_info(cert, &nid, NULL, NULL, NULL) != 1)
        return;
    if (nid == NID_md5 || nid == NID_sha1)
        nid = NID_sha256;
    const EVP_MD *md = nid == NID_undef ? NULL : EVP_get_digestbynid(nid);
    if (md == NULL || X509_digest(cert, md, b->bytes, &b->count) != 1)
        b->count = 0;
}

// --- The client's names --------------------------------------------------------------------------

struct tls_names tls_client_names(struct arena *a, SSL *ssl)
{
    struct naming n = {.arena = a, .client = SSL_get0_peer_certificate(ssl)};
    if (n.client != NULL && SSL_get_verify_result(ssl) == X509_V_OK)
        n.names = arena_array(a, TLS_NAMES_MAX, struct str);
    if (n.names != NULL)
        deep_call(naming_run, &n);
    return (struct tls_names){n.names, n.count};
}

// The addresses among its alternative names, and the common name only where there are none
// (inbound.md 4.5).
static void naming_run(void *arg)
{
    struct naming *n = arg;
    GENERAL_NAMES *all = X509_get_ext_d2i(n->client, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        if (name->type == GEN_EMAIL)
            naming_add(n, name->d.rfc822Name);
    }
    GENERAL_NAMES_free(all);
    if (n->count == 0)
        naming_add_cn(n);
}

static void naming_add_cn(struct naming *n)
{
    X509_NAME *subject = X509_get_subject_name(n->client);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0)
        naming_add(n, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

// A NUL inside is how one certificate is passed off as another's.
static void naming_add(struct naming *n, const ASN1_STRING *text)
{
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, text);
    struct str name = str_of((const char *)utf8, len > 0 ? (size_t)len : 0);
    if (name.len > 0 && n->count < TLS_NAMES_MAX && str_is_utf8(name) &&
            str_find_byte(name, '\0') == STR_NOT_FOUND) {
        n->names[n->count] = arena_str(n->arena, name);
        if (!str_is_null(n->names[n->count]))
            n->count++;
    }
    OPENSSL_free(utf8);
}
