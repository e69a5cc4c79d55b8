// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_store.c: what was committed comes back, in groups and alone, after the
// store was closed, and with a disk that fails.
#include "place.h"

#include <errno.h>

static void check_passage(const struct passage *got, const struct passage *want);

static void check_recipient(const struct recipient *got, const struct recipient *want)
{
    check_str("address", got->address, want->address);
    check_u64("flags", got->flags, want->flags);
    check_u64("status", got->status, want->status);
    check_u64("retry", (uint64_t)got->retry_at_ms, (uint64_t)want->retry_at_ms);
    check_u64("notify", (uint64_t)got->notify_at_ms, (uint64_t)want->notify_at_ms);
    check_u64("expiry", (uint64_t)got->expiry_ms, (uint64_t)want->expiry_ms);
    check_u64("kind of failure", got->last.kind, want->last.kind);
    check_str("text", got->last.text, want->last.text);
    check_u64("code", got->last.code, want->last.code);
    check_passage(got->last.passage, want->last.passage);
}

static void check_passage(const struct passage *got, const struct passage *want)
{
    check_true("passage", (got == NULL) == (want == NULL));
    if (got == NULL || want == NULL)
        return;
    check_str("stage", got->stage, want->stage);
    check_str("remote ip", got->remote_ip, want->remote_ip);
    check_str("source ip", got->source_ip, want->source_ip);
    check_str("tls", got->tls, want->tls);
    check_u64("elapsed", (uint64_t)got->elapsed_ms, (uint64_t)want->elapsed_ms);
}

static void check_message(const struct message *got, const struct message *want)
{
    check_u64("id", got->id, want->id);
    check_u64("created", (uint64_t)got->created_ms, (uint64_t)want->created_ms);
    check_str("sender", got->sender, want->sender);
    check_u64("flags", got->flags, want->flags);
    check_u64("priority", (uint64_t)got->priority, (uint64_t)want->priority);
    check_str("env id", got->env_id, want->env_id);
    check_str("submitter", got->submitter, want->submitter);
    check_true("from", ip_eq(&got->from_ip, &want->from_ip));
    check_str("top", got->top, want->top);
    check_true("no account", str_is_null(got->account));
    check_u64("units", got->unit_count, want->unit_count);
    for (size_t i = 0; i < want->unit_count; i++) {
        check_u64("number", got->units[i].number, i);
        check_str("domain", got->units[i].domain, want->units[i].domain);
        check_u64("due", (uint64_t)got->units[i].due_ms, (uint64_t)want->units[i].due_ms);
        check_u64("recipients", got->units[i].rcpt_count, want->units[i].rcpt_count);
        for (size_t j = 0; j < want->units[i].rcpt_count; j++)
            check_recipient(&got->units[i].rcpts[j], &want->units[i].rcpts[j]);
    }
}

static struct err there_and_back(void *arg)
{
    struct place *p = arg;
    static const struct str bodies[] = {S_INIT(""), S_INIT("x"), S_INIT("a body\r\n\0 with a NUL")};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct message m = made_message(p, 100 + i, bodies[i], i + 1), back;
        TRY(accept_message(p, &m));
        store_close(p->store);
        place_open(p);
        TRY(store_read(p->store, &p->a, m.id, STORE_WITH_BODY, &back));
        check_message(&back, &m);
        check_str("body", back.body.inline_bytes, bodies[i]);
    }
    struct message none;
    check_u64(
            "no such", store_read(p->store, &p->a, 99, STORE_WITH_BODY, &none).kind, ERR_NOT_FOUND);
    struct message twice = made_message(p, 100, S("other"), 1);
    check_u64("twice", accept_message(p, &twice).kind, ERR_EXISTS);
    return OK;
}

static struct err units_change(void *arg)
{
    struct place *p = arg;
    struct message m = made_message(p, 7, S("body"), 2), back;
    struct due *due = NULL;
    size_t count = 0;
    TRY(accept_message(p, &m));
    TRY(store_due(p->store, &p->a, 0, 1001, NULL, 0, &due, &count));
    check_u64("both are due", count, 2);
    check_u64("in order", due[1].number, 1);
    TRY(store_due(p->store, &p->a, 0, 1001, &due[0], 0, &due, &count));
    check_u64("after the first", count, 1);
    TRY(store_due(p->store, &p->a, 1, NEVER_MS, NULL, 0, &due, &count));
    check_u64("of another slot", count, 0);
    TRY(store_read(p->store, &p->a, 7, STORE_WITHOUT_BODY, &back));
    const struct passage passage = {.stage = S("rcpt"),
            .remote_ip = S("2001:db8::1"),
            .source_ip = S("192.0.2.1"),
            .tls = S("TLSv1.3"),
            .elapsed_ms = 40};
    struct unit *u = &back.units[1];
    u->due_ms = 90000;
    u->rcpts[0].status = RCPT_TEMP_FAILED;
    u->rcpts[0].last = (struct outcome){.kind = FAILURE_UNEXPECTED_REPLY,
            .entity = S("mx.example"),
            .code = 451,
            .text = S("later"),
            .at_ms = 50,
            .passage = &passage};
    struct store_change change = {.kind = STORE_UPDATE, .unit = u};
    TRY(store_commit(p->store, &p->a, &change, 1));
    check_u64("an older version", store_commit(p->store, &p->a, &change, 1).kind, ERR_EXISTS);
    struct unit now;
    TRY(store_read_unit(p->store, &p->a, 7, 1, &now));
    check_u64("version", now.version, 1);
    check_recipient(&now.rcpts[0], &u->rcpts[0]);
    TRY(store_due(p->store, &p->a, 0, NEVER_MS, NULL, 0, &due, &count));
    check_u64("moved, not copied", count, 2);
    check_u64("to the end", (uint64_t)due[1].at_ms, 90000);
    struct store_change gone = {.kind = STORE_REMOVE, .id = 7};
    TRY(store_commit(p->store, &p->a, &gone, 1));
    check_u64("gone twice", store_commit(p->store, &p->a, &gone, 1).kind, ERR_NOT_FOUND);
    struct store_figures figures;
    TRY(store_figures(p->store, &figures));
    check_u64("no message", figures.messages, 0);
    check_u64("no unit", figures.units, 0);
    TRY(store_due(p->store, &p->a, 0, NEVER_MS, NULL, 0, &due, &count));
    check_u64("nothing due", count, 0);
    return OK;
}

struct sender {
    struct place *p;
    uint64_t id;
    struct err result;
};

static struct err send_one(void *arg)
{
    struct sender *s = arg;
    struct message m = made_message(s->p, s->id, S("body"), 1);
    s->result = accept_message(s->p, &m);
    return OK;
}

// Tasks that are cancelled while they wait for the commit still learn what became of it.
static struct err many_at_once(void *arg)
{
    struct place *p = arg;
    static const size_t count = 200;
    struct sender *senders = arena_array(&p->a, count, struct sender);
    struct group g AUTO(group_end);
    group_begin(&g);
    for (size_t i = 0; i < count; i++) {
        senders[i] = (struct sender){.p = p, .id = 1 + i / 2}; // each id twice
        TRY(group_spawn(&g, send_one, &senders[i]));
    }
    task_yield();
    group_cancel(&g);
    struct err ignored = group_wait_below(&g, 1);
    (void)ignored;
    size_t accepted = 0;
    for (size_t i = 0; i < count; i++) {
        check_true("accepted or refused",
                !failed(senders[i].result) || senders[i].result.kind == ERR_EXISTS);
        accepted += !failed(senders[i].result);
    }
    check_u64("each id once", accepted, count / 2);
    struct store_figures figures;
    TRY(store_figures(p->store, &figures));
    check_u64("all are there", figures.messages, count / 2);
    return OK;
}

static bool even(const void *filter, const struct message *m)
{
    (void)filter;
    return m->id % 2 == 0;
}

static struct err lists_come_in_pages(void *arg)
{
    struct place *p = arg;
    for (uint64_t id = 1; id <= 25; id++) {
        struct message m = made_message(p, id, S("body"), 1);
        TRY(accept_message(p, &m));
    }
    static const struct {
        const char *name;
        struct store_query query;
        size_t count;
        uint64_t first, next;
        bool end;
    } cases[] = {
            {"first page", {.limit = 10}, 10, 1, 10, false},
            {"second page", {.limit = 10, .after = 10}, 10, 11, 20, false},
            {"last page", {.limit = 10, .after = 20}, 5, 21, 25, true},
            {"behind the end", {.limit = 10, .after = 25}, 0, 0, 0, true},
            {"newest first", {.limit = 10, .downwards = true}, 10, 25, 16, false},
            {"downwards on", {.limit = 10, .after = 16, .downwards = true}, 10, 15, 6, false},
            {"down to the end", {.limit = 10, .after = 6, .downwards = true}, 5, 5, 1, true},
            {"filtered", {.limit = 3, .wanted = even}, 3, 2, 6, false},
            {"filtered, and given up", {.limit = 9, .wanted = even, .scan_max = 5}, 2, 2, 5, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct store_page page;
        TRY(store_list(p->store, &p->a, &cases[i].query, &page));
        check_u64(cases[i].name, page.count, cases[i].count);
        if (page.count > 0)
            check_u64(cases[i].name, page.messages[0].id, cases[i].first);
        check_u64(cases[i].name, page.next, cases[i].next);
        check_u64(cases[i].name, page.end, cases[i].end);
    }
    return OK;
}

// 0: the transaction never was. EIO after the commit: nobody can know, so it is taken back.
static struct err disks_fail(void *arg)
{
    struct place *p = arg;
    static const struct {
        const char *name;
        struct store_faults faults;
        enum err_kind kind;
    } cases[] = {
            {"full", {.commit_fails_in = 1, .errno_value = ENOSPC}, ERR_NO_SPACE},
            {"broken", {.commit_fails_in = 1, .errno_value = EIO}, ERR_IO},
            {"in doubt", {.commit_fails_in = 1, .errno_value = EIO, .after_commit = true}, ERR_IO},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct message m = made_message(p, 1 + i, S("body"), 1), back;
        p->faults = cases[i].faults;
        struct err e = accept_message(p, &m);
        check_u64(cases[i].name, e.kind, cases[i].kind);
        check_u64(cases[i].name, store_read(p->store, &p->a, m.id, STORE_WITH_BODY, &back).kind,
                ERR_NOT_FOUND);
        TRY(accept_message(p, &m)); // it goes on
        TRY(store_read(p->store, &p->a, m.id, STORE_WITH_BODY, &back));
    }
    return OK;
}

static struct err take(struct place *p, uint64_t id, uint64_t store, uint64_t there)
{
    struct message m = made_message(p, id, S("body"), 1);
    const struct store_origin origin = {.store = store, .id = there};
    struct store_change change = {.kind = STORE_ACCEPT, .message = &m, .origin = &origin};
    return store_commit(p->store, &p->a, &change, 1);
}

static uint64_t taken_as(struct place *p, uint64_t store, uint64_t there)
{
    uint64_t id = 77;
    const struct store_origin origin = {.store = store, .id = there};
    struct err e = store_find_imported(p->store, &p->a, &origin, &id);
    check_str("found", err_text(e), S(""));
    return id;
}

// A message of another queue is taken once, also when it has left this one long ago.
static struct err origins_are_kept(void *arg)
{
    struct place *p = arg;
    uint64_t here = store_identity(p->store);
    const struct store_change remove = {.kind = STORE_REMOVE, .id = 1};
    check_u64("not yet", taken_as(p, 5, 100), 0);
    TRY(take(p, 1, 5, 100));
    check_u64("taken", taken_as(p, 5, 100), 1);
    struct err e = take(p, 2, 5, 100);
    check_u64("again", e.kind, ERR_EXISTS);
    check_str("as what", err_text(e), S("the message was taken before, as 0000000000000001"));
    TRY(store_commit(p->store, &p->a, &remove, 1));
    store_close(p->store);
    place_open(p);
    check_u64("again when it is gone", take(p, 2, 5, 100).kind, ERR_EXISTS);
    TRY(take(p, 2, 6, 100)); // of another store
    TRY(take(p, 3, 5, 101)); // another one
    check_u64("what is here", take(p, 4, here, 3).kind, ERR_EXISTS);
    check_u64("is here", taken_as(p, here, 3), 3);
    TRY(take(p, 4, here, 1)); // what was here, and has come back
    check_u64("and again", take(p, 5, here, 1).kind, ERR_EXISTS);
    p->faults =
            (struct store_faults){.commit_fails_in = 1, .errno_value = EIO, .after_commit = true};
    check_u64("in doubt", take(p, 6, 5, 102).kind, ERR_IO);
    check_u64("taken back", taken_as(p, 5, 102), 0);
    return take(p, 6, 5, 102);
}

static void run_story(task_main *main)
{
    struct place p;
    place_begin(&p);
    in_loop(main, &p);
    place_end(&p);
}

static void messages_come_back(void **state)
{
    (void)state;
    in_each_place(there_and_back);
}

static void units_are_updated(void **state)
{
    (void)state;
    in_each_place(units_change);
}

static void commits_are_grouped(void **state)
{
    (void)state;
    in_each_place(many_at_once);
}

static void pages(void **state)
{
    (void)state;
    in_each_place(lists_come_in_pages);
}

static void faults(void **state)
{
    (void)state;
    run_story(disks_fail);
}

static void origins(void **state)
{
    (void)state;
    run_story(origins_are_kept);
}

static void no_queue_to_look_at(void **state)
{
    (void)state;
    struct arena a;
    struct store *store = NULL;
    arena_init(&a, MIB);
    struct store_options options = {.folder = S("/nonexistent/queue"),
            .blob_folder = S("/nonexistent/blobs"),
            .map_bytes_max = 64 * MIB,
            .read_only = true};
    check_u64("kind", store_open(&a, &options, &store).kind, ERR_NOT_FOUND);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(messages_come_back),
            TEST(units_are_updated),
            TEST(commits_are_grouped),
            TEST(pages),
            TEST(faults),
            TEST(origins),
            TEST(no_queue_to_look_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
