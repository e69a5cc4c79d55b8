// SPDX-License-Identifier: Apache-2.0
// mail/mime.c: the tree of parts. A multipart's body is cut at its boundary lines first, and then
// its pieces are read; so an inner part can never reach beyond its container, whatever it says.
#include "mail/mime.h"

#include "mail/token.h"

#define CONTENT_BYTES_MAX ((size_t)256 * MIB)

struct tree_reading {
    struct arena *a;
    enum mail_line_end end;
    VEC(struct mime_part) parts;
    struct mime_tree *tree;
    bool full;
};

struct entity { // what is to be read
    struct str bytes;
    struct str path;
    uint32_t depth;
    bool in_digest;
};

static void read_entity(struct tree_reading *r, const struct entity *e);
static void read_head(struct tree_reading *r, const struct entity *e, struct mime_part *part);
static void read_field(struct tree_reading *r, struct mime_part *part,
        const struct mail_field *field, bool *had_type);
static void read_encoding(struct tree_reading *r, struct mime_part *part, struct str body);
static void read_multipart(
        struct tree_reading *r, const struct entity *e, const struct mime_part *part);
static void read_message(
        struct tree_reading *r, const struct entity *e, const struct mime_part *part);
static void read_child(struct tree_reading *r, const struct entity *e, struct str bytes,
        size_t number, bool in_digest);
static bool is_type(const struct mime_part *part, struct str type);

struct str mime_defect_name(enum mime_defect defect)
{
    switch (defect) {
    case MIME_NO_BOUNDARY:
        return S("no-boundary");
    case MIME_BOUNDARY_UNSEEN:
        return S("boundary-not-found");
    case MIME_NO_END_BOUNDARY:
        return S("missing-end-boundary");
    case MIME_HEADER_CUT:
        return S("header-without-end");
    case MIME_BAD_FIELD:
        return S("bad-header-line");
    case MIME_BAD_TYPE:
        return S("bad-content-type");
    case MIME_BAD_ENCODING:
        return S("bad-encoding");
    case MIME_DEFECT_COUNT:
        break;
    }
    return S("");
}

struct err mime_read(struct arena *a, struct str message, struct mime_tree *out)
{
    struct mime_tree tree = {0};
    struct tree_reading r = {.a = a, .end = mail_line_end_of(message), .tree = &tree};
    read_entity(&r, &(struct entity){.bytes = message, .path = S("")});
    if (r.full)
        return fail(ERR_LIMIT, "no memory for the parts of a message");
    tree.parts = r.parts.at;
    tree.count = r.parts.count;
    *out = tree;
    return OK;
}

// Calls itself through read_child, MIME_DEPTH_MAX deep at most.
static void read_entity(struct tree_reading *r, const struct entity *e)
{
    struct mime_part *slot = vec_add(r->a, &r->parts);
    if (slot == NULL) {
        r->full = true;
        return;
    }
    size_t place = r->parts.count - 1;
    struct mime_part part = {.depth = e->depth, .path = e->path, .is_leaf = true};
    read_head(r, e, &part);
    bool multipart = mime_part_kind(&part) == MIME_MULTIPART;
    bool message = mime_part_kind(&part) == MIME_MESSAGE;
    struct str boundary = mail_type_param(&part.type, S("boundary"));
    if (multipart &&
            str_is_empty(boundary)) // RFC 2046 5.1.1 allows 70 octets; real ones are longer
        r->tree->defects[MIME_NO_BOUNDARY] = true;
    bool deep = e->depth >= MIME_DEPTH_MAX;
    r->tree->truncated = r->tree->truncated || (deep && (multipart || message));
    part.is_leaf = deep || (!multipart && !message);
    r->parts.at[place] = part; // before its children, which move the array
    if (part.is_leaf)
        return;
    if (message)
        read_message(r, e, &part);
    else if (!str_is_empty(boundary))
        read_multipart(r, e, &part);
}

void mime_part_settle(struct mime_part *part, bool had_type, bool in_digest)
{
    if (str_is_null(part->type.type))
        part->type.type = in_digest && !had_type ? S("message/rfc822") : S("text/plain");
}

enum mime_kind mime_part_kind(const struct mime_part *part)
{
    if (str_starts(part->type.type, S("multipart/")))
        return MIME_MULTIPART;
    bool message = is_type(part, S("message/rfc822")) || is_type(part, S("message/global"));
    return message ? MIME_MESSAGE : MIME_LEAF;
}

static bool is_type(const struct mime_part *part, struct str type)
{
    return str_eq(part->type.type, type);
}

static void read_head(struct tree_reading *r, const struct entity *e, struct mime_part *part)
{
    struct scan in = scan_over(e->bytes);
    struct mail_field field;
    bool had_type = false;
    size_t head_end = 0;
    mail_mailbox_line_skip(&in, r->end);
    for (size_t i = 0; mail_field_next(&in, r->end, &field); i++) {
        r->tree->defects[MIME_BAD_FIELD] |= str_is_null(field.name);
        if (i < MIME_FIELDS_MAX)
            read_field(r, part, &field, &had_type);
        head_end = scan_offset(&in);
    }
    // Without a body there need be no empty line (RFC 2046 5.1.1), but the last field has an end.
    bool no_empty_line = scan_offset(&in) == head_end && !str_is_empty(e->bytes);
    r->tree->defects[MIME_HEADER_CUT] |= no_empty_line && !str_ends(e->bytes, S("\n"));
    part->head = str_upto(e->bytes, head_end);
    part->body = scan_rest(&in);
    mime_part_settle(part, had_type, e->in_digest);
}

bool mime_part_note(
        struct arena *a, struct mime_part *part, const struct mail_field *field, bool *had_type)
{
    struct mime_tree tree = {0};
    struct tree_reading r = {.a = a, .tree = &tree};
    read_field(&r, part, field, had_type);
    return !r.full;
}

static void read_field(struct tree_reading *r, struct mime_part *part,
        const struct mail_field *field, bool *had_type)
{
    struct mail_type type;
    if (str_eq_nocase(field->name, S("Content-Type")) && !*had_type) {
        *had_type = true;
        if (mail_content_type_read(r->a, field->body, &part->type)) {
            struct str name = mail_type_param(&part->type, S("name"));
            part->filename = str_is_null(part->filename) ? name : part->filename;
            return;
        }
        part->type = (struct mail_type){0};
        r->tree->defects[MIME_BAD_TYPE] = true;
    } else if (str_eq_nocase(field->name, S("Content-Transfer-Encoding")) &&
               str_is_null(part->encoding_name)) {
        read_encoding(r, part, field->body);
    } else if (str_eq_nocase(field->name, S("Content-Disposition")) &&
               str_is_null(part->disposition) && mail_disposition_read(r->a, field->body, &type)) {
        struct str name = mail_type_param(&type, S("filename"));
        part->disposition = type.type;
        part->filename = str_is_null(name) ? part->filename : name;
    }
}

static void read_encoding(struct tree_reading *r, struct mime_part *part, struct str body)
{
    static const struct {
        struct str name;
        enum mime_encoding encoding;
    } known[] = {{S_INIT("7bit"), MIME_IDENTITY}, {S_INIT("8bit"), MIME_IDENTITY},
            {S_INIT("binary"), MIME_IDENTITY}, {S_INIT("base64"), MIME_BASE64},
            {S_INIT("quoted-printable"), MIME_QUOTED_PRINTABLE}};
    struct scan in = scan_over(body);
    struct str word;
    token_skip(&in);
    if (!token_atom(&in, &word))
        return;
    part->encoding_name = arena_str_lower(r->a, word);
    part->encoding = MIME_UNKNOWN;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (str_eq(part->encoding_name, known[i].name))
            part->encoding = known[i].encoding;
    }
    r->tree->defects[MIME_BAD_ENCODING] |= part->encoding == MIME_UNKNOWN;
    r->full = r->full || str_is_null(part->encoding_name);
}

// multipart-body = [preamble CRLF] "--" boundary CRLF part *( CRLF "--" boundary CRLF part )
//                  CRLF "--" boundary "--" [CRLF epilogue]      RFC 2046 5.1.1
static void read_multipart(
        struct tree_reading *r, const struct entity *e, const struct mime_part *part)
{
    struct str boundary = mail_type_param(&part->type, S("boundary")), line;
    struct scan in = scan_over(part->body);
    bool in_digest = is_type(part, S("multipart/digest")), inside = false, last = false;
    size_t start = 0, number = 0;
    while (!last) {
        size_t line_at = scan_offset(&in);
        bool more = mail_line_next(&in, r->end, &line);
        if (more && !mime_is_boundary(line, boundary, &last))
            continue;
        struct str bytes = str_part(part->body, start, line_at - start);
        if (inside)
            read_child(r, e, more ? mail_line_trim(bytes, r->end) : bytes, ++number, in_digest);
        inside = true;
        start = scan_offset(&in);
        if (!more)
            break;
    }
    r->tree->defects[MIME_NO_END_BOUNDARY] |= !last;
    r->tree->defects[MIME_BOUNDARY_UNSEEN] |= number == 0;
}

// The message inside may have come in base64, though RFC 2046 5.2.1 forbids it.
static void read_message(
        struct tree_reading *r, const struct entity *e, const struct mime_part *part)
{
    struct str bytes = part->body;
    enum mail_line_end outer = r->end;
    if (part->encoding == MIME_BASE64 || part->encoding == MIME_QUOTED_PRINTABLE) {
        struct buf content AUTO(buf_done);
        buf_init(&content, CONTENT_BYTES_MAX);
        mime_content_add(&content, part);
        bytes = arena_str(r->a, buf_str(&content));
        r->full = r->full || str_is_null(bytes);
        r->end = mail_line_end_of(bytes);
    }
    read_child(r, e, bytes, 1, false);
    r->end = outer;
}

static void read_child(struct tree_reading *r, const struct entity *e, struct str bytes,
        size_t number, bool in_digest)
{
    if (r->parts.count >= MIME_PARTS_MAX) {
        r->tree->truncated = true;
        return;
    }
    struct str path = str_is_empty(e->path) ? arena_fmt(r->a, "%zu", number)
                                            : arena_fmt(r->a, "%.*s.%zu", ARG(e->path), number);
    if (str_is_null(path)) {
        r->full = true;
        return;
    }
    read_entity(r,
            &(struct entity){
                    .bytes = bytes, .path = path, .depth = e->depth + 1, .in_digest = in_digest});
}

bool mime_is_boundary(struct str line, struct str boundary, bool *out_last)
{
    struct str rest = str_from(line, 2);
    if (!str_starts(line, S("--")) || !str_starts(rest, boundary))
        return false;
    rest = str_from(rest, boundary.len);
    bool last = str_starts(rest, S("--"));
    if (!str_is_empty(str_trim(last ? str_from(rest, 2) : rest)))
        return false;
    *out_last = last;
    return true;
}

// --- Content -------------------------------------------------------------------------------------

void mime_content_add(struct buf *out, const struct mime_part *part)
{
    switch (part->encoding) {
    case MIME_BASE64:
        transfer_base64(out, part->body);
        break;
    case MIME_QUOTED_PRINTABLE:
        transfer_quoted_printable(out, part->body);
        break;
    case MIME_IDENTITY:
    case MIME_UNKNOWN:
        buf_add(out, part->body);
        break;
    }
}

bool mime_text_add(struct buf *out, const struct mime_part *part, struct str content)
{
    struct str charset = mail_type_param(&part->type, S("charset"));
    if (!str_starts(part->type.type, S("text/")))
        return false;
    return mail_charset_add(out, str_is_empty(charset) ? S("us-ascii") : charset, content);
}
