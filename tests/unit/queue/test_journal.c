// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_journal.c: what is in the journal of a process that is gone, when the disk
// failed at any call before, or when its segments are torn, cut or damaged; and who owns a slot.
#include "place.h"

#include "base/id.h"
#include "queue/store/store_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

// What a process that ends without a word tells its test.
struct told {
    enum err_kind kinds[16];
    uint64_t ids[16];
    int fail_from, fail_until;
    int calls;
    int settle_kind;
};

typedef struct err life(struct place *p, struct told *told);

struct living {
    struct place *p;
    struct told *told;
    life *life;
};

static struct err live(void *arg)
{
    struct living *l = arg;
    return l->life(l->p, l->told);
}

// In a process of its own that ends as if it had been killed.
static void live_and_die(struct place *p, life *how, struct told *told)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct living l = {.p = p, .told = told, .life = how};
        place_open(p);
        in_loop(live, &l);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    check_true("the process came to its end", WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct told *told_new(void)
{
    struct told *told = mmap(
            NULL, sizeof(struct told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(told, MAP_FAILED);
    return told;
}

static void closed_place(struct place *p, enum place_kind kind)
{
    place_begin_as(p, kind);
    p->faults.segment_bytes = 128 * KIB;
    store_close(p->store);
    p->store = NULL;
}

static bool is_there(struct place *p, uint64_t id)
{
    struct message m;
    struct err e = store_read(p->store, &p->a, id, STORE_WITH_BODY, &m);
    if (failed(e))
        check_u64("absent", e.kind, ERR_NOT_FOUND);
    return !failed(e);
}

static uint64_t findings(struct place *p)
{
    struct store_check check;
    struct store_check_options options = {.wall_now_ms = INT64_MAX};
    struct err e = store_check(p->store, &p->a, &options, &check);
    check_str("check", err_text(e), S(""));
    return check.findings;
}

// --- A disk that fails ---------------------------------------------------------------------------

#define MESSAGES 6 // while the disk fails, and as many afterwards

static struct err accept_while_failing(struct place *p, struct told *told)
{
    p->faults.calls = 0; // those of opening do not count
    p->faults.fail_from = told->fail_from;
    p->faults.fail_until = told->fail_until;
    for (size_t i = 0; i < (size_t)2 * MESSAGES; i++) {
        if (i == MESSAGES) {
            told->calls = p->faults.calls;
            p->faults.fail_from = p->faults.fail_until = 0;
        }
        // The third is too large for the rest of the segment.
        struct str body = i == 2 ? arena_fmt(&p->a, "%100000d", 1) : S("a body");
        struct message m = made_message(p, i + 1, body, 1);
        told->kinds[i] = accept_message(p, &m).kind;
    }
    return OK;
}

struct failing {
    const char *name;
    int calls; // that fail, one after the other
    bool done; // what was asked for is done nevertheless
    int errno_value;
};

static void check_failing(const struct failing *f, int from, struct told *told, size_t *resets)
{
    struct place p;
    closed_place(&p, PLACE_OF_WORKER);
    *told = (struct told){.fail_from = from, .fail_until = from + f->calls};
    p.faults.done_but_failed = f->done;
    p.faults.errno_value = f->errno_value;
    live_and_die(&p, accept_while_failing, told);
    p.faults = (struct store_faults){.segment_bytes = 128 * KIB};
    place_open(&p);
    for (size_t i = 0; i < (size_t)2 * MESSAGES; i++) {
        bool there = is_there(&p, i + 1);
        enum err_kind kind = told->kinds[i];
        *resets += kind == ERR_RESET;
        if ((kind == ERR_NONE && !there) || (kind != ERR_NONE && kind != ERR_RESET && there))
            check_failed("%s, from call %d: message %zu was told %d and is %s", f->name, from,
                    i + 1, (int)kind, there ? "there" : "not there");
        if (i >= MESSAGES)
            check_u64("goes on when the disk does", kind, ERR_NONE);
    }
    check_u64("nothing is wrong", findings(&p), 0);
    place_end(&p);
}

// Every call may be the one that fails, alone or with those after it.
static void at_each_call(void **state)
{
    (void)state;
    static const struct failing all[] = {
            {"one, not done", 1, false, EIO},
            {"one, done", 1, true, EIO},
            {"one, full", 1, false, ENOSPC},
            {"two, done", 2, true, EIO},
            {"three, done", 3, true, EIO},
            {"five, done", 5, true, EIO},
            {"from then on, done", 10000, true, EIO},
            {"from then on, not done", 10000, false, EIO},
    };
    struct told *told = told_new();
    size_t resets = 0;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        int from = 1;
        do
            check_failing(&all[i], from, told, &resets);
        while (from++ < told->calls);
    }
    check_true("nobody could know, at times", resets > 0);
    munmap(told, sizeof(*told));
}

static struct err settle_fails(struct place *p, struct told *told)
{
    for (size_t i = 0; i < 3; i++) {
        struct message m = made_message(p, i + 1, S("a body"), 1);
        TRY(accept_message(p, &m));
    }
    told->settle_kind = (int)store_settle(p->store, &p->a).kind;
    for (size_t i = 0; i < 3; i++)
        check_true("still there", is_there(p, i + 1));
    struct store_change gone = {.kind = STORE_REMOVE, .id = 1};
    TRY(store_commit(p->store, &p->a, &gone, 1));
    TRY(store_settle(p->store, &p->a)); // again, and it works
    struct message m = made_message(p, 4, S("a body"), 1);
    return accept_message(p, &m);
}

// What is moved is moved once, whether LMDB's commit is known to have succeeded or not.
static void moving_fails(void **state)
{
    (void)state;
    struct told *told = told_new();
    for (int after = 0; after < 2; after++) {
        struct place p;
        closed_place(&p, PLACE_OF_WORKER);
        p.faults.commit_fails_in = 1;
        p.faults.errno_value = EIO;
        p.faults.after_commit = after == 1;
        live_and_die(&p, settle_fails, told);
        check_u64("it was told", (uint64_t)told->settle_kind, ERR_IO);
        p.faults = (struct store_faults){.segment_bytes = 128 * KIB};
        place_open(&p);
        for (uint64_t id = 1; id <= 4; id++)
            check_u64("message", is_there(&p, id), id != 1);
        check_u64("nothing is wrong", findings(&p), 0);
        place_end(&p);
    }
    munmap(told, sizeof(*told));
}

#define DOUBTFUL_BYTES 5000

// It is written; the sync fails, and so does all that would take it back.
static struct err accept_in_doubt(struct place *p, struct told *told)
{
    struct message m = made_message(p, 1, arena_fmt(&p->a, "%*d", DOUBTFUL_BYTES, 1), 1);
    p->faults.calls = 0;
    p->faults.fail_from = 2;
    p->faults.fail_until = 1000;
    told->kinds[0] = accept_message(p, &m).kind;
    return OK;
}

static size_t forget_in(struct place *p, const char *folder)
{
    static const char zeros[4 * 4096];
    struct str path = arena_fmt(&p->a, "%.*s/%s/000-0000000000", ARG(p->options.folder), folder);
    int fd = open(path.ptr, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
    close(fd);
    return 1;
}

// An entry that a process has left can be read, and yet be nowhere but in the system's memory: so
// what is made of it must not need the segment any more.
static void written_and_never_synced(void **state)
{
    (void)state;
    struct place p;
    struct message m;
    struct told *told = told_new();
    closed_place(&p, PLACE_OF_WORKER);
    live_and_die(&p, accept_in_doubt, told);
    check_u64("nobody could know", told->kinds[0], ERR_RESET);
    place_open(&p);
    check_true("it was found", is_there(&p, 1));
    check_u64("the power goes", forget_in(&p, "journal") + forget_in(&p, "journal/kept"), 1);
    struct err e = store_read(p.store, &p.a, 1, STORE_WITH_BODY, &m);
    check_str("the body is there", err_text(e), S(""));
    check_u64("and all of it", failed(e) ? 0 : m.body.inline_bytes.len, DOUBTFUL_BYTES);
    munmap(told, sizeof(*told));
    place_end(&p);
}

// --- Segments that are damaged -------------------------------------------------------------------

static struct err accept_five(struct place *p, struct told *told)
{
    (void)told;
    for (size_t i = 0; i < 5; i++) {
        struct message m = made_message(p, i + 1, S("a body"), 1);
        TRY(accept_message(p, &m));
    }
    return OK;
}

static void edit(int fd, int64_t at, char with)
{
    assert_int_equal(pwrite(fd, &with, 1, at), 1);
}

// Each of the five stands in a block of its own.
static void damaged_segments(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t at;  // this byte is changed
        int64_t cut; // or the file ends here
        uint64_t lost;
        bool is_finding;
    } cases[] = {
            {"the last one's head", 4 * 4096 + 3, 0, 5, false},
            {"the last one's rest", 4 * 4096 + 100, 0, 5, false},
            {"the last one is cut", 0, 4 * 4096 + 64, 5, false},
            {"the file ends before the last", 0, 4 * 4096, 5, false},
            {"the first one", 80, 0, 1, true},
            {"one in the middle", 2 * 4096 + 200, 0, 3, true},
            {"its number", 2 * 4096 + 24, 0, 3, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct place p;
        closed_place(&p, PLACE_OF_WORKER);
        live_and_die(&p, accept_five, NULL);
        struct str path = arena_fmt(&p.a, "%.*s/journal/000-0000000000", ARG(p.options.folder));
        int fd = open(path.ptr, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        if (cases[i].cut > 0)
            assert_int_equal(ftruncate(fd, cases[i].cut), 0);
        else
            edit(fd, cases[i].at, '\x5a');
        close(fd);
        place_open(&p);
        for (uint64_t id = 1; id <= 5; id++)
            check_u64(cases[i].name, is_there(&p, id), id != cases[i].lost);
        check_u64(cases[i].name, findings(&p) > 0, cases[i].is_finding);
        place_end(&p);
    }
}

static struct err accept_large_and_small(struct place *p, struct told *told)
{
    (void)told;
    struct message large = made_message(p, 9, arena_fmt(&p->a, "%5000d", 9), 1);
    TRY(accept_message(p, &large)); // blocks 0 and 1
    TRY(store_settle(p->store, &p->a));
    return accept_five(p, NULL);
}

// What was moved before and has its body in the segment that is set aside.
static void damage_beside_a_body(void **state)
{
    (void)state;
    struct place p;
    struct message m;
    closed_place(&p, PLACE_OF_WORKER);
    live_and_die(&p, accept_large_and_small, NULL);
    struct str path = arena_fmt(&p.a, "%.*s/journal/000-0000000000", ARG(p.options.folder));
    int fd = open(path.ptr, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    edit(fd, 3 * 4096 + 100, '\x5a'); // of the second small one
    close(fd);
    place_open(&p);
    for (uint64_t id = 1; id <= 5; id++)
        check_u64("small", is_there(&p, id), id != 2);
    struct err e = store_read(p.store, &p.a, 9, STORE_WITH_BODY, &m);
    check_str("the body is there", err_text(e), S(""));
    check_u64("and all of it", m.body.inline_bytes.len, 5000);
    check_u64("the gap is told", findings(&p), 1);
    place_end(&p);
}

// Somebody has removed the records, and not the journal beside them.
static void of_another_store(void **state)
{
    (void)state;
    struct place p;
    closed_place(&p, PLACE_OF_WORKER);
    live_and_die(&p, accept_five, NULL);
    assert_int_equal(unlink(arena_fmt(&p.a, "%.*s/data.mdb", ARG(p.options.folder)).ptr), 0);
    place_open(&p);
    for (uint64_t id = 1; id <= 5; id++)
        check_true("is not ours", !is_there(&p, id));
    place_end(&p);
}

// --- Slots ---------------------------------------------------------------------------------------

static struct err own_a_slot(struct place *p, struct told *told)
{
    told->ids[0] = store_new_id(p->store);
    struct message m = made_message(p, told->ids[0], S("a body"), 1);
    check_true("its own", store_slot_is_owned(p->store, &p->a, store_slot(p->store)));
    check_true("the other one's", store_slot_is_owned(p->store, &p->a, 0));
    TRY(accept_message(p, &m));
    told->ids[1] = store_slot(p->store);
    return OK;
}

static struct err note_id(void *arg)
{
    struct living *l = arg;
    l->told->ids[2] = store_new_id(l->p->store);
    return OK;
}

static void slots_have_owners(void **state)
{
    (void)state;
    struct place p;
    struct told *told = told_new();
    struct living l = {.p = &p, .told = told};
    struct due *due = NULL;
    size_t count = 0;
    place_begin_as(&p, PLACE_OF_WORKER);
    in_loop(note_id, &l);
    check_u64("the lowest slot", store_slot(p.store), 0);
    live_and_die(&p, own_a_slot, told);
    check_u64("the next one's", told->ids[1], 1);
    check_u64("in its ids", id_slot(told->ids[0]), 1);
    check_true("who died owns nothing", !store_slot_is_owned(p.store, &p.a, 1));
    check_true("not seen yet", !is_there(&p, told->ids[0]));
    check_u64("is told", findings(&p), 1);
    struct err e = store_recover(p.store, &p.a);
    check_str("recovered", err_text(e), S(""));
    check_true("moved by who is left", is_there(&p, told->ids[0]));
    check_u64("nothing is wrong", findings(&p), 0);
    e = store_due(p.store, &p.a, 1, NEVER_MS, NULL, 0, &due, &count);
    check_str("due", err_text(e), S(""));
    check_u64("for somebody to adopt", count, 1);
    uint64_t first = told->ids[0];
    live_and_die(&p, own_a_slot, told);
    check_u64("the same slot again", told->ids[1], 1);
    check_true("with larger ids", told->ids[0] > first);
    munmap(told, sizeof(*told));
    place_end(&p);
}

// --- Moving --------------------------------------------------------------------------------------

// One task that commits without a pause leaves no moment in which nobody commits; what it has
// committed is moved all the same, long before there is so much that it would have to wait.
static struct err commit_without_pause(void *arg)
{
    struct place *p = arg;
    struct group g AUTO(group_end);
    struct str body = arena_fmt(&p->a, "%100000d", 1);
    size_t most = 0;
    group_begin(&g);
    TRY(group_spawn(&g, store_tend, p->store));
    task_yield();
    for (uint64_t id = 1; id <= 26 * (uint64_t)MIB / body.len; id++) {
        struct message m = made_message(p, id, body, 1);
        TRY(accept_message(p, &m));
        most = unmoved_bytes(p->store) > most ? unmoved_bytes(p->store) : most;
    }
    check_true("moved meanwhile", most >= MOVE_BYTES && most < 24 * MIB);
    return OK;
}

static void moves_are_not_starved(void **state)
{
    (void)state;
    struct place p;
    place_begin_as(&p, PLACE_OF_WORKER);
    in_loop(commit_without_pause, &p);
    place_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(at_each_call),
            TEST(moving_fails),
            TEST(written_and_never_synced),
            TEST(damaged_segments),
            TEST(damage_beside_a_body),
            TEST(of_another_store),
            TEST(slots_have_owners),
            TEST(moves_are_not_starved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
