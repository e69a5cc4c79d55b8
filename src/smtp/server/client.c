// SPDX-License-Identifier: Apache-2.0
// smtp/server/client.c: what the directory, the DNS and the limits say about the client.
#include "smtp/server/client.h"

#include "conf/lookup.h"
#include "limits/dnsbl.h"
#include "limits/greylist.h"
#include "proof/iprev.h"
#include "rt/rt.h"
#include "smtp/limits.h"
#include "smtp/server/stages.h"
#include "smtp/server/transaction.h"
#include "smtp/server/verify.h"

static void tell_throttled(struct smtp_session *s, const struct throttle *refused);
static bool sender_is_trusted(struct smtp_session *s) suspends;
static struct err look_up_ptr(
        struct smtp_session *s, enum proof_strategy strategy) suspends MUST_USE;
static void tell_troubles(struct smtp_session *s, const struct dnsbl_verdict *verdict);

const struct throttle *session_throttle(
        struct smtp_session *s, enum throttle_class class, struct limits_held *held)
{
    const struct limits *limits = s->service->limits;
    if (limits == NULL || !throttles_has(limits, class))
        return NULL;
    struct throttle_values values = session_values(s);
    struct session_env self;
    struct expr_env env = session_env(s, &self);
    struct throttle_check check = {.class = class,
            .is_allowed = s->visit->is_allowed,
            .values = &values,
            .env = &env,
            .held = held,
            .scratch = &s->scratch,
            .wall_now_ms = wall_ms()};
    const struct throttle *refused = throttles_take(limits, &check);
    each_in_vec (fault, &check.faults)
        session_tell_fault(s, fault->key, &fault->fault);
    if (refused == NULL)
        return NULL;
    tell_throttled(s, refused);
    return refused;
}

static void tell_throttled(struct smtp_session *s, const struct throttle *refused)
{
    struct metrics_column *m = s->service->metrics;
    if (m != NULL)
        metric_add(m, METRIC_SMTP_THROTTLED,
                LABELS(metrics_label_find(m->all, LABEL_LIMITER, refused->id)), 1);
    if (refused->rate.count > 0)
        event_in(s->options->span, EV_SMTP_RATE_LIMIT_EXCEEDED, F_STR(id, refused->id),
                F_U64(limit, refused->rate.count), F_STR(details, refused->description));
    else
        event_in(s->options->span, EV_SMTP_CONCURRENCY_LIMIT_EXCEEDED, F_STR(id, refused->id),
                F_U64(limit, refused->concurrency), F_STR(details, refused->description));
}

void session_note_junk(struct smtp_session *s)
{
    s->counts.junk++;
    if (s->pace.junk_max > 0 && s->counts.junk > s->pace.junk_max)
        s->result.errors++;
}

struct err client_directories(const struct smtp_session *s, struct directories **out)
{
    *out = s->service->directories;
    return *out != NULL ? OK : fail(ERR_IO, "no directory is open");
}

struct err client_resolve_rules(struct smtp_session *s, struct client_rules *out)
{
    const struct smtp_settings *settings = s->service->settings;
    out->env = session_env(s, &out->self);
    out->rules =
            (struct resolve_rules){.sub_addressing = settings->rules[RULE_SUB_ADDRESSING].setting,
                    .catch_all = settings->rules[RULE_CATCH_ALL].setting,
                    .delimiters = settings->delimiters,
                    .env = &out->env};
    return rule_text(s, RULE_RCPT_DIRECTORY, &out->rules.directory);
}

struct err client_may_send_as(struct smtp_session *s, struct str sender, bool *out_may)
{
    struct client_rules rules;
    *out_may = false;
    struct directories *d;
    TRY(client_directories(s, &d));
    TRY(client_resolve_rules(s, &rules));
    within_ms(DIRECTORY_WAIT_MS);
    return directories_may_send_as(d, &s->scratch, &rules.rules, s->account, sender, out_may);
}

struct str client_own_domain(struct smtp_session *s)
{
    struct directories *d = s->service->directories;
    struct str domain = s->visit->listener->host;
    struct local_domain found;
    bool local = true;
    if (d != NULL && !failed(directories_domain(d, &s->scratch, S("*"), domain, &local, &found)) &&
            !local && directories_first_domain(d).len > 0)
        domain = directories_first_domain(d);
    return domain;
}

bool client_must_wait(struct smtp_session *s)
{
    const struct limits *limits = s->service->limits;
    if (limits == NULL || !greylist_is_on(limits))
        return false;
    struct session_env self;
    struct expr_env env = session_env(s, &self);
    struct greylist_ask ask = {.remote_ip = s->client.ip,
            .helo_domain = session_helo(s),
            .sender = s->transaction->sender.normal,
            .rcpt = s->transaction->current.normal,
            .is_authenticated = s->account != NULL,
            .is_allowed = s->visit->is_allowed,
            .is_trusted = sender_is_trusted(s),
            .env = &env,
            .scratch = &s->scratch,
            .wall_now_ms = wall_ms()};
    enum greylist_answer answer = greylist_ask(limits, &ask);
    if (!str_is_null(ask.fault.key))
        session_tell_fault(s, ask.fault.key, &ask.fault.fault);
    return answer == GREYLIST_WAIT;
}

// inbound.md 10.5. The list trusted-domains names domains, and a name is easily said: only where
// SPF says that it is the domain's own client is the list of any worth, and the answer waited for.
static bool sender_is_trusted(struct smtp_session *s)
{
    const struct lookups *lists = conf_lookups(s->service->settings->conf);
    const struct lookup *trusted = lookups_get(lists, S("trusted-domains"));
    const struct spf_answer *answer;
    struct expr_value ignored;
    if (trusted == NULL || !lookup_get(trusted, s->transaction->sender.domain, &ignored))
        return false;
    return !failed(spf_await(s->spf_mail, &answer)) && answer != NULL && answer->result == SPF_PASS;
}

// Loopback and those whose name XCLIENT gave have nothing to prove. Who is refused is refused at
// every MAIL of the session, without being asked about again (authentication.md 3).
struct err client_iprev(struct smtp_session *s, enum reply_id *out, struct str *out_words)
{
    struct proof_refusal refusal;
    bool was_given = s->ptr_is_settled && s->iprev == IPREV_NONE;
    *out = REPLY_OK;
    *out_words = S("");
    if (was_given || s->service->resolver == NULL || ip_is_loopback(&s->client.ip))
        return OK;
    struct expr_result mode = rule_ask(s, RULE_IPREV);
    enum proof_strategy strategy = iprev_strategy(&mode);
    if (strategy == PROOF_DISABLE)
        return OK;
    if (!s->ptr_is_settled)
        TRY(look_up_ptr(s, strategy));
    if (!iprev_refuses(&(struct iprev_answer){.result = s->iprev}, strategy, &refusal))
        return OK;
    *out = REPLY_IPREV_FAILED;
    *out_words = arena_fmt(&s->scratch, "%u %.*s %.*s", (unsigned)refusal.code, ARG(refusal.status),
            ARG(refusal.text));
    return OK;
}

static struct err look_up_ptr(struct smtp_session *s, enum proof_strategy strategy)
{
    struct iprev_answer answer;
    int64_t began_ms = now_ms();
    struct err e = iprev_check(
            s->service->resolver, &s->scratch, s->service->iprev, &s->client.ip, &answer);
    if (e.kind == ERR_CANCELLED)
        return e;
    if (failed(e)) // our own want of memory: nobody may pass for that, and it may pass
        answer = (struct iprev_answer){.result = IPREV_TEMPERROR};
    s->iprev = answer.result;
    s->iprev_comment = answer.comment; // a static text
    s->ptr_name = str_is_null(answer.name) ? STR_NULL : arena_str(&s->identity, answer.name);
    s->ptr_is_settled = iprev_is_kept(&answer, strategy);
    tell_iprev(s, &answer, now_ms() - began_ms, strategy);
    return OK;
}

void client_ask_lists(struct smtp_session *s)
{
    if (s->service->dnsbl == NULL || s->visit->is_allowed)
        return;
    struct expr_result verify = rule_ask(s, RULE_DNSBL);
    if (s->dnsbl == NULL) {
        s->dnsbl = mem_new(struct dnsbl);
        if (s->dnsbl == NULL)
            return; // a list that is not asked lists nobody
        dnsbl_begin(s->dnsbl, s->service->dnsbl);
    }
    dnsbl_want(s->dnsbl, &verify);
    dnsbl_ask_ip(s->dnsbl, &s->client.ip);
}

void client_ask_lists_of_helo(struct smtp_session *s)
{
    if (s->dnsbl != NULL)
        dnsbl_ask_name(s->dnsbl, DNSBL_EHLO, session_helo(s));
}

void client_ask_lists_of_sender(struct smtp_session *s)
{
    if (s->dnsbl == NULL)
        return;
    dnsbl_ask_name(s->dnsbl, DNSBL_RETURN_PATH, s->transaction->sender.domain);
    if (!str_is_null(s->ptr_name))
        dnsbl_ask_name(s->dnsbl, DNSBL_IPREV, s->ptr_name);
}

void client_ask_lists_of_from(struct smtp_session *s, struct str domain)
{
    if (s->dnsbl != NULL && s->account == NULL)
        dnsbl_ask_name(s->dnsbl, DNSBL_FROM, domain);
}

void client_end_lists(struct smtp_session *s)
{
    if (s->dnsbl == NULL)
        return;
    dnsbl_end(s->dnsbl);
    mem_free(s->dnsbl);
    s->dnsbl = NULL;
}

bool client_is_judged_at_connect(const struct smtp_session *s)
{
    return s->dnsbl != NULL && s->service->dnsbl_settings->stage == DNSBL_AT_CONNECT;
}

struct err client_listed(struct smtp_session *s, enum reply_id *out, struct str *out_words)
{
    struct dnsbl_verdict verdict;
    *out = REPLY_OK;
    *out_words = S("");
    if (s->dnsbl == NULL || s->account != NULL)
        return OK;
    struct err e = dnsbl_judge(s->dnsbl, &s->scratch, &verdict);
    if (failed(e))
        return e.kind == ERR_CANCELLED ? e : OK;
    tell_troubles(s, &verdict);
    if (!verdict.refused)
        return OK;
    *out = REPLY_DNSBL;
    *out_words = verdict.reply;
    event_in(s->options->span, EV_SMTP_DNSBL_LISTED, F_STR(domain, verdict.why->zone->name),
            F_STR(details, verdict.why->name), F_I64(total, verdict.weight));
    return OK;
}

static void tell_troubles(struct smtp_session *s, const struct dnsbl_verdict *verdict)
{
    for (size_t i = 0; i < verdict->trouble_count; i++)
        event_in(s->options->span, EV_SMTP_DNSBL_ERROR,
                F_STR(domain, verdict->troubles[i].zone->name),
                F_STR(reason, verdict->troubles[i].why));
}
