// SPDX-License-Identifier: Apache-2.0
// smtp/data.c: a run of octets goes through as one piece, lines and all, until something in it has
// to be looked at: a dot behind CR LF, a CR without LF, an LF without CR, a NUL.
#include "smtp/data.h"

#include "base/find.h"

#define RUN_BYTES 64

static enum data_progress take_crs(struct data_reader *d, struct scan *in, struct str *out);
static enum data_progress end_crs(struct data_reader *d, struct str *out);
static enum data_progress take_dot(struct data_reader *d, struct scan *in, struct str *out);
static enum data_progress take_run(struct data_reader *d, struct scan *in, struct str *out);
static bool take_line_byte(struct data_reader *d, struct scan *in);
static bool take_cr(struct data_reader *d, struct scan *in);
static void note_line_end(struct data_reader *d);

void data_begin(struct data_reader *d, enum data_framing framing)
{
    *d = (struct data_reader){.policy = d->policy, .framing = framing, .in_header = true};
}

enum data_progress data_next(struct data_reader *d, struct scan *in, struct str *out)
{
    for (;;) {
        if (d->owed.len > 0) {
            *out = d->owed;
            d->owed = STR_NULL;
            return DATA_PIECE;
        }
        *out = S("");
        if (d->state == DATA_ENDED)
            return DATA_END;
        if (scan_end(in))
            return DATA_MORE;
        enum data_progress progress = DATA_MORE;
        switch (d->state) {
        case DATA_AT_LINE:
        case DATA_IN_LINE:
            progress = take_run(d, in, out);
            break;
        case DATA_CRS:
            progress = take_crs(d, in, out);
            break;
        case DATA_DOT:
        case DATA_DOT_CR:
            progress = take_dot(d, in, out);
            break;
        case DATA_ENDED:
            break;
        }
        if (progress == DATA_PIECE && out->len > 0)
            return progress;
    }
}

enum data_progress data_finish(struct data_reader *d, struct str *out)
{
    *out = S("");
    if (d->owed.len > 0) {
        *out = d->owed;
        d->owed = STR_NULL;
        return DATA_PIECE;
    }
    if (d->state == DATA_CRS && d->crs > 0)
        return end_crs(d, out);
    if (d->line_bytes > d->longest_line_bytes)
        d->longest_line_bytes = d->line_bytes;
    d->state = DATA_ENDED;
    return DATA_END;
}

bool data_has_refused_newline(const struct data_reader *d)
{
    return d->policy == NEWLINES_REJECT && d->bare_lf_count + d->bare_cr_count > 0;
}

bool data_has_refused_nul(const struct data_reader *d)
{
    return d->policy == NEWLINES_REJECT && d->framing != DATA_BINARY && d->nul_count > 0;
}

// One or more CRs were seen. LF makes the last of them a line's end, and the others disappear or
// stay as the policy has it; anything else makes all of them bare.
static enum data_progress take_crs(struct data_reader *d, struct scan *in, struct str *out)
{
    while (scan_byte(in, '\r'))
        d->crs++;
    if (scan_end(in))
        return DATA_MORE;
    if (scan_peek(in) != '\n')
        return end_crs(d, out);
    d->line_end_is_odd |= d->crs > 1;
    if (d->crs > 1 && d->policy != NEWLINES_NORMALIZE) {
        d->crs--;
        enum data_progress progress = end_crs(d, out); // the last one is still needed
        d->crs++;
        d->state = DATA_CRS;
        return progress;
    }
    d->bare_cr_count += d->crs - 1;
    d->crs = 0;
    scan_skip(in, 1);
    note_line_end(d);
    d->state = d->line_end_is_odd ? DATA_IN_LINE : DATA_AT_LINE; // CR CR LF "." CR LF ends nothing
    d->line_end_is_odd = false;
    *out = S("\r\n");
    return DATA_PIECE;
}

// As many at a time as there are in the constants below.
static enum data_progress end_crs(struct data_reader *d, struct str *out)
{
    static const char spaces[] = "                                                                ";
    static const char crs[] = "\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r"
                              "\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r";
    size_t now = d->crs < RUN_BYTES ? d->crs : RUN_BYTES;
    *out = str_of(d->policy == NEWLINES_NORMALIZE ? spaces : crs, now);
    d->crs -= now;
    d->bare_cr_count += now;
    d->line_bytes += now;
    if (d->crs == 0)
        d->state = DATA_IN_LINE;
    return DATA_PIECE;
}

// Behind CR LF ".": only CR LF makes it the end, whatever else comes makes it a dot too many.
static enum data_progress take_dot(struct data_reader *d, struct scan *in, struct str *out)
{
    *out = S("");
    if (d->state == DATA_DOT && scan_byte(in, '\r'))
        d->state = DATA_DOT_CR;
    else if (d->state == DATA_DOT)
        d->state = DATA_IN_LINE;
    else if (scan_byte(in, '\n'))
        d->state = DATA_ENDED;
    else {
        d->state = DATA_CRS;
        d->crs = 1;
    }
    return DATA_MORE;
}

static enum data_progress take_run(struct data_reader *d, struct scan *in, struct str *out)
{
    size_t start = scan_offset(in);
    if (d->framing == DATA_BINARY) {
        *out = scan_rest(in);
        scan_skip(in, out->len);
        return DATA_PIECE;
    }
    bool goes_on = true;
    while (goes_on && !scan_end(in)) {
        if (d->state == DATA_AT_LINE && d->framing == DATA_DOTTED && scan_peek(in) == '.') {
            *out = scan_since(in, start);
            scan_skip(in, 1);
            d->state = DATA_DOT;
            return DATA_PIECE;
        }
        struct str text = scan_rest(in);
        text = str_upto(text, find_line_byte(text, &d->has_8bit));
        if (text.len > 0)
            d->state = DATA_IN_LINE;
        d->line_bytes += text.len;
        scan_skip(in, text.len);
        *out = scan_since(in, start);
        goes_on = scan_end(in) || take_line_byte(d, in);
        if (goes_on)
            *out = scan_since(in, start);
    }
    return DATA_PIECE;
}

// False: the run ends before this byte, which is dealt with.
static bool take_line_byte(struct data_reader *d, struct scan *in)
{
    if (scan_peek(in) == '\r')
        return take_cr(d, in);
    if (scan_byte(in, '\n')) {
        d->bare_lf_count++;
        d->owed = d->policy == NEWLINES_NORMALIZE ? S("\r\n") : S("\n");
        note_line_end(d);
        d->state = DATA_IN_LINE; // no place where a dot would mean something
        return false;
    }
    scan_skip(in, 1);
    d->nul_count++;
    d->nul_in_header |= d->in_header;
    d->state = DATA_IN_LINE;
    if (d->policy != NEWLINES_NORMALIZE) {
        d->owed = S("\0");
        d->line_bytes++;
    }
    return false;
}

static bool take_cr(struct data_reader *d, struct scan *in)
{
    if (scan_peek_at(in, 1) == '\n') {
        scan_skip(in, 2);
        note_line_end(d);
        d->state = DATA_AT_LINE;
        return true;
    }
    scan_skip(in, 1);
    d->state = DATA_CRS;
    d->crs = 1;
    return false;
}

static void note_line_end(struct data_reader *d)
{
    if (d->line_bytes > d->longest_line_bytes)
        d->longest_line_bytes = d->line_bytes;
    if (d->line_bytes == 0)
        d->in_header = false;
    d->line_bytes = 0;
}
