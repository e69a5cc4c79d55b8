// SPDX-License-Identifier: Apache-2.0
// mail/charset.c: text of any charset as UTF-8. The common ones are done here; the rest is libc's
// iconv, which loads a module for each. Ill-formed bytes become U+FFFD, one each.
#include "mail/header.h"

#include <errno.h>
#include <iconv.h>

#define NAME_BYTES_MAX 64
#define PIECE_BYTES 512
#define REPLACEMENT 0xfffd

static bool name_is(struct str charset, const struct str *names, size_t count);
static void add_utf8(struct buf *out, struct str bytes);
static void add_windows_1252(struct buf *out, struct str bytes);
static bool add_by_iconv(struct buf *out, struct str charset, struct str bytes);
static void convert(struct buf *out, iconv_t by, struct str bytes);

bool mail_charset_add(struct buf *out, struct str charset, struct str bytes)
{
    static const struct str utf8[] = {S_INIT("utf-8"), S_INIT("utf8"), S_INIT("us-ascii"),
            S_INIT("ascii"), S_INIT("unknown-8bit"), S_INIT("x-unknown")};
    // What calls itself Latin 1 is Windows' superset of it in practice, as on the Web.
    static const struct str latin[] = {S_INIT("iso-8859-1"), S_INIT("latin1"), S_INIT("iso8859-1"),
            S_INIT("iso_8859-1"), S_INIT("windows-1252"), S_INIT("cp1252"), S_INIT("cp-1252")};
    if (name_is(charset, utf8, COUNT_OF(utf8)))
        add_utf8(out, bytes);
    else if (name_is(charset, latin, COUNT_OF(latin)))
        add_windows_1252(out, bytes);
    else
        return add_by_iconv(out, charset, bytes);
    return true;
}

static bool name_is(struct str charset, const struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(charset, names[i]))
            return true;
    }
    return false;
}

static void add_utf8(struct buf *out, struct str bytes)
{
    if (str_is_utf8(bytes)) {
        buf_add(out, bytes);
        return;
    }
    while (!str_is_empty(bytes)) {
        uint32_t code;
        size_t len = str_utf8_next(bytes, &code);
        buf_add_utf8(out, len > 0 ? code : REPLACEMENT);
        bytes = str_from(bytes, len > 0 ? len : 1);
    }
}

static void add_windows_1252(struct buf *out, struct str bytes)
{
    static const uint16_t at_80[32] = {0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021,
            0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c,
            0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e,
            0x178};
    struct scan in = scan_over(bytes);
    for (uint8_t c; scan_any(&in, &c);)
        buf_add_utf8(out, c >= 0x80 && c < 0xa0 ? at_80[c - 0x80] : c);
}

static bool add_by_iconv(struct buf *out, struct str charset, struct str bytes)
{
    struct arena a AUTO(arena_done);
    struct buf converted AUTO(buf_done);
    arena_init(&a, 4 * KIB);
    buf_init(&converted, out->limit_bytes);
    const char *name = arena_c_str(&a, charset);
    // A name with a slash chooses modules and options of iconv: not for strangers.
    if (name == NULL || charset.len > NAME_BYTES_MAX || str_is_empty(charset) ||
            str_find_byte(charset, '/') != STR_NOT_FOUND || !str_is_ascii(charset))
        return false;
    iconv_t by = iconv_open("UTF-8", name);
    if (by == (iconv_t)-1)
        return false;
    convert(&converted, by, bytes);
    iconv_close(by);
    // glibc's UTF-8 has letters of five bytes, which are none (RFC 3629).
    add_utf8(out, buf_str(&converted));
    out->overflow = out->overflow || converted.overflow;
    return true;
}

static void convert(struct buf *out, iconv_t by, struct str bytes)
{
    struct arena a AUTO(arena_done);
    char piece[PIECE_BYTES];
    arena_init(&a, bytes.len + 4 * KIB);
    char *from = arena_bytes(&a, bytes.len + 1); // iconv wants a pointer to what it could change
    size_t left = bytes.len, room;
    if (from == NULL)
        return;
    memcpy(from, bytes.ptr != NULL ? bytes.ptr : "", bytes.len);
    while (left > 0 && !out->overflow) {
        char *to = piece;
        room = sizeof(piece);
        bool bad = iconv(by, &from, &left, &to, &room) == (size_t)-1 && errno != E2BIG;
        buf_add(out, str_of(piece, sizeof(piece) - room));
        if (bad && left > 0) {
            buf_add_utf8(out, REPLACEMENT);
            from++;
            left--;
        }
    }
    char *to = piece;
    room = sizeof(piece);
    (void)iconv(by, NULL, NULL, &to, &room);
    buf_add(out, str_of(piece, sizeof(piece) - room));
}
