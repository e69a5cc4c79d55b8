// SPDX-License-Identifier: Apache-2.0
// queue/store/record_unit.c: a unit and its recipients as a record. The tags are for ever: a field
// that goes leaves its number unused.
#include "queue/store/record.h"

#include "queue/store/record_fields.h"

enum unit_tag {
    U_VERSION = 1,
    U_DUE = 2,
    U_DOMAIN = 3,
    U_QUEUE = 4,
    U_SCHEDULE = 5,
    U_ROUTE_OVERRIDE = 6,
    U_PREFIX_HEADERS = 7,
    U_HOLD = 8,
    U_RCPT_COUNT = 9, // before the first U_RCPT
    U_RCPT = 10,
    U_EDITS = 11,
    U_PRIORITY = 12, // absent: 0
};
#define UNIT_NUMBERS (TAG(U_VERSION) | TAG(U_DUE) | TAG(U_RCPT_COUNT) | TAG(U_PRIORITY))

enum edits_tag { E_HAS = 1, E_ENV_ID = 2, E_PRIORITY = 3, E_TAG_NAME = 4, E_TAG_VALUE = 5 };
#define EDITS_NUMBERS (TAG(E_HAS) | TAG(E_PRIORITY))
enum edits_has { HAS_ENV_ID = 1, HAS_PRIORITY = 2, HAS_TAGS = 4 };

enum hold_tag { H_REASON = 1, H_TEXT = 2, H_BY = 3, H_SINCE = 4, H_UNTIL = 5, H_CLOCKS_AT = 6 };
#define HOLD_NUMBERS (TAG(H_REASON) | TAG(H_SINCE) | TAG(H_UNTIL) | TAG(H_CLOCKS_AT))

enum rcpt_tag {
    R_ADDRESS = 1,
    R_ORCPT_TYPE = 2,
    R_ORCPT = 3,
    R_FLAGS = 4,
    R_STATUS = 5,
    R_RETRY_COUNT = 6,
    R_RETRY_AT = 7,
    R_NOTIFY_COUNT = 8,
    R_NOTIFY_AT = 9, // absent: never
    R_EXPIRY_MS = 10,
    R_EXPIRY_ATTEMPTS = 11,
    R_OUTCOME = 12,
    R_BASE_MS = 13,
};
#define RCPT_NUMBERS                                                                               \
    (TAG(R_FLAGS) | TAG(R_STATUS) | TAG(R_RETRY_COUNT) | TAG(R_RETRY_AT) | TAG(R_NOTIFY_COUNT) |   \
            TAG(R_NOTIFY_AT) | TAG(R_EXPIRY_MS) | TAG(R_EXPIRY_ATTEMPTS) | TAG(R_BASE_MS))

enum outcome_tag {
    O_KIND = 1,
    O_ENTITY = 2,
    O_COMMAND = 3,
    O_HOST = 4,
    O_CODE = 5,
    O_ENHANCED = 6,
    O_TEXT = 7,
    O_AT = 8,
    O_CLASS = 9,
    O_STAGE = 10,
    O_REMOTE_IP = 11,
    O_SOURCE_IP = 12,
    O_TLS = 13,
    O_ELAPSED = 14,
};
#define OUTCOME_NUMBERS (TAG(O_KIND) | TAG(O_CODE) | TAG(O_AT) | TAG(O_ELAPSED))

static void hold_encode(const struct hold *h, struct fields_out *out);
static void edits_encode(const struct envelope_edits *edits, struct fields_out *out);
static void rcpt_encode(const struct recipient *r, struct fields_out *out);
static void outcome_encode(const struct outcome *o, struct fields_out *out);
static void passage_encode(const struct passage *p, struct fields_out *out);
static struct err unit_field(
        struct arena *a, const struct field *f, struct unit *u, size_t *rcpts_room);
static struct err hold_decode(struct str bytes, struct hold *out);
static struct err edits_decode(
        struct arena *a, struct str bytes, const struct envelope_edits **out);
static struct err edits_field(struct arena *a, const struct field *f, struct envelope_edits *edits);
static struct err rcpt_decode(struct arena *a, struct str bytes, struct recipient *out);
static struct err outcome_decode(struct arena *a, struct str bytes, struct outcome *out);
static struct err keep_passage(struct arena *a, const struct passage *passage, struct outcome *out);

void unit_encode(const struct unit *u, struct buf *buf)
{
    struct fields_out out = fields_begin(buf);
    field_u64(&out, U_VERSION, u->version);
    field_i64(&out, U_DUE, u->due_ms);
    field_str(&out, U_DOMAIN, u->domain);
    field_str(&out, U_QUEUE, u->queue);
    field_str(&out, U_SCHEDULE, u->schedule);
    field_str(&out, U_ROUTE_OVERRIDE, u->route_override);
    field_str(&out, U_PREFIX_HEADERS, u->prefix_headers);
    if (u->hold.reason != HOLD_NONE)
        hold_encode(&u->hold, &out);
    if (u->edits != NULL)
        edits_encode(u->edits, &out);
    if (u->priority != 0)
        field_i64(&out, U_PRIORITY, u->priority);
    field_u64(&out, U_RCPT_COUNT, u->rcpt_count);
    for (size_t i = 0; i < u->rcpt_count; i++)
        rcpt_encode(&u->rcpts[i], &out);
    fields_end(&out);
}

static void hold_encode(const struct hold *h, struct fields_out *outer)
{
    struct fields_out out = field_nested_begin(outer, U_HOLD);
    field_u64(&out, H_REASON, h->reason);
    field_str(&out, H_TEXT, h->text);
    field_str(&out, H_BY, h->by);
    field_i64(&out, H_SINCE, h->since_ms);
    field_i64(&out, H_UNTIL, h->until_ms);
    if (h->clocks_at_ms != 0)
        field_i64(&out, H_CLOCKS_AT, h->clocks_at_ms);
    field_nested_end(&out);
}

static void edits_encode(const struct envelope_edits *edits, struct fields_out *outer)
{
    struct fields_out out = field_nested_begin(outer, U_EDITS);
    field_u64(&out, E_HAS,
            (edits->has_env_id ? HAS_ENV_ID : 0u) | (edits->has_priority ? HAS_PRIORITY : 0u) |
                    (edits->has_tags ? HAS_TAGS : 0u));
    field_str(&out, E_ENV_ID, edits->env_id);
    field_i64(&out, E_PRIORITY, edits->priority);
    for (size_t i = 0; i < edits->tag_count; i++) {
        field_str(&out, E_TAG_NAME, edits->tags[i].name);
        field_str(&out, E_TAG_VALUE, edits->tags[i].value);
    }
    field_nested_end(&out);
}

static void rcpt_encode(const struct recipient *r, struct fields_out *outer)
{
    struct fields_out out = field_nested_begin(outer, U_RCPT);
    field_str(&out, R_ADDRESS, r->address);
    field_str(&out, R_ORCPT_TYPE, r->orcpt_type);
    field_str(&out, R_ORCPT, r->orcpt);
    field_u64(&out, R_FLAGS, r->flags);
    field_u64(&out, R_STATUS, r->status);
    field_u64(&out, R_RETRY_COUNT, r->retry_count);
    field_i64(&out, R_RETRY_AT, r->retry_at_ms);
    field_u64(&out, R_NOTIFY_COUNT, r->notify_count);
    if (r->notify_at_ms != NEVER_MS)
        field_i64(&out, R_NOTIFY_AT, r->notify_at_ms);
    if (r->expiry == EXPIRY_ATTEMPTS)
        field_u64(&out, R_EXPIRY_ATTEMPTS, r->expiry_attempts);
    field_i64(&out, R_EXPIRY_MS, r->expiry_ms);
    if (r->last.at_ms != 0)
        outcome_encode(&r->last, &out);
    if (r->base_ms != 0)
        field_i64(&out, R_BASE_MS, r->base_ms);
    field_nested_end(&out);
}

static void outcome_encode(const struct outcome *o, struct fields_out *outer)
{
    struct fields_out out = field_nested_begin(outer, R_OUTCOME);
    field_u64(&out, O_KIND, o->kind);
    field_str(&out, O_ENTITY, o->entity);
    field_str(&out, O_COMMAND, o->command);
    field_str(&out, O_HOST, o->host);
    field_u64(&out, O_CODE, o->code);
    field_str(&out, O_ENHANCED, o->enhanced);
    field_str(&out, O_TEXT, o->text);
    field_i64(&out, O_AT, o->at_ms);
    field_str(&out, O_CLASS, o->bounce_class);
    if (o->passage != NULL)
        passage_encode(o->passage, &out);
    field_nested_end(&out);
}

static void passage_encode(const struct passage *p, struct fields_out *out)
{
    field_str(out, O_STAGE, p->stage);
    field_str(out, O_REMOTE_IP, p->remote_ip);
    field_str(out, O_SOURCE_IP, p->source_ip);
    field_str(out, O_TLS, p->tls);
    if (p->elapsed_ms != 0)
        field_i64(out, O_ELAPSED, p->elapsed_ms);
}

struct err unit_decode(
        struct arena *a, uint64_t id, uint16_t number, struct str value, struct unit *out)
{
    struct fields_in in;
    struct field f;
    struct unit u = {.message_id = id, .number = number, .domain = S("")};
    size_t rcpts_room = 0;
    TRY(fields_open(value, &in));
    while (field_next_of(&in, UNIT_NUMBERS, U_PRIORITY, &f))
        TRY(unit_field(a, &f, &u, &rcpts_room));
    if (in.broken || u.rcpt_count != rcpts_room)
        return fail(ERR_SYNTAX, "the unit's record makes no sense");
    *out = u;
    return OK;
}

static struct err unit_field(
        struct arena *a, const struct field *f, struct unit *u, size_t *rcpts_room)
{
    switch ((enum unit_tag)f->tag) {
    case U_VERSION:
        u->version = (uint32_t)f->number;
        break;
    case U_DUE:
        u->due_ms = field_signed(f);
        break;
    case U_DOMAIN:
        u->domain = f->bytes;
        break;
    case U_QUEUE:
        u->queue = f->bytes;
        break;
    case U_SCHEDULE:
        u->schedule = f->bytes;
        break;
    case U_ROUTE_OVERRIDE:
        u->route_override = f->bytes;
        break;
    case U_PREFIX_HEADERS:
        u->prefix_headers = f->bytes;
        break;
    case U_HOLD:
        return hold_decode(f->bytes, &u->hold);
    case U_EDITS:
        return edits_decode(a, f->bytes, &u->edits);
    case U_PRIORITY:
        u->priority = (int)field_signed(f);
        break;
    case U_RCPT_COUNT:
        if (f->number > UNIT_RCPTS_MAX || u->rcpts != NULL)
            return fail(ERR_SYNTAX, "the unit's record has too many recipients");
        *rcpts_room = (size_t)f->number;
        u->rcpts = arena_array(a, *rcpts_room, struct recipient);
        if (u->rcpts == NULL)
            return fail(ERR_LIMIT, "no memory to read a message");
        break;
    case U_RCPT:
        if (u->rcpt_count == *rcpts_room)
            return fail(ERR_SYNTAX, "the unit's record has too many recipients");
        return rcpt_decode(a, f->bytes, &u->rcpts[u->rcpt_count++]);
    }
    return OK;
}

static struct err hold_decode(struct str bytes, struct hold *out)
{
    struct fields_in in;
    struct field f;
    TRY(fields_open(bytes, &in));
    while (field_next_of(&in, HOLD_NUMBERS, H_CLOCKS_AT, &f))
        switch ((enum hold_tag)f.tag) {
        case H_REASON:
            if (f.number > HOLD_QUARANTINE)
                return fail(ERR_SYNTAX, "the unit is held for an unknown reason");
            out->reason = (enum hold_reason)f.number;
            break;
        case H_TEXT:
            out->text = f.bytes;
            break;
        case H_BY:
            out->by = f.bytes;
            break;
        case H_SINCE:
            out->since_ms = field_signed(&f);
            break;
        case H_UNTIL:
            out->until_ms = field_signed(&f);
            break;
        case H_CLOCKS_AT:
            out->clocks_at_ms = field_signed(&f);
            break;
        }
    return in.broken ? fail(ERR_SYNTAX, "the unit's hold makes no sense") : OK;
}

static struct err edits_decode(struct arena *a, struct str bytes, const struct envelope_edits **out)
{
    struct fields_in in;
    struct field f;
    struct envelope_edits *edits = arena_make(a, struct envelope_edits);
    if (edits == NULL)
        return fail(ERR_LIMIT, "no memory to read a message");
    TRY(fields_open(bytes, &in));
    while (field_next_of(&in, EDITS_NUMBERS, E_TAG_VALUE, &f))
        TRY(edits_field(a, &f, edits));
    if (in.broken)
        return fail(ERR_SYNTAX, "what was changed of a message makes no sense");
    *out = edits;
    return OK;
}

static struct err edits_field(struct arena *a, const struct field *f, struct envelope_edits *edits)
{
    struct message_tag *tags = (struct message_tag *)(uintptr_t)edits->tags; // made below
    switch ((enum edits_tag)f->tag) {
    case E_HAS:
        edits->has_env_id = (f->number & HAS_ENV_ID) != 0;
        edits->has_priority = (f->number & HAS_PRIORITY) != 0;
        edits->has_tags = (f->number & HAS_TAGS) != 0;
        break;
    case E_ENV_ID:
        edits->env_id = f->bytes;
        break;
    case E_PRIORITY:
        edits->priority = (int)field_signed(f);
        break;
    case E_TAG_NAME:
        if (tags == NULL)
            edits->tags = tags = arena_array(a, MESSAGE_TAGS_MAX, struct message_tag);
        if (tags == NULL)
            return fail(ERR_LIMIT, "no memory to read a message");
        if (edits->tag_count == MESSAGE_TAGS_MAX)
            return fail(ERR_SYNTAX, "a message has too many tags");
        tags[edits->tag_count++] = (struct message_tag){.name = f->bytes, .value = S("")};
        break;
    case E_TAG_VALUE:
        if (edits->tag_count == 0)
            return fail(ERR_SYNTAX, "a tag has no name");
        tags[edits->tag_count - 1].value = f->bytes;
        break;
    }
    return OK;
}

static struct err rcpt_decode(struct arena *a, struct str bytes, struct recipient *out)
{
    struct fields_in in;
    struct field f;
    struct recipient r = {.address = S(""), .notify_at_ms = NEVER_MS};
    TRY(fields_open(bytes, &in));
    while (field_next_of(&in, RCPT_NUMBERS, R_BASE_MS, &f))
        switch ((enum rcpt_tag)f.tag) {
        case R_ADDRESS:
            r.address = f.bytes;
            break;
        case R_ORCPT_TYPE:
            r.orcpt_type = f.bytes;
            break;
        case R_ORCPT:
            r.orcpt = f.bytes;
            break;
        case R_FLAGS:
            r.flags = (uint32_t)f.number;
            break;
        case R_STATUS:
            if (f.number > RCPT_PERM_FAILED)
                return fail(ERR_SYNTAX, "a recipient has an unknown status");
            r.status = (enum rcpt_status)f.number;
            break;
        case R_RETRY_COUNT:
            r.retry_count = (uint32_t)f.number;
            break;
        case R_RETRY_AT:
            r.retry_at_ms = field_signed(&f);
            break;
        case R_NOTIFY_COUNT:
            r.notify_count = (uint32_t)f.number;
            break;
        case R_NOTIFY_AT:
            r.notify_at_ms = field_signed(&f);
            break;
        case R_EXPIRY_MS:
            r.expiry_ms = field_signed(&f);
            break;
        case R_EXPIRY_ATTEMPTS:
            r.expiry = EXPIRY_ATTEMPTS;
            r.expiry_attempts = (uint32_t)f.number;
            break;
        case R_OUTCOME:
            TRY(outcome_decode(a, f.bytes, &r.last));
            break;
        case R_BASE_MS:
            r.base_ms = field_signed(&f);
            break;
        }
    if (in.broken)
        return fail(ERR_SYNTAX, "a recipient's record makes no sense");
    *out = r;
    return OK;
}

static struct err outcome_decode(struct arena *a, struct str bytes, struct outcome *out)
{
    struct fields_in in;
    struct field f;
    struct passage passage = {0};
    TRY(fields_open(bytes, &in));
    while (field_next_of(&in, OUTCOME_NUMBERS, O_ELAPSED, &f))
        switch ((enum outcome_tag)f.tag) {
        case O_KIND:
            if (f.number > FAILURE_IO)
                return fail(ERR_SYNTAX, "a recipient failed in an unknown way");
            out->kind = (enum failure_kind)f.number;
            break;
        case O_ENTITY:
            out->entity = f.bytes;
            break;
        case O_COMMAND:
            out->command = f.bytes;
            break;
        case O_HOST:
            out->host = f.bytes;
            break;
        case O_CODE:
            out->code = (uint16_t)f.number;
            break;
        case O_ENHANCED:
            out->enhanced = f.bytes;
            break;
        case O_TEXT:
            out->text = f.bytes;
            break;
        case O_AT:
            out->at_ms = field_signed(&f);
            break;
        case O_CLASS:
            out->bounce_class = f.bytes;
            break;
        case O_STAGE:
            passage.stage = f.bytes;
            break;
        case O_REMOTE_IP:
            passage.remote_ip = f.bytes;
            break;
        case O_SOURCE_IP:
            passage.source_ip = f.bytes;
            break;
        case O_TLS:
            passage.tls = f.bytes;
            break;
        case O_ELAPSED:
            passage.elapsed_ms = field_signed(&f);
            break;
        }
    if (in.broken)
        return fail(ERR_SYNTAX, "a recipient's last attempt makes no sense");
    return str_is_null(passage.stage) ? OK : keep_passage(a, &passage, out);
}

static struct err keep_passage(struct arena *a, const struct passage *passage, struct outcome *out)
{
    struct passage *kept = arena_make(a, struct passage);
    if (kept == NULL)
        return fail(ERR_LIMIT, "no memory for a recipient's last attempt");
    *kept = *passage;
    out->passage = kept;
    return OK;
}
