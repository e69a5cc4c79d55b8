// SPDX-License-Identifier: Apache-2.0
// deliver/security/sts.c: from what is known of a domain to what an attempt does (outbound.md
// 16.5).
#include "deliver/security/sts.h"

#include "deliver/security/sts_cache.h"
#include "events/event.h"
#include "rt/clock.h"

struct asking {
    const struct sts_inputs *in;
    struct arena *a;
    struct sts_entry *entry;
    struct sts_discovery record;
    bool is_new; // fetched while we asked
    bool holds;  // what is known of the domain
};

static struct err discover(struct asking *q, struct str domain) suspends;
static struct err conclude(struct asking *q, struct sts_result *out);
static void note_fault(struct asking *q, struct sts_result *out);
static void refuse(struct asking *q, bool is_absent, struct sts_result *out);
static void tell(const struct asking *q, const struct sts_result *result);

struct err sts_find(
        const struct sts_inputs *in, struct arena *a, struct str domain, struct sts_result *out)
{
    struct sts_result result = {0};
    struct asking q = {.in = in, .a = a};
    struct sts_entry *held AUTO(sts_entry_let_go_auto) = NULL;
    if (in->wish != TLS_DISABLE) {
        struct str name = arena_str_lower(a, domain);
        if (str_is_null(name))
            return fail(ERR_LIMIT, "no memory for a domain");
        TRY(sts_entry_hold(in->cache, name, &held));
        q.entry = held;
        TRY(discover(&q, name));
        TRY(conclude(&q, &result));
        tell(&q, &result);
        if (result.known != NULL)
            TRY(sts_note_use(in, held));
    }
    *out = result;
    return OK;
}

static struct err discover(struct asking *q, struct str domain)
{
    int64_t ends_ms = now_ms() + q->in->timeout_ms;
    TRY(sts_discover(q->in, q->a, domain, ends_ms, &q->record));
    TRY(sts_recall(q->entry));
    if (q->record.found != STS_RECORD_FOUND)
        return OK;
    return sts_renew(q->in, q->entry, q->record.id, STS_IF_CHANGED, ends_ms, &q->is_new);
}

// RFC 8461 5.1: a policy that has not expired holds, whatever the DNS or its host say now: who can
// make them fall silent must not be able to make us careless. One that was fetched just now holds
// for this attempt, however short its life is.
static struct err conclude(struct asking *q, struct sts_result *out)
{
    const struct sts_entry *entry = q->entry;
    bool fetched_now = q->is_new && entry->fault == STS_FAULT_NONE && entry->known != NULL;
    q->holds = fetched_now || sts_entry_is_live(entry, wall_ms());
    bool is_policy = q->holds && entry->known->policy.mode != STS_NONE;
    note_fault(q, out);
    if (!is_policy && q->in->wish == TLS_REQUIRE)
        refuse(q, q->holds || q->record.found == STS_RECORD_ABSENT, out);
    if (!is_policy)
        return OK;
    struct sts_known *known = arena_make(q->a, struct sts_known);
    if (known == NULL)
        return fail(ERR_LIMIT, "no memory for a policy of MTA-STS");
    TRY(sts_known_make(q->a, entry->known, known));
    out->known = known;
    out->enforced = known->policy.mode == STS_ENFORCE || q->in->wish == TLS_REQUIRE;
    return OK;
}

static void note_fault(struct asking *q, struct sts_result *out)
{
    const struct sts_entry *entry = q->entry;
    out->why = q->record.why;
    switch (q->record.found) {
    case STS_RECORD_ABSENT:
        return;
    case STS_RECORD_BAD:
        out->fault = STS_FAULT_RECORD;
        return;
    case STS_RECORD_UNKNOWN:
        out->fault = STS_FAULT_DNS;
        return;
    case STS_RECORD_FOUND:
        break;
    }
    if (q->holds && str_eq(entry->known->id, q->record.id))
        return;
    bool failed_before = entry->fault != STS_FAULT_NONE;
    out->fault = failed_before ? entry->fault : STS_FAULT_FETCH;
    out->why = failed_before ? arena_str(q->a, sts_entry_why(entry))
                             : S("the policy is still being fetched");
}

// outbound.md 16.5: what may be mended within hours is no reason to give mail back.
static void refuse(struct asking *q, bool is_absent, struct sts_result *out)
{
    struct str domain = arena_str(q->a, q->entry->domain);
    struct str text =
            arena_fmt(q->a, "MTA-STS is required and no policy can be had: %.*s", ARG(out->why));
    out->is_refused = true;
    if (is_absent)
        out->answer = answer_permanent(CLIENT_TLS, FAILURE_MTA_STS, domain, S("5.7.5"),
                S("MTA-STS is required and the domain publishes no policy"));
    else
        out->answer = answer_temporary(CLIENT_TLS, FAILURE_MTA_STS, domain, S("4.7.5"), text);
}

static void tell(const struct asking *q, const struct sts_result *result)
{
    if (result->known == NULL && q->in->span != NULL)
        event_in(q->in->span, EV_MTA_STS_POLICY_NOT_FOUND, F_STR(domain, q->entry->domain),
                F_STR(reason, q->holds ? S("its mode is none") : result->why));
}

struct str sts_fault_type(enum sts_fault fault)
{
    switch (fault) {
    case STS_FAULT_FETCH:
        return S("sts-policy-fetch-error");
    case STS_FAULT_CERTIFICATE:
        return S("sts-webpki-invalid");
    case STS_FAULT_RECORD:
    case STS_FAULT_POLICY:
        return S("sts-policy-invalid");
    case STS_FAULT_NONE:
    case STS_FAULT_DNS:
        break;
    }
    return STR_NULL;
}

bool sts_matches(const struct sts_known *known, struct str mx_host)
{
    struct buf lower AUTO(buf_done);
    buf_init(&lower, mx_host.len);
    if (str_ends(mx_host, S(".")))
        mx_host = str_upto(mx_host, mx_host.len - 1);
    for (size_t i = 0; i < mx_host.len; i++)
        buf_add_byte(&lower, (char)byte_to_lower((uint8_t)mx_host.ptr[i]));
    return sts_policy_lists(&known->policy, buf_str(&lower));
}
