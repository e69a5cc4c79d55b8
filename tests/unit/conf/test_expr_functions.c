// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_expr_functions.c: every function of configuration.md 9.8 and 9.9.
#include "expr_fixture.h"

static const struct expr_case CASES[] = {
        {"trim takes Unicode white space", "trim('\\t\xc2\xa0 a b \xe3\x80\x80')",
                .gives = "'a b'"},
        {"trim maps", "trim([' a', 'b ', 5])", .gives = "['a', 'b', '5']"},
        {"trim of all blanks", "trim('   ')", .gives = "''"},
        {"trim_start", "trim_start(' a ')", .gives = "'a '"},
        {"trim_end", "trim_end(' a ')", .gives = "' a'"},
        {"to_lowercase", "to_lowercase('ÄÖ Straẞe İ')", .gives = "'äö straße i̇'"},
        {"to_lowercase, final sigma", "to_lowercase('ΟΔΟΣ ΣΑΣ.')", .gives = "'οδος σας.'"},
        {"to_lowercase maps", "to_lowercase(['A', 1])", .gives = "['a', '1']"},
        {"to_lowercase keeps bad bytes", "to_lowercase('A\xff' + 'B')",
                .gives = "'a\xff"
                         "b'"},
        {"to_uppercase makes two of one", "to_uppercase('straße ŉ ǆ')", .gives = "'STRASSE ʼN Ǆ'"},
        {"is_lowercase", "[is_lowercase('ab1'), is_lowercase('aB'), is_lowercase('12')]",
                .gives = "[1, 0, 1]"},
        {"is_uppercase", "[is_uppercase('ÄB'), is_uppercase('Äb'), is_uppercase('')]",
                .gives = "[1, 0, 1]"},
        {"is_uppercase of letters without case", "is_uppercase('漢')", .gives = "0"},
        {"is_lowercase maps", "is_lowercase(['a', 'A'])", .gives = "[1, 0]"},
        {"has_digits", "has_digits(['a1', 'a', '٣'])", .gives = "[1, 0, 0]"},
        {"len", "[len('äb'), len([1, 2]), len(-12), len(1.5), len('')]",
                .gives = "[3, 2, 3, 3, 0]"},
        {"count_chars", "count_chars('äb\xff')", .gives = "3"},
        {"count_spaces", "count_spaces(' a\xc2\xa0 ')", .gives = "3"},
        {"count_uppercase", "count_uppercase('ÄbC')", .gives = "2"},
        {"count_lowercase", "count_lowercase('ÄbC1')", .gives = "1"},
        {"contains", "[contains('abc', 'bc'), contains('abc', ''), contains('abc', 'cb')]",
                .gives = "[1, 1, 0]"},
        {"contains element",
                "[contains(['ab', 2], 'a'), contains(['ab', 2], '2'), contains([], '')]",
                .gives = "[0, 1, 0]"},
        {"contains number in text", "contains('port 25', 25)", .gives = "1"},
        {"contains_ignore_case",
                "[contains_ignore_case('xÄBC', 'äb'), contains_ignore_case('a', 'b')]",
                .gives = "[1, 0]"},
        {"contains_ignore_case element, ASCII only",
                "[contains_ignore_case(['Ab', 'c'], 'aB'), contains_ignore_case(['Ä'], 'ä')]",
                .gives = "[1, 0]"},
        {"eq_ignore_case", "[eq_ignore_case('aB', 'Ab'), eq_ignore_case('Ä', 'ä')]",
                .gives = "[1, 0]"},
        {"starts_with", "[starts_with('abc', 'ab'), starts_with('abc', 'b'), starts_with('a', '')]",
                .gives = "[1, 0, 1]"},
        {"ends_with", "[ends_with('abc', 'bc'), ends_with('abc', 'b'), ends_with('', 'a')]",
                .gives = "[1, 0, 0]"},
        {"strip_prefix",
                "[strip_prefix('abc', 'ab'), strip_prefix('abc', 'x'), strip_prefix('a', 'a')]",
                .gives = "['c', '', '']"},
        {"strip_prefix maps", "strip_prefix(['ab', 'b'], 'a')", .gives = "['b', '']"},
        {"strip_suffix", "strip_suffix('abc', 'bc')", .gives = "'a'"},
        {"substring by code points", "substring('äöü', 1, 1)", .gives = "'ö'"},
        {"substring beyond", "substring('abc', 3, 1) + substring('abc', 9, 9)", .gives = "''"},
        {"substring to the end", "substring('abc', 1, 99)", .gives = "'bc'"},
        {"substring negative", "substring('abc', -1, -5) + substring('abc', -1, 1)",
                .gives = "'a'"},
        {"lines", "lines('a\\r\\nb\\n\\nc\\r')", .gives = "['a', 'b', '', 'c']"},
        {"lines, one CR goes", "lines('a\\r\\r\\n')", .gives = "['a\\r']"},
        {"lines of nothing", "lines('')", .gives = "[]"},
        {"lines of a number", "lines(5)", .gives = "5"},
        {"split", "split('a,b,,c', ',')", .gives = "['a', 'b', '', 'c']"},
        {"split without separator in it", "split('abc', ',')", .gives = "['abc']"},
        {"split of nothing", "split('', ',')", .gives = "['']"},
        {"split by nothing", "split('aöb', '')", .gives = "['a', 'ö', 'b']"},
        {"split by a word", "split('aXXbXXc', 'XX')", .gives = "['a', 'b', 'c']"},
        {"rsplit", "rsplit('a.b.c', '.')", .gives = "['c', 'b', 'a']"},
        {"split_once", "split_once('a=b=c', '=')", .gives = "['a', 'b=c']"},
        {"split_once without", "split_once('a', '=')", .gives = "''"},
        {"rsplit_once", "rsplit_once('a=b=c', '=')", .gives = "['a=b', 'c']"},
        {"rsplit_once without", "rsplit_once('a', '=')", .gives = "''"},
        {"split_n", "split_n('a,b,c,d', ',', 2)", .gives = "['a', 'b', 'c,d']"},
        {"split_n none", "split_n('a,b', ',', 0)", .gives = "['a,b']"},
        {"split_n by nothing", "split_n('abc', '', 1)", .gives = "['a', 'bc']"},
        {"split_words", "split_words(' one, two  thr33 Größe ')",
                .gives = "['two', 'thr33', 'Größe']"},
        {"hash md5", "hash('abc', 'md5')", .gives = "'900150983cd24fb0d6963f7d28e17f72'"},
        {"hash sha1", "hash('abc', 'sha1')", .gives = "'a9993e364706816aba3e25717850c26c9cd0d89d'"},
        {"hash sha256", "hash('', 'sha256')",
                .gives = "'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'"},
        {"hash sha512", "substring(hash('abc', 'sha512'), 0, 16)", .gives = "'ddaf35a193617aba'"},
        {"hash of another kind", "hash('abc', 'SHA1')", .gives = "''"},
        {"count", "[count([1, '']), count(''), count('a'), count(0)]", .gives = "[2, 0, 1, 1]"},
        {"sort ascending", "sort(['b', 'a', 10, 9], true)", .gives = "[9, 10, 'a', 'b']"},
        {"sort descending", "sort([1, 3, 2], false)", .gives = "[3, 2, 1]"},
        {"sort of a scalar", "sort('a', 1) + sort('', 1)", .gives = "['a']"},
        {"dedup", "dedup(['b', 'a', 'b', 1, '1', 1.0])", .gives = "['b', 'a', 1]"},
        {"winnow", "winnow(['', 'a', 0, ''])", .gives = "['a', 0]"},
        {"winnow of a scalar", "winnow('')", .gives = "''"},
        {"is_intersect",
                "[is_intersect([1, 2], [2, 3]), is_intersect([1], [2]), is_intersect([], [])]",
                .gives = "[1, 0, 0]"},
        {"is_intersect with a scalar",
                "[is_intersect('a', ['a']), is_intersect(['a'], 'b'), is_intersect('a', 'a')]",
                .gives = "[1, 0, 0]"},
        {"is_email", "[is_email('a@b.c'), is_email('a@b'), is_email('@b.c'), is_email('a@b@c.d')]",
                .gives = "[1, 0, 0, 0]"},
        {"is_email, dots of the domain",
                "[is_email('a@.b.c'), is_email('a@b.c.'), is_email('a@b..c')]",
                .gives = "[0, 0, 0]"},
        {"is_email, quoted",
                "[is_email('\"a@b\"@c.d'), is_email('\"a@b@c.d'), is_email('\"\"@c.d')]",
                .gives = "[1, 0, 0]"},
        {"is_email, characters",
                "[is_email('a b@c.d'), is_email('a@c_d.e'), is_email('ü+x@ö.de'), is_email('')]",
                .gives = "[0, 0, 1, 0]"},
        {"email_part", "[email_part('a@b.c', 'local'), email_part('a@b.c', 'domain')]",
                .gives = "['a', 'b.c']"},
        {"email_part trims, last @",
                "email_part(' x@y @ b ', 'local') + '|' + email_part(' x@y @ b ', 'domain')",
                .gives = "'x@y|b'"},
        {"email_part of no address", "email_part('a', 'local') + email_part('a@b', 'both')",
                .gives = "''"},
        {"email_part maps", "email_part(recipients, 'local')", .gives = "['bob', 'carl']"},
        {"is_empty", "[is_empty(''), is_empty([]), is_empty(0), is_empty('a')]",
                .gives = "[1, 1, 0, 0]"},
        {"is_number", "[is_number(1), is_number(0.5), is_number('1'), is_number([1])]",
                .gives = "[1, 1, 0, 0]"},
        {"is_ip_addr",
                "[is_ip_addr('192.0.2.1'), is_ip_addr('::1'), is_ip_addr('192.0.2.01'), "
                "is_ip_addr('x')]",
                .gives = "[1, 1, 0, 0]"},
        {"is_ipv4_addr", "[is_ipv4_addr('192.0.2.1'), is_ipv4_addr('::1')]", .gives = "[1, 0]"},
        {"is_ipv6_addr", "[is_ipv6_addr('192.0.2.1'), is_ipv6_addr('::1')]", .gives = "[0, 1]"},
        {"is_ip_in_cidr",
                "[is_ip_in_cidr('192.0.2.1', '192.0.2.0/24'), is_ip_in_cidr('192.0.3.1', "
                "'192.0.2.0/24')]",
                .gives = "[1, 0]"},
        {"is_ip_in_cidr, an address", "[is_ip_in_cidr('::1', '::1'), is_ip_in_cidr('::1', '::2')]",
                .gives = "[1, 0]"},
        {"is_ip_in_cidr, mapped both ways",
                "[is_ip_in_cidr('::ffff:192.0.2.1', '192.0.2.0/24'), is_ip_in_cidr('192.0.2.1', "
                "'::ffff:192.0.2.0/120')]",
                .gives = "[1, 1]"},
        {"is_ip_in_cidr, malformed",
                "[is_ip_in_cidr('x', '0.0.0.0/0'), is_ip_in_cidr('192.0.2.1', '192.0.2.0/33')]",
                .gives = "[0, 0]"},
        {"ip_reverse_name", "ip_reverse_name('192.0.2.1')", .gives = "'1.2.0.192'"},
        {"ip_reverse_name of IPv6", "ip_reverse_name('2001:db8::1')",
                .gives = "'1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2'"},
        {"ip_reverse_name of no address", "ip_reverse_name('x')", .gives = "''"},
        {"if_then", "[if_then(1, 'a', 'b'), if_then('', 'a', 'b')]", .gives = "['a', 'b']"},
        {"if_then evaluates all", "if_then(1, 'a', 1 / (local_port - 25))",
                .fails = "division by zero"},
        // lists
        {"key_get", "key_get('partners', 'example.com')", .gives = "'gold'"},
        {"key_get pattern, typed", "key_get('partners', 'a.b.example.org')", .gives = "1"},
        {"key_get number", "key_get('partners', 'seven') + 1", .gives = "8"},
        {"key_get of nothing", "key_get('partners', 'x')", .gives = "''"},
        {"key_exists", "[key_exists('partners', 'example.com'), key_exists('partners', 'x')]",
                .gives = "[1, 0]"},
        {"well-known lists are there", "key_exists('spam-traps', rcpt)", .gives = "0"},
        {"a computed id that nobody defined", "key_get('part' + listener, 'x')", .gives = "''"},
        {"a computed id", "key_get(if_then(is_tls, 'partners', ''), 'example.com')",
                .gives = "'gold'"},
        // DNS
        {"dns_query mx", "dns_query('example.net', 'MX')", .gives = "['mx.example.net']"},
        {"dns_query txt", "dns_query('example.net', 'txt')", .gives = "'v=spf1 -all'"},
        {"dns_query of nothing", "[count(dns_query('x', 'ip')), dns_query('x', 'txt')]",
                .gives = "[0, '']"},
        {"dns_query ptr", "dns_query(remote_ip, 'ptr')", .gives = "['mx.example.net']"},
        {"dns_query ptr of no address", "dns_query(sender, 'ptr')", .gives = "[]"},
        {"dns_query fails", "dns_query('broken.example', 'mx')", .fails = "SERVFAIL"},
        {"dns_query of a computed type", "dns_query('x', listener)", .fails = "unknown type"},
        // directories
        {"is_local_domain", "[is_local_domain('*', 'example.net'), is_local_domain('example.net')]",
                .gives = "[1, 1]"},
        {"is_local_domain, no", "[is_local_domain('x'), is_local_domain('other', 'example.net')]",
                .gives = "[0, 0]"},
        {"is_local_address",
                "[is_local_address('*', 'ann@example.net'), is_local_address('example.net')]",
                .gives = "[1, 0]"},
        {"is_local_domain of a directory that is down", "is_local_domain('broken', 'x')",
                .fails = "the directory is down"},
        // special forms
        {"matches", "matches('^a.c$', 'abc')", .gives = "1"},
        {"matches not", "matches('^a.c$', 'abcd')", .gives = "0"},
        {"matches is case-sensitive", "[matches('A', 'a'), matches('(?i)A', 'a')]",
                .gives = "[0, 1]"},
        {"matches: one backslash escapes", "[matches('a\\.b', 'a.b'), matches('a\\.b', 'axb')]",
                .gives = "[1, 0]"},
        {"matches: the delimiter", "matches('it\\'s', \"it's\")", .gives = "1"},
        {"matches: $ is the end of the subject", "[matches('a$', 'a\\n'), matches('a$', 'a')]",
                .gives = "[0, 1]"},
        {"matches: Unicode", "matches('^\\w+$', 'Größe')", .gives = "1"},
        {"matches an array's text", "matches('a\\r\\nb', ['a', 'b'])", .gives = "1"},
        {"captures",
                "matches('(.)(x)?(.)', 'ab') && $0 == 'ab' && $1 == 'a' && $2 == '' && $3 == 'b'",
                .gives = "1"},
        {"captures that are not there", "$1 + $99", .gives = "''"},
        {"a failed match clears",
                "matches('(a)', 'a') && (matches('(b)', 'a') || true) && $1 == ''", .gives = "1"},
        {"named groups are numbered", "matches('(?P<n>a)', 'a') && $1 == 'a'", .gives = "1"},
        {"config_get", "config_get('server.greeting')", .gives = "'hello'"},
        {"config_get of what is not set", "config_get('server.unset')", .gives = "''"},
        {"system", "[system('hostname'), system('node_id')]", .gives = "['mx.example.net', 3]"},
        {"metric", "metric('load') + metric('smtp.sessions')", .gives = "12.5"},
        // variables
        {"variables", "[sender, rcpt_domain, local_port, asn, helo_domain]",
                .gives = "['ann@client.example', 'example.net', 25, 0, '']"},
        {"an unset array", "dkim_domains", EXPR_DATA, .gives = "[]"},
        {"an unset float", "spam_score", EXPR_DATA, .gives = "0"},
        {"alias", "path == url_path", EXPR_HTTP, .gives = "1"},
        {"rcpt of a mapping is the address", "rcpt + email + address", EXPR_ADDR, .gives = "''"},
        {"tags", "tag.colour + tag.other", EXPR_QSENDER, .gives = "'red'"},
        {"names of the world", "queue_size > 5", EXPR_METRIC, .gives = "1"},
};

static void functions(void **state)
{
    (void)state;
    fixture_cases(CASES, COUNT_OF(CASES));
}

// A function whose row nobody tested is found here.
static void every_function_has_a_case(void **state)
{
    (void)state;
    struct expr_function_info info;
    for (size_t i = 0; expr_function_at(i, &info); i++) {
        bool found = info.needs.len > 0;
        assert_true(info.about.len > 0);
        for (size_t c = 0; c < COUNT_OF(CASES) && !found; c++) {
            struct str text = str_from_c(CASES[c].text);
            size_t at = str_find(text, info.name);
            found = at != STR_NOT_FOUND && str_starts(str_from(text, at + info.name.len), S("("));
        }
        if (!found)
            print_error("no case for %.*s\n", ARG(info.name));
        assert_true(found);
    }
}

static void a_missing_store_is_told(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct expr_spec spec = {.key = S("test.key"), .context = EXPR_RCPT};
    struct expr_problem problem;
    const struct expr_setting *s =
            expr_from_text(&f.arena, S("key_get('no' + listener, 'x')"), &spec, &f.world, &problem);
    assert_non_null(s);
    struct expr_result r = fixture_eval(&f, s);
    assert_int_equal(r.outcome, EXPR_VALUE);
    assert_true(str_eq(r.missing_store, S("nosmtp")));
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(functions),
            cmocka_unit_test(every_function_has_a_case), cmocka_unit_test(a_missing_store_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
