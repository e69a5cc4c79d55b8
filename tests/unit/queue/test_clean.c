// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_clean.c: what the server meets and cannot use leaves the queue (queue.md
// 3.1 I2, 3.5), what is well stays, and afterwards the store holds together.
#include "damage.h"

#define ID 1
#define OTHER 2

struct damage {
    const char *name;
    void (*make)(struct place *p, MDB_txn *txn);
    size_t units; // of the message
    int64_t at_ms;
    enum store_cleaned what;
    size_t due_left, messages_left, files;
};

static void break_message(struct place *p, MDB_txn *txn)
{
    put(p, txn, DB_MESSAGE, key_message(ID), S("rubbish"));
}

static void break_unit(struct place *p, MDB_txn *txn)
{
    put(p, txn, DB_UNIT, key_unit(ID, 0), str_of("\0", 1));
}

static void lose_message(struct place *p, MDB_txn *txn)
{
    del(p, txn, DB_MESSAGE, key_message(ID));
}

static void lose_unit(struct place *p, MDB_txn *txn)
{
    del(p, txn, DB_UNIT, key_unit(ID, 0));
}

static void be_due_twice(struct place *p, MDB_txn *txn)
{
    put(p, txn, DB_DUE, key_due(0, 500, ID, 0), S(""));
}

// Another message with one unit, which is due, stays in any case.
static const struct damage damages[] = {
        {"none", nothing, 1, 1000, CLEANED_NOTHING, 2, 2, 0},
        {"the only unit", break_unit, 1, 1000, CLEANED_MESSAGE, 1, 1, 2},
        {"one unit of two", break_unit, 2, 1000, CLEANED_UNIT, 2, 2, 2},
        {"a message", break_message, 1, 1000, CLEANED_MESSAGE, 1, 1, 2},
        {"a message of two units", break_message, 2, 1000, CLEANED_MESSAGE, 1, 1, 3},
        {"no message", lose_message, 1, 1000, CLEANED_ENTRY, 1, 1, 0},
        {"no unit, but another", lose_unit, 2, 1000, CLEANED_ENTRY, 2, 2, 0},
        {"due at another time as well", be_due_twice, 1, 500, CLEANED_ENTRY, 2, 2, 0},
};

static size_t files_kept(struct place *p)
{
    size_t count = 0;
    const char *names[] = {
            "message-0000000000000001", "unit-00000000000000010000", "unit-00000000000000010001"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct str path = arena_fmt(&p->a, "%s/blobs/quarantine/%s", p->folder, names[i]);
        count += access(path.ptr, R_OK) == 0;
    }
    return count;
}

static void damage(struct place *p, const struct damage *d)
{
    MDB_txn *txn = NULL;
    assert_int_equal(mdb_txn_begin(p->store->env, NULL, 0, &txn), 0);
    d->make(p, txn);
    assert_int_equal(mdb_txn_commit(txn), 0);
}

static struct err clean_each(void *arg)
{
    struct place *p = arg;
    uint8_t slot = 0;
    struct due *left;
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(damages); i++) {
        const struct damage *d = &damages[i];
        struct message m = made_message(p, ID, S("a body"), d->units);
        struct message other = made_message(p, OTHER, S("another"), 1);
        TRY(accept_message(p, &m));
        TRY(accept_message(p, &other));
        TRY(store_settle(p->store, &p->a));
        damage(p, d);
        enum store_cleaned what = CLEANED_NOTHING;
        const struct due due = {.at_ms = d->at_ms, .id = ID};
        TRY(store_clean(p->store, &p->a, &due, &what));
        check_u64(d->name, what, d->what);
        TRY(store_settle(p->store, &p->a));
        TRY(store_due(p->store, &p->a, slot, INT64_MAX, NULL, 10, &left, &count));
        check_u64(d->name, count, d->due_left);
        struct store_figures figures;
        TRY(store_figures(p->store, &figures));
        check_u64(d->name, figures.messages, d->messages_left);
        check_u64(d->name, files_kept(p), d->files);
        struct store_check check;
        const struct store_check_options options = {.repair = true, .wall_now_ms = 1000};
        TRY(store_check(p->store, &p->a, &options, &check));
        if (check.findings != 0 && d->make != lose_unit && d->make != lose_message)
            check_failed("%s: %llu findings", d->name, (unsigned long long)check.findings);
        place_end(p);
        place_begin_as(p, p->options.journal ? PLACE_OF_WORKER : PLACE_OF_TOOL);
    }
    return OK;
}

static void what_nobody_can_use(void **state)
{
    (void)state;
    in_each_place(clean_each);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(what_nobody_can_use)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
