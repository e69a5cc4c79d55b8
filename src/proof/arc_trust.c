// SPDX-License-Identifier: Apache-2.0
// proof/arc_trust.c: the seals since a message's last change, and the results that the first of
// them covers. A list that changes a message seals it, so what it saw is in its own set.
#include "proof/arc_trust.h"

#include "proof/authres.h"
#include "proof/tags.h"

static bool read_sealers(
        struct arena *a, const struct arc_answer *chain, size_t lowest, struct arc_witness *out);
static void take(struct arena *a, const struct authres_result *r, struct dmarc_identifier *dkim,
        struct arc_witness *out);
static struct str value_of(const struct authres_result *r, struct str ptype, struct str property);
static bool domain_of(struct arena *a, struct str value, struct str *out);

bool arc_witness_read(struct arena *a, const struct arc_answer *chain, struct arc_witness *out)
{
    struct authres seen;
    size_t lowest = chain->oldest_pass > 1 ? (size_t)chain->oldest_pass : 1;
    *out = (struct arc_witness){0};
    if (chain->result != ARC_PASS || lowest > chain->count || !read_sealers(a, chain, lowest, out))
        return false;
    const struct arc_set *set = &chain->sets[lowest - 1];
    if (set->results == NULL || failed(authres_parse(a, set->results->body, AUTHRES_ARC, &seen)) ||
            str_is_empty(seen.authserv_id))
        return false;
    struct dmarc_identifier *dkim = arena_array(a, seen.results.count + 1, struct dmarc_identifier);
    if (dkim == NULL)
        return false;
    each_in_vec (r, &seen.results) {
        if (str_eq_nocase(r->result, S("pass")))
            take(a, r, dkim, out);
    }
    out->dkim = dkim;
    return true;
}

static bool read_sealers(
        struct arena *a, const struct arc_answer *chain, size_t lowest, struct arc_witness *out)
{
    struct str *sealers = arena_array(a, chain->count + 1, struct str);
    if (sealers == NULL)
        return false;
    for (size_t i = lowest; i <= chain->count; i++) {
        if (str_is_null(chain->sets[i - 1].domain))
            return false;
        sealers[out->sealer_count++] = chain->sets[i - 1].domain;
    }
    out->sealers = sealers;
    return true;
}

// RFC 8601 2.7: each method names what it is about in a property of its own.
static void take(struct arena *a, const struct authres_result *r, struct dmarc_identifier *dkim,
        struct arc_witness *out)
{
    struct str domain;
    if (str_eq_nocase(r->method, S("dmarc")) && str_is_null(out->author_passed)) {
        if (domain_of(a, value_of(r, S("header"), S("from")), &domain))
            out->author_passed = domain;
    } else if (str_eq_nocase(r->method, S("spf")) && !out->has_spf) {
        out->has_spf = domain_of(a, value_of(r, S("smtp"), S("mailfrom")), &domain);
        if (out->has_spf)
            out->spf = (struct dmarc_identifier){.domain = domain, .result = DMARC_PROOF_PASS};
    } else if (str_eq_nocase(r->method, S("dkim"))) {
        if (domain_of(a, value_of(r, S("header"), S("d")), &domain))
            dkim[out->dkim_count++] =
                    (struct dmarc_identifier){.domain = domain, .result = DMARC_PROOF_PASS};
    }
}

static struct str value_of(const struct authres_result *r, struct str ptype, struct str property)
{
    each_in_vec (p, &r->props) {
        if (str_eq_nocase(p->ptype, ptype) && str_eq_nocase(p->property, property))
            return p->value;
    }
    return S("");
}

// Of an address, the domain.
static bool domain_of(struct arena *a, struct str value, struct str *out)
{
    struct str local, domain = value;
    if (str_find_byte(value, '@') != STR_NOT_FOUND)
        (void)str_rcut(value, '@', &local, &domain);
    return tag_domain(a, domain, 1, out);
}
