// SPDX-License-Identifier: Apache-2.0
// listen/certificate.h: one certificate: reading and checking it. Private to the room; the table
// of all is in listen/certificates.h.
#pragma once

#include "listen/certificates.h"

struct certificate_notes { // where to report, about which one
    struct certificate_reports *reports;
    struct str id;
    int64_t wall_now_ms;
};

// Texts and names live in `a`; OpenSSL's objects in *out, to be given back by certificate_drop,
// also after an error. The error's text says what is wrong, out_member where.
struct err certificate_load(struct arena *a, const struct certificate_source *source,
        struct certificate_notes *notes, struct certificate *out, struct str *out_member) MUST_USE;
void certificate_drop(struct certificate *c);
void certificate_warn(struct certificate_notes *notes, struct str member, struct str code,
        const char *fmt, ...) PRINTF_LIKE(4, 5);
// Chain in order behind the leaf; takes what it keeps out of `found`. certificate_chain.c
struct err certificate_chain_order(struct certificate_notes *notes, X509 **found, size_t count,
        struct certificate *c) MUST_USE;
// Names of 9.3 into c->names. certificate_names.c
struct err certificate_names(struct arena *a, const struct certificate_source *source,
        struct certificate_notes *notes, struct certificate *c) MUST_USE;
bool certificate_is_valid_at(const struct certificate *c, int64_t wall_now_ms);
