// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/report.c: failures for a person, and the rewriting of files.
#include "base/encode.h"
#include "runner.h"

#define SHOWN_BYTES 1000

static void add_shown(struct buf *out, struct str text);
static const struct edit *edit_at(const struct edits *edits, uint32_t line, bool insert);

struct err wrong(struct runner *r, uint32_t line, const char *fmt, ...)
{
    if (!r->trouble.some) {
        va_list args;
        va_start(args, fmt);
        r->trouble.some = true;
        r->trouble.line = line;
        buf_add(&r->trouble.text, S("    "));
        buf_vfmt(&r->trouble.text, fmt, args);
        buf_add_byte(&r->trouble.text, '\n');
        va_end(args);
    }
    return fail(ERR_REFUSED, "the case failed");
}

struct err differs(struct runner *r, uint32_t line, struct str expected, struct str got, size_t at)
{
    if (r->trouble.some)
        return fail(ERR_REFUSED, "the case failed");
    struct buf *out = &r->trouble.text;
    r->trouble.some = true;
    r->trouble.line = line;
    buf_add(out, S("    expected  "));
    add_shown(out, expected);
    buf_add(out, S("\n    got       "));
    add_shown(out, got);
    struct buf before AUTO(buf_done);
    buf_init(&before, 4 * SHOWN_BYTES);
    add_shown(&before, str_upto(got, at));
    buf_add(out, S("\n              "));
    buf_add_repeat(out, ' ', str_utf8_count(buf_str(&before)));
    buf_add(out, S("^\n"));
    return fail(ERR_REFUSED, "the case failed");
}

static void add_shown(struct buf *out, struct str text)
{
    escape_text(out, text, SHOWN_BYTES, ESCAPE_PLAIN);
}

void note(struct runner *r, const char *fmt, ...)
{
    struct transcript *t = r->transcript;
    struct buf line AUTO(buf_done);
    va_list args;
    va_start(args, fmt);
    buf_init(&line, 64 * KIB);
    sim_time_add(&line, now_ms() * 1000000);
    buf_add_byte(&line, ' ');
    buf_vfmt(&line, fmt, args);
    va_end(args);
    size_t at = t->count++ % TRANSCRIPT_LINES;
    t->lens[at] = line.len < TRANSCRIPT_BYTES ? line.len : TRANSCRIPT_BYTES;
    memcpy(t->lines[at], line.ptr != NULL ? line.ptr : "", t->lens[at]);
}

void note_line(struct runner *r, const struct talk *t, char role, struct str line)
{
    struct buf shown AUTO(buf_done);
    buf_init(&shown, 64 * KIB);
    escape_text(&shown, str_ends(line, S("\r\n")) ? str_upto(line, line.len - 2) : line,
            TRANSCRIPT_BYTES, ESCAPE_PLAIN);
    note(r, "%.*s %c: %.*s", ARG(t->name), role, ARG(buf_str(&shown)));
}

void report_case(struct buf *out, const struct runner *r, const char *verdict)
{
    buf_fmt(out, "%.*s:%u: %s: %.*s\n", ARG(r->dialogue->file), r->trouble.line, verdict,
            ARG(r->now->name));
    uint32_t line = r->trouble.line;
    if (line > 0 && line <= r->dialogue->lines.count)
        buf_fmt(out, "    line      %.*s\n", ARG(r->dialogue->lines.at[line - 1]));
    buf_add(out, buf_str(&r->trouble.text));
    const struct transcript *t = r->transcript;
    size_t first = t->count > TRANSCRIPT_LINES ? t->count - TRANSCRIPT_LINES : 0;
    if (t->count > 0)
        buf_fmt(out, "    the last lines (seed %llu):\n", (unsigned long long)sim_seed(r->sim));
    for (size_t i = first; i < t->count; i++) {
        size_t at = i % TRANSCRIPT_LINES;
        buf_fmt(out, "      %.*s\n", ARG(str_of(t->lines[at], t->lens[at])));
    }
}

// --- Rewriting -----------------------------------------------------------------------------------

bool edit_add(struct runner *r, struct edit edit)
{
    if (!r->options->accept)
        return false;
    struct edit *kept = vec_add(r->edits->arena, &r->edits->all);
    if (kept == NULL)
        return false;
    edit.text = arena_str(r->edits->arena, edit.text);
    *kept = edit;
    return !str_is_null(edit.text);
}

void edits_apply(const struct dialogue *d, const struct edits *edits, struct buf *out)
{
    for (uint32_t line = 1; line <= d->lines.count + 1; line++) {
        each_in_vec (e, &edits->all) {
            if (e->insert && e->line == line)
                buf_add(out, e->text);
        }
        const struct edit *replace = edit_at(edits, line, false);
        if (replace != NULL) {
            buf_add(out, replace->text);
            line += replace->count - 1;
        } else if (line <= d->lines.count) {
            buf_add(out, d->lines.at[line - 1]);
            buf_add_byte(out, '\n');
        }
    }
}

static const struct edit *edit_at(const struct edits *edits, uint32_t line, bool insert)
{
    each_in_vec (e, &edits->all) {
        if (e->line == line && e->insert == insert && e->count > 0)
            return e;
    }
    return NULL;
}

struct str as_template(struct arena *a, struct str line)
{
    struct buf out AUTO(buf_done);
    buf_init(&out, MIB);
    for (size_t i = 0; i < line.len; i++)
        buf_add(&out, line.ptr[i] == '{' ? S("{{") : str_part(line, i, 1));
    return arena_str(a, buf_str(&out));
}
