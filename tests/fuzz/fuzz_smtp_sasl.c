// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_smtp_sasl.c: a client says anything, a directory answers anything. Nobody gets
// in to whom the directory did not say yes, and it is never asked about nonsense. Input: the
// mechanism, what is going on (bits below), then the client's lines.
#define POSTHASTE_BASE_ROOM
#include "base/encode.h"
#include "smtp/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LINES_ARE_PLAIN = 1, // and get their base64 from us
    INITIAL = 2,
    OFFERED = 4, // -PLUS
    BOUND = 8,
    ANSWER_YES = 16,
    ANSWER_KEYS = 32, // instead of a clear secret
    ANSWER_TROUBLE = 64,
    KEYS_ARE_SHORT = 128,
};

static struct str line_next(struct arena *a, uint8_t bits, struct str *rest)
{
    struct buf out AUTO(buf_done);
    struct str line;
    buf_init(&out, 2 * SASL_LINE_BYTES_MAX);
    if (!str_split(rest, '\n', &line))
        return S("*");
    if ((bits & LINES_ARE_PLAIN) == 0)
        return line;
    encode_base64(&out, line);
    return arena_str(a, buf_str(&out));
}

static struct sasl_answer answer(uint8_t bits, const struct sasl_question *q)
{
    struct sasl_answer a = {.verdict = (bits & ANSWER_YES) != 0 ? SASL_YES : SASL_NO};
    struct str key = S("0123456789abcdef0123456789abcdef");
    assert(str_is_utf8(q->login) && str_is_utf8(q->password) && str_is_utf8(q->authzid));
    assert(str_find_byte(q->login, '\0') == STR_NOT_FOUND);
    assert(q->login.len > 0 || (q->kind == SASL_ASK_TOKEN && str_is_null(q->login)));
    assert(q->password.len > 0 || q->kind != SASL_ASK_PASSWORD);
    assert(q->token.len > 0 || q->kind != SASL_ASK_TOKEN);
    if ((bits & ANSWER_TROUBLE) != 0)
        a.verdict = SASL_TROUBLE;
    a.clear = S("pencil");
    if ((bits & ANSWER_KEYS) != 0) {
        size_t len = q->hash == SASL_SHA_1 ? 20 : 32;
        a.stored_key = a.server_key = str_upto(key, (bits & KEYS_ARE_SHORT) != 0 ? 7 : len);
        a.salt = S("salt");
        a.iterations = 4096;
    }
    return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str identity = S_INIT("tim@example.org");
    if (size < 2)
        return 0;
    struct arena arena;
    struct sasl sasl;
    struct str rest = str_of((const char *)data + 2, size - 2);
    struct sasl_inputs inputs = {.mechanism = data[0] % SASL_MECHANISM_COUNT,
            .host = S("mx.example"),
            .nonce = S("s"),
            .number = 1,
            .identities = &identity,
            .identity_count = 1};
    if ((data[1] & OFFERED) != 0)
        sasl_set_add(&inputs.offered, SASL_SCRAM_SHA_256_PLUS);
    if ((data[1] & BOUND) != 0)
        inputs.bindings[SASL_TLS_EXPORTER] = S("\1\2\3\4");
    arena_init(&arena, 16 * MIB);
    bool yes = false;
    int turns = 0;
    struct str initial = (data[1] & INITIAL) != 0 ? line_next(&arena, data[1], &rest) : STR_NULL;
    struct sasl_step step = sasl_begin(&sasl, &inputs, initial);
    for (; sasl_goes_on(&step); turns++) {
        if (step.kind == SASL_CHALLENGE) {
            step = sasl_respond(&sasl, line_next(&arena, data[1], &rest));
            continue;
        }
        if (step.kind == SASL_COMPUTE) {
            sasl_compute(&sasl);
            step = sasl_computed(&sasl);
            continue;
        }
        struct sasl_answer a = answer(data[1], &step.question);
        yes = a.verdict == SASL_YES;
        step = sasl_answer(&sasl, &a);
    }
    assert(turns <= 6);
    assert(step.kind != SASL_SUCCESS || yes);
    assert(step.kind != SASL_FAILURE || step.why.len > 0);
    sasl_done(&sasl);
    arena_done(&arena);
    return 0;
}
