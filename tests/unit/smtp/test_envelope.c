// SPDX-License-Identifier: Apache-2.0
// tests/unit/smtp/test_envelope.c: the arguments of MAIL and RCPT, the odd ones first.
#include "../base/check.h"

#include "smtp/envelope.h"

#define ALL UINT32_MAX

static const struct {
    const char *name, *args;
    uint32_t offered;
    bool loose;
    enum envelope_fault_kind fault;
    const char *about; // the parameter of the fault, or what came out
} mails[] = {
        {"null sender", "FROM:<>", ALL, false, FAULT_NONE, "<> "},
        {"small letters", "from:<A@b.example>", ALL, false, FAULT_NONE, "<A@b.example> "},
        {"quoted local part", "FROM:<\"a>b \\\" c\"@b.example>", ALL, false, FAULT_NONE,
                "<\"a>b \\\" c\"@b.example> "},
        {"source route", "FROM:<@x.example,@y.example:a@b.example>", ALL, false, FAULT_NONE,
                "<a@b.example> "},
        {"source route without end", "FROM:<@x.example,a@b.example>", ALL, false, FAULT_ADDRESS,
                ""},
        {"blank before the path", "FROM: <a@b.example>", ALL, false, FAULT_SYNTAX, ""},
        {"blank before the path, loose", "FROM: <a@b.example>", ALL, true, FAULT_NONE,
                "<a@b.example> "},
        {"blanks in brackets", "FROM:< a@b.example >", ALL, false, FAULT_ADDRESS, ""},
        {"blanks in brackets, loose", "FROM:< a@b.example >", ALL, true, FAULT_NONE,
                "<a@b.example> "},
        {"no brackets", "FROM:a@b.example", ALL, false, FAULT_SYNTAX, ""},
        {"no brackets, loose", "FROM:a@b.example SIZE=1", ALL, true, FAULT_NONE,
                "<a@b.example> size=1 "},
        {"one bracket, loose", "FROM:a@b.example>", ALL, true, FAULT_SYNTAX, ""},
        {"open bracket", "FROM:<a@b.example", ALL, false, FAULT_SYNTAX, ""},
        {"open quote", "FROM:<\"a@b.example>", ALL, false, FAULT_SYNTAX, ""},
        {"text behind", "FROM:<a@b.example>x", ALL, false, FAULT_SYNTAX, ""},
        {"two at", "FROM:<a@b@c.example>", ALL, false, FAULT_ADDRESS, ""},
        {"no domain", "FROM:<a>", ALL, false, FAULT_ADDRESS, ""},
        {"no colon", "FROM <a@b.example>", ALL, false, FAULT_SYNTAX, ""},
        {"nothing", "", ALL, false, FAULT_SYNTAX, ""},
        {"blanks at the end", "FROM:<a@b.example>  ", ALL, false, FAULT_NONE, "<a@b.example> "},
        {"two blanks before a parameter", "FROM:<>  SIZE=1", ALL, false, FAULT_SYNTAX, ""},
        {"two blanks, loose", "FROM:<>  SIZE=1", ALL, true, FAULT_NONE, "<> size=1 "},
        {"unknown parameter", "FROM:<> MTRK=x", ALL, false, FAULT_UNSUPPORTED, "MTRK"},
        {"of RCPT", "FROM:<> NOTIFY=NEVER", ALL, false, FAULT_UNSUPPORTED, "NOTIFY"},
        {"not offered", "FROM:<> BY=1;N", EXT_SIZE, false, FAULT_UNSUPPORTED, "BY"},
        {"twice", "FROM:<> SIZE=1 size=2", ALL, false, FAULT_DUPLICATE, "size"},
        {"keyword of nothing", "FROM:<> =1", ALL, false, FAULT_SYNTAX, ""},
        {"keyword with a hyphen first", "FROM:<> -A=1", ALL, false, FAULT_SYNTAX, ""},
        {"empty value", "FROM:<> SIZE=", ALL, false, FAULT_PARAMETER, "SIZE"},
        {"value of two", "FROM:<> SIZE=1=2", ALL, false, FAULT_PARAMETER, "SIZE"},
        {"no value", "FROM:<> SIZE", ALL, false, FAULT_PARAMETER, "SIZE"},
        {"a value too many", "FROM:<> SMTPUTF8=1", ALL, false, FAULT_PARAMETER, "SMTPUTF8"},
        {"size", "FROM:<> SIZE=12345", ALL, false, FAULT_NONE, "<> size=12345 "},
        {"size beyond 64 bits", "FROM:<> SIZE=99999999999999999999", ALL, false, FAULT_NONE,
                "<> size=18446744073709551615 "},
        {"size of 21 digits", "FROM:<> SIZE=000000000000000000001", ALL, false, FAULT_PARAMETER,
                "SIZE"},
        {"size below zero", "FROM:<> SIZE=-1", ALL, false, FAULT_PARAMETER, "SIZE"},
        {"body", "FROM:<> BODY=8bitmime SMTPUTF8", ALL, false, FAULT_NONE, "<> body=2 utf8 "},
        {"binary", "FROM:<> BODY=BINARYMIME", ALL, false, FAULT_NONE, "<> body=3 "},
        {"binary, not offered", "FROM:<> BODY=BINARYMIME", EXT_8BITMIME, false, FAULT_PARAMETER,
                "BODY"},
        {"body of nine", "FROM:<> BODY=9BIT", ALL, false, FAULT_PARAMETER, "BODY"},
        {"DSN", "FROM:<> RET=HDRS ENVID=a+20b+2B", ALL, false, FAULT_NONE, "<> ret=2 envid=a b+ "},
        {"ENVID with a control", "FROM:<> ENVID=a+0Ab", ALL, false, FAULT_PARAMETER, "ENVID"},
        {"ENVID with half a digit", "FROM:<> ENVID=a+4", ALL, false, FAULT_PARAMETER, "ENVID"},
        {"AUTH", "FROM:<> AUTH=a+2Bb@c.example", ALL, false, FAULT_NONE, "<> auth=a+b@c.example "},
        {"AUTH of nobody", "FROM:<> AUTH=<>", ALL, false, FAULT_NONE, "<> auth= "},
        {"AUTH of nothing", "FROM:<> AUTH=a", ALL, false, FAULT_PARAMETER, "AUTH"},
        {"BY", "FROM:<> BY=120;RT", ALL, false, FAULT_NONE, "<> by=120 mode=1 trace "},
        {"BY in the past", "FROM:<> BY=-5;n", ALL, false, FAULT_NONE, "<> by=-5 mode=2 "},
        {"BY return at once", "FROM:<> BY=0;R", ALL, false, FAULT_PARAMETER, "BY"},
        {"BY of ten digits", "FROM:<> BY=1000000000;N", ALL, false, FAULT_PARAMETER, "BY"},
        {"BY without a mode", "FROM:<> BY=5;", ALL, false, FAULT_PARAMETER, "BY"},
        {"BY with a tail", "FROM:<> BY=5;NTX", ALL, false, FAULT_PARAMETER, "BY"},
        {"HOLDFOR", "FROM:<> HOLDFOR=60", ALL, false, FAULT_NONE, "<> hold=60 "},
        {"HOLDFOR nothing", "FROM:<> HOLDFOR=0", ALL, false, FAULT_PARAMETER, "HOLDFOR"},
        {"HOLDFOR of ten digits", "FROM:<> HOLDFOR=0000000001", ALL, false, FAULT_PARAMETER,
                "HOLDFOR"},
        {"HOLDUNTIL", "FROM:<> HOLDUNTIL=1970-01-01t00:00:01z", ALL, false, FAULT_NONE,
                "<> until=1000 "},
        {"HOLDUNTIL a number", "FROM:<> HOLDUNTIL=12345", ALL, false, FAULT_PARAMETER, "HOLDUNTIL"},
        {"both holds", "FROM:<> HOLDFOR=60 HOLDUNTIL=2031-01-01T00:00:00Z", ALL, false,
                FAULT_TWO_HOLDS, "HOLDUNTIL"},
        {"priority", "FROM:<> MT-PRIORITY=-9", ALL, false, FAULT_NONE, "<> priority=-9 "},
        {"priority zero", "FROM:<> mt-priority=+0", ALL, false, FAULT_NONE, "<> priority=0 "},
        {"priority ten", "FROM:<> MT-PRIORITY=10", ALL, false, FAULT_PARAMETER, "MT-PRIORITY"},
        {"REQUIRETLS", "FROM:<> REQUIRETLS", ALL, false, FAULT_NONE, "<> tls "},
        {"SOLICIT", "FROM:<> SOLICIT=org.example:ADV:ADLT,net.example:ADV", ALL, false, FAULT_NONE,
                "<> solicit=org.example:ADV:ADLT,net.example:ADV "},
        {"SOLICIT of nothing", "FROM:<> SOLICIT=a,,b", ALL, false, FAULT_PARAMETER, "SOLICIT"},
};

static struct str mail_text(struct arena *a, const struct mail_command *m)
{
    struct buf out AUTO(buf_done);
    buf_init(&out, 64 * KIB);
    buf_fmt(&out, "<%.*s> ", ARG(m->sender.text));
    if (m->size_bytes > 0)
        buf_fmt(&out, "size=%llu ", (unsigned long long)m->size_bytes);
    if (m->body != BODY_UNSAID)
        buf_fmt(&out, "body=%d ", (int)m->body);
    buf_add(&out, m->smtputf8 ? S("utf8 ") : S(""));
    buf_add(&out, m->requiretls ? S("tls ") : S(""));
    if (m->ret != RET_UNSAID)
        buf_fmt(&out, "ret=%d ", (int)m->ret);
    if (!str_is_null(m->env_id))
        buf_fmt(&out, "envid=%.*s ", ARG(m->env_id));
    if (!str_is_null(m->auth))
        buf_fmt(&out, "auth=%.*s ", ARG(m->auth));
    if (m->by != BY_NONE)
        buf_fmt(&out, "by=%lld mode=%d ", (long long)m->by_s, (int)m->by);
    buf_add(&out, m->by_trace ? S("trace ") : S(""));
    if (m->hold_for_s != 0)
        buf_fmt(&out, "hold=%lld ", (long long)m->hold_for_s);
    if (m->hold_until_ms != 0)
        buf_fmt(&out, "until=%lld ", (long long)m->hold_until_ms);
    if (m->has_priority)
        buf_fmt(&out, "priority=%d ", m->priority);
    if (!str_is_null(m->solicit))
        buf_fmt(&out, "solicit=%.*s ", ARG(m->solicit));
    return arena_str(a, buf_str(&out));
}

static void arguments_of_mail(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(mails); i++) {
        struct arena a;
        struct mail_command m;
        struct envelope_fault fault;
        struct envelope_rules rules = {.offered = mails[i].offered, .strict = !mails[i].loose};
        arena_init(&a, MIB);
        struct err e = mail_command_parse(&a, str_from_c(mails[i].args), &rules, &m, &fault);
        check_str(mails[i].name, err_text(e), S(""));
        check_u64(mails[i].name, fault.kind, mails[i].fault);
        check_str(mails[i].name, fault.kind == FAULT_NONE ? mail_text(&a, &m) : fault.parameter,
                str_from_c(mails[i].about));
        if (fault.kind == FAULT_NONE)
            check_u64(mails[i].name, m.is_null, m.sender.text.len == 0);
        arena_done(&a);
    }
}

static const struct {
    const char *name, *args;
    enum envelope_fault_kind fault;
    const char *about;
} rcpts[] = {
        {"null", "TO:<>", FAULT_ADDRESS, ""},
        {"postmaster", "TO:<PostMaster>", FAULT_NONE, "postmaster <> 0 -"},
        {"postmaster at home", "TO:<postmaster@b.example>", FAULT_NONE,
                "<postmaster@b.example> 0 -"},
        {"literal", "TO:<a@[IPv6:2001:db8::1]>", FAULT_NONE, "<a@[IPv6:2001:db8::1]> 0 -"},
        {"NOTIFY", "TO:<a@b.example> NOTIFY=success,DELAY", FAULT_NONE, "<a@b.example> 10 -"},
        {"NOTIFY never", "TO:<a@b.example> NOTIFY=NEVER", FAULT_NONE, "<a@b.example> 1 -"},
        {"NOTIFY never and more", "TO:<a@b.example> NOTIFY=NEVER,DELAY", FAULT_PARAMETER, "NOTIFY"},
        {"NOTIFY twice the same", "TO:<a@b.example> NOTIFY=DELAY,DELAY", FAULT_PARAMETER, "NOTIFY"},
        {"NOTIFY with a gap", "TO:<a@b.example> NOTIFY=DELAY,", FAULT_PARAMETER, "NOTIFY"},
        {"ORCPT", "TO:<a@b.example> ORCPT=rfc822;Bob+2Bx@c.example", FAULT_NONE,
                "<a@b.example> 0 rfc822;Bob+x@c.example"},
        {"ORCPT of another kind", "TO:<a@b.example> ORCPT=X-400;+41", FAULT_NONE,
                "<a@b.example> 0 X-400;A"},
        {"ORCPT of a kind with signs", "TO:<a@b.example> ORCPT=x_4/0!;b", FAULT_NONE,
                "<a@b.example> 0 x_4/0!;b"},
        {"ORCPT of a kind that is no atom", "TO:<a@b.example> ORCPT=x@y;b", FAULT_PARAMETER,
                "ORCPT"},
        {"ORCPT raw", "TO:<a@b.example> ORCPT=utf-8;j\xc3\xb6rg@c.example", FAULT_PARAMETER,
                "ORCPT"},
        {"ORCPT without a kind", "TO:<a@b.example> ORCPT=a@c.example", FAULT_PARAMETER, "ORCPT"},
        {"ORCPT without an address", "TO:<a@b.example> ORCPT=rfc822;", FAULT_PARAMETER, "ORCPT"},
        {"of MAIL", "TO:<a@b.example> SIZE=1", FAULT_UNSUPPORTED, "SIZE"},
};

// Only after MAIL with SMTPUTF8: RFC 6533 3. What is no UTF-8, or of another kind, never is.
static void raw_orcpt(void **state)
{
    (void)state;
    static const struct {
        const char *name, *args;
        enum envelope_fault_kind fault;
    } raws[] = {
            {"of utf-8", "TO:<a@b.example> ORCPT=UTF-8;j\xc3\xb6rg@c.example", FAULT_NONE},
            {"of rfc822", "TO:<a@b.example> ORCPT=rfc822;j\xc3\xb6rg@c.example", FAULT_PARAMETER},
            {"broken", "TO:<a@b.example> ORCPT=utf-8;j\xc3rg@c.example", FAULT_PARAMETER},
    };
    for (size_t i = 0; i < COUNT_OF(raws); i++) {
        struct arena a;
        struct rcpt_command r;
        struct envelope_fault fault;
        struct envelope_rules rules = {.offered = ALL, .is_utf8 = true};
        arena_init(&a, MIB);
        struct err e = rcpt_command_parse(&a, str_from_c(raws[i].args), &rules, &r, &fault);
        check_str(raws[i].name, err_text(e), S(""));
        check_u64(raws[i].name, fault.kind, raws[i].fault);
        if (fault.kind == FAULT_NONE)
            check_str(raws[i].name, r.orcpt, S("j\xc3\xb6rg@c.example"));
        arena_done(&a);
    }
}

static void arguments_of_rcpt(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rcpts); i++) {
        struct arena a;
        struct rcpt_command r;
        struct envelope_fault fault;
        struct envelope_rules rules = {.offered = ALL, .strict = true};
        arena_init(&a, MIB);
        struct err e = rcpt_command_parse(&a, str_from_c(rcpts[i].args), &rules, &r, &fault);
        check_str(rcpts[i].name, err_text(e), S(""));
        check_u64(rcpts[i].name, fault.kind, rcpts[i].fault);
        struct str got = fault.parameter;
        if (fault.kind == FAULT_NONE)
            got = arena_fmt(&a, "%s<%.*s> %u %s%.*s%.*s", r.is_postmaster ? "postmaster " : "",
                    ARG(r.rcpt.text), r.notify, str_is_null(r.orcpt) ? "-" : "", ARG(r.orcpt_type),
                    ARG(str_is_null(r.orcpt) ? S("") : arena_fmt(&a, ";%.*s", ARG(r.orcpt))));
        check_str(rcpts[i].name, got, str_from_c(rcpts[i].about));
        arena_done(&a);
    }
}

// Whatever the arena's limit: an error of its kind, or the same result.
static void memory_ends_anywhere(void **state)
{
    (void)state;
    struct envelope_rules rules = {.offered = ALL, .strict = true};
    bool read = false;
    for (size_t limit = 0; !read && limit < 64 * KIB; limit += 16) {
        struct arena a;
        struct mail_command m;
        struct envelope_fault fault;
        arena_init(&a, limit);
        struct err e = mail_command_parse(
                &a, S("FROM:<a@b.example> ENVID=abc AUTH=x@y.example"), &rules, &m, &fault);
        check_true("an error of memory", !failed(e) || e.kind == ERR_LIMIT);
        check_u64("and no fault of the client's", fault.kind, FAULT_NONE);
        read = !failed(e);
        arena_done(&a);
    }
    assert_true(read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(arguments_of_mail),
            TEST(arguments_of_rcpt),
            TEST(raw_orcpt),
            TEST(memory_ends_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
