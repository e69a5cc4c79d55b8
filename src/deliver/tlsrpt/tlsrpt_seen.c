// SPDX-License-Identifier: Apache-2.0
// deliver/tlsrpt/tlsrpt_seen.c: what of an attempt TLS reports hear (outbound.md 18, reports.md
// 8.1): one observation for each new connection on which TLS was tried, under each policy that
// holds for the host, and one for each host that a policy kept us from. What failed because of the
// DNS, or because of ourselves, is nobody's to hear.
#include "deliver/remote.h"
#include "deliver/told.h"

#include "base/encode.h"

#define TLSA_TEXT_BYTES_MAX (8 * KIB) // of one record

static bool is_observed(const struct remote *r);
static void note(struct remote *r, const struct str host, const struct tlsrpt_seen *seen) suspends;
static bool ask_interval(struct remote *r, struct str host, enum tlsrpt_interval *out) suspends;
static struct tlsrpt_seen seen_of(const struct remote *r, enum tlsrpt_policy policy);
static struct tlsrpt_seen under_tlsa(struct remote *r, const struct approach *p);
static struct tlsrpt_seen under_sts(const struct remote *r);
static void blame(struct tlsrpt_seen *seen, const char *result_type, struct str reason);
static struct strs tlsa_lines(struct arena *a, const struct dane *dane);
static struct str tlsa_line(struct arena *a, const struct dns_tlsa *record);
static struct strs sts_lines(struct arena *a, struct str text);
static const char *sts_fault(const struct remote *r);

void tlsrpt_see_connection(struct remote *r, struct approach *p, const struct connection *c,
        const struct tls_step *step)
{
    const struct tls_proof *proof = p->proof;
    p->proof = NULL; // the next connection has its own
    bool is_ours = step->course != TLS_GO_ON && step->result_type == NULL;
    if (!is_observed(r) || is_ours)
        return;
    // Records that cannot be used, and those that cannot be believed where the sender has waived
    // them (RFC 8689 3), have a fault of their own whatever the handshake came to.
    bool has_fault = p->dane->state == DANE_UNUSABLE || p->dane->state == DANE_AVOID_BOGUS;
    bool by_dane = p->dane->state == DANE_USABLE || has_fault;
    bool by_sts = p->tls.reports_sts || sts_fault(r) != NULL;
    struct tlsrpt_seen all[3];
    size_t count = 0;
    struct str text = proof != NULL ? proof->why : step->answer.outcome.text;
    if (by_dane) {
        all[count] = under_tlsa(r, p);
        blame(&all[count], step->result_type, text);
        if (has_fault)
            blame(&all[count], p->tls.result_type, p->dane->why);
        count++;
    }
    if (by_sts) {
        const char *failed = proof != NULL ? proof->sts_result_type : step->result_type;
        all[count] = under_sts(r);
        if (p->tls.reports_sts && !p->tls.sts_matches)
            blame(&all[count], "validation-failure", S("MX not authorized by policy."));
        else if (p->tls.reports_sts && failed != NULL)
            blame(&all[count], failed, text);
        else
            blame(&all[count], sts_fault(r), r->sts.why);
        count++;
    }
    if (count == 0) {
        all[count] = seen_of(r, TLSRPT_NO_POLICY);
        blame(&all[count++], step->result_type, text);
    }
    for (size_t i = 0; i < count; i++) {
        all[i].sending_ip = stream_local(c->stream)->ip;
        all[i].receiving_ip = p->address->at.ip;
        all[i].mx_helo = client_peer_name(c->client);
        note(r, p->host->name, &all[i]);
    }
}

void tlsrpt_see_refusal(struct remote *r, const struct approach *p)
{
    if (!is_observed(r) || p->tls.result_type == NULL)
        return;
    bool by_sts = p->tls.answer.outcome.kind == FAILURE_MTA_STS;
    struct tlsrpt_seen seen = by_sts ? under_sts(r) : under_tlsa(r, p);
    blame(&seen, p->tls.result_type, by_sts ? p->tls.answer.outcome.text : p->dane->why);
    note(r, p->host->name, &seen);
}

// What a bogus answer was about stands in no report of its own: it kept us from TLSA records.
void tlsrpt_see_bogus(struct remote *r, struct str host, struct str reason)
{
    if (!is_observed(r))
        return;
    struct tlsrpt_seen seen = seen_of(r, TLSRPT_TLSA);
    if (!str_is_empty(host))
        seen.policy_domain = host;
    blame(&seen, "dnssec-invalid", reason);
    note(r, host, &seen);
}

void tlsrpt_see_no_policy(struct remote *r)
{
    if (!is_observed(r) || sts_fault(r) == NULL)
        return;
    struct tlsrpt_seen seen = under_sts(r);
    blame(&seen, sts_fault(r), r->sts.why);
    note(r, STR_NULL, &seen);
}

// --- Whether, and for whom -----------------------------------------------------------------------

static bool is_observed(const struct remote *r)
{
    const struct job *j = r->j;
    return j->d->in.tlsrpt != NULL && j->probe == NULL && r->route->type == ROUTE_MX &&
           r->protocol == CLIENT_SMTP && (j->m.flags & MESSAGE_REPORT) == 0 &&
           !str_starts(j->u->domain, S("["));
}

static void note(struct remote *r, struct str host, const struct tlsrpt_seen *seen)
{
    struct tlsrpt_seen whole = *seen;
    enum tlsrpt_interval interval;
    whole.mx_host = host;
    if (ask_interval(r, host, &interval))
        tlsrpt_note(r->j->d->in.tlsrpt, interval, &whole);
}

// False: nothing is counted. An expression that fails, too, says never (reports.md 2).
static bool ask_interval(struct remote *r, struct str host, enum tlsrpt_interval *out)
{
    struct job *j = r->j;
    const struct queue_host at = {.mx = host, .mx_site = r->site, .route = r->route->id};
    struct queue_env self = {.message = &j->m,
            .unit = j->u,
            .rcpt = &j->u->rcpts[r->rcpts[0].place],
            .host = &at,
            .wall_now_ms = j->wall_now_ms,
            .outside = &j->outside};
    struct expr_env env = queue_expr_env(&self);
    struct expr_result said = expr_eval(tlsrpt_settings(j->d->in.tlsrpt)->send, &env, &j->arena);
    if (said.outcome == EXPR_FAILED)
        event_in(&j->span, EV_EVAL_ERROR, F_STR(key, S("report.tls.aggregate.send")),
                F_STR(reason, said.fault.cause));
    *out = said.outcome == EXPR_VALUE ? (enum tlsrpt_interval)said.number : TLSRPT_NEVER;
    return *out != TLSRPT_NEVER;
}

// --- Policies ------------------------------------------------------------------------------------

static struct tlsrpt_seen seen_of(const struct remote *r, enum tlsrpt_policy policy)
{
    struct str domain = r->j->u->domain;
    return (struct tlsrpt_seen){.domain = domain, .policy = policy, .policy_domain = domain};
}

static struct tlsrpt_seen under_tlsa(struct remote *r, const struct approach *p)
{
    struct tlsrpt_seen seen = seen_of(r, TLSRPT_TLSA);
    seen.policy_domain = str_is_null(p->dane->base) ? p->host->name : p->dane->base;
    seen.policy_lines = tlsa_lines(&r->j->arena, p->dane);
    return seen;
}

static struct tlsrpt_seen under_sts(const struct remote *r)
{
    const struct sts_known *known = r->sts.known;
    struct tlsrpt_seen seen = seen_of(r, TLSRPT_STS);
    if (known == NULL)
        return seen;
    seen.policy_lines = sts_lines(&r->j->arena, known->text);
    seen.mx_patterns = (struct strs){known->policy.exchanges, known->policy.exchange_count};
    return seen;
}

static void blame(struct tlsrpt_seen *seen, const char *result_type, struct str reason)
{
    seen->result_type = result_type;
    seen->reason = result_type == NULL ? STR_NULL : reason;
}

// NULL: all is well, or what went wrong is not to be told.
static const char *sts_fault(const struct remote *r)
{
    struct str type = r->asks_sts ? sts_fault_type(r->sts.fault) : STR_NULL;
    return str_is_null(type) ? NULL : type.ptr;
}

static struct strs tlsa_lines(struct arena *a, const struct dane *dane)
{
    struct str *lines = arena_array(a, dane->found_count, struct str);
    size_t count = 0;
    for (size_t i = 0; lines != NULL && i < dane->found_count; i++) {
        lines[count] = tlsa_line(a, &dane->found[i]);
        count += !str_is_null(lines[count]);
    }
    return (struct strs){lines, count};
}

// "3 1 1 0123AB..."
static struct str tlsa_line(struct arena *a, const struct dns_tlsa *record)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TLSA_TEXT_BYTES_MAX);
    buf_fmt(&text, "%u %u %u ", record->usage, record->selector, record->matching);
    encode_hex(&text, record->data);
    for (size_t i = 0; i < text.len; i++)
        text.ptr[i] = (char)byte_to_upper((uint8_t)text.ptr[i]);
    return text.overflow ? STR_NULL : arena_str(a, buf_str(&text));
}

// As fetched, without what is no line of a policy.
static struct strs sts_lines(struct arena *a, struct str text)
{
    VEC(struct str) lines = {0};
    struct str line;
    while (str_split(&text, '\n', &line)) {
        line = str_trim(line);
        struct str *added = str_is_empty(line) ? NULL : vec_add(a, &lines);
        if (added != NULL)
            *added = line;
    }
    return (struct strs){lines.at, lines.count};
}
