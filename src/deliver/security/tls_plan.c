// SPDX-License-Identifier: Apache-2.0
// deliver/security/tls_plan.c: what TLS with a host must be, from all who have a say: the strategy,
// the relay's own keys, the message, MTA-STS and DANE (outbound.md 14.2, 15.7, 16.5, 17). The
// strongest demand wins; where two cannot both be met, the host is not used.
#include "deliver/security/tls.h"

#include "base/encode.h"
#include "deliver/answer.h"
#include "rt/task.h"

#include <openssl/evp.h>

#define IDENTITY_BYTES_MAX (16 * KIB)

// What each who has a say comes to.
struct demands {
    bool dane_asked, dane_required;
    bool dane_forgiven, sts_forgiven; // TLS-Required: No (RFC 8689 3): tried, not insisted on
    enum dane_state dane;
    enum tls_sts sts;
    bool sts_required, sts_enforced;
    bool starttls_required;
    bool requiretls;
    bool allow_invalid;
};

struct digesting { // for deep_call
    const struct dns_tlsa *records;
    size_t count;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_bytes;
};

static struct demands demands_of(const struct tls_wishes *w);
static enum tls_use use_of(const struct tls_wishes *w);
static void refuse_by_dane(struct arena *a, const struct tls_wishes *w, const struct demands *d,
        struct tls_plan *plan);
static struct str absence_text(struct arena *a, const struct tls_wishes *w);
static void refuse_by_sts(
        const struct tls_wishes *w, const struct demands *d, struct tls_plan *plan);
static void refuse_by_message(
        const struct tls_wishes *w, const struct demands *d, struct tls_plan *plan);
static bool somebody_insists(const struct demands *d);
static bool has_published(const struct demands *d);
static enum tls_level level_of(
        const struct tls_wishes *w, const struct demands *d, const struct tls_plan *plan);
static struct err name_host(
        struct arena *a, const struct tls_wishes *w, struct tls_plan *plan) MUST_USE;
static bool add_name(struct arena *a, struct tls_plan *plan, struct str name);
static void refuse(const struct tls_wishes *w, struct tls_plan *plan, enum client_verdict verdict,
        enum failure_kind kind, struct str enhanced, struct str text);
static struct err identify(
        struct arena *a, const struct tls_wishes *w, struct tls_plan *plan) MUST_USE;
static void identify_dane(struct buf *text, const struct dane *dane);
static void add_text(struct buf *text, const char *label, struct str value);
static bool has_authorities(const struct dane *dane);
static void digest_records(void *arg);
static const struct dns_tlsa *least_after(const struct digesting *d, const struct dns_tlsa *after);
static int compare(const struct dns_tlsa *a, const struct dns_tlsa *b);

struct err tls_plan_make(struct arena *a, const struct tls_wishes *w, struct tls_plan *out)
{
    const struct route *r = w->route;
    struct demands d = demands_of(w);
    struct tls_plan plan = {.use = use_of(w),
            .host = w->host,
            .strategy = w->strategy,
            .ca_file = !str_is_null(r->tls_ca_file) ? r->tls_ca_file : w->strategy->ca_file,
            .certificate = !str_is_null(r->tls_certificate) ? r->tls_certificate
                                                            : w->strategy->certificate};
    refuse_by_dane(a, w, &d, &plan);
    refuse_by_sts(w, &d, &plan);
    refuse_by_message(w, &d, &plan);
    plan.mandatory = plan.use == TLS_USE_IMPLICIT || d.starttls_required || somebody_insists(&d);
    if (w->is_switched_off && !plan.mandatory && !has_published(&d))
        plan.use = TLS_USE_NONE;
    plan.level = level_of(w, &d, &plan);
    plan.dane = plan.level == TLS_LEVEL_DANE ? w->dane : NULL;
    plan.needs_requiretls = d.requiretls && w->route->protocol == CLIENT_SMTP; // 17.2: LMTP, (b)
    plan.forgives = (plan.level == TLS_LEVEL_DANE && d.dane_forgiven) ||
                    (plan.level == TLS_LEVEL_STS && d.sts_forgiven);
    plan.accepts_invalid =
            w->strategy->accept_on_invalid && !plan.mandatory && plan.level == TLS_LEVEL_PKIX;
    plan.plaintext_after = w->strategy->plaintext_on_failure && !plan.mandatory;
    plan.reports_sts = d.sts == TLS_STS_TESTING || d.sts == TLS_STS_ENFORCE;
    plan.sts_matches = w->sts_matches;
    TRY(name_host(a, w, &plan));
    TRY(identify(a, w, &plan));
    *out = plan;
    return OK;
}

static struct demands demands_of(const struct tls_wishes *w)
{
    const struct tls_strategy *s = w->strategy;
    bool is_smtp = w->route->type != ROUTE_LOCAL && w->route->protocol == CLIENT_SMTP;
    bool forgives = w->tls_is_optional && s->honor_tls_required_no && !w->requiretls;
    enum tls_wish starttls =
            w->route->starttls != TLS_AS_STRATEGY ? w->route->starttls : s->starttls;
    struct demands d = {.dane_asked = is_smtp && s->dane != TLS_DISABLE && w->dane != NULL,
            .dane_required = is_smtp && s->dane == TLS_REQUIRE,
            .sts = is_smtp && s->mta_sts != TLS_DISABLE ? w->sts : TLS_STS_NONE,
            .sts_required = is_smtp && s->mta_sts == TLS_REQUIRE,
            .starttls_required = starttls == TLS_REQUIRE,
            // RFC 8689 protects the way over networks (outbound.md 17.2).
            .requiretls = w->requiretls && (is_smtp || !w->is_local),
            .allow_invalid = s->allow_invalid || w->route->tls_allow_invalid};
    d.dane = d.dane_asked ? w->dane->state : DANE_OFF;
    // The administrator's `require` is not the sender's to waive.
    d.dane_forgiven = forgives && !d.dane_required;
    d.sts_forgiven = forgives && !d.sts_required;
    d.sts_enforced = d.sts == TLS_STS_ENFORCE || (d.sts == TLS_STS_TESTING && d.sts_required);
    return d;
}

// 3.3: implicit TLS decides whether STARTTLS is used at all, and a relay's own wish wins.
static enum tls_use use_of(const struct tls_wishes *w)
{
    enum tls_wish starttls =
            w->route->starttls != TLS_AS_STRATEGY ? w->route->starttls : w->strategy->starttls;
    if (w->route->tls_implicit)
        return TLS_USE_IMPLICIT;
    return starttls == TLS_DISABLE ? TLS_USE_NONE : TLS_USE_STARTTLS;
}

// --- Hosts that may not be used ------------------------------------------------------------------

// 15.4, 15.7
static void refuse_by_dane(
        struct arena *a, const struct tls_wishes *w, const struct demands *d, struct tls_plan *plan)
{
    switch (d->dane) {
    case DANE_AVOID_BOGUS:
        plan->result_type = "dnssec-invalid";
        if (!d->dane_forgiven)
            refuse(w, plan, CLIENT_TEMPORARY, FAILURE_DANE, S("4.7.5"), w->dane->why);
        break;
    case DANE_AVOID_MUTE:
        if (!d->dane_forgiven)
            refuse(w, plan, CLIENT_TEMPORARY, FAILURE_DNS, S("4.4.3"), w->dane->why);
        break;
    case DANE_NO_DNSSEC:
        if (d->dane_required)
            refuse(w, plan, CLIENT_TEMPORARY, FAILURE_DANE, S("4.7.5"),
                    S("DANE is required, and DNSSEC validation is not available"));
        break;
    case DANE_OFF:
    case DANE_ABSENT:
        if (d->dane_required) {
            plan->result_type = "dane-required";
            refuse(w, plan, CLIENT_PERMANENT, FAILURE_DANE, S("5.7.5"), absence_text(a, w));
        }
        break;
    case DANE_UNUSABLE:
        plan->result_type = "tlsa-invalid";
        if (d->dane_required)
            refuse(w, plan, CLIENT_PERMANENT, FAILURE_DANE, S("5.7.5"), absence_text(a, w));
        break;
    case DANE_USABLE:
        break;
    }
}

static struct str absence_text(struct arena *a, const struct tls_wishes *w)
{
    struct str text = S("DANE is required and not available"), whole;
    if (w->dane == NULL || str_is_empty(w->dane->why))
        return text;
    whole = arena_fmt(a, "%.*s: %.*s", ARG(text), ARG(w->dane->why));
    return str_is_null(whole) ? text : whole;
}

// 16.5
static void refuse_by_sts(
        const struct tls_wishes *w, const struct demands *d, struct tls_plan *plan)
{
    if (plan->refused)
        return;
    if (d->sts_required && d->sts == TLS_STS_NONE)
        refuse(w, plan, CLIENT_PERMANENT, FAILURE_MTA_STS, S("5.7.5"),
                S("MTA-STS is required and the domain publishes no policy"));
    else if (d->sts_required && d->sts == TLS_STS_UNKNOWN)
        refuse(w, plan, CLIENT_TEMPORARY, FAILURE_MTA_STS, S("4.7.5"),
                S("MTA-STS is required and the domain's policy could not be had"));
    else if (d->sts_enforced && !w->sts_matches && !d->sts_forgiven) {
        plan->result_type = "validation-failure";
        refuse(w, plan, CLIENT_TEMPORARY, FAILURE_MTA_STS, S("4.7.5"),
                S("MX not authorized by policy."));
    }
}

// 17.1 (a), and 14.2: what insists on TLS, where the settings switch it off.
static void refuse_by_message(
        const struct tls_wishes *w, const struct demands *d, struct tls_plan *plan)
{
    bool has_policy = d->sts == TLS_STS_TESTING || d->sts == TLS_STS_ENFORCE;
    bool is_known = w->mx_is_secure || w->route->type != ROUTE_MX || (has_policy && w->sts_matches);
    if (plan->refused)
        return;
    if (d->requiretls && !is_known)
        refuse(w, plan, CLIENT_TEMPORARY, FAILURE_TLS, S("4.7.5"),
                S("REQUIRETLS: neither DNSSEC nor MTA-STS vouch for this host"));
    else if (plan->use == TLS_USE_NONE && somebody_insists(d))
        refuse(w, plan, CLIENT_TEMPORARY, FAILURE_TLS, S("4.7.4"),
                S("TLS is demanded for this host, and switched off in our settings"));
}

// Who insists on TLS beside the settings of STARTTLS.
static bool somebody_insists(const struct demands *d)
{
    bool by_dane = (d->dane == DANE_USABLE || d->dane == DANE_UNUSABLE) && !d->dane_forgiven;
    bool by_sts = d->sts_enforced && !d->sts_forgiven;
    return d->dane_required || d->sts_required || d->requiretls || by_dane || by_sts;
}

// What a sender has waived (RFC 8689 3) is tried all the same, and no order takes that away.
static bool has_published(const struct demands *d)
{
    return d->dane == DANE_USABLE || d->dane == DANE_UNUSABLE || d->sts_enforced;
}

static void refuse(const struct tls_wishes *w, struct tls_plan *plan, enum client_verdict verdict,
        enum failure_kind kind, struct str enhanced, struct str text)
{
    plan->refused = true;
    plan->answer = verdict == CLIENT_PERMANENT
                           ? answer_permanent(CLIENT_TLS, kind, w->host, enhanced, text)
                           : answer_temporary(CLIENT_TLS, kind, w->host, enhanced, text);
}

// --- What the certificate must prove -------------------------------------------------------------

static enum tls_level level_of(
        const struct tls_wishes *w, const struct demands *d, const struct tls_plan *plan)
{
    bool has_name = !str_is_null(w->host) || !str_is_null(w->route->tls_name);
    if (plan->use == TLS_USE_NONE)
        return TLS_LEVEL_NONE;
    if (d->dane == DANE_USABLE)
        return TLS_LEVEL_DANE;
    if (d->sts_enforced)
        return TLS_LEVEL_STS;
    if (d->requiretls)
        return TLS_LEVEL_PKIX;
    // Behind a Unix socket nobody has a name that a certificate could hold.
    if (d->dane == DANE_UNUSABLE || d->allow_invalid || (!has_name && w->ip.family == IP_NONE))
        return TLS_LEVEL_NONE;
    return TLS_LEVEL_PKIX;
}

// SNI and the names of which the certificate must have one (14.3, 15.5).
static struct err name_host(struct arena *a, const struct tls_wishes *w, struct tls_plan *plan)
{
    struct str own = !str_is_null(w->route->tls_name) ? w->route->tls_name : w->host;
    struct ip as_ip;
    struct str *names = arena_array(a, 3 + w->alias_count, struct str);
    if (names == NULL)
        return fail(ERR_LIMIT, "no memory for the names of a host");
    plan->names = names;
    plan->ip = str_is_null(own) ? w->ip : (struct ip){.family = IP_NONE};
    if (!str_is_null(own) && ip_parse(own, &as_ip)) {
        plan->ip = as_ip;
        own = STR_NULL;
    }
    plan->sni = own;
    bool kept = true;
    if (plan->level == TLS_LEVEL_DANE) {
        plan->sni = w->dane->base;
        kept = add_name(a, plan, w->dane->base) && add_name(a, plan, w->host) &&
               add_name(a, plan, w->next_hop);
        for (size_t i = 0; kept && i < w->alias_count; i++)
            kept = add_name(a, plan, w->aliases[i]);
    } else {
        kept = add_name(a, plan, own);
    }
    return kept ? OK : fail(ERR_LIMIT, "no memory for the names of a host");
}

static bool add_name(struct arena *a, struct tls_plan *plan, struct str name)
{
    struct str *names = (struct str *)(uintptr_t)plan->names;
    if (str_is_empty(name))
        return true;
    for (size_t i = 0; i < plan->name_count; i++)
        if (str_eq_nocase(names[i], name))
            return true;
    names[plan->name_count] = arena_str_lower(a, name);
    return !str_is_null(names[plan->name_count++]);
}

struct str tls_level_name(enum tls_level level)
{
    switch (level) {
    case TLS_LEVEL_NONE:
        return S("none");
    case TLS_LEVEL_PKIX:
        return S("pkix");
    case TLS_LEVEL_STS:
        return S("sts-pkix");
    case TLS_LEVEL_DANE:
        return S("dane");
    }
    return S("");
}

// --- Is another connection as good? --------------------------------------------------------------

static struct err identify(struct arena *a, const struct tls_wishes *w, struct tls_plan *plan)
{
    struct buf text AUTO(buf_done);
    bool names_count = plan->level != TLS_LEVEL_DANE || has_authorities(w->dane);
    buf_init(&text, IDENTITY_BYTES_MAX);
    buf_fmt(&text, "tls use=%d level=%.*s mandatory=%d forgives=%d accepts=%d requiretls=%d",
            (int)plan->use, ARG(tls_level_name(plan->level)), plan->mandatory, plan->forgives,
            plan->accepts_invalid, plan->needs_requiretls);
    add_text(&text, "strategy", w->strategy->id);
    add_text(&text, "sni", plan->sni);
    for (size_t i = 0; names_count && i < plan->name_count; i++)
        add_text(&text, "name", plan->names[i]);
    if (plan->ip.family != IP_NONE) {
        buf_add(&text, S(" ip="));
        ip_add(&text, &plan->ip);
    }
    add_text(&text, "ca", plan->ca_file);
    add_text(&text, "certificate", plan->certificate);
    add_text(&text, "sts", plan->level == TLS_LEVEL_STS ? w->sts_id : STR_NULL);
    if (plan->level == TLS_LEVEL_DANE)
        identify_dane(&text, w->dane);
    if (text.overflow)
        return fail(ERR_LIMIT, "what identifies a connection is longer than 16 KiB");
    plan->identity = arena_str(a, buf_str(&text));
    return str_is_null(plan->identity) ? fail(ERR_LIMIT, "no memory for a connection") : OK;
}

// With the length before it, no value can be taken for two.
static void add_text(struct buf *text, const char *label, struct str value)
{
    if (!str_is_null(value))
        buf_fmt(text, " %s=%zu:%.*s", label, value.len, ARG(value));
}

static bool has_authorities(const struct dane *dane)
{
    for (size_t i = 0; i < dane->usable_count; i++)
        if (dane->usable[i].usage != 3)
            return true;
    return false;
}

static void identify_dane(struct buf *text, const struct dane *dane)
{
    struct digesting d = {.records = dane->usable, .count = dane->usable_count};
    deep_call(digest_records, &d);
    buf_add(text, S(" tlsa="));
    encode_hex(text, str_of((const char *)d.digest, d.digest_bytes));
}

// In an order of our own: name servers turn their answers round.
static void digest_records(void *arg)
{
    struct digesting *d = arg;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    const struct dns_tlsa *r = least_after(d, NULL);
    for (; good && r != NULL; r = least_after(d, r)) {
        uint32_t len = (uint32_t)r->data.len;
        good = EVP_DigestUpdate(ctx, &r->usage, 1) == 1 &&
               EVP_DigestUpdate(ctx, &r->selector, 1) == 1 &&
               EVP_DigestUpdate(ctx, &r->matching, 1) == 1 &&
               EVP_DigestUpdate(ctx, &len, sizeof(len)) == 1 &&
               EVP_DigestUpdate(ctx, r->data.ptr, r->data.len) == 1;
    }
    if (!good || EVP_DigestFinal_ex(ctx, d->digest, &d->digest_bytes) != 1)
        d->digest_bytes = 0;
    EVP_MD_CTX_free(ctx);
}

static const struct dns_tlsa *least_after(const struct digesting *d, const struct dns_tlsa *after)
{
    const struct dns_tlsa *least = NULL;
    for (size_t i = 0; i < d->count; i++) {
        const struct dns_tlsa *r = &d->records[i];
        if ((after == NULL || compare(r, after) > 0) && (least == NULL || compare(r, least) < 0))
            least = r;
    }
    return least;
}

static int compare(const struct dns_tlsa *a, const struct dns_tlsa *b)
{
    if (a->usage != b->usage)
        return a->usage - b->usage;
    if (a->selector != b->selector)
        return a->selector - b->selector;
    if (a->matching != b->matching)
        return a->matching - b->matching;
    return str_compare(a->data, b->data);
}
