// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_kept.c: bodies that stay in the segments of the journal: read from there,
// by their owner and by others; segments that go with their last message, and are emptied when
// little is left in them; and what the check says of all that.
#include "place.h"

#include "queue/store/store_kept.h"
#include "rt/blobfile.h"

#include <fcntl.h>

#define MESSAGES 40
#define BODY_BYTES (30 * KIB)
#define PER_SEGMENT 4 // of 128 KiB

static struct str body_of(struct place *p, uint64_t id)
{
    char *bytes = arena_bytes(&p->a, BODY_BYTES);
    for (size_t i = 0; i < BODY_BYTES; i++)
        bytes[i] = (char)((id * 2654435761u + i * 40503u) >> 7);
    return str_of(bytes, BODY_BYTES);
}

static size_t files_in(struct place *p, struct str folder)
{
    struct blob_entry *entries = NULL;
    size_t count = 0, segments = 0;
    uint8_t slot;
    uint32_t name;
    if (!blob_exists(&p->a, folder))
        return 0;
    struct err e = folder_list(&p->a, folder, &entries, &count);
    check_str("list", err_text(e), S(""));
    for (size_t i = 0; i < count; i++)
        segments += segment_name_read(entries[i].name, &slot, &name);
    return segments;
}

static size_t kept_files(struct place *p)
{
    return files_in(p, kept_folder(&p->a, p->options.folder));
}

static void check_bodies(struct place *p, uint64_t first, uint64_t step)
{
    for (uint64_t id = 1; id <= MESSAGES; id++) {
        struct message m;
        bool wanted = id >= first && (id - first) % step == 0;
        struct err e = store_read(p->store, &p->a, id, STORE_WITH_BODY, &m);
        check_u64(err_text(e).ptr, e.kind, wanted ? ERR_NONE : ERR_NOT_FOUND);
        if (wanted)
            check_true("its body", str_eq(m.body.inline_bytes, body_of(p, id)));
        e = store_read(p->store, &p->a, id, STORE_WITHOUT_BODY, &m);
        if (wanted)
            check_u64("its size", failed(e) ? 0 : m.body.bytes, BODY_BYTES);
    }
}

static uint64_t findings(struct place *p, bool repair)
{
    struct store_check check;
    struct store_check_options options = {.wall_now_ms = INT64_MAX, .repair = repair};
    struct err e = store_check(p->store, &p->a, &options, &check);
    check_str("check", err_text(e), S(""));
    return check.findings;
}

static struct err fill(void *arg)
{
    struct place *p = arg;
    for (uint64_t id = 1; id <= MESSAGES; id++) {
        struct message m = made_message(p, id, body_of(p, id), 1);
        TRY(accept_message(p, &m));
        if (id % 9 == 0)
            TRY(store_settle(p->store, &p->a));
    }
    return store_settle(p->store, &p->a);
}

static struct err remove_but_each_third(void *arg)
{
    struct place *p = arg;
    for (uint64_t id = 1; id <= MESSAGES; id++) {
        struct store_change gone = {.kind = STORE_REMOVE, .id = id};
        if (id % 3 != 1)
            TRY(store_commit(p->store, &p->a, &gone, 1));
    }
    return store_settle(p->store, &p->a);
}

static struct err remove_rest(void *arg)
{
    struct place *p = arg;
    for (uint64_t id = 1; id <= MESSAGES; id += 3) {
        struct store_change gone = {.kind = STORE_REMOVE, .id = id};
        TRY(store_commit(p->store, &p->a, &gone, 1));
    }
    return store_settle(p->store, &p->a);
}

static void kept_place(struct place *p)
{
    place_begin_as(p, PLACE_OF_WORKER);
    store_close(p->store);
    p->faults.segment_bytes = 128 * KIB;
    place_open(p);
    in_loop(fill, p);
}

static void reopen(struct place *p, bool as_worker)
{
    store_close(p->store);
    p->options.journal = as_worker;
    place_open(p);
}

// The same whoever removes them: the owner of the journal, or a tool when he is gone.
static void come_and_go(void **state)
{
    (void)state;
    for (int by_tool = 0; by_tool < 2; by_tool++) {
        struct place p;
        struct store_figures figures;
        kept_place(&p);
        check_bodies(&p, 1, 1);
        check_true("segments are kept", kept_files(&p) >= MESSAGES / PER_SEGMENT - 1);
        assert_false(failed(store_figures(p.store, &figures)));
        check_true("LMDB has the heads only", figures.used_bytes < MESSAGES * BODY_BYTES / 2);
        reopen(&p, by_tool == 0);
        check_bodies(&p, 1, 1);
        check_u64("nothing is wrong", findings(&p, false), 0);
        in_loop(remove_but_each_third, &p);
        check_bodies(&p, 1, 3);
        check_u64("nothing is wrong", findings(&p, false), 0);
        in_loop(remove_rest, &p);
        check_u64("nothing is kept", kept_files(&p), 0);
        check_u64("nothing is wrong", findings(&p, false), 0);
        reopen(&p, true);
        place_end(&p);
    }
}

// The folder cannot be made: then the segments wait where they are, and nothing else does.
static void nowhere_to_go(void **state)
{
    (void)state;
    struct place p;
    place_begin_as(&p, PLACE_OF_WORKER);
    store_close(p.store);
    p.faults.segment_bytes = 128 * KIB;
    place_open(&p);
    struct str folder = kept_folder(&p.a, p.options.folder);
    int fd = open(folder.ptr, O_CREAT | O_WRONLY | O_CLOEXEC, 0600); // a file in its place
    assert_true(fd >= 0);
    close(fd);
    in_loop(fill, &p);
    check_bodies(&p, 1, 1);
    assert_int_equal(unlink(folder.ptr), 0);
    reopen(&p, true);
    check_bodies(&p, 1, 1);
    check_true("given away later", kept_files(&p) >= MESSAGES / PER_SEGMENT - 1);
    check_u64("nothing is wrong", findings(&p, false), 0);
    place_end(&p);
}

static struct err remove_but_one_a_segment(void *arg)
{
    struct place *p = arg;
    for (uint64_t id = 1; id <= MESSAGES; id++) {
        struct store_change gone = {.kind = STORE_REMOVE, .id = id};
        if (id != 2)
            TRY(store_commit(p->store, &p->a, &gone, 1));
    }
    return store_settle(p->store, &p->a);
}

// One of four of 30 KiB is less than a fourth of 128.
static void little_is_left(void **state)
{
    (void)state;
    struct place p;
    kept_place(&p);
    reopen(&p, true);
    in_loop(remove_but_one_a_segment, &p);
    check_bodies(&p, 2, MESSAGES);
    check_u64("it was brought home", kept_files(&p), 0);
    check_u64("nothing is wrong", findings(&p, false), 0);
    place_end(&p);
}

static struct err come(void *arg)
{
    struct place *p = arg;
    struct message m = made_message(p, 1, body_of(p, 1), 1);
    TRY(accept_message(p, &m));
    return store_settle(p->store, &p->a);
}

static struct err go(void *arg)
{
    struct place *p = arg;
    struct store_change gone = {.kind = STORE_REMOVE, .id = 1};
    TRY(store_commit(p->store, &p->a, &gone, 1));
    return store_settle(p->store, &p->a);
}

static uint32_t name_of_kept(struct place *p)
{
    struct blob_entry *entries = NULL;
    size_t count = 0;
    uint8_t slot = 0;
    uint32_t name = 0;
    struct str folder = kept_folder(&p->a, p->options.folder);
    assert_false(failed(folder_list(&p->a, folder, &entries, &count)));
    check_u64("one is kept", count, 1);
    assert_true(segment_name_read(entries[0].name, &slot, &name));
    return name;
}

// Also when no file is left that would tell which names there were: somebody may still look for a
// body under the old one.
static void names_are_given_once(void **state)
{
    (void)state;
    struct place p;
    uint32_t before = 0;
    place_begin_as(&p, PLACE_OF_WORKER);
    for (int life = 0; life < 5; life++) {
        in_loop(come, &p);
        reopen(&p, true);
        uint32_t name = name_of_kept(&p);
        if (life > 0 && name <= before)
            check_failed("in life %d: %u after %u", life, (unsigned)name, (unsigned)before);
        before = name;
        in_loop(go, &p);
        check_u64("nothing is kept", kept_files(&p), 0);
        reopen(&p, true);
    }
    place_end(&p);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct place p;
    struct message m;
    kept_place(&p);
    reopen(&p, true);
    struct blob_entry *entries = NULL;
    size_t count = 0;
    struct str folder = kept_folder(&p.a, p.options.folder);
    assert_false(failed(folder_list(&p.a, folder, &entries, &count)));
    struct str path = arena_fmt(&p.a, "%.*s/%.*s", ARG(folder), ARG(entries[0].name));
    int fd = open(path.ptr, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    for (off_t at = 2000; at < 128 * KIB; at += 20000)
        assert_int_equal(pwrite(fd, "damaged", 7, at), 7);
    close(fd);
    size_t damaged = 0;
    for (uint64_t id = 1; id <= MESSAGES; id++)
        damaged += failed(store_read(p.store, &p.a, id, STORE_WITH_BODY, &m));
    check_true("is seen by who reads", damaged >= 3);
    check_u64("and by the check", findings(&p, false), damaged);
    while (findings(&p, true) > 0) // one repair bares the next
        ;
    size_t left = 0;
    for (uint64_t id = 1; id <= MESSAGES; id++)
        left += !failed(store_read(p.store, &p.a, id, STORE_WITH_BODY, &m));
    check_u64("the others are whole", left, MESSAGES - damaged);
    place_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(come_and_go),
            TEST(nowhere_to_go),
            TEST(little_is_left),
            TEST(names_are_given_once),
            TEST(damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
