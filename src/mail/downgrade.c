// SPDX-License-Identifier: Apache-2.0
// mail/downgrade.c: the parts of a message that goes by, and what becomes of each. Both readings
// walk in the same way, line by line; the first one encodes as well, for the length, and takes it
// back at the end of a leaf in which there was nothing to encode.
//
// The line end before a boundary line belongs to the boundary (RFC 2046 5.1.1), so each line end of
// a content is held back until it is known what the next line is. A boundary of an outer multipart
// ends all that is inside, as in mail/mime.c, which cuts from the outside.
#include "mail/downgrade.h"

#include "mail/downgrade_leaf.h"
#include "mail/head.h"

#define SLICE_BYTES (16 * KIB)    // at a time, in the first reading
#define HELD_BYTES_MAX (4 * KIB)  // of a line that may be a boundary, or begin a field
#define TYPE_BYTES_MAX (16 * KIB) // of a Content-Type
#define FIELD_MEMORY_MAX MIB      // to read it
#define BOUNDARY_BYTES_MAX 1024   // 70 in RFC 2046 5.1.1; real ones are longer
#define LINE_OCTETS_MAX 998       // RFC 5321 4.5.3.1.6
#define SCRATCH_BYTES_MAX MIME_DOWNGRADE_BYTES_MAX(SLICE_BYTES)

enum place { IN_HEAD, IN_LEAF, OUTSIDE }; // outside: in a preamble, an epilogue, or no part at all

struct level { // a multipart or message in which we are
    size_t part;
    size_t boundary_at, boundary_bytes; // 0 bytes: a message, or none that can be found
    bool is_multipart, is_digest;
    bool is_over; // its last boundary has been
    bool has_parts;
    bool has_8bit, outside_has_8bit;
    bool may_change; // it is said to be 8bit
    bool is_binary;  // or binary, which must not be said any more
    int64_t gain;    // in octets of its header, if it changes
};

struct head { // of a part, while it is read
    struct mime_part part;
    size_t fields;
    enum head_name field; // the current one
    uint64_t dropped;     // octets of Content-Transfer-Encoding
    bool had_type, has_version, has_mime, has_lines;
    bool in_digest, is_of_message;
    bool is_too_long;
};

struct mime_downgrade {
    const struct mime_downgrade_plan *plan; // NULL: this is the first reading
    struct mime_downgrade_plan notes;
    enum place place;
    struct level levels[MIME_DEPTH_MAX];
    size_t level_count;
    struct buf boundaries; // of all levels
    size_t part, part_count;
    struct head head;
    struct arena memory;    // of the head
    struct buf field;       // Content-Type or Content-Transfer-Encoding
    struct buf whole_field; // held back until it is known whether it must be written anew
    bool field_passes;      // it was too long for that
    struct leaf_encoder leaf;
    bool leaf_has_8bit, leaf_is_impossible;
    bool leaf_wants_lines; // of a binary message: what cannot stand in a line counts as 8-bit
    size_t line_octets;    // of the current line of the leaf
    int64_t leaf_gain;
    uint64_t leaf_raw_bytes, leaf_began; // what came of it; how much was produced before it
    struct buf held;                     // a line's beginning
    bool in_line;                        // it is known what the line is, and more of it comes
    struct str line_end;                 // of the content, held back: CR, LF, CRLF
    struct buf scratch;
    struct buf *out;
    uint64_t produced;
    int64_t correction; // for what the first reading produced, and the second one will not
};

static struct mime_downgrade *begin(const struct mime_downgrade_plan *plan, uint32_t wishes);
static bool wishes(const struct mime_downgrade *d, enum mime_wish wish);
static void add_piece(struct mime_downgrade *d, struct str piece);
static void add_to_line(struct mime_downgrade *d, struct str bytes, bool ended);
static bool is_undecided(const struct mime_downgrade *d, struct str line);
static void begin_line(struct mime_downgrade *d, struct str line, bool ended);
static bool find_boundary(
        const struct mime_downgrade *d, struct str line, size_t *out_level, bool *out_last);
static void pass_boundary(struct mime_downgrade *d, size_t level, struct str line, bool last);
static void begin_part(struct mime_downgrade *d, bool in_digest, bool is_of_message);
static void head_line(struct mime_downgrade *d, struct str line, bool ended);
static void head_more(struct mime_downgrade *d, struct str bytes);
static void hold_field(struct mime_downgrade *d, struct str bytes);
static void put_field(struct mime_downgrade *d, struct str bytes);
static void end_field(struct mime_downgrade *d);
static void release_field(struct mime_downgrade *d);
static void end_head(struct mime_downgrade *d, struct str empty_line);
static bool is_composite(const struct mime_downgrade *d);
static void begin_level(struct mime_downgrade *d);
static void begin_leaf(struct mime_downgrade *d);
static bool is_never_encoded(struct str type);
static bool is_said_binary(const struct mime_downgrade *d, const struct mime_part *part);
static void end_leaf(struct mime_downgrade *d, bool message_ends);
static void end_level(struct mime_downgrade *d);
static void content(struct mime_downgrade *d, struct str bytes);
static void content_line_end(struct mime_downgrade *d);
static void content_octets(struct mime_downgrade *d, struct str bytes);
static bool is_7bit(const struct mime_downgrade *d, struct str bytes);
static bool is_plain(const struct mime_downgrade *d, uint8_t c);
static void leave_outside(struct mime_downgrade *d, struct str bytes);
static void put(struct mime_downgrade *d, struct str bytes);
static bool changes(const struct mime_downgrade *d);
static void note_change(struct mime_downgrade *d, size_t part, int64_t gain);
static struct err trouble(const struct mime_downgrade *d);

struct mime_downgrade *mime_downgrade_first(uint32_t wishes)
{
    return begin(NULL, wishes);
}

struct mime_downgrade *mime_downgrade_second(const struct mime_downgrade_plan *plan)
{
    assert(plan->is_possible);
    return begin(plan, plan->wishes);
}

static struct mime_downgrade *begin(const struct mime_downgrade_plan *plan, uint32_t wishes)
{
    struct mime_downgrade *d = mem_new(struct mime_downgrade);
    if (d == NULL)
        return NULL;
    assert((wishes & MIME_WISH_LINES) == 0 || (wishes & MIME_WISH_7BIT) != 0);
    d->plan = plan;
    d->notes.is_possible = true;
    d->notes.wishes = wishes;
    buf_init(&d->boundaries, MIME_DEPTH_MAX * BOUNDARY_BYTES_MAX);
    buf_init(&d->field, TYPE_BYTES_MAX);
    buf_init(&d->whole_field, DOWNGRADE_FIELD_BYTES_MAX);
    buf_init(&d->held, HELD_BYTES_MAX);
    buf_init(&d->scratch, SCRATCH_BYTES_MAX);
    arena_init(&d->memory, FIELD_MEMORY_MAX);
    begin_part(d, false, true);
    return d;
}

static bool wishes(const struct mime_downgrade *d, enum mime_wish wish)
{
    return (d->notes.wishes & (uint32_t)wish) != 0;
}

void mime_downgrade_free(struct mime_downgrade *d)
{
    if (d == NULL)
        return;
    buf_done(&d->boundaries);
    buf_done(&d->field);
    buf_done(&d->whole_field);
    buf_done(&d->held);
    buf_done(&d->scratch);
    arena_done(&d->memory);
    mem_free(d);
}

struct err mime_downgrade_add(struct mime_downgrade *d, struct str piece, struct buf *out)
{
    assert((out == NULL) == (d->plan == NULL));
    d->out = out != NULL ? out : &d->scratch;
    while (piece.len > 0) {
        struct str slice = str_upto(piece, SLICE_BYTES);
        buf_clear(&d->scratch);
        add_piece(d, slice);
        TRY(trouble(d));
        piece = str_from(piece, slice.len);
    }
    return OK;
}

struct err mime_downgrade_end(struct mime_downgrade *d, struct buf *out)
{
    assert((out == NULL) == (d->plan == NULL));
    d->out = out != NULL ? out : &d->scratch;
    buf_clear(&d->scratch);
    if (d->held.len > 0)
        begin_line(d, buf_str(&d->held), true);
    buf_clear(&d->held);
    content_line_end(d);
    if (d->place == IN_LEAF)
        end_leaf(d, true);
    else if (d->place == IN_HEAD)
        end_field(d);
    while (d->level_count > 0)
        end_level(d);
    d->notes.bytes = d->produced + (uint64_t)d->correction;
    return trouble(d);
}

struct mime_downgrade_plan mime_downgrade_plan(const struct mime_downgrade *d)
{
    assert(d->plan == NULL);
    return d->notes;
}

static struct err trouble(const struct mime_downgrade *d)
{
    bool full = d->out->overflow || d->held.overflow || d->boundaries.overflow;
    return full ? fail(ERR_LIMIT, "no memory to convert a message to 7 bits") : OK;
}

// --- Lines ---------------------------------------------------------------------------------------

static void add_piece(struct mime_downgrade *d, struct str piece)
{
    while (piece.len > 0) {
        size_t at = str_find_byte(piece, '\n');
        bool ended = at != STR_NOT_FOUND;
        struct str bytes = str_upto(piece, ended ? at + 1 : piece.len);
        add_to_line(d, bytes, ended);
        piece = str_from(piece, bytes.len);
    }
}

// What a line is, is decided by its first HELD_BYTES_MAX octets at most, in however many pieces
// they come.
static void add_to_line(struct mime_downgrade *d, struct str bytes, bool ended)
{
    if (!d->in_line) {
        struct str line = str_upto(bytes, HELD_BYTES_MAX - d->held.len);
        bool whole = ended && line.len == bytes.len;
        bytes = str_from(bytes, line.len);
        if (!whole || d->held.len > 0) {
            buf_add(&d->held, line);
            line = buf_str(&d->held);
        }
        if (!whole && line.len < HELD_BYTES_MAX && is_undecided(d, line))
            return;
        begin_line(d, line, whole);
        buf_clear(&d->held);
        d->in_line = true;
    }
    if (d->place == IN_HEAD)
        head_more(d, bytes);
    else
        content(d, bytes);
    d->in_line = !ended;
}

static bool is_undecided(const struct mime_downgrade *d, struct str line)
{
    return d->place == IN_HEAD || (d->boundaries.len > 0 && str_starts(S("--"), str_upto(line, 2)));
}

static void begin_line(struct mime_downgrade *d, struct str line, bool whole)
{
    size_t level;
    bool last;
    if (whole && find_boundary(d, line, &level, &last))
        pass_boundary(d, level, line, last);
    else if (d->place == IN_HEAD)
        head_line(d, line, whole);
    else
        content(d, line);
}

static bool find_boundary(
        const struct mime_downgrade *d, struct str line, size_t *out_level, bool *out_last)
{
    if (!str_starts(line, S("--")))
        return false;
    for (size_t i = 0; i < d->level_count; i++) {
        const struct level *l = &d->levels[i];
        struct str boundary = str_part(buf_str(&d->boundaries), l->boundary_at, l->boundary_bytes);
        *out_level = i;
        if (!l->is_over && boundary.len > 0 && mime_is_boundary(line, boundary, out_last))
            return true;
    }
    return false;
}

static void pass_boundary(struct mime_downgrade *d, size_t level, struct str line, bool last)
{
    if (d->place == IN_LEAF)
        end_leaf(d, false);
    else if (d->place == IN_HEAD)
        end_field(d);
    while (d->level_count > level + 1)
        end_level(d);
    put(d, d->line_end);
    put(d, line);
    d->line_end = S("");
    d->place = OUTSIDE;
    d->levels[level].is_over = last;
    if (last)
        return;
    d->levels[level].has_parts = true;
    begin_part(d, d->levels[level].is_digest, false);
}

// --- Headers -------------------------------------------------------------------------------------

static void begin_part(struct mime_downgrade *d, bool in_digest, bool is_of_message)
{
    arena_reset(&d->memory);
    buf_clear(&d->field);
    d->part = d->part_count++;
    d->place = IN_HEAD;
    d->head = (struct head){.in_digest = in_digest, .is_of_message = is_of_message};
}

// A line at its beginning, as mail_field_next would see it; when it is not whole, head_more gets
// the rest.
static void head_line(struct mime_downgrade *d, struct str line, bool whole)
{
    struct head *h = &d->head;
    struct scan in = scan_over(line);
    struct mail_field field;
    bool is_first = !h->has_lines;
    h->has_lines = true;
    if (whole && str_is_empty(mail_line_trim(line, MAIL_LF))) {
        end_head(d, line);
        return;
    }
    bool goes_on = !is_first && byte_is_blank((uint8_t)line.ptr[0]);
    if (!goes_on) {
        end_field(d);
        h->field = HEAD_OTHER;
        if (!(is_first && str_starts(line, S("From "))) && h->fields < MIME_FIELDS_MAX &&
                mail_field_next(&in, MAIL_LF, &field)) {
            h->fields++;
            h->field = head_name_of(field.name);
            h->has_version |= h->field == HEAD_MIME_VERSION;
            h->has_mime |= h->has_version || str_starts_nocase(field.name, S("Content-"));
        }
    }
    head_more(d, line);
}

// The field that says the encoding is left out where another one will be said.
static void head_more(struct mime_downgrade *d, struct str bytes)
{
    struct head *h = &d->head;
    bool is_encoding = h->field == HEAD_CONTENT_TRANSFER_ENCODING;
    if (is_encoding || h->field == HEAD_CONTENT_TYPE)
        buf_add(&d->field, bytes);
    if (!str_is_ascii(bytes))
        d->notes.heads_have_8bit = true;
    if (wishes(d, MIME_WISH_ASCII_HEADS))
        hold_field(d, bytes);
    else
        put_field(d, bytes);
}

static void put_field(struct mime_downgrade *d, struct str bytes)
{
    struct head *h = &d->head;
    bool is_encoding = h->field == HEAD_CONTENT_TRANSFER_ENCODING;
    if (is_encoding)
        h->dropped += bytes.len;
    if (!is_encoding || !changes(d))
        put(d, bytes);
}

// Octets of a field that is too long pass by: nothing is wrong with them as long as they are ASCII.
static void hold_field(struct mime_downgrade *d, struct str bytes)
{
    bool fits = bytes.len <= DOWNGRADE_FIELD_BYTES_MAX - d->whole_field.len;
    if (d->field_passes || !fits) {
        if (!d->field_passes && !str_is_ascii(buf_str(&d->whole_field)))
            d->notes.is_possible = false;
        put_field(d, buf_str(&d->whole_field));
        buf_clear(&d->whole_field);
        put_field(d, bytes);
        d->field_passes = true;
        d->notes.is_possible = d->notes.is_possible && str_is_ascii(bytes);
        return;
    }
    buf_add(&d->whole_field, bytes);
}

static void end_field(struct mime_downgrade *d)
{
    struct head *h = &d->head;
    struct scan in = scan_over(buf_str(&d->field));
    struct mail_field field;
    h->is_too_long |= d->field.overflow;
    if (!d->field.overflow && mail_field_next(&in, MAIL_LF, &field) &&
            !mime_part_note(&d->memory, &h->part, &field, &h->had_type))
        h->is_too_long = true;
    buf_clear(&d->field);
    release_field(d);
}

static void release_field(struct mime_downgrade *d)
{
    struct buf ascii AUTO(buf_done);
    struct str field = buf_str(&d->whole_field);
    buf_init(&ascii, MIME_DOWNGRADE_BYTES_MAX(0));
    d->field_passes = false;
    if (field.len == 0)
        return;
    if (!str_is_ascii(field)) {
        d->notes.is_needed = true;
        if (downgrade_field_add(&ascii, field))
            field = buf_str(&ascii);
        else
            d->notes.is_possible = false;
    }
    put_field(d, field);
    buf_clear(&d->whole_field);
}

static void end_head(struct mime_downgrade *d, struct str empty_line)
{
    struct head *h = &d->head;
    end_field(d);
    mime_part_settle(&h->part, h->had_type, h->in_digest);
    if (is_composite(d))
        begin_level(d);
    else
        begin_leaf(d);
    put(d, empty_line);
    d->leaf_began = d->produced;
    if (d->place == OUTSIDE && !d->levels[d->level_count - 1].is_multipart)
        begin_part(d, false, true);
}

// A message in base64 is against RFC 2046 5.2.1, and has no 8-bit octets.
static bool is_composite(const struct mime_downgrade *d)
{
    const struct mime_part *part = &d->head.part;
    bool is_encoded = part->encoding == MIME_BASE64 || part->encoding == MIME_QUOTED_PRINTABLE;
    enum mime_kind kind = mime_part_kind(part);
    return (kind == MIME_MULTIPART || (kind == MIME_MESSAGE && !is_encoded)) &&
           !d->head.is_too_long && d->level_count < MIME_DEPTH_MAX && d->part < MIME_PARTS_MAX;
}

static void begin_level(struct mime_downgrade *d)
{
    const struct mime_part *part = &d->head.part;
    struct level *l = &d->levels[d->level_count++];
    struct str boundary = mail_type_param(&part->type, S("boundary"));
    struct str encoding = part->encoding_name;
    bool is_encoded = part->encoding == MIME_BASE64 || part->encoding == MIME_QUOTED_PRINTABLE;
    *l = (struct level){.part = d->part,
            .boundary_at = d->boundaries.len,
            .is_multipart = mime_part_kind(part) == MIME_MULTIPART,
            .is_digest = str_eq(part->type.type, S("multipart/digest")),
            .is_binary = is_said_binary(d, part),
            .may_change = !str_is_null(encoding) && !is_encoded && !str_eq(encoding, S("7bit"))};
    if (l->is_multipart && boundary.len <= BOUNDARY_BYTES_MAX) {
        buf_add(&d->boundaries, boundary);
        l->boundary_bytes = boundary.len;
    }
    d->place = OUTSIDE;
    const struct str line = S("Content-Transfer-Encoding: 7bit\r\n");
    l->gain = (int64_t)line.len - (int64_t)d->head.dropped;
    if (changes(d))
        put(d, line);
}

static void begin_leaf(struct mime_downgrade *d)
{
    const struct head *h = &d->head;
    enum leaf_way way = leaf_way_of(&h->part);
    struct str name = leaf_encoding_name(way);
    const struct str lines[] = {
            h->is_of_message && !h->has_version ? S("MIME-Version: 1.0\r\n") : S(""),
            h->is_of_message && !h->has_mime
                    ? S("Content-Type: text/plain; charset=unknown-8bit\r\n")
                    : S(""),
            S("Content-Transfer-Encoding: "), name, S("\r\n")};
    d->leaf_gain = -(int64_t)h->dropped;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        d->leaf_gain += (int64_t)lines[i].len;
        if (changes(d))
            put(d, lines[i]);
    }
    bool may_change = d->plan == NULL ? wishes(d, MIME_WISH_7BIT) : changes(d);
    d->place = IN_LEAF;
    d->leaf = (struct leaf_encoder){.way = may_change ? way : LEAF_AS_IS};
    d->leaf_has_8bit = is_said_binary(d, &h->part);
    d->notes.is_needed |= d->leaf_has_8bit;
    d->leaf_wants_lines = wishes(d, MIME_WISH_LINES) && (way == LEAF_QUOTED || way == LEAF_BASE64);
    d->line_octets = 0;
    d->leaf_raw_bytes = 0;
    d->leaf_is_impossible = h->is_too_long || d->part >= MIME_PARTS_MAX ||
                            mime_part_kind(&h->part) == MIME_MULTIPART ||
                            (mime_part_kind(&h->part) == MIME_MESSAGE && way == LEAF_QUOTED) ||
                            is_never_encoded(h->part.type.type);
}

static bool is_never_encoded(struct str type) // RFC 2046 5.2.2 and 5.2.3
{
    return str_eq(type, S("message/partial")) || str_eq(type, S("message/external-body"));
}

static bool is_said_binary(const struct mime_downgrade *d, const struct mime_part *part)
{
    return wishes(d, MIME_WISH_LINES) && str_eq(part->encoding_name, S("binary"));
}

// --- Content -------------------------------------------------------------------------------------

// Part of a line, perhaps with its end.
static void content(struct mime_downgrade *d, struct str bytes)
{
    if (bytes.len == 0)
        return;
    if (str_eq(d->line_end, S("\r")) && str_eq(bytes, S("\n"))) {
        d->line_end = S("\r\n");
        return;
    }
    content_line_end(d);
    const struct str ends[] = {S("\r\n"), S("\n"), S("\r")};
    for (size_t i = 0; i < COUNT_OF(ends) && d->line_end.len == 0; i++)
        if (str_ends(bytes, ends[i]))
            d->line_end = ends[i];
    content_octets(d, str_upto(bytes, bytes.len - d->line_end.len));
}

static void content_line_end(struct mime_downgrade *d)
{
    struct str end = d->line_end;
    d->line_end = S("");
    if (d->place != IN_LEAF || !str_eq(end, S("\r\n"))) {
        content_octets(d, end);
        return;
    }
    size_t before = d->out->len;
    d->line_octets = 0;
    leaf_add_line_end(&d->leaf, d->out);
    d->produced += d->out->len - before;
    d->leaf_raw_bytes += end.len;
}

static void content_octets(struct mime_downgrade *d, struct str bytes)
{
    d->line_octets += bytes.len;
    bool has_8bit = !is_7bit(d, bytes);
    d->notes.is_needed |= has_8bit;
    if (d->place != IN_LEAF) {
        if (has_8bit)
            d->levels[d->level_count - 1].outside_has_8bit = true;
        leave_outside(d, bytes);
        return;
    }
    size_t before = d->out->len;
    d->leaf_has_8bit |= has_8bit;
    leaf_add(&d->leaf, d->out, bytes);
    d->produced += d->out->len - before;
    d->leaf_raw_bytes += bytes.len;
}

static bool is_7bit(const struct mime_downgrade *d, struct str bytes)
{
    if (!wishes(d, MIME_WISH_7BIT))
        return true;
    if (!wishes(d, MIME_WISH_LINES))
        return str_is_ascii(bytes);
    bool good = true, in_lines = d->place == IN_LEAF && d->leaf_wants_lines;
    for (size_t i = 0; good && i < bytes.len; i++)
        good = is_plain(d, (uint8_t)bytes.ptr[i]) &&
               !(in_lines && (bytes.ptr[i] == '\r' || bytes.ptr[i] == '\n'));
    return good && !(in_lines && d->line_octets > LINE_OCTETS_MAX);
}

static bool is_plain(const struct mime_downgrade *d, uint8_t c)
{
    bool is_encoded = d->place == IN_LEAF && !d->leaf_wants_lines;
    return c < 0x80 && (c != '\0' || !wishes(d, MIME_WISH_LINES) || is_encoded);
}

// What stands for an 8-bit octet must not make a boundary line of one that was none.
static void leave_outside(struct mime_downgrade *d, struct str bytes)
{
    if (!wishes(d, MIME_WISH_7BIT)) {
        put(d, bytes);
        return;
    }
    struct str marks = S("?!*#");
    while (marks.len > 0 && str_contains(buf_str(&d->boundaries), str_upto(marks, 1)))
        marks = str_from(marks, 1);
    while (bytes.len > 0) {
        size_t run = 0;
        while (run < bytes.len && is_plain(d, (uint8_t)bytes.ptr[run]))
            run++;
        put(d, str_upto(bytes, run));
        if (run < bytes.len && marks.len == 0)
            d->notes.is_possible = false;
        if (run < bytes.len)
            put(d, str_upto(marks, 1));
        bytes = str_from(bytes, run + 1);
    }
}

static void end_leaf(struct mime_downgrade *d, bool message_ends)
{
    size_t before = d->out->len;
    leaf_end(&d->leaf, d->out, message_ends);
    d->produced += d->out->len - before;
    d->place = OUTSIDE;
    if (d->plan != NULL)
        return;
    if (!d->leaf_has_8bit) {
        d->correction -= (int64_t)(d->produced - d->leaf_began) - (int64_t)d->leaf_raw_bytes;
        return;
    }
    if (d->level_count > 0)
        d->levels[d->level_count - 1].has_8bit = true;
    if (d->leaf_is_impossible)
        d->notes.is_possible = false;
    else
        note_change(d, d->part, d->leaf_gain);
}

static void end_level(struct mime_downgrade *d)
{
    struct level *l = &d->levels[--d->level_count];
    d->boundaries.len = l->boundary_at;
    d->place = OUTSIDE;
    bool has_8bit = l->has_8bit || l->outside_has_8bit;
    if (l->outside_has_8bit && !l->has_parts)
        d->notes.is_possible = false;
    d->notes.is_needed |= l->is_binary;
    if ((has_8bit || l->is_binary) && l->may_change && d->plan == NULL)
        note_change(d, l->part, l->gain);
    if (d->level_count > 0)
        d->levels[d->level_count - 1].has_8bit |= has_8bit;
}

// --- Both ----------------------------------------------------------------------------------------

static void put(struct mime_downgrade *d, struct str bytes)
{
    buf_add(d->out, bytes);
    d->produced += bytes.len;
}

// In the second reading: whether the part that begins was noted in the first one.
static bool changes(const struct mime_downgrade *d)
{
    if (d->plan == NULL || d->part >= MIME_PARTS_MAX)
        return false;
    return (d->plan->changes[d->part / 8] >> (d->part % 8) & 1) != 0;
}

static void note_change(struct mime_downgrade *d, size_t part, int64_t gain)
{
    d->notes.changes[part / 8] |= (uint8_t)(1U << (part % 8));
    d->correction += gain;
}
