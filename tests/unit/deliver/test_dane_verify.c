// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_dane_verify.c: which records can be used, and which chains meet them
// (outbound.md 15.4, 15.5). Keys and certificates are made for the run.
#include "tlsa_made.h"

#include "deliver/security/dane.h"

// The people of this play. The leaf of `mx` is below `middle`, which is below `root`.
enum who { NOBODY, ROOT, MIDDLE, LEAF, EXPIRED, OTHER, LONER, NO_CA, BELOW_NO_CA, WHO_COUNT };

struct made_tlsa {
    int usage, selector, matching; // a row of zeroes ends the list
    enum who of;
};

struct world {
    struct arena arena;
    EVP_PKEY *keys[WHO_COUNT];
    X509 *x[WHO_COUNT];
};

static void make(struct world *w, enum who who, enum who by, const char *names, bool is_authority,
        int64_t to_days)
{
    w->keys[who] = made_key("P-256");
    w->x[who] = made_certificate(&(struct made_wish){.cn = names + 4,
            .names = is_authority ? NULL : names,
            .key = w->keys[who],
            .issuer = by == NOBODY ? NULL : w->x[by],
            .issuer_key = by == NOBODY ? NULL : w->keys[by],
            .from_days = -1000,
            .to_days = to_days,
            .is_authority = is_authority});
}

static int world_begin(void **state)
{
    struct world *w = mem_new(struct world);
    arena_init(&w->arena, 4 * MIB);
    make(w, ROOT, NOBODY, "DNS:Root", true, 1000);
    make(w, MIDDLE, ROOT, "DNS:Middle", true, 1000);
    make(w, LEAF, MIDDLE, "DNS:mx.example.net", false, 1000);
    make(w, EXPIRED, MIDDLE, "DNS:mx.example.net", false, -1);
    make(w, OTHER, NOBODY, "DNS:Other", true, 1000);
    make(w, LONER, NOBODY, "DNS:mx.example.net", false, 1000);
    make(w, NO_CA, ROOT, "DNS:middleman.example", false, 1000);
    make(w, BELOW_NO_CA, NO_CA, "DNS:mx.example.net", false, 1000);
    *state = w;
    return 0;
}

static int world_end(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < WHO_COUNT; i++) {
        EVP_PKEY_free(w->keys[i]);
        X509_free(w->x[i]);
    }
    arena_done(&w->arena);
    mem_free(w);
    return 0;
}

struct chain_case {
    const char *name;
    struct made_tlsa records[4];
    enum who chain[4];
    const char *reference; // NULL: mx.example.net
    bool matched;
    size_t depth;
    int usage;
    const char *result_type;
};

static const struct chain_case chain_cases[] = {
        {.name = "3 1 1",
                .records = {{3, 1, 1, LEAF}},
                .chain = {LEAF, MIDDLE},
                .matched = true,
                .usage = 3},
        {.name = "3 0 1",
                .records = {{3, 0, 1, LEAF}},
                .chain = {LEAF},
                .matched = true,
                .usage = 3},
        {.name = "3 1 2",
                .records = {{3, 1, 2, LEAF}},
                .chain = {LEAF},
                .matched = true,
                .usage = 3},
        {.name = "3 1 0",
                .records = {{3, 1, 0, LEAF}},
                .chain = {LEAF},
                .matched = true,
                .usage = 3},
        {.name = "3 0 0",
                .records = {{3, 0, 0, LEAF}},
                .chain = {LEAF},
                .matched = true,
                .usage = 3},
        {.name = "3 1 1, self-signed",
                .records = {{3, 1, 1, LONER}},
                .chain = {LONER},
                .matched = true,
                .usage = 3},
        {.name = "3 1 1, expired: dates do not count",
                .records = {{3, 1, 1, EXPIRED}},
                .chain = {EXPIRED, MIDDLE},
                .matched = true,
                .usage = 3},
        {.name = "3 1 1, another name: names do not count",
                .records = {{3, 1, 1, LEAF}},
                .chain = {LEAF},
                .reference = "elsewhere.example",
                .matched = true,
                .usage = 3},
        {.name = "3 1 1 of the authority: only the leaf counts",
                .records = {{3, 1, 1, MIDDLE}},
                .chain = {LEAF, MIDDLE},
                .result_type = "validation-failure"},
        {.name = "3 1 1 of somebody else",
                .records = {{3, 1, 1, OTHER}},
                .chain = {LEAF, MIDDLE},
                .result_type = "validation-failure"},
        {.name = "2 1 1, a private authority and the right name",
                .records = {{2, 1, 1, ROOT}},
                .chain = {LEAF, MIDDLE, ROOT},
                .matched = true,
                .depth = 2,
                .usage = 2},
        {.name = "2 1 1, an authority in the middle is anchor enough",
                .records = {{2, 1, 1, MIDDLE}},
                .chain = {LEAF, MIDDLE},
                .matched = true,
                .depth = 1,
                .usage = 2},
        {.name = "2 1 1, the wrong name",
                .records = {{2, 1, 1, ROOT}},
                .chain = {LEAF, MIDDLE, ROOT},
                .reference = "elsewhere.example",
                .result_type = "certificate-host-mismatch"},
        {.name = "2 1 1, expired",
                .records = {{2, 1, 1, ROOT}},
                .chain = {EXPIRED, MIDDLE, ROOT},
                .result_type = "certificate-expired"},
        {.name = "2 0 1, the anchor is not sent",
                .records = {{2, 0, 1, ROOT}},
                .chain = {LEAF, MIDDLE},
                .result_type = "validation-failure"},
        {.name = "2 0 0, the anchor is not sent",
                .records = {{2, 0, 0, ROOT}},
                .chain = {LEAF, MIDDLE},
                .matched = true,
                .depth = 2,
                .usage = 2},
        {.name = "2 1 0, only the key of the anchor is known",
                .records = {{2, 1, 0, ROOT}},
                .chain = {LEAF, MIDDLE},
                .matched = true,
                .depth = 1,
                .usage = 2},
        {.name = "2 1 0 of a key that signed nothing",
                .records = {{2, 1, 0, OTHER}},
                .chain = {LEAF, MIDDLE},
                .result_type = "validation-failure"},
        {.name = "2 1 1, the anchor is sent, but leads nowhere",
                .records = {{2, 1, 1, OTHER}},
                .chain = {LEAF, MIDDLE, OTHER},
                .result_type = "certificate-not-trusted"},
        {.name = "2 1 1 of the leaf, which is no authority",
                .records = {{2, 1, 1, LEAF}},
                .chain = {LEAF, MIDDLE},
                .result_type = "validation-failure"},
        {.name = "2 0 0 of the leaf, which is no authority in the DNS either",
                .records = {{2, 0, 0, LEAF}},
                .chain = {LEAF, MIDDLE, ROOT},
                .result_type = "validation-failure"},
        {.name = "2 1 1 of the leaf, which is sent twice",
                .records = {{2, 1, 1, LEAF}},
                .chain = {LEAF, LEAF, MIDDLE},
                .result_type = "validation-failure"},
        {.name = "2 1 1 of who signed the leaf and may not",
                .records = {{2, 1, 1, NO_CA}},
                .chain = {BELOW_NO_CA, NO_CA},
                .result_type = "validation-failure"},
        {.name = "2 1 1, who stands between is no authority",
                .records = {{2, 1, 1, ROOT}},
                .chain = {BELOW_NO_CA, NO_CA, ROOT},
                .result_type = "validation-failure"},
        {.name = "2 and 3 mixed, only 3 is met",
                .records = {{2, 1, 1, OTHER}, {3, 1, 1, LEAF}},
                .chain = {LEAF, MIDDLE},
                .matched = true,
                .usage = 3},
        {.name = "2 and 3 mixed, only 2 is met",
                .records = {{3, 1, 1, OTHER}, {2, 1, 1, MIDDLE}},
                .chain = {LEAF, MIDDLE},
                .matched = true,
                .depth = 1,
                .usage = 2},
        {.name = "no chain at all",
                .records = {{3, 1, 1, LEAF}},
                .chain = {NOBODY},
                .result_type = "validation-failure"},
};

static void chains(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < COUNT_OF(chain_cases); i++) {
        const struct chain_case *c = &chain_cases[i];
        struct dns_tlsa records[4];
        size_t count = 0;
        const struct dns_tlsa *usable;
        size_t usable_count;
        for (; count < 4 && c->records[count].of != NOBODY; count++)
            records[count] = tlsa_of(&w->arena, (uint8_t)c->records[count].usage,
                    (uint8_t)c->records[count].selector, (uint8_t)c->records[count].matching,
                    w->x[c->records[count].of]);
        assert_false(
                failed(dane_usable(&w->arena, DANE_SMTP, records, count, &usable, &usable_count)));
        check_u64(c->name, usable_count, count);
        STACK_OF(X509) *chain = sk_X509_new_null();
        for (size_t k = 0; k < 4 && c->chain[k] != NOBODY; k++)
            sk_X509_push(chain, w->x[c->chain[k]]);
        struct str names[] = {S("example.net"),
                c->reference == NULL ? S("mx.example.net") : str_from_c(c->reference)};
        struct dane_match match;
        dane_verify(&(struct dane_question){.profile = DANE_SMTP,
                            .records = usable,
                            .record_count = usable_count,
                            .chain = chain,
                            .names = names,
                            .name_count = COUNT_OF(names),
                            .now_ms = MADE_NOW_MS},
                &match);
        sk_X509_free(chain);
        check_u64(c->name, match.matched, c->matched);
        check_str(c->name, str_from_c(match.result_type), str_from_c(c->result_type));
        check_u64(c->name, str_is_null(match.why), c->matched);
        if (!c->matched)
            continue;
        check_u64(c->name, match.depth, c->depth);
        check_u64(c->name, match.record.usage, (uint64_t)c->usage);
        check_u64(c->name, str_is_null(match.name), c->usage == 3);
    }
}

static void a_chain_that_is_too_long(void **state)
{
    struct world *w = *state;
    struct dns_tlsa record = tlsa_of(&w->arena, 3, 1, 1, w->x[LEAF]);
    struct dane_match match;
    STACK_OF(X509) *chain = sk_X509_new_null();
    for (size_t length = 1; length <= 17; length++) {
        sk_X509_push(chain, w->x[length == 1 ? LEAF : MIDDLE]);
        dane_verify(&(struct dane_question){.profile = DANE_SMTP,
                            .records = &record,
                            .record_count = 1,
                            .chain = chain,
                            .now_ms = MADE_NOW_MS},
                &match);
        check_u64("16 are enough", match.matched, length <= 16);
    }
    sk_X509_free(chain);
}

// --- Which records can be used -------------------------------------------------------------------

static void usable_records(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name;
        int usage, selector, matching;
        size_t bytes; // of a digest of nobody's
        bool smtp, generic;
    } cases[] = {
            {"3 1 1", 3, 1, 1, 32, true, true},
            {"2 1 2", 2, 1, 2, 64, true, true},
            {"usage 0", 0, 1, 1, 32, false, true},
            {"usage 1", 1, 1, 1, 32, false, true},
            {"usage 4", 4, 1, 1, 32, false, false},
            {"usage 255", 255, 1, 1, 32, false, false},
            {"selector 2", 3, 2, 1, 32, false, false},
            {"matching 3", 3, 1, 3, 32, false, false},
            {"SHA-256, a byte short", 3, 1, 1, 31, false, false},
            {"SHA-256, a byte too long", 3, 1, 1, 33, false, false},
            {"SHA-512 of the length of SHA-256", 3, 1, 2, 32, false, false},
            {"nothing", 3, 1, 1, 0, false, false},
            {"a certificate that is none", 3, 0, 0, 100, false, false},
            {"a key that is none", 2, 1, 0, 91, false, false},
            {"an empty certificate", 2, 0, 0, 0, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct dns_tlsa r = tlsa_of_nobody(&w->arena, (uint8_t)cases[i].usage,
                (uint8_t)cases[i].selector, (uint8_t)cases[i].matching, cases[i].bytes);
        const struct dns_tlsa *out;
        size_t count;
        assert_false(failed(dane_usable(&w->arena, DANE_SMTP, &r, 1, &out, &count)));
        check_u64(cases[i].name, count, cases[i].smtp);
        assert_false(failed(dane_usable(&w->arena, DANE_GENERIC, &r, 1, &out, &count)));
        check_u64(cases[i].name, count, cases[i].generic);
    }
    struct dns_tlsa whole = tlsa_of(&w->arena, 2, 0, 0, w->x[ROOT]);
    whole.data = arena_join(&w->arena, whole.data, S("x"));
    const struct dns_tlsa *out;
    size_t count;
    assert_false(failed(dane_usable(&w->arena, DANE_SMTP, &whole, 1, &out, &count)));
    check_u64("a certificate with a byte behind it", count, 0);
}

static void the_strongest_digest(void **state)
{
    struct world *w = *state;
    struct dns_tlsa all[] = {
            tlsa_of(&w->arena, 3, 1, 1, w->x[LEAF]),  // goes: there is SHA-512 of the same kind
            tlsa_of(&w->arena, 3, 0, 1, w->x[LEAF]),  // another selector
            tlsa_of(&w->arena, 2, 1, 1, w->x[ROOT]),  // another usage
            tlsa_of(&w->arena, 3, 1, 0, w->x[LEAF]),  // no digest
            tlsa_of(&w->arena, 3, 1, 2, w->x[OTHER]), // of another key
            tlsa_of_nobody(&w->arena, 2, 1, 2, 63),   // cannot be used, so it pushes out nothing
    };
    const struct dns_tlsa *out;
    size_t count;
    assert_false(failed(dane_usable(&w->arena, DANE_SMTP, all, COUNT_OF(all), &out, &count)));
    check_u64("what is left", count, 4);
    for (size_t i = 0; i < count; i++)
        check_str("in order", out[i].data, all[i + 1].data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(chains), TEST(a_chain_that_is_too_long),
            TEST(usable_records), TEST(the_strongest_digest)};
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
