// SPDX-License-Identifier: Apache-2.0
// listen/tls_settings.h: which versions, cipher suites and groups a listener offers: from the words
// of the configuration to the sets in force and to the strings that OpenSSL takes (listeners.md
// 8.1, 8.4, 8.5).
#pragma once

#include "base/base.h"

enum tls_version { TLS_1_2 = 1, TLS_1_3 = 2 }; // bits of a set
#define TLS_VERSIONS_BOTH (TLS_1_2 | TLS_1_3)

enum key_type { KEY_EC, KEY_RSA, KEY_ED25519 };
#define KEY_TYPES 3

enum tls_suite {
#define CIPHER(id, name, json, openssl, iana, code, version, needs) SUITE_##id,
#include "listen/ciphers.def"
    SUITE_COUNT
};

// In any spelling; false: not one of ours.
bool tls_suite_find(struct str word, enum tls_suite *out);
bool tls_suite_fits(enum tls_suite suite, enum key_type key);

// TLSv1.2 0x0303 tls12, TLSv1.3 0x0304 tls13. What RFC 8996 and RFC 7568 have laid to rest is told
// apart from what never was.
enum tls_word { TLS_WORD_UNKNOWN, TLS_WORD_OBSOLETE, TLS_WORD_FOUND };
enum tls_word tls_version_find(struct str word, enum tls_version *out);

// A group as OpenSSL calls it, null when it is none of ours.
struct str tls_group_find(struct str word);
bool tls_group_is_available(struct str openssl_name); // in the library that we run with

struct str_list {
    const struct str *at;
    size_t count;
};

struct tls_words { // as configured; an empty list is absent
    struct str_list protocols, disable_protocols;
    struct str_list ciphers, disable_ciphers;
    struct str_list groups;
};

// Which key an error is about.
enum tls_key {
    TLS_KEY_PROTOCOLS,
    TLS_KEY_DISABLE_PROTOCOLS,
    TLS_KEY_CIPHERS,
    TLS_KEY_DISABLE_CIPHERS,
    TLS_KEY_GROUPS,
};

struct tls_trouble {
    enum tls_key key;
    int element; // of the list, -1: all of it
};

struct tls_offer {
    unsigned versions; // enum tls_version, at least one
    enum tls_suite suites[SUITE_COUNT];
    size_t suite_count;
    struct str suites_13;  // for SSL_CTX_set_ciphersuites; empty without TLS 1.3
    struct str ciphers_12; // for SSL_CTX_set_cipher_list; empty without TLS 1.2
    struct str groups;     // for SSL_CTX_set1_groups_list
    struct str warning;    // a version lost all its suites; null when there is nothing to say
};

// Texts live in the arena. On an error out_trouble says where.
struct err tls_offer_make(struct arena *a, const struct tls_words *words, struct tls_offer *out,
        struct tls_trouble *out_trouble) MUST_USE;

// Can TLS 1.2 of this offer be used with a key of this type? True also without TLS 1.2.
bool tls_offer_fits(const struct tls_offer *offer, enum key_type key);
struct str key_type_name(enum key_type type); // "EC", "RSA", "Ed25519"
