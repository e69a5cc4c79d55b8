// SPDX-License-Identifier: Apache-2.0
// conf/toml_place.c: where the reader stands, and its findings. Columns count code points; as
// nodes are made in the order of the text, each line is counted through once, however many values
// stand on it.
#include "conf/toml_read.h"

#define EXCERPT_BYTES_MAX 60

static void note(struct toml_reader *r, struct finding f, struct toml_line line, size_t at,
        const char *fmt, va_list args) __attribute__((format(printf, 5, 0)));
static void key_fill(const struct toml_reader *r, struct finding *f);
static struct str line_text(const struct toml_reader *r, size_t start);
static struct str text_of(const struct toml_reader *r);

void toml_line_begin(struct toml_reader *r)
{
    r->line.start = scan_offset(&r->in);
    r->line.number++;
    r->line_text = line_text(r, r->line.start);
    r->counted_to = r->line.start;
    r->counted_columns = 0;
}

struct toml_node_place toml_place(struct toml_reader *r, size_t at)
{
    assert(at >= r->line.start);
    if (at < r->counted_to) {
        r->counted_to = r->line.start;
        r->counted_columns = 0;
    }
    struct str passed = str_part(text_of(r), r->counted_to, at - r->counted_to);
    r->counted_columns += (uint32_t)str_utf8_count(passed);
    r->counted_to = at;
    return (struct toml_node_place){r->line.number, r->counted_columns + 1};
}

bool toml_error(struct toml_reader *r, size_t at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    note(r, (struct finding){.severity = FINDING_ERROR, .code = S("syntax")}, r->line, at, fmt,
            args);
    va_end(args);
    return false;
}

bool toml_error_on(struct toml_reader *r, struct toml_line line, size_t at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    note(r, (struct finding){.severity = FINDING_ERROR, .code = S("syntax")}, line, at, fmt, args);
    va_end(args);
    return false;
}

void toml_warning_on(struct toml_reader *r, struct toml_line line, size_t at, struct str code,
        const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    note(r, (struct finding){.severity = FINDING_WARNING, .code = code}, line, at, fmt, args);
    va_end(args);
}

// `at` may lie on a line after the one given: in a string of several lines only its beginning is
// known. That costs a walk, but only where there is something to say.
static void note(struct toml_reader *r, struct finding f, struct toml_line line, size_t at,
        const char *fmt, va_list args)
{
    if (r->gave_up)
        return;
    if (f.severity == FINDING_WARNING && r->findings->all.count >= FINDINGS_MAX) {
        finding_add(r->findings, f); // is only counted: its place would be looked for in vain
        return;
    }
    struct str text = text_of(r);
    size_t end = str_find_byte(str_from(text, line.start), '\n');
    while (end != STR_NOT_FOUND && line.start + end < at) {
        line.start += end + 1;
        line.number++;
        end = str_find_byte(str_from(text, line.start), '\n');
    }
    f.class = FINDING_SYNTAX;
    f.file = r->options.file;
    f.line = line.number;
    f.column = (uint32_t)str_utf8_count(str_part(text, line.start, at - line.start)) + 1;
    f.source = line_text(r, line.start);
    f.message = arena_vfmt(r->findings->arena, fmt, args);
    key_fill(r, &f);
    finding_add(r->findings, f);
    if (f.severity != FINDING_ERROR || ++r->error_count < TOML_ERRORS_MAX)
        return;
    r->gave_up = true;
    f = (struct finding){.severity = FINDING_INFO,
            .class = FINDING_SYNTAX,
            .file = f.file,
            .code = S("syntax"),
            .message = S("too many errors, the rest was not read")};
    finding_add(r->findings, f);
}

static void key_fill(const struct toml_reader *r, struct finding *f)
{
    const struct toml *node = r->reading != NULL ? r->reading : r->table;
    bool is_element = node->parent != NULL && node->parent->type == TOML_ARRAY &&
                      node->parent->made_by == MADE_VALUE;
    if (is_element) { // that is being read, hence not counted yet
        f->element = (uint32_t)node->parent->count + 1;
        node = node->parent;
    }
    f->key = toml_path(r->findings->arena, node);
    if (f->key.len == 0)
        f->key = STR_NULL;
}

struct str toml_where(struct toml_reader *r, const struct toml *node)
{
    struct str file = node->file;
    struct str where = file.len > 0 ? arena_fmt(r->arena, "%.*s:%u", ARG(file), node->line)
                                    : arena_fmt(r->arena, "line %u", node->line);
    return where;
}

bool toml_bad_byte(struct toml_reader *r, size_t at)
{
    return toml_error(r, at,
            "invalid byte 0x%02X at offset %zu of the file, which must be text in UTF-8",
            (unsigned)(uint8_t)r->in.start[at], at);
}

bool toml_at_bad_byte(const struct toml_reader *r)
{
    struct str rest = scan_rest(&r->in);
    bool line_ends = str_starts(rest, S("\n")) || str_starts(rest, S("\r\n"));
    return rest.len > 0 && !line_ends && toml_char(rest) == 0;
}

bool toml_no_memory(struct toml_reader *r)
{
    toml_error(r, scan_offset(&r->in), "no memory left for more of this file");
    r->gave_up = true;
    return false;
}

// TOML 1.0.0 "Comment", "String": U+0000 to U+0008, U+000A to U+001F and U+007F are not permitted.
size_t toml_char(struct str rest)
{
    uint32_t code;
    size_t len = str_utf8_next(rest, &code);
    if (len == 1 && ((code < ' ' && code != '\t') || code == 0x7F))
        return 0;
    return len;
}

struct str toml_excerpt(struct str text)
{
    return str_upto(text, EXCERPT_BYTES_MAX);
}

static struct str line_text(const struct toml_reader *r, size_t start)
{
    struct str rest = str_from(text_of(r), start);
    struct str line = str_upto(rest, str_find_byte(rest, '\n'));
    return str_ends(line, S("\r")) ? str_upto(line, line.len - 1) : line;
}

static struct str text_of(const struct toml_reader *r)
{
    return str_of(r->in.start, (size_t)(r->in.end - r->in.start));
}
