// SPDX-License-Identifier: Apache-2.0
// listen/tls_facts.c: what a handshake agreed on, for events, trace fields and expressions.
#include "base/encode.h"
#include "listen/tls_context.h"

#include <openssl/bio.h>
#include <openssl/x509.h>

#define SUBJECT_BYTES_MAX 1024

static X509 *verified_client(SSL *ssl);
static struct str c_str(const char *text);

void tls_facts_of(SSL *ssl, struct tls_facts *out)
{
    const unsigned char *alpn = NULL;
    unsigned alpn_bytes = 0;
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_bytes);
    int group = (int)SSL_get_negotiated_group(ssl);
    *out = (struct tls_facts){
            .version = c_str(SSL_get_version(ssl)),
            .cipher = c_str(SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))),
            .group = group == 0 ? S("") : c_str(SSL_group_to_name(ssl, group)),
            .sni = c_str(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)),
            .alpn = alpn == NULL ? S("") : str_of((const char *)alpn, alpn_bytes),
            .cipher_bits = (uint32_t)SSL_CIPHER_get_bits(SSL_get_current_cipher(ssl), NULL),
            .resumed = SSL_session_reused(ssl) == 1,
            .client_verified = verified_client(ssl) != NULL,
    };
}

struct str tls_client_subject(struct arena *a, SSL *ssl)
{
    X509 *client = verified_client(ssl);
    BIO *bio = client == NULL ? NULL : BIO_new(BIO_s_mem());
    if (bio == NULL)
        return STR_NULL;
    X509_NAME_print_ex(bio, X509_get_subject_name(client), 0, XN_FLAG_RFC2253);
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    struct str subject = str_of(text, len > SUBJECT_BYTES_MAX ? SUBJECT_BYTES_MAX : (size_t)len);
    subject = arena_str(a, subject);
    BIO_free(bio);
    return subject;
}

struct str tls_client_fingerprint(struct arena *a, SSL *ssl)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    X509 *client = verified_client(ssl);
    if (client == NULL || X509_digest(client, EVP_sha256(), digest, &len) != 1)
        return STR_NULL;
    struct buf hex AUTO(buf_done);
    buf_init(&hex, 2 * EVP_MAX_MD_SIZE);
    encode_hex(&hex, str_of((const char *)digest, len));
    return arena_str(a, buf_str(&hex));
}

static X509 *verified_client(SSL *ssl)
{
    X509 *client = SSL_get0_peer_certificate(ssl);
    return SSL_get_verify_result(ssl) == X509_V_OK ? client : NULL;
}

static struct str c_str(const char *text)
{
    return text == NULL ? S("") : str_from_c(text);
}
