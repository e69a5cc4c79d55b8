// SPDX-License-Identifier: Apache-2.0
// conf/lookup_read.c: lists as text: a key a line, CSV (RFC 4180) and KEY VALUE (configuration.md
// 10.2, 10.3). The text comes from files and from the network: rows that are wrong or too long are
// left out and counted, and nothing in one row can take more than its own row with it.
#include "conf/lookup.h"

struct reader {
    struct lookup *list;
    struct lookup_text options;
    struct lookup_read_report report;
    struct buf fields[2]; // key and value of a row, without their quotes
};

static bool row_next(struct reader *r, struct scan *in, struct str *out);
static size_t csv_row_bytes(const struct reader *r, struct str rest);
static struct err row_put(struct reader *r, struct str row);
static struct err row_put_csv(struct reader *r, struct str row);
static bool csv_field(struct scan *in, char separator, struct buf *out);
static void csv_quoted(struct scan *in, struct buf *out);
static struct err row_put_keyval(struct reader *r, struct str row);
static struct err entry_put(struct reader *r, struct str key, struct expr_value value);

struct err lookup_read(struct lookup *l, struct str text, const struct lookup_text *options,
        struct lookup_read_report *out)
{
    struct reader r = {.list = l, .options = *options};
    if (r.options.entries_max == 0)
        r.options.entries_max = LOOKUP_ENTRIES_DEFAULT;
    if (r.options.entry_bytes_max == 0)
        r.options.entry_bytes_max = LOOKUP_ENTRY_BYTES_DEFAULT;
    if (r.options.separator == 0)
        r.options.separator = ',';
    buf_init(&r.fields[0], LOOKUP_ENTRY_BYTES_MAX);
    buf_init(&r.fields[1], LOOKUP_ENTRY_BYTES_MAX);
    struct scan in = scan_over(text);
    scan_lit(&in, S("\xef\xbb\xbf")); // a byte order mark, as spreadsheets write it
    struct str row;
    struct err bad = OK;
    if (r.options.skip_first)
        row_next(&r, &in, &row);
    while (!failed(bad) && row_next(&r, &in, &row)) {
        if (r.report.entries == r.options.entries_max) {
            r.report.truncated = true;
            break;
        }
        bad = row_put(&r, row);
    }
    buf_done(&r.fields[0]);
    buf_done(&r.fields[1]);
    *out = r.report;
    return bad;
}

// A row is a line; in CSV quoted line ends belong to it.
static bool row_next(struct reader *r, struct scan *in, struct str *out)
{
    if (r->options.format != LOOKUP_CSV)
        return scan_line(in, out);
    if (scan_end(in))
        return false;
    scan_take(in, csv_row_bytes(r, scan_rest(in)), out);
    if (str_ends(*out, S("\n")))
        out->len--;
    if (str_ends(*out, S("\r")))
        out->len--;
    return true;
}

// With its line end. A quote that does not close within the longest row is taken for a stray one:
// then the row ends with its line, lest it swallow the rest of the list.
static size_t csv_row_bytes(const struct reader *r, struct str rest)
{
    bool quoted = false;
    size_t longest = r->options.entry_bytes_max + 1;
    for (size_t i = 0; i < rest.len; i++) {
        if (quoted && i > longest)
            break;
        if (rest.ptr[i] == '"')
            quoted = !quoted;
        else if (rest.ptr[i] == '\n' && !quoted)
            return i + 1;
    }
    size_t line_end = str_find_byte(rest, '\n');
    return quoted && line_end != STR_NOT_FOUND ? line_end + 1 : rest.len;
}

static struct err row_put(struct reader *r, struct str row)
{
    struct str key = str_trim(row);
    if (key.len == 0 || (r->options.format != LOOKUP_CSV && str_starts(key, S("#"))))
        return OK;
    if (row.len > r->options.entry_bytes_max) {
        r->report.skipped++;
        return OK;
    }
    switch (r->options.format) {
    case LOOKUP_LIST:
        return entry_put(r, key, expr_integer(1));
    case LOOKUP_CSV:
        return row_put_csv(r, row);
    case LOOKUP_KEYVAL:
        break;
    }
    return row_put_keyval(r, key);
}

static struct err row_put_csv(struct reader *r, struct str row)
{
    struct scan in = scan_over(row);
    struct buf *key = &r->fields[0], *value = &r->fields[1], unwanted AUTO(buf_done);
    bool has_key = false, has_value = false, more = true;
    buf_init(&unwanted, LOOKUP_ENTRY_BYTES_MAX);
    buf_clear(key);
    buf_clear(value);
    for (size_t column = 0; more; column++) {
        bool is_key = column == r->options.key_column;
        bool is_value = r->options.value_column >= 0 && column == (size_t)r->options.value_column;
        struct buf *field = is_key ? key : &unwanted;
        if (is_value && !is_key)
            field = value;
        buf_clear(&unwanted);
        more = csv_field(&in, r->options.separator, field);
        has_key = has_key || is_key;
        has_value = has_value || is_value;
    }
    if (!has_key || key->len == 0) {
        r->report.skipped++;
        return OK;
    }
    if (r->options.value_column < 0)
        return entry_put(r, buf_str(key), expr_integer(1));
    if ((size_t)r->options.value_column == r->options.key_column)
        return entry_put(r, buf_str(key), lookup_type_value(buf_str(key)));
    return entry_put(r, buf_str(key), lookup_type_value(has_value ? buf_str(value) : S("")));
}

// field = DQUOTE *(any / 2DQUOTE) DQUOTE / *(any but separator), RFC 4180 2. True when a separator
// stands behind it, that is, when another field follows. Blanks around plain fields are not theirs.
static bool csv_field(struct scan *in, char separator, struct buf *out)
{
    struct str plain;
    struct scan ahead = *in;
    scan_blanks(&ahead);
    if (scan_byte(&ahead, '"')) {
        *in = ahead;
        csv_quoted(in, out);
        if (!scan_until(in, separator, &plain))
            return false;
        return scan_byte(in, separator);
    }
    bool more = scan_until(in, separator, &plain);
    if (!more)
        plain = scan_rest(in);
    buf_add(out, str_trim_blanks(plain));
    return more && scan_byte(in, separator);
}

static void csv_quoted(struct scan *in, struct buf *out)
{
    uint8_t c;
    while (scan_any(in, &c)) {
        if (c == '"' && !scan_byte(in, '"'))
            return;
        buf_add_byte(out, (char)c);
    }
}

// KEY, KEY VALUE or KEY = VALUE
static struct err row_put_keyval(struct reader *r, struct str row)
{
    size_t end = 0;
    while (end < row.len && !byte_is_blank((uint8_t)row.ptr[end]) && row.ptr[end] != '=')
        end++;
    struct str key = str_upto(row, end), value = str_trim(str_from(row, end));
    if (str_starts(value, S("=")))
        value = str_trim(str_from(value, 1));
    if (key.len == 0) {
        r->report.skipped++;
        return OK;
    }
    return entry_put(r, key, lookup_type_value(value));
}

static struct err entry_put(struct reader *r, struct str key, struct expr_value value)
{
    if (key.len > LOOKUP_KEY_BYTES_MAX) {
        r->report.skipped++;
        return OK;
    }
    TRY(lookup_put_literal(r->list, key, value));
    r->report.entries++;
    return OK;
}
