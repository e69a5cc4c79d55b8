// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_summary.c: a queue goes through all that can happen to it, and after each
// step its summaries are what a count of its messages gives, and the check finds nothing.
#include "place.h"

#include "queue/gauges.h"
#include "queue/store/store_lmdb.h"
#include "queue/store/summary.h"
#include "queue/store/summary_row.h"
#include "queue/unit.h"

#define NOW_MS (2 * (int64_t)HOUR_MS)
#define GROUPS 32
#define METRICS_ALIGN 4096

struct counted {
    struct str key;
    uint64_t messages, bytes, rcpts, held, due, deferred, waiting, failed;
    int64_t oldest_ms, next_ms;
    uint64_t last_id;
};

static struct str key_of(const struct message *m, const struct unit *u, const struct recipient *r,
        enum summary_by by)
{
    bool held = u->hold.reason != HOLD_NONE && !rcpt_is_final(r);
    switch (by) {
    case SUMMARY_BY_DOMAIN:
        return u->domain;
    case SUMMARY_BY_SENDER:
        return m->sender;
    case SUMMARY_BY_ERROR:
        return str_upto(r->last.text, SUMMARY_TEXT_MAX);
    case SUMMARY_BY_QUEUE:
        return u->queue;
    case SUMMARY_BY_STATUS:
        return held ? S("held") : rcpt_status_word(r->status);
    }
    return S("");
}

static struct counted *counted_of(struct counted *all, struct str key)
{
    size_t i = 0;
    while (i < GROUPS && all[i].messages > 0 && !str_eq(all[i].key, key))
        i++;
    assert_true(i < GROUPS);
    if (all[i].messages == 0)
        all[i] = (struct counted){.key = key, .oldest_ms = INT64_MAX, .next_ms = NEVER_MS};
    return &all[i];
}

static void count_rcpt(
        struct counted *c, const struct message *m, const struct unit *u, const struct recipient *r)
{
    bool again = c->messages > 0 && c->last_id == m->id;
    c->last_id = m->id;
    c->messages += !again;
    c->bytes += again ? 0 : message_bytes(m);
    c->rcpts++;
    c->oldest_ms = m->created_ms < c->oldest_ms ? m->created_ms : c->oldest_ms;
    c->next_ms = u->due_ms < c->next_ms ? u->due_ms : c->next_ms;
    c->failed += r->status != RCPT_COMPLETED && r->last.kind != FAILURE_NONE;
    bool pending = !rcpt_is_final(r), held = u->hold.reason != HOLD_NONE;
    bool due = u->due_ms <= NOW_MS, tried = r->status == RCPT_TEMP_FAILED;
    c->held += pending && held;
    c->due += pending && !held && due;
    c->deferred += pending && !held && !due && tried;
    c->waiting += pending && !held && !due && !tried;
}

static void check_group(const char *label, const struct summary_group *g, const struct counted *c)
{
    check_u64(label, g->messages, c->messages);
    check_u64(label, g->bytes, c->bytes);
    check_u64(label, g->rcpts, c->rcpts);
    check_u64(label, g->held, c->held);
    check_u64(label, g->due, c->due);
    check_u64(label, g->deferred, c->deferred);
    check_u64(label, g->waiting, c->waiting);
    check_u64(label, g->pending, c->held + c->due + c->deferred + c->waiting);
    check_u64(label, (uint64_t)g->oldest_ms, (uint64_t)c->oldest_ms);
    check_u64(label, (uint64_t)g->next_ms, (uint64_t)c->next_ms);
    uint64_t ages = 0, kinds = 0;
    for (size_t i = 0; i < SUMMARY_AGES; i++)
        ages += g->ages[i];
    for (size_t i = 0; i < SUMMARY_KINDS; i++)
        kinds += g->kinds[i];
    check_u64(label, ages, c->messages);
    check_u64(label, kinds, c->failed);
}

static void check_by(struct place *p, const char *step, enum summary_by by)
{
    struct counted *groups = arena_array(&p->a, GROUPS, struct counted);
    struct counted *all = &(struct counted){.oldest_ms = INT64_MAX, .next_ms = NEVER_MS};
    struct store_page page;
    struct summary_result result;
    const struct store_query query = {0};
    const struct summary_options options = {.by = by, .now_ms = NOW_MS};
    assert_false(failed(store_list(p->store, &p->a, &query, &page)));
    for (size_t i = 0; i < page.count; i++)
        for (size_t j = 0; j < page.messages[i].unit_count; j++)
            for (size_t k = 0; k < page.messages[i].units[j].rcpt_count; k++) {
                const struct message *m = &page.messages[i];
                const struct recipient *r = &m->units[j].rcpts[k];
                count_rcpt(counted_of(groups, key_of(m, &m->units[j], r, by)), m, &m->units[j], r);
                count_rcpt(all, m, &m->units[j], r);
            }
    check_str(step, err_text(summary_make(p->store, &p->a, &options, SIZE_MAX, &result)), S(""));
    size_t count = 0;
    while (count < GROUPS && groups[count].messages > 0)
        count++;
    check_u64(arena_fmt(&p->a, "%s, by %d: groups", step, (int)by).ptr, result.count, count);
    for (size_t i = 0; i < result.count; i++) {
        const char *label =
                arena_fmt(&p->a, "%s, by %d, %.*s", step, (int)by, ARG(result.groups[i].key)).ptr;
        check_group(label, &result.groups[i], counted_of(groups, result.groups[i].key));
    }
    check_group(arena_fmt(&p->a, "%s, by %d, all", step, (int)by).ptr, &result.all, all);
}

static void check_step(struct place *p, const char *step)
{
    struct store_check seen;
    const struct store_check_options options = {0};
    assert_false(failed(store_settle(p->store, &p->a)));
    for (int by = SUMMARY_BY_DOMAIN; by <= SUMMARY_BY_STATUS; by++)
        check_by(p, step, (enum summary_by)by);
    assert_false(failed(store_check(p->store, &p->a, &options, &seen)));
    check_u64(step, seen.findings, 0);
}

// --- What can happen to a unit -------------------------------------------------------------------

static void fail_rcpt(struct recipient *r, enum rcpt_status status, int64_t at_ms)
{
    r->status = status;
    r->retry_count++;
    r->retry_at_ms = NOW_MS + HOUR_MS;
    r->last = (struct outcome){.kind = FAILURE_UNEXPECTED_REPLY,
            .entity = S("mx.d0.example"),
            .code = 451,
            .enhanced = S("4.3.0"),
            .text = status == RCPT_TEMP_FAILED ? S("busy") : S("no such user"),
            .at_ms = at_ms};
}

static void defer(struct unit *u)
{
    fail_rcpt(&u->rcpts[0], RCPT_TEMP_FAILED, NOW_MS - 2000);
    fail_rcpt(&u->rcpts[1], RCPT_TEMP_FAILED, NOW_MS - 1000);
    u->rcpts[1].last.kind = FAILURE_CONNECTION;
    u->due_ms = NOW_MS + HOUR_MS;
}

static void due_again(struct unit *u)
{
    assert_true(unit_retry(u, 1000, NOW_MS));
}

static void hold(struct unit *u)
{
    const struct hold how = {.reason = HOLD_ADMIN, .since_ms = NOW_MS};
    assert_true(unit_hold(u, &how, 1000));
}

static void release(struct unit *u)
{
    assert_true(unit_release(u, 1000, NOW_MS));
}

static void reroute(struct unit *u)
{
    u->queue = S("bulk");
    u->schedule = S("bulk");
}

static void deliver_one(struct unit *u)
{
    u->rcpts[0].status = RCPT_COMPLETED;
    u->rcpts[0].last = (struct outcome){.code = 250, .text = S("Ok"), .at_ms = NOW_MS};
}

static void expire_other(struct unit *u)
{
    fail_rcpt(&u->rcpts[1], RCPT_PERM_FAILED, NOW_MS);
    u->due_ms = NEVER_MS;
}

static void drop_rcpt(struct unit *u)
{
    u->rcpt_count = 1;
}

static const struct step {
    const char *name;
    void (*change)(struct unit *u);
    uint64_t id;
    uint16_t number;
} steps[] = {
        {"a delayed one is tried and put off", defer, 1, 0},
        {"due again", due_again, 1, 0},
        {"put off again", defer, 1, 0},
        {"held", hold, 2, 1},
        {"another unit of it, too", hold, 2, 0},
        {"what was put off is held", hold, 1, 0},
        {"released", release, 2, 1},
        {"another queue", reroute, 2, 1},
        {"held in the other queue", hold, 2, 1},
        {"what was put off is released", release, 1, 0},
        {"one of two is delivered", deliver_one, 1, 0},
        {"the other is given up", expire_other, 1, 0},
        {"a recipient less", drop_rcpt, 2, 2},
};

static void step(struct place *p, const struct step *how)
{
    struct unit u;
    assert_false(failed(store_read_unit(p->store, &p->a, how->id, how->number, &u)));
    how->change(&u);
    const struct store_change change = {.kind = STORE_UPDATE, .unit = &u};
    check_str(how->name, err_text(store_commit(p->store, &p->a, &change, 1)), S(""));
    check_step(p, how->name);
}

static struct err life(void *arg)
{
    struct place *p = arg;
    check_step(p, "nothing");
    struct message one = made_message(p, 1, S("a small body"), 1);
    struct message three = made_message(p, 2, S("another body, which is longer"), 3);
    three.sender = S("");
    three.created_ms = NOW_MS - 5 * MINUTE_MS;
    three.units[2].due_ms = NOW_MS + 1;
    three.units[1].queue = S("local");
    TRY(accept_message(p, &one));
    check_step(p, "one");
    TRY(accept_message(p, &three));
    check_step(p, "two");
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        step(p, &steps[i]);
    for (uint64_t id = 1; id <= 2; id++) {
        const struct store_change remove = {.kind = STORE_REMOVE, .id = id};
        TRY(store_commit(p->store, &p->a, &remove, 1));
        check_step(p, "removed");
    }
    return OK;
}

static void whole_life(void **state)
{
    (void)state;
    in_each_place(life);
}

// --- Texts, order, steps -------------------------------------------------------------------------

static struct err accept_many(void *arg)
{
    struct place *p = arg;
    for (uint64_t id = 1; id <= 30; id++) {
        struct message m = made_message(p, id, S("body"), 1 + id % 3);
        if (id % 5 == 0)
            defer(&m.units[0]);
        TRY(accept_message(p, &m));
    }
    return store_settle(p->store, &p->a);
}

static struct err largest_first(void *arg)
{
    struct place *p = arg;
    struct summary_result r;
    const struct summary_options by_domain = {.by = SUMMARY_BY_DOMAIN, .now_ms = NOW_MS};
    const struct summary_options by_error = {.by = SUMMARY_BY_ERROR, .now_ms = NOW_MS};
    TRY(accept_many(p));
    TRY(summary_make(p->store, &p->a, &by_domain, 2, &r));
    check_u64("all groups", r.all_count, 3);
    check_u64("given", r.count, 2);
    check_str("first", r.groups[0].key, S("d0.example"));
    check_u64("messages", r.groups[0].messages, 30);
    check_str("its last error", r.groups[0].error, S("busy"));
    check_u64("when", (uint64_t)r.groups[0].error_at_ms, NOW_MS - 1000);
    check_u64("of the connection", r.groups[0].kinds[FAILURE_CONNECTION], 6);
    check_str("second", r.groups[1].key, S("d1.example"));
    check_u64("no error", (uint64_t)r.groups[1].error_at_ms, 0);
    check_u64("of all", r.all.messages, 30);
    check_str("last of all", r.all.error, S("busy"));
    TRY(summary_make(p->store, &p->a, &by_error, 1, &r));
    check_str("without", r.groups[0].key, S(""));
    return OK;
}

static void the_largest_first(void **state)
{
    (void)state;
    in_each_place(largest_first);
}

// One unit a step, and mail comes and goes meanwhile: what stays is counted once.
static struct err in_steps(void *arg)
{
    struct place *p = arg;
    struct summary *s AUTO(summary_auto_free) = NULL;
    const struct summary_options options = {.by = SUMMARY_BY_QUEUE, .now_ms = NOW_MS};
    size_t steps_made = 0;
    TRY(accept_many(p));
    TRY(summary_new(&options, &s));
    assert_null(summary_find(s, p->store, S("default")));
    for (bool end = false; !end; steps_made++) {
        TRY(summary_step(s, p->store, &p->a, 1, &end));
        if (steps_made < 10) {
            const struct store_change remove = {.kind = STORE_REMOVE, .id = 21 + steps_made};
            TRY(store_commit(p->store, &p->a, &remove, 1));
            TRY(store_settle(p->store, &p->a));
        }
    }
    const struct summary_group *g = summary_find(s, p->store, S("default"));
    assert_non_null(g);
    check_u64("messages", g->messages, 20);
    check_u64("of all", summary_all(s)->messages, 20);
    assert_true(steps_made > 20);
    assert_null(summary_find(s, p->store, S("bulk")));
    return OK;
}

static void step_by_step(void **state)
{
    (void)state;
    in_each_place(in_steps);
}

// --- A store that an older version has written ---------------------------------------------------

static void lose_rows(struct place *p, size_t most)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    assert_int_equal(mdb_txn_begin(p->store->env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_cursor_open(txn, p->store->db[DB_SUMMARY], &cursor), 0);
    for (size_t i = 0; i < most && mdb_cursor_get(cursor, &key, &value, MDB_FIRST) == 0; i++)
        assert_int_equal(mdb_cursor_del(cursor, 0), 0);
    mdb_cursor_close(cursor);
    assert_int_equal(mdb_txn_commit(txn), 0);
}

static uint64_t rows_wrong(struct place *p)
{
    MDB_txn *txn = NULL;
    uint64_t wrong = UINT64_MAX;
    assert_int_equal(mdb_txn_begin(p->store->env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(summary_wrong(p->store, txn, &wrong), 0);
    mdb_txn_abort(txn);
    return wrong;
}

static struct err of_older(void *arg)
{
    struct place *p = arg;
    TRY(accept_many(p));
    for (size_t most = 1; most <= 100; most += 99) {
        lose_rows(p, most);
        check_u64("rows are missing", rows_wrong(p), most == 1 ? 1 : 60);
        for (int by = SUMMARY_BY_DOMAIN; by <= SUMMARY_BY_STATUS; by++)
            check_by(p, "without rows", (enum summary_by)by);
        store_close(p->store);
        p->options.journal = true;
        place_open(p);
        check_u64("rows are made at the start", rows_wrong(p), 0);
        check_step(p, "with rows again");
    }
    return OK;
}

static void an_older_store(void **state)
{
    (void)state;
    in_each_place(of_older);
}

// A row too many, and one that lies: as many rows as units are no proof for the check.
static struct err of_liars(void *arg)
{
    struct place *p = arg;
    MDB_txn *txn = NULL;
    char row[64] = {0};
    struct store_check seen;
    const struct store_check_options look = {0}, repair = {.repair = true};
    TRY(accept_many(p));
    lose_rows(p, 1);
    struct key stray = key_unit(99, 0);
    MDB_val key = key_val(&stray), value = {sizeof(row), row};
    assert_int_equal(mdb_txn_begin(p->store->env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_put(txn, p->store->db[DB_SUMMARY], &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    TRY(store_check(p->store, &p->a, &look, &seen));
    check_u64("found", seen.findings, 1);
    TRY(store_check(p->store, &p->a, &repair, &seen));
    check_u64("repaired", seen.repaired, 1);
    check_step(p, "after the repair");
    return OK;
}

static void rows_that_lie(void **state)
{
    (void)state;
    in_each_place(of_liars);
}

// --- Ages ----------------------------------------------------------------------------------------

static struct err of_ages(void *arg)
{
    struct place *p = arg;
    static const struct {
        int64_t minutes;
        size_t column;
    } rows[] = {{-1, 0}, {0, 0}, {5, 0}, {6, 1}, {10, 1}, {20, 2}, {640, 7}, {1280, 8}, {1281, 9},
            {100000, 9}};
    struct summary_result r;
    const struct summary_options options = {.now_ms = 200000 * (int64_t)MINUTE_MS};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct message m = made_message(p, i + 1, S("body"), 1);
        m.created_ms = options.now_ms - rows[i].minutes * (int64_t)MINUTE_MS;
        m.units[0].domain = arena_fmt(&p->a, "%zu", i);
        TRY(accept_message(p, &m));
    }
    TRY(store_settle(p->store, &p->a));
    TRY(summary_make(p->store, &p->a, &options, SIZE_MAX, &r));
    for (size_t i = 0; i < r.count; i++) {
        uint64_t row = 0;
        assert_true(str_to_u64(r.groups[i].key, COUNT_OF(rows) - 1, &row));
        check_u64(arena_fmt(&p->a, "%lld minutes", (long long)rows[row].minutes).ptr,
                r.groups[i].ages[rows[row].column], 1);
    }
    return OK;
}

static void ages_like_qshape(void **state)
{
    (void)state;
    in_each_place(of_ages);
}

// --- Gauges --------------------------------------------------------------------------------------

struct gauged {
    struct place *p;
    struct metrics *metrics;
};

static uint64_t depth(const struct gauged *g, const char *queue, enum queue_state_label state)
{
    uint8_t label = metrics_label_find(g->metrics, LABEL_QUEUE, str_from_c(queue));
    return metric_value(g->metrics, METRIC_QUEUE_DEPTH, LABELS(label, state));
}

static struct err of_gauges(void *arg)
{
    struct place *p = arg;
    void *memory = NULL;
    size_t bytes = metrics_bytes_needed(1);
    assert_int_equal(posix_memalign(&memory, METRICS_ALIGN, bytes), 0);
    memset(memory, 0, bytes);
    struct gauged g = {.p = p, .metrics = metrics_at(memory, 1)};
    struct metrics_column column = metrics_column_begin(g.metrics, 0);
    const struct virtual_queue queues[] = {{.id = S("local")}, {.id = S("default")}};
    const struct schedule_settings schedules = {.queues = queues, .queue_count = 2};
    const struct queue_gauges gauges = {
            .store = p->store, .metrics = &column, .schedules = &schedules};
    for (size_t i = 0; i < COUNT_OF(queues); i++)
        metrics_label_add(g.metrics, LABEL_QUEUE, queues[i].id);
    TRY(accept_many(p));
    struct unit u;
    TRY(store_read_unit(p->store, &p->a, 3, 0, &u));
    hold(&u);
    u.queue = S("gone");
    const struct store_change change = {.kind = STORE_UPDATE, .unit = &u};
    TRY(store_commit(p->store, &p->a, &change, 1));
    TRY(store_settle(p->store, &p->a));
    TRY(queue_gauges_count(&gauges, &p->a));
    check_u64("due, with those put off whose hour has passed",
            depth(&g, "default", QUEUE_STATE_DUE), 118);
    check_u64("of a queue that is gone", depth(&g, "gone", QUEUE_STATE_HELD), 2);
    check_u64("nothing", depth(&g, "local", QUEUE_STATE_DUE), 0);
    struct message m = made_message(p, 1, S("body"), 1);
    check_u64("bytes", metric_value(g.metrics, METRIC_QUEUE_BYTES, NO_LABELS),
            30 * message_bytes(&m));
    free(memory);
    return OK;
}

static void as_gauges(void **state)
{
    (void)state;
    in_each_place(of_gauges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(whole_life),
            TEST(the_largest_first),
            TEST(step_by_step),
            TEST(an_older_store),
            TEST(rows_that_lie),
            TEST(ages_like_qshape),
            TEST(as_gauges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
