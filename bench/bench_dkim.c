// SPDX-License-Identifier: Apache-2.0
// bench/bench_dkim.c: what a signature costs beyond the operation with its key, and a body beyond
// its hash; the same by OpenDKIM's library in the same run. Times are of the processor, all threads
// together, per message: the median of short rounds, in which all take turns, and the least. The
// ratio is a median as well, of those of the rounds: a slow moment hits both sides of it alike.
//
//     bench-dkim [ROUNDS [MESSAGES]]    # 41 of 40 each; one of a few under callgrind
#define POSTHASTE_BASE_ROOM
#include "base/hash.h"
#include "opendkim.h"
#include "proof/arc.h"
#include "proof/evidence.h"
#include "proof/key_cache.h"
#include "rt/dns.h"
#include "rt/rt.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <time.h>

#define ROUNDS 41
#define MESSAGES 40
#define KEYS_FILE "bench-dkim.keys"

struct bench {
    struct arena arena; // of the whole run
    struct resolver *resolver;
    struct key_cache *cache;
    struct private_key *key;
    struct dkim_signer signer;
    struct str pem, record;
    EVP_PKEY *bare;
    uint8_t bare_signature[512];
    size_t bare_bytes;
    size_t round_count;
    int messages; // of a round
};

struct work {
    struct bench *b;
    struct str message, signed_message, sealed_message;
    int times;
    bool cached;
};

typedef void measured(const struct work *w);

static void bare_sign_once(struct bench *b);

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(struct err e)
{
    if (!failed(e))
        return;
    fprintf(stderr, "bench-dkim: %.*s\n", ARG(err_text(e)));
    abort();
}

// --- What is measured ----------------------------------------------------------------------------

static struct str sign_once(struct arena *a, const struct work *w)
{
    struct body_hashes *bodies = body_hashes_new();
    struct body_hash_kind kind = dkim_sign_body_kind(&w->b->signer);
    size_t at = proof_head_bytes(w->message), index;
    struct proof_head head;
    struct str field;
    must(proof_head_read(a, str_upto(w->message, at), &head));
    must(body_hashes_want(bodies, &kind, &index));
    body_hashes_add(bodies, str_from(w->message, at));
    must(body_hashes_end(bodies));
    must(dkim_sign_make(
            a, &w->b->signer, &head, body_hashes_digest(bodies, index), 1700000000, &field));
    body_hashes_free(bodies);
    return field;
}

// With a set of ARC on top.
static struct str seal_once(struct arena *a, const struct work *w)
{
    struct body_hashes *bodies = body_hashes_new();
    struct body_hash_kind kind = dkim_sign_body_kind(&w->b->signer);
    size_t at = proof_head_bytes(w->signed_message), index;
    struct arc_answer none = {0};
    struct arc_fields fields;
    struct proof_head head;
    must(proof_head_read(a, str_upto(w->signed_message, at), &head));
    must(body_hashes_want(bodies, &kind, &index));
    body_hashes_add(bodies, str_from(w->signed_message, at));
    must(body_hashes_end(bodies));
    struct arc_seal what = {.chain = &none,
            .signer = &w->b->signer,
            .results = S("a.example; none"),
            .body_hash = body_hashes_digest(bodies, index),
            .now_s = 1700000000};
    must(arc_seal_make(a, &head, &what, &fields));
    struct str sealed = arena_fmt(a, "%.*s%.*s%.*s%.*s", ARG(fields.seal), ARG(fields.message),
            ARG(fields.results), ARG(w->signed_message));
    body_hashes_free(bodies);
    return sealed;
}

static void sign_all(const struct work *w)
{
    for (int i = 0; i < w->times; i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, 16 * MIB);
        sign_once(&a, w);
    }
}

static void verify_once(struct arena *a, const struct work *w)
{
    struct dkim_rules rules = dkim_rules_default(1700000000);
    struct body_hashes *bodies = body_hashes_new();
    struct key_ring keys AUTO(key_ring_end);
    key_ring_begin(&keys, w->b->resolver, a);
    keys.cache = w->cached ? w->b->cache : NULL;
    size_t at = proof_head_bytes(w->signed_message);
    struct proof_head head;
    struct dkim_verifier *v;
    struct dkim_answer answer;
    must(proof_head_read(a, str_upto(w->signed_message, at), &head));
    must(dkim_verify_begin(a, &rules, &head, bodies, &keys, &v));
    body_hashes_add(bodies, str_from(w->signed_message, at));
    must(body_hashes_end(bodies));
    must(dkim_verify_end(v, &answer));
    assert(answer.result == DKIM_PASS);
    body_hashes_free(bodies);
}

static void verify_all(const struct work *w)
{
    for (int i = 0; i < w->times; i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, 16 * MIB);
        verify_once(&a, w);
    }
}

static void verify_cached(const struct work *w)
{
    struct work copy = *w;
    copy.cached = true;
    verify_all(&copy);
}

// All that is asked about a sender at the end of DATA, every answer at hand.
static void inbound_once(struct arena *a, const struct work *w)
{
    struct arc_rules chain_rules = arc_rules_default(1700000000);
    struct spf_settings spf_settings = spf_settings_default();
    struct dmarc_settings dmarc_settings = dmarc_settings_default();
    struct spf_question spf_question = {
            .helo = S("mail.a.example"), .sender = S("ann@a.example"), .receiver = S("mx.example")};
    struct dmarc_question question = {.author = S("a.example")};
    struct spf_answer spf;
    struct dkim_answer dkim;
    struct arc_answer chain;
    struct dmarc_answer dmarc;
    struct body_hashes *bodies = body_hashes_new();
    struct key_ring keys AUTO(key_ring_end);
    key_ring_begin(&keys, w->b->resolver, a);
    keys.cache = w->b->cache;
    size_t at = proof_head_bytes(w->sealed_message);
    struct proof_head head;
    struct dkim_verifier *v;
    struct arc_verifier *c;
    assert(ip_parse(S("192.0.2.1"), &spf_question.ip));
    must(spf_check(w->b->resolver, a, &spf_settings, &spf_question, &spf));
    must(proof_head_read(a, str_upto(w->sealed_message, at), &head));
    must(dkim_verify_begin(a, &chain_rules.dkim, &head, bodies, &keys, &v));
    must(arc_verify_begin(a, &chain_rules, &head, bodies, &keys, &c));
    body_hashes_add(bodies, str_from(w->sealed_message, at));
    must(body_hashes_end(bodies));
    must(dkim_verify_end(v, &dkim));
    must(arc_verify_end(c, &chain));
    must(dmarc_evidence(a, &spf, &dkim, &question));
    must(dmarc_check(w->b->resolver, a, &dmarc_settings, &question, &dmarc));
    assert(spf.result == SPF_PASS && dkim.result == DKIM_PASS && chain.result == ARC_PASS);
    assert(dmarc.result == DMARC_PASS);
    body_hashes_free(bodies);
}

static void inbound_all(const struct work *w)
{
    for (int i = 0; i < w->times; i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, 16 * MIB);
        inbound_once(&a, w);
    }
}

static void bare_sign(const struct work *w)
{
    for (int i = 0; i < w->times; i++)
        bare_sign_once(w->b);
}

static void bare_sign_once(struct bench *b)
{
    static const uint8_t digest[32] = {1};
    b->bare_bytes = sizeof(b->bare_signature);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, b->bare, NULL);
    bool done = EVP_PKEY_sign_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
                EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
                EVP_PKEY_sign(ctx, b->bare_signature, &b->bare_bytes, digest, sizeof(digest)) == 1;
    assert(done);
    EVP_PKEY_CTX_free(ctx);
}

// Of what bare_sign left.
static void bare_verify(const struct work *w)
{
    static const uint8_t digest[32] = {1};
    const struct bench *b = w->b;
    for (int i = 0; i < w->times; i++) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, b->bare, NULL);
        bool done =
                EVP_PKEY_verify_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
                EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
                EVP_PKEY_verify(ctx, b->bare_signature, b->bare_bytes, digest, sizeof(digest)) == 1;
        assert(done);
        EVP_PKEY_CTX_free(ctx);
    }
}

static void canon_of(const struct work *w, enum canon canon)
{
    for (int i = 0; i < w->times; i++) {
        struct body_hashes *bodies = body_hashes_new();
        struct body_hash_kind kind = {.canon = canon, .bytes_max = CANON_WHOLE};
        size_t index;
        must(body_hashes_want(bodies, &kind, &index));
        body_hashes_add(bodies, w->message);
        must(body_hashes_end(bodies));
        body_hashes_free(bodies);
    }
}

static void body_relaxed(const struct work *w)
{
    canon_of(w, CANON_RELAXED);
}

static void body_simple(const struct work *w)
{
    canon_of(w, CANON_SIMPLE);
}

static void body_bare(const struct work *w)
{
    uint8_t digest[32];
    for (int i = 0; i < w->times; i++)
        EVP_Digest(w->message.ptr, w->message.len, digest, NULL, EVP_sha256(), NULL);
}

static struct opendkim_work peer_of(const struct work *w)
{
    return (struct opendkim_work){.message = w->message,
            .pem = w->b->pem,
            .selector = w->b->signer.selector,
            .domain = w->b->signer.domain,
            .keys = KEYS_FILE,
            .times = w->times};
}

// They need more stack than a task has.
static void deep_sign(void *work)
{
    struct buf ignored AUTO(buf_done);
    struct opendkim_work p = peer_of(work);
    buf_init(&ignored, 16 * MIB);
    if (!opendkim_sign(&p, &ignored))
        fprintf(stderr, "bench-dkim: OpenDKIM did not sign\n");
}

static void peer_sign(const struct work *w)
{
    struct work copy = *w;
    deep_call(deep_sign, &copy);
}

static void deep_verify(void *work)
{
    const struct work *w = work;
    struct opendkim_work p = peer_of(w);
    if (!opendkim_verify(&p, w->signed_message))
        fprintf(stderr, "bench-dkim: OpenDKIM did not verify\n");
}

static void peer_verify(const struct work *w)
{
    struct work copy = *w;
    deep_call(deep_verify, &copy);
}

// --- The run -------------------------------------------------------------------------------------

enum row {
    SIGN,
    BARE_SIGN,
    PEER_SIGN,
    VERIFY,
    VERIFY_NEW,
    BARE_VERIFY,
    PEER_VERIFY,
    INBOUND,
    BODY_RELAXED,
    BODY_SIMPLE,
    BARE_BODY,
    ROW_COUNT,
};
static const struct {
    const char *name;
    measured *run;
} rows[ROW_COUNT] = {
        [SIGN] = {"sign", sign_all},
        [BARE_SIGN] = {"  bare RSA", bare_sign},
        [PEER_SIGN] = {"  OpenDKIM", peer_sign},
        [VERIFY] = {"verify", verify_cached},
        [VERIFY_NEW] = {"  with a new key", verify_all},
        [BARE_VERIFY] = {"  bare RSA", bare_verify},
        [PEER_VERIFY] = {"  OpenDKIM", peer_verify},
        [INBOUND] = {"SPF DKIM ARC DMARC", inbound_all},
        [BODY_RELAXED] = {"body, relaxed", body_relaxed},
        [BODY_SIMPLE] = {"body, simple", body_simple},
        [BARE_BODY] = {"  bare SHA-256", body_bare},
};

static void report(struct bench *b, double *us[ROW_COUNT]);
static double median_of(double *values, size_t count);
static int compare(const void *a, const void *b);

static struct str message_of(struct arena *a, size_t body_bytes)
{
    static const struct str words[] = {S_INIT("lorem"), S_INIT("ipsum"), S_INIT("dolor"),
            S_INIT("sit"), S_INIT("amet,"), S_INIT("consectetur"), S_INIT("adipiscing")};
    struct prng dice;
    struct buf text AUTO(buf_done);
    prng_seed(&dice, 1);
    buf_init(&text, 16 * MIB);
    for (int i = 0; i < 4; i++)
        buf_fmt(&text,
                "Received: from mail%d.example.net (mail%d.example.net [192.0.2.%d])\r\n\tby "
                "mx.example.org (Postfix) with ESMTPS id ABCDEF%d\r\n\tfor <bob@example.org>; "
                "Tue, 14 Nov 2023 22:13:20 +0000 (UTC)\r\n",
                i, i, i, i);
    buf_add(&text, S("From: Ann <ann@a.example>\r\nTo: Bob <bob@example.org>\r\n"
                     "Subject: a message of some length\r\nMessage-ID: <1@a.example>\r\n"
                     "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMIME-Version: 1.0\r\n"
                     "Content-Type: text/plain; charset=utf-8\r\n\r\n"));
    for (size_t line = 0, end = text.len + body_bytes; text.len < end;) {
        struct str word = words[prng_below(&dice, COUNT_OF(words))];
        buf_add(&text, word);
        line += word.len + 1;
        buf_add(&text, line > 68 ? S("\r\n") : S(" "));
        line = line > 68 ? 0 : line;
    }
    buf_add(&text, S("\r\n"));
    return arena_str(a, buf_str(&text));
}

static void run_rows(struct bench *b, const char *name, size_t body_bytes)
{
    struct work w = {.b = b, .message = message_of(&b->arena, body_bytes), .times = b->messages};
    double *us[ROW_COUNT];
    w.signed_message = arena_join(&b->arena, sign_once(&b->arena, &w), w.message);
    w.sealed_message = seal_once(&b->arena, &w);
    for (size_t row = 0; row < ROW_COUNT; row++)
        us[row] = arena_array(&b->arena, b->round_count, double);
    for (size_t round = 0; round < b->round_count; round++) {
        for (size_t row = 0; row < ROW_COUNT; row++) {
            double start = cpu_us();
            rows[row].run(&w);
            us[row][round] = (cpu_us() - start) / w.times;
        }
    }
    printf("%s, %zu bytes with its header; us of CPU a message%17s%10s\n", name, w.message.len,
            "median", "least");
    report(b, us);
}

static void report(struct bench *b, double *us[ROW_COUNT])
{
    double *ratio = arena_array(&b->arena, b->round_count, double);
    double *more_us = arena_array(&b->arena, b->round_count, double), median[ROW_COUNT];
    for (size_t i = 0; i < b->round_count; i++) {
        double both = us[SIGN][i] + us[VERIFY][i], bare = us[BARE_SIGN][i] + us[BARE_VERIFY][i];
        ratio[i] = both / bare;
        more_us[i] = both - 1.1 * bare;
    }
    for (size_t row = 0; row < ROW_COUNT; row++) {
        median[row] = median_of(us[row], b->round_count);
        printf("  %-50s %9.1f %9.1f\n", rows[row].name, median[row], us[row][0]);
    }
    printf("  sign + verify: %.3f times the bare operations; %.1f us beyond 1.1 times them\n",
            median_of(ratio, b->round_count), median_of(more_us, b->round_count));
    printf("  OpenDKIM takes %.2f times as much to sign, %.2f to verify\n",
            median[PEER_SIGN] / median[SIGN], median[PEER_VERIFY] / median[VERIFY]);
}

// Puts them in order, the least first.
static double median_of(double *values, size_t count)
{
    qsort(values, count, sizeof(values[0]), compare);
    return values[count / 2];
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void add_txt(struct dns_zone *zone, struct str name, struct str text)
{
    struct buf rdata AUTO(buf_done);
    buf_init(&rdata, KIB);
    for (struct str rest = text; !str_is_empty(rest);) {
        struct str piece = str_upto(rest, 255);
        buf_add_byte(&rdata, (char)piece.len);
        buf_add(&rdata, piece);
        rest = str_from(rest, piece.len);
    }
    must(dns_zone_add(zone, name, DNS_TXT, buf_str(&rdata)));
}

static struct err run(void *arg)
{
    struct bench *b = arg;
    struct dns_zone *zone = dns_zone_new();
    add_txt(zone, S("s1._domainkey.a.example"), b->record);
    add_txt(zone, S("a.example"), S("v=spf1 ip4:192.0.2.0/24 -all"));
    add_txt(zone, S("_dmarc.a.example"), S("v=DMARC1; p=reject"));
    must(resolver_new_zone(zone, NULL, &b->resolver));
    run_rows(b, "4 KiB", 4 * KIB);
    run_rows(b, "64 KiB", 64 * KIB);
    resolver_free(b->resolver);
    dns_zone_free(zone);
    return OK;
}

static void write_keys(const struct bench *b)
{
    FILE *f = fopen(KEYS_FILE, "w");
    if (f == NULL)
        abort();
    fprintf(f, "s1._domainkey.a.example %.*s\n", ARG(b->record));
    fclose(f);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 0, messages = argc > 2 ? atoi(argv[2]) : 0;
    struct bench b = {.round_count = rounds > 0 ? (size_t)rounds : ROUNDS,
            .messages = messages > 0 ? messages : MESSAGES};
    struct buf pem AUTO(buf_done);
    arena_init(&b.arena, 64 * MIB);
    buf_init(&pem, 16 * KIB);
    must(private_key_generate(DKIM_KEY_RSA, 2048, &b.key));
    must(private_key_pem(b.key, &pem));
    must(private_key_record(&b.arena, b.key, &b.record));
    b.pem = arena_str(&b.arena, buf_str(&pem));
    BIO *bio = BIO_new_mem_buf(b.pem.ptr, (int)b.pem.len);
    b.bare = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    b.signer = dkim_signer_default();
    b.signer.domain = S("a.example");
    b.signer.selector = S("s1");
    b.signer.key = b.key;
    write_keys(&b);
    b.cache = key_cache_new(1, 2, KEY_CACHE_KEYS_MAX);
    struct loop *loop = loop_new_real();
    must(loop_run(loop, run, &b));
    loop_free(loop);
    remove(KEYS_FILE);
    EVP_PKEY_free(b.bare);
    private_key_free(b.key);
    key_cache_free(b.cache);
    arena_done(&b.arena);
    return 0;
}
