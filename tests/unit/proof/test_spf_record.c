// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_spf_record.c: records of SPF: where they are wrong, and what macros in them
// stand for.
#include "../base/check.h"
#include "proof/spf.h"
#include "proof/spf_macro.h"

struct record_case {
    const char *name, *text, *error; // NULL: it is fine
};

static const struct record_case records[] = {
        {"nothing", "", "column 1: no record of SPF"},
        {"only the version", "v=spf1", NULL},
        {"the version in any case", "V=sPf1 -ALL", NULL},
        {"another version", "v=spf10 -all", "column 1: no record of SPF"},
        {"blanks anywhere", "v=spf1   a    -all  ", NULL},
        {"a tab is no blank", "v=spf1\t-all", "column 1: no record of SPF"},
        {"a tab behind a term", "v=spf1 a\t-all", "column 9: octet 0x09"},
        {"an octet beyond ASCII", "v=spf1 a:\303\244.example -all", "column 10: octet 0xc3"},
        {"a NUL would end it elsewhere", "v=spf1 a\001", "column 9: octet 0x01"},
        {"no name", "v=spf1 -", "column 9: expected the name"},
        {"a modifier without a name", "v=spf1 =x", "column 8: expected the name"},
        {"a qualified modifier", "v=spf1 -exp=a.example", "column 12: expected ':'"},
        {"two qualifiers", "v=spf1 -+all", "column 9: expected the name"},
        {"an unknown mechanism", "v=spf1 a moo -all", "column 10: an unknown mechanism"},
        {"an unknown one, qualified", "v=spf1 ~moo:x.example", "column 9: an unknown mechanism"},
        {"all with a dot", "v=spf1 all.", "column 8: an unknown mechanism"},
        {"all with an argument", "v=spf1 all:x", "column 11: \"all\" stands alone"},
        {"all with a prefix", "v=spf1 all/8", "column 11: \"all\" stands alone"},
        {"behind all it goes on", "v=spf1 -all ip4:nonsense", "column 17: no IPv4 address"},
        {"ip4 without an address", "v=spf1 ip4", "column 11: expected ':' and a network"},
        {"ip4 with nothing", "v=spf1 ip4:", "column 12: no IPv4 address"},
        {"ip4 with three parts", "v=spf1 ip4:1.2.3", "column 12: no IPv4 address"},
        {"ip4 with a leading zero", "v=spf1 ip4:1.2.3.04", "column 12: no IPv4 address"},
        {"ip4 with a port", "v=spf1 ip4:1.2.3.4:25", "column 12: no IPv4 address"},
        {"ip4 with prefix 0", "v=spf1 ip4:1.2.3.4/0", NULL},
        {"ip4 with prefix 32", "v=spf1 ip4:1.2.3.4/32", NULL},
        {"ip4 with prefix 33", "v=spf1 ip4:1.2.3.4/33", "column 20: expected a prefix of 0 to 32"},
        {"ip4 with prefix 032", "v=spf1 ip4:1.2.3.4/032", "column 20: expected a prefix"},
        {"ip4 with prefix 00", "v=spf1 ip4:1.2.3.4/00", "column 20: expected a prefix"},
        {"ip4 with no prefix", "v=spf1 ip4:1.2.3.4/", "column 20: expected a prefix"},
        {"ip4 with two slashes", "v=spf1 ip4:1.2.3.4//32", "column 20: expected a prefix"},
        {"ip6 with IPv4 in it", "v=spf1 ip6:::1.2.3.4/96", NULL},
        {"ip6 with prefix 128", "v=spf1 ip6:2001:db8::1/128", NULL},
        {"ip6 with prefix 129", "v=spf1 ip6:2001:db8::1/129",
                "column 24: expected one of 0 to 128"},
        {"ip6 with a zone", "v=spf1 ip6:fe80::1%eth0", "column 12: no IPv6 address"},
        {"ip6 with an address of IPv4", "v=spf1 ip6:1.2.3.4", "column 12: no IPv6 address"},
        {"a with both prefixes", "v=spf1 a/24//64 mx:x.example/0//0", NULL},
        {"a with that of IPv6 alone", "v=spf1 a//64", NULL},
        {"a with them in disorder", "v=spf1 a//64/24", "column 9: expected ':' and a domain"},
        {"a with prefix 33", "v=spf1 a/33", "column 10: expected a prefix of 0 to 32"},
        {"a with prefix 129", "v=spf1 a//129", "column 11: expected a prefix of 0 to 128"},
        {"a with an empty prefix", "v=spf1 a/", "column 9: expected ':' and a domain"},
        {"a with an empty domain", "v=spf1 a:", "column 10: expected a domain"},
        {"a with a port", "v=spf1 a:x.example:8080", "column 24: a domain must end in"},
        {"a with an address", "v=spf1 a:1.2.3.4", "column 17: a domain must end in"},
        {"a with digits at the end", "v=spf1 a:abc.123", "column 17: a domain must end in"},
        {"a with one label", "v=spf1 a:museum", "column 16: a domain must end in"},
        {"a with a hyphen last", "v=spf1 a:x.foo-", "column 16: a domain must end in"},
        {"a with a hyphen first", "v=spf1 a:x.-foo", "column 16: a domain must end in"},
        {"a with a dot last", "v=spf1 a:x.example.", NULL},
        {"a slash within a name", "v=spf1 a:x/24.example/24", NULL},
        {"include without a domain", "v=spf1 include", "column 15: expected ':' and a domain"},
        {"include with a prefix", "v=spf1 include:a.example/24", "column 28: a domain must end"},
        {"exists with a prefix", "v=spf1 exists:a.example/24", "column 27: a domain must end"},
        {"ptr with a prefix", "v=spf1 ptr/24", "column 11: expected ':' and a domain"},
        {"ptr alone and with a domain", "v=spf1 ptr ptr:x.example", NULL},
        {"redirect twice", "v=spf1 redirect=a.example redirect=b.example",
                "column 36: this modifier is given twice"},
        {"exp twice", "v=spf1 exp=a.example -all EXP=a.example", "column 31: this modifier is"},
        {"exp with nothing", "v=spf1 -all exp=", "column 17: expected a domain"},
        {"redirect with an address", "v=spf1 redirect=1.2.3.4", "column 24: a domain must end"},
        {"an unknown modifier", "v=spf1 a.b-c_d=%{i}/x! -all", NULL},
        {"its macros are looked at", "v=spf1 moo=%{x} -all", "column 12: a malformed macro"},
        {"macros of explanations", "v=spf1 moo=%{c}", "column 12: a malformed macro"},
        {"a lonely percent", "v=spf1 exists:%(ir).x.example", "column 15: a malformed macro"},
        {"a percent at the end", "v=spf1 a:x.example%", "column 19: a malformed macro"},
        {"an open macro", "v=spf1 exists:%{ir", "column 15: a malformed macro"},
        {"no parts at all", "v=spf1 exists:%{d0}", "column 15: a malformed macro"},
        {"more parts than there can be", "v=spf1 exists:%{d99999999999999999999r}", NULL},
        {"a delimiter that is none", "v=spf1 exists:%{d:}", "column 15: a malformed macro"},
        {"all delimiters", "v=spf1 exists:%{d.-+,/_=}", NULL},
        {"a digit behind the r", "v=spf1 exists:%{dr2}", "column 15: a malformed macro"},
        {"an escape at the end", "v=spf1 exists:a%%", NULL},
};

static void reads_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        struct arena a AUTO(arena_done);
        struct spf_record record;
        arena_init(&a, MIB);
        struct err e = spf_record_parse(&a, str_from_c(records[i].text), &record);
        if (records[i].error == NULL && failed(e))
            check_failed("%s: %.*s", records[i].name, ARG(err_text(e)));
        if (records[i].error != NULL && !str_starts(err_text(e), str_from_c(records[i].error)))
            check_failed("%s: \"%.*s\" instead of \"%s\"", records[i].name, ARG(err_text(e)),
                    records[i].error);
    }
}

static void meets_the_length_limit(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct spf_record record;
    arena_init(&a, MIB);
    buf_init(&text, MIB);
    buf_add(&text, S("v=spf1 "));
    while (text.len + 2 <= SPF_RECORD_BYTES_MAX)
        buf_add(&text, S("a "));
    buf_add_repeat(&text, ' ', SPF_RECORD_BYTES_MAX - text.len);
    assert_int_equal(text.len, SPF_RECORD_BYTES_MAX);
    assert_int_equal(spf_record_parse(&a, buf_str(&text), &record).kind, ERR_NONE);
    assert_int_equal(record.term_count, (SPF_RECORD_BYTES_MAX - 7) / 2);
    buf_add_byte(&text, ' ');
    struct err e = spf_record_parse(&a, buf_str(&text), &record);
    check_str("a byte more", err_text(e), S("column 4097: the record is longer than 4096 octets"));
}

static void keeps_what_it_read(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct spf_record r;
    arena_init(&a, MIB);
    struct str text =
            S("v=spf1 ?MX:%{d2}/24//64 ~ip4:192.0.2.77/28 redirect=_spf.%{d} ra=post rp=5");
    assert_int_equal(spf_record_parse(&a, text, &r).kind, ERR_NONE);
    assert_int_equal(r.term_count, 2);
    assert_int_equal(r.terms[0].qualifier, SPF_QUESTION);
    assert_int_equal(r.terms[0].mechanism, SPF_MX);
    check_str("domain", r.terms[0].domain, S("%{d2}"));
    check_str("text", r.terms[0].text, S("?MX:%{d2}/24//64"));
    assert_int_equal(r.terms[0].prefix4, 24);
    assert_int_equal(r.terms[0].prefix6, 64);
    assert_int_equal(r.terms[1].qualifier, SPF_TILDE);
    assert_int_equal(r.terms[1].net.prefix, 28);
    assert_int_equal(r.terms[1].net.ip.bytes[3], 64);
    check_str("redirect", r.redirect, S("_spf.%{d}"));
    check_str("ra", r.ra, S("post"));
    check_str("rp", r.rp, S("5"));
    check_true("no exp", str_is_null(r.exp));
}

// --- Macros --------------------------------------------------------------------------------------

struct macro_case {
    const char *text, *expands;
};

// The first ones are those of RFC 7208 7.4.
static const struct macro_case macros[] = {
        {"%{s}", "strong-bad@email.example.com"},
        {"%{o}", "email.example.com"},
        {"%{d}", "email.example.com"},
        {"%{d4}", "email.example.com"},
        {"%{d3}", "email.example.com"},
        {"%{d2}", "example.com"},
        {"%{d1}", "com"},
        {"%{dr}", "com.example.email"},
        {"%{d2r}", "example.email"},
        {"%{l}", "strong-bad"},
        {"%{l-}", "strong.bad"},
        {"%{lr}", "strong-bad"},
        {"%{lr-}", "bad.strong"},
        {"%{l1r-}", "strong"},
        {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
        {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
        {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
        {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
        {"", ""},
        {"a%%b%_c%-d", "a%b c%20d"},
        {"%{S}", "strong-bad%40email.example.com"},
        {"%{h}", "mx.example.org"},
        {"%{p}", "unknown"},
        {"%{r}", "here.example"},
        {"%{c} %{t}", "192.0.2.3 1795000000"},
        {"%{d99999999999999999999r}", "com.example.email"},
        {"%{s2-@}", NULL},
        {"%{s2-.}", "example.com"},
        {"%{h1r.}", "mx"},
};

static void expands_macros(void **state)
{
    (void)state;
    struct spf_macro_values values = {.sender = S("strong-bad@email.example.com"),
            .local = S("strong-bad"),
            .sender_domain = S("email.example.com"),
            .domain = S("email.example.com"),
            .helo = S("mx.example.org"),
            .receiver = S("here.example"),
            .now_s = 1795000000};
    assert_true(ip_parse(S("192.0.2.3"), &values.ip));
    for (size_t i = 0; i < COUNT_OF(macros); i++) {
        struct buf out AUTO(buf_done);
        struct str text = str_from_c(macros[i].text);
        size_t offset;
        buf_init(&out, KIB);
        bool fine = spf_macro_check(text, SPF_MACRO_IN_EXPLANATION, &offset);
        assert_int_equal(fine, macros[i].expands != NULL);
        if (!fine)
            continue;
        spf_macro_expand(&out, &values, text);
        check_str(macros[i].text, buf_str(&out), str_from_c(macros[i].expands));
    }
    struct buf out AUTO(buf_done);
    buf_init(&out, KIB);
    assert_true(ip_parse(S("2001:db8::cb01"), &values.ip));
    spf_macro_expand(&out, &values, S("%{ir}.%{v}"));
    check_str("IPv6", buf_str(&out),
            S("1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6"));
}

static void overflows_quietly(void **state)
{
    (void)state;
    struct spf_macro_values values = {.domain = S("a.rather.long.name.example.com")};
    struct buf out AUTO(buf_done);
    buf_init(&out, 40);
    spf_macro_expand(&out, &values, S("%{d}%{d}%{D}"));
    assert_true(out.overflow);
    assert_true(out.len <= 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(reads_records), TEST(meets_the_length_limit),
            TEST(keeps_what_it_read), TEST(expands_macros), TEST(overflows_quietly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
