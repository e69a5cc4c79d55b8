// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_maildir.c: paths and names, what a message looks like in a Maildir, and
// that there is one of it whatever went wrong when.
#include "../queue/place.h"
#include "boxes.h"

#include "deliver/local/maildir.h"
#include "deliver/local/maildir_path.h"
#include "deliver/local/maildir_quota.h"

#include <errno.h>

#define CREATED_MS INT64_C(1700000000000)
#define UNIQUE S("1700000000.Q0000000000000007R00000001.mx.example")

// -- Paths and names ------------------------------------------------------------------------------

static const struct {
    const char *name, *pattern, *local, *path; // path NULL: refused
    enum err_kind error;
} path_cases[] = {
        {"two above", "/m/{domain}/{local}", "../../x", NULL, ERR_SYNTAX},
        {"just dots", "/m/{domain}/{local}", "..", NULL, ERR_SYNTAX},
        {"a dot", "/m/{domain}/{local}", ".", NULL, ERR_SYNTAX},
        {"a hidden one", "/m/{domain}/{local}", ".ssh", NULL, ERR_SYNTAX},
        {"dots inside", "/m/{domain}/{local}", "a..b", NULL, ERR_SYNTAX},
        {"a slash", "/m/{domain}/{local}", "a/b", NULL, ERR_SYNTAX},
        {"a line end", "/m/{domain}/{local}", "a\nb", NULL, ERR_SYNTAX},
        {"DEL", "/m/{domain}/{local}", "a\x7f", NULL, ERR_SYNTAX},
        {"nothing", "/m/{domain}/{local}", "", NULL, ERR_SYNTAX},
        {"a dot in it", "/m/{domain}/{local}", "a.b", "/m/a.example/a.b", ERR_NONE},
        {"blanks and quotes", "/m/{domain}/{local}", "b \"ob", "/m/a.example/b \"ob", ERR_NONE},
        {"beyond ASCII", "/m/{local}", "j\xc3\xb6rg", "/m/j\xc3\xb6rg", ERR_NONE},
        {"all of them", "{user}/{rcpt}/{local}@{domain}", "x", "USER/r@b.example/x@a.example",
                ERR_NONE},
        {"no placeholder", "/var/mail/all", "x", "/var/mail/all", ERR_NONE},
        {"an unknown one", "/m/{home}", "x", NULL, ERR_CONFIG},
        {"an open brace", "/m/{local", "x", NULL, ERR_CONFIG},
};

static void paths(void **state)
{
    (void)state;
    struct arena a;
    struct maildir_names names = {
            .domain = S("a.example"), .rcpt = S("r@b.example"), .user = S("USER")};
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(path_cases); i++) {
        struct str path = S("");
        names.local = str_from_c(path_cases[i].local);
        struct err e = maildir_path(&a, str_from_c(path_cases[i].pattern), &names, &path);
        check_u64(path_cases[i].name, e.kind, path_cases[i].error);
        if (!failed(e))
            check_str(path_cases[i].name, path, str_from_c(path_cases[i].path));
    }
    struct str nul = S("a\0b"), path;
    names.local = nul;
    check_u64("a NUL", maildir_path(&a, S("/m/{local}"), &names, &path).kind, ERR_SYNTAX);
    arena_done(&a);
}

static void roots(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *root;
    } cases[] = {{"/var/mail/{domain}/{local}/Maildir", "/var/mail"}, {"/srv/m-{local}", "/srv"},
            {"/{user}", "/"}, {"{user}", "."}, {"/var/mail/all", "/var/mail/all"},
            {"mail/{user}", "mail"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_str(cases[i].pattern, maildir_root(str_from_c(cases[i].pattern)),
                str_from_c(cases[i].root));
}

static void folder_names(void **state)
{
    (void)state;
    static const struct {
        const char *detail, *folder; // NULL: none
    } cases[] = {{"lists", ".lists"}, {"lists.dev", ".lists.dev"}, {"Two words", ".Two words"},
            {"a+b", ".a+b"}, {"", NULL}, {".", NULL}, {".x", NULL}, {"x.", NULL}, {"a..b", NULL},
            {"../x", NULL}, {"a/b", NULL}, {"a&b", NULL}, {"j\xc3\xb6rg", NULL}, {"a\tb", NULL}};
    struct arena a;
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str folder = STR_NULL;
        bool is = maildir_folder_name(&a, str_from_c(cases[i].detail), &folder);
        check_u64(cases[i].detail, is, cases[i].folder != NULL);
        if (is)
            check_str(cases[i].detail, folder, str_from_c(cases[i].folder));
    }
    arena_done(&a);
}

static void names(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, MIB);
    struct str ann =
            maildir_unique(&a, CREATED_MS + 999, 7, S("ann@a.example"), S("mx/1:2.example"));
    struct str bob = maildir_unique(&a, CREATED_MS, 7, S("bob@a.example"), S("mx/1:2.example"));
    check_true("the second, the id", str_starts(ann, S("1700000000.Q0000000000000007R")));
    check_true("no slash, no colon", str_ends(ann, S(".mx_1_2.example")));
    check_true("another mailbox, another name", !str_eq(ann, bob));
    check_true("with flags", maildir_name_is(S("1.QR.h,S=3,W=4:2,FS"), S("1.QR.h")));
    check_true("bare", maildir_name_is(S("1.QR.h"), S("1.QR.h")));
    check_true("of a longer host", !maildir_name_is(S("1.QR.hh,S=3"), S("1.QR.h")));
    check_true("shorter", !maildir_name_is(S("1.QR."), S("1.QR.h")));
    arena_done(&a);
}

// -- Storing --------------------------------------------------------------------------------------

struct box {
    struct place *place;
    struct str path;
    struct maildir_letter letter;
    struct maildir_faults faults;
};

static struct box box_make(struct place *p, const char *name)
{
    struct box box = {.place = p, .path = arena_fmt(&p->a, "%s/mail/%s", p->folder, name)};
    box.letter = (struct maildir_letter){.path = box.path,
            .unique = UNIQUE,
            .owner = {.mode = 0600, .uid = -1, .gid = -1},
            .create = true,
            .created_ms = CREATED_MS,
            .wall_now_ms = CREATED_MS};
    return box;
}

static struct err put(struct box *box, struct str body, enum maildir_outcome *out) suspends
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct message m = {.body = {.bytes = body.len, .inline_bytes = body}};
    const struct message_reading how = {0};
    box->letter.fail = &box->faults;
    box->faults.steps = 0;
    TRY(message_open(box->place->store, &box->place->a, &m, &how, &reader));
    return maildir_store(&box->letter, &box->place->a, reader, out);
}

static const struct {
    const char *name, *body, *file;
    size_t with_crlf;
} text_cases[] = {
        {"lines", "A: b\r\n\r\nc\r\n", "A: b\n\nc\n", 11},
        {"no end of line at the end", "A: b\r\n\r\nc", "A: b\n\nc", 9},
        {"LF alone", "A: b\n\nc\n", "A: b\n\nc\n", 11},
        {"CR alone", "a\rb\r\n", "a\rb\n", 5},
        {"CR before CRLF", "a\r\r\n", "a\r\n", 4},
        {"CR at the end", "a\r\nb\r", "a\nb\r", 5},
        {"nothing", "", "", 0},
};

static struct err texts(void *arg)
{
    struct place *p = arg;
    for (size_t i = 0; i < COUNT_OF(text_cases); i++) {
        const char *name = text_cases[i].name;
        struct box box = box_make(p, name);
        struct str want = str_from_c(text_cases[i].file);
        enum maildir_outcome outcome = MAILDIR_MISSING;
        TRY(put(&box, str_from_c(text_cases[i].body), &outcome));
        check_u64(name, outcome, MAILDIR_STORED);
        struct str file = box_only(&p->a, box.path, "new");
        check_str(name, box_text(&p->a, box.path, "new", file), want);
        check_str(name, file,
                arena_fmt(
                        &p->a, "%.*s,S=%zu,W=%zu", ARG(UNIQUE), want.len, text_cases[i].with_crlf));
        check_u64(name, box_count(&p->a, box.path, "tmp"), 0);
        check_u64(name, box_count(&p->a, box.path, "."), 3);
    }
    struct box box = box_make(p, "binary");
    enum maildir_outcome outcome;
    box.letter.keep_crlf = true;
    TRY(put(&box, S("a\r\n\0\n"), &outcome));
    struct str file = box_only(&p->a, box.path, "new");
    check_str("binary", box_text(&p->a, box.path, "new", file), S("a\r\n\0\n"));
    return OK;
}

// Pieces of the reader and of the writer begin and end anywhere in a line.
static struct err large(void *arg)
{
    struct place *p = arg;
    static const size_t sizes[] = {256 * KIB - 1, 256 * KIB, 256 * KIB + 1, 3 * MIB + 17};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct buf body, want;
        buf_init(&body, 8 * MIB);
        buf_init(&want, 8 * MIB);
        for (size_t line = 0; body.len < sizes[i]; line++) {
            buf_add_repeat(&body, 'x', line % 7);
            buf_add_repeat(&want, 'x', line % 7);
            buf_add(&body, S("\r\n"));
            buf_add(&want, S("\n"));
        }
        struct box box = box_make(p, arena_c_str(&p->a, arena_fmt(&p->a, "large%zu", i)));
        struct body *file AUTO(body_auto_free) = body_new(p->store, 100 + i);
        struct message m = made_message(p, 100 + i, S(""), 1);
        struct message_reader *reader AUTO(message_auto_close) = NULL;
        const struct message_reading how = {.prefix = S("P: q\r\n")};
        enum maildir_outcome outcome;
        m.top = STR_NULL;
        TRY(body_add(file, &p->a, buf_str(&body)));
        TRY(body_finish(file, &p->a, &m.body));
        check_u64("is a file", m.body.place, BODY_FILE);
        TRY(accept_message(p, &m));
        TRY(message_open(p->store, &p->a, &m, &how, &reader));
        TRY(maildir_store(&box.letter, &p->a, reader, &outcome));
        struct str name = box_only(&p->a, box.path, "new");
        struct str got = box_text(&p->a, box.path, "new", name);
        check_true("begins", str_starts(got, S("P: q\n")));
        check_true("every octet", str_eq(str_from(got, 5), buf_str(&want)));
        check_true("sizes",
                str_contains(name, arena_fmt(&p->a, ",S=%zu,W=%zu", want.len + 5, body.len + 6)));
        buf_done(&body);
        buf_done(&want);
    }
    return OK;
}

static struct err modes(void *arg)
{
    struct place *p = arg;
    static const struct {
        uint32_t mode, folder;
    } cases[] = {{0600, 0700}, {0640, 0750}, {0660, 0770}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct box box = box_make(p, arena_c_str(&p->a, arena_fmt(&p->a, "mode%zu", i)));
        struct file_info info;
        enum maildir_outcome outcome;
        box.letter.owner.mode = cases[i].mode;
        TRY(put(&box, S("x\r\n"), &outcome));
        struct str name = box_only(&p->a, box.path, "new");
        TRY(file_stat(&p->a, box_path(&p->a, box.path, "new", name), &info));
        check_u64("file", info.mode, cases[i].mode);
        TRY(file_stat(&p->a, box_path(&p->a, box.path, ".", S("new")), &info));
        check_u64("folder", info.mode, cases[i].folder);
        TRY(file_stat(&p->a, box.path, &info));
        check_u64("mailbox", info.mode, cases[i].folder);
    }
    return OK;
}

// -- What goes wrong ------------------------------------------------------------------------------

static size_t stored_count(struct box *box)
{
    struct arena *a = &box->place->a;
    return box_count(a, box->path, "new") + box_count(a, box->path, "cur");
}

// A crash before each step, then one that goes well. Between the two somebody may have read it.
static struct err crashes(void *arg)
{
    struct place *p = arg;
    int steps = 0;
    for (int at = 1; steps == 0 || at <= steps; at++)
        for (int is_read = 0; is_read < 2; is_read++) {
            struct box box =
                    box_make(p, arena_c_str(&p->a, arena_fmt(&p->a, "crash%d-%d", at, is_read)));
            enum maildir_outcome outcome;
            box.faults = (struct maildir_faults){.fails_at = at};
            struct err e = put(&box, S("A: b\r\n\r\nc\r\n"), &outcome);
            if (!failed(e))
                steps = at - 1; // this one was none any more
            check_true("a crash", failed(e) || at > 7);
            if (is_read == 1 && box_count(&p->a, box.path, "new") == 1) {
                struct str name = box_only(&p->a, box.path, "new");
                TRY(blob_rename(&p->a, box_path(&p->a, box.path, "new", name),
                        arena_fmt(&p->a, "%.*s/cur/%.*s:2,FS", ARG(box.path), ARG(name))));
            }
            box.faults = (struct maildir_faults){0};
            TRY(put(&box, S("A: b\r\n\r\nc\r\n"), &outcome));
            check_u64("stored", outcome, MAILDIR_STORED);
            check_u64("once", stored_count(&box), 1);
            check_u64("nothing is left over", box_count(&p->a, box.path, "tmp"), 0);
        }
    check_true("all steps were met", steps >= 8);
    return OK;
}

static struct err disk_errors(void *arg)
{
    struct place *p = arg;
    static const int errnos[] = {ENOSPC, EDQUOT, EIO, EACCES};
    static const enum err_kind kinds[] = {ERR_NO_SPACE, ERR_NO_SPACE, ERR_IO, ERR_REFUSED};
    for (size_t i = 0; i < COUNT_OF(errnos); i++)
        for (int at = 1;; at++) {
            struct box box = box_make(p, arena_c_str(&p->a, arena_fmt(&p->a, "disk%zu-%d", i, at)));
            enum maildir_outcome outcome;
            box.faults = (struct maildir_faults){.fails_at = at, .errno_value = errnos[i]};
            struct err e = put(&box, S("A: b\r\n\r\nc\r\n"), &outcome);
            if (!failed(e))
                break;
            check_u64("the kind", e.kind, kinds[i]);
            check_u64("nothing is left over", box_count(&p->a, box.path, "tmp"), 0);
            box.faults = (struct maildir_faults){0};
            TRY(put(&box, S("A: b\r\n\r\nc\r\n"), &outcome));
            check_u64("once", stored_count(&box), 1);
        }
    return OK;
}

static struct err in_the_way(void *arg)
{
    struct place *p = arg;
    enum maildir_outcome outcome = MAILDIR_STORED;
    struct box missing = box_make(p, "missing"), file = box_make(p, "file");
    missing.letter.create = false;
    TRY(put(&missing, S("x"), &outcome));
    check_u64("not created", outcome, MAILDIR_MISSING);
    check_true("indeed", !blob_exists(&p->a, missing.path));
    TRY(folder_make(&p->a, missing.path)); // as an administrator does: the three of it are ours
    TRY(put(&missing, S("x"), &outcome));
    check_u64("stored", stored_count(&missing), 1);
    TRY(folder_make(&p->a, arena_fmt(&p->a, "%s/mail", p->folder)));
    box_write(&p->a, file.path, S("not a folder"));
    check_true("a file where the mailbox should be", failed(put(&file, S("x"), &outcome)));
    check_str("is left alone", box_read(&p->a, file.path), S("not a folder"));
    return OK;
}

// A leftover of tmp/ of the same name is of an earlier attempt: of another length, perhaps.
static struct err leftovers(void *arg)
{
    struct place *p = arg;
    struct box box = box_make(p, "left");
    enum maildir_outcome outcome;
    TRY(folder_make(&p->a, box_path(&p->a, box.path, "tmp", S(""))));
    TRY(folder_make(&p->a, box_path(&p->a, box.path, "new", S(""))));
    box_write(&p->a, box_path(&p->a, box.path, "tmp", UNIQUE), S("much longer than the message"));
    TRY(put(&box, S("x\r\n"), &outcome));
    check_str("the message", box_text(&p->a, box.path, "new", box_only(&p->a, box.path, "new")),
            S("x\n"));
    check_u64("gone", box_count(&p->a, box.path, "tmp"), 0);
    return OK;
}

static struct err folders(void *arg)
{
    struct place *p = arg;
    struct box box = box_make(p, "folders");
    enum maildir_outcome outcome;
    TRY(folder_make(&p->a, arena_fmt(&p->a, "%.*s/.Lists.Dev/cur", ARG(box.path))));
    static const struct {
        const char *detail, *part;
        size_t count;
    } cases[] = {{"lists.dev", ".Lists.Dev/new", 1}, {"nowhere", "new", 1}, {"../x", "new", 1},
            {"Lists", "new", 1}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        box.letter.detail = str_from_c(cases[i].detail);
        TRY(put(&box, S("x\r\n"), &outcome));
        check_u64(cases[i].detail, box_count(&p->a, box.path, cases[i].part), cases[i].count);
    }
    check_true("strangers make no folders",
            !blob_exists(&p->a, box_path(&p->a, box.path, ".nowhere", S(""))));
    return OK;
}

// -- Quota ----------------------------------------------------------------------------------------

static void usage_texts(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        bool good;
        int64_t bytes, messages;
        size_t lines;
    } cases[] = {
            {"a fresh one", "1000S,10C\n300 3\n", true, 300, 3, 1},
            {"what came and went", "1000S,10C\n300 3\n20 1\n-100 -1\n", true, 220, 3, 3},
            {"in columns", "1000S,10C\n   300    3\n", true, 300, 3, 1},
            {"nothing yet", "1000S,10C\n", true, 0, 0, 0},
            {"another quota", "2000S,10C\n300 3\n", false, 0, 0, 0},
            {"of another order", "10C,1000S\n300 3\n", false, 0, 0, 0},
            {"no numbers", "1000S,10C\nabc def\n", false, 0, 0, 0},
            {"one number", "1000S,10C\n300\n", false, 0, 0, 0},
            {"sums that overflow", "1000S,10C\n9223372036854775807 1\n1 1\n", false, 0, 0, 0},
            {"empty", "", false, 0, 0, 0},
    };
    const struct maildir_quota quota = {.bytes = 1000, .messages = 10};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct maildir_usage usage = {0};
        size_t lines = 0;
        bool good = maildir_usage_read(str_from_c(cases[i].text), &quota, &usage, &lines);
        check_u64(cases[i].name, good, cases[i].good);
        check_true(cases[i].name, usage.bytes == cases[i].bytes);
        check_true(cases[i].name, usage.messages == cases[i].messages);
        check_u64(cases[i].name, lines, cases[i].lines);
    }
}

static struct str numbered(struct place *p, int number)
{
    return arena_fmt(&p->a, "1700000000.Q%016dR00000001.mx.example", number);
}

static struct err quotas(void *arg)
{
    struct place *p = arg;
    struct box box = box_make(p, "quota");
    enum maildir_outcome outcome;
    box.letter.quota_bytes = 30;
    for (int i = 1; i <= 3; i++) {
        box.letter.unique = numbered(p, i);
        TRY(put(&box, S("123456789\r\n"), &outcome)); // 10 octets with LF
        check_u64("fits", outcome, MAILDIR_STORED);
    }
    check_str("told", box_text(&p->a, box.path, "maildirsize", S("")),
            S("30S\n0 0\n10 1\n10 1\n10 1\n"));
    box.letter.unique = numbered(p, 4);
    TRY(put(&box, S("\n"), &outcome));
    check_u64("one octet more", outcome, MAILDIR_OVER_QUOTA);
    check_u64("nothing of it is left", stored_count(&box) + box_count(&p->a, box.path, "tmp"), 3);
    check_str("counted anew", box_text(&p->a, box.path, "maildirsize", S("")), S("30S\n30 3\n"));
    box.letter.unique = numbered(p, 2);
    TRY(put(&box, S("123456789\r\n"), &outcome));
    check_u64("one that is there already", outcome, MAILDIR_STORED);
    check_u64("is there once", stored_count(&box), 3);
    // A count is believed for a quarter of an hour, then the user's clearing up is seen.
    struct file_info info;
    TRY(file_stat(&p->a, box_path(&p->a, box.path, "maildirsize", S("")), &info));
    struct str gone = arena_fmt(&p->a, "%.*s,S=10,W=11", ARG(numbered(p, 1)));
    TRY(blob_remove(&p->a, box_path(&p->a, box.path, "new", gone)));
    box.letter.unique = numbered(p, 5);
    box.letter.wall_now_ms = info.modified_ms + 14 * MINUTE_MS;
    TRY(put(&box, S("123456789\r\n"), &outcome));
    check_u64("still full", outcome, MAILDIR_OVER_QUOTA);
    box.letter.wall_now_ms = info.modified_ms + 16 * MINUTE_MS;
    TRY(put(&box, S("123456789\r\n"), &outcome));
    check_u64("room again", outcome, MAILDIR_STORED);
    box.letter.quota_bytes = 0;
    box.letter.quota_messages = 4;
    for (int i = 6; i <= 7; i++) {
        box.letter.unique = numbered(p, i);
        TRY(put(&box, S("x\r\n"), &outcome));
        check_u64("by messages", outcome, i == 6 ? MAILDIR_STORED : MAILDIR_OVER_QUOTA);
    }
    return OK;
}

// What Maildir++ counts, by the names or by the files; a large message is not even begun.
static struct err counting(void *arg)
{
    struct place *p = arg;
    struct box box = box_make(p, "count");
    enum maildir_outcome outcome;
    static const struct {
        const char *path, *text;
    } files[] = {{"cur/1.a,S=100,W=110:2,S", "x"}, {"cur/2.a,S=100:2,ST", "x"},
            {"new/3.a", "0123456789"}, {".Work/cur/4.a,S=1000:2,", "x"},
            {".Trash/cur/5.a,S=5000:2,", "x"}, {"tmp/6.a,S=7000", "x"}, {"notes", "xxxxxxxx"}};
    static const char *const folders_of[] = {"cur", "new", "tmp", ".Work/cur", ".Trash/cur"};
    for (size_t i = 0; i < COUNT_OF(folders_of); i++)
        TRY(folder_make(&p->a, arena_fmt(&p->a, "%.*s/%s", ARG(box.path), folders_of[i])));
    for (size_t i = 0; i < COUNT_OF(files); i++)
        box_write(&p->a, arena_fmt(&p->a, "%.*s/%s", ARG(box.path), files[i].path),
                str_from_c(files[i].text));
    box.letter.quota_bytes = 1112;
    box.letter.quota_messages = 4;
    TRY(put(&box, S("x\r\n"), &outcome));
    check_u64("to the octet", outcome, MAILDIR_STORED);
    check_str("counted", box_text(&p->a, box.path, "maildirsize", S("")),
            S("1112S,4C\n1110 3\n2 1\n"));
    struct str large_body = arena_fmt(&p->a, "%0*d", 400 * KIB, 0);
    box.letter.unique = numbered(p, 9);
    TRY(put(&box, large_body, &outcome));
    check_u64("full", outcome, MAILDIR_OVER_QUOTA);
    check_u64("not begun", box.faults.steps, 0);
    struct box half = box_make(p, "half"); // which somebody else is making at this moment
    half.letter.quota_bytes = MIB;
    TRY(folder_make(&p->a, half.path));
    TRY(put(&half, large_body, &outcome));
    check_u64("in a mailbox that was half made", outcome, MAILDIR_STORED);
    return OK;
}

#define STORY(name)                                                                                \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        struct place p;                                                                            \
        place_begin_as(&p, PLACE_OF_WORKER);                                                       \
        in_loop(name, &p);                                                                         \
        place_end(&p);                                                                             \
    }
STORY(texts)
STORY(large)
STORY(modes)
STORY(crashes)
STORY(disk_errors)
STORY(in_the_way)
STORY(leftovers)
STORY(folders)
STORY(quotas)
STORY(counting)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(paths), TEST(roots), TEST(folder_names), TEST(names),
            TEST(test_texts), TEST(test_large), TEST(test_modes), TEST(test_crashes),
            TEST(test_disk_errors), TEST(test_in_the_way), TEST(test_leftovers), TEST(test_folders),
            TEST(usage_texts), TEST(test_quotas), TEST(test_counting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
