// SPDX-License-Identifier: Apache-2.0
// listen/certificates.h: certificates and their keys: reading them (listeners.md 9.2), the names
// they serve (9.3), and which one a client gets (9.4, 9.5).
//
// A table of certificates is built aside and never changes; it is counted, so that whoever still
// looks at an old one keeps it. Reading happens at load time and takes milliseconds for an RSA key.
//
//     struct certificates *all = certificates_make(sources, count, NULL, now, &reports);
//     certificates_select(all, &rules, S("mx.example.org"), wall_ms(), &choice);
//     certificates_unref(all);
#pragma once

#include "base/base.h"
#include "listen/tls_settings.h"

#include <openssl/x509.h>

#define CERTIFICATE_CHAIN_MAX 16
#define CERTIFICATE_PEM_BLOCKS_MAX 64
#define CERTIFICATE_RSA_BITS_MIN 2048
#define CERTIFICATE_EXPIRY_WARNING_MS (14LL * DAY_MS)
#define SELF_SIGNED_DAYS 397

struct certificate_source {
    struct str id;
    struct str cert, key, password; // texts; key and password may be null
    struct str_list subjects;       // further names, canonical
    bool is_default;
};

struct certificate {
    struct str id;
    X509 *leaf;
    STACK_OF(X509) * chain; // without the leaf, in the order in which it is sent
    EVP_PKEY *key;
    enum key_type type;
    int64_t not_before_ms, not_after_ms;
    struct str_list names; // lower case, A-labels; "*.domain"; IP addresses as text
    bool is_default;
    bool is_kept; // could not be loaded now: this is what was in service before
};

// What was found while loading, for the findings of the configuration.
enum report_kind { REPORT_ERROR, REPORT_WARNING };
struct certificate_report {
    enum report_kind kind;
    struct str id;
    struct str member; // "cert", "private-key", "subjects", "default"
    struct str code;   // stable word for programs
    struct str message;
};
struct certificate_reports {
    struct arena *arena; // reports and their texts live here
    VEC(struct certificate_report) all;
    size_t error_count;
};

struct certificates;

// NULL only without memory. A source that fails is reported; when `before` has a certificate of
// its id, that stays in service (9.6).
struct certificates *certificates_make(const struct certificate_source *sources, size_t count,
        const struct certificates *before, int64_t wall_now_ms,
        struct certificate_reports *reports);
// The same table with these certificates in the place of those of their ids; what fails is
// reported, and its predecessor stays. The others are not read again.
struct certificates *certificates_replace(const struct certificates *before,
        const struct certificate_source *sources, size_t count, int64_t wall_now_ms,
        struct certificate_reports *reports);
struct certificates *certificates_ref(struct certificates *all);
void certificates_unref(struct certificates *all); // NULL is fine
size_t certificates_count(const struct certificates *all);
const struct certificate *certificates_at(const struct certificates *all, size_t i);
const struct certificate *certificates_by_id(const struct certificates *all, struct str id);
bool certificate_covers(const struct certificate *c, struct str name); // exact or by wildcard

// 9.5: the certificate of last resort, the same as long as its maker lives. It covers `names`.
// NULL: OpenSSL failed. It is counted, like the table.
struct certificate *self_signed_make(const struct str *names, size_t count, int64_t wall_now_ms);
struct certificate *self_signed_ref(struct certificate *c);
void self_signed_free(struct certificate *c); // gives a reference back; NULL is fine

// --- Which one a client gets ---------------------------------------------------------------------

#define HOST_NAME_BYTES_MAX 253

// RFC 6066 3: lower case, no trailing dot, A-labels; false for addresses and for what is no name.
bool sni_normalise(struct str sni, char out[HOST_NAME_BYTES_MAX], struct str *out_name);

struct sni_rule {
    struct str subject; // lower case; exact or "*.domain"
    struct str certificate;
};

struct certificate_rules { // of one listener; what is named exists
    const struct sni_rule *sni;
    size_t sni_count;
    struct str certificate; // tls.certificate, also the server-wide one; null
    struct str host, server_host;
    bool sni_strict;
    const struct certificate *self_signed; // NULL: not wanted
};

enum certificate_found {
    FOUND_BY_MAP,   // the listener's tls.sni
    FOUND_BY_NAME,  // the names of the certificates
    FOUND_DEFAULT,  // named as default, or the only one there is
    FOUND_BY_ORDER, // several and none is the default: a deterministic guess
    FOUND_SELF_SIGNED,
    FOUND_UNKNOWN_NAME, // sni-strict: to be refused
    FOUND_NONE,         // no certificate at all
};

struct certificate_choice {
    enum certificate_found found;
    bool name_unknown; // a name was asked for that nothing covers
    const struct certificate *slots[KEY_TYPES];
};

void certificates_select(const struct certificates *all, const struct certificate_rules *rules,
        struct str sni, int64_t wall_now_ms, struct certificate_choice *out);
