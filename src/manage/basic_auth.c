// SPDX-License-Identifier: Apache-2.0
// manage/basic_auth.c: see manage/basic_auth.h.
#include "manage/basic_auth.h"

#include "base/encode.h"

static bool equal_in_constant_time(struct str given, struct str wanted);

// credentials = "Basic" 1*SP token68                    RFC 7617 2, RFC 9110 11.4
bool basic_auth_matches(const struct http_head *head, struct str name, struct str secret)
{
    struct buf decoded AUTO(buf_done);
    struct scan in = scan_over(http_head_field(head, S("Authorization")));
    struct str given_name, given_secret;
    buf_init(&decoded, BASIC_AUTH_BYTES_MAX);
    if (http_head_count(head, S("Authorization")) != 1 || !scan_lit_nocase(&in, S("Basic ")))
        return false;
    scan_blanks(&in);
    if (!decode_base64(&decoded, scan_rest(&in)) || decoded.overflow)
        return false;
    if (!str_cut(buf_str(&decoded), ':', &given_name, &given_secret))
        return false;
    bool name_fits = equal_in_constant_time(given_name, name);
    bool secret_fits = equal_in_constant_time(given_secret, secret);
    return name_fits & secret_fits;
}

// Looks at every octet that was given, whatever it finds; only its own length shows.
static bool equal_in_constant_time(struct str given, struct str wanted)
{
    volatile uint8_t differs = given.len != wanted.len;
    for (size_t i = 0; i < given.len; i++) {
        uint8_t w = wanted.len > 0 ? (uint8_t)wanted.ptr[i % wanted.len] : 0;
        differs |= (uint8_t)given.ptr[i] ^ w;
    }
    return differs == 0;
}
