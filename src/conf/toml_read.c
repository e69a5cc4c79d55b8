// SPDX-License-Identifier: Apache-2.0
// conf/toml_read.c: a TOML document, statement by statement: table headers and pairs. After an
// error the rest of a statement is skipped, up to the next line that begins one at its first
// column, so that a stray quote does not swallow the lines behind it (configuration.md 2.3).
#include "conf/toml_read.h"

static bool reader_init(struct toml_reader *r, struct arena *a, struct str text);
static void document_read(struct toml_reader *r);
static bool statement_read(struct toml_reader *r);
static bool header_read(struct toml_reader *r);
static bool header_key(struct toml_reader *r, bool is_tables);
static bool header_close(struct toml_reader *r, bool is_tables);
static bool table_set_aside(struct toml_reader *r);
static void layout_add(struct toml_reader *r, enum toml_statement_kind kind, size_t start);
static bool key_next(struct toml_reader *r, struct toml_key *out);
static bool key_dot(struct toml_reader *r);
static bool key_missing(struct toml_reader *r);
static bool equals_take(struct toml_reader *r, const struct toml_key *key);
static bool line_finish(struct toml_reader *r, const char *what);
static void recover(struct toml_reader *r, struct toml_line statement);
static bool line_begins_statement(struct str line);
static bool line_begins_header(struct scan *in);
static bool ahead_key(struct scan *in);
static bool is_bare(uint8_t c);

struct toml *toml_parse(struct arena *a, struct str text, const struct toml_options *options,
        struct findings *findings)
{
    return toml_read(a, text, options, findings, NULL);
}

struct toml *toml_read(struct arena *a, struct str text, const struct toml_options *options,
        struct findings *findings, struct toml_layout *layout)
{
    struct toml_reader r = {.findings = findings, .options = *options, .layout = layout};
    if (!reader_init(&r, a, text))
        return NULL;
    if (text.len > TOML_FILE_BYTES_MAX)
        toml_error(&r, r.line.start, "the file is larger than %d MiB", TOML_FILE_BYTES_MAX / MIB);
    else
        document_read(&r);
    return r.root;
}

static bool reader_init(struct toml_reader *r, struct arena *a, struct str text)
{
    r->in = scan_over(text);
    r->arena = a;
    scan_lit(&r->in, S("\xEF\xBB\xBF")); // a byte order mark is no part of the first line
    toml_line_begin(r);
    r->root = arena_make(a, struct toml);
    if (r->root == NULL)
        return false;
    r->table = r->root;
    r->root->file = r->options.file;
    r->root->made_by = MADE_ROOT;
    r->root->line = r->root->column = 1;
    return true;
}

// toml = expression *( newline expression )
static void document_read(struct toml_reader *r)
{
    toml_space(r);
    while (!scan_end(&r->in) && !r->gave_up) {
        struct toml_line line = r->line;
        if (!statement_read(r))
            recover(r, line);
        r->reading = NULL;
        toml_space(r);
    }
}

static bool statement_read(struct toml_reader *r)
{
    size_t start = scan_offset(&r->in);
    if (scan_peek(&r->in) == '[')
        return header_read(r);
    if (!toml_pair(r, r->table, 0))
        return false;
    layout_add(r, STATEMENT_PAIR, start);
    return line_finish(r, "unexpected text after the value");
}

static void layout_add(struct toml_reader *r, enum toml_statement_kind kind, size_t start)
{
    if (r->layout == NULL)
        return;
    struct toml_statement *s = vec_add(r->arena, &r->layout->all);
    if (s == NULL)
        toml_no_memory(r);
    else
        *s = (struct toml_statement){kind, start, scan_offset(&r->in), r->table};
}

// expression = ws [ comment ] / ws ( keyval / table ) ws [ comment ]
static bool line_finish(struct toml_reader *r, const char *what)
{
    scan_blanks(&r->in);
    toml_comment(r);
    if (scan_end(&r->in) || toml_newline(r))
        return true;
    size_t at = scan_offset(&r->in);
    return toml_at_bad_byte(r) ? toml_bad_byte(r, at) : toml_error(r, at, "%s", what);
}

// -- Headers ------------------------------------------------------------------------------------

// std-table = "[" ws key ws "]", array-table = "[[" ws key ws "]]"
static bool header_read(struct toml_reader *r)
{
    size_t start = scan_offset(&r->in);
    scan_byte(&r->in, '[');
    bool is_tables = scan_byte(&r->in, '[');
    if (!table_set_aside(r) || !header_key(r, is_tables))
        return false;
    r->reading = r->table;
    if (!header_close(r, is_tables))
        return false;
    layout_add(r, is_tables ? STATEMENT_TABLES : STATEMENT_TABLE, start);
    return line_finish(r, "unexpected text after the table header");
}

// Until the header turns out to be a good one, what follows goes to a table out of the tree: in the
// table before it, its keys would be reported as set twice.
static bool table_set_aside(struct toml_reader *r)
{
    struct toml *aside = arena_make(r->arena, struct toml);
    if (aside == NULL)
        return toml_no_memory(r);
    aside->file = r->options.file;
    aside->made_by = MADE_HEADER;
    r->table = aside;
    return true;
}

static bool header_key(struct toml_reader *r, bool is_tables)
{
    struct toml *table = r->root;
    struct toml_key key;
    while (true) {
        if (!key_next(r, &key))
            return false;
        bool lower = !key.quoted && r->options.tolerance == TOML_TOLERANT;
        if (lower) // configuration.md 2.2; names made of lower-case letters stay slices of the text
            key.text = arena_str_lower(r->arena, key.text);
        if (str_is_null(key.text))
            return toml_no_memory(r);
        if (!key_dot(r))
            break;
        table = toml_header_step(r, table, &key);
        if (table == NULL)
            return false;
    }
    if (is_tables)
        table = toml_header_tables(r, table, &key);
    else
        table = toml_header_table(r, table, &key);
    if (table != NULL)
        r->table = table;
    return table != NULL;
}

static bool header_close(struct toml_reader *r, bool is_tables)
{
    if (scan_lit(&r->in, is_tables ? S("]]") : S("]")))
        return true;
    size_t at = scan_offset(&r->in);
    if (toml_at_bad_byte(r))
        return toml_bad_byte(r, at);
    return toml_error(r, at, "expected '%s' to close the table header", is_tables ? "]]" : "]");
}

// -- Pairs and keys -----------------------------------------------------------------------------

// keyval = key ws "=" ws val
bool toml_pair(struct toml_reader *r, struct toml *table, size_t depth)
{
    struct toml_key key;
    if (!key_next(r, &key))
        return false;
    while (key_dot(r)) {
        table = toml_dotted_step(r, table, &key);
        if (table == NULL || !key_next(r, &key))
            return false;
    }
    if (!equals_take(r, &key))
        return false;
    struct toml *leaf = toml_leaf(r, table, &key);
    if (leaf == NULL)
        return false;
    scan_blanks(&r->in);
    struct toml_node_place place = toml_place(r, scan_offset(&r->in));
    leaf->line = place.line;
    leaf->column = place.column;
    if (!toml_value(r, leaf, depth))
        return false;
    toml_link(r, leaf);
    return true;
}

// simple-key = 1*( ALPHA / DIGIT / "-" / "_" ) / basic-string / literal-string
static bool key_next(struct toml_reader *r, struct toml_key *out)
{
    scan_blanks(&r->in);
    int c = scan_peek(&r->in);
    *out = (struct toml_key){.at = scan_offset(&r->in), .quoted = c == '"' || c == '\''};
    bool read = out->quoted ? toml_string(r, STRING_FOR_KEY, &out->text)
                            : scan_while(&r->in, is_bare, &out->text) || key_missing(r);
    scan_blanks(&r->in);
    return read;
}

// key = simple-key *( ws "." ws simple-key )
static bool key_dot(struct toml_reader *r)
{
    return scan_byte(&r->in, '.');
}

static bool key_missing(struct toml_reader *r)
{
    size_t at = scan_offset(&r->in);
    int c = scan_peek(&r->in);
    bool in_place = c == '.' || c == '=' || c == ']' || c < 0 || c == '\n' || c == '\r';
    if (toml_at_bad_byte(r))
        return toml_bad_byte(r, at);
    if (in_place)
        return toml_error(r, at, "empty key component");
    struct str found = str_upto(scan_rest(&r->in), toml_char(scan_rest(&r->in)));
    return toml_error(r, at,
            "expected a key, found '%.*s'; other than A-Z a-z 0-9 _ - needs quotes", ARG(found));
}

static bool equals_take(struct toml_reader *r, const struct toml_key *key)
{
    if (scan_byte(&r->in, '='))
        return true;
    size_t at = scan_offset(&r->in);
    if (toml_at_bad_byte(r))
        return toml_bad_byte(r, at);
    struct str rest = scan_rest(&r->in);
    struct str found = str_upto(rest, toml_char(rest));
    struct str shown = toml_excerpt(key->text);
    if (found.len == 0 || str_eq(found, S("#")))
        return toml_error(r, at, "expected '=' after the key '%.*s'", ARG(shown));
    return toml_error(r, at,
            "expected '=' after the key '%.*s', found '%.*s'; a key with other characters than A-Z "
            "a-z 0-9 _ - needs quotes",
            ARG(shown), ARG(found));
}

static bool is_bare(uint8_t c)
{
    return byte_is_alnum(c) || c == '_' || c == '-';
}

// -- Between the values -------------------------------------------------------------------------

bool toml_newline(struct toml_reader *r)
{
    if (!scan_byte(&r->in, '\n') && !scan_lit(&r->in, S("\r\n")))
        return false;
    toml_line_begin(r);
    return true;
}

// comment = "#" *( tab / printable / non-ascii )
void toml_comment(struct toml_reader *r)
{
    bool noted = false;
    if (scan_peek(&r->in) != '#')
        return;
    while (!scan_end(&r->in)) {
        struct str rest = scan_rest(&r->in);
        size_t len = toml_char(rest);
        if (len == 0 && !toml_at_bad_byte(r))
            return;
        if (len == 0 && !noted)
            noted = !toml_bad_byte(r, scan_offset(&r->in));
        scan_skip(&r->in, len > 0 ? len : 1);
    }
}

void toml_space(struct toml_reader *r)
{
    do {
        scan_blanks(&r->in);
        toml_comment(r);
    } while (toml_newline(r));
}

// -- After an error -----------------------------------------------------------------------------

// An error on the first byte of a line means that the lines before it were not closed; what begins
// there may well be a statement. In all other cases the line has said its error.
static void recover(struct toml_reader *r, struct toml_line statement)
{
    struct str skipped;
    bool at_line = scan_offset(&r->in) == r->line.start && r->line.number > statement.number;
    if (at_line && line_begins_statement(r->line_text))
        return;
    while (scan_until(&r->in, '\n', &skipped)) {
        toml_newline(r);
        if (line_begins_statement(r->line_text))
            return;
    }
    r->in.at = r->in.end;
}

// Looks like a header, or like key =, from the first column on: indented lines are more likely
// those of the array or table that has the error.
static bool line_begins_statement(struct str line)
{
    struct scan in = scan_over(line);
    if (byte_is_blank((uint8_t)scan_peek(&in)))
        return false;
    if (scan_byte(&in, '['))
        return line_begins_header(&in);
    return ahead_key(&in) && scan_byte(&in, '=');
}

// Not the line of an array in an array: those have a comma, or more behind the name.
static bool line_begins_header(struct scan *in)
{
    scan_byte(in, '[');
    if (!ahead_key(in))
        return false;
    if (scan_byte(in, ']'))
        scan_byte(in, ']');
    scan_blanks(in);
    return scan_end(in) || scan_peek(in) == '#';
}

static bool ahead_key(struct scan *in)
{
    do {
        struct str taken;
        scan_blanks(in);
        int quote = scan_peek(in);
        if (quote == '"' || quote == '\'') {
            scan_skip(in, 1);
            if (!scan_until_past(in, (char)quote, &taken))
                return false;
        } else if (!scan_while(in, is_bare, &taken)) {
            return false;
        }
        scan_blanks(in);
    } while (scan_byte(in, '.'));
    return true;
}
