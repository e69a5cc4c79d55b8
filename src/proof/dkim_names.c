// SPDX-License-Identifier: Apache-2.0
// proof/dkim_names.c: the words for results and reasons.
#include "proof/dkim.h"

static const struct {
    struct str word, comment;
    enum dkim_result result;
} reasons[] = {
#define REASON(name, word, result, comment)                                                        \
    [DKIM_##name] = {S_INIT(word), S_INIT(comment), DKIM_##result},
#include "proof/dkim_reasons.def"
};

struct str dkim_reason_word(enum dkim_reason reason)
{
    return reasons[reason].word;
}

struct str dkim_reason_comment(enum dkim_reason reason)
{
    return reasons[reason].comment;
}

enum dkim_result dkim_reason_result(enum dkim_reason reason)
{
    return reasons[reason].result;
}

struct str dkim_result_name(enum dkim_result result)
{
    switch (result) {
    case DKIM_NONE:
        return S("none");
    case DKIM_PASS:
        return S("pass");
    case DKIM_FAIL:
        return S("fail");
    case DKIM_NEUTRAL:
        return S("neutral");
    case DKIM_POLICY:
        return S("policy");
    case DKIM_TEMPERROR:
        return S("temperror");
    case DKIM_PERMERROR:
        return S("permerror");
    }
    return S("");
}

enum dkim_result dkim_result_better(enum dkim_result one, enum dkim_result other)
{
    static const uint8_t rank[] = {[DKIM_PASS] = 6,
            [DKIM_TEMPERROR] = 5,
            [DKIM_FAIL] = 4,
            [DKIM_PERMERROR] = 3,
            [DKIM_POLICY] = 2,
            [DKIM_NEUTRAL] = 1,
            [DKIM_NONE] = 0};
    return rank[other] > rank[one] ? other : one;
}
