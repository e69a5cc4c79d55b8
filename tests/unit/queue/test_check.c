// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_check.c: a store is damaged in each way that the check knows, and repaired.
#include "damage.h"

#include <fcntl.h>

struct damage {
    const char *name;
    const char *finding; // a part of it; NULL: nothing is wrong
    void (*make)(struct place *p, MDB_txn *txn);
    bool stays; // a repair cannot help
};

static void break_message(struct place *p, MDB_txn *txn)
{
    put(p, txn, DB_MESSAGE, key_message(1), S("rubbish"));
}

static void break_body(struct place *p, MDB_txn *txn)
{
    struct key key = key_message(1);
    MDB_val at = key_val(&key), val;
    assert_int_equal(mdb_get(txn, p->store->db[DB_MESSAGE], &at, &val), 0);
    struct str copy = arena_str(&p->a, val_str(&val));
    ((char *)(uintptr_t)copy.ptr)[copy.len - 6] ^= 1;
    put(p, txn, DB_MESSAGE, key, copy);
}

static void break_unit(struct place *p, MDB_txn *txn)
{
    put(p, txn, DB_UNIT, key_unit(1, 0), S("rubbish"));
}

static void lose_message(struct place *p, MDB_txn *txn)
{
    del(p, txn, DB_MESSAGE, key_message(1));
}

static void lose_unit(struct place *p, MDB_txn *txn)
{
    del(p, txn, DB_UNIT, key_unit(1, 0));
}

static void lose_due(struct place *p, MDB_txn *txn)
{
    del(p, txn, DB_DUE, key_due(0, 1000, 1, 0));
}

static void move_due(struct place *p, MDB_txn *txn)
{
    del(p, txn, DB_DUE, key_due(0, 1000, 1, 0));
    put(p, txn, DB_DUE, key_due(0, 2000, 1, 0), S(""));
}

static void lose_link(struct place *p, MDB_txn *txn)
{
    struct message m;
    assert_false(failed(store_read(p->store, &p->a, 2, STORE_WITHOUT_BODY, &m)));
    del(p, txn, DB_LINK, key_link(m.body.digest, 2));
}

static void make_link(struct place *p, MDB_txn *txn)
{
    static const uint8_t digest[BODY_DIGEST_BYTES] = {1, 2, 3};
    put(p, txn, DB_LINK, key_link(digest, 77), S(""));
}

static void make_file(struct place *p, MDB_txn *txn)
{
    (void)txn;
    struct message m;
    assert_false(failed(store_read(p->store, &p->a, 2, STORE_WITHOUT_BODY, &m)));
    struct str path = blob_path(p->store, &p->a, m.body.digest);
    ((char *)(uintptr_t)path.ptr)[path.len - 1] ^= 1; // a digest that nobody has
    int fd = open(path.ptr, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void lose_file(struct place *p, MDB_txn *txn)
{
    (void)txn;
    struct message m;
    assert_false(failed(store_read(p->store, &p->a, 2, STORE_WITHOUT_BODY, &m)));
    assert_int_equal(unlink(blob_path(p->store, &p->a, m.body.digest).ptr), 0);
}

static const struct damage damages[] = {
        {"none", NULL, nothing, false},
        {"message", "message 0000000000000001: the record is cut short", break_message, false},
        {"body", "does not match its checksum", break_body, false},
        {"unit", "unit 0: the record", break_unit, false},
        {"message gone", "has no message", lose_message, false},
        {"unit gone", "has no unit left", lose_unit, false},
        {"due gone", "would never be tried again", lose_due, false},
        {"due elsewhere", "is left over", move_due, false},
        {"link gone", "no link to its body", lose_link, false},
        {"link to nothing", "belongs to 000000000000004d, which is gone", make_link, false},
        {"file of nobody", "belongs to no message", make_file, false},
        {"file gone", "is missing", lose_file, true},
};

struct said {
    struct buf text;
};

static void hear(void *ctx, struct str text)
{
    struct said *said = ctx;
    buf_fmt(&said->text, "%.*s\n", ARG(text));
}

static struct store_check run_check(struct place *p, bool repair, struct said *said)
{
    struct store_check check;
    struct store_check_options options = {
            .repair = repair, .wall_now_ms = INT64_MAX, .say = hear, .ctx = said};
    buf_clear(&said->text);
    struct err e = store_check(p->store, &p->a, &options, &check);
    check_str("check", err_text(e), S(""));
    return check;
}

static struct err fill(void *arg)
{
    struct place *p = arg;
    struct message small = made_message(p, 1, S("a small body"), 1);
    TRY(accept_message(p, &small));
    struct body *body AUTO(body_auto_free) = body_new(p->store, 2);
    struct message large = made_message(p, 2, S(""), 1);
    for (size_t i = 0; i < 200; i++)
        TRY(body_add(body, &p->a, arena_fmt(&p->a, "%1000zu\r\n", i)));
    TRY(body_finish(body, &p->a, &large.body));
    return accept_message(p, &large);
}

static void each_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(damages); i++) {
        const struct damage *d = &damages[i];
        struct place p;
        struct said said;
        buf_init(&said.text, MIB);
        place_begin(&p);
        in_loop(fill, &p);
        MDB_txn *txn = NULL;
        assert_int_equal(mdb_txn_begin(p.store->env, NULL, 0, &txn), 0);
        d->make(&p, txn);
        assert_int_equal(mdb_txn_commit(txn), 0);
        struct store_check check = run_check(&p, false, &said);
        check_u64(d->name, check.findings > 0, d->finding != NULL);
        if (d->finding != NULL && !str_contains(buf_str(&said.text), str_from_c(d->finding)))
            check_failed("%s: said %.*s", d->name, ARG(buf_str(&said.text)));
        check_u64(d->name, check.repaired, 0);
        for (int round = 0; round < 3 && check.findings > 0; round++) // one repair bares the next
            check = run_check(&p, true, &said);
        check = run_check(&p, false, &said);
        if (check.findings != 0 && !d->stays)
            check_failed("%s: after the repair: %.*s", d->name, ARG(buf_str(&said.text)));
        place_end(&p);
        buf_done(&said.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(each_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
