// SPDX-License-Identifier: Apache-2.0
// smtp/sasl_digest.c: what SCRAM (RFC 5802 3) and CRAM-MD5 compute. OpenSSL wants more stack than a
// task has, so all of it runs by deep_call.
#include "smtp/sasl_parts.h"

#include "rt/task.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

struct hmac { // one, for deep_call
    const EVP_MD *md;
    struct str key, text;
    uint8_t *out;
    bool done;
};

static void hmac_run(void *arg);
static bool hmac(const EVP_MD *md, struct str key, struct str text, uint8_t *out);
static const EVP_MD *hash_of(enum sasl_hash hash);
static void scram_run(void *arg);
static bool derive(struct sasl_scram_proof *p, uint8_t *stored_key, uint8_t *server_key);
static bool verify(struct sasl_scram_proof *p, struct str stored_key, struct str server_key);
static struct str bytes(const uint8_t *at, size_t count);

bool sasl_same(struct str a, struct str b)
{
    return a.len == b.len && CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}

size_t sasl_hash_bytes(enum sasl_hash hash)
{
    return hash == SASL_SHA_1 ? 20 : 32;
}

bool sasl_hmac_md5(struct str key, struct str text, uint8_t out[SASL_MD5_BYTES])
{
    struct hmac h = {.md = EVP_md5(), .key = key, .text = text, .out = out};
    deep_call(hmac_run, &h);
    return h.done;
}

bool sasl_salt(
        const uint8_t pepper[SASL_PEPPER_BYTES], struct str name, uint8_t out[SASL_SALT_BYTES])
{
    uint8_t whole[SASL_DIGEST_BYTES_MAX];
    struct hmac h = {.md = EVP_sha256(),
            .key = bytes(pepper, SASL_PEPPER_BYTES),
            .text = name,
            .out = whole};
    deep_call(hmac_run, &h);
    memcpy(out, whole, SASL_SALT_BYTES);
    return h.done;
}

static void hmac_run(void *arg)
{
    struct hmac *h = arg;
    h->done = hmac(h->md, h->key, h->text, h->out);
}

static bool hmac(const EVP_MD *md, struct str key, struct str text, uint8_t *out)
{
    unsigned made = 0;
    return key.len <= INT32_MAX &&
           HMAC(md, key.ptr, (int)key.len, (const uint8_t *)text.ptr, text.len, out, &made) != NULL;
}

static const EVP_MD *hash_of(enum sasl_hash hash)
{
    return hash == SASL_SHA_1 ? EVP_sha1() : EVP_sha256();
}

static struct str bytes(const uint8_t *at, size_t count)
{
    return str_of((const char *)at, count);
}

// --- SCRAM ---------------------------------------------------------------------------------------

bool sasl_scram_check(struct sasl_scram_proof *p)
{
    assert(p->proof.len == sasl_hash_bytes(p->hash));
    p->done = false;
    deep_call(scram_run, p);
    return p->done;
}

// Keys are always derived, also where they are stored and where nobody has that name: the time that
// it takes would otherwise tell one from the other.
static void scram_run(void *arg)
{
    struct sasl_scram_proof *p = arg;
    size_t len = sasl_hash_bytes(p->hash);
    uint8_t stored_key[SASL_DIGEST_BYTES_MAX], server_key[SASL_DIGEST_BYTES_MAX];
    p->done = derive(p, stored_key, server_key);
    if (p->done && str_is_null(p->stored_key))
        p->done = verify(p, bytes(stored_key, len), bytes(server_key, len));
    else if (p->done)
        p->done = verify(p, p->stored_key, p->server_key);
    mem_wipe(stored_key, sizeof(stored_key));
    mem_wipe(server_key, sizeof(server_key));
}

// SaltedPassword := Hi(Normalize(password), salt, i)
// StoredKey := H(HMAC(SaltedPassword, "Client Key")), ServerKey := HMAC(SaltedPassword, "Server Key")
static bool derive(struct sasl_scram_proof *p, uint8_t *stored_key, uint8_t *server_key)
{
    const EVP_MD *md = hash_of(p->hash);
    size_t len = sasl_hash_bytes(p->hash);
    uint8_t salted[SASL_DIGEST_BYTES_MAX], client_key[SASL_DIGEST_BYTES_MAX];
    bool done = PKCS5_PBKDF2_HMAC(p->clear.ptr, (int)p->clear.len, (const uint8_t *)p->salt.ptr,
                        (int)p->salt.len, SASL_ITERATIONS, md, (int)len, salted) == 1 &&
                hmac(md, bytes(salted, len), S("Client Key"), client_key) &&
                hmac(md, bytes(salted, len), S("Server Key"), server_key) &&
                EVP_Digest(client_key, len, stored_key, NULL, md, NULL) == 1;
    mem_wipe(salted, sizeof(salted));
    mem_wipe(client_key, sizeof(client_key));
    return done;
}

// ClientSignature := HMAC(StoredKey, AuthMessage); ClientProof := ClientKey XOR ClientSignature
// ServerSignature := HMAC(ServerKey, AuthMessage)
static bool verify(struct sasl_scram_proof *p, struct str stored_key, struct str server_key)
{
    const EVP_MD *md = hash_of(p->hash);
    size_t len = sasl_hash_bytes(p->hash);
    uint8_t key[SASL_DIGEST_BYTES_MAX], hashed[SASL_DIGEST_BYTES_MAX];
    bool done = hmac(md, stored_key, p->auth_message, key);
    for (size_t i = 0; done && i < len; i++)
        key[i] ^= (uint8_t)p->proof.ptr[i];
    done = done && EVP_Digest(key, len, hashed, NULL, md, NULL) == 1 &&
           hmac(md, server_key, p->auth_message, p->signature);
    p->right = done && sasl_same(bytes(hashed, len), stored_key);
    mem_wipe(key, sizeof(key));
    return done;
}
