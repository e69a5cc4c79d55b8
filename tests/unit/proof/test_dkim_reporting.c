// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_dkim_reporting.c: what a signing domain wants to be told, and to be said
// for it: RFC 6651 3.2 and 3.3.
#include "zone_fixture.h"

#include "proof/dkim.h"
#include "proof/dkim_reporting.h"

static const struct record_case {
    const char *name, *text, *address, *words; // address and words: NULL for none
    unsigned classes;
    uint32_t percent;
} records[] = {
        {"nothing", "x=1", NULL, NULL, DKIM_REPORT_ALL, 100},
        {"all of it", "ra=reports; rp=25; rr=v:x; rs=go=20away", "reports@d.example", "go away",
                DKIM_REPORT_SIGNATURE | DKIM_REPORT_EXPIRED, 25},
        {"folded and spaced", " ra = a=3Db ;\trr = D : p ; rs = a b ", "a=b@d.example", "ab",
                DKIM_REPORT_DNS | DKIM_REPORT_POLICY, 100},
        {"all but others", "rr=s:o:all", NULL, NULL, DKIM_REPORT_ALL, 100},
        {"unknown tags", "rr=u", NULL, NULL, DKIM_REPORT_UNKNOWN, 100},
        {"an address that is empty", "ra=; rr=o", NULL, NULL, DKIM_REPORT_OTHER, 100},
        {"an address with a line end", "ra=a=0D=0Ab", NULL, NULL, DKIM_REPORT_ALL, 100},
        {"an octet cut short", "ra=a=0; rs=a=", NULL, NULL, DKIM_REPORT_ALL, 100},
        {"too much of everything", "rp=101; rr=z:s", NULL, NULL, DKIM_REPORT_SYNTAX, 100},
        {"none of it, sometimes", "rp=0; rr=z", NULL, NULL, DKIM_REPORT_ALL, 0},
        {"a word beyond ASCII", "rs=caf=C3=A9; ra=a", "a@d.example", NULL, DKIM_REPORT_ALL, 100},
};

static void test_records(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        const struct record_case *c = &records[i];
        struct dkim_reporting got;
        struct err e = dkim_reporting_parse(&a, S("d.example"), str_from_c(c->text), &got);
        if (failed(e))
            check_failed("%s: %.*s", c->name, ARG(err_text(e)));
        check_str(c->name, got.address, str_from_c(c->address));
        check_str(c->name, got.text, str_from_c(c->words));
        check_u64(c->name, got.classes, c->classes);
        check_u64(c->name, got.percent, c->percent);
    }
}

static void test_no_records(void **state UNUSED)
{
    static const char *const texts[] = {"", "ra", "ra=a; ra=b", "ra=a;; rs=b", "rs=\x01", "1=2"};
    struct arena a AUTO(arena_done);
    struct dkim_reporting got;
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct err e = dkim_reporting_parse(&a, S("d.example"), str_from_c(texts[i]), &got);
        if (e.kind != ERR_SYNTAX)
            check_failed("\"%s\" was taken for a record", texts[i]);
    }
}

// --- Whose words ---------------------------------------------------------------------------------

static const char *const zone = "{'zone': 1, 'names': {"
                                "'_report._domainkey.a.example': {'TXT': ['rs=a']},"
                                "'_report._domainkey.b.example': {'TXT': ['rs=b']},"
                                "'_report._domainkey.mute.example': {'TXT': ['ra=x']},"
                                "'_report._domainkey.slow.example': 'TIMEOUT'}}";

static const struct words_case {
    const char *name;
    struct dkim_verdict verdicts[5];
    struct dkim_signature signatures[5];
    const char *words; // NULL: none
} words_cases[] = {
#define BAD                                                                                        \
    {                                                                                              \
        .result = DKIM_FAIL, .reason = DKIM_BODY_HASH                                              \
    }
#define ASKS(d)                                                                                    \
    {                                                                                              \
        .domain = S_INIT(d), .wants_reports = true                                                 \
    }
        {"no signature", {{0}}, {{0}}, NULL},
        {"one that is bad", {BAD}, {ASKS("a.example")}, "a.example explains: a"},
        {"one that asks for nothing", {BAD}, {{.domain = S_INIT("a.example")}}, NULL},
        {"one that is good", {{.result = DKIM_PASS}}, {ASKS("a.example")}, NULL},
        {"one that is only tried out", {{.result = DKIM_FAIL, .testing = true}},
                {ASKS("a.example")}, NULL},
        {"one that was not looked at", {{.result = DKIM_POLICY, .reason = DKIM_TOO_MANY}},
                {ASKS("a.example")}, NULL},
        {"the second", {BAD, BAD}, {ASKS("mute.example"), ASKS("b.example")},
                "b.example explains: b"},
        {"one that gives no answer, and another", {BAD, BAD},
                {ASKS("slow.example"), ASKS("a.example")}, "a.example explains: a"},
        {"each is asked once", {BAD, BAD, BAD, BAD, BAD},
                {ASKS("mute.example"), ASKS("mute.example"), ASKS("slow.example"),
                        ASKS("mute.example"), ASKS("b.example")},
                "b.example explains: b"},
        {"the fourth is one too many", {BAD, BAD, BAD, BAD},
                {ASKS("mute.example"), ASKS("slow.example"), ASKS("none.example"),
                        ASKS("b.example")},
                NULL},
};

static struct err whose_words(struct resolver *r, void *arg UNUSED)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(words_cases); i++) {
        const struct words_case *c = &words_cases[i];
        struct dkim_verdict verdicts[5];
        size_t count = 0;
        for (; count < 5 && c->signatures[count].domain.len > 0; count++) {
            verdicts[count] = c->verdicts[count];
            verdicts[count].signature = &c->signatures[count];
        }
        const struct dkim_answer answer = {.at = verdicts, .count = count};
        struct str words;
        TRY(dkim_reporting_words(r, &a, &answer, &words));
        check_str(c->name, words, str_from_c(c->words));
    }
    return OK;
}

static void test_whose_words(void **state UNUSED)
{
    with_zone(zone, NULL, whose_words, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_records),
            cmocka_unit_test(test_no_records),
            cmocka_unit_test(test_whose_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
