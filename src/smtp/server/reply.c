// SPDX-License-Identifier: Apache-2.0
// smtp/server/reply.c: saying things to the client. The texts are in replies.def.
#include "smtp/server/session.h"

#include "mail/status.h"
#include "rt/rt.h"
#include "smtp/limits.h"
#include "smtp/server/transaction.h"

#define CODE_CLOSING 421 // RFC 5321 3.8: whoever says it closes the connection

struct reply_row {
    int code;
    struct str enhanced, text;
    struct str line; // as it is sent, of replies without arguments and with an enhanced status
};

static const struct reply_row rows[] = {
#define REPLY(id, code, enhanced, text, when)                                                      \
    {code, S_INIT(enhanced), S_INIT(text), S_INIT(#code " " enhanced " " text "\r\n")},
#include "smtp/replies.def"
};

static void hang_up(struct smtp_session *s, enum smtp_end end) suspends;
static struct err put(struct smtp_session *s, struct str bytes) suspends MUST_USE;
static struct err say(struct smtp_session *s, const struct reply_row *row) suspends;
static struct err say_lines(
        struct smtp_session *s, int code, struct str enhanced, struct str text) suspends;
static struct str fill(struct smtp_session *s, struct str text, const struct str args[2]);
static struct str plain_words(struct smtp_session *s, struct str text);
static bool hears_utf8(const struct smtp_session *s);
static size_t piece_of(struct str text, size_t room);
static size_t whole_characters(struct str text, size_t room);
static bool counts_as_error(int code);
static bool take_code(struct scan *in, int *out_code);
static bool take_enhanced(struct arena *a, struct scan *in, int code, struct str *out);

int reply_code(enum reply_id id)
{
    return rows[id].code;
}

struct err reply(struct smtp_session *s, enum reply_id id)
{
    return reply_about_two(s, id, S(""), S(""));
}

struct err reply_about(struct smtp_session *s, enum reply_id id, struct str what)
{
    return reply_about_two(s, id, what, S(""));
}

struct err reply_number(struct smtp_session *s, enum reply_id id, int64_t n)
{
    return reply_about(s, id, arena_fmt(&s->scratch, "%lld", (long long)n));
}

struct err reply_about_two(
        struct smtp_session *s, enum reply_id id, struct str first, struct str second)
{
    struct str args[2] = {first, second};
    struct reply_row row = rows[id];
    bool has_holes = str_find_byte(row.text, '{') != STR_NOT_FOUND;
    if (has_holes)
        row.text = fill(s, row.text, args);
    if (str_is_null(row.text))
        return fail(ERR_LIMIT, "no memory for a reply");
    if (has_holes || row.enhanced.len == 0)
        row.line = STR_NULL;
    return say(s, &row);
}

// words = [ code SP ] [ enhanced SP ] text      inbound.md 4.2 step 5
struct err reply_words(struct smtp_session *s, enum reply_id usual, struct str text)
{
    struct reply_row row = rows[usual];
    struct scan in = scan_over(text);
    if (str_is_empty(text))
        return reply(s, usual);
    if (take_code(&in, &row.code))
        row.enhanced = row.code < 500 ? S("4.7.1") : S("5.7.1");
    take_enhanced(&s->scratch, &in, row.code, &row.enhanced);
    row.line = STR_NULL;
    row.text = plain_words(s, scan_rest(&in));
    if (str_is_empty(row.text))
        row.text = rows[usual].text;
    TRY(say(s, &row));
    if (row.code == CODE_CLOSING)
        hang_up(s, SMTP_END_REFUSED);
    return OK;
}

// listeners.md 12.4. Whether that was one too many, the session asks after each command.
struct err reply_junk(struct smtp_session *s, enum reply_id id)
{
    if (!s->visit->logged_in)
        listen_offence(s->visit, OFFENCE_SCAN, STR_NULL);
    return reply(s, id);
}

void reply_and_leave(struct smtp_session *s, enum reply_id id, enum smtp_end end)
{
    within_ms(GOODBYE_WAIT_MS);
    s->over = true;
    s->result.end = end;
    if (!failed(reply(s, id)))
        hang_up(s, end);
}

static void hang_up(struct smtp_session *s, enum smtp_end end)
{
    within_ms(GOODBYE_WAIT_MS);
    s->over = true;
    s->result.end = end;
    struct err ignored = stream_end(s->stream); // the reply leaves with it
    (void)ignored; // the peer may be gone: there is nobody left to tell
}

struct err reply_line(struct smtp_session *s, struct str front, struct str line)
{
    TRY(put(s, front));
    TRY(put(s, line));
    return put(s, S("\r\n"));
}

// All that is said passes here. What a peer does not read is not waited for for ever.
static struct err put(struct smtp_session *s, struct str bytes)
{
    within_ms(s->pace.timeout_ms);
    event_in(
            s->options->span, EV_SMTP_RAW_OUTPUT, F_U64(size, bytes.len), F_BYTES(contents, bytes));
    struct err e = stream_write(s->stream, bytes);
    s->reads_nothing |= e.kind == ERR_TIMEOUT;
    return e;
}

// inbound.md 10.2: from the third on the reply to a bad command may come late.
static struct err say(struct smtp_session *s, const struct reply_row *row)
{
    s->said = (struct said){.code = row->code, .enhanced = row->enhanced, .text = row->text};
    metric_add(s->service->metrics, METRIC_SMTP_REPLIES,
            LABELS(s->stage, code_class_of((unsigned)row->code)), 1);
    if (counts_as_error(row->code)) {
        s->result.errors++;
        if (!s->over && s->pace.errors_wait_ms > 0 && s->result.errors > ERRORS_WITHOUT_WAIT)
            TRY(session_wait(s, s->pace.errors_wait_ms));
    }
    if (!str_is_null(row->line))
        return put(s, row->line);
    return say_lines(s, row->code, row->enhanced, row->text);
}

// RFC 5321 4.2.1: code, and a hyphen on all lines but the last; RFC 2034: the enhanced status on
// each of them.
static struct err say_lines(struct smtp_session *s, int code, struct str enhanced, struct str text)
{
    const char figures[] = {
            (char)('0' + code / 100), (char)('0' + code / 10 % 10), (char)('0' + code % 10)};
    struct str rest = text, line, digits = str_of(figures, sizeof(figures));
    size_t overhead = S("250 \r\n").len + (enhanced.len > 0 ? enhanced.len + 1 : 0);
    while (str_split(&rest, '\n', &line)) {
        do {
            size_t take = piece_of(line, REPLY_LINE_BYTES_MAX - overhead);
            bool last = take == line.len && str_is_null(rest);
            const struct str parts[] = {digits, last ? S(" ") : S("-"), enhanced,
                    enhanced.len > 0 ? S(" ") : S(""), str_upto(line, take), S("\r\n")};
            struct str out = arena_join_all(&s->scratch, parts, COUNT_OF(parts));
            if (str_is_null(out))
                return fail(ERR_LIMIT, "no memory for a reply");
            TRY(put(s, out));
            line = str_trim_blanks(str_from(line, take));
        } while (line.len > 0);
    }
    return OK;
}

// As much as fits into a line, cut at a blank where there is one, and never within a character.
static size_t piece_of(struct str text, size_t room)
{
    if (text.len <= room)
        return text.len;
    size_t at = str_rfind_byte(str_upto(text, room), ' ');
    return at != STR_NOT_FOUND && at > 0 ? at : whole_characters(text, room);
}

static size_t whole_characters(struct str text, size_t room)
{
    if (text.len <= room)
        return text.len;
    while (room > 1 && ((uint8_t)text.ptr[room] & 0xC0) == 0x80)
        room--;
    return room;
}

// {} stands for the arguments in turn, {host} for our name.
static struct str fill(struct smtp_session *s, struct str text, const struct str args[2])
{
    struct buf out AUTO(buf_done);
    buf_init(&out, WORDS_BYTES_MAX);
    size_t used = 0;
    for (size_t at; (at = str_find_byte(text, '{')) != STR_NOT_FOUND;) {
        buf_add(&out, str_upto(text, at));
        text = str_from(text, at);
        if (str_starts(text, S("{host}"))) {
            buf_add(&out, s->host);
            text = str_from(text, S("{host}").len);
        } else {
            assert(str_starts(text, S("{}")) && used < 2);
            buf_add(&out, plain_words(s, args[used++]));
            text = str_from(text, S("{}").len);
        }
    }
    buf_add(&out, text);
    return out.overflow ? STR_NULL : arena_str(&s->scratch, buf_str(&out));
}

// inbound.md 15: text of others in printable ASCII, or UTF-8 for who has said SMTPUTF8; its line
// ends kept as LF, for replies of several lines.
static struct str plain_words(struct smtp_session *s, struct str text)
{
    char *copy = arena_bytes(&s->scratch, text.len + 1);
    bool utf8 = hears_utf8(s) && str_is_utf8(text);
    size_t len = 0;
    for (size_t i = 0; copy != NULL && i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c == '\t')
            copy[len++] = ' ';
        else if ((c >= ' ' && c < 0x7F) || c == '\n' || (utf8 && c > 0x7F))
            copy[len++] = (char)c;
        else if (c >= 0xC0) // once for each character beyond ASCII
            copy[len++] = '?';
    }
    struct str words = copy == NULL ? S("") : str_of(copy, len);
    return str_upto(words, whole_characters(words, WORDS_BYTES_MAX / 2));
}

static bool hears_utf8(const struct smtp_session *s)
{
    return s->hears_utf8 || (s->transaction != NULL && s->transaction->mail.smtputf8);
}

static bool take_code(struct scan *in, int *out_code)
{
    struct scan at = *in;
    uint16_t code;
    if (!mail_code_scan(&at, &code) || code < 400 || (!scan_end(&at) && !scan_byte(&at, ' ')))
        return false;
    *in = at;
    *out_code = code;
    return true;
}

// The class is that of the code, whatever is said.
static bool take_enhanced(struct arena *a, struct scan *in, int code, struct str *out)
{
    struct scan at = *in;
    struct mail_status status;
    if (!mail_status_scan(&at, &status) || (!scan_byte(&at, ' ') && !scan_end(&at)))
        return false;
    *out = arena_fmt(a, "%d.%u.%u", code / 100, status.subject, status.detail);
    *in = at;
    return true;
}

// inbound.md 10.2: syntax and sequence errors count; refusals by policy do not.
static bool counts_as_error(int code)
{
    return (code >= 500 && code <= 504) || code == 555;
}
