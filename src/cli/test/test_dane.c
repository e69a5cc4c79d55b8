// SPDX-License-Identifier: Apache-2.0
// cli/test/test_dane.c: `posthaste test dane`. The verification of the server after a handshake.
#include "cli/commands.h"
#include "cli/one_task.h"
#include "cli/test/message_read.h"

#include "base/encode.h"
#include "deliver/security/dane.h"
#include "deliver/security/tls_chain.h"

#define TLSA_FILE_BYTES_MAX ((size_t)1 * MIB)
#define PEM_FILE_BYTES_MAX ((size_t)4 * MIB)
#define WHY_BYTES_MAX (16 * KIB)

static const struct cli_option options[] = {
        {.name = S_INIT("host"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME"),
                .required = true,
                .help = "the name that the certificate should have"},
        {.name = S_INIT("tlsa"),
                .takes = OPTION_TEXT,
                .value = S_INIT("FILE"),
                .required = true,
                .help = "TLSA records, a line each: usage selector matching hex"},
        {.name = S_INIT("chain"),
                .takes = OPTION_TEXT,
                .value = S_INIT("PEM"),
                .required = true,
                .help = "the certificates that the peer sent, its own first"},
        {.name = S_INIT("anchors"),
                .takes = OPTION_TEXT,
                .value = S_INIT("PEM"),
                .help = "the public authorities, for usages 0 and 1"},
        {.name = S_INIT("profile"),
                .takes = OPTION_CHOICE,
                .value = S_INIT("smtp|generic"),
                .help = "smtp is RFC 7672 (the default), generic RFC 6698 and 7671"},
        {.name = S_INIT("ee-name-checks"), .help = "with generic: usage 3 needs the name as well"},
        {.name = S_INIT("now"),
                .takes = OPTION_NUMBER,
                .value = S_INIT("EPOCH"),
                .max = INT64_MAX / 1000,
                .help = "seconds since 1970 (default: now)"},
};

struct test {
    struct cli *c;
    struct str host;
    VEC(struct dns_tlsa) records;
    STACK_OF(X509) * chain;
    X509_STORE *anchors;
    size_t usable_count;
    struct dane_match match;
    struct str why; // of what is no match
};

static int read_all(struct test *t);
static int read_text(struct cli *c, struct str option, struct buf *into);
static int read_records(struct test *t);
static bool read_record(struct arena *a, struct str line, struct dns_tlsa *out);
static int read_chain(struct test *t, struct str option, STACK_OF(X509) * *out);
static int read_anchors(struct test *t);
static struct err check(void *test) suspends;
static struct str why_unusable(struct test *t, enum dane_profile profile);
static struct str why_no_match(struct test *t);
static void print(const struct test *t, struct json_out *o);
static void number_or_null(struct json_out *o, struct str key, bool there, uint64_t number);

static int run(struct cli *c)
{
    struct test t = {.c = c};
    int status = read_all(&t);
    struct err e = status == CLI_OK ? one_task_run(check, &t) : OK;
    if (failed(e))
        status = cli_fail(c, CLI_INTERNAL, e);
    if (status == CLI_OK) {
        struct json_out o = cli_json_begin(c);
        print(&t, &o);
        status = cli_json_end(c, CLI_OK);
    }
    tls_chain_free(t.chain);
    X509_STORE_free(t.anchors);
    return status;
}

static int read_all(struct test *t)
{
    struct str host = cli_text(t->c, S("host"), S(""));
    if (host.len > 1 && str_ends(host, S(".")))
        host.len--;
    t->host = arena_str_lower(&t->c->arena, host);
    if (str_is_empty(t->host))
        return cli_usage_error(t->c, fail(ERR_SYNTAX, "--host is empty"));
    int status = read_records(t);
    if (status == CLI_OK)
        status = read_chain(t, S("chain"), &t->chain);
    return status == CLI_OK && cli_has(t->c, S("anchors")) ? read_anchors(t) : status;
}

static int read_text(struct cli *c, struct str option, struct buf *into)
{
    struct err e = cli_read_file(c, cli_text(c, option, S("")), into);
    return failed(e) ? cli_fail(c, cli_status_of_file(e), e) : CLI_OK;
}

static int read_records(struct test *t)
{
    struct buf text AUTO(buf_done);
    struct str line;
    size_t number = 0;
    buf_init(&text, TLSA_FILE_BYTES_MAX);
    int status = read_text(t->c, S("tlsa"), &text);
    if (status != CLI_OK)
        return status;
    for (struct scan in = scan_over(buf_str(&text)); scan_line(&in, &line);) {
        number++;
        if (str_is_empty(str_trim(line)))
            continue;
        struct dns_tlsa *record = vec_add(&t->c->arena, &t->records);
        if (record == NULL)
            return cli_fail_text(t->c, CLI_INTERNAL, "no memory for records");
        if (!read_record(&t->c->arena, line, record))
            return cli_fail_text(t->c, CLI_DATA, "%.*s:%zu: expected: usage selector matching hex",
                    ARG(cli_text(t->c, S("tlsa"), S(""))), number);
    }
    return CLI_OK;
}

// Blanks within the data are allowed, as in zone files (RFC 6698 2.2).
static bool read_record(struct arena *a, struct str line, struct dns_tlsa *out)
{
    struct scan in = scan_over(str_trim(line));
    struct buf hex AUTO(buf_done), data AUTO(buf_done);
    uint64_t numbers[3];
    uint8_t c;
    buf_init(&hex, TLSA_FILE_BYTES_MAX);
    buf_init(&data, TLSA_FILE_BYTES_MAX);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (!scan_u64(&in, UINT8_MAX, &numbers[i]) || (scan_blanks(&in) == 0 && !scan_end(&in)))
            return false;
    while (scan_any(&in, &c))
        if (!byte_is_blank(c))
            buf_add_byte(&hex, (char)c);
    if (!decode_hex(&data, buf_str(&hex)) || hex.overflow || data.overflow)
        return false;
    *out = (struct dns_tlsa){.usage = (uint8_t)numbers[0],
            .selector = (uint8_t)numbers[1],
            .matching = (uint8_t)numbers[2],
            .data = arena_str(a, buf_str(&data))};
    return !str_is_null(out->data);
}

static int read_chain(struct test *t, struct str option, STACK_OF(X509) * *out)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, PEM_FILE_BYTES_MAX);
    int status = read_text(t->c, option, &text);
    if (status != CLI_OK)
        return status;
    struct err e = tls_chain_read(&t->c->arena, buf_str(&text), out);
    if (failed(e))
        return cli_fail_text(t->c, e.kind == ERR_SYNTAX ? CLI_DATA : CLI_INTERNAL, "%.*s: %.*s",
                ARG(cli_text(t->c, option, S(""))), ARG(err_text(e)));
    return CLI_OK;
}

static int read_anchors(struct test *t)
{
    STACK_OF(X509) *all = NULL;
    int status = read_chain(t, S("anchors"), &all);
    if (status != CLI_OK)
        return status;
    t->anchors = tls_chain_store(all);
    tls_chain_free(all);
    return t->anchors != NULL ? CLI_OK : cli_fail_text(t->c, CLI_INTERNAL, "no memory for anchors");
}

static struct err check(void *test)
{
    struct test *t = test;
    bool generic = str_eq(cli_text(t->c, S("profile"), S("smtp")), S("generic"));
    struct dane_question q = {.profile = generic ? DANE_GENERIC : DANE_SMTP,
            .chain = t->chain,
            .names = &t->host,
            .name_count = 1,
            .names_for_ee = generic && cli_has(t->c, S("ee-name-checks")),
            .anchors = t->anchors,
            .now_ms = message_now_s(t->c) * SECOND_MS};
    size_t count = t->records.count < DANE_RECORDS_MAX ? t->records.count : DANE_RECORDS_MAX;
    TRY(dane_usable(&t->c->arena, q.profile, t->records.at, count, &q.records, &q.record_count));
    t->usable_count = q.record_count;
    if (q.record_count > 0)
        dane_verify(&q, &t->match);
    if (q.record_count == 0)
        t->why = why_unusable(t, q.profile);
    else if (!t->match.matched)
        t->why = why_no_match(t);
    return OK;
}

static struct str why_unusable(struct test *t, enum dane_profile profile)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, WHY_BYTES_MAX);
    if (t->records.count == 0)
        return S("there is no record");
    buf_add(&text, S("no record can be used"));
    for (size_t i = 0; i < t->records.count && i < DANE_RECORDS_MAX; i++) {
        const struct dns_tlsa *r = &t->records.at[i];
        buf_fmt(&text, "; %u %u %u: %.*s", r->usage, r->selector, r->matching,
                ARG(dane_trouble(profile, r)));
    }
    return arena_str(&t->c->arena, buf_str(&text));
}

// A record that fits, and a chain that is wrong all the same, is another mistake than a key that
// nobody shows.
static struct str why_no_match(struct test *t)
{
    const struct dane_match *m = &t->match;
    if (str_eq(m->why, S("No matching certificates found.")))
        return S("no record names a certificate or key of this chain");
    return arena_fmt(&t->c->arena,
            "a record names this chain, which is wrong all the same for %.*s: %.*s", ARG(t->host),
            ARG(m->why));
}

static void print(const struct test *t, struct json_out *o)
{
    const struct dane_match *m = &t->match;
    struct str result = m->matched ? S("match") : S("no-match");
    if (t->usable_count == 0)
        result = S("unusable");
    json_object_begin(o);
    json_put_str(o, S("result"), result);
    number_or_null(o, S("usage"), m->matched, m->record.usage);
    number_or_null(o, S("selector"), m->matched, m->record.selector);
    number_or_null(o, S("matching"), m->matched, m->record.matching);
    number_or_null(o, S("depth"), m->matched, m->depth);
    json_put_str(o, S("verified_name"), m->matched ? m->name : STR_NULL);
    json_put_str(o, S("reason"), t->why);
    json_object_end(o);
}

static void number_or_null(struct json_out *o, struct str key, bool there, uint64_t number)
{
    json_key(o, key);
    if (there)
        json_u64(o, number);
    else
        json_null(o);
}

const struct command command_test_dane = {
        .run = run,
        .about = "Do these TLSA records name this chain of certificates? With the profile smtp as\n"
                 "for a delivery: usages 0 and 1 cannot be used, and usage 3 looks at the key or\n"
                 "certificate alone, whatever its names and dates.\n"
                 "\n"
                 "result is match, no-match, or unusable when no record can be used. A delivery "
                 "goes\n"
                 "on with a match, waits without one, and with records that cannot be used takes\n"
                 "any certificate, but not none. depth is the place of what matched: 0 is the "
                 "peer's\n"
                 "own certificate. reason says what is wrong.",
        .examples = "  posthaste test dane --host mx.example.org --tlsa tlsa.txt --chain chain.pem",
        CLI_OPTIONS(options),
};
