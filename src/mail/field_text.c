// SPDX-License-Identifier: Apache-2.0
// mail/field_text.c: fields of free text, and lists of message ids.
#include "mail/header.h"
#include "mail/token.h"

#define TEXT_BYTES_MAX ((size_t)4 * MIB)

static void unfold(struct buf *out, struct str body);

struct str mail_text_read(struct arena *a, struct str body)
{
    struct buf flat AUTO(buf_done), text AUTO(buf_done);
    buf_init(&flat, TEXT_BYTES_MAX);
    buf_init(&text, 2 * TEXT_BYTES_MAX);
    unfold(&flat, str_trim(body));
    encoded_text(&text, buf_str(&flat));
    return text.overflow || flat.overflow ? STR_NULL : arena_str(a, buf_str(&text));
}

// RFC 5322 2.2.3; all white space around the fold is one blank.
static void unfold(struct buf *out, struct str body)
{
    struct scan in = scan_over(body);
    struct str line;
    bool first = true;
    while (scan_line(&in, &line)) {
        if (!first && !str_is_empty(str_trim(line)))
            buf_add_byte(out, ' ');
        buf_add(out, str_trim(line));
        first = false;
    }
}

// msg-id = "<" id-left "@" id-right ">", RFC 5322 3.6.4; what stands between the brackets counts.
bool mail_ids_read(struct arena *a, struct str body, struct mail_ids *out)
{
    VEC(struct str) ids = {0};
    struct scan in = scan_over(body);
    struct str before, inside;
    while (scan_until_past(&in, '<', &before) && scan_until_past(&in, '>', &inside)) {
        struct buf id AUTO(buf_done);
        struct scan at = scan_over(inside);
        buf_init(&id, TEXT_BYTES_MAX);
        for (uint8_t c; scan_any(&at, &c);) {
            if (!byte_is_space(c))
                buf_add_byte(&id, (char)c);
        }
        struct str *kept = id.len == 0 || id.overflow ? NULL : vec_add(a, &ids);
        if (kept != NULL)
            *kept = arena_str(a, buf_str(&id));
    }
    *out = (struct mail_ids){.at = ids.at, .count = ids.count};
    return ids.count > 0;
}
