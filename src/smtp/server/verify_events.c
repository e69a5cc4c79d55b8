// SPDX-License-Identifier: Apache-2.0
// smtp/server/verify_events.c: what checks came to, as events: for each check one that says whether
// it passed, and for those who look closer one a signature, by its reason (authentication.md 12).
#include "rt/rt.h"
#include "smtp/server/verify.h"

static void tell_dkim(struct smtp_session *s, const struct message_check *c);
static void tell_verdict(struct smtp_session *s, const struct dkim_verdict *v);
static void tell_signature(
        struct smtp_session *s, enum event_id event, const struct dkim_verdict *v);
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
    if (c->proof.has_dkim && c->dkim != PROOF_DISABLE)
        tell_dkim(s, c);
    if (c->proof.has_chain)
        tell_arc(s, c);
}

static void tell_dkim(struct smtp_session *s, const struct message_check *c)
{
    const struct dkim_answer *answer = &c->proof.dkim;
    struct span *span = s->options->span;
    metric_observe(s->service->metrics, METRIC_AUTH_DKIM_TIME, NO_LABELS, (uint64_t)c->dkim_ms);
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
            F_U64(total, answer->count), F_MS(elapsed, c->dkim_ms));
}

// What it came to, and what made it so.
static void tell_verdict(struct smtp_session *s, const struct dkim_verdict *v)
{
    static const enum event_id results[] = {
            [DKIM_NONE] = EV_DKIM_NONE,
            [DKIM_PASS] = EV_DKIM_PASS,
            [DKIM_FAIL] = EV_DKIM_FAIL,
            [DKIM_NEUTRAL] = EV_DKIM_NEUTRAL,
            [DKIM_POLICY] = EV_DKIM_PERM_ERROR,
            [DKIM_TEMPERROR] = EV_DKIM_TEMP_ERROR,
            [DKIM_PERMERROR] = EV_DKIM_PERM_ERROR,
    };
    static const enum event_id causes[] = {
            [DKIM_FINE] = EVENT_COUNT, // none, or none that has an event
            [DKIM_BODY_HASH] = EV_DKIM_FAILED_BODY_HASH_MATCH,
            [DKIM_SIGNATURE] = EV_DKIM_FAILED_VERIFICATION,
            [DKIM_EXPIRED] = EV_DKIM_SIGNATURE_EXPIRED,
            [DKIM_TAG_SYNTAX] = EV_MAIL_AUTH_PARSE_ERROR,
            [DKIM_BASE64] = EV_MAIL_AUTH_BASE64,
            [DKIM_DUPLICATE_TAG] = EV_MAIL_AUTH_PARSE_ERROR,
            [DKIM_MISSING_TAG] = EV_MAIL_AUTH_MISSING_PARAMETERS,
            [DKIM_VERSION] = EV_DKIM_UNSUPPORTED_VERSION,
            [DKIM_ALGORITHM] = EV_DKIM_UNSUPPORTED_ALGORITHM,
            [DKIM_CANONICALIZATION] = EV_DKIM_UNSUPPORTED_CANONICALIZATION,
            [DKIM_QUERY] = EVENT_COUNT,
            [DKIM_FROM_NOT_SIGNED] = EVENT_COUNT,
            [DKIM_IDENTITY] = EV_DKIM_FAILED_AUID_MATCH,
            [DKIM_TIMES] = EVENT_COUNT,
            [DKIM_SHA1] = EV_DKIM_UNSUPPORTED_ALGORITHM,
            [DKIM_LENGTH] = EV_DKIM_SIGNATURE_LENGTH,
            [DKIM_TOO_MANY] = EVENT_COUNT,
            [DKIM_KEY_TOO_SHORT] = EVENT_COUNT,
            [DKIM_KEY_MISSING] = EV_MAIL_AUTH_DNS_RECORD_NOT_FOUND,
            [DKIM_KEY_REVOKED] = EV_DKIM_REVOKED_PUBLIC_KEY,
            [DKIM_KEY_SYNTAX] = EV_MAIL_AUTH_DNS_INVALID_RECORD_TYPE,
            [DKIM_KEY_UNKNOWN] = EV_DKIM_UNSUPPORTED_KEY_TYPE,
            [DKIM_KEY_OTHER] = EV_DKIM_INCOMPATIBLE_ALGORITHMS,
            [DKIM_KEY_HASH] = EV_DKIM_INCOMPATIBLE_ALGORITHMS,
            [DKIM_KEY_SERVICE] = EVENT_COUNT,
            [DKIM_DNS] = EV_MAIL_AUTH_DNS_ERROR,
    };
    tell_signature(s, results[v->result], v);
    if (causes[v->reason] != EVENT_COUNT)
        tell_signature(s, causes[v->reason], v);
}

static void tell_signature(
        struct smtp_session *s, enum event_id event, const struct dkim_verdict *v)
{
    event_in(s->options->span, event, F_STR(domain, v->signature->domain),
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
    static const enum event_id faults[] = {
            [ARC_FAULT_NONE] = EVENT_COUNT,
            [ARC_FAULT_CHAIN] = EV_ARC_BROKEN_CHAIN,
            [ARC_FAULT_TOO_LONG] = EV_ARC_CHAIN_TOO_LONG,
            [ARC_FAULT_HEADER] = EV_ARC_HAS_HEADER_TAG,
            [ARC_FAULT_CV] = EV_ARC_INVALID_CV,
            [ARC_FAULT_INSTANCE] = EV_ARC_INVALID_INSTANCE,
            [ARC_FAULT_OTHER] = EVENT_COUNT,
    };
    const struct arc_answer *chain = &c->proof.chain;
    metric_observe(s->service->metrics, METRIC_AUTH_ARC_TIME, NO_LABELS, (uint64_t)c->arc_ms);
    event_in(s->options->span, details[chain->result], F_U64(total, chain->count),
            F_STR(reason, chain->reason));
    if (faults[chain->fault] != EVENT_COUNT)
        event_in(s->options->span, faults[chain->fault], F_STR(reason, chain->reason));
    if (chain->result == ARC_NONE)
        return;
    struct str domain = chain->count > 0 ? chain->sets[chain->count - 1].domain : STR_NULL;
    event_in(s->options->span, chain->result == ARC_PASS ? EV_SMTP_ARC_PASS : EV_SMTP_ARC_FAIL,
            F_STR(domain, domain), F_STR(result, arc_result_name(chain->result)),
            F_BOOL(strict, refuses(c->arc)), F_U64(total, chain->count), F_MS(elapsed, c->arc_ms));
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
    if (str_is_empty(answer->author) && answer->result == DMARC_RESULT_NONE)
        event_in(s->options->span, EV_MAIL_AUTH_NO_HEADERS_FOUND, F_STR(reason, answer->comment));
    if (answer->not_aligned)
        event_in(s->options->span, EV_MAIL_AUTH_POLICY_NOT_ALIGNED, F_STR(domain, answer->author),
                F_STR(reason, answer->comment));
    if (answer->result == DMARC_RESULT_NONE)
        return;
    event_in(s->options->span,
            answer->result == DMARC_PASS ? EV_SMTP_DMARC_PASS : EV_SMTP_DMARC_FAIL,
            F_STR(domain, answer->author), F_STR(policy, dmarc_policy_name(answer->disposition)),
            F_STR(result, dmarc_result_name(answer->result)), F_BOOL(strict, refuses(c->dmarc)),
            F_MS(elapsed, elapsed_ms));
}

void tell_iprev(struct smtp_session *s, const struct iprev_answer *answer, int64_t elapsed_ms,
        enum proof_strategy strategy)
{
    static const enum event_id details[] = {
            [IPREV_NONE] = EV_IPREV_NONE,
            [IPREV_PASS] = EV_IPREV_PASS,
            [IPREV_FAIL] = EV_IPREV_FAIL,
            [IPREV_TEMPERROR] = EV_IPREV_TEMP_ERROR,
            [IPREV_PERMERROR] = EV_IPREV_PERM_ERROR,
    };
    struct span *span = s->options->span;
    struct str result = iprev_result_name(answer->result);
    metric_observe(s->service->metrics, METRIC_AUTH_IPREV_TIME, NO_LABELS, (uint64_t)elapsed_ms);
    event_in(span, details[answer->result], F_STR(domain, answer->name),
            F_STR(reason, answer->comment));
    if (answer->result == IPREV_PASS)
        event_in(span, EV_SMTP_IPREV_PASS, F_STR(domain, answer->name), F_STR(result, result),
                F_BOOL(strict, refuses(strategy)), F_MS(elapsed, elapsed_ms));
    else
        event_in(span, EV_SMTP_IPREV_FAIL, F_STR(result, result), F_BOOL(strict, refuses(strategy)),
                F_MS(elapsed, elapsed_ms));
}

void tell_trouble(struct smtp_session *s, struct err e)
{
    event_in(s->options->span, e.kind == ERR_INTERNAL ? EV_MAIL_AUTH_CRYPTO : EV_MAIL_AUTH_IO,
            F_ERR(reason, e));
}

static bool refuses(enum proof_strategy strategy)
{
    return strategy == PROOF_STRICT || strategy == PROOF_ENFORCE;
}
