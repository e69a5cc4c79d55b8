// SPDX-License-Identifier: Apache-2.0
// mail/fold.c: a word is written behind the one before it, and moved to a new line when it turns
// out not to fit; so words can be put together from pieces in place.
#include "mail/fold.h"

static void open_word(struct fold *f, bool blank);
static void settle(struct fold *f);
static size_t line_bytes(const struct fold *f);
static bool byte_is_word(uint8_t c);

void fold_begin(struct fold *f, struct buf *out, struct str field_name)
{
    *f = (struct fold){
            .out = out, .line_bytes_max = FOLD_LINE_BYTES, .line_at = out->len, .fresh = true};
    buf_add(out, field_name);
    buf_add_byte(out, ':');
}

void fold_word(struct fold *f, struct str word)
{
    open_word(f, true);
    fold_add(f, word);
}

void fold_joint(struct fold *f)
{
    open_word(f, false);
}

static void open_word(struct fold *f, bool blank)
{
    settle(f);
    f->can_fold = !f->fresh;
    f->blank = blank && !(f->fresh && f->indented);
    f->fresh = false;
    f->word_at = f->out->len;
    if (f->blank)
        buf_add_byte(f->out, ' ');
}

void fold_add(struct fold *f, struct str text)
{
    buf_add(f->out, text);
    settle(f);
}

// Where the last word does not fit, a line is begun before it. What is too long for a line of its
// own is cut, but not within a letter.
static void settle(struct fold *f)
{
    struct buf *out = f->out;
    if (out->overflow || line_bytes(f) <= f->line_bytes_max)
        return;
    if (f->can_fold) {
        if (f->blank && !f->keeps_blank)
            out->ptr[f->word_at] = '\t';
        buf_insert(out, f->word_at, f->blank ? S("\r\n") : S("\r\n\t"));
        f->line_at = f->word_at + 2;
        f->can_fold = false;
        f->indented = true;
    }
    if (!out->overflow && line_bytes(f) > FOLD_LINE_BYTES_MAX) {
        out->len = f->line_at + FOLD_LINE_BYTES_MAX;
        while (out->len > f->line_at && ((uint8_t)out->ptr[out->len] & 0xC0) == 0x80)
            out->len--;
    }
}

static size_t line_bytes(const struct fold *f)
{
    return f->out->len - f->line_at;
}

void fold_bytes(struct fold *f, struct str bytes)
{
    settle(f);
    while (!str_is_empty(bytes) && !f->out->overflow) {
        size_t used = line_bytes(f);
        if (used >= f->line_bytes_max) {
            fold_line(f);
            continue;
        }
        fold_joint(f);
        buf_add(f->out, str_upto(bytes, f->line_bytes_max - used));
        bytes = str_from(bytes, f->line_bytes_max - used);
    }
}

void fold_text(struct fold *f, struct str text)
{
    struct scan in = scan_over(text);
    struct str word;
    while (!scan_end(&in)) {
        if (scan_while(&in, byte_is_word, &word))
            fold_word(f, word);
        else
            scan_skip(&in, 1);
    }
}

static bool byte_is_word(uint8_t c)
{
    return !byte_is_space(c);
}

void fold_line(struct fold *f)
{
    settle(f);
    if (f->fresh && f->indented)
        return;
    buf_add(f->out, S("\r\n\t"));
    f->line_at = f->out->len - 1;
    f->fresh = f->indented = true;
}

void fold_end(struct fold *f)
{
    settle(f);
    buf_add(f->out, S("\r\n"));
}
