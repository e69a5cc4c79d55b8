// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_dns_wire.c: names in all spellings, and messages that lie.
#include "dns_fixture.h"
#include "rt/dns_wire.h"

struct name_case {
    const char *name, *text, *expected; // NULL: refused
};

#define LONG_253 LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_16 LABEL_16 LABEL_16 "abcdefghijklm"

static const struct name_case names[] = {
        {"nothing", "", NULL},
        {"only dots", "..", NULL},
        {"a dot first", ".a", NULL},
        {"two dots last", "a..", NULL},
        {"an escape that ends", "a\\", NULL},
        {"an escape too short", "a\\04", NULL},
        {"an escape too large", "a\\256", NULL},
        {"an escape with a letter", "a\\0x1", NULL},
        {"a label of 64", LABEL_64, NULL},
        {"254 octets and more", LONG_253 "x", NULL},
        {"the same with a dot", LONG_253 "x.", NULL},
        {"the root", ".", "."},
        {"a label of 63", LABEL_63 ".x", LABEL_63 ".x"},
        {"253 letters", LONG_253, LONG_253},
        {"253 letters and a dot", LONG_253 ".", LONG_253},
        {"case", "MX.Example.ORG", "mx.example.org"},
        {"last dot", "example.org.", "example.org"},
        {"a dot in a label", "a\\.b.c", "a\\046b.c"},
        {"the same by number", "a\\046b.c", "a\\046b.c"},
        {"an upper-case letter by number", "\\065.c", "a.c"},
        {"a blank", "a b", "a\\032b"},
        {"a backslash", "a\\\\b", "a\\092b"},
        {"a needless escape", "\\a\\-\\_", "a-_"},
        {"a NUL", "\\000", "\\000"},
        {"beyond ASCII", "\303\274", "\\195\\188"},
        {"an underscore", "_dmarc.x", "_dmarc.x"},
        {"what hosts may not have", "a!\"#$%&'()*+,/:;<=>?@[]^`{|}~",
                "a!\"#$%&'()*+,/:;<=>?@[]^`{|}~"},
};

static void names_as_text(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct arena a AUTO(arena_done);
        struct str got = STR_NULL, again;
        arena_init(&a, 64 * KIB);
        struct err e = dns_name_read(&a, str_from_c(names[i].text), &got);
        if (names[i].expected == NULL) {
            if (e.kind != ERR_SYNTAX)
                check_failed("%s: not refused", names[i].name);
            continue;
        }
        check_str(names[i].name, got, str_from_c(names[i].expected));
        assert_false(failed(dns_name_read(&a, got, &again)));
        check_str(names[i].name, again, got);
    }
}

struct type_case {
    const char *text;
    int number; // -1: refused
};

static const struct type_case types[] = {
        {"", -1},
        {"MXX", -1},
        {"TYPE", -1},
        {"TYPE65536", -1},
        {"TYPE-1", -1},
        {"TYPE+1", -1},
        {"TYPE 1", -1},
        {"65", -1},
        {"mx", DNS_MX},
        {"type65", 65},
        {"TYPE65535", 65535},
        {"TYPE1", DNS_A},
        {"TLSA", DNS_TLSA},
};

static void types_as_text(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        uint16_t number = 0;
        bool known = dns_type_parse(str_from_c(types[i].text), &number);
        if ((known ? (int)number : -1) != types[i].number)
            check_failed("\"%s\"", types[i].text);
    }
}

// "\x07example\0" and so on; a pointer is \xc0 and an offset.
struct message_case {
    const char *name;
    uint16_t type;
    struct str bytes;  // behind the header
    uint8_t counts[4]; // question, answer, authority, additional
    uint16_t flags;
    const char *expected; // NULL: refused
};

#define QUESTION(type) "\1a\7example\0\0" type "\0\1" // the name stands at offset 12
#define NAME "\xc0\x0c"
#define HEAD(type, ttl, len) "\0" type "\0\1\0\0\0" ttl "\0" len
#define SOA                                                                                        \
    "\xc0\x0e" HEAD("\6", "\x40", "\x1c") "\1m\xc0\x0e\1h\xc0\x0e"                                 \
                                          "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4"                       \
                                          "\0\0\0\x20"

static const struct message_case messages[] = {
        {"nothing", DNS_A, S_INIT(""), {0}, 0x8180, "NODATA insecure, 0 s"},
        {"a question that is not there", DNS_A, S_INIT(""), {1}, 0x8180, NULL},
        {"a question that is cut off", DNS_A, S_INIT("\1a\7exam"), {1}, 0x8180, NULL},
        {"a record that is not there", DNS_A, S_INIT(QUESTION("\1")), {1, 1}, 0x8180, NULL},
        {"a record without its length", DNS_A, S_INIT(QUESTION("\1") NAME "\0\1\0\1\0\0\0\1"),
                {1, 1}, 0x8180, NULL},
        {"rdata that is cut off", DNS_A,
                S_INIT(QUESTION("\1") NAME HEAD("\1", "\x10", "\4") "\1\2\3"), {1, 1}, 0x8180,
                NULL},
        {"a pointer to itself", DNS_A,
                S_INIT(QUESTION("\1") "\xc0\x1b" HEAD("\1", "\x10", "\4") "\1\2\3\4"), {1, 1},
                0x8180, NULL},
        {"a pointer ahead", DNS_A,
                S_INIT(QUESTION("\1") "\xc0\x30" HEAD("\1", "\x10", "\4") "\1\2\3\4"), {1, 1},
                0x8180, NULL},
        {"two pointers in a circle", DNS_MX,
                S_INIT(QUESTION("\17") "\1b\xc0\x1b" HEAD("\17", "\x10", "\4") "\0\1\xc0\x1b"),
                {1, 1}, 0x8180, NULL},
        {"a label of a kind that is not known", DNS_A,
                S_INIT("\x41"
                       "a\0\0\1\0\1"),
                {1}, 0x8180, NULL},
        {"an MX too short for its preference", DNS_MX,
                S_INIT(QUESTION("\17") NAME HEAD("\17", "\x10", "\1") "\0"), {1, 1}, 0x8180, NULL},
        {"an MX whose host leaves the rdata", DNS_MX,
                S_INIT(QUESTION("\17") NAME HEAD("\17", "\x10", "\4") "\0\1\7e"
                                                                      "xample\0"),
                {1, 1}, 0x8180, NULL},
        {"no records, no SOA", DNS_A, S_INIT(QUESTION("\1")), {1}, 0x8180, "NODATA insecure, 0 s"},
        {"a server that refuses", DNS_A, S_INIT(QUESTION("\1")), {1}, 0x8185,
                "SERVFAIL insecure; the server answered with code 5, 0 s"},
        {"an SOA says how long", DNS_A, S_INIT(QUESTION("\1") SOA), {1, 0, 1}, 0x8180,
                "NODATA insecure, 32 s"},
        {"the same for no such name", DNS_A, S_INIT(QUESTION("\1") SOA), {1, 0, 1}, 0x8183,
                "NXDOMAIN insecure, 32 s"},
        {"an SOA that is too short", DNS_A,
                S_INIT(QUESTION("\1") "\xc0\x0e" HEAD("\6", "\x40", "\2") "\0\0"), {1, 0, 1},
                0x8183, "NXDOMAIN insecure, 0 s"},
        {"a record of a stranger", DNS_A,
                S_INIT(QUESTION("\1") "\1b" NAME HEAD("\1", "\x10", "\4") "\1\2\3\4"), {1, 1},
                0x8180, "NODATA insecure, 0 s"},
        {"a record of another class", DNS_A,
                S_INIT(QUESTION("\1") NAME "\0\1\0\3\0\0\0\x10\0\4\1\2\3\4"), {1, 1}, 0x8180,
                "NODATA insecure, 0 s"},
        {"one answer", DNS_A, S_INIT(QUESTION("\1") NAME HEAD("\1", "\x10", "\4") "\xc0\0\2\1"),
                {1, 1}, 0x8180, "NOERROR insecure: 192.0.2.1, 16 s"},
        {"a TTL with the highest bit", DNS_A,
                S_INIT(QUESTION("\1") NAME "\0\1\0\1\x80\0\0\x10\0\4\xc0\0\2\1"), {1, 1}, 0x8180,
                "NOERROR insecure: 192.0.2.1, 0 s"},
        {"a compressed host", DNS_MX,
                S_INIT(QUESTION("\17") NAME HEAD("\17", "\x10", "\5") "\0\5\1M\xc0"
                                                                      "\x0e"),
                {1, 1}, 0x8180, NULL},
        {"a compressed host, whole", DNS_MX,
                S_INIT(QUESTION("\17") NAME HEAD("\17", "\x10", "\6") "\0\5\1M\xc0\x0e"), {1, 1},
                0x8180, "NOERROR insecure: 5 m.example., 16 s"},
        {"a CNAME and its target", DNS_A,
                S_INIT(QUESTION("\1") NAME HEAD(
                        "\5", "\x08", "\4") "\1b\xc0\x0e"
                                            "\xc0\x27" HEAD("\1", "\x10", "\4") "\xc0\0\2\1"),
                {1, 2}, 0x8180, "NOERROR insecure > b.example: 192.0.2.1, 8 s"},
        {"a CNAME to itself", DNS_A, S_INIT(QUESTION("\1") NAME HEAD("\5", "\x08", "\2") NAME),
                {1, 1}, 0x8180, NULL},
        {"a CNAME is an answer when asked for", DNS_CNAME,
                S_INIT(QUESTION("\5") NAME HEAD("\5", "\x08", "\2") NAME), {1, 1}, 0x8180,
                "NOERROR insecure: a.example., 8 s"},
        {"a CNAME to what is not there", DNS_A,
                S_INIT(QUESTION("\1") NAME HEAD("\5", "\x08", "\4") "\1b\xc0\x0e" SOA), {1, 1, 1},
                0x8183, "NXDOMAIN insecure > b.example, 8 s"},
};

static void add_be16(struct buf *b, uint16_t value)
{
    buf_add_byte(b, (char)(value >> 8));
    buf_add_byte(b, (char)value);
}

static struct err read_messages(void *arg UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        const struct message_case *c = &messages[i];
        struct arena a AUTO(arena_done);
        struct buf bytes AUTO(buf_done), text AUTO(buf_done);
        struct dns_answer answer = {.name = S("a.example"), .type = c->type};
        arena_init(&a, MIB);
        buf_init(&bytes, KIB);
        buf_init(&text, KIB);
        add_be16(&bytes, 1);
        add_be16(&bytes, c->flags);
        for (size_t k = 0; k < COUNT_OF(c->counts); k++)
            add_be16(&bytes, c->counts[k]);
        buf_add(&bytes, c->bytes);
        struct err e = dns_message_read(&a, buf_str(&bytes), &answer);
        if (c->expected == NULL) {
            if (e.kind != ERR_SYNTAX)
                check_failed("%s: not refused", c->name);
            continue;
        }
        if (failed(e))
            check_failed("%s: %.*s", c->name, ARG(err_text(e)));
        answer_text(&text, &answer);
        buf_fmt(&text, ", %u s", answer.ttl_s);
        check_str(c->name, buf_str(&text), str_from_c(c->expected));
    }
    return OK;
}

static void whole_messages(void **state UNUSED)
{
    assert_int_equal(read_messages(NULL).kind, ERR_NONE);
    struct arena a AUTO(arena_done);
    struct dns_answer answer = {.name = S("a.example"), .type = DNS_A};
    arena_init(&a, MIB);
    assert_int_equal(dns_message_read(&a, S("\0\1\x81\x80\0\0"), &answer).kind, ERR_SYNTAX);
}

struct rdata_case {
    const char *name;
    uint16_t type;
    struct str rdata;
    const char *expected;
};

// What is malformed is shown octet by octet.
static const struct rdata_case rdatas[] = {
        {"an address too short", DNS_A, S_INIT("\1\2\3"), "\\# 3 010203"},
        {"an address too long", DNS_AAAA, S_INIT("\1\2\3\4"), "\\# 4 01020304"},
        {"an empty record", DNS_TXT, S_INIT(""), "\\# 0 "},
        {"a string that is longer than the record", DNS_TXT, S_INIT("\2a"), "\\# 2 0261"},
        {"an empty string", DNS_TXT, S_INIT("\0"), "\"\""},
        {"quotes", DNS_TXT, S_INIT("\3a\"b"), "\"a\\\"b\""},
        {"an MX without host", DNS_MX, S_INIT("\0\1"), "\\# 2 0001"},
        {"an MX with something behind", DNS_MX, S_INIT("\0\1\0\0"), "\\# 4 00010000"},
        {"a null MX", DNS_MX, S_INIT("\0\0\0"), "0 ."},
        {"a pointer inside", DNS_CNAME, S_INIT("\xc0\0"), "\\# 2 c000"},
        {"TLSA without data", DNS_TLSA, S_INIT("\3\1\1"), "3 1 1 "},
        {"TLSA too short", DNS_TLSA, S_INIT("\3\1"), "\\# 2 0301"},
        {"SRV of nothing", DNS_SRV, S_INIT("\0\0\0\0\0\0\0"), "0 0 0 ."},
        {"a type without a form", 65, S_INIT("\1"), "\\# 1 01"},
};

static void records_as_text(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(rdatas); i++) {
        struct buf text AUTO(buf_done);
        buf_init(&text, KIB);
        dns_record_add(&text, rdatas[i].type, rdatas[i].rdata);
        check_str(rdatas[i].name, buf_str(&text), str_from_c(rdatas[i].expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(names_as_text),
            cmocka_unit_test(types_as_text),
            cmocka_unit_test(records_as_text),
            cmocka_unit_test(whole_messages),
    };
    return cmocka_run_group_tests_name("rt/dns wire", tests, NULL, NULL);
}
