// SPDX-License-Identifier: Apache-2.0
// queue/message_reader.c: the lines before the body are pieces of their own. Pieces of the body are
// given in parts: what lies between two cuts, as far as the piece reaches. A reader that converts
// takes from all that a little at a time.
#include "queue/message_reader.h"

#include "queue/store/body.h"

#define CONVERTED_BYTES (16 * KIB) // at a time

struct message_reader {
    struct str before[2]; // prefix and top, as long as they are not given
    struct body_reader *body;
    const struct cut *cuts; // those whose end is not reached yet
    size_t cut_count;
    struct str piece;                 // of the body, not given yet
    uint64_t piece_at;                // where in the body it begins
    struct mime_downgrade *downgrade; // NULL: nothing is converted
    struct str stored;                // not converted yet
    bool is_at_end;                   // of what is stored
    struct buf converted;
    struct long_lines lines;
    struct str unfolded; // not given yet
    bool fold_is_next;
};

static struct err folded_next(
        struct message_reader *r, struct arena *a, struct str *out) suspends MUST_USE;
static struct err unfolded_next(
        struct message_reader *r, struct arena *a, struct str *out) suspends MUST_USE;
static struct err stored_next(
        struct message_reader *r, struct arena *a, struct str *out) suspends MUST_USE;
static struct err converted_next(
        struct message_reader *r, struct arena *a, struct str *out) suspends MUST_USE;
static bool part_next(struct message_reader *r, struct str *out);
static void piece_take(struct message_reader *r, uint64_t bytes, struct str *out);

struct err message_open(struct store *store, struct arena *a, const struct message *m,
        const struct message_reading *how, struct message_reader **out)
{
    struct message_reader *r = mem_new(struct message_reader);
    if (r == NULL)
        return fail(ERR_LIMIT, "no memory to read a message");
    assert(cuts_fit(m->cuts, m->cut_count, m->body.bytes));
    assert(m->body.place == BODY_FILE || m->body.inline_bytes.len == m->body.bytes);
    if (!how->as_received) {
        r->before[0] = how->prefix;
        r->before[1] = str_is_null(how->top) ? m->top : how->top;
        r->cuts = m->cuts;
        r->cut_count = m->cut_count;
    }
    r->lines.bytes_max = how->line_bytes_max;
    buf_init(&r->converted, MIME_DOWNGRADE_BYTES_MAX(CONVERTED_BYTES));
    if (how->downgrade != NULL)
        r->downgrade = mime_downgrade_second(how->downgrade);
    struct err e = how->downgrade != NULL && r->downgrade == NULL
                           ? fail(ERR_LIMIT, "no memory to convert a message")
                           : body_open(store, a, &m->body, how->body, &r->body);
    if (failed(e)) {
        message_close(r);
        return e;
    }
    *out = r;
    return OK;
}

struct err message_downgrade_plan(struct store *store, struct arena *a, const struct message *m,
        const struct message_reading *how, uint32_t wishes, struct mime_downgrade_plan *out)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct mime_downgrade *first AUTO(mime_downgrade_auto_free) = mime_downgrade_first(wishes);
    if (first == NULL)
        return fail(ERR_LIMIT, "no memory to convert a message");
    assert(how->downgrade == NULL);
    TRY(message_open(store, a, m, how, &reader));
    for (;;) {
        struct str piece;
        TRY(message_next(reader, a, &piece));
        if (str_is_null(piece))
            break;
        TRY(mime_downgrade_add(first, piece, NULL));
    }
    TRY(mime_downgrade_end(first, NULL));
    *out = mime_downgrade_plan(first);
    return OK;
}

struct err message_measure(struct store *store, struct arena *a, const struct message *m,
        const struct message_reading *how, uint64_t *out_bytes)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct str piece = S("");
    uint64_t bytes = 0;
    TRY(message_open(store, a, m, how, &reader));
    while (!str_is_null(piece)) {
        TRY(message_next(reader, a, &piece));
        bytes += piece.len;
    }
    *out_bytes = bytes;
    return OK;
}

struct err message_next(struct message_reader *r, struct arena *a, struct str *out)
{
    return r->lines.bytes_max > 0 ? folded_next(r, a, out) : unfolded_next(r, a, out);
}

static struct err unfolded_next(struct message_reader *r, struct arena *a, struct str *out)
{
    return r->downgrade != NULL ? converted_next(r, a, out) : stored_next(r, a, out);
}

void message_close(struct message_reader *r)
{
    if (r == NULL)
        return;
    body_close(r->body);
    mime_downgrade_free(r->downgrade);
    buf_done(&r->converted);
    mem_free(r);
}

static struct err folded_next(struct message_reader *r, struct arena *a, struct str *out)
{
    if (!r->fold_is_next) {
        if (r->unfolded.len == 0)
            TRY(unfolded_next(r, a, &r->unfolded));
        size_t now = long_lines_pass(&r->lines, r->unfolded);
        *out = str_upto(r->unfolded, now);
        r->unfolded = str_from(r->unfolded, now);
        r->fold_is_next = r->unfolded.len > 0;
        if (now > 0 || !r->fold_is_next)
            return OK;
    }
    r->fold_is_next = false;
    *out = LONG_LINES_FOLD;
    return OK;
}

static struct err converted_next(struct message_reader *r, struct arena *a, struct str *out)
{
    buf_clear(&r->converted);
    while (r->converted.len == 0 && !r->is_at_end) {
        if (r->stored.len == 0)
            TRY(stored_next(r, a, &r->stored));
        struct str now = str_upto(r->stored, CONVERTED_BYTES);
        r->is_at_end = str_is_null(r->stored);
        r->stored = str_from(r->stored, now.len);
        TRY(r->is_at_end ? mime_downgrade_end(r->downgrade, &r->converted)
                         : mime_downgrade_add(r->downgrade, now, &r->converted));
    }
    *out = r->converted.len > 0 ? buf_str(&r->converted) : STR_NULL;
    return OK;
}

static struct err stored_next(struct message_reader *r, struct arena *a, struct str *out)
{
    for (size_t i = 0; i < COUNT_OF(r->before); i++) {
        if (str_is_empty(r->before[i]))
            continue;
        *out = r->before[i];
        r->before[i] = STR_NULL;
        return OK;
    }
    while (!part_next(r, out)) {
        TRY(body_next(r->body, a, &r->piece));
        if (!str_is_null(r->piece))
            continue;
        *out = STR_NULL;
        return OK;
    }
    return OK;
}

// The next part of the piece that is not cut out; false when nothing of it is left.
static bool part_next(struct message_reader *r, struct str *out)
{
    while (!str_is_empty(r->piece)) {
        uint64_t cut_at = r->cut_count > 0 ? r->cuts[0].at : UINT64_MAX;
        if (r->piece_at < cut_at) {
            piece_take(r, cut_at - r->piece_at, out);
            return true;
        }
        struct str dropped;
        piece_take(r, cut_at + r->cuts[0].bytes - r->piece_at, &dropped);
        if (r->piece_at == cut_at + r->cuts[0].bytes) {
            r->cuts++;
            r->cut_count--;
        }
    }
    return false;
}

static void piece_take(struct message_reader *r, uint64_t bytes, struct str *out)
{
    size_t now = bytes < r->piece.len ? (size_t)bytes : r->piece.len;
    *out = str_upto(r->piece, now);
    r->piece = str_from(r->piece, now);
    r->piece_at += now;
}
