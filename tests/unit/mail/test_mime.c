// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_mime.c: trees of parts: what is malformed, what clashes, what is too deep.
#include "../base/check.h"
#include "mail/mail.h"

struct message {
    const char *name, *text,
            *expected; // "0 multipart/mixed; 1 text/plain [body]", defects behind |
};

static const struct message messages[] = {
        {"nothing", "", "0 text/plain []"},
        {"an empty line", "\r\n", "0 text/plain []"},
        {"only a body", "\r\nhello", "0 text/plain [hello]"},
        {"a header without end", "A: b", "0 text/plain [] | header-without-end"},
        {"a line that is no field", "A: b\r\nhello\r\nB: c\r\n\r\nx",
                "0 text/plain [x] | bad-header-line"},
        {"a bare LF is no line end here", "A: b\n\nc\r\n\r\nd", "0 text/plain [d]"},
        {"where there is no CRLF it is one", "A: b\n\nc", "0 text/plain [c]"},
        {"a line of a mailbox file", "From a@b Thu Jan  1 10:00:00 2026\nA: b\n\nc",
                "0 text/plain [c]"},
        {"a type that makes no sense", "Content-Type: text\n\nc",
                "0 text/plain [c] | bad-content-type"},
        {"the first type counts", "Content-Type: a/b\nContent-Type: c/d\n\ne", "0 a/b [e]"},
        {"a multipart without boundary", "Content-Type: multipart/mixed\n\n--x\n\na\n--x--\n",
                "0 multipart/mixed | no-boundary"},
        {"a boundary that never comes", "Content-Type: multipart/mixed; boundary=x\n\n--y\n\na",
                "0 multipart/mixed | boundary-not-found missing-end-boundary"},
        {"two parts, preamble and epilogue",
                "Content-Type: multipart/mixed; boundary=x\n\npre\n--x\n\na\n--x \n\nb\n--x--\nepi",
                "0 multipart/mixed; 1 text/plain [a]; 1 text/plain [b]"},
        {"no last boundary", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n",
                "0 multipart/mixed; 1 text/plain [a\n] | missing-end-boundary"},
        {"a boundary that only begins like ours",
                "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--xy\nb\n--x--",
                "0 multipart/mixed; 1 text/plain [a\n--xy\nb]"},
        {"parts in a digest",
                "Content-Type: multipart/digest; boundary=x\n\n--x\n\nA: b\n\nc\n--x--",
                "0 multipart/digest; 1 message/rfc822; 2 text/plain [c]"},
        {"an inner part without end stays inside",
                "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; "
                "boundary=y\n\n--y\n\na\n--x\n\nb\n--x--",
                "0 multipart/mixed; 1 multipart/mixed; 2 text/plain [a]; 1 text/plain [b] "
                "| missing-end-boundary"},
        {"the same boundary inside",
                "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; "
                "boundary=x\n\n--x\n\na\n--x--\n--x--",
                "0 multipart/mixed; 1 multipart/mixed; 1 text/plain [a] "
                "| boundary-not-found missing-end-boundary"},
        {"base64", "Content-Transfer-Encoding: BASE64 (x)\n\nYW\nJj*ZA==\nZQ==",
                "0 text/plain [abcde]"},
        {"quoted-printable", "Content-Transfer-Encoding: quoted-printable\n\na=3Db=\nc \t\n=4=ZZ=",
                "0 text/plain [a=bc\n=4=ZZ]"},
        {"an encoding that is not known", "Content-Transfer-Encoding: x-gzip\n\na",
                "0 text/plain [a] | bad-encoding"},
        {"a message in base64",
                "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
                "QTogYg0KDQpj",
                "0 message/rfc822; 1 text/plain [c]"},
};

static void tree_text(struct buf *out, const struct mime_tree *tree)
{
    bool first = true;
    for (size_t i = 0; i < tree->count; i++) {
        const struct mime_part *part = &tree->parts[i];
        buf_fmt(out, "%s%u %.*s", i > 0 ? "; " : "", part->depth, ARG(part->type.type));
        if (!part->is_leaf)
            continue;
        buf_add(out, S(" ["));
        mime_content_add(out, part);
        buf_add_byte(out, ']');
    }
    for (size_t i = 0; i < MIME_DEFECT_COUNT; i++) {
        if (!tree->defects[i])
            continue;
        buf_add(out, first ? S(" | ") : S(" "));
        buf_add(out, mime_defect_name((enum mime_defect)i));
        first = false;
    }
}

static void trees(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        struct arena a AUTO(arena_done);
        struct buf text AUTO(buf_done);
        struct mime_tree tree;
        arena_init(&a, MIB);
        buf_init(&text, MIB);
        assert_false(failed(mime_read(&a, str_from_c(messages[i].text), &tree)));
        tree_text(&text, &tree);
        check_str(messages[i].name, buf_str(&text), str_from_c(messages[i].expected));
        assert_false(tree.truncated);
    }
}

static void names_of_files(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct mime_tree tree;
    arena_init(&a, MIB);
    struct str message = S("Content-Type: a/b; name=old\nContent-Disposition: ATTACHMENT;\n "
                           "filename*=utf-8''%C3%BC\n\n");
    assert_false(failed(mime_read(&a, message, &tree)));
    check_str("file", tree.parts[0].filename, S("\303\274"));
    check_str("disposition", tree.parts[0].disposition, S("attachment"));
    assert_false(failed(mime_read(&a, S("Content-Type: a/b; name=old\n\n"), &tree)));
    check_str("old file", tree.parts[0].filename, S("old"));
}

// Messages in messages, beyond what is followed, and parts beyond what is counted.
static void limits(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct mime_tree tree;
    arena_init(&a, 64 * MIB);
    buf_init(&text, 16 * MIB);
    for (int i = 0; i < MIME_DEPTH_MAX; i++)
        buf_add(&text, S("Content-Type: message/rfc822\n\n"));
    assert_false(failed(mime_read(&a, buf_str(&text), &tree)));
    assert_int_equal(tree.count, MIME_DEPTH_MAX + 1);
    assert_false(tree.truncated);
    buf_add(&text, S("Content-Type: message/rfc822\n\n"));
    assert_false(failed(mime_read(&a, buf_str(&text), &tree)));
    assert_int_equal(tree.count, MIME_DEPTH_MAX + 1);
    assert_true(tree.truncated);
    buf_clear(&text);
    buf_add(&text, S("Content-Type: multipart/mixed; boundary=x\n\n"));
    for (int i = 0; i < MIME_PARTS_MAX; i++)
        buf_add(&text, S("--x\n\na\n"));
    buf_add(&text, S("--x--\n"));
    assert_false(failed(mime_read(&a, buf_str(&text), &tree)));
    assert_int_equal(tree.count, MIME_PARTS_MAX);
    assert_true(tree.truncated);
    for (size_t limit = 0; limit < 4 * KIB; limit += 64) {
        struct arena small AUTO(arena_done);
        arena_init(&small, limit);
        struct err e = mime_read(&small, str_from_c(messages[12].text), &tree);
        assert_true(!failed(e) || e.kind == ERR_LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(trees),
            cmocka_unit_test(names_of_files),
            cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests_name("mail/mime", tests, NULL, NULL);
}
