// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_header.c: what fields say, beyond what the conformance data shows: fields
// that end in the middle, lie, or are far too long.
#include "../base/check.h"
#include "mail/mail.h"

struct field {
    const char *name, *body, *expected; // as the functions below write it; NULL: nothing
};

typedef bool field_reader(struct arena *a, struct str body, struct buf *out);

static void check_fields(const struct field *fields, size_t count, field_reader *read)
{
    for (size_t i = 0; i < count; i++) {
        struct arena a AUTO(arena_done);
        struct buf text AUTO(buf_done);
        arena_init(&a, MIB);
        buf_init(&text, MIB);
        bool good = read(&a, str_from_c(fields[i].body), &text);
        check_true(fields[i].name, good == (fields[i].expected != NULL));
        if (good)
            check_str(fields[i].name, buf_str(&text), str_from_c(fields[i].expected));
    }
}

// "Name <address>", groups as "Group: ..."
static bool mailboxes(struct arena *a, struct str body, struct buf *out)
{
    struct mail_mailboxes all;
    if (!mail_mailboxes_read(a, body, &all))
        return false;
    for (size_t i = 0; i < all.count; i++) {
        const struct mail_mailbox *box = &all.at[i];
        buf_add(out, i > 0 ? S(" | ") : S(""));
        if (box->group > 0)
            buf_fmt(out, "%.*s: ", ARG(all.groups[box->group - 1]));
        if (!str_is_null(box->name))
            buf_fmt(out, "%.*s ", ARG(box->name));
        buf_fmt(out, "<%.*s>", ARG(box->address));
    }
    return true;
}

static const struct field addresses[] = {
        {"nothing", "", ""},
        {"only commas", " ,, ,", ""},
        {"an angle that does not end", "a <b@c", "a <b@c>"},
        {"a quote that does not end", "\"a <b@c>", "<\"a <b@c>>"},
        {"a comment that does not end", "a (b <c@d>", "<a>"},
        {"an angle twice", "<a@b> <c@d>", "<c@d>"},
        {"a name that looks like an address", "a@b <c@d>", "a@b <c@d>"},
        {"nothing in the brackets", "a <>", "a <>"},
        {"a name alone", "postmaster", "<postmaster>"},
        {"a literal", "a@[192.0.2.1]", "<a@[192.0.2.1]>"},
        {"a literal in brackets", "<a@[IPv6:::1]>", "<a@[IPv6:::1]>"},
        {"a quoted local part", "\"a b\"@c", "<\"a b\"@c>"},
        {"blanks and comments inside", "a (x) . b @ (y) c", "<a.b@c>"},
        {"a route", "<@x,@y:a@b>", "<a@b>"},
        {"a group and more", "G: a@b, c@d; e@f", "G: <a@b> | G: <c@d> | <e@f>"},
        {"a group that does not end", "G: a@b", "G: <a@b>"},
        {"encoded words with a comma", "=?utf-8?q?Doe,_J?= <a@b>", "Doe, J <a@b>"},
        {"a letter cut in two", "=?utf-8?q?=C3?= =?utf-8?q?=BC?= <a@b>", "\303\274 <a@b>"},
        {"another charset between", "=?utf-8?q?a?= =?iso-8859-1?q?=FC?= <a@b>", "a\303\274 <a@b>"},
        {"a charset that is not known", "=?x-none?q?a=FF?= <a@b>", "a\357\277\275 <a@b>"},
        {"five bytes in what iconv takes for UTF-8", "=?ut\017f-8?q?=F9=B6=B2=B2=B2?= <a@b>",
                "\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275 <a@b>"},
        {"a code beyond the last one", "=?ucs-4be?q?=00=00=00a=7F=00=00=00?= <a@b>",
                "a\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275 <a@b>"},
        {"an encoded word in quotes", "\"=?utf-8?q?a?=\" <a@b>", "a <a@b>"},
};

static void address_lists(void **state UNUSED)
{
    check_fields(addresses, COUNT_OF(addresses), mailboxes);
}

static bool types(struct arena *a, struct str body, struct buf *out)
{
    struct mail_type type;
    if (!mail_content_type_read(a, body, &type))
        return false;
    buf_add(out, type.type);
    for (size_t i = 0; i < type.param_count; i++)
        buf_fmt(out, "; %.*s=%.*s", ARG(type.params[i].name), ARG(type.params[i].value));
    return true;
}

static const struct field content_types[] = {
        {"nothing", "", NULL},
        {"no subtype", "text", NULL},
        {"no subtype behind the slash", "text/", NULL},
        {"a name without a value", "a/b; c", "a/b"},
        {"no value", "a/b; c=", "a/b; c="},
        {"no semicolon", "a/b c=d", "a/b; c=d"},
        {"a value twice", "a/b; c=d; C=e", "a/b; c=d"},
        {"a quote that does not end", "a/b; c=\"d", "a/b; c=d"},
        {"a boundary with specials", "a/b; boundary==_a/b:c?d", "a/b; boundary==_a/b:c?d"},
        {"RFC 2231", "a/b; n*=utf-8'de'%C3%BC", "a/b; n=\303\274"},
        {"RFC 2231 without a charset", "a/b; n*=''x%41", "a/b; n=xA"},
        {"RFC 2231, a charset that is not known", "a/b; n*=x-none''%FF", "a/b; n=\357\277\275"},
        {"percent signs that are none", "a/b; n*=utf-8''%4%zz%", "a/b; n=%4%zz%"},
        {"sections out of order", "a/b; n*1=c; n*0=b; n*2=d", "a/b; n=bcd"},
        {"a section is missing", "a/b; n*0=b; n*2=d", "a/b; n=b"},
        {"the first section is missing", "a/b; n*1=c", "a/b"},
        {"extended and plain sections", "a/b; n*0*=utf-8''%C3; n*1*=%BC; n*2=\"%41\"",
                "a/b; n=\303\274%41"},
        {"a section number that overflows", "a/b; n*99999999999=c", "a/b; n*99999999999=c"},
};

static void types_and_parameters(void **state UNUSED)
{
    check_fields(content_types, COUNT_OF(content_types), types);
}

static bool dates(struct arena *a UNUSED, struct str body, struct buf *out)
{
    struct civil c;
    if (!mail_date_read(body, &c))
        return false;
    date_add_rfc3339(out, civil_to_ms(&c), DATE_SECONDS);
    return true;
}

static const struct field moments[] = {
        {"nothing", "", NULL},
        {"no time", "1 Jan 2026", NULL},
        {"no minutes", "1 Jan 2026 10", NULL},
        {"the 31st of April", "31 Apr 2026 10:00 +0000", NULL},
        {"the 29th of February", "29 Feb 2025 10:00 +0000", NULL},
        {"24 o'clock", "1 Jan 2026 24:00 +0000", NULL},
        {"two digits", "1 Jan 49 10:00 +0000", "2049-01-01T10:00:00Z"},
        {"two digits of the last century", "1 Jan 50 10:00 +0000", "1950-01-01T10:00:00Z"},
        {"three digits", "1 Jan 126 10:00 +0000", "2026-01-01T10:00:00Z"},
        {"a zone by name", "1 Jan 2026 10:00:00 EST", "2026-01-01T15:00:00Z"},
        {"a zone of the army", "1 Jan 2026 10:00:00 A", "2026-01-01T10:00:00Z"},
        {"a zone that is cut off", "1 Jan 2026 10:00:00 +01", "2026-01-01T10:00:00Z"},
        {"a zone beyond the day", "1 Jan 2026 10:00:00 +9999", "2026-01-01T10:00:00Z"},
        {"hyphens", "1-Jan-2026 10:00 +0000", "2026-01-01T10:00:00Z"},
        {"a month in full", "Thu, 1 January 2026 10:00 +0000", "2026-01-01T10:00:00Z"},
        {"a leap second", "31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"},
};

static void date_times(void **state UNUSED)
{
    check_fields(moments, COUNT_OF(moments), dates);
}

static bool texts(struct arena *a, struct str body, struct buf *out)
{
    buf_add(out, mail_text_read(a, body));
    return true;
}

static const struct field subjects[] = {
        {"nothing", "", ""},
        {"only folds", "\r\n \r\n ", ""},
        {"no UTF-8", "a\377b", "a\357\277\275b"},
        {"an encoded word that does not end", "=?utf-8?q?abc", "=?utf-8?q?abc"},
        {"an encoding that is not known", "=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
        {"base64 without padding", "=?utf-8?b?YWI?=", "ab"},
        {"base64 glued together", "=?utf-8?b?YQ==Yg==?=", "ab"},
        {"base64 of nonsense", "=?utf-8?b?*?=", ""},
        {"a hex digit is missing", "=?utf-8?q?a=4?=", "a=4"},
        {"Windows' quotes that call themselves Latin 1",
                "=?iso-8859-1?q?=93a=94?=", "\342\200\234a\342\200\235"},
        {"Japanese", "=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=", "\343\203\206\343\202\271\343\203\210"},
        {"a charset with options", "=?utf-8//IGNORE?q?=FF?=", "\357\277\275"},
};

static void free_text(void **state UNUSED)
{
    check_fields(subjects, COUNT_OF(subjects), texts);
}

static bool traces(struct arena *a, struct str body, struct buf *out)
{
    struct mail_received r;
    if (!mail_received_read(a, body, &r))
        return false;
    buf_fmt(out, "%.*s/%.*s/", ARG(r.from), ARG(r.helo));
    if (r.from_ip.family != IP_NONE)
        ip_add(out, &r.from_ip);
    buf_fmt(out, "/%.*s/%.*s/%.*s/%.*s", ARG(r.by), ARG(r.with), ARG(r.id), ARG(r.for_));
    return true;
}

static const struct field trails[] = {
        {"nothing", "", NULL},
        {"no keyword", "hello world", NULL},
        {"keywords alone", "from by with", "//////"},
        {"ours",
                "from a.example (b.example [IPv6:2001:db8::1]) by mx.example with ESMTPS id 12 for "
                "<c@d>; Thu, 1 Jan 2026 10:00:00 +0000",
                "a.example//2001:db8::1/mx.example/ESMTPS/12/<c@d>"},
        {"HELO in a comment", "from a (HELO b) (192.0.2.1) by c", "a/b/192.0.2.1/c///"},
        {"helo= in a comment", "from [192.0.2.1] (helo=b) by c", "[192.0.2.1]/b/192.0.2.1/c///"},
        {"a port behind the address", "from x ([192.0.2.1:25]) by c", "x//192.0.2.1/c///"},
};

static void trace_fields(void **state UNUSED)
{
    check_fields(trails, COUNT_OF(trails), traces);
}

// A comment as deep as the field is long, and more parameters than anybody needs.
static void excess(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf body AUTO(buf_done);
    struct mail_mailboxes boxes;
    struct mail_type type;
    arena_init(&a, 16 * MIB);
    buf_init(&body, MIB);
    buf_add_repeat(&body, '(', 100000);
    assert_true(mail_mailboxes_read(&a, buf_str(&body), &boxes));
    assert_int_equal(boxes.count, 0);
    buf_clear(&body);
    buf_add(&body, S("a/b"));
    for (int i = 0; i < 1000; i++)
        buf_fmt(&body, "; p%d=v", i);
    assert_true(mail_content_type_read(&a, buf_str(&body), &type));
    assert_int_equal(type.param_count, MAIL_PARAMS_MAX);
    buf_clear(&body);
    for (int i = 0; i < MAIL_MAILBOXES_MAX + 1; i++)
        buf_fmt(&body, "a%d@b,", i);
    assert_true(mail_mailboxes_read(&a, buf_str(&body), &boxes));
    assert_int_equal(boxes.count, MAIL_MAILBOXES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(address_lists),
            cmocka_unit_test(types_and_parameters),
            cmocka_unit_test(date_times),
            cmocka_unit_test(free_text),
            cmocka_unit_test(trace_fields),
            cmocka_unit_test(excess),
    };
    return cmocka_run_group_tests_name("mail/header", tests, NULL, NULL);
}
