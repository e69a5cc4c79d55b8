// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_suppress.c: the suppression list on disk: what is counted and when it
// suppresses, pages, what is over; and lines of files.
#include "place.h"

#include "queue/control/suppress_parts.h"

#define NOW_MS INT64_C(1763768100000)

struct bench {
    struct place place;
    struct suppress_list *list;
};

static struct bench bench_begin(void)
{
    struct bench b;
    place_begin(&b.place);
    struct str folder = arena_fmt(&b.place.a, "%s/suppressed", b.place.folder);
    struct err e = suppress_open(&b.place.a, folder, SUPPRESS_SERVE, &b.list);
    check_str("opened", err_text(e), S(""));
    return b;
}

static void bench_end(struct bench *b)
{
    suppress_close(b->list);
    place_end(&b->place);
}

static bool bounce(
        struct bench *b, const struct suppress_counting *how, int64_t at_ms, bool is_good)
{
    const struct suppress_bounce one = {.address = S("ann@a.example"),
            .bounce_class = S("bad-mailbox"),
            .text = S("5.1.1 no"),
            .by = S("message 1"),
            .at_ms = at_ms,
            .is_good = is_good};
    bool is_new = false;
    struct err e = suppress_count(b->list, &b->place.a, how, &one, 1, &is_new);
    check_str("counted", err_text(e), S(""));
    return is_new;
}

static bool holds(struct bench *b, int64_t at_ms)
{
    struct suppress_entry e;
    struct err found = suppress_find(b->list, &b->place.a, S("ann@a.example"), &e);
    return !failed(found) && suppress_holds(&e, at_ms);
}

static void bounces_are_counted(void **state)
{
    (void)state;
    struct bench b = bench_begin();
    const struct suppress_counting twice = {.after = 2, .keep_ms = DAY_MS};
    check_true("a delivery where nothing was counted", !bounce(&b, &twice, NOW_MS, true));
    check_true("one is not enough", !bounce(&b, &twice, NOW_MS, false));
    check_true("it is counted only", !holds(&b, NOW_MS));
    check_true("a delivery", !bounce(&b, &twice, NOW_MS, true));
    check_true("the first one again", !bounce(&b, &twice, NOW_MS, false));
    check_true("one that came too late", !bounce(&b, &twice, NOW_MS + DAY_MS, false));
    check_true("the second", bounce(&b, &twice, NOW_MS + DAY_MS + 1, false));
    check_true("it holds", holds(&b, NOW_MS + DAY_MS + 1));
    check_true("to the end", holds(&b, NOW_MS + 2 * DAY_MS));
    check_true("and no longer", !holds(&b, NOW_MS + 2 * DAY_MS + 1));
    check_true("what is suppressed is no news", !bounce(&b, &twice, NOW_MS + DAY_MS + 2, false));
    check_true("nor does a delivery lift it", !bounce(&b, &twice, NOW_MS + DAY_MS + 3, true));
    check_true("it holds still", holds(&b, NOW_MS + DAY_MS + 3));
    check_true("when it is over all begins anew", !bounce(&b, &twice, NOW_MS + 9 * DAY_MS, false));
    bench_end(&b);
}

static void a_person_has_the_last_word(void **state)
{
    (void)state;
    struct bench b = bench_begin();
    const struct suppress_counting once = {.after = 1};
    const struct suppress_entry manual = {.address = S("ann@a.example"),
            .reason = SUPPRESS_COMPLAINT,
            .text = S("she asked for it"),
            .since_ms = NOW_MS};
    struct suppress_entry e;
    struct arena *a = &b.place.a;
    check_str("put", err_text(suppress_put(b.list, a, &manual, 1)), S(""));
    check_true("a bounce behind it", !bounce(&b, &once, NOW_MS + 1, false));
    check_str("found", err_text(suppress_find(b.list, a, manual.address, &e)), S(""));
    check_str("stays what it was", e.text, S("she asked for it"));
    check_u64("with its reason", e.reason, SUPPRESS_COMPLAINT);
    check_true("for ever", suppress_holds(&e, INT64_MAX));
    check_str("removed", err_text(suppress_remove(b.list, a, manual.address)), S(""));
    check_u64("not twice", suppress_remove(b.list, a, manual.address).kind, ERR_NOT_FOUND);
    check_true("now it counts", bounce(&b, &once, NOW_MS + 2, false));
    suppress_close(b.list);
    struct str folder = arena_fmt(a, "%s/suppressed", b.place.folder);
    check_str("again", err_text(suppress_open(a, folder, SUPPRESS_LOOK, &b.list)), S(""));
    check_true("and stays over a restart", holds(&b, NOW_MS + 3));
    bench_end(&b);
}

static void pages_and_what_is_over(void **state)
{
    (void)state;
    static const char *const all[] = {"z@a.example", "a@b.example", "b@b.example",
            "a@b.example.org", "\"@\"@b.example", "a@c.example"};
    struct bench b = bench_begin();
    struct arena *a = &b.place.a;
    struct suppress_entry entries[COUNT_OF(all)];
    for (size_t i = 0; i < COUNT_OF(all); i++)
        entries[i] = (struct suppress_entry){.address = str_from_c(all[i]),
                .since_ms = NOW_MS,
                .until_ms = i % 2 == 0 ? NOW_MS + 10 : 0};
    check_str("put", err_text(suppress_put(b.list, a, entries, COUNT_OF(all))), S(""));
    struct suppress_query query = {.domain = S("b.example"), .limit = 2};
    struct suppress_page page;
    check_str("a domain", err_text(suppress_list_page(b.list, a, &query, &page)), S(""));
    check_u64("two of it", page.entries.count, 2);
    check_str("the first", page.entries.at[0].address, S("\"@\"@b.example"));
    check_true("there are more", !page.end);
    query.after = page.entries.at[1].address;
    check_str("on", err_text(suppress_list_page(b.list, a, &query, &page)), S(""));
    check_u64("the last one", page.entries.count, 1);
    check_str("of the domain alone", page.entries.at[0].address, S("b@b.example"));
    check_true("that was all", page.end);
    struct str from = S("");
    size_t removed;
    check_str("swept", err_text(suppress_sweep(b.list, a, NOW_MS + 10, &from, &removed)), S(""));
    check_u64("three were over", removed, 3);
    check_u64("to the end", from.len, 0);
    uint64_t total;
    check_str("total", err_text(suppress_total(b.list, a, &total)), S(""));
    check_u64("the others are there", total, 3);
    bench_end(&b);
}

static void addresses_that_are_too_long(void **state)
{
    (void)state;
    struct bench b = bench_begin();
    struct arena *a = &b.place.a;
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    buf_add_repeat(&text, 'x', SUPPRESS_ADDRESS_BYTES_MAX - 2);
    buf_add(&text, S("@b"));
    struct suppress_entry e = {.address = buf_str(&text), .since_ms = NOW_MS};
    check_str("the longest", err_text(suppress_put(b.list, a, &e, 1)), S(""));
    check_str("is found", err_text(suppress_find(b.list, a, e.address, &e)), S(""));
    buf_add_byte(&text, 'b');
    e.address = buf_str(&text);
    check_u64("a byte more", suppress_put(b.list, a, &e, 1).kind, ERR_SYNTAX);
    check_u64("is nowhere", suppress_find(b.list, a, e.address, &e).kind, ERR_NOT_FOUND);
    bench_end(&b);
}

static void lines_of_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *line, *address, *text;
    } cases[] = {
            {"two addresses", "a@b.example;c@d.example", NULL, NULL},
            {"no address", "ann", NULL, NULL},
            {"brackets", "<ann@b.example>", NULL, NULL},
            {"text that is no UTF-8", "ann@b.example \xff", NULL, NULL},
            {"an empty line", " \t\r", "", ""},
            {"a comment", " # ann@b.example", "", ""},
            {"another spelling", "  Ann@B.Example\r", "ann@b.example", ""},
            {"quotes that need not be", "\"ann\"@b.example", "ann@b.example", ""},
            {"a blank in quotes", "\"a b\"@b.example, gone", "\"a b\"@b.example", "gone"},
            {"a TAB", "ann@b.example\t550 5.1.1 <x>, no", "ann@b.example", "550 5.1.1 <x>, no"},
    };
    struct arena a;
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct suppress_entry e = {.address = S(""), .text = S("")};
        bool is_entry = false;
        struct err read = suppress_line_read(&a, str_from_c(cases[i].line), &e, &is_entry);
        check_true(cases[i].name, failed(read) == (cases[i].address == NULL));
        if (failed(read))
            continue;
        check_str(cases[i].name, e.address, str_from_c(cases[i].address));
        check_str(cases[i].name, e.text, str_from_c(cases[i].text));
        check_true(cases[i].name, is_entry == (e.address.len > 0));
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(bounces_are_counted),
            cmocka_unit_test(a_person_has_the_last_word),
            cmocka_unit_test(pages_and_what_is_over),
            cmocka_unit_test(addresses_that_are_too_long),
            cmocka_unit_test(lines_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
