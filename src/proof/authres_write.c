// SPDX-License-Identifier: Apache-2.0
// proof/authres_write.c: telling those behind us what was checked, in the form and order of
// authentication.md 10. Results go one to a line.
#include "proof/authres.h"

#include "mail/fold.h"
#include "mail/trace.h"
#include "proof/dmarc.h"
#include "proof/spf.h"

#define FIELD_BYTES_MAX (128 * KIB)
#define LINE_BYTES_MAX (FOLD_LINE_BYTES_MAX - 8) // of a result that is kept in one line

#define RANK_SPF 2
#define RANK_LAST 6

#define PAIR_QUOTED 1u // always, as people expect it
#define PAIR_UTF8 2u   // may be beyond ASCII

static void add_list(struct fold *f, const struct authres *list);
static int rank(const struct authres_result *r);
static void add_result(struct fold *f, const struct authres *list, const struct authres_result *r);
static void add_words(struct fold *f, struct buf *line, struct str word);
static void add_value(struct buf *out, struct str value, bool smtputf8);
static void add_quoted(struct buf *out, struct str value, bool smtputf8);
static void add_clean(struct buf *out, struct str value, bool smtputf8);
static bool is_bare(struct str value);
static bool is_token(struct str text);
static bool is_token_byte(uint8_t c);
static struct str spf_comment(struct arena *a, const struct spf_answer *spf, struct str host);
static struct str ip_value(struct arena *a, const struct ip *ip);
static void add_pair(
        struct fold *f, struct buf *line, struct str key, struct str value, unsigned flags);

struct authres_result *authres_add(
        struct arena *a, struct authres *list, struct str method, struct str result)
{
    struct authres_result *r = vec_add(a, &list->results);
    if (r != NULL)
        *r = (struct authres_result){.method = method, .result = result};
    return r;
}

struct authres_result *authres_prop(struct arena *a, struct authres_result *result,
        struct str ptype, struct str property, struct str value)
{
    if (result == NULL || value.len > AUTHRES_VALUE_BYTES_MAX)
        return result;
    struct authres_prop *prop = vec_add(a, &result->props);
    if (prop == NULL)
        return NULL;
    *prop = (struct authres_prop){.ptype = ptype, .property = property, .value = value};
    return result;
}

struct str authres_field(struct arena *a, const struct authres *list)
{
    struct buf text AUTO(buf_done);
    struct fold f;
    buf_init(&text, FIELD_BYTES_MAX);
    fold_begin(&f, &text, S("Authentication-Results"));
    add_list(&f, list);
    fold_end(&f);
    return text.overflow ? STR_NULL : arena_str(a, buf_str(&text));
}

struct str authres_value(struct arena *a, const struct authres *list)
{
    struct buf text AUTO(buf_done);
    struct fold f;
    buf_init(&text, FIELD_BYTES_MAX);
    fold_begin(&f, &text, S(""));
    add_list(&f, list);
    return text.overflow ? STR_NULL : arena_str(a, str_from(buf_str(&text), sizeof(": ") - 1));
}

static void add_list(struct fold *f, const struct authres *list)
{
    struct buf id AUTO(buf_done);
    buf_init(&id, FIELD_BYTES_MAX);
    add_value(&id, list->authserv_id, list->smtputf8);
    fold_word(f, buf_str(&id));
    fold_add(f, S(";"));
    if (list->results.count == 0)
        fold_word(f, S("none"));
    bool first = true;
    for (int of_rank = 0; of_rank <= RANK_LAST; of_rank++) {
        each_in_vec (r, &list->results) {
            if (rank(r) != of_rank)
                continue;
            fold_add(f, first ? S("") : S(";"));
            fold_line(f);
            add_result(f, list, r);
            first = false;
        }
    }
}

// The place of a method in the field; what we do not know stands behind all others. A result of
// HELO comes before that of MAIL FROM, one of ATPS behind the signature that it is about.
static int rank(const struct authres_result *r)
{
    static const struct {
        struct str method;
        int rank;
    } order[] = {
            {S_INIT("dkim"), 0},
            {S_INIT("dkim-atps"), 0},
            {S_INIT("arc"), 1},
            {S_INIT("spf"), RANK_SPF},
            {S_INIT("iprev"), 4},
            {S_INIT("dmarc"), 5},
    };
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        bool helo = r->props.count > 0 && str_eq(r->props.at[0].property, S("helo"));
        if (str_eq(r->method, order[i].method))
            return order[i].rank + (order[i].rank == RANK_SPF && !helo ? 1 : 0);
    }
    return RANK_LAST;
}

// One line, unless it is longer than lines may be.
static void add_result(struct fold *f, const struct authres *list, const struct authres_result *r)
{
    struct buf line AUTO(buf_done), word AUTO(buf_done);
    buf_init(&line, LINE_BYTES_MAX);
    buf_init(&word, FIELD_BYTES_MAX);
    buf_fmt(&line, "%.*s=%.*s", ARG(r->method), ARG(r->result));
    if (!str_is_empty(r->comment)) {
        buf_add_byte(&word, '(');
        trace_comment_add(&word, r->comment, list->smtputf8);
        buf_add_byte(&word, ')');
        add_words(f, &line, buf_str(&word));
    }
    if (!str_is_empty(r->reason)) {
        buf_clear(&word);
        buf_add(&word, S("reason="));
        add_value(&word, r->reason, list->smtputf8);
        add_words(f, &line, buf_str(&word));
    }
    each_in_vec (prop, &r->props) {
        buf_clear(&word);
        buf_fmt(&word, "%.*s.%.*s=", ARG(prop->ptype), ARG(prop->property));
        add_value(&word, prop->value, list->smtputf8);
        add_words(f, &line, buf_str(&word));
    }
    fold_word(f, buf_str(&line));
}

static void add_words(struct fold *f, struct buf *line, struct str word)
{
    if (word.len >= LINE_BYTES_MAX)
        return; // nothing that we check is so long
    if (line->len + 1 + word.len > LINE_BYTES_MAX) {
        fold_word(f, buf_str(line));
        fold_line(f);
        buf_clear(line);
    }
    buf_add(line, line->len > 0 ? S(" ") : S(""));
    buf_add(line, word);
}

// RFC 8601 2.2, pvalue
static void add_value(struct buf *out, struct str value, bool smtputf8)
{
    struct buf clean AUTO(buf_done);
    buf_init(&clean, FIELD_BYTES_MAX);
    add_clean(&clean, value, smtputf8);
    if (is_bare(buf_str(&clean)) || str_eq(value, S("<>")))
        buf_add(out, buf_str(&clean));
    else
        add_quoted(out, value, smtputf8);
}

// Whatever a peer chose stays inside the quotes.
static void add_quoted(struct buf *out, struct str value, bool smtputf8)
{
    struct buf clean AUTO(buf_done);
    buf_init(&clean, FIELD_BYTES_MAX);
    add_clean(&clean, value, smtputf8);
    struct scan in = scan_over(buf_str(&clean));
    buf_add_byte(out, '"');
    for (uint8_t c; scan_any(&in, &c);) {
        buf_add(out, c == '"' || c == '\\' ? S("\\") : S(""));
        buf_add_byte(out, (char)c);
    }
    buf_add_byte(out, '"');
}

// Controls go, C1 too; what may not stand there becomes a question mark.
static void add_clean(struct buf *out, struct str value, bool smtputf8)
{
    while (!str_is_empty(value)) {
        uint32_t code = 0;
        size_t len = str_utf8_next(value, &code);
        bool control = code < ' ' || (code >= 0x7f && code < 0xa0);
        if (len == 0 || (code >= 0xa0 && !smtputf8))
            buf_add_byte(out, '?');
        else if (!control)
            buf_add(out, str_upto(value, len));
        value = str_from(value, len > 0 ? len : 1);
    }
}

static bool is_bare(struct str value)
{
    struct str local = value, domain = S("x");
    if (!str_cut(value, '@', &local, &domain))
        return is_token(value);
    return (str_is_empty(local) || is_token(local)) && is_token(domain);
}

static bool is_token(struct str text)
{
    struct scan in = scan_over(text);
    struct str all;
    return scan_while(&in, is_token_byte, &all) && scan_end(&in);
}

// RFC 2045 5.1, without the specials
static bool is_token_byte(uint8_t c)
{
    return c > ' ' && c < 0x7f && str_find_byte(S("()<>@,;:\\\"/[]?="), (char)c) == STR_NOT_FOUND;
}

// --- Our own checks ------------------------------------------------------------------------------

bool authres_add_spf(struct arena *a, struct authres *list, const struct spf_answer *spf)
{
    struct authres_result *r = authres_add(a, list, S("spf"), spf_result_name(spf->result));
    if (r == NULL)
        return false;
    r->comment = spf_comment(a, spf, list->authserv_id);
    if (spf->identity == SPF_OF_HELO)
        return authres_prop(a, r, S("smtp"), S("helo"), spf->helo) != NULL;
    struct str from = spf->null_sender ? S("<>") : spf->sender;
    return authres_prop(a, r, S("smtp"), S("mailfrom"), from) != NULL;
}

static struct str spf_comment(struct arena *a, const struct spf_answer *spf, struct str host)
{
    struct str ip = ip_text(a, &spf->ip);
    if (spf->exempt)
        return arena_fmt(a, "%.*s: local policy", ARG(host));
    switch (spf->result) {
    case SPF_PASS:
        return arena_fmt(a, "%.*s: domain of %.*s designates %.*s as permitted sender", ARG(host),
                ARG(spf->sender), ARG(ip));
    case SPF_FAIL:
        return arena_fmt(a, "%.*s: domain of %.*s does not designate %.*s as permitted sender",
                ARG(host), ARG(spf->sender), ARG(ip));
    case SPF_SOFTFAIL:
        return arena_fmt(a, "%.*s: domain of %.*s reports soft fail for %.*s", ARG(host),
                ARG(spf->sender), ARG(ip));
    case SPF_NEUTRAL:
        return arena_fmt(a, "%.*s: domain of %.*s reports neutral for %.*s", ARG(host),
                ARG(spf->sender), ARG(ip));
    case SPF_TEMPERROR:
        return arena_fmt(
                a, "%.*s: temporary dns error validating %.*s", ARG(host), ARG(spf->sender));
    case SPF_PERMERROR:
        return arena_fmt(
                a, "%.*s: unable to verify SPF record for %.*s", ARG(host), ARG(spf->sender));
    case SPF_NONE:
        return arena_fmt(a, "%.*s: no SPF records found for %.*s", ARG(host), ARG(spf->sender));
    }
    return STR_NULL;
}

bool authres_add_iprev(struct arena *a, struct authres *list, struct str result, struct str comment,
        const struct ip *ip)
{
    struct authres_result *r = authres_add(a, list, S("iprev"), result);
    if (r == NULL)
        return false;
    r->comment = comment;
    return authres_prop(a, r, S("policy"), S("iprev"), ip_value(a, ip)) != NULL;
}

static struct str ip_value(struct arena *a, const struct ip *ip)
{
    struct ip plain = ip_unmap(*ip);
    return ip_text(a, &plain);
}

bool authres_add_dmarc(struct arena *a, struct authres *list, const struct dmarc_answer *dmarc)
{
    struct authres_result *r = authres_add(a, list, S("dmarc"), dmarc_result_name(dmarc->result));
    if (r == NULL)
        return false;
    r->comment = dmarc->comment;
    if (!str_is_empty(dmarc->author))
        r = authres_prop(a, r, S("header"), S("from"), dmarc->author);
    struct str policy = dmarc_policy_name(dmarc->disposition);
    if (!str_is_null(policy))
        r = authres_prop(a, r, S("policy"), S("dmarc"), policy);
    return r != NULL;
}

// RFC 7208 9.1. The first line is the comment's, the second one the pairs'.
struct str authres_received_spf(
        struct arena *a, const struct spf_answer *spf, struct str receiver, bool smtputf8)
{
    struct buf text AUTO(buf_done), line AUTO(buf_done);
    struct str result = spf_result_name(spf->result);
    struct fold f;
    buf_init(&text, FIELD_BYTES_MAX);
    buf_init(&line, LINE_BYTES_MAX);
    fold_begin(&f, &text, S("Received-SPF"));
    buf_fmt(&line, "%.*s (", ARG(result));
    trace_comment_add(&line, spf_comment(a, spf, receiver), smtputf8);
    buf_add_byte(&line, ')');
    fold_word(&f, buf_str(&line));
    fold_line(&f);
    buf_clear(&line);
    add_pair(&f, &line, S("receiver"), receiver, smtputf8 ? PAIR_UTF8 : 0);
    add_pair(&f, &line, S("client-ip"), ip_value(a, &spf->ip), 0);
    add_pair(&f, &line, S("envelope-from"), spf->sender, PAIR_QUOTED | (smtputf8 ? PAIR_UTF8 : 0));
    add_pair(&f, &line, S("helo"), spf->helo, smtputf8 ? PAIR_UTF8 : 0);
    add_pair(&f, &line, S("identity"), spf->null_sender ? S("helo") : S("mailfrom"), 0);
    fold_word(&f, buf_str(&line));
    fold_end(&f);
    return text.overflow ? STR_NULL : arena_str(a, buf_str(&text));
}

static void add_pair(
        struct fold *f, struct buf *line, struct str key, struct str value, unsigned flags)
{
    struct buf word AUTO(buf_done);
    buf_init(&word, FIELD_BYTES_MAX);
    if (value.len > AUTHRES_VALUE_BYTES_MAX)
        return;
    buf_fmt(&word, "%.*s=", ARG(key));
    if ((flags & PAIR_QUOTED) != 0)
        add_quoted(&word, value, (flags & PAIR_UTF8) != 0);
    else
        add_value(&word, value, (flags & PAIR_UTF8) != 0);
    buf_add_byte(&word, ';');
    add_words(f, line, buf_str(&word));
}
