// SPDX-License-Identifier: Apache-2.0
// proof/spf_text.c: the words for results of SPF, and which of them are refused.
#include "proof/spf.h"

#define EXPLANATION_SHOWN_MAX 400 // of the domain's own words in a reply, authentication.md 4.7

static bool is_refused(enum spf_result result, enum proof_strategy strategy);
static struct str status_word(enum spf_result result);

struct str spf_result_name(enum spf_result result)
{
    switch (result) {
    case SPF_NONE:
        return S("none");
    case SPF_NEUTRAL:
        return S("neutral");
    case SPF_PASS:
        return S("pass");
    case SPF_FAIL:
        return S("fail");
    case SPF_SOFTFAIL:
        return S("softfail");
    case SPF_TEMPERROR:
        return S("temperror");
    case SPF_PERMERROR:
        return S("permerror");
    }
    return S("");
}

// Codes of RFC 7372 3.2.
bool spf_refuses(struct arena *a, const struct spf_answer *answer, enum proof_strategy strategy,
        struct proof_refusal *out)
{
    struct proof_refusal no = {.code = 550, .status = S("5.7.23")};
    if (answer->exempt || !is_refused(answer->result, strategy))
        return false;
    if (answer->result == SPF_TEMPERROR) {
        no = (struct proof_refusal){
                .code = 451, .status = S("4.7.24"), .text = S("Temporary SPF validation error.")};
    } else if (answer->result == SPF_PERMERROR) {
        no.status = S("5.7.24");
        no.text = S("SPF validation error, status: PermError.");
    } else {
        no.text = status_word(answer->result);
        no.detail = proof_own_words(
                a, answer->domain, str_upto(answer->explanation, EXPLANATION_SHOWN_MAX));
    }
    *out = no;
    return true;
}

static bool is_refused(enum spf_result result, enum proof_strategy strategy)
{
    switch (strategy) {
    case PROOF_DISABLE:
    case PROOF_RELAXED:
        return false;
    case PROOF_STRICT:
        return result != SPF_PASS;
    case PROOF_ENFORCE:
        return result == SPF_FAIL || result == SPF_TEMPERROR;
    }
    return false;
}

static struct str status_word(enum spf_result result)
{
    switch (result) {
    case SPF_NONE:
        return S("SPF validation failed, status: None.");
    case SPF_NEUTRAL:
        return S("SPF validation failed, status: Neutral.");
    case SPF_SOFTFAIL:
        return S("SPF validation failed, status: SoftFail.");
    case SPF_FAIL:
    case SPF_PASS:
    case SPF_TEMPERROR:
    case SPF_PERMERROR:
        break;
    }
    return S("SPF validation failed, status: Fail.");
}
