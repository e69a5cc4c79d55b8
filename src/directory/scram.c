// SPDX-License-Identifier: Apache-2.0
// directory/scram.c: the formulas of RFC 5802 3. OpenSSL wants more stack than a task has, so what
// is quick runs by deep_call; deriving belongs on a helper thread anyway. Whatever keys come from
// is overwritten.
#include "directory/scram.h"

#include "directory/password_forms.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

struct signing { // for deep_call
    const EVP_MD *md;
    struct str key, text;
    uint8_t *out;
    bool done;
};
struct proving {
    enum scram_hash hash;
    struct str stored_key, auth_message, proof;
    bool done, right;
};

static bool salt_password(enum scram_hash hash, struct str password, struct str salt,
        uint32_t iterations, uint8_t out[SCRAM_DIGEST_BYTES_MAX]);
static void sign(void *arg);
static void prove(void *arg);
static bool hmac(const EVP_MD *md, struct str key, struct str text, uint8_t *out);
static const EVP_MD *digest_of(enum scram_hash hash);
static struct str bytes(const uint8_t *at, size_t count);

size_t scram_digest_bytes(enum scram_hash hash)
{
    return hash == SCRAM_SHA_1 ? 20 : 32;
}

// StoredKey := H(HMAC(SaltedPassword, "Client Key"))
// ServerKey := HMAC(SaltedPassword, "Server Key")
bool scram_derive(enum scram_hash hash, struct str password, struct str salt, uint32_t iterations,
        struct scram_derived *out)
{
    const EVP_MD *md = digest_of(hash);
    size_t len = scram_digest_bytes(hash);
    uint8_t salted[SCRAM_DIGEST_BYTES_MAX], client_key[SCRAM_DIGEST_BYTES_MAX];
    bool done = salt_password(hash, password, salt, iterations, salted) &&
                hmac(md, bytes(salted, len), S("Client Key"), client_key) &&
                hmac(md, bytes(salted, len), S("Server Key"), out->server_key) &&
                EVP_Digest(client_key, len, out->stored_key, NULL, md, NULL) == 1;
    mem_wipe(salted, sizeof(salted));
    mem_wipe(client_key, sizeof(client_key));
    return done;
}

// ClientProof := ClientKey XOR HMAC(StoredKey, AuthMessage)
// ServerSignature := HMAC(ServerKey, AuthMessage)
bool scram_prove(enum scram_hash hash, struct str password, struct str salt, uint32_t iterations,
        struct str auth_message, struct scram_proof *out)
{
    const EVP_MD *md = digest_of(hash);
    size_t len = scram_digest_bytes(hash);
    uint8_t salted[SCRAM_DIGEST_BYTES_MAX], client_key[SCRAM_DIGEST_BYTES_MAX];
    uint8_t key[SCRAM_DIGEST_BYTES_MAX]; // the server's, then the stored one
    bool done = salt_password(hash, password, salt, iterations, salted) &&
                hmac(md, bytes(salted, len), S("Client Key"), client_key) &&
                hmac(md, bytes(salted, len), S("Server Key"), key) &&
                hmac(md, bytes(key, len), auth_message, out->server_signature) &&
                EVP_Digest(client_key, len, key, NULL, md, NULL) == 1 &&
                hmac(md, bytes(key, len), auth_message, out->proof);
    for (size_t i = 0; i < len; i++)
        out->proof[i] ^= client_key[i];
    mem_wipe(salted, sizeof(salted));
    mem_wipe(client_key, sizeof(client_key));
    mem_wipe(key, sizeof(key));
    return done;
}

// SaltedPassword := Hi(Normalize(password), salt, i)
static bool salt_password(enum scram_hash hash, struct str password, struct str salt,
        uint32_t iterations, uint8_t out[SCRAM_DIGEST_BYTES_MAX])
{
    if (password.len > INT32_MAX || salt.len > INT32_MAX || iterations > INT32_MAX)
        return false;
    return PKCS5_PBKDF2_HMAC(password.ptr, (int)password.len, (const uint8_t *)salt.ptr,
                   (int)salt.len, (int)iterations, digest_of(hash), (int)scram_digest_bytes(hash),
                   out) == 1;
}

bool scram_sign(
        enum scram_hash hash, struct str key, struct str text, uint8_t out[SCRAM_DIGEST_BYTES_MAX])
{
    struct signing s = {.md = digest_of(hash), .key = key, .text = text, .out = out};
    deep_call(sign, &s);
    return s.done;
}

bool cram_proves(struct str secret, struct str challenge, struct str digest, bool *out_right)
{
    uint8_t made[CRAM_DIGEST_BYTES];
    bool done = cram_digest(secret, challenge, made);
    *out_right = done && same_bytes(bytes(made, sizeof(made)), digest);
    mem_wipe(made, sizeof(made));
    return done;
}

bool cram_digest(struct str secret, struct str challenge, uint8_t out[CRAM_DIGEST_BYTES])
{
    struct signing s = {.md = EVP_md5(), .key = secret, .text = challenge, .out = out};
    deep_call(sign, &s);
    return s.done;
}

static void sign(void *arg)
{
    struct signing *s = arg;
    s->done = hmac(s->md, s->key, s->text, s->out);
}

bool scram_proves(enum scram_hash hash, struct str stored_key, struct str auth_message,
        struct str proof, bool *out_right)
{
    struct proving p = {
            .hash = hash, .stored_key = stored_key, .auth_message = auth_message, .proof = proof};
    assert(proof.len == scram_digest_bytes(hash) && stored_key.len == proof.len);
    deep_call(prove, &p);
    *out_right = p.right;
    return p.done;
}

// ClientSignature := HMAC(StoredKey, AuthMessage), ClientKey := ClientProof XOR ClientSignature
static void prove(void *arg)
{
    struct proving *p = arg;
    const EVP_MD *md = digest_of(p->hash);
    uint8_t key[SCRAM_DIGEST_BYTES_MAX], hashed[SCRAM_DIGEST_BYTES_MAX];
    p->done = hmac(md, p->stored_key, p->auth_message, key);
    for (size_t i = 0; p->done && i < p->proof.len; i++)
        key[i] ^= (uint8_t)p->proof.ptr[i];
    p->done = p->done && EVP_Digest(key, p->proof.len, hashed, NULL, md, NULL) == 1;
    p->right = p->done && same_bytes(bytes(hashed, p->proof.len), p->stored_key);
    mem_wipe(key, sizeof(key));
}

static bool hmac(const EVP_MD *md, struct str key, struct str text, uint8_t *out)
{
    unsigned made = 0;
    return key.len <= INT32_MAX &&
           HMAC(md, key.ptr, (int)key.len, (const uint8_t *)text.ptr, text.len, out, &made) != NULL;
}

static const EVP_MD *digest_of(enum scram_hash hash)
{
    return hash == SCRAM_SHA_1 ? EVP_sha1() : EVP_sha256();
}

static struct str bytes(const uint8_t *at, size_t count)
{
    return str_of((const char *)at, count);
}

bool same_bytes(struct str a, struct str b)
{
    return a.len == b.len && CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}
