// SPDX-License-Identifier: Apache-2.0
// proof/dkim_reporting.c: the record of RFC 6651 3.2, and whose of them is asked for.
#include "proof/dkim_reporting.h"

#include "proof/dkim.h"
#include "proof/tags.h"
#include "rt/dns.h"

static unsigned read_classes(struct str list);
static struct str read_quoted(struct arena *a, const struct tags *tags, struct str name);
static bool is_printable(struct str text);
static bool asks_for_reports(const struct dkim_answer *answer, size_t place);
static struct err find_text(
        struct resolver *r, struct arena *a, struct str domain, struct str *out) suspends MUST_USE;

struct err dkim_reporting_parse(
        struct arena *a, struct str domain, struct str text, struct dkim_reporting *out)
{
    struct tags tags;
    enum tags_fault fault;
    TRY(tags_parse(a, text, &tags, &fault));
    const struct tag *rp = tags_find(&tags, S("rp")), *rr = tags_find(&tags, S("rr"));
    struct str local = read_quoted(a, &tags, S("ra"));
    uint64_t percent;
    if (fault != TAGS_FINE)
        return fail(ERR_SYNTAX, "the record is no list of tags");
    *out = (struct dkim_reporting){
            .percent = 100, .classes = DKIM_REPORT_ALL, .text = read_quoted(a, &tags, S("rs"))};
    if (!str_is_empty(local))
        out->address = arena_fmt(a, "%.*s@%.*s", ARG(local), ARG(domain));
    if (rp != NULL && str_to_u64(rp->value, 100, &percent))
        out->percent = (uint32_t)percent;
    if (rr != NULL && read_classes(rr->value) != 0)
        out->classes = read_classes(rr->value);
    return OK;
}

static unsigned read_classes(struct str list)
{
    static const struct {
        struct str word;
        unsigned classes;
    } words[] = {
            {S_INIT("all"), DKIM_REPORT_ALL},
            {S_INIT("v"), DKIM_REPORT_SIGNATURE},
            {S_INIT("s"), DKIM_REPORT_SYNTAX},
            {S_INIT("x"), DKIM_REPORT_EXPIRED},
            {S_INIT("d"), DKIM_REPORT_DNS},
            {S_INIT("p"), DKIM_REPORT_POLICY},
            {S_INIT("u"), DKIM_REPORT_UNKNOWN},
            {S_INIT("o"), DKIM_REPORT_OTHER},
    };
    unsigned classes = 0;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (tag_has_item(list, words[i].word))
            classes |= words[i].classes;
    return classes;
}

// Null: it is not there, or makes no sense.
static struct str read_quoted(struct arena *a, const struct tags *tags, struct str name)
{
    const struct tag *tag = tags_find(tags, name);
    struct str text = STR_NULL;
    bool good = tag != NULL && tag_quoted(a, tag->value, &text) && is_printable(text);
    return good ? text : STR_NULL;
}

static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    return true;
}

struct err dkim_reporting_words(
        struct resolver *r, struct arena *a, const struct dkim_answer *answer, struct str *out)
{
    struct str text = STR_NULL;
    size_t asked = 0;
    *out = STR_NULL;
    for (size_t i = 0; i < answer->count && asked < DKIM_REPORTING_ASKED_MAX; i++) {
        struct str domain = answer->at[i].signature->domain;
        if (!asks_for_reports(answer, i))
            continue;
        asked++;
        TRY(find_text(r, a, domain, &text));
        if (str_is_empty(text))
            continue;
        *out = proof_own_words(a, domain, str_upto(text, DKIM_REPORTING_TEXT_MAX));
        return OK;
    }
    return OK;
}

// Each domain once. A signature that is only tried out (t=y) is as if it were not there.
static bool asks_for_reports(const struct dkim_answer *answer, size_t place)
{
    const struct dkim_verdict *v = &answer->at[place];
    if (!v->signature->wants_reports || v->testing || v->result == DKIM_PASS ||
            v->reason == DKIM_TOO_MANY || str_is_empty(v->signature->domain))
        return false;
    for (size_t i = 0; i < place; i++)
        if (str_eq(answer->at[i].signature->domain, v->signature->domain) &&
                asks_for_reports(answer, i))
            return false;
    return true;
}

static struct err find_text(struct resolver *r, struct arena *a, struct str domain, struct str *out)
{
    struct dns_txt_answer txt;
    struct dkim_reporting reporting;
    *out = STR_NULL;
    struct str name = arena_fmt(a, "_report._domainkey.%.*s", ARG(domain));
    if (str_is_null(name))
        return fail(ERR_LIMIT, "no memory for the name of a record");
    struct err e = dns_txt(r, a, name, &txt);
    if (e.kind == ERR_CANCELLED || e.kind == ERR_LIMIT)
        return e;
    if (failed(e) || txt.count != 1)
        return OK;
    e = dkim_reporting_parse(a, domain, txt.at[0].joined, &reporting);
    if (e.kind == ERR_SYNTAX)
        return OK;
    TRY(e);
    *out = reporting.text;
    return OK;
}
