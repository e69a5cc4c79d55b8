// SPDX-License-Identifier: Apache-2.0
// proof/iprev.c: from the address to its names and back, RFC 8601 3 and authentication.md 3.
// Names are tried one after the other: mostly there is one.
#include "proof/iprev.h"

#include "mail/address.h"
#include "rt/dns.h"
#include "rt/task.h"

enum way_back { LEADS_BACK, LEADS_ELSEWHERE, LEADS_NOWHERE_NOW };

static struct err look_up(struct resolver *r, struct arena *a,
        const struct iprev_settings *settings, struct iprev_answer *io) suspends MUST_USE;
static struct err take_names(struct arena *a, const struct dns_names_answer *ptr, size_t names_max,
        struct iprev_answer *io) MUST_USE;
static struct err confirm(struct resolver *r, struct arena *a, struct str name, const struct ip *ip,
        enum way_back *out) suspends MUST_USE;

struct str iprev_result_name(enum iprev_result result)
{
    switch (result) {
    case IPREV_NONE:
        return S("");
    case IPREV_PASS:
        return S("pass");
    case IPREV_FAIL:
        return S("fail");
    case IPREV_TEMPERROR:
        return S("temperror");
    case IPREV_PERMERROR:
        return S("permerror");
    }
    return S("");
}

void iprev_settings_make(const struct conf *conf, struct iprev_settings *out)
{
    *out = (struct iprev_settings){.verify = conf_expr(conf, S("auth.iprev.verify")),
            .wait_ms = conf_duration_ms(conf, S("auth.iprev.timeout")),
            .names_max = (size_t)conf_u64(conf, S("auth.iprev.max-names"))};
}

enum proof_strategy iprev_strategy(const struct expr_result *verify)
{
    return proof_strategy_of(verify);
}

struct str iprev_ptr(const struct iprev_answer *answer)
{
    if (!str_is_null(answer->name))
        return answer->name;
    return answer->ptr_count > 0 ? answer->ptr[0] : STR_NULL;
}

// --- The check -----------------------------------------------------------------------------------

// The check's own time is the DNS's fault, and a result; the caller's is his.
struct err iprev_check(struct resolver *r, struct arena *a, const struct iprev_settings *settings,
        const struct ip *ip, struct iprev_answer *out)
{
    struct iprev_answer answer = {.ip = ip_unmap(*ip)};
    bool ours = deadline_left_ms() > settings->wait_ms;
    within_ms(settings->wait_ms);
    struct err e = look_up(r, a, settings, &answer);
    if (failed(e) && !(e.kind == ERR_TIMEOUT && ours))
        return e;
    if (failed(e)) {
        answer.result = IPREV_TEMPERROR;
        answer.comment = S("no answer in time");
    }
    *out = answer;
    return OK;
}

static struct err look_up(struct resolver *r, struct arena *a,
        const struct iprev_settings *settings, struct iprev_answer *io)
{
    struct dns_names_answer ptr;
    bool doubtful = false;
    TRY(dns_ptr(r, a, &io->ip, &ptr));
    if (ptr.answer.outcome != DNS_ANSWER) {
        bool temporary = dns_is_temporary(ptr.answer.outcome);
        io->result = temporary ? IPREV_TEMPERROR : IPREV_FAIL;
        io->comment = temporary ? dns_outcome_name(ptr.answer.outcome) : S("no PTR record");
        return OK;
    }
    TRY(take_names(a, &ptr, settings->names_max, io));
    for (size_t i = 0; i < io->ptr_count; i++) {
        enum way_back way;
        TRY(confirm(r, a, io->ptr[i], &io->ip, &way));
        if (way == LEADS_BACK) {
            io->result = IPREV_PASS;
            io->name = io->ptr[i];
            return OK;
        }
        doubtful = doubtful || way == LEADS_NOWHERE_NOW;
    }
    if (io->ptr_count == 0) {
        io->result = IPREV_PERMERROR;
        io->comment = S("no host name in the PTR records");
    } else {
        io->result = doubtful ? IPREV_TEMPERROR : IPREV_FAIL;
        io->comment = doubtful ? STR_NULL : S("policy not aligned");
    }
    return OK;
}

// What is no host name may be anything that somebody put into his zone, and goes no further.
static struct err take_names(struct arena *a, const struct dns_names_answer *ptr, size_t names_max,
        struct iprev_answer *io)
{
    struct str *names = arena_array(a, names_max, struct str);
    if (names == NULL)
        return fail(ERR_LIMIT, "no memory for the names of an address");
    for (size_t i = 0; i < ptr->count && io->ptr_count < names_max; i++)
        if (mail_host_is_qualified(ptr->at[i]) && !str_starts(ptr->at[i], S("[")))
            names[io->ptr_count++] = ptr->at[i];
    io->ptr = names;
    return OK;
}

static struct err confirm(struct resolver *r, struct arena *a, struct str name, const struct ip *ip,
        enum way_back *out)
{
    struct dns_ip_answer found;
    if (ip->family == IP_V4)
        TRY(dns_a(r, a, name, &found));
    else
        TRY(dns_aaaa(r, a, name, &found));
    *out = dns_is_temporary(found.answer.outcome) ? LEADS_NOWHERE_NOW : LEADS_ELSEWHERE;
    for (size_t i = 0; i < found.count; i++)
        if (ip_eq(&found.at[i], ip))
            *out = LEADS_BACK;
    return OK;
}

// --- What follows from it ------------------------------------------------------------------------

bool iprev_refuses(
        const struct iprev_answer *answer, enum proof_strategy strategy, struct proof_refusal *out)
{
    bool temporary = answer->result == IPREV_TEMPERROR;
    bool strict = strategy == PROOF_STRICT;
    if (!strict && strategy != PROOF_ENFORCE)
        return false;
    if (!temporary && answer->result != IPREV_FAIL &&
            !(strict && answer->result == IPREV_PERMERROR))
        return false;
    if (temporary)
        *out = (struct proof_refusal){.code = 451,
                .status = S("4.7.25"),
                .text = S("Temporary error validating reverse DNS.")};
    else
        *out = (struct proof_refusal){
                .code = 550, .status = S("5.7.25"), .text = S("Reverse DNS validation failed.")};
    return true;
}

bool iprev_is_kept(const struct iprev_answer *answer, enum proof_strategy strategy)
{
    struct proof_refusal refusal;
    return answer->result != IPREV_TEMPERROR || !iprev_refuses(answer, strategy, &refusal);
}
