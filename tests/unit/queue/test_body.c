// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_body.c: bodies of every size around the limits, in pieces of every size;
// files shared by equal bodies; files that were damaged, removed, or never finished.
#include "place.h"

#include "queue/limits.h"

#include <fcntl.h>
#include <sys/stat.h>

static const size_t sizes[] = {0, 1, 4096, BODY_INLINE_BYTES_MAX - 1, BODY_INLINE_BYTES_MAX,
        BODY_INLINE_BYTES_MAX + 1, 2 * BODY_INLINE_BYTES_MAX, 2 * BODY_INLINE_BYTES_MAX + 1,
        1000003};

static char byte_at(size_t i)
{
    return (char)(i * 2654435761u >> 13);
}

static struct err fill(struct place *p, struct body *body, size_t size, size_t piece)
{
    char *bytes = arena_bytes(&p->a, piece);
    for (size_t at = 0; at < size; at += piece) {
        size_t now = size - at < piece ? size - at : piece;
        for (size_t i = 0; i < now; i++)
            bytes[i] = byte_at(at + i);
        TRY(body_add(body, &p->a, str_of(bytes, now)));
    }
    return OK;
}

static struct err check_content(struct place *p, const struct body_ref *ref, size_t size)
{
    struct body_reader *reader = NULL;
    size_t at = 0;
    TRY(body_open(p->store, &p->a, ref, BODY_STORED, &reader));
    for (;;) {
        struct str piece;
        TRY(body_next(reader, &p->a, &piece));
        if (str_is_null(piece))
            break;
        for (size_t i = 0; i < piece.len; i++, at++)
            if (piece.ptr[i] != byte_at(at))
                check_failed("size %zu: byte %zu is wrong", size, at);
    }
    check_u64("all of it", at, size);
    body_close(reader);
    return OK;
}

static size_t files_in_tmp(struct place *p)
{
    size_t removed = 0;
    struct err e = bodies_sweep(p->store, &p->a, INT64_MAX, &removed);
    check_str("sweep", err_text(e), S(""));
    return removed;
}

static struct err accept_body(struct place *p, uint64_t id, size_t size, struct body_ref *out)
{
    struct body *body AUTO(body_auto_free) = body_new(p->store, id);
    TRY(fill(p, body, size, 7777));
    struct message m = made_message(p, id, S(""), 1);
    TRY(body_finish(body, &p->a, &m.body));
    TRY(accept_message(p, &m));
    *out = m.body;
    if (out->place == BODY_INLINE)
        out->inline_bytes = arena_str(&p->a, out->inline_bytes);
    return OK;
}

static struct err all_sizes(void *arg)
{
    struct place *p = arg;
    static const size_t pieces[] = {1000, 65536, 300000};
    uint64_t id = 1;
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (size_t j = 0; j < COUNT_OF(pieces); j++, id++) {
            struct body *body AUTO(body_auto_free) = body_new(p->store, id);
            struct message m = made_message(p, id, S(""), 1), back;
            TRY(fill(p, body, sizes[i], pieces[j]));
            check_u64("counted", body_bytes(body), sizes[i]);
            TRY(body_finish(body, &p->a, &m.body));
            check_u64("place", m.body.place,
                    sizes[i] > BODY_INLINE_BYTES_MAX ? BODY_FILE : BODY_INLINE);
            TRY(accept_message(p, &m));
            TRY(store_read(p->store, &p->a, id, STORE_WITH_BODY, &back));
            check_u64("size", back.body.bytes, sizes[i]);
            TRY(check_content(p, &back.body, sizes[i]));
        }
    TRY(store_settle(p->store, &p->a));
    check_u64("nothing unfinished is left", files_in_tmp(p), 0);
    return OK;
}

static struct err equal_bodies(void *arg)
{
    struct place *p = arg;
    struct body_ref first, second, reader_first;
    TRY(accept_body(p, 1, 200000, &first));
    TRY(accept_body(p, 2, 200000, &second));
    assert_memory_equal(first.digest, second.digest, BODY_DIGEST_BYTES);
    struct store_change remove = {.kind = STORE_REMOVE, .id = 1};
    TRY(store_commit(p->store, &p->a, &remove, 1));
    TRY(check_content(p, &second, 200000)); // the other one still has it
    remove.id = 2;
    TRY(store_commit(p->store, &p->a, &remove, 1));
    TRY(store_settle(p->store, &p->a));
    struct body_reader *reader = NULL;
    check_u64("gone with the last", body_open(p->store, &p->a, &second, BODY_STORED, &reader).kind,
            ERR_NOT_FOUND);
    // Removed by another message's end, between being finished and being committed: it has a file
    // of its own until then.
    TRY(accept_body(p, 3, 200000, &reader_first));
    struct body *body AUTO(body_auto_free) = body_new(p->store, 4);
    struct message m = made_message(p, 4, S(""), 1);
    TRY(fill(p, body, 200000, 65536));
    TRY(body_finish(body, &p->a, &m.body));
    remove.id = 3;
    TRY(store_commit(p->store, &p->a, &remove, 1));
    TRY(store_settle(p->store, &p->a));
    TRY(accept_message(p, &m));
    return check_content(p, &m.body, 200000);
}

static struct str file_of(struct place *p, const struct body_ref *ref)
{
    struct buf hex;
    buf_init(&hex, KIB);
    for (size_t i = 0; i < BODY_DIGEST_BYTES; i++)
        buf_fmt(&hex, "%02x", ref->digest[i]);
    struct str path = arena_fmt(&p->a, "%.*s/%.2s/%.2s/%.*s", ARG(p->options.blob_folder), hex.ptr,
            hex.ptr + 2, ARG(buf_str(&hex)));
    buf_done(&hex);
    return path;
}

static struct err damage(void *arg)
{
    struct place *p = arg;
    static const struct {
        const char *name;
        int64_t at; // < 0: cut there instead
    } cases[] = {{"first byte", 17}, {"last byte", 200016}, {"the length", 5}, {"cut", -200000}};
    struct body_ref ref;
    for (uint64_t i = 0; i < COUNT_OF(cases); i++) {
        struct err e = OK;
        struct body_reader *reader = NULL;
        TRY(accept_body(p, 10 + i, 200000, &ref));
        TRY(store_settle(p->store, &p->a));
        struct str path = file_of(p, &ref);
        int fd = open(path.ptr, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        if (cases[i].at >= 0)
            assert_int_equal(pwrite(fd, "\x7f", 1, cases[i].at), 1);
        else
            assert_int_equal(ftruncate(fd, -cases[i].at), 0);
        close(fd);
        e = body_open(p->store, &p->a, &ref, BODY_STORED, &reader);
        for (struct str piece = S(""); !failed(e) && !str_is_null(piece);)
            e = body_next(reader, &p->a, &piece);
        check_u64(cases[i].name, e.kind, ERR_IO);
        body_close(reader);
        struct store_change remove = {.kind = STORE_REMOVE, .id = 10 + i};
        TRY(store_commit(p->store, &p->a, &remove, 1));
    }
    return OK;
}

static struct err left_behind(void *arg)
{
    struct place *p = arg;
    struct str path = arena_fmt(&p->a, "%.*s/tmp/00000000000000aa", ARG(p->options.blob_folder));
    int fd = open(path.ptr, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    size_t removed = 0;
    TRY(bodies_sweep(p->store, &p->a, 1000, &removed));
    check_u64("too young", removed, 0);
    check_u64("old enough", files_in_tmp(p), 1);
    struct body *body = body_new(p->store, 5);
    TRY(fill(p, body, 300000, 65536));
    body_free(body); // the client went away
    check_u64("nothing is left of it", files_in_tmp(p), 0);
    return OK;
}

static void bodies_come_back(void **state)
{
    (void)state;
    in_each_place(all_sizes);
}

static void files_are_shared(void **state)
{
    (void)state;
    in_each_place(equal_bodies);
}

static void damage_is_seen(void **state)
{
    (void)state;
    in_each_place(damage);
}

static void unfinished_files_go(void **state)
{
    (void)state;
    in_each_place(left_behind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(bodies_come_back),
            TEST(files_are_shared),
            TEST(damage_is_seen),
            TEST(unfinished_files_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
