// SPDX-License-Identifier: Apache-2.0
// proof/authres.h: the header fields that tell what was checked: Authentication-Results (RFC 8601)
// read and written, Received-SPF (RFC 7208 9.1) written. Checks add their results to one list, in
// the order of authentication.md 10.1 whatever the order of adding; dkim.h and others do so with
// authres_add and authres_prop.
//
//     struct authres ours = {.authserv_id = S("mx.example.net")};
//     authres_add_spf(a, &ours, &spf);
//     authres_add_dmarc(a, &ours, &dmarc);
//     struct str field = authres_field(a, &ours); // "Authentication-Results: ...", with its CRLF
//
// What peers choose (domains, senders, selectors) goes through authres_prop only, which drops
// controls and quotes: it cannot begin a line or a property.
#pragma once

#include "base/base.h"
#include "base/ip.h"

#define AUTHRES_FIELD_BYTES_MAX (64 * KIB) // a longer field is not read
#define AUTHRES_RESULTS_MAX 100            // of one field; more make it malformed
#define AUTHRES_PROPS_MAX 100              // of one result
#define AUTHRES_VALUE_BYTES_MAX 320        // of a property written; what is longer is left out

struct authres_prop {
    struct str ptype, property, value; // "smtp", "mailfrom", "ann@example.com"
};
struct authres_result {
    struct str method, version; // "spf", "1"
    struct str result;          // "pass"
    struct str reason;          // null: none
    struct str comment;         // behind the result, our own words; only written
    VEC(struct authres_prop) props;
    struct str text; // of one that was read: as it stands, for ARC
};
struct authres {
    uint64_t instance; // of ARC-Authentication-Results; 0: none
    struct str authserv_id, version;
    VEC(struct authres_result) results;
};

// A field's body as it stands behind the colon, with its folding. With `arc`, it begins with i=.
// ERR_SYNTAX: "column 12: ...". Values are without quotes and backslashes.
enum authres_form { AUTHRES_PLAIN, AUTHRES_ARC };
struct err authres_parse(
        struct arena *a, struct str body, enum authres_form form, struct authres *out) MUST_USE;

// NULL: the arena is full, which authres_prop takes, and authres_field then says by a null text.
struct authres_result *authres_add(
        struct arena *a, struct authres *list, struct str method, struct str result);
void authres_prop(struct arena *a, struct authres_result *result, struct str ptype,
        struct str property, struct str value);
