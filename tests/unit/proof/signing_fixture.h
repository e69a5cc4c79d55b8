// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/signing_fixture.h: keys made here, a zone that publishes them in many ways, and
// messages signed with them.
#pragma once

#include "zone_fixture.h"

#include "base/encode.h"
#include "proof/arc.h"

#define NOW_S 1700000000
#define HEAD                                                                                       \
    "From: Ann <ann@a.example>\r\nTo: b@b.example,\r\n\tc@b.example\r\nSubject:  two  words \r\n"  \
    "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
#define BODY "Hello \t there  \r\n\r\n  indented\r\n\r\n\r\n"

struct world {
    struct resolver *resolver;
    struct arena arena;
    struct private_key *rsa, *ed25519;
};

typedef void world_test(struct world *w);
static inline struct err with_keys(struct resolver *r, void *arg);

// The zone has the keys of rsa.a.example and so on, in the variations that keys have.
static inline void in_world(world_test *test)
{
    struct world w = {0};
    struct arena a AUTO(arena_done);
    struct str rsa, ed;
    void *arg[] = {&w, (void *)&test};
    arena_init(&a, MIB);
    assert_false(failed(private_key_generate(DKIM_KEY_RSA, 1024, &w.rsa)));
    assert_false(failed(private_key_read(
            &a, S("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="), 2048, &w.ed25519)));
    assert_false(failed(private_key_record(&a, w.rsa, &rsa)));
    assert_false(failed(private_key_record(&a, w.ed25519, &ed)));
    struct str p = str_from(ed, str_find(ed, S("p=")));
    struct str zone = arena_fmt(&a,
            "{'zone': 1, 'names': {"
            "'rsa._domainkey.a.example': {'TXT': ['%.*s']},"
            "'ed._domainkey.a.example': {'TXT': ['%.*s']},"
            "'many._domainkey.a.example': {'TXT': ['hello', '%.*s', 'v=DKIM1; p=', '%.*s']},"
            "'late._domainkey.a.example': {'TXT': ['p=', 'p=', 'p=', '%.*s']},"
            "'none2._domainkey.a.example': {'TXT': ['hello', 'v=DKIM2; p=']},"
            "'revoked._domainkey.a.example': {'TXT': ['v=DKIM1; k=ed25519; p=']},"
            "'test._domainkey.a.example': {'TXT': ['k=ed25519; t=y; %.*s']},"
            "'exact._domainkey.a.example': {'TXT': ['k=ed25519; t=s; %.*s']},"
            "'other._domainkey.a.example': {'TXT': ['k=ed25519; s=tlsrpt; %.*s']},"
            "'sha1._domainkey.a.example': {'TXT': ['k=ed25519; h=sha1; %.*s']},"
            "'ed._domainkey.b.example': {'TXT': ['%.*s']},"
            "'k1._domainkey.example.org': {'TXT': ['%.*s']},"
            "'b.example._atps.a.example': {'TXT': ['v=ATPS1; d=b.example']},"
            "'5djzevvnf22sg5a2ntwphegtudiajasq4fccjinvzrcy3ymnjhjq._atps.a.example':"
            " {'TXT': ['v=ATPS1']},"
            "'slow._domainkey.a.example': 'TIMEOUT'"
            "}}",
            ARG(rsa), ARG(ed), ARG(rsa), ARG(ed), ARG(ed), ARG(p), ARG(p), ARG(p), ARG(p), ARG(ed),
            ARG(ed));
    with_zone(arena_c_str(&a, zone), NULL, with_keys, arg);
    private_key_free(w.rsa);
    private_key_free(w.ed25519);
}

static inline struct err with_keys(struct resolver *r, void *arg)
{
    void **args = arg;
    struct world *w = args[0];
    world_test **test = args[1];
    w->resolver = r;
    arena_init(&w->arena, 64 * MIB);
    (*test)(w);
    arena_done(&w->arena);
    return OK;
}

static inline struct dkim_signer signer_of(const struct world *w, struct str selector)
{
    struct dkim_signer s = dkim_signer_default();
    s.domain = S("a.example");
    s.selector = selector;
    s.key = str_eq(selector, S("rsa")) ? w->rsa : w->ed25519;
    return s;
}

static inline struct str digest_body(
        struct world *w, const struct dkim_signer *signer, struct str body)
{
    struct body_hashes *b AUTO(body_hashes_free_auto) = body_hashes_new();
    struct body_hash_kind kind = dkim_sign_body_kind(signer);
    size_t at;
    assert_false(failed(body_hashes_want(b, &kind, &at)));
    body_hashes_add(b, body);
    assert_false(failed(body_hashes_end(b)));
    return arena_str(&w->arena, body_hashes_digest(b, at));
}

// The message with one more signature on top.
static inline struct str sign(struct world *w, const struct dkim_signer *signer, struct str message)
{
    struct proof_head head;
    struct str field;
    size_t at = proof_head_bytes(message);
    assert_false(failed(proof_head_read(&w->arena, str_upto(message, at), &head)));
    struct str digest = digest_body(w, signer, str_from(message, at));
    struct err e = dkim_sign_make(&w->arena, signer, &head, digest, NOW_S, &field);
    if (failed(e))
        check_failed("signing: %.*s", ARG(err_text(e)));
    return arena_join(&w->arena, field, message);
}

static inline struct dkim_answer verify_by(
        struct world *w, const struct dkim_rules *rules, struct str message)
{
    struct dkim_answer answer;
    struct proof_head head;
    struct dkim_verifier *v;
    struct body_hashes *b AUTO(body_hashes_free_auto) = body_hashes_new();
    struct key_ring keys AUTO(key_ring_end);
    key_ring_begin(&keys, w->resolver, &w->arena);
    size_t at = proof_head_bytes(message);
    assert_false(failed(proof_head_read(&w->arena, str_upto(message, at), &head)));
    assert_false(failed(dkim_verify_begin(&w->arena, rules, &head, b, &keys, &v)));
    body_hashes_add(b, str_from(message, at));
    assert_false(failed(body_hashes_end(b)));
    assert_false(failed(dkim_verify_end(v, &answer)));
    return answer;
}

static inline struct dkim_answer verify(struct world *w, struct str message)
{
    struct dkim_rules rules = dkim_rules_default(NOW_S);
    return verify_by(w, &rules, message);
}

static inline struct arc_answer validate_by(
        struct world *w, const struct arc_rules *rules, struct str message)
{
    struct arc_answer answer;
    struct proof_head head;
    struct arc_verifier *v;
    struct body_hashes *b AUTO(body_hashes_free_auto) = body_hashes_new();
    struct key_ring keys AUTO(key_ring_end);
    key_ring_begin(&keys, w->resolver, &w->arena);
    size_t at = proof_head_bytes(message);
    assert_false(failed(proof_head_read(&w->arena, str_upto(message, at), &head)));
    assert_false(failed(arc_verify_begin(&w->arena, rules, &head, b, &keys, &v)));
    body_hashes_add(b, str_from(message, at));
    assert_false(failed(body_hashes_end(b)));
    assert_false(failed(arc_verify_end(v, &answer)));
    return answer;
}

static inline struct str replaced(
        struct world *w, struct str text, const char *from, const char *to)
{
    size_t at = str_find(text, str_from_c(from));
    assert_true(at != STR_NOT_FOUND);
    return arena_fmt(&w->arena, "%.*s%s%.*s", ARG(str_upto(text, at)), to,
            ARG(str_from(text, at + str_from_c(from).len)));
}
