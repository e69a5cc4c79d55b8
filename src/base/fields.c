// SPDX-License-Identifier: Apache-2.0
// base/fields.c: numbers are of seven bits a byte, the lowest first, as in so many formats; the
// lowest bit of a tag says whether bytes follow, with their count, or just the number.
#include "base/fields.h"

#include "base/hash.h"

#define VARINT_BYTES_MAX 10
#define NESTED_LENGTH_BYTES 4 // of fixed width: it is known only at the end

static void add_varint(struct buf *buf, uint64_t value);
static bool take_varint(struct scan *in, uint64_t *out);
static void add_tag(struct fields_out *out, uint32_t tag, bool bytes);

struct fields_out fields_begin(struct buf *buf)
{
    struct fields_out out = {.buf = buf, .start = buf->len};
    buf_add_byte(buf, FIELDS_VERSION);
    buf_add_byte(buf, 0);
    return out;
}

void fields_end(struct fields_out *out)
{
    if (out->buf->overflow)
        return;
    uint32_t crc = hash_crc32c(0, str_from(buf_str(out->buf), out->start));
    for (int shift = 0; shift < 32; shift += 8)
        buf_add_byte(out->buf, (char)(crc >> shift & 0xff));
}

static void add_varint(struct buf *buf, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_add_byte(buf, (char)(value | 0x80));
    buf_add_byte(buf, (char)value);
}

static void add_tag(struct fields_out *out, uint32_t tag, bool bytes)
{
    assert(tag > 0 && tag <= FIELD_TAG_MAX);
    add_varint(out->buf, (uint64_t)tag << 1 | bytes);
}

void field_u64(struct fields_out *out, uint32_t tag, uint64_t value)
{
    if (value == 0)
        return;
    add_tag(out, tag, false);
    add_varint(out->buf, value);
}

// Small negative numbers stay short: 0 -1 1 -2 2 become 0 1 2 3 4.
void field_i64(struct fields_out *out, uint32_t tag, int64_t value)
{
    field_u64(out, tag, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

void field_str(struct fields_out *out, uint32_t tag, struct str bytes)
{
    if (str_is_null(bytes))
        return;
    add_tag(out, tag, true);
    add_varint(out->buf, bytes.len);
    buf_add(out->buf, bytes);
}

void field_ip(struct fields_out *out, uint32_t tag, const struct ip *ip)
{
    if (ip->family != IP_NONE)
        field_str(out, tag, str_of((const char *)ip->bytes, ip->family == IP_V4 ? 4 : 16));
}

struct fields_out field_nested_begin(struct fields_out *out, uint32_t tag)
{
    add_tag(out, tag, true);
    buf_add_repeat(out->buf, '\0', NESTED_LENGTH_BYTES);
    return fields_begin(out->buf);
}

// The room left for the length is filled as a varint of four bytes, however small it is.
void field_nested_end(struct fields_out *nested)
{
    fields_end(nested);
    struct buf *buf = nested->buf;
    if (buf->overflow)
        return;
    size_t len = buf->len - nested->start;
    assert(len < (size_t)1 << (7 * NESTED_LENGTH_BYTES));
    char *at = buf->ptr + nested->start - NESTED_LENGTH_BYTES;
    for (size_t i = 0; i < NESTED_LENGTH_BYTES; i++)
        at[i] = (char)((len >> (7 * i) & 0x7f) | (i + 1 < NESTED_LENGTH_BYTES ? 0x80 : 0));
}

struct err fields_open(struct str record, struct fields_in *out)
{
    if (record.len < FIELDS_FRAME_BYTES)
        return fail(ERR_SYNTAX, "the record is cut short");
    if ((uint8_t)record.ptr[0] > FIELDS_VERSION)
        return fail(ERR_UNSUPPORTED, "the record was written by a newer version of this server");
    struct str framed = str_upto(record, record.len - 4);
    uint32_t crc = 0;
    for (size_t i = 0; i < 4; i++)
        crc |= (uint32_t)(uint8_t)record.ptr[framed.len + i] << (8 * i);
    if (crc != hash_crc32c(0, framed))
        return fail(ERR_SYNTAX, "the record's checksum is wrong");
    *out = (struct fields_in){.at = scan_over(str_from(framed, 2)),
            .version = (uint8_t)record.ptr[0],
            .flags = (uint8_t)record.ptr[1]};
    return OK;
}

bool field_next(struct fields_in *in, struct field *out)
{
    uint64_t head, value;
    if (scan_end(&in->at))
        return false;
    *out = (struct field){0};
    in->broken = true;
    if (!take_varint(&in->at, &head) || head >> 1 > FIELD_TAG_MAX || !take_varint(&in->at, &value))
        return false;
    out->tag = (uint32_t)(head >> 1);
    out->is_number = (head & 1) == 0;
    if (out->is_number)
        out->number = value;
    else if (value > scan_rest(&in->at).len || !scan_take(&in->at, value, &out->bytes))
        return false;
    in->broken = false;
    return true;
}

static bool take_varint(struct scan *in, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
        uint8_t byte;
        if (!scan_any(in, &byte) || (shift == 63 && byte > 1))
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

int64_t field_signed(const struct field *f)
{
    return (int64_t)(f->number >> 1 ^ (~(f->number & 1) + 1));
}

bool field_to_ip(const struct field *f, struct ip *out)
{
    if (f->is_number || (f->bytes.len != 4 && f->bytes.len != 16))
        return false;
    *out = (struct ip){.family = f->bytes.len == 4 ? IP_V4 : IP_V6};
    memcpy(out->bytes, f->bytes.ptr, f->bytes.len);
    return true;
}
