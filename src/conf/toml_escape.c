// SPDX-License-Identifier: Apache-2.0
// conf/toml_escape.c: the content of basic strings. An escape that TOML does not know is an error,
// or with the tolerances kept as it stands, with a warning that shows a better form (T3): regular
// expressions in double quotes are common, and dropping their backslashes would change them.
#include "conf/toml_read.h"

#define LITERAL_SHOWN_BYTES_MAX 200

struct unescape {
    struct toml_reader *r;
    struct toml_line line; // on which the string began
    struct scan in;        // over its raw content
    size_t offset;         // of that in the file
    char *made;            // no escape is shorter than what it stands for
    size_t len;
    size_t kept_at; // of the first unknown escape kept
    bool kept;
};

static void escape_read(struct unescape *u);
static bool escape_simple(int c, enum toml_version version, char *out);
static void escape_code(struct unescape *u, size_t digits);
static bool line_end_skip(struct unescape *u);
static void escape_unknown(struct unescape *u);
static void put(struct unescape *u, struct str bytes);
static void kept_warn(struct unescape *u);

bool toml_unescape(
        struct toml_reader *r, struct toml_line line, size_t at, struct str raw, struct str *out)
{
    struct unescape u = {.r = r, .line = line, .in = scan_over(raw), .offset = at};
    u.made = arena_bytes(r->arena, raw.len);
    if (u.made == NULL)
        return toml_no_memory(r);
    while (!scan_end(&u.in)) {
        struct str plain;
        if (scan_peek(&u.in) == '\\')
            escape_read(&u);
        else if (scan_lit(&u.in, S("\r\n")))
            put(&u, S("\n"));
        else if (scan_take(&u.in, 1, &plain))
            put(&u, plain);
    }
    *out = str_of(u.made, u.len);
    if (u.kept)
        kept_warn(&u);
    return true;
}

// escaped = "\" ( %x22 / "\" / "b" / "f" / "n" / "r" / "t" / "u" 4HEXDIG / "U" 8HEXDIG )
// and in TOML 1.1.0 "e" / "x" 2HEXDIG; mlb-escaped-nl = "\" ws newline *( wschar / newline )
static void escape_read(struct unescape *u)
{
    int c = scan_peek_at(&u->in, 1);
    char simple;
    if (escape_simple(c, u->r->options.version, &simple)) {
        scan_skip(&u->in, 2);
        put(u, str_of(&simple, 1));
    } else if (c == 'u') {
        escape_code(u, 4);
    } else if (c == 'U') {
        escape_code(u, 8);
    } else if (c == 'x' && u->r->options.version == TOML_1_1) {
        escape_code(u, 2);
    } else if (!line_end_skip(u)) {
        escape_unknown(u);
    }
}

static bool escape_simple(int c, enum toml_version version, char *out)
{
    static const char pairs[][2] = {{'"', '"'}, {'\\', '\\'}, {'b', '\b'}, {'f', '\f'}, {'n', '\n'},
            {'r', '\r'}, {'t', '\t'}, {'e', 0x1B}};
    size_t count = version == TOML_1_1 ? COUNT_OF(pairs) : COUNT_OF(pairs) - 1;
    for (size_t i = 0; i < count; i++) {
        if (pairs[i][0] == c) {
            *out = pairs[i][1];
            return true;
        }
    }
    return false;
}

static void escape_code(struct unescape *u, size_t digits)
{
    size_t at = scan_offset(&u->in);
    scan_skip(&u->in, 2);
    struct str taken, hex = str_upto(scan_rest(&u->in), digits);
    struct scan number = scan_over(hex);
    uint64_t code = 0;
    bool whole = hex.len == digits && scan_hex_u64(&number, digits, &code) && scan_end(&number);
    if (!whole) {
        toml_error_on(u->r, u->line, u->offset + at, "'\\%c' needs %zu hexadecimal digits",
                u->in.at[-1], digits);
        return;
    }
    (void)scan_take(&u->in, digits, &taken);
    char bytes[4];
    size_t len = utf8_put((uint32_t)code, bytes);
    if (len == 0)
        toml_error_on(u->r, u->line, u->offset + at, "'\\%c%.*s' is no Unicode character",
                u->in.at[-1 - (ptrdiff_t)digits], ARG(taken));
    put(u, str_of(bytes, len));
}

// Only strings of several lines can have one.
static bool line_end_skip(struct unescape *u)
{
    struct scan ahead = u->in;
    scan_skip(&ahead, 1);
    scan_blanks(&ahead);
    if (!scan_lit(&ahead, S("\n")) && !scan_lit(&ahead, S("\r\n")))
        return false;
    do
        scan_blanks(&ahead);
    while (scan_lit(&ahead, S("\n")) || scan_lit(&ahead, S("\r\n")));
    u->in = ahead;
    return true;
}

static void escape_unknown(struct unescape *u)
{
    size_t at = scan_offset(&u->in);
    scan_skip(&u->in, 1);
    size_t len = toml_char(scan_rest(&u->in)); // 0: it has been reported when the end was found
    struct str c = str_upto(scan_rest(&u->in), len);
    if (u->r->options.tolerance == TOML_STRICT) {
        toml_error_on(u->r, u->line, u->offset + at, "unknown escape '\\%.*s'", ARG(c));
        return;
    }
    if (!u->kept)
        u->kept_at = at;
    u->kept = true;
    put(u, S("\\"));
    put(u, c);
    scan_skip(&u->in, len);
}

static void put(struct unescape *u, struct str bytes)
{
    if (bytes.len > 0)
        memcpy(u->made + u->len, bytes.ptr, bytes.len);
    u->len += bytes.len;
}

static void kept_warn(struct unescape *u)
{
    struct str rest = str_from(str_of(u->in.start, (size_t)(u->in.end - u->in.start)), u->kept_at);
    struct str escape = str_upto(rest, 1 + toml_char(str_from(rest, 1)));
    struct buf form AUTO(buf_done);
    buf_init(&form, MIB);
    if (u->len <= LITERAL_SHOWN_BYTES_MAX)
        toml_add_string(&form, str_of(u->made, u->len));
    if (form.len == 0 || form.overflow || str_contains(buf_str(&form), S("\n"))) {
        buf_clear(&form);
        buf_add(&form, S("it as a literal string, '...' or '''...'''"));
    }
    toml_warning_on(u->r, u->line, u->offset + u->kept_at, S("unknown-escape"),
            "unknown escape '%.*s' is kept as it stands; write %.*s", ARG(escape),
            ARG(buf_str(&form)));
}
