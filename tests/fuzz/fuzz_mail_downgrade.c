// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_mail_downgrade.c: any message that can be converted to 7 bits keeps what its
// leaves stand for and has no 8-bit octet left outside of headers, however it is cut into pieces;
// what came out needs no other conversion. The first octet says how it is cut, and whether it came
// as binary.
#include "downgrade_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_lines(struct buf *out, struct str bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct buf message AUTO(buf_done), whole AUTO(buf_done), cut AUTO(buf_done),
            again AUTO(buf_done);
    buf_init(&message, DOWNGRADE_BYTES_MAX);
    buf_init(&whole, DOWNGRADE_BYTES_MAX);
    buf_init(&cut, DOWNGRADE_BYTES_MAX);
    buf_init(&again, DOWNGRADE_BYTES_MAX);
    add_lines(&message, str_of((const char *)data + 1, size - 1));
    struct str text = buf_str(&message);
    uint32_t wishes = MIME_WISH_7BIT;
    if ((data[0] & 0x80) != 0)
        wishes |= MIME_WISH_LINES;
    struct mime_downgrade_plan plan = downgrade_run_as(wishes, text, SIZE_MAX / 2, &whole);
    struct mime_downgrade_plan same = downgrade_run_as(wishes, text, 1 + data[0] % 64, &cut);
    assert(plan.is_possible == same.is_possible && plan.is_needed == same.is_needed);
    assert(str_eq(buf_str(&whole), buf_str(&cut)));
    if (!plan.is_possible)
        return 0;
    assert(plan.is_needed || str_eq(text, buf_str(&whole)));
    downgrade_check(text, buf_str(&whole));
    same = downgrade_run_as(wishes, buf_str(&whole), SIZE_MAX / 2, &again);
    assert(!same.is_needed && same.bytes == plan.bytes);
    return 0;
}

// mail/mime.c takes an LF alone for no line end where there is CRLF: here there is none alone.
static void add_lines(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] == '\n' && (out->len == 0 || out->ptr[out->len - 1] != '\r'))
            buf_add_byte(out, '\r');
        buf_add_byte(out, bytes.ptr[i]);
    }
    if (out->len > 0 && !str_contains(buf_str(out), S("\r\n")))
        buf_add(out, S("\r\n"));
}
