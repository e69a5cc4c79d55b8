// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_tlsrpt.c: results of TLS: windows of time, what is counted as one, who is
// asked and how rarely, what lasts, and the bounds of it all.
#include "../base/check.h"

#include "../../support/state.h"
#include "base/date.h"
#include "deliver/tlsrpt/tlsrpt_json.h"
#include "deliver/tlsrpt/tlsrpt_row.h"
#include "deliver/tlsrpt/tlsrpt_store.h"
#include "rt/dns.h"
#include "rt/sim/sim.h"

#define RECORD "v=TLSRPTv1; rua=mailto:tls@example.net"

// --- Windows -------------------------------------------------------------------------------------

static const struct window_case {
    const char *name;
    enum tlsrpt_interval interval;
    const char *at, *begin, *end;
} windows[] = {
        {"the last moment of a day", TLSRPT_DAILY, "2026-11-22T23:59:59Z", "2026-11-22T00:00:00Z",
                "2026-11-23T00:00:00Z"},
        {"the first one", TLSRPT_DAILY, "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z",
                "2026-11-23T00:00:00Z"},
        {"an hour", TLSRPT_HOURLY, "2026-11-22T13:00:01Z", "2026-11-22T13:00:00Z",
                "2026-11-22T14:00:00Z"},
        {"a week that begins today, a Sunday", TLSRPT_WEEKLY, "2026-11-22T10:00:00Z",
                "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"},
        {"a week seen on its Saturday, over the end of a year", TLSRPT_WEEKLY,
                "2027-01-02T10:00:00Z", "2026-12-27T00:00:00Z", "2027-01-03T00:00:00Z"},
        {"a clock from before 1970", TLSRPT_DAILY, "1969-12-31T12:00:00Z", "1969-12-31T00:00:00Z",
                "1970-01-01T00:00:00Z"},
};

static void windows_are_aligned(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        const struct window_case *c = &windows[i];
        int64_t at, begin, end, want_begin, want_end;
        assert_true(date_parse_rfc3339(str_from_c(c->at), &at));
        assert_true(date_parse_rfc3339(str_from_c(c->begin), &want_begin));
        assert_true(date_parse_rfc3339(str_from_c(c->end), &want_end));
        tlsrpt_window(c->interval, at, &begin, &end);
        check_u64(c->name, (uint64_t)begin, (uint64_t)want_begin);
        check_u64(c->name, (uint64_t)end, (uint64_t)want_end);
    }
}

// --- Rows ----------------------------------------------------------------------------------------

static const struct str lines[] = {S_INIT("version: STSv1"), S_INIT("mode: enforce")};
static const struct str patterns[] = {S_INIT("*.example.net")};

static struct tlsrpt_seen failure(void)
{
    struct tlsrpt_seen seen = {.domain = S("example.net"),
            .policy = TLSRPT_STS,
            .policy_domain = S("example.net"),
            .policy_lines = {lines, COUNT_OF(lines)},
            .mx_patterns = {patterns, COUNT_OF(patterns)},
            .result_type = "certificate-expired",
            .mx_host = S("mx.example.net"),
            .mx_helo = S("mail.example.net"),
            .reason = S("certificate has expired")};
    assert_true(ip_parse(S("192.0.2.1"), &seen.sending_ip));
    assert_true(ip_parse(S("2001:db8::2"), &seen.receiving_ip));
    return seen;
}

static void rows_read_as_written(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct buf row AUTO(buf_done);
    struct tlsrpt_seen before = failure(), got;
    arena_init(&a, MIB);
    buf_init(&row, TLSRPT_ROW_BYTES_MAX);
    tlsrpt_row_add(&row, &before);
    assert_false(row.overflow);
    assert_false(failed(tlsrpt_row_read(&a, buf_str(&row), &got)));
    check_str("policy domain", got.policy_domain, S("example.net"));
    check_u64("lines", got.policy_lines.count, 2);
    check_str("line", got.policy_lines.at[1], S("mode: enforce"));
    check_str("pattern", got.mx_patterns.at[0], S("*.example.net"));
    check_str("result", str_from_c(got.result_type), S("certificate-expired"));
    check_str("host", got.mx_host, S("mx.example.net"));
    check_str("helo", got.mx_helo, S("mail.example.net"));
    check_str("reason", got.reason, S("certificate has expired"));
    assert_true(ip_eq(&got.sending_ip, &before.sending_ip));
    assert_true(ip_eq(&got.receiving_ip, &before.receiving_ip));
    row.ptr[row.len / 2] ^= 1;
    assert_int_equal(tlsrpt_row_read(&a, buf_str(&row), &got).kind, ERR_SYNTAX);
}

// What a success looks like does not depend on who it was with.
static void successes_are_one_row(void **state)
{
    (void)state;
    struct buf one AUTO(buf_done), other AUTO(buf_done);
    struct tlsrpt_seen seen = failure();
    buf_init(&one, TLSRPT_ROW_BYTES_MAX);
    buf_init(&other, TLSRPT_ROW_BYTES_MAX);
    seen.result_type = NULL;
    tlsrpt_row_add(&one, &seen);
    seen.mx_host = S("mx2.example.net");
    seen.receiving_ip = seen.sending_ip;
    tlsrpt_row_add(&other, &seen);
    check_str("the same", buf_str(&one), buf_str(&other));
}

// --- The store -----------------------------------------------------------------------------------

struct shelf { // a store on disk, opened anew for each step
    struct state_folder folder;
    struct arena arena;
};

static void shelf_make(struct shelf *shelf)
{
    assert_false(failed(state_folder_make(&shelf->folder)));
    arena_init(&shelf->arena, 64 * MIB);
}

static void shelf_done(struct shelf *shelf)
{
    arena_done(&shelf->arena);
    state_folder_remove(&shelf->folder);
}

static struct report_store *shelf_open(struct shelf *shelf)
{
    struct report_store *s = NULL;
    struct err e = report_store_open(&shelf->arena,
            report_folder(&shelf->arena, str_from_c(shelf->folder.path)), REPORT_SERVE, &s);
    assert_false(failed(e));
    return s;
}

static uint64_t shelf_add(struct shelf *shelf, const char *domain, const char *row, uint64_t count,
        int64_t begin_ms, size_t domains_max)
{
    uint64_t dropped = 99;
    struct report_store *s = shelf_open(shelf);
    const struct report_limits limits = {.domains_max = domains_max};
    const struct report_addition addition = {.window = {.domain = str_from_c(domain),
                                                     .record = S(RECORD),
                                                     .begin_ms = begin_ms,
                                                     .end_ms = begin_ms + DAY_MS},
            .row = str_from_c(row),
            .count = count};
    assert_false(failed(report_store_add(s, &shelf->arena, &limits, &addition, 1, &dropped)));
    report_store_close(s);
    return dropped;
}

static size_t shelf_list(struct shelf *shelf, const char *part, struct report_object **out)
{
    size_t count;
    struct report_store *s = shelf_open(shelf);
    assert_false(failed(report_store_list(s, &shelf->arena, str_from_c(part), out, &count)));
    report_store_close(s);
    return count;
}

static void counts_last_and_add_up(void **state)
{
    (void)state;
    struct shelf shelf;
    struct report_object *all, found;
    struct report_row *rows;
    size_t count;
    shelf_make(&shelf);
    check_u64("dropped", shelf_add(&shelf, "example.net", "one", 3, 0, 10), 0);
    check_u64("dropped", shelf_add(&shelf, "example.net", "two", 1, 0, 10), 0);
    check_u64("dropped", shelf_add(&shelf, "example.net", "one", 4, 0, 10), 0);
    check_u64("dropped", shelf_add(&shelf, "example.org", "one", 1, DAY_MS, 10), 0);
    check_u64("objects", shelf_list(&shelf, "", &all), 2);
    check_str("by due", all[0].window.domain, S("example.net"));
    check_u64("rows", all[0].row_count, 2);
    check_u64("due", (uint64_t)all[0].due_ms, DAY_MS);
    check_u64("a part of the name", shelf_list(&shelf, "org", &all), 1);
    check_u64("all", shelf_list(&shelf, "", &all), 2);
    struct report_store *s = shelf_open(&shelf);
    assert_false(failed(report_store_find(s, &shelf.arena, all[0].id, &found)));
    assert_false(failed(report_store_rows(s, &shelf.arena, found.number, &rows, &count)));
    check_u64("rows", count, 2);
    for (size_t i = 0; i < count; i++)
        check_u64("count", rows[i].count, str_eq(rows[i].bytes, S("one")) ? 7 : 1);
    struct str other = arena_join(&shelf.arena, all[0].id, S("0"));
    assert_int_equal(report_store_find(s, &shelf.arena, other, &found).kind, ERR_NOT_FOUND);
    assert_int_equal(report_store_find(s, &shelf.arena, S("x"), &found).kind, ERR_NOT_FOUND);
    assert_false(failed(report_store_remove(s, &shelf.arena, all[0].number)));
    assert_int_equal(report_store_find(s, &shelf.arena, all[0].id, &found).kind, ERR_NOT_FOUND);
    assert_false(failed(report_store_rows(s, &shelf.arena, all[0].number, &rows, &count)));
    check_u64("rows of none", count, 0);
    report_store_close(s);
    shelf_done(&shelf);
}

static void windows_have_bounds(void **state)
{
    (void)state;
    struct shelf shelf;
    struct report_object *all;
    shelf_make(&shelf);
    check_u64("the first", shelf_add(&shelf, "a.example", "row", 1, 0, 2), 0);
    check_u64("the second", shelf_add(&shelf, "b.example", "row", 1, 0, 2), 0);
    check_u64("one too many", shelf_add(&shelf, "c.example", "row", 5, 0, 2), 5);
    check_u64("those that are there go on", shelf_add(&shelf, "a.example", "other", 1, 0, 2), 0);
    check_u64("another day", shelf_add(&shelf, "c.example", "row", 1, DAY_MS, 2), 0);
    check_u64("objects", shelf_list(&shelf, "", &all), 3);
    struct report_store *s = shelf_open(&shelf);
    assert_false(failed(report_store_remove(s, &shelf.arena, all[0].number)));
    report_store_close(s);
    check_u64("a place is free again", shelf_add(&shelf, "c.example", "row", 1, 0, 2), 0);
    shelf_done(&shelf);
}

static void rows_have_bounds(void **state)
{
    (void)state;
    struct shelf shelf;
    uint64_t dropped;
    shelf_make(&shelf);
    struct report_store *s = shelf_open(&shelf);
    struct report_addition *all =
            arena_array(&shelf.arena, REPORT_ROWS_MAX + 2, struct report_addition);
    assert_non_null(all);
    for (size_t i = 0; i < REPORT_ROWS_MAX + 2; i++)
        all[i] = (struct report_addition){
                .window = {.domain = S("a.example"), .record = S(RECORD), .end_ms = DAY_MS},
                .row = arena_fmt(&shelf.arena, "row %zu", i),
                .count = 1};
    const struct report_limits limits = {.domains_max = 1};
    assert_false(
            failed(report_store_add(s, &shelf.arena, &limits, all, REPORT_ROWS_MAX + 2, &dropped)));
    check_u64("two too many", dropped, 2);
    report_store_close(s);
    shelf_done(&shelf);
}

static void old_ones_go(void **state)
{
    (void)state;
    struct shelf shelf;
    struct report_object *all;
    size_t removed;
    shelf_make(&shelf);
    shelf_add(&shelf, "a.example", "row", 1, 0, 9);
    shelf_add(&shelf, "b.example", "row", 1, DAY_MS, 9);
    struct report_store *s = shelf_open(&shelf);
    assert_false(failed(report_store_expire(s, &shelf.arena, 8 * (int64_t)DAY_MS - 1, &removed)));
    check_u64("not yet", removed, 0);
    assert_false(failed(report_store_expire(s, &shelf.arena, 8 * (int64_t)DAY_MS, &removed)));
    check_u64("now", removed, 1);
    report_store_close(s);
    check_u64("left", shelf_list(&shelf, "", &all), 1);
    check_str("left", all[0].window.domain, S("b.example"));
    shelf_done(&shelf);
}

// --- Counting ------------------------------------------------------------------------------------

struct world {
    struct sim *sim;
    struct shelf shelf;
    struct tlsrpt_settings settings;
    struct tlsrpt *tally;
    struct resolver *resolver;
};

static void set_txt(struct world *w, const char *name, const char *text)
{
    struct buf rdata AUTO(buf_done);
    struct str all = str_from_c(text);
    buf_init(&rdata, 512);
    buf_add_byte(&rdata, (char)all.len);
    buf_add(&rdata, all);
    assert_false(failed(dns_zone_add(sim_dns(w->sim), str_from_c(name), DNS_TXT, buf_str(&rdata))));
}

static void note(struct world *w, const char *domain, const char *result_type)
{
    struct tlsrpt_seen seen = failure();
    seen.domain = seen.policy_domain = str_from_c(domain);
    seen.result_type = result_type;
    tlsrpt_note(w->tally, TLSRPT_DAILY, &seen);
}

static struct err story_main(void *arg)
{
    struct world *w = arg;
    struct dns_settings dns = dns_settings_default();
    struct report_object *all;
    TRY(resolver_new(&w->shelf.arena, &dns, &w->resolver));
    const struct tlsrpt_options options = {.settings = &w->settings, .resolver = w->resolver};
    TRY(tlsrpt_new(&options, &w->tally));
    struct group tending AUTO(group_end);
    group_begin(&tending);
    TRY(group_spawn(&tending, tlsrpt_main, w->tally));
    for (size_t i = 0; i < 1000; i++) {
        note(w, "wants.example", NULL);
        note(w, "wants.example", "certificate-expired");
        note(w, "other.example", NULL);
        note(w, "twice.example", NULL);
        note(w, "empty.example", NULL);
        note(w, "left-out.example", NULL);
        note(w, "mute.example", NULL);
    }
    tlsrpt_note(w->tally, TLSRPT_NEVER, &(struct tlsrpt_seen){.domain = S("wants.example")});
    check_u64("nothing is asked at once", resolver_figures(w->resolver).asked, 0);
    TRY(task_sleep_ms(TLSRPT_WRITE_MS + SECOND_MS));
    check_u64("each is asked once", resolver_figures(w->resolver).asked, 5);
    check_u64("one wants to hear", shelf_list(&w->shelf, "", &all), 1);
    check_str("who", all[0].window.domain, S("wants.example"));
    check_u64("rows", all[0].row_count, 2);
    note(w, "wants.example", NULL);
    group_cancel(&tending);
    tlsrpt_write(w->tally, SECOND_MS); // as at the end of a worker
    struct report_row *rows;
    size_t count, good = 0, bad = 0;
    struct report_store *s = shelf_open(&w->shelf);
    TRY(report_store_rows(s, &w->shelf.arena, all[0].number, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        struct tlsrpt_seen seen;
        TRY(tlsrpt_row_read(&w->shelf.arena, rows[i].bytes, &seen));
        *(seen.result_type == NULL ? &good : &bad) = rows[i].count;
    }
    report_store_close(s);
    check_u64("successes", good, 1001);
    check_u64("failures", bad, 1000);
    group_end(&tending);
    tlsrpt_free(w->tally);
    resolver_free(w->resolver);
    return OK;
}

static void counts_reach_the_disk(void **state)
{
    (void)state;
    static const struct str excluded[] = {S_INIT("left-out.example")};
    struct world w = {.sim = sim_new(1), .settings = {.domains_max = 100}};
    shelf_make(&w.shelf);
    w.settings.excluded = (struct strs){excluded, COUNT_OF(excluded)};
    w.settings.folder = report_folder(&w.shelf.arena, str_from_c(w.shelf.folder.path));
    set_txt(&w, "_smtp._tls.wants.example", RECORD);
    set_txt(&w, "_smtp._tls.wants.example", "something else");
    set_txt(&w, "_smtp._tls.twice.example", RECORD);
    set_txt(&w, "_smtp._tls.twice.example", "v=TLSRPTv1; rua=mailto:other@example.net");
    set_txt(&w, "_smtp._tls.empty.example", "v=TLSRPTv1; rua=ftp://example.net/");
    assert_false(
            failed(sim_dns_fault(w.sim, &(struct dns_fault){.name = S("_smtp._tls.mute.example"),
                                                .kind = DNS_FAULT_SERVFAIL})));
    struct err e = sim_run(w.sim, story_main, &w);
    check_str("the story", failed(e) ? err_text(e) : S(""), S(""));
    sim_free(w.sim);
    shelf_done(&w.shelf);
}

// --- As a report ---------------------------------------------------------------------------------

static void reports_are_json(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct buf out AUTO(buf_done), good AUTO(buf_done), bad AUTO(buf_done);
    struct tlsrpt_seen seen = failure();
    arena_init(&a, 4 * MIB);
    buf_init(&out, MIB);
    buf_init(&good, TLSRPT_ROW_BYTES_MAX);
    buf_init(&bad, TLSRPT_ROW_BYTES_MAX);
    tlsrpt_row_add(&bad, &seen);
    seen.result_type = NULL;
    tlsrpt_row_add(&good, &seen);
    const struct report_row rows[] = {{buf_str(&bad), 2}, {buf_str(&good), 40}};
    const struct report_object object = {.number = 7,
            .window = {.domain = S("example.net"),
                    .record = S(RECORD),
                    .begin_ms = INT64_C(1795305600000),
                    .end_ms = INT64_C(1795392000000)},
            .id = S("t!example.net!1!7!1795392000")};
    const struct tlsrpt_report report = {.object = &object,
            .rows = rows,
            .row_count = 2,
            .organization = S("sender.example"),
            .submitter = S("mx.sender.example")};
    struct json_out json = json_begin(&out, JSON_COMPACT);
    assert_false(failed(tlsrpt_json_add(&a, &json, &report)));
    check_str("report", buf_str(&out),
            S("{\"organization-name\":\"sender.example\",\"date-range\":{\"start-datetime\":"
              "\"2026-11-22T00:00:00Z\",\"end-datetime\":\"2026-11-22T23:59:59Z\"},"
              "\"contact-info\":\"noreply-tls@sender.example\",\"report-id\":"
              "\"1795305600.7@mx.sender.example\",\"policies\":[{\"policy\":{\"policy-type\":"
              "\"sts\",\"policy-string\":[\"version: STSv1\",\"mode: enforce\"],"
              "\"policy-domain\":\"example.net\",\"mx-host\":[\"*.example.net\"]},\"summary\":{"
              "\"total-successful-session-count\":40,\"total-failure-session-count\":2},"
              "\"failure-details\":[{\"result-type\":\"certificate-expired\","
              "\"sending-mta-ip\":\"192.0.2.1\",\"receiving-mx-hostname\":\"mx.example.net\","
              "\"receiving-mx-helo\":\"mail.example.net\",\"receiving-ip\":\"2001:db8::2\","
              "\"failed-session-count\":2,\"failure-reason-code\":\"certificate has "
              "expired\"}]}]}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(windows_are_aligned),
            cmocka_unit_test(rows_read_as_written),
            cmocka_unit_test(successes_are_one_row),
            cmocka_unit_test(counts_last_and_add_up),
            cmocka_unit_test(windows_have_bounds),
            cmocka_unit_test(rows_have_bounds),
            cmocka_unit_test(old_ones_go),
            cmocka_unit_test(counts_reach_the_disk),
            cmocka_unit_test(reports_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
