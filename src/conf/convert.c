// SPDX-License-Identifier: Apache-2.0
// conf/convert.c: the text of a value read by the type of its row, with ranges, words and the "no
// value" of optional keys. What does not convert gets one finding in the form of configuration.md
// 4.3 and reads as if it were not there.
#include "conf/snapshot.h"

#include "base/date.h"
#include "conf/glob.h"
#include "conf/regex.h"

#define SHOWN_BYTES_MAX 100 // of a wrong value in a message

struct conversion {
    struct loader *l;
    struct conf_value *v;
    int place; // of the element, -1: a member of a table in a list
    const struct setting *setting;
    struct conf_element *e;
};

static bool convert_element(struct conversion *c);
static bool convert_text(struct conversion *c, struct str text);
static bool convert_number(struct conversion *c, struct str text);
static bool convert_float(struct conversion *c, struct str text);
static bool convert_name(struct conversion *c, struct str text);
static bool convert_net(struct conversion *c, struct str text);
static bool convert_word(struct conversion *c, struct str text);
static bool wrong_word(struct conversion *c, struct str text);
static bool wrong_sentence(
        struct conversion *c, struct str shown, struct str list, struct str near);
static bool convert_pattern(struct conversion *c, struct str text);
static bool convert_tables(struct conversion *c);
static bool keep(struct conversion *c, struct str text);
static bool in_range(struct conversion *c, int64_t number);
static bool wrong(struct conversion *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool wrong_value(struct conversion *c, struct str why);
static struct str special_word(struct conversion *c, struct str text);
static void drop_twins(struct loader *l, struct conf_value *v);
static bool element_eq(const struct conf_element *a, const struct conf_element *b);

void conf_convert(struct loader *l, struct conf_value *v)
{
    size_t kept = 0;
    if (v->setting->type == TYPE_EXPRESSION) {
        conf_compile(l, v);
        return;
    }
    for (size_t i = 0; i < v->count; i++) {
        struct conf_element e = v->elements[i];
        struct conversion c = {.l = l, .v = v, .place = (int)i, .setting = v->setting, .e = &e};
        if (!convert_element(&c))
            v->bad = v->bad || v->setting->many == MANY_NOT;
        else
            v->elements[kept++] = e;
    }
    if (kept == 1 && v->elements[0].value.none) {
        v->none = true;
        kept = v->setting->many == MANY_NOT ? kept : 0;
    }
    v->count = kept;
    if (v->setting->many == MANY_SET || v->setting->many == MANY_MEMBERS)
        drop_twins(l, v);
}

static bool convert_element(struct conversion *c)
{
    struct conf_element *e = c->e;
    enum value_type type = c->setting->type;
    bool date = e->form == TOML_DATETIME || e->form == TOML_DATETIME_LOCAL ||
                e->form == TOML_DATE_LOCAL || e->form == TOML_TIME_LOCAL;
    if (type == TYPE_TABLES)
        return convert_tables(c);
    if (date && (type != TYPE_DATE_TIME || e->form != TOML_DATETIME))
        return wrong_value(c, S("a date is not expected here"));
    bool literal = type == TYPE_STRING || type == TYPE_TEXT || type == TYPE_SECRET;
    struct str text = literal ? e->text : str_trim(e->text);
    bool none = c->setting->optional &&
                (type == TYPE_RATE ? value_rate_is_none(text) : value_is_none(text));
    // An optional boolean says "no" by false; "none" leaves it open.
    if (none && type == TYPE_BOOLEAN && value_boolean(text, &e->value.boolean))
        none = false;
    if (none) {
        e->value.none = true;
        return keep(c, S(""));
    }
    return convert_text(c, text);
}

static bool convert_text(struct conversion *c, struct str text)
{
    struct value *value = &c->e->value;
    switch (c->setting->type) {
    case TYPE_STRING:
    case TYPE_TEXT:
    case TYPE_SECRET:
        if (c->setting->type == TYPE_STRING && str_find_byte(text, '\0') != STR_NOT_FOUND)
            return wrong_value(c, S("it holds a NUL"));
        return keep(c, text);
    case TYPE_BOOLEAN:
        return value_boolean(text, &value->boolean) ? keep(c, text) : wrong_value(c, STR_NULL);
    case TYPE_INTEGER:
    case TYPE_SIZE:
    case TYPE_DURATION:
    case TYPE_DATE_TIME:
        return convert_number(c, text);
    case TYPE_FLOAT:
        return convert_float(c, text);
    case TYPE_RATE:
        return value_rate(text, &value->rate) ? keep(c, text) : wrong_value(c, STR_NULL);
    case TYPE_IP:
    case TYPE_IP_MASK:
    case TYPE_NETS_OR_BOOL:
        return convert_net(c, text);
    case TYPE_HOST:
    case TYPE_HOST_PATTERN:
    case TYPE_DOMAIN:
    case TYPE_EMAIL:
    case TYPE_ID:
    case TYPE_URI:
    case TYPE_PATH:
    case TYPE_BIND:
        return convert_name(c, text);
    case TYPE_ENUM:
        return convert_word(c, text);
    case TYPE_CRON:
    case TYPE_GLOB:
    case TYPE_REGEX:
        return convert_pattern(c, text);
    case TYPE_EXPRESSION:
    case TYPE_TABLES:
        break;
    }
    assert(false);
    return false;
}

static bool convert_number(struct conversion *c, struct str text)
{
    int64_t number = 0;
    bool good = false;
    if (c->setting->type == TYPE_INTEGER)
        good = str_to_i64(text, &number);
    else if (c->setting->type == TYPE_SIZE)
        good = value_size(text, &number);
    else if (c->setting->type == TYPE_DURATION)
        good = value_duration(text, &number) && (number > 0 || c->setting->optional);
    else
        good = date_parse_rfc3339(text, &number);
    if (!good)
        return wrong_value(c, STR_NULL);
    if (c->setting->type == TYPE_DURATION && number == 0) {
        c->e->value.none = true; // "0s" is as much as "0"
        return keep(c, S(""));
    }
    if (c->setting->type != TYPE_DATE_TIME && !in_range(c, number))
        return false;
    c->e->value.integer = number;
    return keep(c, text);
}

static bool convert_float(struct conversion *c, struct str text)
{
    if (!str_to_double(text, &c->e->value.real))
        return wrong_value(c, STR_NULL);
    return keep(c, text);
}

static bool convert_name(struct conversion *c, struct str text)
{
    struct arena *a = &c->l->conf->arena;
    struct str out = text, why = STR_NULL;
    bool good = text.len > 0 && str_find_byte(text, '\0') == STR_NOT_FOUND;
    if (c->setting->type == TYPE_HOST || c->setting->type == TYPE_DOMAIN)
        good = good && value_host(a, text, &out, &why);
    else if (c->setting->type == TYPE_HOST_PATTERN)
        good = good && value_host_pattern(a, text, &out, &why);
    else if (c->setting->type == TYPE_EMAIL)
        good = good && value_email(a, text, &out);
    else if (c->setting->type == TYPE_URI)
        good = good && value_uri(text, S(""));
    else if (c->setting->type == TYPE_PATH && good)
        out = conf_path_beside(a, c->e->origin.file, text);
    if (!good)
        return wrong_value(c, why);
    // A default that nobody gets to see is no reason to warn: settle.c speaks of the others.
    if (c->setting->advice == ADVICE_FULL_NAME && c->v->origin.kind != CONF_FROM_DEFAULT &&
            str_find_byte(out, '.') == STR_NOT_FOUND)
        conf_warn(c->l, c->v, c->place, S("short-name"),
                "'%.*s' is not a fully qualified name; other servers will not accept it", ARG(out));
    return keep(c, out);
}

static bool convert_net(struct conversion *c, struct str text)
{
    struct value *value = &c->e->value;
    struct arena *a = &c->l->conf->arena;
    if (c->setting->type == TYPE_NETS_OR_BOOL && value_boolean(text, &value->boolean))
        return c->v->count == 1 ? keep(c, text) : wrong_value(c, S("true and false stand alone"));
    if (c->setting->type == TYPE_IP) {
        if (!ip_parse(text, &value->net.ip))
            return wrong_value(c, STR_NULL);
        value->net.prefix = value->net.ip.family == IP_V4 ? 32 : 128;
        return keep(c, ip_text(a, &value->net.ip));
    }
    if (!ip_net_parse(text, &value->net, &value->cleared))
        return wrong_value(c, STR_NULL);
    struct buf canonical AUTO(buf_done);
    buf_init(&canonical, 64);
    ip_net_add(&canonical, &value->net);
    if (value->cleared)
        conf_warn(c->l, c->v, c->place, S("host-bits"),
                "\"%.*s\" has bits beyond its prefix, read as %.*s", ARG(text),
                ARG(buf_str(&canonical)));
    return keep(c, arena_str(a, buf_str(&canonical)));
}

static bool convert_word(struct conversion *c, struct str text)
{
    struct str words = str_from_c(c->setting->words), word = STR_NULL;
    int place = -1;
    enum word_case fold = c->setting->nocase ? WORD_NOCASE : WORD_EXACT;
    struct str special = special_word(c, text);
    if (!str_is_null(special))
        return wrong(c, "%.*s", ARG(special));
    switch (value_word(words, text, fold, &place, &word)) {
    case WORD_FOUND:
        c->e->value.integer = place;
        return keep(c, word);
    case WORD_NOT_BUILT:
        conf_complain(c->l, c->v, c->place, FINDING_BUILD, S("not-built"),
                "this build does not have \"%.*s\" yet", ARG(text));
        return false;
    case WORD_UNKNOWN:
        break;
    }
    return wrong_word(c, text);
}

static bool wrong_word(struct conversion *c, struct str text)
{
    struct str near = value_word_nearest(str_from_c(c->setting->words), text);
    struct str list = value_word_list(&c->l->scratch, str_from_c(c->setting->words));
    struct str shown = str_upto(text, SHOWN_BYTES_MAX);
    if (c->setting->wrong != NULL)
        return wrong_sentence(c, shown, list, near);
    if (str_is_null(near))
        return wrong(c, "invalid word \"%.*s\" (expected %.*s)", ARG(shown), ARG(list));
    return wrong(c, "invalid word \"%.*s\" (expected %.*s); did you mean '%.*s'?", ARG(shown),
            ARG(list), ARG(near));
}

// The row's own sentence, then the words unless it tells them itself.
static bool wrong_sentence(struct conversion *c, struct str shown, struct str list, struct str near)
{
    struct arena *a = &c->l->scratch;
    struct str row = str_from_c(c->setting->wrong), before, after, expected = S(""), advice = S("");
    bool has_place = str_cut(row, '{', &before, &after);
    assert(has_place);
    if (!str_contains(row, S("xpected ")))
        expected = arena_fmt(a, " Expected %.*s.", ARG(list));
    if (!str_is_null(near))
        advice = arena_fmt(a, " Did you mean '%.*s'?", ARG(near));
    return wrong(c, "%.*s%.*s%.*s%.*s%.*s", ARG(before), ARG(shown), ARG(str_from(after, 1)),
            ARG(expected), ARG(advice));
}

// Words that many write and that deserve a better answer than a list (listeners.md 4 and 8.1,
// authentication.md 6.2).
static struct str special_word(struct conversion *c, struct str text)
{
    struct arena *a = &c->l->scratch;
    bool protocol = str_ends(c->v->key, S(".protocol")) && c->v->object != NULL;
    bool version = str_ends(c->v->key, S("tls.protocols")) ||
                   str_ends(c->v->key, S("tls.disable-protocols"));
    bool cipher =
            str_ends(c->v->key, S("tls.ciphers")) || str_ends(c->v->key, S("tls.disable-ciphers"));
    static const struct str secure[][2] = {
            {S_INIT("submission"), S_INIT("protocol = \"smtp\", port 587")},
            {S_INIT("submissions"), S_INIT("protocol = \"smtp\" and tls.implicit = true")},
            {S_INIT("smtps"), S_INIT("protocol = \"smtp\" and tls.implicit = true")},
            {S_INIT("imaps"), S_INIT("protocol = \"imap\" and tls.implicit = true")},
            {S_INIT("pop3s"), S_INIT("protocol = \"pop3\" and tls.implicit = true")},
    };
    static const struct str mailbox[] = {
            S_INIT("imap"), S_INIT("pop3"), S_INIT("managesieve"), S_INIT("sieve")};
    static const struct str old[] = {S_INIT("sslv2"), S_INIT("sslv3"), S_INIT("tlsv1"),
            S_INIT("tlsv1.0"), S_INIT("tlsv1.1"), S_INIT("tls10"), S_INIT("tls11")};
    for (size_t i = 0; protocol && i < COUNT_OF(mailbox); i++) {
        struct str name = str_eq(mailbox[i], S("sieve")) ? S("managesieve") : mailbox[i];
        if (str_eq_nocase(text, mailbox[i]))
            return arena_fmt(a,
                    "this server has no mailboxes, so it cannot speak %.*s itself; to pass %.*s on "
                    "to other servers use [listener.%.*s] with protocol = \"%.*s\" (proxy)",
                    ARG(name), ARG(name), ARG(c->v->object->id), ARG(name));
    }
    if (str_ends(c->v->key, S(".algorithm")) &&
            (str_eq(text, S("rsa-sha1")) || str_eq(text, S("rsa-sha-1"))))
        return S("SHA-1 signatures are no longer allowed (RFC 8301)");
    for (size_t i = 0; protocol && i < COUNT_OF(secure); i++)
        if (str_eq_nocase(text, secure[i][0]))
            return arena_fmt(
                    a, "\"%.*s\" is not a protocol here; write %.*s", ARG(text), ARG(secure[i][1]));
    for (size_t i = 0; version && i < COUNT_OF(old); i++)
        if (str_eq_nocase(text, old[i]))
            return arena_fmt(a,
                    "%.*s must not be used any more (RFC 8996); TLSv1.2 and TLSv1.3 are here",
                    ARG(text));
    int place;
    struct str word;
    if (cipher && value_word(str_from_c(c->setting->words), text, WORD_NOCASE, &place, &word) ==
                          WORD_UNKNOWN)
        return arena_fmt(a, "unsupported TLS cipher suite \"%.*s\" (expected %.*s)",
                ARG(str_upto(text, SHOWN_BYTES_MAX)),
                ARG(value_word_list(a, str_from_c(c->setting->words))));
    return STR_NULL;
}

static bool convert_pattern(struct conversion *c, struct str text)
{
    struct arena *a = &c->l->scratch;
    struct glob glob;
    struct regex *regex = NULL;
    struct str why = STR_NULL;
    struct err bad = OK;
    if (c->setting->type == TYPE_CRON && !cron_parse(text, &c->e->value.cron, &why))
        return wrong_value(c, why);
    if (c->setting->type == TYPE_GLOB)
        bad = glob_compile(a, text, GLOB_EXACT, &glob);
    else if (c->setting->type == TYPE_REGEX)
        bad = regex_compile(a, text, &regex);
    if (failed(bad))
        return wrong_value(c, err_text(bad));
    if (regex != NULL && regex_is_risky(regex))
        conf_warn(c->l, c->v, c->place, S("risky-pattern"),
                "an unbounded repetition inside another one can take very long");
    return keep(c, text);
}

// Each member by its own row; members that must be there and are not are an error of the element.
static bool convert_tables(struct conversion *c)
{
    struct conf_element *table = c->e;
    const struct setting_node *rows = setting_members(c->l->conf->tree, c->setting);
    bool good = true;
    for (size_t i = 0; i < table->member_count; i++) {
        struct conf_element *m = &table->members[i];
        struct conversion inner = *c;
        inner.setting = setting_child(rows, m->name)->setting;
        inner.e = m;
        good = convert_element(&inner) && good;
    }
    for (const struct setting_node *row = rows->first; row != NULL; row = row->next) {
        if (row->setting->required && conf_member(table, row->name) == NULL) {
            conf_complain(c->l, c->v, c->place, FINDING_PARSE, S("missing"),
                    "element %d has no '%.*s'", c->place + 1, ARG(row->name));
            good = false;
        }
    }
    return good;
}

static bool keep(struct conversion *c, struct str text)
{
    c->e->text = text;
    if (!str_is_null(text))
        return true;
    conf_no_memory(c->l);
    return false;
}

static bool in_range(struct conversion *c, int64_t number)
{
    const struct setting *s = c->setting;
    if (number >= s->min && (s->max == 0 || number <= s->max))
        return true;
    struct str shown = str_upto(c->e->written, SHOWN_BYTES_MAX);
    struct str unit = s->type == TYPE_DURATION ? S(" ms") : S("");
    struct str bytes = s->type == TYPE_SIZE ? S(" bytes") : S("");
    struct str hint = s->range_hint != NULL
                              ? arena_fmt(&c->l->scratch, "; this is %s", s->range_hint)
                              : S("");
    if (s->max == 0)
        return wrong(c, "\"%.*s\" is out of range: %lld%.*s%.*s or more%.*s", ARG(shown),
                (long long)s->min, ARG(unit), ARG(bytes), ARG(hint));
    return wrong(c, "\"%.*s\" is out of range: %lld to %lld%.*s%.*s%.*s", ARG(shown),
            (long long)s->min, (long long)s->max, ARG(unit), ARG(bytes), ARG(hint));
}

// `invalid duration "5 minutes" (expected a number and one of ms, s, m, h, d, w)`
static bool wrong_value(struct conversion *c, struct str why)
{
    struct str kind = value_type_name(c->setting->type);
    if (str_is_null(why))
        why = arena_fmt(
                &c->l->scratch, "expected %.*s", ARG(value_type_expected(c->setting->type)));
    if (c->setting->type == TYPE_SECRET)
        return wrong(c, "invalid %.*s (%.*s)", ARG(kind), ARG(why));
    return wrong(c, "invalid %.*s \"%.*s\" (%.*s)", ARG(kind),
            ARG(str_upto(c->e->written, SHOWN_BYTES_MAX)), ARG(why));
}

static bool wrong(struct conversion *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str message = arena_vfmt(&c->l->scratch, fmt, args);
    va_end(args);
    if (c->v->list)
        message = arena_fmt(&c->l->scratch, "element %d: %.*s", c->place + 1, ARG(message));
    conf_complain(c->l, c->v, c->place, FINDING_PARSE, value_type_code(c->setting->type), "%.*s",
            ARG(message));
    return false;
}

// configuration.md 4, set<T>: the first of equal members stays.
static void drop_twins(struct loader *l, struct conf_value *v)
{
    struct map seen AUTO(map_done);
    map_init(&seen, 0, 0);
    size_t kept = 0;
    for (size_t i = 0; i < v->count; i++) {
        struct conf_element *e = &v->elements[i];
        const struct conf_element *first = map_get(&seen, e->text);
        if (first != NULL && element_eq(first, e)) {
            conf_warn(l, v, (int)i, S("duplicate"), "\"%.*s\" is there twice",
                    ARG(str_upto(e->written, SHOWN_BYTES_MAX)));
            continue;
        }
        v->elements[kept] = *e;
        if (!map_put(&seen, v->elements[kept].text, &v->elements[kept])) {
            conf_no_memory(l);
            return;
        }
        kept++;
    }
    v->count = kept;
}

static bool element_eq(const struct conf_element *a, const struct conf_element *b)
{
    return str_eq(a->text, b->text);
}
