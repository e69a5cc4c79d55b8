// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn_text.c: the first part of a report, which people read (queue.md 12.5). The words
// stand in queue/dsn/dsn_texts.def. An address that the sender did not write, and that leads
// elsewhere, is not told him: he sees the one he wrote.
#include "queue/dsn/dsn_parts.h"

#include "base/date.h"
#include "base/id.h"
#include "directory/account.h"

enum text_id {
#define TEXT(id, en, de) TEXT_##id,
#include "queue/dsn/dsn_texts.def"
    TEXT_NONE
};

static const struct str texts[][DSN_LANGUAGES] = {
#define TEXT(id, en, de) [TEXT_##id] = {[DSN_ENGLISH] = S_INIT(en), [DSN_GERMAN] = S_INIT(de)},
#include "queue/dsn/dsn_texts.def"
};

// The recipients by what it means to the sender.
enum section { SECTION_GOOD, SECTION_DELAYED, SECTION_FAILED, SECTION_COUNT };

struct filling { // of {names}
    struct str name, value;
};

struct talk { // what is being written
    struct buf *out;
    const struct dsn_writing *w;
    size_t counts[SECTION_COUNT];
    size_t entries;  // written so far
    uint32_t advice; // 1 << enum text_id - TEXT_ADVICE_ADDRESS
};

static enum section section_of(enum dsn_action action);
static size_t count_sections(const struct dsn_report *r, size_t counts[SECTION_COUNT]);
static void add_first(struct talk *t);
static void add_section(struct talk *t, enum section section, bool headed);
static void add_entry(struct talk *t, const struct dsn_rcpt *d);
static struct str shown_address(struct arena *a, const struct recipient *r);
static void add_what(struct talk *t, const struct dsn_rcpt *d, struct str shown);
static bool was_untried(const struct outcome *o);
static bool add_end_of_time(struct talk *t, const struct recipient *r);
static void add_trouble(struct talk *t, const struct recipient *r, struct str shown);
static struct str verb_of(struct str command);
static enum text_id trouble_of(enum failure_kind kind);
static void add_reply(struct talk *t, const struct recipient *r, struct str shown);
static void add_shown(struct buf *out, struct str text, struct str hidden, struct str shown);
static void note_advice(struct talk *t, const struct recipient *r);
static void add_advice(struct talk *t);
static void add_end(struct talk *t);
static void say(
        struct talk *t, size_t indent, enum text_id id, struct filling one, struct filling two);
static void add_filled(struct buf *out, struct str text, const struct filling *with, size_t count);
static void add_wrapped(struct buf *out, size_t indent, struct str text);
static void end_line(struct buf *out);

#define NOTHING ((struct filling){0})
#define FILL(key, text) ((struct filling){S(key), (text)})
#define ENTRY_INDENT 2
#define REASON_INDENT 4
#define TEXT_BYTES_MAX (8 * KIB) // of a paragraph

struct str dsn_subject(const struct dsn_report *r)
{
    size_t counts[SECTION_COUNT] = {0};
    if (count_sections(r, counts) > 1)
        return texts[TEXT_SUBJECT_MIXED][DSN_ENGLISH];
    if (counts[SECTION_FAILED] > 0)
        return texts[TEXT_SUBJECT_FAILED][DSN_ENGLISH];
    if (counts[SECTION_DELAYED] > 0)
        return texts[TEXT_SUBJECT_DELAYED][DSN_ENGLISH];
    for (size_t i = 0; i < r->rcpt_count; i++)
        if (r->rcpts[i].action != DSN_RELAYED)
            return texts[TEXT_SUBJECT_GOOD][DSN_ENGLISH];
    return texts[TEXT_SUBJECT_RELAYED][DSN_ENGLISH];
}

// How many kinds of news there are.
static size_t count_sections(const struct dsn_report *r, size_t counts[SECTION_COUNT])
{
    size_t kinds = 0;
    for (size_t i = 0; i < r->rcpt_count; i++)
        kinds += counts[section_of(r->rcpts[i].action)]++ == 0;
    return kinds;
}

static enum section section_of(enum dsn_action action)
{
    switch (action) {
    case DSN_NONE:
    case DSN_FAILED:
        return SECTION_FAILED;
    case DSN_DELAYED:
        return SECTION_DELAYED;
    case DSN_RELAYED:
    case DSN_EXPANDED:
    case DSN_DELIVERED:
        break;
    }
    return SECTION_GOOD;
}

void dsn_text_add(struct buf *out, const struct dsn_writing *w)
{
    struct talk t = {.out = out, .w = w};
    bool headed = count_sections(w->report, t.counts) > 1;
    add_first(&t);
    end_line(out);
    for (size_t section = 0; section < SECTION_COUNT; section++)
        if (t.counts[section] > 0)
            add_section(&t, (enum section)section, headed);
    if (w->report->rcpt_count > t.entries) {
        struct str count = arena_fmt(w->arena, "%zu", w->report->rcpt_count - t.entries);
        say(&t, ENTRY_INDENT, TEXT_MORE, FILL("count", count), NOTHING);
        end_line(out);
    }
    add_advice(&t);
    add_end(&t);
}

static void add_first(struct talk *t)
{
    const struct dsn_report *r = t->w->report;
    struct buf date AUTO(buf_done);
    int64_t until_ms = 0;
    size_t kinds = (t->counts[SECTION_GOOD] > 0) + (t->counts[SECTION_DELAYED] > 0) +
                   (t->counts[SECTION_FAILED] > 0);
    buf_init(&date, 64);
    for (size_t i = 0; i < r->rcpt_count; i++) {
        int64_t at_ms = dsn_retry_until(r, r->rcpts[i].rcpt);
        until_ms = at_ms > until_ms ? at_ms : until_ms;
    }
    if (until_ms != 0)
        date_add_rfc5322(&date, until_ms, r->offset_min);
    if (kinds > 1)
        say(t, 0, TEXT_FIRST_MIXED, NOTHING, NOTHING);
    else if (t->counts[SECTION_GOOD] > 0)
        say(t, 0, TEXT_FIRST_GOOD, NOTHING, NOTHING);
    else if (t->counts[SECTION_FAILED] > 0)
        say(t, 0, TEXT_FIRST_FAILED, NOTHING, NOTHING);
    else if (until_ms != 0)
        say(t, 0, TEXT_FIRST_DELAYED, FILL("date", buf_str(&date)), NOTHING);
    else
        say(t, 0, TEXT_FIRST_DELAYED_OPEN, NOTHING, NOTHING);
}

static void add_section(struct talk *t, enum section section, bool headed)
{
    static const enum text_id headings[] = {[SECTION_GOOD] = TEXT_HEADING_GOOD,
            [SECTION_DELAYED] = TEXT_HEADING_DELAYED,
            [SECTION_FAILED] = TEXT_HEADING_FAILED};
    const struct dsn_report *r = t->w->report;
    if (t->entries == DSN_TEXT_ENTRIES_MAX)
        return;
    if (headed) {
        say(t, 0, headings[section], NOTHING, NOTHING);
        end_line(t->out);
    }
    for (size_t i = 0; i < r->rcpt_count && t->entries < DSN_TEXT_ENTRIES_MAX; i++)
        if (section_of(r->rcpts[i].action) == section)
            add_entry(t, &r->rcpts[i]);
}

static void add_entry(struct talk *t, const struct dsn_rcpt *d)
{
    struct str shown = shown_address(t->w->arena, d->rcpt);
    buf_add_repeat(t->out, ' ', ENTRY_INDENT);
    buf_add_byte(t->out, '<');
    dsn_clean_add(t->out, shown, SIZE_MAX, true);
    buf_add(t->out, S(">"));
    end_line(t->out);
    add_what(t, d, shown);
    end_line(t->out);
    t->entries++;
    if (d->action == DSN_FAILED)
        note_advice(t, d->rcpt);
}

// queue.md 12.5: what was rewritten to an address of another domain is nobody's business.
static struct str shown_address(struct arena *a, const struct recipient *r)
{
    struct buf plain AUTO(buf_done);
    struct str written = r->orcpt;
    buf_init(&plain, TEXT_BYTES_MAX);
    if (str_eq_nocase(r->orcpt_type, S("utf-8"))) {
        dsn_unitext_add(&plain, r->orcpt);
        written = arena_str(a, buf_str(&plain));
    }
    bool hide = !str_is_empty(written) && !str_eq_nocase(written, r->address) &&
                !str_eq_nocase(address_domain(written), address_domain(r->address));
    return hide ? written : r->address;
}

static void add_what(struct talk *t, const struct dsn_rcpt *d, struct str shown)
{
    const struct outcome *o = &d->rcpt->last;
    switch (d->action) {
    case DSN_DELIVERED:
        say(t, REASON_INDENT, TEXT_DELIVERED, NOTHING, NOTHING);
        return;
    case DSN_EXPANDED:
        say(t, REASON_INDENT, TEXT_EXPANDED, NOTHING, NOTHING);
        return;
    case DSN_RELAYED:
        say(t, REASON_INDENT, str_is_empty(o->host) ? TEXT_RELAYED_SOMEWHERE : TEXT_RELAYED,
                FILL("host", o->host), NOTHING);
        return;
    case DSN_NONE:
    case DSN_FAILED:
        if (was_untried(o)) {
            say(t, REASON_INDENT, TEXT_EXPIRED_UNTRIED, NOTHING, NOTHING);
            return;
        }
        if (add_end_of_time(t, d->rcpt))
            return;
        break;
    case DSN_DELAYED:
        if (o->at_ms != 0)
            break;
        say(t, REASON_INDENT, TEXT_UNTRIED, NOTHING, NOTHING);
        return;
    }
    add_trouble(t, d->rcpt, shown);
}

// As schedule_expire says it.
static bool was_untried(const struct outcome *o)
{
    bool here = o->kind == FAILURE_IO && o->code == 0;
    return o->at_ms == 0 || (here && str_eq(o->enhanced, S("4.4.7")));
}

// True: there is no more to be said.
static bool add_end_of_time(struct talk *t, const struct recipient *r)
{
    const struct outcome *o = &r->last;
    bool late = o->kind == FAILURE_IO && o->code == 0 && str_eq(o->enhanced, S("5.4.7"));
    bool by_return = (t->w->report->about->flags & MESSAGE_BY_RETURN) != 0;
    if (late) {
        say(t, REASON_INDENT, TEXT_LATE, NOTHING, NOTHING);
        add_reply(t, r, shown_address(t->w->arena, r));
    } else if (dsn_has_expired(r)) {
        say(t, REASON_INDENT, by_return ? TEXT_DEADLINE : TEXT_EXPIRED, NOTHING, NOTHING);
    }
    return late;
}

// Who said what to which command, or what did not come that far.
static void add_trouble(struct talk *t, const struct recipient *r, struct str shown)
{
    const struct outcome *o = &r->last;
    struct str host = str_is_empty(o->host) ? o->entity : o->host;
    struct str verb = verb_of(o->command);
    if (str_is_empty(host))
        host = address_domain(shown);
    if (o->code == 0)
        say(t, REASON_INDENT, trouble_of(o->kind), FILL("host", host), NOTHING);
    else if (str_is_empty(verb))
        say(t, REASON_INDENT, TEXT_ANSWERED_PLAIN, FILL("host", host), NOTHING);
    else
        say(t, REASON_INDENT, TEXT_ANSWERED, FILL("host", host), FILL("command", verb));
    add_reply(t, r, shown);
}

// "RCPT TO" of "RCPT TO:<ann@example.org> NOTIFY=NEVER"
static struct str verb_of(struct str command)
{
    struct str before, after;
    if (str_cut(command, ':', &before, &after))
        command = before;
    return str_cut(command, '<', &before, &after) ? before : command;
}

static enum text_id trouble_of(enum failure_kind kind)
{
    switch (kind) {
    case FAILURE_DNS:
        return TEXT_TROUBLE_DNS;
    case FAILURE_UNEXPECTED_REPLY:
    case FAILURE_CONNECTION:
        return TEXT_TROUBLE_CONNECTION;
    case FAILURE_TLS:
        return TEXT_TROUBLE_TLS;
    case FAILURE_DANE:
    case FAILURE_MTA_STS:
        return TEXT_TROUBLE_IDENTITY;
    case FAILURE_RATE:
    case FAILURE_CONCURRENCY:
        return TEXT_TROUBLE_LIMIT;
    case FAILURE_NONE:
    case FAILURE_IO:
        break;
    }
    return TEXT_TROUBLE_HERE;
}

static void add_reply(struct talk *t, const struct recipient *r, struct str shown)
{
    const struct outcome *o = &r->last;
    size_t rcpts = t->w->report->rcpt_count;
    struct buf raw AUTO(buf_done), reply AUTO(buf_done);
    buf_init(&raw, TEXT_BYTES_MAX);
    buf_init(&reply, TEXT_BYTES_MAX);
    dsn_reply_add(&raw, o, dsn_diagnostic_bytes(rcpts));
    add_shown(&reply, buf_str(&raw), r->address, shown);
    add_wrapped(t->out, REASON_INDENT, buf_str(&reply));
}

// A reply often names the recipient.
static void add_shown(struct buf *out, struct str text, struct str hidden, struct str shown)
{
    bool hide = !str_eq(hidden, shown) && !str_is_empty(hidden);
    while (!str_is_empty(text)) {
        if (hide && str_eq_nocase(str_upto(text, hidden.len), hidden)) {
            dsn_clean_add(out, shown, SIZE_MAX, true);
            text = str_from(text, hidden.len);
            continue;
        }
        buf_add(out, str_upto(text, 1));
        text = str_from(text, 1);
    }
}

// By the subject of the status, RFC 3463 3.
static void note_advice(struct talk *t, const struct recipient *r)
{
    struct str status = dsn_status(t->w->arena, t->w->report->about, r, DSN_FAILED);
    enum text_id id = TEXT_NONE;
    switch (status.len > 2 ? status.ptr[2] : '0') {
    case '1':
        id = TEXT_ADVICE_ADDRESS;
        break;
    case '2':
        id = TEXT_ADVICE_MAILBOX;
        break;
    case '3':
    case '4':
        id = TEXT_ADVICE_LATER;
        break;
    case '6':
        id = TEXT_ADVICE_CONTENT;
        break;
    case '7':
        id = TEXT_ADVICE_POLICY;
        break;
    }
    if (id != TEXT_NONE)
        t->advice |= UINT32_C(1) << (id - TEXT_ADVICE_ADDRESS);
}

static void add_advice(struct talk *t)
{
    for (size_t id = TEXT_ADVICE_ADDRESS; id <= TEXT_ADVICE_POLICY; id++)
        if ((t->advice >> (id - TEXT_ADVICE_ADDRESS) & 1) != 0)
            say(t, 0, (enum text_id)id, NOTHING, NOTHING);
    if (t->advice != 0)
        end_line(t->out);
}

static void add_end(struct talk *t)
{
    const struct dsn_writing *w = t->w;
    struct str id = id_text(w->arena, w->report->about->id);
    say(t, 0, TEXT_REFERENCE, FILL("id", id), FILL("server", w->words->reporting_mta));
    say(t, 0, TEXT_POSTMASTER, FILL("postmaster", w->settings->postmaster), NOTHING);
}

static void say(
        struct talk *t, size_t indent, enum text_id id, struct filling one, struct filling two)
{
    const struct filling with[] = {one, two};
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    add_filled(&text, texts[id][t->w->settings->language], with, COUNT_OF(with));
    add_wrapped(t->out, indent, buf_str(&text));
}

// Each {name} is a filling's.
static void add_filled(struct buf *out, struct str text, const struct filling *with, size_t count)
{
    struct scan in = scan_over(text);
    struct str plain, name;
    while (scan_until_past(&in, '{', &plain)) {
        bool closed = scan_until_past(&in, '}', &name);
        size_t i = 0;
        while (i < count && !str_eq(with[i].name, name))
            i++;
        assert(closed && i < count);
        buf_add(out, plain);
        buf_add(out, with[i].value);
    }
    buf_add(out, scan_rest(&in));
}

// In lines of DSN_LINE_BYTES where blanks allow it.
static void add_wrapped(struct buf *out, size_t indent, struct str text)
{
    struct buf clean AUTO(buf_done);
    buf_init(&clean, 4 * TEXT_BYTES_MAX);
    dsn_clean_add(&clean, text, SIZE_MAX, true);
    struct str rest = buf_str(&clean), line;
    do {
        size_t room = DSN_LINE_BYTES - indent, end = rest.len;
        if (end > room) {
            size_t blank = str_rfind_byte(str_upto(rest, room + 1), ' ');
            end = blank != STR_NOT_FOUND && blank > 0 ? blank : str_find_byte(rest, ' ');
            end = end == STR_NOT_FOUND ? rest.len : end;
        }
        line = str_upto(rest, end);
        rest = str_from(rest, end < rest.len ? end + 1 : end);
        buf_add_repeat(out, ' ', indent);
        buf_add(out, line);
        end_line(out);
    } while (!str_is_empty(rest));
}

static void end_line(struct buf *out)
{
    buf_add(out, S("\r\n"));
}
