// SPDX-License-Identifier: Apache-2.0
// base/fields.h: the form of all that stores keep: one byte of format version, one of flags,
// fields, and a CRC-32C over what stands before it (operations.md 2.2). A field is a tag and a
// number or bytes. Numbers that are 0 and texts that are absent are not written; tags that are not
// known are passed over, so that a record of a newer minor version can be read.
//
//     struct fields_out out = fields_begin(&buf);
//     field_u64(&out, TAG_SIZE, size);
//     field_str(&out, TAG_SENDER, sender);
//     fields_end(&out);
#pragma once

#include "base/base.h"
#include "base/ip.h"

#define FIELDS_VERSION 1
#define FIELDS_FRAME_BYTES 6 // version, flags, checksum
#define FIELD_TAG_MAX 1000

struct fields_out {
    struct buf *buf;
    size_t start;
};

struct fields_out fields_begin(struct buf *buf);
void fields_end(struct fields_out *out);

void field_u64(struct fields_out *out, uint32_t tag, uint64_t value);
void field_i64(struct fields_out *out, uint32_t tag, int64_t value);
void field_str(struct fields_out *out, uint32_t tag, struct str bytes);
void field_ip(struct fields_out *out, uint32_t tag, const struct ip *ip);
// A record within the record, with a frame and a checksum of its own; between the two calls
// fields go to what the first one returned.
struct fields_out field_nested_begin(struct fields_out *out, uint32_t tag);
void field_nested_end(struct fields_out *nested);

struct field {
    uint32_t tag;
    bool is_number;
    uint64_t number;
    struct str bytes;
};

struct fields_in {
    struct scan at;
    uint8_t version, flags;
    bool broken; // the bytes are no fields, although the checksum is right
};

// The errors: ERR_SYNTAX for damage, ERR_UNSUPPORTED for a format newer than ours.
struct err fields_open(struct str record, struct fields_in *out) MUST_USE;
bool field_next(struct fields_in *in, struct field *out);

int64_t field_signed(const struct field *f);
bool field_to_ip(const struct field *f, struct ip *out);
