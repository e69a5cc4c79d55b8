// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_proof_message.c: whole messages through DKIM and ARC verification, with a zone
// that has a key for everybody; then sealed, where that may be.
#include "proof/arc.h"
#include "rt/dns.h"
#include "rt/sim/sim.h"

#define MEMORY_BYTES_MAX (64 * MIB)
#define KEY "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define SEED "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct trial {
    struct str message;
    struct arena arena;
    struct resolver *resolver;
};

static struct err run(void *arg);
static struct err verify(struct trial *t) suspends;
static struct err seal(
        struct trial *t, struct proof_head *head, const struct arc_answer *chain) suspends;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trial t = {.message = str_of((const char *)data, size)};
    struct sim *sim = sim_new(1);
    assert(sim != NULL);
    arena_init(&t.arena, MEMORY_BYTES_MAX);
    struct err e = sim_run(sim, run, &t);
    assert(!failed(e) || e.kind == ERR_LIMIT);
    arena_done(&t.arena);
    sim_free(sim);
    return 0;
}

static struct err run(void *arg)
{
    struct trial *t = arg;
    struct dns_zone *zone = dns_zone_new();
    struct buf rdata AUTO(buf_done);
    buf_init(&rdata, KIB);
    buf_add_byte(&rdata, (char)(sizeof(KEY) - 1));
    buf_add(&rdata, S(KEY));
    struct err e = dns_zone_add(zone, S("s._domainkey.a.b"), DNS_TXT, buf_str(&rdata));
    if (!failed(e))
        e = resolver_new_zone(zone, NULL, &t->resolver);
    if (!failed(e)) {
        e = verify(t);
        resolver_free(t->resolver);
    }
    dns_zone_free(zone);
    return e;
}

static struct err verify(struct trial *t)
{
    struct key_ring keys AUTO(key_ring_end);
    key_ring_begin(&keys, t->resolver, &t->arena);
    struct body_hashes *bodies AUTO(body_hashes_free_auto) = body_hashes_new();
    size_t at = proof_head_bytes(t->message);
    struct dkim_rules rules = dkim_rules_default(1700000000);
    struct arc_rules chain_rules = arc_rules_default(1700000000);
    struct proof_head head;
    struct dkim_verifier *dkim;
    struct arc_verifier *arc;
    struct dkim_answer answer;
    struct arc_answer chain;
    rules.allow_sha1 = rules.allow_body_length = true;
    TRY(proof_head_read(&t->arena, str_upto(t->message, at), &head));
    TRY(dkim_verify_begin(&t->arena, &rules, &head, bodies, &keys, &dkim));
    TRY(arc_verify_begin(&t->arena, &chain_rules, &head, bodies, &keys, &arc));
    body_hashes_add(bodies, str_from(t->message, at));
    TRY(body_hashes_end(bodies));
    TRY(dkim_verify_end(dkim, &answer));
    TRY(arc_verify_end(arc, &chain));
    assert(chain.count <= ARC_INSTANCE_MAX);
    assert((chain.result == ARC_NONE) == (chain.count == 0 && str_is_null(chain.reason)));
    for (size_t i = 0; i < answer.count; i++)
        assert((answer.at[i].result == DKIM_PASS) == (answer.at[i].reason == DKIM_FINE));
    return arc_may_seal(&chain) ? seal(t, &head, &chain) : OK;
}

static struct err seal(struct trial *t, struct proof_head *head, const struct arc_answer *chain)
{
    struct private_key *key AUTO(private_key_free_auto) = NULL;
    struct arc_fields fields;
    TRY(private_key_read(&t->arena, S(SEED), 2048, &key));
    struct dkim_signer signer = dkim_signer_default();
    signer.domain = S("a.b");
    signer.selector = S("s");
    signer.key = key;
    TRY(arc_seal_make(&t->arena, head,
            &(struct arc_seal){.chain = chain,
                    .signer = &signer,
                    .results = S("a.b; none"),
                    .body_hash = S("x"),
                    .now_s = 1700000000},
            &fields));
    assert(str_ends(fields.seal, S("\r\n")) && str_ends(fields.message, S("\r\n")));
    return OK;
}
