// SPDX-License-Identifier: Apache-2.0
// proof/dmarc_text.c: the words for results of DMARC, and what they do to a message.
#include "proof/dmarc.h"

struct str dmarc_policy_name(enum dmarc_policy policy)
{
    switch (policy) {
    case DMARC_UNSPECIFIED:
        break;
    case DMARC_NONE:
        return S("none");
    case DMARC_QUARANTINE:
        return S("quarantine");
    case DMARC_REJECT:
        return S("reject");
    }
    return STR_NULL;
}

struct str dmarc_result_name(enum dmarc_result result)
{
    switch (result) {
    case DMARC_RESULT_NONE:
        return S("none");
    case DMARC_PASS:
        return S("pass");
    case DMARC_FAIL:
        return S("fail");
    case DMARC_TEMPERROR:
        return S("temperror");
    case DMARC_PERMERROR:
        return S("permerror");
    }
    return S("");
}

bool dmarc_refuses(
        const struct dmarc_answer *answer, enum proof_strategy strategy, struct proof_refusal *out)
{
    bool acts = strategy == PROOF_STRICT || strategy == PROOF_ENFORCE;
    bool reject = answer->disposition == DMARC_REJECT;
    if (acts && answer->many_authors) {
        *out = (struct proof_refusal){.code = 550,
                .status = S("5.7.1"),
                .text = S("Message has more than one From header field.")};
        return true;
    }
    if (acts && answer->result == DMARC_FAIL && reject) {
        *out = (struct proof_refusal){
                .code = 550, .status = S("5.7.1"), .text = S("Email rejected per DMARC policy.")};
        return true;
    }
    if (acts && answer->result == DMARC_TEMPERROR && (reject || answer->discovery_failed)) {
        *out = (struct proof_refusal){.code = 451,
                .status = S("4.7.1"),
                .text = S("Email temporarily rejected per DMARC policy.")};
        return true;
    }
    return false;
}

bool dmarc_marks(const struct dmarc_answer *answer)
{
    return answer->result == DMARC_FAIL &&
           (answer->disposition == DMARC_REJECT || answer->disposition == DMARC_QUARANTINE);
}
