// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_settings.c: stores, their roles, and quotas as the configuration describes
// them; what is wrong is told at its place.
#include "../base/check.h"

#include "../conf/conf_of.h"

#include "queue/settings.h"

struct loaded {
    struct arena arena;
    struct findings findings;
    struct conf *conf;
    struct queue_settings settings;
};

static void load(struct loaded *l, const char *text)
{
    arena_init(&l->arena, 64 * MIB);
    l->findings = findings_make(&l->arena);
    l->conf = conf_of(str_from_c(text), &l->findings);
    struct err e = queue_settings_make(&l->arena, l->conf, &l->findings, &l->settings);
    check_str("made", err_text(e), S(""));
}

static void unload(struct loaded *l)
{
    conf_free(l->conf);
    arena_done(&l->arena);
}

// What these configurations leave out, such as listeners, is not asked for.
static void check_findings(const char *name, const struct loaded *l, const char *want)
{
    struct buf got AUTO(buf_done);
    buf_init(&got, 64 * KIB);
    each_in_vec (f, &l->findings.all)
        if (str_starts(f->key, S("stor")) || str_starts(f->key, S("queue")))
            buf_fmt(&got, "%u %s %.*s: %.*s\n", f->line,
                    f->severity == FINDING_ERROR ? "error" : "warning", ARG(f->key),
                    ARG(f->message));
    check_str(name, buf_str(&got), str_from_c(want));
}

#define STORE(id, lines) "[store." id "]\n" lines
#define DATA(lines) "[storage]\ndata = 'x'\n[store.x]\ntype = 'embedded'\npath = '/m'\n" lines
#define QUOTA(lines) "[queue.quota.q]\n" lines

static const struct {
    const char *name, *text, *found;
} finding_cases[] = {
        {"nothing", "", ""},
        {"an undefined store", "[storage]\ndata = 'x'\n",
                "2 error storage.data: store 'x' is not defined; add [store.\"x\"]\n"},
        {"an embedded store", DATA(""), ""},
        {"a folder for bodies",
                "[storage]\nblob = 'b'\n" STORE("b", "type = 'fs'\npath = '/bodies'\n"), ""},
        {"records in a folder of bodies",
                "[storage]\ndata = 'b'\n" STORE("b", "type = 'fs'\npath = '/bodies'\n"),
                "2 error storage.data: a store of this type cannot play this role; fit are: "
                "embedded\n"},
        {"no path", "[storage]\ndata = 'x'\n" STORE("x", "type = 'lmdb'\n"),
                "3 error store.x.path: this must be set\n"},
        {"the files of another engine",
                "[storage]\ndata = 'x'\n" STORE("x", "type = 'rocksdb'\npath = '/m'\n"),
                "4 warning store.x.type: taken for \"embedded\"; the files of a RocksDB store are "
                "not read\n"},
        {"a type of later", STORE("x", "type = 'postgresql'\npath = '/m'\n"),
                "2 error store.x.type: this build does not have \"postgresql\" yet\n"},
        {"a store that nobody names", STORE("x", "type = 'embedded'\npath = '/m'\n"),
                "2 warning store.x.type: neither storage.data nor storage.blob names this store: "
                "no "
                "mail is kept in it\n"},
        {"the same folder twice",
                "[storage]\ndata = 'x'\nblob = 'b'\n" STORE("x", "type='embedded'\npath='/m'\n")
                        STORE("b", "type='fs'\npath='/m'\n"),
                "3 error storage.blob: records and bodies cannot lie in the same folder\n"},
        {"a quota without a limit", QUOTA("key = 'sender'\n"),
                "1 error queue.quota.q.messages: a quota needs 'messages' or 'size' or both, of at "
                "least 1\n"},
        {"a key of another context", QUOTA("messages = 1\nkey = ['sender', 'remote_ip']\n"),
                "3 error queue.quota.q.key: Quota key \"remote_ip\" is not available in this "
                "context; there are sender, sender_domain, rcpt, rcpt_domain, authenticated_as, "
                "queue_name, source and tag.NAME\n"},
        {"a tag without a name", QUOTA("messages = 1\nkey = 'tag.'\n"),
                "3 error queue.quota.q.key: Quota key \"tag.\" is not available in this context; "
                "there are sender, sender_domain, rcpt, rcpt_domain, authenticated_as, queue_name, "
                "source and tag.NAME\n"},
        {"a reply of no class", QUOTA("messages = 1\nreply = '250 2.0.0 Ok'\n"),
                "3 error queue.quota.q.reply: expected a code 4xx or 5xx, an enhanced code of the "
                "same class, and a text\n"},
        {"a reply of two classes", QUOTA("messages = 1\nreply = '452 5.3.1 Full'\n"),
                "3 error queue.quota.q.reply: expected a code 4xx or 5xx, an enhanced code of the "
                "same class, and a text\n"},
        {"a reply without text", QUOTA("messages = 1\nreply = '552 5.3.1 '\n"),
                "3 error queue.quota.q.reply: expected a code 4xx or 5xx, an enhanced code of the "
                "same class, and a text\n"},
        {"switched off and wrong", QUOTA("enable = false\nmessages = 1\nreply = 'no'\n"), ""},
};

static void findings_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(finding_cases); i++) {
        struct loaded l;
        load(&l, finding_cases[i].text);
        check_findings(finding_cases[i].name, &l, finding_cases[i].found);
        unload(&l);
    }
}

static void check_space(const char *name, const struct space_limits *got, uint64_t bytes,
        uint64_t percent, uint64_t inodes)
{
    check_u64(name, got->free_bytes_min, bytes);
    check_u64(name, got->free_percent_min, percent);
    check_u64(name, got->free_inodes_min, inodes);
}

static void folders(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *records, *bodies;
    } cases[] = {
            {"default", "[global]\nstate-dir = '/state'\n", "/state/data", "/state/blobs"},
            {"one store", DATA(""), "/m", "/m/blobs"},
            {"one store, named twice",
                    "[storage]\ndata = 'x'\nblob = 'x'\n"
                    "[store.x]\ntype = 'lmdb'\npath = '/m'\n",
                    "/m", "/m/blobs"},
            {"bodies elsewhere",
                    "[global]\nstate-dir = '/state'\n[storage]\nblob = 'b'\n"
                    "[store.b]\ntype = 'fs'\npath = '/b'\n",
                    "/state/data", "/b"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct loaded l;
        load(&l, cases[i].text);
        struct store_options o = queue_store_options(&l.settings);
        check_str(cases[i].name, o.folder, str_from_c(cases[i].records));
        check_str(cases[i].name, o.blob_folder, str_from_c(cases[i].bodies));
        unload(&l);
    }
}

// The store without a section has no rows to take its defaults from.
static void defaults_are_the_same(void **state)
{
    (void)state;
    struct loaded without, with;
    load(&without, "");
    load(&with, DATA(""));
    const struct space_limits *space = &with.settings.records.space;
    check_space("default", space, 512 * (uint64_t)MIB, 2, 1000);
    check_space("records", &without.settings.records.space, space->free_bytes_min,
            space->free_percent_min, space->free_inodes_min);
    check_space("bodies", &without.settings.bodies.space, space->free_bytes_min,
            space->free_percent_min, space->free_inodes_min);
    check_u64("map", without.settings.map_bytes_max, with.settings.map_bytes_max);
    check_u64("batch", without.settings.batch_max, with.settings.batch_max);
    unload(&without);
    unload(&with);
    load(&with, DATA("map-max = '1gb'\nmin-free = '7kb'\nmin-free-percent = 5\n"
                     "min-free-inodes = 0\n[store.x.group-commit]\nmax-batch = 9\n"));
    check_space("as written", &with.settings.records.space, 7 * KIB, 5, 0);
    check_u64("map as written", with.settings.map_bytes_max, 1024 * (uint64_t)MIB);
    check_u64("batch as written", with.settings.batch_max, 9);
    unload(&with);
}

static void quotas(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        size_t parts;
        enum quota_scope scope;
    } cases[] = {
            {"one for all", "messages = 1", 0, QUOTA_OF_MESSAGE},
            {"by sender", "messages = 1\nkey = 'sender'", 1, QUOTA_OF_MESSAGE},
            {"by domain", "messages = 1\nkey = ['sender', 'rcpt_domain']", 2, QUOTA_OF_DOMAIN},
            {"by recipient", "messages = 1\nkey = ['rcpt_domain', 'rcpt']", 2, QUOTA_OF_RCPT},
            {"matching a domain", "messages = 1\nmatch = \"rcpt_domain == 'a.example'\"", 0,
                    QUOTA_OF_DOMAIN},
            {"matching a recipient", "messages = 1\nmatch = \"contains(rcpt, 'x')\"", 0,
                    QUOTA_OF_RCPT},
            {"matching in a condition",
                    "messages = 1\nmatch = [{if = \"rcpt == 'x'\", then = true},"
                    "{else = false}]",
                    0, QUOTA_OF_RCPT},
            {"by a tag", "size = 5\nkey = 'tag.tenant'", 1, QUOTA_OF_MESSAGE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct loaded l;
        struct buf text;
        buf_init(&text, KIB);
        buf_fmt(&text, "[queue.quota.q]\n%s\n", cases[i].text);
        buf_add_byte(&text, '\0');
        load(&l, text.ptr);
        check_findings(cases[i].name, &l, "");
        check_u64(cases[i].name, l.settings.quota_count, 1);
        const struct quota *q = &l.settings.quotas[0];
        check_u64(cases[i].name, q->part_count, cases[i].parts);
        check_u64(cases[i].name, q->scope, cases[i].scope);
        check_u64(cases[i].name, q->reply_code, 452);
        check_str(cases[i].name, q->reply, S("4.3.1 Mail system full, try again later."));
        unload(&l);
        buf_done(&text);
    }
    struct loaded l;
    load(&l, "[[queue.quota]]\nmessages = 3\n[[queue.quota]]\nsize = 4\nenable = false\n"
             "[[queue.quota]]\nsize = 5\nreply = '552 5.2.2 No'\n");
    check_findings("in a list", &l, "");
    check_u64("two are on", l.settings.quota_count, 2);
    check_u64("the last one", l.settings.quotas[1].bytes_max, 5);
    check_u64("its code", l.settings.quotas[1].reply_code, 552);
    unload(&l);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
            TEST(findings_are_told), TEST(folders), TEST(defaults_are_the_same), TEST(quotas)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
