// SPDX-License-Identifier: Apache-2.0
// deliver/local/maildir.c: see maildir.h. The task reads the message and mends its line ends; a
// helper thread has the disk. A small message is one visit of the thread, a large one a visit for
// each PIECE_BYTES. States of a delivery, as a crash leaves them:
//
//   nothing            the next delivery begins anew
//   tmp/U              the same: a file of that name is taken away first
//   tmp/U and new/U    delivered, perhaps not for sure: the next one finds new/U, syncs the folder
//   new/U or cur/U:2,  delivered; the next one adds nothing
#include "deliver/local/maildir.h"

#include "deliver/local/maildir_path.h"
#include "deliver/local/maildir_quota.h"
#include "rt/blobfile.h"
#include "rt/file.h"
#include "rt/offload.h"

#include <errno.h>

#define PIECE_BYTES (256 * KIB)     // in memory at once
#define WORK_BYTES_MAX (256 * KIB)  // paths and texts
#define CUR_MARGIN_MS (1 * HOUR_MS) // by which clocks of file servers may be wrong

struct storing {
    const struct maildir_letter *letter;
    struct arena work; // the helper thread's, while it works
    struct buf text;   // not written yet
    bool cr_waits;     // the last octet was CR: whether it goes, the next one says
    uint64_t bytes;    // of the file
    uint64_t lines;    // that lost a CR
    bool last;         // the message has ended
    // Of the helper thread:
    struct str folder; // the mailbox, or one in it
    struct str part;   // the file in tmp/
    int fd;
    uint64_t written;
    bool settled; // the outcome is known: nothing more is to be done
    bool crashed; // a test's
    enum maildir_outcome outcome;
    struct err result;
};

static struct err store_pieces(
        struct storing *s, struct arena *a, struct message_reader *reader) suspends MUST_USE;
static struct err add(struct storing *s, struct str piece) suspends MUST_USE;
static void add_text(struct storing *s, struct str piece);
static void add_lines(struct storing *s, struct str piece);
static struct err write_out(struct storing *s) suspends MUST_USE;
static void work(void *storing);
static struct err begin(struct storing *s);
static struct err find_before(struct storing *s, const char *part);
static bool cur_is_old(struct storing *s);
static struct err create(struct storing *s);
static struct err make_folders(struct storing *s);
static struct err finish(struct storing *s);
static struct err check_quota(struct storing *s, uint64_t more);
static struct err publish(struct storing *s, struct str final);
static struct err step(struct storing *s);
static void tidy(void *storing);
static struct str below(struct storing *s, struct str folder, const char *part, struct str name);

struct err maildir_store(const struct maildir_letter *letter, struct arena *a,
        struct message_reader *reader, enum maildir_outcome *out)
{
    struct storing s = {.letter = letter, .fd = -1};
    arena_init(&s.work, WORK_BYTES_MAX);
    buf_init(&s.text, 2 * PIECE_BYTES);
    struct err e = store_pieces(&s, a, reader);
    struct err tidied = s.fd >= 0 ? offload(tidy, &s) : OK;
    if (!failed(e) && failed(tidied))
        e = tidied;
    if (failed(e)) // its text may be the helper's
        e = fail_fmt(a, e.kind, "%.*s", ARG(err_text(e)));
    else
        *out = s.outcome;
    buf_done(&s.text);
    arena_done(&s.work);
    return e;
}

static struct err store_pieces(struct storing *s, struct arena *a, struct message_reader *reader)
{
    while (!s->settled && !s->last) {
        struct str piece;
        TRY(message_next(reader, a, &piece));
        if (!str_is_null(piece)) {
            TRY(add(s, piece));
            continue;
        }
        s->last = true;
        if (s->cr_waits)
            add_text(s, S("\r"));
        TRY(write_out(s));
    }
    return OK;
}

// --- Line ends -----------------------------------------------------------------------------------

static struct err add(struct storing *s, struct str piece)
{
    while (piece.len > 0 && !s->settled) {
        struct str part = str_upto(piece, PIECE_BYTES);
        piece = str_from(piece, part.len);
        if (s->letter->keep_crlf)
            add_text(s, part);
        else
            add_lines(s, part);
        if (s->text.overflow)
            return fail(ERR_LIMIT, "no memory for a message");
        if (s->text.len >= PIECE_BYTES)
            TRY(write_out(s));
    }
    return OK;
}

static void add_text(struct storing *s, struct str piece)
{
    s->bytes += piece.len;
    buf_add(&s->text, piece);
}

// CRLF becomes LF; a CR that stands alone is text.
static void add_lines(struct storing *s, struct str piece)
{
    while (piece.len > 0) {
        if (s->cr_waits && piece.ptr[0] != '\n')
            add_text(s, S("\r"));
        size_t cr = str_find_byte(piece, '\r');
        struct str text = str_upto(piece, cr);
        for (size_t at = 0; at < text.len; at++)
            s->lines += text.ptr[at] == '\n';
        add_text(s, text);
        s->cr_waits = cr < piece.len;
        piece = str_from(piece, text.len + s->cr_waits);
    }
}

static struct err write_out(struct storing *s)
{
    TRY(offload(work, s));
    buf_clear(&s->text);
    return s->result;
}

// --- On the helper thread ------------------------------------------------------------------------

static void work(void *storing)
{
    struct storing *s = storing;
    s->result = s->fd < 0 ? begin(s) : OK;
    if (failed(s->result) || s->settled)
        return;
    s->result = blob_write_at(&s->work, s->fd, buf_str(&s->text), s->written);
    s->written += s->text.len;
    if (!failed(s->result) && s->last)
        s->result = finish(s);
}

static struct err begin(struct storing *s)
{
    const struct maildir_letter *l = s->letter;
    s->folder = maildir_folder(&s->work, l->path, l->detail);
    s->part = below(s, s->folder, "tmp", l->unique);
    if (str_is_null(s->folder) || str_is_null(s->part))
        return fail(ERR_LIMIT, "no memory for the path of a mailbox");
    if (!cur_is_old(s))
        TRY(find_before(s, "cur"));
    if (!s->settled && !s->last) // a large one: is it worth while to write it?
        TRY(check_quota(s, 1));
    return s->settled ? OK : create(s);
}

// Was it delivered before? Whoever has read or moved it has kept the first part of its name.
static struct err find_before(struct storing *s, const char *part)
{
    struct folder_reader *reader AUTO(folder_reader_auto_close) = NULL;
    struct str name;
    struct err e = folder_reader_open(&s->work, below(s, s->folder, part, S("")), &reader);
    if (e.kind == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    while (!s->settled && folder_reader_next(reader, &name))
        s->settled = maildir_name_is(name, s->letter->unique);
    s->outcome = MAILDIR_STORED;
    return s->settled ? blob_remove(&s->work, s->part) : OK; // what that delivery left over
}

// Nothing has come into cur/ since the message came to us, so it did not: large mailboxes that
// nobody is reading at the moment are not gone through.
static bool cur_is_old(struct storing *s)
{
    struct file_info info;
    struct err e = file_stat(&s->work, below(s, s->folder, "cur", S("")), &info);
    return !failed(e) && info.modified_ms < s->letter->created_ms - CUR_MARGIN_MS;
}

static struct err create(struct storing *s)
{
    const struct maildir_letter *l = s->letter;
    TRY(step(s));
    struct err e = mailfile_create(&s->work, s->part, &l->owner, &s->fd);
    if (e.kind != ERR_NOT_FOUND)
        return e;
    struct file_info info;
    bool missing = failed(file_stat(&s->work, l->path, &info));
    if (missing && !l->create) {
        s->outcome = MAILDIR_MISSING;
        s->settled = true;
        return OK;
    }
    TRY(make_folders(s));
    return mailfile_create(&s->work, s->part, &l->owner, &s->fd);
}

static struct err make_folders(struct storing *s)
{
    static const char *const parts[] = {"cur", "new", "tmp"};
    TRY(step(s));
    TRY(mailfolder_make(&s->work, s->letter->path, &s->letter->owner));
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        TRY(step(s));
        struct str path = below(s, s->folder, parts[i], STR_NULL);
        if (str_is_null(path))
            return fail(ERR_LIMIT, "no memory for the path of a mailbox");
        TRY(mailfolder_make(&s->work, path, &s->letter->owner));
    }
    return OK;
}

static struct err finish(struct storing *s)
{
    struct str name = arena_fmt(&s->work, "%.*s,S=%llu,W=%llu", ARG(s->letter->unique),
            (unsigned long long)s->bytes, (unsigned long long)(s->bytes + s->lines));
    struct str final = below(s, s->folder, "new", name);
    if (str_is_null(name) || str_is_null(final))
        return fail(ERR_LIMIT, "no memory for the name of a message");
    TRY(check_quota(s, s->bytes));
    if (s->settled)
        return OK;
    TRY(step(s));
    TRY(blob_sync(&s->work, s->fd));
    TRY(publish(s, final));
    s->settled = true;
    return OK;
}

// A full mailbox that has this message already is no reason to say that it has not.
static struct err check_quota(struct storing *s, uint64_t more)
{
    const struct maildir_letter *l = s->letter;
    const struct maildir_quota quota = {.bytes = l->quota_bytes, .messages = l->quota_messages};
    bool fits = true;
    struct file_info info;
    // Without tmp/ it is a mailbox that somebody is just making: this is asked again when it is
    // there, at the latest when we have a file in it.
    if ((quota.bytes == 0 && quota.messages == 0) ||
            failed(file_stat(&s->work, below(s, s->folder, "tmp", STR_NULL), &info)))
        return OK;
    struct str scratch = arena_join(&s->work, s->part, S(".size"));
    TRY(maildir_quota_fits(&s->work, l->path, scratch, &quota, more, l->wall_now_ms, &fits));
    if (fits)
        return OK;
    TRY(find_before(s, "new"));
    if (!s->settled)
        TRY(find_before(s, "cur"));
    if (!s->settled)
        s->outcome = MAILDIR_OVER_QUOTA;
    s->settled = true;
    return OK;
}

static struct err publish(struct storing *s, struct str final)
{
    bool was_there = false;
    TRY(step(s));
    TRY(mailfile_publish(&s->work, s->part, final, &was_there));
    TRY(step(s));
    TRY(blob_remove(&s->work, s->part));
    TRY(step(s));
    TRY(folder_sync_of(&s->work, final));
    TRY(step(s));
    if (!was_there)
        maildir_quota_add(&s->work, s->letter->path, s->bytes);
    s->outcome = MAILDIR_STORED;
    return OK;
}

static struct err step(struct storing *s)
{
    struct maildir_faults *fail = s->letter->fail;
    if (fail == NULL || ++fail->steps != fail->fails_at)
        return OK;
    s->crashed = fail->errno_value == 0;
    return fail_errno(&s->work, s->crashed ? EIO : fail->errno_value, "step %d", fail->steps);
}

// Nothing of what was begun stays, whether it failed or was not wanted. What is in new/ already is
// there for good: then only the other name goes.
static void tidy(void *storing)
{
    struct storing *s = storing;
    blob_close(s->fd);
    s->fd = -1;
    if (s->crashed)
        return;
    struct err ignored = blob_remove(&s->work, s->part);
    (void)ignored; // the next delivery of this message takes it away
}

// FOLDER/PART/NAME, or without the name the folder. Null: no memory.
static struct str below(struct storing *s, struct str folder, const char *part, struct str name)
{
    return name.len > 0 ? arena_fmt(&s->work, "%.*s/%s/%.*s", ARG(folder), part, ARG(name))
                        : arena_fmt(&s->work, "%.*s/%s", ARG(folder), part);
}
