// SPDX-License-Identifier: Apache-2.0
// proof/dkim_outcome.c: what signatures and chains mean for a message: the lines about them in
// Authentication-Results (authentication.md 10.1), and whether it is refused.
#include "base/encode.h"
#include "proof/arc.h"
#include "proof/authres.h"
#include "proof/tags.h"

#define HEADER_B_BYTES 8 // RFC 6008 4

static bool add_verdict(struct arena *a, struct authres *list, const struct dkim_verdict *v);
static struct str comment_of(struct arena *a, const struct dkim_verdict *v);
static struct str first_of_base64(struct arena *a, struct str bytes);

bool authres_add_dkim(struct arena *a, struct authres *list, const struct dkim_answer *answer)
{
    if (answer->count == 0)
        return authres_add(a, list, S("dkim"), S("none")) != NULL;
    for (size_t i = 0; i < answer->count; i++) {
        if (answer->at[i].reason != DKIM_TOO_MANY && !add_verdict(a, list, &answer->at[i]))
            return false;
    }
    return true;
}

static bool add_verdict(struct arena *a, struct authres *list, const struct dkim_verdict *v)
{
    const struct dkim_signature *s = v->signature;
    struct authres_result *r = authres_add(a, list, S("dkim"), dkim_result_name(v->result));
    if (r == NULL)
        return false;
    r->comment = comment_of(a, v);
    const struct {
        struct str property, value;
    } props[] = {{S("d"), s->domain}, {S("s"), s->selector}, {S("a"), s->algorithm_text},
            {S("b"), first_of_base64(a, s->bytes)}, {S("i"), s->identity}};
    for (size_t i = 0; r != NULL && i < COUNT_OF(props); i++) {
        if (!str_is_empty(props[i].value))
            r = authres_prop(a, r, S("header"), props[i].property, props[i].value);
    }
    if (r == NULL || v->atps == DKIM_NONE)
        return r != NULL;
    r = authres_add(a, list, S("dkim-atps"), dkim_result_name(v->atps));
    return authres_prop(a, r, S("header"), S("from"), s->third_party) != NULL;
}

static struct str comment_of(struct arena *a, const struct dkim_verdict *v)
{
    struct str text = dkim_reason_comment(v->reason), test = S("test mode");
    if (v->reason == DKIM_FINE && v->body_bytes > 0)
        text = arena_fmt(a, "%llu of %llu body octets signed",
                (unsigned long long)v->signature->body_bytes_max,
                (unsigned long long)v->body_bytes);
    if (!v->testing)
        return text;
    return str_is_empty(text) ? test : arena_fmt(a, "%.*s; %.*s", ARG(text), ARG(test));
}

static struct str first_of_base64(struct arena *a, struct str bytes)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 2 * HEADER_B_BYTES);
    encode_base64(&text, str_upto(bytes, HEADER_B_BYTES)); // of which the first eight digits count
    return arena_str(a, str_upto(buf_str(&text), HEADER_B_BYTES));
}

bool dkim_refuses(const struct dkim_answer *answer, enum proof_strategy strategy, struct str author,
        struct proof_refusal *out)
{
    bool passed = false, temporary = false, own = false;
    for (size_t i = 0; i < answer->count; i++) {
        const struct dkim_verdict *v = &answer->at[i];
        struct str domain = v->signature->domain;
        if (v->testing)
            continue; // RFC 6376 3.6.1: as if there were no signature
        passed = passed || v->result == DKIM_PASS;
        temporary = temporary || v->result == DKIM_TEMPERROR;
        own = own ||
              (!str_is_null(author) && !str_is_null(domain) &&
                      (domain_is_within(author, domain) || domain_is_within(domain, author)));
    }
    bool refuses = strategy == PROOF_STRICT || (strategy == PROOF_ENFORCE && own);
    if (passed || !refuses)
        return false;
    *out = (struct proof_refusal){.code = temporary ? 451 : 550,
            .status = temporary ? S("4.7.20") : S("5.7.20"),
            .text = S("No passing DKIM signatures found.")};
    return true;
}

bool authres_add_arc(
        struct arena *a, struct authres *list, const struct arc_answer *chain, const struct ip *ip)
{
    struct authres_result *r = authres_add(a, list, S("arc"), arc_result_name(chain->result));
    struct str address = ip_text(a, ip);
    if (r == NULL || str_is_null(address))
        return false;
    r->comment = chain->result == ARC_PASS ? STR_NULL : chain->reason;
    r = authres_prop(a, r, S("smtp"), S("remote-ip"), address);
    if (chain->has_oldest_pass)
        r = authres_prop(a, r, S("header"), S("oldest-pass"),
                arena_fmt(a, "%llu", (unsigned long long)chain->oldest_pass));
    return r != NULL;
}

bool arc_refuses(
        const struct arc_answer *chain, enum proof_strategy strategy, struct proof_refusal *out)
{
    bool temporary = chain->result == ARC_TEMPERROR;
    bool bad = temporary || chain->result == ARC_FAIL;
    if (!bad || (strategy != PROOF_STRICT && strategy != PROOF_ENFORCE))
        return false;
    *out = (struct proof_refusal){.code = temporary ? 451 : 550,
            .status = temporary ? S("4.7.29") : S("5.7.29"),
            .text = S("ARC validation failed.")};
    return true;
}
