// SPDX-License-Identifier: Apache-2.0
// conf/toml_format.c: `posthaste config format`. The reader tells where each statement stands and
// which table it belongs to; each is then written anew with the comments before and behind it. A
// table that was opened twice (T7) cannot stay so: its second part moves behind its first, with
// dotted keys where the first part made it by dotted keys.
//
// What is written stays as it is when it is formatted again, and TOML 1.0.0 reads from it the tree
// that the tolerant reader read before; tests/fuzz/fuzz_toml.c holds it to both.
#include "conf/toml_read.h"

#include "base/map.h"

#define BYTE_ORDER_MARK S("\xEF\xBB\xBF")
#define PREFIX_BYTES_MAX (TOML_PATH_BYTES_MAX * 8) // quotes and escapes included

struct section {
    struct toml *table;
    size_t first, *last; // numbers of its statements, chained; 0 ends the chain
};

struct part { // of statement number - 1
    size_t next;
    struct str prefix; // before the key of a pair: "a.b."
    bool moved_header; // whose table is opened elsewhere; only its comments are written
};

struct format {
    struct arena *arena;
    struct str text;
    struct toml_layout layout;
    struct part *parts;
    struct section *sections;
    size_t section_count;
    struct map homes; // from the address of a table to its section
    struct buf *out;
    struct buf line, hoisted; // of the statement being written
    bool empty_line;          // before what comes next
    bool below_header;
};

static bool sections_make(struct format *f, struct toml *root);
static bool section_add(struct format *f, struct toml *table);
static struct section *section_of(const struct format *f, const struct toml *table);
static bool header_move(struct format *f, struct toml *table, struct part *part);
static void statement_chain(struct section *section, struct part *part, size_t number);
static void section_write(struct format *f, const struct section *section);
static void header_write(struct format *f, size_t number);
static void moved_header_write(struct format *f, size_t number);
static void pair_write(struct format *f, size_t number, struct str prefix);
static struct str lead_of(const struct format *f, size_t number);
static struct str behind(const struct format *f, size_t number);
static void lead_write(struct format *f, struct str lead);
static bool has_empty_line(struct str lead);
static void line_write(struct format *f, struct str line, struct str comment);
static bool no_memory(struct findings *findings, struct str file);
static void format_done(struct format *f);

bool toml_format(struct buf *out, struct arena *a, struct str text, struct str file,
        struct findings *findings)
{
    struct format f AUTO(format_done) = {.arena = a, .text = text, .out = out};
    struct toml_options options = {.file = file, .tolerance = TOML_TOLERANT};
    size_t errors_before = findings->error_count;
    buf_init(&f.line, 2 * TOML_FILE_BYTES_MAX);
    buf_init(&f.hoisted, TOML_FILE_BYTES_MAX);
    struct toml *root = toml_read(a, text, &options, findings, &f.layout);
    if (findings->error_count > errors_before)
        return false;
    if (root == NULL || !sections_make(&f, root))
        return no_memory(findings, file);
    for (size_t i = 0; i < f.section_count; i++)
        section_write(&f, &f.sections[i]);
    lead_write(&f, lead_of(&f, f.layout.all.count + 1));
    return out->overflow || f.line.overflow ? no_memory(findings, file) : true;
}

static bool no_memory(struct findings *findings, struct str file)
{
    finding_add(findings, (struct finding){.severity = FINDING_ERROR,
                                  .class = FINDING_SYNTAX,
                                  .code = S("limit"),
                                  .file = file,
                                  .message = S("not enough memory to format this file")});
    return false;
}

static void format_done(struct format *f)
{
    map_done(&f->homes);
    buf_done(&f->line);
    buf_done(&f->hoisted);
}

// -- What goes where ----------------------------------------------------------------------------

static bool sections_make(struct format *f, struct toml *root)
{
    size_t count = f->layout.all.count;
    map_init(&f->homes, 0, 0);
    f->parts = arena_array(f->arena, count + 1, struct part);
    f->sections = arena_array(f->arena, count + 1, struct section);
    if (f->parts == NULL || f->sections == NULL || !section_add(f, root))
        return false;
    struct section *now = &f->sections[0];
    struct str prefix = S("");
    for (size_t i = 0; i < count; i++) {
        const struct toml_statement *s = &f->layout.all.at[i];
        struct part *part = &f->parts[i];
        if (s->kind == STATEMENT_TABLE && !header_move(f, s->table, part))
            return false;
        if (s->kind != STATEMENT_PAIR) {
            if (!part->moved_header && !section_add(f, s->table))
                return false;
            const struct toml *home = s->table;
            while (section_of(f, home) == NULL)
                home = home->parent;
            now = section_of(f, home);
            prefix = part->prefix;
        }
        part->prefix = prefix;
        statement_chain(now, part, i + 1);
    }
    return true;
}

static bool section_add(struct format *f, struct toml *table)
{
    struct section *section = &f->sections[f->section_count++];
    section->table = table;
    section->last = &section->first;
    struct str address = str_of((const char *)&section->table, sizeof(section->table));
    return map_put(&f->homes, address, section);
}

static struct section *section_of(const struct format *f, const struct toml *table)
{
    return map_get(&f->homes, str_of((const char *)&table, sizeof(table)));
}

// Does the table of this header have a home already? One made by dotted keys is at home in the
// section of those keys, which is that of the nearest table above it that has one.
static bool header_move(struct format *f, struct toml *table, struct part *part)
{
    part->prefix = S("");
    part->moved_header = table->made_by == MADE_DOTTED || section_of(f, table) != NULL;
    for (const struct toml *t = table; part->moved_header && section_of(f, t) == NULL;
            t = t->parent) {
        struct buf key AUTO(buf_done);
        buf_init(&key, PREFIX_BYTES_MAX);
        toml_add_key(&key, t->key);
        buf_add_byte(&key, '.');
        part->prefix = arena_join(f->arena, buf_str(&key), part->prefix);
        if (str_is_null(part->prefix))
            return false;
    }
    return true;
}

static void statement_chain(struct section *section, struct part *part, size_t number)
{
    *section->last = number;
    section->last = &part->next;
}

// -- Writing ------------------------------------------------------------------------------------

static void section_write(struct format *f, const struct section *section)
{
    for (size_t number = section->first; number != 0; number = f->parts[number - 1].next) {
        const struct part *part = &f->parts[number - 1];
        if (part->moved_header)
            moved_header_write(f, number);
        else if (f->layout.all.at[number - 1].kind == STATEMENT_PAIR)
            pair_write(f, number, part->prefix);
        else
            header_write(f, number);
    }
}

// An empty line before it and its comment, unless the author set one between them.
static void header_write(struct format *f, size_t number)
{
    const struct toml_statement *s = &f->layout.all.at[number - 1];
    struct scan in = scan_over(str_part(f->text, s->start, s->end - s->start));
    struct str lead = lead_of(f, number);
    f->below_header = false;
    f->empty_line = f->empty_line || !has_empty_line(lead);
    lead_write(f, lead);
    buf_clear(&f->line);
    while (scan_byte(&in, '['))
        buf_add_byte(&f->line, '[');
    toml_key_rewrite(&in, &f->line, KEY_OF_HEADER);
    buf_add(&f->line, s->kind == STATEMENT_TABLES ? S("]]") : S("]"));
    line_write(f, buf_str(&f->line), behind(f, number));
    f->below_header = true;
}

static void moved_header_write(struct format *f, size_t number)
{
    struct str comment = behind(f, number);
    lead_write(f, lead_of(f, number));
    if (comment.len > 0)
        line_write(f, comment, S(""));
}

static void pair_write(struct format *f, size_t number, struct str prefix)
{
    const struct toml_statement *s = &f->layout.all.at[number - 1];
    struct scan in = scan_over(str_part(f->text, s->start, s->end - s->start));
    struct str hoisted, comment;
    lead_write(f, lead_of(f, number));
    buf_clear(&f->line);
    buf_clear(&f->hoisted);
    buf_add(&f->line, prefix);
    toml_key_rewrite(&in, &f->line, KEY_OF_PAIR);
    scan_byte(&in, '=');
    scan_blanks(&in);
    buf_add(&f->line, S(" = "));
    toml_value_rewrite(&in, &f->line, &f->hoisted);
    for (hoisted = buf_str(&f->hoisted); str_cut(hoisted, '\n', &comment, &hoisted);)
        line_write(f, comment, S(""));
    line_write(f, buf_str(&f->line), behind(f, number));
}

// The lines before a statement: empty ones and comments. Number count + 1: those at the end.
static struct str lead_of(const struct format *f, size_t number)
{
    bool last = number > f->layout.all.count;
    size_t end = last ? f->text.len : f->layout.all.at[number - 1].start;
    if (number == 1)
        return str_from(str_upto(f->text, end), str_starts(f->text, BYTE_ORDER_MARK) ? 3 : 0);
    struct str rest = str_from(str_upto(f->text, end), f->layout.all.at[number - 2].end);
    struct str line, lead = S("");
    return str_cut(rest, '\n', &line, &lead) ? lead : S("");
}

// The comment on its line.
static struct str behind(const struct format *f, size_t number)
{
    struct str rest = str_from(f->text, f->layout.all.at[number - 1].end);
    return str_trim(str_upto(rest, str_find_byte(rest, '\n')));
}

// What stands behind the last line end is the indent of the statement, or the end of the file.
static void lead_write(struct format *f, struct str lead)
{
    struct str line;
    while (str_cut(lead, '\n', &line, &lead)) {
        line = str_trim(line);
        if (line.len > 0)
            line_write(f, line, S(""));
        else
            f->empty_line = !f->below_header;
    }
    lead = str_trim(lead);
    if (lead.len > 0)
        line_write(f, lead, S(""));
}

static bool has_empty_line(struct str lead)
{
    struct str line;
    while (str_cut(lead, '\n', &line, &lead))
        if (str_trim(line).len == 0)
            return true;
    return false;
}

static void line_write(struct format *f, struct str line, struct str comment)
{
    if (f->empty_line && f->out->len > 0)
        buf_add_byte(f->out, '\n');
    f->empty_line = f->below_header = false;
    buf_add(f->out, line);
    buf_add(f->out, comment.len > 0 ? S(" ") : S(""));
    buf_add(f->out, comment);
    buf_add_byte(f->out, '\n');
}
