// SPDX-License-Identifier: Apache-2.0
// deliver/security/tls_after.c: what follows when TLS did not come about (outbound.md 14.3). All
// failures but one are temporary: a network or a clock may be to blame, and five days are long
// enough to tell (RFC 8461 5).
#include "deliver/security/tls.h"

#include "deliver/answer.h"

static struct str words_for(const struct tls_plan *plan, enum tls_event event);
static enum tls_course course_for(const struct tls_plan *plan, enum tls_event event);
static const char *result_type_for(enum tls_event event);
static struct str enhanced_for(enum tls_event event);
static enum failure_kind kind_for(const struct tls_plan *plan, enum tls_event event);

enum tls_event tls_event_of(struct err handshake)
{
    bool was_lost = handshake.kind == ERR_CLOSED || handshake.kind == ERR_RESET;
    return was_lost ? TLS_CONNECTION_LOST : TLS_HANDSHAKE_FAILED;
}

struct err tls_after(const struct tls_plan *plan, enum tls_event event, struct arena *a,
        struct str detail, struct tls_step *out)
{
    struct tls_step step = {
            .course = course_for(plan, event), .result_type = result_type_for(event)};
    struct str text = words_for(plan, event);
    if (!str_is_empty(detail))
        text = arena_fmt(a, "%.*s: %.*s", ARG(text), ARG(detail));
    if (str_is_null(text))
        return fail(ERR_LIMIT, "no memory for an answer");
    if (event == TLS_NO_REQUIRETLS)
        step.answer =
                answer_permanent(CLIENT_EHLO, FAILURE_TLS, plan->host, enhanced_for(event), text);
    else
        step.answer = answer_temporary(
                CLIENT_TLS, kind_for(plan, event), plan->host, enhanced_for(event), text);
    *out = step;
    return OK;
}

static enum tls_course course_for(const struct tls_plan *plan, enum tls_event event)
{
    switch (event) {
    case TLS_NOT_OFFERED:
    case TLS_REFUSED:
        return plan->mandatory ? TLS_NEXT_HOST : TLS_GO_ON_PLAIN;
    case TLS_HANDSHAKE_FAILED:
        return plan->plaintext_after ? TLS_RECONNECT_PLAIN : TLS_NEXT_HOST;
    case TLS_CONNECTION_LOST: // 19.2
        return plan->plaintext_after ? TLS_RECONNECT_PLAIN : TLS_NEXT_ADDRESS;
    case TLS_PROOF_FAILED:
        return plan->forgives || plan->accepts_invalid ? TLS_GO_ON : TLS_NEXT_HOST;
    case TLS_NO_REQUIRETLS:
    case TLS_LOCAL_TROUBLE:
        return TLS_NEXT_HOST;
    }
    return TLS_NEXT_HOST;
}

static struct str words_for(const struct tls_plan *plan, enum tls_event event)
{
    switch (event) {
    case TLS_NOT_OFFERED:
        return S("STARTTLS was not advertised by host");
    case TLS_REFUSED:
        return S("STARTTLS was refused");
    case TLS_HANDSHAKE_FAILED:
    case TLS_CONNECTION_LOST:
        return S("the TLS handshake failed");
    case TLS_PROOF_FAILED:
        if (plan->level == TLS_LEVEL_DANE)
            return S("DANE authentication failed");
        return S("the certificate was not accepted");
    case TLS_NO_REQUIRETLS:
        return S("REQUIRETLS support required");
    case TLS_LOCAL_TROUBLE:
        return S("TLS cannot be set up here");
    }
    return S("TLS");
}

// RFC 8460 4.3. What we did to ourselves is not the domain's to hear.
static const char *result_type_for(enum tls_event event)
{
    switch (event) {
    case TLS_NOT_OFFERED:
    case TLS_REFUSED:
        return "starttls-not-supported";
    case TLS_HANDSHAKE_FAILED:
    case TLS_CONNECTION_LOST:
    case TLS_PROOF_FAILED:
        return "validation-failure";
    case TLS_NO_REQUIRETLS:
    case TLS_LOCAL_TROUBLE:
        return NULL;
    }
    return NULL;
}

static struct str enhanced_for(enum tls_event event)
{
    switch (event) {
    case TLS_NOT_OFFERED:
    case TLS_REFUSED:
        return S("4.7.4");
    case TLS_HANDSHAKE_FAILED:
    case TLS_CONNECTION_LOST:
    case TLS_PROOF_FAILED:
        return S("4.7.5");
    case TLS_NO_REQUIRETLS:
        return S("5.7.30");
    case TLS_LOCAL_TROUBLE:
        return S("4.3.5");
    }
    return S("4.7.5");
}

// Who asked for the proof is to blame for its failure.
static enum failure_kind kind_for(const struct tls_plan *plan, enum tls_event event)
{
    if (event != TLS_PROOF_FAILED)
        return FAILURE_TLS;
    if (plan->level == TLS_LEVEL_DANE)
        return FAILURE_DANE;
    return plan->level == TLS_LEVEL_STS ? FAILURE_MTA_STS : FAILURE_TLS;
}
