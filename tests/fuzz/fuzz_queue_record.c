// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_queue_record.c: fields under a right checksum, as a defect or a person may have
// written them. What is read as a message or a unit is written again, and is the same then; what is
// cut out fits the body.
#include "base/fields.h"
#include "queue/store/record.h"

#define ARENA_BYTES ((size_t)64 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frame(struct buf *out, struct str fields)
{
    struct fields_out record = fields_begin(out);
    buf_add(out, fields);
    fields_end(&record);
}

static void try_message(struct arena *a, struct str fields, struct buf *first, struct buf *again)
{
    struct message m, back;
    buf_add_repeat(first, '\0', 4);
    frame(first, fields);
    for (size_t i = 0; i < 4; i++)
        first->ptr[i] = (char)((first->len - 4) >> (8 * i) & 0xff);
    if (failed(message_decode_head(a, 1, buf_str(first), &m)))
        return;
    assert(cuts_fit(m.cuts, m.cut_count, m.body.bytes));
    message_encode_head(&m, again);
    struct err e = message_decode_head(a, 1, buf_str(again), &back);
    assert(!failed(e));
    assert(back.cut_count == m.cut_count && back.quota_ref_count == m.quota_ref_count);
    assert(str_eq(back.sender, m.sender) && back.tag_count == m.tag_count);
    assert(message_bytes(&back) == message_bytes(&m));
}

static void try_unit(struct arena *a, struct str fields, struct buf *first, struct buf *again)
{
    struct unit u, back;
    frame(first, fields);
    if (failed(unit_decode(a, 1, 2, buf_str(first), &u)))
        return;
    unit_encode(&u, again);
    struct err e = unit_decode(a, 1, 2, buf_str(again), &back);
    assert(!failed(e));
    assert(back.rcpt_count == u.rcpt_count && back.due_ms == u.due_ms);
    for (size_t i = 0; i < u.rcpt_count; i++)
        assert(str_eq(back.rcpts[i].address, u.rcpts[i].address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str fields = str_of((const char *)data, size);
    struct arena a;
    struct buf first, again;
    arena_init(&a, ARENA_BYTES);
    buf_init(&first, MIB);
    buf_init(&again, ARENA_BYTES);
    if (size > 0 && data[0] == 'm')
        try_message(&a, str_from(fields, 1), &first, &again);
    if (size > 0 && data[0] == 'u')
        try_unit(&a, str_from(fields, 1), &first, &again);
    buf_done(&first);
    buf_done(&again);
    arena_done(&a);
    return 0;
}
