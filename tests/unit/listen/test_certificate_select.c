// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_certificate_select.c: SNI normalised, and which certificate a client gets
// (listeners.md 9.4, 9.5).
#include "../base/check.h"
#include "listen/certificates.h"

#include "made.h"

#define X10 "xxxxxxxxxx"
#define X63 X10 X10 X10 X10 X10 X10 "xxx"

static void sni_is_normalised(void **unused UNUSED)
{
    static const struct {
        struct str sni;
        const char *name; // NULL: as if none had been sent
    } cases[] = {
            {S_INIT(""), NULL},
            {S_INIT("."), NULL},
            {S_INIT("mx.example.org"), "mx.example.org"},
            {S_INIT("MX.Example.ORG."), "mx.example.org"},
            {S_INIT("mx.example.org.."), NULL},
            {S_INIT("mx..example.org"), NULL},
            {S_INIT(".example.org"), NULL},
            {S_INIT("localhost"), "localhost"},
            {S_INIT("_tlsa.example.org"), "_tlsa.example.org"},
            {S_INIT("xn--bcher-kva.example"), "xn--bcher-kva.example"},
            {S_INIT("b\xc3\xbc"
                    "cher.example"),
                    NULL}, // U-labels are not for the wire
            {S_INIT("mx.example.org\0.evil.example"), NULL},
            {S_INIT("*.example.org"), NULL},
            {S_INIT("-a.example.org"), NULL},
            {S_INIT("a-.example.org"), NULL},
            {S_INIT("a b.example.org"), NULL},
            {S_INIT("192.0.2.1"), NULL},
            {S_INIT("192.0.2.1.5"), NULL},
            {S_INIT("2001:db8::1"), NULL},
            {S_INIT(X63 ".example"), X63 ".example"},
            {S_INIT(X63 "x.example"), NULL},
            {S_INIT(X63 "." X63 "." X63 "." X10 X10 X10 X10 X10 X10 "x"),
                    X63 "." X63 "." X63 "." X10 X10 X10 X10 X10 X10 "x"}, // 253
            {S_INIT(X63 "." X63 "." X63 "." X10 X10 X10 X10 X10 X10 "xx"), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char room[HOST_NAME_BYTES_MAX];
        struct str name;
        print_message("%.*s\n", ARG(cases[i].sni));
        assert_int_equal(sni_normalise(cases[i].sni, room, &name), cases[i].name != NULL);
        if (cases[i].name != NULL)
            assert_true(str_eq(name, str_from_c(cases[i].name)));
    }
}

struct world {
    struct arena arena;
    EVP_PKEY *ec, *rsa;
    struct certificates *all;
};

struct made_source {
    const char *id, *names;
    bool rsa, is_default;
    int64_t from_days, to_days;
};

// In no particular order, so that "first id in byte order" is not "first".
static const struct made_source SOURCES[] = {
        {"wild", "DNS:*.example.org", .to_days = 90},
        {"mx-rsa", "DNS:mx.example.org", .rsa = true, .to_days = 90},
        {"mx-ec", "DNS:mx.example.org", .to_days = 90},
        {"mx-ec-longer", "DNS:mx.example.org", .to_days = 120},
        {"mx-ec-old", "DNS:mx.example.org", .from_days = -90, .to_days = -1},
        {"mx-ec-next", "DNS:mx.example.org", .from_days = 10, .to_days = 300},
        {"gone", "DNS:gone.example.org,DNS:gone.example.net", .from_days = -90, .to_days = -1},
        {"alpha", "DNS:alpha.example", .to_days = 90},
};

static struct certificates *made_table(
        struct world *w, const struct made_source *sources, size_t count)
{
    struct certificate_source all[COUNT_OF(SOURCES)];
    struct certificate_reports reports = {.arena = &w->arena};
    for (size_t i = 0; i < count; i++) {
        EVP_PKEY *key = sources[i].rsa ? w->rsa : w->ec;
        X509 *x = made_certificate(&(struct made_wish){.names = sources[i].names,
                .key = key,
                .from_days = sources[i].from_days,
                .to_days = sources[i].to_days});
        all[i] = (struct certificate_source){.id = str_from_c(sources[i].id),
                .cert = made_pem(&w->arena, x),
                .key = made_key_pem(&w->arena, key),
                .is_default = sources[i].is_default};
        X509_free(x);
    }
    struct certificates *table = certificates_make(all, count, NULL, MADE_NOW_MS, &reports);
    assert_int_equal(reports.error_count, 0);
    return table;
}

static int begin(void **state)
{
    struct world *w = mem_new(struct world);
    arena_init(&w->arena, 4 * MIB);
    w->ec = made_key("P-256");
    w->rsa = made_key("RSA-2048");
    w->all = made_table(w, SOURCES, COUNT_OF(SOURCES));
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    certificates_unref(w->all);
    EVP_PKEY_free(w->ec);
    EVP_PKEY_free(w->rsa);
    arena_done(&w->arena);
    mem_free(w);
    return 0;
}

static void expect_slot(const struct certificate_choice *choice, enum key_type type, const char *id)
{
    const struct certificate *c = choice->slots[type];
    if (id == NULL && c != NULL)
        check_failed("unexpected %.*s", ARG(c->id));
    if (id != NULL && (c == NULL || !str_eq(c->id, str_from_c(id))))
        check_failed("got %.*s, expected %s", ARG(c == NULL ? S("none") : c->id), id);
}

static void certificates_are_chosen(void **state)
{
    struct world *w = *state;
    static const struct sni_rule map[] = {
            {S_INIT("*.example.com"), S_INIT("wild")},
            {S_INIT("a.example.com"), S_INIT("alpha")},
            {S_INIT("mx.example.org"), S_INIT("alpha")},
    };
    static const struct {
        const char *name, *sni;
        struct certificate_rules rules;
        enum certificate_found found;
        bool unknown;
        const char *ec, *rsa;
    } cases[] = {
            {.name = "one for each type, the longest of those valid now",
                    .sni = "mx.example.org",
                    .found = FOUND_BY_NAME,
                    .ec = "mx-ec-longer",
                    .rsa = "mx-rsa"},
            {.name = "case and dot",
                    .sni = "MX.EXAMPLE.ORG.",
                    .found = FOUND_BY_NAME,
                    .ec = "mx-ec-longer",
                    .rsa = "mx-rsa"},
            {.name = "by wildcard",
                    .sni = "other.example.org",
                    .found = FOUND_BY_NAME,
                    .ec = "wild"},
            {.name = "expired gives way to a wildcard",
                    .sni = "gone.example.org",
                    .found = FOUND_BY_NAME,
                    .ec = "wild"},
            {.name = "expired is better than nothing",
                    .sni = "gone.example.net",
                    .found = FOUND_BY_NAME,
                    .ec = "gone"},
            {.name = "the apex is not in the wildcard",
                    .sni = "example.org",
                    .found = FOUND_BY_ORDER,
                    .unknown = true,
                    .ec = "alpha"},
            {.name = "nor are two labels",
                    .sni = "a.b.example.org",
                    .found = FOUND_BY_ORDER,
                    .unknown = true,
                    .ec = "alpha"},
            {.name = "map before names",
                    .sni = "mx.example.org",
                    .rules = {.sni = map, .sni_count = 3},
                    .found = FOUND_BY_MAP,
                    .ec = "alpha"},
            {.name = "map: exact before wildcard",
                    .sni = "a.example.com",
                    .rules = {.sni = map, .sni_count = 3},
                    .found = FOUND_BY_MAP,
                    .ec = "alpha"},
            {.name = "map: wildcard",
                    .sni = "b.example.com",
                    .rules = {.sni = map, .sni_count = 3},
                    .found = FOUND_BY_MAP,
                    .ec = "wild"},
            {.name = "no name: listener's",
                    .sni = "",
                    .rules = {.certificate = S_INIT("mx-rsa")},
                    .found = FOUND_DEFAULT,
                    .rsa = "mx-rsa"},
            {.name = "an address is no name",
                    .sni = "192.0.2.1",
                    .rules = {.certificate = S_INIT("gone")},
                    .found = FOUND_DEFAULT,
                    .ec = "gone"},
            {.name = "unknown name: listener's",
                    .sni = "nobody.example",
                    .rules = {.certificate = S_INIT("mx-rsa")},
                    .found = FOUND_DEFAULT,
                    .unknown = true,
                    .rsa = "mx-rsa"},
            {.name = "unknown name, strict",
                    .sni = "nobody.example",
                    .rules = {.certificate = S_INIT("mx-rsa"), .sni_strict = true},
                    .found = FOUND_UNKNOWN_NAME,
                    .unknown = true},
            {.name = "no name, strict",
                    .sni = "",
                    .rules = {.certificate = S_INIT("mx-rsa"), .sni_strict = true},
                    .found = FOUND_DEFAULT,
                    .rsa = "mx-rsa"},
            {.name = "several: by the listener's host name",
                    .sni = "",
                    .rules = {.host = S_INIT("mx.example.org"),
                            .server_host = S_INIT("alpha.example")},
                    .found = FOUND_BY_ORDER,
                    .ec = "mx-ec-longer",
                    .rsa = "mx-rsa"},
            {.name = "several: by the server's",
                    .sni = "",
                    .rules = {.host = S_INIT("x.example"),
                            .server_host = S_INIT("gone.example.net")},
                    .found = FOUND_BY_ORDER,
                    .ec = "gone"},
            {.name = "several: by id", .sni = "", .found = FOUND_BY_ORDER, .ec = "alpha"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct certificate_choice choice;
        print_message("%s\n", cases[i].name);
        certificates_select(
                w->all, &cases[i].rules, str_from_c(cases[i].sni), MADE_NOW_MS, &choice);
        assert_int_equal(choice.found, cases[i].found);
        assert_int_equal(choice.name_unknown, cases[i].unknown);
        expect_slot(&choice, KEY_EC, cases[i].ec);
        expect_slot(&choice, KEY_RSA, cases[i].rsa);
        expect_slot(&choice, KEY_ED25519, NULL);
    }
}

// What is valid is decided when a client comes.
static void time_goes_by(void **state)
{
    struct world *w = *state;
    static const struct {
        int64_t days;
        const char *ec, *rsa;
    } cases[] = {
            {-30, "mx-ec-old", NULL}, {9, "mx-ec-longer", "mx-rsa"}, {11, "mx-ec-next", "mx-rsa"},
            {95, "mx-ec-next", NULL},
            {400, "mx-ec-next", "mx-rsa"}, // none is valid: the latest ones
    };
    struct certificate_rules rules = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct certificate_choice choice;
        certificates_select(
                w->all, &rules, S("mx.example.org"), MADE_NOW_MS + cases[i].days * DAY_MS, &choice);
        expect_slot(&choice, KEY_EC, cases[i].ec);
        expect_slot(&choice, KEY_RSA, cases[i].rsa);
    }
}

static void few_certificates(void **state)
{
    struct world *w = *state;
    static const struct made_source two[] = {{"a", "DNS:a.example", .to_days = 9},
            {"b", "DNS:b.example", .is_default = true, .to_days = 90}};
    struct certificate_choice choice;
    struct certificate_rules rules = {0};
    struct certificates *all = made_table(w, two, 2);
    certificates_select(all, &rules, S(""), MADE_NOW_MS, &choice);
    expect_slot(&choice, KEY_EC, "b");
    assert_int_equal(choice.found, FOUND_DEFAULT);
    certificates_unref(all);
    all = made_table(w, two, 1); // only one: it, whatever was asked for
    certificates_select(all, &rules, S("z.example"), MADE_NOW_MS, &choice);
    expect_slot(&choice, KEY_EC, "a");
    assert_int_equal(choice.found, FOUND_DEFAULT);
    certificates_unref(all);
    all = made_table(w, two, 0);
    certificates_select(all, &rules, S("z.example"), MADE_NOW_MS, &choice);
    assert_int_equal(choice.found, FOUND_NONE);
    struct str names[] = {S("mx.example.org")};
    struct certificate *last = self_signed_make(names, 1, MADE_NOW_MS);
    rules.self_signed = last;
    rules.sni_strict = true;
    certificates_select(all, &rules, S("mx.example.org"), MADE_NOW_MS, &choice);
    assert_int_equal(choice.found, FOUND_SELF_SIGNED);
    assert_ptr_equal(choice.slots[KEY_EC], last);
    certificates_select(all, &rules, S("z.example"), MADE_NOW_MS, &choice);
    assert_int_equal(choice.found, FOUND_UNKNOWN_NAME);
    self_signed_free(last);
    certificates_unref(all);
}

// 9.6: what has changed is loaded, what fails stays as it was, and the rest is not touched.
static void some_are_replaced(void **state)
{
    struct world *w = *state;
    struct certificate_reports reports = {.arena = &w->arena};
    X509 *x = made_certificate(
            &(struct made_wish){.names = "DNS:new.example", .key = w->ec, .to_days = 400});
    struct str pem = made_pem(&w->arena, x), key = made_key_pem(&w->arena, w->ec);
    struct certificate_source changed[] = {
            {.id = S("alpha"), .cert = pem, .key = key},
            {.id = S("wild"), .cert = pem, .key = S("not yet")},
            {.id = S("late"), .cert = pem, .key = key}, // could not be loaded before
    };
    struct certificates *now =
            certificates_replace(w->all, changed, COUNT_OF(changed), MADE_NOW_MS, &reports);
    assert_int_equal(reports.error_count, 1);
    assert_int_equal(certificates_count(now), COUNT_OF(SOURCES) + 1);
    const struct certificate *alpha = certificates_by_id(now, S("alpha"));
    assert_true(certificate_covers(alpha, S("new.example")) && !alpha->is_kept);
    const struct certificate *wild = certificates_by_id(now, S("wild"));
    assert_ptr_equal(wild->leaf, certificates_by_id(w->all, S("wild"))->leaf);
    assert_true(wild->is_kept);
    const struct certificate *rsa = certificates_by_id(now, S("mx-rsa"));
    assert_ptr_equal(rsa->leaf, certificates_by_id(w->all, S("mx-rsa"))->leaf);
    assert_false(rsa->is_kept);
    struct certificate_choice choice;
    struct certificate_rules rules = {.host = S("x.example"), .server_host = S("x.example")};
    certificates_select(now, &rules, S("new.example"), MADE_NOW_MS, &choice);
    assert_int_equal(choice.found, FOUND_BY_NAME);
    certificates_unref(now); // the table before it lives on, with what both share
    certificates_select(w->all, &rules, S("mx.example.org"), MADE_NOW_MS, &choice);
    assert_int_equal(choice.found, FOUND_BY_NAME);
    X509_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(sni_is_normalised),
            cmocka_unit_test(certificates_are_chosen),
            cmocka_unit_test(time_goes_by),
            cmocka_unit_test(few_certificates),
            cmocka_unit_test(some_are_replaced),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
