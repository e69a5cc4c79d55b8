// SPDX-License-Identifier: Apache-2.0
// tests/sim/delivery_host.c: hosts that mail goes to. One that lies does so once in a connection,
// at a stage and in a way that the seed chooses. What a host has taken it writes down at once; that
// we know of it, it sees from what we say next: then it must never be offered that again.
#define POSTHASTE_BASE_ROOM
#include "delivery.h"

#define LINE_BYTES_MAX (4 * KIB)
#define BODY_BYTES_MAX (256 * KIB)
#define ARENA_BYTES_MAX (64 * KIB)
#define FLOOD_LINES 10000
#define SLOW_MS SECOND_MS
#define RCPTS_MAX (2 * MAIL_RCPTS_MAX) // of a transaction

enum stage {
    AT_GREETING,
    AT_EHLO,
    AT_STARTTLS,
    AT_MAIL,
    AT_RCPT,
    AT_DATA,
    AT_BODY,
    AT_END,
    AT_QUIT,
    STAGES,
};

enum lie {
    LIE_NONE, // or told already
    LIE_CLOSE,
    LIE_RESET,
    LIE_SILENCE,
    LIE_GARBAGE,
    LIE_SLOW, // a byte a second
    LIE_FLOOD,
    LIE_GOODBYE,
    LIE_NOT_NOW,
    LIE_NEVER,
    LIE_THEN_CLOSE,
    LIE_THEN_RESET,
    LIES,
};

struct talk {
    struct host *host;
    struct world *world;
    struct stream *stream;
    enum stage at;
    enum lie lie;
    bool offers_tls, chunks, pipelines;
    bool has_mail, has_no_sender;
    struct mail *mail;                // of the sender; NULL: it has none
    struct rcpt *accepted[RCPTS_MAX]; // of this transaction
    size_t accepted_count;
    struct mail *report_to;
    struct rcpt *taken[RCPTS_MAX]; // of the last one, until what comes next is heard
    size_t taken_count;
    struct buf body;
};

static struct err talk_main(void *talk) suspends;
static struct err converse(struct talk *t) suspends MUST_USE;
static struct err obey(struct talk *t, struct str line, bool *out_ends) suspends MUST_USE;
static struct err on_hello(struct talk *t, bool is_extended) suspends MUST_USE;
static struct err on_mail(struct talk *t, struct str address) suspends MUST_USE;
static struct err on_rcpt(struct talk *t, struct str address) suspends MUST_USE;
static void note_attempt(struct world *w, struct rcpt *r);
static struct err on_data(struct talk *t) suspends MUST_USE;
static struct err go_on(struct talk *t, struct str line, bool *out_ended) suspends MUST_USE;
static struct err on_bdat(struct talk *t, struct str args) suspends MUST_USE;
static struct err end_of_message(struct talk *t) suspends MUST_USE;
static void take(struct talk *t, bool is_honest);
static void take_report(struct talk *t);
static void take_report_line(struct talk *t, struct rcpt *of, struct str action);
static void hear_that_we_know(struct talk *t, struct str line);
static void refuse(struct talk *t, enum stage at);
static struct err say(struct talk *t, enum stage at, struct str line) suspends MUST_USE;
static struct err lie(struct talk *t, enum stage at, struct str line) suspends MUST_USE;
static struct err write_out(struct talk *t, struct str bytes) suspends MUST_USE;
static struct err say_slowly(struct talk *t, struct str bytes) suspends MUST_USE;
static struct err flood(struct talk *t, struct str line) suspends MUST_USE;

static void free_acceptor(struct acceptor **a)
{
    acceptor_free(*a);
}

static bool chance(struct talk *t, uint64_t one_in)
{
    return prng_below(&t->world->chance, one_in) == 0;
}

static bool is_negative(enum lie how)
{
    return how == LIE_GARBAGE || how == LIE_GOODBYE || how == LIE_NOT_NOW || how == LIE_NEVER;
}

struct err host_main(void *arg)
{
    struct host *h = arg;
    struct acceptor *acceptor AUTO(free_acceptor) = NULL;
    struct group talks AUTO(group_end);
    const struct endpoint at = {.ip = h->ip, .port = 25};
    group_begin(&talks);
    TRY(sim_listen_on(h->world->sim, NULL, &at, &(struct listen_options){0}, &acceptor));
    for (;;) {
        struct stream *s;
        TRY(net_accept(acceptor, &s));
        struct talk *t = mem_new(struct talk);
        assert(t != NULL);
        *t = (struct talk){.host = h, .world = h->world, .stream = s};
        TRY(group_spawn(&talks, talk_main, t));
    }
}

static struct err talk_main(void *talk)
{
    struct talk *t = talk;
    struct world *w = t->world;
    w->open++;
    w->open_most = w->open > w->open_most ? w->open : w->open_most;
    buf_init(&t->body, BODY_BYTES_MAX);
    t->pipelines = !chance(t, 3);
    t->chunks = chance(t, 3);
    if (t->host->manner == HOST_LYING && !chance(t, 3)) {
        t->at = (enum stage)prng_below(&t->world->chance, STAGES);
        t->lie = (enum lie)(1 + prng_below(&t->world->chance, LIES - 1));
        t->offers_tls = t->at == AT_STARTTLS;
        t->world->figures[FIGURE_LIES]++;
    }
    if (t->host->manner == HOST_SILENT)
        stream_drain(t->stream, SIZE_MAX);
    else if (converse(t).kind == ERR_LIMIT && !t->offers_tls)
        finding(t->world, "a line that is too long");
    stream_close(t->stream);
    buf_done(&t->body);
    mem_free(t);
    w->open--;
    return OK;
}

static struct err converse(struct talk *t)
{
    bool ends = false;
    TRY(say(t, AT_GREETING, S("220 host.example ESMTP")));
    while (!ends) {
        struct str line;
        TRY(stream_until(t->stream, S("\r\n"), LINE_BYTES_MAX, &line));
        hear_that_we_know(t, line);
        TRY(obey(t, str_upto(line, line.len - 2), &ends));
    }
    return OK;
}

static struct err obey(struct talk *t, struct str line, bool *out_ends)
{
    struct scan in = scan_over(line);
    struct str address;
    if (scan_lit(&in, S("EHLO ")))
        return on_hello(t, true);
    if (scan_lit(&in, S("HELO ")))
        return on_hello(t, false);
    if (scan_lit(&in, S("STARTTLS"))) // it has no certificate, and never meant it
        return say(t, AT_STARTTLS, S("220 2.0.0 go ahead"));
    if (scan_lit(&in, S("MAIL FROM:<")) && scan_until(&in, '>', &address))
        return on_mail(t, address);
    if (scan_lit(&in, S("RCPT TO:<")) && scan_until(&in, '>', &address))
        return on_rcpt(t, address);
    if (scan_lit(&in, S("DATA")))
        return on_data(t);
    if (scan_lit(&in, S("BDAT ")))
        return on_bdat(t, scan_rest(&in));
    if (scan_lit(&in, S("RSET"))) {
        t->has_mail = false;
        return write_out(t, S("250 2.0.0 fine\r\n"));
    }
    if (scan_lit(&in, S("QUIT"))) {
        *out_ends = true;
        return say(t, AT_QUIT, S("221 2.0.0 bye"));
    }
    return write_out(t, S("500 5.5.2 what?\r\n"));
}

static struct err on_hello(struct talk *t, bool is_extended)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, ARENA_BYTES_MAX);
    if (!is_extended)
        return say(t, AT_EHLO, S("250 host.example"));
    return say(t, AT_EHLO,
            arena_fmt(&a, "250-host.example\r\n%s%s%s250 ENHANCEDSTATUSCODES",
                    t->pipelines ? "250-PIPELINING\r\n" : "", t->chunks ? "250-CHUNKING\r\n" : "",
                    t->offers_tls ? "250-STARTTLS\r\n" : ""));
}

static struct err on_mail(struct talk *t, struct str address)
{
    t->mail = world_sender_of(t->world, address);
    t->has_no_sender = address.len == 0;
    t->accepted_count = 0;
    t->report_to = NULL;
    buf_clear(&t->body);
    if (t->mail == NULL && !t->has_no_sender)
        finding(t->world, "a sender that nobody is: %.*s", ARG(address));
    t->has_mail = t->lie == LIE_NONE || t->at != AT_MAIL || !is_negative(t->lie);
    return say(t, AT_MAIL, S("250 2.1.0 fine"));
}

static struct err on_rcpt(struct talk *t, struct str address)
{
    struct rcpt *r = world_rcpt(t->world, address);
    struct mail *home = world_sender_of(t->world, address);
    bool lies = t->host->manner == HOST_LYING;
    if (r == NULL && (home == NULL || !t->has_no_sender))
        finding(t->world, "a recipient that nobody is: %.*s", ARG(address));
    if (r != NULL && r->is_sure)
        finding(t->world, "%.*s is tried again, and had arrived", ARG(address));
    if (r != NULL)
        note_attempt(t->world, r);
    if (!t->has_mail)
        return write_out(t, S("503 5.5.1 whose?\r\n"));
    if (t->host->manner == HOST_TEMPORARY || (lies && chance(t, 12)))
        return write_out(t, S("450 4.2.1 not now\r\n"));
    if (r != NULL && lies && chance(t, 20)) {
        r->refused = true;
        return write_out(t, S("550 5.1.1 nobody\r\n"));
    }
    if (lies && t->accepted_count > 0 && chance(t, 8))
        return write_out(t, S("452 4.5.3 too many\r\n"));
    bool now = t->lie != LIE_NONE && t->at == AT_RCPT;
    if (now && is_negative(t->lie)) {
        if (r != NULL)
            r->refused |= t->lie == LIE_NEVER;
        return say(t, AT_RCPT, S("250 2.1.5 fine"));
    }
    if (r != NULL && t->accepted_count < RCPTS_MAX)
        t->accepted[t->accepted_count++] = r;
    t->report_to = home;
    return say(t, AT_RCPT, S("250 2.1.5 fine"));
}

static void note_attempt(struct world *w, struct rcpt *r)
{
    const struct attempt seen = {.rcpt = r, .at_ms = wall_ms()};
    buf_add(&w->attempts, str_of((const char *)&seen, sizeof(seen)));
}

static struct err on_data(struct talk *t)
{
    bool lies = t->lie != LIE_NONE && t->at == AT_BODY && t->lie <= LIE_SILENCE;
    if (t->accepted_count == 0 && t->report_to == NULL)
        return write_out(t, S("503 5.5.1 nobody wants it\r\n"));
    bool has_ended = false;
    TRY(go_on(t, S("354 go on"), &has_ended));
    while (!has_ended) {
        struct str line;
        TRY(stream_until(t->stream, S("\r\n"), LINE_BYTES_MAX, &line));
        if (str_eq(line, S(".\r\n")))
            return end_of_message(t);
        buf_add(&t->body, line.ptr[0] == '.' ? str_from(line, 1) : line);
        if (lies && chance(t, 5))
            return lie(t, AT_BODY, S(""));
    }
    return OK;
}

// Unless what it says is no.
static struct err go_on(struct talk *t, struct str line, bool *out_ended)
{
    *out_ended = t->lie != LIE_NONE && t->at == AT_DATA && is_negative(t->lie);
    TRY(say(t, AT_DATA, line));
    if (*out_ended) {
        t->accepted_count = 0;
        t->report_to = NULL;
    }
    return OK;
}

static struct err on_bdat(struct talk *t, struct str args)
{
    struct scan in = scan_over(args);
    uint64_t left;
    if (!scan_u64(&in, BODY_BYTES_MAX, &left))
        return fail(ERR_SYNTAX, "no chunk");
    bool is_last = scan_lit(&in, S(" LAST"));
    if (t->lie != LIE_NONE && t->at == AT_BODY && t->lie <= LIE_SILENCE)
        return lie(t, AT_BODY, S(""));
    while (left > 0) {
        struct str piece;
        TRY(stream_read(t->stream, left, &piece));
        buf_add(&t->body, piece);
        left -= piece.len;
    }
    if (t->accepted_count == 0 && t->report_to == NULL)
        return write_out(t, S("503 5.5.1 nobody wants it\r\n"));
    bool has_ended;
    return is_last ? end_of_message(t) : go_on(t, S("250 2.0.0 and then?"), &has_ended);
}

// --- Who has what --------------------------------------------------------------------------------

static struct err end_of_message(struct talk *t)
{
    enum lie how = t->at == AT_END ? t->lie : LIE_NONE;
    t->has_mail = false;
    switch (how) {
    case LIE_NONE:
    case LIE_SLOW:
    case LIE_THEN_CLOSE:
        take(t, true);
        break;
    case LIE_CLOSE:
    case LIE_RESET:
    case LIE_SILENCE:
    case LIE_GARBAGE:
        if (chance(t, 2))
            take(t, false);
        break;
    case LIE_FLOOD:
    case LIE_THEN_RESET:
        take(t, false);
        break;
    case LIE_GOODBYE:
    case LIE_NOT_NOW:
    case LIE_NEVER:
    case LIES:
        break;
    }
    if (t->host->manner == HOST_SLOW)
        TRY(task_sleep_ms(SLOW_MS));
    return say(t, AT_END, S("250 2.0.0 it is ours now"));
}

static void take(struct talk *t, bool is_honest)
{
    struct world *w = t->world;
    struct buf want AUTO(buf_done);
    buf_init(&want, BODY_BYTES_MAX);
    t->taken_count = 0;
    if (t->report_to != NULL) {
        take_report(t);
        return;
    }
    mail_write(t->accepted[0]->mail, &want);
    if (!str_ends(buf_str(&t->body), buf_str(&want)))
        finding(w, "mail %u has changed on its way", t->accepted[0]->mail->number);
    for (size_t i = 0; i < t->accepted_count; i++) {
        struct rcpt *r = t->accepted[i];
        if (t->mail != (r->mail->has_no_sender ? NULL : r->mail))
            finding(w, "mail %u has somebody else's recipient", r->mail->number);
        if (r->arrivals > 0 && r->was_honest && w->is_calm)
            finding(w, "mail %u: recipient %zu again, for no reason", r->mail->number, i);
        w->figures[FIGURE_AGAIN] += r->arrivals > 0;
        r->arrivals++;
        r->was_honest |= is_honest;
        t->taken[t->taken_count++] = r;
        note(w, "r%u.%zu arrives%s", r->mail->number, (size_t)(r - r->mail->rcpts),
                is_honest ? "" : ", unclearly");
    }
}

// After a reply we say something else, when all is on disk; or this message's other recipients.
static void hear_that_we_know(struct talk *t, struct str line)
{
    struct scan in = scan_over(line);
    struct str address;
    bool is_mail = scan_lit(&in, S("MAIL FROM:<")) && scan_until(&in, '>', &address);
    if (t->taken_count == 0)
        return;
    bool is_other =
            is_mail && address.len > 0 && world_sender_of(t->world, address) != t->taken[0]->mail;
    for (size_t i = 0; (is_other || str_starts(line, S("QUIT"))) && i < t->taken_count; i++)
        t->taken[i]->is_sure = true;
    t->taken_count = 0;
}

// RFC 3464: a block for each recipient.
static void take_report(struct talk *t)
{
    struct scan in = scan_over(buf_str(&t->body));
    struct str line;
    struct rcpt *of = NULL;
    size_t count = 0;
    while (scan_line(&in, &line)) {
        struct scan at = scan_over(str_trim(line));
        if (scan_lit(&at, S("Final-Recipient: rfc822;"))) {
            of = world_rcpt(t->world, str_trim(scan_rest(&at)));
            if (of == NULL || of->mail != t->report_to)
                finding(t->world, "a report about somebody else: %.*s", ARG(line));
        } else if (of != NULL && scan_lit(&at, S("Action: "))) {
            take_report_line(t, of, scan_rest(&at));
            count++;
        }
    }
    if (count == 0)
        finding(t->world, "a report about nobody to the sender of mail %u", t->report_to->number);
}

static void take_report_line(struct talk *t, struct rcpt *of, struct str action)
{
    note(t->world, "r%u.%zu is reported: %.*s", of->mail->number, (size_t)(of - of->mail->rcpts),
            ARG(action));
    if (str_eq(action, S("delayed"))) {
        if (of->delays < DELAYS_MAX)
            of->delay_at_ms[of->delays] = wall_ms();
        of->delays++;
    } else if (str_eq(action, S("failed"))) {
        of->failure_at_ms = wall_ms();
        of->failures++;
    } else {
        finding(t->world, "a report that says %.*s", ARG(action));
    }
}

// Of recipients on_rcpt has noted it.
static void refuse(struct talk *t, enum stage at)
{
    if (at == AT_GREETING)
        t->host->has_refused_all = true;
    for (size_t i = 0; at > AT_RCPT && i < t->accepted_count; i++)
        t->accepted[i]->refused = true;
    for (size_t i = 0; at == AT_MAIL && i < t->mail->rcpt_count; i++)
        t->mail->rcpts[i].refused = true;
}

// --- What is said --------------------------------------------------------------------------------

static struct err say(struct talk *t, enum stage at, struct str line)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, ARENA_BYTES_MAX);
    if (t->lie != LIE_NONE && t->at == at)
        return lie(t, at, line);
    return write_out(t, arena_fmt(&a, "%.*s\r\n", ARG(line)));
}

// Once; what it says afterwards is true.
static struct err lie(struct talk *t, enum stage at, struct str line)
{
    struct arena a AUTO(arena_done);
    enum lie how = t->lie;
    arena_init(&a, ARENA_BYTES_MAX);
    struct str whole = arena_fmt(&a, "%.*s\r\n", ARG(line));
    bool may_refuse = !t->host->is_home && (at != AT_MAIL || t->mail != NULL);
    t->lie = LIE_NONE;
    note(t->world, "host %u lies at stage %d: %d", t->host->ip.bytes[3], at, how);
    switch (how) {
    case LIE_CLOSE:
        return fail(ERR_CLOSED, "closed");
    case LIE_RESET:
        sim_stream_abort(t->stream);
        return fail(ERR_CLOSED, "reset");
    case LIE_SILENCE:
        if (at == AT_DATA)
            TRY(write_out(t, whole));
        stream_drain(t->stream, SIZE_MAX);
        return fail(ERR_CLOSED, "it went away");
    case LIE_GARBAGE:
        return write_out(t, S("\x01\xff what is \x80 this?\r\n"));
    case LIE_SLOW:
        return say_slowly(t, whole);
    case LIE_FLOOD:
        return flood(t, line);
    case LIE_GOODBYE:
        TRY(write_out(t, S("421 4.3.2 going down\r\n")));
        return fail(ERR_CLOSED, "421");
    case LIE_NEVER:
        if (may_refuse) {
            refuse(t, at);
            return write_out(t, S("554 5.7.1 never\r\n"));
        }
        return write_out(t, S("451 4.3.0 not now\r\n"));
    case LIE_NOT_NOW:
        return write_out(t, S("451 4.3.0 not now\r\n"));
    case LIE_THEN_CLOSE:
        TRY(write_out(t, whole));
        return fail(ERR_CLOSED, "closed");
    case LIE_THEN_RESET:
        TRY(write_out(t, whole));
        sim_stream_abort(t->stream);
        return fail(ERR_CLOSED, "reset");
    case LIE_NONE:
    case LIES:
        break;
    }
    return OK;
}

static struct err write_out(struct talk *t, struct str bytes)
{
    TRY(stream_write(t->stream, bytes));
    return stream_flush(t->stream);
}

static struct err say_slowly(struct talk *t, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        TRY(task_sleep_ms(SECOND_MS));
        TRY(write_out(t, str_part(bytes, i, 1)));
    }
    return OK;
}

static struct err flood(struct talk *t, struct str line)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, ARENA_BYTES_MAX);
    struct str more = arena_fmt(&a, "%.*s-more and more of it\r\n", ARG(str_upto(line, 3)));
    for (size_t i = 0; i < FLOOD_LINES; i++)
        TRY(stream_write(t->stream, more));
    return write_out(t, arena_fmt(&a, "%.*s\r\n", ARG(line)));
}
