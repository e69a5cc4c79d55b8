// SPDX-License-Identifier: Apache-2.0
// deliver/local/maildir_quota.c: see maildir_quota.h. Two who count at the same time, or one who
// delivers while another counts, make it wrong by a message or two until the next count: Maildir++
// is so.
#include "deliver/local/maildir_quota.h"

#include "rt/blobfile.h"
#include "rt/file.h"

#define FILE_BYTES_MAX 5120 // Maildir++: longer ones are made anew
#define MESSAGE_BYTES_MOST                                                                         \
    ((uint64_t)1 << 40)                 // larger sizes in names are lies, and sums of them fit
#define STALE_AFTER_MS (15 * MINUTE_MS) // the same: until then "full" is believed

static bool fits(
        const struct maildir_usage *usage, const struct maildir_quota *quota, uint64_t bytes);
static struct str quota_line(struct arena *a, const struct maildir_quota *quota);
static struct err count_all(struct arena *a, struct str path, struct maildir_usage *out);
static struct err count_folder(struct arena *a, struct str path, struct maildir_usage *usage);
static bool size_in_name(struct str name, uint64_t *out);
static struct err write_new(struct arena *a, struct str path, struct str scratch,
        const struct maildir_quota *quota, const struct maildir_usage *usage);

struct err maildir_quota_fits(struct arena *a, struct str path, struct str scratch,
        const struct maildir_quota *quota, uint64_t bytes, int64_t wall_now_ms, bool *out_fits)
{
    struct maildir_usage usage;
    struct file_info info = {0};
    struct str text;
    size_t lines = 0;
    struct err e =
            file_read(a, arena_join(a, path, S("/maildirsize")), FILE_BYTES_MAX, &text, &info);
    if (!failed(e) && maildir_usage_read(text, quota, &usage, &lines)) {
        *out_fits = fits(&usage, quota, bytes);
        // One line is a fresh count: it is believed for a while, so that a flood of mail for a full
        // mailbox does not read its folders again and again.
        if (*out_fits || (lines == 1 && info.modified_ms + STALE_AFTER_MS > wall_now_ms))
            return OK;
    }
    TRY(count_all(a, path, &usage));
    TRY(write_new(a, path, scratch, quota, &usage));
    *out_fits = fits(&usage, quota, bytes);
    return OK;
}

static bool fits(
        const struct maildir_usage *usage, const struct maildir_quota *quota, uint64_t bytes)
{
    uint64_t used = usage->bytes > 0 ? (uint64_t)usage->bytes : 0;
    uint64_t count = usage->messages > 0 ? (uint64_t)usage->messages : 0;
    return (quota->bytes == 0 || (used <= quota->bytes && bytes <= quota->bytes - used)) &&
           (quota->messages == 0 || count < quota->messages);
}

// maildirsize = quota LF *( [ "-" ] bytes SP [ "-" ] messages LF ), with any blanks around numbers
bool maildir_usage_read(struct str text, const struct maildir_quota *quota,
        struct maildir_usage *out, size_t *out_lines)
{
    struct arena scratch AUTO(arena_done);
    struct scan in = scan_over(text);
    struct maildir_usage sum = {0};
    struct str line, bytes, messages;
    size_t lines = 0;
    arena_init(&scratch, KIB);
    if (!scan_line(&in, &line) || !str_eq(line, quota_line(&scratch, quota)))
        return false;
    while (scan_line(&in, &line)) {
        struct maildir_usage one;
        line = str_trim_blanks(line);
        if (!str_cut(line, ' ', &bytes, &messages) || !str_to_i64(bytes, &one.bytes) ||
                !str_to_i64(str_trim_blanks(messages), &one.messages) ||
                __builtin_add_overflow(sum.bytes, one.bytes, &sum.bytes) ||
                __builtin_add_overflow(sum.messages, one.messages, &sum.messages))
            return false;
        lines++;
    }
    *out = sum;
    *out_lines = lines;
    return true;
}

// "1000S,10C"; what has no limit is left out.
static struct str quota_line(struct arena *a, const struct maildir_quota *quota)
{
    struct str bytes =
            quota->bytes > 0 ? arena_fmt(a, "%lluS", (unsigned long long)quota->bytes) : S("");
    struct str messages = quota->messages > 0
                                  ? arena_fmt(a, "%lluC", (unsigned long long)quota->messages)
                                  : S("");
    struct str between = bytes.len > 0 && messages.len > 0 ? S(",") : S("");
    return arena_fmt(a, "%.*s%.*s%.*s", ARG(bytes), ARG(between), ARG(messages));
}

static struct err count_all(struct arena *a, struct str path, struct maildir_usage *out)
{
    struct folder_reader *reader AUTO(folder_reader_auto_close) = NULL;
    struct str name;
    *out = (struct maildir_usage){0};
    TRY(count_folder(a, path, out));
    TRY(folder_reader_open(a, path, &reader));
    while (folder_reader_next(reader, &name)) {
        if (!str_starts(name, S(".")) || str_eq(name, S(".Trash")) ||
                str_starts(name, S(".Trash.")))
            continue;
        struct arena scratch AUTO(arena_done);
        arena_init(&scratch, 16 * KIB);
        struct str folder = arena_fmt(&scratch, "%.*s/%.*s", ARG(path), ARG(name));
        struct err e = count_folder(&scratch, folder, out);
        if (failed(e))
            return fail_fmt(a, e.kind, "%.*s", ARG(err_text(e)));
    }
    return OK;
}

// What is no folder, or has none of the two, counts nothing.
static struct err count_folder(struct arena *a, struct str path, struct maildir_usage *usage)
{
    static const struct str parts[] = {S_INIT("/new"), S_INIT("/cur")};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        struct folder_reader *reader AUTO(folder_reader_auto_close) = NULL;
        struct str name, before, flags;
        struct err e = folder_reader_open(a, arena_join(a, path, parts[i]), &reader);
        if (e.kind == ERR_NOT_FOUND || e.kind == ERR_IO) // ENOTDIR
            continue;
        TRY(e);
        while (folder_reader_next(reader, &name)) {
            uint64_t bytes;
            bool deleted = str_rcut(name, ':', &before, &flags) && str_contains(flags, S("T"));
            if (str_starts(name, S(".")) || deleted)
                continue;
            if (!size_in_name(name, &bytes))
                bytes = folder_reader_bytes(reader);
            usage->bytes += (int64_t)bytes;
            usage->messages++;
        }
    }
    return OK;
}

static bool size_in_name(struct str name, uint64_t *out)
{
    size_t at = str_find(name, S(",S="));
    if (at == STR_NOT_FOUND)
        return false;
    struct scan in = scan_over(str_from(name, at + 3));
    return scan_u64(&in, MESSAGE_BYTES_MOST, out);
}

// Whoever reads finds the old file or the new one. It is not synced: what is lost is counted again.
static struct err write_new(struct arena *a, struct str path, struct str scratch,
        const struct maildir_quota *quota, const struct maildir_usage *usage)
{
    int fd = -1;
    struct mailfile_owner owner = {.mode = 0600, .uid = -1, .gid = -1};
    struct str text = arena_fmt(a, "%.*s\n%lld %lld\n", ARG(quota_line(a, quota)),
            (long long)usage->bytes, (long long)usage->messages);
    TRY(mailfile_create(a, scratch, &owner, &fd));
    struct err e = blob_write_at(a, fd, text, 0);
    blob_close(fd);
    if (!failed(e))
        e = blob_rename(a, scratch, arena_join(a, path, S("/maildirsize")));
    if (failed(e)) {
        struct err ignored = blob_remove(a, scratch);
        (void)ignored;
    }
    return e;
}

void maildir_quota_add(struct arena *a, struct str path, uint64_t bytes)
{
    struct str line = arena_fmt(a, "%llu 1\n", (unsigned long long)bytes);
    struct err ignored = mailfile_append(a, arena_join(a, path, S("/maildirsize")), line);
    (void)ignored; // it is not there, or is counted anew when it matters
}
