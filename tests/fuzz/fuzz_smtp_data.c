// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_smtp_data.c: DATA in any split gives what it gives whole, and what a simple
// reader of one octet after the other gives. Input: policy and framing, the lengths of reads, the
// octets.
#define POSTHASTE_BASE_ROOM
#include "simple_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SPLITS 8

static void run(struct data_reader *d, const uint8_t *splits, struct str in, struct buf *out,
        size_t *out_left)
{
    size_t done = 0;
    *out_left = 0;
    for (size_t i = 0; done < in.len; i++) {
        size_t now = splits == NULL ? in.len : (size_t)splits[i % SPLITS] % 40 + 1;
        struct scan read = scan_over(str_part(in, done, now));
        struct str piece;
        done += now < in.len - done ? now : in.len - done;
        while (data_next(d, &read, &piece) == DATA_PIECE)
            buf_add(out, piece);
        if (d->state == DATA_ENDED) {
            *out_left = scan_rest(&read).len + (in.len - done);
            return;
        }
    }
    if (d->framing != DATA_DOTTED) {
        struct str piece;
        while (data_finish(d, &piece) == DATA_PIECE)
            buf_add(out, piece);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < SPLITS + 1)
        return 0;
    struct data_reader whole = {.policy = data[0] % 3}, split = whole;
    enum data_framing framing = (enum data_framing)(data[0] / 3 % 3);
    struct str in = str_of((const char *)data + SPLITS + 1, size - SPLITS - 1);
    struct buf a, b, c;
    size_t left_a, left_b, left_c;
    bool ended;
    buf_init(&a, 16 * MIB);
    buf_init(&b, 16 * MIB);
    buf_init(&c, 16 * MIB);
    data_begin(&whole, framing);
    data_begin(&split, framing);
    run(&whole, NULL, in, &a, &left_a);
    run(&split, data + 1, in, &b, &left_b);
    assert(str_eq(buf_str(&a), buf_str(&b)));
    assert(left_a == left_b && whole.state == split.state);
    assert(whole.nul_count == split.nul_count && whole.has_8bit == split.has_8bit);
    assert(whole.bare_lf_count == split.bare_lf_count);
    assert(whole.bare_cr_count == split.bare_cr_count);
    if (framing != DATA_BINARY) {
        simple_data(in, whole.policy, framing == DATA_DOTTED, &c, &ended, &left_c);
        assert(ended == (framing == DATA_DOTTED && whole.state == DATA_ENDED));
        assert(!ended || left_c == left_a);
        assert(framing == DATA_DOTTED && !ended ? str_starts(buf_str(&c), buf_str(&a))
                                                : str_eq(buf_str(&c), buf_str(&a)));
    }
    buf_done(&a);
    buf_done(&b);
    buf_done(&c);
    return 0;
}
