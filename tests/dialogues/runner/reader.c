// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/reader.c: the structure of a dialogue file: comments, cases, role lines,
// blocks. Keyword lines are read by reader_words.c.
#include "dialogue.h"

#define BLOCK_INDENT 4

static struct err read_lines(struct reader *r, struct str text);
static struct err read_all(struct reader *r);
static struct err read_line(struct reader *r, size_t *at);
static struct err begin_case(struct reader *r, struct str name);
static bool is_role_line(struct str line);
static struct err read_role_line(struct reader *r, struct str line);
static struct err read_when(struct reader *r, struct scan *in, struct when *out);
static struct err read_text(struct reader *r, struct step *step, char mark);
static struct err read_block(struct reader *r, struct step *step, size_t *at);

struct err dialogue_read(struct arena *a, struct str file, struct str text, struct dialogue *out)
{
    struct reader r = {.arena = a, .out = out};
    *out = (struct dialogue){.file = file};
    r.into = &out->shared;
    if (text.len > DIALOGUE_BYTES_MAX)
        return fail_fmt(a, ERR_LIMIT, "%.*s: larger than 1 MiB", ARG(file));
    TRY(read_lines(&r, text));
    return read_all(&r);
}

static struct err read_lines(struct reader *r, struct str text)
{
    struct scan in = scan_over(text);
    struct str line;
    while (scan_line(&in, &line)) {
        struct str *kept = vec_add(r->arena, &r->out->lines);
        if (kept == NULL)
            return fail(ERR_LIMIT, "no memory for a dialogue");
        *kept = line;
    }
    return OK;
}

static struct err read_all(struct reader *r)
{
    for (size_t at = 0; at < r->out->lines.count;)
        TRY(read_line(r, &at));
    r->line = (uint32_t)r->out->lines.count;
    if (r->out->cases.count == 0)
        return reader_wrong(r, "there is no case; one begins with a line == NAME");
    return OK;
}

// line = empty / "#" comment / "==" SP name / role-line / keyword [ ":" *block-line ]
static struct err read_line(struct reader *r, size_t *at)
{
    struct str line = r->out->lines.at[*at], trimmed = str_trim(line);
    r->line = (uint32_t)++ * at;
    if (trimmed.len == 0 || trimmed.ptr[0] == '#')
        return OK;
    if (str_starts(line, S(" ")) || str_starts(line, S("\t")))
        return reader_wrong(r, "an indented line without a block above it");
    if (str_starts(line, S("==")))
        return begin_case(r, str_trim(str_from(line, 2)));
    if (is_role_line(line))
        return read_role_line(r, line);
    struct step *step = NULL;
    bool has_block = str_ends(trimmed, S(":"));
    TRY(reader_keyword(r, has_block ? str_trim(str_upto(trimmed, trimmed.len - 1)) : trimmed,
            has_block, &step));
    step->written = trimmed;
    return has_block ? read_block(r, step, at) : OK;
}

static struct err begin_case(struct reader *r, struct str name)
{
    if (name.len == 0)
        return reader_wrong(r, "a case needs a name: == NAME");
    each_in_vec (c, &r->out->cases) {
        if (str_eq(c->name, name))
            return reader_wrong(r, "line %u has a case of this name already", c->line);
    }
    r->into = vec_add(r->arena, &r->out->cases);
    if (r->into == NULL)
        return fail(ERR_LIMIT, "no memory for a dialogue");
    *r->into = (struct dialogue_case){.name = name, .line = r->line};
    r->connection_count = 0;
    r->role = 0;
    return OK;
}

// --- Role lines ----------------------------------------------------------------------------------

static bool is_role_line(struct str line)
{
    if (line.len < 2 || (line.ptr[0] != 'C' && line.ptr[0] != 'S'))
        return false;
    return str_find_byte(S(":|~+-^("), line.ptr[1]) != STR_NOT_FOUND;
}

// role-line = ("C" / "S") [ "(" [ "<" ] duration ")" ] mark [ SP text ];  mark = one of :|~+-^
static struct err read_role_line(struct reader *r, struct str line)
{
    static const struct {
        char mark;
        enum step_kind said, heard;
    } marks[] = {
            {':', STEP_SAY, STEP_LINE},
            {'|', STEP_SAY, STEP_BYTES},
            {'~', STEP_LINE, STEP_LINE},
            {'+', STEP_REPLY_HAS, STEP_REPLY_HAS},
            {'-', STEP_REPLY_LACKS, STEP_REPLY_LACKS},
            {'^', STEP_SKIP_TO, STEP_SKIP_TO},
    };
    struct scan in = scan_over(line);
    struct when when = {0};
    uint8_t role = 0, mark = 0;
    scan_any(&in, &role);
    TRY(read_when(r, &in, &when));
    size_t row = 0;
    scan_any(&in, &mark);
    while (row < COUNT_OF(marks) && marks[row].mark != (char)mark)
        row++;
    if (row == COUNT_OF(marks))
        return reader_wrong(r, "after %c comes one of : | ~ + - ^", role);
    if (r->into == &r->out->shared)
        return reader_wrong(r, "what is said belongs into a case");
    if (r->role == 0)
        return reader_wrong(r, "there is no connection yet: connect, or accept");
    bool ours = r->role == (char)role;
    if (ours && marks[row].said != STEP_SAY)
        return reader_wrong(r, "%c is the script's own part here: it can only say %c: or %c|", role,
                role, role);
    if (ours && when.kind != WHEN_SOON)
        return reader_wrong(r, "only what is expected has a time; use wait before speaking");
    struct step *step = reader_step(r, ours ? STEP_SAY : marks[row].heard);
    if (step == NULL)
        return reader_wrong(r, "too many steps");
    step->role = (char)role;
    step->raw = ours && mark == '|';
    step->when = when;
    scan_byte(&in, ' ');
    step->written = scan_rest(&in);
    return read_text(r, step, (char)mark);
}

static struct err read_when(struct reader *r, struct scan *in, struct when *out)
{
    struct str text;
    if (!scan_byte(in, '('))
        return OK;
    if (!scan_until_past(in, ')', &text))
        return reader_wrong(r, "a time without its )");
    bool by = str_starts(text, S("<"));
    if (!duration_read(by ? str_from(text, 1) : text, &out->ms))
        return reader_wrong(r, "a time is written like 5ms, 30s, 15m, 2h or 5d");
    out->kind = by ? WHEN_BY : WHEN_AT;
    return OK;
}

static struct err read_text(struct reader *r, struct step *step, char mark)
{
    if (mark == '~') {
        struct str anchored = arena_fmt(r->arena, "\\A(?:%.*s)\\z", ARG(step->written));
        struct err bad = regex_compile(r->arena, anchored, &step->regex);
        return failed(bad) ? reader_wrong(r, "%.*s", ARG(err_text(bad))) : OK;
    }
    struct err e = template_parse(
            r->arena, step->written, mark == '|' ? TEMPLATE_BYTES : TEMPLATE_LINE, &step->text);
    if (failed(e))
        return reader_wrong(r, "%.*s", ARG(err_text(e)));
    each_in_vec (part, &step->text.parts) {
        bool must_have_value = step->kind == STEP_SAY || step->kind == STEP_BYTES;
        if (part->kind == PART_HOLE && must_have_value &&
                (part->name.len == 0 || part->regex != NULL))
            return reader_wrong(r, "only {name} can stand in what is said, and in bytes");
    }
    return OK;
}

// --- Blocks --------------------------------------------------------------------------------------

// The lines below that are indented by four, and empty ones between them.
static struct err read_block(struct reader *r, struct step *step, size_t *at)
{
    size_t end = *at, used = *at;
    while (end < r->out->lines.count) {
        struct str line = r->out->lines.at[end];
        bool is_empty = str_trim(line).len == 0;
        if (!is_empty && !str_starts(line, S("    ")))
            break;
        end++;
        if (!is_empty)
            used = end;
    }
    step->block_line = (uint32_t)*at + 1;
    step->lines = arena_array(r->arena, used - *at + 1, struct str);
    if (step->lines == NULL)
        return fail(ERR_LIMIT, "no memory for a dialogue");
    for (size_t i = *at; i < used; i++)
        step->lines[step->line_count++] = str_from(r->out->lines.at[i], BLOCK_INDENT);
    *at = used;
    return OK;
}

struct step *reader_step(struct reader *r, enum step_kind kind)
{
    struct step *step =
            r->into->steps.count < DIALOGUE_STEPS_MAX ? vec_add(r->arena, &r->into->steps) : NULL;
    if (step != NULL)
        *step = (struct step){.kind = kind, .line = r->line};
    return step;
}

struct err reader_wrong(struct reader *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vfmt(r->arena, fmt, args);
    va_end(args);
    return fail_fmt(r->arena, ERR_SYNTAX, "%.*s:%u: %.*s", ARG(r->out->file), r->line, ARG(text));
}
