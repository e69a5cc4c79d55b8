// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_suppress.c: a file that is imported into the suppression list, line by line, and
// a record of the list. What is read and written comes back the same.
#include "queue/control/suppress_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(struct arena *a, const struct suppress_entry *entry)
{
    struct suppress_entry again;
    struct buf record;
    buf_init(&record, SUPPRESS_RECORD_BYTES_MAX);
    suppress_record_add(&record, entry);
    if (!record.overflow) {
        struct err e = suppress_record_read(a, buf_str(&record), &again);
        assert(e.kind == ERR_LIMIT || !failed(e));
        assert(failed(e) || str_eq(again.address, entry->address));
        assert(failed(e) || again.until_ms == entry->until_ms);
    }
    buf_done(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_of((const char *)data, size), line;
    struct suppress_entry entry;
    struct arena a;
    bool is_entry;
    arena_init(&a, 8 * MIB);
    if (!failed(suppress_record_read(&a, all, &entry)))
        write_and_read(&a, &entry);
    for (struct scan in = scan_over(all); scan_line(&in, &line);) {
        if (failed(suppress_line_read(&a, line, &entry, &is_entry)) || !is_entry)
            continue;
        struct str address;
        assert(entry.text.len <= SUPPRESS_TEXT_BYTES_MAX && str_is_utf8(entry.text));
        write_and_read(&a, &entry);
        struct err e = suppress_address(&a, entry.address, &address);
        assert(e.kind == ERR_LIMIT || e.kind == ERR_SYNTAX || !failed(e));
    }
    arena_done(&a);
    return 0;
}
