// SPDX-License-Identifier: Apache-2.0
// proof/spf_eval.c: one term of an SPF record against one address, RFC 7208 5. What a domain's
// servers answer is a step; an error is the deadline, the evaluation's memory, or a cancellation.
#include "proof/spf_eval.h"

#include "proof/tags.h"
#include "rt/rt.h"

#define EXPANSION_BYTES_MAX (64 * KIB) // before a name is cut to what can be asked for
#define DOMAIN_BYTES_MAX 253

// One host's addresses, asked for by a task of its own.
struct host {
    struct spf_eval *ev;
    struct str name;
    struct dns_ip_answer answer;
};

static struct err match_a(struct spf_eval *ev, struct str name, const struct spf_term *t,
        enum spf_step *out) suspends;
static struct err match_mx(struct spf_eval *ev, struct str name, const struct spf_term *t,
        enum spf_step *out) suspends;
static struct err match_exists(struct spf_eval *ev, struct str name, enum spf_step *out) suspends;
static struct err match_ptr(struct spf_eval *ev, struct str name, enum spf_step *out) suspends;
static enum spf_step own_query(
        struct spf_eval *ev, const struct dns_answer *answer, const char *type);
static bool any_within(const struct dns_ip_answer *answer, const struct spf_term *t, struct ip ip);
static void sort_exchanges(struct dns_mx *mx, size_t count);
static struct err hosts_make(struct spf_eval *ev, size_t count, struct host **out);
static struct err hosts_ask(struct host *hosts, size_t count) suspends;
static struct err host_ask(void *host) suspends;
static struct err pointers_keep(struct spf_eval *ev, const struct host *hosts, size_t count);
static struct err count_pointers(struct spf_eval *ev, enum spf_step *out) suspends;
static struct str name_fit(struct str name);
static struct err name_read(struct spf_eval *ev, struct str text, struct str *out);

enum spf_step spf_eval_problem(struct spf_eval *ev, enum spf_step step, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    ev->problem = arena_vfmt(ev->a, fmt, args);
    va_end(args);
    return step;
}

enum spf_step spf_eval_count_lookup(struct spf_eval *ev)
{
    if (ev->lookups >= ev->settings->lookups_max)
        return spf_eval_problem(ev, SPF_STEP_PERMERROR, "more than %u terms want look-ups",
                ev->settings->lookups_max);
    ev->lookups++;
    return SPF_STEP_NO_MATCH;
}

enum spf_step spf_eval_count_void(struct spf_eval *ev)
{
    ev->voids++;
    if (ev->settings->voids_max == UINT32_MAX || ev->voids <= ev->settings->voids_max)
        return SPF_STEP_NO_MATCH;
    return spf_eval_problem(
            ev, SPF_STEP_PERMERROR, "more than %u look-ups found nothing", ev->settings->voids_max);
}

struct err spf_eval_mechanism(
        struct spf_eval *ev, struct str domain, const struct spf_term *term, enum spf_step *out)
{
    struct str name = STR_NULL;
    if (term->mechanism == SPF_IP4 || term->mechanism == SPF_IP6) {
        bool within = ip_net_contains(&term->net, &ev->values.ip);
        *out = within ? SPF_STEP_MATCH : SPF_STEP_NO_MATCH;
        return OK;
    }
    *out = spf_eval_count_lookup(ev);
    if (*out == SPF_STEP_NO_MATCH)
        TRY(spf_eval_name(ev, domain, term->domain, out, &name));
    if (*out != SPF_STEP_NO_MATCH || str_is_null(name))
        return OK;
    switch (term->mechanism) {
    case SPF_A:
        return match_a(ev, name, term, out);
    case SPF_MX:
        return match_mx(ev, name, term, out);
    case SPF_PTR:
        return match_ptr(ev, name, out);
    case SPF_EXISTS:
        return match_exists(ev, name, out);
    case SPF_ALL:
    case SPF_INCLUDE:
    case SPF_IP4:
    case SPF_IP6:
        return OK;
    }
    return OK;
}

// RFC 7208 5.3
static struct err match_a(
        struct spf_eval *ev, struct str name, const struct spf_term *t, enum spf_step *out)
{
    struct host host = {.ev = ev, .name = name};
    TRY(host_ask(&host));
    *out = own_query(ev, &host.answer.answer, ev->values.ip.family == IP_V4 ? "A" : "AAAA");
    if (*out == SPF_STEP_NO_MATCH && any_within(&host.answer, t, ev->values.ip))
        *out = SPF_STEP_MATCH;
    return OK;
}

// RFC 7208 5.4. All exchanges are asked for at once and judged in their order, so the result is
// that of asking one after the other.
static struct err match_mx(
        struct spf_eval *ev, struct str name, const struct spf_term *t, enum spf_step *out)
{
    struct dns_mx_answer mx;
    struct dns_mx sorted[SPF_EXCHANGES_MAX];
    struct host *hosts;
    size_t count = 0;
    TRY(dns_mx(ev->r, ev->a, name, &mx));
    *out = own_query(ev, &mx.answer, "MX");
    if (*out != SPF_STEP_NO_MATCH)
        return OK;
    if (mx.count > SPF_EXCHANGES_MAX) {
        *out = spf_eval_problem(ev, SPF_STEP_PERMERROR, "%.*s has more than %d exchanges",
                ARG(name), SPF_EXCHANGES_MAX);
        return OK;
    }
    for (size_t i = 0; i < mx.count; i++) {
        if (!str_is_empty(mx.at[i].host) && !str_eq(mx.at[i].host, S(".")))
            sorted[count++] = mx.at[i];
    }
    sort_exchanges(sorted, count);
    TRY(hosts_make(ev, count, &hosts));
    for (size_t i = 0; i < count; i++)
        hosts[i].name = sorted[i].host;
    TRY(hosts_ask(hosts, count));
    for (size_t i = 0; i < count && *out == SPF_STEP_NO_MATCH; i++) {
        const struct dns_answer *answer = &hosts[i].answer.answer;
        if (dns_is_temporary(answer->outcome))
            *out = own_query(ev, answer, "addresses");
        else if (any_within(&hosts[i].answer, t, ev->values.ip))
            *out = SPF_STEP_MATCH;
    }
    return OK;
}

// By preference; records of one preference keep their order.
static void sort_exchanges(struct dns_mx *mx, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = i; j > 0 && mx[j - 1].preference > mx[j].preference; j--) {
            struct dns_mx swap = mx[j];
            mx[j] = mx[j - 1];
            mx[j - 1] = swap;
        }
    }
}

// RFC 7208 5.7: an A record, also for a peer of IPv6.
static struct err match_exists(struct spf_eval *ev, struct str name, enum spf_step *out)
{
    struct dns_ip_answer answer;
    TRY(dns_a(ev->r, ev->a, name, &answer));
    *out = own_query(ev, &answer.answer, "A");
    if (*out == SPF_STEP_NO_MATCH && answer.answer.outcome == DNS_ANSWER)
        *out = SPF_STEP_MATCH;
    return OK;
}

// RFC 7208 5.5: trouble is no match.
static struct err match_ptr(struct spf_eval *ev, struct str name, enum spf_step *out)
{
    TRY(spf_eval_pointers(ev));
    if (dns_is_void(ev->pointers_outcome))
        *out = spf_eval_count_void(ev);
    for (size_t i = 0; i < ev->pointer_count && *out == SPF_STEP_NO_MATCH; i++) {
        if (domain_is_within(ev->pointers[i], name))
            *out = SPF_STEP_MATCH;
    }
    return OK;
}

// The query that a term makes by itself: temporary trouble decides, and what finds nothing counts.
static enum spf_step own_query(
        struct spf_eval *ev, const struct dns_answer *answer, const char *type)
{
    struct str outcome = dns_outcome_name(answer->outcome);
    if (dns_is_temporary(answer->outcome))
        return spf_eval_problem(
                ev, SPF_STEP_TEMPERROR, "%s of %.*s: %.*s", type, ARG(answer->name), ARG(outcome));
    return dns_is_void(answer->outcome) ? spf_eval_count_void(ev) : SPF_STEP_NO_MATCH;
}

static bool any_within(const struct dns_ip_answer *answer, const struct spf_term *t, struct ip ip)
{
    uint8_t prefix = ip.family == IP_V4 ? t->prefix4 : t->prefix6;
    for (size_t i = 0; i < answer->count; i++) {
        struct ip_net net = {.ip = ip_network_of(answer->at[i], prefix), .prefix = prefix};
        struct ip masked = ip_network_of(ip, prefix);
        if (ip_eq(&net.ip, &masked))
            return true;
    }
    return false;
}

static struct err hosts_make(struct spf_eval *ev, size_t count, struct host **out)
{
    *out = arena_array(ev->a, count, struct host);
    if (*out == NULL)
        return fail(ERR_LIMIT, "the answers use more memory than a check of SPF may have");
    for (size_t i = 0; i < count; i++)
        (*out)[i].ev = ev;
    return OK;
}

static struct err hosts_ask(struct host *hosts, size_t count)
{
    struct group group AUTO(group_end);
    group_begin(&group);
    for (size_t i = 1; i < count; i++)
        TRY(group_spawn(&group, host_ask, &hosts[i]));
    if (count > 0)
        TRY(host_ask(&hosts[0]));
    return group_wait_all(&group);
}

// Of the peer's family.
static struct err host_ask(void *host)
{
    struct host *h = host;
    struct spf_eval *ev = h->ev;
    if (ev->values.ip.family == IP_V4)
        return dns_a(ev->r, ev->a, h->name, &h->answer);
    return dns_aaaa(ev->r, ev->a, h->name, &h->answer);
}

struct err spf_eval_pointers(struct spf_eval *ev)
{
    struct dns_names_answer names;
    struct host *hosts;
    if (ev->has_pointers)
        return OK;
    TRY(dns_ptr(ev->r, ev->a, &ev->values.ip, &names));
    size_t count = names.count < SPF_POINTERS_MAX ? names.count : SPF_POINTERS_MAX;
    TRY(hosts_make(ev, count, &hosts));
    for (size_t i = 0; i < count; i++)
        hosts[i].name = names.at[i];
    TRY(hosts_ask(hosts, count));
    ev->has_pointers = true;
    ev->pointers_outcome = names.answer.outcome;
    return pointers_keep(ev, hosts, count);
}

// A name is valid when one of its addresses is the peer's.
static struct err pointers_keep(struct spf_eval *ev, const struct host *hosts, size_t count)
{
    static const struct spf_term whole = {.prefix4 = 32, .prefix6 = 128};
    struct str *valid = arena_array(ev->a, count, struct str);
    if (valid == NULL)
        return fail(ERR_LIMIT, "the answers use more memory than a check of SPF may have");
    ev->pointers = valid;
    for (size_t i = 0; i < count; i++) {
        if (any_within(&hosts[i].answer, &whole, ev->values.ip))
            valid[ev->pointer_count++] = hosts[i].name;
    }
    return OK;
}

// RFC 7208 7.3: the domain itself, or else a name below it, or else any.
struct str spf_eval_pointer(const struct spf_eval *ev, struct str domain)
{
    struct str best = STR_NULL;
    for (size_t i = 0; i < ev->pointer_count; i++) {
        struct str name = ev->pointers[i];
        bool better = domain_is_within(name, domain) && !domain_is_within(best, domain);
        if (str_eq(name, domain))
            return name;
        best = str_is_null(best) || better ? name : best;
    }
    return best;
}

// --- Names ---------------------------------------------------------------------------------------

struct err spf_eval_name(struct spf_eval *ev, struct str domain, struct str spec,
        enum spf_step *out_step, struct str *out)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, EXPANSION_BYTES_MAX);
    *out = str_is_null(spec) ? domain : STR_NULL;
    if (str_is_null(spec))
        return OK;
    if (spf_eval_never_matches(ev, spec))
        return OK;
    if (spf_macro_uses(spec, 'p') && !ev->has_pointers) {
        TRY(count_pointers(ev, out_step));
        if (*out_step != SPF_STEP_NO_MATCH)
            return OK;
    }
    TRY(spf_eval_expand(ev, domain, spec, &text));
    if (text.overflow) {
        *out_step = spf_eval_problem(
                ev, SPF_STEP_PERMERROR, "a name of more than %d octets", EXPANSION_BYTES_MAX);
        return OK;
    }
    return name_read(ev, name_fit(buf_str(&text)), out);
}

// RFC 8616 4
bool spf_eval_never_matches(const struct spf_eval *ev, struct str spec)
{
    return ev->local_beyond_ascii && (spf_macro_uses(spec, 's') || spf_macro_uses(spec, 'l'));
}

// RFC 7208 4.6.4: %{p} is a look-up like a mechanism, and may be a void one.
static struct err count_pointers(struct spf_eval *ev, enum spf_step *out)
{
    *out = spf_eval_count_lookup(ev);
    if (*out != SPF_STEP_NO_MATCH)
        return OK;
    TRY(spf_eval_pointers(ev));
    if (dns_is_void(ev->pointers_outcome))
        *out = spf_eval_count_void(ev);
    return OK;
}

struct err spf_eval_expand(struct spf_eval *ev, struct str domain, struct str text, struct buf *out)
{
    struct spf_macro_values values = ev->values;
    values.domain = domain;
    if (spf_macro_uses(text, 'p')) {
        TRY(spf_eval_pointers(ev));
        values.pointer = spf_eval_pointer(ev, domain);
    }
    spf_macro_expand(out, &values, text);
    return OK;
}

// RFC 7208 7.3: labels go from the left until what is left can be asked for.
static struct str name_fit(struct str name)
{
    struct str label;
    if (str_ends(name, S(".")))
        name = str_upto(name, name.len - 1);
    while (name.len > DOMAIN_BYTES_MAX && str_cut(name, '.', &label, &name))
        continue;
    return name;
}

// A name as the resolver wants it; null: no such name can exist.
static struct err name_read(struct spf_eval *ev, struct str text, struct str *out)
{
    struct buf escaped AUTO(buf_done);
    struct scan in = scan_over(text);
    buf_init(&escaped, DNS_NAME_TEXT_MAX);
    for (uint8_t c; scan_any(&in, &c);) {
        buf_add(&escaped, c == '\\' ? S("\\") : S(""));
        buf_add_byte(&escaped, (char)c);
    }
    struct err e = dns_name_read(ev->a, buf_str(&escaped), out);
    if (e.kind != ERR_SYNTAX)
        return e;
    *out = STR_NULL;
    return OK;
}
