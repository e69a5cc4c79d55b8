// SPDX-License-Identifier: Apache-2.0
// smtp/server/verify_events.c: what checks came to, as events: for each check one that says whether
// it passed, and for those who look closer one a signature, by its reason (authentication.md 12).
#include "rt/rt.h"
#include "smtp/server/verify.h"

static void tell_dkim(struct smtp_session *s, const struct message_check *c);
static void tell_verdict(struct smtp_session *s, const struct dkim_verdict *v);
static void tell_arc(struct smtp_session *s, const struct message_check *c);
static bool refuses(enum proof_strategy strategy);

void tell_spf(const struct spf_run *run)
{
    static const enum event_id details[] = {
            [SPF_NONE] = EV_SPF_NONE,
            [SPF_NEUTRAL] = EV_SPF_NEUTRAL,
            [SPF_PASS] = EV_SPF_PASS,
            [SPF_FAIL] = EV_SPF_FAIL,
            [SPF_SOFTFAIL] = EV_SPF_SOFT_FAIL,
            [SPF_TEMPERROR] = EV_SPF_TEMP_ERROR,
            [SPF_PERMERROR] = EV_SPF_PERM_ERROR,
    };
    const struct spf_answer *answer = &run->answer;
    struct str result = spf_result_name(answer->result);
    int64_t elapsed_ms = now_ms() - run->began_ms;
    bool passed = answer->result == SPF_PASS;
    metric_observe(run->service->metrics, METRIC_AUTH_SPF_TIME, NO_LABELS, (uint64_t)elapsed_ms);
    event_in(run->span, details[answer->result], F_STR(domain, answer->domain),
            F_STR(details, answer->mechanism), F_STR(reason, answer->problem));
    if (answer->identity == SPF_OF_HELO)
        event_in(run->span, passed ? EV_SMTP_SPF_EHLO_PASS : EV_SMTP_SPF_EHLO_FAIL,
                F_STR(domain, answer->helo), F_STR(result, result), F_MS(elapsed, elapsed_ms));
    else
        event_in(run->span, passed ? EV_SMTP_SPF_FROM_PASS : EV_SMTP_SPF_FROM_FAIL,
                F_STR(domain, answer->domain), F_STR(from, answer->sender), F_STR(result, result),
                F_MS(elapsed, elapsed_ms));
}

void tell_signatures(struct smtp_session *s, const struct message_check *c)
{
    metric_observe(s->service->metrics, METRIC_AUTH_SIGNATURES_TIME, NO_LABELS,
            (uint64_t)(now_ms() - c->began_ms));
    if (c->proof.has_dkim && c->dkim != PROOF_DISABLE)
        tell_dkim(s, c);
    if (c->proof.has_chain)
        tell_arc(s, c);
}

static void tell_dkim(struct smtp_session *s, const struct message_check *c)
{
    const struct dkim_answer *answer = &c->proof.dkim;
    struct span *span = s->options->span;
    for (size_t i = 0; i < answer->count; i++)
        if (answer->at[i].reason != DKIM_TOO_MANY)
            tell_verdict(s, &answer->at[i]);
    if (answer->count == 0) {
        event_in(span, EV_DKIM_NONE);
        return;
    }
    event_in(span, answer->result == DKIM_PASS ? EV_SMTP_DKIM_PASS : EV_SMTP_DKIM_FAIL,
            F_STR(domain, answer->at[0].signature->domain),
            F_STR(result, dkim_result_name(answer->result)), F_BOOL(strict, refuses(c->dkim)),
            F_U64(total, answer->count), F_MS(elapsed, now_ms() - c->began_ms));
}

static void tell_verdict(struct smtp_session *s, const struct dkim_verdict *v)
{
    static const enum event_id by_reason[] = {
            [DKIM_FINE] = EV_DKIM_PASS,
            [DKIM_BODY_HASH] = EV_DKIM_FAILED_BODY_HASH_MATCH,
            [DKIM_SIGNATURE] = EV_DKIM_FAILED_VERIFICATION,
            [DKIM_EXPIRED] = EV_DKIM_SIGNATURE_EXPIRED,
            [DKIM_TAG_SYNTAX] = EV_DKIM_NEUTRAL,
            [DKIM_DUPLICATE_TAG] = EV_DKIM_NEUTRAL,
            [DKIM_MISSING_TAG] = EV_DKIM_NEUTRAL,
            [DKIM_VERSION] = EV_DKIM_UNSUPPORTED_VERSION,
            [DKIM_ALGORITHM] = EV_DKIM_UNSUPPORTED_ALGORITHM,
            [DKIM_CANONICALIZATION] = EV_DKIM_UNSUPPORTED_CANONICALIZATION,
            [DKIM_QUERY] = EV_DKIM_PERM_ERROR,
            [DKIM_FROM_NOT_SIGNED] = EV_DKIM_PERM_ERROR,
            [DKIM_IDENTITY] = EV_DKIM_FAILED_AUID_MATCH,
            [DKIM_TIMES] = EV_DKIM_PERM_ERROR,
            [DKIM_SHA1] = EV_DKIM_UNSUPPORTED_ALGORITHM,
            [DKIM_LENGTH] = EV_DKIM_SIGNATURE_LENGTH,
            [DKIM_TOO_MANY] = EV_DKIM_PERM_ERROR,
            [DKIM_KEY_TOO_SHORT] = EV_DKIM_PERM_ERROR,
            [DKIM_KEY_MISSING] = EV_DKIM_PERM_ERROR,
            [DKIM_KEY_REVOKED] = EV_DKIM_REVOKED_PUBLIC_KEY,
            [DKIM_KEY_SYNTAX] = EV_DKIM_PERM_ERROR,
            [DKIM_KEY_UNKNOWN] = EV_DKIM_UNSUPPORTED_KEY_TYPE,
            [DKIM_KEY_OTHER] = EV_DKIM_INCOMPATIBLE_ALGORITHMS,
            [DKIM_KEY_HASH] = EV_DKIM_INCOMPATIBLE_ALGORITHMS,
            [DKIM_KEY_SERVICE] = EV_DKIM_PERM_ERROR,
            [DKIM_DNS] = EV_DKIM_TEMP_ERROR,
    };
    event_in(s->options->span, by_reason[v->reason], F_STR(domain, v->signature->domain),
            F_STR(id, v->signature->selector), F_STR(result, dkim_result_name(v->result)),
            F_STR(reason, dkim_reason_comment(v->reason)), F_STR(details, v->detail));
}

static void tell_arc(struct smtp_session *s, const struct message_check *c)
{
    static const enum event_id details[] = {
            [ARC_NONE] = EV_ARC_NONE,
            [ARC_PASS] = EV_ARC_PASS,
            [ARC_FAIL] = EV_ARC_FAIL,
            [ARC_TEMPERROR] = EV_ARC_TEMP_ERROR,
    };
    const struct arc_answer *chain = &c->proof.chain;
    event_in(s->options->span, details[chain->result], F_U64(total, chain->count),
            F_STR(reason, chain->reason));
    if (chain->result == ARC_NONE)
        return;
    struct str domain = chain->count > 0 ? chain->sets[chain->count - 1].domain : STR_NULL;
    event_in(s->options->span, chain->result == ARC_PASS ? EV_SMTP_ARC_PASS : EV_SMTP_ARC_FAIL,
            F_STR(domain, domain), F_STR(result, arc_result_name(chain->result)),
            F_BOOL(strict, refuses(c->arc)), F_U64(total, chain->count),
            F_MS(elapsed, now_ms() - c->began_ms));
}

void tell_author(struct smtp_session *s, const struct message_check *c, int64_t began_ms)
{
    static const enum event_id details[] = {
            [DMARC_RESULT_NONE] = EV_DMARC_NONE,
            [DMARC_PASS] = EV_DMARC_PASS,
            [DMARC_FAIL] = EV_DMARC_FAIL,
            [DMARC_TEMPERROR] = EV_DMARC_TEMP_ERROR,
            [DMARC_PERMERROR] = EV_DMARC_PERM_ERROR,
    };
    const struct dmarc_answer *answer = &c->proof.dmarc;
    int64_t elapsed_ms = now_ms() - began_ms;
    metric_observe(s->service->metrics, METRIC_AUTH_DMARC_TIME, NO_LABELS, (uint64_t)elapsed_ms);
    event_in(s->options->span, details[answer->result], F_STR(domain, answer->author),
            F_STR(source, answer->policy_domain), F_STR(reason, answer->comment));
    if (answer->result == DMARC_RESULT_NONE)
        return;
    event_in(s->options->span,
            answer->result == DMARC_PASS ? EV_SMTP_DMARC_PASS : EV_SMTP_DMARC_FAIL,
            F_STR(domain, answer->author), F_STR(policy, dmarc_policy_name(answer->disposition)),
            F_STR(result, dmarc_result_name(answer->result)), F_BOOL(strict, refuses(c->dmarc)),
            F_MS(elapsed, elapsed_ms));
}

static bool refuses(enum proof_strategy strategy)
{
    return strategy == PROOF_STRICT || strategy == PROOF_ENFORCE;
}
