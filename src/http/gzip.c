// SPDX-License-Identifier: Apache-2.0
// http/gzip.c: see http/gzip.h. The fastest level: pages are made at each request, and the worker
// has others to serve.
#include "http/gzip.h"

#include <zlib.h>

#define GZIP_WINDOW (15 + 16) // the largest window, and gzip's frame around it
#define GZIP_MEMORY 8
#define WEIGHT_DIGITS_MAX 3

static bool weight_is_zero(struct str parameters);

bool http_accepts_gzip(const struct http_head *head)
{
    bool any = false, named = false, accepted = false;
    each_in_vec (field, &head->fields) {
        struct str rest = field->value, element;
        if (!str_eq_nocase(field->name, S("Accept-Encoding")))
            continue;
        while (http_list_next(&rest, &element)) {
            struct str coding = element, parameters = S("");
            (void)str_cut(element, ';', &coding, &parameters);
            coding = str_trim_blanks(coding);
            bool wanted = !weight_is_zero(parameters);
            if (str_eq_nocase(coding, S("gzip")) || str_eq_nocase(coding, S("x-gzip"))) {
                named = true;
                accepted = wanted;
            } else if (str_eq(coding, S("*"))) {
                any = wanted;
            }
        }
    }
    return named ? accepted : any;
}

// weight = OWS ";" OWS "q=" qvalue                      RFC 9110 12.4.2
static bool weight_is_zero(struct str parameters)
{
    struct scan in = scan_over(parameters);
    scan_blanks(&in);
    if (!scan_lit_nocase(&in, S("q=")) || !scan_byte(&in, '0'))
        return false;
    (void)scan_byte(&in, '.');
    for (int i = 0; i < WEIGHT_DIGITS_MAX; i++)
        (void)scan_byte(&in, '0');
    scan_blanks(&in);
    return scan_end(&in);
}

bool http_type_shrinks(struct str type)
{
    static const struct str worth[] = {S_INIT("text/"), S_INIT("application/json"),
            S_INIT("application/problem+json"), S_INIT("application/xml"),
            S_INIT("application/javascript"), S_INIT("application/openmetrics-text"),
            S_INIT("image/svg+xml")};
    if (str_starts_nocase(type, S("text/event-stream")))
        return false; // its pieces are to arrive at once
    for (size_t i = 0; i < COUNT_OF(worth); i++)
        if (str_starts_nocase(type, worth[i]))
            return true;
    return false;
}

bool http_gzip(struct str content, struct buf *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)content.ptr, .avail_in = (uInt)content.len};
    buf_init(out, content.len);
    if (content.len > UINT32_MAX || !buf_reserve(out, content.len) ||
            deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                    Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    z.next_out = (Bytef *)out->ptr;
    z.avail_out = (uInt)content.len;
    bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
    out->len = whole ? z.total_out : 0;
    deflateEnd(&z);
    return whole;
}
