// SPDX-License-Identifier: Apache-2.0
// events/record.h: an event as bytes, on its way from a worker to the log writer. A record begins
// with its own length and needs nothing else to be understood: the fields of its span are in it.
// Numbers are in the machine's order: both ends run on it. The reading side trusts nothing, since a
// worker talks to strangers: a record is checked as a whole, then walked.
//
//     u32 length of all that follows | u8 version | u8 level | u16 event | u8 node | u8 slot
//     u16 0 | u32 sequence | i64 time in ms | u64 span (0: none) | fields
//     field: u8 name | u8 kind | value
//     value: text, bytes, list, event: u16 length and so many bytes | bool u8 | null nothing
//            ip: u8 family, 4 or 16 bytes | all others: 8 bytes
//     list: values with their kind before each | event: u16 event | fields
#pragma once

#include "events/event.h"

#define RECORD_VERSION 1
#define RECORD_HEAD_BYTES 32

struct record_head {
    enum event_id id;
    enum event_level level;
    uint8_t node, slot;
    uint32_t sequence; // of the worker's events; makes them distinct within a millisecond
    int64_t at_ms;
    uint64_t span_id;
};

// Into at most `room` bytes (at most EVENT_RECORD_BYTES_MAX are used); gives the record's length.
// Fields that do not fit are left out; those of the span that the event gives itself are not
// repeated.
size_t record_write(char *out, size_t room, const struct record_head *head, const struct span *span,
        const struct field *fields, size_t count);
// Only fields, for a span's start.
size_t record_write_fields(char *out, size_t room, const struct field *fields, size_t count);

struct record {
    struct record_head head;
    struct str fields; // checked
};
// Takes one record off the front of `bytes`. False when what stands there is none: where one ends
// cannot be known any more, so the rest is lost too.
bool record_take(struct str *bytes, struct record *out);

struct field_value {
    enum field_id field; // not of list items
    enum field_kind kind;
    union {
        uint64_t number;
        int64_t signed_number;
        double real;
        bool boolean;
    } is;
    struct ip ip;
    struct str text;     // text, bytes; of lists and events: what is in them
    enum event_id event; // of events
};
// Walks checked fields and list items; false at the end.
bool record_next_field(struct str *fields, struct field_value *out);
bool record_next_item(struct str *items, struct field_value *out);
