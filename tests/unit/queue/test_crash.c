// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_crash.c: writers are killed, at any moment, hundreds of times. What they
// had been told to be on disk is there when the next one opens the store, byte for byte; what they
// had been told to be gone is gone; and of what they had heard nothing yet, either all or nothing
// is there. Two writers share the store, as two workers do, and one goes on while the other dies.
//
// The writers note in memory that they share with the test what they are about to do and what they
// were told. A writer that comes to life looks first whether the store agrees.
#include "place.h"

#include "base/hash.h"
#include "base/id.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS 120
#define WRITERS 2
#define TASKS 6
#define NOTES 6000
#define LIFE_MS_MAX 500 // a slow machine may kill before anything was acknowledged
#define NAP_NS_MAX 3000000
#define LARGE_BYTES (150 * KIB)

enum known { NOTHING, ACCEPTING, ACCEPTED, UPDATING, UPDATED, REMOVING, REMOVED };

struct note {
    uint64_t id;
    uint32_t bytes;
    _Atomic int known;
};

struct notes {
    struct note all[NOTES];
    _Atomic uint32_t count;
    _Atomic uint64_t acknowledged;
    uint64_t last_id;
};

struct writer {
    struct place *p;
    struct notes *notes;
    struct prng prng;
};

static char byte_of(uint64_t id, size_t i)
{
    return (char)((id * 2654435761u + i * 40503u) >> 9);
}

static struct err accept_one(struct writer *w, struct arena *a, struct note *note)
{
    struct body *body AUTO(body_auto_free) = body_new(w->p->store, note->id);
    struct recipient rcpt = {.address = S("bob@b.example"), .notify_at_ms = NEVER_MS};
    struct unit unit = {.message_id = note->id,
            .due_ms = 1000,
            .domain = S("b.example"),
            .rcpts = &rcpt,
            .rcpt_count = 1};
    struct message m = {.id = note->id, .sender = S(""), .units = &unit, .unit_count = 1};
    char *bytes = arena_bytes(a, note->bytes + 1);
    for (size_t i = 0; i < note->bytes; i++)
        bytes[i] = byte_of(note->id, i);
    TRY(body_add(body, a, str_of(bytes, note->bytes)));
    TRY(body_finish(body, a, &m.body));
    struct store_change change = {.kind = STORE_ACCEPT, .message = &m};
    return store_commit(w->p->store, a, &change, 1);
}

static struct err update_one(struct writer *w, struct arena *a, uint64_t id)
{
    struct unit unit;
    TRY(store_read_unit(w->p->store, a, id, 0, &unit));
    unit.due_ms = 2000;
    struct store_change change = {.kind = STORE_UPDATE, .unit = &unit};
    return store_commit(w->p->store, a, &change, 1);
}

static struct err live_one_message(struct writer *w, struct arena *a)
{
    struct note *note = &w->notes->all[w->notes->count++];
    bool large = prng_below(&w->prng, 20) == 0;
    note->id = w->notes->last_id = store_new_id(w->p->store);
    note->bytes = (uint32_t)prng_below(&w->prng, prng_below(&w->prng, 4) != 0 ? 5000 : 40000);
    if (large)
        note->bytes = LARGE_BYTES;
    note->known = ACCEPTING;
    TRY(accept_one(w, a, note));
    note->known = ACCEPTED;
    w->notes->acknowledged++;
    if (prng_below(&w->prng, 3) == 0) {
        note->known = UPDATING;
        TRY(update_one(w, a, note->id));
        note->known = UPDATED;
    }
    if (prng_below(&w->prng, 3) == 0)
        return OK;
    note->known = REMOVING;
    struct store_change gone = {.kind = STORE_REMOVE, .id = note->id};
    TRY(store_commit(w->p->store, a, &gone, 1));
    note->known = REMOVED;
    return OK;
}

static struct err write_on(void *arg)
{
    struct writer *w = arg;
    struct arena a;
    arena_init(&a, 4 * MIB);
    struct err e = OK;
    while (!failed(e) && w->notes->count < NOTES - TASKS) {
        e = live_one_message(w, &a);
        arena_reset(&a);
    }
    arena_done(&a);
    return e;
}

static void check_body(struct writer *w, struct arena *a, const struct message *m, size_t bytes)
{
    struct body_reader *reader = NULL;
    size_t at = 0;
    struct err e = body_open(w->p->store, a, &m->body, BODY_STORED, &reader);
    check_str("body", err_text(e), S(""));
    for (struct str piece = S(""); !str_is_null(piece);) {
        e = body_next(reader, a, &piece);
        check_str("piece", err_text(e), S(""));
        for (size_t i = 0; i < piece.len; i++, at++)
            if (piece.ptr[i] != byte_of(m->id, at))
                check_failed("message %016llx: byte %zu", (unsigned long long)m->id, at);
    }
    body_close(reader);
    check_u64("all of it", at, bytes);
}

static void check_note(struct writer *w, struct arena *a, struct note *note)
{
    struct message m;
    struct err e = store_read(w->p->store, a, note->id, STORE_WITH_BODY, &m);
    bool there = !failed(e);
    int known = note->known;
    if (known == NOTHING) // it was killed before it could say anything
        return;
    if (!there)
        check_u64(err_text(e).ptr, e.kind, ERR_NOT_FOUND);
    if (!there && known != ACCEPTING && known != REMOVING && known != REMOVED)
        check_failed("message %016llx (%d) is lost", (unsigned long long)note->id, known);
    if (there && known == REMOVED)
        check_failed("message %016llx is back", (unsigned long long)note->id);
    if (!there) {
        note->known = REMOVED;
        return;
    }
    check_body(w, a, &m, note->bytes);
    check_u64("its unit", m.unit_count, 1);
    bool moved = m.units[0].due_ms == 2000;
    if (known == UPDATED)
        check_true("the update is there", moved);
    if (known == ACCEPTED || known == ACCEPTING)
        check_true("the update is not there", !moved);
    if (known == ACCEPTING)
        note->known = ACCEPTED;
    if (known == UPDATING)
        note->known = moved ? UPDATED : ACCEPTED;
    if (known == REMOVING)
        note->known = moved ? UPDATED : ACCEPTED;
}

static struct err live(void *arg)
{
    struct writer *w = arg;
    struct group tending AUTO(group_end), writing AUTO(group_end);
    struct arena a;
    group_begin(&tending);
    group_begin(&writing);
    arena_init(&a, 4 * MIB);
    for (size_t i = 0; i < w->notes->count; i++) {
        check_note(w, &a, &w->notes->all[i]);
        arena_reset(&a);
    }
    arena_done(&a);
    check_true("ids go on", store_new_id(w->p->store) > 0);
    TRY(group_spawn(&tending, store_tend, w->p->store));
    for (size_t i = 0; i < TASKS; i++)
        TRY(group_spawn(&writing, write_on, w));
    return group_wait_all(&writing);
}

static pid_t writer_start(struct place *p, struct notes *notes, uint64_t seed)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    struct writer w = {.p = p, .notes = notes};
    prng_seed(&w.prng, seed);
    place_open(p);
    in_loop(live, &w);
    store_close(p->store);
    _exit(0);
}

// Until so many more are acknowledged, and then for a moment: so the machine may be slow, and the
// end still comes anywhere.
static void let_it_live(struct notes *notes, uint64_t acknowledged, long nap_ns)
{
    uint64_t until = notes->acknowledged + acknowledged;
    struct timespec tick = {.tv_nsec = 500000}, nap = {.tv_nsec = nap_ns};
    for (int i = 0; i < 2 * LIFE_MS_MAX && notes->acknowledged < until; i++)
        nanosleep(&tick, NULL);
    nanosleep(&nap, NULL);
}

static void writer_end(pid_t pid)
{
    int status = 0;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!killed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        check_failed("a writer ended with %d", status);
}

static struct err settle(void *arg)
{
    struct place *p = arg;
    return store_settle(p->store, &p->a);
}

static void hear(void *ctx, struct str text)
{
    (void)ctx;
    print_message("%.*s\n", ARG(text));
}

static void check_all(struct place *p, struct notes *const notes[WRITERS])
{
    struct store_check check;
    // Files that a dead writer came not to remove are swept up when they are old, and not wrong.
    struct store_check_options options = {.wall_now_ms = 0, .say = hear};
    uint64_t there = 0;
    place_open(p);
    in_loop(settle, p);
    struct err e = store_check(p->store, &p->a, &options, &check);
    check_str("check", err_text(e), S(""));
    check_u64("nothing is wrong", check.findings, 0);
    for (size_t i = 0; i < WRITERS; i++) {
        struct arena a;
        arena_init(&a, 4 * MIB);
        for (size_t j = 0; j < notes[i]->count; j++) {
            int known = notes[i]->all[j].known;
            struct message m;
            bool found =
                    !failed(store_read(p->store, &a, notes[i]->all[j].id, STORE_WITHOUT_BODY, &m));
            there += found;
            check_true("acknowledged", found || known <= ACCEPTING || known >= REMOVING);
            arena_reset(&a);
        }
        arena_done(&a);
    }
    check_u64("nothing else", check.messages, there);
    store_close(p->store);
}

static void killed_and_killed_again(void **state)
{
    (void)state;
    struct place p;
    struct notes *notes[WRITERS];
    pid_t pids[WRITERS] = {0};
    struct prng prng;
    prng_seed(&prng, 20261121);
    place_begin_as(&p, PLACE_OF_WORKER);
    store_close(p.store);
    p.faults.segment_bytes = 256 * KIB;
    for (size_t i = 0; i < WRITERS; i++) {
        notes[i] = mmap(NULL, sizeof(struct notes), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(notes[i], MAP_FAILED);
        pids[i] = writer_start(&p, notes[i], i + 1);
    }
    for (uint64_t round = 0; round < ROUNDS; round++) {
        size_t i = prng_below(&prng, WRITERS);
        let_it_live(notes[i], prng_below(&prng, 8), (long)prng_below(&prng, NAP_NS_MAX));
        writer_end(pids[i]);
        pids[i] = writer_start(&p, notes[i], 100 + round);
    }
    for (size_t i = 0; i < WRITERS; i++)
        writer_end(pids[i]);
    check_all(&p, notes);
    uint64_t acknowledged = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        acknowledged += notes[i]->acknowledged;
        munmap(notes[i], sizeof(struct notes));
    }
    check_true("they did write", acknowledged > ROUNDS);
    place_open(&p);
    place_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(killed_and_killed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
