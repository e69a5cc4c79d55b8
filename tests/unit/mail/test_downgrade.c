// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_downgrade.c: messages in and messages out, 8-bit mail made 7-bit. Each one
// is converted in pieces of several sizes, and a reader of parts must find in each leaf what was
// there.
#include "../base/check.h"

#include "../../fuzz/downgrade_oracle.h"

#define UNKNOWN "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
#define QUOTED "Content-Transfer-Encoding: quoted-printable\r\n"
#define BASE64 "Content-Transfer-Encoding: base64\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=x\r\n"
#define EIGHT "Content-Transfer-Encoding: 8bit\r\n"

struct conversion {
    const char *name, *text;
    const char *wanted; // NULL: the same
};

static const struct conversion conversions[] = {
        {"nothing", "", NULL},
        {"only 7 bits, though more was announced", "A: b\r\n" EIGHT "\r\nplain\r\n", NULL},
        {"8 bits in a header alone", "Subject: gr\xc3\xbc\xc3\x9f\r\n\r\nplain\r\n", NULL},
        {"a header without body", "Subject: \xff\r\n", NULL},
        {"no MIME at all",
                "Subject: \xfc\r\n\r\nGr\xfc\xdf"
                "e\r\n",
                "Subject: \xfc\r\n" UNKNOWN QUOTED "\r\nGr=FC=DFe\r\n"},
        {"no header at all", "\r\n\xff", UNKNOWN QUOTED "\r\n=FF"},
        {"a type without version", "Content-Type: text/html\r\n\r\n\xff\r\n",
                "Content-Type: text/html\r\nMIME-Version: 1.0\r\n" QUOTED "\r\n=FF\r\n"},
        {"a version without type", "MIME-Version: 1.0\r\n\r\n\xff\r\n",
                "MIME-Version: 1.0\r\n" QUOTED "\r\n=FF\r\n"},
        {"the encoding that was said goes, with its folds",
                "content-transfer-encoding:\r\n 8bit (yes)\r\nMIME-Version: 1.0\r\nX: \r\n "
                "y\r\n\r\n"
                "\xff\r\n",
                "MIME-Version: 1.0\r\nX: \r\n y\r\n" QUOTED "\r\n=FF\r\n"},
        {"an encoding that nobody knows",
                "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bits\r\n\r\n\xff\r\n",
                "MIME-Version: 1.0\r\n" QUOTED "\r\n=FF\r\n"},
        {"blanks, equals signs, lone CRs and what looks like a boundary",
                "MIME-Version: 1.0\r\n\r\n=\xff \r\n-- \r\n-\r\na\rb\r\n\tc\t\r\n\r\n",
                "MIME-Version: 1.0\r\n" QUOTED
                "\r\n=3D=FF=20\r\n=2D-=20\r\n-\r\na=0Db\r\n\tc=09\r\n\r\n"},
        {"a LF alone is content", "MIME-Version: 1.0\r\n\r\na\n\xff\r\n",
                "MIME-Version: 1.0\r\n" QUOTED "\r\na=0A=FF\r\n"},
        {"what is no text is base64",
                "MIME-Version: 1.0\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n",
                "MIME-Version: 1.0\r\nContent-Type: image/png\r\n" BASE64 "\r\niVBORw0KGgo=\r\n"},
        {"base64 in lines",
                "MIME-Version: 1.0\r\nContent-Type: a/b\r\n\r\n"
                "\xff"
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabcd",
                "MIME-Version: 1.0\r\nContent-Type: a/b\r\n" BASE64 "\r\n/"
                "2FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh\r\n"
                "YmNk\r\n"},
        {"text and an attachment; the 7-bit part stays",
                "MIME-Version: 1.0\r\n" MIXED EIGHT "\r\n--x\r\nContent-Type: text/plain\r\n" EIGHT
                "\r\n\xc3\xa4\r\n--x\r\nContent-Type: application/pdf\r\n"
                "Content-Transfer-Encoding: binary\r\n\r\n\x01\xff\x02\r\n--x\r\n" EIGHT
                "\r\nplain \r\n\r\n--x--\r\n",
                "MIME-Version: 1.0\r\n" MIXED "Content-Transfer-Encoding: 7bit\r\n\r\n--x\r\n"
                "Content-Type: text/plain\r\n" QUOTED "\r\n=C3=A4\r\n--x\r\n"
                "Content-Type: application/pdf\r\n" BASE64 "\r\nAf8C\r\n--x\r\n" EIGHT
                "\r\nplain \r\n\r\n--x--\r\n"},
        {"line ends before boundaries",
                MIXED "\r\n--x\r\n\r\n\xff\r\n\r\n--x\r\nContent-Type: a/b\r\n\r\n\xff\r\n\r\n"
                      "--x--\r\n",
                MIXED "\r\n--x\r\n" QUOTED "\r\n=FF\r\n\r\n--x\r\nContent-Type: a/b\r\n" BASE64
                      "\r\n/w0K\r\n--x--\r\n"},
        {"a blank before a boundary", MIXED "\r\n--x\r\n\r\n\xff \r\n--x--\r\n",
                MIXED "\r\n--x\r\n" QUOTED "\r\n=FF=20\r\n--x--\r\n"},
        {"preamble and epilogue", MIXED "\r\npr\xe9\r\n--x\r\n\r\na\r\n--x--\r\n\xe9pi\xff",
                MIXED "\r\npr?\r\n--x\r\n\r\na\r\n--x--\r\n?pi?"},
        {"their mark must not make a boundary",
                "Content-Type: multipart/mixed; boundary=\"x?\"\r\n\r\n--x\xff\r\n--x?\r\n\r\na\r\n"
                "--x?--",
                "Content-Type: multipart/mixed; boundary=\"x?\"\r\n\r\n--x!\r\n--x?\r\n\r\na\r\n"
                "--x?--"},
        {"neither must an encoded line",
                "Content-Type: multipart/mixed; boundary=\"x=FF\"\r\n\r\n--x=FF\r\n\r\n--x\xff\r\n"
                "--x=FF--",
                "Content-Type: multipart/mixed; boundary=\"x=FF\"\r\n\r\n--x=FF\r\n" QUOTED
                "\r\n=2D-x=FF\r\n--x=FF--"},
        {"boundaries that only begin like ours",
                MIXED "\r\n--x\r\n\r\n\xff\r\n--xy\r\n--\r\n-\r\n--x  \r\n\r\nb\r\n--x--z\r\n--x--",
                MIXED "\r\n--x\r\n" QUOTED "\r\n=FF\r\n=2D-xy\r\n=2D-\r\n-\r\n--x  \r\n\r\nb\r\n"
                      "--x--z\r\n--x--"},
        {"no last boundary", MIXED "\r\n--x\r\nContent-Type: a/b\r\n\r\n\xff\r\n",
                MIXED "\r\n--x\r\nContent-Type: a/b\r\n" BASE64 "\r\n/w0K\r\n"},
        {"empty parts", MIXED "\r\n--x\r\n--x\r\n\r\n--x\r\n\r\n\r\n--x\r\n\r\n\xff\r\n--x--",
                MIXED "\r\n--x\r\n--x\r\n\r\n--x\r\n\r\n\r\n--x\r\n" QUOTED "\r\n=FF\r\n--x--"},
        {"a part that ends in its header", MIXED "\r\n--x\r\n" EIGHT "A: \xff\r\n--x--", NULL},
        {"an inner multipart without end",
                MIXED "\r\n--x\r\nContent-Type: multipart/alternative; boundary=y\r\n" EIGHT
                      "\r\n--y\r\n\r\n\xff\r\n--x\r\n\r\nb\r\n--y\r\n--x--\r\n",
                MIXED "\r\n--x\r\nContent-Type: multipart/alternative; boundary=y\r\n"
                      "Content-Transfer-Encoding: 7bit\r\n\r\n--y\r\n" QUOTED
                      "\r\n=FF\r\n--x\r\n\r\nb\r\n--y\r\n--x--\r\n"},
        {"a multipart of 7 bits among others stays as it is",
                MIXED "\r\n--x\r\nContent-Type: multipart/signed; boundary=y\r\n" EIGHT
                      "\r\n--y\r\n\r\na\r\n--y--\r\n--x\r\n\r\n\xff\r\n--x--\r\n",
                MIXED "\r\n--x\r\nContent-Type: multipart/signed; boundary=y\r\n" EIGHT
                      "\r\n--y\r\n\r\na\r\n--y--\r\n--x\r\n" QUOTED "\r\n=FF\r\n--x--\r\n"},
        {"a message inside is never encoded itself",
                MIXED "\r\n--x\r\nContent-Type: message/rfc822\r\n" EIGHT
                      "\r\nSubject: \xff\r\n\r\n\xff\r\n--x--\r\n",
                MIXED "\r\n--x\r\nContent-Type: message/rfc822\r\n"
                      "Content-Transfer-Encoding: 7bit\r\n\r\nSubject: \xff\r\n" UNKNOWN QUOTED
                      "\r\n=FF\r\n--x--\r\n"},
        {"messages in a digest",
                "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nA: b\r\n\r\n\xff\r\n"
                "--x--",
                "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nA: b\r\n" UNKNOWN
                        QUOTED "\r\n=FF\r\n--x--"},
        {"quoted-printable with 8 bits is mended", QUOTED "\r\na=3D\xff=\r\nb\r\n-\xff\r\n",
                "MIME-Version: 1.0\r\n" QUOTED "\r\na=3D=FF=\r\nb\r\n=2D=FF\r\n"},
        {"base64 with 8 bits is mended", BASE64 "\r\nQUJD\xffRA==\r\n",
                "MIME-Version: 1.0\r\n" BASE64 "\r\nQUJDRA==\r\n"},
        {"a line of a mailbox file, and lines that are no field",
                "From a@b\r\n x\r\nfoo\r\nMIME-Version: 1.0\r\n\r\n\xff",
                "From a@b\r\n x\r\nfoo\r\nMIME-Version: 1.0\r\n" QUOTED "\r\n=FF"},
};

static const struct conversion impossible[] = {
        {"a multipart without boundary", "Content-Type: multipart/mixed\r\n\r\n--x\r\n\xff", NULL},
        {"a boundary that never comes", MIXED "\r\n--y\r\n\r\n\xff\r\n", NULL},
        {"only a last boundary", MIXED "\r\n--x--\r\n\r\n\xff\r\n", NULL},
        {"a piece of a message", "Content-Type: message/partial; id=a; number=1\r\n\r\n\xff", NULL},
        {"all marks stand in the boundary",
                "Content-Type: multipart/mixed; boundary=\"?!*#\"\r\n\r\n\xff\r\n--?!*#\r\n\r\na",
                NULL},
};

static const size_t piece_sizes[] = {1, 2, 3, 7, 64, 100000000};

static void check_conversion(const char *name, struct str text, struct str want)
{
    for (size_t i = 0; i < COUNT_OF(piece_sizes); i++) {
        struct buf out AUTO(buf_done);
        buf_init(&out, DOWNGRADE_BYTES_MAX);
        struct mime_downgrade_plan plan = downgrade_run(text, piece_sizes[i], &out);
        check_true(name, plan.is_possible);
        if (!str_is_null(want))
            check_str(name, buf_str(&out), want);
        check_true(name, plan.is_needed || str_eq(buf_str(&out), text));
        if (!str_contains(text, S("a\n"))) // mail/mime.c sees another structure there
            downgrade_check(text, buf_str(&out));
    }
}

static void conversion(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(conversions); i++) {
        const struct conversion *c = &conversions[i];
        struct str text = str_from_c(c->text);
        check_conversion(c->name, text, c->wanted == NULL ? text : str_from_c(c->wanted));
    }
}

#define BINARY "Content-Transfer-Encoding: binary\r\n"
#define DATA_TYPE "Content-Type: application/x\r\n"
#define VERSION "MIME-Version: 1.0\r\n"

// Of messages that came as binary.
static const struct {
    const char *name;
    struct str text, wanted; // null: the same
} binaries[] = {
        {"7-bit lines", S_INIT(VERSION "\r\nplain\r\n"), {0}},
        {"lines that are said to be binary", S_INIT(VERSION BINARY "\r\nplain = b\r\n"),
                S_INIT(VERSION QUOTED "\r\nplain =3D b\r\n")},
        {"a NUL", S_INIT(VERSION DATA_TYPE "\r\na\0b"),
                S_INIT(VERSION DATA_TYPE BASE64 "\r\nYQBi\r\n")},
        {"a NUL in text", S_INIT(VERSION "\r\na\0b\r\n"), S_INIT(VERSION QUOTED "\r\na=00b\r\n")},
        {"a LF alone", S_INIT(VERSION "\r\na\nb\r\n"), S_INIT(VERSION QUOTED "\r\na=0Ab\r\n")},
        {"a CR alone", S_INIT(VERSION "\r\na\rb\r\n"), S_INIT(VERSION QUOTED "\r\na=0Db\r\n")},
        {"a CR at the end", S_INIT(VERSION "\r\na\r"), S_INIT(VERSION QUOTED "\r\na=0D")},
        {"8 bits", S_INIT(VERSION DATA_TYPE BINARY "\r\n\xff\r\n"),
                S_INIT(VERSION DATA_TYPE BASE64 "\r\n/w0K\r\n")},
        {"what is encoded already", S_INIT(VERSION QUOTED "\r\na=00\rb\r\n"), {0}},
        {"a multipart is not binary any more, its parts stay",
                S_INIT(MIXED BINARY "\r\n--x\r\n\r\na\r\n--x--\r\n"),
                S_INIT(MIXED "Content-Transfer-Encoding: 7bit\r\n\r\n--x\r\n\r\na\r\n--x--\r\n")},
        {"one part of two, and a NUL where nobody looks",
                S_INIT(MIXED "\r\n\0\r\n--x\r\n\r\na\r\n--x\r\n" DATA_TYPE "\r\n\n\r\n--x--\r\n"),
                S_INIT(MIXED "\r\n?\r\n--x\r\n\r\na\r\n--x\r\n" DATA_TYPE BASE64
                             "\r\nCg==\r\n--x--\r\n")},
};

static void from_binary(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(binaries) * COUNT_OF(piece_sizes); i++) {
        struct buf out AUTO(buf_done);
        size_t which = i / COUNT_OF(piece_sizes);
        struct str text = binaries[which].text, wanted = binaries[which].wanted;
        buf_init(&out, DOWNGRADE_BYTES_MAX);
        struct mime_downgrade_plan plan = downgrade_run_as(MIME_WISH_7BIT | MIME_WISH_LINES, text,
                piece_sizes[i % COUNT_OF(piece_sizes)], &out);
        check_true(binaries[which].name, plan.is_possible);
        check_true(binaries[which].name, plan.is_needed == !str_is_null(wanted));
        check_str(binaries[which].name, buf_str(&out), str_is_null(wanted) ? text : wanted);
    }
}

// RFC 5321 4.5.3.1.6: 998 octets and the line's end.
static void binary_line_length(void **state UNUSED)
{
    for (size_t length = 998; length <= 999; length++) {
        struct buf text AUTO(buf_done), out AUTO(buf_done);
        buf_init(&text, MIB);
        buf_init(&out, MIB);
        buf_add(&text, S(VERSION "\r\n"));
        buf_add_repeat(&text, 'x', length);
        buf_add(&text, S("\r\nend\r\n"));
        struct mime_downgrade_plan plan =
                downgrade_run_as(MIME_WISH_7BIT | MIME_WISH_LINES, buf_str(&text), 100, &out);
        check_u64("needed", plan.is_needed, length == 999);
        downgrade_check(buf_str(&text), buf_str(&out));
    }
}

static void impossibility(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(impossible); i++) {
        for (size_t s = 0; s < COUNT_OF(piece_sizes); s++) {
            struct buf out AUTO(buf_done);
            buf_init(&out, DOWNGRADE_BYTES_MAX);
            struct mime_downgrade_plan plan =
                    downgrade_run(str_from_c(impossible[i].text), piece_sizes[s], &out);
            check_true(impossible[i].name, plan.is_needed && !plan.is_possible);
        }
    }
}

// A line of 300,000 octets is in memory at no time, and leaves in lines that SMTP allows.
static void long_lines(void **state UNUSED)
{
    static const struct str types[] = {S_INIT("text/plain"), S_INIT("a/b")};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct buf text AUTO(buf_done), out AUTO(buf_done);
        struct str line;
        buf_init(&text, MIB);
        buf_init(&out, 4 * MIB);
        buf_fmt(&text, "MIME-Version: 1.0\r\nContent-Type: %.*s\r\n\r\n", ARG(types[i]));
        buf_add_repeat(&text, '-', 150000);
        buf_add(&text, S("\xff"));
        buf_add_repeat(&text, ' ', 150000);
        buf_add(&text, S("\r\nend"));
        (void)downgrade_run(buf_str(&text), 5000, &out);
        downgrade_check(buf_str(&text), buf_str(&out));
        struct scan in = scan_over(buf_str(&out));
        while (scan_line(&in, &line))
            check_true("at most 76 octets", line.len <= 76);
    }
}

// One level more than there may be is a leaf, and of no type that may be encoded.
static void depth(void **state UNUSED)
{
    for (size_t levels = MIME_DEPTH_MAX; levels <= MIME_DEPTH_MAX + 1; levels++) {
        struct buf text AUTO(buf_done), out AUTO(buf_done);
        buf_init(&text, MIB);
        buf_init(&out, MIB);
        for (size_t i = 0; i < levels; i++)
            buf_add(&text, S("Content-Type: message/rfc822\r\n\r\n"));
        buf_add(&text, S("\r\n\xff\r\n"));
        struct mime_downgrade_plan plan = downgrade_run(buf_str(&text), 10, &out);
        check_true("needed", plan.is_needed);
        check_u64("possible", plan.is_possible, levels == MIME_DEPTH_MAX);
        if (plan.is_possible)
            downgrade_check(buf_str(&text), buf_str(&out));
    }
}

static void part_count(void **state UNUSED)
{
    for (size_t parts = MIME_PARTS_MAX - 1; parts <= MIME_PARTS_MAX; parts++) {
        struct buf text AUTO(buf_done), out AUTO(buf_done);
        buf_init(&text, MIB);
        buf_init(&out, MIB);
        buf_add(&text, S(MIXED "\r\n"));
        for (size_t i = 0; i < parts; i++)
            buf_add(&text, i + 1 < parts ? S("--x\r\n\r\na\r\n") : S("--x\r\n\r\n\xff\r\n--x--"));
        struct mime_downgrade_plan plan = downgrade_run(buf_str(&text), 1000, &out);
        check_u64("possible", plan.is_possible, parts == MIME_PARTS_MAX - 1);
        if (plan.is_possible)
            downgrade_check(buf_str(&text), buf_str(&out));
    }
}

// What is 1,024 octets long is a boundary, what is longer is none.
static void boundary_length(void **state UNUSED)
{
    for (size_t length = 1024; length <= 1025; length++) {
        struct buf text AUTO(buf_done), out AUTO(buf_done);
        buf_init(&text, MIB);
        buf_init(&out, MIB);
        buf_add(&text, S("Content-Type: multipart/mixed; boundary="));
        buf_add_repeat(&text, 'x', length);
        buf_add(&text, S("\r\n\r\n--"));
        buf_add_repeat(&text, 'x', length);
        buf_add(&text, S("\r\n\r\n\xff"));
        struct mime_downgrade_plan plan = downgrade_run(buf_str(&text), 100, &out);
        check_u64("possible", plan.is_possible, length == 1024);
    }
}

static void full_output(void **state UNUSED)
{
    struct mime_downgrade *first AUTO(mime_downgrade_auto_free) =
            mime_downgrade_first(MIME_WISH_7BIT);
    struct str text = S("\r\n\xff\xff\r\n");
    check_true("first", !failed(mime_downgrade_add(first, text, NULL)) &&
                                !failed(mime_downgrade_end(first, NULL)));
    struct mime_downgrade_plan plan = mime_downgrade_plan(first);
    struct mime_downgrade *second AUTO(mime_downgrade_auto_free) = mime_downgrade_second(&plan);
    struct buf out AUTO(buf_done);
    buf_init(&out, 10);
    check_u64("full", mime_downgrade_add(second, text, &out).kind, ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(conversion), TEST(impossibility), TEST(long_lines),
            TEST(depth), TEST(part_count), TEST(boundary_length), TEST(full_output),
            TEST(from_binary), TEST(binary_line_length)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
