// SPDX-License-Identifier: Apache-2.0
// proof/atps.c: one question: HASH-OF-SIGNER._atps.AUTHOR, RFC 6541 4.3 and 4.4.
#include "proof/atps.h"

#include "proof/signature_check.h"
#include "proof/tags.h"
#include "rt/dns.h"

#define LABELS_BYTES_MAX 253

static bool label_of(struct buf *out, const struct dkim_signature *s);
static void add_base32(struct buf *out, struct str bytes);
static enum dkim_result judge(
        struct arena *a, const struct dkim_signature *s, const struct dns_txt_answer *txt);
static bool allows(struct arena *a, const struct dkim_signature *s, struct str record);

struct err atps_check(struct resolver *r, struct arena *a, const struct dkim_signature *s,
        struct proof_head *head, enum dkim_result *out)
{
    struct buf name AUTO(buf_done);
    struct dns_txt_answer txt;
    struct str domain;
    *out = DKIM_NONE;
    buf_init(&name, LABELS_BYTES_MAX);
    if (str_is_null(s->third_party) || !tag_domain(a, s->third_party, 1, &domain) ||
            !proof_head_has_author_domain(a, head, domain) || !label_of(&name, s))
        return OK;
    buf_fmt(&name, "._atps.%.*s", ARG(domain));
    if (name.overflow)
        return OK;
    struct err e = dns_txt(r, a, buf_str(&name), &txt);
    if (e.kind == ERR_CANCELLED || e.kind == ERR_LIMIT)
        return e;
    *out = failed(e) ? DKIM_TEMPERROR : judge(a, s, &txt);
    return OK;
}

// The signer's domain as it is, or its hash in base32 (RFC 4648 6) without padding.
static bool label_of(struct buf *out, const struct dkim_signature *s)
{
    uint8_t room[PROOF_DIGEST_BYTES_MAX];
    struct str digest, how = s->third_party_hash;
    if (str_is_null(how) || str_eq(how, S("none"))) {
        buf_add(out, s->domain);
        return true;
    }
    bool sha256 = str_eq(how, S("sha256"));
    if ((!sha256 && !str_eq(how, S("sha1"))) ||
            failed(proof_digest(sha256 ? PROOF_SHA256 : PROOF_SHA1, s->domain, room, &digest)))
        return false;
    add_base32(out, digest);
    return true;
}

static void add_base32(struct buf *out, struct str bytes)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint32_t bits = 0, count = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (uint8_t)bytes.ptr[i];
        for (count += 8; count >= 5; count -= 5)
            buf_add_byte(out, digits[bits >> (count - 5) & 31]);
    }
    if (count > 0)
        buf_add_byte(out, digits[bits << (5 - count) & 31]);
}

static enum dkim_result judge(
        struct arena *a, const struct dkim_signature *s, const struct dns_txt_answer *txt)
{
    if (dns_is_temporary(txt->answer.outcome))
        return DKIM_TEMPERROR;
    for (size_t i = 0; i < txt->count; i++) {
        if (allows(a, s, txt->at[i].joined))
            return DKIM_PASS;
    }
    return DKIM_PERMERROR;
}

static bool allows(struct arena *a, const struct dkim_signature *s, struct str record)
{
    struct tags tags;
    enum tags_fault fault;
    if (failed(tags_parse(a, record, &tags, &fault)) || fault != TAGS_FINE)
        return false;
    const struct tag *v = tags_find(&tags, S("v")), *d = tags_find(&tags, S("d"));
    return v == tags.all.at && str_eq(v->value, S("ATPS1")) &&
           (d == NULL || str_eq_nocase(d->value, s->domain));
}
