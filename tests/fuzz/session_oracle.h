// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/session_oracle.h: what must be true of every SMTP session, whatever the client said.
// It reads the server's octets as replies, and walks through the client's octets beside them: one
// reply for each line; behind 354 a message, which is read as simple_data.h does; behind BDAT a
// chunk. A message that got 250 with an id must lie in the store with the octets of that reading,
// and nothing else may lie there. It knows nothing of how the server is built.
#pragma once

#include "simple_data.h"

#define REPLY_LINE_MAX 512 // RFC 5321 4.5.3.1.5

struct kept {
    uint64_t id;
    bool is_binary;
    struct str bytes; // as received
};

struct said {
    int code;
    struct str text; // of the last line, behind the code
};

struct session_record {
    struct arena arena;
    struct buf input, output;
    enum newline_policy policy;
    bool is_lmtp;
    bool ended_here; // by the server, for a reason of its own
    VEC(struct kept) kept;
    VEC(struct said) said;
};

struct walk {
    struct session_record *r;
    struct str rest;  // of the input
    size_t next;      // reply
    size_t answers;   // LMTP: final replies that a message gets
    size_t queued;    // 250 with an id
    bool in_exchange; // of AUTH: the next line is no command
    struct buf chunks;
};

// Shows the dialogue before the assertion ends the process.
#define ORACLE_ASSERT(r, fact)                                                                     \
    do {                                                                                           \
        bool is_so = (fact);                                                                       \
        if (!is_so)                                                                                \
            fprintf(stderr, "-- said\n%.*s\n-- answered\n%.*s", ARG(buf_str(&(r)->input)),         \
                    ARG(buf_str(&(r)->output)));                                                   \
        assert(is_so &&#fact);                                                                     \
    } while (0)

static inline void oracle_read_line(struct session_record *r, struct str line, int *code);
static inline void oracle_next(struct walk *w);
static inline void oracle_data(struct walk *w);
static inline void oracle_chunk(struct walk *w, struct str args, int code);
static inline void oracle_finals(struct walk *w, struct str octets, bool dotted, size_t count);
static inline void oracle_kept(struct walk *w, uint64_t id, struct str octets, bool dotted);
static inline bool oracle_lacks_octets(const struct walk *w);
static inline bool oracle_is_over(const struct walk *w);
static inline uint64_t oracle_id(struct str text);

// RFC 5321 4.2.1: lines of one code, a hyphen behind it on all but the last.
static inline void oracle_read_replies(struct session_record *r)
{
    struct str rest = buf_str(&r->output), line;
    int code = 0; // of the reply that has begun; 0: none has
    while (str_split(&rest, '\n', &line)) {
        if (str_is_null(rest)) {
            ORACLE_ASSERT(r, line.len == 0); // all that is said ends in CRLF
            break;
        }
        ORACLE_ASSERT(r, str_ends(line, S("\r")) && line.len + 1 <= REPLY_LINE_MAX);
        oracle_read_line(r, str_upto(line, line.len - 1), &code);
    }
    ORACLE_ASSERT(r, code == 0);
}

// Printable ASCII and a code; an enhanced status is of the code's class (RFC 2034 4).
static inline void oracle_read_line(struct session_record *r, struct str line, int *code)
{
    struct str digits;
    struct scan in = scan_over(line);
    uint64_t number = 0, class, ignored;
    for (size_t i = 0; i < line.len; i++)
        ORACLE_ASSERT(r, line.ptr[i] >= ' ' && line.ptr[i] < 0x7F);
    ORACLE_ASSERT(
            r, scan_take(&in, 3, &digits) && str_to_u64(digits, 599, &number) && number >= 200);
    ORACLE_ASSERT(r, *code == 0 || *code == (int)number);
    bool is_last = scan_byte(&in, ' ') || scan_end(&in);
    ORACLE_ASSERT(r, is_last || scan_byte(&in, '-'));
    struct str text = scan_rest(&in);
    if (number != 220 && scan_u64(&in, 99, &class) && scan_byte(&in, '.') &&
            scan_u64(&in, 999, &ignored) && scan_byte(&in, '.') && scan_u64(&in, 999, &ignored) &&
            scan_byte(&in, ' '))
        ORACLE_ASSERT(r, class == number / 100);
    *code = is_last ? 0 : (int)number;
    if (!is_last)
        return;
    struct said *said = vec_add(&r->arena, &r->said);
    ORACLE_ASSERT(r, said != NULL);
    *said = (struct said){(int)number, text};
}

static inline void oracle_check(struct session_record *r)
{
    struct walk w = {.r = r, .rest = buf_str(&r->input), .next = 1};
    oracle_read_replies(r);
    ORACLE_ASSERT(r, r->said.count > 0 && r->said.at[0].code == 220);
    buf_init(&w.chunks, 64 * MIB);
    while (!oracle_is_over(&w) && str_find_byte(w.rest, '\n') != STR_NOT_FOUND)
        oracle_next(&w);
    // Commands without a reply: the server has had enough, and knows why.
    ORACLE_ASSERT(r, r->ended_here || str_find_byte(w.rest, '\n') == STR_NOT_FOUND ||
                             oracle_lacks_octets(&w));
    // Replies without a command: a last word at most.
    if (w.next < r->said.count)
        ORACLE_ASSERT(r, w.next + 1 == r->said.count && r->said.at[w.next].code == 421);
    ORACLE_ASSERT(r, w.queued > 0 || r->kept.count == 0);
    buf_done(&w.chunks);
}

// Of the chunk that is announced next.
static inline bool oracle_lacks_octets(const struct walk *w)
{
    struct scan in = scan_over(w->rest);
    struct str ignored;
    uint64_t bytes;
    scan_blanks(&in);
    return !w->in_exchange && scan_lit_nocase(&in, S("BDAT")) && scan_blanks(&in) > 0 &&
           scan_u64(&in, INT64_MAX, &bytes) && scan_until_past(&in, '\n', &ignored) &&
           bytes > scan_rest(&in).len;
}

// A last word, 421, may come behind any reply.
static inline bool oracle_is_over(const struct walk *w)
{
    size_t count = w->r->said.count;
    return w->next >= count || (w->next + 1 == count && w->r->said.at[w->next].code == 421);
}

static inline void oracle_next(struct walk *w)
{
    struct str line, verb = S("");
    bool cut = str_cut(w->rest, '\n', &line, &w->rest);
    ORACLE_ASSERT(w->r, cut);
    struct scan in = scan_over(line);
    int code = w->r->said.at[w->next++].code;
    bool is_command = !w->in_exchange;
    w->in_exchange = code == 334;
    if (!is_command)
        return;
    scan_blanks(&in);
    scan_while(&in, byte_is_alpha, &verb);
    if (code == 250 && str_eq_nocase(verb, S("MAIL"))) {
        buf_clear(&w->chunks);
        w->answers = 0;
    } else if (code == 250 && str_eq_nocase(verb, S("RCPT"))) {
        w->answers++;
    } else if (code == 354) {
        ORACLE_ASSERT(w->r, str_eq_nocase(verb, S("DATA")));
        oracle_data(w);
    } else if (str_eq_nocase(verb, S("BDAT")) && code != 500 && code != 501) {
        oracle_chunk(w, str_trim(scan_rest(&in)), code);
    } else if (str_eq_nocase(verb, S("QUIT")) && code == 221) {
        ORACLE_ASSERT(w->r, w->next == w->r->said.count && w->r->ended_here);
    }
}

static inline void oracle_data(struct walk *w)
{
    bool ended;
    size_t left;
    struct buf ignored AUTO(buf_done);
    buf_init(&ignored, 64 * MIB);
    simple_data(w->rest, w->r->policy, true, &ignored, &ended, &left);
    struct str octets = str_upto(w->rest, w->rest.len - left);
    w->rest = ended ? str_from(w->rest, octets.len) : S("");
    if (ended)
        oracle_finals(w, octets, true, w->r->is_lmtp ? w->answers : 1);
    else
        ORACLE_ASSERT(w->r, oracle_is_over(w));
}

// RFC 3030 2: the octets of a chunk follow whatever is answered.
static inline void oracle_chunk(struct walk *w, struct str args, int code)
{
    struct scan in = scan_over(args);
    uint64_t bytes;
    bool counts = scan_u64(&in, INT64_MAX, &bytes);
    ORACLE_ASSERT(w->r, counts);
    ORACLE_ASSERT(w->r, bytes <= w->rest.len); // else nothing can have been answered
    struct str chunk = str_upto(w->rest, (size_t)bytes);
    w->rest = str_from(w->rest, (size_t)bytes);
    bool is_last = scan_blanks(&in) > 0 && str_eq_nocase(scan_rest(&in), S("LAST"));
    if (code != 503) // out of sequence: not a part of any message
        buf_add(&w->chunks, chunk);
    if (!is_last)
        return;
    w->next--;
    oracle_finals(w, buf_str(&w->chunks), false, w->r->is_lmtp && code != 503 ? w->answers : 1);
}

// RFC 2033 4.2: LMTP answers for each recipient. When the session ends here there may be less.
static inline void oracle_finals(struct walk *w, struct str octets, bool dotted, size_t count)
{
    for (size_t i = 0; i < count && !oracle_is_over(w); i++) {
        struct said *said = &w->r->said.at[w->next++];
        uint64_t id = said->code == 250 ? oracle_id(said->text) : 0;
        if (id != 0)
            oracle_kept(w, id, octets, dotted);
        w->queued += id != 0;
    }
    w->answers = 0; // the transaction is over
}

static inline void oracle_kept(struct walk *w, uint64_t id, struct str octets, bool dotted)
{
    bool ended, is_found = false;
    size_t left;
    struct buf expected AUTO(buf_done);
    buf_init(&expected, 64 * MIB);
    each_in_vec (k, &w->r->kept) {
        if (k->id != id)
            continue;
        is_found = true;
        buf_clear(&expected);
        if (k->is_binary)
            buf_add(&expected, octets);
        else
            simple_data(octets, w->r->policy, dotted, &expected, &ended, &left);
        ORACLE_ASSERT(w->r, str_eq(buf_str(&expected), k->bytes));
    }
    ORACLE_ASSERT(w->r, is_found);
}

static inline uint64_t oracle_id(struct str text)
{
    struct str mark = S(" queued with id ");
    size_t at = str_find(text, mark);
    uint64_t id = 0;
    struct scan in = scan_over(at == STR_NOT_FOUND ? S("") : str_from(text, at + mark.len));
    return scan_hex_u64(&in, 16, &id) ? id : 0;
}
