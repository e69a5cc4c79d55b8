// SPDX-License-Identifier: Apache-2.0
// tests/unit/events/test_metrics.c: sums over workers, and the exposition read back as Prometheus
// would.
#include "../base/check.h"

#include "events/cells.h"

#define COLUMNS 3

struct fixture {
    struct metrics *m;
    struct metrics_column columns[COLUMNS];
};

static void begin(struct fixture *f)
{
    size_t bytes = metrics_bytes_needed(COLUMNS);
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, METRICS_PAGE, bytes), 0);
    memset(memory, 0, bytes);
    f->m = metrics_at(memory, COLUMNS);
    for (uint32_t i = 0; i < COLUMNS; i++)
        f->columns[i] = metrics_column_begin(f->m, i);
}

static void end(struct fixture *f)
{
    free(f->m);
}

static void the_table_fits_its_labels(void **unused UNUSED)
{
    static const uint32_t bounds[] = {
#define LABEL(id, name, values) values,
#include "events/labels.def"
    };
    static const enum metric_label values[] = {
#define VALUE(label, id, text) LABEL_##label,
#include "events/labels.def"
    };
    for (size_t label = LABEL_NONE + 1; label < LABEL_COUNT; label++) {
        struct fixture f;
        size_t fixed = 0;
        begin(&f);
        for (size_t i = 0; i < COUNT_OF(values); i++)
            fixed += values[i] == (enum metric_label)label;
        bool named = label_names_of(f.m, (enum metric_label)label) != NULL;
        check_u64("each place of a fixed label has a text", fixed, named ? 1 : bounds[label]);
        end(&f);
    }
    for (size_t id = 0; id < METRIC_COUNT; id++) {
        const struct metric_row *row = metric_row((enum metric_id)id);
        struct metric_labels last = NO_LABELS;
        for (size_t i = 0; i < 3; i++)
            last.at[i] = (uint8_t)(metric_label_bound(row->labels[i]) - 1);
        size_t next = id + 1 < METRIC_COUNT ? metric_cell_index((enum metric_id)(id + 1), NO_LABELS)
                                            : CELL_COUNT;
        size_t each = row->kind >= METRIC_KIND_SHORT ? HISTOGRAM_CELLS : 1;
        check_u64("cells neither overlap nor leave gaps",
                metric_cell_index((enum metric_id)id, last) + each, next);
    }
}

static void columns_are_summed(void **unused UNUSED)
{
    struct fixture f;
    begin(&f);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        metric_event(&f.columns[i], EV_SMTP_EHLO);
        metric_add(&f.columns[i], METRIC_HTTP_REPLIES, LABELS(CODE_CLASS_4XX), i);
        metric_gauge_add(&f.columns[i], METRIC_SMTP_ACTIVE_CONNECTIONS, NO_LABELS, 5);
    }
    metric_gauge_add(&f.columns[2], METRIC_SMTP_ACTIVE_CONNECTIONS, NO_LABELS, -4);
    metric_event(NULL, EV_SMTP_EHLO); // nobody counts
    check_u64("event", metric_event_value(f.m, EV_SMTP_EHLO), 3);
    check_u64("counter", metric_value(f.m, METRIC_HTTP_REPLIES, LABELS(CODE_CLASS_4XX)), 3);
    check_u64("its neighbour", metric_value(f.m, METRIC_HTTP_REPLIES, LABELS(CODE_CLASS_5XX)), 0);
    check_u64("gauge", metric_value(f.m, METRIC_SMTP_ACTIVE_CONNECTIONS, NO_LABELS), 11);
    metric_gauge_set(&f.columns[0], METRIC_WORKER_COUNT, NO_LABELS, 2);
    metric_gauge_set(&f.columns[1], METRIC_WORKER_COUNT, NO_LABELS, 99); // not its business
    check_u64("the supervisor's gauge", metric_value(f.m, METRIC_WORKER_COUNT, NO_LABELS), 2);
    end(&f);
}

static void a_restarted_worker_keeps_counters_only(void **unused UNUSED)
{
    struct fixture f;
    begin(&f);
    metric_event(&f.columns[1], EV_SMTP_EHLO);
    metric_gauge_add(&f.columns[1], METRIC_SMTP_ACTIVE_CONNECTIONS, NO_LABELS, 7);
    metric_gauge_add(&f.columns[2], METRIC_SMTP_ACTIVE_CONNECTIONS, NO_LABELS, 1);
    metric_observe(&f.columns[1], METRIC_SMTP_REQUEST_TIME, NO_LABELS, 3);
    f.columns[1] = metrics_column_begin(f.m, 1);
    check_u64("counter", metric_event_value(f.m, EV_SMTP_EHLO), 1);
    check_u64(
            "gauge of the others", metric_value(f.m, METRIC_SMTP_ACTIVE_CONNECTIONS, NO_LABELS), 1);
    check_u64("histogram", metric_histogram(f.m, METRIC_SMTP_REQUEST_TIME, NO_LABELS).count, 1);
    end(&f);
}

static void buckets(void **unused UNUSED)
{
    static const struct {
        uint64_t value;
        size_t bucket;
    } cases[] = {{0, 0}, {5, 0}, {6, 1}, {60000, 10}, {60001, 11}, {UINT64_MAX / 2, 11}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        begin(&f);
        metric_observe(&f.columns[1], METRIC_TLS_HANDSHAKE_TIME, NO_LABELS, cases[i].value);
        struct metric_histogram h = metric_histogram(f.m, METRIC_TLS_HANDSHAKE_TIME, NO_LABELS);
        check_u64("bucket", h.buckets[cases[i].bucket], 1);
        check_u64("count", h.count, 1);
        check_u64("sum", h.sum, cases[i].value);
        end(&f);
    }
}

static void names_have_a_bound(void **unused UNUSED)
{
    struct fixture f;
    struct arena a;
    begin(&f);
    arena_init(&a, 64 * KIB);
    uint8_t smtp = metrics_label_add(f.m, LABEL_LISTENER, S("smtp"));
    check_u64("first", smtp, 1);
    check_u64("known", metrics_label_add(f.m, LABEL_LISTENER, S("smtp")), 1);
    check_u64("found", metrics_label_find(f.m, LABEL_LISTENER, S("smtp")), 1);
    check_u64("unknown", metrics_label_find(f.m, LABEL_LISTENER, S("imap")), LISTENER_OTHER);
    check_u64("a fixed label takes none", metrics_label_add(f.m, LABEL_RESULT, S("x")), 0);
    for (int i = 2; i <= 63; i++)
        check_u64("further ones", metrics_label_add(f.m, LABEL_LISTENER, arena_fmt(&a, "l%d", i)),
                (uint64_t)i);
    check_u64("beyond the bound", metrics_label_add(f.m, LABEL_LISTENER, S("one-more")), 0);
    metric_add(&f.columns[0], METRIC_LISTENER_ACCEPTED, LABELS(63), 1);
    check_u64("the last place counts", metric_value(f.m, METRIC_LISTENER_ACCEPTED, LABELS(63)), 1);
    arena_done(&a);
    end(&f);
}

// The exposition's grammar, read strictly: what Prometheus would see of one sample.
static bool sample_is(struct str text, struct str sample, struct str value)
{
    struct str line;
    size_t found = 0;
    for (struct scan in = scan_over(text); scan_line(&in, &line);) {
        struct str name, rest;
        if (!str_rcut(line, ' ', &name, &rest) || str_starts(line, S("#")))
            continue;
        if (str_eq(name, sample)) {
            found++;
            check_str("value", rest, value);
        }
    }
    return found == 1;
}

static bool name_byte(uint8_t c)
{
    return byte_is_alnum(c) || c == '_' || c == ':';
}

static void check_grammar(struct str text, bool open)
{
    struct str line, name, type = S(""), family = S("");
    struct buf families;
    buf_init(&families, MIB);
    for (struct scan in = scan_over(text); scan_line(&in, &line);) {
        struct scan s = scan_over(line);
        if (scan_lit(&s, S("# HELP "))) {
            check_true("name", scan_while(&s, name_byte, &family));
            buf_fmt(&families, "\n%.*s\n", ARG(family));
            struct str before = buf_str(&families);
            struct str mark = str_from(before, before.len - family.len - 2);
            check_true("a family once", str_find(before, mark) == before.len - mark.len);
            check_true("text", scan_byte(&s, ' ') && !scan_end(&s));
        } else if (scan_lit(&s, S("# TYPE "))) {
            check_true("of the same family",
                    scan_while(&s, name_byte, &name) && str_eq(name, family) && scan_byte(&s, ' '));
            type = scan_rest(&s);
            check_true("a type", str_eq(type, S("counter")) || str_eq(type, S("gauge")) ||
                                         str_eq(type, S("histogram")));
        } else if (!str_eq(line, S("# EOF"))) {
            check_true("sample", scan_while(&s, name_byte, &name) && str_starts(name, family));
            struct str suffix = str_from(name, family.len);
            if (str_eq(type, S("histogram")))
                check_true("suffix", str_eq(suffix, S("_bucket")) || str_eq(suffix, S("_sum")) ||
                                             str_eq(suffix, S("_count")));
            else
                check_str(
                        "suffix", suffix, open && str_eq(type, S("counter")) ? S("_total") : S(""));
            if (scan_byte(&s, '{'))
                check_true("labels", scan_until_past(&s, '}', &name));
            check_true("value", scan_byte(&s, ' ') && !scan_end(&s));
        }
    }
    assert_false(families.overflow);
    buf_done(&families);
}

static void exposition_reads_back(void **unused UNUSED)
{
    struct fixture f;
    struct buf out;
    struct metrics_form form = {.prefix = S(""), .compatible_names = true};
    begin(&f);
    buf_init(&out, 4 * MIB);
    uint8_t smtp = metrics_label_add(f.m, LABEL_LISTENER, S("sm\"tp\\\n"));
    metric_event(&f.columns[0], EV_NETWORK_BIND_ERROR);
    metric_event(&f.columns[1], EV_NETWORK_BIND_ERROR);
    metric_add(&f.columns[1], METRIC_TLS_HANDSHAKES, LABELS(smtp, TLS_VERSION_1_3, RESULT_OK), 4);
    metric_gauge_add(&f.columns[2], METRIC_LISTENER_ACTIVE, LABELS(smtp), -2);
    metric_gauge_set(&f.columns[0], METRIC_PROCESS_CPU_SECONDS, NO_LABELS, 1500);
    for (uint64_t ms = 1; ms <= 100000; ms *= 10)
        metric_observe(&f.columns[1], METRIC_SMTP_REQUEST_TIME, NO_LABELS, ms);
    metrics_expose(f.m, &form, &out);
    struct str t = buf_str(&out);
    check_grammar(t, false);
    check_true("total", sample_is(t, S("network_bind_error_total"), S("2")));
    check_true("compatible", sample_is(t, S("network_bind_error"), S("2")));
    check_true("zeros are there", sample_is(t, S("smtp_ehlo_total"), S("0")));
    check_true("no counter, no metric", !str_contains(t, S("smtp_raw_input")));
    check_true("labels", sample_is(t,
                                 S("tls_handshakes_total{listener=\"sm\\\"tp\\\\\\n\","
                                   "tls_version=\"1.3\",result=\"ok\"}"),
                                 S("4")));
    check_true("no unused place", !str_contains(t, S("listener=\"other\"")));
    check_true("negative", sample_is(t,
                                   S("listener_active_connections"
                                     "{listener=\"sm\\\"tp\\\\\\n\"}"),
                                   S("-2")));
    check_true("scaled", sample_is(t, S("process_cpu_seconds{worker=\"supervisor\"}"), S("1.500")));
    check_true("cumulative", sample_is(t, S("smtp_request_time_bucket{le=\"5\"}"), S("1")));
    check_true("cumulative", sample_is(t, S("smtp_request_time_bucket{le=\"10\"}"), S("2")));
    check_true("cumulative", sample_is(t, S("smtp_request_time_bucket{le=\"60000\"}"), S("5")));
    check_true("infinite", sample_is(t, S("smtp_request_time_bucket{le=\"+Inf\"}"), S("6")));
    check_true("count", sample_is(t, S("smtp_request_time_count"), S("6")));
    check_true("sum", sample_is(t, S("smtp_request_time_sum"), S("111111")));
    check_true("build", sample_is(t, S("build_info{version=\"" POSTHASTE_VERSION "\"}"), S("1")));
    buf_done(&out);
    end(&f);
}

static void openmetrics_and_choices(void **unused UNUSED)
{
    struct fixture f;
    struct buf out;
    struct event_wants wants = {0};
    struct metrics_form form = {.format = METRICS_OPENMETRICS,
            .prefix = S("posthaste_"),
            .compatible_names = true,
            .wants = &wants};
    begin(&f);
    buf_init(&out, 4 * MIB);
    wants.of[EV_SMTP_EHLO] = WANT_COUNT;
    metric_event(&f.columns[0], EV_SMTP_EHLO);
    metrics_expose(f.m, &form, &out);
    struct str t = buf_str(&out);
    check_grammar(t, true);
    check_true("total only", sample_is(t, S("posthaste_smtp_ehlo_total"), S("1")));
    check_true("not the plain name", !sample_is(t, S("posthaste_smtp_ehlo"), S("1")));
    check_true("family", str_contains(t, S("# TYPE posthaste_smtp_ehlo counter\n")));
    check_true("switched off", !str_contains(t, S("network_bind_error")));
    check_true("bounds are floats",
            sample_is(t, S("posthaste_smtp_request_time_bucket{le=\"5.0\"}"), S("0")));
    check_true("the end", str_ends(t, S("\n# EOF\n")));
    buf_done(&out);
    end(&f);
}

static void accept_decides(void **unused UNUSED)
{
    static const struct {
        struct str accept;
        enum metrics_format format;
    } cases[] = {
            {S_INIT(""), METRICS_PROMETHEUS},
            {S_INIT("*/*"), METRICS_PROMETHEUS},
            {S_INIT("text/plain"), METRICS_PROMETHEUS},
            {S_INIT("application/openmetrics-text;q=0, text/plain"), METRICS_PROMETHEUS},
            {S_INIT("application/openmetrics-text; version=1.0.0;q=0.75,text/plain;q=0.5"),
                    METRICS_OPENMETRICS},
            {S_INIT("text/plain;q=0.5, Application/OpenMetrics-Text"), METRICS_OPENMETRICS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_u64(cases[i].accept.ptr, metrics_format_for(cases[i].accept), cases[i].format);
    check_u64("null", metrics_format_for(STR_NULL), METRICS_PROMETHEUS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(the_table_fits_its_labels),
            TEST(columns_are_summed),
            TEST(a_restarted_worker_keeps_counters_only),
            TEST(buckets),
            TEST(names_have_a_bound),
            TEST(exposition_reads_back),
            TEST(openmetrics_and_choices),
            TEST(accept_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
