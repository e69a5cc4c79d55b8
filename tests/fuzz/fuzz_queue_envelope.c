// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_queue_envelope.c: documents that somebody wants to import as mail. What is read
// as an envelope is written, and what is read of that is written in the same way; nothing in it
// could end a command or a header.
#include "queue/envelope/envelope.h"

#define ARENA_BYTES ((size_t)64 * MIB)
#define NOW_MS INT64_C(1763768100123)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        assert((uint8_t)text.ptr[i] >= ' ' && text.ptr[i] != 127);
}

static void check_fields(struct str text)
{
    assert(text.len == 0 || str_ends(text, S("\r\n")));
    assert(!str_contains(text, S("\r\n\r\n")) && !str_starts(text, S("\r\n")));
}

static void check_message(const struct message *m)
{
    check_line(m->sender);
    check_line(m->env_id);
    assert(m->unit_count > 0);
    for (size_t i = 0; i < m->unit_count; i++) {
        check_fields(m->units[i].prefix_headers);
        assert(m->units[i].rcpt_count > 0 && m->units[i].rcpt_count <= UNIT_RCPTS_MAX);
        for (size_t j = 0; j < m->units[i].rcpt_count; j++) {
            check_line(m->units[i].rcpts[j].address);
            assert(m->units[i].rcpts[j].address.len > 0);
        }
    }
}

static void try_envelope(struct arena *a, struct str text, struct buf *first, struct buf *again)
{
    struct envelope e, back;
    if (failed(envelope_read(a, text, NOW_MS, &e)))
        return;
    check_message(&e.message);
    envelope_write(&e, first);
    assert(!first->overflow);
    struct err failure = envelope_read(a, buf_str(first), 1, &back);
    assert(!failed(failure));
    envelope_write(&back, again);
    assert(str_eq(buf_str(first), buf_str(again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf first, again;
    arena_init(&a, ARENA_BYTES);
    buf_init(&first, ARENA_BYTES);
    buf_init(&again, ARENA_BYTES);
    try_envelope(&a, str_of((const char *)data, size), &first, &again);
    buf_done(&first);
    buf_done(&again);
    arena_done(&a);
    return 0;
}
