// SPDX-License-Identifier: Apache-2.0
// listen/tls_settings.c: from words to sets: versions, suites and groups. What the words are is in
// ciphers.def and the two small tables below; everything else here is subtraction.
#include "listen/tls_settings.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

enum suite_needs { NEEDS_ANY, NEEDS_EC, NEEDS_RSA };

struct suite_row {
    struct str name, json, openssl, iana;
    uint16_t code;
    enum tls_version version;
    enum suite_needs needs;
};

static const struct suite_row SUITES[] = {
#define CIPHER(id, name, json, openssl, iana, code, version, needs)                                \
    {S_INIT(name), S_INIT(json), S_INIT(openssl), S_INIT(iana), code, version, needs},
#include "listen/ciphers.def"
};

static const struct {
    struct str word, openssl;
} GROUPS[] = {
        {S_INIT("X25519MLKEM768"), S_INIT("X25519MLKEM768")},
        {S_INIT("X25519"), S_INIT("X25519")},
        {S_INIT("SECP256R1"), S_INIT("P-256")},
        {S_INIT("SECP384R1"), S_INIT("P-384")},
        {S_INIT("P-256"), S_INIT("P-256")},
        {S_INIT("P-384"), S_INIT("P-384")},
        {S_INIT("SECP521R1"), S_INIT("P-521")},
        {S_INIT("P-521"), S_INIT("P-521")},
        {S_INIT("X448"), S_INIT("X448")},
};
#define GROUPS_BY_DEFAULT 4 // of the table's first ones

#define CIPHER_TEXT_BYTES_MAX 1024

static struct err versions_make(
        struct arena *a, const struct tls_words *words, unsigned *out, struct tls_trouble *trouble);
static struct err version_set(
        struct arena *a, struct str_list list, unsigned *out, struct tls_trouble *trouble);
static struct err suites_make(struct arena *a, const struct tls_words *words, struct tls_offer *o,
        struct tls_trouble *trouble);
static struct err suite_at(
        struct arena *a, struct str word, int element, enum tls_suite *out, struct tls_trouble *t);
static void suite_add(struct tls_offer *o, enum tls_suite suite);
static void suite_remove(struct tls_offer *o, enum tls_suite suite);
static struct err versions_settle(struct arena *a, struct tls_offer *o);
static struct str suite_text(struct arena *a, const struct tls_offer *o, enum tls_version version);
static struct err groups_make(struct arena *a, const struct tls_words *words, struct tls_offer *o,
        struct tls_trouble *trouble);
static struct str suite_names(struct arena *a);

bool tls_suite_find(struct str word, enum tls_suite *out)
{
    uint64_t code = 0;
    struct scan in = scan_over(word);
    bool is_code = scan_lit_nocase(&in, S("0x")) && scan_hex_u64(&in, 4, &code) && scan_end(&in);
    for (int i = 0; i < SUITE_COUNT; i++) {
        const struct suite_row *row = &SUITES[i];
        if (is_code ? row->code == code
                    : str_eq_nocase(word, row->name) || str_eq_nocase(word, row->json) ||
                                str_eq_nocase(word, row->openssl) ||
                                str_eq_nocase(word, row->iana)) {
            *out = (enum tls_suite)i;
            return true;
        }
    }
    return false;
}

bool tls_suite_fits(enum tls_suite suite, enum key_type key)
{
    switch (SUITES[suite].needs) {
    case NEEDS_ANY:
        return true;
    case NEEDS_EC:
        return key == KEY_EC || key == KEY_ED25519;
    case NEEDS_RSA:
        return key == KEY_RSA;
    }
    return false;
}

enum tls_word tls_version_find(struct str word, enum tls_version *out)
{
    static const struct {
        struct str word;
        enum tls_word is;
        enum tls_version version;
    } words[] = {
            {S_INIT("TLSv1.2"), TLS_WORD_FOUND, TLS_1_2},
            {S_INIT("0x0303"), TLS_WORD_FOUND, TLS_1_2},
            {S_INIT("tls12"), TLS_WORD_FOUND, TLS_1_2},
            {S_INIT("TLSv1.3"), TLS_WORD_FOUND, TLS_1_3},
            {S_INIT("0x0304"), TLS_WORD_FOUND, TLS_1_3},
            {S_INIT("tls13"), TLS_WORD_FOUND, TLS_1_3},
            {S_INIT("TLSv1.1"), TLS_WORD_OBSOLETE, TLS_1_2},
            {S_INIT("0x0302"), TLS_WORD_OBSOLETE, TLS_1_2},
            {S_INIT("tls11"), TLS_WORD_OBSOLETE, TLS_1_2},
            {S_INIT("TLSv1.0"), TLS_WORD_OBSOLETE, TLS_1_2},
            {S_INIT("TLSv1"), TLS_WORD_OBSOLETE, TLS_1_2},
            {S_INIT("0x0301"), TLS_WORD_OBSOLETE, TLS_1_2},
            {S_INIT("tls10"), TLS_WORD_OBSOLETE, TLS_1_2},
            {S_INIT("SSLv3"), TLS_WORD_OBSOLETE, TLS_1_2},
            {S_INIT("SSLv2"), TLS_WORD_OBSOLETE, TLS_1_2},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!str_eq_nocase(word, words[i].word))
            continue;
        if (words[i].is == TLS_WORD_FOUND)
            *out = words[i].version;
        return words[i].is;
    }
    return TLS_WORD_UNKNOWN;
}

struct str tls_group_find(struct str word)
{
    for (size_t i = 0; i < COUNT_OF(GROUPS); i++)
        if (str_eq_nocase(word, GROUPS[i].word))
            return GROUPS[i].openssl;
    return STR_NULL;
}

bool tls_group_is_available(struct str openssl_name)
{
    struct arena a;
    arena_init(&a, KIB);
    union { // OpenSSL's macro wants a pointer to what it does not change
        const char *in;
        void *out;
    } name = {.in = arena_c_str(&a, openssl_name)};
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    bool available = name.in != NULL && context != NULL &&
                     SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, name.out) == 1;
    SSL_CTX_free(context);
    ERR_clear_error();
    arena_done(&a);
    return available;
}

struct err tls_offer_make(struct arena *a, const struct tls_words *words, struct tls_offer *out,
        struct tls_trouble *out_trouble)
{
    struct tls_offer o = {0};
    *out_trouble = (struct tls_trouble){.element = -1};
    TRY(versions_make(a, words, &o.versions, out_trouble));
    TRY(suites_make(a, words, &o, out_trouble));
    *out_trouble = (struct tls_trouble){TLS_KEY_CIPHERS, -1};
    TRY(versions_settle(a, &o));
    TRY(groups_make(a, words, &o, out_trouble));
    o.suites_13 = suite_text(a, &o, TLS_1_3);
    o.ciphers_12 = suite_text(a, &o, TLS_1_2);
    *out = o;
    return OK;
}

bool tls_offer_fits(const struct tls_offer *offer, enum key_type key)
{
    bool fits = (offer->versions & TLS_1_2) == 0;
    for (size_t i = 0; i < offer->suite_count; i++)
        fits = fits || (SUITES[offer->suites[i]].version == TLS_1_2 &&
                               tls_suite_fits(offer->suites[i], key));
    return fits;
}

struct str key_type_name(enum key_type type)
{
    switch (type) {
    case KEY_EC:
        return S("EC");
    case KEY_RSA:
        return S("RSA");
    case KEY_ED25519:
        return S("Ed25519");
    }
    return S("");
}

// protocols (or both) without disable-protocols
static struct err versions_make(
        struct arena *a, const struct tls_words *words, unsigned *out, struct tls_trouble *trouble)
{
    unsigned allowed = TLS_VERSIONS_BOTH, taken = 0;
    if (words->protocols.count > 0) {
        allowed = 0;
        trouble->key = TLS_KEY_PROTOCOLS;
        TRY(version_set(a, words->protocols, &allowed, trouble));
    }
    trouble->key = TLS_KEY_DISABLE_PROTOCOLS;
    TRY(version_set(a, words->disable_protocols, &taken, trouble));
    if ((allowed & ~taken) == 0)
        return fail(ERR_CONFIG, "no TLS version left");
    *out = allowed & ~taken;
    return OK;
}

static struct err version_set(
        struct arena *a, struct str_list list, unsigned *out, struct tls_trouble *trouble)
{
    for (size_t i = 0; i < list.count; i++) {
        enum tls_version version = TLS_1_2;
        trouble->element = (int)i;
        switch (tls_version_find(list.at[i], &version)) {
        case TLS_WORD_FOUND:
            *out |= version;
            break;
        case TLS_WORD_OBSOLETE:
            return fail_fmt(a, ERR_CONFIG,
                    "%.*s must not be used any more (RFC 8996); this server speaks TLSv1.2 and "
                    "TLSv1.3",
                    ARG(list.at[i]));
        case TLS_WORD_UNKNOWN:
            return fail_fmt(a, ERR_CONFIG,
                    "unknown TLS version \"%.*s\" (expected TLSv1.2 or TLSv1.3)", ARG(list.at[i]));
        }
    }
    trouble->element = -1;
    return OK;
}

// ciphers in their order (or all nine) without disable-ciphers
static struct err suites_make(struct arena *a, const struct tls_words *words, struct tls_offer *o,
        struct tls_trouble *trouble)
{
    enum tls_suite suite = SUITE_AES256_13;
    trouble->key = TLS_KEY_CIPHERS;
    for (size_t i = 0; i < words->ciphers.count; i++) {
        TRY(suite_at(a, words->ciphers.at[i], (int)i, &suite, trouble));
        suite_add(o, suite);
    }
    for (int i = 0; words->ciphers.count == 0 && i < SUITE_COUNT; i++)
        suite_add(o, (enum tls_suite)i);
    trouble->key = TLS_KEY_DISABLE_CIPHERS;
    for (size_t i = 0; i < words->disable_ciphers.count; i++) {
        TRY(suite_at(a, words->disable_ciphers.at[i], (int)i, &suite, trouble));
        suite_remove(o, suite);
    }
    return OK;
}

static struct err suite_at(
        struct arena *a, struct str word, int element, enum tls_suite *out, struct tls_trouble *t)
{
    t->element = element;
    if (!tls_suite_find(word, out))
        return fail_fmt(a, ERR_CONFIG,
                "unsupported TLS cipher suite \"%.*s\" (expected one of %.*s)", ARG(word),
                ARG(suite_names(a)));
    t->element = -1;
    return OK;
}

static struct str suite_names(struct arena *a)
{
    struct buf names AUTO(buf_done);
    buf_init(&names, CIPHER_TEXT_BYTES_MAX);
    for (int i = 0; i < SUITE_COUNT; i++) {
        buf_add(&names, i == 0 ? S("") : S(", "));
        buf_add(&names, SUITES[i].name);
    }
    return arena_str(a, buf_str(&names));
}

static void suite_add(struct tls_offer *o, enum tls_suite suite)
{
    for (size_t i = 0; i < o->suite_count; i++)
        if (o->suites[i] == suite)
            return;
    o->suites[o->suite_count++] = suite;
}

static void suite_remove(struct tls_offer *o, enum tls_suite suite)
{
    size_t kept = 0;
    for (size_t i = 0; i < o->suite_count; i++)
        if (o->suites[i] != suite)
            o->suites[kept++] = o->suites[i];
    o->suite_count = kept;
}

// A version that has lost its last suite goes, with a word about it; suites of no version go too.
static struct err versions_settle(struct arena *a, struct tls_offer *o)
{
    unsigned usable = 0;
    size_t kept = 0;
    for (size_t i = 0; i < o->suite_count; i++)
        usable |= SUITES[o->suites[i]].version;
    unsigned lost = o->versions & ~usable;
    o->versions &= usable;
    if (o->versions == 0)
        return fail(ERR_CONFIG, "no TLS version left: none of the cipher suites fits them");
    if (lost != 0)
        o->warning = arena_fmt(
                a, "TLS 1.%d is off: no cipher suite of it is left", lost == TLS_1_2 ? 2 : 3);
    for (size_t i = 0; i < o->suite_count; i++)
        if ((SUITES[o->suites[i]].version & o->versions) != 0)
            o->suites[kept++] = o->suites[i];
    o->suite_count = kept;
    return OK;
}

static struct str suite_text(struct arena *a, const struct tls_offer *o, enum tls_version version)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, CIPHER_TEXT_BYTES_MAX);
    for (size_t i = 0; i < o->suite_count; i++) {
        const struct suite_row *row = &SUITES[o->suites[i]];
        if (row->version != version)
            continue;
        buf_add(&text, text.len == 0 ? S("") : S(":"));
        buf_add(&text, row->openssl);
    }
    return arena_str(a, buf_str(&text));
}

// Of the default ones, those that the library has.
static struct err groups_make(struct arena *a, const struct tls_words *words, struct tls_offer *o,
        struct tls_trouble *trouble)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, CIPHER_TEXT_BYTES_MAX);
    size_t count = words->groups.count > 0 ? words->groups.count : GROUPS_BY_DEFAULT;
    for (size_t i = 0; i < count; i++) {
        struct str word = words->groups.count > 0 ? words->groups.at[i] : GROUPS[i].word;
        struct str name = tls_group_find(word);
        *trouble = (struct tls_trouble){TLS_KEY_GROUPS, (int)i};
        if (str_is_null(name))
            return fail_fmt(a, ERR_CONFIG, "unknown key exchange group \"%.*s\"", ARG(word));
        bool available = tls_group_is_available(name);
        if (!available && words->groups.count > 0)
            return fail_fmt(a, ERR_CONFIG, "this machine's OpenSSL does not have the group %.*s",
                    ARG(word));
        if (!available)
            continue;
        buf_add(&text, text.len == 0 ? S("") : S(":"));
        buf_add(&text, name);
    }
    *trouble = (struct tls_trouble){TLS_KEY_GROUPS, -1};
    o->groups = arena_str(a, buf_str(&text));
    return o->groups.len > 0 ? OK : fail(ERR_CONFIG, "no key exchange group left");
}
