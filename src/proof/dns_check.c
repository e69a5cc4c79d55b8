// SPDX-License-Identifier: Apache-2.0
// proof/dns_check.c: what is published beside what should be. Others may stand beside ours where
// that harms nobody; a second record of SPF, DMARC, MTA-STS or TLS-RPT at a name harms.
#include "proof/dns_records.h"

#include "proof/dkim.h"
#include "rt/dns.h"

#define FOUND_BYTES_MAX (4 * KIB)
#define TEXT_BYTES_MAX (128 * KIB)

struct found {
    struct arena *a;
    struct dns_wanted *wanted;
    const struct dns_answer *answer;
};

static struct err check_one(struct resolver *r, struct arena *a, struct dns_wanted *w) suspends;
static struct err check_texts(
        struct resolver *r, struct arena *a, struct dns_wanted *w, struct str name) suspends;
static struct err check_others(
        struct resolver *r, struct arena *a, struct dns_wanted *w, struct str name) suspends;
static bool is_unknown(struct arena *a, struct dns_wanted *w, const struct dns_answer *answer);
static bool text_fits(struct arena *a, const struct dns_wanted *w, struct str text);
static bool same_words(struct str one, struct str other);
static bool word_next(struct str *rest, struct str *out);
static bool same_record(const struct dns_wanted *w, struct str text);
static struct str kind_of(struct str text);

struct err dns_records_check(struct resolver *r, struct arena *a, struct dns_records *records)
{
    each_in_vec (w, &records->all)
        TRY(check_one(r, a, w));
    return OK;
}

static struct err check_one(struct resolver *r, struct arena *a, struct dns_wanted *w)
{
    struct str name;
    TRY(dns_name_read(a, w->name, &name));
    return w->type == DNS_TXT ? check_texts(r, a, w, name) : check_others(r, a, w, name);
}

// Of all the texts at a name only those count that are of the same kind: "v=spf1", a key.
static struct err check_texts(
        struct resolver *r, struct arena *a, struct dns_wanted *w, struct str name)
{
    struct dns_txt_answer txt;
    size_t alike = 0, good = 0;
    struct str kind = kind_of(w->content);
    TRY(dns_txt(r, a, name, &txt));
    if (is_unknown(a, w, &txt.answer))
        return OK;
    for (size_t i = 0; i < txt.count; i++) {
        struct str text = txt.at[i].joined;
        if (!str_eq_nocase(kind_of(text), kind) && !str_eq(kind, S("v=DKIM1")))
            continue;
        bool fits = text_fits(a, w, text);
        alike++;
        good += fits;
        if (!fits || alike > 1)
            w->found = text;
    }
    if (alike == 0)
        w->status = DNS_RECORD_MISSING;
    else
        w->status = good > 0 && alike == 1 ? DNS_RECORD_OK : DNS_RECORD_DIFFERS;
    return OK;
}

static struct err check_others(
        struct resolver *r, struct arena *a, struct dns_wanted *w, struct str name)
{
    struct dns_answer answer;
    const struct dns_question question = {.name = name, .type = w->type};
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    TRY(dns_ask(r, a, &question, &answer));
    if (is_unknown(a, w, &answer))
        return OK;
    w->status = answer.count == 0 ? DNS_RECORD_MISSING : DNS_RECORD_DIFFERS;
    for (size_t i = 0; i < answer.count; i++) {
        buf_clear(&text);
        dns_record_add(&text, w->type, answer.records[i].rdata);
        if (same_record(w, buf_str(&text))) {
            w->status = DNS_RECORD_OK;
            return OK;
        }
        if (str_is_null(w->found))
            w->found = arena_str(a, str_upto(buf_str(&text), FOUND_BYTES_MAX));
    }
    return OK;
}

static bool is_unknown(struct arena *a, struct dns_wanted *w, const struct dns_answer *answer)
{
    if (!dns_is_temporary(answer->outcome))
        return false;
    w->status = DNS_RECORD_UNKNOWN;
    w->found = err_text(dns_trouble(a, answer));
    return true;
}

// The first word: "v=spf1", "v=DMARC1".
static struct str kind_of(struct str text)
{
    size_t i = 0;
    while (i < text.len && text.ptr[i] != ';' && text.ptr[i] != ' ')
        i++;
    return str_upto(text, i);
}

static bool text_fits(struct arena *a, const struct dns_wanted *w, struct str text)
{
    return str_starts(w->content, S("v=DKIM1")) ? dns_key_is_same(a, w->content, text)
                                                : same_words(w->content, text);
}

// Word for word; how they are parted, and a last semicolon, do not matter.
static bool same_words(struct str one, struct str other)
{
    struct str a, b;
    for (;;) {
        bool more = word_next(&one, &a), other_more = word_next(&other, &b);
        if (!more || !other_more)
            return more == other_more;
        if (!str_eq_nocase(a, b))
            return false;
    }
}

static bool word_next(struct str *rest, struct str *out)
{
    do {
        *out = kind_of(*rest);
        *rest = str_from(*rest, out->len + 1);
    } while (str_is_empty(*out) && !str_is_empty(*rest));
    return !str_is_empty(*out);
}

// An MX may have any preference.
static bool same_record(const struct dns_wanted *w, struct str text)
{
    struct str wanted = w->content, rest;
    if (w->type == DNS_MX && str_cut(wanted, ' ', &rest, &wanted))
        (void)str_cut(text, ' ', &rest, &text);
    return str_eq_nocase(wanted, text);
}

bool dns_key_is_same(struct arena *a, struct str wanted, struct str found)
{
    struct dkim_key keys[2];
    enum dkim_reason reasons[2];
    if (failed(dkim_key_parse(a, wanted, &keys[0], &reasons[0])) ||
            failed(dkim_key_parse(a, found, &keys[1], &reasons[1])))
        return false;
    if (reasons[0] != DKIM_FINE || reasons[1] != DKIM_FINE) // one that was taken back, and is
        return reasons[0] == reasons[1] && reasons[0] == DKIM_KEY_REVOKED;
    return keys[0].type == keys[1].type && str_eq(keys[0].modulus, keys[1].modulus) &&
           (keys[0].type == DKIM_KEY_RSA || str_eq(keys[0].public_key, keys[1].public_key)) &&
           keys[1].sha256 && keys[1].email;
}
