// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/queue.c: what came of it: the queue's units, a row each, and a message as
// it will be sent.
#include "queue/message_reader.h"
#include "queue/unit.h"
#include "runner.h"

#define ROWS_MAX 256
#define MESSAGE_BYTES_MAX (8 * MIB)

struct row { // a unit, with its message
    const struct message *m;
    const struct unit *u;
};
struct looking {
    struct sim_queue queue;
    struct row rows[ROWS_MAX];
    size_t count;
};

enum row_field {
    ROW_FROM,
    ROW_TO,
    ROW_SIZE,
    ROW_DUE,
    ROW_ATTEMPTS,
    ROW_HELD,
    ROW_NOTIFY,
    ROW_ORCPT,
    ROW_ENVID,
    ROW_PRIORITY,
    ROW_BY,
    ROW_ACCOUNT,
    ROW_HELO,
    ROW_IP,
    ROW_FLAGS,
    ROW_QUEUE,
    ROW_SCHEDULE,
    ROW_ENDS,
    ROW_FIELD_COUNT
};
static const struct str row_fields[] = {
        [ROW_FROM] = S_INIT("from"),
        [ROW_TO] = S_INIT("to"),
        [ROW_SIZE] = S_INIT("size"),
        [ROW_DUE] = S_INIT("due"),
        [ROW_ATTEMPTS] = S_INIT("attempts"),
        [ROW_HELD] = S_INIT("held"),
        [ROW_NOTIFY] = S_INIT("notify"),
        [ROW_ORCPT] = S_INIT("orcpt"),
        [ROW_ENVID] = S_INIT("envid"),
        [ROW_PRIORITY] = S_INIT("priority"),
        [ROW_BY] = S_INIT("by"),
        [ROW_ACCOUNT] = S_INIT("account"),
        [ROW_HELO] = S_INIT("helo"),
        [ROW_IP] = S_INIT("ip"),
        [ROW_FLAGS] = S_INIT("flags"),
        [ROW_QUEUE] = S_INIT("queue"),
        [ROW_SCHEDULE] = S_INIT("schedule"),
        [ROW_ENDS] = S_INIT("ends"),
};

static struct err look(struct runner *r, struct looking *l) suspends MUST_USE;
static struct err compare(struct runner *r, const struct step *step, const struct looking *l);
static struct err row_fits(
        struct runner *r, uint32_t line, struct str wanted, const struct row *row, bool *out_fits);
static bool add_field(struct buf *out, struct str key, const struct row *row);
static struct err rows_differ(
        struct runner *r, uint32_t line, struct str wanted, const struct looking *l);
static void add_end(struct buf *out, int64_t ends_ms);
static void add_text(struct buf *out, struct str text);
static void add_recipients(struct buf *out, enum row_field which, const struct unit *u);
static void add_notify(struct buf *out, uint32_t flags);
static void add_flags(struct buf *out, uint32_t flags);
static void add_span(struct buf *out, int64_t ms);
static struct err read_message(
        struct runner *r, const struct step *step, struct buf *out) suspends MUST_USE;
static struct err read_all(struct runner *r, struct store *store, const struct message *m,
        struct buf *out) suspends MUST_USE;
static struct err compare_lines(struct runner *r, const struct step *step, struct str text);
static struct str as_written(struct arena *a, struct str line);

// --- Units ---------------------------------------------------------------------------------------

struct err play_queue(struct runner *r, const struct step *step)
{
    struct looking *l = arena_make(&r->arena, struct looking);
    if (l == NULL)
        return fail(ERR_LIMIT, "no memory for a queue");
    struct err e = look(r, l);
    if (!failed(e))
        e = compare(r, step, l);
    sim_server_queue_end(&l->queue);
    return e;
}

static struct err look(struct runner *r, struct looking *l)
{
    struct store_query all = {.limit = ROWS_MAX};
    struct store_page page = {0};
    TRY(sim_settle(r->sim));
    TRY(sim_server_queue(r->server, &r->arena, &l->queue));
    if (l->queue.store != NULL)
        TRY(store_list(l->queue.store, &r->arena, &all, &page));
    for (size_t i = 0; i < page.count; i++)
        for (size_t k = 0; k < page.messages[i].unit_count && l->count < ROWS_MAX; k++)
            l->rows[l->count++] = (struct row){&page.messages[i], &page.messages[i].units[k]};
    return page.damaged == 0 ? OK : fail(ERR_IO, "a message of the queue is damaged");
}

// In the order of their ids, which is that of time.
static struct err compare(struct runner *r, const struct step *step, const struct looking *l)
{
    size_t used = 0;
    for (size_t i = 0; i < step->line_count; i++) {
        struct str wanted = str_trim(step->lines[i]);
        uint32_t line = step->block_line + (uint32_t)i;
        bool fits = false;
        if (wanted.len == 0)
            continue;
        if (used < l->count)
            TRY(row_fits(r, line, wanted, &l->rows[used], &fits));
        if (!fits)
            return rows_differ(r, line, wanted, l);
        used++;
    }
    return used == l->count ? OK : rows_differ(r, step->line, S("nothing more"), l);
}

// wanted = template *( SP key "=" template )
static struct err row_fits(
        struct runner *r, uint32_t line, struct str wanted, const struct row *row, bool *out_fits)
{
    struct str id = wanted, rest = S(""), key, value;
    struct template t;
    size_t furthest, bound = r->holes.all.count;
    struct buf text AUTO(buf_done);
    buf_init(&text, MIB);
    str_cut(wanted, ' ', &id, &rest);
    struct err e = template_parse(&r->arena, id, TEMPLATE_LINE, &t);
    if (failed(e))
        return wrong(r, line, "%.*s", ARG(err_text(e)));
    buf_fmt(&text, "%016llx", (unsigned long long)row->m->id);
    *out_fits = template_match(&t, &r->arena, buf_str(&text), &r->holes, &furthest);
    while (*out_fits && next_wanted(&rest, &key, &value)) {
        buf_clear(&text);
        if (!add_field(&text, key, row))
            return wrong(r, line, "units have no field %.*s", ARG(key));
        e = template_parse(&r->arena, value, TEMPLATE_LINE, &t);
        if (failed(e))
            return wrong(r, line, "%.*s", ARG(err_text(e)));
        *out_fits = template_match(&t, &r->arena, buf_str(&text), &r->holes, &furthest);
    }
    if (!*out_fits)
        r->holes.all.count = bound;
    return OK;
}

// False: there is no such field.
// What is not there is "-".
static bool add_field(struct buf *out, struct str key, const struct row *row)
{
    const struct message *m = row->m;
    const struct unit *u = row->u;
    size_t which = 0;
    while (which < ROW_FIELD_COUNT && !str_eq(row_fields[which], key))
        which++;
    switch ((enum row_field)which) {
    case ROW_FROM:
        buf_fmt(out, "<%.*s>", ARG(m->sender));
        return true;
    case ROW_TO:
    case ROW_NOTIFY:
    case ROW_ORCPT:
        add_recipients(out, (enum row_field)which, u);
        return true;
    case ROW_SIZE:
        buf_fmt(out, "%llu", (unsigned long long)message_bytes(m));
        return true;
    case ROW_DUE:
        add_span(out, u->due_ms == NEVER_MS ? NEVER_MS : u->due_ms - wall_ms());
        return true;
    case ROW_ATTEMPTS:
        buf_fmt(out, "%u", u->rcpts[0].retry_count);
        return true;
    case ROW_HELD:
        add_text(out, hold_reason_word(u->hold.reason));
        return true;
    case ROW_ENVID:
        add_text(out, m->env_id);
        return true;
    case ROW_PRIORITY:
        buf_fmt(out, "%d", m->priority);
        return true;
    case ROW_BY:
        add_span(out, m->by_ms == 0 ? NEVER_MS : m->by_ms - wall_ms());
        return true;
    case ROW_ACCOUNT:
        add_text(out, m->account);
        return true;
    case ROW_HELO:
        add_text(out, m->helo);
        return true;
    case ROW_IP:
        ip_add(out, &m->from_ip);
        return true;
    case ROW_FLAGS:
        add_flags(out, m->flags);
        return true;
    case ROW_QUEUE:
        add_text(out, u->queue);
        return true;
    case ROW_SCHEDULE:
        add_text(out, u->schedule);
        return true;
    case ROW_ENDS:
        add_end(out, rcpt_expires_at_ms(&u->rcpts[0], m->created_ms));
        return true;
    case ROW_FIELD_COUNT:
        break;
    }
    return false;
}

static void add_end(struct buf *out, int64_t ends_ms)
{
    add_span(out, ends_ms == NEVER_MS ? NEVER_MS : ends_ms - wall_ms());
}

static void add_text(struct buf *out, struct str text)
{
    buf_add(out, text.len > 0 ? text : S("-"));
}

// Of several they stand between commas.
static void add_recipients(struct buf *out, enum row_field which, const struct unit *u)
{
    for (size_t i = 0; i < u->rcpt_count; i++) {
        const struct recipient *rcpt = &u->rcpts[i];
        buf_add(out, i > 0 ? S(",") : S(""));
        if (which == ROW_TO)
            buf_fmt(out, "<%.*s>", ARG(rcpt->address));
        else if (which == ROW_NOTIFY)
            add_notify(out, rcpt->flags);
        else if (str_is_null(rcpt->orcpt))
            buf_add_byte(out, '-');
        else
            buf_fmt(out, "%.*s;%.*s", ARG(rcpt->orcpt_type), ARG(rcpt->orcpt));
    }
}

static void add_notify(struct buf *out, uint32_t flags)
{
    static const struct {
        uint32_t flag;
        struct str word;
    } words[] = {{RCPT_NOTIFY_IMPLICIT, S_INIT("implicit")}, {RCPT_NOTIFY_NEVER, S_INIT("never")},
            {RCPT_NOTIFY_SUCCESS, S_INIT("success")}, {RCPT_NOTIFY_FAILURE, S_INIT("failure")},
            {RCPT_NOTIFY_DELAY, S_INIT("delay")}};
    size_t before = out->len;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if ((flags & words[i].flag) != 0) {
            buf_add(out, out->len > before ? S("+") : S(""));
            buf_add(out, words[i].word);
        }
}

static void add_flags(struct buf *out, uint32_t flags)
{
    static const struct str words[] = {S_INIT("authenticated"), S_INIT("unauthenticated"),
            S_INIT("unauthenticated-dmarc"), S_INIT("dsn"), S_INIT("report"),
            S_INIT("autogenerated"), S_INIT("ret-full"), S_INIT("ret-hdrs"), S_INIT("8bit"),
            S_INIT("binary"), S_INIT("smtputf8"), S_INIT("requiretls"), S_INIT("tls-optional"),
            S_INIT("by-notify"), S_INIT("by-return"), S_INIT("by-trace")}; // as message_flag
    size_t before = out->len;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if ((flags & 1U << i) != 0) {
            buf_add(out, out->len > before ? S(",") : S(""));
            buf_add(out, words[i]);
        }
}

// From now: "+15m", in the largest unit that leaves no rest.
static void add_span(struct buf *out, int64_t ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"d", DAY_MS}, {"h", HOUR_MS}, {"m", MINUTE_MS}, {"s", SECOND_MS}, {"ms", 1}};
    size_t i = 0;
    if (ms == NEVER_MS) {
        buf_add(out, S("never"));
        return;
    }
    while (ms % units[i].ms != 0 || (ms == 0 && units[i].ms > SECOND_MS))
        i++;
    buf_fmt(out, "%+lld%s", (long long)(ms / units[i].ms), units[i].unit);
}

static struct err rows_differ(
        struct runner *r, uint32_t line, struct str wanted, const struct looking *l)
{
    struct buf all AUTO(buf_done);
    buf_init(&all, MIB);
    for (size_t i = 0; i < l->count; i++) {
        buf_fmt(&all, "\n              %016llx", (unsigned long long)l->rows[i].m->id);
        for (size_t k = 0; k < ROW_FIELD_COUNT; k++) {
            buf_fmt(&all, " %.*s=", ARG(row_fields[k]));
            add_field(&all, row_fields[k], &l->rows[i]);
        }
    }
    return wrong(r, line, "expected  in this place %.*s\n    got       in the queue:%.*s",
            ARG(wanted), ARG(all.len > 0 ? buf_str(&all) : S(" nothing")));
}

// --- A message -----------------------------------------------------------------------------------

struct err play_message(struct runner *r, const struct step *step)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, MESSAGE_BYTES_MAX);
    TRY(read_message(r, step, &text));
    return compare_lines(r, step, buf_str(&text));
}

static struct err read_message(struct runner *r, const struct step *step, struct buf *out)
{
    struct sim_queue queue;
    struct message m;
    struct str id;
    uint64_t number;
    struct err e = template_fill(&r->arena, &step->text, &r->holes, &id);
    struct scan in = scan_over(failed(e) ? S("") : id);
    if (!scan_hex_u64(&in, 16, &number) || !scan_end(&in))
        return wrong(r, step->line, "message ID: an id of 16 hex digits, or a name bound to one");
    TRY(sim_settle(r->sim));
    e = sim_server_queue(r->server, &r->arena, &queue);
    if (!failed(e) && queue.store == NULL)
        e = fail(ERR_NOT_FOUND, "nothing was stored");
    if (!failed(e))
        e = store_read(queue.store, &r->arena, number, STORE_WITH_BODY, &m);
    if (!failed(e))
        e = read_all(r, queue.store, &m, out);
    sim_server_queue_end(&queue);
    return failed(e) ? wrong(r, step->line, "message %.*s: %.*s", ARG(id), ARG(err_text(e))) : OK;
}

static struct err read_all(
        struct runner *r, struct store *store, const struct message *m, struct buf *out)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct message_reading how = {.prefix = m->units[0].prefix_headers};
    TRY(message_open(store, &r->arena, m, &how, &reader));
    for (;;) {
        struct str piece;
        TRY(message_next(reader, &r->arena, &piece));
        if (str_is_null(piece))
            return OK;
        buf_add(out, piece);
    }
}

// Each line of the block is one of the message, without its CRLF.
static struct err compare_lines(struct runner *r, const struct step *step, struct str text)
{
    struct str rest = text;
    for (size_t i = 0; i < step->line_count || rest.len > 0; i++) {
        uint32_t line = step->block_line + (uint32_t)i;
        struct template t;
        size_t furthest = 0, at = str_find(rest, S("\r\n"));
        bool whole = at != STR_NOT_FOUND;
        struct str got = as_written(&r->arena, whole ? str_upto(rest, at) : rest);
        if (i >= step->line_count)
            return differs(r, step->line, S("nothing more"), got, 0);
        if (rest.len == 0)
            return differs(r, line, step->lines[i], S("(the end of the message)"), 0);
        struct err e = template_parse(&r->arena, step->lines[i], TEMPLATE_LINE, &t);
        if (failed(e))
            return wrong(r, line, "%.*s", ARG(err_text(e)));
        if (!template_match(&t, &r->arena, got, &r->holes, &furthest))
            return differs(r, line, step->lines[i], got, furthest);
        rest = whole ? str_from(rest, at + 2) : S("");
    }
    return OK;
}

// What is no printable character shows as an escape.
static struct str as_written(struct arena *a, struct str line)
{
    struct buf out AUTO(buf_done);
    buf_init(&out, MESSAGE_BYTES_MAX);
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = (uint8_t)line.ptr[i];
        if (c == '\r' || c == '\n')
            buf_add(&out, c == '\r' ? S("\\r") : S("\\n"));
        else if ((c < ' ' && c != '\t') || c == 0x7F)
            buf_fmt(&out, "\\x%02x", c);
        else
            buf_add_byte(&out, (char)c);
    }
    return arena_str(a, buf_str(&out));
}
