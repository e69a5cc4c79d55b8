// SPDX-License-Identifier: Apache-2.0
// deliver/answer.c: see answer.h.
#include "deliver/answer.h"

static int weight(const struct client_answer *a);

struct client_answer answer_temporary(enum client_stage stage, enum failure_kind kind,
        struct str entity, struct str enhanced, struct str text)
{
    return (struct client_answer){.stage = stage,
            .verdict = CLIENT_TEMPORARY,
            .outcome = {.kind = kind, .entity = entity, .enhanced = enhanced, .text = text}};
}

struct client_answer answer_permanent(enum client_stage stage, enum failure_kind kind,
        struct str entity, struct str enhanced, struct str text)
{
    struct client_answer answer = answer_temporary(stage, kind, entity, enhanced, text);
    answer.verdict = CLIENT_PERMANENT;
    return answer;
}

struct client_answer answer_no_body(void)
{
    return answer_temporary(
            CLIENT_DATA, FAILURE_IO, S("localhost"), S("4.3.0"), S("message body unavailable"));
}

struct client_answer answer_good(
        struct str host, uint16_t code, struct str enhanced, struct str text)
{
    return (struct client_answer){.stage = CLIENT_EOD,
            .verdict = CLIENT_GOOD,
            .outcome = {.entity = host,
                    .host = host,
                    .code = code,
                    .enhanced = enhanced,
                    .text = text}};
}

const struct client_answer *arena_answer(struct arena *a, const struct client_answer *answer)
{
    struct client_answer *copy = arena_make(a, struct client_answer);
    if (copy != NULL)
        *copy = *answer;
    return copy;
}

const struct client_answer *answer_better(
        const struct client_answer *earlier, const struct client_answer *later)
{
    return weight(earlier) > weight(later) ? earlier : later;
}

static int weight(const struct client_answer *a)
{
    switch (a->outcome.kind) {
    case FAILURE_UNEXPECTED_REPLY:
        return 5;
    case FAILURE_TLS:
    case FAILURE_DANE:
    case FAILURE_MTA_STS:
        return 4;
    case FAILURE_CONNECTION:
    case FAILURE_IO:
        return 3;
    case FAILURE_DNS:
        return 2;
    case FAILURE_RATE:
    case FAILURE_CONCURRENCY:
        return 1;
    case FAILURE_NONE:
        return a->verdict == CLIENT_GOOD ? 6 : 0;
    }
    return 0;
}
