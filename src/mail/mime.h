// SPDX-License-Identifier: Apache-2.0
// mail/mime.h: the parts of a message, RFC 2045 and 2046: which there are, where they begin
// and end, and what their octets stand for. Everything is a slice of the message, but for messages
// inside that came in base64. Whatever is malformed has parts all the same, and a name among the
// defects.
#pragma once

#include "base/base.h"

#include "mail/field.h"
#include "mail/header.h"

#define MIME_DEPTH_MAX 50     // deeper parts are leaves
#define MIME_PARTS_MAX 5000   // further ones are left out
#define MIME_FIELDS_MAX 10000 // of one header; further ones are skipped

// --- Parts ---------------------------------------------------------------------------------------

enum mime_encoding { MIME_IDENTITY, MIME_BASE64, MIME_QUOTED_PRINTABLE, MIME_UNKNOWN };

enum mime_defect {
    MIME_NO_BOUNDARY,     // a multipart does not say what its boundary is
    MIME_BOUNDARY_UNSEEN, // or it is nowhere to be found
    MIME_NO_END_BOUNDARY, // the last boundary is missing
    MIME_HEADER_CUT,      // a header ends without an empty line
    MIME_BAD_FIELD,       // a line of a header is no field
    MIME_BAD_TYPE,        // a Content-Type that makes no sense
    MIME_BAD_ENCODING,    // a transfer encoding that is not known
    MIME_DEFECT_COUNT,
};
struct str mime_defect_name(enum mime_defect defect); // "missing-end-boundary"

struct mime_part {
    uint32_t depth;
    struct str path;       // "1.2"; empty for the message
    struct mail_type type; // defaulted
    bool is_leaf;
    enum mime_encoding encoding;
    struct str encoding_name; // lower case; null: not said
    struct str disposition;   // null: not said
    struct str filename;      // null: none
    struct str head, body;    // as they stand
};
struct mime_tree {
    const struct mime_part *parts; // in preorder
    size_t count;
    bool defects[MIME_DEFECT_COUNT];
    bool truncated; // a limit was reached
};
// ERR_LIMIT: the arena is full.
struct err mime_read(struct arena *a, struct str message, struct mime_tree *out) MUST_USE;

// The octets of a leaf, with the transfer encoding undone.
void mime_content_add(struct buf *out, const struct mime_part *part);
// The text of a leaf of type text/... as UTF-8; false: it is none, or of an unknown charset.
bool mime_text_add(struct buf *out, const struct mime_part *part, struct str content);

// --- For who does not have the whole message at once (mail/downgrade.c) --------------------------

enum mime_kind { MIME_LEAF, MIME_MULTIPART, MIME_MESSAGE };

// Notes in a part what a field of its header says; *had_type is false before the first one. False:
// no memory.
bool mime_part_note(struct arena *a, struct mime_part *part, const struct mail_field *field,
        bool *had_type) MUST_USE;
// Behind the last field: gives it the type it has unless another was said.
void mime_part_settle(struct mime_part *part, bool had_type, bool in_digest);
enum mime_kind mime_part_kind(const struct mime_part *part); // by its type alone
// The line may have its end. *out_last is written when it is one.
bool mime_is_boundary(struct str line, struct str boundary, bool *out_last);
