// SPDX-License-Identifier: Apache-2.0
// events/logfile.c: the files of a log tracer. The name tells the period (UTC): the file that is
// right for now is opened when something is written, whatever the clock did meanwhile. A file that
// was moved away or removed is made anew. Files that the tracer is done with are compressed, and
// removed by count and age; only names that a tracer of this prefix can have made are touched.
//
//     <prefix>.2026-11-21  <prefix>.2026-11-21T14  <prefix>.2026-11-21T14:05  <prefix>  by time
//     <prefix>.2026-11-21.1                  full by rotate-size; the higher, the newer
//     <prefix>.2026-11-20.gz                 compressed
//     <prefix>.current                       link to the open one
#include "base/date.h"

#include "events/logname.h"
#include "events/outlet.h"
#include "events/pack.h"

#define CHECK_EVERY_MS SECOND_MS
#define CLEAN_EVERY_MS HOUR_MS
#define SETTLE_MS (5 * SECOND_MS)

static struct err open_for(struct outlet *o, int64_t now_ms);
static void set_period(struct outlet *o, int64_t now_ms);
static struct err make_room_by_size(struct outlet *o, int64_t now_ms);
static struct str lines_upto(struct str waiting, uint64_t bytes);
static struct err rename_full(struct outlet *o);
static struct str folder_path(struct outlet *o, struct str name);
static void clean(struct outlet *o, int64_t now_ms);
static size_t list_finished(struct outlet *o, struct logname **out_names);
static void start_packing(
        struct outlet *o, const struct logname *names, size_t count, int64_t now_ms);
static void sort_oldest_first(struct logname *names, size_t count);

struct err logfile_write(struct outlet *o, int64_t now_ms)
{
    while (outlet_waiting(o).len > 0) {
        size_t written = 0;
        struct str piece = outlet_waiting(o);
        TRY(open_for(o, now_ms));
        TRY(make_room_by_size(o, now_ms));
        if (o->tracer->rotate_bytes > 0)
            piece = lines_upto(piece, o->tracer->rotate_bytes - o->file.size);
        TRY(o->outside->write(o->outside->self, &o->scratch, o->file.fd, piece, &written));
        o->file.size += written;
        outlet_advance(o, written);
        if (written == 0)
            return fail(ERR_NO_SPACE, "writing the log: nothing was taken");
    }
    return OK;
}

void logfile_close(struct outlet *o)
{
    if (o->file.fd >= 0)
        o->outside->close(o->outside->self, o->file.fd);
    o->file.fd = -1;
}

void logfile_check(struct outlet *o, int64_t now_ms)
{
    bool gone_back = now_ms < o->checked_at_ms;
    if (o->file.fd >= 0 && (gone_back || now_ms >= o->checked_at_ms + CHECK_EVERY_MS)) {
        o->checked_at_ms = now_ms;
        if (!o->outside->is_at(o->outside->self, &o->file, buf_str(&o->path)))
            logfile_close(o);
    }
    if (o->pack != NULL && !pack_step(o->pack, &o->scratch)) {
        pack_free(o->pack);
        o->pack = NULL;
        o->cleaned_at_ms = 0; // the next one
    }
    if (o->cleaned_at_ms == 0 || now_ms >= o->cleaned_at_ms + CLEAN_EVERY_MS ||
            now_ms < o->cleaned_at_ms)
        clean(o, now_ms);
}

// The open file, if it is the right one for now; else the right one.
static struct err open_for(struct outlet *o, int64_t now_ms)
{
    bool in_period = now_ms >= o->period_begin_ms && now_ms < o->period_end_ms;
    if (o->file.fd >= 0 && in_period)
        return OK;
    const struct tracer *t = o->tracer;
    struct buf name;
    logfile_close(o);
    set_period(o, now_ms);
    buf_init(&name, 4 * KIB);
    logname_add(&name, t->prefix, t->rotate, now_ms);
    struct str path = folder_path(o, buf_str(&name));
    struct str link = folder_path(o, arena_join(&o->scratch, t->prefix, S(".current")));
    buf_clear(&o->path);
    buf_add(&o->path, path);
    struct err e = o->outside->open(o->outside->self, &o->scratch, path, &o->file);
    if (failed(e))
        o->file.fd = -1;
    else
        (void)o->outside->link(o->outside->self, &o->scratch, link, buf_str(&name)); // a comfort
    buf_done(&name);
    o->checked_at_ms = now_ms;
    o->cleaned_at_ms = 0;
    return e;
}

static void set_period(struct outlet *o, int64_t now_ms)
{
    int64_t length = logname_period_ms(o->tracer->rotate);
    o->period_begin_ms = INT64_MIN;
    o->period_end_ms = INT64_MAX;
    if (length == 0)
        return;
    o->period_begin_ms = now_ms - now_ms % length;
    o->period_end_ms = o->period_begin_ms + length;
}

static struct err make_room_by_size(struct outlet *o, int64_t now_ms)
{
    uint64_t most = o->tracer->rotate_bytes;
    struct str first = lines_upto(outlet_waiting(o), 0);
    if (most == 0 || o->file.size == 0 || o->file.size + first.len <= most)
        return OK;
    TRY(rename_full(o));
    logfile_close(o);
    return open_for(o, now_ms);
}

// Whole lines of at most so many bytes; at least one line, however long.
static struct str lines_upto(struct str waiting, uint64_t bytes)
{
    size_t room = bytes < waiting.len ? (size_t)bytes : waiting.len;
    size_t last = str_rfind_byte(str_upto(waiting, room), '\n');
    if (last == STR_NOT_FOUND)
        last = str_find_byte(waiting, '\n');
    return last == STR_NOT_FOUND ? waiting : str_upto(waiting, last + 1);
}

// The full file takes the next free number behind its name.
static struct err rename_full(struct outlet *o)
{
    struct str path = buf_str(&o->path);
    struct str name = str_from(path, o->tracer->path.len + 1);
    struct logname *names = NULL, current, *n;
    uint64_t highest = 0;
    size_t count = list_finished(o, &names);
    bool good = logname_parse(name, o->tracer->prefix, &current);
    for (n = names; n < names + count; n++)
        if (n->numbered && (!good || str_eq(n->date, current.date)) && n->number > highest)
            highest = n->number;
    struct str to = arena_fmt(&o->scratch, "%.*s.%llu", ARG(path), (unsigned long long)highest + 1);
    if (str_is_null(to))
        return fail(ERR_LIMIT, "no memory to rotate the log");
    return o->outside->rename(o->outside->self, &o->scratch, path, to);
}

static struct str folder_path(struct outlet *o, struct str name)
{
    return arena_fmt(&o->scratch, "%.*s/%.*s", ARG(o->tracer->path), ARG(name));
}

// Removes what is too old or too many, and begins to compress the oldest that is not yet.
static void clean(struct outlet *o, int64_t now_ms)
{
    const struct tracer *t = o->tracer;
    struct logname *names = NULL;
    size_t count = list_finished(o, &names);
    size_t gone = 0;
    o->cleaned_at_ms = now_ms;
    sort_oldest_first(names, count);
    for (size_t i = 0; i < count; i++) {
        bool many = t->keep_count > 0 && count - gone > t->keep_count;
        bool old =
                t->keep_days > 0 && now_ms - names[i].modified_ms > (int64_t)t->keep_days * DAY_MS;
        if (!many && !old)
            continue;
        struct str path = folder_path(o, names[i].name);
        names[i].gone = !failed(o->outside->remove(o->outside->self, &o->scratch, path));
        gone += names[i].gone;
    }
    if (t->compress == COMPRESS_GZIP && o->pack == NULL)
        start_packing(o, names, count, now_ms);
}

// Files that this tracer made, but for the open one. A folder that cannot be listed has none.
static size_t list_finished(struct outlet *o, struct logname **out_names)
{
    const struct tracer *t = o->tracer;
    struct log_entry *entries = NULL;
    size_t count = 0, kept = 0;
    struct err e =
            o->outside->list(o->outside->self, &o->scratch, t->path, t->prefix, &entries, &count);
    struct logname *names = failed(e) ? NULL : arena_array(&o->scratch, count + 1, struct logname);
    if (names == NULL)
        return 0;
    for (size_t i = 0; i < count; i++) {
        struct str path = folder_path(o, entries[i].name);
        if (str_eq(path, buf_str(&o->path)) ||
                !logname_parse(entries[i].name, t->prefix, &names[kept]))
            continue;
        names[kept++].modified_ms = entries[i].modified_ms;
    }
    *out_names = names;
    return kept;
}

// While a server hands over to its successor both write; the other one notices within a second that
// a file was moved, and until then it may still write into it. So a file has to be at rest.
static void start_packing(
        struct outlet *o, const struct logname *names, size_t count, int64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].gone || names[i].packed || names[i].half_packed)
            continue;
        int64_t age_ms = now_ms - names[i].modified_ms;
        if (age_ms >= 0 && age_ms < SETTLE_MS) {
            o->cleaned_at_ms = now_ms - CLEAN_EVERY_MS + SETTLE_MS; // soon again
            continue;
        }
        struct str path = folder_path(o, names[i].name);
        o->pack = pack_begin(o->outside, &o->scratch, path);
        return;
    }
}

// Few files, seldom: insertion is enough.
static void sort_oldest_first(struct logname *names, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct logname one = names[i];
        size_t at = i;
        for (; at > 0 && logname_compare(&one, &names[at - 1]) < 0; at--)
            names[at] = names[at - 1];
        names[at] = one;
    }
}
