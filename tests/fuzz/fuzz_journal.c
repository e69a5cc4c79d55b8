// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_journal.c: entries of the queue's journal. Whatever lies on the disk, reading it
// stays inside, comes to an end, and what was understood is written again as the same bytes.
#include "queue/store/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(struct str bytes);
static void check_changes(struct str payload);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    check_head(bytes);
    check_changes(bytes);
    check_changes(str_from(bytes, JOURNAL_HEAD_BYTES));
    return 0;
}

// The checksum stops most of what is thrown at it: so any bytes are also made into a head.
static void check_head(struct str bytes)
{
    struct journal_head head, again;
    char text[JOURNAL_HEAD_BYTES], twice[JOURNAL_HEAD_BYTES];
    if (journal_head_read(bytes, &head)) {
        journal_head_put(&head, text);
        assert(journal_head_read(str_of(text, sizeof(text)), &again));
        journal_head_put(&again, twice);
        assert(memcmp(text, twice, sizeof(text)) == 0);
    }
    if (bytes.len < sizeof(head.segment) + 1)
        return;
    head = (struct journal_head){.kind = JOURNAL_CHANGES, .slot = (uint8_t)bytes.ptr[0]};
    memcpy(&head.segment, bytes.ptr + 1, sizeof(head.segment));
    head.sequence = ~head.segment;
    head.payload_bytes = (uint32_t)head.segment;
    journal_head_put(&head, text);
    assert(journal_head_read(str_of(text, sizeof(text)), &again));
    assert(again.segment == head.segment && again.sequence == head.sequence);
    assert(journal_entry_bytes(&again) % SEGMENT_BLOCK_BYTES == 0);
    assert(journal_entry_bytes(&again) >= (uint64_t)head.payload_bytes + JOURNAL_HEAD_BYTES);
}

static void check_changes(struct str payload)
{
    struct scan in = scan_over(payload);
    struct overlay_change change;
    for (size_t before = 0; journal_change_read(&in, &change); before = scan_offset(&in)) {
        char text[JOURNAL_CHANGE_HEAD_BYTES + KEY_BYTES_MAX];
        struct scan again = scan_over(str_from(payload, before));
        struct overlay_change twice;
        assert(scan_offset(&in) > before);
        assert(change.key.len > 0 && change.key.len <= KEY_BYTES_MAX && change.db < DB_META);
        journal_change_put(&change, change.value.len, text);
        assert(memcmp(text + JOURNAL_CHANGE_HEAD_BYTES, change.key.ptr, change.key.len) == 0);
        assert(journal_change_read(&again, &twice));
        assert(str_eq(twice.key, change.key) && str_eq(twice.value, change.value));
    }
}
