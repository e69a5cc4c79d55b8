// SPDX-License-Identifier: Apache-2.0
// proof/dns_records.c: the list of records, in the order in which a person would publish them.
#include "proof/dns_records.h"

#include "base/encode.h"
#include "proof/tags.h"
#include "rt/dns.h"

#include <openssl/evp.h>

#define STRING_BYTES_MAX 255 // RFC 1035 3.3.14
#define RDATA_BYTES_MAX (16 * KIB)
#define STS_ID_BYTES 10 // of the digest: 20 hex digits; RFC 8461 3.1 allows 32
#define SUBMISSIONS_PORT 465
#define SUBMISSION_PORT 587

struct making {
    struct arena *a;
    const struct dns_records_inputs *in;
    struct dns_records *out;
};

static struct err put(const struct making *m, uint16_t type, struct str name, struct str content,
        struct str about) MUST_USE;
static struct err put_keys(const struct making *m) MUST_USE;
static bool is_replaced(
        const struct making *m, const struct rotation_keys *stored, const struct signer_entry *e);
static struct err put_stored(const struct making *m, const struct rotation_key *key) MUST_USE;
static struct err put_policies(const struct making *m) MUST_USE;
static struct err put_sts(const struct making *m) MUST_USE;
static struct err put_services(const struct making *m) MUST_USE;
static struct str below(const struct making *m, const char *label);

struct str dns_record_status_name(enum dns_record_status status)
{
    switch (status) {
    case DNS_RECORD_UNASKED:
        return S("");
    case DNS_RECORD_OK:
        return S("ok");
    case DNS_RECORD_MISSING:
        return S("missing");
    case DNS_RECORD_DIFFERS:
        return S("different");
    case DNS_RECORD_UNKNOWN:
        return S("unknown");
    }
    return S("");
}

struct err dns_records_make(
        struct arena *a, const struct dns_records_inputs *in, struct dns_records *out)
{
    const struct making m = {.a = a, .in = in, .out = out};
    *out = (struct dns_records){0};
    TRY(put(&m, DNS_MX, arena_fmt(a, "%.*s.", ARG(in->domain)),
            arena_fmt(a, "10 %.*s.", ARG(in->host)),
            S("mail for the domain comes to this server")));
    TRY(put_keys(&m));
    TRY(put_policies(&m));
    TRY(put_sts(&m));
    TRY(put_services(&m));
    return dns_records_tlsa(a, in->host, in->listen, out);
}

static struct err put(const struct making *m, uint16_t type, struct str name, struct str content,
        struct str about)
{
    const struct dns_wanted w = {.type = type, .name = name, .content = content, .about = about};
    return dns_records_put(m->a, m->out, &w);
}

struct err dns_records_put(struct arena *a, struct dns_records *records, const struct dns_wanted *w)
{
    struct dns_wanted *slot = vec_add(a, &records->all);
    if (slot == NULL || str_is_null(w->name) || str_is_null(w->content))
        return fail(ERR_LIMIT, "no memory for the records of a domain");
    *slot = *w;
    return OK;
}

static struct str below(const struct making *m, const char *label)
{
    return arena_fmt(m->a, "%s.%.*s.", label, ARG(m->in->domain));
}

// Keys that sign, that will, and that did until a while ago: mail on its way verifies by them.
static struct err put_keys(const struct making *m)
{
    static const struct rotation_keys none = {0};
    const struct signers *all = m->in->signers;
    const struct rotation_keys *stored = m->in->keys == NULL ? &none : m->in->keys;
    for (size_t i = 0; i < all->count; i++) {
        const struct signer_entry *e = &all->at[i];
        const struct rotation_key *followed =
                rotation_key_find(stored, m->in->domain, e->signer.selector);
        if (!str_eq(e->signer.domain, m->in->domain) || e->stage == SIGNER_RETIRED ||
                str_is_null(e->record) || followed != NULL || is_replaced(m, stored, e))
            continue;
        struct str name = arena_fmt(
                m->a, "%.*s._domainkey.%.*s.", ARG(e->signer.selector), ARG(m->in->domain));
        TRY(put(m, DNS_TXT, name, e->record,
                arena_fmt(m->a, "DKIM key of signature \"%.*s\"", ARG(e->id))));
    }
    each_in_vec (k, &stored->all)
        if (str_eq(k->domain, m->in->domain))
            TRY(put_stored(m, k));
    return OK;
}

// A signature of the configuration in whose place a key of ours signs, and which is past its end.
static bool is_replaced(
        const struct making *m, const struct rotation_keys *stored, const struct signer_entry *e)
{
    struct rotation_rule rule;
    if (m->in->rotation == NULL || e->stage != SIGNER_ACTIVE || e->key == NULL ||
            !rotation_rule_of(m->in->rotation, m->in->domain, private_key_type(e->key), &rule))
        return false;
    each_in_vec (k, &stored->all)
        if (k->stage == SIGNER_ACTIVE && k->type == private_key_type(e->key) &&
                !str_is_empty(k->secret) && str_eq(k->domain, m->in->domain))
            return true;
    return false;
}

static struct err put_stored(const struct making *m, const struct rotation_key *key)
{
    struct str record = rotation_key_record(m->a, key);
    if (str_is_null(record))
        return OK;
    struct str name = arena_join(m->a, rotation_key_name(m->a, key), S("."));
    return put(m, DNS_TXT, name, record,
            key->stage == SIGNER_RETIRED
                    ? S("a DKIM key that was taken back")
                    : arena_fmt(m->a, "DKIM key, %.*s", ARG(rotation_stage_name(key->stage))));
}

// authentication.md 7.2. One record at a name: two of SPF would be a permanent error.
static struct err put_policies(const struct making *m)
{
    struct arena *a = m->a;
    const struct dns_records_inputs *in = m->in;
    struct str to = in->report_to;
    if (str_is_null(to))
        to = arena_join(a, S("mailto:postmaster@"), in->domain);
    TRY(put(m, DNS_TXT, arena_fmt(a, "%.*s.", ARG(in->domain)), S("v=spf1 mx ra=postmaster -all"),
            S("only the hosts of the MX records send for the domain")));
    if (!str_eq(in->host, in->domain) && domain_is_within(in->host, in->domain))
        TRY(put(m, DNS_TXT, arena_fmt(a, "%.*s.", ARG(in->host)), S("v=spf1 a ra=postmaster -all"),
                S("the server's own name in EHLO and in reports of delivery")));
    TRY(put(m, DNS_TXT, below(m, "_dmarc"),
            arena_fmt(a, "v=DMARC1; p=reject; rua=%.*s; ruf=%.*s", ARG(to), ARG(to)),
            S("mail in the domain's name without a signature or SPF of its is refused")));
    return put(m, DNS_TXT, below(m, "_smtp._tls"), arena_fmt(a, "v=TLSRPTv1; rua=%.*s", ARG(to)),
            S("reports of failed TLS"));
}

// The id changes with the policy, and with nothing else (RFC 8461 3.1).
static struct err put_sts(const struct making *m)
{
    struct arena *a = m->a;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct buf id AUTO(buf_done);
    buf_init(&id, 2 * STS_ID_BYTES + 1);
    m->out->sts_policy = arena_fmt(a,
            "version: STSv1\r\nmode: testing\r\nmx: %.*s\r\nmax_age: 604800\r\n", ARG(m->in->host));
    if (str_is_null(m->out->sts_policy) ||
            EVP_Digest(m->out->sts_policy.ptr, m->out->sts_policy.len, digest, &len, EVP_sha256(),
                    NULL) != 1)
        return fail(ERR_LIMIT, "no memory for the records of a domain");
    encode_hex(&id, str_of((const char *)digest, STS_ID_BYTES));
    TRY(put(m, DNS_TXT, below(m, "_mta-sts"), arena_fmt(a, "v=STSv1; id=%.*s", ARG(buf_str(&id))),
            S("there is an MTA-STS policy, and when it has changed")));
    return put(m, DNS_CNAME, below(m, "mta-sts"), arena_fmt(a, "%.*s.", ARG(m->in->host)),
            S("where the policy is served"));
}

// RFC 6186, RFC 8314: what programs of users look for; a dot says that there is no such service.
static struct err put_services(const struct making *m)
{
    static const struct {
        const char *label;
        uint16_t port;
    } submission[] = {
            {"_submissions._tcp", SUBMISSIONS_PORT}, {"_submission._tcp", SUBMISSION_PORT}};
    for (size_t i = 0; i < COUNT_OF(submission); i++) {
        bool is_there = false;
        for (size_t k = 0; k < m->in->listen->listener_count; k++)
            is_there =
                    is_there || listener_has_port(&m->in->listen->listeners[k], submission[i].port);
        struct str content = is_there ? arena_fmt(m->a, "0 1 %u %.*s.",
                                                (unsigned)submission[i].port, ARG(m->in->host))
                                      : S("0 0 0 .");
        TRY(put(m, DNS_SRV, below(m, submission[i].label), content,
                S("where users' programs submit mail")));
    }
    return OK;
}

size_t dns_records_wrong(const struct dns_records *records)
{
    size_t wrong = 0, choices = 0, good = 0;
    each_in_vec (w, &records->all) {
        bool is_tlsa = w->type == DNS_TLSA;
        choices += is_tlsa;
        good += is_tlsa && w->status == DNS_RECORD_OK;
        wrong += !is_tlsa && w->status != DNS_RECORD_OK;
    }
    return wrong + (choices > 0 && good == 0);
}

void dns_wanted_add(struct buf *out, const struct dns_wanted *w)
{
    struct buf rdata AUTO(buf_done);
    buf_init(&rdata, RDATA_BYTES_MAX);
    buf_fmt(out, "%.*s IN ", ARG(w->name));
    dns_type_add(out, w->type);
    buf_add_byte(out, ' ');
    if (w->type != DNS_TXT) {
        buf_add(out, w->content);
        return;
    }
    for (struct str rest = w->content; !str_is_empty(rest);) {
        struct str piece = str_upto(rest, STRING_BYTES_MAX);
        buf_add_byte(&rdata, (char)piece.len);
        buf_add(&rdata, piece);
        rest = str_from(rest, piece.len);
    }
    dns_record_add(out, DNS_TXT, buf_str(&rdata));
}
