// SPDX-License-Identifier: Apache-2.0
// proof/dmarc_record.c: reading DMARC records, RFC 9989 4.7 and 4.8. Only the version decides
// whether a text is one; what is wrong behind it is replaced by defaults.
#include "proof/dmarc.h"

#define VERSION "DMARC1"

enum tag {
#define TAG(name) TAG_##name,
#define TAGS                                                                                       \
    TAG(V)                                                                                         \
    TAG(P) TAG(SP) TAG(NP) TAG(ADKIM) TAG(ASPF) TAG(FO) TAG(PSD) TAG(T) TAG(RUA) TAG(RUF) TAG(PCT)
    TAGS
#undef TAG
            TAG_COUNT
};

struct reading {
    struct arena *a;
    struct dmarc_record record;
    bool seen[TAG_COUNT];
    bool bad_policy; // p is missing, or p, sp or np is none of the words
};

static void tag_next(struct str *rest, struct str *out_name, struct str *out_value);
static bool tag_find(struct str name, enum tag *out);
static struct err read_tag(struct reading *rd, struct str name, struct str value);
static bool read_value(struct reading *rd, enum tag tag, struct str value, struct err *out_error);
static bool read_policy(struct reading *rd, struct str value, enum dmarc_policy *out);
static bool read_choice(struct str value, struct str if_false, struct str if_true, bool *out);
static bool read_psd(struct str value, enum dmarc_psd *out);
static bool read_fo(struct dmarc_record *record, struct str value);
static bool read_percent(struct str value, uint8_t *out);
static void settle(struct reading *rd);

// dmarc-version = "v" *WSP "=" *WSP %s"DMARC1", and then ";" or nothing
bool dmarc_record_begins(struct str text)
{
    struct str name, value, rest = text;
    tag_next(&rest, &name, &value);
    return str_eq_nocase(name, S("v")) && str_eq(value, S(VERSION));
}

struct err dmarc_record_parse(struct arena *a, struct str text, struct dmarc_record *out)
{
    struct reading rd = {.a = a, .record = {.text = text, .percent = 100}};
    struct str rest = text, name, value;
    if (!dmarc_record_begins(text))
        return fail(ERR_SYNTAX, "column 1: no record of DMARC: it does not begin with v=DMARC1");
    while (!str_is_null(rest)) {
        tag_next(&rest, &name, &value);
        TRY(read_tag(&rd, name, value));
    }
    settle(&rd);
    *out = rd.record;
    return OK;
}

// tag *WSP "=" *WSP value *WSP, up to ";" or the end. A null value: there is no "=".
static void tag_next(struct str *rest, struct str *out_name, struct str *out_value)
{
    struct str piece = STR_NULL;
    (void)str_split(rest, ';', &piece);
    *out_name = piece;
    *out_value = STR_NULL;
    (void)str_cut(piece, '=', out_name, out_value);
    *out_name = str_trim(*out_name);
    *out_value = str_trim(*out_value);
}

static struct err read_tag(struct reading *rd, struct str name, struct str value)
{
    enum tag tag;
    struct err e = OK;
    if (!tag_find(name, &tag))
        return OK;
    bool again = rd->seen[tag];
    rd->seen[tag] = true;
    if (again || !read_value(rd, tag, value, &e)) {
        if (str_is_null(rd->record.oddity))
            rd->record.oddity = arena_fmt(
                    rd->a, "%.*s= is %s", ARG(name), again ? "given more than once" : "not valid");
    }
    return e;
}

static bool tag_find(struct str name, enum tag *out)
{
    static const struct str names[] = {
#define TAG(name) S_INIT(#name),
            TAGS
#undef TAG
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq_nocase(names[i], name)) {
            *out = (enum tag)i;
            return true;
        }
    }
    return false;
}

// False: the value is not valid, and the tag's default holds.
static bool read_value(struct reading *rd, enum tag tag, struct str value, struct err *out_error)
{
    struct dmarc_record *record = &rd->record;
    bool fine = true;
    switch (tag) {
    case TAG_V:
    case TAG_COUNT:
        return true;
    case TAG_P:
        return read_policy(rd, value, &record->p);
    case TAG_SP:
        return read_policy(rd, value, &record->sp);
    case TAG_NP:
        return read_policy(rd, value, &record->np);
    case TAG_ADKIM:
        return read_choice(value, S("r"), S("s"), &record->strict_dkim);
    case TAG_ASPF:
        return read_choice(value, S("r"), S("s"), &record->strict_spf);
    case TAG_FO:
        return read_fo(record, value);
    case TAG_PSD:
        return read_psd(value, &record->psd);
    case TAG_T:
        record->test_given = read_choice(value, S("n"), S("y"), &record->test_mode);
        return record->test_given;
    case TAG_RUA:
        *out_error = uris_read(rd->a, value, &record->rua, &fine);
        return fine;
    case TAG_RUF:
        *out_error = uris_read(rd->a, value, &record->ruf, &fine);
        return fine;
    case TAG_PCT:
        return read_percent(value, &record->percent);
    }
    return true;
}

static bool read_policy(struct reading *rd, struct str value, enum dmarc_policy *out)
{
    static const enum dmarc_policy all[] = {DMARC_NONE, DMARC_QUARANTINE, DMARC_REJECT};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (str_eq_nocase(value, dmarc_policy_name(all[i]))) {
            *out = all[i];
            return true;
        }
    }
    rd->bad_policy = true;
    return false;
}

static bool read_choice(struct str value, struct str if_false, struct str if_true, bool *out)
{
    *out = str_eq_nocase(value, if_true);
    return *out || str_eq_nocase(value, if_false);
}

static bool read_psd(struct str value, enum dmarc_psd *out)
{
    if (str_eq_nocase(value, S("y")))
        *out = DMARC_PSD_YES;
    else if (str_eq_nocase(value, S("n")))
        *out = DMARC_PSD_NO;
    else
        return str_eq_nocase(value, S("u"));
    return true;
}

// dmarc-fo = ( "0" / "1" / "d" / "s" ) *( ":" ... )
static bool read_fo(struct dmarc_record *record, struct str value)
{
    struct str rest = value, word;
    bool any = false, dkim = false, spf = false;
    while (str_split(&rest, ':', &word)) {
        word = str_trim(word);
        bool is_any = str_eq(word, S("1")), is_dkim = str_eq_nocase(word, S("d")),
             is_spf = str_eq_nocase(word, S("s"));
        if (!is_any && !is_dkim && !is_spf && !str_eq(word, S("0")))
            return false;
        any = any || is_any;
        dkim = dkim || is_dkim;
        spf = spf || is_spf;
    }
    record->fo_any = any;
    record->fo_dkim = dkim;
    record->fo_spf = spf;
    return true;
}

static bool read_percent(struct str value, uint8_t *out)
{
    uint64_t percent;
    if (!str_to_u64(value, 100, &percent))
        return false;
    *out = (uint8_t)percent;
    return true;
}

// RFC 9989 4.7: who asks for reports but gives no valid policy wants to be told, and nothing else.
static void settle(struct reading *rd)
{
    struct dmarc_record *r = &rd->record;
    if (!rd->seen[TAG_P] || rd->bad_policy) {
        r->no_policy = r->rua.count == 0;
        r->p = r->sp = r->np = r->no_policy ? DMARC_UNSPECIFIED : DMARC_NONE;
        return;
    }
    r->sp = r->sp == DMARC_UNSPECIFIED ? r->p : r->sp;
    r->np = r->np == DMARC_UNSPECIFIED ? r->sp : r->np;
}
