// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_address.c: the Mailbox of SMTP; what the conformance data says is not said
// again.
#include "../base/check.h"
#include "mail/mail.h"

#define SIXTEEN "abcdefghijklmnop"
#define SIXTY SIXTEEN SIXTEEN SIXTEEN "abcdefghijkl"
#define LABEL_63 SIXTY "mno"

struct refusal {
    const char *name, *text, *error;
};

static const struct refusal refusals[] = {
        {"nothing", "", "the address is empty"},
        {"no local part", "@a", "expected a local part at column 1"},
        {"no domain", "a@", "expected a domain at column 3"},
        {"no at", "postmaster", "expected @ at column 11"},
        {"a dot first", ".a@b", "expected a local part at column 1"},
        {"two dots", "a..b@c", "expected a local part at column 3"},
        {"a dot before the at", "a.@c", "expected a local part at column 3"},
        {"two ats", "a@b@c", "unexpected text at column 4"},
        {"brackets", "<a@b>", "expected a local part at column 1"},
        {"something behind", "a@b c", "unexpected text at column 4"},
        {"a line end", "a@b\r\n", "unexpected text at column 4"},
        {"a comment", "a(c)@b", "expected @ at column 2"},
        {"a stray byte of UTF-8", "\303@b", "expected a local part at column 1"},
        {"an overlong sequence", "\300\257@b", "expected a local part at column 1"},
        {"a surrogate", "\355\240\200@b", "expected a local part at column 1"},
        {"a quote that does not end", "\"a@b", "the quoted local part does not end"},
        {"a quote that ends in a backslash", "\"a\\", "a byte that cannot be quoted at column 4"},
        {"a control in quotes", "\"\t\"@b", "a byte that cannot be quoted at column 2"},
        {"a letter beyond ASCII behind a backslash", "\"\\\303\274\"@b",
                "a byte that cannot be quoted at column 3"},
        {"a dot last", "a@b.", "the domain has an empty label"},
        {"a hyphen first", "a@-b.c", "a label of the domain begins or ends with a hyphen"},
        {"an underscore", "a@b_c.d", "unexpected text at column 4"},
        {"a label of 64", "a@" LABEL_63 "x.d", "a label of the domain is longer than 63 octets"},
        {"255 octets",
                SIXTEEN "@" LABEL_63 "." LABEL_63 "." LABEL_63
                        ".abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst",
                "the address is longer than 254 octets"},
        {"a domain of 256", "a@" LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 ".",
                "the domain is longer than 255 octets"},
        {"a literal that does not end", "a@[192.0.2.1", "the address literal does not end"},
        {"a literal with a tag that is not known", "a@[x400:1]", "expected [192.0.2.1]"},
        {"a literal with blanks", "a@[ 192.0.2.1]", "expected [192.0.2.1]"},
        {"a zone in a literal", "a@[IPv6:fe80::1%1]", "expected [192.0.2.1]"},
        {"an IPv4 address that is named IPv6", "a@[IPv6:192.0.2.1]", "expected [192.0.2.1]"},
        {"something behind a literal", "a@[192.0.2.1].d", "unexpected text at column 14"},
        {"a domain that IDNA refuses", "a@\342\202\254-.d",
                "the domain cannot be written in ASCII"},
};

static void refused(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct arena a AUTO(arena_done);
        struct mail_address address;
        arena_init(&a, 64 * KIB);
        struct err e = mail_address_parse(&a, str_from_c(refusals[i].text), &address);
        if (e.kind != ERR_SYNTAX || !str_starts(err_text(e), str_from_c(refusals[i].error)))
            check_failed("%s: \"%.*s\"", refusals[i].name, ARG(err_text(e)));
    }
}

struct reading {
    const char *name, *text, *local, *domain, *normal;
};

static const struct reading readings[] = {
        {"an empty quoted local part", "\"\"@a", "", "a", "\"\"@a"},
        {"needless quotes", "\"a.b\"@c", "a.b", "c", "a.b@c"},
        {"needless backslashes", "\"\\a\\\\\\\"\"@c", "a\\\"", "c", "\"a\\\\\\\"\"@c"},
        {"two dots need quotes", "\"a..b\"@c", "a..b", "c", "\"a..b\"@c"},
        {"an at in quotes", "\"a@b\"@c", "a@b", "c", "\"a@b\"@c"},
        {"case", "Ann.B@Example.ORG", "Ann.B", "Example.ORG", "ann.b@example.org"},
        {"letters beyond ASCII", "J\303\266RG@Stra\303\237e.example", "J\303\266RG",
                "Stra\303\237e.example", "j\303\266rg@xn--strae-oqa.example"},
        {"capitals beyond ASCII", "J\303\226RG@b", "J\303\226RG", "b", "j\303\266rg@b"},
        {"a letter and its dots apart", "jo\314\210rg@b", "jo\314\210rg", "b", "j\303\266rg@b"},
        {"a final sigma", "\317\202@b", "\317\202", "b", "\317\203@b"},
        {"a capital that becomes ASCII", "\342\204\252@b", "\342\204\252", "b", "k@b"},
        {"a sharp s stays", "\303\237@b", "\303\237", "b", "\303\237@b"},
        {"its capital becomes it", "\341\272\236@b", "\341\272\236", "b", "\303\237@b"},
        {"junk that looks like an A-label", "a@XN--junk.d", "a", "XN--junk.d", "a@xn--junk.d"},
        {"an IPv4 literal", "a@[192.0.2.1]", "a", "[192.0.2.1]", "a@[192.0.2.1]"},
        {"an IPv6 literal", "a@[ipV6:2001:DB8::1]", "a", "[ipV6:2001:DB8::1]",
                "a@[ipv6:2001:db8::1]"},
        {"what a bang path was", "a!b%c@d", "a!b%c", "d", "a!b%c@d"},
        {"254 octets",
                "abcdefghijklmno@" LABEL_63 "." LABEL_63 "." LABEL_63
                ".abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst",
                "abcdefghijklmno", NULL, NULL},
};

static void taken(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(readings); i++) {
        const struct reading *c = &readings[i];
        struct arena a AUTO(arena_done);
        struct mail_address address;
        arena_init(&a, 64 * KIB);
        struct err e = mail_address_parse(&a, str_from_c(c->text), &address);
        if (failed(e))
            check_failed("%s: %.*s", c->name, ARG(err_text(e)));
        check_str(c->name, address.text, str_from_c(c->text));
        check_str(c->name, address.local, str_from_c(c->local));
        if (c->domain != NULL)
            check_str(c->name, address.domain, str_from_c(c->domain));
        if (c->normal != NULL)
            check_str(c->name, mail_address_normal(&a, &address), str_from_c(c->normal));
        assert_int_equal(address.beyond_ascii, !str_is_ascii(str_from_c(c->text)));
        assert_int_equal(address.literal.family != IP_NONE, str_starts(address.domain, S("[")));
    }
}

// VERP makes local parts longer than the RFC's 64; quotes count.
static void long_local_parts(void **state UNUSED)
{
    static const struct {
        const char *text;
        bool too_long;
    } cases[] = {
            {SIXTY "abcd@a", false},
            {SIXTY "abcde@a", true},
            {"\"" SIXTY "ab\"@a", false},
            {"\"" SIXTY "abc\"@a", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a AUTO(arena_done);
        struct mail_address address;
        arena_init(&a, 64 * KIB);
        assert_false(failed(mail_address_parse(&a, str_from_c(cases[i].text), &address)));
        assert_int_equal(address.local_too_long, cases[i].too_long);
    }
}

// In the middle of a command: takes the mailbox and leaves the bracket.
static void scanning(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct scan in = scan_over(S("\"a>\"@b.c> SIZE=1"));
    struct mail_address address;
    arena_init(&a, 64 * KIB);
    assert_false(failed(mail_address_scan(&a, &in, &address)));
    check_str("text", address.text, S("\"a>\"@b.c"));
    check_str("rest", scan_rest(&in), S("> SIZE=1"));
}

static void sub_addresses(void **state UNUSED)
{
    static const struct {
        const char *local, *delimiters, *base, *detail; // base NULL: none
    } cases[] = {
            {"", "+", NULL, NULL},
            {"ann", "+", NULL, NULL},
            {"ann+x", "", NULL, NULL},
            {"+x", "+", NULL, NULL},
            {"+x+y", "+", NULL, NULL},
            {"ann+", "+", "ann", ""},
            {"ann+x+y", "+", "ann", "x+y"},
            {"ann-x+y", "+-", "ann", "x+y"},
            {"ann-x+y", "+", "ann-x", "y"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str base = STR_NULL, detail = STR_NULL;
        bool split = mail_local_split(
                str_from_c(cases[i].local), str_from_c(cases[i].delimiters), &base, &detail);
        check_true(cases[i].local, split == (cases[i].base != NULL));
        check_str(cases[i].local, base, str_from_c(cases[i].base));
        check_str(cases[i].local, detail, str_from_c(cases[i].detail));
    }
}

static void names_of_hosts(void **state UNUSED)
{
    static const char *const good[] = {"a.b", "A-1.b_c", "a.b.", "_x.y", "1.2.3.4a",
            "b\303\274.example", "a.\330\247\331\204", "xn--b-eha.example", "[192.0.2.1]",
            "[IPv6:2001:db8::1]", "[ipv6:::1]", LABEL_63 ".b",
            LABEL_63 "." LABEL_63 "." LABEL_63 "." SIXTY "m"};
    static const char *const bad[] = {"", ".", "localhost", "localhost.", "a..b", ".a.b", "a.b..",
            "-a.b", "a-.b", "a.b-", "192.0.2.1", "a.1", "[192.0.2.1", "[192.0.2.1].", "[]",
            "[2001:db8::1]", "[IPv6:192.0.2.1]", "a b.c", "a(b.c", "b\303.example",
            "b\300\257.example", LABEL_63 "x.b", LABEL_63 "." LABEL_63 "." LABEL_63 "." SIXTY "mn"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        check_true(good[i], mail_host_is_qualified(str_from_c(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        check_true(bad[i], !mail_host_is_qualified(str_from_c(bad[i])));
}

static void small_arenas(void **state UNUSED)
{
    size_t refusals_seen = 0;
    for (size_t limit = 0; limit < 8 * KIB; limit += 32) {
        struct arena a AUTO(arena_done);
        struct mail_address address;
        arena_init(&a, limit);
        struct err e = mail_address_parse(&a, S("\"a b\"@stra\303\237e.example"), &address);
        assert_true(!failed(e) || e.kind == ERR_LIMIT);
        refusals_seen += failed(e);
        if (!failed(e))
            check_str("domain", address.ascii, S("xn--strae-oqa.example"));
    }
    assert_true(refusals_seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(refused),
            cmocka_unit_test(taken),
            cmocka_unit_test(long_local_parts),
            cmocka_unit_test(scanning),
            cmocka_unit_test(small_arenas),
            cmocka_unit_test(sub_addresses),
            cmocka_unit_test(names_of_hosts),
    };
    return cmocka_run_group_tests_name("mail/address", tests, NULL, NULL);
}
