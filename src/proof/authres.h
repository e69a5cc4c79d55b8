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
#define AUTHRES_VALUE_BYTES_MAX 512        // of a property written; what is longer is left out

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
    bool smtputf8; // values beyond ASCII may be written
    VEC(struct authres_result) results;
};

// --- Reading -------------------------------------------------------------------------------------

// A field's body as it stands behind the colon, with its folding. With AUTHRES_ARC, i=N; comes
// first. ERR_SYNTAX: "column 12: ...". Values are without quotes and backslashes. What well-known
// servers write and RFC 8601 does not allow is understood: values with slashes and colons in them,
// pairs without a ptype (left out), a semicolon at the end.
enum authres_form { AUTHRES_PLAIN, AUTHRES_ARC };
struct err authres_parse(
        struct arena *a, struct str body, enum authres_form form, struct authres *out) MUST_USE;
// Does a field, however malformed behind that, claim to be from this server? RFC 8601 5.
bool authres_claims(struct str body, struct str authserv_id);

// --- Writing -------------------------------------------------------------------------------------

// NULL: the arena is full. The others take that, so that only the last result must be looked at.
// The pointer holds until the next call.
struct authres_result *authres_add(
        struct arena *a, struct authres *list, struct str method, struct str result);
struct authres_result *authres_prop(struct arena *a, struct authres_result *result,
        struct str ptype, struct str property, struct str value);

// One result each. Of SPF, that of HELO and that of MAIL FROM; our own name for the comment.
struct spf_answer;
struct dmarc_answer;
bool authres_add_spf(struct arena *a, struct authres *list, const struct spf_answer *spf) MUST_USE;
bool authres_add_iprev(struct arena *a, struct authres *list, struct str result, struct str comment,
        const struct ip *ip) MUST_USE;
bool authres_add_dmarc(
        struct arena *a, struct authres *list, const struct dmarc_answer *dmarc) MUST_USE;

// The value alone, as for ARC: without a field name, and without CRLF at its end.
struct str authres_value(struct arena *a, const struct authres *list);
// Whole fields with their CRLF; null: the arena is full.
struct str authres_field(struct arena *a, const struct authres *list);
struct str authres_received_spf(
        struct arena *a, const struct spf_answer *spf, struct str receiver, bool smtputf8);
