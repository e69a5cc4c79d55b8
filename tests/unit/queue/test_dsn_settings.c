// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_dsn_settings.c: report.dsn.* as configured, and its expressions for a
// message.
#include "../base/check.h"

#include "../conf/conf_of.h"

#include "queue/dsn/dsn.h"

struct loaded {
    struct arena arena;
    struct findings findings;
    struct conf *conf;
    struct dsn_settings settings;
};

static void load(struct loaded *l, const char *text)
{
    arena_init(&l->arena, 64 * MIB);
    l->findings = findings_make(&l->arena);
    l->conf = conf_of(str_from_c(text), &l->findings);
    struct err e = dsn_settings_make(&l->arena, l->conf, &l->findings, &l->settings);
    check_str("made", err_text(e), S(""));
}

static void unload(struct loaded *l)
{
    conf_free(l->conf);
    arena_done(&l->arena);
}

#define HOST "server.hostname = 'mx1.firm.example'\n"

static const struct {
    const char *name, *text, *found;
} finding_cases[] = {
        {"nothing", "", ""},
        {"all of it",
                "[report.dsn]\nfrom-name = \"'X'\"\nfrom-address = \"'x@y.example'\"\n"
                "send = false\nreturn = 'full'\nmax-size = '96k'\nmax-header-size = 1024\n"
                "copy-to = \"'c@y.example'\"\ndouble-bounce-to = \"'d@y.example'\"\n"
                "language = 'de'\nrate = '5/1m'\nreporting-mta = \"'mx.y.example'\"\n",
                ""},
        {"no address", "[report.dsn]\nfrom-address = \"'nobody'\"\n",
                "2 error report.dsn.from-address: \"nobody\" is not an address\n"},
        {"no address for copies", "[report.dsn]\ncopy-to = \"['a@b.example', 'c']\"\n",
                "2 error report.dsn.copy-to: \"c\" is not an address\n"},
        {"copies to their own sender",
                "[report.dsn]\nfrom-address = \"'x@y.example'\"\ncopy-to = \"'X@y.example'\"\n",
                "3 error report.dsn.copy-to: reports to their own sender would loop\n"},
        {"a language that there is not", "[report.dsn]\nlanguage = \"xx\"\n",
                "2 error report.dsn.language: "},
        {"no address for double bounces", "[report.dsn]\ndouble-bounce-to = \"'c'\"\n",
                "2 error report.dsn.double-bounce-to: \"c\" is not an address\n"},
        {"double bounces to their own sender",
                "[report.dsn]\nfrom-address = \"'x@y.example'\"\n"
                "double-bounce-to = \"'x@y.example'\"\n",
                "3 error report.dsn.double-bounce-to: reports to their own sender would loop\n"},
        {"larger than may come back", "[report.dsn]\nmax-size = 98305\n",
                "2 error report.dsn.max-size: "},
};

static void findings_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(finding_cases); i++) {
        const char *name = finding_cases[i].name;
        struct loaded l;
        struct buf got AUTO(buf_done);
        buf_init(&got, 64 * KIB);
        load(&l, finding_cases[i].text);
        each_in_vec (f, &l.findings.all)
            if (str_starts(f->key, S("report.")))
                buf_fmt(&got, "%u %s %.*s: %.*s\n", f->line,
                        f->severity == FINDING_ERROR ? "error" : "warning", ARG(f->key),
                        ARG(f->message));
        struct str want = str_from_c(finding_cases[i].found);
        bool begins = !str_is_empty(want) && !str_ends(want, S("\n"));
        check_str(name, begins ? str_upto(buf_str(&got), want.len) : buf_str(&got), want);
        unload(&l);
    }
}

static void defaults(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HOST);
    check_u64("return", l.settings.returns, DSN_RETURN_AS_REQUESTED);
    check_u64("language", l.settings.language, DSN_ENGLISH);
    check_u64("all of it", l.settings.full_bytes_max, 51200);
    check_u64("header", l.settings.head_bytes_max, 65536);
    check_u64("rate", l.settings.rate.count, 100);
    check_u64("in", (uint64_t)l.settings.rate.period_ms, HOUR_MS);
    check_str("postmaster", l.settings.postmaster, S("postmaster@firm.example"));
    unload(&l);
    load(&l, HOST "report.postmaster = 'ann@firm.example'\n[report.dsn]\nrate = false\n");
    check_str("who", l.settings.postmaster, S("ann@firm.example"));
    check_u64("no rate", l.settings.rate.count, 0);
    unload(&l);
}

// What config_get asks, as a worker answers it.
static struct str config_get(void *self, struct arena *scratch, struct str key)
{
    return conf_key_text(self, scratch, key);
}

static const struct {
    const char *name, *text;
    uint32_t flags;
    const char *said; // name, address, MTA, send, copies, last resort
} word_cases[] = {
        {"defaults", HOST, 0,
                "Mail Delivery Subsystem|MAILER-DAEMON@firm.example|mx1.firm.example|yes|0|"},
        {"by source", HOST "report.dsn.send = \"source != 'unauthenticated'\"\n",
                MESSAGE_UNAUTHENTICATED,
                "Mail Delivery Subsystem|MAILER-DAEMON@firm.example|mx1.firm.example|no|0|"},
        {"by source, another", HOST "report.dsn.send = \"source != 'unauthenticated'\"\n",
                MESSAGE_AUTHENTICATED,
                "Mail Delivery Subsystem|MAILER-DAEMON@firm.example|mx1.firm.example|yes|0|"},
        {"that of reports", HOST "report.submitter = \"'r.firm.example'\"\n", 0,
                "Mail Delivery Subsystem|MAILER-DAEMON@firm.example|r.firm.example|yes|0|"},
        {"its own",
                HOST "report.submitter = \"'r.firm.example'\"\n"
                     "report.dsn.reporting-mta = \"'d.firm.example'\"\n",
                0, "Mail Delivery Subsystem|MAILER-DAEMON@firm.example|d.firm.example|yes|0|"},
        {"no host", HOST "report.dsn.reporting-mta = \"'not a host'\"\n", 0,
                "Mail Delivery Subsystem|MAILER-DAEMON@firm.example|mx1.firm.example|yes|0|"},
        {"what is no address at the time",
                HOST "report.dsn.from-address = \"'daemon' + sender_domain\"\n", 0,
                "Mail Delivery Subsystem|MAILER-DAEMON@localhost|mx1.firm.example|yes|0|"},
        {"by domain", HOST "report.dsn.from-address = \"'d@' + sender_domain\"\n", 0,
                "Mail Delivery Subsystem|d@a.example|mx1.firm.example|yes|0|"},
        {"a domain beyond ASCII",
                HOST "report.dsn.from-address = \"'d@b\xC3\xBC"
                     "cher.example'\"\n",
                0, "Mail Delivery Subsystem|d@xn--bcher-kva.example|mx1.firm.example|yes|0|"},
        {"copies",
                HOST "report.dsn.copy-to = \"['x@a.example', 'x', sender]\"\n"
                     "report.dsn.double-bounce-to = \"'y@a.example'\"\n",
                0,
                "Mail Delivery Subsystem|MAILER-DAEMON@firm.example|mx1.firm.example|yes|2|"
                "y@a.example"},
        {"of a last resort", HOST "report.dsn.double-bounce-to = \"'y@a.example'\"\n",
                MESSAGE_LAST_RESORT,
                "Mail Delivery Subsystem|MAILER-DAEMON@firm.example|mx1.firm.example|yes|0|"},
};

static void words(void **state)
{
    (void)state;
    static const struct expr_env_ops ops = {.config_get = config_get};
    for (size_t i = 0; i < COUNT_OF(word_cases); i++) {
        const char *name = word_cases[i].name;
        struct loaded l;
        struct dsn_words w;
        load(&l, word_cases[i].text);
        struct expr_env outside = {.self = l.conf, .ops = &ops};
        struct message m = {.sender = S("ann@a.example"), .flags = word_cases[i].flags};
        struct queue_env env = {.message = &m, .outside = &outside};
        struct err e = dsn_words_make(&l.settings, &l.arena, &env, NULL, &w);
        check_str(name, err_text(e), S(""));
        check_str(name,
                arena_fmt(&l.arena, "%.*s|%.*s|%.*s|%s|%zu|%.*s", ARG(w.from_name),
                        ARG(w.from_address), ARG(w.reporting_mta), w.send ? "yes" : "no",
                        w.copy_count, ARG(w.double_bounce_to)),
                str_from_c(word_cases[i].said));
        unload(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(findings_are_told), TEST(defaults), TEST(words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
