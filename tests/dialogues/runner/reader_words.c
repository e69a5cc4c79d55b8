// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/reader_words.c: keyword lines: a word and its arguments.
#include "dialogue.h"

#define ARGUMENTS_MAX 8

struct arguments {
    struct str plain[ARGUMENTS_MAX]; // words without '='
    size_t plain_count;
    struct {
        struct str key, value;
        bool used;
    } named[ARGUMENTS_MAX];
    size_t named_count;
};

typedef struct err word_read(struct reader *r, struct step *step, struct arguments *a);

static word_read read_connect, read_accept, read_on, read_nothing, read_silent, read_ip, read_heal,
        read_wait, read_number, read_seed, read_tls, read_file, read_zone, read_dns, read_run,
        read_queue, read_message, read_fault;
static struct err read_arguments(struct reader *r, struct str rest, struct arguments *a);
static struct err check_used(struct reader *r, struct arguments *a, size_t plain_used);
static struct str named(struct arguments *a, struct str key);
static bool plain_flag(struct arguments *a, struct str word);
static struct err new_connection(
        struct reader *r, struct step *step, struct arguments *a, char role);
static struct err read_tls_words(struct reader *r, struct step *step, struct arguments *a);
static struct err read_word_when(struct reader *r, struct str *word, struct when *out);

enum block { BLOCK_NONE, BLOCK_NEEDED, BLOCK_MAY };

static const struct word {
    struct str word;
    enum step_kind kind;
    word_read *read;
    enum block block;
    bool may_be_shared; // before the first case
    bool may_have_time; // accept(15m), closed(5m)
} words[] = {
        {S_INIT("connect"), STEP_CONNECT, read_connect, BLOCK_NONE, false, false},
        {S_INIT("accept"), STEP_ACCEPT, read_accept, BLOCK_NONE, false, true},
        {S_INIT("on"), STEP_ON, read_on, BLOCK_NONE, false, false},
        {S_INIT("closed"), STEP_CLOSED, read_nothing, BLOCK_NONE, false, true},
        {S_INIT("aborted"), STEP_ABORTED, read_nothing, BLOCK_NONE, false, true},
        {S_INIT("silent"), STEP_SILENT, read_silent, BLOCK_NONE, false, false},
        {S_INIT("close"), STEP_CLOSE, read_nothing, BLOCK_NONE, false, false},
        {S_INIT("abort"), STEP_ABORT, read_nothing, BLOCK_NONE, false, false},
        {S_INIT("tls"), STEP_TLS, read_tls, BLOCK_NONE, false, false},
        {S_INIT("segment"), STEP_SEGMENT, read_number, BLOCK_NONE, true, false},
        {S_INIT("cut"), STEP_CUT, read_ip, BLOCK_NONE, false, false},
        {S_INIT("heal"), STEP_HEAL, read_heal, BLOCK_NONE, false, false},
        {S_INIT("wait"), STEP_WAIT, read_wait, BLOCK_NONE, false, false},
        {S_INIT("clock"), STEP_CLOCK, read_wait, BLOCK_NONE, false, false},
        {S_INIT("crash"), STEP_CRASH, read_nothing, BLOCK_NONE, false, false},
        {S_INIT("start"), STEP_START, read_nothing, BLOCK_NONE, false, false},
        {S_INIT("drain"), STEP_DRAIN, read_nothing, BLOCK_NONE, false, false},
        {S_INIT("reload"), STEP_RELOAD, read_nothing, BLOCK_NONE, false, false},
        {S_INIT("seed"), STEP_SEED, read_seed, BLOCK_NONE, true, false},
        {S_INIT("config"), STEP_CONFIG, read_nothing, BLOCK_NEEDED, true, false},
        {S_INIT("file"), STEP_FILE, read_file, BLOCK_NEEDED, true, false},
        {S_INIT("zone"), STEP_ZONE, read_zone, BLOCK_NEEDED, true, false},
        {S_INIT("dns"), STEP_DNS, read_dns, BLOCK_NONE, true, false},
        {S_INIT("events"), STEP_EVENTS, read_nothing, BLOCK_NEEDED, false, false},
        {S_INIT("metrics"), STEP_METRICS, read_nothing, BLOCK_NEEDED, false, false},
        {S_INIT("run"), STEP_RUN, read_run, BLOCK_MAY, false, false},
        {S_INIT("exit"), STEP_EXIT, read_number, BLOCK_NONE, false, false},
        {S_INIT("queue"), STEP_QUEUE, read_queue, BLOCK_MAY, false, false},
        {S_INIT("message"), STEP_MESSAGE, read_message, BLOCK_NEEDED, false, false},
        {S_INIT("fault"), STEP_FAULT, read_fault, BLOCK_NONE, false, false},
};

struct err reader_keyword(struct reader *r, struct str line, bool has_block, struct step **out)
{
    struct str word = line, rest = S("");
    struct when when = {0};
    struct arguments a = {0};
    str_cut(line, ' ', &word, &rest);
    TRY(read_word_when(r, &word, &when));
    const struct word *row = NULL;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(words[i].word, word))
            row = &words[i];
    if (row == NULL)
        return reader_wrong(r, "no such word: %.*s", ARG(word));
    if (r->into == &r->out->shared && !row->may_be_shared)
        return reader_wrong(r, "%.*s belongs into a case", ARG(word));
    if (has_block && row->block == BLOCK_NONE)
        return reader_wrong(r, "%.*s has no block", ARG(word));
    if (!has_block && row->block == BLOCK_NEEDED)
        return reader_wrong(
                r, "%.*s needs a block: a ':' at the end, indented lines below", ARG(word));
    if (when.kind != WHEN_SOON && !row->may_have_time)
        return reader_wrong(r, "%.*s has no time", ARG(word));
    struct step *step = reader_step(r, row->kind);
    if (step == NULL)
        return reader_wrong(r, "too many steps");
    step->when = when;
    step->has_block = has_block;
    *out = step;
    if (row->kind == STEP_RUN) {
        step->name = rest;
        return read_run(r, step, &a);
    }
    TRY(read_arguments(r, rest, &a));
    return row->read(r, step, &a);
}

static struct err read_word_when(struct reader *r, struct str *word, struct when *out)
{
    struct str name, time;
    if (!str_cut(*word, '(', &name, &time))
        return OK;
    if (!str_ends(time, S(")")))
        return reader_wrong(r, "a time without its )");
    time = str_upto(time, time.len - 1);
    bool by = str_starts(time, S("<"));
    if (!duration_read(by ? str_from(time, 1) : time, &out->ms))
        return reader_wrong(r, "a time is written like 5ms, 30s, 15m, 2h or 5d");
    out->kind = by ? WHEN_BY : WHEN_AT;
    *word = name;
    return OK;
}

static struct err read_arguments(struct reader *r, struct str rest, struct arguments *a)
{
    struct str word;
    while (str_split(&rest, ' ', &word)) {
        if (word.len == 0)
            continue;
        if (a->plain_count == ARGUMENTS_MAX || a->named_count == ARGUMENTS_MAX)
            return reader_wrong(r, "too many arguments");
        if (str_cut(word, '=', &a->named[a->named_count].key, &a->named[a->named_count].value))
            a->named_count++;
        else
            a->plain[a->plain_count++] = word;
    }
    return OK;
}

static struct err check_used(struct reader *r, struct arguments *a, size_t plain_used)
{
    if (a->plain_count > plain_used)
        return reader_wrong(r, "unexpected argument: %.*s", ARG(a->plain[plain_used]));
    for (size_t i = 0; i < a->named_count; i++)
        if (!a->named[i].used)
            return reader_wrong(r, "unexpected argument: %.*s=", ARG(a->named[i].key));
    return OK;
}

static struct str named(struct arguments *a, struct str key)
{
    for (size_t i = 0; i < a->named_count; i++)
        if (!a->named[i].used && str_eq(a->named[i].key, key)) {
            a->named[i].used = true;
            return a->named[i].value;
        }
    return STR_NULL;
}

// Takes the word out of the plain ones, wherever it stands behind the first.
static bool plain_flag(struct arguments *a, struct str word)
{
    for (size_t i = 1; i < a->plain_count; i++) {
        if (!str_eq(a->plain[i], word))
            continue;
        for (a->plain_count--; i < a->plain_count; i++)
            a->plain[i] = a->plain[i + 1];
        return true;
    }
    return false;
}

// --- Connections ---------------------------------------------------------------------------------

// "connect" name "from=" ip "to=" [ip] ":" port [ "tls" tls-words ]
static struct err read_connect(struct reader *r, struct step *step, struct arguments *a)
{
    struct str from = named(a, S("from")), to = named(a, S("to"));
    uint64_t port = 0;
    if (str_is_null(from) || !ip_parse(from, &step->from))
        return reader_wrong(r, "connect needs from=IP");
    bool is_own = str_starts(to, S(":")) && str_to_u64(str_from(to, 1), UINT16_MAX, &port);
    if (is_own)
        step->at.port = (uint16_t)port;
    else if (str_is_null(to) || !endpoint_parse(to, &step->at))
        return reader_wrong(r, "connect needs to=IP:PORT or to=:PORT");
    return new_connection(r, step, a, 'C');
}

// "accept" [ "(" time ")" ] name "at=" ip ":" port [ "tls" tls-words ]
static struct err read_accept(struct reader *r, struct step *step, struct arguments *a)
{
    struct str at = named(a, S("at"));
    if (str_is_null(at) || !endpoint_parse(at, &step->at))
        return reader_wrong(r, "accept needs at=IP:PORT");
    return new_connection(r, step, a, 'S');
}

static struct err new_connection(
        struct reader *r, struct step *step, struct arguments *a, char role)
{
    if (a->plain_count == 0)
        return reader_wrong(r, "a connection needs a name");
    step->name = a->plain[0];
    if (r->connection_count == COUNT_OF(r->connections))
        return reader_wrong(r, "too many connections in one case");
    for (size_t i = 0; i < r->connection_count; i++)
        if (str_eq(r->connections[i].name, step->name))
            return reader_wrong(r, "there is a connection named %.*s already", ARG(step->name));
    r->connections[r->connection_count].name = step->name;
    r->connections[r->connection_count++].role = role;
    r->role = role;
    step->tls.wanted = plain_flag(a, S("tls"));
    if (step->tls.wanted)
        TRY(read_tls_words(r, step, a));
    return check_used(r, a, 1);
}

static struct err read_on(struct reader *r, struct step *step, struct arguments *a)
{
    if (a->plain_count != 1)
        return reader_wrong(r, "on NAME");
    step->name = a->plain[0];
    for (size_t i = 0; i < r->connection_count; i++)
        if (str_eq(r->connections[i].name, step->name)) {
            r->role = r->connections[i].role;
            return check_used(r, a, 1);
        }
    return reader_wrong(r, "there is no connection named %.*s", ARG(step->name));
}

static struct err read_tls(struct reader *r, struct step *step, struct arguments *a)
{
    step->tls.wanted = true;
    if (a->plain_count == 1 && str_eq(a->plain[0], S("fails"))) {
        step->tls.fails = true;
        a->plain_count = 0;
    }
    TRY(read_tls_words(r, step, a));
    return check_used(r, a, 0);
}

static struct err read_tls_words(struct reader *r, struct step *step, struct arguments *a)
{
    static const struct str versions[] = {
            S_INIT("TLSv1"), S_INIT("TLSv1.1"), S_INIT("TLSv1.2"), S_INIT("TLSv1.3")};
    struct tls_words *t = &step->tls;
    t->sni = named(a, S("sni"));
    t->cert = named(a, S("cert"));
    t->version = named(a, S("version"));
    t->expect = named(a, S("expect"));
    t->reason = named(a, S("fails"));
    t->fails |= plain_flag(a, S("fails")) || !str_is_null(t->reason);
    const struct str given[] = {t->version, t->expect};
    for (size_t i = 0; i < COUNT_OF(given); i++) {
        bool known = str_is_null(given[i]);
        for (size_t v = 0; v < COUNT_OF(versions); v++)
            known |= str_eq(versions[v], given[i]);
        if (!known)
            return reader_wrong(r, "a version of TLS is TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3");
    }
    return OK;
}

// --- The rest ------------------------------------------------------------------------------------

static struct err read_nothing(struct reader *r, struct step *step, struct arguments *a)
{
    bool needs_connection = step->kind == STEP_CLOSED || step->kind == STEP_ABORTED ||
                            step->kind == STEP_CLOSE || step->kind == STEP_ABORT;
    if (needs_connection && r->role == 0)
        return reader_wrong(r, "there is no connection yet: connect, or accept");
    return check_used(r, a, 0);
}

static struct err read_wait(struct reader *r, struct step *step, struct arguments *a)
{
    if (a->plain_count != 1 || !duration_read(a->plain[0], &step->number))
        return reader_wrong(r, "a time is written like 5ms, 30s, 15m, 2h or 5d");
    return check_used(r, a, 1);
}

static struct err read_silent(struct reader *r, struct step *step, struct arguments *a)
{
    if (r->role == 0)
        return reader_wrong(r, "there is no connection yet: connect, or accept");
    return read_wait(r, step, a);
}

static struct err read_ip(struct reader *r, struct step *step, struct arguments *a)
{
    if (a->plain_count != 1 || !ip_parse(a->plain[0], &step->from))
        return reader_wrong(r, "an IP address belongs here");
    return check_used(r, a, 1);
}

static struct err read_heal(struct reader *r, struct step *step, struct arguments *a)
{
    return a->plain_count == 0 ? check_used(r, a, 0) : read_ip(r, step, a);
}

static struct err read_number(struct reader *r, struct step *step, struct arguments *a)
{
    uint64_t number;
    if (a->plain_count != 1 || !str_to_u64(a->plain[0], INT32_MAX, &number))
        return reader_wrong(r, "a number belongs here");
    step->number = (int64_t)number;
    return check_used(r, a, 1);
}

// The world of a case is made from it, so it is the same wherever in the case it stands.
static struct err read_seed(struct reader *r, struct step *step, struct arguments *a)
{
    each_in_vec (other, &r->into->steps) {
        if (other != step && other->kind == STEP_SEED)
            return reader_wrong(r, "line %u has a seed already", other->line);
    }
    return read_number(r, step, a);
}

static struct err read_file(struct reader *r, struct step *step, struct arguments *a)
{
    if (a->plain_count != 1 || !str_starts(a->plain[0], S("/")))
        return reader_wrong(r, "file /ABSOLUTE/PATH:");
    step->name = a->plain[0];
    return check_used(r, a, 1);
}

static struct err read_zone(struct reader *r, struct step *step, struct arguments *a)
{
    if (a->plain_count == 0)
        return reader_wrong(r, "zone NAME [secure|bogus]:");
    step->name = a->plain[0];
    step->secure = plain_flag(a, S("secure"));
    step->bogus = plain_flag(a, S("bogus"));
    return check_used(r, a, 1);
}

// "dns" name [type] ( "servfail" / "timeout" / "delay=" duration )
static struct err read_dns(struct reader *r, struct step *step, struct arguments *a)
{
    struct str delay = named(a, S("delay"));
    struct dns_words *dns = &step->dns;
    size_t used = a->plain_count;
    if (!str_is_null(delay)) {
        dns->trouble = TROUBLE_DELAY;
        if (!duration_read(delay, &dns->delay_ms))
            return reader_wrong(r, "a time is written like 5ms, 30s, 15m, 2h or 5d");
    } else if (plain_flag(a, S("servfail"))) {
        dns->trouble = TROUBLE_SERVFAIL;
    } else if (plain_flag(a, S("timeout"))) {
        dns->trouble = TROUBLE_TIMEOUT;
    } else {
        used = 0;
    }
    if (used == 0 || a->plain_count < 1 || a->plain_count > 2)
        return reader_wrong(r, "dns NAME [TYPE] servfail|timeout|delay=TIME");
    dns->name = a->plain[0];
    dns->type = a->plain_count == 2 ? a->plain[1] : S("");
    return check_used(r, a, a->plain_count);
}

static struct err read_run(struct reader *r, struct step *step, struct arguments *a UNUSED)
{
    return step->name.len == 0 ? reader_wrong(r, "run ARGUMENTS:") : OK;
}

// "queue" "empty" / "queue:" and rows
static struct err read_queue(struct reader *r, struct step *step, struct arguments *a)
{
    bool empty = a->plain_count == 1 && str_eq(a->plain[0], S("empty"));
    if (empty == step->has_block || a->plain_count > empty)
        return reader_wrong(r, "queue empty, or queue: and a row for each unit");
    return check_used(r, a, empty);
}

// "message" id ":" and all of its lines
static struct err read_message(struct reader *r, struct step *step, struct arguments *a)
{
    if (a->plain_count != 1)
        return reader_wrong(r, "message ID:");
    struct err e = template_parse(r->arena, a->plain[0], TEMPLATE_LINE, &step->text);
    return failed(e) ? reader_wrong(r, "%.*s", ARG(err_text(e))) : check_used(r, a, 1);
}

static struct err read_fault(struct reader *r, struct step *step, struct arguments *a)
{
    static const struct str faults[] = {[FAULT_COMMIT] = S_INIT("commit"),
            [FAULT_DISK] = S_INIT("disk"),
            [FAULT_DISK_FULL] = S_INIT("disk-full")};
    struct str word = a->plain_count == 1 ? a->plain[0] : S("");
    size_t which = 0;
    while (which < COUNT_OF(faults) && !str_eq(faults[which], word))
        which++;
    step->number = (int64_t)which;
    return which < COUNT_OF(faults) ? check_used(r, a, 1)
                                    : reader_wrong(r, "fault commit|disk|disk-full");
}

bool duration_read(struct str text, int64_t *out_ms)
{
    static const struct {
        struct str unit;
        int64_t ms;
    } units[] = {{S_INIT("ms"), 1}, {S_INIT("s"), SECOND_MS}, {S_INIT("m"), MINUTE_MS},
            {S_INIT("h"), HOUR_MS}, {S_INIT("d"), DAY_MS}};
    struct scan in = scan_over(text);
    uint64_t number;
    if (!scan_u64(&in, 1000000, &number))
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (str_eq(scan_rest(&in), units[i].unit)) {
            *out_ms = (int64_t)number * units[i].ms;
            return true;
        }
    return false;
}
