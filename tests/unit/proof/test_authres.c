// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_authres.c: Authentication-Results as others write them, and as we do: to
// the letter, and with what peers choose kept in its place.
#include "../base/check.h"
#include "proof/proof.h"

// --- Reading -------------------------------------------------------------------------------------

struct read_case {
    const char *name, *body;
    const char *seen; // id version | method/version=result "reason" ptype.property=value ...
    const char *error;
    enum authres_form form;
};

static const struct read_case bodies[] = {
        {"nothing", "", NULL, "column 1: expected the name of a server", AUTHRES_PLAIN},
        {"no results", " mx.example; none", "mx.example 1", NULL, AUTHRES_PLAIN},
        {"a version", "mx.example 2; none", "mx.example 2", NULL, AUTHRES_PLAIN},
        {"comments everywhere",
                "(a) mx.example (b (c)) 1 (d) ; (e) spf (f) / (g) 2 (h) = (i) pass (j) reason (k) "
                "= "
                "(l) \"x y\" (m) smtp (n) . (o) mailfrom (p) = (q) a@b.example (r)",
                "mx.example 1 | spf/2=pass \"x y\" smtp.mailfrom=a@b.example", NULL, AUTHRES_PLAIN},
        {"folded", "mx.example;\r\n\tspf=pass\r\n smtp.helo=a.example",
                "mx.example 1 | spf/1=pass smtp.helo=a.example", NULL, AUTHRES_PLAIN},
        {"a quoted id", "\"mx;example\"; none", "mx;example 1", NULL, AUTHRES_PLAIN},
        {"a quoted local part", "m; spf=pass smtp.mailfrom=\"a\\\"; b\"@x.example",
                "m 1 | spf/1=pass smtp.mailfrom=a\"; b@x.example", NULL, AUTHRES_PLAIN},
        {"slashes and colons bare",
                "m; dkim=pass header.b=a/b+c==; iprev=pass policy.iprev=2001:db8::1",
                "m 1 | dkim/1=pass header.b=a/b+c== | iprev/1=pass policy.iprev=2001:db8::1", NULL,
                AUTHRES_PLAIN},
        {"a pair without a ptype", "m; dmarc=pass action=none header.from=x.example",
                "m 1 | dmarc/1=pass header.from=x.example", NULL, AUTHRES_PLAIN},
        {"an empty value", "m; dmarc=none header.from=; spf=none",
                "m 1 | dmarc/1=none header.from= | spf/1=none", NULL, AUTHRES_PLAIN},
        {"a method called none", "m; none=pass", "m 1 | none/1=pass", NULL, AUTHRES_PLAIN},
        {"a semicolon at the end", "m; spf=pass;", "m 1 | spf/1=pass", NULL, AUTHRES_PLAIN},
        {"a result in place of the server", "spf=pass smtp.helo=x; m", NULL,
                "column 10: expected ';'", AUTHRES_PLAIN},
        {"no result", "m; spf", NULL, "column 7: expected '=' and a result", AUTHRES_PLAIN},
        {"no value", "m; spf=pass reason=", NULL, "column 20: expected a value", AUTHRES_PLAIN},
        {"no property", "m; spf=pass smtp.=x", NULL, "column 18: expected the name of a property",
                AUTHRES_PLAIN},
        {"rubbish behind", "m; spf=pass )", NULL, "column 13: expected a property", AUTHRES_PLAIN},
        {"of ARC", "i=2; m; spf=pass", "2 m 1 | spf/1=pass", NULL, AUTHRES_ARC},
        {"of ARC without an instance", "m; spf=pass", NULL, "column 1: expected i= and a number",
                AUTHRES_ARC},
        {"instance 0", "i=0; m; none", NULL, "column 4: expected i= and a number", AUTHRES_ARC},
        {"instance 100", "i=100; m; none", NULL, "column 3: expected i= and a number", AUTHRES_ARC},
};

static void describe(struct buf *out, const struct authres *list)
{
    if (list->instance > 0)
        buf_fmt(out, "%u ", (unsigned)list->instance);
    buf_fmt(out, "%.*s %.*s", ARG(list->authserv_id), ARG(list->version));
    each_in_vec (r, &list->results) {
        buf_fmt(out, " | %.*s/%.*s=%.*s", ARG(r->method), ARG(r->version), ARG(r->result));
        if (!str_is_null(r->reason))
            buf_fmt(out, " \"%.*s\"", ARG(r->reason));
        each_in_vec (p, &r->props)
            buf_fmt(out, " %.*s.%.*s=%.*s", ARG(p->ptype), ARG(p->property), ARG(p->value));
    }
}

static void reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct arena a AUTO(arena_done);
        struct buf seen AUTO(buf_done);
        struct authres list;
        arena_init(&a, MIB);
        buf_init(&seen, 4 * KIB);
        struct err e = authres_parse(&a, str_from_c(bodies[i].body), bodies[i].form, &list);
        if (bodies[i].error != NULL) {
            check_str(bodies[i].name, err_text(e), str_from_c(bodies[i].error));
            continue;
        }
        if (failed(e))
            check_failed("%s: %.*s", bodies[i].name, ARG(err_text(e)));
        describe(&seen, &list);
        check_str(bodies[i].name, buf_str(&seen), str_from_c(bodies[i].seen));
    }
}

static void meets_limits(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct authres list;
    arena_init(&a, 4 * MIB);
    buf_init(&text, MIB);
    buf_add(&text, S("m"));
    for (int i = 0; i < AUTHRES_RESULTS_MAX; i++)
        buf_add(&text, S(";x=y"));
    assert_int_equal(authres_parse(&a, buf_str(&text), AUTHRES_PLAIN, &list).kind, ERR_NONE);
    assert_int_equal(list.results.count, AUTHRES_RESULTS_MAX);
    buf_add(&text, S(";x=y"));
    assert_int_equal(authres_parse(&a, buf_str(&text), AUTHRES_PLAIN, &list).kind, ERR_SYNTAX);
    buf_clear(&text);
    buf_add(&text, S("m;x=y"));
    for (int i = 0; i < AUTHRES_PROPS_MAX; i++)
        buf_add(&text, S(" a.b=c"));
    assert_int_equal(authres_parse(&a, buf_str(&text), AUTHRES_PLAIN, &list).kind, ERR_NONE);
    buf_add(&text, S(" a.b=c"));
    assert_int_equal(authres_parse(&a, buf_str(&text), AUTHRES_PLAIN, &list).kind, ERR_SYNTAX);
    buf_clear(&text);
    buf_add(&text, S("m;x=y"));
    buf_add_repeat(&text, ' ', AUTHRES_FIELD_BYTES_MAX - text.len);
    assert_int_equal(authres_parse(&a, buf_str(&text), AUTHRES_PLAIN, &list).kind, ERR_NONE);
    buf_add_byte(&text, ' ');
    assert_int_equal(authres_parse(&a, buf_str(&text), AUTHRES_PLAIN, &list).kind, ERR_SYNTAX);
}

static void knows_who_claims_to_be_us(void **state)
{
    (void)state;
    static const char *const ours[] = {"mx.example.net; spf=pass", " MX.Example.NET ; nonsense (",
            "(by) \"mx.example.net\" 1; none", "\r\n\tmx.example.net", "mx.exa\"mple.net\";"};
    static const char *const others[] = {
            "", "mx.example.net.evil; spf=pass", "evil; mx.example.net", "(mx.example.net) evil"};
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        check_true(ours[i], authres_claims(str_from_c(ours[i]), S("mx.example.net")));
    for (size_t i = 0; i < COUNT_OF(others); i++)
        check_true(others[i], !authres_claims(str_from_c(others[i]), S("mx.example.net")));
}

// --- Writing -------------------------------------------------------------------------------------

// The example of authentication.md 10.1, with results added in another order.
static void writes_to_the_letter(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct authres list = {.authserv_id = S("mx.example.net")};
    struct spf_answer helo = {.result = SPF_PASS,
            .identity = SPF_OF_HELO,
            .helo = S("out.example.com"),
            .sender = S("postmaster@out.example.com")};
    struct spf_answer mail = {
            .result = SPF_SOFTFAIL, .helo = S("out.example.com"), .sender = S("ann@example.com")};
    struct dmarc_answer dmarc = {
            .result = DMARC_PASS, .author = S("example.com"), .disposition = DMARC_REJECT};
    arena_init(&a, MIB);
    assert_true(ip_parse(S("198.51.100.7"), &helo.ip));
    mail.ip = helo.ip;
    assert_true(authres_add_dmarc(&a, &list, &dmarc));
    assert_true(authres_add_spf(&a, &list, &mail));
    assert_true(authres_add_iprev(&a, &list, S("pass"), STR_NULL, &mail.ip));
    assert_true(authres_add_spf(&a, &list, &helo));
    struct authres_result *r = authres_add(&a, &list, S("arc"), S("pass"));
    r = authres_prop(&a, r, S("smtp"), S("remote-ip"), S("198.51.100.7"));
    assert_non_null(authres_prop(&a, r, S("header"), S("oldest-pass"), S("0")));
    r = authres_add(&a, &list, S("dkim"), S("pass"));
    r = authres_prop(&a, r, S("header"), S("d"), S("example.com"));
    r = authres_prop(&a, r, S("header"), S("b"), S("Zf1kQm0a"));
    assert_non_null(authres_prop(&a, r, S("header"), S("i"), S("@example.com")));
    r = authres_add(&a, &list, S("dkim"), S("fail"));
    r->comment = S("body hash did not verify");
    assert_non_null(authres_prop(&a, r, S("header"), S("d"), S("list.example")));
    check_str("field", authres_field(&a, &list),
            S("Authentication-Results: mx.example.net;\r\n"
              "\tdkim=pass header.d=example.com header.b=Zf1kQm0a header.i=@example.com;\r\n"
              "\tdkim=fail (body hash did not verify) header.d=list.example;\r\n"
              "\tarc=pass smtp.remote-ip=198.51.100.7 header.oldest-pass=0;\r\n"
              "\tspf=pass (mx.example.net: domain of postmaster@out.example.com designates "
              "198.51.100.7 as permitted sender) smtp.helo=out.example.com;\r\n"
              "\tspf=softfail (mx.example.net: domain of ann@example.com reports soft fail for "
              "198.51.100.7) smtp.mailfrom=ann@example.com;\r\n"
              "\tiprev=pass policy.iprev=198.51.100.7;\r\n"
              "\tdmarc=pass header.from=example.com policy.dmarc=reject\r\n"));
    check_str("value", str_upto(authres_value(&a, &list), 24), S("mx.example.net;\r\n\tdkim=p"));
}

static void writes_nothing(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct authres list = {.authserv_id = S("mx.example.net")};
    arena_init(&a, MIB);
    check_str("field", authres_field(&a, &list),
            S("Authentication-Results: mx.example.net; none\r\n"));
    check_str("value", authres_value(&a, &list), S("mx.example.net; none"));
}

struct value_case {
    const char *value, *written;
    bool smtputf8;
};

static const struct value_case values[] = {
        {"token", "token", false},
        {"", "\"\"", false},
        {"ann@example.com", "ann@example.com", false},
        {"@example.com", "@example.com", false},
        {"ann@", "\"ann@\"", false},
        {"a@b@c", "\"a@b@c\"", false},
        {"a b", "\"a b\"", false},
        {"2001:db8::1", "\"2001:db8::1\"", false},
        {"a;b=c (x)\"y\"@example.com", "\"a;b=c (x)\\\"y\\\"@example.com\"", false},
        {"back\\slash", "\"back\\\\slash\"", false},
        {"x\r\nBcc: y", "\"xBcc: y\"", false},
        {"x\r\n", "x", false},
        {"\177del\302\205c1", "delc1", true},
        {"<>", "<>", false},
        {"<a>", "\"<a>\"", false},
        {"b\303\274cher", "\"b?cher\"", false},
        {"b\303\274cher", "\"b\303\274cher\"", true},
        {"bad\377utf", "\"bad?utf\"", true},
};

static void keeps_values_in_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct arena a AUTO(arena_done);
        struct authres list = {.authserv_id = S("m"), .smtputf8 = values[i].smtputf8};
        arena_init(&a, MIB);
        struct authres_result *r = authres_add(&a, &list, S("x"), S("pass"));
        assert_non_null(authres_prop(&a, r, S("smtp"), S("y"), str_from_c(values[i].value)));
        struct str want = arena_fmt(&a, "m;\r\n\tx=pass smtp.y=%s", values[i].written);
        check_str(values[i].value, authres_value(&a, &list), want);
    }
}

// What is longer than a line may be is folded, and what nobody needs is left out.
static void folds_long_lines(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct buf quotes AUTO(buf_done);
    struct authres list = {.authserv_id = S("m")};
    arena_init(&a, MIB);
    buf_init(&quotes, KIB);
    assert_true(buf_reserve(&quotes, KIB)); // values are borrowed
    buf_add_repeat(&quotes, '"', 400);
    struct authres_result *r = authres_add(&a, &list, S("x"), S("pass"));
    for (int i = 0; i < 3; i++)
        r = authres_prop(&a, r, S("smtp"), S("y"), buf_str(&quotes));
    buf_add_repeat(&quotes, '"', AUTHRES_VALUE_BYTES_MAX + 1 - quotes.len);
    assert_non_null(authres_prop(&a, r, S("smtp"), S("toolong"), buf_str(&quotes)));
    struct scan in = scan_over(authres_field(&a, &list));
    struct str line;
    size_t lines = 0;
    for (; scan_line(&in, &line); lines++)
        check_true("line", line.len <= 998);
    check_u64("lines", lines, 4);
    check_true("too long", !str_contains(authres_field(&a, &list), S("toolong")));
}

static void writes_received_spf(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct spf_answer mail = {
            .result = SPF_PASS, .helo = S("out.example.com"), .sender = S("ann@example.com")};
    struct spf_answer null = {.result = SPF_NONE,
            .null_sender = true,
            .helo = S("[IPv6:2001:db8::1]"),
            .sender = S("postmaster@[ipv6:2001:db8::1]")};
    arena_init(&a, MIB);
    assert_true(ip_parse(S("198.51.100.7"), &mail.ip));
    check_str("mail", authres_received_spf(&a, &mail, S("mx.example.net"), false),
            S("Received-SPF: pass (mx.example.net: domain of ann@example.com designates "
              "198.51.100.7 as permitted sender)\r\n"
              "\treceiver=mx.example.net; client-ip=198.51.100.7; "
              "envelope-from=\"ann@example.com\"; helo=out.example.com; identity=mailfrom;\r\n"));
    assert_true(ip_parse(S("2001:db8::1"), &null.ip));
    check_str("null", authres_received_spf(&a, &null, S("mx.example.net"), false),
            S("Received-SPF: none (mx.example.net: no SPF records found for "
              "postmaster@[ipv6:2001:db8::1])\r\n"
              "\treceiver=mx.example.net; client-ip=\"2001:db8::1\"; "
              "envelope-from=\"postmaster@[ipv6:2001:db8::1]\"; helo=\"[IPv6:2001:db8::1]\"; "
              "identity=helo;\r\n"));
}

static void survives_a_full_arena(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    struct authres list = {.authserv_id = S("mx.example.net")};
    arena_init(&a, 64);
    struct authres_result *r = authres_add(&a, &list, S("x"), S("pass"));
    r = authres_prop(&a, r, S("smtp"), S("y"), S("z"));
    assert_null(r);
    assert_null(authres_prop(&a, r, S("smtp"), S("y"), S("z")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(reads), TEST(meets_limits),
            TEST(knows_who_claims_to_be_us), TEST(writes_to_the_letter), TEST(writes_nothing),
            TEST(keeps_values_in_their_place), TEST(folds_long_lines), TEST(writes_received_spf),
            TEST(survives_a_full_arena)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
