// SPDX-License-Identifier: Apache-2.0
// queue/store/record.c: a message as a record. The tags are for ever: a field that goes leaves its
// number unused.
#include "queue/store/record.h"

#include "base/hash.h"
#include "queue/store/record_fields.h"

#define HEAD_LENGTH_BYTES 4
#define BODY_CHECKSUM_BYTES 4
#define CUT_BYTES 8

enum message_field_tag {
    M_CREATED = 1,
    M_SENDER = 2,
    M_FLAGS = 3,
    M_PRIORITY = 4,
    M_ENV_ID = 5,
    M_FROM_IP = 6,
    M_VIA_PORT = 7,
    M_ACCOUNT = 8,
    M_BY = 9,
    M_HOLD_UNTIL = 10,
    M_HELO = 11,
    M_TAG_NAME = 12, // followed by its M_TAG_VALUE
    M_TAG_VALUE = 13,
    M_TOP = 14,
    M_BODY_BYTES = 15,
    M_BODY_DIGEST = 16, // only of files
    M_UNIT_COUNT = 17,
    M_CUTS = 18,            // eight bytes each: where, how many
    M_QUOTA_REF_COUNT = 19, // before the first M_QUOTA_REF
    M_QUOTA_REF = 20,
    M_QUOTA_BYTES = 21,
    M_SUBMITTER = 22,
};
#define MESSAGE_NUMBERS                                                                            \
    (TAG(M_CREATED) | TAG(M_FLAGS) | TAG(M_PRIORITY) | TAG(M_VIA_PORT) | TAG(M_BY) |               \
            TAG(M_HOLD_UNTIL) | TAG(M_BODY_BYTES) | TAG(M_UNIT_COUNT) | TAG(M_QUOTA_REF_COUNT) |   \
            TAG(M_QUOTA_BYTES))

enum quota_ref_tag { Q_KEY = 1, Q_SCOPE = 2, Q_SUBJECT = 3 };

// Of lists of a message while it is read.
struct room {
    struct message_tag *tags;
    struct quota_ref *quota_refs;
    size_t quota_refs_most;
};

static void message_fields(const struct message *m, struct fields_out *out);
static void cuts_encode(const struct message *m, struct fields_out *out);
static void add_be32(struct buf *buf, uint32_t value);
static void quota_refs_encode(const struct message *m, struct fields_out *out);
static struct err head_decode(
        struct arena *a, uint64_t id, struct str value, struct message *out, struct str *out_rest);
static struct err head_open(struct str value, struct fields_in *out, struct str *out_rest);
static struct err message_field(
        struct arena *a, const struct field *f, struct message *m, struct room *room);
static struct err tag_add(
        struct arena *a, const struct field *f, struct message *m, struct room *room);
static struct err cuts_decode(struct arena *a, struct str bytes, struct message *m);
static struct err quota_refs_begin(
        struct arena *a, uint64_t count, struct message *m, struct room *room);
static struct err quota_ref_decode(struct str bytes, struct quota_ref *out);

void message_encode_head(const struct message *m, struct buf *out)
{
    size_t start = out->len;
    buf_add_repeat(out, '\0', HEAD_LENGTH_BYTES);
    struct fields_out fields = fields_begin(out);
    message_fields(m, &fields);
    fields_end(&fields);
    if (out->overflow)
        return;
    size_t head_bytes = out->len - start - HEAD_LENGTH_BYTES;
    for (size_t i = 0; i < HEAD_LENGTH_BYTES; i++)
        out->ptr[start + i] = (char)(head_bytes >> (8 * i) & 0xff);
}

size_t message_tail_bytes(const struct message *m)
{
    return m->body.place == BODY_INLINE ? m->body.inline_bytes.len + BODY_CHECKSUM_BYTES : 0;
}

void message_put_tail(const struct message *m, char *out)
{
    if (m->body.place != BODY_INLINE)
        return;
    struct str body = m->body.inline_bytes;
    uint32_t crc = hash_crc32c(0, body);
    if (body.len > 0)
        memcpy(out, body.ptr, body.len);
    for (size_t i = 0; i < BODY_CHECKSUM_BYTES; i++)
        out[body.len + i] = (char)(crc >> (8 * i) & 0xff);
}

static void message_fields(const struct message *m, struct fields_out *out)
{
    field_i64(out, M_CREATED, m->created_ms);
    field_str(out, M_SENDER, m->sender);
    field_u64(out, M_FLAGS, m->flags);
    field_i64(out, M_PRIORITY, m->priority);
    field_str(out, M_ENV_ID, m->env_id);
    field_ip(out, M_FROM_IP, &m->from_ip);
    field_u64(out, M_VIA_PORT, m->via_port);
    field_str(out, M_ACCOUNT, m->account);
    field_str(out, M_SUBMITTER, m->submitter);
    field_i64(out, M_BY, m->by_ms);
    field_i64(out, M_HOLD_UNTIL, m->hold_until_ms);
    field_str(out, M_HELO, m->helo);
    for (size_t i = 0; i < m->tag_count; i++) {
        field_str(out, M_TAG_NAME, m->tags[i].name);
        field_str(out, M_TAG_VALUE, m->tags[i].value);
    }
    field_str(out, M_TOP, m->top);
    field_u64(out, M_BODY_BYTES, m->body.bytes);
    if (m->body.place == BODY_FILE)
        field_str(out, M_BODY_DIGEST, str_of((const char *)m->body.digest, sizeof(m->body.digest)));
    field_u64(out, M_UNIT_COUNT, m->unit_count);
    cuts_encode(m, out);
    quota_refs_encode(m, out);
}

static void cuts_encode(const struct message *m, struct fields_out *out)
{
    struct buf bytes;
    assert(cuts_fit(m->cuts, m->cut_count, m->body.bytes));
    if (m->cut_count == 0)
        return;
    buf_init(&bytes, MESSAGE_CUTS_MAX * CUT_BYTES);
    for (size_t i = 0; i < m->cut_count; i++) {
        add_be32(&bytes, m->cuts[i].at);
        add_be32(&bytes, m->cuts[i].bytes);
    }
    out->buf->overflow |= bytes.overflow;
    field_str(out, M_CUTS, buf_str(&bytes));
    buf_done(&bytes);
}

static void add_be32(struct buf *buf, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_byte(buf, (char)(value >> shift & 0xff));
}

static void quota_refs_encode(const struct message *m, struct fields_out *outer)
{
    assert(m->quota_ref_count <= MESSAGE_QUOTA_REFS_MAX);
    field_u64(outer, M_QUOTA_REF_COUNT, m->quota_ref_count);
    field_u64(outer, M_QUOTA_BYTES, m->quota_bytes);
    for (size_t i = 0; i < m->quota_ref_count; i++) {
        struct fields_out out = field_nested_begin(outer, M_QUOTA_REF);
        field_u64(&out, Q_KEY, m->quota_refs[i].key);
        field_u64(&out, Q_SCOPE, m->quota_refs[i].scope);
        field_str(&out, Q_SUBJECT, m->quota_refs[i].subject);
        field_nested_end(&out);
    }
}

struct err message_decode(struct arena *a, uint64_t id, struct str value, struct message *out)
{
    struct str body;
    struct message m;
    TRY(head_decode(a, id, value, &m, &body));
    if (m.body.place == BODY_INLINE) {
        if (body.len < BODY_CHECKSUM_BYTES || body.len - BODY_CHECKSUM_BYTES != m.body.bytes)
            return fail(ERR_SYNTAX, "the message's body is cut short");
        m.body.inline_bytes = str_upto(body, m.body.bytes);
    }
    *out = m;
    return OK;
}

struct err message_decode_head(struct arena *a, uint64_t id, struct str head, struct message *out)
{
    struct str rest;
    return head_decode(a, id, head, out, &rest);
}

static struct err head_decode(
        struct arena *a, uint64_t id, struct str value, struct message *out, struct str *out_rest)
{
    struct fields_in in;
    struct field f;
    struct message m = {.id = id, .sender = S("")};
    struct room room = {0};
    TRY(head_open(value, &in, out_rest));
    while (field_next_of(&in, MESSAGE_NUMBERS, M_SUBMITTER, &f))
        TRY(message_field(a, &f, &m, &room));
    if (in.broken || m.quota_ref_count != room.quota_refs_most)
        return fail(ERR_SYNTAX, "the message's record makes no sense");
    if (!cuts_fit(m.cuts, m.cut_count, m.body.bytes))
        return fail(ERR_SYNTAX, "the message's record cuts out what is not there");
    *out = m;
    return OK;
}

size_t message_head_bytes(struct str value)
{
    size_t head_bytes = 0;
    if (value.len < HEAD_LENGTH_BYTES)
        return 0;
    for (size_t i = 0; i < HEAD_LENGTH_BYTES; i++)
        head_bytes |= (size_t)(uint8_t)value.ptr[i] << (8 * i);
    return head_bytes <= value.len - HEAD_LENGTH_BYTES ? HEAD_LENGTH_BYTES + head_bytes : 0;
}

static struct err head_open(struct str value, struct fields_in *out, struct str *out_rest)
{
    size_t head_bytes = message_head_bytes(value);
    if (head_bytes == 0)
        return fail(ERR_SYNTAX, "the record is cut short");
    *out_rest = str_from(value, head_bytes);
    return fields_open(str_from(str_upto(value, head_bytes), HEAD_LENGTH_BYTES), out);
}

static struct err message_field(
        struct arena *a, const struct field *f, struct message *m, struct room *room)
{
    switch ((enum message_field_tag)f->tag) {
    case M_CREATED:
        m->created_ms = field_signed(f);
        break;
    case M_SENDER:
        m->sender = f->bytes;
        break;
    case M_FLAGS:
        m->flags = (uint32_t)f->number;
        break;
    case M_PRIORITY:
        m->priority = (int)field_signed(f);
        break;
    case M_ENV_ID:
        m->env_id = f->bytes;
        break;
    case M_FROM_IP:
        if (!field_to_ip(f, &m->from_ip))
            return fail(ERR_SYNTAX, "the message's record has an address of a strange size");
        break;
    case M_VIA_PORT:
        m->via_port = (uint16_t)f->number;
        break;
    case M_ACCOUNT:
        m->account = f->bytes;
        break;
    case M_BY:
        m->by_ms = field_signed(f);
        break;
    case M_HOLD_UNTIL:
        m->hold_until_ms = field_signed(f);
        break;
    case M_HELO:
        m->helo = f->bytes;
        break;
    case M_TAG_NAME:
    case M_TAG_VALUE:
        return tag_add(a, f, m, room);
    case M_TOP:
        m->top = f->bytes;
        break;
    case M_BODY_BYTES:
        m->body.bytes = f->number;
        break;
    case M_BODY_DIGEST:
        if (f->bytes.len != BODY_DIGEST_BYTES)
            return fail(ERR_SYNTAX, "the message's record has a digest of a strange size");
        m->body.place = BODY_FILE;
        memcpy(m->body.digest, f->bytes.ptr, BODY_DIGEST_BYTES);
        break;
    case M_UNIT_COUNT:
        m->unit_count = (size_t)f->number;
        break;
    case M_CUTS:
        return cuts_decode(a, f->bytes, m);
    case M_QUOTA_REF_COUNT:
        return quota_refs_begin(a, f->number, m, room);
    case M_QUOTA_REF:
        if (m->quota_ref_count == room->quota_refs_most)
            return fail(ERR_SYNTAX, "the message's record has too many quotas");
        return quota_ref_decode(f->bytes, &room->quota_refs[m->quota_ref_count++]);
    case M_QUOTA_BYTES:
        m->quota_bytes = f->number;
        break;
    case M_SUBMITTER:
        m->submitter = f->bytes;
        break;
    }
    return OK;
}

static struct err tag_add(
        struct arena *a, const struct field *f, struct message *m, struct room *room)
{
    if (room->tags == NULL)
        m->tags = room->tags = arena_array(a, MESSAGE_TAGS_MAX, struct message_tag);
    if (room->tags == NULL)
        return fail(ERR_LIMIT, "no memory to read a message");
    if (f->tag == M_TAG_NAME && m->tag_count < MESSAGE_TAGS_MAX)
        room->tags[m->tag_count++].name = f->bytes;
    else if (f->tag == M_TAG_VALUE && m->tag_count > 0)
        room->tags[m->tag_count - 1].value = f->bytes;
    else
        return fail(ERR_SYNTAX, "the message's record has too many tags");
    return OK;
}

// Whether they fit the body is asked when all fields were read.
static struct err cuts_decode(struct arena *a, struct str bytes, struct message *m)
{
    size_t count = bytes.len / CUT_BYTES;
    struct scan in = scan_over(bytes);
    if (bytes.len % CUT_BYTES != 0 || count > MESSAGE_CUTS_MAX || m->cuts != NULL)
        return fail(ERR_SYNTAX, "the message's record cuts out what is not there");
    struct cut *cuts = arena_array(a, count + 1, struct cut);
    if (cuts == NULL)
        return fail(ERR_LIMIT, "no memory to read a message");
    for (size_t i = 0; scan_be32(&in, &cuts[i].at) && scan_be32(&in, &cuts[i].bytes); i++)
        m->cut_count++;
    m->cuts = cuts;
    return OK;
}

static struct err quota_refs_begin(
        struct arena *a, uint64_t count, struct message *m, struct room *room)
{
    if (count > MESSAGE_QUOTA_REFS_MAX || room->quota_refs != NULL)
        return fail(ERR_SYNTAX, "the message's record has too many quotas");
    room->quota_refs_most = (size_t)count;
    m->quota_refs = room->quota_refs = arena_array(a, (size_t)count + 1, struct quota_ref);
    return room->quota_refs != NULL ? OK : fail(ERR_LIMIT, "no memory to read a message");
}

static struct err quota_ref_decode(struct str bytes, struct quota_ref *out)
{
    struct fields_in in;
    struct field f;
    TRY(fields_open(bytes, &in));
    while (field_next_of(&in, TAG(Q_KEY) | TAG(Q_SCOPE), Q_SUBJECT, &f))
        switch ((enum quota_ref_tag)f.tag) {
        case Q_KEY:
            out->key = f.number;
            break;
        case Q_SCOPE:
            if (f.number > QUOTA_OF_RCPT)
                return fail(ERR_SYNTAX, "a quota of the message counts something unknown");
            out->scope = (enum quota_scope)f.number;
            break;
        case Q_SUBJECT:
            out->subject = f.bytes;
            break;
        }
    bool whole = !in.broken && out->key != 0;
    return whole ? OK : fail(ERR_SYNTAX, "a quota of the message makes no sense");
}

struct err message_check_body(struct str value, const struct message *m)
{
    uint32_t crc = 0;
    if (m->body.place != BODY_INLINE)
        return OK;
    struct str sum = str_from(value, value.len - BODY_CHECKSUM_BYTES);
    for (size_t i = 0; i < BODY_CHECKSUM_BYTES; i++)
        crc |= (uint32_t)(uint8_t)sum.ptr[i] << (8 * i);
    return crc == hash_crc32c(0, m->body.inline_bytes)
                   ? OK
                   : fail(ERR_SYNTAX, "the message's body does not match its checksum");
}
