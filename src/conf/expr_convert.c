// SPDX-License-Identifier: Apache-2.0
// conf/expr_convert.c: from the value of an expression to what its setting is about
// (configuration.md 9.5). "None" is decided by the caller, before: what comes here is accepted or
// is an error.
#include "conf/expr_program.h"

#define SHOWN_BYTES_MAX 80
#define CAUSE_BYTES_MAX 400
#define RATE_COUNT_MAX 1000000 // configuration.md 4
#define HTTP_STATUS_MIN 100
#define HTTP_STATUS_MAX 999

static bool to_strings(struct arena *a, const struct expr_value *v,
        const struct expr_target *target, struct expr_result *out);
static bool to_integer(
        const struct expr_value *v, int64_t least, int64_t most, struct expr_result *out);
static bool to_duration(const struct expr_value *v, struct expr_result *out);
static bool to_rate(const struct expr_value *v, struct expr_result *out);
static bool to_ip(const struct expr_value *v, struct expr_result *out);
static bool to_enum(
        const struct expr_value *v, const struct expr_target *target, struct expr_result *out);
static const struct expr_word *word_of(const struct expr_words *words, struct str text);
static struct str word_canonical(const struct expr_words *words, int number);
static struct str cause_text(
        struct arena *a, const struct expr_value *v, const struct expr_target *target);
static void expected_add(struct buf *out, const struct expr_target *target);

struct str expr_kind_name(enum expr_kind kind)
{
    static const struct str names[] = {
            [EXPR_TO_ANY] = S_INIT("value"),
            [EXPR_TO_BOOL] = S_INIT("boolean"),
            [EXPR_TO_STRING] = S_INIT("string"),
            [EXPR_TO_STRINGS] = S_INIT("list of strings"),
            [EXPR_TO_INTEGER] = S_INIT("integer"),
            [EXPR_TO_UNSIGNED] = S_INIT("unsigned integer"),
            [EXPR_TO_DURATION] = S_INIT("duration"),
            [EXPR_TO_RATE] = S_INIT("rate"),
            [EXPR_TO_IP] = S_INIT("IP address"),
            [EXPR_TO_ENUM] = S_INIT("word"),
            [EXPR_TO_HTTP_STATUS] = S_INIT("HTTP status"),
    };
    return names[kind];
}

bool expr_convert(struct arena *a, const struct expr_value *v, const struct expr_target *target,
        struct expr_result *out, struct str *out_cause)
{
    bool accepted = true;
    switch (target->kind) {
    case EXPR_TO_ANY:
        break;
    case EXPR_TO_BOOL:
        out->boolean = expr_truth(v);
        break;
    case EXPR_TO_STRING:
        accepted = v->type == EXPR_STRING;
        out->text = accepted ? v->text : STR_NULL;
        break;
    case EXPR_TO_STRINGS:
        accepted = to_strings(a, v, target, out);
        break;
    case EXPR_TO_INTEGER:
        accepted = to_integer(v, INT64_MIN, INT64_MAX, out);
        break;
    case EXPR_TO_UNSIGNED:
        accepted = to_integer(v, 0, INT64_MAX, out);
        break;
    case EXPR_TO_DURATION:
        accepted = to_duration(v, out);
        break;
    case EXPR_TO_RATE:
        accepted = to_rate(v, out);
        break;
    case EXPR_TO_IP:
        accepted = to_ip(v, out);
        break;
    case EXPR_TO_ENUM:
        accepted = to_enum(v, target, out);
        break;
    case EXPR_TO_HTTP_STATUS:
        accepted = to_integer(v, HTTP_STATUS_MIN, HTTP_STATUS_MAX, out);
        break;
    }
    if (!accepted && out_cause != NULL)
        *out_cause = cause_text(a, v, target);
    return accepted;
}

static bool to_strings(struct arena *a, const struct expr_value *v,
        const struct expr_target *target, struct expr_result *out)
{
    struct expr_array in = {v, 1};
    if (v->type == EXPR_ARRAY)
        in = v->array;
    else if (v->type != EXPR_STRING || v->text.len == 0)
        return false;
    struct str *list = arena_array(a, in.count, struct str);
    if (list == NULL)
        return false;
    for (size_t i = 0; i < in.count; i++) {
        if (in.at[i].type != EXPR_STRING)
            return false;
        list[i] = in.at[i].text;
        const struct expr_word *word = word_of(target->words, list[i]);
        if (target->words != NULL && word == NULL)
            return false;
        if (word != NULL)
            list[i] = word_canonical(target->words, word->number);
    }
    out->list = list;
    out->list_count = in.count;
    return true;
}

static bool to_integer(
        const struct expr_value *v, int64_t least, int64_t most, struct expr_result *out)
{
    struct expr_value number;
    if (!expr_to_number(v, &number))
        return false;
    int64_t integer = expr_to_i64(&number);
    if (integer < least || integer > most)
        return false;
    out->number = integer;
    return true;
}

static bool to_duration(const struct expr_value *v, struct expr_result *out)
{
    int64_t ms = 0;
    if (v->type == EXPR_STRING) {
        if (!value_duration(str_trim(v->text), &ms))
            return false;
    } else if (expr_is_number(v)) {
        ms = expr_to_i64(v);
    }
    if (ms <= 0)
        return false;
    out->number = ms;
    return true;
}

// [count, period in ms], or "5/1h".
static bool to_rate(const struct expr_value *v, struct expr_result *out)
{
    struct expr_value count, period;
    if (v->type == EXPR_STRING)
        return value_rate(str_trim(v->text), &out->rate);
    if (v->type != EXPR_ARRAY || v->array.count != 2 || !expr_to_number(&v->array.at[0], &count) ||
            !expr_to_number(&v->array.at[1], &period))
        return false;
    int64_t n = expr_to_i64(&count), ms = expr_to_i64(&period);
    if (n < 1 || n > RATE_COUNT_MAX || ms < 1)
        return false;
    out->rate.count = (uint32_t)n;
    out->rate.period_ms = ms < SECOND_MS ? SECOND_MS : ms;
    return true;
}

static bool to_ip(const struct expr_value *v, struct expr_result *out)
{
    struct ip ip;
    if (v->type != EXPR_STRING || !ip_parse(v->text, &ip))
        return false;
    out->ip = ip;
    out->text = v->text;
    return true;
}

// The name of a word, or false where a word means "off".
static bool to_enum(
        const struct expr_value *v, const struct expr_target *target, struct expr_result *out)
{
    const struct expr_word *word = NULL;
    if (v->type == EXPR_STRING) {
        word = word_of(target->words, v->text);
    } else if (v->type == EXPR_INTEGER && v->integer == 0) {
        for (size_t i = 0; target->words != NULL && i < target->words->count; i++)
            if (word == NULL && target->words->at[i].is_off)
                word = &target->words->at[i];
    }
    if (word == NULL)
        return false;
    out->number = word->number;
    out->text = word_canonical(target->words, word->number);
    return true;
}

static const struct expr_word *word_of(const struct expr_words *words, struct str text)
{
    for (size_t i = 0; words != NULL && i < words->count; i++)
        if (str_eq(words->at[i].text, text))
            return &words->at[i];
    return NULL;
}

static struct str word_canonical(const struct expr_words *words, int number)
{
    for (size_t i = 0; i < words->count; i++)
        if (words->at[i].number == number)
            return words->at[i].text;
    return STR_NULL;
}

static struct str cause_text(
        struct arena *a, const struct expr_value *v, const struct expr_target *target)
{
    struct buf b AUTO(buf_done);
    struct str kind = expr_kind_name(target->kind);
    buf_init(&b, CAUSE_BYTES_MAX);
    expr_value_show(&b, v, SHOWN_BYTES_MAX);
    buf_fmt(&b, " is no %.*s (expected ", ARG(kind));
    expected_add(&b, target);
    buf_add_byte(&b, ')');
    struct str text = arena_str(a, buf_str(&b));
    return str_is_null(text) ? S("the result is not accepted") : text;
}

static void expected_add(struct buf *out, const struct expr_target *target)
{
    switch (target->kind) {
    case EXPR_TO_ANY:
    case EXPR_TO_BOOL:
        buf_add(out, S("any value"));
        break;
    case EXPR_TO_STRING:
        buf_add(out, S("a text; '' + n makes one of a number"));
        break;
    case EXPR_TO_INTEGER:
        buf_add(out, S("a whole number"));
        break;
    case EXPR_TO_UNSIGNED:
        buf_add(out, S("a whole number that is not negative"));
        break;
    case EXPR_TO_DURATION:
        buf_add(out, S("a number and one of ms, s, m, h, d, w, above zero"));
        break;
    case EXPR_TO_RATE:
        buf_add(out, S("'COUNT/DURATION' or [count, ms], the count from 1 to 1000000"));
        break;
    case EXPR_TO_IP:
        buf_add(out, S("an IPv4 or IPv6 address"));
        break;
    case EXPR_TO_HTTP_STATUS:
        buf_add(out, S("100 to 999"));
        break;
    case EXPR_TO_STRINGS:
    case EXPR_TO_ENUM:
        buf_add(out, target->kind == EXPR_TO_ENUM ? S("") : S("a list of "));
        if (target->words == NULL)
            buf_add(out, S("texts"));
        for (size_t i = 0; target->words != NULL && i < target->words->count; i++)
            buf_fmt(out, "%s%.*s", i > 0 ? ", " : "", ARG(target->words->at[i].text));
        break;
    }
}
