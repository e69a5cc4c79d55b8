// SPDX-License-Identifier: Apache-2.0
// tests/unit/events/test_settings.c: tracers and metrics as the configuration describes them.
#include "../base/check.h"

#include "../conf/conf_of.h"

#include "events/settings.h"

struct loaded {
    struct arena arena;
    struct findings findings;
    struct conf *conf;
    struct telemetry *t;
};

static void load(struct loaded *l, const char *text)
{
    arena_init(&l->arena, 16 * MIB);
    l->findings = findings_make(&l->arena);
    l->conf = conf_of(str_from_c(text), &l->findings);
    l->t = telemetry_load(&l->arena, l->conf, &l->findings);
    assert_non_null(l->t);
}

static void unload(struct loaded *l)
{
    conf_free(l->conf);
    arena_done(&l->arena);
}

static bool has_finding(
        const struct loaded *l, enum finding_severity severity, struct str key, struct str part)
{
    each_in_vec (f, &l->findings.all)
        if (f->severity == severity && str_eq(f->key, key) && str_contains(f->message, part))
            return true;
    return false;
}

// Not of what these configurations leave out, such as listeners.
static size_t ours(const struct loaded *l)
{
    size_t count = 0;
    each_in_vec (f, &l->findings.all)
        count += str_starts(f->key, S("trac")) || str_starts(f->key, S("metrics"));
    return count;
}

static bool wants(const struct loaded *l, enum event_id id, enum event_level level)
{
    return (l->t->wants.of[id] & (WANT_LEVEL_MASK | WANT_RECORD)) ==
           ((unsigned)level | WANT_RECORD);
}

static bool not_recorded(const struct loaded *l, enum event_id id)
{
    return (l->t->wants.of[id] & WANT_RECORD) == 0;
}

static void without_tracers_a_console_at_info(void **unused UNUSED)
{
    static const char *texts[] = {
            "server.hostname = \"mx.example\"\n",
            "[tracer.a]\ntype = \"log\"\npath = \"/log\"\nenable = false\n",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct loaded l;
        load(&l, texts[i]);
        check_u64("one", l.t->tracer_count, 1);
        check_u64("console", l.t->tracers[0].type, TRACER_CONSOLE);
        check_u64("stderr", l.t->tracers[0].target, TARGET_STDERR);
        check_true("info", wants(&l, EV_SMTP_EHLO, LEVEL_INFO));
        check_true("not debug", not_recorded(&l, EV_SMTP_NOOP));
        check_true("but counted", (l.t->wants.of[EV_SMTP_NOOP] & WANT_COUNT) != 0);
        check_u64("neither recorded nor counted", l.t->wants.of[EV_SMTP_RAW_INPUT], 0);
        check_true("lossless", l.t->lossless);
        unload(&l);
    }
}

static void a_log_tracer_with_everything(void **unused UNUSED)
{
    struct loaded l;
    load(&l, "[tracer.file]\ntype = \"log\"\npath = \"/var/log/posthaste\"\nprefix = \"mx\"\n"
             "rotate = \"hourly\"\nrotate-size = \"10 MiB\"\nkeep = 7\nkeep-days = 3\n"
             "compress = \"gzip\"\nlevel = \"debug\"\nformat = \"json\"\nprecision = \"s\"\n"
             "lossy = true\nmultiline = true\nansi = true\n"
             "disabled-events = [\"smtp.noop\", \"network.*\"]\n"
             "sample.\"smtp.connection-*\" = 100\n");
    const struct tracer *t = &l.t->tracers[0];
    check_u64("no findings", ours(&l), 0);
    check_str("id", t->id, S("file"));
    check_str("path", t->path, S("/var/log/posthaste"));
    check_str("prefix", t->prefix, S("mx"));
    check_u64("rotate", t->rotate, ROTATE_HOURLY);
    check_u64("rotate-size", t->rotate_bytes, 10 * MIB);
    check_u64("keep", t->keep_count, 7);
    check_u64("keep-days", t->keep_days, 3);
    check_u64("compress", t->compress, COMPRESS_GZIP);
    check_u64("format", t->style.form, FORM_JSON);
    check_u64("precision", t->style.precision, DATE_SECONDS);
    check_true("flags", t->style.colour && t->style.multiline && t->lossy && !l.t->lossless);
    check_true("debug", wants(&l, EV_SMTP_QUIT, LEVEL_DEBUG));
    check_true("one disabled", not_recorded(&l, EV_SMTP_NOOP));
    check_true("a family disabled", not_recorded(&l, EV_NETWORK_BIND_ERROR));
    check_true("beyond the level", not_recorded(&l, EV_SMTP_RAW_INPUT));
    check_u64("sampled", t->sample[EV_SMTP_CONNECTION_START], 100);
    check_u64("not sampled", t->sample[EV_SMTP_EHLO], 0);
    unload(&l);
}

static void only_the_events_included(void **unused UNUSED)
{
    struct loaded l;
    load(&l, "[tracer.c]\ntype = \"stdout\"\ntarget = \"stdout\"\nbuffered = false\n"
             "events = [\"tls.*\"]\nevents-policy = \"include\"\n"
             "disabled-events = [\"tls.not-configured\"]\n");
    check_u64("an older name of console", l.t->tracers[0].type, TRACER_CONSOLE);
    check_u64("target", l.t->tracers[0].target, TARGET_STDOUT);
    check_true("unbuffered", !l.t->tracers[0].buffered);
    check_true("included", wants(&l, EV_TLS_HANDSHAKE, LEVEL_INFO));
    check_true("included, but disabled", not_recorded(&l, EV_TLS_NOT_CONFIGURED));
    check_true("included, beyond the level", not_recorded(&l, EV_TLS_HANDSHAKE_ERROR));
    check_true("not included", not_recorded(&l, EV_SMTP_EHLO));
    unload(&l);
}

static void levels_of_events(void **unused UNUSED)
{
    struct loaded l;
    load(&l, "[tracing.level]\n\"smtp.*\" = \"trace\"\n\"smtp.noop\" = \"info\"\n"
             "\"smtp.q*\" = \"warn\"\n\"tls.handshake\" = \"disable\"\n");
    check_u64("no findings", ours(&l), 0);
    check_true("a glob", not_recorded(&l, EV_SMTP_EHLO));
    check_true("an id beats it", wants(&l, EV_SMTP_NOOP, LEVEL_INFO));
    check_true("a longer glob beats it", wants(&l, EV_SMTP_QUIT, LEVEL_WARN));
    check_u64("disabled: not even counted", l.t->wants.of[EV_TLS_HANDSHAKE], 0);
    check_true("others as they are", wants(&l, EV_SERVER_STARTUP, LEVEL_INFO));
    unload(&l);
}

static void what_is_wrong_is_said(void **unused UNUSED)
{
    static const struct {
        const char *text;
        enum finding_severity severity;
        struct str key, message;
    } cases[] = {
            {"[tracer.a]\ntype = \"console\"\n[tracer.b]\ntype = \"stdout\"\n", FINDING_ERROR,
                    S_INIT("tracer.b.type"), S_INIT("a console tracer already: \"a\"")},
            {"[tracer.a]\ntype = \"journal\"\n[tracer.b]\ntype = \"journal\"\n", FINDING_ERROR,
                    S_INIT("tracer.b.type"), S_INIT("a journal tracer already: \"a\"")},
            {"[tracer.a]\ntype = \"console\"\ndisabled-events = [\"smtp.quit\", "
             "\"tls.handshakes\"]\n",
                    FINDING_WARNING, S_INIT("tracer.a.disabled-events"),
                    S_INIT("did you mean \"tls.handshake\"?")},
            {"[tracer.a]\ntype = \"console\"\nevents = [\"nonsense\"]\n", FINDING_WARNING,
                    S_INIT("tracer.a.events"), S_INIT("`posthaste events` lists them")},
            {"[tracer.a]\ntype = \"log\"\n", FINDING_ERROR, S_INIT("tracer.a.path"),
                    S_INIT("needs a path")},
            {"[tracer.a]\ntype = \"log\"\npath = \"/l\"\nprefix = \"a/b\"\n", FINDING_ERROR,
                    S_INIT("tracer.a.prefix"), S_INIT("without a slash")},
            {"[tracer.a]\ntype = \"log\"\npath = \"/l\"\ncompress = \"zstd\"\n", FINDING_ERROR,
                    S_INIT("tracer.a.compress"), S_INIT("zstd")},
            {"[tracer.a]\ntype = \"open-telemetry\"\n", FINDING_ERROR, S_INIT("tracer.a.type"),
                    S_INIT("open-telemetry")},
            {"[tracer.a]\ntype = \"syslog\"\n", FINDING_ERROR, S_INIT("tracer.a.type"),
                    S_INIT("syslog")},
            {"[tracing.level]\n\"smtp.ehlo\" = \"loud\"\n", FINDING_ERROR, {NULL, 0}, S_INIT("")},
            {"metrics.prefix = \"1x\"\n", FINDING_ERROR, S_INIT("metrics.prefix"),
                    S_INIT("not beginning with a digit")},
            {"metrics.disabled-events = [\"network.bind-erorr\"]\n", FINDING_WARNING,
                    S_INIT("metrics.disabled-events"),
                    S_INIT("did you mean \"network.bind-error\"?")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct loaded l;
        load(&l, cases[i].text);
        bool found = cases[i].key.ptr == NULL
                             ? l.findings.error_count > 0
                             : has_finding(&l, cases[i].severity, cases[i].key, cases[i].message);
        struct buf all;
        buf_init(&all, 64 * KIB);
        findings_lines(&all, &l.findings);
        if (!found)
            print_error("%.*s", ARG(buf_str(&all)));
        check_true(cases[i].text, found);
        buf_done(&all);
        unload(&l);
    }
}

static void events_of_later_parts_are_accepted(void **unused UNUSED)
{
    struct loaded l;
    load(&l, "[tracer.a]\ntype = \"console\"\ndisabled-events = [\"delivery.*\", "
             "\"queue.queue-message\", \"imap.*\"]\n");
    check_u64("no findings", ours(&l), 0);
    unload(&l);
}

static void metrics(void **unused UNUSED)
{
    struct loaded l;
    load(&l, "[metrics]\nprefix = \"posthaste_\"\ncompatible-names = false\n"
             "disabled-events = [\"network.*\"]\n"
             "[metrics.prometheus]\nenable = true\nauth.username = \"u\"\nauth.secret = \"s\"\n");
    check_true("enabled", l.t->prometheus);
    check_str("user", l.t->prometheus_user, S("u"));
    check_str("secret", l.t->prometheus_secret, S("s"));
    check_str("prefix", l.t->metrics_prefix, S("posthaste_"));
    check_true("names", !l.t->metrics_compatible_names);
    check_u64("not counted", l.t->wants.of[EV_NETWORK_BIND_ERROR] & WANT_COUNT, 0);
    check_true("counted", (l.t->wants.of[EV_SMTP_EHLO] & WANT_COUNT) != 0);
    unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(without_tracers_a_console_at_info),
            TEST(a_log_tracer_with_everything),
            TEST(only_the_events_included),
            TEST(levels_of_events),
            TEST(what_is_wrong_is_said),
            TEST(events_of_later_parts_are_accepted),
            TEST(metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
