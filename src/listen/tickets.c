// SPDX-License-Identifier: Apache-2.0
// listen/tickets.c: deriving ticket keys and handing them to OpenSSL, which encrypts with AES-256
// in CBC mode and puts an HMAC-SHA256 over the result: encrypt, then authenticate.
#include "listen/tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#define CALLBACK_FAILED (-1) // what OpenSSL takes these results for
#define CALLBACK_UNKNOWN 0
#define CALLBACK_USE 1
#define CALLBACK_USE_AND_RENEW 2

static bool keys_for(struct tickets *t, uint64_t epoch);
static bool derive(const uint8_t *secret, uint64_t epoch, struct ticket_keys *out);
static bool load(const struct tickets *t, const struct ticket_keys *keys, const unsigned char *iv,
        EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, enum ticket_use use);

bool tickets_init(struct tickets *t, const uint8_t *secret)
{
    *t = (struct tickets){0};
    memcpy(t->secret, secret, TICKET_SECRET_BYTES);
    t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    return t->cipher != NULL;
}

void tickets_done(struct tickets *t)
{
    EVP_CIPHER_free(t->cipher);
    OPENSSL_cleanse(t, sizeof(*t));
}

int tickets_apply(struct tickets *t, int64_t wall_now_ms, unsigned char *name, unsigned char *iv,
        EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, enum ticket_use use)
{
    if (!keys_for(t, (uint64_t)(wall_now_ms / TICKET_EPOCH_MS)))
        return CALLBACK_FAILED;
    if (use == TICKET_SEAL) {
        memcpy(name, t->current.name, TICKET_NAME_BYTES);
        bool sealed = RAND_bytes(iv, EVP_CIPHER_get_iv_length(t->cipher)) == 1 &&
                      load(t, &t->current, iv, cipher, mac, use);
        return sealed ? CALLBACK_USE : CALLBACK_FAILED;
    }
    bool current = CRYPTO_memcmp(name, t->current.name, TICKET_NAME_BYTES) == 0;
    if (!current && CRYPTO_memcmp(name, t->previous.name, TICKET_NAME_BYTES) != 0)
        return CALLBACK_UNKNOWN;
    if (!load(t, current ? &t->current : &t->previous, iv, cipher, mac, use))
        return CALLBACK_FAILED;
    return current ? CALLBACK_USE : CALLBACK_USE_AND_RENEW;
}

// A clock set back derives the older keys again: they are a function of the time only.
static bool keys_for(struct tickets *t, uint64_t epoch)
{
    if (t->current.epoch == epoch)
        return true;
    if (t->current.epoch == epoch - 1)
        t->previous = t->current;
    else if (!derive(t->secret, epoch - 1, &t->previous))
        return false;
    return derive(t->secret, epoch, &t->current);
}

static bool derive(const uint8_t *secret, uint64_t epoch, struct ticket_keys *out)
{
    struct {
        uint8_t name[TICKET_NAME_BYTES], cipher[TICKET_KEY_BYTES], mac[TICKET_KEY_BYTES];
    } bytes;
    char info[] = "posthaste tls ticket 00000000";
    for (size_t i = 0; i < 8; i++) // the epoch, big endian, behind the words
        info[sizeof(info) - 9 + i] = (char)(epoch >> (56 - 8 * i));
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
            OSSL_PARAM_construct_octet_string(
                    OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, TICKET_SECRET_BYTES),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof(info) - 1),
            OSSL_PARAM_construct_end(),
    };
    bool derived = context != NULL &&
                   EVP_KDF_derive(context, (unsigned char *)&bytes, sizeof(bytes), params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    if (derived) {
        out->epoch = epoch;
        memcpy(out->name, bytes.name, sizeof(bytes.name));
        memcpy(out->cipher, bytes.cipher, sizeof(bytes.cipher));
        memcpy(out->mac, bytes.mac, sizeof(bytes.mac));
    }
    OPENSSL_cleanse(&bytes, sizeof(bytes));
    return derived;
}

static bool load(const struct tickets *t, const struct ticket_keys *keys, const unsigned char *iv,
        EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, enum ticket_use use)
{
    OSSL_PARAM params[] = {
            OSSL_PARAM_construct_octet_string(
                    OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)keys->mac, TICKET_KEY_BYTES),
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
            OSSL_PARAM_construct_end(),
    };
    return EVP_CipherInit_ex2(cipher, t->cipher, keys->cipher, iv, use == TICKET_SEAL, NULL) == 1 &&
           EVP_MAC_CTX_set_params(mac, params) == 1;
}
