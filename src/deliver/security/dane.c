// SPDX-License-Identifier: Apache-2.0
// deliver/security/dane.c: may TLSA records of a host be asked for, and what came back (outbound.md
// 15.2 to 15.4). Whatever is not certain makes a host to be avoided: an attacker who can only
// suppress answers must not get plaintext for it.
#include "deliver/security/dane.h"

#include "rt/task.h"

#include <openssl/err.h>

#define SHA256_BYTES 32
#define SHA512_BYTES 64

struct judging { // for deep_call
    enum dane_profile profile;
    const struct dns_tlsa *record;
    struct str trouble;
};

struct filtering { // for deep_call
    enum dane_profile profile;
    const struct dns_tlsa *all;
    size_t count;
    struct dns_tlsa *out;
    size_t out_count;
};

static bool is_eligible(const struct dane_host *host, struct dane *out);
static struct err ask(struct resolver *r, struct arena *a, const struct dane_host *host,
        struct str base, struct dane *out) suspends;
static struct err take_answer(
        struct arena *a, const struct dns_tlsa_answer *answer, struct str base, struct dane *out);
static void filter(void *arg);
static bool is_usable(enum dane_profile profile, const struct dns_tlsa *r);
static void judge(void *arg);
static struct str trouble_of(enum dane_profile profile, const struct dns_tlsa *r);
static bool is_der(uint8_t selector, struct str data);
static bool has_stronger(const struct filtering *f, const struct dns_tlsa *r);

struct err dane_lookup(
        struct resolver *r, struct arena *a, const struct dane_host *host, struct dane *out)
{
    *out = (struct dane){.state = DANE_ABSENT};
    if (!resolver_figures(r).validating) {
        out->state = DANE_NO_DNSSEC;
        out->why = S("DNSSEC validation is not available");
        return OK;
    }
    if (!is_eligible(host, out))
        return OK;
    // RFC 7672 2.2.2: where the aliases lead comes first, if every one of them is signed.
    bool is_alias = !str_is_null(host->canonical) && !str_eq(host->canonical, host->name);
    if (is_alias && host->canonical_dnssec == DNSSEC_SECURE) {
        TRY(ask(r, a, host, host->canonical, out));
        if (out->state != DANE_ABSENT)
            return OK;
    }
    return ask(r, a, host, host->name, out);
}

// 15.2. Names that are not signed are not asked about: many of their servers fail on TLSA, and an
// answer could not be believed.
static bool is_eligible(const struct dane_host *host, struct dane *out)
{
    bool is_alias = !str_is_null(host->canonical) && !str_eq(host->canonical, host->name);
    if (host->mx == DNSSEC_BOGUS || host->addresses == DNSSEC_BOGUS) {
        out->state = DANE_AVOID_BOGUS;
        out->why = host->mx == DNSSEC_BOGUS ? S("Bogus MX records were found.")
                                            : S("Bogus address records were found.");
        return false;
    }
    if (str_is_null(host->name) || host->mx != DNSSEC_SECURE) {
        out->why = S("the MX records are not signed");
        out->is_unsigned = true;
        return false;
    }
    if (host->addresses == DNSSEC_SECURE)
        return true;
    out->why = S("MX host is not in a DNSSEC signed zone.");
    out->is_unsigned = true;
    return is_alias && host->alias_dnssec == DNSSEC_SECURE;
}

// 15.3. Port and protocol stand before the base domain (RFC 6698 3).
static struct err ask(struct resolver *r, struct arena *a, const struct dane_host *host,
        struct str base, struct dane *out)
{
    struct dns_tlsa_answer answer;
    struct str owner = arena_fmt(a, "_%u._tcp.%.*s", host->port, ARG(base));
    if (str_is_null(owner))
        return fail(ERR_LIMIT, "no memory for a TLSA question");
    *out = (struct dane){.state = DANE_ABSENT, .owner = owner};
    struct err e = dns_tlsa(r, a, owner, &answer);
    if (e.kind == ERR_SYNTAX) { // too long with what stands before it: nobody can have published it
        out->why = S("No TLSA records found for MX.");
        return OK;
    }
    TRY(e);
    return take_answer(a, &answer, base, out);
}

static struct err take_answer(
        struct arena *a, const struct dns_tlsa_answer *answer, struct str base, struct dane *out)
{
    out->ttl_s = answer->answer.ttl_s;
    if (answer->answer.outcome == DNS_BOGUS || answer->answer.dnssec == DNSSEC_BOGUS) {
        out->state = DANE_AVOID_BOGUS;
        out->why = S("Bogus TLSA records were found.");
        return OK;
    }
    if (dns_is_temporary(answer->answer.outcome)) {
        out->state = DANE_AVOID_MUTE;
        out->why = arena_fmt(a, "asking for TLSA records of %.*s: %.*s", ARG(out->owner),
                ARG(answer->answer.why));
        return OK;
    }
    if (answer->count == 0 || answer->answer.dnssec != DNSSEC_SECURE) {
        out->is_unsigned = answer->count > 0;
        out->why = answer->count == 0 ? S("No TLSA records found for MX.")
                                      : S("No TLSA DNSSEC records found.");
        return OK;
    }
    out->base = base;
    out->found = answer->at;
    out->found_count = answer->count < DANE_RECORDS_MAX ? answer->count : DANE_RECORDS_MAX;
    TRY(dane_usable(a, DANE_SMTP, out->found, out->found_count, &out->usable, &out->usable_count));
    out->state = out->usable_count > 0 ? DANE_USABLE : DANE_UNUSABLE;
    if (out->usable_count == 0)
        out->why = S("Invalid TLSA record.");
    return OK;
}

// --- Which records count -------------------------------------------------------------------------

struct err dane_usable(struct arena *a, enum dane_profile profile, const struct dns_tlsa *all,
        size_t count, const struct dns_tlsa **out, size_t *out_count)
{
    struct filtering f = {.profile = profile, .all = all, .count = count};
    f.out = arena_array(a, count + 1, struct dns_tlsa);
    if (f.out == NULL)
        return fail(ERR_LIMIT, "no memory for TLSA records");
    deep_call(filter, &f);
    *out = f.out;
    *out_count = f.out_count;
    return OK;
}

// What cannot be used is left out first: a digest that nobody can meet must not push out another.
static void filter(void *arg)
{
    struct filtering *f = arg;
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++)
        if (is_usable(f->profile, &f->all[i]))
            f->out[f->out_count++] = f->all[i];
    for (size_t i = 0; i < f->out_count; i++)
        if (!has_stronger(f, &f->out[i]))
            f->out[kept++] = f->out[i];
    f->out_count = kept;
    ERR_clear_error();
}

static bool is_usable(enum dane_profile profile, const struct dns_tlsa *r)
{
    return str_is_null(trouble_of(profile, r));
}

struct str dane_trouble(enum dane_profile profile, const struct dns_tlsa *record)
{
    struct judging j = {.profile = profile, .record = record};
    deep_call(judge, &j);
    return j.trouble;
}

static void judge(void *arg)
{
    struct judging *j = arg;
    j->trouble = trouble_of(j->profile, j->record);
    ERR_clear_error();
}

static struct str trouble_of(enum dane_profile profile, const struct dns_tlsa *r)
{
    if (r->usage > 3)
        return S("there is no such usage");
    if (profile == DANE_SMTP && r->usage < 2) // RFC 7672 3.1.3
        return S("usages 0 and 1 need public authorities, which nobody trusts for mail");
    if (r->selector > 1)
        return S("there is no such selector");
    switch (r->matching) {
    case 0:
        if (is_der(r->selector, r->data))
            return STR_NULL;
        return r->selector == 0 ? S("this is no certificate") : S("this is no public key");
    case 1:
        return r->data.len == SHA256_BYTES ? STR_NULL : S("a SHA-256 digest has 32 octets");
    case 2:
        return r->data.len == SHA512_BYTES ? STR_NULL : S("a SHA-512 digest has 64 octets");
    default:
        return S("there is no such matching type");
    }
}

static bool is_der(uint8_t selector, struct str data)
{
    const unsigned char *at = (const unsigned char *)data.ptr;
    const unsigned char *end = at + data.len;
    bool good;
    if (data.len == 0)
        return false;
    if (selector == 0) {
        X509 *x = d2i_X509(NULL, &at, (long)data.len);
        good = x != NULL && at == end;
        X509_free(x);
    } else {
        EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)data.len);
        good = key != NULL && at == end;
        EVP_PKEY_free(key);
    }
    return good;
}

// RFC 7671 9: of digests of the same thing only the strongest counts, else an attacker chooses.
// The weaker ones are only dropped after all have been asked, so the order does not matter.
static bool has_stronger(const struct filtering *f, const struct dns_tlsa *r)
{
    for (size_t i = 0; r->matching == 1 && i < f->count; i++) {
        const struct dns_tlsa *other = &f->all[i];
        if (other->usage == r->usage && other->selector == r->selector && other->matching == 2 &&
                is_usable(f->profile, other))
            return true;
    }
    return false;
}
