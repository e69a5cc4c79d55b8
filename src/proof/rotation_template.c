// SPDX-License-Identifier: Apache-2.0
// proof/rotation_template.c: selectors out of a template. Bytes that no selector may have are
// dropped, so that a date may be written as people write it; what is left must be labels.
//
//     template = *( literal / "{" variable "}" )
//     variable = "algorithm" / "hash" / "version" / "epoch" / "random" / "date-" 1*format
#include "proof/rotation.h"

#include "base/date.h"
#include "proof/tags.h"

#define TEMPLATE_BYTES_MAX 512
#define SELECTOR_BYTES_MAX 200
#define THURSDAY 4 // weeks of ISO 8601 belong to the year of theirs
#define WEEK_DAYS 7
#define NOON 12

struct filling {
    struct arena *arena;
    const struct rotation_selector_inputs *in;
    struct scan scan;
    struct buf text;
};

static struct err fill(struct filling *f) MUST_USE;
static struct err fill_variable(struct filling *f, struct str name, size_t column) MUST_USE;
static struct err fill_date(struct filling *f, struct str format, size_t column) MUST_USE;
static bool add_conversion(struct buf *out, int64_t at_ms, char what);
static bool add_number(struct buf *out, const struct civil *c, int64_t at_ms, char what);
static bool add_word(struct buf *out, const struct civil *c, char what);
static bool add_several(struct buf *out, int64_t at_ms, char what);
static unsigned day_of_year(int64_t at_ms, int32_t year);
static unsigned iso_week(int64_t at_ms, int32_t *out_year);
static struct str without_others(struct arena *a, struct str text);

struct err rotation_selector(struct arena *a, struct str template,
        const struct rotation_selector_inputs *in, struct str *out)
{
    struct filling f = {.arena = a, .in = in, .scan = scan_over(template)};
    struct str labels;
    if (template.len > TEMPLATE_BYTES_MAX)
        return fail(ERR_SYNTAX, "a template has 512 bytes at most");
    buf_init(&f.text, KIB);
    struct err e = fill(&f);
    struct str text = without_others(a, buf_str(&f.text));
    bool is_full = f.text.overflow || str_is_null(text);
    buf_done(&f.text);
    TRY(e);
    if (is_full || text.len > SELECTOR_BYTES_MAX)
        return fail(ERR_SYNTAX, "it makes selectors that are too long");
    if (str_is_empty(text))
        return fail(ERR_SYNTAX, "it makes an empty selector");
    if (!tag_domain(a, text, 1, &labels))
        return fail_fmt(a, ERR_SYNTAX, "it makes '%.*s', which is not made of labels", ARG(text));
    *out = labels;
    return OK;
}

static struct err fill(struct filling *f)
{
    uint8_t c;
    while (!scan_end(&f->scan)) {
        size_t column = scan_column(&f->scan);
        struct str name;
        if (!scan_byte(&f->scan, '{')) {
            (void)scan_any(&f->scan, &c);
            buf_add_byte(&f->text, (char)c);
        } else if (!scan_until_past(&f->scan, '}', &name)) {
            return fail_fmt(f->arena, ERR_SYNTAX, "the { at column %zu is never closed", column);
        } else {
            TRY(fill_variable(f, name, column));
        }
    }
    return OK;
}

static struct err fill_variable(struct filling *f, struct str name, size_t column)
{
    if (str_eq(name, S("algorithm")))
        buf_add(&f->text, rotation_type_name(f->in->type));
    else if (str_eq(name, S("hash")))
        buf_add(&f->text, S("sha256"));
    else if (str_eq(name, S("version")))
        buf_add(&f->text, S("1"));
    else if (str_eq(name, S("epoch")))
        buf_add_i64(&f->text, f->in->now_ms / SECOND_MS);
    else if (str_eq(name, S("random")))
        buf_add(&f->text, str_of(f->in->random, ROTATION_RANDOM_BYTES));
    else if (str_starts(name, S("date-")))
        return fill_date(f, str_from(name, sizeof("date-") - 1), column);
    else
        return fail_fmt(f->arena, ERR_SYNTAX,
                "{%.*s} at column %zu is unknown; there are {algorithm}, {hash}, {version}, "
                "{date-FORMAT}, {epoch} and {random}",
                ARG(name), column);
    return OK;
}

// The format is that of strftime(3), in UTC and in English.
static struct err fill_date(struct filling *f, struct str format, size_t column)
{
    struct scan in = scan_over(format);
    uint8_t c;
    if (str_is_empty(format))
        return fail_fmt(f->arena, ERR_SYNTAX, "the date at column %zu has no format", column);
    while (scan_any(&in, &c)) {
        if (c != '%') {
            buf_add_byte(&f->text, (char)c);
            continue;
        }
        if (!scan_any(&in, &c))
            return fail_fmt(
                    f->arena, ERR_SYNTAX, "the date at column %zu ends in a single %%", column);
        if (!add_conversion(&f->text, f->in->now_ms, (char)c))
            return fail_fmt(f->arena, ERR_SYNTAX,
                    "the date at column %zu has %%%c, which is no conversion known here", column,
                    byte_is_alnum(c) ? (char)c : '?');
    }
    return OK;
}

static bool add_conversion(struct buf *out, int64_t at_ms, char what)
{
    struct civil c;
    civil_from_ms(at_ms, &c);
    return add_number(out, &c, at_ms, what) || add_word(out, &c, what) ||
           add_several(out, at_ms, what);
}

static bool add_number(struct buf *out, const struct civil *c, int64_t at_ms, char what)
{
    unsigned hour = c->hour % NOON == 0 ? NOON : c->hour % NOON;
    unsigned monday = (c->weekday + WEEK_DAYS - 1U) % WEEK_DAYS; // days since
    unsigned day = day_of_year(at_ms, c->year);
    int32_t iso_year;
    unsigned week = iso_week(at_ms, &iso_year);
    const struct {
        char what;
        int digits;
        int64_t value;
    } all[] = {{'Y', 4, c->year}, {'C', 2, c->year / 100}, {'y', 2, c->year % 100},
            {'m', 2, c->month}, {'d', 2, c->day}, {'e', 1, c->day}, {'H', 2, c->hour},
            {'I', 2, hour}, {'M', 2, c->minute}, {'S', 2, c->second}, {'j', 3, day + 1},
            {'u', 1, monday + 1}, {'w', 1, c->weekday}, {'V', 2, week}, {'G', 4, iso_year},
            {'g', 2, iso_year % 100}, {'U', 2, (day + WEEK_DAYS - c->weekday) / WEEK_DAYS},
            {'W', 2, (day + WEEK_DAYS - monday) / WEEK_DAYS}, {'s', 1, at_ms / SECOND_MS}};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (all[i].what != what)
            continue;
        buf_fmt(out, "%0*lld", all[i].digits, (long long)all[i].value);
        return true;
    }
    return false;
}

static bool add_word(struct buf *out, const struct civil *c, char what)
{
    static const struct str days[] = {S_INIT("Sunday"), S_INIT("Monday"), S_INIT("Tuesday"),
            S_INIT("Wednesday"), S_INIT("Thursday"), S_INIT("Friday"), S_INIT("Saturday")};
    static const struct str months[] = {S_INIT("January"), S_INIT("February"), S_INIT("March"),
            S_INIT("April"), S_INIT("May"), S_INIT("June"), S_INIT("July"), S_INIT("August"),
            S_INIT("September"), S_INIT("October"), S_INIT("November"), S_INIT("December")};
    const size_t abbreviated = 3;
    if (what == 'A' || what == 'a')
        buf_add(out, str_upto(days[c->weekday], what == 'A' ? SIZE_MAX : abbreviated));
    else if (what == 'B' || what == 'b' || what == 'h')
        buf_add(out, str_upto(months[c->month - 1], what == 'B' ? SIZE_MAX : abbreviated));
    else if (what == 'p')
        buf_add(out, c->hour < NOON ? S("AM") : S("PM"));
    else if (what == 'P')
        buf_add(out, c->hour < NOON ? S("am") : S("pm"));
    else
        return what == '%'; // which no selector may have
    return true;
}

static bool add_several(struct buf *out, int64_t at_ms, char what)
{
    static const struct {
        char what;
        struct str stands_for;
    } all[] = {{'F', S_INIT("Y-m-d")}, {'D', S_INIT("m/d/y")}, {'T', S_INIT("H:M:S")},
            {'R', S_INIT("H:M")}};
    struct civil c;
    civil_from_ms(at_ms, &c);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (all[i].what != what)
            continue;
        for (size_t k = 0; k < all[i].stands_for.len; k++)
            if (!add_number(out, &c, at_ms, all[i].stands_for.ptr[k]))
                buf_add_byte(out, all[i].stands_for.ptr[k]);
        return true;
    }
    return false;
}

static unsigned day_of_year(int64_t at_ms, int32_t year) // from 0
{
    const struct civil first = {.year = year, .month = 1, .day = 1};
    return (unsigned)((at_ms - civil_to_ms(&first)) / DAY_MS);
}

// The week is that of its Thursday.
static unsigned iso_week(int64_t at_ms, int32_t *out_year)
{
    struct civil c;
    civil_from_ms(at_ms, &c);
    int since_monday = (c.weekday + WEEK_DAYS - 1) % WEEK_DAYS;
    int64_t thursday_ms = at_ms + (int64_t)(THURSDAY - 1 - since_monday) * DAY_MS;
    civil_from_ms(thursday_ms, &c);
    *out_year = c.year;
    return day_of_year(thursday_ms, c.year) / WEEK_DAYS + 1;
}

static struct str without_others(struct arena *a, struct str text)
{
    struct buf kept AUTO(buf_done);
    buf_init(&kept, KIB);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (byte_is_alnum(c) || c == '.' || c == '-' || c == '_')
            buf_add_byte(&kept, (char)c);
    }
    return arena_str(a, buf_str(&kept));
}
