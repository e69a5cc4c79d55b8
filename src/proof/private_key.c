// SPDX-License-Identifier: Apache-2.0
// proof/private_key.c: OpenSSL reads, makes and uses private keys; its calls need more stack than a
// task has. Its queue of errors is emptied after each, for TLS reads it.
#include "proof/private_key.h"

#include "base/encode.h"
#include "proof/key_cache.h"
#include "proof/public_key.h"
#include "rt/rt.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define SIGNATURE_BYTES_MAX (PRIVATE_KEY_RSA_BITS_MAX / 8)
#define SEED_BYTES 32

struct private_key {
    EVP_PKEY *pkey;
    enum dkim_key_type type;
    uint32_t bits;
};

struct reading {
    struct str text;
    EVP_PKEY *pkey;
};
struct making {
    enum dkim_key_type type;
    uint32_t bits;
    EVP_PKEY *pkey;
};
struct writing {
    const struct private_key *key;
    BIO *bio;
    bool done;
};
struct signing {
    const struct private_key *key;
    struct str digest;
    uint8_t bytes[SIGNATURE_BYTES_MAX];
    size_t count;
    bool done;
};

static void read_pem(void *arg);
static int no_passphrase(char *out, int size, int writing, void *arg);
static EVP_PKEY *read_seed(struct str text);
static struct err adopt(EVP_PKEY *pkey, struct private_key **out);
static void generate(void *arg);
static void write_pem(void *arg);
static void sign(void *arg);
static bool rsa_sign(struct signing *s);
static bool ed25519_sign(struct signing *s);

struct err private_key_read(
        struct arena *a, struct str text, uint32_t rsa_bits_min, struct private_key **out)
{
    struct reading r = {.text = text};
    if (text.len > PRIVATE_KEY_TEXT_BYTES_MAX)
        return fail(ERR_CONFIG, "the private key is longer than 16 KiB");
    deep_call(read_pem, &r);
    if (r.pkey == NULL && str_contains(text, S("ENCRYPTED")))
        return fail(ERR_CONFIG, "the private key is encrypted, and there is nobody to ask for the "
                                "passphrase");
    if (r.pkey == NULL)
        return fail(ERR_CONFIG, "no private key in PEM, and no seed of Ed25519 in base64");
    struct private_key *key AUTO(private_key_free_auto) = NULL;
    TRY(adopt(r.pkey, &key));
    if (key->type == DKIM_KEY_RSA &&
            (key->bits < rsa_bits_min || key->bits > PRIVATE_KEY_RSA_BITS_MAX))
        return fail_fmt(a, ERR_CONFIG,
                "the private key has %u bits; an RSA key for signing has %u to %u", key->bits,
                rsa_bits_min, PRIVATE_KEY_RSA_BITS_MAX);
    *out = key;
    key = NULL;
    return OK;
}

static void read_pem(void *arg)
{
    struct reading *r = arg;
    BIO *bio = BIO_new_mem_buf(r->text.ptr, (int)r->text.len);
    if (bio != NULL)
        r->pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (r->pkey == NULL)
        r->pkey = read_seed(str_trim(r->text));
    ERR_clear_error();
}

static int no_passphrase(char *out UNUSED, int size UNUSED, int writing UNUSED, void *arg UNUSED)
{
    return -1;
}

static EVP_PKEY *read_seed(struct str text)
{
    struct buf seed AUTO(buf_done);
    buf_init(&seed, SEED_BYTES + 4);
    if (!decode_base64(&seed, text) || seed.overflow || seed.len != SEED_BYTES)
        return NULL;
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(
            EVP_PKEY_ED25519, NULL, (const unsigned char *)seed.ptr, seed.len);
    mem_wipe(seed.ptr, seed.len);
    return pkey;
}

// Takes the key over, or frees it.
static struct err adopt(EVP_PKEY *pkey, struct private_key **out)
{
    bool rsa = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA;
    struct private_key *key = mem_new(struct private_key);
    if (key == NULL || (!rsa && EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519)) {
        EVP_PKEY_free(pkey);
        mem_free(key);
        return fail(ERR_CONFIG, "the private key is neither of RSA nor of Ed25519");
    }
    *key = (struct private_key){.pkey = pkey,
            .type = rsa ? DKIM_KEY_RSA : DKIM_KEY_ED25519,
            .bits = (uint32_t)EVP_PKEY_get_bits(pkey)};
    *out = key;
    return OK;
}

struct err private_key_generate(enum dkim_key_type type, uint32_t bits, struct private_key **out)
{
    struct making m = {.type = type, .bits = bits};
    deep_call(generate, &m);
    if (m.pkey == NULL)
        return fail(ERR_INTERNAL, "the library could not make a key");
    return adopt(m.pkey, out);
}

static void generate(void *arg)
{
    struct making *m = arg;
    if (m->type == DKIM_KEY_RSA)
        m->pkey = EVP_RSA_gen(m->bits); // its public exponent is 65537
    else
        m->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    ERR_clear_error();
}

void private_key_free(struct private_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    mem_free(key);
}

void private_key_free_auto(struct private_key **key)
{
    private_key_free(*key);
}

enum dkim_key_type private_key_type(const struct private_key *key)
{
    return key->type;
}

uint32_t private_key_bits(const struct private_key *key)
{
    return key->bits;
}

struct err private_key_pem(const struct private_key *key, struct buf *out)
{
    char *text = NULL;
    struct writing w = {.key = key, .bio = BIO_new(BIO_s_secmem())};
    if (w.bio != NULL)
        deep_call(write_pem, &w);
    if (w.done) {
        long bytes = BIO_get_mem_data(w.bio, &text);
        buf_add(out, str_of(text, (size_t)bytes));
    }
    BIO_free(w.bio);
    if (!w.done || out->overflow)
        return fail(ERR_INTERNAL, "the library could not write a key");
    return OK;
}

static void write_pem(void *arg)
{
    struct writing *w = arg;
    EVP_PKEY *pkey = w->key->pkey;
    if (w->key->type == DKIM_KEY_RSA)
        w->done =
                PEM_write_bio_PrivateKey_traditional(w->bio, pkey, NULL, NULL, 0, NULL, NULL) == 1;
    else
        w->done = PEM_write_bio_PKCS8PrivateKey(w->bio, pkey, NULL, NULL, 0, NULL, NULL) == 1;
    ERR_clear_error();
}

// authentication.md 7.2: SubjectPublicKeyInfo of RSA, the bare octets of Ed25519 (RFC 8463 4.2).
struct err private_key_record(struct arena *a, const struct private_key *key, struct str *out)
{
    bool rsa = key->type == DKIM_KEY_RSA;
    unsigned char *info = NULL, raw[SEED_BYTES];
    size_t raw_bytes = sizeof(raw);
    int info_bytes = rsa ? i2d_PUBKEY(key->pkey, &info) : 0;
    bool raw_done = !rsa && EVP_PKEY_get_raw_public_key(key->pkey, raw, &raw_bytes) == 1;
    struct str octets =
            str_of((const char *)(rsa ? info : raw), rsa ? (size_t)info_bytes : raw_bytes);
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    buf_fmt(&text, "v=DKIM1; k=%s; h=sha256; p=", rsa ? "rsa" : "ed25519");
    if (info_bytes > 0 || raw_done)
        encode_base64(&text, octets);
    OPENSSL_free(info);
    ERR_clear_error();
    if ((info_bytes <= 0 && !raw_done) || text.overflow)
        return fail(ERR_INTERNAL, "the library could not write a public key");
    *out = arena_str(a, buf_str(&text));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for the record of a key") : OK;
}

bool private_key_works(struct arena *a, const struct private_key *key)
{
    struct signing s = {.key = key, .digest = S("a probe of 32 octets, as a hash.")};
    struct str record;
    struct known_key known AUTO(known_key_done) = {0};
    deep_call(sign, &s);
    if (!s.done || failed(private_key_record(a, key, &record)) ||
            failed(known_key_find(NULL, a, record, &known)))
        return false;
    struct public_key_check check = {.pkey = known.pkey,
            .type = known.key.type,
            .digest = s.digest,
            .signature = str_of((const char *)s.bytes, s.count)};
    public_key_verify_here(&check);
    return check.good;
}

struct err private_key_sign(
        const struct private_key *key, enum key_place place, struct str digest, struct buf *out)
{
    struct signing s = {.key = key, .digest = digest};
    bool is_short = key->type != DKIM_KEY_RSA ||
                    (place == KEY_HERE && key->bits <= PRIVATE_KEY_INLINE_BITS_MAX);
    if (!is_short)
        TRY(offload(sign, &s));
    else
        deep_call(sign, &s);
    if (!s.done)
        return fail(ERR_INTERNAL, "the library could not sign");
    encode_base64(out, str_of((const char *)s.bytes, s.count));
    return out->overflow ? fail(ERR_LIMIT, "no memory for a signature") : OK;
}

static void sign(void *arg)
{
    struct signing *s = arg;
    s->count = sizeof(s->bytes);
    s->done = s->key->type == DKIM_KEY_RSA ? rsa_sign(s) : ed25519_sign(s);
    ERR_clear_error();
}

// RSASSA-PKCS1-v1_5; blinding is OpenSSL's default.
static bool rsa_sign(struct signing *s)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, s->key->pkey, NULL);
    bool done = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
                EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
                EVP_PKEY_sign(ctx, s->bytes, &s->count, (const unsigned char *)s->digest.ptr,
                        s->digest.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    return done;
}

static bool ed25519_sign(struct signing *s)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, s->key->pkey) == 1 &&
                EVP_DigestSign(ctx, s->bytes, &s->count, (const unsigned char *)s->digest.ptr,
                        s->digest.len) == 1;
    EVP_MD_CTX_free(ctx);
    return done;
}
